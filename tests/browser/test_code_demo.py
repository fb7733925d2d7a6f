"""The interactive classifier: the same as ngrams.py on hostile and random text, and usable by everybody."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from article_code import load
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request, expect

FOLDER = Path(__file__).resolve().parents[2] / "posts/classifying-code-bert"
ARTICLE = "posts/classifying-code-bert/"

demo = load("classifying-code-bert", "demo")
MODEL = demo.ngrams.page_model()
HOSTILE = ["", " ", "\n", "\n\n\n", "\t\tx", "\r\n\tx\r\n", "\x00\x7f\x80", "é日本𝕏", "\u2028x\u2029", "x\u00a0y", "␣⏎⇥", "a" * 4000,
           "=" * 3000, "123abc_45", "\\\"'`", "<?php\n\techo 1;", "x = 1", "toString", "__proto__ constructor", "\ufeffx", "K ſ İ"]
PIECES = [*"abXY01_ .,;:()[]{}<>=+-*/&|!?'\"`~@#$%^\\\n\t", "\n    ", "\n\t", "self", "fn ", "let ", "return ", "->", "::", "é", "日", "𝕏"]


def random_texts(count: int) -> list[str]:
    draw = random.Random(2026)
    return ["".join(draw.choices(PIECES, k=draw.randrange(1, 80))) for _ in range(count)]


def figure(page: Page) -> Locator:
    found = page.locator(".demo")
    found.scroll_into_view_if_needed()
    found.locator("textarea").wait_for()
    return found


def write(box: Locator, text: str) -> None:
    box.locator("textarea").fill(text)


def test_probabilities_and_terms_equal_those_of_the_python_on_hostile_and_random_text(reader: Page) -> None:
    texts = [*HOSTILE, demo.TEXT, *random_texts(1500)]
    found = reader.evaluate("""async (texts) => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { Model } = await import(new URL("classify.js", home));
      const answer = await fetch(new URL("model.bin", home));
      const model = await Model.read(await answer.arrayBuffer());
      return texts.map((text) => {
        const { probabilities, terms, order, known } = model.classify(text);
        return [probabilities, terms.map(([name]) => name), terms.flatMap(([, adds]) => adds), model.languages[order[0]], known];
      });
    }""", texts)
    for text, (p, names, adds, best, known) in zip(texts, found, strict=True):
        ours = MODEL.probabilities(text)
        assert p == pytest.approx(ours.tolist(), abs=1e-9), text
        mine, rows = MODEL.terms(text)
        assert names == mine and adds == pytest.approx(rows.ravel().tolist(), abs=1e-9), text
        assert (best if known else None) == MODEL.answer(text), text


def test_a_model_file_that_was_cut_is_refused(reader: Page) -> None:
    message = reader.evaluate("""async () => {
      const home = new URL(document.querySelector(".demo").dataset.home, document.baseURI);
      const { Model } = await import(new URL("classify.js", home));
      const bytes = await (await fetch(new URL("model.bin", home))).arrayBuffer();
      return Model.read(bytes.slice(0, bytes.byteLength - 100)).then(() => "read", () => "refused");
    }""")
    assert message == "refused"


def outline(root: Any) -> list[tuple[str, str, str, str]]:
    return [(element.tag, element.get("class", ""), element.get("width", ""), " ".join(element.text_content().split()))
            for element in root.iter("li", "span", "b", "tr", "td", "th", "code", "rect", "p")
            if not element.xpath("ancestor-or-self::*[contains(@class,'demo-hidden')]")]


def test_a_running_figure_shows_what_the_page_held_before_and_moves_nothing(reader: Page) -> None:
    before = reader.locator(".demo").bounding_box()
    box = figure(reader)
    after = box.bounding_box()
    assert before and after and before["height"] == after["height"]
    write(box, demo.TEXT + " ")
    write(box, demo.TEXT)
    expect(box.locator(".demo-hidden")).not_to_be_empty()
    frame = lxml.html.fragment_fromstring((FOLDER / "demo.html").read_text(encoding="utf-8"), create_parent="div")
    running = lxml.html.fragment_fromstring(box.inner_html(), create_parent="div")
    assert outline(running) == outline(frame) and len(outline(frame)) > 30
    again = box.bounding_box()
    assert again and again["height"] == after["height"]


def test_the_model_comes_only_when_the_reader_acts(reader: Page) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.rpartition("/")[2])

    reader.on("request", note)
    box = figure(reader)
    assert "classify.js" in asked and "model.bin" not in asked
    box.get_by_role("button", name="Rust").click()
    expect(box.locator(".demo-say")).to_contain_text("Rust.")
    write(box, "x")
    assert asked.count("model.bin") == 1


def test_one_token_changes_the_answer_and_it_is_named(reader: Page) -> None:
    box = figure(reader)
    for text in (demo.TEXT, demo.TEXT.replace(":=", "="), "#include <vector>", "x = 1", "local x = nil"):
        write(box, text)
        p = MODEL.probabilities(text)
        said = MODEL.answer(text)
        expect(box.locator(".demo-say b")).to_have_text(f"{said}." if said else "Don't know.")
        expect(box.locator(".demo-bars li b").first).to_have_text(demo.percent(p.max()))
        frame = lxml.html.fragment_fromstring(demo.frame(MODEL, text), create_parent="div")
        expect(box.locator(".demo-why td")).to_have_text([td.text_content() for td in frame.iter("td")])


def test_an_empty_box_and_a_model_that_does_not_come_are_told(reader: Page) -> None:
    reader.route("**/model.bin", lambda route: route.abort())
    box = figure(reader)
    write(box, "x")
    expect(box.locator(".demo-say")).to_contain_text("The model could not be loaded")
    reader.unroute("**/model.bin")
    write(box, "local x = nil")
    expect(box.locator(".demo-say b")).to_have_text("Lua.")
    write(box, "")
    expect(box.locator(".demo-say b")).to_have_text("Don't know.")


def test_it_works_by_keyboard_and_tells_a_screen_reader(reader: Page) -> None:
    box = figure(reader)
    box.locator("textarea").focus()
    reader.keyboard.press("Control+A")
    reader.keyboard.type("local x = nil")
    expect(box.locator(".demo-hidden")).to_contain_text("Lua.")
    reader.keyboard.press("Tab")
    expect(box.get_by_role("button").first).to_be_focused()
    reader.keyboard.press("Enter")
    expect(box.locator("textarea")).to_have_value(demo.TEXT.replace(":=", "="))


def test_it_fits_a_phone_and_a_finger(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    before = page.locator(".demo").bounding_box()
    box = figure(page)
    after = box.bounding_box()
    assert before and after and before["height"] == after["height"]
    for button in box.get_by_role("button").all():
        button.tap()
        assert button.bounding_box()["height"] >= 24  # type: ignore[index]
    expect(box.locator(".demo-say b")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_running_figure(browser: Browser, server: str, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(server + ARTICLE)
    box = figure(page)
    write(box, "x = 1\nif y then")
    expect(box.locator(".demo-hidden")).not_to_be_empty()
    found = Axe().run(page, context=".demo")
    assert found.violations_count == 0, found.generate_report()
    context.close()
