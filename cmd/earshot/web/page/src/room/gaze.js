// Whether the owner looks, and what they have seen.

import { at, compare, earliest } from './window.js';

const SEEN_AFTER = 1000; // ms: how long a row must stand on the screen to be read
const AWAY_AFTER = 60_000; // how long after their last input the owner is taken to be looking
const ATTEND_EVERY = 20_000; // the node believes it for 30 s
const MARK_AGAIN = 5000; // how long after a failure it is told again what was read
const MOST = 1000; // that MarkRead takes at once

function mark(out, ids) {
  for (let i = 0; i < ids.length; i += MOST) out.effect('markRead', { ids: ids.slice(i, i + MOST) });
}

export class Gaze {
  on = false; // they look
  attended = 0; // when that was told last
  whole = []; // the rows that stand on the screen
  since = new Map(); // how long they have been looked at
  read = new Map(); // what was told to be read, until the node says that it is: IDs and positions
  limit = null; // what stands here or after it is not to be marked: the owner has made it unread
  turned = new Map(); // the same of messages that have become unread without this screen
  failures = []; // what could not be told
  singly = false; // one of them is not there any more
  retryAt = 0;

  open({ focus, locked, touched }) {
    this.focus = focus || '';
    this.locked = !!locked;
    this.touched = touched || 0;
  }

  // until returns until when the owner looks if they touch nothing.
  until() { return this.touched + AWAY_AFTER; }

  // settle does what the time that has passed until now asks for: nothing has changed in it.
  settle(out, rows, now) {
    if (!this.on) return;
    const seen = Math.min(now, this.until()), ids = [];
    for (const id of this.whole) {
      const m = rows.get(id);
      if (m && (this.since.get(id) ?? 0) + SEEN_AFTER <= seen && this.markable(m)) {
        ids.push(id);
        this.read.set(id, at(m));
      }
    }
    mark(out, ids);
    this.update(out, now);
  }

  // waits reports whether a message is to be read still.
  waits(m) { return !!m.unread && !m.own && !this.read.has(m.id); }

  // markable reports whether a message is marked read when it was seen.
  markable(m) {
    const from = this.limit ? [this.limit, ...this.turned.values()] : [...this.turned.values()];
    return this.waits(m) && from.every(p => compare(at(m), p) < 0);
  }

  // update tells the node if the owner looks now, or does no more.
  update(out, now) {
    const on = this.focus !== 'no' && !this.locked && now < this.until();
    if (on === this.on) return;
    this.on = on;
    this.attended = now;
    out.effect('attend', { focused: on });
    this.since = new Map();
    if (on) this.show(this.whole, now);
  }

  // show takes the rows that stand on the screen.
  show(ids, now) {
    this.whole = [...ids];
    if (this.on) this.since = new Map(ids.map(id => [id, this.since.get(id) ?? now]));
  }

  // changed takes what has become of a message, which may be new.
  changed(was, is) {
    if (!is.unread) this.gone(is.id);
    else if (was && !was.unread) this.turned.set(is.id, at(is));
  }

  gone(id) {
    this.read.delete(id);
    this.turned.delete(id);
  }

  // unread has a row and those after it unread.
  unread(out, rows, id) {
    const m = rows.get(id);
    if (!m || m.own || m.kind === 'notice') return;
    const p = at(m);
    if (!this.limit || compare(p, this.limit) < 0) this.limit = p;
    for (const [other, q] of this.read) if (compare(q, p) >= 0) this.read.delete(other);
    out.effect('markBack', { id });
  }

  // failed keeps what could not be told. If a message is not there any more, nothing of what was told with
  // it has been read: then each is told alone.
  failed({ ids, code }, now) {
    const missing = code === 'no_message';
    if (missing && ids.length === 1) return;
    this.singly ||= missing;
    this.failures.push(...ids);
    this.retryAt = now + MARK_AGAIN;
  }

  again(now) {
    if (this.failures.length) this.retryAt = now;
  }

  tick(out, now) {
    if (this.on && now >= this.attended + ATTEND_EVERY) {
      this.attended = now;
      out.effect('attend', { focused: true });
    }
    if (this.retryAt && now >= this.retryAt) this.retry(out);
  }

  retry(out) {
    const ids = this.failures.filter(id => this.read.has(id));
    if (this.singly) ids.forEach(id => mark(out, [id]));
    else mark(out, ids);
    this.failures = [];
    this.singly = false;
    this.retryAt = 0;
  }

  // next returns when something is due.
  next(rows) {
    if (!this.on) return this.retryAt;
    const seen = this.whole.filter(id => { const m = rows.get(id); return m && this.markable(m); });
    return earliest(this.retryAt, this.until(), this.attended + ATTEND_EVERY, ...seen.map(id => (this.since.get(id) ?? 0) + SEEN_AFTER));
  }

  leave(out) {
    if (this.retryAt) this.retry(out);
    if (!this.on) return;
    this.on = false;
    out.effect('attend', { focused: false });
  }
}
