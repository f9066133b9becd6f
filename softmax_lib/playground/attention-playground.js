// <attention-playground>: needs softmax.js, random.js, attention.js, playground.js, settings.js and
// predict.js before it.

const DIGITS = 3;
const SATURATED = 0.99;
const NAMES = {
  none: "all words",
  causal: "itself and before",
  earlier: "words before it",
  others: "all but itself",
};

const READ = {
  words(text) {
    const words = text.trim().split(/\s+/);
    const valid = words.length >= FEWEST && words.length <= COUNT;
    return check("words", text, words, valid, `${FEWEST} to ${COUNT} words`);
  },
  d_k(text) {
    const value = number(text);
    const valid = value >= 1 && value <= WIDEST && Number.isInteger(Math.log2(value));
    return check("d_k", text, value, valid, `a power of 2 from 1 to ${WIDEST}`);
  },
  scaled: (text) => readSwitch("scaled", text),
  mask: (text) => check("mask", text, text, Object.hasOwn(NAMES, text), `one of ${Object.keys(NAMES).join(", ")}`),
  seed: readSeed,
  query: (text, { words }) => readWhole("query", 1, words.length)(text || "1"),
  predict: readPredict,
};

const OWN_STYLE = `${PREDICTION_STYLE}
  .controls > .slider { display: grid; flex: 1 1 9rem; grid-template-columns: auto minmax(3rem, 1fr) 2rem; white-space: nowrap; }
  .heat { --hue: var(--blue); transition: background-color 0.2s; padding: 0; }
  .largest { font-weight: 700; letter-spacing: -0.03em; }
  .masked { background: repeating-linear-gradient(45deg, transparent 0 0.25rem, color-mix(in srgb, var(--line) 50%, transparent) 0.25rem 0.35rem); }
  thead th { vertical-align: bottom; }
  thead th:not(.result) { writing-mode: vertical-rl; transform: rotate(180deg); padding: 0.3rem 0; text-align: left; }
  tr > :first-child { width: 4em; }
  .query { all: unset; display: block; box-sizing: border-box; width: 100%; min-height: 1.6rem; line-height: 1.6rem; padding-inline: 0.2rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; cursor: pointer; text-align: left; }
  .query:focus-visible { outline: 2px solid var(--blue); outline-offset: -2px; }
  .chosen { outline: 2px solid var(--text); outline-offset: -1px; }
  .chosen .query { font-weight: 700; }
  tbody th { padding: 0; }
  .result { width: 3.4em; padding: 0 0 0 0.3em; border-width: 0 0 1px; text-align: right; white-space: nowrap; }
  .norm { width: 5em; }
  thead .result { border: 0; white-space: normal; line-height: 1.2; }
  @container (min-width: 34rem) {
    .result { width: 6em; }
    thead th:not(.result) { writing-mode: initial; transform: none; text-align: center; }
  }
`;

const options = Object.entries(NAMES).map(([key, words]) => `<option value="${key}">${words}</option>`);

const CONTROLS = `
  <div class="all" role="group" aria-label="Attention playground">
    <div class="controls">
      <div class="slider">
        <label for="width">width <i>d</i><sub>k</sub></label>
        <input id="width" type="range" min="0" max="${Math.log2(WIDEST)}" step="1">
        <span class="number"></span>
      </div>
      <label><input type="checkbox"><span>divide by √<i>d</i><sub>k</sub></span></label>
      <label>attends to <select>${options.join("")}</select></label>
      <button class="again" type="button">Draw again</button>
    </div>
    ${PREDICTION}
    <table>
      <caption>Weights in per cent, from the word on the left to the word above</caption>
      <thead><tr></tr></thead>
      <tbody class="covered"></tbody>
    </table>
    <p class="caption covered"><span></span></p>
    <div class="heard" role="status"></div>
  </div>
`;

class AttentionPlayground extends Predicting {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { d_k: "d_k", scaled: "scaled", mask: "mask", seed: "seed", query: "query", predict: "predict" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    this.layOut();
    this.on("#width", "input", (slider) => (state.d_k = 2 ** slider.value));
    this.on("[type=checkbox]", "change", (box) => (state.scaled = box.checked));
    this.on("select", "change", (select) => (state.mask = select.value));
    this.on(".again", "click", () => (state.seed = nextSeed(state.seed)));
    const choose = ({ target }) => {
      const query = this.rows.indexOf(target.closest("tr")) + 1;
      if (!query || query === state.query) return;
      state.query = query;
      this.update();
      this.settle();
    };
    // Where the page moves under a pointer at rest, that is over another row, but has not moved.
    for (const event of ["pointermove", "click", "focusin"]) this.find("tbody").addEventListener(event, choose);
    this.listenForm();
  }

