// A message or notice as a row of the conversation.

import { html, useState } from '/preact.js';
import { called, fileName } from './names.js';
import { fileState, notice, state } from './phrases.js';
import { acts } from './acts.js';
import { me, transfers } from './state.js';
import { clock, say, size, text, when } from './texts.js';
import { Avatar, differs, Icon, links, Name, Tool, useBlob } from './ui.js';
import { Voice } from './voice.js';

const MOST_SIGNS = 8; // different reactions that are shown
const NEAR = 5 * 60_000; // ms: rows of one person that are so near stand together

// joined reports whether a row stands together with the one before, without a name of its own.
export function joined(before, line) {
  const a = before?.message, b = line.message;
  return !!a && !line.date && !line.count && !b.gap && !b.forked && a.kind === 'text' && b.kind === 'text' && !!a.own === !!b.own
    && a.from?.person === b.from?.person && Number(b.t) - Number(a.t) < NEAR && !b.replyTo;
}

const Quiet = ({ m, children }) => html`<p class="quiet">${children} <time>${clock(m.time)}</time></p>`;

function Quote({ m }) {
  const q = m.quote;
  if (!q) return html`<span class="quote">${text('quoteGone')}</span>`;
  const said = q.kind === 'recalled' ? text('takenBack') : q.text || fileName(q.file?.name) || text('aFile');
  return html`<button type="button" class="quote" onClick=${() => acts.jump(m)} title=${text('jump')}>
    ${q.own ? text('you') : html`<${Name} of=${q.from} />`} <bdi>${String(said)}</bdi></button>`;
}

function Reactions({ m }) {
  const by = new Map();
  for (const r of m.reactions ?? []) {
    const e = by.get(r.emoji) ?? { n: 0, own: false, names: [] };
    e.n++;
    e.own ||= !!r.own;
    e.names.push(r.own ? text('you') : called(r.from));
    by.set(r.emoji, e);
  }
  const all = [...by].sort((a, b) => b[1].n - a[1].n);
  if (!all.length) return null;
  return html`<div class="reactions">${all.slice(0, MOST_SIGNS).map(([emoji, e]) => html`<button type="button" key=${emoji} aria-pressed=${e.own}
    title=${e.names.slice(0, 12).join(', ')} aria-label=${text('reacted', { emoji: String(emoji), n: e.n })} onClick=${() => acts.toggle(m, emoji, e.own)}>
    <bdi>${String(emoji)}</bdi> ${e.n}</button>`)}${all.length > MOST_SIGNS && html`<span>${text('others', { n: all.length - MOST_SIGNS })}</span>`}</div>`;
}

function Preview({ a, open }) {
  const ref = useBlob(a.preview, 'image/jpeg');
  const width = Number(a.width) || 4, height = Number(a.height) || 3;
  return html`<button type="button" class="picture" onClick=${open} disabled=${!open} aria-label=${text('showPicture', { name: fileName(a.name) })}>
    <img ref=${ref} alt="" width=${Math.min(320, width)} height=${Math.round(Math.min(320, width) * Math.min(3, height / width))} /></button>`;
}

function Attachment({ m, a: told }) {
  const t = transfers.value[`${m.id}/${told.n}`];
  const a = t && ['fetching', 'paused'].includes(told.state) ? t.attachment : told;
  const giving = m.own ? Object.entries(transfers.value).filter(([k]) => k.startsWith(`${m.id}/${a.n}/`)).map(([, v]) => v) : [];
  const has = m.own ? a.state !== 'gone' && a.state !== 'changed' : a.state === 'held';
  const part = Math.min(1, (Number(a.had) || 0) / Math.max(1, Number(a.size) || 1));
  const act = (icon, name, f) => html`<${Tool} icon=${icon} label=${text(name)} onClick=${f} />`;
  return html`<div class="file">
    ${a.picture && a.preview && html`<${Preview} a=${a} open=${has && (() => acts.show(m, a))} />`}
    ${a.voice && has ? html`<${Voice} m=${m} a=${a} />` : html`<${Icon} name=${a.folder ? 'folder' : a.voice ? 'mic' : 'file'} />
    <span class="what"><bdi>${fileName(a.name)}</bdi><small>${size(a.size)}${!m.own && a.state !== 'held' ? ' · ' + fileState(a) : ''}${
      t?.rate ? ` · ${size(t.rate)}/s` : ''}${giving.map(g => html` · ${say('givenTo', { who: html`<${Name} of=${g.to} />`, part: `${Math.floor(100 * Number(g.attachment?.had ?? 0) / Math.max(1, Number(a.size)))} %` })}`)}</small>
    ${a.state === 'fetching' && html`<progress max="1" value=${part} aria-label=${text('file.fetching', { part: '' })} />`}</span>`}
    ${has && act('down', 'save', () => acts.save(m, a))}
    ${!m.own && html`${['offered', 'paused', 'declined', 'gone'].includes(a.state) && act('down', a.state === 'paused' ? 'resume' : 'fetch', () => acts.file('AcceptFiles', m, a))}
      ${a.state === 'fetching' && act('pause', 'pause', () => acts.file('PauseFiles', m, a))}
      ${['offered', 'fetching', 'paused'].includes(a.state) && act('close', 'decline', () => acts.file('DeclineFiles', m, a))}`}
  </div>`;
}

