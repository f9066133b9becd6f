"""The site builds without a warning, and shows on every page what the records say."""

import html
import json
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from building import ROOT, SITE_URL, build, copied, ids_on
from ledger import read_ledger
from ledger.places import PLACE
from ledger.review import accept

from softmax_lib.claims import Verdict, known_steps
from softmax_lib.derivations.vocabulary import symbol_table


def asked_on(path: Path) -> dict[str, list[str]]:
    """Return the anchors of a notebook's questions, each with other words for it."""
    cells = nbformat.read(path, as_version=4).cells
    return {
        anchor: cell.metadata.get("asked", [])
        for cell in cells
        for anchor in re.findall(r"^\((question-[\w-]+)\)=$", cell.source, re.MULTILINE)
    }


def chapters() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    for entry in entries:
        entries += entry.get("sections", [])
    return [contents["root"], *(entry["file"] for entry in entries)]


def test_every_notebook_is_a_chapter_and_lies_in_the_folder_itself():
    notebooks = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in (ROOT / "book").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert notebooks <= set(chapters())


def test_every_chapter_is_a_page(site):
    assert all((site / f"{chapter}.html").exists() for chapter in chapters())


def test_every_listed_claim_is_in_claims_json(claims):
    listed = tomllib.loads((ROOT / "book" / "claims.toml").read_text(encoding="utf-8"))
    assert sorted(claim["id"] for claim in claims) == sorted(listed)


def test_claims_json_has_the_promised_keys(claims):
    keys = {
        "id",
        "says",
        "statement",
        "reals",
        "floats",
        "where",
        "instead",
        "scope",
        "steps",
        "page",
    }
    assert all(set(claim) == keys for claim in claims)


def test_the_ledger_says_each_claim_plainly_and_folds_its_statement(site, claims):
    ledger = (site / "book/ledger.html").read_text(encoding="utf-8")
    for claim in claims:
        row = ledger.partition(f'id="claim-{claim["id"]}"')[2].partition("</tr>")[0]
        open_part, _, folded = row.partition("<details")
        assert claim["says"] in html.unescape(open_part).replace(
            "\N{RIGHT SINGLE QUOTATION MARK}", "'"
        )
        assert "Statement and evidence" in folded
        assert r"\(" not in open_part


def test_claims_json_speaks_in_verdict_words(claims):
    words = {claim[side] for claim in claims for side in ("reals", "floats")}
    proved_up_to = {word for word in words if re.fullmatch(r"proved for K ≤ \d+", word)}
    assert words - proved_up_to <= {str(verdict) for verdict in Verdict}


def test_claims_json_says_what_holds_where_a_claim_does_not(claims):
    for claim in claims:
        assert bool(claim["where"]) == (claim["floats"] == Verdict.BREAKS_DOWN)
        fails = claim["floats"] in (Verdict.BREAKS_DOWN, Verdict.HOLDS_UP_TO_ROUNDING)
        assert bool(claim["instead"]) == fails


def test_no_place_stays_empty_in_claims_json(claims):
    assert not [claim for claim in claims if PLACE.search(claim["says"] + claim["statement"])]


def test_a_box_shows_the_numbers_of_its_check(site):
    page = (site / "book/numerical-stability.html").read_text(encoding="utf-8")
    box = re.search(r'id="overflow-table">.*?claim-verdicts', page, re.DOTALL)[0]
    assert r"\(\displaystyle 22\,026\)" in box
    assert r"\(\displaystyle 5.18 \times 10^{21}\)" in box


def test_a_formula_that_stands_alone_in_a_box_is_displayed(site):
    page = (site / "book/formula.html").read_text(encoding="utf-8")
    boxes = {
        claim: re.search(rf'id="{claim}">.*?claim-verdicts', page, re.DOTALL)[0]
        for claim in ("formula", "sum-one")
    }
    assert (
        r"\[\displaystyle \sigma_{i} = \frac{e^{z_{i}}}{\sum_{a} e^{z_{a}}}\]" in boxes["formula"]
    )
    assert r"\(\displaystyle \sum_{i} \sigma_{i} = 1\)" in boxes["sum-one"]


def test_the_glossary_has_a_row_for_every_symbol_of_the_vocabulary(site, claims):
    pages = {claim["id"]: claim["page"].removeprefix("book/") for claim in claims}
    page = (site / "book/glossary.html").read_text(encoding="utf-8")
    (table,) = re.findall(r'<table class="[^"]*symbol-table.*?</table>', page, re.DOTALL)
    for row in symbol_table():
        assert f"\\({html.escape(row.latex)}\\)" in table
        assert not row.claim or f'href="{pages[row.claim]}"' in table


