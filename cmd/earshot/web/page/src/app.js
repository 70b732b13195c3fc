// The page: the list, the conversation and what stands beside it, or what stands in the way.

import { html, useEffect, useLayoutEffect } from '/preact.js';
import { go, List, MANY } from './list.js';
import { later, load } from './modules.js';
import { conversations, dialog, link, me, muted, panel, said, tell } from './state.js';
import { give, open, view } from './talk.js';
import { say, text } from './texts.js';
import { Said, Toast } from './ui.js';

// Later is a view of what is loaded later, or when it is first shown.
function Later({ name, ...props }) {
  useEffect(() => { load().catch(() => tell(text('problem.'), true)); }, [name]);
  const View = later.value?.[name];
  return View ? html`<${View} ...${props} />` : null;
}

const viewName = name => name[0].toUpperCase() + name.slice(1);

const None = () => html`<section class="talk none"><p>${text('noneOpen')}</p><p class="keys">${say('noneKeys', { key: html`<kbd>Ctrl</kbd>+<kbd>K</kbd>`, help: html`<kbd>?</kbd>` })}</p></section>`;

// Gate stands in the way where there is no session.
const Gate = ({ name }) => html`<main class="gate"><h1>earshot</h1><p>${text('gate.' + name)}</p>${name === 'unknown' && html`<p><code>earshot web</code></p>`}</main>`;

// step goes to the conversation before or after the open one.
function step(by) {
  const all = conversations.value, i = all.findIndex(c => c.conversation === open.value?.conversation);
  const c = all[i < 0 ? 0 : (i + by + all.length) % all.length];
  if (c) go(c);
}

function nextUnread() {
  const c = conversations.value.find(o => o.unread && !muted(o) && o.conversation !== open.value?.conversation);
  if (c) go(c);
}

function keys(e) {
  if (e.isComposing || e.defaultPrevented) return;
  const writes = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName), inDialog = dialog.value;
  const command = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey;
  if (command && e.key === 'k' && !inDialog?.done) dialog.value = inDialog?.name === 'switcher' ? null : { name: 'switcher' };
  else if (inDialog) return;
  else if (e.altKey && !e.shiftKey && !e.ctrlKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) step(e.key === 'ArrowUp' ? -1 : 1);
  else if (e.altKey && !e.ctrlKey && !e.shiftKey && e.key === 'u') nextUnread();
  else if (command && e.key === 'End') give('toEnd');
  else if (e.key === '?' && !writes) panel.value = { name: 'help' };
  else if (e.key === '/' && !writes) panel.value = { name: 'search' };
  else if (e.key === 'Escape' && panel.value) panel.value = null;
  else if (e.key === 'Escape') give('toEnd');
  else return;
  e.preventDefault();
}

export function App() {
  const state = link.value, p = panel.value, d = dialog.value;
  useLayoutEffect(() => {
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  }, []);
  const unread = conversations.value.reduce((n, c) => n + (muted(c) ? 0 : Number(c.unread) || 0), 0);
  useLayoutEffect(() => { document.title = unread ? `(${unread >= MANY ? '1000+' : unread}) earshot` : 'earshot'; }, [unread]);
  if (state === 'unknown' || state === 'other' || (state !== 'up' && !me.value)) return html`<${Gate} name=${state || 'gone'} />`;
  return html`
    ${state === '' && html`<div class="banner" role="alert">${text('gone')}</div>`}
    <main class=${'panes' + (open.value ? ' open' : '') + (p ? ' beside' : '')}><${List} />${open.value && view.value ? html`<${Later} name="Conversation" key=${open.value.conversation} />` : html`<${None} />`}
      ${p && html`<div class="side" key=${p.name}><${Later} ...${p} name=${viewName(p.name)} close=${() => { panel.value = null; }} /></div>`}</main>
    ${d && html`<${Later} key=${d.name} ...${d} name=${viewName(d.name)} />`}
    ${!(d && later.value) && html`<${Toast} />`}
    <${Said} /><div class="out" aria-live="polite">${said.value}</div>`;
}

