// <simplex-playground>: needs softmax.js, simplex.js, playground.js, settings.js and predict.js
// before it.

const CLASSES = [0, 1, 2];
const CENTRE = pointOf([1 / 3, 1 / 3, 1 / 3]);
// Of the curve that the point follows; the slider's steps are denser than needed.
const STRIDE = 3;

const READ = {
  reach: readReach,
  logits(text, { reach }) {
    const values = readLogits(text, { reach });
    return check("logits", text, values, values.length === 3, "three numbers");
  },
  temperature: readTemperature,
  predict: readPredict,
};

const OWN_STYLE = `${PREDICTION_STYLE}
  .both { display: grid; gap: 0.75rem 1.5rem; align-items: center; }
  svg { display: block; width: 100%; max-width: 18rem; margin-inline: auto; touch-action: pan-y; user-select: none; }
  .border { fill: color-mix(in srgb, var(--blue) 8%, var(--back)); stroke: var(--text); stroke-width: 0.6; }
  .curve { fill: none; stroke: var(--red); stroke-width: 0.9; }
  .centre { fill: var(--text); }
  .point { fill: var(--blue); stroke: var(--back); stroke-width: 0.6; pointer-events: none; }
  .grip { fill: transparent; cursor: move; touch-action: none; }
  text { font-size: 5px; fill: var(--text); text-anchor: middle; }
  .left { text-anchor: start; }
  .right { text-anchor: end; }
  .rows .slider { grid-template-columns: auto minmax(0, 1fr) 3rem 7.5rem; }
  .rows { display: grid; }
  @container (min-width: 34rem) { .both { grid-template-columns: 2fr 3fr; } }
`;

const rowMarkup = (i) => `
  <div class="slider">
    <label for="logit${i}">z${subscript(i)}</label>
    <input id="logit${i}" type="range" step="0.01" aria-label="z${subscript(i)}, logit ${i + 1}">
    <span class="number logit"></span>
    <span class="number probability"></span>
  </div>
`;
const place = ({ x, y }) => `${x.toFixed(2)},${y.toFixed(2)}`;

const CONTROLS = `
  <div class="all" role="group" aria-label="A point on the simplex">
    ${PREDICTION}
    <div class="both">
      <svg viewBox="0 0 100 94" role="img">
        <polygon class="border" points="${CORNERS.map(place).join(" ")}"/>
        <circle class="centre" cx="${CENTRE.x}" cy="${CENTRE.y}" r="0.8"/>
        <text class="left" x="0" y="91">p₁ = 1</text><text class="right" x="100" y="91">p₂ = 1</text><text x="50" y="8">p₃ = 1</text>
        <g class="covered"><polyline class="curve"/></g>
        <circle class="point" r="2.2"/>
        <circle class="grip" r="5"/>
      </svg>
      <div>
        <div class="rows">${CLASSES.map(rowMarkup).join("")}</div>
        <div class="controls">
          <button class="less" type="button">All logits − 1</button>
          <button class="more" type="button">All logits + 1</button>
        </div>
        <div class="slider covered">${TEMPERATURE}</div>
      </div>
    </div>
    <p class="caption covered"><span></span></p>
    <div class="heard" role="status"></div>
  </div>
`;

class SimplexPlayground extends Predicting {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { z: "logits", T: "temperature", predict: "predict" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    for (const i of CLASSES) {
      const slider = this.find(`#logit${i}`);
      slider.min = -state.reach;
      slider.max = state.reach;
      this.on(`#logit${i}`, "input", () => (state.logits[i] = Number(slider.value)));
    }
    this.on("#temperature", "input", (slider) => (state.temperature = temperatureAt(Number(slider.value))));
    const shift = (by) => () => {
      state.logits = state.logits.map((z) => Number((z + by).toFixed(2)));
    };
    this.on(".more", "click", shift(1));
    this.on(".less", "click", shift(-1));
    const picture = this.find("svg");
    this.find(".grip").addEventListener("pointerdown", ({ target, pointerId }) => {
      target.setPointerCapture(pointerId);
    });
    this.find(".grip").addEventListener("pointermove", (event) => event.buttons && this.drag(event));
    picture.addEventListener("click", (event) => this.drag(event));
    this.listenForm();
  }

