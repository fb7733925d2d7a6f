"""Reading in peace: where one was is kept, how far one is shows, and large letters, contrast and screen readers lose nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

ARTICLES = ["blocking-coroutines", "byte-pair-encoding", "classifying-code-bert", "computational-photography",
            "cut-cross-entropy", "differential-attention", "reconstructing-sentences-gpt2"]
PATHS = ["", "articles/", "docs/map/", "docs/corrections/", "docs/about/", *(f"posts/{slug}/" for slug in ARTICLES)]
ARTICLE = "posts/reconstructing-sentences-gpt2/"
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => { for (const entry of list.getEntries()) shifts.push(entry.value); })
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="no-preference")
    yield made
    made.close()


# -- Where the reader was ----------------------------------------------------


def read_to(page: Page, number: int) -> str:
    """Scroll to a section as a reader does, and leave for another page."""
    section = page.locator("[role=main] section section").nth(number)
    section.evaluate("(part) => scrollTo(0, part.getBoundingClientRect().top + scrollY - 200)")
    name = section.get_attribute("id")
    page.goto(page.url.split("posts/")[0] + "docs/about/")
    assert name
    return name


def test_on_return_a_link_offers_the_section_one_was_in_and_nothing_moves_by_itself(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.add_init_script(SHIFTS)
    page.goto(server + ARTICLE)
    room = "['.article-head', '.continue'].map((part) => JSON.stringify(document.querySelector(part).getBoundingClientRect()))"
    before = page.evaluate(room)
    expect(page.get_by_role("link", name="Continue where you were")).to_have_count(0)
    section = read_to(page, 3)
    page.goto(server + ARTICLE)
    offer = page.get_by_role("link", name="Continue where you were")
    expect(offer).to_be_visible()
    assert page.evaluate("scrollY") == 0
    assert page.evaluate(room) == before  # its room was kept
    assert page.evaluate("shifts.reduce((sum, shift) => sum + shift, 0)") < 0.001
    offer.click()
    assert page.url.endswith(f"#{section}")
    expect(page.locator(f"[id='{section}'] > :is(h2, h3)").first).to_be_in_viewport()


def test_a_link_to_a_part_is_followed_and_nothing_else_offered(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.goto(server + ARTICLE)
    read_to(page, 3)
    page.goto(server + ARTICLE + "#references")
    expect(page.locator("#references h2")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Continue where you were")).to_have_count(0)


def test_an_article_read_to_its_end_offers_nothing(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.goto(server + ARTICLE)
    read_to(page, 3)
    page.goto(server + ARTICLE)
    page.locator(".cite").scroll_into_view_if_needed()
    page.goto(server + "docs/about/")
    page.goto(server + ARTICLE)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
    expect(page.get_by_role("link", name="Continue where you were")).to_have_count(0)


def test_a_reader_who_lets_the_page_keep_nothing_reads_undisturbed(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });")
    page.goto(server + ARTICLE)
    read_to(page, 2)
    page.goto(server + ARTICLE)
    assert [error for error in errors if "SecurityError" not in error and error != "no"] == []
    expect(page.locator(".copy").first).to_be_attached()  # the rest of the script runs


# -- How far it is -----------------------------------------------------------


BAR = "new DOMMatrix(getComputedStyle(document.body, '::before').transform).a"  # its part of the window's width


def test_a_bar_shows_how_far_one_is_without_a_script_and_takes_no_room(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=True, viewport={"width": 390, "height": 844})
    context.route("**/*.js", lambda route: route.abort())
    page = context.new_page()
    page.goto(server + ARTICLE)
    seen = []
    for part in (0, 0.5, 1):
        page.evaluate("(part) => scrollTo(0, part * (document.documentElement.scrollHeight - innerHeight))", part)
        page.wait_for_function(f"(part) => Math.abs({BAR} - part) < 0.02", arg=part)
        seen.append(round(page.evaluate(BAR), 1))
    assert seen == [0, 0.5, 1]
    assert page.evaluate("getComputedStyle(document.body, '::before').position") == "fixed"
    page.goto(server + "docs/about/")
    assert page.evaluate("getComputedStyle(document.body, '::before').content") == "none"
    context.close()


def test_who_asks_for_less_motion_sees_no_bar_move(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.goto(server + ARTICLE)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("getComputedStyle(document.body, '::before').animationName") == "none" and page.evaluate(BAR) == 0
    page.close()


# -- Contrast ----------------------------------------------------------------


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const found = {};
  const text = ".byline p, .byline dt, .byline dd, .trail a, .minutes, .colophon p, article > section > p";
  for (const part of document.querySelectorAll(text)) {
    if (!part.checkVisibility()) continue;
    const ink = light(getComputedStyle(part).color);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    const name = part.closest("[class]").getAttribute("class") + " " + part.tagName;
    found[name] = Math.min(found[name] ?? 99, ratio);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_who_asks_for_more_contrast_gets_seven_to_one_for_all_text_around_an_article(
        browser: Browser, server: str, theme: Any) -> None:
    least = {}
    for wish in ("no-preference", "more"):
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=theme, contrast=wish)
        page.goto(server + ARTICLE)
        found = page.evaluate(CONTRAST)
        assert len(found) > 5
        least[wish] = min(found.values())
        page.close()
    assert least["more"] >= 7 and least["more"] > least["no-preference"] >= 4.5, least


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forced_colours_keep_the_map_the_history_and_the_bar_visible(browser: Browser, server: str, theme: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, forced_colors="active", color_scheme=theme)
    page.goto(server + "docs/map/")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    drawn = page.evaluate("""[".figure-svg text", ".figure-svg circle"].map((part) => getComputedStyle(document.querySelector(part)).fill)
      .concat([...document.querySelectorAll(".figure-svg path")].map((part) => getComputedStyle(part).stroke))""")
    assert len(drawn) > 3 and paper not in drawn and "none" not in drawn
    page.goto(server + ARTICLE)
    assert page.evaluate("getComputedStyle(document.body, '::before').borderTopColor") != paper
    page.close()


# -- Large letters -----------------------------------------------------------


CUT = """() => [...document.querySelectorAll("body *")].filter((el) => {
  if (!el.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  if (el.closest("svg, math, .skip-to-content, .sidebar-toggle")) return false;
  const style = getComputedStyle(el);
  if (!/hidden|clip/.test(style.overflowX + style.overflowY) || !el.textContent.trim()) return false;
  return (/hidden|clip/.test(style.overflowX) && el.scrollWidth > el.clientWidth + 1)
    || (/hidden|clip/.test(style.overflowY) && el.scrollHeight > el.clientHeight + 4);
}).map((el) => el.outerHTML.slice(0, 100))"""
OUT = """() => [...document.querySelectorAll(".main *")]
  .filter((el) => el.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !el.closest("pre, .table-wrapper, .math-wrapper, .math-long, svg, .byline p, thead"))
  .filter((el) => { const box = el.getBoundingClientRect(); return box.width && (box.right > innerWidth + 1 || box.left < -1); })
  .map((el) => el.outerHTML.slice(0, 100))"""
SPACED = """() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync("*:not(math, math *) { line-height: 1.5 !important; letter-spacing: 0.12em !important; " +
    "word-spacing: 0.16em !important } p { margin-bottom: 2em !important }");
  document.adoptedStyleSheets = [sheet]; }"""


@pytest.mark.parametrize(("zoom", "width", "height"), [(200, 640, 512), (400, 320, 256)])
def test_at_200_and_400_percent_nothing_is_cut_and_no_page_scrolls_sideways(
        browser: Browser, server: str, zoom: int, width: int, height: int) -> None:
    """A window of 1280 by 1024 at that zoom; once more with the spacing of letters and lines that WCAG 1.4.12 allows readers."""
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=zoom / 100)
    wrong = {}
    for path in PATHS:
        page.goto(server + path)
        for spacing in ("", " spaced"):
            if spacing:
                page.evaluate(SPACED)
            found = page.evaluate(f"({CUT})().concat(({OUT})())")
            sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            wrong[path + spacing] = found + ([f"{sideways} px sideways"] if sideways > 0 else [])
    page.close()
    assert {path: found for path, found in wrong.items() if found} == {}


@pytest.mark.parametrize("slug", [*ARTICLES, "map"])
def test_at_400_percent_axe_finds_nothing_in_any_article(browser: Browser, server: str, slug: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    page.goto(server + (f"posts/{slug}/" if slug != "map" else "docs/map/"))
    answer = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
                                      "rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations", "passes"]}).response
    page.close()
    assert [f"{rule['id']}: {node['html'][:160]}" for rule in answer["violations"] for node in rule["nodes"]] == []
    assert {"color-contrast", "target-size"} <= {rule["id"] for rule in answer["passes"]}


# -- Screen readers ----------------------------------------------------------


def flat(text: str) -> str:
    """Without white space and what shows nothing (soft hyphens, invisible operators).

    A formula's italic letters are letters, and capitals the stylesheet's.
    """
    return re.sub(r"[\s\u00ad\u200b\u2060-\u2064]+", "", unicodedata.normalize("NFKC", text)).casefold()


def heard(page: Page) -> tuple[list[tuple[int, str]], list[str], int, str]:
    """What the accessibility tree has of the main part: headings with ranks, pictures' names, formulas, all text in order."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}
    headings, pictures, formulas, text = [], [], 0, []

    def walk(node: dict[str, Any]) -> None:
        nonlocal formulas
        role, name = node.get("role", {}).get("value"), node.get("name", {}).get("value", "")
        if not node["ignored"]:
            if role == "heading":
                rank = next(found["value"]["value"] for found in node["properties"] if found["name"] == "level")
                headings.append((rank, flat(name).removesuffix("#")))
            elif role in ("image", "img"):
                pictures.append(flat(name))
                text.append(name)
                return
            elif role == "group" and name:
                pictures.append(flat(name))
            elif role == "MathMLMath":
                formulas += 1
            elif role == "StaticText" and "backendDOMNodeId" in node:  # not what the stylesheet puts there
                text.append(name)
        for child in node.get("childIds", []):
            walk(by_id[child])

    [main] = [node for node in nodes if node.get("role", {}).get("value") == "main"]
    walk(main)
    return headings, pictures, formulas, flat("".join(text))


