// What the owner writes: a message, or now an edit, which have a draft each.

import { Draft, equal, revisionOf, wordsOf } from './draft.js';
import { earliest } from './window.js';

const TYPING_EVERY = 4000; // ms: the node believes it for 6 s

const blank = text => !text.trim();

export class Composer {
  message = new Draft(wordsOf());
  edit = null;
  sets = 0;
  focus = false;
  sending = null; // {request, words, text, key, draft}: what the node is being asked to take
  failed = null; // the last message, if it may not have been sent
  typing = false; // was told
  told = 0; // when
  typedAt = 0;

  open(open) {
    this.focus = open.focus !== 'no';
    this.sets = 1;
    this.message = new Draft(wordsOf(open.draft), revisionOf(open.draft));
    const e = open.edit;
    if (e?.text && e.edits) this.edit = new Draft(wordsOf(e), revisionOf(e), e.edits, true);
  }

  current() { return this.edit ?? this.message; }
  drafts() { return this.edit ? [this.message, this.edit] : [this.message]; }

  // held reports whether a draft is not to be saved, since it is being sent.
  held(d) { return this.sending && d === this.current(); }

  view() {
    const d = this.current();
    return { text: d.text, sets: this.sets, replyTo: d.replyTo, edits: d.edits, sending: !!this.sending };
  }

  // which returns the draft that one from elsewhere is of, if there is one here.
  which(other) {
    if (!other.edits) return this.message;
    return this.edit?.edits === other.edits ? this.edit : null;
  }

  typed(out, now, { text }) {
    this.current().text = text;
    this.current().change(now);
    this.types(out, now);
  }

  reply(out, now, { id }) {
    this.message.replyTo = id || '';
    this.message.change(now);
  }

  draftChanged(out, now, other) {
    const d = this.which(other);
    if (d) this.offer(d, other);
  }

  // offer adopts a draft from elsewhere, if it may be.
  offer(d, other) {
    if (d.saving || this.held(d)) {
      d.other = other;
      return;
    }
    if (!d.offer(other, this.focus)) return;
    if (d === this.current()) this.sets++;
    if (d === this.edit && !d.text) this.edit = null; // it was made, or given up, elsewhere
  }

  // reconsider offers what could not be adopted before.
  reconsider(d) {
    if (d.other) this.offer(d, d.other);
  }

  focused(out, focus) {
    if (focus === this.focus) return;
    this.focus = focus;
    if (focus) return;
    for (const d of this.drafts()) {
      if (!this.held(d)) d.save(out);
      this.reconsider(d);
    }
  }

  saved(out, now, { request, revision }) { this.answered(now, request, BigInt(revision || 0), true); }
  saveFailed(out, now, { request }) { this.answered(now, request, 0n, false); }

  answered(now, request, revision, ok) {
    for (const d of this.drafts()) {
      if (request && d.saving === request) {
        d.answered(now, revision, ok);
        this.reconsider(d);
      }
    }
  }

  // types tells that the owner is typing, or is not any more. A command is no typing.
  types(out, now) {
    const text = this.message.text;
    if (this.edit || blank(text) || (text.startsWith('/') && !text.startsWith('//'))) {
      this.rests(out);
      return;
    }
    this.typedAt = now;
    if (!this.typing) {
      this.typing = true;
      this.told = now;
      out.effect('setTyping', { typing: true });
    }
  }

  rests(out) {
    if (!this.typing) return;
    this.typing = false;
    out.effect('setTyping', { typing: false });
  }

  beginEdit(out, m) {
    if (this.sending || !m.own || m.kind !== 'text' || this.edit?.edits === m.id) return;
    this.endEdit(out);
    this.message.save(out);
    this.rests(out);
    this.edit = new Draft({ text: m.text || '', replyTo: '' }, 0n, m.id);
    this.sets++;
  }

  endEdit(out) {
    if (this.edit && !this.sending) this.dropEdit(out);
  }

  // dropEdit ends an edit, and has the node keep no draft of it.
  dropEdit(out) {
    if (this.edit.kept) out.effect('saveDraft', { request: out.request(), text: '', replyTo: '', edits: this.edit.edits });
    this.edit = null;
    this.sets++;
  }

  submit(out, now, { key, text }) {
    const d = this.current();
    const s = { words: d.words, text: text || d.text, replyTo: d.replyTo, key: key || '', draft: d.revision };
    if (this.sending || blank(s.text)) return;
    this.sending = s;
    s.request = out.request();
    if (this.edit) {
      out.effect('edit', { request: s.request, id: d.edits, text: s.text });
      return;
    }
    const f = this.failed;
    if (f && f.text === s.text && f.replyTo === s.replyTo) s.key = f.key;
    out.effect('send', {
      request: s.request, text: s.text, replyTo: s.replyTo, key: s.key, draftRevision: d.revision ? String(d.revision) : '',
    });
  }

  // sent takes that the node has what was sent. It returns true if that was a message.
  sent(out, now, { request }) {
    const s = this.sending;
    if (!s || s.request !== request) return false;
    this.sending = null;
    if (this.edit) {
      this.dropEdit(out);
      return false;
    }
    this.failed = null;
    const d = this.message;
    if (d.text.startsWith(s.words.text)) d.text = d.text.slice(s.words.text.length); // more may have been typed
    if (d.replyTo === s.replyTo) d.replyTo = '';
    d.touched = d.text !== '';
    if (!d.saving && d.revision === s.draft) d.node = wordsOf(); // the node has let the draft go with the message
    d.schedule(now);
    this.sets++;
    this.rests(out);
    this.reconsider(d);
    return true;
  }

  sendFailed(out, now, { request }) {
    const s = this.sending;
    if (!s || s.request !== request) return;
    this.sending = null;
    if (!this.edit) this.failed = s;
    this.current().schedule(now);
    this.reconsider(this.current());
  }

  // again saves what could not be saved.
  again(now) {
    for (const d of this.drafts()) d.schedule(now);
  }

  // tick does what is due.
  tick(out, now) {
    for (const d of this.drafts()) if (d.due && now >= d.due && !this.held(d)) d.save(out);
    if (!this.typing || now < this.told + TYPING_EVERY) return;
    if (this.typedAt > this.told) {
      this.told = now;
      out.effect('setTyping', { typing: true });
    } else this.rests(out);
  }

  // next returns when something is due.
  next() {
    const due = this.drafts().filter(d => !this.held(d)).map(d => d.due);
    return earliest(...due, this.typing ? this.told + TYPING_EVERY : 0);
  }

  // leave saves what is there. What is being sent is not a draft: see outlive.
  leave(out) {
    for (const d of this.drafts()) if (d.differs() && (!this.held(d) || !equal(d, this.sending.words))) d.send(out);
    this.rests(out);
  }

  // outlive takes how the sending has ended after the room was left.
  outlive(out, name, { request }) {
    const s = this.sending;
    if (!s || s.request !== request) return;
    const d = this.current();
    if (name === 'sendFailed' && equal(d, s.words)) {
      this.sending = null;
      d.send(out);
    } else if (name === 'sent') {
      this.sending = null;
      if (equal(d, s.words) && (d.saving || (d.kept && d.edits))) { // what was saved at last came after
        d.words = wordsOf();
        d.send(out);
      }
    }
  }
}
