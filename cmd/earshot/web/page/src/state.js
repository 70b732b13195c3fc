// What the page knows: signals, which the views read, and what the node tells of changes. Who is in the open
// conversation, and what is written there, is in talk.js.

import { batch, signal } from '/preact.js';
import { call } from './api.js';
import { problem } from './phrases.js';

export const me = signal(null); // MeResponse
export const status = signal(null); // StatusResponse
export const conversations = signal([]); // in the order in which they are shown
export const archived = signal([]); // the archived ones, while they are asked for
export const requests = signal(0);
export const typing = signal({}); // persons, by the conversation in which they write
export const transfers = signal({}); // attachments on their way, by `ID/N`; own ones by `ID/N/PERSON`
export const link = signal('beginning'); // to the node: beginning, up, '' (gone), unknown (no session) or other
export const panel = signal(null); // what stands beside the conversation: {name, …}
export const dialog = signal(null); // what stands before all: {name, …}
export const note = signal(null); // a short word of the page: {text, bad}
export const mono = signal(new Set()); // IDs of messages that are shown in letters of one width
export const said = signal(''); // what is read out, by screen readers
export const trouble = signal(0); // counts up when lists of people have to be read again

let noted;
// tell shows a short word, and has it read out.
export function tell(text, bad = false) {
  clearTimeout(noted);
  note.value = { text, bad };
  noted = setTimeout(() => { note.value = null; }, bad ? 10_000 : 5000);
}

// tried makes a call, and tells what went wrong. It returns null then.
export async function tried(method, request) {
  try {
    return await call(method, request);
  } catch (e) {
    tell(problem(e), true);
    return null;
  }
}

export const muted = c => c.notify === 'none' || (!!c.mutedUntil && new Date(c.mutedUntil) > new Date());

// strange reports whether a conversation is with somebody who is no contact.
export const strange = c => !!c.person && !c.person.contact;

const kind = c => (c.pinned ? 0 : strange(c) ? 2 : 1);
export const lastOf = c => Number(c.last?.t ?? 0) || Date.parse(c.draft?.time ?? c.group?.joined ?? 0) || 0;
const order = (a, b) => kind(a) - kind(b) || lastOf(b) - lastOf(a);

// listable reports whether a conversation is in the list, by the rule of the node.
const listable = c => (c.last || c.draft || c.edit || c.group?.role) && !c.archived && !c.group?.hidden;

const told = new Set(); // arrays of [name, value] that are told while refresh reads: its answers may be older than that

// take puts in something that refresh reads too, as it is told.
function take(name, value) {
  for (const t of told) t.push([name, value]);
  parts[name](value);
}

export const relist = c => take('conversation', c);

// amend puts something else into the conversations that are meant.
export function amend(is, change) {
  if (conversations.value.some(is)) conversations.value = conversations.value.map(c => (is(c) ? { ...c, ...change(c) } : c));
}

const MOST = 1000; // conversations that one call gives
const FEW = 40; // that the first call asks for: so they are shown sooner

// refresh reads everything anew but the open conversation, and calls also when it is there.
export async function refresh(also = () => {}) {
  const meanwhile = [];
  told.add(meanwhile);
  try {
    await readAll(meanwhile, also);
  } finally {
    told.delete(meanwhile);
  }
}

// listed reads all conversations. soon is given the first of them, if there is one and these are not all.
async function listed(soon) {
  let all = [], more = true, limit = soon ? FEW : MOST;
  while (more) {
    const page = await call('Conversations/Conversations', { limit, after: all.at(-1)?.conversation });
    all = all.concat(page.conversations ?? []);
    more = page.more && page.conversations?.length;
    if (more) soon?.(all);
    limit = MOST;
    soon = null;
  }
  return all;
}

// kept is what was read anew, with the old objects of what is as before, or all of the old if nothing changed: so only
// what is another is drawn.
export function kept(old, now) {
  const by = new Map(old.map(c => [c.conversation, c])), text = JSON.stringify;
  const all = now.map(c => { const was = by.get(c.conversation); return was && text(was) === text(c) ? was : c; });
  return all.length === old.length && all.every((c, i) => c === old[i]) ? old : all;
}

