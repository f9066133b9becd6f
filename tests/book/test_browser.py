"""Every page in a real browser: nothing from elsewhere, no error, all formulas typeset."""

import gzip
import re
import tomllib
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import pytest
from browsing import COLOURS, NARROW, WIDE, Visit, served
from building import ROOT, SITE_URL, ids_on
from playwright.sync_api import Error, expect

from softmax_lib import scaled_dot_product_attention, softmax, softmax_jacobian
from softmax_lib.playground import AttentionPlayground

PAGES = sorted(
    path.relative_to(ROOT).with_suffix(".html").as_posix()
    for folder in ("book", "book/reference")
    for path in (ROOT / folder).iterdir()
    if path.suffix in {".ipynb", ".md"}
)
FRONT_PAGE = "book/intro.html"


@pytest.fixture(scope="session")
def address(site, tmp_path_factory):
    """Where the site is served: below the path that it was built for."""
    root = tmp_path_factory.mktemp("root")
    path = urlsplit(SITE_URL).path.strip("/")
    (root / path).symlink_to(site)
    with served(root) as address:
        yield f"{address}/{path}"


# Not the book's: the theme's logo and its text stand outside of all landmarks.
MARKS = ("navbar-brand", "logo__title")


def violations(visit, *rules):
    """Yield what axe finds beyond what is known, as (rule, nodes)."""
    for rule, found in visit.violations(*rules):
        theirs = MARKS if rule == "region" else ()
        if nodes := [node for node in found if not any(mark in node for mark in theirs)]:
            yield rule, nodes


def abridge(visit):
    """Put a word for every formula and every listing: they have thousands of nodes, all alike."""
    visit.page.evaluate(
        """document.querySelectorAll("mjx-container, .highlight pre")
                   .forEach((node) => node.replaceWith("abridged"))"""
    )


@pytest.fixture(scope="session")
def visits(chromium, address):
    """Visit pages that leave nothing behind, one after another."""
    with Visit(chromium, address) as tab:
        yield tab


@pytest.fixture(scope="module", params=[*PAGES, "404.html", "genindex.html", "search.html"])
def visit(request, visits):
    """Each page, its formulas typeset; the tests share it, in their order."""
    visits.open(request.param)
    visits.name = request.param
    visits.typeset()
    return visits


def test_all_formulas_are_typeset(visit):
    formulas, typeset = visit.typeset()
    assert typeset == formulas


ROWS = ":is(.derivation-start, .derivation-line, .derivation-form):has(mjx-container)"


def too_wide(visit):
    """Return the rows of derivations whose formula is wider than the row."""
    return visit.page.evaluate(
        f"""[...document.querySelectorAll("{ROWS}")].filter((row) => [
              ...row.querySelectorAll("mjx-container")].some((formula) =>
                formula.getBoundingClientRect().right > row.getBoundingClientRect().right + 1)
            ).map((row) => row.textContent)"""
    )


def test_every_line_of_a_derivation_is_within_its_column(visit):
    assert too_wide(visit) == []


# A chapter's height in pixels with its drawers shut, and where its first picture has begun: 9,000
# and 2,000, and what another machine's letters may add.
HIGHEST, FIRST_PICTURE = 9_200, 2_000
KINDS = ("softmax", "attention", "pipeline", "sampling", "simplex", "training")
PLAYGROUNDS = ", ".join(f"{kind}-playground" for kind in KINDS)
PICTURES = f".bd-article :is(img, {PLAYGROUNDS})"
CHAPTERS = [page for page in PAGES if (ROOT / page).with_suffix(".ipynb").exists()]


def test_a_chapter_is_read_in_one_sitting_and_begins_with_a_picture(visit):
    if visit.name in CHAPTERS:
        height = visit.page.evaluate("document.scrollingElement.scrollHeight")
        tops = visit.page.evaluate(
            f"""[...document.querySelectorAll("{PICTURES}")]
                  .filter((picture) => picture.checkVisibility())
                  .map((picture) => picture.getBoundingClientRect().top + scrollY)"""
        )
        assert height <= HIGHEST
        assert min(tops) <= FIRST_PICTURE


