// Choosing an emoji.

import { html, useState } from '/preact.js';
import { emoji, find, QUICK } from './emoji.js';
import { dialog } from './state.js';
import { language, text } from './texts.js';
import { Dialog } from './ui.js';

const MOST_BYTES = 64; // of a reaction that somebody makes up

export function Emoji({ own, done }) {
  const [part, setPart] = useState('');
  const pick = sign => {
    dialog.value = null;
    done(sign);
  };
  const shown = part.trim() ? find(part.trim()) : emoji;
  const keys = e => {
    const all = [...e.currentTarget.querySelectorAll('button')], i = all.indexOf(document.activeElement);
    const across = Math.max(1, all.findIndex(b => b.offsetTop > all[0].offsetTop));
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[e.key];
    if (!by || i < 0) return;
    e.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, i + by))].focus();
  };
  const enter = e => {
    e.preventDefault();
    const typed = part.trim(), found = find(typed)[0];
    if (found && typed) pick(found.sign);
    else if (typed && !/\s/.test(typed) && new TextEncoder().encode(typed).length <= MOST_BYTES) pick(typed);
  };
  const nameOf = e => (language === 'de' ? e.german : e.name.replaceAll('_', ' '));
  const one = (e, i) => html`<button type="button" key=${e.sign} tabindex=${i ? -1 : 0} aria-label=${nameOf(e)} title=${nameOf(e)} onClick=${() => pick(e.sign)}>${e.sign}</button>`;
  return html`<${Dialog} title=${text('chooseEmoji')}><form onSubmit=${enter}><input type="search" class="field" autofocus aria-label=${text('find')} placeholder=${text('find')} onInput=${e => setPart(e.target.value)} /></form>
    ${!part && html`<div class="emojis quick" role="group" aria-label=${text('often')} onKeyDown=${keys}>${QUICK.map(one)}</div>`}
    <div class="emojis" role="group" aria-label=${text('emoji')} onKeyDown=${keys}>${shown.map(one)}</div>
    ${!shown.length && html`<p class="hint">${text('notFound')}</p>`}
    ${own && html`<div class="buttons"><button type="button" onClick=${() => pick('')}>${text('takeYours', { emoji: String(own) })}</button></div>`}<//>`;
}
