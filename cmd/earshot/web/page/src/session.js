// The session with the node, as ../../WEB.md describes it: the node proves first that it is the one that this page
// knows; then the page gives its code for a secret, or uses the one that it has.

const KEY = 'secret'; // in localStorage, which is of this origin alone

const utf8 = new TextEncoder();
const sha256 = async bytes => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
const base64url = bytes => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');

const stored = () => localStorage.getItem(KEY) ?? '';

let known = ''; // the secret that the node has proven that it knows, since the connection was lost last; '' if none
let losses = 0; // how often the connection was lost

// proven returns the secret of the session; '' while the node has not proven that it knows it. Then nothing may be
// sent: whoever answers may be another program.
export const proven = () => known;

// doubt says that the connection was lost. Another program may answer from now on.
export function doubt() {
  known = '';
  losses++;
}

// current is the secret that this page uses.
export const current = () => known || stored();

// forget gives up the secret of a session that has ended. If another tab has begun a session meanwhile, that stays.
export function forget(secret) {
  if (stored() === secret) localStorage.removeItem(KEY);
  doubt();
}

const post = (path, value) => fetch(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value),
});

// prove has the node prove that it knows a code or secret. It returns 'ok', 'unknown' (there is no such session),
// 'other' (another program answers here) or '' (nobody answers).
async function prove(token) {
  const key = await sha256(utf8.encode('earshot web\n' + token));
  const name = hex((await sha256(key)).slice(0, 8));
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const mac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const want = await crypto.subtle.sign('HMAC', mac, utf8.encode(`earshot web proof\n${location.origin}\n${nonce}`));
  let answer, proof;
  try {
    answer = await post('/proof', { name, nonce });
    if (answer.status === 503 || answer.status === 429) return '';
    if (answer.status === 404) return 'unknown';
    ({ proof } = await answer.json());
  } catch {
    return answer ? 'other' : '';
  }
  return proof === base64url(new Uint8Array(want)) ? 'ok' : 'other';
}

// code takes the one-time code out of the address.
function code() {
  const found = /^#([a-z2-7]{26})$/.exec(location.hash)?.[1];
  if (location.hash) history.replaceState(null, '', location.pathname);
  return found;
}

// begin begins or continues the session, and returns what prove does.
export async function begin() {
  const token = code();
  if (token) {
    const answered = await prove(token);
    if (answered === 'ok') {
      try {
        const old = stored();
        const replaces = old !== '' && await prove(old) === 'ok'; // the new session takes the place of the one of this browser
        const answer = await post('/session', replaces ? { code: token, old } : { code: token });
        if (answer.ok) localStorage.setItem(KEY, String((await answer.json()).secret));
      } catch {
        return '';
      }
    } else if (answered === 'other') return answered;
  }
  return resume();
}

// resume has the node prove that it knows this session.
export async function resume() {
  const secret = stored(), before = losses;
  if (!secret) return 'unknown';
  const answered = await prove(secret);
  if (answered === 'unknown') {
    forget(secret);
    return resume();
  }
  if (answered !== 'ok') return answered;
  if (losses !== before) return ''; // the connection was lost meanwhile: the proof may be of the time before
  known = secret;
  return 'ok';
}
