// What can be done with a message, by a button or a key.

import { save, content } from './api.js';
import { fileName } from './names.js';
import { problem } from './phrases.js';
import { dialog, mono, panel, tell, tried } from './state.js';
import { give, view } from './talk.js';
import { text } from './texts.js';
import { confirm } from './ui.js';

const focusComposer = () => document.querySelector('#write')?.focus();
const inline = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

export const acts = {
  reply(m) {
    if (m.kind === 'notice') return;
    give('deselect');
    give('reply', { id: m.id });
    focusComposer();
  },
  edit(m) {
    if (!m.own || m.kind !== 'text') {
      tell(text('notYours'), true);
      return;
    }
    give('deselect');
    give('beginEdit', { id: m.id });
    focusComposer();
  },
  react(m) {
    if (m.kind === 'text') dialog.value = { name: 'emoji', own: m.reactions?.find(r => r.own)?.emoji, done: emoji => acts.toggle(m, emoji, emoji === '') };
  },
  toggle: (m, emoji, off) => tried('Messages/React', { id: m.id, emoji: off ? '' : emoji }),
  async takeBack(m) {
    if (!m.own) {
      tell(text('notYours'), true);
      return;
    }
    const queued = m.state === 'queued';
    if (await confirm(text(queued ? 'cancelAsk' : 'recallAsk'), text('takeBack'))) tried(queued ? 'Messages/Cancel' : 'Messages/Recall', { id: m.id });
  },
  forward(m) {
    dialog.value = {
      name: 'pick', title: text('forwardTo'), yes: text('send'), async done(to) {
        const r = await tried('Messages/Forward', { id: m.id, to });
        const failed = r?.sent?.find(s => s.problem);
        if (failed) tell(problem(failed.problem), true);
        else if (r) tell(text('sentTo', { n: to.length }));
      },
    };
  },
  async copy(m) {
    try {
      await navigator.clipboard.writeText(String(m.text ?? ''));
      tell(text('copied'));
    } catch {
      tell(text('notCopied'), true);
    }
  },
  about(m) { panel.value = { name: 'about', m }; },
  unread(m) {
    if (m.own || m.kind === 'notice') return;
    give('markUnread', { id: m.id });
    tell(text('markedUnread'));
  },
  jump(m) {
    if (m.replyTo) give('jumpTo', { id: m.replyTo, select: true });
  },
  menu(m) { dialog.value = { name: 'menu', m }; },
  mono(m) {
    const all = new Set(mono.value);
    if (!all.delete(m.id)) all.add(m.id);
    mono.value = all;
  },
  file: (method, m, a) => tried('Files/' + method, { id: m.id, n: a ? a.n : 0 }),
  async save(m, a) {
    try {
      for (const one of a ? [a] : m.attachments) await save(m.id, one.n, () => tell(text('saveWaits')));
    } catch (e) {
      tell(problem(e), true);
    }
  },
  async show(m, a) {
    try {
      const blob = await content(m.id, a.n);
      if (inline.includes(blob.type)) dialog.value = { name: 'picture', blob, title: fileName(a.name), save: () => acts.save(m, a) };
      else await acts.save(m, a);
    } catch (e) {
      tell(problem(e), true);
    }
  },
};

// KEYS are those of the terminal, while a message is selected.
const KEYS = {
  r: acts.reply, e: acts.edit, '+': acts.react, x: acts.takeBack, f: acts.forward, c: acts.copy, i: acts.about, u: acts.unread, q: acts.jump, m: acts.menu,
  s: m => m.attachments && acts.save(m), a: m => m.attachments && acts.file('AcceptFiles', m), d: m => m.attachments && acts.file('DeclineFiles', m),
  p: m => m.attachments && acts.file('PauseFiles', m),
};

// key does what a key is for, with the selected message. It returns whether there was anything.
export function key(name) {
  const m = view.value?.rows.find(l => l.message.id === view.value.selected)?.message;
  if (!m || !Object.hasOwn(KEYS, name)) return false;
  KEYS[name](m);
  return true;
}

