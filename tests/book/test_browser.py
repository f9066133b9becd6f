"""Every page in a real browser: nothing from elsewhere, no error, all formulas typeset."""

import contextlib
import itertools

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import NARROW, WIDE, Visit, served
from building import ROOT
from playwright.sync_api import Error

from softmax_lib import softmax

PAGES = sorted(
    path.relative_to(ROOT).with_suffix(".html").as_posix()
    for path in (ROOT / "book").iterdir()
    if path.suffix in {".ipynb", ".md"}
)


@pytest.fixture(scope="session")
def address(site):
    with served(site) as address:
        yield address


# Not the book's: the theme's logo stands outside of all landmarks, and docutils gives a
# bibliography roles that are deprecated.
KNOWN = {
    ("region", "navbar-brand"),
    ("aria-allowed-role", "doc-biblioentry"),
    ("aria-deprecated-role", "doc-biblioentry"),
    ("aria-required-children", "citation-list"),
}


def violations(visit):
    """Yield what axe finds beyond what is known, as (rule, nodes)."""
    for violation in Axe().run(visit.page).response["violations"]:
        nodes = [
            node["html"]
            for node in violation["nodes"]
            if not any(violation["id"] == rule and mark in node["html"] for rule, mark in KNOWN)
        ]
        if nodes:
            yield violation["id"], nodes


def abridge(visit):
    """Put a word for every formula and every listing: they have thousands of nodes, all alike."""
    visit.page.evaluate(
        """document.querySelectorAll("mjx-container, .highlight pre")
                   .forEach((node) => node.replaceWith("abridged"))"""
    )


@pytest.fixture(
    scope="module",
    params=itertools.product(PAGES, ["light", "dark"]),
    ids=lambda choice: " ".join(choice),
)
def visit(request, chromium, address):
    """Each page in each scheme, its formulas typeset; the tests share it, in their order."""
    page, scheme = request.param
    with Visit(chromium, address, page, scheme) as visit:
        visit.name, visit.scheme = page, scheme
        visit.typeset()
        yield visit


def test_all_formulas_are_typeset(visit):
    formulas, typeset = visit.typeset()
    assert typeset == formulas


def test_the_page_has_a_language_and_the_scheme_that_is_preferred(visit):
    root = visit.page.locator("html")
    assert root.get_attribute("lang") == "en"
    assert root.get_attribute("data-theme") == visit.scheme


def test_a_narrow_window_needs_no_scrolling_sideways(visit):
    visit.page.set_viewport_size({"width": NARROW, "height": 900})
    overflow = visit.overflow()
    visit.page.set_viewport_size({"width": WIDE, "height": 900})
    assert overflow <= 0


def test_the_page_needs_nobody_elses_server(visit):
    assert visit.outside == []


def test_the_page_complains_of_nothing(visit):
    assert visit.complaints == []


def test_the_page_is_accessible(visit):
    if visit.name != "book/intro.html":  # whose listings stand for those of all pages
        abridge(visit)
    assert list(violations(visit)) == []


def test_search_finds_a_term(chromium, address):
    with Visit(chromium, address, "search.html?q=sparsemax") as visit:
        visit.page.wait_for_selector("#search-results li a")
        assert "Why softmax" in visit.page.inner_text("#search-results")


def test_the_theme_that_was_chosen_holds_on_the_next_page(chromium, address):
    with Visit(chromium, address, PAGES[0], "light") as visit:
        theme = "document.documentElement.dataset.theme"
        for _ in range(3):  # as many as there are themes, "auto" among them
            if visit.page.evaluate(theme) != "dark":
                visit.page.locator("button.theme-switch-button").first.click()
        visit.page.goto(f"{address}/{PAGES[1]}")
        assert visit.page.evaluate(theme) == "dark"


def numbers(locator):
    return [float(text.replace("−", "-")) for text in locator.all_inner_texts()]


def test_a_key_moves_a_slider_and_the_numbers_are_those_of_softmax(chromium, address):
    with Visit(chromium, address, "book/intro.html") as visit:
        playground = visit.page.locator("softmax-playground")
        slider = playground.get_by_role("slider", name="z₂, logit 2")
        for key, moved_to in (("ArrowRight", 1.1), ("Home", -5), ("End", 5)):
            slider.press(key)
            logits = numbers(playground.locator(".logit"))
            assert logits == [2, moved_to, 0]
            # Four digits are shown.
            shown = numbers(playground.locator(".probability"))
            np.testing.assert_allclose(shown, softmax(logits), rtol=5e-4)


FAULTS = {
    "an image from elsewhere": '<img src="http://example.org/x.png" alt="">',
    "a script from elsewhere": '<script src="https://example.org/x.js"></script>',
    "a file that is missing": '<img src="missing.png" alt="">',
    "an error in a script": "<script>missing()</script>",
}


@pytest.fixture
def spoilt(chromium, tmp_path):
    """Visit a page with a fault, on a server of its own."""
    with contextlib.ExitStack() as stack:

        def visit(body):
            (tmp_path / "page.html").write_text(f"<title>x</title>{body}", encoding="utf-8")
            address = stack.enter_context(served(tmp_path))
            return stack.enter_context(Visit(chromium, address, "page.html"))

        yield visit


@pytest.mark.parametrize("fault", FAULTS)
def test_the_harness_sees(spoilt, fault):
    visit = spoilt(FAULTS[fault])
    visit.page.wait_for_load_state("networkidle")
    assert bool(visit.outside) == ("elsewhere" in fault)
    assert visit.complaints


@pytest.mark.parametrize(
    "formula", ["x", "<mjx-container><mjx-merror>x</mjx-merror></mjx-container>"]
)
def test_the_harness_sees_a_formula_that_did_not_come_out(spoilt, formula):
    assert spoilt(f'<span class="math">{formula}</span>').typeset() == [1, 0]


def test_the_harness_sees_a_page_that_is_too_wide(spoilt):
    assert spoilt('<div style="width: 2000px">x</div>').overflow() > 0


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("image-alt", '<main><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></main>'),
        ("color-contrast", '<main style="color: #999; background: #fff">pale</main>'),
    ],
)
def test_the_harness_sees_what_cannot_be_read(spoilt, rule, body):
    assert rule in dict(violations(spoilt(body)))


def test_no_other_host_is_reached(chromium):
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        Visit(chromium, "http://example.org", "")
