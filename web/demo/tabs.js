// One pane at a time on a phone: tabs below, or a swipe.
const stage = document.getElementById("stage");
const tabs = [...document.querySelectorAll("#tabs button")];
let current = "erp";

function choose(name) {
  current = name;
  for (const b of tabs) {
    if (b.dataset.tab === name) {
      b.setAttribute("aria-current", "true");
      b.classList.remove("changed");
    } else {
      b.removeAttribute("aria-current");
    }
  }
}

function go(name) {
  const pane = document.querySelector(`[data-pane="${name}"]`);
  choose(name);
  if (stage.scrollWidth > stage.clientWidth + 1) stage.scrollTo({ left: pane.offsetLeft });
  else pane.scrollIntoView({ block: "nearest" });
  pane.focus({ preventScroll: true });
}

// mark puts a dot on the tab of a chat that changed out of sight.
export function mark(chat) {
  if (String(chat) === current) return;
  document.querySelector(`[data-tab="${chat}"]`).classList.add("changed");
}

export function bindTabs() {
  for (const b of tabs) {
    const first = b.querySelector(".first");
    if (first) first.textContent = first.textContent.split(" ")[0];
    b.addEventListener("click", () => go(b.dataset.tab));
  }
  document.addEventListener("pane", (ev) => go(String(ev.detail)));
  stage.addEventListener("scrollend", () => {
    if (stage.scrollWidth <= stage.clientWidth + 1) return;
    const at = stage.scrollLeft + stage.clientWidth / 2;
    const pane = [...stage.children].find((p) => p.offsetLeft <= at && at < p.offsetLeft + p.offsetWidth);
    if (pane && pane.dataset.pane !== current) choose(pane.dataset.pane);
  });
}
