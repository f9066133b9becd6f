// Attention weights of random queries and keys: needs softmax.js and random.js before it.

const COUNT = 8; // of queries, and of keys, at most
const WIDEST = 512;

// Always of the largest width: a smaller one takes the first components, so that it can grow.
function draw(seed) {
  const source = uniforms(seed);
  const uniform = () => source.next().value;
  // Box and Muller's way from uniform to normal numbers.
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const vectors = () => Array.from({ length: COUNT }, () => Array.from({ length: WIDEST }, normal));
  return { queries: vectors(), keys: vectors() };
}

// Which keys a query may attend to, by the places of both in the sentence.
const MASKS = {
  none: () => true,
  causal: (query, key) => key <= query,
  earlier: (query, key) => key < query,
  others: (query, key) => key !== query,
};

// For each of the first so many queries the weights of as many keys, the largest of them, and the
// Frobenius norm of their Jacobian: NaN both where there is no key to attend to.
function attention({ seed, d_k, scaled, mask, count }) {
  const drawn = draw(seed);
  const [queries, keys] = [drawn.queries.slice(0, count), drawn.keys.slice(0, count)];
  const divisor = scaled ? Math.sqrt(d_k) : 1;
  return queries.map((query, i) => {
    const components = query.slice(0, d_k);
    const scores = keys.map((key) => total(components.map((q, a) => q * key[a])) / divisor);
    const allowed = keys.flatMap((_, j) => (MASKS[mask](i, j) ? [j] : []));
    const weights = scores.map(() => 0);
    if (!allowed.length) return { weights, allowed, top: NaN, norm: NaN };
    const p = softmax(allowed.map((j) => scores[j]));
    allowed.forEach((j, place) => (weights[j] = p[place]));
    return { weights, allowed, top: Math.max(...p), norm: Math.hypot(...jacobian(p).flat()) };
  });
}

// Over the queries that have a key to attend to.
function mean(values) {
  const known = values.filter((value) => !Number.isNaN(value));
  return total(known) / known.length;
}
