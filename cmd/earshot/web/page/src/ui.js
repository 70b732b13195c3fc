// Parts of which the views are made.

import { html, useEffect, useLayoutEffect, useRef } from '/preact.js';
import { called, hue, initials } from './names.js';
import { dialog, note } from './state.js';
import { text } from './texts.js';

// differs reports whether a component is given something else than before, as its shouldComponentUpdate.
export function differs(next) { return Object.keys(next).some(k => next[k] !== this.props[k]); }

// Paths of the icons: lines in a square of 24.
const ICONS = {
  menu: 'M4 7h16M4 12h16M4 17h16', back: 'M15 5l-7 7 7 7', close: 'M6 6l12 12M18 6L6 18', search: 'M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16 16l4 4',
  people: 'M9 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6M3 19c0-4 2.500-5 6-5s6 1 6 5M16 6a3 3 0 0 1 0 5M18 14c2 .5 3 2 3 5', plus: 'M12 5v14M5 12h14',
  gear: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h2M10 12h10M8 10v4', send: 'M4 12l16-8-6 16-3-7z', clip: 'M20 11l-8 8a5 5 0 0 1-7-7l8-8a3.500 3.500 0 0 1 5 5l-8 8a2 2 0 0 1-3-3l7-7',
  mic: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3M5 11a7 7 0 0 0 14 0M12 18v3', smile: 'M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8 14c2 3 6 3 8 0M9 9v1M15 9v1',
  reply: 'M9 6l-6 5 6 5M3 11h11c5 0 7 3 7 7', forward: 'M15 6l6 5-6 5M21 11H10c-5 0-7 3-7 7', pen: 'M4 20l1-5L16 4l4 4L9 19z', more: 'M5 11a1 1 0 1 0 0 2a1 1 0 0 0 0-2M12 11a1 1 0 1 0 0 2a1 1 0 0 0 0-2M19 11a1 1 0 1 0 0 2a1 1 0 0 0 0-2',
  down: 'M12 4v15M6 13l6 6 6-6', info: 'M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 11v6M12 7v.5', file: 'M6 3h8l4 4v14H6zM14 3v4h4', folder: 'M3 6h7l2 2h9v11H3z',
  play: 'M7 4l13 8-13 8z', pause: 'M8 5v14M16 5v14', stop: 'M6 6h12v12H6z', pin: 'M12 3l5 6-2 5H9L7 9zM12 14v7', help: 'M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17.500v.5',
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;

// Tool is a button that is an icon; its words are read out, and shown when it is pointed at.
export const Tool = ({ icon, label, ...props }) => html`<button type="button" class="tool" aria-label=${label} title=${label} ...${props}><${Icon} name=${icon} /></button>`;

export const Avatar = ({ id, name, sign, words }) => html`<span class=${'avatar hue' + hue(id)} aria-hidden="true">${initials(name)}${sign
  && html`<span class=${'sign ' + sign} title=${words}></span>`}</span>`;

export const Name = ({ of }) => html`<bdi class=${of?.contact || of?.petname ? 'name' : 'name claim'}>${called(of)}</bdi>`;

// Toast is a short word of the page, which Said has read out.
export const Toast = () => note.value && html`<div class=${note.value.bad ? 'toast bad' : 'toast'} aria-hidden="true">${note.value.text}</div>`;
export const Said = () => html`<div class="out" role="status" aria-live="polite">${note.value?.text ?? ''}</div>`;

// back gives the focus back to what had it, or else to where the owner writes.
const back = had => (had?.isConnected && had !== document.body ? had : document.querySelector('#write'))?.focus();

// Dialog stands before all else, so what the page says meanwhile stands in it: the browser keeps the focus in it, and
// Escape closes it.
export function Dialog({ title, children, close, wide }) {
  const ref = useRef();
  const end = () => (close ?? (() => { dialog.value = null; }))();
  useLayoutEffect(() => {
    const was = document.activeElement, el = ref.current;
    el.showModal();
    // The browser begins with the first of all, which is the one that closes.
    if (document.activeElement.closest('header')) el.querySelector(':scope > .sheet > :not(header) :is(input, select, textarea, button)')?.focus();
    return () => {
      el.close(); // while it is open, nothing else takes the focus
      back(was);
    };
  }, []);
  return html`<dialog ref=${ref} class=${wide ? 'wide' : ''} aria-label=${title} onCancel=${e => { e.preventDefault(); end(); }}
      onClick=${e => e.target === ref.current && end()}>
    <div class="sheet"><header><h2>${title}</h2><${Tool} icon="close" label=${text('close')} onClick=${end} /></header>${children}</div><${Toast} /><${Said} />
  </dialog>`;
}

// Panel stands beside the conversation.
export const Panel = ({ title, close, children }) => {
  const ref = useRef();
  useLayoutEffect(() => {
    const was = document.activeElement, section = ref.current.closest('section');
    return () => { if (section.contains(document.activeElement)) back(was); };
  }, []);
  useEffect(() => { if (!ref.current.closest('section').contains(document.activeElement)) ref.current.focus(); }, []);
  return html`<section class="panel" aria-label=${title}>
    <header class="bar"><h2 tabindex="-1" ref=${ref}>${title}</h2><${Tool} icon="close" label=${text('close')} onClick=${close} /></header>
    <div class="scroll" tabindex="0" role="group" aria-label=${title}>${children}</div></section>`;
};

// links is what somebody wrote, with links that lead to the web or to mail. Nothing in it is markup.
const LINK = /(?:https?:\/\/|mailto:)[^\s<>"'`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
const SAFE = ['http:', 'https:', 'mailto:'];

export function links(of) {
  const all = String(of), parts = [];
  if (!all.includes(':')) return all;
  let at = 0;
  for (const found of all.matchAll(LINK)) {
    const shown = found[0].replace(/[.,;:!?)\]}]+$/, '');
    let url;
    try {
      url = new URL(shown);
    } catch { /* it is text */ }
    if (!url || !SAFE.includes(url.protocol)) continue;
    parts.push(all.slice(at, found.index), html`<a href=${url.href} target="_blank" rel="noopener noreferrer"><bdi>${shown}</bdi></a>`);
    at = found.index + shown.length;
  }
  parts.push(all.slice(at));
  return parts;
}

// ask shows a dialog that has the owner answer, and returns the answer; null if they gave it up.
export function ask(about) {
  return new Promise(done => {
    dialog.value = {
      name: 'ask', ...about, done(answer) {
        dialog.value = null;
        done(answer);
      },
    };
  });
}

export const confirm = async (question, yes) => (await ask({ title: question, yes })) !== null;

// blobOf is the content of base64 as a blob; a picture that is no JPEG shows nothing.
export function useBlob(base64, type) {
  const ref = useRef();
  useEffect(() => {
    const img = ref.current;
    if (!base64 || !img) return undefined;
    let url;
    try {
      url = URL.createObjectURL(new Blob([Uint8Array.from(atob(String(base64)), c => c.charCodeAt(0))], { type }));
    } catch {
      return undefined;
    }
    img.src = url;
    return () => URL.revokeObjectURL(url);
  }, [base64]);
  return ref;
}
