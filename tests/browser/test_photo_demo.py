"""The pictures that readers operate in computational-photography: the same as its Python, and usable by everybody."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

FOLDER = Path(__file__).resolve().parents[2] / "posts/computational-photography"
ARTICLE = "posts/computational-photography/"

demo = load("computational-photography", "demo")
cp = demo.cp


@pytest.fixture(scope="module")
def module(browser: Browser, server: str) -> Iterator[Page]:
    """A page with burst.js as `b` and the scene as `scene`."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + ARTICLE)
    page.evaluate("""async () => {
      const home = new URL(document.querySelector(".demo[data-start=burst]").dataset.home, document.baseURI);
      window.b = await import(new URL("burst.js", home));
      window.scene = new Uint8Array(await (await fetch(new URL("burst.bin", home))).arrayBuffer());
      window.burst = new b.Burst(scene);
    }""")
    yield page
    context.close()


def figure(page: Page, start: str, number: int = 0) -> Locator:
    found = page.locator(f".demo[data-start={start}]").nth(number)
    found.scroll_into_view_if_needed()
    expect(found).to_have_class(re.compile("running"))
    return found


# -- The same as demo.py -----------------------------------------------------


def image(page: Page, code: str, argument: Any = None) -> Any:
    values = page.evaluate(f"(argument) => Array.from({code})", argument)
    return np.array(values, dtype=float).reshape(demo.SIZE, demo.SIZE)


def test_chance_is_the_same_to_the_last_bit(module: Page) -> None:
    for seed in (0, 1, 17, 2**31, 2**32 - 1):
        following = demo.random(seed)
        assert module.evaluate("(seed) => { const next = b.random(seed); return Array.from({ length: 50 }, next); }", seed) == [
            following() for _ in range(50)]
    draw = random.Random(0)
    pairs = [[mean, draw.random()] for mean in (0, 0.3, 5, 60, 400) for _ in range(40)] + [[5, 0], [5, 1 - 2**-53]]
    assert module.evaluate("(pairs) => pairs.map(([mean, chance]) => b.poisson(mean, chance))", pairs) == [
        demo.poisson(mean, chance) for mean, chance in pairs]


@pytest.mark.parametrize(("frame", "shaking", "moving"), [(0, False, False), (0, True, True), (3, True, False), (15, True, True)])
def test_a_frame_is_the_one_that_python_takes(module: Page, frame: int, shaking: bool, moving: bool) -> None:
    seen = demo.light(frame, shaking, moving)
    assert np.allclose(image(module, "b.light(scene, ...argument)", [frame, shaking, moving]), seen, rtol=1e-12)
    taken = image(module, "burst.frame(...argument)", [frame, shaking, moving])
    # One rounding of exp() may move a count by one; in a frame of 16,384 that is the exception.
    assert (np.abs(taken - demo.expose(seen, frame)) > 1e-9).sum() <= 2


def test_alignment_shift_and_merges_equal_pythons_on_random_input(module: Page) -> None:
    rng = np.random.default_rng(0)
    smooth = cp.fourier_shift(np.cumsum(np.cumsum(rng.normal(size=(128, 128)), 0), 1) % 50, 0.0, 0.0)
    for down, right in ((0.0, 0.0), (3.35, -1.2), (-7.75, 6.5)):
        moved = cp.fourier_shift(smooth, down, right) + rng.normal(size=smooth.shape)
        given = [smooth.ravel().tolist(), moved.ravel().tolist()]
        found = module.evaluate("([a, b_]) => b.shiftBetween(Float64Array.from(a), Float64Array.from(b_))", given)
        assert np.allclose(found, cp.phase_correlation(smooth, moved), atol=1e-9)
        back = image(module, "b.shifted(Float64Array.from(argument[0]), argument[1], argument[2])", [given[1], -down, -right])
        assert np.allclose(back, cp.fourier_shift(moved, -down, -right), atol=1e-8)
    burst = 60 + 12 * rng.normal(size=(5, 128, 128))
    burst[2, 20:50, 30:70] += 200
    burst[3, :, :9] -= 150  # below zero, and at the border
    given = burst.reshape(5, -1).tolist()
    assert np.allclose(image(module, "b.robust(argument.map((each) => Float64Array.from(each)))", given), cp.robust_merge(burst, 4.0))
    assert np.allclose(image(module, "b.meanOf(argument.map((each) => Float64Array.from(each)))", given), burst.mean(axis=0))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_every_setting_merges_as_python_does(module: Page, count: int) -> None:
    draw = random.Random(count)
    for _ in range(3):
        names = ("shaking", "moving", "aligning", "rejecting")
        settings = {name: draw.random() < 0.6 for name in names}
        ours = image(module, "burst.merged(argument)", settings | {"count": count})
        expected = demo.merged(count, *settings.values())
        assert (np.abs(ours - expected) > 1e-6).mean() < 0.002, settings
        value = module.evaluate("(settings) => b.psnr(burst.truth(settings.moving), burst.merged(settings))", settings | {"count": count})
        assert abs(value - demo.psnr(demo.light(0, False, settings["moving"]), expected)) < 0.01


