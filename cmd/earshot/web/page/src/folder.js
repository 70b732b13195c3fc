// A folder as a tar archive, POSIX.1-2001: the browser reads each file when it is sent, so that nothing of it is held in
// memory. Names that are too long for a header stand in a record before it.

const BLOCK = 512, NAME = 100; // bytes: of a header, and of a name in it
const MOST = 100_000; // files and folders that are taken

const utf8 = new TextEncoder();
const octal = (n, size) => n.toString(8).padStart(size - 1, '0') + '\0';
const MOST_SIZE = 0o77777777777; // that a header can tell

// record is a header, and what stands before it.
function record(path, { size = 0, time = 0, kind }) {
  const name = utf8.encode(path), long = name.length > NAME || size > MOST_SIZE;
  const block = header(long ? utf8.encode('long') : name, long ? Math.min(size, MOST_SIZE) : size, time, kind);
  if (!long) return [block];
  const lines = utf8.encode(line('path', path) + line('size', String(size)));
  return [header(utf8.encode('pax'), lines.length, 0, 'x'), lines, padding(lines.length), block];
}

// line is a line of an extended header, which begins with its own length.
function line(key, value) {
  const rest = utf8.encode(` ${key}=${value}\n`).length;
  let n = rest + 1;
  while (rest + String(n).length !== n) n = rest + String(n).length;
  return `${n} ${key}=${value}\n`;
}

const padding = size => new Uint8Array((BLOCK - size % BLOCK) % BLOCK);

function header(name, size, time, kind) {
  const b = new Uint8Array(BLOCK);
  const put = (at, text) => b.set(utf8.encode(text), at);
  b.set(name, 0);
  put(100, octal(kind === '5' ? 0o755 : 0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(Math.max(0, Math.floor(time / 1000)), 12));
  put(148, '        '); // where the sum will stand
  put(156, kind);
  put(257, 'ustar\x0000');
  put(148, octal(b.reduce((sum, n) => sum + n, 0), 7) + ' ');
  return b;
}

const fileParts = (path, file) => [...record(path, { size: file.size, time: file.lastModified, kind: '0' }), file, padding(file.size)];
const end = new Uint8Array(2 * BLOCK);

// ofFiles is the archive of files as an input gives them that takes a folder.
export function ofFiles(files) {
  const parts = files.slice(0, MOST).flatMap(f => fileParts(f.webkitRelativePath.split('/').slice(1).join('/'), f));
  return new Blob([...parts, end]);
}

// ofEntry is the archive of a folder that was dropped.
export async function ofEntry(folder) {
  const parts = [];
  let n = 0;
  const walk = async (entry, path) => {
    if (++n > MOST) return;
    if (entry.isFile) {
      parts.push(...fileParts(path, await new Promise((done, fail) => { entry.file(done, fail); })));
      return;
    }
    if (path) parts.push(...record(path + '/', { kind: '5' }));
    const reader = entry.createReader();
    for (;;) { // it gives some at once, until there are none
      const some = await new Promise((done, fail) => { reader.readEntries(done, fail); });
      if (!some.length) break;
      for (const e of some) await walk(e, path ? `${path}/${e.name}` : e.name);
    }
  };
  await walk(folder, '');
  return new Blob([...parts, end]);
}
