"""Registry, statement boxes and records fit together, or the ledger names the misfit."""

import copy
import subprocess
import sys
from pathlib import Path

import ledger
import pytest
from chapters import GOOD, REGISTRY, box, chapter, earned, recorded, write_book
from ledger import LedgerError, read_ledger
from ledger.command import main
from ledger.review import accept
from nbformat.v4 import new_code_cell, new_markdown_cell

from softmax_lib.claims import RECORD_TYPE, Verdict
from softmax_lib.derivations import Cited, Derivation, store
from softmax_lib.derivations.vocabulary import a, mean_v, over, sigma, v


@pytest.fixture
def read(tmp_path: Path):
    def read(*chapters, registry=REGISTRY):
        write_book(tmp_path, *chapters, registry=registry)
        return read_ledger(tmp_path)

    return read


def test_claims_with_a_gap_come_first(read):
    assert [entry.claim for entry in read(chapter())] == ["later", "sum-one", "order", "nan"]


def test_a_claim_without_a_chapter_is_a_gap(read):
    later = read(chapter())[0]
    assert (later.reals, later.floats, later.statement) == ("gap", "gap", "It is not proved yet.")


def test_verdicts_scope_and_steps_come_from_the_record(read):
    order = next(entry for entry in read(chapter()) if entry.claim == "order")
    assert (order.reals, order.floats) == (Verdict.PROVED, Verdict.BREAKS_DOWN)
    assert order.scope == {"reals": "some scope", "floats": "some scope"}
    assert order.steps == ("monotone-exponential",)


def test_title_and_statement_come_from_the_box(read):
    changed = {"sum-one": [box("sum-one", "They add up.\n\nTo $1$."), recorded("sum-one")]}
    entry = next(entry for entry in read(chapter(**changed)) if entry.claim == "sum-one")
    assert (entry.title, entry.statement) == ("Title of sum-one", "They add up.\n\nTo $1$.")


def test_a_title_may_have_braces(read):
    titled = box("order")
    titled.source = titled.source.replace("Title of order", "The order of $z_{i}$")
    entries = read(chapter(order=[titled, recorded("order")]))
    assert "The order of $z_{i}$" in [entry.title for entry in entries]


def test_an_entry_says_in_json_what_it_holds(read):
    order = next(entry for entry in read(chapter()) if entry.claim == "order")
    assert order.as_json("chapter-0.html") == {
        "id": "order",
        "says": "The plain sentence.",
        "statement": "The statement.",
        "reals": "proved for every K",
        "floats": "breaks down",
        "where": "3",
        "instead": ["n is even"],
        "scope": "reals: some scope; floats: some scope",
        "steps": ["monotone-exponential"],
        "page": "chapter-0.html",
    }
    assert order.evidence == {"reals": ["some evidence"], "floats": ["some evidence"]}
    assert order.counts["floats"] == {"cases": 20, "refused": 3}
    assert order.notebook.name == "chapter-0.ipynb"


def test_a_side_that_is_not_asked_is_no_gap(read):
    nan = next(entry for entry in read(chapter()) if entry.claim == "nan")
    assert (nan.reals, nan.has_gap) == (Verdict.NOT_ASKED, False)


def test_a_side_that_is_owed_is_a_gap(read):
    changed = {"order": [box("order"), recorded("order", floats=None)]}
    order = read(chapter(**changed))[0]
    assert (order.claim, order.floats) == ("order", Verdict.GAP)


def test_the_evidence_begins_with_the_first_code_cell_after_the_statement(read):
    cells = [new_code_cell("before"), box("sum-one"), new_markdown_cell("text")]
    cells += [new_code_cell("proof"), recorded("sum-one"), *GOOD["order"], *GOOD["nan"]]
    entry = next(entry for entry in read(cells) if entry.claim == "sum-one")
    assert entry.evidence_cell == 3


