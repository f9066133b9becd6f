"""Which words are left, how probable they are and what is drawn is what softmax_lib has."""

import math

import numpy as np
import pytest
from node import is_written, run

from softmax_lib import min_p, softmax, top_k, top_p
from softmax_lib.playground._attention import uniforms

SCRIPTS = ("softmax.js", "random.js", "sampling.js")
TEMPERATURES = (0.0, 0.01, 0.178, 0.7, 1.0, 3.16, 100.0, math.inf)
SHARES = (0.0, 0.01, 0.05, 0.33, 0.5, 0.9, 0.99, 1.0)

DRIVER = """
const questions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = questions.map(([counts, temperature, top_k, top_p, min_p, seed]) => {
  const settings = { temperature: Number(temperature), top_k, top_p, min_p };
  const { byK, byP, kept, p, mass } = filtered(counts.map(Math.log), settings);
  const shown = p.map((share) => show(share));
  return { byK, byP, kept, shown, mass: show(mass), drawn: drawn(p, 1000, seed) };
});
console.log(JSON.stringify(answers));
"""


def ask(questions):
    """Return what sampling.js makes of counts, T, k, p, a share and a seed."""
    written = [[*q[:1], "Infinity" if q[1] == math.inf else q[1], *q[2:]] for q in questions]
    return run(DRIVER, written, scripts=SCRIPTS)


def left(counts, temperature, k, p, a):
    """Return the library's masks after each filter."""
    z = np.log(counts)
    by_k = top_k(z, k=k)
    by_p = top_p(z, p=p, temperature=temperature, where=by_k)
    return by_k, by_p, min_p(z, a=a, temperature=temperature, where=by_p)


def random_questions():
    rng = np.random.default_rng(40)
    for temperature in TEMPERATURES:
        for _ in range(150):
            size = rng.integers(2, 65)
            # Few different counts, so that there are ties.
            counts = rng.integers(1, rng.choice([2, 4, 30]) + 1, size).tolist()
            k = int(rng.choice([size, rng.integers(1, size + 1)]))
            p, a = rng.choice(SHARES), rng.choice(SHARES)
            yield counts, temperature, k, float(p), float(a), int(rng.integers(2**32))


QUESTIONS = list(random_questions())


@pytest.fixture(scope="module")
def answers():
    return ask(QUESTIONS)


def test_the_words_left_after_each_filter_are_the_library_s(answers):
    for question, answer in zip(QUESTIONS, answers, strict=True):
        for name, mask in zip(("byK", "byP", "kept"), left(*question[:5]), strict=True):
            assert answer[name] == np.flatnonzero(mask).tolist(), (name, question)


def test_a_mass_that_is_just_reached_is_enough():
    question = ([2, 1, 1], 1.0, 3, 0.5, 0.0, 1)
    (answer,) = ask([question])
    assert answer["kept"] == np.flatnonzero(left(*question[:5])[-1]).tolist() == [0]


def test_their_probabilities_are_the_library_s(answers):
    for question, answer in zip(QUESTIONS, answers, strict=True):
        counts, temperature = question[:2]
        kept = left(*question[:5])[-1]
        p = softmax(np.log(counts), temperature=temperature, where=kept)
        before = softmax(np.log(counts), temperature=temperature)
        # A quotient of counts may lie just between two numbers of four digits.
        error = len(counts) * 2.0**-52
        written = [*answer["shown"], answer["mass"]]
        for share, text in zip([*p, before[kept].sum()], written, strict=True):
            assert is_written(float(share), text, error), question


def test_a_word_is_drawn_where_a_uniform_number_falls(answers):
    for question, answer in zip(QUESTIONS, answers, strict=True):
        counts, temperature, *_, seed = question
        p = softmax(np.log(counts), temperature=temperature, where=left(*question[:5])[-1])
        places = np.searchsorted(np.cumsum(p), uniforms(seed, 1000), side="right")
        expected = np.bincount(places, minlength=len(counts))
        assert answer["drawn"]["counts"] == expected.tolist(), question
        assert answer["drawn"]["last"] == places[-1], question


def test_no_word_is_drawn_that_is_out():
    ((answer),) = ask([([5, 5, 1], 0.0, 3, 1.0, 0.0, 1)])
    assert answer["drawn"]["counts"][2] == 0
    assert sum(answer["drawn"]["counts"]) == 1000