# -- Operated by everybody ---------------------------------------------------


def verdict(box: Locator) -> tuple[float, float]:
    expect(box.locator(".demo-line")).to_contain_text("Merged:")
    single, merged = re.findall(r"([\d.]+) dB", box.locator(".demo-line").inner_text())[:2]
    return float(single), float(merged)


def test_the_burst_is_merged_by_keyboard_and_says_how_well(reader: Page) -> None:
    box = figure(reader, "burst")
    slider = box.get_by_role("slider")
    slider.focus()
    reader.keyboard.press("End")
    expect(box.locator("output")).to_have_text("16 frames")
    single, merged = verdict(box)
    assert merged > single + 8
    assert abs(merged - demo.psnr(demo.light(0, False, True), demo.merged(16, True, True, True, True))) < 0.06
    reader.keyboard.press("Tab")
    for _ in range(2):
        reader.keyboard.press("Tab")
    reader.keyboard.press("Space")  # no alignment
    reader.keyboard.press("Tab")
    reader.keyboard.press("Space")  # and no rejection
    expect(box.get_by_label("Reject what differs")).not_to_be_checked()
    expect(box.locator(".demo-line")).to_contain_text("worse")
    assert slider.get_attribute("aria-valuetext") == "16 frames"
    expect(box.locator("[aria-live=polite]")).to_contain_text("worse")
    slider.focus()
    reader.keyboard.press("Home")
    expect(box.locator(".demo-line")).to_contain_text("the same")


def test_the_burst_looks_as_its_first_frame_until_the_reader_changes_something(reader: Page) -> None:
    """Nothing is fetched or moved before; then the canvases take the pictures' places."""
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    box = figure(reader, "burst")
    before = [each.bounding_box() for each in box.locator("img").all()]
    assert "burst.bin" not in asked and box.locator("canvas").count() == 0
    box.get_by_role("slider").focus()
    reader.keyboard.press("ArrowLeft")
    expect(box.locator("canvas")).to_have_count(2)
    assert [each.bounding_box() for each in box.locator("canvas").all()] == before
    reader.keyboard.press("ArrowRight")
    expect(box.locator("output")).to_have_text("8 frames")
    shown = box.locator("canvas").nth(1).evaluate("(c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)")
    inner = np.s_[demo.BORDER : -demo.BORDER, demo.BORDER : -demo.BORDER]
    expected = np.round(255 * cp.to_srgb(demo.merged(8, True, True, True, True)[inner] / demo.WHITE))
    assert (np.abs(np.array(shown).reshape(112, 112, 4)[..., 0] - expected) > 1).mean() < 0.002


@pytest.mark.parametrize("number", [0, 1])
def test_a_comparer_moves_by_keyboard_and_by_dragging(reader: Page, number: int) -> None:
    box = figure(reader, "compare", number)
    cut = "(figure) => getComputedStyle(figure.querySelectorAll('.picture')[1]).clipPath"
    slider = box.get_by_role("slider")
    assert "50%" in box.evaluate(cut)
    slider.focus()
    reader.keyboard.press("Home")
    assert "0%" in box.evaluate(cut) and slider.get_attribute("aria-valuetext").startswith("0% ")  # type: ignore[union-attr]
    reader.keyboard.press("End")
    assert "100%" in box.evaluate(cut)
    place = box.locator(".picture").first.bounding_box()
    assert place is not None
    reader.mouse.move(place["x"] + place["width"] / 4, place["y"] + 60)
    reader.mouse.down()
    assert slider.input_value() == "25"
    reader.mouse.move(place["x"] + place["width"] * 3 / 4, place["y"] + 60)
    assert slider.input_value() == "75" and "75%" in box.evaluate(cut)
    reader.mouse.up()
    reader.mouse.move(place["x"] + 10, place["y"] + 60)
    assert slider.input_value() == "75"


def test_the_quiz_tells_what_was_found_and_what_was_blamed(reader: Page) -> None:
    answers = json.loads((FOLDER / "quiz.json").read_text(encoding="utf-8"))
    invented = [index for index, each in enumerate(answers) if each["letter"] != each["read"]]
    right = next(index for index in range(12) if index not in invented)
    box = figure(reader, "quiz")
    truth = box.locator("img").nth(1)
    expect(truth).to_be_hidden()
    marks = box.locator(".marks button")
    for index in (invented[0], invented[1], right):
        marks.nth(index).focus()
        reader.keyboard.press("Enter")
    expect(box.locator(".demo-line")).to_have_text("You take 3 of 12 for invented.")
    box.get_by_role("button", name="Show what was photographed").click()
    expect(truth).to_be_visible()
    line = box.locator(".demo-line")
    expect(line).to_contain_text(f"{answers[invented[0]]['letter']} as {answers[invented[0]]['read']}")
    expect(line).to_contain_text("You found 2 of them and blamed 1 that is right.")
    assert [index for index in range(12) if "wrong" in (marks.nth(index).get_attribute("class") or "")] == invented
    box.get_by_role("button", name="Again").click()
    expect(truth).to_be_hidden()
    assert box.locator("[aria-pressed=true]").count() == 0


