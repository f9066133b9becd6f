// <sampling-playground>: needs softmax.js, random.js, sampling.js, playground.js, settings.js and
// predict.js before it.

const MOST_DRAWS = 10_000;
const MOST_WORDS = 64;

const READ = {
  after: (text) => text,
  words(text) {
    const words = text.split(" ").map((piece) => piece.split(":"));
    const counted = words.length >= FEWEST && words.length <= MOST_WORDS;
    const valid = words.every(([word, count]) => word && Number.isInteger(Number(count)) && count > 0);
    return check("words", text, words, counted && valid, `${FEWEST} to ${MOST_WORDS} times word:count`);
  },
  temperature: readTemperature,
  top_k(text, { words }) {
    return readWhole("top_k", 1, words.length)(text);
  },
  top_p: readShare("top_p"),
  min_p: readShare("min_p"),
  draws: readWhole("draws", 0, MOST_DRAWS),
  seed: readSeed,
  predict: readPredict,
};

const OWN_STYLE = `${PREDICTION_STYLE}
  .sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 0 1.5rem; }
  .sliders .slider { grid-template-columns: 7rem minmax(0, 1fr) 3rem; }
  ol { list-style: none; margin-bottom: 0; padding: 0; columns: 9rem auto; column-gap: 0.6rem; font-size: 0.85rem; }
  li { position: relative; display: flex; gap: 0.3rem; padding: 0.1rem 0.3rem; margin-bottom: 2px; break-inside: avoid;
    background: linear-gradient(to right, color-mix(in srgb, var(--blue) 35%, var(--back)) var(--p), transparent var(--p)); }
  li::after { content: ""; position: absolute; left: 0; bottom: 0; height: 3px; width: var(--drawn); background: var(--red); }
  @container (min-width: 34rem) { ol { columns: 12rem auto; } }
  .word { flex: 1 1 auto; overflow: hidden; text-overflow: ellipsis; }
  .out .word { text-decoration: line-through; }
  .times { min-width: 2em; text-align: right; }
  .times:empty { display: none; }
  .line { display: inline-block; width: 1rem; height: 3px; background: var(--red); vertical-align: middle; }
  @media (forced-colors: active) { li::after, .line { forced-color-adjust: none; background: CanvasText; } }
`;

const slider = (name, label, least, step) => `
  <div class="slider">
    <label for="${name}">${label}</label>
    <input id="${name}" type="range" min="${least}" max="1" step="${step}">
    <span class="number"></span>
  </div>
`;

const CONTROLS = `
  <div class="all" role="group" aria-label="Sampling playground">
    <p class="title"></p>
    <div class="sliders">
      <div class="slider">${TEMPERATURE}</div>
      ${slider("top_k", "top-<i>k</i>", 1, 1)}
      ${slider("top_p", "top-<i>p</i>", 0, 0.01)}
      ${slider("min_p", "min-<i>p</i>", 0, 0.01)}
    </div>
    ${PREDICTION}
    <ol class="covered"></ol>
    <div class="controls covered">
      <button class="one" type="button">Draw a word</button>
      <button class="hundred" type="button">Draw 100</button>
      <button class="none" type="button">Forget the draws</button>
      <button class="dice" type="button">Other dice</button>
      <span><span class="line"></span> share of the draws</span>
    </div>
    <p class="caption covered"><span></span></p>
    <div class="heard" role="status"></div>
  </div>
`;

// Per cent, with a digit after the point where there are small ones.
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

class SamplingPlayground extends Predicting {
  static observedAttributes = Object.keys(READ);
  static READ = READ;
  static ADDRESS = {
    T: "temperature",
    top_k: "top_k",
    top_p: "top_p",
    min_p: "min_p",
    draws: "draws",
    seed: "seed",
    predict: "predict",
  };
  static STYLE = OWN_STYLE;
  static CONTROLS = CONTROLS;

  listen() {
    const { state } = this;
    this.logits = state.words.map(([, count]) => Math.log(count));
    this.find(".title").textContent = state.after && `The words after “${state.after}”`;
    this.find("#top_k").max = state.words.length;
    this.find("ol").innerHTML = state.words
      .map(() => `<li><span class="word"></span><span class="share"></span><span class="times"></span></li>`)
      .join("");
    this.items = [...this.shadowRoot.querySelectorAll("li")];
    this.items.forEach((item, i) => (item.firstElementChild.textContent = state.words[i][0]));
    this.on("#temperature", "input", (slider) => (state.temperature = temperatureAt(Number(slider.value))));
    for (const name of ["top_k", "top_p", "min_p"]) {
      this.on(`#${name}`, "input", (slider) => (state[name] = Number(slider.value)));
    }
    const more = (count) => () => (state.draws = Math.min(state.draws + count, MOST_DRAWS));
    this.on(".one", "click", more(1));
    this.on(".hundred", "click", more(100));
    this.on(".none", "click", () => (state.draws = 0));
    this.on(".dice", "click", () => (state.seed = nextSeed(state.seed)));
    this.listenForm();
  }

