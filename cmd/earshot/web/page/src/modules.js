// What is not needed at first is one module. It is loaded once the list stands: so it is there at once when it is
// needed, also while the node is gone.

import { signal } from '/preact.js';
import { Problem } from './api.js';
import { proven } from './session.js';
import { rest } from './texts.js';

export const later = signal(null); // the module, once it is loaded

// load loads it, unless it is there. A module runs with all that the page may do, so it is not taken from whoever
// answers while the node has not proven itself.
export async function load() {
  if (!later.value) {
    if (!proven()) throw new Problem('');
    const [module] = await Promise.all([import('./later.js'), rest()]);
    later.value = module;
  }
  return later.value;
}
