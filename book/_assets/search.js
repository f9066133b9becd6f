// What the search shows of a page it finds is prose: no drawer, no code.
const textOf = Search.htmlToText;
Search.htmlToText = (page, anchor) => {
  const read = new DOMParser().parseFromString(page, "text/html");
  read.querySelectorAll("details.evidence, .cell_input, script").forEach((part) => part.remove());
  return textOf(read.documentElement.outerHTML, anchor);
};

// What was typed is compared, word by word, with the titles of pages and sections and with other words
// for the questions; the fewer of them have a word, the more it counts. Those that share most of their
// words with it come first, then what Sphinx finds.
const ENOUGH = 0.4;
const stemmer = new Stemmer();
const wordsOf = (text) =>
  new Set(
    splitQuery(text.toLowerCase())
      .filter((word) => !stopwords.includes(word))
      .map((word) => stemmer.stemWord(word)),
  );

function* titles({ alltitles, titles, docnames, filenames }) {
  const files = new Map(docnames.map((name, file) => [name, filenames[file]]));
  for (const [title, places] of Object.entries(alltitles))
    for (const [file, id] of places) {
      const [shown, anchor] =
        titles[file] === title ? [title, ""] : [`${titles[file]} > ${title}`, `#${id}`];
      yield { words: wordsOf(title), place: [docnames[file], shown, anchor, filenames[file]] };
    }
  for (const [page, shown, anchor, asked] of QUESTIONS)
    for (const text of asked)
      yield { words: wordsOf(text), place: [page, shown, `#${anchor}`, files.get(page)] };
}

function named(query) {
  const candidates = [...titles(Search._index)];
  const counts = new Map();
  for (const { words } of candidates)
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const weight = (words) =>
    [...words].reduce((sum, word) => sum + Math.log(1 + candidates.length / (counts.get(word) ?? 1)), 0);
  const typed = wordsOf(query);
  const best = new Map();
  for (const { words, place } of candidates) {
    const shared = weight([...typed].filter((word) => words.has(word)));
    const share = (2 * shared) / (weight(typed) + weight(words));
    const known = best.get(String(place.slice(0, 2)));
    if (share >= ENOUGH && share > (known?.share ?? 0))
      best.set(String(place.slice(0, 2)), { share, place });
  }
  return [...best.values()]
    .sort((one, other) => one.share - other.share)
    .map(({ share, place: [page, shown, anchor, file] }) => [page, shown, anchor, null, share, file]);
}

// Sphinx takes results from the end.
const perform = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const first = named(query);
  const shown = new Set(first.map(([page, title]) => String([page, title])));
  const others = perform(query, ...terms).filter(([page, title]) => !shown.has(String([page, title])));
  return [...others, ...first];
};
