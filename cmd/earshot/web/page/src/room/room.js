// One open conversation on a screen: which of its rows are loaded, which of them the screen shows and where,
// what the owner has seen of it, and what they are writing. It is the machine of package room, cmd/earshot/room,
// in JavaScript, and the vectors there hold it to that: read there what the inputs, effects and the view mean.
//
// An input is `room.do(now, name, value)`; it returns the effects, each {name: value}. Nothing here fails,
// makes a call, reads a clock or touches the document.

import { Composer } from './composer.js';
import { Gaze } from './gaze.js';
import { edges, load, loads, page, positionOf, told, trim } from './loads.js';
import { at, earliest, MAX_ROWS, Window, ZERO } from './window.js';

const noLine = () => ({ id: '', at: ZERO, count: 0 });
const noPicks = () => ({ on: false, id: '', steps: 0, fresh: false });

export class Room {
  effects = [];
  requests = 0;
  wake = 0;
  left = false;
  rows = new Window();
  loads = loads();
  gaze = new Gaze();
  writes = new Composer();
  picks = noPicks(); // steps: still to be gone, when rows have come; fresh: not shown since
  line = noLine(); // the unread line: the row above which it stands, or stood
  // from is where the screen begins as far as is known: what is not read there or after it is not to leave
  // the screen while that follows the end.
  screen = { place: { end: true }, moves: 0, told: false, first: '', last: '', from: ZERO, unread: 0 };

  effect(name, value) { this.effects.push({ [name]: value }); }
  request() { return ++this.requests; }

  do(now, name, value = {}) {
    this.effects = [];
    if (this.left) {
      this.writes.outlive(this, name, value);
      return this.effects;
    }
    this.gaze.settle(this, this.rows, now);
    if (name === 'open') this.open(now, value);
    else if (name === 'leave') {
      this.leave();
      return this.effects;
    } else if (name === 'woke') this.wake = 0;
    else if (Object.hasOwn(told, name)) told[name](this, now, value);
    else if (Object.hasOwn(looks, name)) {
      looks[name](this, now, value);
      this.blurred();
    } else if (Object.hasOwn(attention, name)) {
      attention[name](this, now, value);
      this.gaze.update(this, now);
      this.blurred();
    } else this.write(now, name, value);
    page(this);
    this.gaze.tick(this, now);
    this.writes.tick(this, now);
    this.alarm();
    return this.effects;
  }

  open(now, value) {
    this.gaze.open(value);
    this.gaze.update(this, now);
    this.writes.open(value);
    this.line = { id: value.firstUnread || '', at: ZERO, count: value.unread || 0 };
    this.screen.unread = value.unread || 0;
    load(this, { why: 'opening', id: this.line.id });
  }

  leave() {
    this.left = true;
    this.gaze.leave(this);
    this.writes.leave(this);
    if (this.wake) {
      this.wake = 0;
      this.effect('wake', { at: 0 });
    }
  }

  // blurred tells the composer whether it has the focus.
  blurred() { this.writes.focused(this, this.gaze.focus !== 'no' && !this.picks.on); }

  write(now, name, value) {
    const w = this.writes;
    if (name === 'beginEdit') {
      const m = this.rows.get(value.id);
      if (m) w.beginEdit(this, m);
    } else if (name === 'sent') {
      if (w.sent(this, now, value)) {
        this.line = noLine();
        this.toEnd();
      }
    } else w[name](this, now, value);
  }

  // alarm asks for the next time to be woken, if it is another than the one that was asked for.
  alarm() {
    const time = earliest(this.gaze.next(this.rows), this.writes.next());
    if (time === this.wake) return;
    this.wake = time;
    this.effect('wake', { at: time });
  }

  view() {
    const [before, after] = edges(this.loads, this.rows);
    const place = { ...this.screen.place };
    if (place.end) place.hold = this.hold();
    return {
      rows: this.lines(), before, after, place, moves: this.screen.moves, below: this.below(),
      unreadLine: this.line.id !== '' && this.loads.opened, selecting: this.picks.on, selected: this.picks.id,
      missing: this.loads.missing, composer: this.writes.view(),
    };
  }

