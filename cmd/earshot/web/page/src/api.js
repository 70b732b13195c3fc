// The client of the node: unary calls and streams of its API by the Connect protocol, and files over plain HTTP.
// Everything it returns is JSON that others may have written: show it by text nodes, and through String().

import { doubt, forget, proven } from './session.js';

const MAX_ENVELOPE = 64 << 20; // bytes: a longer answer is no answer of the node
const PREFIX = 5; // bytes before an envelope: flags, and its length
const END = 2; // flag of the last envelope

// Problem is what the node refuses. Its code is the word of the API for it; '' says that the node can't be reached.
export class Problem extends Error {
  constructor(code, detail = {}) {
    super(code);
    this.code = String(code);
    this.detail = detail;
  }
}

// problemOf reads an error as Connect writes it.
export function problemOf(error) {
  const detail = error?.details?.find?.(d => d?.type === 'earshot.v1.Problem')?.debug;
  return new Problem(detail?.code ?? error?.message ?? 'internal', detail);
}

async function refusal(answer, secret) {
  let error;
  try {
    error = await answer.json();
  } catch {
    error = { message: 'internal' };
  }
  const p = problemOf(error);
  p.status = answer.status;
  if (answer.status === 401) forget(secret);
  if (answer.status === 401 || (answer.status === 503 && p.code === 'stopping')) cut();
  return p;
}

// lost is told when the node can't be reached, and when it does not know the session any more.
let lost = () => {};
export const onLost = f => { lost = f; };

// cut notes that the connection broke off: whoever answers now has to prove first that it is the node.
function cut() {
  doubt();
  lost();
}

// whole waits for what comes over the connection.
async function whole(coming, signal) {
  try {
    return await coming;
  } catch (e) {
    if (!signal?.aborted && !(e instanceof SyntaxError)) cut();
    throw new Problem(e instanceof SyntaxError ? 'internal' : '');
  }
}

// ask makes a request that needs the secret. It sends nothing unless the node has proven that it knows the secret.
export async function ask(path, options) {
  const secret = proven();
  if (!secret) throw new Problem('');
  const answer = await whole(fetch(path, { ...options, headers: { ...options?.headers, 'Earshot-Secret': secret } }), options?.signal);
  if (!answer.ok) throw await refusal(answer, secret);
  return answer;
}

const post = (method, type, body, signal) => ask('/earshot.v1.' + method, {
  method: 'POST', headers: { 'Content-Type': type, 'Connect-Protocol-Version': '1' }, body, signal,
});

// call makes a unary call: its method is as 'Messages/Send'.
export async function call(method, request = {}) {
  return whole((await post(method, 'application/json', JSON.stringify(request))).json());
}

// stream makes a call that answers again and again.
export async function* stream(method, request, signal) {
  const json = new TextEncoder().encode(JSON.stringify(request));
  const body = new Uint8Array(PREFIX + json.length);
  new DataView(body.buffer).setUint32(1, json.length);
  body.set(json, PREFIX);
  const reader = (await post(method, 'application/connect+json', body, signal)).body.getReader();
  const text = new TextDecoder();
  let parts = [], had = 0;
  // take returns so many of the bytes that came, or waits for them; null at the end.
  const take = async n => {
    while (had < n) {
      const { done, value } = await whole(reader.read(), signal);
      if (done) return null;
      parts.push(value);
      had += value.length;
    }
    const all = parts.length === 1 ? parts[0] : new Uint8Array(await new Blob(parts).arrayBuffer());
    parts = [all.subarray(n)];
    had -= n;
    return all.subarray(0, n);
  };
  try {
    for (;;) {
      const head = await take(PREFIX);
      if (!head) break;
      const flags = head[0], size = new DataView(head.buffer, head.byteOffset).getUint32(1);
      if (size > MAX_ENVELOPE) throw new Problem('internal');
      const content = await take(size);
      if (!content) break;
      const value = JSON.parse(text.decode(content));
      if (flags & END) {
        if (value.error) throw problemOf(value.error);
        return;
      }
      yield value;
    }
  } catch (e) {
    throw e instanceof Problem ? e : new Problem('');
  } finally {
    reader.cancel().catch(() => {});
  }
  cut(); // it ended without an envelope that says so
  throw new Problem('');
}

// upload has the node take in a file, one at a time in all tabs of the browser: it has six connections to the node, and
// streams and calls need some.
export const upload = (...file) => navigator.locks.request('earshot upload', () => put(...file));

// put has the node take in a file, and returns what Send takes. It tells how much has gone.
function put(content, { name, type, ...flags }, progress, signal) {
  const secret = proven();
  if (!secret || signal?.aborted) return Promise.reject(new Problem(''));
  const query = new URLSearchParams({ name, ...flags });
  if (type) query.set('type', type);
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest(); // fetch does not tell how much has gone
    x.open('PUT', '/file?' + query);
    x.setRequestHeader('Earshot-Secret', secret);
    x.upload.onprogress = e => progress(e.loaded, e.total);
    x.onload = () => {
      let value;
      try {
        value = JSON.parse(x.responseText);
      } catch {
        value = { message: 'internal' };
      }
      const p = problemOf(value);
      if (x.status === 200) resolve(value);
      else if (p.code !== 'stopping') reject(p);
      else {
        cut();
        reject(new Problem(''));
      }
    };
    // It is the same error if the node is gone and if the browser can't read the file, as when it was changed.
    x.onerror = () => call('Node/Status').then(() => reject(new Problem('unread')), () => reject(new Problem('')));
    x.onabort = () => reject(new Problem(''));
    signal?.addEventListener('abort', () => x.abort());
    x.send(content);
  });
}

const filePath = (id, n) => `/file/${encodeURIComponent(id)}/${Number(n)}`;

// content gives a file that is held, as a Blob.
export const content = async (id, n) => whole((await ask(filePath(id, n))).blob());

const AGAIN = 500; // ms until it is asked again whether a file can be saved

// save has the browser save a file: it asks for it itself, so that a large one is nowhere held in memory. The node lets
// it save one at a time: the others wait, and waits is called.
export const save = (id, n, waits) => navigator.locks.request('earshot save', async () => {
  for (;;) {
    try {
      const { url } = await whole((await ask('/ticket', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ id, n: Number(n) }),
      })).json());
      const a = document.createElement('a');
      a.href = String(url);
      a.download = '';
      a.click();
      return;
    } catch (e) {
      if (e.code !== 'busy') throw e;
      waits();
      await new Promise(done => setTimeout(done, AGAIN));
    }
  }
});
