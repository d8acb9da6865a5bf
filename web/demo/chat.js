// A chat as its people see it.
import { setup, t, el, post, alertWith, announce, clock, size, flash } from "./base.js";
import { format } from "./text.js";

const shown = new Map(); // chat -> message -> { text of its state, element }
const replies = new Map(); // chat -> message that the next line answers
let openAs = () => {};

const pane = (chat) => document.getElementById(`pane-${chat}`);
const title = (chat) => document.getElementById(`name-${chat}`).textContent;
const isGroup = (chat) => chat < 0;

// writer is who acts in a chat.
function writer(chat) {
  return isGroup(chat) ? Number(pane(chat).querySelector("select").value) : chat;
}

// drawChat shows what differs, and says whether anything did.
export function drawChat(chat) {
  const list = pane(chat.id).querySelector(".messages");
  const known = shown.get(chat.id) ?? new Map();
  const first = !shown.has(chat.id);
  const fresh = [], changed = [];
  for (const [id, was] of known) {
    if (!chat.messages.some((m) => m.id === id)) { was.element.remove(); known.delete(id); }
  }
  for (const m of chat.messages) {
    const state = JSON.stringify(m), was = known.get(m.id);
    if (was?.state === state) continue;
    const element = bubble(chat.id, m);
    if (was) {
      const focused = was.element.contains(document.activeElement);
      was.element.replaceWith(element);
      if (focused) element.focus({ preventScroll: true });
      changed.push({ m, element });
    } else {
      list.append(element);
      fresh.push({ m, element });
    }
    known.set(m.id, { state, element });
  }
  shown.set(chat.id, known);
  count(chat);
  if (!first) tell(chat.id, fresh, changed);
  if (fresh.length || changed.length) reveal(chat.id, fresh, changed);
  return !first && fresh.length + changed.length > 0;
}

// count says in the head how many cards wait for this person.
function count(chat) {
  const n = chat.messages.filter((m) => m.keyboard.some((row) => row.some((b) => b.data.startsWith("v:")))).length;
  const badge = pane(chat.id).querySelector("header .badge");
  badge.hidden = n === 0;
  badge.replaceChildren(String(n), el("span", "sr", ` ${t("waiting")}`));
  badge.title = t("waiting");
  const tab = document.querySelector(`[data-tab="${chat.id}"] .badge`);
  tab.hidden = n === 0;
  tab.replaceChildren(String(n), el("span", "sr", ` ${t("waiting")}`));
}

function tell(chat, fresh, changed) {
  const line = (m) => (m.file ? m.file.name : m.contact ? `${m.contact.name}, ${m.contact.phone}` : m.text.split("\n").slice(0, 2).join(", "));
  for (const { m, element } of changed) {
    flash(element);
    announce(t("changed_message", { name: title(chat), text: line(m) }));
  }
  for (const { m, element } of fresh) {
    if (m.bot) flash(element);
    announce(t("new_message", { name: title(chat), text: line(m) }));
  }
}

// reveal scrolls to what matters: a card that still asks, with its buttons; else the
// newest message; else the newest that changed. A file under a card that asks may stay
// below the edge.
function reveal(chat, fresh, changed) {
  const box = pane(chat).querySelector(".scroll");
  const bottomOf = (e) => e.offsetTop + e.offsetHeight + 10 - box.clientHeight;
  const all = [...shown.get(chat).values()];
  const asking = all.findLast(({ element }) => element.querySelector(".key[data-data]"))?.element;
  const newest = fresh.findLast(({ m }) => !m.file)?.element ?? asking;
  if (asking && newest === asking) {
    box.scrollTop = bottomOf(asking);
  } else if (fresh.length) {
    box.scrollTop = box.scrollHeight;
  } else {
    const e = changed.at(-1).element;
    const away = e.offsetTop < box.scrollTop || e.offsetTop + 60 > box.scrollTop + box.clientHeight;
    if (away) box.scrollTop = e.offsetTop - 8;
  }
}

function bubble(chat, m) {
  const mine = !m.bot && (!isGroup(chat) || m.from === writer(chat));
  const item = el("li", `message${mine ? " mine" : ""}`);
  item.dataset.message = m.id;
  item.tabIndex = -1;
  const body = el("div", "bubble");
  if (isGroup(chat)) body.append(el("span", "author", m.name));
  if (m.reply_to) body.append(quoted(chat, m.reply_to));
  if (m.file) body.append(attached(m.file));
  if (m.contact) body.append(contact(m.contact));
  if (m.text) {
    const text = el("div", "text");
    text.append(...format(m.text, m.entities, (c) => say(chat, c), (url) => botLink(url)));
    body.append(text);
  }
  const time = el("time", "", clock(m.at));
  time.dateTime = m.at;
  body.append(el("span", "meta", answerButton(chat, m), m.edits ? `${t("edited")} ` : "", time));
  item.append(body);
  if (m.keyboard.length) item.append(keyboard(chat, m));
  if (m.share) item.append(sharing(chat, m.share));
  return item;
}

