// What the owner can set, the help, and what is asked of them at first.

import { html, useEffect, useState } from '/preact.js';
import { ask as request, call } from './api.js';
import { keepPlace } from './place.js';
import { current, forget } from './session.js';
import { archived, dialog, me, tell, tried } from './state.js';
import { offer, over } from './stream.js';
import { choose, chosen, known, text } from './texts.js';
import { Dialog, Panel } from './ui.js';

async function set(change) {
  const now = await tried('Node/UpdateMe', change);
  if (now) me.value = now;
  return now;
}

const Flag = ({ name, of }) => html`<label class="check"><input type="checkbox" checked=${!!me.value[of]} onChange=${e => set({ [of]: e.target.checked })} /> ${text(name)}</label>`;

const Choice = ({ label, value, options, change }) => html`<label class="choice"><span>${label}</span><select value=${value} onChange=${e => change(e.target.value)}>${
  options.map(([v, name]) => html`<option key=${v} value=${v} selected=${v === value}>${name}</option>`)}</select></label>`;

const clock = minutes => `${String(Math.floor((minutes ?? 0) / 60)).padStart(2, '0')}:${String((minutes ?? 0) % 60).padStart(2, '0')}`;
const minutes = clock => { const [h, m] = clock.split(':').map(Number); return h * 60 + m; };
const DAYS = [1, 2, 3, 4, 5, 6, 7];
const FIRST = { from: 18 * 60, to: 8 * 60 }; // quiet hours that are offered
const MOST_HOURS = 14;

function Quiet() {
  const all = me.value.quietHours ?? [];
  const put = list => set({ quietHours: { quietHours: list } });
  const change = (i, what) => put(all.map((q, j) => (j === i ? { ...q, ...what } : q)));
  const dayName = d => new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'short' }).format(new Date(2024, 0, d)); // 1 January 2024 was a Monday
  return html`<h3>${text('quietHours')}</h3>${all.map((q, i) => {
    const days = q.days?.length ? q.days : DAYS;
    return html`<fieldset key=${i}><legend>${clock(q.from)}–${clock(q.to)}</legend><div class="times"><label>${text('from_')} <input type="time" value=${clock(q.from)} onChange=${e => e.target.value && change(i, { from: minutes(e.target.value) })} /></label>
    <label>${text('to_')} <input type="time" value=${clock(q.to)} onChange=${e => e.target.value && change(i, { to: minutes(e.target.value) })} /></label></div>
    <div class="days">${DAYS.map(d => html`<label key=${d}><input type="checkbox" checked=${days.includes(d)} onChange=${e => {
      const some = DAYS.filter(o => (o === d ? e.target.checked : days.includes(o)));
      if (some.length) change(i, { days: some.length === 7 ? [] : some });
      else {
        e.target.checked = true;
        tell(text('lastDay'), true);
      }
    }} />${dayName(d)}</label>`)}</div><button type="button" onClick=${() => put(all.filter((_, j) => j !== i))}>${text('remove')}</button></fieldset>`;
  })}${all.length < MOST_HOURS && html`<button type="button" onClick=${() => put([...all, FIRST])}>${text('addQuiet')}</button>`}`;
}

function Alerts() {
  const [may, setMay] = useState(globalThis.Notification?.permission);
  if (!may) return null;
  if (may === 'granted') return html`<p class="quiet">${text('alertsOn')}</p>`;
  if (may === 'denied') return html`<p class="quiet">${text('alertsDenied')}</p>`;
  return html`<button type="button" onClick=${async () => {
    const now = await Notification.requestPermission();
    setMay(now);
    if (now === 'granted') offer();
  }}>${text('alertsAsk')}</button>`;
}

// useStartup is whether the node starts at login, as the system says, and what changes that. It is null until that is
// known.
function useStartup() {
  const [now, put] = useState(null);
  useEffect(() => { call('Startup/GetStartup').then(put, () => {}); }, []);
  return [now, async enabled => {
    const then = await tried('Startup/SetStartup', { enabled });
    if (then) put(then);
  }];
}

// WhyNot says why the owner can't change whether the node starts at login.
const WhyNot = ({ of }) => of?.whyNot && html`<p class="quiet">${text(known('startup.' + of.whyNot) ? 'startup.' + of.whyNot : 'startup.failed')}</p>`;

const AtLogin = ({ on, change, disabled }) => html`<label class="check"><input type="checkbox" checked=${on} disabled=${disabled} onChange=${e => change(e.target.checked)} /> ${text('atLogin')}</label>`;

function Startup() {
  const [now, change] = useStartup();
  return now && html`<${AtLogin} on=${!!now.enabled} change=${change} disabled=${!!now.whyNot} /><${WhyNot} of=${now} />`;
}

async function end() {
  const used = current();
  try {
    await request('/session', { method: 'DELETE' });
  } catch { /* it has ended already, or ends by time */ }
  forget(used);
  over();
}

