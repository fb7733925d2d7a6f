"""What holds on every kind of page, on a phone and on a desk, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, ViewportSize

PAGES = {
    "home": "", "article": "posts/cut-cross-entropy/", "tag": "articles/tag/transformers/", "tags": "articles/tag/",
    "all articles": "articles/", "archive": "articles/archive/", "search": "search/?q=vocabulary",
    "about": "docs/about/", "map": "docs/map/", "404": "no/such/page",
}
SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1440, "height": 900}}

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    shifts.push([entry.value, ...[...entry.sources].map((s) => s.node?.nodeName + "." + (s.node?.className ?? ""))]);
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass
class Visit:
    """One loaded page and what its loading showed."""

    page: Page
    name: str
    origin: str
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def hold_styles_until_fonts(page: Page) -> None:
    """The first paint then has its fonts, whatever the machine does meanwhile: shifts are the page's own."""
    held: list[Route] = []
    fonts = {"asked": 0, "here": 0}

    def release() -> None:
        while held and fonts["asked"] == fonts["here"]:
            held.pop().continue_()

    def count(kind: str, url: str) -> None:
        if url.endswith(".woff2"):
            fonts[kind] += 1
        release()

    def hold(route: Route) -> None:
        held.append(route)
        release()

    page.route("**/*.css", hold)
    page.on("request", lambda request: count("asked", request.url))
    page.on("requestfinished", lambda request: count("here", request.url))


@pytest.fixture(scope="module", params=[(name, size, theme) for name in PAGES for size in SIZES for theme in ("light", "dark")],
                ids="-".join)
def visit(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    name, size, theme = request.param
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme)
    page = context.new_page()
    page.add_init_script(SHIFTS)
    found = Visit(page, name, server)
    page.on("console", lambda message: found.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.console.append(f"error: {error}"))
    page.on("request", lambda asked: found.requests.append(asked.url))
    hold_styles_until_fonts(page)
    page.goto(server + PAGES[name], wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => true)")
    yield found
    context.close()


def test_axe_finds_nothing(visit: Visit) -> None:
    assert visit.page.locator("iframe").count() == 0
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    answer: dict[str, Any] = Axe().run(visit.page, options={
        "runOnly": tags, "rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations", "passes"]}).response
    assert [f"{rule['id']}: {node['html'][:160]} ({node['failureSummary']})"
            for rule in answer["violations"] for node in rule["nodes"]] == []
    ran = {rule["id"] for rule in answer["passes"]}
    assert {"color-contrast", "target-size", "landmark-one-main", "page-has-heading-one"} <= ran


def test_no_error_in_the_console(visit: Visit) -> None:
    """A breach of the security policy is such an error too."""
    missing = "error: Failed to load resource: the server responded with a status of 404 (Not Found)"
    expected = [missing] if visit.name == "404" else []  # the page itself
    assert [line for line in visit.console if line.startswith(("error", "warning"))] == expected


def test_no_request_to_another_host(visit: Visit) -> None:
    assert visit.requests
    assert [url for url in visit.requests if not url.startswith((visit.origin, "data:"))] == []


def test_no_sideways_scroll(visit: Visit) -> None:
    """Furo cuts off at the window and lets the column scroll by itself: neither may have more than it shows."""
    wider = visit.page.evaluate("""[document.documentElement, document.querySelector(".content")].map(
      (box) => box.scrollWidth - box.clientWidth)""")
    assert wider == [0, 0]


def test_nothing_moves_while_the_page_loads(visit: Visit) -> None:
    """Results of a search come one by one after the page: they may nudge each other a little."""
    limit = 0.05 if visit.name == "search" else 0.001
    shifts = visit.page.evaluate("shifts")
    assert sum(shift[0] for shift in shifts) < limit, shifts


