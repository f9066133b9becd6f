"""Each playground that asks first, alone on a page in a real browser."""

import numpy as np
import pytest
from browsing import COLOURS, NARROW, WIDE, Visit, served
from playwright.sync_api import expect

from softmax_lib import softmax
from softmax_lib.playground import (
    AttentionPlayground,
    PipelinePlayground,
    SamplingPlayground,
    SimplexPlayground,
    TrainingPlayground,
)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A playground</title>
<link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark }}</style></head>
<body><main><h1>A playground</h1>{}</main></body></html>"""

# Some of the words after "she" in Alice, first chapter, and how often they are there.
WORDS = {"was": 13, "had": 8, "could": 5, "tried": 5, "fell": 2, "ran": 1, "couldn't": 1}

# What stands at the start, what a key does to it, and the extremes of each.
KINDS = {
    "attention": lambda **options: AttentionPlayground(name="play", **options),
    "pipeline": lambda **options: PipelinePlayground(
        [12, 1, 0], format="float16", shift=False, reach=20, name="play", **options
    ),
    "sampling": lambda **options: SamplingPlayground(
        WORDS, after="she", top_p=0.9, draws=20, name="play", **options
    ),
    "simplex": lambda **options: SimplexPlayground(name="play", **options),
    "training": lambda **options: TrainingPlayground(name="play", **options),
}
EXTREMES = {
    "attention": [
        "d_k:512;scaled:off;mask:earlier",
        "d_k:1;scaled:on;mask:others;query:8",
        "d_k:512;scaled:off;mask:none",
    ],
    "pipeline": [
        "z:20,20,20,20,20,20,20,20;format:float16;shift:off",
        "z:-20,-20;format:float16;shift:off",
        "z:20,-20;format:float64;shift:on",
    ],
    "sampling": [
        "T:0;top_p:0;draws:0",
        "T:inf;top_k:1;draws:10000",
        "T:100;top_p:1;min_p:1",
    ],
    "training": [
        "steps:0;start:even",
        "steps:500;loss:softmax-twice;rate:10",
        "steps:100;loss:squared-error;start:wrong;points:0,0,0/0,0,1/1,-1,2",
    ],
    "simplex": ["z:5,5,-5;T:0", "z:5,-5,-5;T:0.01", "z:0,0,0;T:inf"],
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_extreme = pytest.mark.parametrize(
    ("kind", "fragment"), [(kind, text) for kind in EXTREMES for text in EXTREMES[kind]]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("playgrounds")


@pytest.fixture(scope="module")
def visits(chromium, folder):
    with served(folder) as address, Visit(chromium, address) as visits:
        yield visits


@pytest.fixture
def play(visits, folder):
    """Visit a page with a playground alone; give the visit and the playground's locator."""

    def play(playground, *, fragment="", width=WIDE):
        written = PAGE.format(playground._repr_html_())
        (folder / "page.html").write_text(written, encoding="utf-8")
        visits.open(f"page.html#{fragment}" if fragment else "page.html")
        visits.page.set_viewport_size({"width": width, "height": 900})
        return visits, visits.page.locator(playground._TAG)

    return play


def uncovered(kind):
    return KINDS[kind](predict=False)


def violations_light_and_dark(visit):
    light = list(visit.violations())
    visit.page.emulate_media(color_scheme="dark")
    return [*light, *visit.violations(*COLOURS)]


@each_extreme
def test_it_is_accessible_and_narrow_at_its_extremes(kind, fragment, play):
    visit, shown = play(uncovered(kind), fragment=f"play={fragment}", width=NARROW)
    expect(shown.locator(".problem:visible")).to_have_count(0)
    assert violations_light_and_dark(visit) == []
    assert visit.overflow() <= 0
    assert visit.complaints == visit.outside == []


@each_kind
def test_it_is_accessible_while_it_is_covered(kind, play):
    visit, _ = play(KINDS[kind]())
    assert violations_light_and_dark(visit) == []
    assert visit.complaints == visit.outside == []


