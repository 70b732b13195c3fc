// Searching all messages, or those of one conversation.

import { html, useEffect, useLayoutEffect, useRef, useState } from '/preact.js';
import { stream } from './api.js';
import { called, fileName, group, who } from './names.js';
import { problem } from './phrases.js';
import { panel } from './state.js';
import { goTo } from './talk.js';
import { text, when } from './texts.js';
import { Name, Panel } from './ui.js';

const MOST = 50; // that are found at once
const BEFORE = 24; // characters before what was found

// Marked is a text around what was found, as shown makes it. Marks are counted in code points.
function Marked({ of, marks = [], shown }) {
  const all = [...String(of).replace(/\s+/g, m => (m.includes('\n') ? ' '.repeat(m.length) : m))], parts = [];
  let at = Math.max(0, (marks[0]?.start ?? 0) - BEFORE);
  if (at) parts.push('…');
  for (const { start = 0, end = 0 } of marks) {
    parts.push(shown(all.slice(at, start).join('')), html`<mark>${shown(all.slice(start, end).join(''))}</mark>`);
    at = end;
  }
  parts.push(shown(all.slice(at, at + 160).join('')));
  return parts;
}

export function Search({ inside, title, close }) {
  const [words, setWords] = useState(''), [from, setFrom] = useState(''), [more, setMore] = useState(0);
  const [found, setFound] = useState({ all: [], going: false, more: false, wrong: '' }), field = useRef();
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    const ending = new AbortController(), on = more && found.all.length ? found.all : [];
    if (!words.trim()) {
      setFound({ all: [], going: false, more: false, wrong: '' });
      return undefined;
    }
    const wait = setTimeout(async () => {
      let all = on;
      setFound({ all, going: true, more: false, wrong: '' });
      try {
        const filter = { in: inside, from: from || undefined };
        for await (const r of stream('Messages/Search', { words, filter, limit: MOST, after: all.at(-1)?.message.id }, ending.signal)) {
          all = [...all, ...r.found ?? []];
          setFound({ all, going: true, more: !!r.more, wrong: '', made: r.of ? Math.floor(100 * Number(r.made ?? 0) / Number(r.of)) : undefined });
        }
        setFound(f => ({ ...f, going: false, made: undefined }));
      } catch (e) {
        if (!ending.signal.aborted) setFound({ all, going: false, more: false, wrong: problem(e) });
      }
    }, more ? 0 : 250);
    return () => {
      clearTimeout(wait);
      ending.abort();
    };
  }, [words, inside, from, more]);
  const go = m => async () => {
    await goTo(who(m.with), m.id);
    if (matchMedia('(max-width: 999px)').matches) panel.value = null;
  };
  return html`<${Panel} title=${inside ? text('searchIn', { where: title }) : text('search')} close=${close}>
    <input ref=${field} type="search" class="field" aria-label=${text('searchFor')} placeholder=${text('searchFor')} onInput=${e => { setMore(0); setWords(e.target.value); }} />
    <label class="check"><input type="checkbox" onChange=${e => { setMore(0); setFrom(e.target.checked ? 'me' : ''); }} /> ${text('mineOnly')}</label>
    <p class="hint" role="status">${found.wrong || (found.going ? text('searching') + (found.made === undefined ? '' : ` ${found.made} %`) : words.trim() ? found.all.length ? text('foundCount', { n: found.all.length }) : text('notFound') : '')}</p>
    <ul class="found">${found.all.map(({ message: m, marks, person }) => html`<li key=${m.id}><button type="button" class="item" onClick=${go(m)}>
      <span class="what"><span class="first"><span>${m.own ? text('you') : html`<${Name} of=${m.from} />`}</span><time>${when(m.time)}</time></span>
      <span class="second"><span dir="auto"><${Marked} of=${m.text || m.attachments?.[0]?.name || ''} marks=${marks} shown=${m.text ? String : fileName} /></span></span>
      ${!inside && html`<small><bdi>${m.with?.kind === 'group' ? group(m.with) : called(person ?? m.from)}</bdi></small>`}</span></button></li>`)}</ul>
    ${found.more && !found.going && html`<button type="button" onClick=${() => setMore(n => n + 1)}>${text('more_')}</button>`}<//>`;
}
