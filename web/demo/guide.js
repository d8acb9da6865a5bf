// What to do next: four steps, followed by what really happened.
import { setup, t } from "./base.js";

// drawGuide ticks off what was done and names the next act.
export function drawGuide({ erp, chats }) {
  const decided = (outcome) => erp.events.some((e) => e.type === "case.decided" && e.outcome === outcome);
  const done = [decided("approved"), decided("rejected"), erp.documents.some((d) => d.fallen > 0), connected(chats)];
  const now = done.indexOf(false);
  done.forEach((yes, i) => {
    const li = document.getElementById(`step-${i + 1}`);
    li.className = yes ? "done" : i === now ? "now" : "";
    li.querySelector(".tick").textContent = yes ? "✓" : i + 1;
  });
  point(nextOf(erp, now));
}

const newcomer = setup.cast.find((a) => a.part === "newcomer");

// connected: the bot congratulated the one who began without a link.
function connected(chats) {
  return chats.find((c) => c.id === newcomer.account).messages.some((m) => m.bot && m.text.startsWith("✅"));
}

function nextOf(erp, now) {
  if (now === 3) return { text: t("next.connect", { name: newcomer.name }), pane: String(newcomer.account) };
  if (now < 0) return { text: t("next.all"), pane: null };
  const open = erp.documents.find((d) => d.status === "in_progress" || d.status === "sent");
  if (!open) {
    const unpaid = erp.documents.some((d) => d.status === "approved" && !d.payment);
    if (now === 1 && unpaid && erp.documents.length === 1) return { text: t("next.pay"), pane: "erp" };
    return { text: t(["next.send", "next.send2", "next.send3"][now]), pane: "erp" };
  }
  const asked = setup.cast.find((a) => a.key === open.asked[0]);
  if (now === 2 && open.votes.length) return { text: t("next.change", { number: open.number }), pane: "erp" };
  if (!asked) return { text: "…", pane: null };
  return { text: t(now === 1 ? "next.reject" : "next.accept", { name: asked.name }), pane: String(asked.account) };
}

function point({ text, pane }) {
  const line = document.getElementById("next");
  if (line.textContent !== text) line.textContent = text;
  for (const p of document.querySelectorAll(".pane")) p.classList.toggle("turn", p.dataset.pane === pane);
  const go = document.getElementById("go");
  go.hidden = pane === null || !window.matchMedia("(max-width: 1199px)").matches;
  go.onclick = () => document.dispatchEvent(new CustomEvent("pane", { detail: pane }));
}
