// Attention weights of random queries and keys: needs softmax.js and random.js before it.

const COUNT = 8; // of queries, and of keys
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

// For each query the weights, the largest of them, and the Frobenius norm of their Jacobian.
function attention(seed, width, scaled) {
  const { queries, keys } = draw(seed);
  const divisor = scaled ? Math.sqrt(width) : 1;
  return queries.map((query) => {
    const components = query.slice(0, width);
    const scores = keys.map((key) => total(components.map((q, a) => q * key[a])) / divisor);
    const weights = softmax(scores);
    return { weights, top: Math.max(...weights), norm: Math.hypot(...jacobian(weights).flat()) };
  });
}

const mean = (values) => total(values) / values.length;
