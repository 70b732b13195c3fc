// What the node tells, once for all tabs of this browser: the tab that has the lock reads the streams, and passes on
// what comes to the others. When it is closed, another one goes on.

import { onLost, stream } from './api.js';
import { doubt, proven, resume } from './session.js';
import { changed, link, moved, refresh, transfers, typing } from './state.js';
import { client, halt, talk } from './talk.js';

const KINDS = ['arrived', 'changed', 'gone', 'notice', 'group', 'person', 'settings', 'requests', 'conversation', 'draft', 'typing', 'presence', 'online'];
const FIRST_WAIT = 500, LONGEST_WAIT = 8000; // ms before another try
const OVER = ['unknown', 'other']; // states of the link after which this page does nothing more, until it is loaded again

const channel = new BroadcastChannel('earshot');
let cursor; // up to which everything was told
let leading = false;
let ending = new AbortController(); // ends the streams
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

function take({ changes, transfers: all, now, offers, doubts }) {
  if (OVER.includes(link.value)) return;
  if (offers && leading) offer();
  if (doubts && leading) ending.abort();
  if (changes) {
    cursor = changes.cursor ?? cursor;
    changed(changes, talk);
  }
  if (all) moved(all);
  if (now !== undefined) (leading ? state : follow)(now);
}

// follow takes how the link is from the tab that reads the streams.
async function follow(now) {
  if (link.value === 'beginning') return; // this page finds out by itself
  if (now === '') doubt();
  if (now !== 'up' || proven()) {
    state(now);
    return;
  }
  const answered = await resume();
  if (answered === '') channel.postMessage({ doubts: true });
  state(answered === 'ok' ? 'up' : answered);
}

// over ends what this page does, since the owner has ended the session.
export const over = () => state('unknown');

// state takes how the link to the node is. When it is up again, what failed is tried again.
async function state(now) {
  if (link.value === now || OVER.includes(link.value)) return;
  const again = link.value === '';
  link.value = now;
  if (OVER.includes(now)) {
    doubt();
    ending.abort();
    halt();
  }
  if (!again || now !== 'up') return;
  transfers.value = typing.value = {}; // what moves and who writes is told anew
  await refresh().catch(() => {}); // if the node is gone, the stream breaks off too, and begins again
  if (link.value === 'up') talk.retry();
}

function pass(what) {
  take(what);
  channel.postMessage(what);
}

// lead reads the streams as long as this tab is open.
async function lead() {
  leading = true;
  let wait = FIRST_WAIT;
  while (!OVER.includes(link.value)) {
    ending = new AbortController();
    const { signal } = ending;
    let begun = Infinity;
    try {
      const answered = await resume();
      if (answered !== 'ok') {
        pass({ now: answered });
        if (answered !== '') return;
        throw new Error('gone');
      }
      const beside = (method, request, name) => (async () => {
        for await (const answer of stream(method, request, signal)) name(answer);
      })().catch(() => ending.abort());
      for await (const answer of first(stream('Journal/Changes', { after: cursor, kinds: KINDS }, signal), () => {
        beside('Files/Transfers', {}, all => pass({ transfers: all }));
        offering = () => beside('Attention/Alerts', { client, kind: 'page' }, a => alert(a));
        if (globalThis.Notification?.permission === 'granted') offer();
        begun = Date.now();
        if (!cursor) pass({ changes: { reset: true } }); // something may have changed since it was read, in any tab
        pass({ now: 'up' });
      })) pass({ changes: answer });
    } catch { /* below */ }
    ending.abort();
    doubt();
    pass({ now: '' });
    if (Date.now() - begun > LONGEST_WAIT) { // it is asked at once what has become of it
      wait = FIRST_WAIT;
      continue;
    }
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
  onLost(() => {
    if (leading) ending.abort();
    else channel.postMessage({ doubts: true });
    state('');
  });
  navigator.locks.request('earshot', () => lead());
  if (link.value === '') channel.postMessage({ doubts: true });
  addEventListener('online', () => link.value === '' && !leading && follow('up'));
}