  // Whoever drags the point means the logits that put it there, and their mean stays.
  drag({ clientX, clientY }) {
    const { logits, temperature, reach } = this.state;
    if (temperature === 0 || temperature === Infinity) return;
    const there = new DOMPoint(clientX, clientY).matrixTransform(this.find("svg").getScreenCTM().inverse());
    this.state.logits = logitsOf(probabilitiesAt(there), temperature, total(logits) / 3, reach);
    this.update();
    this.settle();
  }

  ask() {
    return {
      question: "If the temperature falls to 0, with these logits: where does the point go?",
      answers: {
        1: "into a corner",
        2: "to the middle of an edge",
        3: "to the centre",
      },
    };
  }

  outcome() {
    return String(leaders(this.state.logits).length);
  }

  update() {
    const { logits, temperature, reach } = this.state;
    this.p = softmax(logits, temperature);
    this.shadowRoot.querySelectorAll(".rows .slider").forEach((row, i) => {
      const slider = row.querySelector("input");
      slider.value = logits[i];
      slider.setAttribute("aria-valuetext", plain(logits[i]));
      row.querySelector(".logit").textContent = plain(logits[i]);
      row.querySelector(".probability").textContent = `p${subscript(i)} ${showProbability(this.p[i])}`;
    });
    showTemperature(this.find("#temperature"), temperature);
    this.find(".more").disabled = Math.max(...logits) + 1 > reach;
    this.find(".less").disabled = Math.min(...logits) - 1 < -reach;
    const { x, y } = pointOf(this.p);
    for (const circle of this.shadowRoot.querySelectorAll(".point, .grip")) {
      circle.setAttribute("cx", x.toFixed(2));
      circle.setAttribute("cy", y.toFixed(2));
    }
    const steps = Array.from({ length: LAST_STEP / STRIDE + 1 }, (_, i) => temperatureAt(STRIDE * i));
    const curve = steps.map((T) => place(pointOf(softmax(logits, T))));
    this.find(".curve").setAttribute("points", curve.join(" "));
    const where = this.p.map((share) => show(share, 2)).join(", ");
    this.find("svg").setAttribute("aria-label", `All probabilities of three classes, a triangle; the point is at ${where}`);
    this.follow();
  }

  caption() {
    const { logits, temperature } = this.state;
    const first = leaders(logits);
    const names = first.map((i) => `${i + 1}`).join(" and ");
    const coldest = {
      1: `in corner ${names}, whose logit is the largest`,
      2: `in the middle of the edge between ${names}, whose logits are tied`,
      3: "in the centre, since all logits are equal",
    }[first.length];
    if (temperature === 0) return `At T = 0 the point is ${coldest}. It cannot be dragged from there.`;
    if (temperature === Infinity) {
      return "At T = ∞ the point is in the centre, whatever the logits are. It cannot be dragged from there.";
    }
    const path =
      first.length === 3
        ? "All logits are equal, and the point is in the centre at every temperature."
        : `The curve is its way: at T = 0 it is ${coldest}, at T = ∞ in the centre.`;
    const p = this.p.indexOf(1);
    const edge = p < 0 ? "" : ` In float64 p${subscript(p)} is exactly 1, which no real logits reach.`;
    return `${path} To add the same to all logits does not move the point.${edge} The entropy is ${show(entropy(this.p), 3)} nats.`;
  }

  settings() {
    const { logits, temperature, predict } = this.state;
    const T = temperature === Infinity ? "inf" : temperature;
    return { z: logits, T, predict: predict ? "on" : "off" };
  }
}

customElements.define("simplex-playground", SimplexPlayground);
