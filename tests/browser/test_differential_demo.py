"""The interactive row of the article on differential attention: the same as its Python, and usable by everybody."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

FOLDER = Path(__file__).resolve().parents[2] / "posts/differential-attention"
ARTICLE = "posts/differential-attention/"

demo = load("differential-attention", "demo")


def figure(page: Page) -> Locator:
    found = page.locator(".demo")
    found.scroll_into_view_if_needed()
    found.get_by_role("slider").first.wait_for()
    return found


def test_the_frame_in_the_page_is_what_demo_py_draws() -> None:
    assert (FOLDER / "demo-row.html").read_text(encoding="utf-8") == demo.frame()
    found = demo.row(1, 0.5)
    assert [round(weight, 12) for weight in found["difference"]] == [-0.06, 0.45, 0.04, 0.07]
    assert [round(value, 12) for value in found["rests"]] == [0.5, 0.05, 0.17]


def test_numbers_equal_those_of_the_python_at_random_and_at_the_ends(reader: Page) -> None:
    draw = random.Random(5)
    settings = [[noise, lam] for noise in (0, 1, 4) for lam in (0, 0.5, 1)]
    settings += [[draw.uniform(0, 4), draw.random()] for _ in range(300)]
    found = reader.evaluate("""async (settings) => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { row } = await import(new URL("row.js", home));
      return settings.map(([noise, lambda]) => row(noise, lambda));
    }""", settings)
    for (noise, lam), theirs in zip(settings, found, strict=True):
        ours = demo.row(noise, lam)
        assert theirs.keys() == ours.keys()
        for name in ours:
            assert theirs[name] == pytest.approx(ours[name], abs=1e-12), (noise, lam, name)


def outline(root: Any) -> list[tuple[Any, ...]]:
    return [(element.tag, element.get("class"), element.get("x"), element.get("y"), element.get("height"),
             " ".join(element.text_content().split())) for element in root.iter("text", "rect", "td", "th", "p")]


def test_a_running_figure_shows_what_the_page_held_before_and_moves_nothing(reader: Page) -> None:
    frame = lxml.html.fragment_fromstring(demo.frame(), create_parent="div")
    running = lxml.html.fragment_fromstring(figure(reader).inner_html(), create_parent="div")
    assert outline(running) == outline(frame) and len(outline(frame)) > 40


def test_sliders_by_keyboard_change_the_row_as_the_python_says(reader: Page) -> None:
    box = figure(reader)
    lam, noise = box.get_by_role("slider").all()
    lam.press("End")
    expect(box.locator(".demo-sum")).to_have_text("sum .00")
    noise.press("Home")
    cells = [demo.ratio(a, b) for a, b in zip(demo.row(0, 1)["answers"], demo.row(0, 1)["rests"], strict=True)]
    expect(box.locator("td")).to_have_text(cells)
    lam.press("Home")
    expect(box.locator(".demo-say")).to_have_text("No weight is negative.")
    noise.press("End")
    lam.press("ArrowRight")
    found = demo.row(4, 0.01)
    expect(box.locator("g[data-map=difference] .value")).to_have_text([demo.short(w) for w in found["difference"]])
    assert lam.get_attribute("aria-valuetext") == "λ 0.01"


def test_it_fits_a_phone_and_a_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page)
    slider = box.get_by_role("slider").first
    slider.tap(position={"x": 4, "y": 16})
    expect(box.locator("label span").first).to_have_text(re.compile(r"λ 0\.0\d"))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert all(control.bounding_box()["height"] >= 24 for control in box.get_by_role("slider").all())  # type: ignore[index]
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_running_figure(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    figure(page)
    found = Axe().run(page, context=".demo")
    assert found.violations_count == 0, found.generate_report()
    context.close()
