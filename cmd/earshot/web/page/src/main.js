// The page of earshot: it takes up the session, reads what there is, and follows what changes.

import { html, render } from '/preact.js';
import { onLost } from './api.js';
import { App } from './app.js';
import { keepFocus } from './focus.js';
import { load } from './modules.js';
import { goBack } from './place.js';
import * as session from './session.js';
import { dialog, link, me, refresh } from './state.js';
import * as stream from './stream.js';
import { watch } from './talk.js';
import { begin as beginTexts } from './texts.js';

const SOON = 300; // ms: if it takes longer until there is something to show, the page shows what it does

// painted calls f once what stands now was painted, or soon in a tab that is not shown.
function painted(f) {
  const frame = requestAnimationFrame(() => setTimeout(go)), late = setTimeout(go, 1000);
  function go() {
    cancelAnimationFrame(frame);
    clearTimeout(late);
    f();
  }
}

const show = () => render(html`<${App} />`, document.getElementById('page'));

async function begin() {
  onLost(() => {});
  const proving = session.begin();
  await beginTexts();
  const late = setTimeout(show, SOON);
  const proven = await proving;
  stream.listen();
  if (proven === 'ok') await refresh(() => { link.value = 'up'; }).catch(() => { link.value = ''; });
  else link.value = proven;
  clearTimeout(late);
  show();
  if (link.value === 'unknown' || link.value === 'other') return;
  watch();
  keepFocus();
  stream.begin();
  stream.onAlert(a => load().then(m => m.showAlert(a), () => {}));
  link.subscribe(now => { if (now === 'up') painted(() => load().catch(() => {})); });
  if (me.value && !me.value.name) dialog.value = { name: 'first' };
  goBack();
}

begin();