def written(path: Path) -> tuple[list[tuple[int, str]], list[str], int, str]:
    """The same from the page as it is written, without a browser."""
    main = lxml.html.parse(path, lxml.html.HTMLParser(encoding="utf-8")).getroot().xpath("//*[@role='main']")[0]
    for fold in main.xpath(".//details[not(@open)]"):  # a closed fold says its summary alone
        for child in [child for child in fold if child.tag != "summary"]:
            fold.remove(child)
    pictures, text = [], []

    def walk(element: Any) -> None:
        classes = (element.get("class") or "").split()
        if element.get("role") == "group" and element.get("aria-label"):
            pictures.append(flat(element.get("aria-label")))
        if element.get("role") == "img" or element.tag == "img":
            words = element.get("aria-label") or element.get("alt") or ""
            pictures.append(flat(words))
            text.append(words)
        elif element.tag == "svg" and element.get("aria-hidden") and element.xpath("ancestor::*[@role='group'][@aria-label]"):
            pass  # a demo's drawing: its group has it in words
        elif not isinstance(element.tag, str) or element.tag in ("script", "style") or element.get("hidden") is not None \
                or ("fn-bracket" in classes and element.xpath("ancestor::aside")):  # brackets that the page does not show
            pass
        else:
            text.append(element.text or "")
            for child in element:
                walk(child)
                text.append(child.tail or "")

    walk(main)
    headings = [(int(found.tag[1]), flat("".join(found.xpath(".//text()[not(ancestor::a[@class='headerlink'])]"))))
                for found in main.xpath(".//h1 | .//h2 | .//h3 | .//h4")]
    return headings, pictures, len(main.xpath(".//math")), flat("".join(text))


