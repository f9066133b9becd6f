// <training-playground>: needs softmax.js, training.js, playground.js, settings.js and predict.js
// before it.

const MOST_STEPS = 500;
const FORESEEN = 100; // steps
const RATES = [0.1, 0.3, 1, 3, 10];
const MOST_POINTS = 24;
const NAMES = {
  "cross-entropy": "cross-entropy of the logits",
  "squared-error": "squared error of the probabilities",
  "softmax-twice": "softmax applied twice",
};
const BEGINNINGS = { even: "all weights 0", wrong: "confidently wrong" };

const oneOf = (name, options) => (text) => {
  return check(name, text, text, Object.hasOwn(options, text), `one of ${Object.keys(options).join(", ")}`);
};

const READ = {
  points(text) {
    const points = text.trim().split(/[\s/]+/).map((point) => point.split(",").map(number));
    const valid = ([x, y, c, ...more]) => Math.abs(x) <= 1 && Math.abs(y) <= 1 && [0, 1, 2].includes(c) && !more.length;
    const expected = `1 to ${MOST_POINTS} times x,y,class, with x and y from −1 to 1 and class 0, 1 or 2`;
    return check("points", text, points, points.every(valid) && points.length <= MOST_POINTS, expected);
  },
  loss: oneOf("loss", NAMES),
  start: oneOf("start", BEGINNINGS),
  rate(text) {
    const value = number(text);
    return check("rate", text, value, RATES.includes(value), `one of ${RATES.join(", ")}`);
  },
  steps: readWhole("steps", 0, MOST_STEPS),
  predict: readPredict,
};

const OWN_STYLE = `${PREDICTION_STYLE}
  .both { display: grid; gap: 0.75rem 1.5rem; align-items: start; }
  svg { display: block; width: 100%; max-width: 22rem; margin-inline: auto; user-select: none; }
  .c0 { --hue: var(--blue); }
  .c1 { --hue: var(--red); }
  .c2 { --hue: var(--pst-color-success, var(--jp-success-color1, #2e7d32)); }
  .region { fill: color-mix(in srgb, var(--hue) 25%, var(--back)); stroke: var(--line); stroke-width: 0.3; }
  .frame, .axis { fill: none; stroke: var(--line); stroke-width: 0.5; }
  .point circle { fill: var(--back); stroke: var(--hue); stroke-width: 1; }
  .point.chosen circle { stroke: var(--text); stroke-width: 1.4; }
  .point { cursor: move; touch-action: none; }
  text { font-size: 5px; fill: var(--text); }
  .point text { text-anchor: middle; dominant-baseline: central; }
  .share { fill: none; stroke: var(--text); stroke-width: 0.6; stroke-dasharray: 1 1.2; }
  .share.squared-error { stroke-dasharray: 4 1.5; }
  .share.softmax-twice { stroke-dasharray: 1 1.2 4 1.2; }
  .share.chosen { stroke: var(--blue); stroke-width: 1.4; stroke-dasharray: none; }
  .stack { display: grid; gap: 0.3rem; }
  .stack label { display: flex; flex-wrap: wrap; gap: 0 0.5rem; align-items: center; }
  select { max-width: 100%; }
  @container (min-width: 34rem) { .both { grid-template-columns: 2fr 3fr; } .chart { max-width: none; } }
`;

const options = (names) => Object.entries(names).map(([key, words]) => `<option value="${key}">${words}</option>`).join("");
const slider = (name, label, attributes) => `
  <div class="slider">
    <label for="${name}">${label}</label>
    <input id="${name}" type="range" ${attributes}>
    <span class="number"></span>
  </div>
`;

