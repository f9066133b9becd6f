// What the search shows of a page it finds is prose: no drawer, no code.
const textOf = Search.htmlToText;
Search.htmlToText = (page, anchor) => {
  const read = new DOMParser().parseFromString(page, "text/html");
  read.querySelectorAll("details.evidence, .cell_input, script").forEach((part) => part.remove());
  return textOf(read.documentElement.outerHTML, anchor);
};
