// Plays vectors of cmd/earshot/room/testdata, which its README describes, and returns what is otherwise than
// they say.

import { Room } from '/src/room/room.js';

// many are the rows for which {from, to, unread, own} stands.
const many = ({ from, to, unread, own }) => Array.from({ length: to - from + 1 }, (_, i) => {
  const n = from + i;
  return {
    message: { id: 'm' + String(n).padStart(4, '0'), t: String(n * 1000), kind: 'text', text: String(n), unread, own },
    day: `day ${Math.floor((n - 1) / 50) + 1}`,
  };
});

// some is a value without what is empty, but for some members.
function some(value, but = []) {
  return Object.fromEntries(Object.entries(value).filter(([k, v]) => but.includes(k) || (v && !(Array.isArray(v) && !v.length))));
}

function shownRows(lines) {
  const out = [];
  let plain = 0;
  lines.forEach((l, i) => {
    const m = l.message;
    let text = m.id;
    if (m.kind !== 'text') text += ` (${m.kind || ''})`;
    if (m.text && m.text !== m.id.replace(/^m0*/, '')) text += ' ' + m.text;
    if (l.date) out.push('-- ' + l.date);
    if (l.count) out.push('-- new: ' + l.count);
    if (l.date || l.count || text !== m.id || i === 0) plain = 0;
    plain = text === m.id ? plain + 1 : 0;
    if (plain < 3) out.push(text);
    else if (plain === 3) out.splice(-1, 1, '...', text);
    else out[out.length - 1] = text;
  });
  return out;
}

const shownView = v => some({
  ...v, rows: shownRows(v.rows), place: some(v.place), composer: some(v.composer, ['text', 'sets']),
}, ['rows', 'place', 'composer']);

// same is a value as text, whatever the order of its members.
const same = v => JSON.stringify(v, (_, x) => (x && typeof x === 'object' && !Array.isArray(x)
  ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1))) : x));

// inputs are the values for which the one of a step stands.
function inputs(name, value) {
  if (name === 'gone' && value.to) return many(value).map(row => ({ id: row.message.id }));
  return [value.rows ? { ...value, rows: value.rows.flatMap(r => (r.from ? many(r) : [r])) } : { ...value }];
}

export function play({ steps }) {
  const room = new Room(), wrong = [];
  let last = '';
  steps.forEach((s, i) => {
    const [[name, value]] = Object.entries(s.in);
    const kept = { wake: ['at'], attend: ['focused'], setTyping: ['typing'] };
    const effects = inputs(name, value).flatMap(given => room.do(s.at, name, given)).map(e => {
      const [[k, v]] = Object.entries(e);
      return { [k]: some(v, [...(kept[k] ?? []), 'key']) };
    });
    const view = same(shownView(room.view()));
    const wantEffects = (s.effects ?? []).map(e => { const [[k, v]] = Object.entries(e); return { [k]: k === 'send' ? { key: '', ...v } : v }; });
    const wantView = s.view ? same(s.view) : last;
    if (same(effects) !== same(wantEffects)) wrong.push(`step ${i}, ${same(s.in)}: effects\n${same(effects)}\nwant\n${same(wantEffects)}`);
    if (view !== wantView) wrong.push(`step ${i}, ${same(s.in)}: view\n${view}\nwant\n${wantView}`);
    last = view;
  });
  return wrong;
}
