// Filters for the ledger: by chapter and by either verdict. What is chosen stands in the address.
const table = document.querySelector(".verdict-table");
const rows = [...table.tBodies[0].rows];

// What a row is filtered by, as it stands on the page.
const facts = {
  chapter: (row) => row.querySelector('a[href*=".html#"]')?.pathname.split("/").pop() ?? "",
  reals: (row) => row.cells[1].querySelector(".verdict")?.textContent ?? "",
  floats: (row) => row.cells[2].querySelector(".verdict")?.textContent ?? "",
};
const names = { chapter: "Chapter", reals: "Over the reals", floats: "In floating point" };

function titleOf(page) {
  const link = document.querySelector(`.bd-links a[href$="${CSS.escape(page)}"]`);
  return link?.textContent.trim() ?? page;
}

const form = document.createElement("form");
form.className = "ledger-filters";
const count = document.createElement("output");
const chosen = new URLSearchParams(location.search);

for (const [fact, name] of Object.entries(names)) {
  const select = document.createElement("select");
  select.name = fact;
  select.add(new Option("all", ""));
  for (const value of new Set(rows.map(facts[fact]))) {
    if (value) select.add(new Option(fact === "chapter" ? titleOf(value) : value, value));
  }
  select.value = chosen.get(fact) ?? "";
  if (select.selectedIndex < 0) select.value = ""; // an address from elsewhere
  const label = document.createElement("label");
  label.append(`${name} `, select);
  form.append(label);
}
form.append(count);

function filter() {
  const wanted = [...new FormData(form)].filter(([, value]) => value);
  for (const row of rows) {
    row.hidden = wanted.some(([fact, value]) => facts[fact](row) !== value);
  }
  const shown = rows.filter((row) => !row.hidden).length;
  count.textContent = `${shown} of ${rows.length} claims`;
  const search = new URLSearchParams(wanted).toString();
  history.replaceState(null, "", `${search ? `?${search}` : location.pathname}${location.hash}`);
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
table.before(form);
filter();
// A link to a row leads there whatever was filtered before.
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