def test_all_kinds_stand_on_one_page_and_each_keeps_its_own_piece_of_the_address(play):
    first = SimplexPlayground(name="first", predict=False)
    others = [KINDS[kind]()._repr_html_() for kind in KINDS if kind != "simplex"]
    again = SimplexPlayground(name="again", predict=False)._repr_html_()
    written = first._repr_html_()
    first._repr_html_ = lambda: "".join([written, *others, again])  # type: ignore[method-assign]
    visit, shown = play(first, fragment="first=T:2&again=T:3")
    temperatures = shown.locator("[id=temperature] + .number")
    expect(temperatures).to_have_text(["2", "3"])
    assert visit.page.locator(".all").count() == len(KINDS) + 1
    shown.first.get_by_role("slider", name="temperature").press("Home")
    visit.page.wait_for_url("**T:0;**")
    assert "again=T:3" in visit.page.url
    assert visit.complaints == []


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
        expect(shown.get_by_role("button", name="Predict again")).to_be_focused()
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
    visit.page.wait_for_url("**#play=**")
    visit.page.reload()
    expect(shown.locator(".all")).to_have_text(after, use_inner_text=True)
    assert "off" in visit.page.url.partition("predict:")[2]


@pytest.mark.parametrize("nonsense", ["nonsense", "z:NaN", "predict:perhaps", "__proto__:1", ";:;"])
@each_kind
def test_nonsense_in_the_address_is_ignored_with_a_sentence(kind, nonsense, play):
    plain, shown = play(uncovered(kind))
    expected = shown.locator(".caption").inner_text()
    assert plain.complaints == []
    visit, shown = play(uncovered(kind), fragment=f"play={nonsense}")
    expect(shown.get_by_role("alert")).to_contain_text("should be")
    assert shown.locator(".caption").inner_text() == expected
    assert visit.complaints == []


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
    expect(share).to_have_text("exactly 1")
    shown.get_by_role("checkbox", name="subtract the maximum").press("Space")
    shown.get_by_role("slider", name="z₁, logit 1").press("End")
    expect(share).to_have_text("exactly 1")
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


def test_keys_move_the_filters_and_the_words_left_follow(play):
    _, shown = play(uncovered("sampling"))
    left = shown.locator("li:not(.out)")
    for name in ("top-k", "top-p", "min-p"):
        shown.get_by_role("slider", name=name).press("Home")
    expect(left).to_have_count(1)
    expect(left).to_contain_text("was100 %")
    shown.get_by_role("slider", name="top-k").press("ArrowRight")
    shown.get_by_role("slider", name="top-p").press("End")
    expect(left).to_have_count(2)
    # 13/21 and 8/21
    expect(left.locator(".share")).to_have_text(["62 %", "38 %"])
    expect(shown.locator(".caption")).to_contain_text("Top-k leaves 2 of 7 words.")
    expect(shown.locator(".caption")).to_contain_text("what is left has 60 % of the probability")


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("T:1;top_p:1", "No filter takes a word away: all 7 are left."),
        ("T:1;top_k:3;top_p:1", "Top-k leaves 4 of 7 words (words that are tied stay together)."),
        ("T:1;top_k:6;top_p:1", "all 7 are left (words that are tied stay together)."),
        (
            "T:1;top_k:4;top_p:0.6;min_p:1",
            "words, then top-p leaves 2 of 4, then min-p leaves 1 of 2.",
        ),
        ("T:1;top_p:0", "What is most probable stays, even at p = 0."),
        ("T:0;top_p:1", "At T = 0 nothing but “was” can be drawn."),
        ("T:inf;top_p:1", "At T = ∞ all 7 are equally probable."),
        ("draws:0", "Nothing has been drawn yet."),
        ("T:0;draws:1", "The word drawn with dice 1 is “was”."),
        ("T:0;draws:10", "drawn most often, 10 times; 10 are expected."),
        ("draws:10000", "That is as many as fit."),
    ],
)
def test_the_caption_of_the_words_says_what_happened(fragment, words, play):
    _, shown = play(uncovered("sampling"), fragment=f"play={fragment}")
    expect(shown.locator(".caption")).to_contain_text(words)


def test_buttons_draw_more_words_forget_them_and_take_other_dice(play):
    _, shown = play(uncovered("sampling"))
    times = shown.locator("li .times")

    def drawn():
        return sum(int(text[1:] or 0) for text in times.all_inner_texts())

    assert drawn() == 20
    shown.get_by_role("button", name="Draw a word").press("Enter")
    assert drawn() == 21
    shown.get_by_role("button", name="Draw 100").press("Enter")
    assert drawn() == 121
    before = times.all_inner_texts()
    shown.get_by_role("button", name="Other dice").press("Enter")
    assert drawn() == 121
    assert times.all_inner_texts() != before
    shown.get_by_role("button", name="Forget the draws").press("Enter")
    assert drawn() == 0


