// What now stands on another page is found there: old addresses keep working.
const RENAMED = {
  "attention-masks": "book/masks.html",
  "bounded-scores-must-spread": "book/masks.html#dispersion",
  "drawing-from-it": "book/sampling.html",
  "in-a-classifier": "book/questions-training.html",
  "in-a-language-model": "book/questions-sampling.html",
  "in-attention": "book/questions-attention.html",
  "in-the-computer": "book/questions-numbers.html",
  "one-pass-over-the-keys": "book/one-pass.html",
  "the-logarithm-inverts-it-and-twice-is-once-too-often": "book/logsumexp.html#inverse",
  "where-the-answers-stop": "book/gradients.html#saturation",
  "why-training-goes-on": "book/gradients.html#cross-entropy",
  "without-the-matrix": "book/gradients.html",
};

const id = decodeURIComponent(location.hash.slice(1));
if (id && !id.includes("=") && !document.getElementById(id)) {
  const root = document.documentElement.dataset.content_root ?? "./";
  const answer = await fetch(`${root}anchors.json`);
  const pages = answer.ok ? await answer.json() : {};
  const place = RENAMED[id] ?? (pages[id] && `${pages[id]}#${id}`);
  if (place) location.replace(`${root}${place}`);
}
