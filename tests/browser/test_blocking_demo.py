"""The interactive timeline of the article on blocking coroutines: the same as its Python, and usable by everybody."""

from __future__ import annotations

import json
import random
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

ARTICLE = "posts/blocking-coroutines/"

demo = load("blocking-coroutines", "demo")
t = demo.t


def figure(page: Page) -> Locator:
    found = page.locator(".demo")
    found.scroll_into_view_if_needed()
    found.get_by_role("combobox").wait_for()
    return found


# strategy, mails, latency, rendering, sending in microseconds, at once, processors, computing of the server
EDGES = [(strategy, *rest) for strategy in t.STRATEGIES for rest in (
    (0, 0, 0, 0, 1, 1, 0), (1, 0, 0, 0, 1, 1, 0), (7, 0, 5_000, 0, 40, 1, 0), (3, 100_000, 4_950, 0, 2, 3, 0),
    (3, 10_000, 10_000, 500, 1, 2, 7_000), (200, 200_000, 30_000, 500, 32, 2, 0))]
DRAW = random.Random(11)
RANDOM = [(strategy, DRAW.randrange(80), DRAW.choice([0, 1, DRAW.randrange(200_000)]),
           DRAW.choice([0, 5_000, 10_000, DRAW.randrange(30_000)]), DRAW.choice([0, 500, DRAW.randrange(3_000)]),
           DRAW.randrange(1, 40), DRAW.randrange(1, 5), DRAW.choice([0, 0, 400, DRAW.randrange(9_000)]))
          for strategy in t.STRATEGIES for _ in range(8)]


@pytest.mark.parametrize("cases", [EDGES, RANDOM], ids=["edges", "random"])
def test_every_segment_and_beat_is_that_of_the_python(reader: Page, cases: list[Any]) -> None:
    theirs = reader.evaluate("""async (cases) => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { simulate, lag } = await import(new URL("timeline.js", home));
      return cases.map((one) => {
        const { segments, beats, end, most } = simulate(...one);
        return [segments, beats, end, most, lag(beats, 50), lag(beats, 99), lag(beats, 100)];
      });
    }""", cases)
    for one, found in zip(cases, theirs, strict=True):
        line = t.simulate(*one)
        ours = [line.segments, line.beats, line.end, line.most, *(t.lag(line.beats, share) for share in (50, 99, 100))]
        assert found == json.loads(json.dumps(ours)), one
    assert sum(len(found[0]) for found in theirs) > 4_000


def test_what_is_drawn_and_said_is_that_of_the_python(reader: Page) -> None:
    cases = [demo.FIRST, *((strategy, mails, latency, render, slots) for strategy in t.STRATEGIES
                           for mails, latency, render, slots in ((1, 0, 0, 1), (200, 200, 30, 32), (37, 45, 3, 7)))]
    theirs = reader.evaluate("""async (cases) => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { picture } = await import(new URL("demo.js", home));
      return cases.map((one) => picture(...one));
    }""", cases)
    for one, found in zip(cases, theirs, strict=True):
        assert found == json.loads(json.dumps(demo.picture(*one))), one


def outline(root: Any) -> list[tuple[Any, ...]]:
    return [(element.tag, *(element.get(name) for name in ("class", "x", "y", "d")), " ".join(element.text_content().split()))
            for element in root.iter("text", "path", "span", "b") if not element.xpath("ancestor-or-self::*[contains(@class, 'controls')]")]


def test_a_running_figure_shows_what_the_page_held_before(reader: Page) -> None:
    frame = lxml.html.fragment_fromstring(demo.frame(), create_parent="div")
    running = lxml.html.fragment_fromstring(figure(reader).inner_html(), create_parent="div")
    assert outline(running) == outline(frame) and len(outline(frame)) > 20


@pytest.mark.parametrize("width", [320, 390, 800, 1440])
def test_starting_and_choosing_moves_nothing(browser: Browser, server: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    idle, page = context.new_page(), context.new_page()
    idle.route("**/demo.js", Route.abort)
    idle.goto(server + ARTICLE)
    page.goto(server + ARTICLE)
    box = figure(page)
    before = idle.locator(".demo").bounding_box()
    for key in ("", "End"):        # as it starts, and with the longest summaries
        for slider in box.get_by_role("slider").all() if key else []:
            slider.press(key)
        for strategy in t.STRATEGIES:
            box.get_by_role("combobox").select_option(strategy)
            after = box.bounding_box()
            assert before and after and before["height"] == after["height"], (key, strategy)
    controls, svg = box.locator(".demo-controls"), box.locator("svg")
    last = controls.locator("input").last.bounding_box()
    top = svg.bounding_box()
    assert last and top and last["y"] + last["height"] <= top["y"]       # the room kept for them is enough
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_everything_works_by_keyboard(reader: Page) -> None:
    box = figure(reader)
    strategy = box.get_by_role("combobox")
    strategy.focus()
    reader.keyboard.press("Home")
    reader.keyboard.press("ArrowDown")
    expect(box.locator(".demo-say b")).to_have_text("Blocking.")
    for name, key, value in (("Mails", "Home", "1"), ("Reply after", "End", "200 ms"), ("Rendering", "Home", "0 ms"),
                             ("At once", "Home", "1")):
        reader.keyboard.press("Tab")
        control = box.get_by_role("slider", name=name)
        expect(control).to_be_focused()
        reader.keyboard.press(key)
        assert control.get_attribute("aria-valuetext") == value
    shown = demo.picture("blocking", 1, 200, 0, 1)
    expect(box.locator(".demo-say span")).to_have_text(shown["say"])
    expect(box.locator("path.blocks")).to_have_attribute("d", shown["paths"]["blocks"])


def test_it_works_by_touch_on_a_phone(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page)
    box.get_by_role("slider").first.tap(position={"x": 4, "y": 16})
    expect(box.locator(".demo-say span")).to_contain_text(" ms in the median")
    assert int(box.locator(".demo-say span").inner_text().split()[0]) < 15
    assert all(control.bounding_box()["height"] >= 24 for control in box.locator("select, input").all())  # type: ignore[index]
    context.close()


def test_a_screen_reader_hears_one_summary_after_a_pause(reader: Page) -> None:
    box = figure(reader)
    live = box.locator("[aria-live=polite]")
    assert live.inner_text() == ""
    reader.evaluate("""() => {
      window.heard = [];
      const region = document.querySelector(".demo [aria-live]");
      new MutationObserver(() => heard.push(region.textContent)).observe(region, { childList: true });
      const slider = document.querySelector(".demo input");
      for (let mails = 20; mails <= 40; mails += 1) {
        slider.value = mails;
        slider.dispatchEvent(new Event("input"));
      }
    }""")
    strategy, _, *rest = demo.FIRST
    expect(live).to_have_text(f"Async, render in loop. {demo.picture(strategy, 40, *rest)['say']}")
    assert len(reader.evaluate("heard")) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_running_figure(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    figure(page)
    found = Axe().run(page, context=".demo", options={"rules": {"target-size": {"enabled": True}}})
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_without_javascript_the_figure_teaches_and_offers_nothing_dead(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + ARTICLE)
    frame = page.locator(".demo")
    expect(frame).to_contain_text("60 mails in ")
    assert frame.locator("select, input, button").count() == 0
    controls = frame.locator(".demo-controls").bounding_box()
    assert controls is None or controls["height"] < 1
    context.close()


def test_nothing_moves_by_itself(reader: Page) -> None:
    box = figure(reader)
    box.get_by_role("combobox").select_option("blocking")
    assert reader.evaluate("document.getAnimations().filter((a) => a.effect.target.closest('.demo')).length") == 0
