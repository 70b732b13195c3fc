// The conversations, and the way to everything else.

import { html } from '/preact.js';
import { called, titled } from './names.js';
import { notice, standing } from './phrases.js';
import { archived, conversations, dialog, link, me, muted, panel, requests, status, strange, tried, typing } from './state.js';
import { enter, leave, open } from './talk.js';
import { brief, text } from './texts.js';
import { Avatar, Tool } from './ui.js';

export const MANY = 1000; // unread messages: so many or more

// last is what was said last, in short.
function last(c) {
  const names = typing.value[c.conversation];
  if (names?.length) return html`<em>${text('typing', { who: names.map(called).join(', '), n: names.length })}</em>`;
  const m = c.last;
  const draft = String(c.draft?.text || c.edit?.text || '').trim();
  if (draft && open.value?.conversation !== c.conversation) return html`<em>${text('draft')}:</em> <bdi>${draft.slice(0, 120)}</bdi>`;
  if (!m) return '';
  if (m.kind === 'notice') return notice(m.notice);
  const said = m.kind === 'recalled' ? text('takenBack') : m.text || m.attachments?.[0]?.name || '';
  const by = m.own ? text('you') + ': ' : c.group ? called(m.from) + ': ' : '';
  return html`${by}<bdi>${String(said).slice(0, 120)}</bdi>`;
}

function Marks({ c }) {
  const unread = Number(c.unread) || 0, mentions = Number(c.mentions) || 0;
  return html`<span class="marks">${muted(c) && html`<small>${text('muted')}</small>`}${c.waiting && html`<small title=${text('waitsLong')}>${text('waits')}</small>`}${
    mentions > 0 && html`<b class="at" title=${text('mentionsYou')}>@</b>`}${unread > 0 && html`<b class=${muted(c) ? 'count dim' : 'count'}><span class="out">${text('unread')} </span>${
    unread >= MANY ? '1000+' : unread}</b>`}</span>`;
}

function Item({ c }) {
  const name = titled(c), current = open.value?.conversation === c.conversation;
  const [sign, where] = c.person ? standing(c.person) : [];
  return html`<li><button type="button" class=${'item' + (c.unread ? ' unread' : '')} aria-current=${current ? 'true' : undefined} onClick=${() => go(c)}>
    <${Avatar} id=${c.with?.id} name=${name} sign=${sign} />
    <span class="what"><span class="first"><bdi class="name">${name}</bdi>${where && html`<span class="out">${where}</span>`}<time>${brief(c.last?.t)}</time></span>
    <span class="second"><span class="last">${last(c)}</span><${Marks} c=${c} /></span></span></button></li>`;
}

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

export function List() {
  const here = Number(status.value?.online) || 0, all = conversations.value;
  const known = all.filter(c => !strange(c) || c.pinned), others = all.filter(c => strange(c) && !c.pinned);
  const shows = name => () => { panel.value = panel.value?.name === name ? null : { name }; };
  return html`<nav class="list" aria-label=${text('conversations')}>
    <header class="bar"><button type="button" class="mine" onClick=${shows('settings')} title=${text('settings')}><${Avatar} id=${me.value?.person} name=${me.value?.name || '?'}
      sign=${link.value === 'up' ? 'here' : 'off'} /><span><bdi class="name">${me.value?.name || text('noName')}</bdi><small>${text('hereCount', { n: here })}</small></span></button>
      <${Tool} icon="search" label=${text('search')} onClick=${shows('search')} /><${Tool} icon="people" label=${text('people')} onClick=${shows('people')} />
      <${Tool} icon="plus" label=${text('write')} onClick=${() => { dialog.value = { name: 'start' }; }} /></header>
    <div class="scroll" tabindex="-1">
    ${requests.value > 0 && html`<button type="button" class="asks" onClick=${shows('requests')}>${text('asksCount', { n: requests.value })}</button>`}
    ${unwritten() && html`<button type="button" class="link" onClick=${() => { dialog.value = { name: 'recovery' }; }}>${text('recoveryAsk')}</button>`}
    ${all.length ? html`<ul>${known.map(c => html`<${Item} key=${c.conversation} c=${c} />`)}</ul>` : here < 1 && link.value === 'up' ? html`<${Alone} />` : html`<p class="hint">${text('noTalk')}</p>`}
    ${others.length > 0 && html`<h3>${text('notContacts')}</h3><ul>${others.map(c => html`<${Item} key=${c.conversation} c=${c} />`)}</ul>`}
    ${archived.value.length > 0 && html`<h3>${text('archivedOnes')}</h3><ul>${archived.value.map(c => html`<${Item} key=${c.conversation} c=${c} />`)}</ul>`}
    </div>
    <footer><${Tool} icon="gear" label=${text('settings')} onClick=${shows('settings')} /><${Tool} icon="file" label=${text('files')} onClick=${shows('files')} />
      <${Tool} icon="send" label=${text('outbox')} onClick=${shows('outbox')} /><${Tool} icon="help" label=${text('help')} onClick=${shows('help')} />
      <button type="button" class="link" onClick=${() => tried('Conversations/MarkAllRead').then(r => r && leaveUnread())}>${text('allRead')}</button></footer></nav>`;
}

// leaveUnread has the open conversation read anew, as all of it is read now.
function leaveUnread() {
  const c = open.value;
  if (!c) return;
  leave();
  enter({ ...c, unread: 0, firstUnread: '' });
}