const CONTROLS = `
  <div class="all" role="group" aria-label="Training playground">
    <div class="controls">
      <label>loss <select id="loss">${options(NAMES)}</select></label>
      <label>start <select id="start">${options(BEGINNINGS)}</select></label>
      ${slider("rate", "learning rate", `min="0" max="${RATES.length - 1}" step="1"`)}
    </div>
    ${PREDICTION}
    <div class="both">
      <svg class="plane" viewBox="0 0 100 100" role="img">
        <g class="covered"><g class="regions"></g></g>
        <rect class="frame" x="2" y="2" width="96" height="96"/>
        <g class="points"></g>
      </svg>
      <div class="stack">
        <label>point <select id="chosen"></select></label>
        ${slider("x", "<i>x</i>", `min="-1" max="1" step="0.05"`)}
        ${slider("y", "<i>y</i>", `min="-1" max="1" step="0.05"`)}
        <div class="controls covered">
          ${[1, 10, 100].map((count) => `<button class="more" type="button" value="${count}">${count === 1 ? "1 step" : `${count} steps`}</button>`).join("")}
          <button class="back" type="button">Back to the start</button>
        </div>
        <div class="covered"><svg class="chart" viewBox="0 0 160 52" role="img">
          <path class="axis" d="M2 8V42H158M2 8H158"/>
          <text x="2" y="5">mean probability of the right class, from 0 to 1</text>
          <text x="2" y="50">step 0</text><text class="end" x="158" y="50" text-anchor="end"></text>
          <g class="shares"></g>
        </svg></div>
      </div>
    </div>
    <p class="caption covered"><span></span></p>
    <div class="heard" role="status"></div>
  </div>
`;

const across = (x) => 50 + 48 * x;
const down = (y) => 50 - 48 * y;

class TrainingPlayground extends Predicting {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { points: "points", loss: "loss", start: "start", rate: "rate", steps: "steps", predict: "predict" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    this.picked = 0;
    this.on("#loss", "change", (select) => (state.loss = select.value));
    this.on("#start", "change", (select) => (state.start = select.value));
    this.on("#rate", "input", (slider) => (state.rate = RATES[slider.value]));
    this.on("#chosen", "change", (select) => (this.picked = Number(select.value)));
    this.on("#x", "input", (slider) => (this.moved()[0] = Number(slider.value)));
    this.on("#y", "input", (slider) => (this.moved()[1] = Number(slider.value)));
    for (const button of this.shadowRoot.querySelectorAll(".more")) {
      this.on(`.more[value="${button.value}"]`, "click", () => {
        state.steps = Math.min(state.steps + Number(button.value), MOST_STEPS);
      });
    }
    this.on(".back", "click", () => (state.steps = 0));
    const name = ([, , c], i) => `<option value="${i}">${i + 1}, of class ${c + 1}</option>`;
    this.find("#chosen").innerHTML = state.points.map(name).join("");
    this.find(".points").innerHTML = state.points
      .map(([, , c]) => `<g class="point c${c}"><circle r="4.2"/><text>${c + 1}</text></g>`)
      .join("");
    const points = [...this.shadowRoot.querySelectorAll(".point")];
    points.forEach((point, i) => {
      point.addEventListener("pointerdown", ({ pointerId }) => {
        point.setPointerCapture(pointerId);
        this.picked = i;
        this.update();
      });
      point.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
    });
    this.listenForm();
  }

  moved() {
    return this.state.points[this.picked];
  }

  drag({ clientX, clientY }) {
    const there = new DOMPoint(clientX, clientY).matrixTransform(this.find(".plane").getScreenCTM().inverse());
    const near = (x) => Number(Math.min(Math.max(x, -1), 1).toFixed(2));
    const point = this.moved();
    point[0] = near((there.x - 50) / 48);
    point[1] = near((50 - there.y) / 48);
    this.update();
    this.settle();
  }

  ahead() {
    return Math.max(this.state.steps, FORESEEN);
  }

  ask() {
    const { loss, start, points } = this.state;
    return {
      question: `After ${this.ahead()} steps of gradient descent by the ${NAMES[loss]}, from ${BEGINNINGS[start]}: how many of the ${points.length} points will be classified right?`,
      answers: { all: "all", some: "some", none: "none" },
    };
  }

