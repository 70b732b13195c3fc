// What is known of the open conversation, and what can be set there; and of one message.

import { html, useState } from '/preact.js';
import { call } from './api.js';
import { called, fileName, group, who, whole } from './names.js';
import { fileState, notice, policy, problem, readable, waiting } from './phrases.js';
import { accept, block, forget, nick, Person, unblock, useRead } from './people.js';
import { dialog, me, muted, panel, relist, tell, tried } from './state.js';
import { goTo, leave, members, open } from './talk.js';
import { known, text, when } from './texts.js';
import { ask, Avatar, confirm, Panel } from './ui.js';

const HOUR = 3_600_000;

async function set(c, change) {
  const now = await tried('Conversations/SetConversation', { who: who(c.with), ...change });
  if (!now) return;
  relist(now);
  if (open.value?.conversation === now.conversation) open.value = now;
}

const Choice = ({ label, value, options, onChange }) => html`<label class="choice"><span>${label}</span><select value=${value} onChange=${e => onChange(e.target.value)}>${
  options.map(([v, name]) => html`<option key=${v} value=${v} selected=${v === value}>${name}</option>`)}</select></label>`;

function Settings({ c }) {
  const until = c.mutedUntil && new Date(c.mutedUntil) > new Date() ? text('mutedUntil', { when: when(c.mutedUntil) }) : '';
  return html`<h3>${text('settings')}</h3>
    <${Choice} label=${text('notify')} value=${c.notify} options=${[['all', text('notify.all')], ['mentions', text('notify.mentions')], ['none', text('notify.none')]]} onChange=${notify => set(c, { notify })} />
    <div class="buttons">${[[1, 'mute1'], [8, 'mute8'], [24 * 7, 'muteWeek']].map(([hours, name]) => html`<button type="button" key=${name}
      onClick=${() => set(c, { mutedUntil: new Date(Date.now() + hours * HOUR).toISOString() })}>${text(name)}</button>`)}
      ${muted(c) && c.mutedUntil && html`<button type="button" onClick=${() => set(c, { mutedUntil: new Date(0).toISOString() })}>${text('unmute')}</button>`}</div>
    ${until && html`<p class="quiet">${until}</p>`}
    <div class="buttons"><button type="button" aria-pressed=${!!c.pinned} onClick=${() => set(c, { pinned: !c.pinned })}>${text(c.pinned ? 'unpin' : 'pin')}</button>
      <button type="button" aria-pressed=${!!c.archived} onClick=${() => set(c, { archived: !c.archived })}>${text(c.archived ? 'unarchive' : 'archive')}</button>
      <button type="button" onClick=${() => { panel.value = { name: 'files', inside: who(c.with) }; }}>${text('files')}</button></div>`;
}

function OfPerson({ p }) {
  return html`<h3><bdi>${whole(p)}</bdi></h3>
    <p class="quiet">${text(p.verified ? 'isVerified' : p.contact ? 'isContact' : 'newcomer')}</p>
    <div class="buttons">${!p.contact && html`<button type="button" class="main" onClick=${() => accept(p)}>${text('accept')}</button>`}
      <button type="button" onClick=${() => { dialog.value = { name: 'words', person: p }; }}>${text('compare')}</button>
      ${p.contact && html`<button type="button" onClick=${() => nick(p)}>${text('nickname')}</button>`}
      ${p.blocked ? html`<button type="button" onClick=${() => unblock(p)}>${text('unblock')}</button>` : html`<button type="button" onClick=${() => block(p)}>${text('block')}</button>`}
      ${p.contact && html`<button type="button" onClick=${() => forget(p)}>${text('forget')}</button>`}</div>`;
}

const roleOf = role => (known('role.' + role) ? text('role.' + role) : String(role ?? ''));

async function rename(c) {
  const name = await ask({ title: text('askGroup'), input: c.group.name ?? '', yes: text('save_') });
  if (!name) return;
  try {
    await call('Groups/RenameGroup', { group: who(c.with), name });
  } catch (e) {
    if (e.code === 'name_taken' && await confirm(text('nameAnyway', { name }), text('goOn'))) await tried('Groups/RenameGroup', { group: who(c.with), name, anyway: true });
    else tell(problem(e), true);
  }
}

