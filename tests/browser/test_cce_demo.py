"""The interactive figures of Cut Cross Entropy: the same as their Python, and usable by everybody."""

from __future__ import annotations

import math
import random
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

ARTICLE = "posts/cut-cross-entropy/"

demo = load("cut-cross-entropy", "demo")


def figure(page: Page, which: str) -> Locator:
    """The running figure: "tiles" or "calculator"."""
    found = page.locator(".demo").nth(["tiles", "calculator"].index(which))
    found.scroll_into_view_if_needed()
    found.locator("input").first.wait_for()
    return found


IMPORT = """const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
            const cce = await import(new URL("cce.js", home));"""


def test_the_walk_equals_the_python_on_random_and_extreme_logits(reader: Page) -> None:
    draw = random.Random(7)
    rows = [[draw.gauss(0, scale) for _ in range(draw.randint(1, 40))] for scale in (1e-9, 1.0, 30.0, 1e4) for _ in range(40)]
    rows += [[1e4, -1e4, 0.0], [-1e4] * 9, [3.0] * 17, [0.0] * 11 + [1e4], [5.0], *demo.ROWS.values()]
    cases = [[row, draw.randint(1, 9)] for row in rows]
    found = reader.evaluate("async (cases) => {" + IMPORT + """
      return cases.map(([row, width]) => [cce.whole(row), cce.walk(row, width).slice(1)]);
    }""", cases)
    for (row, width), (whole, steps) in zip(cases, found, strict=True):
        ours = demo.walk(row, width)[1:]
        assert whole == pytest.approx(demo.whole(row), rel=1e-13, abs=1e-13)
        assert steps[-1]["top"] + math.log(steps[-1]["sum"]) == pytest.approx(whole, rel=1e-12, abs=1e-12)
        for theirs, mine in zip(steps, ours, strict=True):
            assert theirs == pytest.approx(mine, rel=1e-12, abs=1e-300)


def test_bytes_equal_those_of_the_python(reader: Page) -> None:
    draw = random.Random(8)
    settings = [{"vocabulary": v, "sequences": b, "length": n, "dimensions": d, "dtype": dtype}
                for dtype in ("float32", "bfloat16") for v, b, n, d in (
                    (1, 1, 1, 1), (256_000, 8, 1024, 2304), (128, 1, 2, 100_000),
                    *((draw.randint(1, 300_000), draw.randint(1, 64), draw.randint(1, 8192), draw.randint(1, 9000))
                      for _ in range(60)))]
    found = reader.evaluate("async (settings) => {" + IMPORT + """
      return settings.map((setting) => { const all = cce.bytes(setting);
        return [all, Object.values(all).map(cce.shownBytes), cce.shownRatio(all.ratio), cce.shownRatio(all.alone)]; });
    }""", settings)
    for setting, (theirs, shown, ratio, alone) in zip(settings, found, strict=True):
        ours = demo.numbers(**setting)
        assert theirs == pytest.approx(ours, rel=1e-15)
        by_name = dict(zip(theirs, shown, strict=True))
        for name in ("logits", "naive", "cut", "gradients"):
            assert by_name[name] == demo.shown_bytes(ours[name]), setting
        assert (ratio, alone) == (demo.shown_ratio(ours["ratio"]), demo.shown_ratio(ours["alone"])), setting


def outline(html: str) -> list[tuple[Any, ...]]:
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    return [(element.tag, element.get("class"), element.get("x"), element.get("y"), element.get("height"),
             element.get("width"), " ".join(element.text_content().split()))
            for element in root.iter("text", "rect", "td", "th", "p") if element.get("class") != "demo-hidden"]


