// The rows of the open conversation. The machine says which row is to stand where; this puts it there, and says what
// is to be seen then.

import { html, useLayoutEffect, useRef, useState } from '/preact.js';
import { key } from './acts.js';
import { give, open, view } from './talk.js';
import { mono } from './state.js';
import { joined, Row } from './row.js';
import { text } from './texts.js';
import { Icon } from './ui.js';

const NEAR = 1; // pixels that are no difference, as where the display scales

const articleOf = (el, id) => (id ? el.querySelector(`article[data-id="${CSS.escape(id)}"]`) : null);
const bodyOf = article => article.querySelector('.body');

// topFor is where the scroller has to be for a place of the machine.
function topFor(el, place) {
  const most = el.scrollHeight - el.clientHeight;
  const article = articleOf(el, place.end ? place.hold : place.row);
  if (place.end || !article) return article ? Math.min(most, article.offsetTop) : most;
  const body = bodyOf(article);
  return body.offsetTop - (place.middle ? Math.max(0, (el.clientHeight - body.offsetHeight) / 2) : place.offset ?? 0);
}

// seen is what the scroller shows: see Shown of the machine.
function seen(el, moves) {
  const top = el.scrollTop, bottom = top + el.clientHeight, articles = el.querySelectorAll('article');
  let low = 0, high = articles.length;
  while (low < high) { // the first that ends below the upper edge
    const middle = (low + high) >> 1;
    if (articles[middle].offsetTop + articles[middle].offsetHeight <= top) low = middle + 1;
    else high = middle;
  }
  let first = '', begins = false, last = '', row = '', offset = 0, whole = [], atEnd = true;
  for (let i = low; i < articles.length && articles[i].offsetTop < bottom; i++) {
    const { id } = articles[i].dataset, body = bodyOf(articles[i]), begin = body.offsetTop, end = begin + body.offsetHeight;
    // A row that has left the screen in part already can't be held there: the first is one that has not.
    if (!first || (!begins && begin >= top - NEAR)) [first, begins] = [id, begin >= top - NEAR];
    last = id;
    if (!row || (offset < 0 && begin >= top)) [row, offset] = [id, begin - top];
    if (end <= bottom + NEAR && (begin >= top - NEAR || body.offsetHeight > el.clientHeight)) whole.push(id);
  }
  const end = articles[articles.length - 1];
  if (end) atEnd = end.offsetTop + end.offsetHeight <= bottom + NEAR;
  return { moves, row, offset, atEnd, first, last, whole };
}

export function Feed() {
  const v = view.value, ref = useRef(), at = useRef({ moves: -1, top: 0, told: '' });
  const [pointed, point] = useState('');

  // report says what is to be seen, if that is another than before.
  const report = () => {
    const el = ref.current;
    if (!el || !view.value) return;
    at.current.top = el.scrollTop;
    const shown = seen(el, view.value.moves), told = JSON.stringify(shown);
    if (told === at.current.told) return;
    at.current.told = told;
    give('shown', shown);
  };
  // settle brings the scroller to where the machine wants it. What the owner has scrolled since is kept.
  const settle = () => {
    const el = ref.current, now = view.value;
    if (!el || !now) return;
    let drift = now.moves === at.current.moves ? el.scrollTop - at.current.top : 0;
    if (drift < 0 && el.scrollTop >= el.scrollHeight - el.clientHeight - NEAR) drift = 0; // the browser did so, as there is less below
    at.current.moves = now.moves;
    const top = topFor(el, now.place) + drift;
    if (Math.abs(top - el.scrollTop) >= NEAR / 2) el.scrollTop = top;
    report();
  };
  useLayoutEffect(settle, [v]);
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(settle);
    sizes.observe(ref.current);
    sizes.observe(ref.current.firstElementChild);
    return () => sizes.disconnect();
  }, []);
  // The selected row gets the focus if a row had it, and comes into view.
  useLayoutEffect(() => {
    const article = articleOf(ref.current, v.selected);
    if (!article || !v.selecting) return;
    if (!article.contains(document.activeElement)) article.focus({ preventScroll: true });
    bodyOf(article).scrollIntoView({ block: 'nearest' });
    report();
  }, [v.selected, v.selecting]);

  const keys = e => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.target.tagName !== 'ARTICLE') return;
    const page = Math.max(1, Math.floor((view.value.rows.length && seen(ref.current, 0).whole.length) / 2));
    const by = { ArrowUp: -1, k: -1, ArrowDown: 1, j: 1, PageUp: -page, PageDown: page }[e.key];
    if (by) give('step', { by });
    else if (e.key === 'End') give('toEnd');
    else if (e.key === 'Escape' || e.key === 'Enter') document.querySelector('#write')?.focus();
    else if (!key(e.key)) return;
    e.preventDefault();
    e.stopPropagation();
  };
  const idAt = e => e.target.closest?.('article')?.dataset.id ?? '';
  const rows = v.rows, last = rows.at(-1)?.message.id;
  const edge = { loading: text('loading'), failed: text('notLoaded') }[v.before];
  return html`<div class="feed scroll" ref=${ref} onScroll=${report} onKeyDown=${keys} onPointerOver=${e => point(idAt(e))} onPointerLeave=${() => point('')}
      onFocusIn=${e => { const id = idAt(e); if (id && id !== view.value.selected) give('select', { id }); }}>
    <div class="rows">
      <div class="edge">${edge}${v.before === 'failed' && html` <button type="button" class="link" onClick=${() => give('retry')}>${text('again')}</button>`}${
        !rows.length && v.before === '' && !open.value?.person?.blocked && html`<p>${text('nothingSaid')}</p>`}</div>
      <div role="feed" aria-label=${text('messages')} aria-busy=${v.before === 'loading'}>${rows.map((line, i) => html`<${Row} key=${line.message.id} m=${line.message}
        date=${line.date} count=${line.count} selected=${v.selecting && v.selected === line.message.id} together=${joined(rows[i - 1], line)}
        tabbable=${(v.selected || last) === line.message.id} tools=${pointed === line.message.id || (v.selecting && v.selected === line.message.id)}
        mono=${mono.value.has(line.message.id)} />`)}</div>
    </div></div>`;
}

// Below leads to the end, or to what is new there.
export function Below() {
  const v = view.value;
  if (v.place.end && !v.below) return null;
  return html`<button type="button" class="below" onClick=${() => give('toEnd')}><${Icon} name="down" /> ${v.below ? text('newBelow', { n: v.below }) : text('toEnd')}</button>`;
}

// Above leads to the unread line, where that is above what is to be seen.
export function Above() {
  const v = view.value;
  const i = v.rows.findIndex(l => l.count > 0), row = v.rows.findIndex(l => l.message.id === v.place.row);
  if (!v.unreadLine || v.place.end || (i >= 0 && i >= row)) return null;
  return html`<button type="button" class="above" onClick=${() => give('jumpUnread')}>${text('toNew')}</button>`;
}

