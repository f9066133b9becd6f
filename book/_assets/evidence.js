// One switch for all drawers, remembered; and a drawer opens for a link that leads into it.
const drawers = [...document.querySelectorAll("details.evidence")];
const KEY = "evidence";

function remembered() {
  try { return localStorage.getItem(KEY) === "open"; } catch { return false; }
}

function remember(open) {
  try { localStorage.setItem(KEY, open ? "open" : "closed"); } catch { /* for this page alone */ }
}

function show(open) {
  document.documentElement.toggleAttribute("data-evidence", open);
  for (const drawer of drawers) drawer.open = open;
}

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const shut = target?.closest("details:not([open])");
  if (!shut) return;
  for (let drawer = shut; drawer; drawer = drawer.parentElement.closest("details")) drawer.open = true;
  target.scrollIntoView();
}

const bar = document.querySelector(".article-header-buttons");
if (drawers.length && bar) {
  const button = document.createElement("button");
  button.className = "btn btn-sm evidence-switch";
  button.title = "Show or hide the evidence, on every page";
  button.innerHTML = '<i class="fa-solid fa-flask" aria-hidden="true"></i><span> Evidence</span>';
  button.setAttribute("aria-label", "Evidence");
  const turn = (open) => { show(open); button.setAttribute("aria-pressed", open); };
  turn(remembered());
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    remember(open);
    turn(open);
  });
  bar.prepend(button);
}
reveal();
addEventListener("hashchange", reveal);