def test_no_code_in_sight_is_wider_than_its_column(visit):
    assert (
        visit.page.evaluate(
            """[...document.querySelectorAll(".bd-article .cell_input pre")]
                 .filter((code) => code.checkVisibility() && code.scrollWidth > code.clientWidth)
                 .map((code) => code.textContent)"""
        )
        == []
    )


def test_the_page_has_a_language(visit):
    assert visit.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_in_the_scheme_that_is_preferred(scheme, chromium, address):
    with Visit(chromium, address, FRONT_PAGE, scheme) as visit:
        assert visit.page.locator("html").get_attribute("data-theme") == scheme


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
    if visit.name != FRONT_PAGE:  # whose listings stand for those of all pages
        abridge(visit)
    assert list(violations(visit)) == []


def test_the_page_can_be_read_in_the_dark(visit):
    visit.page.emulate_media(color_scheme="dark")
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert list(violations(visit, *COLOURS)) == []


def test_every_link_leads_to_a_place_that_exists(visit, site, address):
    links = visit.page.evaluate("Array.from(document.querySelectorAll('a[href]'), (a) => a.href)")
    inner = [link.removeprefix(address) for link in links if link.startswith(address)]
    assert inner
    for link in inner:
        path, _, anchor = link.partition("#")
        target = site / unquote(path.partition("?")[0]).lstrip("/")
        target = target / "index.html" if target.is_dir() else target
        assert target.exists(), link
        # A # without a name is the top of the page.
        assert not anchor or unquote(anchor) in ids_on(target), link


# What the theme and MathJax weigh is theirs.
THEIRS = ("_static/styles/", "_static/scripts/", "_static/vendor/", "_static/mathjax/")


def test_the_front_page_is_light(chromium, address, site):
    with Visit(chromium, address, FRONT_PAGE) as visit:
        visit.page.wait_for_load_state("networkidle")
        paths = {urlsplit(url.removeprefix(f"{address}/")).path for url in visit.loaded}
    ours = [path for path in paths if not path.startswith(THEIRS)]
    assert {FRONT_PAGE, "_static/book.css"} <= set(ours)
    # As a server sends it: compressed.
    assert sum(len(gzip.compress((site / path).read_bytes())) for path in ours) < 500_000


@pytest.mark.parametrize(
    ("words", "chapter"),
    [
        ("sparsemax", "Why softmax"),
        ("NaN", "Numerical stability"),
        ("overflow", "Numerical stability"),
        ("why subtract the maximum", "Numerical stability"),
        ("temperature", "Temperature"),
        ("masked", "Masks"),
        ("sqrt(d_k)", "Attention"),
        ("nucleus", "Filters"),
        ("top-p", "Filters"),
        ("top-k", "Filters"),
        ("min-p", "Filters"),
    ],
)
def test_search_finds_where_something_is_explained(words, chapter, visits):
    page = visits.open(f"search.html?q={quote(words)}").page
    page.wait_for_selector("#search-results li a")
    page.wait_for_selector("#search-results li p.context")
    found = page.locator("#search-results li").all_inner_texts()
    first = [text for text in found[:5] if text.startswith(chapter)]
    assert first
    assert "import " not in first[0]


TYPED = tomllib.loads((ROOT / "tests/book/questions.toml").read_text(encoding="utf-8"))


def test_the_search_shows_the_answer_below_a_question(visits):
    page = visits.open(f"search.html?q={quote('softmax dim')}").page
    page.wait_for_selector("#search-results li p.context")
    first = page.locator("#search-results li").first
    first.locator("p.context").wait_for()
    assert "which axis" in first.locator("a").inner_text()
    assert "outputs along it sum to 1" in first.locator("p.context").inner_text()


# Each of these has a chapter, and a question too.
OF_THE_TRADE = [
    ("top-p", {"question-truncation", "book/filters.html", "book/sampling.html"}),
    ("nucleus", {"question-truncation", "book/filters.html", "book/sampling.html"}),
    ("calibration", {"question-confidence", "book/training.html"}),
]


