// A QR code (ISO/IEC 18004) of a short text: bytes, error correction L, versions 1 to 5, which have one block.

// VERSIONS are how many bytes of data and of correction each has.
const VERSIONS = [[19, 7], [34, 10], [55, 15], [80, 20], [108, 26]];
const FIELD = 0x11d; // the polynomial of the field
const LEVEL_L = 1; // in the format information

function multiply(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i--) product = (product << 1) ^ ((product >> 7) * FIELD) ^ (((b >> i) & 1) * a);
  return product;
}

// correction are the bytes of the Reed-Solomon code of some data.
function correction(data, n) {
  const divisor = new Array(n).fill(0);
  divisor[n - 1] = 1;
  for (let i = 0, root = 1; i < n; i++, root = multiply(root, 2)) {
    for (let j = 0; j < n; j++) divisor[j] = multiply(divisor[j], root) ^ (divisor[j + 1] ?? 0);
  }
  const rest = new Array(n).fill(0);
  for (const b of data) {
    const factor = b ^ rest.shift();
    rest.push(0);
    divisor.forEach((d, i) => { rest[i] ^= multiply(d, factor); });
  }
  return rest;
}

// bytesOf is a text as the bytes of a code: mode, length, text, and filling.
function bytesOf(text, size) {
  const bytes = [...new TextEncoder().encode(text)];
  let bits = '0100' + bytes.length.toString(2).padStart(8, '0') + bytes.map(b => b.toString(2).padStart(8, '0')).join('') + '0000';
  bits = bits.slice(0, size * 8).padEnd(Math.ceil(Math.min(bits.length, size * 8) / 8) * 8, '0');
  const all = bits.match(/.{8}/g).map(b => parseInt(b, 2));
  for (let fill = 0xec; all.length < size; fill ^= 0xec ^ 0x11) all.push(fill);
  return all;
}

const MASKS = [(x, y) => (x + y) % 2, (x, y) => y % 2, x => x % 3, (x, y) => (x + y) % 3, (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2, (x, y) => x * y % 2 + x * y % 3,
  (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2];

// code is a text as rows of dark and light squares.
export function code(text) {
  const length = new TextEncoder().encode(text).length + 2;
  const v = VERSIONS.findIndex(([data]) => data >= length);
  if (v < 0) throw new RangeError('too long for a code');
  const [size, n] = VERSIONS[v], data = bytesOf(text, size), all = [...data, ...correction(data, n)];
  const codes = MASKS.map((_, mask) => draw(v + 1, all, mask));
  return codes.map(c => [penalty(c), c]).sort((a, b) => a[0] - b[0])[0][1];
}

function draw(version, bytes, mask) {
  const n = 17 + 4 * version, rows = Array.from({ length: n }, () => new Array(n).fill(null));
  const set = (x, y, on) => { if (rows[y]?.[x] !== undefined) rows[y][x] = !!on; };
  const square = (cx, cy, r, dark) => {
    for (let y = -r; y <= r; y++) for (let x = -r; x <= r; x++) set(cx + x, cy + y, dark(Math.max(Math.abs(x), Math.abs(y))));
  };
  for (let i = 0; i < n; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [n - 4, 3], [3, n - 4]]) square(x, y, 4, d => d !== 2 && d !== 4);
  if (version > 1) square(n - 7, n - 7, 2, d => d !== 1);
  // What tells the level and the mask, twice.
  let rest = (LEVEL_L << 3) | mask;
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const format = (((LEVEL_L << 3) | mask) << 10 | rest) ^ 0x5412, bit = i => (format >> i) & 1;
  for (let i = 0; i <= 5; i++) set(8, i, bit(i));
  set(8, 7, bit(6));
  set(8, 8, bit(7));
  set(7, 8, bit(8));
  for (let i = 9; i < 15; i++) set(14 - i, 8, bit(i));
  for (let i = 0; i < 8; i++) set(n - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i++) set(8, n - 15 + i, bit(i));
  set(8, n - 8, 1);
  // The bytes, in columns of two, upwards and downwards in turn.
  let i = 0;
  for (let right = n - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < n; step++) {
      const y = ((right + 1) & 2) === 0 ? n - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (rows[y][x] !== null) continue;
        const on = i < bytes.length * 8 && (bytes[i >> 3] >> (7 - (i & 7))) & 1;
        rows[y][x] = !!on !== (MASKS[mask](x, y) === 0);
        i++;
      }
    }
  }
  return rows;
}

// penalty is how hard a code is to read: long runs, squares, what looks like a corner, too much of one colour.
function penalty(rows) {
  const n = rows.length, columns = rows[0].map((_, x) => rows.map(r => r[x]));
  let sum = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map(Number).join('');
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * (text.match(/(?=00001011101|10111010000)/g)?.length ?? 0);
  }
  for (let y = 0; y < n - 1; y++) for (let x = 0; x < n - 1; x++) if (rows[y][x] === rows[y][x + 1] && rows[y][x] === rows[y + 1][x] && rows[y][x] === rows[y + 1][x + 1]) sum += 3;
  const dark = rows.flat().filter(Boolean).length / (n * n);
  return sum + 10 * Math.floor(Math.abs(dark * 20 - 10));
}
