// What stands before all else for a moment: questions, choosing people, the switcher, what can be done with a message,
// and a picture.

import { html, useEffect, useRef, useState } from '/preact.js';
import { acts } from './acts.js';
import { call } from './api.js';
import { called, group, titled, who, whole } from './names.js';
import { problem } from './phrases.js';
import { useRead } from './people.js';
import { conversations, dialog, me, muted, strange, tell, tried } from './state.js';
import { goTo } from './talk.js';
import { go } from './list.js';
import { text } from './texts.js';
import { ask, Avatar, confirm, Dialog } from './ui.js';

const shut = () => { dialog.value = null; };

// Ask asks for yes, or for a text where there is an input.
export function Ask({ title, input, yes, done }) {
  const [value, setValue] = useState(input ?? '');
  return html`<${Dialog} title=${title} close=${() => done(null)}><form onSubmit=${e => { e.preventDefault(); done(value); }}>
    ${input !== undefined && html`<input class="field" autofocus aria-label=${title} value=${value} maxlength="1024" onInput=${e => setValue(e.target.value)} />`}
    <div class="buttons"><button type="submit" class="main" autofocus=${input === undefined}>${yes}</button><button type="button" onClick=${() => done(null)}>${text('cancel')}</button></div></form><//>`;
}

// usePeople are contacts and who is here, but oneself.
const usePeople = () => useRead(async () => {
  const [{ peers = [] }, { persons = [] }] = await Promise.all([call('People/Peers'), call('People/Contacts')]);
  const by = new Map(persons.map(p => [p.person, p]));
  for (const p of peers) if (p.person !== me.value?.person && !by.has(p.person)) by.set(p.person, p);
  return [...by.values()].filter(p => !p.blocked).sort((a, b) => !!b.contact - !!a.contact || called(a).localeCompare(called(b)));
});

const fits = (name, part) => name.toLocaleLowerCase().includes(part.trim().toLocaleLowerCase());

// Pick has the owner choose people, and groups unless only people are wanted.
export function Pick({ title, yes, people, done }) {
  const [part, setPart] = useState(''), [chosen, setChosen] = useState([]), persons = usePeople();
  const groups = people ? [] : conversations.value.filter(c => c.group?.role).map(c => ({ id: who(c.with), name: group(c.group) }));
  const all = [...groups, ...(persons ?? []).map(p => ({ id: p.person, name: whole(p) }))];
  const toggle = id => setChosen(c => (c.includes(id) ? c.filter(o => o !== id) : [...c, id]));
  return html`<${Dialog} title=${title}><form onSubmit=${e => { e.preventDefault(); shut(); if (chosen.length) done(chosen); }}>
    <input type="search" class="field" autofocus aria-label=${text('find')} placeholder=${text('find')} onInput=${e => setPart(e.target.value)} onKeyDown=${e => e.key === 'Enter' && !chosen.length && e.preventDefault()} />
    <ul class="choices" tabindex="0" aria-label=${title}>${all.filter(o => chosen.includes(o.id) || fits(o.name, part)).map(o => html`<li key=${o.id}><label class="check"><input type="checkbox" checked=${chosen.includes(o.id)} onChange=${() => toggle(o.id)} />
      <bdi>${o.name}</bdi></label></li>`)}</ul>${all.length === 0 && html`<p class="hint">${text('noPeople')}</p>`}
    <div class="buttons"><button type="submit" class="main" disabled=${!chosen.length}>${yes}</button><button type="button" onClick=${shut}>${text('cancel')}</button></div></form><//>`;
}