const LONG = 4000; // characters that are shown at first

// Long is a long text: its beginning, until all of it is wanted.
function Long({ all }) {
  const [whole, setWhole] = useState(false);
  if (whole) return links(all);
  return html`${links([...all.slice(0, LONG)].join('') + '…')} <button type="button" class="link" onClick=${() => setWhole(true)}>${text('showAll')}</button>`;
}

function words(m, mono) {
  const all = String(m.text);
  return html`<div class=${mono ? 'text mono' : 'text'} dir="auto">${all.length > LONG * 1.5 ? html`<${Long} all=${all} />` : links(all)}</div>`;
}

function Tools({ m }) {
  if (m.kind === 'notice') return null;
  return html`<div class="tools" role="group" aria-label=${text('actions')}>
    ${m.kind === 'text' && html`<${Tool} icon="smile" label=${text('react')} onClick=${() => acts.react(m)} />`}
    <${Tool} icon="reply" label=${text('reply')} onClick=${() => acts.reply(m)} />
    ${m.own && m.kind === 'text' && html`<${Tool} icon="pen" label=${text('edit')} onClick=${() => acts.edit(m)} />`}
    <${Tool} icon="more" label=${text('more')} onClick=${() => acts.menu(m)} /></div>`;
}

const Mine = ({ id }) => html`<${Avatar} id=${id} name=${me.value?.name ?? ''} />`;

// A page of rows is drawn at once: so what most of them have is no component of its own.
function message({ m, together, mono, tools }, time) {
  const { own, from } = m;
  return html`
    ${!together && (own ? html`<${Mine} id=${from?.person} />` : Avatar({ id: from?.person, name: called(from) }))}
    <div class="said">
      ${!together && html`<div class="head">${own ? html`<span class="name">${text('you')}</span>` : Name({ of: from })}<time title=${time}>${clock(m.time)}</time></div>`}
      ${m.replyTo && html`<${Quote} m=${m} />`}
      ${m.text && words(m, mono)}
      ${m.attachments?.map(a => html`<${Attachment} key=${a.n} m=${m} a=${a} />`)}
      ${m.reactions?.length > 0 && html`<${Reactions} m=${m} />`}
      ${(own || m.edited || m.mentioned) && html`<div class="about">
        ${m.mentioned && html`<span class="mention">${text('mentionsYou')}</span>`}
        ${m.edited && html`<span>${text('edited')}</span>`}
        ${own && html`<button type="button" class=${'state ' + m.state} onClick=${() => acts.about(m)}>${state(m)}</button>`}</div>`}
    </div>${tools && html`<${Tools} m=${m} />`}`;
}

function body(props, time) {
  const { m } = props;
  if (m.kind === 'notice') return html`<${Quiet} m=${m}>${notice(m.notice)}<//>`;
  const who = () => (m.own ? text('you') : Name({ of: m.from }));
  if (m.kind === 'recalled') return html`<${Quiet} m=${m}>${say(m.own ? 'recalledOwn' : 'recalled', { who: who() })}<//>`;
  if (m.kind === 'unknown') return html`<${Quiet} m=${m}>${say('unknown', { who: who(), text: html`<bdi>${String(m.text ?? '')}</bdi>` })}<//>`;
  return message(props, time);
}

// Row is drawn anew only when what it shows is another. It reads no signal.
export function Row(props) {
  this.shouldComponentUpdate = differs;
  const { m, date, count, selected, tabbable, together } = props;
  const kind = m.kind === 'text' ? '' : ' quietly', time = when(m.time);
  return html`<article data-id=${m.id} tabindex=${tabbable ? 0 : -1} aria-label=${`${m.own ? text('you') : called(m.from)} ${time}`}
      class=${(selected ? 'selected' : '') + (together ? ' together' : '') + (m.mentioned ? ' mentioned' : '') + (m.own ? ' own' : '') + kind}>
    ${date && html`<div class="line"><span>${date}</span></div>`}
    ${count > 0 && html`<div class="line new"><span>${text('new', { n: count })}</span></div>`}
    <div class="body">${m.gap && html`<p class="quiet">${text('gap')}</p>`}${m.forked && html`<p class="quiet">${text('forked')}</p>`}
      <div class="row">${body(props, time)}</div></div></article>`;
}
