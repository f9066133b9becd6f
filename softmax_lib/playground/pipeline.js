// Softmax step by step, each step rounded to a number format: needs softmax.js before it.

const LARGEST = {
  float16: "65504",
  bfloat16: "3.3895e+38",
  float32: "3.4028e+38",
  float64: "1.7976e+308",
};
FORMATS.bfloat16 = roundToBrain;

// bfloat16 is the upper half of a float32, to the nearest, ties to even.
function roundToBrain(x) {
  if (!Number.isFinite(x)) return x;
  const word = new Uint32Array(new Float32Array([x]).buffer);
  word[0] += 0x7fff + ((word[0] >>> 16) & 1);
  word[0] &= 0xffff0000;
  return new Float32Array(word.buffer)[0];
}

// What NumPy has in the format; it adds up float16 in float32.
function pipeline(logits, format, shift) {
  const round = FORMATS[format];
  const adding = format === "float16" ? Math.fround : round;
  const z = logits.map(round);
  const maximum = Math.max(...z);
  const exponents = shift ? z.map((logit) => round(logit - maximum)) : z;
  const terms = exponents.map((x) => round(Math.exp(x)));
  const sum = round(total(terms, adding));
  return { z, maximum, exponents, terms, sum, p: terms.map((term) => round(term / sum)) };
}

// What becomes of the row: "sum" if it sums to 1 but for rounding, "zero" if all are 0, or "nan".
function fate({ p }) {
  if (p.some(Number.isNaN)) return "nan";
  return p.every((x) => x === 0) ? "zero" : "sum";
}

const listed = (indices, letter) => indices.map((i) => `${letter}${"₁₂₃₄₅₆₇₈"[i]}`).join(", ");

// In words, from the first step that goes wrong on.
function told(steps, format, shift) {
  const { terms, sum, p } = steps;
  const where = (values, test) => values.flatMap((value, i) => (test(value) ? [i] : []));
  const infinite = where(terms, (term) => term === Infinity);
  if (infinite.length) {
    const limit = `The largest number of ${format} is ${LARGEST[format]}`;
    const finite = p.length > infinite.length ? " Whatever is finite, divided by ∞, is 0." : "";
    return `${limit}: e to the power of ${listed(infinite, "z")} overflows to ∞. Then Σ = ∞, and ∞/∞ is not a number, NaN.${finite}`;
  }
  if (sum === Infinity) {
    return `Each power of e still fits into ${format}, but Σ overflows to ∞. Whatever is finite, divided by ∞, is 0: all probabilities are lost.`;
  }
  if (sum === 0) {
    return `Every power of e underflows to 0, since ${format} has no positive number so small. Then Σ = 0, and 0/0 is not a number, NaN.`;
  }
  const gone = where(p, (x) => x === 0);
  const rest = gone.length ? ` In ${format} ${listed(gone, "p")} ${gone.length > 1 ? "are" : "is"} exactly 0: the true value is too small.` : "";
  const start = shift
    ? "The largest exponent is 0, and e⁰ = 1. So nothing overflows, and Σ is at least 1."
    : `Every power of e fits into ${format} here, and so does Σ.`;
  return start + rest;
}
