"""The numbers on the page are softmax_lib's, to the digits that are shown."""

import math

import numpy as np
import pytest
from node import read, run, shown

from softmax_lib import engine, entropy, softmax, softmax_jacobian

FORMATS = ("float16", "float32", "float64")
TEMPERATURES = (0.0, 0.01, 0.178, 0.7, 1.0, 3.16, 100.0, math.inf)

# JSON has no infinities: numbers travel as text.
DRIVER = """
const text = (value) => (Array.isArray(value) ? value.map(text) : String(value));
const answers = JSON.parse(require("fs").readFileSync(0, "utf8")).map((question) => {
  const { logits, format } = question;
  const temperature = Number(question.temperature);
  const p = probabilities(logits, temperature, format);
  const values = {
    softmax: softmax(logits, temperature, format),
    entropy: [entropy(p, format)],
    jacobian: jacobian(p, temperature, format).flat(),
  };
  const digits = (name) => (name === "jacobian" && logits.length > 4 ? 2 : 4);
  const shown = Object.entries(values).map(([name, value]) => {
    return [name, value.map((x) => show(x, digits(name)))];
  });
  return { values: text(Object.values(values)), shown: Object.fromEntries(shown) };
});
console.log(JSON.stringify(answers));
"""


def ask(questions):
    """Return what softmax.js makes of each question."""
    return run(DRIVER, questions)


def question(logits, temperature=1.0, format="float64"):
    written = "Infinity" if temperature == math.inf else temperature
    return {"logits": list(map(float, logits)), "temperature": written, "format": format}


def expected(logits, temperature, format):
    """Return what softmax_lib has for a row."""
    z = np.array(logits, dtype=format)
    with np.errstate(all="ignore"):
        return {
            "softmax": softmax(z, temperature=temperature),
            "entropy": np.atleast_1d(entropy(z, temperature=temperature)),
            "jacobian": softmax_jacobian(z, temperature=temperature).ravel(),
        }


def rows(rng, number):
    """Yield rows as sliders make them, of two to eight logits and of any reach."""
    for _ in range(number):
        reach = rng.choice([5, 20, 100, 1000])
        yield np.round(rng.uniform(-reach, reach, size=rng.integers(2, 9)), 1)


@pytest.mark.parametrize("format", FORMATS)
def test_random_rows(format):
    rng = np.random.default_rng(20)
    cases = [(row, temperature) for row in rows(rng, 300) for temperature in TEMPERATURES]
    answers = ask([question(row, temperature, format) for row, temperature in cases])
    compared = 0
    for (row, temperature), answer in zip(cases, answers, strict=True):
        for name, values in expected(row, temperature, format).items():
            # A Jacobian of more columns has room for two digits.
            digits = 2 if name == "jacobian" and len(row) > 4 else 4
            for value, text in zip(values, answer["shown"][name], strict=True):
                # Below its normal numbers float64 has not the digits, and neither side has them.
                if not 0 < abs(value) < 1e-300:
                    assert read(text) == shown(value, digits), (name, row, temperature, format)
                    compared += 1
    assert compared > 50_000


@pytest.mark.skipif(engine() == "numpy", reason="NumPy's last bits differ next to 1")
@pytest.mark.parametrize("format", FORMATS)
def test_what_is_exactly_0_or_1_is_so_in_the_library(format):
    rng = np.random.default_rng(21)
    cases = list(rows(rng, 500))
    for row, answer in zip(cases, ask([question(row, 1.0, format) for row in cases]), strict=True):
        ours = softmax(row.astype(format))
        theirs = np.array(answer["values"][0], dtype=float)
        assert np.array_equal(theirs == 0, ours == 0), row
        assert np.array_equal(theirs == 1, ours == 1), row


@pytest.mark.parametrize("format", FORMATS)
def test_limits(format):
    coldest, hottest = ask([question([1, 2, 2], t, format) for t in (0.0, math.inf)])
    assert coldest["shown"]["softmax"] == ["0", "0.5000", "0.5000"]
    assert coldest["shown"]["entropy"] == ["0.6931" if format != "float16" else "0.6934"]
    assert coldest["shown"]["jacobian"] == ["0", "0", "0", "0", "∞", "−∞", "0", "−∞", "∞"]
    assert hottest["shown"]["softmax"] == ["0.3333"] * 3
    assert hottest["shown"]["jacobian"] == ["0"] * 9


def test_one_minus_p_does_not_cancel():
    (answer,) = ask([question([100, 0])])
    assert answer["shown"]["jacobian"][0] == "3.720e−44"
    assert answer["shown"]["entropy"] == ["3.757e−42"]


def test_every_half_is_rounded_as_numpy_does():
    finite = np.arange(2**15, dtype=np.uint16).view(np.float16)
    finite = finite[np.isfinite(finite)].astype(float)
    between = (finite[1:] + finite[:-1]) / 2
    values = np.concatenate(
        [finite, between, np.nextafter(between, 0), np.nextafter(between, 1e9), [65519, 65520, 1e6]]
    )
    driver = (
        'const values = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        "console.log(JSON.stringify(values.map((x) => String(roundToHalf(x)))));"
    )
    rounded = np.array(run(driver, values.tolist()), dtype=float)
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float16).astype(float)
    assert np.array_equal(rounded, nearest)
