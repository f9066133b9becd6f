"""How a derivation is shown on a page and in a terminal."""

import re

from chains import CHAINS

from softmax_lib.derivations import Cited, Derivation
from softmax_lib.derivations.vocabulary import (
    INDEPENDENT,
    Z,
    a,
    d_k,
    mean_v,
    over,
    sigma,
    v,
    var_qk,
)
from softmax_lib.derivations.vocabulary import K as SIZE


def shown(derivation, kind="text/html"):
    return derivation._repr_mimebundle_()[kind]


def test_the_text_has_a_line_for_every_line():
    assert shown(CHAINS["sum_one"](), "text/plain").splitlines() == [
        r"sum-one: \sum_{i} \sigma_{i}",
        r"  = \sum_{i} \frac{e^{z_{i}}}{Z}  [by definition]",
        r"  = \frac{\sum_{i} e^{z_{i}}}{Z}  [$Z$ does not depend on $i$]",
        r"  = \frac{Z}{Z}  [definition of $Z$]",
        "  = 1  [cancel]",
        "4 lines, each proved for every K (held at 9 points; 4 false variants refused; "
        "also in one step)",
    ]


def maths(tex):
    return rf'<span class="math">\({tex}\)</span>'


def test_what_html_could_take_for_a_tag_is_escaped():
    page = shown(CHAINS["order"]().then(0, "the sign <b>", ">", form=SIZE / SIZE))
    assert maths(r"\displaystyle &gt;\; 0") in page
    assert "the sign &lt;b&gt;" in page
    assert "<b>" not in page


def test_mathematics_in_a_reason_is_marked():
    assert f"{maths('Z')} does not depend on {maths('i')}" in shown(CHAINS["sum_one"]())


def test_a_reason_that_is_a_derivation_links_to_it():
    assert '<a href="#derivation-sum-one">sum one</a>' in shown(CHAINS["range_"]())


def test_hypotheses_are_printed_from_what_they_are():
    page = shown(CHAINS["dispersion_up"]())
    hypothesis = maths(r"z_{a} - z_{i} \ge -\delta\text{ for every } a")
    assert f'<p class="derivation-given">For {hypothesis}:</p>' in page
    assert f'<div class="derivation-reason">{hypothesis}</div>' in page
    margin = maths(r"\varepsilon_{a} = z_{a} - z_{i} - (-\delta)")
    assert f"with {margin}." in page


def test_the_form_of_a_difference_is_shown():
    form = maths(r"(\sigma_{i} - \tfrac12)^{2}")
    assert f"The difference is {form}." in shown(CHAINS["jacobian_max"]())


def test_a_step_by_hand_is_marked():
    derivation = Derivation("variance", var_qk).then(d_k, INDEPENDENT)
    page = shown(derivation)
    assert f"{INDEPENDENT.words} (assumed)</div>" in page
    assert re.search(
        r"1 line, each proved for every K, but for variance, line 1: .* \(assumed\)", page
    )


def test_a_source_links_to_the_references():
    source = Cited("jensen1906", "$x^2$ is convex")
    squares = Derivation("squares", over(a, sigma[a] * v[a] ** 2)).then(mean_v**2, source, "≥")
    link = f'{maths("x^2")} is convex <a href="references.html">[jensen1906]</a> (cited)'
    assert shown(squares).count(link) == 2
    assert squares.by_hand == ("squares, line 1: $x^2$ is convex {cite:p}`jensen1906` (cited)",)


def test_the_name_is_shown_in_words():
    page = shown(Derivation("one-over-one", Z / Z).then(1, "cancel"))
    assert 'id="derivation-one-over-one"' in page
    assert "<strong>one over one</strong>: 1 line by definition" in page
