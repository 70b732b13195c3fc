// The modules that are not needed at first. They are all loaded once the list stands: so they are there at once when
// they are needed, also while the node is gone.

import { Problem } from './api.js';
import { proven } from './session.js';
import { rest } from './texts.js';

const MODULES = {
  conversation: () => import('./conversation.js'),
  people: () => import('./people.js'), details: () => import('./details.js'), search: () => import('./search.js'), settings: () => import('./settings.js'),
  files: () => import('./files.js'), dialogs: () => import('./dialogs.js'), words: () => import('./words.js'), emoji: () => import('./emojis.js'),
  find: () => import('./emoji.js'), folder: () => import('./folder.js'), alerts: () => import('./alerts.js'),
};
const loaded = new Map();

// had returns a module that is loaded.
export const had = name => loaded.get(name);

// load loads a module, unless it is there. A module runs with all that the page may do, so it is not taken from
// whoever answers while the node has not proven itself.
export async function load(name) {
  if (!loaded.has(name)) {
    if (!proven()) throw new Problem('');
    const [module] = await Promise.all([MODULES[name](), rest()]);
    loaded.set(name, module);
  }
  return loaded.get(name);
}

export const ready = () => Promise.allSettled(Object.keys(MODULES).map(load));
