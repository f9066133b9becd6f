"""The pipeline's steps are NumPy's in the format, and what it says of them is so."""

import ml_dtypes
import numpy as np
import pytest
from node import is_written, run

from softmax_lib import naive_softmax

SCRIPTS = ("softmax.js", "pipeline.js")
FORMATS = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}
each_format = pytest.mark.parametrize("format", FORMATS)

DRIVER = """
const questions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = questions.map(([logits, format, shift]) => {
  const steps = pipeline(logits, format, shift);
  const written = Object.entries(steps).map(([name, x]) => [name, [x].flat().map((x) => show(x))]);
  return { ...Object.fromEntries(written), fate: fate(steps), told: told(steps, format, shift) };
});
console.log(JSON.stringify(answers));
"""


def ask(questions):
    return run(DRIVER, questions, scripts=SCRIPTS)


def steps(logits, format, shift):
    """Return every step in NumPy's arithmetic, the last one by the library."""
    z = np.array(logits).astype(FORMATS[format])
    with np.errstate(all="ignore"):
        exponents = z - z.max() if shift else z
        terms = np.exp(exponents)
        return {
            "z": z,
            "maximum": [z.max()],
            "exponents": exponents,
            "terms": terms,
            "sum": [terms.sum()],
            "p": naive_softmax(exponents),
        }


@each_format
def test_every_step_of_random_rows_is_numpy_s(format):
    rng = np.random.default_rng(30)
    questions = []
    for reach in (5, 20, 100, 1000):
        for _ in range(100):
            row = np.round(rng.uniform(-reach, reach, rng.integers(2, 9)), 1).tolist()
            questions += [(row, format, True), (row, format, False)]
    # NumPy's exp is a few ulps off, of float32 in all but the widest format.
    error = 4 * 2.0**-23
    for question, answer in zip(questions, ask(questions), strict=True):
        for name, values in steps(*question).items():
            for value, text in zip(map(float, values), answer[name], strict=True):
                assert is_written(value, text, error), (name, question, value, text)


def test_every_bfloat16_is_rounded_as_ml_dtypes_does():
    # The words below that of infinity, and float32 next to the middle between their numbers.
    finite = np.arange(0x7F80, dtype=np.uint16).view(ml_dtypes.bfloat16).astype(np.float32)
    between = finite[:-1] + (finite[1:] - finite[:-1]) / 2
    below, above = np.nextafter(between, finite[:-1]), np.nextafter(between, finite[1:])
    values = np.concatenate([finite, between, below, above])
    values = np.concatenate([values, -values]).astype(float)
    driver = (
        'const values = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        "console.log(JSON.stringify(values.map((x) => String(roundToBrain(x)))));"
    )
    rounded = np.array(run(driver, values.tolist(), scripts=SCRIPTS), dtype=float)
    with np.errstate(all="ignore"):
        assert np.array_equal(rounded, values.astype(ml_dtypes.bfloat16).astype(float))


@pytest.mark.parametrize(
    ("logits", "format", "shift", "fate", "words"),
    [
        ([12, 0], "float16", False, "nan", "The largest number of float16 is 65504"),
        ([12, 12], "float16", False, "nan", "of z₁, z₂ overflows to ∞. Then Σ = ∞, and ∞/∞"),
        ([12, 0], "float16", False, "nan", "Whatever is finite, divided by ∞, is 0."),
        ([11, 11], "float16", False, "zero", "but Σ overflows to ∞"),
        ([-20, -20], "float16", False, "nan", "Every power of e underflows to 0"),
        ([11, 0], "float16", False, "sum", "Every power of e fits into float16 here"),
        ([12, 0], "float16", True, "sum", "The largest exponent is 0, and e⁰ = 1."),
        ([0, -20, -30], "float16", True, "sum", "p₂, p₃ are exactly 0"),
        ([0, -20], "float16", True, "sum", "p₂ is exactly 0"),
        ([89, 0], "bfloat16", False, "nan", "The largest number of bfloat16 is 3.3895e+38"),
        ([89, 0], "float32", False, "nan", "The largest number of float32 is 3.4028e+38"),
        ([710, 0], "float64", False, "nan", "The largest number of float64 is 1.7976e+308"),
    ],
)
def test_it_says_which_step_goes_wrong(logits, format, shift, fate, words):
    (answer,) = ask([(logits, format, shift)])
    assert answer["fate"] == fate
    assert words in answer["told"]


def test_where_all_are_infinite_nothing_finite_is_spoken_of():
    (answer,) = ask([([12, 12], "float16", False)])
    assert "finite" not in answer["told"]


@each_format
def test_the_largest_numbers_are_those_of_the_format(format):
    driver = "console.log(JSON.stringify(LARGEST));"
    largest = float(ml_dtypes.finfo(FORMATS[format]).max)
    written = float(run(driver, None, scripts=SCRIPTS)[format])
    assert largest * (1 - 1e-4) < written <= largest  # five digits, cut off
