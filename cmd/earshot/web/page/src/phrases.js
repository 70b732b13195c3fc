// What the node tells of messages, people and groups, in words: package phrase of the command line is the same for
// terminals. Each returns a list of strings and names, see say; of what is not known, as of a newer node, it says
// what the node says.

import { called, group } from './names.js';
import { html } from '/preact.js';
import { known, list, say, text, when } from './texts.js';

const bdi = name => html`<bdi>${String(name)}</bdi>`;
const MOST = 3; // names in a row

// some names a few of many.
export function some(names, others = 0) {
  const shown = names.slice(0, MOST), more = names.length - shown.length + others;
  return list(more > 0 ? [...shown, text('others', { n: more })] : shown);
}

const whom = n => some((n.whom ?? []).map((p, i) => (i === 0 && n.mine ? text('you') : called(p))), Number(n.others) || 0);

// historyBy says what of a group may be read, by texts: one for days, and others whose names begin so.
function historyBy(daysText, begin, history) {
  const days = /^(\d+)d$/.exec(history)?.[1];
  if (days) return text(daysText, { n: Number(days) });
  return known(begin + history) ? text(begin + history) : String(history);
}

// policy says what newcomers of a group may read; readable is the same in short, where it is said that it is about them.
export const policy = history => historyBy('policyDays', 'policy.', history);
export const readable = history => historyBy('readDays', 'read.', history);

// notice is something that has happened in a group.
export function notice(n = {}) {
  const kind = String(n.notice), by = n.own ? text('you') : n.by ? called(n.by) : '';
  const called_ = name => group({ ...n.group, name: name || n.group?.name });
  const values = {
    by: bdi(by), whom: bdi(whom(n)), group: bdi(called_(n.name)), was: bdi(called_(n.was)), text: bdi(n.text ?? ''),
    role: known('role.' + n.role) ? text('role.' + n.role) : String(n.role ?? ''), history: policy(n.history),
  };
  let key = 'notice.' + kind;
  if (kind === 'topic' && !n.text) key = 'notice.cleared';
  if (n.own && known(key + '.own')) key += '.own';
  else if (n.mine && known(key + '.mine') && !(n.whom?.length > 1 || n.others)) key += '.mine';
  else if (!by && known(key + '.nobody')) key += '.nobody';
  return known(key) ? say(key, values) : say('notice.other', values);
}

// waiting says why a message waits for somebody.
export function waiting(q) {
  const why = String(q.waitingFor);
  if (why === 'offline' && q.lastSeen) return text('waits.since', { when: when(q.lastSeen) });
  for (const key of [`waits.${why}.${q.reason}`, 'waits.' + why]) {
    if (known(key)) return text(key, { error: String(q.error ?? '') });
  }
  return `${why}: ${q.reason ?? ''}`;
}

const SIGNS = { queued: '◷', carried: '→', delivered: '✓', read: '✓✓', cancelled: '×', undelivered: '×' };

// state is how far an own message has come: a sign, and a word beside it.
export function state(m) {
  const sign = SIGNS[m.state] ?? '';
  let key = 'state.' + m.state;
  if (known(`${key}.${m.reason}`)) key += '.' + m.reason;
  const first = m.waiting?.first;
  if (first && (m.state === 'queued' || m.state === 'carried')) {
    const others = Number(m.waiting.others) || 0;
    const said = say('waitingFor', { who: bdi(called(first.person ?? { person: first.to?.id })), why: waiting(first) });
    return [sign + ' ', ...said, others ? ' ' + text('andMore', { n: others }) : ''];
  }
  return [`${sign} ${known(key) ? text(key) : m.state ?? ''}`];
}

// standing is where somebody is: [a class for the sign, words].
export function standing(p) {
  if (p?.blocked) return ['blocked', text('blocked')];
  if (p?.online) return p.away ? ['away', text('away')] : ['here', text('here')];
  return ['off', p?.lastSeen ? text('offSince', { when: when(p.lastSeen) }) : text('notHere')];
}

// problem says what went wrong.
export function problem(e) {
  const code = String(e?.code ?? 'internal');
  if (e?.code === undefined) console.error(e);
  if (code === 'name' && e.detail?.character) return text('problem.character', { character: String(e.detail.character) });
  return text(known('problem.' + code) ? 'problem.' + code : 'problem.internal', { code });
}

// fileState says what has become of an attachment here, and why.
export function fileState(a) {
  const part = `${Math.floor((Number(a.had) || 0) / Math.max(1, Number(a.size) || 1) * 100)} %`;
  for (const key of [`file.${a.state}.${a.reason}`, 'file.' + a.state]) if (known(key)) return text(key, { part });
  return String(a.state ?? '');
}
