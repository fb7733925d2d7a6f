"""Search finds words in the articles' bodies, wherever the site lies."""

from __future__ import annotations

import re
from pathlib import Path

import lxml.html
import pytest
from playwright.sync_api import Browser, Page, expect


def words(page: Path) -> set[str]:
    """The words of an article's paragraphs, without code and formulas."""
    root = lxml.html.parse(page, lxml.html.HTMLParser(encoding="utf-8")).getroot()
    found: set[str] = set()
    for paragraph in root.xpath("//article[@role='main']//section/p"):
        for part in paragraph.xpath(".//code | .//*[local-name()='math'] | .//a"):
            part.drop_tree()
        found |= set(re.findall(r"\b[a-z]{7,}\b", paragraph.text_content()))
    return found


@pytest.fixture(scope="module")
def own_words(site: Path) -> dict[str, str]:
    """A word of each article's text that no other page has in any form: its beginning stands nowhere else."""
    pages = {path: path.read_text(encoding="utf-8").lower() for path in sorted(site.rglob("index.html"))}
    found = {}
    for path in pages:
        if path.parent.parent == site / "posts":
            others = "\n".join(text for page, text in pages.items() if page != path)
            found[path.parent.name] = next(
                word for word in sorted(words(path), key=lambda word: (-len(word), word)) if word[:6] not in others)
    return found


@pytest.mark.parametrize("base", ["server", "subpath_server"])
def test_a_word_of_one_article_finds_that_article(
        request: pytest.FixtureRequest, browser: Browser, own_words: dict[str, str], base: str) -> None:
    address = request.getfixturevalue(base)
    assert len(own_words) == 7
    page = browser.new_page()
    for slug, word in own_words.items():
        page.goto(address)
        box = page.get_by_role("searchbox", name="Search the articles")
        box.fill(word)
        box.press("Enter")
        first = page.locator("#search-results .search li a").first
        expect(first).to_be_visible()
        assert first.evaluate("(link) => link.href").split("?")[0].split("#")[0] == f"{address}posts/{slug}/", word
        expect(page.locator("#search-results .context").first).to_have_text(re.compile(word[:5], re.IGNORECASE))
        first.click()
        expect(page.locator("h1")).to_be_visible()
        assert page.url.startswith(f"{address}posts/{slug}/")
    page.close()


def test_nothing_found_is_said(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server + "search/?q=qqqqzzzz")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")
    page.close()


def test_an_excerpt_shows_no_formula_as_a_word(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server + "search/?q=softmax")
    excerpts = page.locator("#search-results .context")
    expect(excerpts.first).to_be_visible()
    shown = " ".join(excerpts.all_text_contents())
    assert "…" in shown and not re.search("[∑∏√\u2061]|min read|All articles", shown)
    page.close()


def test_the_words_asked_for_stay_in_the_field_and_are_marked(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.goto(server + "search/?q=softmax")
    expect(page.get_by_label("Words in the articles")).to_have_value("softmax")
    expect(page.locator("#search-results .highlighted").first).to_have_text(re.compile("softmax", re.IGNORECASE))
    page.close()


def results(page: Page) -> list[str]:
    expect(page.locator("#search-results .search li a").first).to_be_visible()
    return [link.removesuffix("/").split("/")[-1] for link in page.locator("#search-results .search li a").evaluate_all(
        "(links) => links.map((link) => link.href)")]


@pytest.mark.parametrize(("asked", "slug"), [
    ("photography", "computational-photography"), ("bert", "classifying-code-bert"),
    ("attention", "differential-attention"), ("Tokenization algorithm", "byte-pair-encoding")])
def test_an_article_with_the_word_in_its_title_comes_first(browser: Browser, server: str, asked: str, slug: str) -> None:
    page = browser.new_page()
    page.goto(f"{server}search/?q={asked}")
    found = results(page)
    assert len(found) > 1, "nothing to rank"
    assert found[0] == slug
    page.close()


def test_other_forms_of_a_word_are_found(browser: Browser, server: str) -> None:
    page = browser.new_page()
    for one, other in [("token", "tokens"), ("training", "trained"), ("kernel", "kernels")]:
        page.goto(f"{server}search/?q={one}")
        first = set(results(page))
        page.goto(f"{server}search/?q={other}")
        assert first & set(results(page))
    page.close()


def test_a_search_loads_the_titles_and_the_words_that_begin_like_its_own(browser: Browser, server: str) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(server + "search/?q=softmax+memory")
    results(page)
    assert sorted(url.split("/")[-1] for url in loaded if "/words/" in url) == ["me.js", "pages.js", "so.js"]
    assert all(url.startswith(server) for url in loaded)
    page.close()


def test_a_copy_opened_from_a_folder_finds_words_too(browser: Browser, html_site: Path) -> None:
    page = browser.new_page()
    page.goto(f"{html_site.as_uri()}/search.html?q=photography")
    assert results(page)[0] == "index.html"
    assert page.locator("#search-results .search li a").first.get_attribute("href").endswith("computational-photography/index.html")
    page.close()
