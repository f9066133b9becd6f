"""Each claim is as it was reviewed, or the build stops and names what changed."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from chapters import GOOD, REGISTRY, box, chapter, earned, recorded, write_book
from ledger import LedgerError, read_ledger, review
from ledger.command import compared
from ledger.review import accept, check_review, facts_of, read_review, show

from softmax_lib.claims import Verdict, known_steps

BOOK = Path(__file__).parents[2] / "book"


@pytest.fixture
def book(tmp_path):
    """A book all of whose claims are as they were reviewed."""
    write_book(tmp_path, chapter())
    accept_all(tmp_path)
    return tmp_path


def accept_all(book):
    entries = read_ledger(book)
    for entry in entries:
        accept(book, entries, entry.claim)


def command(book, *arguments):
    whole = [sys.executable, Path(review.__file__).parent, "--book", book, *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


def test_the_book_s_claims_are_as_they_were_reviewed():
    check_review(BOOK, read_ledger(BOOK))


def test_what_was_accepted_is_no_change(book):
    check_review(book, read_ledger(book))


def weakened(claim, **changes):
    """A record whose evidence is another one."""
    cell = recorded(claim)
    (content,) = cell.outputs[0].data.values()
    content["floats"] |= changes
    return cell


def derived(claim, reason):
    """A record with a derivation of one line."""
    cell = recorded(claim)
    (content,) = cell.outputs[0].data.values()
    line = {"because": [reason, ["derivation", "shift"]]}
    stored = {"id": claim, "formula": "1 = 1", "hypotheses": "", "lines": [line]}
    content["derivations"] = [json.dumps(stored)]
    return cell


def test_the_reasons_of_a_derivation_are_reviewed(book):
    write_book(book, chapter(**{"sum-one": [box("sum-one"), derived("sum-one", "it is so")]}))
    accept_all(book)
    reasons = read_review(book)["sum-one"]["reasons"]
    assert reasons == 'sum-one: it is so; ["derivation", "shift"]'
    write_book(book, chapter(**{"sum-one": [box("sum-one"), derived("sum-one", "it is not")]}))
    with pytest.raises(LedgerError, match="'sum-one': the reasons of the derivations changed"):
        check_review(book, read_ledger(book))


ORDER = GOOD["order"]
NAN = '[nan]\nsays = "The plain sentence."\nasks = ["floats"]\n'
CHANGES = {
    "a sign in the words": (
        {"order": [box("order", "The statement −."), ORDER[1]]},
        "'order': the words of the statement changed since",
    ),
    "the title": (
        {"order": [retitled := box("order"), ORDER[1]]},
        "'order': the title changed since",
    ),
    "another step by hand": (
        {"order": [ORDER[0], recorded("order", steps=["squeeze"])]},
        "'order': the steps by hand changed since",
    ),
    "a step by hand less": (
        {"order": [ORDER[0], recorded("order")]},
        "'order': the steps by hand changed since",
    ),
    "the verdict over the reals": (
        {
            "order": [
                ORDER[0],
                recorded("order", reals="proved up to some K", steps=["monotone-exponential"]),
            ]
        },
        "'order': the verdict over the reals was “proved for every K”, and is “proved for some "
        "scope”",
    ),
    "a refutation": (
        {"sum-one": [box("sum-one"), recorded("sum-one", floats="holds")]},
        "'sum-one': the verdict in floating point was “breaks down: for example for 3. Instead: "
        "n is even”, and is “holds”",
    ),
    "a side that is still asked": (
        {"sum-one": [box("sum-one"), recorded("sum-one", floats=None)]},
        "'sum-one': the verdict in floating point was “breaks down: for example for 3. Instead: "
        "n is even”, and is “gap”",
    ),
    "the scope": (
        {"sum-one": [box("sum-one"), weakened("sum-one", scope="K = 1")]},
        "'sum-one': the scope in floating point changed since",
    ),
    "what holds instead": (
        {"sum-one": [box("sum-one"), weakened("sum-one", evidence=[])]},
        "'sum-one': what is checked in floating point changed since",
    ),
}
retitled.source = retitled.source.replace("Title of order", "Another title")


@pytest.mark.parametrize(("changed", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_named(changed, message, book):
    write_book(book, chapter(**changed))
    with pytest.raises(LedgerError) as error:
        check_review(book, read_ledger(book))
    first, *changes, advice = str(error.value).splitlines()
    assert first == "claims are not as they were reviewed:"
    assert message in changes[0]
    assert "python book/_extensions/ledger review ID" in advice


def test_a_side_that_is_no_longer_asked_is_named(book):
    silenced = REGISTRY.replace("[sum-one]", '[sum-one]\nasks = ["reals"]')
    cells = {"sum-one": [box("sum-one"), recorded("sum-one", floats=None)]}
    write_book(book, chapter(**cells), registry=silenced)
    with pytest.raises(
        LedgerError,
        match=r"'sum-one': .* was “breaks down: for example for 3. Instead: n is even”, and is “–”",
    ):
        check_review(book, read_ledger(book))


def test_a_claim_that_is_gone_is_named(book):
    write_book(book, chapter(nan=[]), registry=REGISTRY.replace(NAN, ""))
    with pytest.raises(LedgerError, match="'nan': it was reviewed, and is no longer in the book"):
        check_review(book, read_ledger(book))
    accept(book, read_ledger(book), "nan")
    check_review(book, read_ledger(book))


def test_another_plain_sentence_is_named(book):
    write_book(book, chapter(), registry=REGISTRY.replace(NAN, NAN.replace("plain", "new")))
    with pytest.raises(LedgerError, match="'nan': the plain sentence changed since"):
        check_review(book, read_ledger(book))


def test_a_new_claim_is_named(book):
    text = (book / "reviewed.toml").read_text(encoding="utf-8")
    (book / "reviewed.toml").write_text(text.replace("[nan]", "[none]"), encoding="utf-8")
    with pytest.raises(LedgerError, match="'nan': its words were never compared"):
        check_review(book, read_ledger(book))


def test_a_note_that_nothing_gives_is_named(book):
    with (book / "reviewed.toml").open("a", encoding="utf-8") as file:
        file.write("doubts = 'many'\n")
    with pytest.raises(LedgerError, match="': doubts changed since"):
        check_review(book, read_ledger(book))


def test_how_often_something_was_tried_is_not_reviewed(book):
    said = "$a$ for $b > 0$: {} for every K (held at {} points)", "n: even: {} in {} cases (n: 1)"

    def with_counts(proved, checked, count):
        evidence = [said[0].format(proved, count), said[1].format(checked, count), "they do"]
        return chapter(order=[box("order"), weakened("order", evidence=evidence)])

    write_book(book, with_counts("proved", "held", 7))
    order = {entry.claim: facts_of(entry) for entry in read_ledger(book)}["order"]
    assert order["floats-evidence"] == "$a$ for $b > 0$\nn: even\nthey do"
    accept_all(book)
    write_book(book, with_counts("well defined", "failed", 8))
    check_review(book, read_ledger(book))


def test_a_step_by_hand_that_says_something_else_is_a_change(book, monkeypatch):
    step = known_steps()["monotone-exponential"]
    changed = {step.id: replace(step, says="$e^x < e^y$.")}
    monkeypatch.setattr(review, "known_steps", lambda: known_steps() | changed)
    with pytest.raises(LedgerError, match="'order': the steps by hand changed since"):
        check_review(book, read_ledger(book))


def test_one_claim_is_accepted_and_no_other(book):
    both = {claim: [box(claim, "New."), GOOD[claim][1]] for claim in ("order", "sum-one")}
    write_book(book, chapter(**both))
    before = read_review(book)
    accept(book, read_ledger(book), "order")
    assert read_review(book) == before | {"order": before["order"] | {"words": "New."}}


TEXTS = [
    "plain",
    r"$\frac{1}{2}$",
    "it's",
    "two\nlines\\",
    "'",
    "ends in '",
    "three ''' of them",
    'a "word"',
    "a tab\tand\x07a bell\r\n",
    "narrow\xa0space",
    "\nbegins with a line",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_from_the_file(text, book):
    for entry in (entries := read_ledger(book)):
        object.__setattr__(entry, "statement", text)
        accept(book, entries, entry.claim)
    assert {facts["words"] for facts in read_review(book).values()} == {text}


def test_what_is_asked_for_stands_in_the_file_as_it_is(book):
    reviewed = tomllib.loads((book / "reviewed.toml").read_text(encoding="utf-8"))
    assert reviewed["nan"] == {
        "title": "Title of nan",
        "says": "The plain sentence.",
        "words": "The statement.",
        "reals": "–",
        "floats": "holds",
        "floats-scope": "some scope",
        "floats-evidence": "some evidence",
    }


@pytest.mark.parametrize("text", ["[sum-one", "[order]\n[order]", "order = 'fine'"])
def test_a_file_that_is_not_understood_is_named(text, book):
    (book / "reviewed.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LedgerError, match=r"reviewed\.toml"):
        check_review(book, read_ledger(book))


def test_old_and_new_are_shown_beside_what_is_proved(book):
    write_book(book, chapter(order=[box("order", "The new statement."), ORDER[1]]))
    shown = show(book, read_ledger(book), "order").splitlines()
    assert "- words = 'The statement.'" in shown
    assert "+ words = 'The new statement.'" in shown
    assert "  reals-evidence = 'some evidence'" in shown


def test_the_command_stops_at_a_changed_word_until_it_is_accepted(book):
    write_book(book, earned(chapter()))
    accept_all(book)
    write_book(book, earned(chapter(order=[box("order", "The new statement."), ORDER[1]])))
    stopped = command(book)
    assert stopped.returncode == 1
    assert "'order': the words of the statement changed" in stopped.stderr
    looked = command(book, "review", "order")
    assert (looked.returncode, "+ words = 'The new statement.'" in looked.stdout) == (0, True)
    assert command(book).returncode == 1
    assert command(book, "review", "order", "--accept").stdout.endswith("taken for reviewed\n")
    assert command(book).returncode == 0


def test_the_command_takes_one_id_that_there_is(book):
    assert "no claim 'sum-two'" in command(book, "review", "sum-two", "--accept").stderr
    assert "unrecognized arguments: order" in command(book, "review", "nan", "order").stderr


def test_the_commands_explain_themselves(book):
    assert "compare the words of a claim with what is proved" in command(book, "--help").stdout
    assert "take what stands now for reviewed" in command(book, "review", "--help").stdout


def test_two_ledgers_are_compared_claim_by_claim(book, tmp_path):
    old = read_ledger(book)
    assert "No claim and no verdict changes." in compared(old, old)
    worse, reworded, *_ = old
    new = [
        replace(worse, floats=Verdict.BREAKS_DOWN, where="z = 3", instead=("it holds",)),
        replace(reworded, statement="Other words."),
        replace(worse, claim="one-more"),
    ]
    shown = compared(old, new).splitlines()
    assert shown[0] == f"### The ledger: {len(old)} claims, now 3"
    (verdict,) = [line for line in shown if f"`{worse.claim}`: reals" in line]
    assert verdict.endswith("floats: breaks down: for example for z = 3. Instead: it holds")
    assert f"- `{reworded.claim}`: its words or its evidence changed" in shown
    assert any(line.startswith("- `one-more` is new: reals: ") for line in shown)
    gone = {entry.claim for entry in old[2:]}
    assert {f"- `{claim}` is gone" for claim in gone} <= set(shown)
    assert f"- `{worse.claim}`: its words or its evidence changed" in shown
