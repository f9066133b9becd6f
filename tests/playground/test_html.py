"""What a notebook stores of the playground."""

import gzip
import math
import re
from collections.abc import Callable

import pytest

from softmax_lib.playground import (
    AttentionPlayground,
    PipelinePlayground,
    SamplingPlayground,
    SimplexPlayground,
    SoftmaxPlayground,
    TrainingPlayground,
)

ALL_PARTS = ("temperature", "entropy", "jacobian", "format")


KINDS: dict[str, Callable] = {
    "softmax-playground": lambda: SoftmaxPlayground([1, 2], parts=ALL_PARTS),
    "attention-playground": AttentionPlayground,
    "pipeline-playground": PipelinePlayground,
    "simplex-playground": SimplexPlayground,
    "training-playground": TrainingPlayground,
    "sampling-playground": lambda: SamplingPlayground({"was": 13, "had": 8}),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_equal_arguments_give_equal_html(kind):
    first, second = (KINDS[kind]()._repr_html_() for _ in range(2))
    assert first == second


@each_kind
def test_nothing_comes_from_elsewhere(kind):
    written = KINDS[kind]()._repr_html_()
    assert not re.search(r"https?:|//\w|@import|url\(|\bfetch\b|\bimport\b", written)


@each_kind
def test_one_script_and_one_tag(kind):
    written = KINDS[kind]()._repr_html_()
    assert written.count("<script>") == written.count("</script>") == 1
    assert written.count(f"<{kind} ") == written.count(f"</{kind}>") == 1
    assert "export" not in written
    assert len(gzip.compress(written.encode())) < 15_000


@each_kind
def test_no_kind_has_another_in_it(kind):
    defined = re.findall(r'customElements\.define\("([\w-]+)"', KINDS[kind]()._repr_html_())
    assert defined == [kind]


def test_the_tag_says_what_was_asked_for():
    playground = SoftmaxPlayground(
        [0.5, -3, 8],
        temperature=math.inf,
        parts=["format"],
        reach=10,
        format="float16",
        name="here",
    )
    assert playground.tag() == (
        '<softmax-playground logits="0.5 -3 8" temperature="inf" reach="10" format="float16" '
        'parts="format" id="here"></softmax-playground>'
    )


def test_the_attention_tag_says_what_was_asked_for():
    playground = AttentionPlayground(
        16, words=["to", "<be>"], mask="causal", scaled=False, seed=7, predict=False, name="here"
    )
    assert playground.tag() == (
        '<attention-playground d_k="16" words="to &lt;be&gt;" mask="causal" scaled="off" seed="7" '
        'predict="off" id="here"></attention-playground>'
    )


def test_the_pipeline_tag_says_what_was_asked_for():
    playground = PipelinePlayground(
        [12, 0], format="bfloat16", shift=False, reach=20, predict=False, name="here"
    )
    assert playground.tag() == (
        '<pipeline-playground logits="12 0" reach="20" format="bfloat16" shift="off" '
        'predict="off" id="here"></pipeline-playground>'
    )


def test_the_sampling_tag_says_what_was_asked_for():
    playground = SamplingPlayground(
        {"couldn't": 2, "<b>": 1},
        after="she",
        temperature=math.inf,
        top_k=1,
        top_p=0.5,
        min_p=0.25,
        draws=10,
        seed=2,
        predict=False,
        name="here",
    )
    assert playground.tag() == (
        '<sampling-playground words="couldn&#x27;t:2 &lt;b&gt;:1" after="she" temperature="inf" '
        'top_k="1" top_p="0.5" min_p="0.25" draws="10" seed="2" predict="off" id="here">'
        "</sampling-playground>"
    )


def test_the_simplex_tag_says_what_was_asked_for():
    playground = SimplexPlayground(
        [2, 0.5, -8], temperature=0, reach=10, predict=False, name="here"
    )
    assert playground.tag() == (
        '<simplex-playground logits="2 0.5 -8" temperature="0" reach="10" predict="off" id="here">'
        "</simplex-playground>"
    )


def test_the_training_tag_says_what_was_asked_for():
    playground = TrainingPlayground(
        [(0.5, -1, 2), (0, 0.25, 0)],
        loss="softmax-twice",
        start="wrong",
        rate=0.3,
        steps=7,
        predict=False,
        name="here",
    )
    assert playground.tag() == (
        '<training-playground points="0.5,-1,2 0,0.25,0" loss="softmax-twice" start="wrong" '
        'rate="0.3" steps="7" predict="off" id="here"></training-playground>'
    )


def test_repr_is_plain_text():
    assert repr(TrainingPlayground()) == (
        "TrainingPlayground(12 points, loss='cross-entropy', start='even', rate=1.0, steps=0)"
    )
    assert repr(SimplexPlayground()) == "SimplexPlayground([1.5, 1.0, -0.5], temperature=1.0)"
    written = "SamplingPlayground(2 words, temperature=1.0, top_k=2, top_p=0.5, min_p=0.0)"
    assert repr(SamplingPlayground({"was": 13, "had": 8}, top_p=0.5)) == written
    written = "PipelinePlayground([2.0, 1.0, 0.0], format='float64', shift=True)"
    assert repr(PipelinePlayground()) == written
    written = "AttentionPlayground(64, mask='none', scaled=True, seed=1)"
    assert repr(AttentionPlayground()) == written
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


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"d_k": 0}, "d_k.* 0$"),
        ({"d_k": 48}, "d_k.* 48$"),
        ({"d_k": 1024}, "d_k.* 1024$"),
        ({"d_k": 0.5}, r"d_k.* 0\.5$"),
        ({"seed": -1}, "seed.* -1$"),
        ({"seed": 2**32}, "seed.* 4294967296$"),
        ({"seed": 1.5}, r"seed.* 1\.5$"),
        ({"words": ["one"]}, "words.* 1 of them$"),
        ({"words": ["word"] * 9}, "words.* 9 of them$"),
        ({"words": ["one", "t wo"]}, "words.* 't wo'$"),
        ({"mask": "all"}, "mask.* 'all'$"),
        ({"name": "1"}, "name.* '1'$"),
    ],
)
def test_a_bad_argument_of_attention_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        AttentionPlayground(**arguments)


