"""The site builds without a warning, and shows on every page what the records say."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from building import ROOT, build

from softmax_lib.claims import Verdict

SOURCES = ("book", "_config.yml", "_toc.yml")


@pytest.fixture(scope="module")
def claims(site):
    return json.loads((site / "claims.json").read_text(encoding="utf-8"))


def ids_on(page: Path) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))


def chapters() -> list[str]:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [contents["root"], *files]


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
    keys = {"id", "statement", "reals", "floats", "scope", "lemma", "page"}
    assert all(set(claim) == keys for claim in claims)


def test_claims_json_speaks_in_verdict_words(claims):
    words = {claim[side] for claim in claims for side in ("reals", "floats")}
    assert words <= {str(verdict) for verdict in Verdict}


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


def test_no_page_shows_an_unresolved_role(site):
    for chapter in chapters():
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        assert not re.search(r"\{(prf:ref|glue:\w+|reals|floats|cite:\w)\}", text), chapter


@pytest.fixture
def copy(tmp_path):
    """A copy of the book's sources, to plant a fault in."""
    for source in SOURCES:
        origin = ROOT / source
        (shutil.copytree if origin.is_dir() else shutil.copy)(origin, tmp_path / source)
    return tmp_path


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


def test_a_verdict_of_an_unknown_claim_stops_the_build(copy):
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/ledger\n", encoding="utf-8")
    with (copy / "book" / "ledger.md").open("a", encoding="utf-8") as page:
        page.write("\nSee {reals}`sum-two`.\n")
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    assert "no claim 'sum-two' in the ledger" in outcome.stdout + outcome.stderr


def test_a_citation_without_an_entry_stops_the_build(copy):
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/ledger\n", encoding="utf-8")
    notebook = copy / "book" / "questions.ipynb"
    text = notebook.read_text(encoding="utf-8")
    assert "{cite:p}`renze2024`" in text
    notebook.write_text(text.replace("`renze2024`", "`nobody2024`"), encoding="utf-8")
    outcome = build(copy, copy)
    assert outcome.returncode != 0
    assert "nobody2024" in outcome.stdout + outcome.stderr
