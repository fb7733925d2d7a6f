"""What a first visit costs. Figures drawn in the page count as its images: they are set aside, as the budget says."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

KILOBYTE = 1000
ARTICLES = ["blocking-coroutines", "byte-pair-encoding", "classifying-code-bert", "computational-photography",
            "cut-cross-entropy", "differential-attention", "reconstructing-sentences-gpt2"]


def packed(content: bytes) -> int:
    return len(gzip.compress(content, 9, mtime=0))


def first_visit(browser: Browser, address: str) -> dict[str, int]:
    """Bytes by address of all that an empty browser fetches; with the first, the icon that headless ones leave out."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address, wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => true)")
    costs = {answer.url: packed(answer.body()) for answer in answers if "/_images/" not in answer.url}
    markup = re.sub(rb'<svg class="figure-svg".*?</svg>', b"", answers[0].body(), flags=re.DOTALL)
    icon = page.locator("link[rel=icon]").evaluate("(link) => link.href")
    costs[answers[0].url] = packed(markup) + packed(context.request.get(icon).body())
    context.close()
    return costs


@pytest.mark.parametrize("slug", ARTICLES)
def test_an_article_with_mathematics_takes_at_most_100_kb_in_8_requests(browser: Browser, server: str, slug: str) -> None:
    costs = first_visit(browser, f"{server}posts/{slug}/")
    assert any("math" in url for url in costs), "no font for formulas: has this article none?"
    assert sum(costs.values()) <= 100 * KILOBYTE and len(costs) <= 8, costs


def test_every_page_without_mathematics_takes_at_most_40_kb(browser: Browser, server: str, site: Path) -> None:
    """Search is left out: its index is fetched by those who search. A page of numbers has what its readers came for."""
    plain = [path for path in sorted(site.rglob("index.html")) if "<math" not in path.read_text(encoding="utf-8")
             and path.parent.name != "search"]
    assert len(plain) > 15
    costs = {path: first_visit(browser, server + path.parent.relative_to(site).as_posix() + "/") for path in plain
             if path.parent != site}
    heavy = {str(path): cost for path, cost in costs.items()
             if sum(cost.values()) > (50 if path.parent.name == "numbers" else 40) * KILOBYTE or len(cost) > 8}
    assert heavy == {}


def test_home_takes_at_most_37_kb_and_no_font_that_it_does_not_show(browser: Browser, server: str) -> None:
    """The budget is 40; more would use up what longer lists of articles need."""
    costs = first_visit(browser, server)
    assert sum(costs.values()) <= 37 * KILOBYTE, costs
    assert [url.split("/")[-1] for url in costs if url.endswith(".woff2")] == ["blog-serif-roman.woff2"]
