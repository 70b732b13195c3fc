// The open conversation, with its head, and what can be done about somebody who is no contact.

import { html, useState } from '/preact.js';
import { addDropped, Composer } from './compose.js';
import { Above, Below, Feed } from './feed.js';
import { load } from './modules.js';
import { called, titled, who } from './names.js';
import { standing } from './phrases.js';
import { conversations, dialog, panel, strange, typing } from './state.js';
import { leave, open, view } from './talk.js';
import { list, say, text } from './texts.js';
import { Avatar, Tool } from './ui.js';

function Head() {
  const c = open.value, name = titled(c);
  const shown = panel.value?.name === 'details';
  let below;
  const names = typing.value[c.conversation];
  if (names?.length) below = text('typing', { who: list(names.map(called)), n: names.length });
  else if (c.group) below = c.group.role ? [text('members', { n: Number(c.group.members) || 0 }), ', ', text('hereOf', { n: Number(c.group.online) || 0 }), c.group.topic && html` · <bdi>${String(c.group.topic)}</bdi>`] : text('outShort');
  else below = standing(c.person)[1];
  const [sign] = c.person ? standing(c.person) : [];
  return html`<header class="bar"><${Tool} icon="back" label=${text('back')} class="tool only-narrow" onClick=${leave} />
    <button type="button" class="mine" aria-expanded=${shown} onClick=${() => { panel.value = shown ? null : { name: 'details' }; }}><${Avatar} id=${c.with?.id} name=${name} sign=${sign} />
    <span><h2><bdi class="name">${name}</bdi></h2><small>${below}</small></span></button>
    <${Tool} icon="search" label=${text('searchHere')} onClick=${() => { panel.value = { name: 'search', inside: who(c.with), title: name }; }} />
    <${Tool} icon="info" label=${text('details')} onClick=${() => { panel.value = shown ? null : { name: 'details' }; }} /></header>`;
}

// Stranger offers what can be done about somebody who is no contact.
function Stranger({ c }) {
  const namesake = conversations.value.find(o => o.person?.contact && o.person.person !== c.person.person && o.person.knownAs
    && String(o.person.knownAs).toLocaleLowerCase() === String(c.person.name ?? '').toLocaleLowerCase());
  const act = async name => (await load('people'))[name](c.person);
  return html`<div class="stranger" role="group" aria-label=${text('notContact')}><p>${namesake ? say('sameName', { who: html`<bdi>${called(namesake.person)}</bdi>` }) : text('newcomer')}</p>
    <div class="buttons"><button type="button" class="main" onClick=${() => act('accept')}>${text('accept')}</button><button type="button" onClick=${() => act('block')}>${text('block')}</button>
    <button type="button" onClick=${() => { dialog.value = { name: 'words', person: c.person }; }}>${text('compare')}</button></div></div>`;
}

export function Conversation() {
  const c = open.value, [over, setOver] = useState(false);
  const drop = e => {
    e.preventDefault();
    setOver(false);
    addDropped(e.dataTransfer);
  };
  const drag = e => {
    if (!e.dataTransfer?.types.includes('Files')) return;
    e.preventDefault();
    setOver(true);
  };
  return html`<section class="talk" aria-label=${titled(c)} onDragOver=${drag} onDragLeave=${e => e.currentTarget.contains(e.relatedTarget) || setOver(false)} onDrop=${drop}>
    <${Head} />${c.person && strange(c) && !c.person.blocked && html`<${Stranger} c=${c} />`}
    <div class="middle"><${Feed} key=${c.conversation} /><${Above} /><${Below} />${view.value.missing && html`<p class="toast" role="status">${text('notThere')}</p>`}</div>
    <${Composer} />${over && html`<div class="drop" aria-hidden="true">${text('dropHere')}</div>`}</section>`;
}
