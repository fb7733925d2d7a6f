"""Beside the text: the reference at its citation, and side notes in the margin where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from conftest import article_head, serve
from playwright.sync_api import Browser, Page, expect

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

ARTICLE = "posts/cut-cross-entropy/"
NOTED = [ARTICLE, "posts/byte-pair-encoding/", "posts/reconstructing-sentences-gpt2/"]


# -- Citations ---------------------------------------------------------------


def test_a_reference_shows_at_its_citation_and_its_links_can_be_reached(reader: Page) -> None:
    hint, citation = reader.locator(".hint"), reader.locator("a.footnote-reference").first
    expect(hint).to_be_hidden()
    citation.hover()
    expect(hint).to_be_visible()
    expect(hint).to_contain_text("Cut Your Losses in Large-Vocabulary Language Models")
    mark, box = citation.bounding_box(), hint.bounding_box()
    assert mark and box and abs(box["y"] - mark["y"] - mark["height"]) < 2 and box["x"] >= 0 and box["x"] + box["width"] <= 1280
    reader.mouse.move(mark["x"] + mark["width"] / 2, box["y"] + 4, steps=20)  # over its edge into it, without a gap
    link = hint.get_by_role("link")
    expect(link).to_have_attribute("href", "https://arxiv.org/abs/2411.09009")
    link.hover()
    expect(hint).to_be_visible()
    reader.locator("h1").hover()
    expect(hint).to_be_hidden()


def test_a_reference_shows_while_its_citation_has_the_focus_and_escape_hides_it(reader: Page) -> None:
    hint, citation = reader.locator(".hint"), reader.locator("a.footnote-reference").nth(1)
    citation.focus()
    expect(hint).to_contain_text("Llama 2")
    reader.locator("h1").hover()  # a pointer passing elsewhere takes nothing away
    expect(hint).to_be_visible()
    reader.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    reader.keyboard.press("Tab")
    expect(hint).to_contain_text("Llama 3")
    described = reader.locator("a.footnote-reference").nth(2).get_attribute("aria-describedby")
    expect(reader.locator(f"[id='{described}']")).to_contain_text("The Llama 3 Herd of Models")
    reader.keyboard.press("Enter")
    assert reader.url.endswith(f"#{described}")


def test_a_finger_sees_the_reference_before_it_follows_the_link(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server + ARTICLE)
    for citation in (page.locator("a.footnote-reference").nth(4), page.locator("a.footnote-reference").first):
        citation.tap()
        hint = page.locator(".hint")
        expect(hint).to_be_visible()
        box = hint.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 250
        assert "#" not in page.url
    citation.tap()
    assert page.url.endswith("#footcite-wijmans2025cut")
    context.close()


def test_without_a_script_a_citation_leads_to_its_reference(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + ARTICLE)
    page.locator("a.footnote-reference").first.click()
    expect(page.locator("[id='footcite-wijmans2025cut']")).to_be_in_viewport()
    context.close()


# -- Side notes --------------------------------------------------------------


TEXT = "Word " * 60 + "\n\n"
NOTE = ":::{sidebar}\n" + "A note of some length. " * 12 + "\n:::\n\n"
HARD = (article_head() + """## First

Short.

""" + NOTE + "Short.\n\n" + NOTE + "```{code-block} text\n:class: not-run\n" + "wide " * 60 + "\n```\n\n" + TEXT + NOTE
        + "| A | B | C | D |\n| - | - | - | - |\n" + f"| {'cell ' * 9}| {'cell ' * 9}| {'cell ' * 9}| {'cell ' * 9}|\n" * 4
        + "\n" + TEXT + NOTE + "```{math}\n" + "+".join(["x_1 \\cdot y_1"] * 30) + "\n```\n\n## Last\n\n" + TEXT + NOTE
        + "```{symbols}\nx : one\ny : another\n```\n")
# Boxes of the notes, of all else in the article, and of what stands beside it.
BOXES = """() => {
  const box = (part) => {
    const { left, top, right, bottom } = part.getBoundingClientRect();
    return [left, top + scrollY, right, bottom + scrollY, part.tagName];
  };
  const shown = (part) => part.checkVisibility({ visibilityProperty: true });
  return {
    notes: [...document.querySelectorAll("aside.sidebar")].map(box),
    others: [...document.querySelectorAll(
      "article :is(p, li, h1, h2, h3, figure, pre, .table-wrapper, .math-wrapper, summary, dl, .demo), .colophon, .tags")]
      .filter((part) => shown(part) && !part.closest("aside.sidebar")).map(box),
    column: box(document.querySelector("article > section > p")),
    drawers: [...document.querySelectorAll(".toc-drawer, .sidebar-drawer")].filter(shown).map(box),
    sideways: document.documentElement.scrollWidth - innerWidth,
  };
}"""


@pytest.fixture(scope="module")
def hard(tiny: Tiny, build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Notes close to each other, and beside what is wide."""
    out = tmp_path_factory.mktemp("notes") / "out"
    result = build(tiny({"posts/x/index.md": HARD}), out, "-W", "-n")
    assert result.code == 0, result.messages
    with serve(out) as url:
        yield url + "posts/x/"


def overlap(one: list[Any], other: list[Any]) -> bool:
    return bool(one[0] < other[2] - 1 and other[0] < one[2] - 1 and one[1] < other[3] - 1 and other[1] < one[3] - 1)


@pytest.mark.parametrize(("width", "beside"), [(390, False), (1440, False), (1711, False), (1712, True), (1920, True), (2560, True)])
@pytest.mark.parametrize("path", ["hard", *NOTED])
def test_a_side_note_is_beside_the_text_where_there_is_room_and_covers_nothing(
        browser: Browser, server: str, hard: str, path: str, width: int, beside: bool) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(hard if path == "hard" else server + path)
    found = page.evaluate(BOXES)
    page.close()
    assert len(found["notes"]) == (5 if path == "hard" else 1) and found["sideways"] <= 0
    for note in found["notes"]:
        assert (note[0] > found["column"][2]) is beside
        assert note[2] - note[0] > 180
        assert [other for other in found["others"] if overlap(note, other)] == []
        assert [drawer for drawer in found["drawers"] if note[0] < drawer[2] and drawer[0] < note[2]] == []
    assert not any(overlap(one, other) for number, one in enumerate(found["notes"]) for other in found["notes"][:number])


def test_a_note_is_beside_the_end_of_what_it_is_on(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 900})
    for path in NOTED:
        page.goto(server + path)
        above = page.locator("p:has(+ aside.sidebar)").bounding_box()
        note = page.locator("aside.sidebar").bounding_box()
        assert above and note and note["y"] < above["y"] + above["height"] < note["y"] + note["height"] + 40
    page.close()


@pytest.mark.parametrize("path", NOTED)
def test_on_paper_a_note_is_in_its_place(browser: Browser, server: str, path: str) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 900})
    page.goto(server + path)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('aside.sidebar')).float") == "none"
    page.close()