def test_words_in_one_string_are_refused():
    with pytest.raises(TypeError, match="'one two'"):
        AttentionPlayground(words="one two")


def test_a_scaled_that_is_no_bool_is_refused():
    with pytest.raises(TypeError, match="'no'"):
        AttentionPlayground(scaled="no")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"logits": [1.0]}, "logits.* 1$"),
        ({"logits": [0.0, 5.5]}, r"logits.* 5\.5$"),
        ({"reach": -1}, "reach.* -1$"),
        ({"format": "float8"}, "format.* 'float8'$"),
        ({"name": "1"}, "name.* '1'$"),
    ],
)
def test_a_bad_argument_of_the_pipeline_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        PipelinePlayground(**arguments)


@pytest.mark.parametrize("name", ["shift", "predict"])
def test_a_switch_of_the_pipeline_that_is_no_bool_is_refused(name):
    with pytest.raises(TypeError, match=f"{name}.* 1$"):
        PipelinePlayground(**{name: 1})


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"counts": {"was": 1}}, "counts.* 1 of them$"),
        ({"counts": {str(i): 1 for i in range(65)}}, "counts.* 65 of them$"),
        ({"counts": {"was": 1, "had": 0}}, "'had' in counts.* 0$"),
        ({"counts": {"was": 1, "had": 1.5}}, r"'had' in counts.* 1\.5$"),
        ({"counts": {"was": 1, "had not": 1}}, "counts.* 'had not'$"),
        ({"counts": {"was": 1, "a:b": 1}}, "counts.* 'a:b'$"),
        ({"temperature": -1}, "temperature.* -1$"),
        ({"top_k": 0}, "top_k.* 0$"),
        ({"top_k": 3}, "top_k.* 3$"),
        ({"top_p": 1.5}, r"top_p.* 1\.5$"),
        ({"min_p": math.nan}, "min_p.* nan$"),
        ({"draws": 10_001}, "draws.* 10001$"),
        ({"seed": -1}, "seed.* -1$"),
        ({"name": "1"}, "name.* '1'$"),
    ],
)
def test_a_bad_argument_of_sampling_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        SamplingPlayground(**{"counts": {"was": 2, "had": 1}} | arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"logits": [1, 2]}, "logits.* 2$"),
        ({"logits": [1, 2, 3, 4]}, "logits.* 4$"),
        ({"logits": [1, 2, 6]}, r"logits.* 6\.0$"),
        ({"temperature": -1}, "temperature.* -1$"),
        ({"reach": 0}, "reach.* 0$"),
        ({"name": "1"}, "name.* '1'$"),
    ],
)
def test_a_bad_argument_of_the_simplex_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        SimplexPlayground(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"points": []}, "points.* 0 of them$"),
        ({"points": [(0, 0, 0)] * 25}, "points.* 25 of them$"),
        ({"points": [(0, 1.5, 0)]}, r"points.* \(0, 1\.5, 0\)$"),
        ({"points": [(math.nan, 0, 0)]}, r"points.* \(nan, 0, 0\)$"),
        ({"points": [(0, 0, 3)]}, r"points.* \(0, 0, 3\)$"),
        ({"points": [(0, 0)]}, r"points.* \(0, 0\)$"),
        ({"loss": "hinge"}, "loss.* 'hinge'$"),
        ({"start": "right"}, "start.* 'right'$"),
        ({"rate": 2}, "rate.* 2$"),
        ({"steps": 501}, "steps.* 501$"),
        ({"name": "1"}, "name.* '1'$"),
    ],
)
def test_a_bad_argument_of_training_is_refused_and_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        TrainingPlayground(**arguments)
