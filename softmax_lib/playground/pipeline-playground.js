// <pipeline-playground>: needs softmax.js, pipeline.js, playground.js, settings.js and predict.js before it.

const READ = {
  reach: readReach,
  logits: readLogits,
  format(text) {
    const expected = Object.keys(LARGEST).join(", ");
    return check("format", text, text, Object.hasOwn(LARGEST, text), `one of ${expected}`);
  },
  shift: (text) => readSwitch("shift", text),
  predict: readPredict,
};

const OWN_STYLE = `${PREDICTION_STYLE}
  table { font-size: clamp(0.68rem, 3.2cqi, 0.9rem); }
  td, thead th { border: 0; text-align: right; padding: 0.1rem 0.3rem; white-space: nowrap; }
  thead th { border-bottom: 1px solid var(--line); }
  thead .z { width: 36%; }
  td:not(.z), th:not(.z) { transition: color 0.2s; }
  .whole .exponent { display: none; }
  .z > div { display: grid; grid-template-columns: minmax(0, 1fr) 3.2rem; align-items: center; gap: 0.3rem; }
  .track { height: 0.5rem; border: 1px solid var(--line); border-radius: 0.2rem; overflow: hidden; display: flex; }
  .exponent .track { justify-content: flex-end; }
  .bar { background: var(--blue); transition: width 0.12s; }
  .wrong .bar { background: repeating-linear-gradient(45deg, var(--red) 0 0.25rem, var(--back) 0.25rem 0.4rem); }
  .wrong .value { font-weight: 700; }
  tfoot :is(td, th) { border-top: 1px solid var(--line); padding-block: 0.3rem; }
  @media (forced-colors: active) { .bar { forced-color-adjust: none; background: CanvasText; } }
  @container (max-width: 30rem) {
    thead .z { width: 26%; }
    .z > div { grid-template-columns: minmax(0, 1fr); }
    td, thead th { padding-inline: 0.15rem; }
  }
`;

const CONTROLS = `
  <div class="all" role="group" aria-label="Softmax step by step">
    <div class="controls">
      <span>
        <button class="remove" type="button" aria-label="Remove the last logit">−</button>
        <button class="add" type="button" aria-label="Add a logit">+</button>
        logits
      </span>
      <label>format <select>${Object.keys(LARGEST)
        .map((name) => `<option>${name}</option>`)
        .join("")}</select></label>
      <label><input type="checkbox"> subtract the maximum</label>
    </div>
    ${PREDICTION}
    <table>
      <thead><tr>
        <td></td>
        <th scope="col" class="z"><i>z</i></th>
        <th scope="col" class="exponent"><i>z</i> − max</th>
        <th scope="col">exp(<span class="exponent-name"></span>)</th>
        <th scope="col">share <i>p</i></th>
      </tr></thead>
      <tbody></tbody>
      <tfoot><tr>
        <td></td>
        <td class="z maximum"></td>
        <td class="exponent"></td>
        <td class="covered sum"><span></span></td>
        <td></td>
      </tr></tfoot>
    </table>
    <p class="caption covered"><span></span></p>
    <div class="heard" role="status"></div>
  </div>
`;

const bar = `<span class="value"></span><div class="track"><div class="bar"></div></div>`;
const rowMarkup = (i, reach, step) => `
  <tr>
    <th scope="row">${i + 1}</th>
    <td class="z"><div>
      <input id="logit${i}" type="range" min="${-reach}" max="${reach}" step="${step}" aria-label="z${subscript(i)}, logit ${i + 1}">
      <span class="value"></span>
    </div></td>
    <td class="exponent covered">${bar}</td>
    <td class="term covered">${bar}</td>
    <td class="share covered">${bar}</td>
  </tr>
`;

class PipelinePlayground extends Predicting {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { z: "logits", format: "format", shift: "shift", predict: "predict" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    this.on("select", "change", (select) => (state.format = select.value));
    this.on("[type=checkbox]", "change", (box) => (state.shift = box.checked));
    listenRows(this, "tbody", rowMarkup);
    this.listenForm();
  }

  ask() {
    const { format, shift } = this.state;
    const how = shift ? "with the maximum subtracted" : "as the formula stands";
    return {
      question: `Computed in ${format}, ${how}: what will the probabilities do?`,
      answers: {
        sum: "sum to 1, but for rounding",
        zero: "all be 0",
        nan: "have a NaN among them, not a number",
      },
    };
  }

  outcome() {
    return fate(this.steps);
  }

  update() {
    const { logits, format, shift } = this.state;
    this.steps = pipeline(logits, format, shift);
    const { z, maximum, exponents, terms, sum, p } = this.steps;
    const deepest = Math.max(...exponents.map(Math.abs)) || 1;
    const highest = Math.max(...terms.filter(Number.isFinite), 0) || 1;
    const put = (cell, value, share, written = show(value)) => {
      const wrong = !Number.isFinite(value);
      cell.querySelector(".value").textContent = written;
      cell.classList.toggle("wrong", wrong);
      cell.querySelector(".bar").style.width = `${wrong ? 100 : 100 * share}%`;
    };
    this.shadowRoot.querySelectorAll("tbody tr").forEach((row, i) => {
      const slider = row.querySelector("input");
      slider.value = logits[i];
      slider.setAttribute("aria-valuetext", show(z[i]));
      row.querySelector(".z .value").textContent = show(z[i]);
      put(row.querySelector(".exponent"), exponents[i], Math.abs(exponents[i]) / deepest);
      put(row.querySelector(".term"), terms[i], terms[i] / highest);
      put(row.querySelector(".share"), p[i], p[i], showProbability(p[i]));
    });
    this.find("select").value = format;
    this.find("[type=checkbox]").checked = shift;
    this.find("table").classList.toggle("whole", !shift);
    this.find(".exponent-name").innerHTML = shift ? "<i>z</i> − max" : "<i>z</i>";
    this.find(".maximum").textContent = shift ? `max = ${show(maximum)}` : "";
    this.find(".sum > span").textContent = `Σ = ${show(sum)}`;
    this.follow();
  }

  caption() {
    const { logits, format, shift } = this.state;
    const two = "With two logits p₁ is the logistic function of z₁ − z₂.";
    const counted = { [FEWEST]: ` ${two}`, [MOST]: " There is room for no more than eight logits." };
    return told(this.steps, format, shift) + (counted[logits.length] ?? "");
  }

  settings() {
    const { logits, format, shift, predict } = this.state;
    const written = (on) => (on ? "on" : "off");
    return { z: logits, format, shift: written(shift), predict: written(predict) };
  }
}

customElements.define("pipeline-playground", PipelinePlayground);
