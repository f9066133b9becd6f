"""Each playground that asks first, alone on a page in a real browser."""

import contextlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import NARROW, WIDE, Visit, served
from playwright.sync_api import expect

from softmax_lib.playground import PipelinePlayground

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A playground</title>
<link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark }}</style></head>
<body><main><h1>A playground</h1>{}</main></body></html>"""

# What stands at the start, what a key does to it, and the extremes of each.
KINDS = {
    "pipeline": lambda **options: PipelinePlayground(
        [12, 1, 0], format="float16", shift=False, reach=20, name="play", **options
    ),
}
EXTREMES = {
    "pipeline": [
        "z:20,20,20,20,20,20,20,20;format:float16;shift:off",
        "z:-20,-20;format:float16;shift:off",
        "z:20,-20;format:float64;shift:on",
    ],
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_extreme = pytest.mark.parametrize(
    ("kind", "fragment"), [(kind, text) for kind in EXTREMES for text in EXTREMES[kind]]
)


@pytest.fixture
def play(chromium, tmp_path):
    """Visit a page with a playground alone; give the visit and the playground's locator."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(served(tmp_path))

        def visit(playground, *, fragment="", scheme="light", width=WIDE):
            written = PAGE.format(playground._repr_html_())
            (tmp_path / "page.html").write_text(written, encoding="utf-8")
            page = f"page.html#{fragment}" if fragment else "page.html"
            visit = stack.enter_context(Visit(chromium, address, page, scheme))
            visit.page.set_viewport_size({"width": width, "height": 900})
            return visit, visit.page.locator(playground._TAG)

        yield visit


def violations(visit):
    found = Axe().run(visit.page).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


