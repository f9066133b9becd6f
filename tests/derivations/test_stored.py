"""Stored derivations are proved again in a process of its own; what was tampered with is not."""

import copy
import json
import subprocess
import sys

import pytest
from chains import CHAINS

from softmax_lib.derivations import Derivation, Tampered, Term, rebuild, store
from softmax_lib.derivations.vocabulary import Z, i, over, sigma
from softmax_lib.proofs import Falsified, Refused

KINDS = ["order", "dispersion_up", "range_", "variance", "below_one"]
"""With a hypothesis, one for every index, another derivation, an assumption, unlike indices."""

REBUILD = """
import json, sys
from softmax_lib.derivations import rebuild
print(*[derivation.statement for derivation in rebuild(json.load(sys.stdin)).values()], sep="\\n")
"""


def stored(*names):
    return store(*(CHAINS[name]() for name in names))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_rebuilt_is_what_was_stored(name):
    derivation = CHAINS[name]()
    assert rebuild(stored(name))[derivation.id] == derivation


def test_a_process_that_ran_no_notebook_proves_them_again():
    finished = subprocess.run(
        [sys.executable, "-c", REBUILD],
        input=json.dumps(stored("sum_one", "range_")),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.stdout.splitlines() == [
        r"$\sum_{i} \sigma_{i} = 1$",
        r"$1 - \sigma_{i} \ge 0$",
    ], finished.stderr


def test_a_derivation_is_stored_after_what_it_names():
    assert [json.loads(text)["id"] for text in stored("range_")] == ["sum-one", "range"]


def test_two_derivations_of_one_name_are_refused():
    with pytest.raises(Refused, match="two derivations are called 'one'"):
        store(Derivation("one", Z / Z).then(1, "cancel"), Derivation("one", Z).then(Z, "same"))


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(content):
        for step in path:
            content = content[step]
        content[last] = value

    return change


def cut(content):
    content["lines"].pop()


TAMPERED = {
    "another id": (put("id", 3), Tampered, "no stored derivation"),
    "no start": (lambda content: content.pop("start"), Tampered, "start"),
    "code for a term": (put("start", "__import__('os')"), Tampered, "is no stored term"),
    "an unknown name": (put("start", ["omega"]), Tampered, "neither an operation nor"),
    "a number as a name": (put("start", ["number", 1]), Tampered, "is stored by itself"),
    "a float": (put("lines", 3, "term", 1.5), Tampered, "is no stored term"),
    "a Boolean": (put("lines", 3, "term", True), Tampered, "is no stored term"),
    "a letter of no index": (put("start", ["sigma", "k"]), Tampered, "is no stored term"),
    "too many arguments": (put("start", ["Z", "i"]), Tampered, "does not take"),
    "a false line": (put("lines", 3, "term", 2), Falsified, "sum-one, line 4"),
    "a false relation": (put("lines", 3, "relation", "<"), Falsified, "sum-one, line 4"),
    "no relation at all": (put("lines", 3, "relation", "~"), Tampered, "none of"),
    "another true line": (put("lines", 2, "term", 1), Tampered, "printed is stored as"),
    "a line less": (cut, Tampered, "is stored as"),
    "another statement": (put("formula", "0 = 1"), Tampered, "formula is stored as"),
    "another printed line": (put("printed", 4, "2"), Tampered, "printed is stored as"),
    "another status": (put("lines", 1, "status", "by definition"), Tampered, "lines is stored as"),
    "a reason that was not derived": (
        put("lines", 1, "because", [["derivation", "shift"]]),
        Tampered,
        "was not derived before",
    ),
    "a reason of no kind": (put("lines", 1, "because", [["magic"]]), Tampered, "hypothesis"),
    "a hypothesis of no kind": (put("given", [["hope"]]), Tampered, "is no stored hypothesis"),
    "a hypothesis that is not needed": (
        put("given", [["unlike", "i", "j"]]),
        Tampered,
        "is stored",
    ),
    "something more": (put("extra", 1), Tampered, "extra is stored as"),
    "no lines": (put("lines", []), Tampered, "concludes nothing"),
}


@pytest.mark.parametrize(("change", "error", "message"), TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_is_refused(change, error, message):
    (text,) = stored("sum_one")
    content = json.loads(text)
    change(content)
    assert json.dumps(content, ensure_ascii=False) != text
    with pytest.raises(error, match=message):
        rebuild([json.dumps(content)])


def test_two_stored_derivations_of_one_name_are_refused():
    one, other = Derivation("one", Z / Z).then(1, "cancel"), Derivation("one", Z).then(Z, "same")
    assert len(rebuild(store(one) + store(one))) == 1
    with pytest.raises(Tampered, match="two derivations are called 'one'"):
        rebuild(store(one) + store(other))


NESTED = "[" * 100_000


@pytest.mark.parametrize(
    "text", [NESTED, "sum-one", '"sum-one"', "[]", "{}", '{"id": "sum-one"}', "NaN"]
)
def test_what_is_no_derivation_is_refused(text):
    with pytest.raises(Tampered, match="no stored derivation"):
        rebuild([text])


def test_a_derivation_that_was_forged_does_not_survive_storing():
    derivation = CHAINS["sum_one"]()
    forged = Derivation("forged", over(i, sigma[i])).then(1, derivation)
    line = copy.copy(forged.lines[0])
    object.__setattr__(line, "term", Term("number", (2,)))
    object.__setattr__(forged, "lines", (line,))
    assert str(forged.statement) == r"$\sum_{i} \sigma_{i} = 2$"
    with pytest.raises(Falsified, match="forged, line 1"):
        rebuild(store(forged))
