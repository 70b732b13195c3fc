// The open conversation: it feeds the machine room with what happens, and does what that says.

import { batch, signal } from '/preact.js';
import { call, upload } from './api.js';
import { called, fileName, who } from './names.js';
import { Room } from './room/room.js';
import { problem } from './phrases.js';
import { link, relist, said, tell, tried } from './state.js';
import { day, text } from './texts.js';

export const open = signal(null); // the Conversation
export const view = signal(null); // of its room; what is written may be newer, see writing
export const writing = signal(null); // the composer of that view, but for its text, which the element has
export const members = signal([]); // of an open group
export const tray = signal([]); // files that go with the next message: {key, name, size, part, file, waits, read, end}
export const client = crypto.randomUUID(); // the name of this screen

let room = null, timer, keys = 0, touched = Date.now();
// latest is what was sent last, until its row is there: {text, id, next}, with the ID once the node has it. If it is wanted,
// it is edited then. next is what stood in the composer when the owner wanted to send more before the node had it.
let latest = null, wanted = false;
const READ_OUT = 300; // characters of a message
const queues = {}; // calls whose order matters, by what they are about

// queued makes calls of a kind one after the other.
function queued(kind, f) {
  queues[kind] = (queues[kind] ?? Promise.resolve()).then(f, f);
  return queues[kind];
}

// LIGHT are inputs that leave the rows as they are, unless something is loaded or marked read by them: as many come
// as keys are pressed.
const LIGHT = ['typed', 'saved', 'saveFailed', 'touch', 'woke'];

// ahead is the page before the oldest row, asked for before it is wanted: {before, coming}. CHANGES are inputs after
// which it may be out of date.
let ahead = null;
const CHANGES = ['leave', 'put', 'gone', 'reset'];

// give gives the machine an input, and does its effects.
export function give(name, value) {
  if (!room) return;
  const r = room, of = open.value;
  if (CHANGES.includes(name)) ahead = null;
  let light = LIGHT.includes(name) && !!view.value && !view.value.missing;
  for (const effect of r.do(Date.now(), name, value)) {
    const [[kind, what]] = Object.entries(effect);
    if (kind === 'load' || kind === 'markRead') light = false;
    effects[kind](what, r, of);
  }
  if (r !== room) return;
  const { text, ...now } = r.writes.view();
  batch(() => {
    if (!light) view.value = r.view();
    if (JSON.stringify(now) !== JSON.stringify(writing.value)) writing.value = now;
  });
  arrive();
}

// type gives the machine the text that the owner has written.
export function type(text) {
  wanted = false;
  give('typed', { text });
}

// arrive forgets what was sent last once its row is there, and edits it if that is wanted.
function arrive() {
  if (!latest?.id || !view.peek()?.rows.some(l => l.message.id === latest.id)) return;
  const { id } = latest, edits = wanted;
  forget(latest);
  if (edits) give('beginEdit', { id });
}

function forget(sent) {
  if (sent !== latest) return;
  latest = null;
  wanted = false;
}

// sentAsIs reports whether the composer has nothing but what is just being sent.
export const sentAsIs = () => !!latest && !latest.id && latest.text === written().text;

// editLast begins to edit the owner's last message: at once, or as soon as the row of what was just sent is there. It
// returns whether there is one.
export function editLast() {
  wanted = !!latest;
  if (wanted) return true;
  const mine = view.peek().rows.findLast(l => l.message.own && l.message.kind === 'text');
  if (mine) give('beginEdit', { id: mine.message.id });
  return !!mine;
}

// written is what stands in the composer.
export const written = () => room.writes.view();

// answer gives an answer to the room that asked. One that was left only takes how its sending has ended.
function answer(r, of, name, value) {
  if (r === room) give(name, value);
  else for (const effect of r.do(Date.now(), name, value)) if (effect.saveDraft) effects.saveDraft(effect.saveDraft, r, of);
}

const row = message => ({ message, day: day(message.t) });