def first_two(visits, site, words):
    """Search, and return the page of the first two results with all anchors of the place."""
    visits.open(f"search.html?q={quote(words)}").page.wait_for_selector("#search-results li a")
    links = visits.page.locator("#search-results li a")
    found = links.evaluate_all("(links) => links.slice(0, 2).map((link) => link.href)")
    places = set()
    for link in found:
        page, _, anchor = link.removeprefix(f"{visits.address}/").partition("#")
        text = (site / page).read_text(encoding="utf-8")
        twins = re.findall(r'<section id="([^"]+)">\s*<span id="([^"]+)"></span>', text)
        places |= {page, anchor}.union(*(pair for pair in twins if anchor in pair))
    return places


@pytest.mark.parametrize("anchor", TYPED)
def test_a_question_comes_first_or_second_as_people_type_it(anchor, visits, site):
    for words in TYPED[anchor]:
        assert anchor in first_two(visits, site, words), words


@pytest.mark.parametrize(("words", "places"), OF_THE_TRADE)
def test_a_word_of_the_trade_leads_to_an_explanation(words, places, visits, site):
    assert places & first_two(visits, site, words)


REFERENCE = [
    ("where=", "softmax_lib.softmax"),
    ("block_size", "softmax_lib.scaled_dot_product_attention"),
    ("OnlineNormalizer", "softmax_lib.OnlineNormalizer"),
    ("top_p", "softmax_lib.top_p"),
    ("softmax_lib.softmax", "softmax_lib.softmax"),
]


@pytest.mark.parametrize(("words", "name"), REFERENCE, ids=[words for words, _ in REFERENCE])
def test_a_name_of_the_library_leads_to_its_reference(words, name, visits, site):
    assert name in first_two(visits, site, words)


def test_the_search_shows_what_a_name_is_for(visits):
    page = visits.open("search.html?q=OnlineNormalizer").page
    first = page.locator("#search-results li").first
    first.locator("p.context").wait_for()
    assert "In pieces" in first.locator("a").inner_text()
    assert "m = max z and s =" in first.locator("p.context").inner_text()


def shut(visit):
    return visit.page.locator("details.evidence:not([open])").count()


def test_one_switch_opens_all_evidence_and_is_remembered(chromium, address):
    with Visit(chromium, address, "book/formula.html") as visit:
        drawers = visit.page.locator("details.evidence").count()
        switch = visit.page.get_by_role("button", name="Evidence")
        assert shut(visit) == drawers > 1
        assert switch.get_attribute("aria-pressed") == "false"
        switch.press("Enter")
        assert shut(visit) == 0
        assert switch.get_attribute("aria-pressed") == "true"
        visit.page.goto(f"{address}/book/jacobian.html")
        assert shut(visit) == 0
        visit.page.get_by_role("button", name="Evidence").press("Space")
        visit.page.goto(f"{address}/book/formula.html")
        assert shut(visit) == drawers


def test_a_drawer_says_what_it_holds_and_opens_by_key(visits):
    visit = visits.open("book/formula.html")
    drawer = visit.page.locator("details.evidence", has_text="200 cases over the reals").first
    assert "planted mistakes refused" in drawer.locator("summary").inner_text()
    drawer.locator("summary").press("Enter")
    drawer.get_by_text("held in all 200 cases").wait_for(state="visible")


def test_nothing_is_folded_on_paper(visits):
    below_the_summary = """(drawers) => drawers.map((drawer) =>
        drawer.getBoundingClientRect().bottom
        - drawer.querySelector("summary").getBoundingClientRect().bottom)"""
    visit = visits.open("book/formula.html")
    drawers = visit.page.locator("details.evidence")
    tried = visit.page.locator(".derivation-verdict").first
    line = 20
    assert max(drawers.evaluate_all(below_the_summary)) < line
    assert tried.is_hidden()
    visit.page.emulate_media(media="print")
    assert min(drawers.evaluate_all(below_the_summary)) > line
    assert tried.is_visible()


