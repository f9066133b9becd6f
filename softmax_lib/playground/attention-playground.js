// <attention-playground>: needs softmax.js, random.js, attention.js and playground.js before it.

const DIGITS = 3;

const READ = {
  d_k(text) {
    const value = number(text);
    const valid = value >= 1 && value <= WIDEST && Number.isInteger(Math.log2(value));
    return check("d_k", text, value, valid, `a power of 2 from 1 to ${WIDEST}`);
  },
  scaled: (text) => readSwitch("scaled", text),
  seed: readSeed,
};

const OWN_STYLE = `
  .heat { --hue: var(--blue); transition: background-color 0.2s; padding-inline: 0; }
  .largest { font-weight: 700; letter-spacing: -0.03em; }
  thead th { vertical-align: bottom; }
  .result { width: 3.4em; padding-inline: 0.3em 0; border-width: 0 0 1px; text-align: right; white-space: nowrap; }
  .norm { width: 5em; }
  thead .result { border: 0; white-space: normal; line-height: 1.2; }
  tfoot * { border: 0; text-align: right; font-weight: 700; }
  @container (min-width: 34rem) { .result { width: 6em; } }
`;

const columns = Array.from({ length: COUNT }, (_, i) => i);
const cells = columns.map(() => `<td class="heat"></td>`).join("");
const results = `<td class="result top"></td><td class="result norm"></td>`;

const CONTROLS = `
  <div class="all" role="group" aria-label="Attention playground">
    <div class="slider">
      <label for="width">width <i>d</i><sub>k</sub></label>
      <input id="width" type="range" min="0" max="${Math.log2(WIDEST)}" step="1">
      <span class="number"></span>
    </div>
    <div class="controls">
      <label><input type="checkbox"><span>divide by √<i>d</i><sub>k</sub></span></label>
      <span><button type="button">Draw again</button> <span class="seed"></span></span>
    </div>
    <table>
      <caption>Attention weights in per cent</caption>
      <thead><tr>
        <td style="border: 0"></td>
        ${columns.map((j) => `<th scope="col">k${subscript(j)}</th>`).join("")}
        <th scope="col" class="result">top weight</th>
        <th scope="col" class="result norm">norm of <i>J</i></th>
      </tr></thead>
      <tbody>${columns.map((i) => `<tr><th scope="row">q${subscript(i)}</th>${cells}${results}</tr>`).join("")}</tbody>
      <tfoot><tr><th scope="row" colspan="${COUNT + 1}">mean</th>${results}</tr></tfoot>
    </table>
    <div class="heard" role="status"></div>
  </div>
`;

class AttentionPlayground extends Playground {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { d_k: "d_k", scaled: "scaled", seed: "seed" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    this.on("#width", "input", (slider) => (state.d_k = 2 ** slider.value));
    this.on("[type=checkbox]", "change", (box) => (state.scaled = box.checked));
    this.on("button", "click", () => (state.seed = nextSeed(state.seed)));
  }

  update() {
    const { d_k, scaled, seed } = this.state;
    const rows = attention(seed, d_k, scaled);
    const slider = this.find("#width");
    slider.value = Math.log2(d_k);
    slider.setAttribute("aria-valuetext", d_k);
    this.find(".slider .number").textContent = d_k;
    this.find("[type=checkbox]").checked = scaled;
    this.find(".seed").textContent = `draw ${seed}`;
    const show3 = (row, { top, norm }) => {
      row.querySelector(".top").textContent = show(top, DIGITS);
      row.querySelector(".norm").textContent = show(norm, DIGITS);
    };
    this.shadowRoot.querySelectorAll("tbody tr").forEach((row, i) => {
      row.querySelectorAll(".heat").forEach((cell, j) => {
        const weight = rows[i].weights[j];
        cell.textContent = Math.round(100 * weight);
        cell.style.setProperty("--heat", weight.toFixed(3));
        cell.classList.toggle("largest", weight === rows[i].top);
      });
      show3(row, rows[i]);
    });
    this.means = { top: mean(rows.map((row) => row.top)), norm: mean(rows.map((row) => row.norm)) };
    show3(this.find("tfoot"), this.means);
  }

  words() {
    const [top, norm] = [this.means.top, this.means.norm].map((value) => show(value, DIGITS));
    return `draw ${this.state.seed}, mean top weight ${top}, mean norm of J ${norm}`;
  }

  settings() {
    return { ...this.state, scaled: this.state.scaled ? "on" : "off" };
  }
}

customElements.define("attention-playground", AttentionPlayground);
