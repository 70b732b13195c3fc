// The words of the page in the language of the reader. They are in en.js and de.js, which have the same keys, and
// those that are needed only when the list of conversations stands in en-more.js and de-more.js.

const LANGUAGES = ['en', 'de'];
const KEY = 'language'; // in localStorage: what the owner has chosen, beside what the browser says

let texts = {};
let plural; // made when a text first has forms: it takes a while

// rest loads the texts that are not needed at first.
export let rest;

export let language = 'en';
let locale = 'en'; // the same with a region, where the browser has one: for dates and numbers

// choose takes the language that the owner wants, or '' for that of the browser.
export function choose(name) {
  if (name) localStorage.setItem(KEY, name);
  else localStorage.removeItem(KEY);
}

export const chosen = () => localStorage.getItem(KEY) ?? '';

export async function begin() {
  const wanted = [chosen(), ...navigator.languages.map(l => l.slice(0, 2))];
  language = wanted.find(l => LANGUAGES.includes(l)) ?? 'en';
  const [first, more] = language === 'de' ? [() => import('./de.js'), () => import('./de-more.js')] : [() => import('./en.js'), () => import('./en-more.js')];
  texts = { ...(await first()).texts };
  rest = async () => Object.assign(texts, (await more()).texts);
  locale = navigator.languages.find(l => l.slice(0, 2) === language) ?? language;
  document.documentElement.lang = language;
}

// say is a text as a list of strings and of the values that are named in it in braces. Where a text has forms, n
// chooses one.
export function say(key, values = {}) {
  let form = texts[key] ?? key;
  if (typeof form === 'object') form = form[(plural ??= new Intl.PluralRules(language)).select(Number(values.n))] ?? form.other;
  return form.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? values[part] ?? '' : part));
}

// text is the same as one string. Names in it are isolated, so that they don't turn what is around them.
export const text = (key, values) => say(key, values).map((part, i) => (i % 2 && typeof part === 'string' ? `\u2068${part}\u2069` : String(part))).join('');

// known reports whether there is a text.
export const known = key => Object.hasOwn(texts, key);

const formats = new Map();
function format(name, options) {
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(locale, options));
  return formats.get(name);
}

const valid = time => { const d = new Date(time); return Number.isNaN(d.getTime()) ? null : d; };

export const clock = time => { const d = valid(time); return d ? format('clock', { hour: '2-digit', minute: '2-digit' }).format(d) : ''; };

// day is the day of a time, t of a message, in words.
export function day(t) {
  const d = valid(Number(t));
  if (!d) return '';
  const now = new Date();
  return d.getFullYear() === now.getFullYear()
    ? format('day', { weekday: 'long', day: 'numeric', month: 'long' }).format(d)
    : format('year', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(d);
}

// when is a time as people read it: the time of day if it is today, else the day too.
export function when(time) {
  const d = valid(time), now = new Date();
  if (!d) return '';
  if (d.toDateString() === now.toDateString()) return clock(d);
  if (d.getFullYear() === now.getFullYear()) return format('short', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(d);
  return format('date', { dateStyle: 'medium' }).format(d);
}

// brief is the same for a list, where there is little room: without the time of another day.
export function brief(t) {
  const d = valid(Number(t));
  if (!d || !Number(t)) return '';
  return d.toDateString() === new Date().toDateString() ? clock(d) : format('brief', { day: 'numeric', month: 'short' }).format(d);
}

export function size(bytes) {
  let n = Number(bytes) || 0, unit = 0;
  while (n >= 1000 && unit < 4) {
    n /= 1000;
    unit++;
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit', unit: ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'][unit], unitDisplay: 'short', maximumFractionDigits: n < 10 && unit ? 1 : 0,
  }).format(n);
}

export const list = names => new Intl.ListFormat(language, { type: 'conjunction' }).format(names);
