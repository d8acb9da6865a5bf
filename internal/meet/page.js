'use strict';
(() => {
  const main = document.querySelector('main'), form = main.querySelector('form'), field = form.elements.name;
  const button = form.querySelector('button'), stop = document.getElementById('stop');
  const said = document.getElementById('said'), stage = document.getElementById('stage'), out = document.getElementById('out');
  const here = main.dataset.here, words = JSON.parse(main.dataset.words);
  const ends = ['logout', 'connectionClosed', 'loginFail', 'notSupported'];
  let frame = null, origin = '', timer = 0, turn = 0, waits = 0, tries = 0;

  const ask = async (act, keepalive) => {
    const lang = encodeURIComponent(document.documentElement.lang);
    const r = await fetch(here + '/' + act + '?lang=' + lang, {
      method: 'POST', body: new URLSearchParams({name: field.value}), credentials: 'same-origin', redirect: 'error', keepalive: !!keepalive,
    });
    return {...await r.json(), busy: r.status === 429, later: r.status === 429 || r.status >= 500};
  };

  const first = (text) => {
    turn++;
    clearTimeout(timer);
    if (frame) frame.remove();
    frame = null;
    stage.hidden = true;
    main.hidden = form.hidden = false;
    stop.hidden = true;
    button.disabled = false;
    main.dataset.page = 'first';
    said.textContent = text || '';
  };

  const over = (a) => { // there is nothing to come back to
    first(a.text);
    form.hidden = true;
    main.dataset.page = a.state;
  };

  const seat = (a) => {
    const url = new URL(a.url);
    if (url.origin !== a.origin || a.origin !== main.dataset.origin) return first(words.lost);
    origin = a.origin;
    frame = document.createElement('iframe');
    frame.allow = ['camera', 'microphone', 'autoplay', 'display-capture', 'fullscreen', 'clipboard-write'].map((what) => what + ' ' + origin).join('; ');
    frame.allowFullscreen = true;
    frame.referrerPolicy = 'no-referrer';
    frame.title = document.title;
    frame.src = a.url;
    main.hidden = true;
    stage.hidden = false;
    stage.prepend(frame);
    main.dataset.page = 'in';
    said.textContent = '';
  };

  const take = (a) => {
    switch (a.state) {
      case 'in':
        if (a.url) seat(a);
        return beat(20000);
      case 'admitted':
        return frame ? beat(20000) : join();
      case 'waiting':
        main.dataset.page = 'waiting';
        form.hidden = true;
        stop.hidden = false;
        said.textContent = words.waiting;
        return beat(Math.min(2000 + 250 * waits++, 5000));
      case 'declined': case 'expired': case 'revoked': case 'none':
        return over(a);
      default:
        return first(a.text);
    }
  };

  const join = async () => {
    const mine = ++turn;
    button.disabled = true;
    said.textContent = words.joining;
    let a;
    try { a = await ask('join'); } catch { a = {state: 'failed', text: words.offline}; }
    if (mine !== turn) return;
    if (a.busy && tries++ < 8) timer = setTimeout(join, 1500 + 2500 * Math.random()); // many come at once
    else take(a);
  };

  // beat tells that the page is open, and hears how its visitor stands.
  const beat = (after) => {
    const mine = turn;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      let a;
      try { a = await ask('beat'); } catch { return mine === turn && beat(5000); }
      if (mine !== turn) return;
      if (a.state === 'failed' && (frame || a.later)) return beat(frame ? 20000 : 5000);
      take(a);
    }, after);
  };

  const leave = (text) => {
    ask('leave', true).catch(() => {});
    first(text);
  };

  form.addEventListener('submit', (e) => { e.preventDefault(); waits = tries = 0; join(); });
  stop.addEventListener('click', () => leave(''));
  out.addEventListener('click', () => leave(words.left));
  addEventListener('pagehide', () => { if (frame || main.dataset.page === 'waiting') ask('leave', true).catch(() => {}); });
  addEventListener('pageshow', (e) => { if (e.persisted) first(''); });

  addEventListener('message', (e) => {
    if (!frame || e.origin !== origin || e.source !== frame.contentWindow) return;
    const data = e.data && typeof e.data === 'object' ? e.data : {};
    const what = data.type || (data.data && data.data.type);
    if (!ends.includes(what)) return;
    leave({logout: words.left, connectionClosed: words.lost, loginFail: words.refused, notSupported: words.unsupported}[what]);
  });

  if (!window.isSecureContext || !navigator.mediaDevices) said.textContent = words.no_camera;
})();
