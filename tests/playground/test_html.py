"""What a notebook stores of the playground."""

import math
import re

import pytest

from softmax_lib.playground import SoftmaxPlayground

ALL_PARTS = ("temperature", "entropy", "jacobian", "format", "shift")


def test_equal_arguments_give_equal_html():
    first, second = (SoftmaxPlayground([1, 2], parts=ALL_PARTS)._repr_html_() for _ in range(2))
    assert first == second


def test_nothing_comes_from_elsewhere():
    written = SoftmaxPlayground(parts=ALL_PARTS)._repr_html_()
    assert not re.search(r"https?:|//\w|@import|url\(|\bfetch\b|\bimport\b", written)


def test_one_script_and_one_tag():
    written = SoftmaxPlayground()._repr_html_()
    assert written.count("<script>") == written.count("</script>") == 1
    assert written.count("<softmax-playground ") == written.count("</softmax-playground>") == 1
    assert "export" not in written
    assert len(written.encode()) < 20_000


def test_the_tag_says_what_was_asked_for():
    playground = SoftmaxPlayground(
        [0.5, -3, 8], temperature=math.inf, parts=["shift"], reach=10, format="float16", name="here"
    )
    assert playground.tag() == (
        '<softmax-playground logits="0.5 -3 8" temperature="inf" reach="10" format="float16" '
        'parts="shift" id="here" data-lm-suppress-shortcuts="true"></softmax-playground>'
    )


def test_repr_is_plain_text():
    assert repr(SoftmaxPlayground()) == "SoftmaxPlayground([2.0, 1.0, 0.0], temperature=1.0)"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"logits": [1.0]}, "logits.* 1$"),
        ({"logits": [0.0] * 9}, "logits.* 9$"),
        ({"logits": [0.0, 5.5]}, r"logits.* 5\.5$"),
        ({"logits": [0.0, math.nan]}, "logits.* nan$"),
        ({"logits": [0.0, -math.inf]}, "logits.* -inf$"),
        ({"temperature": -1}, "temperature.* -1$"),
        ({"temperature": math.nan}, "temperature.* nan$"),
        ({"reach": 0}, "reach.* 0$"),
        ({"reach": math.inf}, "reach.* inf$"),
        ({"format": "bfloat16"}, "format.* 'bfloat16'$"),
        ({"parts": ["entropy", "colour"]}, "parts.* 'colour'$"),
        ({"name": 'a"b'}, "name.* 'a\"b'$"),
    ],
)
def test_a_bad_argument_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        SoftmaxPlayground(**arguments)


def test_parts_in_one_string_are_refused():
    with pytest.raises(TypeError, match="'temperature entropy'"):
        SoftmaxPlayground(parts="temperature entropy")