def test_everything_works_by_touch_on_a_phone_and_stays_where_it_is(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    page.evaluate("""() => {
      window.shift = 0;
      const add = (list) => list.getEntries().forEach((entry) => { if (!entry.hadRecentInput) shift += entry.value; });
      new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    }""")
    for start in ("burst", "compare", "quiz"):
        height = page.locator(f".demo[data-start={start}]").first.bounding_box()["height"]  # type: ignore[index]
        assert abs(figure(page, start).bounding_box()["height"] - height) < 1, start  # type: ignore[index]
    box = figure(page, "burst")
    box.get_by_text("Align the frames").tap()
    verdict(box)
    compare = figure(page, "compare")
    place = compare.locator(".picture").first.bounding_box()
    assert place is not None
    page.touchscreen.tap(place["x"] + place["width"] * 0.1, place["y"] + 80)
    assert compare.get_by_role("slider").input_value() == "10"
    quiz = figure(page, "quiz")
    quiz.locator(".marks button").nth(4).tap()
    expect(quiz.locator("[aria-pressed=true]")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("shift") < 0.01
    small = page.locator(".demo :is(button, input[type=range], label)").evaluate_all(
        "(controls) => controls.filter((c) => c.checkVisibility() && c.getBoundingClientRect().height < 24).length")
    assert small == 0
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_running_figures(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page, "burst")
    box.get_by_role("slider").press("ArrowRight")
    verdict(box)
    figure(page, "compare", 1)
    figure(page, "quiz").get_by_role("button", name="Show what was photographed").click()
    answer = Axe().run(page, context=".pictures", options={"rules": {"target-size": {"enabled": True}}}).response
    assert [f"{rule['id']}: {node['html'][:160]} ({node['failureSummary']})"
            for rule in answer["violations"] for node in rule["nodes"]] == []
    context.close()


# -- What it costs, and what is left without it ------------------------------


def test_the_first_view_on_a_phone_takes_at_most_a_megabyte_with_every_picture(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(server + ARTICLE, wait_until="networkidle")
    early = [url for url in sizes if url.endswith((".avif", ".jpg"))]
    pictures = page.locator(".pictures img").count()
    assert len(early) < pictures  # lazily loaded
    for each in page.locator(".pictures img").all():
        each.scroll_into_view_if_needed()
        each.evaluate("(image) => image.complete || new Promise((done) => image.addEventListener('load', done))")
    shown = [url for url in sizes if url.endswith((".avif", ".jpg"))]
    assert len(shown) == pictures and all(url.endswith(".avif") for url in shown)
    assert sum(sizes.values()) <= 1_000_000, sizes
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in ("demo.js", "burst.js", "compare.js")) <= 12_000
    context.close()


def test_without_javascript_both_pictures_of_each_figure_are_seen_and_nothing_dead_is_offered(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(server + ARTICLE)
    for start in ("burst", "compare", "quiz"):
        box = page.locator(f".demo[data-start={start}]").first
        first, second = (each.bounding_box() for each in box.locator("img").all())
        assert first is not None and second is not None
        assert second["x"] >= first["x"] + first["width"] or second["y"] >= first["y"] + first["height"], start
        expect(box.locator("img").nth(1)).to_be_visible()
        assert box.locator("button, input, canvas").count() == 0
    context.close()


def test_a_scene_that_does_not_arrive_is_said_and_asked_for_again(reader: Page) -> None:
    failing = {"yes": True}
    reader.route("**/burst.bin", lambda route: route.abort() if failing["yes"] else route.continue_())
    box = figure(reader, "burst")
    box.get_by_label("Align the frames").click()
    expect(box.locator(".demo-line")).to_have_text("The scene could not be loaded. Change something to try again.")
    failing["yes"] = False
    box.get_by_label("Align the frames").click()
    verdict(box)


def test_nothing_moves_by_itself(reader: Page) -> None:
    figure(reader, "burst").get_by_role("slider").press("ArrowRight")
    assert reader.evaluate("document.getAnimations().filter((a) => a.effect.target.closest('.demo')).length") == 0
    assert re.findall(r"transition|animation|scroll-behavior", (FOLDER / "demo.css").read_text(encoding="utf-8")) == []
