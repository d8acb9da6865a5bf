// The accounting system: its form, its documents, and the events that it received.
import { setup, t, el, post, announce, personName, money, clock, flash } from "./base.js";

const shown = new Map(); // document -> { state, element }
const samples = [["sample1", "125000.00"], ["sample2", "480000.00"], ["sample3", "96000.00"]];
let filledFor = "", next = "";

// drawERP shows what differs.
export function drawERP(erp) {
  prefill(erp.next);
  const list = document.getElementById("documents");
  if (erp.documents.length) list.querySelector(".empty")?.remove();
  for (const d of [...erp.documents].reverse()) {
    const state = JSON.stringify(d), was = shown.get(d.external_id);
    if (was?.state === state) continue;
    const focused = was?.element.contains(document.activeElement) ? document.activeElement : null;
    const selected = focused && [focused.selectionStart, focused.selectionEnd];
    const element = card(d, was?.element);
    if (was) {
      was.element.replaceWith(element);
      if (focused) keepFocus(element, focused, selected);
      if (was.tries !== d.attempts.length) element.scrollIntoView({ block: "nearest" });
      flash(element);
    } else {
      list.prepend(element);
    }
    shown.set(d.external_id, { state, element, tries: d.attempts.length });
  }
  drawEvents(erp);
}

// keepFocus leaves the keyboard where it was although the element was drawn anew.
function keepFocus(element, was, [from, to]) {
  const act = was.dataset.act;
  const now = element.contains(was) ? was : (act && element.querySelector(`[data-act="${act}"]`)) || element;
  now.focus({ preventScroll: true });
  if (now === was && from !== undefined) was.setSelectionRange(from, to);
}

// prefill offers the next example, unless somebody has begun to write.
function prefill(number) {
  next = number;
  const form = document.getElementById("entry");
  document.getElementById("number").textContent = t("numbered", { n: number });
  if (filledFor === number || form.dataset.dirty) return;
  filledFor = number;
  const [sample, amount] = samples[(Number(number) - 4711) % samples.length];
  form.elements.title.value = t(`${sample}.title`);
  form.elements.payee.value = t(`${sample}.payee`);
  form.elements.amount.value = new Intl.NumberFormat(setup.lang, { minimumFractionDigits: 2 }).format(Number(amount));
}

// decimal reads an amount as people write it: 125 000,00 or 125,000.00 or 125000.
export function decimal(text) {
  let s = text.replace(/[\s\u00a0\u202f]/g, "");
  const last = Math.max(s.lastIndexOf(","), s.lastIndexOf("."));
  const cents = last >= 0 && s.length - last - 1 <= 2;
  if (!cents) return s.replace(/[.,]/g, "");
  return `${s.slice(0, last).replace(/[.,]/g, "")}.${s.slice(last + 1)}`;
}

const statusOf = (d) => (d.payment && d.status === "approved" ? "paid" : d.status);

function card(d, old) {
  const status = statusOf(d);
  const box = el("article", "card-of-erp");
  box.dataset.document = d.external_id;
  box.tabIndex = -1;
  box.append(
    el("h4", "", el("span", "", `${t("numbered", { n: d.number })} · ${d.title}`), el("span", `status ${status}`, t(`status.${status}`))),
    el("p", "sum", `${money(d.amount, d.currency)} → ${d.payee}`),
    el("p", "", t(d.file.way === "inline" ? "file_inline" : "file_upload", { name: d.file.name })),
  );
  const facts = [];
  if (d.round > 1) facts.push(t("round", { n: d.round }));
  if (d.fallen) facts.push(t("fallen", { n: d.fallen }));
  if (d.votes.length) facts.push(t("votes", { names: d.votes.map((v) => `${v.verdict === "accept" ? "✅" : "❌"} ${personName(v.user)}`).join(", ") }));
  if (d.asked.length) facts.push(t("waits_for", { names: d.asked.map(personName).join(", ") }));
  if (d.reason) facts.push(t("reason", { text: d.reason }));
  if (facts.length) box.append(el("p", "", facts.join(" · ")));
  box.append(acts(d, status, old), tries(d));
  return box;
}

function acts(d, status, old) {
  const row = el("div", "acts");
  const button = (act, text, run, primary) => {
    const b = el("button", primary ? "primary" : "plain", text);
    b.type = "button";
    b.dataset.act = act;
    b.addEventListener("click", () => run(b));
    row.append(b);
  };
  if (status === "failed") return row;
  button("pay", t(d.payment ? "pay_again" : "pay"), (b) => busy(b, () => post("pay", { document: d.external_id, lang: setup.lang })), status === "approved");
  if (!d.payment) {
    button("change", t("change"), () => ask(d, "change"));
    if (["in_progress", "approved", "returned", "blocked"].includes(status)) button("withdraw", t("withdraw"), () => ask(d, "withdraw"));
  }
  const open = old?.querySelector(".asks");
  return el("div", "", row, open); // what somebody is writing stays
}

