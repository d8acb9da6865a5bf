// Formatted text: entities with offsets in UTF-16 units, as strings have here too.
import { el } from "./base.js";

const tags = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

// format gives the nodes of a text. onCommand is called with a command that is clicked.
export function format(text, entities, onCommand, onLink) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return part(text, 0, text.length, sorted, { onCommand, onLink });
}

function part(text, start, end, entities, on) {
  const out = [];
  let at = start;
  for (let i = 0; i < entities.length; i++) {
    const e = entities[i];
    const stop = Math.min(e.offset + e.length, end);
    if (e.offset < at || stop <= e.offset) continue;
    if (e.offset > at) out.push(text.slice(at, e.offset));
    const inner = entities.slice(i + 1).filter((o) => o.offset < stop && o.offset + o.length <= stop);
    const node = wrap(e, text.slice(e.offset, stop), on);
    node.append(...(node.dataset.whole ? [] : part(text, e.offset, stop, inner, on)));
    out.push(node);
    at = stop;
  }
  if (at < end) out.push(text.slice(at, end));
  return out;
}

function wrap(e, text, on) {
  if (e.type === "bot_command") {
    const b = el("button", "command", text);
    b.type = "button";
    b.dataset.whole = "1";
    b.addEventListener("click", () => on.onCommand(text));
    return b;
  }
  if (e.type === "text_link" || e.type === "url") return link(e.url || text, on.onLink);
  return el(tags[e.type] ?? "span");
}

function link(address, onLink) {
  const a = el("a");
  if (/^https?:\/\//i.test(address)) {
    a.href = address;
    a.target = "_blank";
    a.rel = "noopener noreferrer";
    a.addEventListener("click", (ev) => { if (onLink(address)) ev.preventDefault(); });
  }
  return a;
}
