// A question about the outcome: what has the class "covered" is shown once it is answered or skipped.
// Needs playground.js before it.

const PREDICTION = `
  <form class="prediction">
    <fieldset><legend></legend><div class="choices"></div></fieldset>
    <p class="verdict"></p>
    <button type="submit"></button>
  </form>
`;

// Paper has no buttons, so that nothing is covered there.
const PREDICTION_STYLE = `
  .prediction { display: flex; flex-wrap: wrap; gap: 0.2rem 1.25rem; align-items: center; }
  fieldset { display: contents; }
  legend { padding: 0; font-weight: 600; flex: 1 0 100%; }
  .choices { display: flex; flex-wrap: wrap; gap: 0.1rem 1.25rem; }
  .choices label { display: inline-flex; align-items: center; gap: 0.4rem; min-height: 1.75rem; }
  input[type="radio"] { width: 1.1rem; height: 1.1rem; margin: 0; flex: none; }
  .verdict:empty { display: none; }
  @media screen {
    .closed .covered > * { visibility: hidden; }
    .closed .covered { background: repeating-linear-gradient(-45deg, transparent 0 0.4rem, color-mix(in srgb, var(--line) 30%, transparent) 0.4rem 0.5rem); }
  }
  @media print { .prediction { display: none; } }
`;

const readPredict = (text) => readSwitch("predict", text);

// A kind that asks has the methods ask, which returns the question and an object of all answers,
// and outcome, which returns the key of the right one; it calls follow at the end of its update.
class Predicting extends Playground {
  listenForm() {
    this.find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.state.predict ? this.uncover() : this.cover();
      this.settle();
    });
    this.find(".choices").addEventListener("change", () => this.nameButton());
    this.listAnswers();
  }

  listAnswers() {
    const { question, answers } = this.ask();
    this.find("legend").textContent = question;
    const choice = ([key, words]) => `<label><input type="radio" name="answer" value="${key}"> ${words}</label>`;
    const written = Object.entries(answers).map(choice).join("");
    if (written !== this.written || !this.find(".choices").childElementCount) {
      this.written = written;
      this.find(".choices").innerHTML = written;
    }
  }

  chosen() {
    return this.find(".choices :checked")?.value;
  }

  nameButton() {
    const predicting = this.chosen() ? "See whether it is so" : "Skip, and show the result";
    this.find("form button").textContent = this.state.predict ? predicting : "Predict again";
  }

  uncover() {
    const { answers } = this.ask();
    const [chosen, right] = [this.chosen(), this.outcome()];
    const agrees = chosen === right ? "So it is." : `But it is otherwise: ${answers[right]}.`;
    this.state.predict = false;
    this.verdict = chosen ? `You said: ${answers[chosen]}. ${agrees}` : "";
    this.judged = JSON.stringify(this.settings());
    this.update();
    this.find("form button").focus();
  }

  cover() {
    this.state.predict = true;
    this.update();
    this.find(".choices").querySelectorAll("input").forEach((choice) => (choice.checked = false));
    this.nameButton();
    this.find(".choices input").focus();
  }

  // A verdict is about the state in which it was given.
  follow() {
    const { predict } = this.state;
    this.listAnswers();
    if (predict || JSON.stringify(this.settings()) !== this.judged) this.verdict = "";
    this.find(".verdict").textContent = this.verdict;
    this.find(".all").classList.toggle("closed", predict);
    this.find("fieldset").hidden = !predict;
    this.nameButton();
    this.find(".caption > span").textContent = this.caption();
  }

  words() {
    if (this.state.predict) return "The result is covered.";
    return [this.verdict, this.caption()].filter(Boolean).join(" ");
  }
}