// Switcher goes to a conversation by a part of its name, those with something unread first.
export function Switcher() {
  const [part, setPart] = useState(''), [at, setAt] = useState(0), persons = usePeople(), list = useRef();
  const first = c => !!c.unread && !muted(c);
  const talks = [...conversations.value].sort((a, b) => strange(a) - strange(b) || first(b) - first(a));
  const had = new Set(talks.map(c => c.with?.id));
  const all = [...talks.map(c => ({ id: c.with?.id, name: titled(c), unread: Number(c.unread) || 0, open: () => go(c) })),
    ...(persons ?? []).filter(p => !had.has(p.person)).map(p => ({ id: p.person, name: called(p), open: () => goTo(p.person) }))].filter(o => fits(o.name, part));
  const pick = o => {
    shut();
    o?.open();
  };
  const keys = e => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (e.isComposing || (!by && e.key !== 'Enter')) return;
    e.preventDefault();
    if (by) setAt(i => Math.max(0, Math.min(all.length - 1, i + by)));
    else pick(all[at]);
  };
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);
  return html`<${Dialog} title=${text('goTo')}><input type="text" role="combobox" aria-expanded="true" aria-controls="targets" aria-activedescendant=${all.length ? 'target' + at : undefined} aria-autocomplete="list"
      class="field" autofocus aria-label=${text('goTo')} placeholder=${text('find')} onInput=${e => { setPart(e.target.value); setAt(0); }} onKeyDown=${keys} />
    ${all.length > 0 && html`<ul class="choices" id="targets" role="listbox" ref=${list} aria-label=${text('conversations')}>${all.slice(0, 200).map((o, i) => html`<li role="option" key=${o.id} id=${'target' + i} aria-selected=${i === at} onClick=${() => pick(o)}>
      <${Avatar} id=${o.id} name=${o.name} /><bdi class="name">${o.name}</bdi>${o.unread > 0 && html`<b class="count">${o.unread}</b>`}</li>`)}</ul>`}${!all.length && html`<p class="hint">${text('notFound')}</p>`}<//>`;
}

// Start begins a conversation, or makes a group.
export function Start() {
  const persons = usePeople();
  const make = async () => {
    const name = await ask({ title: text('askGroup'), input: '', yes: text('make') });
    if (!name) return;
    let made;
    try {
      made = await call('Groups/CreateGroup', { name });
    } catch (e) {
      if (e.code !== 'name_taken' || !await confirm(text('nameAnyway', { name }), text('goOn'))) {
        tell(problem(e), true);
        return;
      }
      made = await tried('Groups/CreateGroup', { name, anyway: true });
    }
    if (!made) return;
    await goTo('#' + made.id);
    dialog.value = { name: 'pick', title: text('invite'), yes: text('invite'), people: true, done: all => tried('Groups/Invite', { group: '#' + made.id, who: all }) };
  };
  const several = () => {
    dialog.value = {
      name: 'pick', title: text('toSeveral'), yes: text('goOn'), async done(to) {
        const words = await ask({ title: text('askText'), input: '', yes: text('send') });
        if (!words) return;
        const results = await Promise.all(to.map(one => tried('Messages/Send', { to: one, text: words, key: crypto.randomUUID() })));
        const n = results.filter(Boolean).length;
        if (n) tell(text('sentTo', { n }));
      },
    };
  };
  return html`<${Dialog} title=${text('write')}><div class="buttons"><button type="button" onClick=${make}>${text('makeGroup')}</button><button type="button" onClick=${several}>${text('toSeveral')}</button></div>
    <ul class="choices" tabindex="0" aria-label=${text('people')}>${persons?.map(p => html`<li key=${p.person}><button type="button" class="item" onClick=${() => { shut(); goTo(p.person); }}><${Avatar} id=${p.person} name=${called(p)} /><bdi>${whole(p)}</bdi></button></li>`)}</ul>
    ${persons?.length === 0 && html`<p class="hint">${text('noPeople')}</p>`}<//>`;
}

// Menu is all that can be done with a message.
export function Menu({ m }) {
  const items = [
    ['reply', acts.reply], m.kind === 'text' && ['react', acts.react], m.own && m.kind === 'text' && ['edit', acts.edit], m.kind === 'text' && ['forward', acts.forward], m.text && ['copy', acts.copy],
    m.text && ['mono', acts.mono], m.replyTo && ['jump', acts.jump], [m.own ? 'whoHas' : 'aboutMessage', acts.about], !m.own && ['markUnread', acts.unread], m.own && m.kind === 'text' && ['takeBack', acts.takeBack],
    m.attachments && ['save', x => acts.save(x)], m.own && m.attachments && ['dropCopy', x => acts.file('DropFiles', x)],
  ].filter(Boolean);
  return html`<${Dialog} title=${text('actions')}><div class="menu">${items.map(([name, act], i) => html`<button type="button" key=${name} autofocus=${i === 0} onClick=${() => { shut(); setTimeout(() => act(m)); }}>${text(name)}</button>`)}</div><//>`;
}

export function Picture({ blob, title, save }) {
  const ref = useRef();
  useEffect(() => {
    const url = URL.createObjectURL(blob);
    ref.current.src = url;
    return () => URL.revokeObjectURL(url);
  }, []);
  return html`<${Dialog} title=${title} wide><img class="whole" ref=${ref} alt=${title} /><div class="buttons"><button type="button" onClick=${save}>${text('save')}</button></div><//>`;
}