async function readAll(meanwhile, also) {
  const about = Promise.all([call('Node/Me'), call('Node/Status')]);
  const put = async all => {
    const [settings, now] = await about;
    batch(() => {
      me.value = settings;
      status.value = now;
      requests.value = Number(now.requests) || 0;
      conversations.value = kept(conversations.value, all.toSorted(order));
      for (const [name, value] of meanwhile) parts[name](value);
      also();
    });
  };
  const soon = few => put(few).catch(() => {}); // it is told below
  const [all] = await Promise.all([listed(me.value ? null : soon), about]);
  await put(all);
}

let counting;
// count reads how things stand, and has lists of people read again, at most once a second.
function count() {
  counting ??= setTimeout(async () => {
    counting = null;
    try {
      const now = await call('Node/Status');
      status.value = { ...now, online: status.value?.online ?? now.online }; // which is told
      trouble.value++;
    } catch { /* the stream tells that the node is gone */ }
  }, 1000);
}

// changed takes an answer of the stream of changes; talk does what concerns the open conversation.
export function changed(answer, talk) {
  batch(() => {
    if (answer.reset) {
      refresh().catch(() => {});
      talk.reset();
    }
    for (const change of answer.changes ?? []) {
      const [[name, value]] = Object.entries(change);
      if (Object.hasOwn(parts, name)) take(name, value);
      if (Object.hasOwn(takes, name)) takes[name](value, talk);
    }
  });
}

const known = p => amend(c => c.person?.person === p.person, () => ({ person: p }));

// parts are what is told of what refresh reads: nothing but that is changed.
const parts = {
  group: g => amend(c => c.group?.id === g.id, () => ({ group: g })),
  person: known,
  presence: known,
  online(n) { if (status.value) status.value = { ...status.value, online: n }; },
  settings(m) { me.value = m; },
  requests(n) { requests.value = Number(n) || 0; },
  conversation(c) {
    const others = conversations.value.filter(o => o.conversation !== c.conversation);
    conversations.value = listable(c) ? [...others, c].sort(order) : others;
  },
  draft(d) {
    const draft = d.draft ?? {}, kept = draft.text || draft.replyTo ? draft : undefined;
    amend(c => c.conversation === d.conversation, () => (draft.edits ? { edit: kept } : { draft: kept }));
  },
};

// takes are what else a change is for.
const takes = {
  arrived: (m, talk) => talk.put(m, true),
  changed: (m, talk) => talk.put(m),
  gone: (g, talk) => talk.gone(g),
  notice: (n, talk) => talk.noticed(n),
  group(g, talk) {
    talk.group(g);
    trouble.value++;
  },
  person(p, talk) {
    talk.known(p);
    refresh().catch(() => {});
    talk.person(p);
    count();
  },
  presence(p, talk) {
    talk.known(p);
    count();
  },
  online: count,
  requests() { trouble.value++; },
  conversation: (c, talk) => talk.conversation(c),
  draft: (d, talk) => talk.draft(d),
  typing(t) {
    const { [t.conversation]: _, ...others } = typing.value;
    typing.value = t.persons?.length ? { ...others, [t.conversation]: t.persons } : others;
  },
};

// moved takes how far files have come.
export function moved({ transfers: all = [] }) {
  const next = { ...transfers.value };
  for (const t of all) {
    const key = `${t.id}/${t.attachment?.n}` + (t.own ? '/' + t.to?.person : '');
    const moves = t.own ? Number(t.rate) > 0 : ['fetching', 'paused'].includes(t.attachment?.state);
    if (moves) next[key] = t;
    else delete next[key];
  }
  transfers.value = next;
}

// narrow is whether the list and a conversation have no room beside each other.
export const narrow = () => !matchMedia('(min-width: 640px)').matches;