def test_a_link_into_a_drawer_opens_it(visits):
    visit = visits.open("book/formula.html#codecell3")
    assert visit.page.locator("#codecell3").is_visible()
    assert shut(visit) > 0


def test_a_link_shows_what_it_leads_to_while_it_has_the_focus(visits):
    visit = visits.open("book/ten-minutes.html")
    card = visit.page.locator("#book-card")
    link = visit.page.locator("a[href$='#term-logits']").first
    visit.page.locator(".bd-article h1").click()
    for _ in range(200):
        visit.page.keyboard.press("Tab")
        if link.evaluate("(link) => link === document.activeElement"):
            break
    card.wait_for(state="visible")
    assert "real numbers that softmax is given" in card.inner_text()
    assert link.get_attribute("aria-describedby") == "book-card"
    visit.page.keyboard.press("Escape")
    assert card.is_hidden()


def test_a_statement_and_a_source_have_cards_under_the_pointer(visits):
    visit = visits.open("book/intro.html")
    visit.page.locator("a[href*='accuracy.html#given-back']").first.hover()
    visit.page.locator("#book-card .proof").wait_for(state="visible")
    visit.page.locator(".bd-article h1").hover()
    visit.page.locator("#book-card").wait_for(state="hidden")
    visit = visits.open("book/formula.html")
    visit.page.locator("a[href*='references.html#']").first.hover()
    visit.page.locator("#book-card .citation").wait_for(state="visible")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("temperature.html#gumbel-max", "sampling.html#gumbel-max"),
        ("temperature.html#evidence-gumbel-max", "sampling.html#evidence-gumbel-max"),
        ("jacobian.html#figure-cliffs", "gradients.html#figure-cliffs"),
        ("attention.html#one-pass-over-the-keys", "one-pass.html"),
        ("attention.html#bounded-scores-must-spread", "masks.html#dispersion"),
        ("questions.html#question-axis", "questions-in-code.html#question-axis"),
        ("questions.html#t-practice", "questions-sampling.html#t-practice"),
        ("questions.html#evidence-lm-uses", "questions-sampling.html#evidence-lm-uses"),
        ("questions.html#figure-axis", "questions-in-code.html#figure-axis"),
        (
            "questions.html#along-which-axis-do-i-take-softmax",
            "questions-in-code.html#along-which-axis-do-i-take-softmax",
        ),
        ("questions.html#in-attention", "questions-attention.html"),
    ],
)
def test_an_old_address_leads_to_where_things_stand_now(before, now, visits):
    page = visits.open(f"book/{before}").page
    page.wait_for_url(f"**/book/{now}")
    anchor = now.partition("#")[2]
    assert not anchor or page.locator(f"[id='{anchor}']").count() == 1


def test_the_ledger_is_filtered_by_what_is_chosen_and_by_its_address(visits, claims):
    broken = [claim["id"] for claim in claims if claim["floats"] == "breaks down"]
    visit = visits.open("book/ledger.html")
    visit.page.get_by_label("In floating point").select_option("breaks down")
    chosen = visit.page.url
    assert urlsplit(chosen).query == "floats=breaks+down"
    assert 0 < len(broken) < len(claims)
    visit = visits.open(f"book/ledger.html?{urlsplit(chosen).query}")
    rows = visit.page.locator(".verdict-table tbody tr:visible p[id^=claim-]")
    assert [row.get_attribute("id") for row in rows.all()] == [f"claim-{id}" for id in broken]
    assert f"{len(broken)} of {len(claims)} claims" in visit.page.inner_text("output")
    visit.page.get_by_label("In floating point").select_option("all")
    assert urlsplit(visit.page.url).query == ""
    assert rows.count() == len(claims)


def test_the_ledger_is_filtered_by_chapters_and_by_no_other_page(visits, claims):
    stating = {urlsplit(claim["page"]).path.removeprefix("book/") for claim in claims}
    visit = visits.open("book/ledger.html")
    options = visit.page.get_by_label("Chapter").locator("option").all()
    assert {option.get_attribute("value") for option in options} == {"", *stating}


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


