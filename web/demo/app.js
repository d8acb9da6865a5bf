// The page of the demonstration: it asks for the state, shows what differs, and passes
// on what people do. Texts of others become text nodes, never markup.
import { setup, t, post, show } from "./base.js";
import { drawChat, bindChat } from "./chat.js";
import { drawERP, bindERP } from "./erp.js";
import { drawGuide } from "./guide.js";
import { bindTabs, mark } from "./tabs.js";

const chats = [...setup.cast.map((a) => a.account), setup.group.id];

function draw(state) {
  for (const chat of state.chats) {
    const changed = drawChat(chat);
    if (changed) mark(chat.id);
  }
  drawERP(state.erp);
  drawGuide(state);
  document.body.dataset.version = state.version;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function follow() {
  let version = -1;
  for (;;) {
    try {
      const r = await fetch(`/api/state?after=${version}`);
      if (!r.ok) throw new Error(r.statusText);
      const state = await r.json();
      show("away", false);
      if (state.version !== version) draw(state);
      version = state.version;
      await pause(40); // changes come in swarms
    } catch {
      show("away", true);
      await pause(1000);
    }
  }
}

// openAs asks on whose phone a link to the bot is opened.
function openAs(payload) {
  const dialog = document.getElementById("who");
  for (const b of dialog.querySelectorAll(".people button")) {
    b.onclick = async () => {
      dialog.close();
      await post("start", { user: Number(b.value), payload });
      document.dispatchEvent(new CustomEvent("pane", { detail: b.value }));
    };
  }
  dialog.showModal();
}

for (const id of chats) bindChat(id, openAs);
bindERP();
bindTabs();
document.getElementById("next").textContent = t("next.send");
follow();