def test_punctuation_stays_with_the_formula_before_it(site):
    for chapter in chapters():
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        marks = re.findall(r'(.{22})<span class="math notranslate[^>]*>[^<]*</span>[.,;:)]', text)
        assert all(before.endswith('"kept-together">') for before in marks), chapter


def test_gaps_come_first(claims):
    gaps = ["gap" in (claim["reals"], claim["floats"]) for claim in claims]
    assert gaps == sorted(gaps, reverse=True)


def test_every_claim_leads_to_an_anchor_that_exists(site, claims):
    for claim in claims:
        page, _, anchor = claim["page"].partition("#")
        assert anchor in ids_on(site / page), claim["id"]


def test_every_claim_has_a_row_in_the_ledger(site, claims):
    assert {f"claim-{claim['id']}" for claim in claims} <= ids_on(site / "book/ledger.html")


def test_every_statement_box_shows_its_verdicts_linked_to_its_row(site, claims):
    for claim in claims:
        page, _, anchor = claim["page"].partition("#")
        if page == "book/ledger.html":
            continue
        text = (site / page).read_text(encoding="utf-8")
        box = re.search(rf'id="{anchor}">.*?claim-verdicts.*?</p>', text, re.DOTALL)
        shown = re.findall(r'href="([^"]+)"[^>]*>\s*<span class="verdict[^>]*>([^<]+)<', box[0])
        expected = [claim[side] for side in ("reals", "floats") if claim[side] != "–"]
        assert shown == [(f"ledger.html#claim-{claim['id']}", word) for word in expected]


def test_the_ledger_links_to_statement_and_proof(site, claims):
    ledger = (site / "book/ledger.html").read_text(encoding="utf-8")
    for claim in claims:
        page, _, anchor = claim["page"].partition("#")
        if page != "book/ledger.html":
            address = Path(page).name
            assert f'href="{address}#{anchor}"' in ledger
            assert f'href="{address}#evidence-{anchor}"' in ledger
            assert f"evidence-{anchor}" in ids_on(site / page)


def test_every_step_by_hand_is_stated_once_and_linked_with_its_claims(site, claims):
    page = (site / "book/human-steps.html").read_text(encoding="utf-8")
    ledger = (site / "book/ledger.html").read_text(encoding="utf-8")
    assert len(re.findall(r'id="step-[^"]+"', page)) == len(known_steps())
    for claim in claims:
        for step in claim["steps"]:
            assert f'href="human-steps.html#step-{step}"' in ledger
            after = page.partition(f'id="step-{step}"')[2].partition('id="step-')[0]
            assert f'href="ledger.html#claim-{claim["id"]}"' in after


def test_no_page_shows_an_unresolved_role(site):
    for chapter in chapters():
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        assert not re.search(r"\{(prf:ref|glue:\w+|reals|floats|cite:\w)\}", text), chapter


def test_every_claim_is_in_the_index_with_both_verdicts(site, claims):
    index = (site / "book/index-of-claims.html").read_text(encoding="utf-8")
    for claim in claims:
        page, _, anchor = claim["page"].partition("#")
        assert f'href="{Path(page).name}#{anchor}"' in index, claim["id"]
        asked = [side for side in ("reals", "floats") if claim[side] != "–"]
        assert index.count(f'href="ledger.html#claim-{claim["id"]}"') >= len(asked), claim["id"]


def test_the_front_page_has_a_card_for_each_chapter_with_its_question(site):
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    front = (site / "book/intro.html").read_text(encoding="utf-8")
    cards = re.findall(
        r'class="sd-card .*?sd-card-text">(.*?)</p>.*?sd-stretched-link.*?href="([^"]+)"',
        front,
        re.DOTALL,
    )
    chapters = [
        Path(chapter["file"]).name for part in contents["parts"][:2] for chapter in part["chapters"]
    ]
    assert [href for _, href in cards] == [f"{name}.html" for name in chapters]
    assert all("?" in question for question, _ in cards)


def test_every_page_has_a_title_a_description_and_a_card_for_others_to_show(site):
    titles = []
    for chapter in chapters():
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        (title,) = re.findall(r"<title>([^<]+)</title>", text)
        titles.append(title)
        (description,) = re.findall(r'<meta name="description" content="([^"]+)"', text)
        assert len(description) > 50, chapter
        (url,) = re.findall(r'<meta property="og:url" content="([^"]+)"', text)
        assert url == f"{SITE_URL}{chapter}.html"
        (image,) = re.findall(r'<meta property="og:image" content="([^"]+)"', text)
        assert (site / image.removeprefix(SITE_URL)).exists()
    assert len(set(titles)) == len(titles)


def questions() -> dict[str, str]:
    """Return on which page each question stands."""
    return {
        anchor: path.stem for path in (ROOT / "book").glob("*.ipynb") for anchor in asked_on(path)
    }


