// What stands in the composer, and what the node keeps of it.

import { earliest } from './window.js';

export const SAVE_EVERY = 1000; // ms: how long a draft may differ from the one that the node has

export const wordsOf = d => ({ text: d?.text || '', replyTo: d?.replyTo || '' });
export const equal = (a, b) => a.text === b.text && a.replyTo === b.replyTo;

// revisionOf is the revision of a draft, which is a uint64.
export const revisionOf = d => BigInt(d?.revision || 0);

export class Draft {
  // kept, of an edit: the node has, or may have, a draft of it.
  constructor(words, revision = 0n, edits = '', kept = false) {
    Object.assign(this, { ...words, edits, kept, revision, node: words });
    this.touched = false; // the owner has changed it since it was opened, adopted or sent
    this.due = 0;
    this.soon = false; // it is to be saved as soon as that is answered which is being saved
    this.saving = 0; // the request; 0: none
    this.saved = null;
    this.other = null; // a draft from elsewhere that can't be adopted now
  }

  get words() { return { text: this.text, replyTo: this.replyTo }; }
  set words(w) { this.text = w.text; this.replyTo = w.replyTo; }

  // differs reports whether the node has another text.
  differs() { return !equal(this, this.node); }

  // change says that the owner has changed it.
  change(now) {
    this.touched = true;
    this.schedule(now + SAVE_EVERY);
  }

  schedule(time) {
    if (!this.differs()) this.due = 0;
    else if (!this.saving) this.due = earliest(this.due, time);
  }

  // save saves it now, or after what is being saved.
  save(out) {
    if (!this.differs()) this.due = 0;
    else if (this.saving) this.soon = true;
    else this.send(out);
  }

  send(out) {
    this.saving = out.request();
    this.saved = this.words;
    this.due = 0;
    this.soon = false;
    this.kept = true;
    out.effect('saveDraft', { request: this.saving, ...this.words, edits: this.edits });
  }

  // answered ends a saving. What has come from elsewhere meanwhile may be an echo.
  answered(now, revision, ok) {
    this.saving = 0;
    if (!ok) {
      this.soon = false; // until it is changed, or is tried again
      return;
    }
    this.node = this.saved;
    this.revision = revision;
    if (this.other && revisionOf(this.other) <= revision) this.other = null;
    const time = this.soon ? now : now + SAVE_EVERY;
    this.soon = false;
    this.schedule(time);
  }

  // offer takes a draft from elsewhere, and returns whether that is in the composer now. It is not while
  // the node doesn't have what is there, nor while the owner is writing.
  offer(other, writing) {
    this.other = null;
    const w = wordsOf(other), revision = revisionOf(other);
    if (revision && revision <= this.revision) return false; // a later one is known
    if (equal(w, this)) {
      Object.assign(this, { node: w, revision, due: 0 });
      return false;
    }
    if (this.differs() || (writing && this.touched)) {
      this.other = other;
      return false;
    }
    this.words = w;
    Object.assign(this, { node: w, revision, touched: false, due: 0 });
    return true;
  }
}