async function busy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  await act();
  button.removeAttribute("aria-busy");
}

// ask opens a line under the buttons: a new amount, or the reason of a withdrawal.
function ask(d, what) {
  const box = shown.get(d.external_id).element;
  const was = box.querySelector(".asks");
  was?.remove();
  if (was?.dataset.what === what) return;
  const input = el("input");
  input.name = what;
  input.setAttribute("aria-label", t(what === "change" ? "amount" : "withdraw_reason"));
  if (what === "change") {
    input.value = d.amount;
    input.inputMode = "decimal";
    input.required = true;
    input.pattern = "[0-9 .,]{1,20}";
  } else {
    input.placeholder = t("withdraw_reason");
  }
  const form = el("form", "asks", input, el("button", "primary", t(what === "change" ? "save" : "withdraw")));
  form.dataset.what = what;
  form.addEventListener("submit", async (ev) => {
    ev.preventDefault();
    form.remove();
    const body = { document: d.external_id, lang: setup.lang };
    if (what === "change") body.amount = decimal(input.value);
    else body.reason = input.value.trim();
    await post(what, body);
  });
  box.querySelector(".acts").after(form);
  input.focus();
  input.select();
}

function tries(d) {
  const list = el("ol", "tries");
  for (const a of d.attempts) {
    const head = t(`${a.done ? "did" : "not"}.${a.what}`, { ref: a.ref ?? "" });
    const why = a.done ? "" : (setup.texts[`code.${a.code}`] ?? (a.message || a.code));
    list.append(el("li", a.done ? "" : "no", why ? `${head}: ${why}` : head));
  }
  return list;
}

function drawEvents(erp) {
  const line = document.getElementById("agree");
  const n = erp.hooked, m = erp.fed, bad = erp.problems.length > 0;
  if (n + m > 0) {
    const same = n === m && n === erp.events.length;
    line.textContent = t(same ? "agree" : "catching_up", { n, m }) + (erp.refused ? ` ${t("refused", { n: erp.refused })}` : "");
    line.className = `agree${same ? " good" : ""}`;
  }
  if (bad) {
    line.className = "agree bad";
    line.textContent = `${t("problems")} ${erp.problems.join("; ")}`;
  }
  const list = document.getElementById("events");
  if (Number(list.dataset.count ?? 0) < erp.events.length && erp.events[0].type === "case.decided") announce(`${erp.events[0].type} ${erp.events[0].note}`);
  list.dataset.count = erp.events.length;
  list.replaceChildren(...erp.events.slice(0, 60).map(event));
}

function event(e) {
  const mark = el("span", "mark", e.hooked ? "✓" : "…", e.fed ? "✓" : "…");
  const words = [t(e.hooked ? "signed" : "unsigned")];
  if (e.fed) words.push(t("in_feed"));
  mark.title = words.join(", ");
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", mark.title);
  const item = el("li", "", el("span", "which", `${e.number}/${e.seq}`), el("b", "", e.type), mark);
  if (e.hooked > 1) mark.append(t("times", { n: e.hooked }));
  if (e.note) item.append(el("span", "note", e.note.split(" · ").map(personName).join(" · ")));
  item.title = clock(e.at);
  return item;
}

function base64(file) {
  return new Promise((done, failed) => {
    const r = new FileReader();
    r.onload = () => done(r.result.slice(r.result.indexOf(",") + 1));
    r.onerror = () => failed(r.error);
    r.readAsDataURL(file);
  });
}

export function bindERP() {
  const form = document.getElementById("entry");
  form.addEventListener("input", () => { form.dataset.dirty = "1"; });
  form.addEventListener("submit", (ev) => {
    ev.preventDefault();
    busy(document.getElementById("send"), async () => {
      const f = form.elements, file = f.file.files[0];
      const entry = { title: f.title.value, payee: f.payee.value, amount: decimal(f.amount.value), lang: setup.lang };
      if (file) Object.assign(entry, { file_name: file.name, file: await base64(file) });
      if (!(await post("documents", entry))) return;
      form.reset();
      delete form.dataset.dirty;
      filledFor = "";
      prefill(next);
    });
  });
}
