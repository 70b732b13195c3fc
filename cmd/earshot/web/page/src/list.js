// The conversations, and the way to everything else.

import { html, useEffect, useState } from '/preact.js';
import { called, fileName, titled } from './names.js';
import { notice, standing } from './phrases.js';
import { archived, conversations, dialog, link, me, muted, panel, requests, status, strange, tried, typing } from './state.js';
import { enter, leave, open } from './talk.js';
import { brief, text } from './texts.js';
import { Avatar, differs, Tool } from './ui.js';

export const MANY = 1000; // unread messages: so many or more

const LEAST = 50; // pixels that a conversation is high at least: the first frame has as many as the window shows
const STEP = 20; // conversations that each frame after it adds

// last is what was said last, in short. names are of those who write there now.
function last(c, names, current) {
  if (names?.length) return html`<em>${text('typing', { who: names.map(called).join(', '), n: names.length })}</em>`;
  const m = c.last;
  const draft = String(c.draft?.text || c.edit?.text || '').trim();
  if (draft && !current) return html`<em>${text('draft')}:</em> <bdi>${draft.slice(0, 120)}</bdi>`;
  if (!m) return '';
  if (m.kind === 'notice') return notice(m.notice);
  const said = m.kind === 'recalled' ? text('takenBack') : m.text || fileName(m.attachments?.[0]?.name);
  const by = m.own ? text('you') + ': ' : c.group ? called(m.from) + ': ' : '';
  return html`${by}<bdi>${String(said).slice(0, 120)}</bdi>`;
}

function marks(c, quiet) {
  const unread = Number(c.unread) || 0;
  return html`<span class="marks">
    ${quiet && html`<small>${text('muted')}</small>`}
    ${c.waiting && html`<small title=${text('waitsLong')}>${text('waits')}</small>`}
    ${Number(c.mentions) > 0 && html`<b class="at" title=${text('mentionsYou')}>@</b>`}
    ${unread > 0 && html`<b class=${quiet ? 'count dim' : 'count'}><span class="out">${text('unread')} </span>${unread >= MANY ? '1000+' : unread}</b>`}
  </span>`;
}

// Item is drawn anew only when what it shows is another. It reads no signal: what it shows is given to it, and
// which day it is.
function Item({ c, current, names, quiet }) {
  this.shouldComponentUpdate = differs;
  const name = titled(c), [sign, where] = c.person ? standing(c.person) : [];
  return html`<li><button type="button" class=${'item' + (c.unread ? ' unread' : '')} aria-current=${current ? 'true' : undefined} onClick=${() => go(c)}>
    <${Avatar} id=${c.with?.id} name=${name} sign=${sign} />
    <span class="what">
      <span class="first"><bdi class="name">${name}</bdi>${where && html`<span class="out">${where}</span>`}<time>${brief(c.last?.t)}</time></span>
      <span class="second"><span class="last">${last(c, names, current)}</span>${marks(c, quiet)}</span>
    </span></button></li>`;
}

// Items are conversations, so many of them at most.
const Items = ({ all, most }) => html`<ul>${all.slice(0, Math.max(0, most)).map(c => html`<${Item} key=${c.conversation} c=${c}
  current=${c.conversation === open.value?.conversation} names=${typing.value[c.conversation]} quiet=${muted(c)}
  today=${new Date().getDate()} />`)}</ul>`;

// go opens a conversation as the owner asks for it. The composer takes the focus.
export async function go(c) {
  if (c.conversation === open.value?.conversation) {
    document.querySelector('#write')?.focus();
    return;
  }
  await enter(c);
  if (matchMedia('(max-width: 999px)').matches) panel.value = null;
}

// Alone is said where nobody is here yet.
const Alone = () => html`<div class="alone"><h3>${text('alone')}</h3><p>${text('aloneLong')}</p><p>${text('aloneDoctor')}</p>
  <button type="button" onClick=${() => { panel.value = { name: 'doctor' }; }}>${text('examine')}</button></div>`;

// unwritten reports whether the owner is to be reminded of the recovery words: once they have a contact, and have not put
// it off.
const unwritten = () => me.value?.recoveryKept && status.value?.known > 0 && !(new Date(me.value.recoveryLater) > new Date());

// Tools leads to everything else.
const Tools = ({ shows }) => html`<footer>
  <${Tool} icon="gear" label=${text('settings')} onClick=${shows('settings')} />
  <${Tool} icon="file" label=${text('files')} onClick=${shows('files')} />
  <${Tool} icon="send" label=${text('outbox')} onClick=${shows('outbox')} />
  <${Tool} icon="help" label=${text('help')} onClick=${shows('help')} />
  <button type="button" class="link" onClick=${() => tried('Conversations/MarkAllRead').then(r => r && leaveUnread())}>${text('allRead')}</button>
</footer>`;

export function List() {
  const here = Number(status.value?.online) || 0, all = conversations.value;
  const known = all.filter(c => !strange(c) || c.pinned), others = all.filter(c => strange(c) && !c.pinned);
  const shows = name => () => { panel.value = panel.value?.name === name ? null : { name }; };
  const count = all.length + archived.value.length, [most, show] = useState(Math.ceil(innerHeight / LEAST));
  useEffect(() => { if (most < count) show(most + STEP); }, [most, count]); // once what stands was painted
  return html`<nav class="list" aria-label=${text('conversations')}>
    <header class="bar">
      <button type="button" class="mine" onClick=${shows('settings')} title=${text('settings')}>
        <${Avatar} id=${me.value?.person} name=${me.value?.name || '?'} sign=${link.value === 'up' ? 'here' : 'off'} />
        <span><bdi class="name">${me.value?.name || text('noName')}</bdi><small>${text('hereCount', { n: here })}</small></span></button>
      <${Tool} icon="search" label=${text('search')} onClick=${shows('search')} />
      <${Tool} icon="people" label=${text('people')} onClick=${shows('people')} />
      <${Tool} icon="plus" label=${text('write')} onClick=${() => { dialog.value = { name: 'start' }; }} />
    </header>
    <div class="scroll" tabindex="-1">
      ${requests.value > 0 && html`<button type="button" class="asks" onClick=${shows('requests')}>${text('asksCount', { n: requests.value })}</button>`}
      ${unwritten() && html`<button type="button" class="link" onClick=${() => { dialog.value = { name: 'recovery' }; }}>${text('recoveryAsk')}</button>`}
      ${all.length ? html`<${Items} all=${known} most=${most} />`
        : here < 1 && link.value === 'up' ? html`<${Alone} />` : html`<p class="hint">${text('noTalk')}</p>`}
      ${others.length > 0 && html`<h3>${text('notContacts')}</h3><${Items} all=${others} most=${most - known.length} />`}
      ${archived.value.length > 0 && html`<h3>${text('archivedOnes')}</h3><${Items} all=${archived.value} most=${most - all.length} />`}
    </div><${Tools} shows=${shows} /></nav>`;
}

// leaveUnread has the open conversation read anew, as all of it is read now.
function leaveUnread() {
  const c = open.value;
  if (!c) return;
  leave();
  enter({ ...c, unread: 0, firstUnread: '' });
}