const effects = {
  async load({ request, before, after, around, limit }, r, of) {
    const read = page => call('Messages/History', { who: who(of.with), ...page, limit, notices: true, waiting: true });
    try {
      const got = (before && before === ahead?.before && await ahead.coming) || await read({ before, after, around: around || undefined });
      const oldest = !after && got.moreBefore && got.messages[0].id;
      if (oldest && r === room) ahead = { before: oldest, coming: read({ before: oldest }).catch(() => null) };
      answer(r, of, 'loaded', { request, rows: (got.messages ?? []).map(row), moreBefore: got.moreBefore, moreAfter: got.moreAfter });
    } catch (e) {
      answer(r, of, 'loadFailed', { request, code: e.code });
    }
  },
  markRead: ({ ids }, r, of) => queued('mark', () => call('Messages/MarkRead', { ids }).catch(e => answer(r, of, 'markFailed', { ids, code: e.code }))),
  markBack: ({ id }, r, of) => queued('mark', () => tried('Conversations/MarkUnread', { who: who(of.with), id })),
  saveDraft: ({ request, text, replyTo, edits }, r, of) => queued('draft', async () => {
    try {
      const { revision } = await call('Conversations/SetDraft', { who: who(of.with), text, replyTo, edits });
      answer(r, of, 'saved', { request, revision });
    } catch {
      answer(r, of, 'saveFailed', { request });
    }
  }),
  send: ({ request, ...s }, r, of) => sends(request, r, of, 'Messages/Send', { ...s, to: who(of.with), draftRevision: s.draftRevision || undefined }),
  edit: ({ request, id, text }, r, of) => sends(request, r, of, 'Messages/Edit', { id, text }),
  setTyping: ({ typing }, r, of) => queued('typing', () => call('Attention/SetTyping', { who: who(of.with), typing }).catch(() => {})),
  attend: ({ focused }, r, of) => queued('attend', () => call('Attention/Attend', { client, who: who(of.with), focused }).catch(() => {})),
  wake({ at }) {
    clearTimeout(timer);
    if (at) timer = setTimeout(() => give('woke'), Math.max(0, at - Date.now()));
  },
};

function sends(request, r, of, method, s) {
  const sent = latest = { text: s.text };
  return queued('send', async () => {
    try {
      const now = await call(method, s);
      if (s.id) answer(r, of, 'put', { row: row(now) }); // of an edit this is the message
      sent.id = String(now.id);
      answer(r, of, 'sent', { request });
      if (r === room && !s.id) goOn(sent);
    } catch (e) {
      forget(sent);
      tell(problem(e), true);
      answer(r, of, 'sendFailed', { request });
    }
  });
}

// enter opens a conversation, and goes to a row of it if there is one.
export async function enter(c, id) {
  if (open.value?.conversation !== c.conversation) {
    leave();
    open.value = c;
    room = new Room();
    give('open', {
      firstUnread: c.firstUnread, unread: c.unread, draft: c.draft, edit: c.edit, touched, focus: document.hasFocus() ? 'yes' : 'no',
    });
    readMembers();
  }
  if (id) give('jumpTo', { id, select: true });
}

// goTo opens the conversation with somebody.
export async function goTo(whom, id) {
  const c = await tried('Conversations/GetConversation', { who: whom });
  if (c) enter(c, id);
  return c;
}

export function leave() {
  if (!room) return;
  give('leave');
  for (const f of tray.value) f.end();
  room = open.value = view.value = writing.value = null;
  forget(latest);
  members.value = tray.value = [];
}

// halt ends all that goes on by itself, without a call.
export function halt() {
  clearTimeout(timer);
  for (const f of tray.value) f.end();
  room = open.value = view.value = writing.value = null;
  forget(latest);
  members.value = tray.value = [];
}

async function readMembers() {
  const c = open.value;
  if (!c?.group?.role) return;
  try {
    const r = await call('Groups/Members', { group: who(c.with) });
    if (open.value?.conversation === c.conversation) members.value = r.members ?? [];
  } catch { /* it is read again when the group changes */ }
}

const isOpen = conversation => !!open.value && open.value.conversation === conversation;

// talk is what the stream of changes tells.
export const talk = {
  put(m, arrived) {
    if (!isOpen(m.conversation)) return;
    if (arrived && !m.own) said.value = `${called(m.from)}: ${String(m.text ?? '').slice(0, READ_OUT)}`;
    give('put', { row: row(m) });
    if (m.own && (m.state === 'queued' || m.state === 'carried') && !m.waiting) readWaiting(m); // the stream does not say for whom
  },
  gone(g) {
    if (!isOpen(g.conversation)) return;
    if (latest?.id === g.id) forget(latest);
    give('gone', { id: g.id });
  },
  async noticed(n) {
    if (!isOpen(n.group?.id)) return;
    give('reset');
    try {
      relist(await call('Conversations/GetConversation', { who: who(n.group) }));
    } catch { /* it is told again */ }
    readMembers();
  },
  group(g) {
    if (open.value?.group?.id !== g.id) return;
    open.value = { ...open.value, group: g };
    readMembers();
  },
  known(p) {
    if (open.value?.person?.person === p.person) open.value = { ...open.value, person: p };
    const is = m => m.person?.person === p.person;
    if (members.value.some(is)) members.value = members.value.map(m => (is(m) ? { ...m, person: p } : m));
  },
  person(p) {
    // In a group anybody may be named: by rows, quotes, reactions and notices.
    if (open.value && (!open.value.person || open.value.person.person === p.person)) give('reset');
  },
  conversation(c) {
    if (!isOpen(c.conversation)) return;
    open.value = c;
    give('counted', { unread: c.unread ?? 0 });
  },
  draft: d => isOpen(d.conversation) && give('draftChanged', d.draft ?? {}),
  reset: () => give('reset'),
  retry() {
    give('retry');
    for (const f of tray.value) if (f.waits) f.read();
  },
};

