// <softmax-playground>: needs softmax.js before it.

const FEWEST = 2;
const MOST = 8;
const PARTS = ["temperature", "entropy", "jacobian", "format", "shift"];
// The ends of the temperature slider are 0 and ∞; 0.01 to 100 lie between, 40 steps a decade.
const STEPS_PER_DECADE = 40;
const LAST_STEP = 4 * STEPS_PER_DECADE + 2;
// A screen reader is told the outcome of a movement, and the address is not rewritten on the way.
const QUIET_MILLISECONDS = 600;

const subscript = (i) => "₁₂₃₄₅₆₇₈"[i];
const plain = (x) => String(x).replace("Infinity", "∞").replace("-", "−");

function temperatureAt(step) {
  if (step === 0) return 0;
  if (step === LAST_STEP) return Infinity;
  return Number((10 ** ((step - 1) / STEPS_PER_DECADE - 2)).toPrecision(3));
}

function stepOf(temperature) {
  if (temperature === 0) return 0;
  if (temperature === Infinity) return LAST_STEP;
  const step = Math.round((Math.log10(temperature) + 2) * STEPS_PER_DECADE) + 1;
  return Math.min(Math.max(step, 1), LAST_STEP - 1);
}

function number(text) {
  if (/^(inf|infinity|∞)$/i.test(text.trim())) return Infinity;
  return text.trim() === "" ? NaN : Number(text);
}

class Invalid extends Error {}

function check(name, text, value, valid, expected) {
  if (!valid) throw new Invalid(`${name} is “${text}”, but should be ${expected}.`);
  return value;
}

const READ = {
  reach(text) {
    const value = number(text);
    return check("reach", text, value, value > 0 && value < Infinity, "a positive number");
  },
  logits(text, reach) {
    const values = text.trim().split(/[\s,]+/).map(number);
    const valid = values.every((z) => Math.abs(z) <= reach);
    const expected = `${FEWEST} to ${MOST} numbers between −${reach} and ${reach}`;
    const counted = values.length >= FEWEST && values.length <= MOST;
    return check("logits", text, values, valid && counted, expected);
  },
  temperature(text) {
    const value = number(text);
    return check("temperature", text, value, value >= 0, "a number from 0 to inf");
  },
  format(text) {
    const expected = Object.keys(FORMATS).join(", ");
    return check("format", text, text, Object.hasOwn(FORMATS, text), `one of ${expected}`);
  },
  shift(text) {
    return check("shift", text, text === "on", ["on", "off"].includes(text), "on or off");
  },
  parts(text) {
    const names = text.split(/\s+/).filter(Boolean);
    const wrong = names.find((name) => !PARTS.includes(name));
    return check("parts", wrong, names, wrong === undefined, `among ${PARTS.join(", ")}`);
  },
};

