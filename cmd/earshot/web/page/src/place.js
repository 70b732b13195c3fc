// What is open is open again after the page is loaded anew in another language, and the settings beside it.

import { who } from './names.js';
import { panel } from './state.js';
import { goTo, open } from './talk.js';

const KEY = 'place'; // in sessionStorage, which is of this tab alone: with whom the open conversation is, '' if none is

export function keepPlace() {
  try {
    sessionStorage.setItem(KEY, open.value ? who(open.value.with) : '');
  } catch { /* the browser keeps nothing: so it is not opened again */ }
}

export async function goBack() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (kept === null) return;
  if (kept) await goTo(kept);
  panel.value = { name: 'settings' };
}
