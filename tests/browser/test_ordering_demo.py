"""The interactive figure of "Finetuning GPT2 to Reconstruct Sentences": the same search as its Python, for everybody."""

from __future__ import annotations

import json
import random
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

ARTICLE = "posts/reconstructing-sentences-gpt2/"

demo = load("reconstructing-sentences-gpt2", "demo")
PUZZLES: list[dict[str, Any]] = demo.puzzles()


def figure(page: Page) -> Locator:
    found = page.locator(".demo")
    found.scroll_into_view_if_needed()
    found.get_by_role("slider").wait_for()
    return found


def words(box: Locator) -> list[str]:
    found: list[str] = box.locator(".demo-words .word").all_inner_texts()
    return found


def said(order: list[str], puzzle: dict[str, Any], width: int = demo.WIDTH) -> str:
    score = demo.score(puzzle)
    done = " You have the recorded sentence." if order == demo.spelled(puzzle, puzzle["sentence"]) else ""
    return (f"This order: {demo.nats(demo.sr.total_score(order, score))}. Found by the beam: "
            f"{demo.nats(demo.found(puzzle, width)[1])}. Recorded: "
            f"{demo.nats(demo.sr.total_score(demo.spelled(puzzle, puzzle['sentence']), score))}.{done}")


# -- The same as sentence_reconstruction.py ----------------------------------


def made_up(seed: int) -> dict[str, Any]:
    """A bag with repeats and scores of few values, so that many hypotheses tie."""
    draw = random.Random(seed)
    names = sorted(draw.sample(["a", "an", "Boston", "don't", "the", "them", "zoo"], draw.randint(1, 5)))
    bag = [*range(len(names)), *draw.choices(range(len(names)), k=draw.randint(0, 3))]
    draw.shuffle(bag)
    size = len(names)
    keys = [str(place) for place in range(size + 1)]
    keys += [f"{first} {second}" for first in range(size + 1) for second in range(size) if draw.random() < 0.4]
    spread = draw.choice([3, 900])
    return {"words": names, "bag": bag, "sentence": sorted(bag), "untuned": bag, "tuned": bag,
            "outlook": [-draw.randrange(spread) for _ in names],
            "rows": {key: [-draw.randrange(1, spread) for _ in range(size + 1)] for key in keys}}


def test_every_step_of_the_beam_and_every_score_is_that_of_the_python(reader: Page) -> None:
    draw = random.Random(1)
    puzzles = [*PUZZLES, *map(made_up, range(60))]
    cases = []
    for puzzle in puzzles:
        width = draw.choice([1, 2, 3, 4, 6, 50])
        cases.append([puzzle, width, draw.sample(puzzle["bag"], len(puzzle["bag"]))])
    theirs = reader.evaluate("""async (cases) => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { found, score, steps } = await import(new URL("order.js", home));
      return cases.map(([puzzle, width, order]) => [steps(puzzle, width), found(puzzle, width), score(puzzle, order)]);
    }""", cases)
    assert len(theirs) == len(PUZZLES) + 60
    for (puzzle, width, order), (trace, best, total) in zip(cases, theirs, strict=True):
        ours = demo.steps(puzzle, width)
        assert [[(tuple(demo.spelled(puzzle, h["words"])), h["logp"]) for h in grown] for grown in trace] == ours
        assert (tuple(demo.spelled(puzzle, best["words"])), best["logp"]) == demo.found(puzzle, width)
        assert total == demo.sr.total_score(demo.spelled(puzzle, order), demo.score(puzzle))


# -- What a reader sees and does ---------------------------------------------


def outline(root: Any) -> list[tuple[str, str, str]]:
    return [(element.tag, element.get("class", "").replace(" covered", ""), " ".join(element.text_content().split()))
            for element in root.iter("p", "b", "li", "dt", "dd")
            if not element.xpath("ancestor-or-self::*[contains(@class,'demo-hidden') or contains(@class,'demo-controls')]")]


def test_a_running_figure_shows_what_the_page_held_before(reader: Page) -> None:
    box = figure(reader)
    box.get_by_role("button", name="Next sentence").click()
    box.get_by_role("button", name="Previous sentence").click()
    expect(box.locator(".demo-title")).to_have_text("Sentence 1 of 12, 6 words")
    frame = lxml.html.fragment_fromstring(demo.frame(), create_parent="div")
    running = lxml.html.fragment_fromstring(box.inner_html(), create_parent="div")
    assert outline(running) == outline(frame) and len(outline(frame)) > 20