async function readWaiting(was) {
  const r = room;
  try {
    const { messages: [m] = [] } = await call('Messages/GetMessages', { ids: [was.id], waiting: true });
    if (m && r === room && view.value?.rows.some(l => l.message === was)) give('put', { row: row(m) });
  } catch { /* the row stays as it is */ }
}

const key = () => `${client}-${Date.now().toString(36)}-${++keys}`;

// submit sends what stands in the composer, with the files of the tray.
export async function submit() {
  if (link.value !== 'up') return;
  if (latest && !latest.id) {
    latest.next = written().text;
    return;
  }
  const files = tray.value;
  if (!files.length || written().edits) {
    give('submit', { key: key() });
    return;
  }
  if (files.some(f => !f.file)) return; // they are still being read
  const { text: words, replyTo } = written(), of = open.value, r = room, sent = latest = { text: words };
  tray.value = [];
  let told = null, lost = false; // lost: the node has the files no more, as after a new start
  try {
    told = await call('Messages/Send', { to: who(of.with), text: words, replyTo, key: key(), files: files.map(f => f.file) });
  } catch (e) {
    lost = e.code === 'no_file' && r === room;
    tell(lost ? text('filesAgain') : problem(e), true);
  }
  if (r !== room) return;
  if (!told) {
    forget(sent);
    tray.value = [...files, ...tray.value];
    if (lost) for (const f of files) f.read();
    return;
  }
  sent.id = String(told.id);
  const now = written().text; // more may have been typed
  give('typed', { text: now.startsWith(words) ? now.slice(words.length) : now });
  give('reply', { id: '' });
  give('toEnd');
  emptied.value++;
  goOn(sent);
}

// goOn sends what was to follow what was sent, unless the owner has gone on writing.
function goOn({ text, next }) {
  if (next?.startsWith(text) && next !== text && written().text === next.slice(text.length)) submit();
}

export const emptied = signal(0); // counts up when what stood in the composer was sent with files

// add takes files into the tray: {content, name, type, …flags}. A picture that can't be freed of what it tells is
// asked about.
export function add(files, ask) {
  for (const { content, ...about } of files) {
    const item = { key: crypto.randomUUID(), name: about.name, size: content.size, part: 0 };
    const change = change => { tray.value = tray.value.map(f => (f.key === item.key ? { ...f, ...change } : f)); };
    // read has the node take the file in, from its beginning.
    item.read = async () => {
      if (!tray.value.some(f => f.key === item.key)) return; // it was taken out
      const ending = new AbortController();
      change({ file: undefined, part: 0, waits: false, end: () => ending.abort() });
      try {
        const added = await upload(content, about, (n, of) => change({ part: of ? n / of : 0 }), ending.signal);
        change({ file: added.file, part: 1 });
      } catch (e) {
        if (ending.signal.aborted) return;
        if (e.code === '') change({ waits: true }); // until the node is back
        else if (e.code === 'picture' && !about.anyway && await ask(about.name)) {
          about.anyway = true;
          await item.read();
        } else {
          drop(item.key);
          tell(`${fileName(about.name)}: ${problem(e)}`, true);
        }
      }
    };
    tray.value = [...tray.value, item];
    item.read();
  }
}

export function drop(key) {
  tray.value.find(f => f.key === key)?.end();
  tray.value = tray.value.filter(f => f.key !== key);
}

// watch follows whether the owner looks at the page.
export function watch() {
  const touch = () => {
    touched = Date.now();
    give('touch');
  };
  for (const kind of ['keydown', 'pointerdown', 'wheel']) addEventListener(kind, touch, { passive: true, capture: true });
  addEventListener('focus', () => { touch(); give('focus', { here: true }); });
  addEventListener('blur', () => give('focus', { here: false }));
  document.addEventListener('visibilitychange', () => give('focus', { here: document.visibilityState === 'visible' && document.hasFocus() }));
  addEventListener('pagehide', () => give('focus', { here: false }));
}