def test_pointer_targets_are_24_pixels_and_apart_from_text(visit: Visit) -> None:
    small = visit.page.evaluate("""() => [...document.querySelectorAll(
        ".blog-side a, .blog-side input, .colophon a, .trail a, .tags a, .read, .card-title a, .group h2 a, .titles a, " +
        ".toc-tree a, .theme-toggle, .nav-overlay-icon, .toc-overlay-icon, .neighbours a, .backrefs a, .label a, button, " +
        ".search-form input, .feed-link a")]
      .filter((el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
      .map((el) => [el.outerHTML.slice(0, 120), ...[...el.getClientRects()].map((r) => [r.width, r.height])])
      .filter(([html, ...boxes]) => boxes.length && Math.max(...boxes.map((b) => Math.min(...b))) < 24)""")
    assert small == []


ARTICLES = ["blocking-coroutines", "byte-pair-encoding", "classifying-code-bert", "computational-photography",
            "cut-cross-entropy", "differential-attention", "reconstructing-sentences-gpt2"]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_while_an_article_loads(browser: Browser, server: str, size: str) -> None:
    """Long titles, demos and wide formulas differ from article to article."""
    moved = {}
    for slug in ARTICLES:
        page = browser.new_page(viewport=SIZES[size])
        page.add_init_script(SHIFTS)
        hold_styles_until_fonts(page)
        page.goto(f"{server}posts/{slug}/", wait_until="networkidle")
        moved[slug] = page.evaluate("shifts")
        page.close()
    assert {slug: shifts for slug, shifts in moved.items() if sum(shift[0] for shift in shifts) >= 0.001} == {}


@pytest.mark.parametrize("width", [320, 390, 768, 1024])
def test_at_any_width_no_page_scrolls_sideways(browser: Browser, server: str, width: int) -> None:
    """320 px is a window of 1280 px at 400 % zoom (WCAG 1.4.10)."""
    page = browser.new_page(viewport={"width": width, "height": 700})
    wide = {}
    for path in [*(PAGES[name] for name in PAGES), *(f"posts/{slug}/" for slug in ARTICLES)]:
        page.goto(server + path)
        wide[path] = page.evaluate("""() => {
          const room = document.documentElement.clientWidth;
          const scrolls = (el) => el.closest("pre, .table-wrapper, .math-wrapper, .math-long, .sidebar-drawer, .toc-drawer");
          return [document.documentElement.scrollWidth - room, ...[...document.querySelectorAll(".main *")]
            .filter((el) => !scrolls(el) && !el.closest("svg svg, svg *, thead, .skip-to-content, .byline, .back-to-top"))
            .filter((el) => el.getBoundingClientRect().right > room + 1).map((el) => el.outerHTML.slice(0, 100))];
        }""")
    page.close()
    assert {path: found for path, found in wide.items() if found != [0]} == {}


def test_motion_stops_for_readers_who_ask(browser: Browser, server: str) -> None:
    durations = {}
    for wish in ("no-preference", "reduce"):
        page = browser.new_page(viewport=SIZES["phone"], reduced_motion=wish)
        page.goto(server)
        durations[wish] = page.evaluate("""[...document.querySelectorAll("*")].filter((el) => {
          const style = getComputedStyle(el);
          return [style.transitionDuration, style.animationDuration].join().split(",").some((time) => parseFloat(time) > 0);
        }).length""")
        page.close()
    assert durations["reduce"] == 0 < durations["no-preference"]


def test_forced_colours_keep_icons_figures_and_focus_visible(browser: Browser, server: str) -> None:
    """Windows' high contrast: the reader's own few colours instead of the page's."""
    page = browser.new_page(viewport=SIZES["phone"], forced_colors="active", color_scheme="dark")
    page.goto(server + PAGES["article"])
    page.keyboard.press("Tab")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    seen = page.evaluate("""() => ({
      icon: getComputedStyle(document.querySelector(".nav-overlay-icon svg")).stroke,
      figure: getComputedStyle(document.querySelector(".figure-svg text")).fill,
      text: getComputedStyle(document.querySelector("article p")).color,
      focus: getComputedStyle(document.querySelector(".nav-overlay-icon")).outlineColor,
    })""")
    page.close()
    assert paper not in seen.values() and "none" not in seen.values(), (paper, seen)
