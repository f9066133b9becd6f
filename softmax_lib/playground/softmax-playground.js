// <softmax-playground>: needs softmax.js, playground.js and settings.js before it.

const PARTS = ["temperature", "entropy", "jacobian", "format"];

const READ = {
  reach: readReach,
  logits: readLogits,
  temperature: readTemperature,
  format(text) {
    const expected = Object.keys(FORMATS).join(", ");
    return check("format", text, text, Object.hasOwn(FORMATS, text), `one of ${expected}`);
  },
  parts(text) {
    const names = text.split(/\s+/).filter(Boolean);
    const wrong = names.find((name) => !PARTS.includes(name));
    return check("parts", wrong, names, wrong === undefined, `among ${PARTS.join(", ")}`);
  },
};

const OWN_STYLE = `
  .row { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) 6rem; align-items: center; column-gap: 0.5rem; }
  .row + .row { margin-top: 0.3rem; }
  .grip { padding-block: 0.45rem; cursor: ew-resize; touch-action: pan-y; user-select: none; }
  .track { height: 0.9rem; border: 1px solid var(--line); border-radius: 0.2rem; overflow: hidden; }
  .bar { height: 100%; background: var(--blue); transition: width 0.12s; }
  @media (forced-colors: active) { .bar { forced-color-adjust: none; background: CanvasText; } }
  @container (min-width: 34rem) {
    .row { grid-template-columns: 1.6rem minmax(0, 1fr) 4.5rem 1.6rem minmax(0, 1fr) 6rem; }
    .logit { padding-right: 1.5rem; }
  }
`;

const CONTROLS = `
  <div class="all" role="group" aria-label="Softmax playground">
    <div class="rows"></div>
    <div class="controls">
      <span>
        <button class="remove" type="button" aria-label="Remove the last logit">−</button>
        <button class="add" type="button" aria-label="Add a logit">+</button>
        logits
      </span>
      <label data-part="format">format <select>${Object.keys(FORMATS)
        .map((name) => `<option>${name}</option>`)
        .join("")}</select></label>
      <div class="slider" data-part="temperature">${TEMPERATURE}</div>
    </div>
    <p class="entropy" data-part="entropy"></p>
    <div class="jacobian" data-part="jacobian"></div>
    <div class="heard" role="status"></div>
  </div>
`;

const rowMarkup = (i, reach, step) => `
  <div class="row">
    <label for="logit${i}">z${subscript(i)}</label>
    <input id="logit${i}" type="range" min="${-reach}" max="${reach}" step="${step}"
      aria-label="z${subscript(i)}, logit ${i + 1}">
    <span class="number logit"></span>
    <span>p${subscript(i)}</span>
    <div class="grip"><div class="track"><div class="bar"></div></div></div>
    <span class="number probability"></span>
  </div>
`;

function jacobianMarkup(entries, temperature) {
  // Four digits of more columns do not fit on a narrow screen.
  const digits = entries.length > 4 ? 2 : 4;
  // No entry exceeds 1/(4T). Colours as in the figures of the book: red is positive.
  const strength = (x) => (x === 0 || Number.isNaN(x) ? 0 : Math.min(4 * Math.abs(x) * (temperature || 1), 1));
  const cell = (x) =>
    `<td class="heat" style="--hue: var(--${x < 0 ? "blue" : "red"}); --heat: ${strength(x).toFixed(3)}">${show(
      x,
      digits,
    ).replace("e", "<wbr>e")}</td>`;
  const head = entries.map((_, j) => `<th scope="col">z${subscript(j)}</th>`).join("");
  const row = (cells, i) => `<tr><th scope="row">p${subscript(i)}</th>${cells.map(cell).join("")}</tr>`;
  return `<table><caption>Jacobian ∂pᵢ/∂zⱼ</caption>
    <thead><tr><td style="border: 0"></td>${head}</tr></thead>
    <tbody>${entries.map(row).join("")}</tbody></table>`;
}

class SoftmaxPlayground extends Playground {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = { z: "logits", T: "temperature", format: "format" };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    for (const part of this.shadowRoot.querySelectorAll("[data-part]")) {
      part.hidden = !state.parts.includes(part.dataset.part);
    }
    this.on("#temperature", "input", (slider) => (state.temperature = temperatureAt(Number(slider.value))));
    this.on("select", "change", (select) => (state.format = select.value));
    const rows = this.find(".rows");
    // No movement yet: a finger that is put down here may be about to scroll.
    rows.addEventListener("pointerdown", ({ target, pointerId }) => {
      target.closest(".grip")?.setPointerCapture(pointerId);
    });
    rows.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
    rows.addEventListener("click", (event) => this.drag(event));
    listenRows(this, ".rows", rowMarkup);
  }

  // Whoever drags a bar means the logit that gives it this probability.
  drag({ target, clientX }) {
    const grip = target.closest(".grip");
    const { logits, temperature, reach } = this.state;
    if (!grip || temperature === 0 || temperature === Infinity) return;
    const { left, width } = grip.getBoundingClientRect();
    const share = Math.min(Math.max((clientX - left) / width, 0), 1);
    const slider = grip.parentElement.querySelector("input");
    const others = logits.filter((_, i) => `logit${i}` !== slider.id);
    const largest = Math.max(...others);
    const sum = total(others.map((z) => Math.exp((z - largest) / temperature)));
    const logit = largest + temperature * Math.log((sum * share) / (1 - share));
    slider.value = Math.min(Math.max(logit, -reach), reach);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }

  update() {
    const { logits, temperature, format, parts } = this.state;
    this.shown = softmax(logits, temperature, format);
    // What entropy and Jacobian start from is not yet rounded.
    const exact = probabilities(logits, temperature, format);
    this.shadowRoot.querySelectorAll(".row").forEach((row, i) => {
      const slider = row.querySelector("input");
      slider.value = logits[i];
      slider.setAttribute("aria-valuetext", plain(logits[i]));
      row.querySelector(".logit").textContent = plain(logits[i]);
      row.querySelector(".bar").style.width = `${100 * this.shown[i]}%`;
      row.querySelector(".probability").textContent = showProbability(this.shown[i]);
    });
    showTemperature(this.find("#temperature"), temperature);
    this.find("select").value = format;
    this.find(".entropy").textContent = `entropy ${show(entropy(exact, format))} nats`;
    if (parts.includes("jacobian")) {
      const entries = jacobian(exact, temperature, format);
      this.find(".jacobian").innerHTML = jacobianMarkup(entries, temperature);
    }
  }

  words() {
    return this.shown.map((p, i) => `p${subscript(i)} ${showProbability(p)}`).join(", ");
  }

  settings() {
    const { logits, temperature, format } = this.state;
    return { z: logits, T: temperature === Infinity ? "inf" : temperature, format };
  }
}

customElements.define("softmax-playground", SoftmaxPlayground);