def test_a_key_moves_a_slider_and_the_numbers_are_those_of_softmax(visits):
    visit = visits.open(FRONT_PAGE)
    playground = visit.page.locator("softmax-playground")
    slider = playground.get_by_role("slider", name="z₂, logit 2")
    for key, moved_to in (("ArrowRight", 1.1), ("Home", -5), ("End", 5)):
        slider.press(key)
        logits = numbers(playground.locator(".logit"))
        assert logits == [2, moved_to, 0]
        # Four digits are shown.
        shown = numbers(playground.locator(".probability"))
        np.testing.assert_allclose(shown, softmax(logits), rtol=5e-4)


def test_both_ends_of_the_temperature_are_reached(visits):
    visit = visits.open(FRONT_PAGE)
    playground = visit.page.locator("softmax-playground")
    slider = playground.get_by_role("slider", name="temperature")
    for key, temperature in (("Home", 0.0), ("End", np.inf)):
        slider.press(key)
        shown = playground.locator(".probability").all_inner_texts()
        logits = numbers(playground.locator(".logit"))
        expected = softmax(logits, temperature=temperature)
        values = [float(text.removeprefix("exactly ")) for text in shown]
        # Four digits are shown, of 0 and 1 all.
        np.testing.assert_allclose(values, expected, rtol=5e-4)


def test_a_bar_can_be_dragged(visits):
    visit = visits.open("book/intro.html")
    playground = visit.page.locator("softmax-playground")
    grip = playground.locator(".grip").nth(1)
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    height = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + 10, height)
    visit.page.mouse.down()
    assert numbers(playground.locator(".logit")) == [2, 1, 0]
    visit.page.mouse.move(box["x"] + 0.7 * box["width"], height)
    visit.page.mouse.up()
    logits = numbers(playground.locator(".logit"))
    assert logits[::2] == [2, 0]
    # The logit goes in steps of 0.1, and p changes by at most a quarter of a step.
    assert abs(softmax(logits)[1] - 0.7) < 0.1 / 4


def test_a_key_widens_the_keys_and_the_numbers_are_those_of_attention(visits):
    visit = visits.open("book/attention.html")
    playground = visit.page.locator("attention-playground")
    playground.get_by_role("button", name="Skip").press("Enter")
    playground.get_by_role("checkbox", name="divide by").press("Space")
    slider = playground.get_by_role("slider", name="width")
    for key, d_k in (("ArrowRight", 128), ("End", 512), ("Home", 1)):
        slider.press(key)
        queries, keys = AttentionPlayground(d_k).queries_and_keys()
        weights = scaled_dot_product_attention(queries, keys, np.eye(len(keys)), scale=1.0)
        norms = np.linalg.norm(softmax_jacobian(queries @ keys.T), axis=(-2, -1))
        percents = numbers(playground.locator("tbody .heat"))
        assert percents == np.round(100 * weights).ravel().tolist()
        # Three digits are shown.
        tops = numbers(playground.locator("tbody .top"))
        np.testing.assert_allclose(tops, weights.max(axis=-1), rtol=5e-3)
        np.testing.assert_allclose(numbers(playground.locator("tbody .norm")), norms, rtol=5e-3)


@pytest.mark.parametrize(
    ("page", "kind", "control", "fragment"),
    [
        ("intro", "softmax", "temperature", "play=z:2,1,0;T:100;"),
        ("attention", "attention", "width", "play-attention=d_k:256;scaled:on;mask:none;seed:1"),
    ],
)
def test_the_address_holds_what_was_set(page, kind, control, fragment, visits):
    visit = visits.open(f"book/{page}.html")
    playground = visit.page.locator(f"{kind}-playground")
    shown = playground.locator(".all")
    before = shown.inner_text()
    slider = playground.get_by_role("slider", name=control)
    slider.press("End")
    slider.press("ArrowLeft")
    after = shown.inner_text()
    # The address follows when the movement has come to rest.
    visit.page.wait_for_url(f"**#{fragment}*")
    visit.page.reload()
    expect(shown).to_have_text(after, use_inner_text=True)
    assert after != before