def uncovered(kind):
    return KINDS[kind](predict=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@each_extreme
def test_it_is_accessible_and_narrow_at_its_extremes(kind, fragment, scheme, play):
    visit, shown = play(uncovered(kind), fragment=f"play={fragment}", scheme=scheme, width=NARROW)
    expect(shown.locator(".problem:visible")).to_have_count(0)
    assert violations(visit) == []
    assert visit.overflow() <= 0
    assert visit.complaints == visit.outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@each_kind
def test_it_is_accessible_while_it_is_covered(kind, scheme, play):
    visit, _ = play(KINDS[kind](), scheme=scheme)
    assert violations(visit) == []
    assert visit.complaints == visit.outside == []


@each_kind
def test_a_finger_finds_every_control(kind, play):
    for playground in (KINDS[kind](), uncovered(kind)):
        _, shown = play(playground, width=NARROW)
        controls = shown.locator("input, button, select, .grip").locator("visible=true")
        sizes = controls.evaluate_all(
            """(controls) => controls
                 .map((control) => (control.closest("label") ?? control).getBoundingClientRect())
                 .map(({width, height}) => Math.min(width, height))"""
        )
        assert len(sizes) > 2
        assert min(sizes) >= 24


@each_kind
def test_what_follows_is_covered_until_it_is_predicted_or_skipped(kind, play):
    _, shown = play(KINDS[kind]())
    caption = shown.locator(".caption > span")
    expect(caption).to_be_hidden()
    shown.get_by_role("button", name="Skip, and show the result").press("Enter")
    expect(caption).to_be_visible()
    expect(shown.get_by_role("group", name="?")).to_have_count(0)
    expect(shown.get_by_role("button", name="Predict again")).to_be_focused()
    shown.get_by_role("button", name="Predict again").press("Space")
    expect(caption).to_be_hidden()
    expect(shown.get_by_role("radio").first).to_be_focused()


@each_kind
def test_exactly_one_prediction_is_right(kind, play):
    _, shown = play(KINDS[kind]())
    verdicts = []
    for index in range(shown.get_by_role("radio").count()):
        # With the keys alone: an arrow moves the choice, Enter hands it in.
        shown.get_by_role("radio").first.press("Space")
        for _ in range(index):
            shown.page.keyboard.press("ArrowDown")
        shown.page.keyboard.press("Enter")
        verdicts.append(shown.locator(".verdict").inner_text())
        shown.get_by_role("button", name="Predict again").click()
    assert all(text.startswith("You said: ") for text in verdicts)
    assert [text.endswith("So it is.") for text in verdicts].count(True) == 1
    assert len(set(verdicts)) == len(verdicts) > 1


@each_kind
def test_a_verdict_goes_when_the_state_does(kind, play):
    _, shown = play(KINDS[kind]())
    shown.get_by_role("radio").first.check()
    shown.get_by_role("button", name="See whether it is so").click()
    expect(shown.locator(".verdict")).to_be_visible()
    shown.get_by_role("slider").first.press("Home")
    expect(shown.locator(".verdict")).to_be_hidden()
    expect(shown.locator(".caption > span")).to_be_visible()


@each_kind
def test_a_screen_reader_is_told_once_the_movement_is_over(kind, play):
    _, shown = play(uncovered(kind))
    heard = shown.get_by_role("status")
    shown.get_by_role("slider").first.press("Home")
    assert heard.inner_text() == ""
    expect(heard).to_have_text(shown.locator(".caption").inner_text())


@each_kind
def test_the_address_holds_what_was_set(kind, play):
    visit, shown = play(KINDS[kind]())
    shown.get_by_role("button", name="Skip").click()
    slider = shown.get_by_role("slider").first
    slider.press("Home")
    slider.press("ArrowRight")
    after = shown.locator(".all").inner_text()
    visit.page.wait_for_url("**#play=*")
    visit.page.reload()
    expect(shown.locator(".all")).to_have_text(after, use_inner_text=True)
    assert "off" in visit.page.url.partition("predict:")[2]


@pytest.mark.parametrize("nonsense", ["nonsense", "z:NaN", "predict:perhaps", "__proto__:1", ";:;"])
@each_kind
def test_nonsense_in_the_address_is_ignored_with_a_sentence(kind, nonsense, play):
    visit, shown = play(uncovered(kind), fragment=f"play={nonsense}")
    expect(shown.get_by_role("alert")).to_contain_text("should be")
    plain, expected = play(uncovered(kind))
    assert shown.locator(".caption").inner_text() == expected.locator(".caption").inner_text()
    assert visit.complaints == plain.complaints == []


@each_kind
def test_nothing_moves_for_who_wants_no_motion(kind, play):
    _, shown = play(uncovered(kind))
    durations = shown.locator("*").evaluate_all(
        "(nodes) => nodes.map((node) => getComputedStyle(node).transitionDuration)"
    )
    assert set(durations) == {"0s"}


@each_kind
def test_nothing_is_covered_on_paper(kind, play):
    visit, shown = play(KINDS[kind]())
    visit.page.emulate_media(media="print")
    expect(shown.locator(".caption > span")).to_be_visible()
    expect(shown.get_by_role("button", name="Skip")).to_be_hidden()


def test_a_key_moves_a_logit_of_the_pipeline_over_the_edge(play):
    _, shown = play(uncovered("pipeline"))
    share = shown.locator(".share .value").first
    slider = shown.get_by_role("slider", name="z₁, logit 1")
    expect(share).to_have_text("NaN")
    slider.press("ArrowLeft")
    expect(share).to_have_text("1.000")
    shown.get_by_role("checkbox", name="subtract the maximum").press("Space")
    shown.get_by_role("slider", name="z₁, logit 1").press("End")
    expect(share).to_have_text("1.000")
    expect(shown.get_by_role("columnheader", name="z − max", exact=True)).to_be_visible()


def test_the_pipeline_has_two_to_eight_logits(play):
    _, shown = play(uncovered("pipeline"))
    more = shown.get_by_role("button", name="Add a logit")
    fewer = shown.get_by_role("button", name="Remove the last logit")
    for _ in range(5):
        more.press("Enter")
    expect(more).to_be_disabled()
    expect(shown.locator(".caption")).to_contain_text("no more than eight")
    for _ in range(6):
        fewer.press("Enter")
    expect(fewer).to_be_disabled()
    expect(shown.locator(".caption")).to_contain_text("the logistic function of z₁ − z₂")
