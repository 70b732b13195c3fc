// The page of earshot: it takes up the session, reads what there is, and follows what changes.

import { html, render } from '/preact.js';
import { onLost } from './api.js';
import { App } from './app.js';
import { keepFocus } from './focus.js';
import { load } from './modules.js';
import * as session from './session.js';
import { dialog, link, me, refresh } from './state.js';
import * as stream from './stream.js';
import { watch } from './talk.js';
import { begin as beginTexts } from './texts.js';

async function begin() {
  onLost(() => {});
  const proving = session.begin();
  await beginTexts();
  render(html`<${App} />`, document.getElementById('page'));
  const proven = await proving;
  stream.listen();
  if (proven === 'ok') {
    try {
      await refresh();
      link.value = 'up';
    } catch {
      link.value = '';
    }
  } else link.value = proven;
  if (link.value === 'unknown' || link.value === 'other') return;
  watch();
  keepFocus();
  stream.begin();
  stream.onAlert(a => load().then(m => m.showAlert(a), () => {}));
  link.subscribe(now => { if (now === 'up') load().catch(() => {}); });
  if (me.value && !me.value.name) dialog.value = { name: 'first' };
}

begin();

