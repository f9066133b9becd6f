// Softmax in a number format, and what follows from it: what the playground computes with.
// Plain functions without import or export, so that a page, node and a test can all take them in.

const FORMATS = { float16: roundToHalf, float32: Math.fround, float64: (x) => x };

function roundToHalf(x) {
  if (!Number.isFinite(x) || x === 0) return x;
  // Half precision has 11 digits, exponents from −14 on, and 65504 as its largest number.
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -14);
  const unit = 2 ** (exponent - 10);
  const quotient = Math.abs(x) / unit;
  let whole = Math.round(quotient);
  if (quotient % 1 === 0.5 && whole % 2 === 1) whole -= 1; // a tie goes to the even neighbour
  const size = whole * unit;
  return Math.sign(x) * (size > 65504 ? Infinity : size);
}

function total(values, round = (x) => x) {
  return values.reduce((sum, value) => round(sum + value), 0);
}

// In float64, of logits that are rounded to the format: what softmax rounds once.
function probabilities(logits, temperature, format) {
  const rounded = logits.map(FORMATS[format]);
  const maximum = Math.max(...rounded);
  const terms = rounded.map((z) => {
    if (z === maximum) return 1; // also at T = 0, where 0/0 would not say so
    return Math.exp((z - maximum) / temperature);
  });
  const largest = terms.indexOf(1);
  const rest = total(terms.map((term, i) => (i === largest ? 0 : term)));
  const sum = 1 + rest;
  // A rest too small for the sum still tells whether the largest one rounds to 1.
  return terms.map((term, i) => (i === largest && rest < 1 ? 1 - rest / sum : term / sum));
}

function softmax(logits, temperature = 1, format = "float64") {
  return probabilities(logits, temperature, format).map(FORMATS[format]);
}

// 1 − p as the sum of the others: near p = 1 the difference would cancel.
function complements(p) {
  return p.map((_, i) => total(p.map((other, j) => (j === i ? 0 : other))));
}

// In nats.
function entropy(p, format = "float64") {
  const others = complements(p);
  const surprisal = (x, i) => (x > 0.5 ? -Math.log1p(-others[i]) : -Math.log(x));
  return FORMATS[format](total(p.map((x, i) => (x === 0 ? 0 : x * surprisal(x, i)))));
}

function jacobian(p, temperature = 1, format = "float64") {
  const others = complements(p);
  return p.map((row, i) =>
    p.map((column, j) => {
      const factor = i === j ? others[i] : -column;
      // At T = 0 an entry is infinite between tied maxima and 0 elsewhere, not 0/0.
      if (row * factor === 0 && temperature === 0) return 0;
      // A small T first, so that no digits of a tiny product are lost before it is enlarged.
      const entry = temperature < 1 ? (row / temperature) * factor : (row * factor) / temperature;
      return FORMATS[format](entry);
    }),
  );
}

function show(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  if (Math.abs(value) === Infinity) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  const small = Number(size.toPrecision(digits)) < 10 ** -digits;
  const large = size >= 10 ** digits;
  const written = small || large ? value.toExponential(digits - 1) : value.toPrecision(digits);
  return written.replaceAll("-", "−");
}

// A rounded "1.000" is not 1, and a format's 0 is not merely small: where it is so, say so.
function showProbability(value) {
  return value === 0 || value === 1 ? `exactly ${value}` : show(value);
}