def without_steps(claim):
    cell = recorded(claim)
    (content,) = cell.outputs[0].data.values()
    del content["steps"]
    return cell


MISFITS = {
    "a statement without a record": (
        [chapter(order=[box("order")])],
        "'order' is stated and has no record",
    ),
    "a record without a statement": (
        [chapter(order=[recorded("order")])],
        "'order' has a record and no statement box",
    ),
    "an unknown statement": (
        [[*chapter(), box("sum-two"), recorded("sum-one")]],
        "statement box for the unknown id 'sum-two'",
    ),
    "an unknown record": (
        [[*chapter(), recorded("sum-two")]],
        "record for the unknown id 'sum-two'",
    ),
    "a claim stated twice": (
        [[*chapter(), box("order")]],
        "'order' has 2 of a statement box",
    ),
    "a claim stated in two chapters": ([chapter(), [box("order")]], "chapter-1.ipynb, cell 0"),
    "a claim recorded twice": ([[*chapter(), recorded("order")]], "'order' has 2 of a record"),
    "a statement without a label": (
        [[*chapter(), new_markdown_cell("```{prf:theorem} Title\n\nText.\n```")]],
        "a statement box without a label",
    ),
    "a record before its statement": (
        [chapter(order=[recorded("order"), box("order")])],
        "the record of 'order' does not come after its statement",
    ),
    "a record in another chapter": (
        [chapter(order=[box("order")]), [recorded("order")]],
        "the record of 'order' does not come after its statement",
    ),
    "a verdict that was not asked for": (
        [chapter(nan=[box("nan"), recorded("nan")])],
        "'nan' has a verdict for reals, and asks for none",
    ),
    "a step that is on no list": (
        [chapter(order=[box("order"), recorded("order", steps=["obvious"])])],
        "'obvious' is no step by hand that is known, of 'order'",
    ),
    "a record of an older form": (
        [chapter(order=[box("order"), without_steps("order")])],
        "the record of 'order' has an older form; run make notebooks",
    ),
    "a claim that is nowhere stated": (
        [chapter(order=[])],
        "the title of 'order' stands neither here nor in a chapter",
    ),
    "a claim that is stated twice over": (
        [[*chapter(), box("later"), recorded("later")]],
        "the title of 'later' stands both here and in a chapter",
    ),
}


@pytest.mark.parametrize(("chapters", "message"), MISFITS.values(), ids=MISFITS.keys())
def test_a_misfit_is_named(chapters, message, read):
    with pytest.raises(LedgerError) as error:
        read(*chapters)
    assert message in str(error.value)


def test_an_empty_list_of_claims_is_a_misfit(read):
    with pytest.raises(LedgerError, match=r"claims.toml lists no claim"):
        read(registry="")


@pytest.mark.parametrize("says", [None, "", "x" * 141])
def test_a_claim_without_a_plain_sentence_is_a_misfit(says, read):
    line = "" if says is None else f'says = "{says}"\n'
    registry = REGISTRY.replace('[order]\nsays = "The plain sentence."\n', f"[order]\n{line}")
    with pytest.raises(LedgerError, match=r"'order' needs `says`, .* at most 140 characters"):
        read(chapter(), registry=registry)


def test_a_plain_sentence_of_the_greatest_length_is_none(read):
    registry = REGISTRY.replace("The plain sentence.", "x" * 140)
    assert {entry.says for entry in read(chapter(), registry=registry)} >= {"x" * 140}


def test_a_number_that_is_typed_into_a_plain_sentence_is_a_misfit(read):
    registry = REGISTRY.replace("The plain sentence.", "It holds up to 88.")
    with pytest.raises(LedgerError, match="'order' has a number that was typed, 88"):
        read(chapter(), registry=registry)


CITED = Cited("jensen1906", "the mean of squares is at least the square of the mean")


