// A card under the pointer, or below a link that has the focus: the statement, the term or the source
// that the link leads to, fetched from this site.
const LINKS = "a.reference.internal[href*='#'], a.bibtex[href*='#']";
const WHOLE = "div.proof, div.citation, dt, figure";
const PATIENCE = 250;

const article = document.querySelector("article.bd-article");
const card = document.createElement("div");
card.id = "book-card";
card.className = "bd-article";
card.setAttribute("role", "tooltip");
card.hidden = true;

const pages = new Map();
let shown = null;
let timer = 0;

function page(address) {
  if (address === location.href.split("#")[0]) return document;
  if (!pages.has(address)) {
    pages.set(address, fetch(address).then(async (answer) => {
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    }));
  }
  return pages.get(address);
}

// What the link leads to, without ids, links and what only a page needs; or nothing worth a card.
function piece(target) {
  const whole = target?.closest(WHOLE);
  if (!whole) return null;
  const parts = whole.tagName === "DT" ? [whole, whole.nextElementSibling] : [whole];
  const copy = document.createElement("div");
  copy.append(...parts.filter(Boolean).map((part) => document.importNode(part, true)));
  copy.querySelectorAll(".headerlink, .backrefs, .label, mjx-assistive-mml, script").forEach((e) => e.remove());
  copy.querySelectorAll("[id]").forEach((e) => e.removeAttribute("id"));
  copy.querySelectorAll("a").forEach((a) => a.replaceWith(...a.childNodes));
  return copy;
}

function hide() {
  clearTimeout(timer);
  card.hidden = true;
  shown?.removeAttribute("aria-describedby");
  shown = null;
}

async function show(link) {
  hide();
  shown = link;
  const [address, id] = link.href.split("#");
  let from;
  try { from = await page(address); } catch { return; }  // the link itself still leads there
  const copy = piece(from.getElementById(decodeURIComponent(id)));
  if (!copy || shown !== link) return;
  card.replaceChildren(copy);
  card.hidden = false;
  document.body.append(card);
  if (from !== document) await window.MathJax?.typesetPromise?.([card]);
  const at = link.getClientRects()[0];
  const left = Math.max(8, Math.min(at.left, innerWidth - card.offsetWidth - 24));
  const fits = at.bottom + card.offsetHeight + 8 < innerHeight;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(fits ? at.bottom + 4 : at.top - card.offsetHeight - 4) + scrollY}px`;
  link.setAttribute("aria-describedby", card.id);
}

// WCAG 1.4.13: what appears can be hovered, dismissed, and stays as long as it is looked at.
if (article) {
  const link = (event) => event.target.closest?.(LINKS);
  const later = (action, ...what) => { clearTimeout(timer); timer = setTimeout(action, PATIENCE, ...what); };
  article.addEventListener("pointerover", (event) => {
    if (link(event) && link(event) !== shown && event.pointerType !== "touch") later(show, link(event));
  });
  article.addEventListener("pointerout", (event) => { if (link(event)) later(hide); });
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", () => later(hide));
  article.addEventListener("focusin", (event) => { if (event.target.matches?.(`:is(${LINKS}):focus-visible`)) show(event.target); });
  article.addEventListener("focusout", hide);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