def test_the_door_leads_to_every_question_once(site):
    door = (site / "book/questions.html").read_text(encoding="utf-8")
    found = re.findall(r'href="([\w-]+)\.html#(question-[\w-]+)"', door)
    assert sorted(found) == sorted((page, anchor) for anchor, page in questions().items())


def test_every_question_has_title_answer_and_address_for_machines(site):
    told = {}
    for page in set(questions().values()):
        text = (site / f"book/{page}.html").read_text(encoding="utf-8")
        (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
        for entry in json.loads(script)["mainEntity"]:
            address, _, anchor = entry["url"].partition("#")
            assert address == f"{SITE_URL}book/{page}.html"
            assert anchor in ids_on(site / f"book/{page}.html")
            told[anchor] = entry
    assert told.keys() == questions().keys()
    assert all(entry["name"].endswith("?") for entry in told.values())
    assert all(len(entry["acceptedAnswer"]["text"]) > 50 for entry in told.values())


def test_every_question_is_typed_by_someone_in_other_words():
    typed = tomllib.loads((ROOT / "tests/book/questions.toml").read_text(encoding="utf-8"))
    assert typed.keys() == questions().keys()
    for path in (ROOT / "book").glob("*.ipynb"):
        for anchor, words in asked_on(path).items():
            assert not set(words) & set(typed[anchor]), anchor


def test_the_sitemap_lists_every_page(site):
    sitemap = (site / "sitemap.xml").read_text(encoding="utf-8")
    listed = set(re.findall(r"<loc>([^<]+)</loc>", sitemap))
    assert listed >= {f"{SITE_URL}{chapter}.html" for chapter in chapters()}
    assert all((site / address.removeprefix(SITE_URL)).exists() for address in listed)


def test_an_address_that_is_none_stops_the_build(copy):
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/references\n", encoding="utf-8")
    outcome = build(copy, copy, SITE_URL="book.example")
    assert outcome.returncode != 0
    assert "SITE_URL must be an address" in outcome.stdout + outcome.stderr


@pytest.fixture
def copy(tmp_path):
    """A copy of the book's sources, to plant a fault in."""
    return copied(tmp_path)


def test_a_statement_without_a_record_stops_the_build(copy):
    path = copy / "book" / "formula.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and '"sum-one"' in cell.source:
            cell.outputs = []
    nbformat.write(notebook, path)
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    assert "'sum-one' is stated and has no record" in outcome.stdout + outcome.stderr


def test_a_word_that_was_not_reviewed_stops_the_build(copy):
    statement = "{says}`sum-one` exactly"
    change(copy / "book" / "formula.ipynb", statement, "{says}`sum-one` roughly")
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    told = outcome.stdout + outcome.stderr
    assert "'sum-one': the words of the statement changed since" in told


STRAY_BOX = """
:::{{prf:{kind}}} Sum
:label: {label}
The sum is 1.
:::
"""


@pytest.mark.parametrize(("kind", "label"), [("theorem", "sum-two"), ("lemma", "stray")])
def test_a_statement_that_the_ledger_does_not_find_stops_the_build(kind, label, copy):
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/references\n", encoding="utf-8")
    with (copy / "book" / "references.md").open("a", encoding="utf-8") as page:
        page.write(STRAY_BOX.format(kind=kind, label=label))
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    assert f"statement box '{label}' is not in the ledger" in outcome.stdout + outcome.stderr


def change(path: Path, right: str, wrong: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a build tells of faults that it does not stop at: each of them would make it fail."""
    copy = copied(tmp_path_factory.mktemp("faults"))
    contents = "format: jb-book\nroot: book/ledger\nchapters: [{file: book/glossary}]\n"
    (copy / "_toc.yml").write_text(contents, encoding="utf-8")
    change(copy / "book" / "glossary.md", "* - $u$", "* - $T$")
    with (copy / "book" / "ledger.md").open("a", encoding="utf-8") as page:
        page.write("\nSee {reals}`sum-two`.\n")
    notebook = copy / "book" / "questions-sampling.ipynb"
    change(notebook, "{cite:p}`renze2024`", "{cite:p}`nobody2024`")
    accept(copy / "book", read_ledger(copy / "book"), "t-practice")
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    warnings = re.findall(r"(?:WARNING|ERROR): .*", outcome.stdout + outcome.stderr)
    return "\n".join(warnings)


def test_a_symbol_that_is_typed_and_in_the_vocabulary_stops_the_build(told):
    assert "T is typed, and stands in the vocabulary" in told


def test_a_verdict_of_an_unknown_claim_stops_the_build(told):
    assert "no claim 'sum-two' in the ledger" in told


def test_a_citation_without_an_entry_stops_the_build(told):
    assert "nobody2024" in told