@pytest.mark.parametrize(("which", "name"), [("tiles", "demo-walk.html"), ("calculator", "demo-bytes.html")])
def test_a_running_figure_shows_what_the_page_held_before(reader: Page, which: str, name: str) -> None:
    assert outline(figure(reader, which).inner_html()) == outline(demo.frames()[name])


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("which", ["tiles", "calculator"])
def test_nothing_moves_when_a_figure_comes_alive(browser: Browser, server: str, which: str, width: int) -> None:
    heights = []
    for scripts in (False, True):
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        if not scripts:
            page.route("**/demo.js*", lambda route: route.abort())
        page.goto(server + ARTICLE)
        found = page.locator(".demo").nth(["tiles", "calculator"].index(which))
        found.scroll_into_view_if_needed()
        if scripts:
            found.locator("input").first.wait_for()
        box = found.bounding_box()
        assert box is not None
        heights.append(box["height"])
        context.close()
    assert heights[0] == pytest.approx(heights[1], abs=1)


def test_the_tile_moves_by_keyboard_and_ends_at_the_whole_sum(reader: Page) -> None:
    box = figure(reader, "tiles")
    step, width = box.get_by_role("slider").all()
    logits = demo.ROWS["Everyday logits"]
    for _ in range(2):
        step.press("ArrowRight")
    expect(box.locator("td")).to_have_text(demo.outcome(logits, 3, 4))
    assert box.locator("td").nth(2).text_content() == box.locator("td").nth(3).text_content()
    expect(box.locator(".demo-say")).to_have_text(demo.say(logits, 3, 4))
    width.press("End")
    expect(box.locator("td")).to_have_text(demo.outcome(logits, 6, 2))
    step.press("Home")
    expect(box.locator(".demo-say")).to_have_text(demo.say(logits, 6, 0))
    box.get_by_role("button").click()
    step.press("ArrowRight")
    huge = demo.ROWS["Logits near 1,000"]
    expect(box.locator("td")).to_have_text(demo.outcome(huge, 6, 1))
    expect(box.locator("[aria-live]")).to_have_text(f"{demo.say(huge, 6, 1)} m + log s is {demo.outcome(huge, 6, 1)[2]}, "
                                                    f"all at once {demo.outcome(huge, 6, 1)[3]}.")


def test_the_tile_follows_a_drag(reader: Page) -> None:
    box = figure(reader, "tiles")
    place = box.locator("svg").bounding_box()
    assert place is not None
    across, down = place["width"] / 440, place["y"] + 60
    reader.mouse.move(place["x"] + 20 * across, down)
    reader.mouse.down()
    expect(box.locator(".demo-say")).to_contain_text("Tile 1 of 4")
    reader.mouse.move(place["x"] + 425 * across, down)
    reader.mouse.up()
    expect(box.locator("td")).to_have_text(demo.outcome(demo.ROWS["Everyday logits"], 3, 4))


def test_the_calculator_follows_what_is_typed_and_refuses_nonsense(reader: Page) -> None:
    box = figure(reader, "calculator")
    box.get_by_label("Vocabulary").fill("32000")
    box.get_by_label("Type").select_option("float32")
    setting = {**demo.SETTING, "vocabulary": 32_000, "dtype": "float32"}
    expect(box.locator("td")).to_have_text([value for _, value in demo.bytes_rows(setting)])
    for nonsense in ("", "0", "2.5", "-3", "999999999"):
        box.get_by_label("Width D").fill(nonsense)
        expect(box.locator("td").first).to_have_text("–")
        expect(box.locator(".demo-say")).to_contain_text("Whole numbers")
    box.get_by_label("Width D").fill("4096")
    expect(box.locator("td")).to_have_text([value for _, value in demo.bytes_rows({**setting, "dimensions": 4096})])


def test_they_fit_a_phone_and_a_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page, "tiles")
    box.locator("svg").tap(position={"x": 12, "y": 40})
    expect(box.locator(".demo-say")).to_contain_text("Tile 1 of 4")
    figure(page, "calculator")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for control in page.locator(".demo :is(input, button, select)").all():
        assert (control.bounding_box() or {"height": 0})["height"] >= 24
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_running_figures(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    figure(page, "tiles")
    figure(page, "calculator")
    found = Axe().run(page, context=".demo")
    assert found.violations_count == 0, found.generate_report()
    context.close()
