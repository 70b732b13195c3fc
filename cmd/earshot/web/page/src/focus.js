// What has the focus may go away, as a button that ends what it belongs to. Then the focus goes to what is next: else who
// uses the keyboard would begin again at the top of the page.

const CAN = 'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea, [tabindex]';

let had = null, places = []; // what had the focus last, and the elements that it stood in, with the index there, the nearest first

const takes = el => el.matches(CAN) && el.checkVisibility();

// firstIn is the first in an element, itself included, that takes the focus. Messages are left out unless it is in one, or
// is one: a message that has the focus is selected and brought into view, which was not asked for.
const firstIn = el => {
  const inside = el.parentElement?.closest('[role=feed]');
  return [el, ...el.querySelectorAll(CAN)].find(x => takes(x) && (inside || !x.closest('[role=feed]')));
};

// composerIn is where the owner writes, unless a keyboard would come up on the screen.
const composerIn = el => !matchMedia('(pointer: coarse)').matches && el.querySelector('#write');

function remember({ target }) {
  had = target;
  places = [];
  for (let el = target; el.parentElement; el = el.parentElement) places.push({ in: el.parentElement, at: [...el.parentElement.children].indexOf(el) });
}

function move() {
  if (!had || had.isConnected || document.activeElement !== document.body) return;
  for (const { in: el, at } of places) {
    if (!el.isConnected) continue;
    const all = [...el.children];
    const next = composerIn(el) || [...all.slice(at), ...all.slice(0, at).reverse()].map(firstIn).find(Boolean) || (takes(el) && el);
    if (!next) continue;
    next.focus();
    return;
  }
}

// keepFocus has the focus move on from now on.
export function keepFocus() {
  addEventListener('focusin', remember);
  new MutationObserver(move).observe(document.body, { childList: true, subtree: true });
}
