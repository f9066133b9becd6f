// Settings that several playgrounds have: needs playground.js before it.

const FEWEST = 2;
const MOST = 8;
// The ends of the temperature slider are 0 and ∞; 0.01 to 100 lie between, 40 steps a decade.
const STEPS_PER_DECADE = 40;
const LAST_STEP = 4 * STEPS_PER_DECADE + 2;

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

const TEMPERATURE = `
  <label for="temperature">temperature&nbsp;<i>T</i></label>
  <input id="temperature" type="range" min="0" max="${LAST_STEP}" step="1">
  <span class="number"></span>
`;

function showTemperature(slider, temperature) {
  const ends = { 0: "0, all on the largest", Infinity: "infinite, all equal" };
  slider.value = stepOf(temperature);
  slider.setAttribute("aria-valuetext", ends[temperature] ?? String(temperature));
  slider.nextElementSibling.textContent = plain(temperature);
}

function readTemperature(text) {
  const value = number(text);
  return check("temperature", text, value, value >= 0, "a number from 0 to inf");
}

function readReach(text) {
  const value = number(text);
  return check("reach", text, value, value > 0 && value < Infinity, "a positive number");
}

function readLogits(text, { reach }) {
  const values = text.trim().split(/[\s,]+/).map(number);
  const counted = values.length >= FEWEST && values.length <= MOST;
  const valid = counted && values.every((z) => Math.abs(z) <= reach);
  return check("logits", text, values, valid, `${FEWEST} to ${MOST} numbers between −${reach} and ${reach}`);
}

// A row with a slider for each logit, and buttons that add a logit or take one away.
function listenRows(playground, place, rowMarkup) {
  const { logits, reach } = playground.state;
  const step = 10 ** Math.floor(Math.log10(reach / 20));
  const layOut = () => {
    const rows = logits.map((_, i) => rowMarkup(i, reach, step));
    playground.find(place).innerHTML = rows.join("");
    playground.find(".add").disabled = logits.length === MOST;
    playground.find(".remove").disabled = logits.length === FEWEST;
  };
  playground.on(place, "input", (slider) => {
    logits[Number(slider.id.slice(-1))] = Number(slider.value);
  });
  playground.on(".add", "click", () => {
    logits.push(0);
    layOut();
  });
  playground.on(".remove", "click", () => {
    logits.pop();
    layOut();
  });
  layOut();
}

// A whole number from a least to a largest one.
const readWhole = (name, least, largest) => (text) => {
  const value = number(text);
  const valid = Number.isInteger(value) && value >= least && value <= largest;
  return check(name, text, value, valid, `a whole number from ${least} to ${largest}`);
};

const LARGEST_SEED = 2 ** 32 - 1;
const readSeed = readWhole("seed", 0, LARGEST_SEED);
const nextSeed = (seed) => (seed === LARGEST_SEED ? 0 : seed + 1);

const readShare = (name) => (text) => {
  const value = number(text);
  return check(name, text, value, value >= 0 && value <= 1, "a number from 0 to 1");
};
