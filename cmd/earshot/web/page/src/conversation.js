// The open conversation, with its head, and what can be done about somebody who is no contact.

import { html, useEffect, useState } from '/preact.js';
import { call } from './api.js';
import { addDropped, Composer } from './compose.js';
import { Above, Below, Feed } from './feed.js';
import { called, titled, who, whole } from './names.js';
import { accept, block } from './people.js';
import { standing } from './phrases.js';
import { dialog, panel, strange, trouble, typing } from './state.js';
import { goTo, leave, open, view } from './talk.js';
import { list, say, text } from './texts.js';
import { Avatar, Tool } from './ui.js';

function Head() {
  const c = open.value, name = titled(c);
  const shown = panel.value?.name === 'details';
  let below;
  const names = typing.value[c.conversation];
  if (names?.length) below = text('typing', { who: list(names.map(called)), n: names.length });
  else if (c.group?.role) {
    const { members, online, topic } = c.group;
    below = [text('members', { n: Number(members) || 0 }), ', ', text('hereOf', { n: Number(online) || 0 }), topic && html` · <bdi>${String(topic)}</bdi>`];
  } else if (c.group) below = text('outShort');
  else below = standing(c.person)[1];
  const [sign] = c.person ? standing(c.person) : [];
  return html`<header class="bar"><${Tool} icon="back" label=${text('back')} class="tool only-narrow" onClick=${leave} />
    <button type="button" class="mine" aria-expanded=${shown} onClick=${() => { panel.value = shown ? null : { name: 'details' }; }}>
    <${Avatar} id=${c.with?.id} name=${name} sign=${sign} />
    <span><h2><bdi class="name">${name}</bdi></h2><small>${below}</small></span></button>
    <${Tool} icon="search" label=${text('searchHere')} onClick=${() => { panel.value = { name: 'search', inside: who(c.with), title: name }; }} />
    <${Tool} icon="info" label=${text('details')} onClick=${() => { panel.value = shown ? null : { name: 'details' }; }} /></header>`;
}

// useAnswer is the answer to a call, {} until it is there and while there is none. It is asked again when people have
// changed.
function useAnswer(method, request) {
  const [answer, put] = useState({}), again = trouble.value, asked = request && JSON.stringify(request);
  useEffect(() => {
    let left = false;
    if (request) call(method, request).then(v => left || put(v), () => {});
    else put({});
    return () => { left = true; };
  }, [asked, again]);
  return answer;
}

// Stranger offers what can be done about somebody who is no contact.
function Stranger({ c }) {
  const { persons: [other] = [] } = useAnswer('People/Contacts', { like: c.person.person });
  const compare = instead => () => { dialog.value = { name: 'words', person: c.person, instead }; };
  return html`<div class="stranger" role="group" aria-label=${text('notContact')}>
    <p>${other ? say('sameName', { who: html`<bdi>${called(other)}</bdi>` }) : text('newcomer')}</p>
    <div class="buttons">
      <button type="button" class="main" onClick=${() => accept(c.person)}>${text('accept')}</button>
      <button type="button" onClick=${() => block(c.person)}>${text('block')}</button>
      <button type="button" onClick=${compare()}>${text('compare')}</button>
      ${other && html`<button type="button" onClick=${compare(other)}>${text('replace', { who: called(other) })}</button>`}
    </div>
  </div>`;
}

// Successor shows who may have come in the place of a contact who is not here.
function Successor({ of }) {
  const { newcomers: [n] = [] } = useAnswer('People/Newcomers', of.online ? null : { who: of.person });
  return n && html`<div class="stranger" role="group" aria-label=${text('sameNameHere')}>
    <p>${say('successor', { who: html`<bdi>${whole(n.person)}</bdi>`, old: html`<bdi>${called(of)}</bdi>` })}</p>
    <div class="buttons"><button type="button" onClick=${() => goTo(n.person.person)}>${text('seeThem')}</button></div></div>`;
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
  return html`<section class="talk" aria-label=${titled(c)} onDrop=${drop}
      onDragOver=${drag} onDragLeave=${e => e.currentTarget.contains(e.relatedTarget) || setOver(false)}>
    <${Head} />${c.person && strange(c) && !c.person.blocked && html`<${Stranger} c=${c} />`}${c.person?.contact && html`<${Successor} of=${c.person} />`}
    <div class="middle"><${Feed} key=${c.conversation} /><${Above} /><${Below} />
      ${view.value.missing && html`<p class="toast" role="status">${text('notThere')}</p>`}</div>
    <${Composer} />${over && html`<div class="drop" aria-hidden="true">${text('dropHere')}</div>`}</section>`;
}
