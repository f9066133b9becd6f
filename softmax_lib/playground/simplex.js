// Points of the simplex of three classes, a triangle: needs softmax.js before it.

// Where all the probability is one class's.
const CORNERS = [
  { x: 8, y: 84 },
  { x: 92, y: 84 },
  { x: 50, y: 84 - 42 * Math.sqrt(3) },
];

function pointOf(p) {
  const along = (axis) => total(p.map((share, i) => share * CORNERS[i][axis]));
  return { x: along("x"), y: along("y") };
}

// The probabilities of a place; outside of the triangle, those of a place on its border.
function probabilitiesAt({ x, y }) {
  const [left, right, top] = CORNERS;
  const third = (left.y - y) / (left.y - top.y);
  const second = (x - left.x - third * (top.x - left.x)) / (right.x - left.x);
  const inside = [1 - second - third, second, third].map((share) => Math.max(share, 0));
  const sum = total(inside);
  return inside.map((share) => share / sum);
}

// The logits of some probabilities at a temperature that have a given mean, within reach.
function logitsOf(p, temperature, mean, reach) {
  const surprisals = p.map((share) => temperature * Math.log(Math.max(share, 1e-12)));
  const middle = total(surprisals) / p.length;
  const logits = surprisals.map((z) => mean + z - middle);
  return logits.map((z) => Number(Math.min(Math.max(z, -reach), reach).toFixed(2)));
}

// Which classes are the largest: where the point goes as the temperature falls to 0.
function leaders(logits) {
  const maximum = Math.max(...logits);
  return logits.flatMap((z, i) => (z === maximum ? [i] : []));
}
