// Temperature, filters and draws: needs softmax.js and random.js before it.

// (z − max)/T, which is 0 for the maxima at T = 0 too.
function gaps(logits, temperature) {
  const maximum = Math.max(...logits);
  return logits.map((z) => (z === maximum ? 0 : (z - maximum) / temperature));
}

// Those whose value is at least that of the last one in the first so many; the tied stay together.
const atLeast = (values, among, least) => among.filter((i) => values[i] >= least);
const descending = (values, among) => among.map((i) => values[i]).sort((a, b) => b - a);

function topK(logits, among, k) {
  return atLeast(logits, among, descending(logits, among)[Math.min(k, among.length) - 1]);
}

function topP(depths, among, p) {
  if (p === 1) return among;
  const ordered = descending(depths, among);
  let sum = 0;
  const sums = ordered.map((depth) => (sum += Math.exp(depth)));
  // The first stays; any other, if those before it do not make up the mass.
  const more = sums.slice(0, -1).filter((before) => before < p * sum).length;
  return atLeast(depths, among, ordered[more]);
}

function minP(depths, among, share) {
  return atLeast(depths, among, Math.log(share));
}

// Which classes are left after each filter, and their probabilities with and without the filters.
function filtered(logits, { temperature, top_k, top_p, min_p }) {
  const depths = gaps(logits, temperature);
  const all = logits.map((_, i) => i);
  const byK = topK(logits, all, top_k);
  const byP = topP(depths, byK, top_p);
  const kept = minP(depths, byP, min_p);
  const p = logits.map(() => 0);
  softmax(kept.map((i) => logits[i]), temperature).forEach((share, place) => (p[kept[place]] = share));
  const before = softmax(logits, temperature);
  return { byK, byP, kept, p, mass: total(kept.map((i) => before[i])) };
}

// Each uniform number picks the class in whose part of the sum of probabilities it falls.
function drawn(p, count, seed) {
  const counts = p.map(() => 0);
  const source = uniforms(seed);
  const possible = p.flatMap((share, i) => (share > 0 ? [i] : []));
  let last;
  for (let done = 0; done < count; done++) {
    let rest = source.next().value;
    last = possible.find((i) => (rest -= p[i]) < 0) ?? possible.at(-1);
    counts[last]++;
  }
  return { counts, last };
}