function OfGroup({ c }) {
  const g = c.group, may = g.role === 'owner' || g.role === 'admin', of = who(c.with);
  const topic = async () => {
    const topic = await ask({ title: text('askTopic'), input: g.topic ?? '', yes: text('save_') });
    if (topic !== null) tried('Groups/SetTopic', { group: of, topic });
  };
  const invite = () => { dialog.value = { name: 'pick', title: text('invite'), yes: text('invite'), people: true, done: all => tried('Groups/Invite', { group: of, who: all }) }; };
  const remove = async p => await confirm(text('removeAsk', { who: whole(p) }), text('remove')) && tried('Groups/RemoveMember', { group: of, who: p.person });
  const out = async () => await confirm(text('leaveAsk', { group: group(g) }), text('leave')) && await tried('Groups/Leave', { group: of });
  const hide = async () => await tried('Groups/Hide', { group: of, hidden: true }) && leave();
  return html`<h3><bdi>${group(g)}</bdi></h3>${g.topic && html`<p class="text" dir="auto">${String(g.topic)}</p>`}
    <p class="quiet">${g.role ? text('youAre', { role: roleOf(g.role) }) : text('out')}${g.invitedBy && ' · ' + text('invitedBy', { who: called(g.invitedBy) })} · ${policy(g.history)}</p>
    ${g.frozen && html`<p class="warning">${text('frozen')}</p>`}
    <div class="buttons">${may && html`<button type="button" class="main" onClick=${invite}>${text('invite')}</button><button type="button" onClick=${() => rename(c)}>${text('rename')}</button>
      <button type="button" onClick=${topic}>${text('topic')}</button>`}${g.role && html`<button type="button" onClick=${out}>${text('leave')}</button>`}<button type="button" onClick=${hide}>${text('hide')}</button></div>
    ${may && html`<${Choice} label=${text('newcomersRead')} value=${g.history} options=${[...new Set(['joined', '1d', '7d', '30d', 'all', String(g.history)])].map(h => [h, readable(h)])}
      onChange=${history => tried('Groups/SetHistory', { group: of, history })} />`}
    ${g.role && html`<h3>${text('members', { n: members.value.length })}</h3><ul>${members.value.map(m => (m.self
    ? html`<li class="person" key=${m.person.person}><${Avatar} id=${me.value?.person} name=${me.value?.name ?? ''} /><span class="what"><b>${text('you')}</b><small>${roleOf(m.role)}</small></span></li>`
    : html`<${Person} key=${m.person.person} p=${m.person} role=${roleOf(m.role)}>${may && html`<span class="buttons">${g.role === 'owner' && html`<${Choice} label=${text('role')} value=${m.role}
      options=${['member', 'admin', 'owner'].map(r => [r, roleOf(r)])} onChange=${role => tried('Groups/SetRole', { group: of, who: m.person.person, role })} />`}
      <button type="button" onClick=${() => remove(m.person)}>${text('remove')}</button></span>`}<//>`))}</ul>`}`;
}

export function Details({ close }) {
  const c = open.value;
  if (!c) return html`<${Panel} title=${text('details')} close=${close}><p class="hint">${text('noneOpen')}</p><//>`;
  return html`<${Panel} title=${text('details')} close=${close}>${c.group ? html`<${OfGroup} c=${c} />` : c.person && html`<${OfPerson} p=${c.person} />`}<${Settings} c=${c} /><//>`;
}

// About says who has a message, and why it waits for the others; of somebody else's what is known of it.
export function About({ m, close }) {
  const [shown] = useState(m);
  const reached = useRead(async () => (shown.own ? (await call('Messages/Receipts', { id: shown.id })).reached ?? [] : []), [shown.id]);
  const files = useRead(async () => (shown.attachments?.length ? (await call('Files/ListFiles', { id: shown.id })).attached?.[0] : null), [shown.id]);
  const reactions = (shown.reactions ?? []).map(r => `${String(r.emoji)} ${r.own ? text('you') : called(r.from)}`);
  return html`<${Panel} title=${text(shown.own ? 'whoHas' : 'aboutMessage')} close=${close}>
    ${shown.kind === 'notice' ? html`<p>${notice(shown.notice)}</p>` : html`<dl><dt>${text('from')}</dt><dd><bdi>${shown.own ? text('you') : whole(shown.from)}</bdi></dd>
    <dt>${text('written')}</dt><dd>${when(shown.time)}</dd>${!shown.own && html`<dt>${text('arrived')}</dt><dd>${when(shown.received)}</dd>`}<dt>ID</dt><dd><code>${String(shown.id).slice(0, 16)}</code></dd>
    ${reactions.length > 0 && html`<dt>${text('reactions')}</dt><dd>${reactions.slice(0, 50).join(', ')}</dd>`}</dl>`}
    ${shown.gap && html`<p class="quiet">${text('gap')}</p>`}${shown.forked && html`<p class="quiet">${text('forked')}</p>`}
    <ul>${reached?.map(r => html`<li class="person" key=${r.person?.person}><span class="what"><button type="button" class="link" onClick=${() => goTo(r.person.person)}><bdi>${whole(r.person)}</bdi></button>
      <small>${known('state.' + r.state) ? text('state.' + r.state) : String(r.state ?? '')}${r.waiting ? ': ' + waiting(r.waiting) : ''}</small></span></li>`)}</ul>
    ${files?.holders?.length > 0 && html`<h3>${text('files')}</h3><ul>${files.holders.map(h => html`<li key=${h.person?.person}><bdi>${called(h.person)}</bdi>
      <small>${(h.states ?? []).map((state, i) => `${fileName(files.attachments[i]?.name)}: ${fileState({ ...files.attachments[i], state, reason: '' })}`).join(', ')}</small></li>`)}</ul>`}<//>`;
}