const STYLE = `
  :host {
    display: block; container-type: inline-size; margin-block: 1rem;
    --text: var(--pst-color-text-base, var(--jp-content-font-color1, CanvasText));
    --back: var(--pst-color-background, var(--jp-layout-color0, Canvas));
    --line: var(--pst-color-border, var(--jp-border-color1, GrayText));
    --blue: var(--pst-color-primary, var(--jp-brand-color1, LinkText));
    --red: var(--pst-color-danger, var(--jp-error-color1, #d9534f));
  }
  :host([hidden]) { display: none; }
  .all, .problem { color: var(--text); background: var(--back); }
  .all {
    accent-color: var(--blue);
    border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.75rem;
    font-size: 0.95rem; line-height: 1.4; font-variant-numeric: tabular-nums;
  }
  .row { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) 6rem; align-items: center; column-gap: 0.5rem; }
  .row + .row { margin-top: 0.5rem; }
  .number { text-align: right; white-space: nowrap; }
  .track { height: 0.9rem; border: 1px solid var(--line); border-radius: 0.2rem; overflow: hidden; }
  .bar { height: 100%; background: var(--blue); transition: width 0.12s; }
  @media (prefers-reduced-motion: reduce) { .bar { transition: none; } }
  @media (forced-colors: active) { .bar { forced-color-adjust: none; background: CanvasText; } }
  @container (min-width: 34rem) {
    .pair { grid-template-columns: 1.6rem minmax(0, 1fr) 4.5rem 1.6rem minmax(0, 1fr) 6rem; }
    .logit { padding-right: 1.5rem; }
  }
  input[type="range"] { width: 100%; min-width: 0; height: 1.75rem; margin: 0; touch-action: pan-y; }
  .controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: center; margin-top: 0.6rem; }
  .temperature { display: grid; grid-template-columns: auto minmax(0, 1fr) 3.5rem; gap: 0.5rem; align-items: center; flex: 1 1 100%; }
  button, select {
    font: inherit; color: inherit; background: var(--back); border: 1px solid var(--text);
    border-radius: 0.3rem; min-width: 2rem; min-height: 2rem;
  }
  button:disabled { color: GrayText; border-style: dashed; }
  input[type="checkbox"] { width: 1.1rem; height: 1.1rem; vertical-align: middle; }
  :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
  p { margin: 0.6rem 0 0; }
  .problem { border-left: 4px solid var(--red); padding-left: 0.5rem; }
  [hidden] { display: none; }
  table { table-layout: fixed; width: 100%; border-collapse: collapse; margin-top: 0.75rem; font-size: clamp(0.64rem, 3.2cqi, 0.9rem); }
  caption { text-align: left; padding-bottom: 0.2rem; font-size: 0.95rem; }
  th { font-weight: 400; padding: 0.15rem 0; }
  tr > :first-child { width: 1.5rem; }
  td { text-align: center; padding: 0.35rem 1px; border: 1px solid var(--line); }
  .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
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
      <label data-part="shift"><input type="checkbox"> subtract the maximum</label>
      <div class="temperature" data-part="temperature">
        <label for="temperature">temperature <i>T</i></label>
        <input id="temperature" type="range" min="0" max="${LAST_STEP}" step="1">
        <span class="number"></span>
      </div>
    </div>
    <p class="entropy" data-part="entropy"></p>
    <p class="fault problem" hidden></p>
    <div class="jacobian" data-part="jacobian"></div>
    <div class="heard" role="status"></div>
  </div>
`;

const rowMarkup = (i, reach, step) => `
  <div class="row pair">
    <label for="logit${i}">z${subscript(i)}</label>
    <input id="logit${i}" type="range" min="${-reach}" max="${reach}" step="${step}"
      aria-label="z${subscript(i)}, logit ${i + 1}">
    <span class="number logit"></span>
    <span>p${subscript(i)}</span>
    <div class="track"><div class="bar"></div></div>
    <span class="number probability"></span>
  </div>
`;

function jacobianMarkup(entries, temperature) {
  // Four digits of more columns do not fit on a narrow screen.
  const digits = entries.length > 4 ? 2 : 4;
  // No entry exceeds 1/(4T). Colours as in the figures of the book: red is positive.
  const strength = (x) => (x === 0 || Number.isNaN(x) ? 0 : Math.min(4 * Math.abs(x) * (temperature || 1), 1));
  const cell = (x) => {
    const colour = `color-mix(in srgb, var(--${x < 0 ? "blue" : "red"}) ${(35 * strength(x)).toFixed(1)}%, var(--back))`;
    return `<td style="background: ${colour}">${show(x, digits).replace("e", "<wbr>e")}</td>`;
  };
  const head = entries.map((_, j) => `<th scope="col">z${subscript(j)}</th>`).join("");
  const row = (cells, i) => `<tr><th scope="row">p${subscript(i)}</th>${cells.map(cell).join("")}</tr>`;
  return `<table><caption>Jacobian ∂pᵢ/∂zⱼ</caption>
    <thead><tr><td style="border: 0"></td>${head}</tr></thead>
    <tbody>${entries.map(row).join("")}</tbody></table>`;
}

