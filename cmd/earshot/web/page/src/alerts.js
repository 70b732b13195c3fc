// Notifications of the browser: the node decides what is shown, and when it is put away.

import { who } from './names.js';
import { goTo } from './talk.js';

const shown = new Map(); // by the conversation, '' for a summary

export function show(a) {
  const key = String(a.conversation ?? ''), old = shown.get(key);
  if (a.close) {
    old?.close();
    shown.delete(key);
    return;
  }
  const one = new Notification(String(a.title ?? 'earshot'), { body: String(a.text ?? ''), tag: 'earshot ' + key, silent: !!a.silent, icon: '/icon.svg' });
  one.onclick = () => {
    window.focus();
    one.close();
    if (a.with?.id) goTo(who(a.with));
  };
  one.onclose = () => shown.get(key) === one && shown.delete(key);
  shown.set(key, one);
}
