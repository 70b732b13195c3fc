// Comparing safety words, as words and as a QR code to show.

import { html, useState } from '/preact.js';
import { call } from './api.js';
import { called, whole } from './names.js';
import { replace, useRead, verify } from './people.js';
import { code } from './qr.js';
import { dialog, tell } from './state.js';
import { text } from './texts.js';
import { Dialog } from './ui.js';

function Code({ of }) {
  const rows = code(of), n = rows.length + 8;
  const path = rows.flatMap((row, y) => row.map((on, x) => (on ? `M${x + 4} ${y + 4}h1v1h-1z` : ''))).join('');
  return html`<svg class="qr" viewBox=${`0 0 ${n} ${n}`} role="img" aria-label=${text('wordsCode')}><rect width=${n} height=${n} fill="#fff" /><path d=${path} fill="#000" /></svg>`;
}

// Words compares words with somebody, who is verified then; or, instead of a contact, takes the contact's place.
export function Words({ person, instead }) {
  const r = useRead(() => call('People/SafetyWords', { who: person.person }), [person.person]), [shows, show] = useState(false), [resend, setResend] = useState(true);
  const words = (r?.words ?? []).map(String);
  const same = async () => {
    const said = words.join(' '), p = instead ? await replace(instead, person, said, resend) : await verify(person, said);
    if (!p) return;
    dialog.value = null;
    if (!instead) tell(text('verifiedNow', { who: called(p) }));
  };
  return html`<${Dialog} title=${text('compareWith', { who: whole(r?.person ?? person) })}><p>${text(instead ? 'compareInstead' : 'compareLong', { who: called(instead) })}</p>
    <ol class="words" translate="no" lang="en">${words.map((w, i) => html`<li key=${i}>${w}</li>`)}</ol>
    ${shows && html`<${Code} of=${words.join(' ')} />`}
    ${instead && html`<label class="check"><input type="checkbox" checked=${resend} onChange=${e => setResend(e.target.checked)} /> ${text('resend')}</label>`}
    <p class="quiet">${text('differ')}</p><div class="buttons"><button type="button" class="main" disabled=${!words.length} onClick=${same}>${text('same')}</button>
    <button type="button" onClick=${() => { dialog.value = null; tell(text('differ'), true); }}>${text('notSame')}</button>
    <button type="button" aria-pressed=${shows} disabled=${!words.length} onClick=${() => show(!shows)}>${text('showCode')}</button></div><//>`;
}
