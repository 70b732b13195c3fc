// Compares the texts of the languages, and what the sources ask for.

import { texts as deFirst } from '/src/de.js';
import { texts as deMore } from '/src/de-more.js';
import { texts as enFirst } from '/src/en.js';
import { texts as enMore } from '/src/en-more.js';

const de = { ...deFirst, ...deMore }, en = { ...enFirst, ...enMore };

const forms = text => (typeof text === 'string' ? { other: text } : text);
const values = text => [...new Set(text.match(/\{\w+\}/g))].sort().join();

export function compare() {
  const wrong = [...Object.keys(enFirst).filter(k => k in enMore || !(k in deFirst)), ...Object.keys(enMore).filter(k => !(k in deMore))].map(k => `${k} is not in the same file`);
  for (const key of new Set([...Object.keys(en), ...Object.keys(de)])) {
    if (!(key in en) || !(key in de)) wrong.push(`${key} is in one language only`);
    else if (values(forms(en[key]).other) !== values(forms(de[key]).other)) wrong.push(`${key} has other values: ${values(forms(en[key]).other)} and ${values(forms(de[key]).other)}`);
    else if (typeof en[key] !== typeof de[key]) wrong.push(`${key} has forms in one language only`);
    for (const text of [en[key], de[key]].filter(Boolean).flatMap(t => Object.values(forms(t)))) if (!text.trim()) wrong.push(`${key} is empty`);
  }
  return wrong;
}

// asked returns the keys without a text that the sources name: those that are written out in a call of text or say.
export function asked(sources) {
  const missing = new Set();
  let found = 0;
  for (const source of sources) {
    for (const call of source.matchAll(/\b(?:text|say)\(([^()]*)/g)) {
      for (const [, key] of call[1].split(',')[0].matchAll(/'([\w.]+)'(?!\s*\+)/g)) {
        found++;
        if (!(key in en)) missing.add(key);
      }
    }
  }
  if (found < 200) missing.add(`only ${found} were found in the sources`);
  return [...missing];
}