  outcome() {
    const { points } = this.state;
    const { count } = train({ ...this.state, steps: this.ahead() });
    return { [points.length]: "all", 0: "none" }[count] ?? "some";
  }

  uncover() {
    this.state.steps = this.ahead();
    super.uncover();
  }

  update() {
    const { points, loss, start, rate, steps } = this.state;
    this.runs = Object.fromEntries(Object.keys(NAMES).map((name) => [name, train({ ...this.state, loss: name })]));
    const { weights } = this.runs[loss];
    this.find("#loss").value = loss;
    this.find("#start").value = start;
    this.find("#chosen").value = this.picked;
    const put = (name, value, said) => {
      const slider = this.find(`#${name}`);
      slider.value = value;
      slider.setAttribute("aria-valuetext", plain(said));
      slider.nextElementSibling.textContent = plain(said);
    };
    put("rate", RATES.indexOf(rate), rate);
    const [x, y] = this.moved();
    put("x", x, x);
    put("y", y, y);
    this.shadowRoot.querySelectorAll(".point").forEach((point, i) => {
      point.setAttribute("transform", `translate(${across(points[i][0])} ${down(points[i][1])})`);
      point.classList.toggle("chosen", i === this.picked);
    });
    const outline = (corners) => corners.map(([x, y]) => `${across(x).toFixed(2)},${down(y).toFixed(2)}`).join(" ");
    this.find(".regions").innerHTML =
      steps === 0 && start === "even"
        ? "" // a tie everywhere
        : [0, 1, 2].map((c) => `<polygon class="region c${c}" points="${outline(region(weights, c))}"/>`).join("");
    const last = Math.max(steps, 1);
    const curve = ({ shares }) =>
      shares.map(([step, share]) => `${(2 + (156 * step) / last).toFixed(1)},${(42 - 34 * share).toFixed(1)}`).join(" ");
    this.find(".shares").innerHTML = Object.entries(this.runs)
      .sort(([name]) => (name === loss ? 1 : -1))
      .map(([name, run]) => `<polyline class="share ${name}${name === loss ? " chosen" : ""}" points="${curve(run)}"/>`)
      .join("");
    this.find(".end").textContent = `step ${steps}`;
    this.find(".plane").setAttribute("aria-label", `${points.length} points of three classes in the plane`);
    const shown = Object.entries(this.runs).map(([name, run]) => `${show(run.share, 3)} by the ${NAMES[name]}`);
    this.find(".chart").setAttribute("aria-label", `Mean probability of the right class after ${steps} steps: ${shown.join(", ")}`);
    for (const button of this.shadowRoot.querySelectorAll(".more")) button.disabled = steps === MOST_STEPS;
    this.find(".back").disabled = steps === 0;
    this.follow();
  }

  caption() {
    const { points, loss, steps } = this.state;
    const { count, norm, share, loss: value } = this.runs[loss];
    const others = Object.entries(this.runs).filter(([name]) => name !== loss);
    const beside = others.map(([name, run]) => `${show(run.share, 3)} by the ${NAMES[name]}`).join(", ");
    const sentences = [
      `After ${steps} steps ${count} of ${points.length} points are right; the loss is ${show(value, 3)}, the norm of its gradient ${show(norm, 3)}.`,
      `The right class has the probability ${show(share, 3)} on average (the line in colour; dashed: ${beside}).`,
      norm < 0.01 && share < 0.5 && "The gradient is almost 0, though the answers are wrong: training stands still.",
      loss === "softmax-twice" && "The second softmax sees logits from 0 to 1 only, so that the loss stays above 0.551 even where all is right.",
      steps === MOST_STEPS && "There are no more steps than that.",
    ];
    return sentences.filter(Boolean).join(" ");
  }

  settings() {
    const { points, loss, start, rate, steps, predict } = this.state;
    return { points: points.join("/"), loss, start, rate, steps, predict: predict ? "on" : "off" };
  }
}

customElements.define("training-playground", TrainingPlayground);
