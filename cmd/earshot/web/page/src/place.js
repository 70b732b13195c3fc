// What is open is open again after the page is loaded anew in another language.

import { who } from './names.js';
import { panel } from './state.js';
import { goTo, open } from './talk.js';

const KEY = 'place'; // in sessionStorage, which is of this tab alone

export const keepPlace = () => sessionStorage.setItem(KEY, JSON.stringify({ with: open.value && who(open.value.with), panel: panel.value?.name }));

export async function goBack() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (!kept) return;
  const place = JSON.parse(kept);
  if (place.with) await goTo(place.with);
  if (place.panel === 'settings') panel.value = { name: 'settings' };
}
