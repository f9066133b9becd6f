// What the playgrounds have in common: their look, how they read attributes, what they say where
// something is wrong, and the state in the page's address.

// A screen reader is told the outcome of a movement, and the address is not rewritten on the way.
const QUIET_MILLISECONDS = 600;

const subscript = (i) => "₁₂₃₄₅₆₇₈"[i];
const plain = (x) => String(x).replace("Infinity", "∞").replace("-", "−");

function number(text) {
  if (/^(inf|infinity|∞)$/i.test(text.trim())) return Infinity;
  return text.trim() === "" ? NaN : Number(text);
}

class Invalid extends Error {}

function check(name, text, value, valid, expected) {
  if (!valid) throw new Invalid(`${name} is “${text}”, but should be ${expected}.`);
  return value;
}

function readSwitch(name, text) {
  return check(name, text, text === "on", ["on", "off"].includes(text), "on or off");
}

// On the strongest colour the numbers still have a contrast of 4.5 in every theme.
const STYLE = `
  :host {
    display: block; container-type: inline-size; margin-block: 1rem;
    --text: var(--pst-color-text-base, var(--jp-content-font-color1, CanvasText));
    --back: var(--pst-color-background, var(--jp-layout-color0, Canvas));
    --line: var(--pst-color-border, var(--jp-border-color1, GrayText));
    --blue: var(--pst-color-primary, var(--jp-brand-color1, LinkText));
    --red: var(--pst-color-danger, var(--jp-error-color1, #d9534f));
  }
  :host([hidden]), [hidden] { display: none !important; }
  .all, .problem { color: var(--text); background: var(--back); }
  .all {
    accent-color: var(--blue);
    border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.75rem;
    font-size: 0.95rem; line-height: 1.4; font-variant-numeric: tabular-nums;
  }
  .number { text-align: right; white-space: nowrap; }
  input[type="range"] { width: 100%; min-width: 0; height: 1.75rem; margin: 0; touch-action: pan-y; }
  .controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: center; }
  .controls > :not(.slider) { display: inline-flex; align-items: center; gap: 0.4rem; min-height: 1.75rem; }
  .slider { display: grid; grid-template-columns: auto minmax(0, 1fr) 3.5rem; gap: 0.5rem; align-items: center; flex: 1 1 100%; }
  .all > * + * { margin-top: 0.6rem; }
  button, select {
    font: inherit; color: inherit; background: var(--back); border: 1px solid var(--text);
    border-radius: 0.3rem; min-width: 2rem; min-height: 2rem;
  }
  button { padding-inline: 0.6rem; }
  button:disabled { color: GrayText; border-style: dashed; }
  input[type="checkbox"] { width: 1.1rem; height: 1.1rem; margin: 0; }
  :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
  p { margin: 0; }
  .problem { border-left: 4px solid var(--red); padding-left: 0.5rem; }
  table { table-layout: fixed; width: 100%; border-collapse: collapse; font-size: clamp(0.64rem, 3.2cqi, 0.9rem); }
  caption { text-align: left; padding-bottom: 0.2rem; font-size: 0.95rem; }
  th { font-weight: 400; padding: 0.15rem 0; }
  tr > :first-child { width: 1.5rem; }
  td { text-align: center; padding: 0.35rem 1px; border: 1px solid var(--line); }
  .heat { background: color-mix(in srgb, var(--hue) calc(45% * var(--heat)), var(--back)); }
  .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  sub { font-size: 0.75em; line-height: 0; }
  @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;

// A kind of playground has READ, a function for each attribute that makes a value of its text;
// ADDRESS, which attribute a setting in the address stands for; STYLE and CONTROLS, its own; and
// the methods listen, update, words (for a screen reader) and settings (for the address).
class Playground extends HTMLElement {
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
    const { READ, STYLE: ownStyle, CONTROLS } = this.constructor;
    this.shadowRoot.innerHTML = `<style>${STYLE}${ownStyle}</style>`;
    this.state = {};
    try {
      for (const name of Object.keys(READ)) this.read(name, this.getAttribute(name) ?? "");
    } catch (error) {
      this.complain(error);
      return;
    }
    this.shadowRoot.innerHTML += CONTROLS;
    const asked = { ...this.state };
    try {
      this.readAddress();
    } catch (error) {
      this.state = asked;
      this.complain(error);
    }
    this.listen();
    this.update();
  }

  read(name, text) {
    this.state[name] = this.constructor.READ[name](text, this.state);
  }

  complain(error) {
    if (!(error instanceof Invalid)) throw error;
    const sentence = document.createElement("p");
    sentence.className = "problem";
    sentence.setAttribute("role", "alert");
    sentence.textContent = `${this.localName}: ${error.message}`;
    (this.find(".all") ?? this.shadowRoot).append(sentence);
  }

  on(selector, event, change) {
    this.find(selector).addEventListener(event, (happening) => {
      change(happening.target, happening);
      this.update();
      this.settle();
    });
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.find("[role=status]").textContent = this.words();
      this.writeAddress();
    }, QUIET_MILLISECONDS);
  }

  // This element's part of the address, which stands there under its id.
  piece() {
    const pieces = location.hash.slice(1).split("&");
    return this.id && pieces.find((text) => text.startsWith(`${this.id}=`))?.slice(this.id.length + 1);
  }

  readAddress() {
    const { ADDRESS } = this.constructor;
    // Mail programs and chats write a comma as %2C.
    const settings = (this.piece() ?? "").replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
    for (const setting of settings.split(";").filter(Boolean)) {
      const [name, value = ""] = setting.split(":");
      const expected = `one of ${Object.keys(ADDRESS).join(", ")}`;
      check("a setting in the address", setting, name, Object.hasOwn(ADDRESS, name), expected);
      this.read(ADDRESS[name], value);
    }
  }

  writeAddress() {
    if (!this.id) return;
    const others = location.hash
      .slice(1)
      .split("&")
      .filter((text) => text.includes("=") && !text.startsWith(`${this.id}=`));
    const settings = Object.entries(this.settings()).map(([name, value]) => `${name}:${value}`);
    const fragment = [...others, `${this.id}=${settings.join(";")}`].join("&");
    history.replaceState(history.state, "", `#${fragment}`);
  }
}
