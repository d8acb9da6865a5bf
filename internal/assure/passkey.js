// Asks the device for a passkey when a form of ours wants one, and sends what it says.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const keys = (list) => (list || []).map((key) => ({ ...key, id: bytes(key.id) }));
  const show = async (ask) => {
    const got = await navigator.credentials.get({ publicKey: { ...ask, challenge: bytes(ask.challenge), allowCredentials: keys(ask.allowCredentials) } });
    const r = got.response;
    return { got, response: { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle) || undefined } };
  };
  const make = async (ask) => {
    const got = await navigator.credentials.create({ publicKey: {
      ...ask, challenge: bytes(ask.challenge), user: { ...ask.user, id: bytes(ask.user.id) }, excludeCredentials: keys(ask.excludeCredentials),
    } });
    const r = got.response;
    const transports = r.getTransports ? r.getTransports() : [];
    return { got, response: { clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject), transports } };
  };
  for (const form of document.querySelectorAll('form[data-into]')) {
    const button = form.querySelector('button');
    const say = (word) => {
      const p = form.querySelector('[data-none]');
      p.textContent = p.dataset[word];
      p.hidden = false;
    };
    if (!window.PublicKeyCredential) {
      say('none');
      button.disabled = true;
      continue;
    }
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        const { got, response } = form.dataset.create ? await make(JSON.parse(form.dataset.create)) : await show(JSON.parse(form.dataset.get));
        form.elements[form.dataset.into].value = JSON.stringify({ id: got.id, rawId: text(got.rawId), type: got.type, response });
        form.submit();
      } catch (error) {
        say(error.name === 'InvalidStateError' ? 'known' : 'failed');
        button.disabled = false;
      }
    });
  }
})();
