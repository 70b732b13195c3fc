// Files of conversations, what waits to be delivered, and what may keep the node from finding others.

import { html, useEffect, useState } from '/preact.js';
import { acts } from './acts.js';
import { call, stream } from './api.js';
import { called, fileName, who } from './names.js';
import { fileState, problem, waiting } from './phrases.js';
import { useRead } from './people.js';
import { panel, tell } from './state.js';
import { goTo } from './talk.js';
import { known, size, text, when } from './texts.js';
import { Icon, Name, Panel, Tool } from './ui.js';

const PAGE = 50; // messages with files that are read at once

export function Files({ inside, close }) {
  const [pages, setPages] = useState({ all: [], more: false, read: false });
  const read = async before => {
    try {
      const r = await call('Files/ListFiles', { who: inside, limit: PAGE, before });
      setPages(p => ({ all: before ? [...p.all, ...r.attached ?? []] : r.attached ?? [], more: !!r.more, read: true }));
    } catch (e) {
      tell(problem(e), true);
    }
  };
  useEffect(() => { read(); }, [inside]);
  const held = (m, a) => (m.own ? !['gone', 'changed'].includes(a.state) : a.state === 'held');
  return html`<${Panel} title=${text(inside ? 'filesHere' : 'files')} close=${close}><ul>${pages.all.flatMap(m => (m.attachments ?? []).map(a => html`<li class="file" key=${m.id + a.n}>
    <${Icon} name=${a.folder ? 'folder' : a.voice ? 'mic' : 'file'} /><span class="what"><button type="button" class="link" onClick=${() => goTo(who(m.with), m.id)}><bdi>${fileName(a.name)}</bdi></button>
    <small>${size(a.size)} · ${m.own ? text('you') : html`<${Name} of=${m.from} />`} · ${when(m.time)}${a.state === 'held' || a.state === 'kept' ? '' : ' · ' + fileState(a)}</small></span>
    ${held(m, a) && html`<${Tool} icon="down" label=${text('save')} onClick=${() => acts.save(m, a)} />`}
    ${!m.own && ['offered', 'paused', 'declined'].includes(a.state) && html`<${Tool} icon="down" label=${text('fetch')} onClick=${() => acts.file('AcceptFiles', m, a).then(() => read())} />`}</li>`))}</ul>
    ${pages.read && !pages.all.length && html`<p class="hint">${text('noFiles')}</p>`}
    ${pages.more && html`<button type="button" onClick=${() => read(pages.all.at(-1).id)}>${text('more_')}</button>`}<//>`;
}

export function Outbox({ close }) {
  const all = useRead(async () => {
    const lines = [];
    for await (const r of stream('Messages/Outbox', { limit: 500 })) lines.push(...r.pending ?? []);
    return lines;
  });
  const go = q => async () => {
    const { messages: [m] = [] } = await call('Messages/GetMessages', { ids: [q.id] }).catch(() => ({}));
    if (m) goTo(who(m.with), m.id);
    if (matchMedia('(max-width: 999px)').matches) panel.value = null;
  };
  return html`<${Panel} title=${text('outbox')} close=${close}><ul>${all?.map(q => html`<li class="person" key=${q.id + q.to?.id}><span class="what">
    <button type="button" class="link" onClick=${go(q)}><bdi>${called(q.person ?? { person: q.to?.id, name: q.to?.name })}</bdi></button><small>${waiting(q)} · ${text('writtenAt', { when: when(q.queued) })}</small></span></li>`)}</ul>
    ${all?.length === 0 && html`<p class="hint">${text('noOutbox')}</p>`}<//>`;
}

// Doctor shows what was looked at, as it comes.
export function Doctor({ close }) {
  const [checks, setChecks] = useState([]), [going, setGoing] = useState(true);
  useEffect(() => {
    const ending = new AbortController();
    (async () => {
      try {
        for await (const c of stream('Doctor/Examine', {}, ending.signal)) setChecks(all => [...all, c]);
      } catch (e) {
        if (!ending.signal.aborted) tell(problem(e), true);
      }
      setGoing(false);
    })();
    return () => ending.abort();
  }, []);
  const name = c => (known('check.' + c.check) ? text('check.' + c.check) : String(c.check));
  return html`<${Panel} title=${text('examine')} close=${close}><p class="hint" role="status">${going ? text('examining') : text('examined')}</p>
    <ul>${checks.map((c, i) => html`<li key=${i} class=${c.ok ? 'check-ok' : 'check-bad'}>${c.ok ? '✓' : '✗'} ${name(c)}${c.code ? ': ' + (known('found.' + c.code) ? text('found.' + c.code) : String(c.code).replaceAll('_', ' ')) : ''}${c.about ? html` (<bdi>${String(c.about)}</bdi>)` : ''}</li>`)}</ul>
    <p class="quiet">${text('doctorMore')} <code>earshot doctor</code></p><//>`;
}

