"""The library's reference: every public name once, with its claims, and links out and back."""

import html
import importlib
import inspect
import re
import zlib
from collections import Counter

import pytest
import yaml
from building import ROOT, ids_on

MODULES = ["", "claims", "dask", "derivations", "playground", "proofs"]
SETTINGS = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
OUTSIDE = SETTINGS["sphinx"]["config"]["intersphinx_mapping"]


def public_names() -> list[str]:
    paths = [".".join(filter(None, ["softmax_lib", module])) for module in MODULES]
    return [f"{path}.{name}" for path in paths for name in importlib.import_module(path).__all__]


def the(name: str) -> object:
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


@pytest.fixture(scope="module")
def inventory(site):
    """The addresses of what objects.inv has of Python, by name."""
    content = (site / "objects.inv").read_bytes().split(b"\n", maxsplit=4)[4]
    entries = (line.split() for line in zlib.decompress(content).decode().splitlines())
    # Those of rank -1 say where a name is defined, and lead to its public one.
    return {
        name: place
        for name, kind, rank, place, *_ in entries
        if kind.startswith("py:") and rank != "-1"
    }


def reference(site) -> dict[str, str]:
    return {
        f"book/reference/{path.name}": path.read_text(encoding="utf-8")
        for path in (site / "book" / "reference").glob("*.html")
    }


def test_every_public_name_is_described_once_and_nothing_else(site):
    signatures = re.findall(
        r'class="sig-prename[^>]*><span class="pre">(.+?)</span></span>'
        r'<span class="sig-name[^>]*><span class="pre">(.+?)</span>',
        "".join(reference(site).values()),
    )
    public = [name for name in public_names() if not inspect.ismodule(the(name))]
    assert Counter(map("".join, signatures)) == Counter(public)


def test_other_sites_find_every_public_name_in_the_inventory(inventory, site):
    for name in public_names():
        page, _, anchor = inventory[name].partition("#")
        assert page.startswith("book/reference/")
        assert anchor.replace("$", name) in ids_on(site / page)


def test_a_class_that_only_the_library_makes_shows_no_call(site):
    call = '<span class="pre">key</span></span><span class="o"><span class="pre">=</span>'
    assert not [page for page, text in reference(site).items() if call in text]


def test_a_source_is_cited_by_its_number(site):
    cited = [
        shown
        for text in reference(site).values()
        for shown in re.findall(r'href="#r[0-9a-f]{12}-\d"[^>]*><span>(.+?)</span>', text)
    ]
    assert cited
    assert all(re.fullmatch(r"\[\d\]", shown) for shown in cited)


def described(text: str, name: str) -> str:
    """Return what a page says of a name, up to the next one."""
    return re.split(r'<dl class="py ', text.partition(f'id="{name}"')[2])[0]


def claimed() -> dict[str, list[str]]:
    """Return the ids behind `Claims:` by the name whose docstring has them."""
    found = {}
    for name in public_names():
        documentation = inspect.getdoc(the(name)) or ""
        _, _, text = documentation.partition("\nClaims: ")
        if ids := re.findall("`(.+?)`", text.partition("\n\n")[0]):
            found[name] = ids
    return found


def test_a_name_shows_the_statements_that_it_rests_on_with_their_verdicts(site, inventory, claims):
    known = {claim["id"]: claim for claim in claims}
    pages = reference(site)
    for name, ids in claimed().items():
        text = described(pages[inventory[name].partition("#")[0]], name)
        assert "Claims:" not in text
        for claim in ids:
            page = known[claim]["page"].removeprefix("book/")
            assert f'href="../{page}"' in text, (name, claim)
            row = text.partition(f'href="../{page}"')[2].partition("</tr>")[0]
            for side in ("reals", "floats"):
                assert known[claim][side] in html.unescape(row), (name, claim)


def test_a_name_leads_to_the_chapters_that_lead_to_it(site, inventory):
    pages = reference(site)
    leading: dict[str, set[str]] = {}
    for path in sorted((site / "book").glob("*.html")):
        for name in re.findall(r'href="reference/\w+\.html#([\w.]+)"', path.read_text("utf-8")):
            leading.setdefault(name, set()).add(path.name)
    assert len(leading) > 10
    for name, chapters in leading.items():
        text = described(pages[inventory[name].partition("#")[0]], name)
        line = re.search('<p class="read-in">.*?</p>', text, re.DOTALL)
        assert set(re.findall(r'href="\.\./([\w-]+\.html)"', line[0])) == chapters, name


@pytest.mark.parametrize("project", OUTSIDE)
def test_an_inventory_of_another_project_has_the_names_that_are_used_and_no_other(project, site):
    address, path = OUTSIDE[project]
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    entries = (line.split() for line in lines if not line.startswith("#"))
    known = [f"{address}{place}#{name}" for name, _, place in entries]
    used = {
        link
        for path in (site / "book").rglob("*.html")
        for link in re.findall(rf'href="({re.escape(address)}[^"]+)"', path.read_text("utf-8"))
    }
    assert sorted(known) == sorted(used)