  // lines returns the rows with the lines above them: {message, day, date, count}.
  lines() {
    const unread = this.lineIndex();
    let day = null;
    return this.rows.rows.map((row, i) => {
      const date = row.day === day ? '' : row.day;
      day = row.day;
      return { ...row, date, count: i === unread && this.loads.opened ? this.line.count : 0 };
    });
  }

  // openLine finds the place of the unread line in the first rows.
  openLine() {
    const { rows } = this.rows;
    let i = this.rows.find(this.line.id);
    if (i < 0 || !rows[i].message.unread) i = rows.findIndex(r => r.message.unread);
    if (i < 0) {
      this.line = noLine();
      return;
    }
    const count = this.line.count || rows.slice(i).filter(r => r.message.unread).length;
    this.line = { id: this.rows.id(i), at: at(rows[i].message), count };
  }

  // lineIndex returns the index of the row above which the unread line stands, or -1 if that is not loaded.
  lineIndex() {
    if (!this.line.id) return -1;
    const i = this.rows.from(this.line.at);
    return i === this.rows.rows.length || (i === 0 && this.rows.before && this.rows.id(0) !== this.line.id) ? -1 : i;
  }

  // moved sends the screen to a place.
  moved(place, from) {
    this.screen = { place, moves: this.screen.moves + 1, told: false, first: '', last: '', from, unread: this.screen.unread };
  }

  // shown returns the indices of the first and the last row on the screen, as far as is known.
  shown() {
    const s = this.screen, w = this.rows;
    let first = w.find(s.first), last = w.find(s.last);
    if (!s.told || first < 0 || last < first) {
      first = w.rows.length - 1;
      const hold = w.find(this.hold());
      if (!s.place.end) first = Math.max(0, w.find(s.place.row));
      else if (hold >= 0) first = hold;
      last = first;
    }
    const picked = w.find(this.picks.id);
    if (picked >= 0 && this.picks.fresh) return [Math.min(first, picked), Math.max(last, picked)];
    return [first, last];
  }

  toEnd() {
    const l = this.loads;
    this.picks.steps = 0;
    if (this.rows.after || !l.opened || l.stale) {
      load(this, { why: 'ending' });
      return;
    }
    if (l.whole?.why === 'jumping') l.whole = null; // they have thought better of it
    this.moved({ end: true }, this.rows.end());
  }

  jump(id, selects) {
    this.loads.missing = '';
    this.picks.steps = 0;
    if (this.rows.find(id) < 0) {
      if (id) load(this, { why: 'jumping', id, selects });
      return;
    }
    this.moved({ row: id, middle: true }, ZERO);
    if (selects) Object.assign(this.picks, { on: true, id, fresh: true });
  }

  // anchor returns the position of the row that stays where it is; ZERO while the screen follows the end.
  anchor() { return positionOf(this.rows, this.screen.place.row); }

  // keep has a row stand where the anchor stood, if that is gone: the next one, or else the last.
  keep(anchor) {
    const p = this.screen.place, n = this.rows.rows.length;
    if (p.end || this.rows.find(p.row) >= 0) return;
    if (!n) this.screen.place = { end: true };
    else p.row = this.rows.id(Math.min(this.rows.from(anchor), n - 1));
  }

  // hold returns the row that is not to leave the screen while that follows the end: the first on it which was
  // not read.
  hold() {
    if (!this.screen.place.end) return '';
    return this.rows.rows.slice(this.rows.from(this.screen.from)).find(r => this.gaze.waits(r.message))?.message.id ?? '';
  }

  // below returns how many messages below the screen were not read.
  below() {
    if (!this.loads.opened || !this.rows.rows.length) return 0;
    const last = this.shown()[1];
    let n = 0, above = 0;
    this.rows.rows.forEach((row, i) => {
      if (!this.gaze.waits(row.message)) return;
      if (i > last) n++;
      else above++;
    });
    return this.rows.after ? Math.max(n, this.screen.unread - above) : n;
  }

