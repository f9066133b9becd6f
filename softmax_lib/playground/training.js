// A linear softmax classifier of three classes, trained by gradient descent with a loss or another:
// needs softmax.js before it.

const dot = (a, b) => total(a.map((x, i) => x * b[i]));

// Jᵀg, which is Jg, for the Jacobian of softmax where it is p.
function throughSoftmax(p, gradient) {
  const mean = dot(p, gradient);
  return p.map((share, i) => share * (gradient[i] - mean));
}

const minus = (p, target) => p.map((share, i) => share - (i === target ? 1 : 0));

// For the logits z of a point of a class: the loss, and its gradient by z.
const LOSSES = {
  "cross-entropy"(z, target) {
    const p = softmax(z);
    const maximum = Math.max(...z);
    const loss = Math.log(total(z.map((logit) => Math.exp(logit - maximum)))) + maximum - z[target];
    return { loss, gradient: minus(p, target) };
  },
  "squared-error"(z, target) {
    const p = softmax(z);
    const off = minus(p, target);
    return { loss: dot(off, off), gradient: throughSoftmax(p, off.map((x) => 2 * x)) };
  },
  "softmax-twice"(z, target) {
    const p = softmax(z);
    const { loss, gradient } = LOSSES["cross-entropy"](p, target);
    return { loss, gradient: throughSoftmax(p, gradient) };
  },
};

// Where training starts: the weights of x, of y and of 1, a row for each class.
const STARTS = {
  even: [0, 1, 2].map(() => [0, 0, 0]),
  // Class c lies in the direction (4c + 3) π/6, and is taken for the next one with much confidence.
  wrong: [0, 1, 2].map((c) => (Math.PI / 6) * (4 * c - 1)).map((angle) => [12 * Math.cos(angle), 12 * Math.sin(angle), 0]),
};

const logitsAt = (weights, [x, y]) => weights.map((row) => dot(row, [x, y, 1]));

function right(weights, points) {
  const shares = points.map((point) => softmax(logitsAt(weights, point))[point[2]]);
  const hits = points.filter((point) => {
    const z = logitsAt(weights, point);
    return z.every((logit, c) => c === point[2] || logit < z[point[2]]);
  });
  return { share: total(shares) / points.length, count: hits.length };
}

// The mean loss over the points, and its gradient by the weights.
function slope(weights, points, loss) {
  const gradient = weights.map(() => [0, 0, 0]);
  let sum = 0;
  for (const point of points) {
    const at = LOSSES[loss](logitsAt(weights, point), point[2]);
    sum += at.loss;
    at.gradient.forEach((g, c) => [point[0], point[1], 1].forEach((x, i) => (gradient[c][i] += g * x)));
  }
  return { loss: sum / points.length, gradient: gradient.map((row) => row.map((g) => g / points.length)) };
}

// What comes of some steps: weights, loss, norm of the gradient, and how the share of the right
// class went, as pairs of a step and the share, no more of them than a curve needs.
const MOST_PAIRS = 100;

function train({ points, loss, start, rate, steps }) {
  let weights = STARTS[start];
  const stride = Math.ceil(steps / MOST_PAIRS);
  const shares = [];
  for (let done = 0; done < steps; done++) {
    if (done % stride === 0) shares.push([done, right(weights, points).share]);
    const { gradient } = slope(weights, points, loss);
    weights = weights.map((row, c) => row.map((w, i) => w - rate * gradient[c][i]));
  }
  const last = slope(weights, points, loss);
  const { share, count } = right(weights, points);
  shares.push([steps, share]);
  return { weights, loss: last.loss, norm: Math.hypot(...last.gradient.flat()), share, count, shares };
}

// The part of the square from −1 to 1 where a class has the largest logit, corner by corner.
function region(weights, own) {
  let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  weights.forEach((other, c) => {
    if (c === own) return;
    const ahead = (corner) => dot(weights[own], [...corner, 1]) - dot(other, [...corner, 1]);
    corners = corners.flatMap((corner, i) => {
      const next = corners[(i + 1) % corners.length];
      const [here, there] = [ahead(corner), ahead(next)];
      const kept = here >= 0 ? [corner] : [];
      if (here * there >= 0) return kept;
      const part = here / (here - there);
      return [...kept, corner.map((x, axis) => x + part * (next[axis] - x))];
    });
  });
  return corners;
}
