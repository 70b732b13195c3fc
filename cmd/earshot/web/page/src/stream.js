// What the node tells, once for all tabs of this browser: the tab that has the lock reads the streams, and passes on
// what comes to the others. When it is closed, another one goes on.

import { onLost, stream } from './api.js';
import { forget, resume } from './session.js';
import { changed, link, moved, refresh, transfers, typing } from './state.js';
import { client, talk } from './talk.js';

const KINDS = ['arrived', 'changed', 'gone', 'notice', 'group', 'person', 'settings', 'requests', 'conversation', 'draft', 'typing', 'presence'];
const FIRST_WAIT = 500, LONGEST_WAIT = 8000; // ms before another try

const channel = new BroadcastChannel('earshot');
let cursor; // up to which everything was told
let leading = false;
let alert = () => {};

// onAlert is told of notifications to show, in the tab that reads the streams.
export const onAlert = f => { alert = f; };

let offering; // begins to offer notifications; null where that is not to be done by this tab, or was done

// offer has the tab that reads the streams offer to show notifications, now that the browser lets it.
export function offer() {
  if (leading) offering?.();
  else channel.postMessage({ offers: true });
  offering = null;
}

const sleep = ms => new Promise(done => setTimeout(done, ms));

function take({ changes, transfers: all, now, offers }) {
  if (offers && leading) offer();
  if (changes) {
    cursor = changes.cursor ?? cursor;
    changed(changes, talk);
  }
  if (all) moved(all);
  if (now !== undefined) state(now);
}

// state takes how the link to the node is. When it is up again, what failed is tried again.
async function state(now) {
  if (link.value === now) return;
  const again = link.value === '';
  link.value = now;
  if (!again || now !== 'up') return;
  transfers.value = typing.value = {}; // what moves and who writes is told anew
  try {
    await refresh();
    talk.retry();
  } catch { /* the stream breaks off too, and begins again */ }
}

function pass(what) {
  take(what);
  channel.postMessage(what);
}

// lead reads the streams as long as this tab is open.
async function lead() {
  leading = true;
  let wait = FIRST_WAIT;
  for (;;) {
    const ending = new AbortController();
    try {
      const proven = await resume();
      if (proven !== 'ok') {
        pass({ now: proven });
        if (proven !== '') return;
        throw new Error('gone');
      }
      const beside = (method, request, name) => (async () => {
        for await (const answer of stream(method, request, ending.signal)) name(answer);
      })().catch(() => ending.abort());
      for await (const answer of first(stream('Journal/Changes', { after: cursor, kinds: KINDS }, ending.signal), () => {
        beside('Files/Transfers', {}, all => pass({ transfers: all }));
        offering = () => beside('Attention/Alerts', { client, kind: 'page' }, a => alert(a));
        if (globalThis.Notification?.permission === 'granted') offer();
        wait = FIRST_WAIT;
        if (!cursor) refresh().catch(() => {}); // something may have changed between what was read and this
        pass({ now: 'up' });
      })) pass({ changes: answer });
    } catch { /* below */ }
    ending.abort();
    pass({ now: '' });
    await sleep(wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

// first calls f once the first value is there, before that.
async function* first(values, f) {
  let began = false;
  for await (const value of values) {
    if (!began) f();
    began = true;
    yield value;
  }
}

// listen takes what another tab passes on, from now on.
export function listen() { channel.onmessage = e => take(e.data); }

export function begin() {
  onLost(why => {
    if (why !== 'unknown') return;
    forget();
    state(why);
  });
  navigator.locks.request('earshot', () => lead());
  addEventListener('online', () => link.value === '' && resume().then(p => p === 'ok' && !leading && state('up')));
}
