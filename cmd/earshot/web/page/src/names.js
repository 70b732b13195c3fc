// How people and groups are called on the page. A name that somebody has chosen for themselves, and nobody here has
// agreed to, stands in quotation marks, and with the beginning of their ID.

import { text } from './texts.js';

const BRIEF = 8; // digits of an ID beside a name that is marked as a claim anyway
const SHORT = 16; // digits by which somebody is recognised

const own = p => String(p?.petname || (p?.contact && p.knownAs) || '');

// called is the name of a person, an author or a peer.
export function called(p) {
  if (!p) return '';
  const name = own(p), id = String(p.person ?? '');
  if (name) return name;
  return p.name ? `“${p.name}” ${id.slice(0, BRIEF)}` : id.slice(0, SHORT);
}

// whole is the same where the owner decides something: with the ID unless it is a nickname, and with what they call
// themselves now if that is another name.
export function whole(p) {
  const name = own(p), id = String(p?.person ?? '').slice(0, SHORT);
  if (!p?.contact && !p?.petname) return `${p?.name ? `“${p.name}” ` : ''}(${text('notContact')} ${id})`;
  const now = p.pinned && p.name && p.name !== p.pinned && p.name !== p.knownAs ? `, ${text('nowCalled')} “${p.name}”` : '';
  return p.petname ? name + (now ? ` (${now.slice(2)})` : '') : `${name} (${p.verified ? text('verified') + ' ' : ''}${id}${now})`;
}

// group is the name of a group, from a target or a group.
export function group(g) {
  const id = String(g?.id ?? '');
  if (!g?.name) return `#${id.slice(0, BRIEF)}`;
  return `#${g.name}${g.alike ? ` (${id.slice(0, SHORT)})` : ''}`;
}

// titled is the name of a conversation.
export const titled = c => (c.with?.kind === 'group' ? group(c.with) : called(c.person ?? { person: c.with?.id, name: c.with?.name }));

// who is what to give a call for whom or what a target means, whatever names change.
export const who = t => (t?.kind === 'group' ? '#' : '') + String(t?.id ?? '');

// fileName is the name of a file, with what would not be seen, or would turn the letters around, written out: else a
// program could look like a picture.
const UNSEEN = /[\p{Cc}\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;
export const fileName = name => String(name ?? '').replace(UNSEEN, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

// initials are the letters on the picture of somebody.
export function initials(name) {
  const words = String(name).replace(/^[#“"]+/, '').replace(/”.*$/, '').split(/[\s._-]+/).filter(w => /[\p{L}\p{N}]/u.test(w));
  const letters = words.slice(0, 2).map(w => [...w.replace(/[^\p{L}\p{N}]/gu, '')][0] ?? '');
  return letters.join('').toLocaleUpperCase() || '?';
}

// hue is which of the colours somebody has, by their ID.
export const hue = id => (parseInt(String(id ?? '').slice(0, 4), 16) || 0) % 12;