  ask() {
    const most = this.state.words.length;
    const ends = [1, 4, 12, most - 1, most].filter((end, place) => place > 2 || end < most - 1);
    const range = (from, to) => (from === to ? `${to}` : `${from} to ${to}`);
    const answers = ends.flatMap((to, place) => {
      const from = place ? ends[place - 1] + 1 : 1;
      return from > to ? [] : [[to, to === most ? `all ${most}` : range(from, to)]];
    });
    return {
      question: `How many of the ${most} words will be left to draw from?`,
      answers: Object.fromEntries(answers),
    };
  }

  outcome() {
    return Object.keys(this.ask().answers).find((end) => this.filtered.kept.length <= end);
  }

  update() {
    const { words, temperature, top_k, top_p, min_p, draws, seed } = this.state;
    this.filtered = filtered(this.logits, this.state);
    const { kept, p } = this.filtered;
    this.drawn = drawn(p, draws, seed);
    showTemperature(this.find("#temperature"), temperature);
    const put = (name, value, said) => {
      const slider = this.find(`#${name}`);
      slider.value = value;
      slider.setAttribute("aria-valuetext", said);
      slider.nextElementSibling.textContent = said;
    };
    put("top_k", top_k, top_k === words.length ? "all" : String(top_k));
    put("top_p", top_p, plain(top_p));
    put("min_p", min_p, plain(min_p));
    const largest = Math.max(...p);
    const width = (share) => `${Math.min(100, (80 * share) / largest).toFixed(1)}%`;
    this.items.forEach((item, i) => {
      const [, share, times] = item.children;
      const count = this.drawn.counts[i];
      const left = kept.includes(i);
      item.className = left ? "" : "out";
      item.style.setProperty("--p", width(p[i]));
      item.style.setProperty("--drawn", width(count / (draws || 1)));
      share.textContent = left ? percent(p[i]) : "out";
      times.textContent = draws && left ? `×${count}` : "";
    });
    for (const name of [".one", ".hundred"]) this.find(name).disabled = draws === MOST_DRAWS;
    this.find(".none").disabled = draws === 0;
    this.follow();
  }

  caption() {
    return [this.toldOfFilters(), this.toldOfTemperature(), this.toldOfDraws()].filter(Boolean).join(" ");
  }

  toldOfFilters() {
    const { words, top_k, top_p } = this.state;
    const { byK, byP, kept, mass } = this.filtered;
    const together = " (words that are tied stay together)";
    if (kept.length === words.length) {
      const set = top_k < words.length || top_p < 1;
      return `No filter takes a word away: all ${words.length} are left${set ? together : ""}.`;
    }
    const tied = byK.length > top_k ? together : "";
    const steps = [
      [byK, words, `top-k leaves ${byK.length} of ${words.length} words${tied}`],
      [byP, byK, `top-p leaves ${byP.length} of ${byK.length}`],
      [kept, byP, `min-p leaves ${kept.length} of ${byP.length}`],
    ];
    const taken = steps.filter(([after, before]) => after.length < before.length).map(([, , words]) => words);
    const first = taken[0][0].toUpperCase() + taken[0].slice(1);
    const sentence = [first, ...taken.slice(1)].join(", then ");
    const always = top_p === 0 ? " What is most probable stays, even at p = 0." : "";
    return `${sentence}. Without filters what is left has ${percent(mass)} of the probability.${always}`;
  }

  toldOfTemperature() {
    const { words, temperature } = this.state;
    const { p, kept } = this.filtered;
    if (temperature === Infinity) return `At T = ∞ all ${kept.length} are equally probable.`;
    if (temperature !== 0) return "";
    const first = words.flatMap(([word], i) => (p[i] > 0 ? [`“${word}”`] : []));
    return `At T = 0 nothing but ${first.join(", ")} can be drawn.`;
  }

  toldOfDraws() {
    const { words, draws, seed } = this.state;
    if (!draws) return "Nothing has been drawn yet.";
    const { counts, last } = this.drawn;
    const most = counts.indexOf(Math.max(...counts));
    const expected = Number((draws * this.filtered.p[most]).toPrecision(3));
    const few = draws === 1 ? "The word drawn" : `The last of ${draws} words drawn`;
    const limit = draws === MOST_DRAWS ? " That is as many as fit." : "";
    const often = draws > 9 ? ` “${words[most][0]}” was drawn most often, ${counts[most]} times; ${expected} are expected.` : "";
    return `${few} with dice ${seed} is “${words[last][0]}”.${often}${limit}`;
  }

  settings() {
    const { temperature, top_k, top_p, min_p, draws, seed, predict } = this.state;
    const T = temperature === Infinity ? "inf" : temperature;
    return { T, top_k, top_p, min_p, draws, seed, predict: predict ? "on" : "off" };
  }
}

customElements.define("sampling-playground", SamplingPlayground);
