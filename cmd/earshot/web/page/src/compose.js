// Where the owner writes: the text, what it answers, and the files that go with it.

import { html, useEffect, useLayoutEffect, useRef, useState } from '/preact.js';
import { find } from './emoji.js';
import { ofEntry, ofFiles } from './folder.js';
import { fileName } from './names.js';
import { problem } from './phrases.js';
import { dialog, link, tell } from './state.js';
import { add, drop, editLast, emptied, give, members, open, sentAsIs, submit, tray, type, view, writing, written } from './talk.js';
import { say, size, text } from './texts.js';
import { confirm, Icon, Name, Tool } from './ui.js';
import { recordable, Recorder } from './voice.js';

const COMPOSING = 229; // keyCode of a key that an input method has taken
const MOST = 8; // that are offered to complete a word
const PICTURE = /^image\/(png|jpeg|webp|gif)$/;

let asked = Promise.resolve();
// anyway asks whether a picture is sent as it is: one question after the other.
const anyway = name => { asked = asked.then(() => confirm(text('pictureAsk', { name: fileName(name) }), text('sendAsIs'))); return asked; };

// addFiles takes files of a picker, a drop or the clipboard.
export function addFiles(files) {
  const asGiven = f => ({ content: f, name: f.name || 'file', type: f.type });
  add([...files].map(f => (PICTURE.test(f.type) ? { ...asGiven(f), picture: true } : asGiven(f))), anyway);
}