PAINT = """(cells) => {
    const context = document.createElement("canvas").getContext("2d");
    const paint = (colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    return cells.map(getComputedStyle).map((s) => [paint(s.color), paint(s.backgroundColor)]);
}"""


def luminance(colour):
    """Return the relative luminance of WCAG, whose contrast is (a + 0.05) / (b + 0.05)."""
    c = np.asarray(colour) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


@pytest.mark.parametrize(
    ("page", "strongest"),
    [
        ("jacobian", "play-jacobian=z:5,5,-5,-5"),
        ("attention", "play-attention=d_k:512;scaled:off;predict:off"),
    ],
)
def test_the_numbers_of_a_heat_map_can_be_read(page, strongest, visits):
    cells = visits.open(f"book/{page}.html#{strongest}").page.locator(".heat")
    heats = cells.evaluate_all("(cells) => cells.map((td) => td.style.cssText)")
    assert any("--heat: 1.000" in heat for heat in heats)
    for scheme in ("light", "dark"):
        visits.page.emulate_media(color_scheme=scheme)
        expect(visits.page.locator("html")).to_have_attribute("data-theme", scheme)
        contrasts = [
            (max(pair) + 0.05) / (min(pair) + 0.05)
            for pair in map(luminance, cells.evaluate_all(PAINT))
        ]
        assert max(contrasts) > 1.2 * min(contrasts)  # there are colours
        assert min(contrasts) >= 4.5


@pytest.mark.parametrize("page", ["temperature", "numerical-stability", "attention"])
def test_a_finger_finds_every_control(page, visits):
    visits.open(f"book/{page}.html").page.set_viewport_size({"width": NARROW, "height": 900})
    playground = visits.page.locator(PLAYGROUNDS)
    controls = playground.locator("input, button, select, .grip").locator("visible=true")
    sizes = controls.evaluate_all(
        """(controls) => controls
             .map((control) => (control.closest("label") ?? control).getBoundingClientRect())
             .map(({width, height}) => Math.min(width, height))"""
    )
    assert len(sizes) > 2
    assert min(sizes) >= 24


FAULTS = {
    "an image from elsewhere": '<img src="http://example.org/x.png" alt="">',
    "a script from elsewhere": '<script src="https://example.org/x.js"></script>',
    "a file that is missing": '<img src="missing.png" alt="">',
    "an error in a script": "<script>missing()</script>",
}


@pytest.fixture(scope="module")
def spoilt(chromium, tmp_path_factory):
    """Visit pages with a fault, on a server of their own."""
    folder = tmp_path_factory.mktemp("spoilt")

    def visit(body):
        (folder / "page.html").write_text(f"<title>x</title>{body}", encoding="utf-8")
        return tab.open("page.html")

    with served(folder) as address, Visit(chromium, address) as tab:
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


def test_the_harness_sees_a_line_that_is_too_wide(spoilt):
    formula = '<mjx-container style="display: inline-block; width: 300px">x</mjx-container>'
    line = f'<div class="derivation-line" style="width: 200px; overflow: auto">{formula}</div>'
    assert too_wide(spoilt(line)) == ["x"]
    assert too_wide(spoilt(line.replace("200px", "400px"))) == []


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("image-alt", '<main><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></main>'),
        ("color-contrast", '<main style="color: #999; background: #fff">pale</main>'),
    ],
)
def test_the_harness_sees_what_cannot_be_read(spoilt, rule, body):
    assert rule in dict(violations(spoilt(body)))


def test_the_harness_sees_what_cannot_be_read_in_the_dark_alone(spoilt):
    dark = "@media (prefers-color-scheme: dark) { main { color: #333; background: #000 } }"
    visit = spoilt(f"<main>pale</main><style>{dark}</style>")
    assert not dict(violations(visit, *COLOURS))
    visit.page.emulate_media(color_scheme="dark")
    assert dict(violations(visit, *COLOURS))


def test_no_other_host_is_reached(chromium):
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        Visit(chromium, "http://example.org", "")
