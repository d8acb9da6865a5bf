// What the other scripts stand on.
export const setup = JSON.parse(document.body.dataset.setup);

// t gives a text with its blanks filled.
export function t(key, values = {}) {
  return (setup.texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// el makes an element.
export function el(tag, cls, ...children) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

export function show(id, visible) {
  document.getElementById(id).hidden = !visible;
}

// post makes a call; what went wrong is told in a dialog and given as null.
export async function post(name, body) {
  try {
    const r = await fetch(`/api/${name}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const answer = await r.json();
    if (r.ok) return answer;
    alertWith(t(`error.${answer.code}`));
  } catch (e) {
    alertWith(t("away"));
  }
  return null;
}

export function alertWith(text) {
  const dialog = document.getElementById("alert");
  document.getElementById("alert-text").textContent = text;
  if (!dialog.open) dialog.showModal();
}

// announce tells a screen reader.
let pending = [];
export function announce(text) {
  pending.push(text);
  if (pending.length > 1) return;
  setTimeout(() => {
    document.getElementById("live").textContent = pending.slice(-3).join(". ");
    pending = [];
  }, 300);
}

export function personName(key) {
  return setup.cast.find((a) => a.key === key)?.name ?? key;
}

export function money(amount, currency) {
  return new Intl.NumberFormat(setup.lang, { style: "currency", currency, currencyDisplay: "code" }).format(Number(amount));
}

export function clock(at) {
  return new Intl.DateTimeFormat(setup.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at));
}

export function size(bytes) {
  const units = setup.lang === "ru" ? ["Б", "КБ", "МБ"] : ["B", "KB", "MB"];
  let i = 0;
  while (bytes >= 1024 && i < 2) { bytes /= 1024; i++; }
  return `${new Intl.NumberFormat(setup.lang, { maximumFractionDigits: bytes < 10 && i ? 1 : 0 }).format(bytes)} ${units[i]}`;
}

// flash draws the eye to something that has changed.
export function flash(e) {
  e.classList.remove("flash");
  void e.offsetWidth; // begin anew
  e.classList.add("flash");
}