// addDropped takes what was dropped: files, and folders as an archive each.
export async function addDropped(data) {
  const entries = [...data.items].map(i => i.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter(e => e.isDirectory);
  if (!folders.length) {
    addFiles(data.files);
    return;
  }
  const files = await Promise.all(entries.filter(e => e.isFile).map(e => new Promise((done, fail) => e.file(done, fail))));
  addFiles(files);
  try {
    for (const e of folders) add([{ content: await ofEntry(e), name: e.name, folder: true }], anyway);
  } catch (e) {
    tell(problem(e), true);
  }
}

function addFolder(files) {
  if (files.length) add([{ content: ofFiles([...files]), name: files[0].webkitRelativePath.split('/')[0], folder: true }], anyway);
}

// closed says why nothing can be written here, '' if it can.
function closed(c) {
  if (c.group?.frozen) return text('frozen');
  if (c.group && !c.group.role) return text('out');
  return c.person?.blocked ? text('blockedThem') : '';
}

// choices are what the word before the caret may become: names of members, and emoji.
function choices(before) {
  const word = /(?:^|\s)([@:])([^\s@:]*)$/.exec(before);
  if (!word || (word[1] === ':' && word[2].length < 2)) return [];
  const begun = word[2].toLocaleLowerCase(), from = before.length - word[2].length - 1;
  if (word[1] === '@') {
    const all = members.value.filter(m => !m.self).map(m => m.person).concat(open.value?.person ?? []);
    const names = all.map(p => String(p.petname || p.knownAs || p.name || '')).filter(n => n.toLocaleLowerCase().startsWith(begun));
    return [...new Set(names)].slice(0, MOST).map(n => ({ from, put: `@${n} `, shown: n }));
  }
  return find(begun).slice(0, MOST).map(e => ({ from, put: e.sign, shown: `${e.sign} ${e.name}` }));
}

function Answering({ to }) {
  const m = view.peek()?.rows.find(l => l.message.id === to)?.message;
  const said = m ? String(m.text || fileName(m.attachments?.[0]?.name)).slice(0, 200) : '';
  let who = text('aMessage');
  if (m) who = m.own ? text('you') : html`<${Name} of=${m.from} />`;
  return html`<div class="context">
    <${Icon} name="reply" />
    <span class="what">${say('answering', { who })} <bdi>${said}</bdi></span>
    <${Tool} icon="close" label=${text('cancel')} onClick=${() => give('reply', { id: '' })} />
  </div>`;
}

const Tray = () => html`<ul class="tray" aria-label=${text('filesToSend')}>
  ${tray.value.map(f => html`<li key=${f.key}>
    <span class="what">
      <bdi>${fileName(f.name)}</bdi>
      <small>${size(f.size)}</small>
      ${!f.file && html`<progress max="1" value=${f.part} aria-label=${text('readingFile')} />`}
    </span>
    <${Tool} icon="close" label=${text('remove')} onClick=${() => drop(f.key)} />
  </li>`)}
</ul>`;

export function Composer() {
  const composer = writing.value, c = open.value, ref = useRef(), picker = useRef(), folder = useRef();
  const [offer, setOffer] = useState({ all: [], at: 0 }), [recording, record] = useState(false);
  const why = closed(c);
  const set = value => {
    ref.current.value = value;
    type(value);
  };
  // The text is the element's own. Only when the machine has set it, it is another.
  useLayoutEffect(() => { if (ref.current) ref.current.value = written().text; }, [composer.sets, c.conversation, why]);
  // On a touch screen a keyboard would come up.
  useEffect(() => { if (!matchMedia('(pointer: coarse)').matches) ref.current?.focus(); }, [c.conversation]);
  useEffect(() => { if (ref.current && emptied.value) ref.current.value = written().text; }, [emptied.value]);

  const complete = choice => {
    const el = ref.current, end = el.selectionStart;
    set(el.value.slice(0, choice.from) + choice.put + el.value.slice(end));
    el.selectionStart = el.selectionEnd = choice.from + choice.put.length;
    setOffer({ all: [], at: 0 });
  };
  const typed = () => {
    const el = ref.current;
    type(el.value);
    const all = choices(el.value.slice(0, el.selectionStart));
    if (all.length || offer.all.length) setOffer({ all, at: 0 });
  };
  const keys = e => {
    if (e.isComposing || e.keyCode === COMPOSING) return;
    const el = ref.current, { all, at } = offer;
    const plain = !e.ctrlKey && !e.altKey && !e.metaKey && !e.shiftKey;
    if (all.length && plain && ['ArrowDown', 'ArrowUp', 'Tab', 'Enter', 'Escape'].includes(e.key)) {
      if (e.key === 'Escape') setOffer({ all: [], at: 0 });
      else if (e.key === 'Tab' || e.key === 'Enter') complete(all[at]);
      else setOffer({ all, at: (at + (e.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length });
    } else if (e.key === 'Enter' && plain) submit();
    else if (e.key === 'ArrowUp' && plain && ((!el.value && !composer.edits) || sentAsIs())) {
      if (!editLast()) return;
    } else if (e.key === 'Escape' && composer.edits) give('endEdit');
    else if (e.key === 'Escape' && composer.replyTo) give('reply', { id: '' });
    else if (e.key === 'Escape') {
      give('toEnd');
      return;
    } else if (e.key === 'PageUp' && plain) {
      give('step', { by: -1 });
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const paste = e => {
    if (!e.clipboardData.files.length) return;
    e.preventDefault();
    addFiles(e.clipboardData.files);
  };
  const emoji = () => {
    dialog.value = {
      name: 'emoji', done(sign) {
        const el = ref.current, at = el.selectionStart;
        set(el.value.slice(0, at) + sign + el.value.slice(el.selectionEnd));
        el.focus();
        el.selectionStart = el.selectionEnd = at + sign.length;
      },
    };
  };
  if (why) return html`<div class="composer closed"><p>${why}</p></div>`;
  if (recording) {
    return html`<div class="composer"><${Recorder} done=${blob => {
      record(false);
      if (blob) add([{ content: blob, name: text('voiceName'), type: blob.type, voice: true }], anyway);
    }} /></div>`;
  }
  const id = i => 'choice' + i;
  // What comes and goes stands in an element of its own: one that is moved would lose the focus.
  return html`<form class="composer" onSubmit=${e => { e.preventDefault(); submit(); ref.current.focus(); }}>
    <div>${composer.edits && html`<div class="context">
      <${Icon} name="pen" />
      <span class="what">${text('changing')}</span>
      <${Tool} icon="close" label=${text('cancel')} onClick=${() => give('endEdit')} />
    </div>`}
    ${!composer.edits && composer.replyTo && html`<${Answering} to=${composer.replyTo} />`}
    ${tray.value.length > 0 && html`<${Tray} />`}
    ${offer.all.length > 0 && html`<ul class="offer" id="offer" role="listbox" aria-label=${text('suggestions')}>
      ${offer.all.map((o, i) => html`<li role="option" id=${id(i)} key=${o.put} aria-selected=${i === offer.at}
        onPointerDown=${e => { e.preventDefault(); complete(o); }}><bdi>${o.shown}</bdi></li>`)}
    </ul>`}</div>
    <div class="line-of-writing">
      <${Tool} icon="clip" label=${text('addFile')} onClick=${() => picker.current.click()} />
      <${Tool} icon="folder" class="tool folder" label=${text('addFolder')} onClick=${() => folder.current.click()} />
      <input ref=${picker} type="file" multiple hidden onChange=${e => { addFiles(e.target.files); e.target.value = ''; }} />
      <input ref=${folder} type="file" webkitdirectory hidden onChange=${e => { addFolder(e.target.files); e.target.value = ''; }} />
      <textarea id="write" ref=${ref} rows="1" dir="auto" maxlength="65536"
        placeholder=${text('writeHere')} aria-label=${text('writeHere')} aria-autocomplete="list"
        aria-controls=${offer.all.length ? 'offer' : undefined} aria-activedescendant=${offer.all.length ? id(offer.at) : undefined}
        onInput=${typed} onKeyDown=${keys} onPaste=${paste} onFocus=${() => give('deselect')} onBlur=${() => setOffer({ all: [], at: 0 })}></textarea>
      <${Tool} icon="smile" label=${text('emoji')} onClick=${emoji} />
      ${recordable() && html`<${Tool} icon="mic" label=${text('record')} onClick=${() => record(true)} />`}
      <button class="send" type="submit" aria-label=${text('send')} title=${text('send')}
        disabled=${link.value !== 'up' || composer.sending}><${Icon} name="send" /></button>
    </div>
    ${link.value !== 'up' && html`<p class="hint" role="status">${text('kept')}</p>`}</form>`;
}