function quoted(chat, q) {
  const b = el("button", "quoted", el("b", "", q.name), el("span", "", q.text || "…"));
  b.type = "button";
  b.addEventListener("click", () => {
    const target = shown.get(chat)?.get(q.id)?.element;
    if (!target) return;
    target.scrollIntoView({ block: "nearest" });
    flash(target);
  });
  return b;
}

function attached(file) {
  const a = el("a", "attached",
    el("span", "sheet", "📄"), el("span", "", el("b", "", file.name), el("small", "", size(file.size))));
  a.href = file.url;
  a.download = file.name;
  a.querySelector(".sheet").setAttribute("aria-hidden", "true");
  return a;
}

function contact(c) {
  const card = el("div", "attached contact",
    el("span", "sheet", "👤"), el("span", "", el("b", "", c.name), el("small", "", c.phone)));
  card.querySelector(".sheet").setAttribute("aria-hidden", "true");
  return card;
}

function answerButton(chat, m) {
  const b = el("button", "answer", "↩");
  b.type = "button";
  b.setAttribute("aria-label", t("reply"));
  b.title = t("reply");
  b.addEventListener("click", () => {
    replies.set(chat, m.id);
    const quote = pane(chat).querySelector(".composer .quote");
    quote.hidden = false;
    quote.querySelector("span").textContent = m.file?.name ?? m.text.split("\n")[0];
    pane(chat).querySelector("[name=text]").focus();
  });
  return b;
}

function keyboard(chat, m) {
  const keys = el("div", "keys");
  for (const row of m.keyboard) {
    const line = el("div");
    for (const b of row) {
      const key = el("button", `key ${b.style}`, b.text);
      key.type = "button";
      if (b.data) key.dataset.data = b.data;
      key.addEventListener("click", () => (b.url ? open(b.url) : tap(chat, m.id, b.data, key)));
      line.append(key);
    }
    keys.append(line);
  }
  return keys;
}

// sharing is the button of a keyboard of its own, which gives the bot the reader's number.
function sharing(chat, text) {
  const key = el("button", "key", text);
  key.type = "button";
  key.dataset.share = "number";
  key.addEventListener("click", () => post("share", { user: writer(chat) }));
  const keys = el("div", "keys");
  keys.append(el("div", "", key));
  return keys;
}

async function tap(chat, message, data, key) {
  if (key.getAttribute("aria-busy") === "true") return;
  key.setAttribute("aria-busy", "true");
  const told = await post("tap", { user: writer(chat), chat, message, data });
  key.removeAttribute("aria-busy");
  if (!told?.text) return;
  if (told.alert) {
    alertWith(told.text);
    return;
  }
  const place = pane(chat).querySelector(".told");
  place.replaceChildren(el("p", "", told.text));
  clearTimeout(place.timer);
  place.timer = setTimeout(() => place.replaceChildren(), 3500);
}

// botLink takes links to the bot itself; others are the browser's.
function botLink(url) {
  const prefix = `https://t.me/${setup.bot}?start=`;
  if (!url.startsWith(prefix)) return false;
  openAs(decodeURIComponent(url.slice(prefix.length)));
  return true;
}

function open(url) {
  if (!botLink(url) && /^https?:\/\//i.test(url)) window.open(url, "_blank", "noopener,noreferrer");
}

function say(chat, text, replyTo = 0) {
  return post("say", { user: writer(chat), chat, text, reply_to: replyTo });
}

function noReply(chat) {
  replies.delete(chat);
  pane(chat).querySelector(".composer .quote").hidden = true;
}

export function bindChat(chat, opener) {
  openAs = opener;
  const form = pane(chat).querySelector(".composer");
  form.querySelector(".quote button").addEventListener("click", () => noReply(chat));
  form.addEventListener("submit", async (ev) => {
    ev.preventDefault();
    const text = form.elements.text.value.trim();
    if (!text) return;
    form.elements.text.value = "";
    const replyTo = replies.get(chat) ?? 0;
    noReply(chat);
    if (!(await say(chat, text, replyTo))) form.elements.text.value = text;
  });
}
