// What is being loaded, and what the node tells of the rows: part of Room, whose state these functions are given.

import { at, MARGIN, MAX_ROWS, PAGE_ROWS, sorted, Window, ZERO } from './window.js';

const MAX_CHANGED = 1000; // what is kept during a load; after more, it is begun anew

const pending = () => ({ request: 0, failed: false });

// whole is a load that replaces what is there: {request, why, id, selects}. Why is opening, jumping, ending
// (to the end) or reading (what is there, anew).
export const loads = () => ({
  whole: null,
  failed: null, // the last, if that has failed
  before: pending(),
  after: pending(),
  opened: false, // rows were loaded
  stale: false, // they are to be loaded anew
  missing: '',
  changed: null, // what was told while something is being loaded, as the answer may be older; null: the row is gone
});

const busy = l => l.whole || l.before.request || l.after.request;

// note keeps a change for the answer that is awaited. It returns false if there are too many.
function note(l, id, row) {
  if (!busy(l)) return true;
  l.changed ??= new Map();
  l.changed.set(id, row);
  return l.changed.size <= MAX_CHANGED;
}

// settle makes the rows of an answer as new as what was told meanwhile.
function settle(l, rows) {
  for (const [id, row] of l.changed ?? []) {
    if (row) rows.put(row);
    else rows.remove(id);
  }
}

const edge = (p, more) => (!more ? '' : p.failed ? 'failed' : p.request ? 'loading' : 'more');

// edges says what is beyond the rows.
export function edges(l, rows) {
  if (l.failed) return ['failed', 'failed'];
  if (!l.opened) return ['loading', 'loading'];
  return [edge(l.before, rows.before), edge(l.after, rows.after)];
}

// load begins a load that replaces the rows. Answers to others are not awaited any more.
export function load(r, whole) {
  const w = { id: '', selects: false, ...whole, request: r.request() };
  Object.assign(r.loads, { whole: w, failed: null, before: pending(), after: pending(), changed: null });
  r.effect('load', { request: w.request, around: w.id, limit: w.why === 'reading' ? MAX_ROWS : PAGE_ROWS });
}

// reread loads anew what is there, or what is being loaded.
export function reread(r) {
  const l = r.loads;
  l.stale = true;
  if (l.whole || l.failed) {
    load(r, l.whole ?? l.failed);
    return;
  }
  let id = '';
  if (!r.screen.place.end) id = r.screen.place.row;
  else if (r.rows.after || r.hold()) id = r.hold();
  load(r, { why: 'reading', id });
}

// page loads what is beyond the rows if the screen, or the selection, is near.
export function page(r) {
  const l = r.loads, n = r.rows.rows.length;
  if (!l.opened || l.whole || l.failed || !n) return;
  const [first, last] = r.shown(), near = r.screen.told;
  if (!busy(l)) l.changed = null;
  if (r.rows.before && !l.before.request && !l.before.failed && ((near && first < MARGIN) || r.picks.steps < 0)) {
    l.before.request = r.request();
    r.effect('load', { request: l.before.request, before: r.rows.id(0), limit: PAGE_ROWS });
  }
  if (r.rows.after && !l.after.request && !l.after.failed && ((near && n - 1 - last < MARGIN) || r.picks.steps > 0)) {
    l.after.request = r.request();
    r.effect('load', { request: l.after.request, after: r.rows.id(n - 1), limit: PAGE_ROWS });
  }
}

// trim keeps the rows to those near the screen. An answer that would no more be next to them is not awaited.
export function trim(r) {
  if (r.rows.rows.length <= MAX_ROWS) return;
  const [top, bottom] = r.rows.trim(...r.shown());
  if (top) r.loads.before = pending();
  if (bottom) r.loads.after = pending();
  if (r.rows.find(r.picks.id) < 0) r.picks.id = '';
}

const has = (rows, id) => rows.some(r => r.message.id === id);