  // arrived moves the unread line for a new last row.
  arrived(m) {
    const l = this.line, { rows } = this.rows;
    if (m.own && m.kind !== 'notice') this.line = noLine();
    else if (!m.unread || (this.gaze.on && this.screen.place.end)) return;
    else if (!l.id || !rows.slice(this.rows.from(l.at), -1).some(r => this.gaze.waits(r.message))) this.line = { id: m.id, at: at(m), count: 1 };
    else l.count++;
  }

  // picked returns where the selected row stands.
  picked() { return positionOf(this.rows, this.picks.id); }

  // keepPicked selects a row next to where the selected one was, if that is gone.
  keepPicked(was) {
    const p = this.picks;
    if (p.id && this.rows.find(p.id) < 0) p.id = this.rows.id(Math.min(this.rows.from(was), this.rows.rows.length - 1));
  }

  // walk goes as many of the steps as there are rows for.
  walk() {
    const p = this.picks, w = this.rows, i = w.find(p.id);
    if (i < 0) {
      p.steps = 0;
      return;
    }
    const to = i + p.steps, n = Math.max(0, Math.min(to, w.rows.length - 1));
    Object.assign(p, { id: w.id(n), steps: to - n, fresh: true });
    if ((p.steps < 0 && (!w.before || this.loads.before.failed)) || (p.steps > 0 && (!w.after || this.loads.after.failed))) p.steps = 0;
  }
}

// looks are the inputs of what the owner looks at.
const looks = {
  shown(r, now, { moves = 0, row = '', offset = 0, atEnd, first = '', last = '', whole = [] }) {
    const s = r.screen;
    if (moves !== s.moves || !r.loads.opened) return;
    Object.assign(s, { told: true, first, last });
    const m = r.rows.get(first);
    if (m) s.from = at(m);
    // Where a row that fills the screen were held, its end would never be seen.
    if (atEnd && first === last && !r.rows.after) s.from = r.rows.end();
    if (atEnd && !r.rows.after) s.place = { end: true };
    else if (r.rows.find(row) >= 0) s.place = { row, offset };
    r.picks.fresh = false;
    r.gaze.show(whole, now);
    trim(r);
  },
  toEnd(r) { r.toEnd(); },
  jumpTo(r, now, { id = '', select }) { r.jump(id, !!select); },
  jumpUnread(r) {
    if (!r.line.id) return;
    const i = r.lineIndex();
    r.jump(i >= 0 ? r.rows.id(i) : r.line.id, false);
  },
  select(r, now, { id }) {
    Object.assign(r.picks, { on: true, steps: 0 });
    if (r.rows.find(id) >= 0) Object.assign(r.picks, { id, fresh: true });
  },
  // step goes on by so many rows from the selected one.
  step(r, now, { by = 0 }) {
    const p = r.picks;
    p.on = true;
    if (!r.rows.rows.length || !by) return;
    by = Math.max(-MAX_ROWS, Math.min(by, MAX_ROWS));
    if (r.rows.find(p.id) < 0) {
      p.id = r.rows.id(r.shown()[1]);
      by -= Math.sign(by);
    }
    p.steps = by;
    r.walk();
  },
  deselect(r) { r.picks = noPicks(); },
};

// attention are the inputs that tell whether the owner looks, and what is read.
const attention = {
  focus(r, now, { here }) { r.gaze.focus = here ? 'yes' : 'no'; },
  touch(r, now) {
    r.gaze.touched = now;
    r.loads.missing = '';
  },
  lock(r, now, { locked }) { r.gaze.locked = !!locked; },
  markUnread(r, now, { id }) { r.gaze.unread(r, r.rows, id); },
  markFailed(r, now, value) { r.gaze.failed(value, now); },
};