export function Settings({ close }) {
  const m = me.value, [name, setName] = useState(m.name ?? '');
  return html`<${Panel} title=${text('settings')} close=${close}>
    <form onSubmit=${async e => { e.preventDefault(); if (await set({ name })) tell(text('saved')); }}><label class="choice"><span>${text('yourName')}</span><input class="field" value=${name} maxlength="64" onInput=${e => setName(e.target.value)} /></label>
      ${name !== (m.name ?? '') && html`<button type="submit" class="main">${text('save_')}</button>`}</form>
    <${Choice} label=${text('whoMayWrite')} value=${m.accept} options=${[['everyone', text('everyone')], ['contacts', text('contactsAsk')]]} change=${accept => set({ accept })} /><${Startup} />
    <${Flag} name="setReceipts" of="readReceipts" /><${Flag} name="setTyping" of="typing" /><${Flag} name="setPresence" of="presence" />
    <h3>${text('notifications')}</h3><${Alerts} />
    <${Choice} label=${text('alertsShow')} value=${m.alerts} options=${['full', 'name', 'nothing'].map(v => [v, text('alerts.' + v)])} change=${alerts => set({ alerts })} /><${Quiet} />
    <h3>${text('files')}</h3><${Choice} label=${text('filesAuto')} value=${m.files?.auto} options=${['default', 'on', 'off'].map(v => [v, text('auto.' + v)])} change=${filesAuto => set({ filesAuto })} />
    <h3>${text('language')}</h3><${Choice} label=${text('language')} value=${chosen()} options=${[['', text('asBrowser')], ['en', 'English'], ['de', 'Deutsch']]} change=${l => { choose(l); keepPlace(); location.reload(); }} />
    <h3>${text('thisPage')}</h3><p class="quiet">${text('closing')}</p><div class="buttons"><button type="button" onClick=${async () => {
    const r = await tried('Conversations/Conversations', { archived: true, limit: 1000 });
    if (r) archived.value = (r.conversations ?? []).filter(c => c.archived);
  }}>${text('showArchived')}</button><button type="button" onClick=${end}>${text('endSession')}</button></div>
    <p class="quiet"><code>${String(m.person ?? '').slice(0, 16)}</code></p><//>`;
}

const KEYS = [
  ['keysPage', [['Ctrl+K', 'key.switch'], ['Alt+↑ ↓', 'key.step'], ['Alt+U', 'key.unread'], ['/', 'search'], ['?', 'help'], ['Esc', 'key.esc']]],
  ['keysWrite', [['Enter', 'send'], ['Shift+Enter', 'key.line'], ['↑', 'key.editLast'], ['@ :', 'key.complete'], ['PgUp', 'key.select']]],
  ['keysSelect', [['↑ ↓', 'key.other'], ['r', 'reply'], ['e', 'edit'], ['+', 'react'], ['x', 'takeBack'], ['f', 'forward'], ['c', 'copy'], ['i', 'whoHas'], ['u', 'markUnread'], ['q', 'jump'], ['m', 'more'],
    ['s', 'save'], ['a', 'fetch'], ['d', 'decline'], ['p', 'pause'], ['Esc', 'key.write']]],
];

export const Help = ({ close }) => html`<${Panel} title=${text('help')} close=${close}><p>${text('helpLong')}</p>${KEYS.map(([title, keys]) => html`<h3>${text(title)}</h3>
  <dl class="keys">${keys.map(([key, what]) => html`<dt>${key.split(/(?<=\+)|(?=\+)| /).filter(k => k !== '+' || key === '+').map(k => html`<kbd>${k}</kbd>`)}</dt><dd>${text(what)}</dd>`)}</dl>`)}<//>`;

// First asks what the owner is called, who may write to them, and whether the node is to start at login.
export function First() {
  const [name, setName] = useState(''), [accept, setAccept] = useState(me.value.accept ?? 'everyone'), [step, setStep] = useState(0);
  const [now, change] = useStartup(), [start, setStart] = useState(true), may = now && !now.whyNot;
  const save = async e => {
    e.preventDefault();
    if (!await set({ name, accept })) return;
    if (may && !!now.enabled !== start) await change(start);
    setStep(1);
  };
  if (step) {
    return html`<${Dialog} title=${text('ready')}><p>${text('closing')}</p>${now?.enabled ? html`<p>${text('startupOn')}</p>` : now && !now.whyNot && html`<p>${text('startupOff')}</p>`}<${WhyNot} of=${now} />
      <div class="buttons"><button type="button" class="main" onClick=${() => { dialog.value = null; }}>${text('done')}</button></div><//>`;
  }
  return html`<${Dialog} title=${text('welcome')}><form onSubmit=${save}>
    <label class="choice"><span>${text('askName')}</span><input class="field" autofocus value=${name} maxlength="64" required onInput=${e => setName(e.target.value)} /></label>
    <fieldset><legend>${text('whoMayWrite')}</legend>${[['everyone', 'everyone'], ['contacts', 'contactsOnly']].map(([v, label]) => html`<label class="check" key=${v}><input type="radio" name="accept"
      checked=${accept === v} onChange=${() => setAccept(v)} /> ${text(label)}</label>`)}</fieldset>${may && html`<${AtLogin} on=${start} change=${setStart} />`}
    <div class="buttons"><button type="submit" class="main">${text('goOn')}</button></div></form><//>`;
}

const PAUSE = 7 * 24 * 3600 * 1000; // for which the recovery words can be put off

// Recovery says how the recovery words are written down. The page itself never has them.
export function Recovery() {
  const shut = () => { dialog.value = null; };
  const later = async () => { if (await set({ recoveryLater: new Date(Date.now() + PAUSE).toISOString() })) shut(); };
  return html`<${Dialog} title=${text('recovery')}><p>${text('recoveryLong')}</p><p><code>earshot me recovery</code></p><p class="quiet">${text('recoveryNot')}</p>
    <div class="buttons"><button type="button" class="main" onClick=${shut}>${text('done')}</button><button type="button" onClick=${later}>${text('inAWeek')}</button></div><//>`;
}