def numbers(locator):
    return [float(text.replace("−", "-")) for text in locator.all_inner_texts()]


def with_the_mouse(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def with_a_finger(page, start, end):
    """Put a finger down, move it and lift it, as a touch screen reports it."""
    session = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", [start]), ("touchMove", [end]), ("touchEnd", [])):
        touches = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def centre(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("drag", [with_the_mouse, with_a_finger])
def test_a_point_that_is_dragged_to_the_centre_has_equal_logits_with_their_mean(drag, play):
    visit, shown = play(uncovered("simplex"))
    drag(visit.page, centre(shown.locator(".grip")), centre(shown.locator(".centre")))
    logits = numbers(shown.locator(".logit"))
    # The mean was 2/3. A pixel of the triangle, 300 wide, changes a logit there by 0.01 or so.
    np.testing.assert_allclose(logits, 2 / 3, atol=0.05)


def test_a_click_moves_the_point_and_the_logits_are_those_of_its_place(play):
    visit, shown = play(uncovered("simplex"))
    box = shown.locator(".border").bounding_box()
    # In the middle between the centre of the lower edge and the centre: (5, 5, 2)/12.
    visit.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - 2 / 12))
    logits = numbers(shown.locator(".logit"))
    np.testing.assert_allclose(softmax(logits), np.array([5, 5, 2]) / 12, atol=0.01)


def test_the_same_added_to_all_logits_does_not_move_the_point(play):
    _, shown = play(uncovered("simplex"))
    where = shown.locator("svg").get_attribute("aria-label")
    more = shown.get_by_role("button", name="All logits + 1")
    for _ in range(3):
        more.press("Enter")
    assert numbers(shown.locator(".logit")) == [4.5, 4, 2.5]
    assert shown.locator("svg").get_attribute("aria-label") == where
    expect(more).to_be_disabled()
    shown.get_by_role("button", name="All logits − 1").press("Enter")
    assert numbers(shown.locator(".logit")) == [3.5, 3, 1.5]


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("z:2,1,0;T:1", "at T = 0 it is in corner 1, whose logit is the largest"),
        ("z:2,1,2;T:1", "in the middle of the edge between 1 and 3, whose logits are tied"),
        ("z:1,1,1;T:1", "All logits are equal, and the point is in the centre"),
        ("z:2,1,0;T:0", "At T = 0 the point is in corner 1"),
        ("z:1,1,1;T:0", "in the centre, since all logits are equal"),
        ("z:2,1,0;T:inf", "At T = ∞ the point is in the centre, whatever the logits are."),
        ("z:-5,5,-5;T:0.1", "In float64 p₂ is exactly 1, which no real logits reach."),
        ("z:1,1,1;T:1", "The entropy is 1.10 nats."),
    ],
)
def test_the_caption_of_the_point_says_where_it_is(fragment, words, play):
    _, shown = play(uncovered("simplex"), fragment=f"play={fragment}")
    expect(shown.locator(".caption")).to_contain_text(words)


@pytest.mark.parametrize("temperature", ["0", "inf"])
def test_a_point_at_an_end_of_its_curve_cannot_be_dragged(temperature, play):
    visit, shown = play(uncovered("simplex"), fragment=f"play=T:{temperature}")
    before = numbers(shown.locator(".logit"))
    visit.page.mouse.click(*centre(shown.locator(".border")))
    assert numbers(shown.locator(".logit")) == before


def test_keys_choose_a_point_and_move_it_and_training_follows(play):
    _, shown = play(uncovered("training"))
    point = shown.locator(".point").nth(4)
    before = centre(point)
    shown.get_by_role("combobox", name="point").select_option("5, of class 2")
    expect(point).to_have_class("point c1 chosen")
    shown.get_by_role("slider", name="x").press("End")
    shown.get_by_role("slider", name="y").press("End")
    after = centre(point)
    assert after[0] > before[0]
    assert after[1] < before[1]
    shown.get_by_role("button", name="100 steps").press("Enter")
    # It stands among those of another class now.
    expect(shown.locator(".caption")).to_contain_text("After 100 steps 11 of 12 points are right")


