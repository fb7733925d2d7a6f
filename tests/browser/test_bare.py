"""Without JavaScript, from a folder, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

ARTICLE = "posts/cut-cross-entropy/"


@pytest.mark.parametrize(("system", "colour"), [("light", "rgb(253, 252, 249)"), ("dark", "rgb(22, 24, 27)")])
@pytest.mark.parametrize("width", [390, 1440])
def test_without_javascript_all_is_readable(
        browser: Browser, server: str, system: Literal["light", "dark"], colour: str, width: int) -> None:
    context = browser.new_context(java_script_enabled=False, color_scheme=system, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(server)
    expect(page.locator(".card")).to_have_count(7)
    expect(page.locator(".theme-toggle:visible")).to_have_count(0)  # it could do nothing
    page.locator(".card-title a").first.click()
    expect(page.locator("article")).to_contain_text("2024 saw the first 100m$+ training runs")
    expect(page.locator("body")).to_have_css("background-color", colour)
    assert page.locator("math").count() > 20 and page.locator(".figure-svg").count() >= 1
    for kind in ("math", ".figure-svg", "table", "pre"):
        boxes = [box for part in page.locator(f"article {kind}:not(details *)").all() if (box := part.bounding_box())]
        assert boxes and all(box["width"] > 2 and box["height"] > 2 for box in boxes), kind
    page.locator("details.symbols > summary").click()
    expect(page.locator("details.symbols dl")).to_be_visible()
    if width == 390:
        page.locator("label.nav-overlay-icon").click()
        expect(page.locator(".sidebar-drawer")).to_be_in_viewport(ratio=0.9)
        page.locator(".sidebar-drawer").get_by_role("link", name="Archive").click()
        expect(page.locator("h1")).to_have_text("Archive")
    context.close()


def test_without_javascript_search_says_where_else_to_look(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + "search/")
    page.get_by_role("link", name="all articles", exact=True).last.click()
    expect(page.locator(".card")).to_have_count(7)
    context.close()


def loaded_fonts(page: Page) -> set[str]:
    page.evaluate("document.fonts.ready.then(() => true)")
    return set(page.evaluate("[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family.replaceAll('\"', ''))"))


def test_from_a_folder_styles_fonts_and_links_work(browser: Browser, html_site: Path) -> None:
    """`sphinx-build . _build/html`, opened by double-click."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((html_site / "index.html").as_uri())
    expect(page.locator("body")).to_have_css("background-color", "rgb(22, 24, 27)")
    assert "Blog Serif" in loaded_fonts(page)
    page.locator(".card-title a").first.click()
    expect(page.locator(".byline")).to_be_visible()
    assert {"Blog Serif", "STIX Two Math"} <= loaded_fonts(page)
    for name in ("Tags", "Archive", "About", "Home"):
        page.locator(".blog-nav").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_be_visible()
        assert Path(urlsplit(page.url).path).is_file(), page.url
    # A font cannot be fetched ahead from a folder; the stylesheet gets it all the same.
    assert [error for error in errors if ".woff2" not in error and "ERR_FAILED" not in error] == []
    context.close()


@pytest.mark.parametrize("folder", ["site", "html_site"])
def test_from_a_folder_search_still_finds(request: pytest.FixtureRequest, browser: Browser, folder: str) -> None:
    """Excerpts need a server; titles do not."""
    out: Path = request.getfixturevalue(folder)
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    search = out / ("search/index.html" if folder == "site" else "search.html")
    page.goto(f"{search.as_uri()}?q=coroutines")
    expect(page.locator("#search-results .search li a").first).to_contain_text("Coroutines")
    assert errors == []
    page.close()


@pytest.fixture
def paper(browser: Browser, server: str) -> Iterator[Page]:
    """An article as a printer gets it, from a reader who reads in the dark."""
    page = browser.new_page(color_scheme="dark")
    page.goto(server)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.goto(server + ARTICLE)
    page.emulate_media(media="print")
    yield page
    page.context.close()


def test_printed_article_is_black_on_white_without_navigation(paper: Page) -> None:
    expect(paper.locator("h1")).to_be_visible()
    expect(paper.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(paper.locator("article")).to_have_css("color", "rgb(31, 35, 40)")
    for part in (".sidebar-drawer", ".toc-drawer", ".mobile-header", ".trail", ".neighbours", ".theme-toggle", ".back-to-top",
                 "button.copy", "h2 .headerlink", ".skip-to-content"):
        expect(paper.locator(part).first).to_be_hidden()


def test_printed_links_show_their_addresses(paper: Page, server: str) -> None:
    """In the text; a reference spells out its own."""
    paper.goto(server + "docs/colophon/")
    shown = paper.evaluate("""[...document.querySelectorAll("section a.external")].map((link) =>
      [link.href, link.textContent, getComputedStyle(link, "::after").content])""")
    assert shown
    assert [link for link in shown if link[1] != link[0] and link[0] not in link[2]] == []


def test_article_prints_on_paper(paper: Page) -> None:
    pdf = paper.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and 4 <= pdf.count(b"/Type /Page\n") <= 40