@pytest.mark.parametrize("width", [390, 1280])
def test_starting_and_using_it_moves_nothing(browser: Browser, server: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    idle, page = context.new_page(), context.new_page()
    idle.route("**/demo.js", lambda route: route.abort())
    for each in (idle, page):
        each.goto(server + ARTICLE)
    before = idle.locator(".demo").bounding_box()
    box = figure(page)
    heights = {box.bounding_box()["height"]}  # type: ignore[index]
    for _ in PUZZLES:
        box.get_by_role("button", name="Show the answers").click()
        for key in ("ArrowRight", "End", "Home"):
            heights.add(box.bounding_box()["height"])  # type: ignore[index]
            box.get_by_role("slider").press(key)
        box.get_by_role("button", name="Next sentence").click()
    assert before and heights == {before["height"]}
    context.close()


def test_by_keyboard_a_word_is_picked_up_moved_and_put_down(reader: Page) -> None:
    box, puzzle = figure(reader), PUZZLES[0]
    order = demo.spelled(puzzle, puzzle["bag"])
    first = box.locator(".demo-words button").first
    first.focus()
    reader.keyboard.press("ArrowRight")  # not picked up: only the focus goes on
    expect(box.locator(".demo-words button").nth(1)).to_be_focused()
    assert words(box) == order
    reader.keyboard.press("Enter")
    expect(box.locator(".demo-words button").nth(1)).to_have_attribute("aria-pressed", "true")
    reader.keyboard.press("ArrowRight")
    reader.keyboard.press("ArrowRight")
    order.insert(3, order.pop(1))
    assert words(box) == order
    expect(box.locator(".demo-say")).to_have_text(said(order, puzzle))
    expect(box.locator(".demo-words button").nth(3)).to_be_focused()
    reader.keyboard.press("End")
    reader.keyboard.press("ArrowRight")  # at the end already
    order.append(order.pop(3))
    assert words(box) == order
    expect(box.locator("[aria-live]")).to_have_text(f"{order[-1]}: place 6 of 6. {said(order, puzzle)}")
    reader.keyboard.press("Escape")
    reader.keyboard.press("ArrowLeft")
    assert words(box) == order
    expect(box.locator("[aria-pressed=true]")).to_have_count(0)


def test_the_recorded_sentence_is_recognised(reader: Page) -> None:
    box, puzzle = figure(reader), PUZZLES[0]
    target = demo.spelled(puzzle, puzzle["sentence"])
    for place, word in enumerate(target):
        at = words(box).index(word, place)
        if at != place:
            box.locator(".demo-words button").nth(at).click()
            box.locator(".demo-words button").nth(place).click()
    assert words(box) == target
    expect(box.locator(".demo-say")).to_have_text(said(target, puzzle))
    expect(box.locator(".demo-say")).to_contain_text("You have the recorded sentence.")


def centre(chip: Locator, share: float = 0.5) -> tuple[float, float]:
    box = chip.bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_a_word_is_dragged_with_the_mouse(reader: Page) -> None:
    box, puzzle = figure(reader), PUZZLES[0]
    order = demo.spelled(puzzle, puzzle["bag"])
    chips = box.locator(".demo-words button")
    reader.mouse.move(*centre(chips.nth(0)))
    reader.mouse.down()
    reader.mouse.move(*centre(chips.nth(3), 0.9), steps=12)
    reader.mouse.up()
    order.insert(3, order.pop(0))
    assert words(box) == order
    expect(box.locator(".demo-say")).to_have_text(said(order, puzzle))
    expect(box.locator("[aria-pressed=true], .dragged")).to_have_count(0)  # the click that ends a drag picks nothing
    chips.nth(0).click()
    expect(chips.nth(0)).to_have_attribute("aria-pressed", "true")


def test_on_a_phone_words_are_dragged_or_tapped_and_all_fits(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box, puzzle = figure(page), PUZZLES[0]
    order = demo.spelled(puzzle, puzzle["bag"])
    chips = box.locator(".demo-words button")
    chips.nth(0).scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)
    (x, y), (to, down) = centre(chips.nth(0)), centre(chips.nth(2), 0.9)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in range(1, 9):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [
            {"x": x + (to - x) * part / 8, "y": y + (down - y) * part / 8}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    order.insert(2, order.pop(0))
    expect(box.locator(".demo-say")).to_have_text(said(order, puzzle))
    assert words(box) == order
    expect(box.locator("[aria-live]")).to_contain_text("place 3 of 6")  # a moment later, or Chromium sees a double tap
    chips.nth(4).tap()
    chips.nth(1).tap()
    order.insert(1, order.pop(4))
    expect(box.locator(".demo-say")).to_have_text(said(order, puzzle))
    assert words(box) == order
    for place in range(len(PUZZLES)):
        box.get_by_role("button", name="Next sentence").tap()
        expect(box.locator(".demo-title")).to_contain_text(f"Sentence {(place + 1) % 12 + 1} of 12")
        box.get_by_role("button", name="Show the answers").tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.locator(".demo :is(button, input, select)").evaluate_all(
        "(controls) => controls.filter((c) => c.getBoundingClientRect().height < 24).length")
    assert small == 0
    context.close()


def test_the_beam_is_followed_step_by_step_at_each_width(reader: Page) -> None:
    box, puzzle = figure(reader), PUZZLES[0]
    box.get_by_label("Width").select_option("1")
    expect(box.locator(".demo-beam li.kept")).to_have_count(1)
    box.get_by_role("slider").press("End")
    last = demo.steps(puzzle, 1)[-1]
    expect(box.locator(".demo-step")).to_have_text(f"The beam of 1 at word 6 of 6: {len(last)} grown, 1 kept")
    expect(box.locator(".demo-beam li.kept span").first).to_have_text(" ".join(last[0][0]))
    next_, back = (box.get_by_role("button", name=name, exact=True) for name in ("Next", "Back"))
    next_.focus()
    reader.keyboard.press("Enter")  # at the end: nothing, and the focus stays
    expect(next_).to_be_focused()
    expect(next_).to_have_attribute("aria-disabled", "true")
    back.click()
    expect(box.get_by_role("slider")).to_have_attribute("aria-valuetext", "word 5 of 6")
    expect(box.locator(".demo-say")).to_have_text(said(words(box), puzzle, 1))


def test_the_answers_stay_covered_until_asked_for(reader: Page) -> None:
    box = figure(reader)
    expect(box.locator(".demo-answers")).to_be_hidden()
    for puzzle in PUZZLES:
        box.get_by_role("button", name="Show the answers").click()
        expect(box.locator(".demo-answers")).to_be_visible()
        assert box.locator(".demo-answers dd").all_inner_texts() == [
            " ".join(demo.spelled(puzzle, puzzle["sentence"])), " ".join(demo.found(puzzle, demo.WIDTH)[0]),
            " ".join(demo.spelled(puzzle, puzzle["untuned"])), " ".join(demo.spelled(puzzle, puzzle["tuned"]))]
        box.get_by_role("button", name="Next sentence").click()
        expect(box.locator(".demo-answers")).to_be_hidden()


def test_the_scores_come_when_the_reader_starts_and_a_failure_is_told(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1].split("?")[0]))
    page.route("**/puzzles.json*", lambda route: route.abort())
    page.goto(server + ARTICLE)
    box = figure(page)
    assert not any("puzzles" in name for name in asked)
    box.get_by_role("button", name="Next sentence").click()
    expect(box.locator(".demo-say")).to_have_text("The scores could not be loaded. Try again when you are connected.")
    page.unroute("**/puzzles.json*")
    box.get_by_role("button", name="Next sentence").click()
    expect(box.locator(".demo-title")).to_contain_text("Sentence 2 of 12")
    assert len(json.dumps(PUZZLES, separators=(",", ":"))) < 60_000
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_running_figure(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page)
    box.locator(".demo-words button").first.click()
    box.get_by_role("button", name="Show the answers").click()
    answer = Axe().run(page, context=".demo", options={"rules": {"target-size": {"enabled": True}}}).response
    assert [f"{rule['id']}: {node['html'][:160]} ({node['failureSummary']})"
            for rule in answer["violations"] for node in rule["nodes"]] == []
    assert "color-contrast" in {rule["id"] for rule in answer["passes"]}
    context.close()