@pytest.mark.parametrize("drag", [with_the_mouse, with_a_finger])
def test_a_point_can_be_dragged_and_stays_in_the_square(drag, play):
    visit, shown = play(uncovered("training"))
    frame = shown.locator(".frame").bounding_box()
    outside = (frame["x"] + frame["width"] + 40, frame["y"] + frame["height"] / 2)
    drag(visit.page, centre(shown.locator(".point").nth(1)), outside)
    expect(shown.get_by_role("combobox", name="point")).to_have_value("1")
    values = shown.locator(".stack .slider .number").all_inner_texts()
    assert values[0] == "1"
    assert abs(float(values[1].replace("−", "-"))) < 0.05


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("loss:cross-entropy;start:wrong;steps:100", "After 100 steps 12 of 12 points are right"),
        ("loss:squared-error;start:wrong;steps:100", "training stands still"),
        ("loss:softmax-twice;start:wrong;steps:100", "training stands still"),
        ("loss:softmax-twice;steps:100", "the loss stays above 0.551"),
        ("start:even;steps:0", "After 0 steps 0 of 12 points are right; the loss is 1.10"),
        ("steps:500", "There are no more steps than that."),
    ],
)
def test_the_caption_of_training_says_what_happened(fragment, words, play):
    _, shown = play(uncovered("training"), fragment=f"play={fragment}")
    expect(shown.locator(".caption")).to_contain_text(words)


def test_steps_are_taken_until_there_are_no_more_and_taken_back(play):
    _, shown = play(uncovered("training"), fragment="play=steps:495")
    step = shown.get_by_role("button", name="1 step")
    step.press("Enter")
    expect(shown.locator(".end")).to_have_text("step 496")
    shown.get_by_role("button", name="10 steps").press("Enter")
    expect(shown.locator(".end")).to_have_text("step 500")
    expect(step).to_be_disabled()
    shown.get_by_role("button", name="Back to the start").press("Enter")
    expect(shown.locator(".end")).to_have_text("step 0")
    expect(shown.get_by_role("button", name="Back to the start")).to_be_disabled()


def test_whoever_predicts_of_training_sees_a_hundred_steps(play):
    _, shown = play(KINDS["training"]())
    shown.get_by_role("radio", name="none").check()
    shown.get_by_role("button", name="See whether it is so").click()
    expect(shown.locator(".verdict")).to_have_text("You said: none. But it is otherwise: all.")
    expect(shown.locator(".end")).to_have_text("step 100")


def test_the_word_under_the_pointer_says_what_it_attends_to(play):
    _, shown = play(uncovered("attention"), fragment="play=mask:causal")
    caption = shown.locator(".caption")
    expect(caption).to_contain_text("“and” attends to “and” most, with 100 %.")
    shown.locator("tbody tr").nth(5).locator("td").nth(2).hover()
    expect(caption).to_contain_text("“of” attends to")
    shown.get_by_role("button", name="what").focus()
    expect(caption).to_contain_text("“what” attends to")
    expect(shown.get_by_role("button", name="what")).to_have_attribute("aria-pressed", "true")
    expect(shown.locator(".chosen")).to_have_count(1)


@pytest.mark.parametrize(
    ("mask", "masked"), [("none", 0), ("causal", 28), ("earlier", 36), ("others", 8)]
)
def test_a_mask_is_chosen_by_key_and_seen(mask, masked, play):
    _, shown = play(uncovered("attention"))
    shown.get_by_role("combobox", name="attends to").select_option(mask)
    expect(shown.locator(".masked")).to_have_count(masked)
    expect(shown.locator(".masked").filter(has_text="–")).to_have_count(masked)


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("mask:earlier;query:1", "“and” has nothing to attend to, since all words are masked"),
        ("mask:causal", "A word with a single one to attend to gives it everything"),
        ("d_k:512;scaled:off", "rows one word has more than 99 %, and hardly any gradient"),
        ("d_k:1;scaled:on", "In draw 1 the top weight is"),
    ],
)
def test_the_caption_of_attention_says_what_happened(fragment, words, play):
    _, shown = play(uncovered("attention"), fragment=f"play={fragment}")
    expect(shown.locator(".caption")).to_contain_text(words)


def test_attention_over_two_words(play):
    playground = AttentionPlayground(64, words=["to", "be"], predict=False, name="play")
    visit, shown = play(playground, width=NARROW)
    expect(shown.locator(".heat")).to_have_count(4)
    assert visit.overflow() <= 0