// told are the inputs of what the node has answered or told.
export const told = {
  loaded(r, now, { request, rows = [], moreBefore, moreAfter }) {
    const l = r.loads, got = sorted(rows);
    if (!request) return;
    if (l.whole?.request === request) {
      replace(r, got, !!moreBefore && got.length > 0, !!moreAfter && got.length > 0);
      return;
    }
    if (l.before.request === request) {
      l.before = pending();
      r.rows.prepend(got, !!moreBefore);
    } else if (l.after.request === request) {
      l.after = pending();
      r.rows.add(got, !!moreAfter);
    } else return;
    settle(l, r.rows);
    r.keep(ZERO);
    r.walk();
    trim(r);
  },

  loadFailed(r, now, { request, code }) {
    const l = r.loads, gone = code === 'no_message';
    if (!request) return;
    if (l.whole?.request === request) {
      const w = l.whole;
      l.whole = null;
      if (w.why === 'jumping') missing(r, w.id);
      else if (gone && w.id && w.why === 'reading') { // the row is gone
        told.gone(r, now, { id: w.id });
        reread(r);
      } else if (gone && w.id) load(r, { why: w.why });
      else l.failed = w;
    } else if (request === l.before.request || request === l.after.request) {
      r.picks.steps = 0;
      if (gone) { // the first row, or the last, is gone
        reread(r);
        return;
      }
      l[request === l.after.request ? 'after' : 'before'] = { request: 0, failed: true };
    }
  },

  // put takes a row that is new or another one now.
  put(r, now, { row }) {
    const m = row?.message;
    if (!m?.id) return;
    if (!note(r.loads, m.id, row)) reread(r);
    if (!r.loads.opened) return;
    const anchor = r.anchor(), picked = r.picked();
    const [was, is] = r.rows.put(row);
    r.gaze.changed(was, m);
    r.keep(anchor);
    r.keepPicked(picked);
    if (is && !was && r.rows.id(r.rows.rows.length - 1) === m.id) r.arrived(m);
    trim(r);
  },

  gone(r, now, { id }) {
    if (!id || !note(r.loads, id, null)) {
      reread(r);
      return;
    }
    const anchor = r.anchor(), picked = r.picked();
    r.rows.remove(id);
    if (id === r.line.id && r.rows.from(r.line.at) === r.rows.rows.length) r.line = { id: '', at: ZERO, count: 0 };
    r.gaze.gone(id);
    r.keep(anchor);
    r.keepPicked(picked);
  },

  reset(r) { reread(r); },
  counted(r, now, { unread }) { r.screen.unread = unread || 0; },

  retry(r, now) {
    r.loads.before.failed = r.loads.after.failed = false;
    if (r.loads.failed) load(r, r.loads.failed);
    r.gaze.again(now);
    r.writes.again(now);
  },
};

// replace puts the answer to a whole load in place of the rows.
function replace(r, got, before, after) {
  const l = r.loads, w = l.whole, place = r.screen.place;
  l.whole = null;
  if (w.why === 'jumping' && (!has(got, w.id) || l.changed?.get(w.id) === null)) {
    missing(r, w.id);
    return;
  }
  if (w.why === 'reading' && !place.end && place.row !== w.id && !has(got, place.row)) { // the owner has gone on
    load(r, { why: 'reading', id: place.row });
    return;
  }
  const anchor = r.anchor(), picked = r.picked(), was = r.rows;
  l.stale = false;
  r.rows = new Window(got, before, after);
  settle(l, r.rows);
  for (const row of r.rows.rows) r.gaze.changed(was.get(row.message.id), row.message);
  if (!l.opened) {
    l.opened = true;
    r.openLine();
  }
  if (w.why === 'opening') r.moved({ end: true }, ZERO);
  else if (w.why === 'ending') r.moved({ end: true }, r.rows.end());
  else if (w.why === 'reading') r.keep(anchor);
  else {
    r.moved({ row: w.id, middle: true }, ZERO);
    r.picks.steps = 0;
    if (w.selects) Object.assign(r.picks, { on: true, id: w.id });
  }
  if (w.why === 'reading') r.keepPicked(picked);
  else if (r.rows.find(r.picks.id) < 0) r.picks.id = '';
  trim(r);
}

// missing ends a jump to a row that is not there.
function missing(r, id) {
  r.loads.missing = id;
  if (!r.loads.opened) load(r, { why: 'opening', id: r.line.id });
  else if (r.loads.stale) reread(r);
}

// positionOf is where a loaded row stands; ZERO if it is not loaded.
export function positionOf(rows, id) {
  const m = rows.get(id);
  return m ? at(m) : ZERO;
}