def test_a_derivation_cites_what_the_bibliography_has(read, tmp_path):
    squares = Derivation("squares", over(a, sigma[a] * v[a] ** 2)).then(mean_v**2, CITED, "≥")
    cell = recorded("order")
    cell.outputs[0].data[RECORD_TYPE]["derivations"] = store(squares)
    chapters = chapter(order=[box("order"), cell])
    source = "in line 1 of 'squares', on 'jensen1906', which is not in references.bib"
    with pytest.raises(LedgerError, match=rf"cell 3: 'order' rests, {source}"):
        read(chapters)
    (tmp_path / "references.bib").write_text("@article{jensen1906,\n}\n", encoding="utf-8")
    assert read(chapters)


def test_an_id_that_is_listed_twice_is_a_misfit(read):
    with pytest.raises(LedgerError, match=r"claims.toml cannot be read: .*order"):
        read(chapter(), registry=REGISTRY + "[order]\n")


def test_a_verdict_word_that_no_check_gives_is_a_misfit(read):
    with pytest.raises(LedgerError, match="'obviously true' is no verdict"):
        read(chapter(order=[box("order"), recorded("order", reals="obviously true")]))


def test_a_registry_key_that_is_not_known_is_a_misfit(read):
    with pytest.raises(LedgerError, match="'order' is none of title, says, asks"):
        read(chapter(), registry=REGISTRY.replace("[order]", '[order]\nverdict = "proved"'))


def test_a_place_that_two_records_fill_differently_is_a_misfit(read):
    cells = copy.deepcopy(chapter())
    for count, cell in enumerate(cell for cell in cells if cell.get("outputs")):
        cell.outputs[0].data[RECORD_TYPE]["numbers"] = {"bound": [str(count)]}
    with pytest.raises(LedgerError, match=r"cell 3: 'bound' is another number in another record"):
        read(cells)


@pytest.mark.parametrize("asks", ["[]", '["real"]'])
def test_asking_for_nothing_that_there_is_is_a_misfit(asks, read):
    with pytest.raises(LedgerError, match=r"'order' asks for \["):
        read(chapter(), registry=REGISTRY.replace("[order]", f"[order]\nasks = {asks}"))


def test_a_folder_without_a_registry_is_named(tmp_path):
    with pytest.raises(LedgerError, match=r"claims.toml cannot be read: .*No such file"):
        read_ledger(tmp_path)


def test_a_file_that_is_no_notebook_is_named(read, tmp_path):
    (tmp_path / "broken.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"broken.ipynb is no notebook"):
        read(chapter())


def test_the_command_counts_the_verdicts(read, tmp_path, monkeypatch, capsys):
    entries = read(earned(chapter()))
    for entry in entries:
        accept(tmp_path, entries, entry.claim)
    monkeypatch.setattr(sys, "argv", ["ledger", "--book", str(tmp_path)])
    main()
    assert capsys.readouterr().out.splitlines() == [
        "4 claims, 1 of them with a gap",
        "reals: proved for every K 2; gap 1; – 1",
        "floats: breaks down 2; gap 1; holds 1",
    ]


def test_the_command_s_help_says_what_it_reads(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["claims", "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert "usage: python book/_extensions/ledger [-h] [--book BOOK] VERB ...\n" in shown
    assert "read the ledger, and say how it stands" in shown
    assert "folder of the chapters and of claims.toml\n" in shown


def test_the_command_ends_with_what_is_wrong(read, tmp_path, monkeypatch):
    read(chapter())
    (tmp_path / "claims.toml").write_text("[sum-one]", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["ledger", "--book", str(tmp_path)])
    with pytest.raises(SystemExit, match="unknown id 'order'"):
        main()


def test_the_command_shows_no_traceback(read, tmp_path):
    read(chapter())
    (tmp_path / "claims.toml").write_text("[sum-one]", encoding="utf-8")
    whole = [sys.executable, Path(ledger.__file__).parent, "--book", tmp_path]
    outcome = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert "unknown id 'order'" in outcome.stderr
    assert "Traceback" not in outcome.stderr