@pytest.mark.parametrize("path", [*(f"posts/{slug}/" for slug in ARTICLES), "docs/map/"])
def test_a_screen_reader_gets_the_headings_pictures_formulas_and_text_of_the_page_in_its_order(
        browser: Browser, server: str, site: Path, path: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(server + path)
    said, shown = heard(page), written(site / path / "index.html")
    context.close()
    assert said[0] == shown[0] and said[0][0][0] == 1
    assert said[1] == shown[1] and all(said[1])
    assert said[2] == shown[2]
    at = next((number for number, (one, other) in enumerate(zip(said[3], shown[3], strict=False)) if one != other), -1)
    assert said[3] == shown[3], (said[3][max(0, at - 60):at + 60], shown[3][max(0, at - 60):at + 60])
    assert len(said[3]) > 500


# -- The next page -----------------------------------------------------------


def test_a_page_is_fetched_ahead_when_the_pointer_rests_on_its_link_and_only_from_this_host(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(server + "docs/about/", wait_until="networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("a[href^='https://creativecommons']").hover()
    with page.expect_request(lambda request: request.url == server + "docs/map/") as ahead:
        page.locator(".blog-nav").get_by_role("link", name="Map", exact=True).hover()
    assert ahead.value.headers.get("sec-purpose", "prefetch").startswith("prefetch")
    assert [url for url in asked if not url.startswith(server)] == []
    assert page.url == server + "docs/about/"
    context.close()
