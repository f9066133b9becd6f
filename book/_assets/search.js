// What the search shows of a page it finds is prose: no drawer, no code. An anchor
// without a text stands before the heading of its section, and a name before the sentence that says
// what it is.
const textOf = Search.htmlToText;
Search.htmlToText = (page, anchor) => {
  const read = new DOMParser().parseFromString(page, "text/html");
  read.querySelectorAll("details.evidence, .cell_input, script").forEach((part) => part.remove());
  const place = anchor && read.getElementById(anchor.slice(1));
  if (place && place.matches("dt.sig")) return place.nextElementSibling.querySelector("p").textContent;
  const section = place && place.textContent === "" && place.closest("section[id]");
  return textOf(read.documentElement.outerHTML, section ? `#${section.id}` : anchor);
};

// What was typed is compared, word by word, with the titles of pages and sections and with other words
// for the questions, and with names of the library, where "axis=" is a parameter's; the fewer of them
// have a word, the more it counts, and one that none has does not.
// Those that share most of their words with it come first, then what Sphinx finds.
const ENOUGH = 0.4;
const stemmer = new Stemmer();
const wordsOf = (text) => [
  ...splitQuery(text.toLowerCase())
    .filter((word) => !stopwords.includes(word))
    .map((word) => stemmer.stemWord(word)),
  ...(text.toLowerCase().match(/\w+=/g) ?? []),
];

function* titled({ alltitles, titles, docnames, filenames }) {
  const place = (file, title, anchor) => {
    const whole = titles[file] === title;
    const shown = whole ? title : `${titles[file]} > ${title}`;
    return [docnames[file], shown, whole ? "" : `#${anchor}`, null, 0, filenames[file]];
  };
  for (const [page, title, anchor, asked] of QUESTIONS)
    for (const text of [title, ...asked])
      yield [new Set(wordsOf(text)), place(docnames.indexOf(page), title, anchor)];
  for (const [page, name, words] of NAMES)
    for (const word of words)
      yield [
        new Set(word.endsWith("=") ? [word.toLowerCase()] : wordsOf(word)),
        place(docnames.indexOf(page), name, name),
      ];
  for (const [title, places] of Object.entries(alltitles))
    for (const [file, anchor] of places)
      yield [new Set(wordsOf(title)), place(file, title, anchor)];
}

function closest(query) {
  const candidates = [...titled(Search._index)];
  const counts = new Map();
  for (const [words] of candidates)
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const weight = (words) =>
    [...words].reduce((sum, word) => sum + Math.log(1 + candidates.length / counts.get(word)), 0);
  const typed = new Set(wordsOf(query).filter((word) => counts.has(word)));
  const best = new Map();
  for (const [words, place] of candidates) {
    const shared = weight([...typed].filter((word) => words.has(word)));
    const share = shared && (2 * shared) / (weight(typed) + weight(words));
    const name = String(place.slice(0, 2));
    const known = best.get(name) ?? place;
    known[4] = Math.max(known[4], share);
    if (share >= ENOUGH) best.set(name, known);
  }
  return best;
}

// Sphinx takes results from the end, and puts a statement's title into brackets.
const perform = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const best = closest(query);
  const first = [...best.values()].reverse().sort((one, other) => one[4] - other[4]);
  const shown = new Set(first.flatMap(([page, title, anchor]) => [page + title, page + anchor]));
  const others = perform(query, ...terms).filter(
    ([page, title, anchor]) => !shown.has(page + title) && !shown.has(page + anchor),
  );
  for (const found of [...others, ...first]) found[1] = found[1].replace(/ >\s+\((.*)\)$/, " > $1");
  return [...others, ...first];
};
