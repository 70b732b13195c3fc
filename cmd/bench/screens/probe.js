// What W10 has run in the page before all else: it tells when something was painted. Painted is what a frame has,
// once the frame after the change was begun and what that had to do is done.

globalThis.probe = (() => {
  const painted = () => new Promise(done => {
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now());
      channel.port2.postMessage(null);
    });
  });

  // list is when the conversations were painted, in ms since the navigation began, when anything was, and what was
  // loaded until then.
  const list = new Promise(done => {
    const changes = new MutationObserver(async () => {
      if (!document.querySelector('.list .item')) return;
      changes.disconnect();
      const at = await painted();
      const first = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? at;
      const loaded = performance.getEntriesByType('resource').filter(e => e.startTime < at).map(e => new URL(e.name).pathname);
      done({ at, first, loaded: ['/', ...loaded] });
    });
    changes.observe(document, { childList: true, subtree: true });
  });

  // keys are how long the keys took that were pressed: from the event until what it changed was painted.
  const keys = [];
  addEventListener('keydown', async e => keys.push(await painted() - e.timeStamp), { capture: true });

  // older goes to the upper edge, and waits until the page before is painted. It tells how long that took, and how many
  // pixels the row has moved that was read.
  async function older(patience) {
    const feed = document.querySelector('.feed'), oldest = () => feed.querySelector('article').dataset.id;
    const was = oldest();
    const came = new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error('no older page comes')), patience);
      const changes = new MutationObserver(() => {
        if (oldest() === was) return;
        changes.disconnect();
        clearTimeout(late);
        done();
      });
      changes.observe(feed, { childList: true, subtree: true });
    });
    const begun = performance.now();
    feed.scrollTop = 0;
    const read = feed.querySelector('article .body'), from = read.getBoundingClientRect().top;
    await came;
    const took = await painted() - begun;
    return { took, moved: Math.abs(read.getBoundingClientRect().top - from) };
  }

  return { list, keys, older };
})();
