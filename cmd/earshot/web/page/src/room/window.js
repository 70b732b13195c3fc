// The part of a conversation that is loaded: rows without a hole between them. A row is {message, day}.

export const MAX_ROWS = 300; // that are kept loaded
export const PAGE_ROWS = 60; // that are asked for at once
export const MARGIN = 50; // loaded rows that there are to be above and below the screen

// A position is where a row stands: [t, id]. None is before ZERO.
export const ZERO = [0n, ''];
export const at = m => [BigInt(m.t || 0), m.id];
export const compare = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);

// earliest returns the first of several times, of which 0 is none.
export const earliest = (...times) => times.reduce((first, t) => (t && (!first || t < first) ? t : first), 0);

// sorted returns rows in order, none twice, and nothing that is no row.
export function sorted(rows) {
  const had = new Set();
  return rows.filter(r => r.message?.id).sort((a, b) => compare(at(a.message), at(b.message)))
    .filter(r => !had.has(r.message.id) && had.add(r.message.id));
}

export class Window {
  constructor(rows = [], before = false, after = false) {
    Object.assign(this, { rows, before, after }); // before and after: there are others there
  }

  find(id) { return this.rows.findIndex(r => r.message.id === id); }
  get(id) { return this.rows[this.find(id)]?.message; }
  id(i) { return this.rows[i]?.message.id ?? ''; }

  // from returns the index of the first row at a position or after it.
  from(p) {
    let low = 0, high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(at(this.rows[middle].message), p) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // end is the position behind the last row.
  end() {
    const last = this.rows.at(-1);
    if (!last) return ZERO;
    const [t, id] = at(last.message);
    return [t, id + '\0'];
  }

  // put puts a row into its place, and returns the message that it replaces, and whether it is in. A row
  // that belongs beyond what is loaded, where there are others, is left out.
  put(row) {
    let was;
    const old = this.find(row.message.id), p = at(row.message);
    if (old >= 0) {
      was = this.rows[old].message;
      if (!compare(at(was), p)) {
        this.rows[old] = row;
        return [was, true];
      }
      this.rows.splice(old, 1);
    }
    const i = this.from(p);
    if ((i === 0 && this.before) || (i === this.rows.length && this.after)) return [was, false];
    this.rows.splice(i, 0, row);
    return [was, true];
  }

  remove(id) {
    const i = this.find(id);
    if (i >= 0) this.rows.splice(i, 1);
  }

  prepend(page, more) {
    if (this.rows.length) {
      const first = at(this.rows[0].message);
      page = page.filter(r => compare(at(r.message), first) < 0 && this.find(r.message.id) < 0);
    }
    this.rows = [...page, ...this.rows];
    this.before = more && page.length > 0;
  }

  add(page, more) {
    if (this.rows.length) {
      const last = at(this.rows.at(-1).message);
      page = page.filter(r => compare(at(r.message), last) > 0 && this.find(r.message.id) < 0);
    }
    this.rows = [...this.rows, ...page];
    this.after = more && page.length > 0;
  }

  // trim drops what is over MAX_ROWS, the farthest from the screen first, which has the rows from first to
  // last. It returns whether that was at the beginning, or at the end.
  trim(first, last) {
    let from = 0, to = this.rows.length;
    while (to - from > MAX_ROWS) {
      const above = first - from, below = to - 1 - last;
      if (above >= below && above > MARGIN) from++;
      else if (below > MARGIN) to--;
      else break;
    }
    const top = from > 0, bottom = to < this.rows.length;
    this.before ||= top;
    this.after ||= bottom;
    if (top || bottom) this.rows = this.rows.slice(from, to);
    return [top, bottom];
  }
}
