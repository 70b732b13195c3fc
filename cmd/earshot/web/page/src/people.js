// People: who is here, who is known, and who asks to talk.

import { html, useEffect, useState } from '/preact.js';
import { call } from './api.js';
import { called, group, whole } from './names.js';
import { problem, standing } from './phrases.js';
import { dialog, me, panel, tell, tried, trouble } from './state.js';
import { goTo } from './talk.js';
import { list, say, text, when } from './texts.js';
import { ask, Avatar, confirm, Panel } from './ui.js';

// nicknamed makes a call about somebody; where their name is somebody else's already, it asks for another.
async function nicknamed(method, request) {
  for (;;) {
    try {
      return await call(method, request);
    } catch (e) {
      if (e.code !== 'name_taken') {
        tell(problem(e), true);
        return null;
      }
    }
    const petname = await ask({ title: text('askNickTaken'), input: '', yes: text('goOn') });
    if (!petname) return null;
    request = { ...request, petname };
  }
}

export async function accept(p) {
  const done = await nicknamed('People/Accept', { who: p.person });
  if (done) tell(text('accepted', { who: called(done) }));
  return done;
}

export const verify = (p, words) => nicknamed('People/Verify', { who: p.person, words });

// replace puts somebody in the place of a contact, and says where the contact still is.
export async function replace(old, now, words, resend) {
  const r = await tried('People/ReplaceContact', { old: old.person, new: now.person, words, resend });
  if (!r) return null;
  const still = (r.others ?? []).map(group);
  tell(text('replaced', { who: called(r.person) }) + (still.length ? ' ' + text('replacedNot', { groups: list(still) }) : ''));
  return r.person;
}

export async function block(p) {
  if (await confirm(text('blockAsk', { who: whole(p) }), text('block'))) await tried('People/Block', { who: p.person });
}

export const unblock = p => tried('People/Unblock', { who: p.person });

export async function forget(p) {
  if (!await confirm(text('forgetAsk', { who: whole(p) }), text('forget'))) return;
  const r = await tried('People/RemoveContact', { who: p.person });
  if (r?.waiting) tell(text('stillWaits', { n: Number(r.waiting) }));
}

export async function nick(p) {
  const petname = await ask({ title: text('askNick'), input: p.petname ?? '', yes: text('save_') });
  if (petname === null) return;
  try {
    await call('People/NameContact', { who: p.person, petname });
  } catch (e) {
    if (e.code === 'name_taken' && await confirm(text('nameAnyway', { name: petname }), text('goOn'))) {
      await tried('People/NameContact', { who: p.person, petname, anyway: true });
    } else tell(problem(e), true);
  }
}

// useRead reads something, and again when it may be another. It is null until then.
export function useRead(read, deps = []) {
  const [value, set] = useState(null), again = trouble.value;
  useEffect(() => {
    let left = false;
    read().then(v => left || set(v), e => left || tell(problem(e), true));
    return () => { left = true; };
  }, [again, ...deps]);
  return value;
}

const open = p => async () => {
  await goTo(p.person);
  if (matchMedia('(max-width: 999px)').matches) panel.value = null;
};

export function Person({ p, children, role }) {
  const [sign, where] = standing(p);
  return html`<li class="person">
    <${Avatar} id=${p.person} name=${called(p)} sign=${sign} />
    <span class="what">
      <button type="button" class="link" onClick=${open(p)}><bdi>${whole(p)}</bdi></button>
      <small>${role ? role + ' · ' : ''}${where}</small>
      ${children}
    </span>
  </li>`;
}

const Buttons = ({ p }) => html`<span class="buttons">${p.blocked ? html`<button type="button" onClick=${() => unblock(p)}>${text('unblock')}</button>`
  : html`<button type="button" onClick=${() => accept(p)}>${text('accept')}</button>
    <button type="button" onClick=${() => block(p)}>${text('block')}</button>`}</span>`;

export function People({ close }) {
  const all = useRead(async () => {
    const [{ peers = [] }, { persons = [] }] = await Promise.all([call('People/Peers'), call('People/Contacts')]);
    const by = new Map(persons.map(p => [p.person, p]));
    for (const p of peers) if (p.person !== me.value?.person && !by.has(p.person)) by.set(p.person, p);
    return [...by.values()].sort((a, b) => !!b.online - !!a.online || !!b.contact - !!a.contact || called(a).localeCompare(called(b)));
  });
  const [part, setPart] = useState('');
  const shown = all?.filter(p => whole(p).toLocaleLowerCase().includes(part.toLocaleLowerCase()));
  return html`<${Panel} title=${text('people')} close=${close}>
    <input type="search" class="field" aria-label=${text('find')} placeholder=${text('find')} onInput=${e => setPart(e.target.value)} />
    <ul>${shown?.map(p => html`<${Person} key=${p.person} p=${p}>${(!p.contact || p.blocked) && html`<${Buttons} p=${p} />`}<//>`)}</ul>
    ${shown?.length === 0 && html`<p class="hint">${text('noPeople')}</p>`}
    <button type="button" class="link" onClick=${() => { panel.value = { name: 'requests' }; }}>${text('requests')}</button><//>`;
}

export function Requests({ close }) {
  const all = useRead(async () => (await call('People/Requests')).requests ?? []);
  return html`<${Panel} title=${text('requests')} close=${close}><ul>${all?.map(r => html`<li class="request" tabindex="-1" key=${r.person + (r.notice ?? '')}>
    <div class="first"><bdi class="name">${whole(r)}</bdi><time>${when(r.received)}</time></div>
    ${r.notice === 'invited' ? html`<p>${say('invites', { group: html`<bdi>${group(r.group)}</bdi>`, n: Number(r.members) || 0 })}</p>`
    : r.text && html`<p class="text" dir="auto">${String(r.text)}</p>`}
    ${r.namesake && html`<p class="quiet">${say('sameName', { who: html`<bdi>${called(r.namesake)}</bdi>` })}</p>`}
    ${r.moreWaits && html`<p class="quiet">${text('moreWaits')}</p>`}
    <div class="buttons"><button type="button" class="main" onClick=${async () => { const p = await accept(r); if (p) open(p)(); }}>${text('accept')}</button>
      <button type="button" onClick=${() => block(r)}>${text('block')}</button>
      <button type="button" onClick=${() => { dialog.value = { name: 'words', person: r }; }}>${text('compare')}</button>
      <button type="button" onClick=${() => tried('People/ForgetRequests', { who: [r.person] })}>${text('dismiss')}</button></div></li>`)}</ul>
    ${all?.length === 0 && html`<p class="hint">${text('noRequests')}</p>`}<//>`;
}