  layOut() {
    const { words } = this.state;
    const cells = words.map(() => `<td class="heat"></td>`).join("");
    this.find("thead tr").innerHTML = `<td style="border: 0"></td>${words.map(() => `<th scope="col"></th>`).join("")}
      <th scope="col" class="result">top weight</th><th scope="col" class="result norm">norm of <i>J</i></th>`;
    this.find("tbody").innerHTML = words
      .map(() => `<tr><th scope="row"><button class="query" type="button"></button></th>${cells}
        <td class="result top"></td><td class="result norm"></td></tr>`)
      .join("");
    this.rows = [...this.shadowRoot.querySelectorAll("tbody tr")];
    words.forEach((word, i) => {
      this.find("thead tr").children[i + 1].textContent = word;
      this.rows[i].querySelector("button").textContent = word;
    });
  }

  ask() {
    const { d_k, scaled } = this.state;
    const divided = scaled ? `divided by √${d_k}` : "not divided";
    return {
      question: `Scores of ${d_k} random components, ${divided}: how large is the top weight, on average?`,
      answers: { half: "below 50 %", most: "from 50 to 90 %", all: "above 90 %" },
    };
  }

  outcome() {
    const { top } = this.means;
    if (top > 0.9) return "all";
    return top < 0.5 ? "half" : "most";
  }

  update() {
    const { words, d_k, scaled, mask, query } = this.state;
    this.attended = attention({ ...this.state, count: words.length });
    const slider = this.find("#width");
    slider.value = Math.log2(d_k);
    slider.setAttribute("aria-valuetext", d_k);
    this.find(".slider .number").textContent = d_k;
    this.find("[type=checkbox]").checked = scaled;
    this.find("select").value = mask;
    const show3 = (value) => (Number.isNaN(value) ? "none" : show(value, DIGITS));
    this.rows.forEach((row, i) => {
      const { weights, allowed, top, norm } = this.attended[i];
      row.classList.toggle("chosen", i === query - 1);
      row.querySelector("button").setAttribute("aria-pressed", i === query - 1);
      row.querySelectorAll(".heat").forEach((cell, j) => {
        const masked = !allowed.includes(j);
        cell.textContent = masked ? "–" : Math.round(100 * weights[j]);
        cell.style.setProperty("--heat", weights[j].toFixed(3));
        cell.classList.toggle("masked", masked);
        cell.classList.toggle("largest", !masked && weights[j] === top);
      });
      row.querySelector(".top").textContent = show3(top);
      row.querySelector(".norm").textContent = show3(norm);
    });
    this.means = { top: mean(this.attended.map(({ top }) => top)), norm: mean(this.attended.map(({ norm }) => norm)) };
    this.follow();
  }

  caption() {
    const { words, seed, query } = this.state;
    const { weights, allowed, top } = this.attended[query - 1];
    const own = `“${words[query - 1]}”`;
    const most = words[weights.indexOf(top)];
    const attends = allowed.length
      ? `${own} attends to “${most}” most, with ${show(100 * top, DIGITS)} %.`
      : `${own} has nothing to attend to, since all words are masked: its weights are all 0, and so is what attention returns.`;
    const [mean_top, mean_norm] = [this.means.top, this.means.norm].map((value) => show(value, DIGITS));
    const means = `In draw ${seed} the top weight is ${mean_top} on average, and the norm of J ${mean_norm}.`;
    const saturated = this.attended.filter(({ top, allowed }) => top > SATURATED && allowed.length > 1).length;
    const stuck = saturated
      ? ` In ${saturated} of ${words.length} rows one word has more than 99 %, and hardly any gradient gets through.`
      : "";
    const alone = this.attended.some(({ allowed }) => allowed.length === 1) ? " A word with a single one to attend to gives it everything, whatever its score." : "";
    return `${attends} ${means}${stuck}${alone}`;
  }

  settings() {
    const { d_k, scaled, mask, seed, query, predict } = this.state;
    const written = (on) => (on ? "on" : "off");
    return { d_k, scaled: written(scaled), mask, seed, query, predict: written(predict) };
  }
}

customElements.define("attention-playground", AttentionPlayground);
