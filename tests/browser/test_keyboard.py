"""Every page by keyboard alone: the way to the articles, the drawers on a phone, a focus that is always seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)
ARTICLE = "posts/cut-cross-entropy/"
DRAWERS = {"menu": ("#__navigation", ".sidebar-drawer"), "contents": ("#__toc", ".toc-drawer")}

# What has the focus and where a reader sees it. A drawer's switch is seen as its icon.
FOCUS = """() => {
  const el = document.activeElement;
  if (el === document.body) return null;
  const labels = el.matches(".sidebar-toggle") ? [...document.querySelectorAll(`label[for=${el.id}]`)] : [el];
  const seen = labels.find((label) => label.getClientRects().length && !label.matches(".overlay"));
  if (!seen) return { html: el.outerHTML.slice(0, 120), visible: false };
  const box = seen.getBoundingClientRect(), style = getComputedStyle(seen);
  return {
    html: el.outerHTML.slice(0, 120),
    visible: seen.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
    inside: box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
    ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    ringColour: style.outlineColor,
  };
}"""


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_at(path: str, size: ViewportSize, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport=size, reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.goto(server + path)
        page.evaluate("document.fonts.ready.then(() => true)")
        return page

    yield open_at
    for context in contexts:
        context.close()


def stops(page: Page) -> Iterator[dict[str, Any]]:
    """Every place that Tab reaches, from the top of the page to its end."""
    for _ in range(600):
        page.keyboard.press("Tab")
        where = page.evaluate(FOCUS)
        if where is None:
            return
        yield where
    raise AssertionError("Tab never leaves the page")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_tab_reaches_the_first_article_and_enter_opens_it(open_page: Callable[..., Page], server: str, size: ViewportSize) -> None:
    page = open_page("", size)
    first = page.locator(".card-title a").first
    address = first.get_attribute("href")
    for _ in stops(page):
        if first.evaluate("(link) => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}{address}")
    expect(page.locator("h1")).to_contain_text("Cut Cross Entropy")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", ARTICLE, "articles/tag/", "search/?q=vocabulary", "docs/about/"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_tab_stop_is_on_the_screen_with_a_visible_ring(
        open_page: Callable[..., Page], size: ViewportSize, path: str, theme: str) -> None:
    page = open_page(path, size, color_scheme=theme)
    if path.startswith("search"):
        expect(page.locator(".search li")).not_to_have_count(0)
    walked = list(stops(page))
    ring = page.evaluate("(() => { const p = document.createElement('p'); p.style.color = 'var(--color-focus)';"
                         "document.body.append(p); return getComputedStyle(p).color; })()")
    assert len(walked) > 8
    assert [stop for stop in walked if not stop["visible"] or not stop["inside"]] == []
    assert [stop for stop in walked if stop["ring"] < 2 or stop["ringColour"] != ring] == []


def test_skip_link_leads_past_the_menu(open_page: Callable[..., Page]) -> None:
    page = open_page(ARTICLE, DESK)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-to-content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null")


@pytest.mark.parametrize("key", ["Space", "Enter"])
@pytest.mark.parametrize("drawer", DRAWERS)
def test_on_a_phone_a_drawer_opens_takes_the_focus_and_gives_it_back(
        open_page: Callable[..., Page], drawer: str, key: str) -> None:
    switch_name, panel_name = DRAWERS[drawer]
    page = open_page(ARTICLE, PHONE)
    switch, panel = page.locator(switch_name), page.locator(panel_name)
    expect(panel).to_be_hidden()
    switch.focus()
    page.keyboard.press(key)
    expect(panel).to_be_visible()
    links = panel.locator("a:visible, input:visible")
    expect(links.first).to_be_focused()
    expect(panel).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("Tab")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(switch).to_be_focused()


def test_a_drawer_closes_when_tab_leaves_it(open_page: Callable[..., Page]) -> None:
    page = open_page("", PHONE)
    page.locator("#__navigation").focus()
    page.keyboard.press("Space")
    panel = page.locator(".sidebar-drawer")
    expect(panel.locator("a").first).to_be_focused()
    panel.locator("a").last.focus()
    page.keyboard.press("Tab")
    expect(panel).to_be_hidden()


def test_a_drawers_link_leads_there_and_closes_it(open_page: Callable[..., Page]) -> None:
    page = open_page(ARTICLE, PHONE)
    page.locator("#__toc").focus()
    page.keyboard.press("Enter")
    link = page.locator(".toc-tree a:visible").nth(1)
    target = link.get_attribute("href") or ""
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".toc-drawer")).to_be_hidden()
    assert page.url.endswith(target)
    expect(page.locator(target).locator("h2").first).to_be_in_viewport()


def test_a_page_without_contents_has_no_switch_for_them(open_page: Callable[..., Page]) -> None:
    page = open_page("", PHONE)
    expect(page.locator("#__toc")).to_be_hidden()


@pytest.mark.parametrize("kind", ["pre", ".math-wrapper", ".table-wrapper"])
def test_what_scrolls_sideways_scrolls_by_keyboard(open_page: Callable[..., Page], kind: str) -> None:
    page = open_page(ARTICLE, PHONE)
    wide = page.locator(kind).evaluate_all("(all) => all.findIndex((el) => el.scrollWidth > el.clientWidth + 1)")
    assert wide >= 0, f"no {kind} of this article is wider than a phone: choose another article"
    box = page.locator(kind).nth(wide)
    expect(box).to_have_attribute("tabindex", "0")  # not every browser makes a scroller a tab stop by itself
    box.focus()
    expect(box).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(el) => el.scrollLeft > 0", arg=box.element_handle())