function faultOf({ terms, sum }, format) {
  if (terms.some(Number.isNaN)) return "z/T is not a number where z and T are 0: so is the sum.";
  if (terms.includes(Infinity)) return `exp(z/T) overflows in ${format}: ∞/∞ is not a number.`;
  if (sum === Infinity) return `The sum of the exponentials overflows in ${format}: every quotient is 0.`;
  if (sum === 0) return `Every exponential underflows in ${format}: 0/0 is not a number.`;
  return "";
}

class SoftmaxPlayground extends HTMLElement {
  static observedAttributes = ["logits", "temperature", "reach", "format", "parts"];

  connectedCallback() {
    // JupyterLab would take the arrow keys for its own.
    this.dataset.lmSuppressShortcuts = "true";
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" });
      // Outside of the shadow the target is no input any more, and Sphinx would turn the page.
      this.shadowRoot.addEventListener("keydown", (event) => {
        if (event.key.startsWith("Arrow")) event.stopPropagation();
      });
    }
    // An anchor of the page in the address is no reason to forget what was set.
    this.onAddress = () => this.piece() && this.start();
    window.addEventListener("hashchange", this.onAddress);
    this.start();
    if (this.piece()) this.scrollIntoView({ block: "center" });
  }

  disconnectedCallback() {
    window.removeEventListener("hashchange", this.onAddress);
    clearTimeout(this.timer);
  }

  attributeChangedCallback() {
    // Also called before connectedCallback.
    if (this.shadowRoot) this.start();
  }

  find(selector) {
    return this.shadowRoot.querySelector(selector);
  }

  start() {
    clearTimeout(this.timer);
    const read = (name, fallback) => READ[name](this.getAttribute(name) ?? fallback, this.reach);
    this.shadowRoot.innerHTML = `<style>${STYLE}</style>`;
    try {
      this.reach = read("reach", "5");
      this.parts = read("parts", "temperature entropy");
      this.state = {
        logits: read("logits", "2 1 0"),
        temperature: read("temperature", "1"),
        format: read("format", "float64"),
        shift: true,
      };
    } catch (error) {
      this.complain(error);
      return;
    }
    this.shadowRoot.innerHTML += CONTROLS;
    try {
      this.state = { ...this.state, ...this.addressed() };
    } catch (error) {
      this.complain(error);
    }
    this.listen();
    this.layOut();
    this.update();
  }

  complain(error) {
    if (!(error instanceof Invalid)) throw error;
    const sentence = document.createElement("p");
    sentence.className = "problem";
    sentence.setAttribute("role", "alert");
    sentence.textContent = `softmax-playground: ${error.message}`;
    (this.find(".all") ?? this.shadowRoot).append(sentence);
  }

  listen() {
    for (const part of this.shadowRoot.querySelectorAll("[data-part]")) {
      part.hidden = !this.parts.includes(part.dataset.part);
    }
    const on = (selector, event, change) =>
      this.find(selector).addEventListener(event, (happening) => {
        change(happening.target);
        this.update();
        this.settle();
      });
    const { state } = this;
    on("#temperature", "input", (slider) => (state.temperature = temperatureAt(Number(slider.value))));
    on("select", "change", (select) => (state.format = select.value));
    on("[type=checkbox]", "change", (box) => (state.shift = box.checked));
    on(".rows", "input", (slider) => {
      state.logits[Number(slider.id.slice(-1))] = Number(slider.value);
    });
    on(".add", "click", () => {
      state.logits.push(0);
      this.layOut();
    });
    on(".remove", "click", () => {
      state.logits.pop();
      this.layOut();
    });
  }

  layOut() {
    const step = 10 ** Math.floor(Math.log10(this.reach / 20));
    const { logits } = this.state;
    this.find(".rows").innerHTML = logits.map((_, i) => rowMarkup(i, this.reach, step)).join("");
    logits.forEach((z, i) => (this.find(`#logit${i}`).value = z));
    this.find(".add").disabled = logits.length === MOST;
    this.find(".remove").disabled = logits.length === FEWEST;
  }

  // What is shown, and what entropy and Jacobian start from: not yet rounded if nothing else was.
  outcome() {
    const { logits, temperature, format, shift } = this.state;
    if (shift) {
      return {
        shown: softmax(logits, temperature, format),
        exact: probabilities(logits, temperature, format),
        fault: "",
      };
    }
    const shown = naiveSoftmax(logits, temperature, format);
    return { shown, exact: shown, fault: faultOf(naiveTerms(logits, temperature, format), format) };
  }

  update() {
    const { logits, temperature, format, shift } = this.state;
    const { shown, exact, fault } = this.outcome();
    this.shadowRoot.querySelectorAll(".pair").forEach((row, i) => {
      row.querySelector(".logit").textContent = plain(logits[i]);
      row.querySelector("input").setAttribute("aria-valuetext", plain(logits[i]));
      row.querySelector(".bar").style.width = `${100 * (shown[i] || 0)}%`;
      row.querySelector(".probability").textContent = showProbability(shown[i]);
    });
    const slider = this.find("#temperature");
    slider.value = stepOf(temperature);
    const ends = { 0: "0, all on the largest", Infinity: "infinite, all equal" };
    slider.setAttribute("aria-valuetext", ends[temperature] ?? String(temperature));
    this.find(".temperature .number").textContent = plain(temperature);
    this.find("select").value = format;
    this.find("[type=checkbox]").checked = shift;
    this.find(".entropy").textContent = `entropy ${show(entropy(exact, format))} nats`;
    this.find(".fault").textContent = fault;
    this.find(".fault").hidden = !fault;
    if (this.parts.includes("jacobian")) {
      const entries = jacobian(exact, temperature, format);
      this.find(".jacobian").innerHTML = jacobianMarkup(entries, temperature);
    }
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { shown, fault } = this.outcome();
      const words = shown.map((p, i) => `p${subscript(i)} ${showProbability(p)}`);
      this.find("[role=status]").textContent = [...words, fault].filter(Boolean).join(", ");
      this.writeAddress();
    }, QUIET_MILLISECONDS);
  }

  // The name under which this element's state stands in the address, if it does.
  key() {
    if (this.id) return this.id;
    // Of several without an id only the first can have the common name.
    const first = document.querySelector("softmax-playground[share]:not([id])");
    return first === this ? "softmax" : undefined;
  }

  piece() {
    const key = this.key();
    const pieces = location.hash.slice(1).split("&");
    return key && pieces.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1);
  }

  addressed() {
    const state = {};
    const names = { z: "logits", T: "temperature", format: "format", shift: "shift" };
    // Mail programs and chats write a comma as %2C.
    const settings = (this.piece() ?? "").replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
    for (const setting of settings.split(";").filter(Boolean)) {
      const [name, value = ""] = setting.split(":");
      check("a setting in the address", setting, name, Object.hasOwn(names, name), "z, T, format or shift");
      state[names[name]] = READ[names[name]](value, this.reach);
    }
    return state;
  }

  writeAddress() {
    const key = this.key();
    if (!key) return;
    const { logits, temperature, format, shift } = this.state;
    const settings = [`z:${logits}`, `T:${temperature === Infinity ? "inf" : temperature}`, `format:${format}`];
    if (!shift) settings.push("shift:off");
    const others = location.hash
      .slice(1)
      .split("&")
      .filter((text) => text.includes("=") && !text.startsWith(`${key}=`));
    const fragment = [...others, `${key}=${settings.join(";")}`].join("&");
    history.replaceState(history.state, "", `#${fragment}`);
  }
}

customElements.define("softmax-playground", SoftmaxPlayground);
