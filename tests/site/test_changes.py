"""An article's history: checked where the author writes it, shown at its end, followed by feed."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import feedparser
import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from front_matter import parse

ADDRESS, REPOSITORY = "https://blog.example/", "https://code.example/blog"
ATOM = "{http://www.w3.org/2005/Atom}"


def article(changes: str, updated: str | None = "2026-03-03") -> str:
    """`changes` begins in line 6, or 7 with `updated`."""
    more = f"updated: {updated}\n" if updated else ""
    return ('---\nblogpost: true\ndate: 2024-02-01\ntags: [LLMs]\ndescription: "A finding."\n'
            f"{more}{changes}\n---\n\n# Title\n\nOpening.\n")


GOOD = 'changes:\n- {date: 2026-03-03, kind: correction, what: "It said bits & meant <bytes>."}\n'
MISTAKES = {
    "not-a-list": (article("changes: I mended a typo"), 7, "`changes` must be a list, each change with date, kind and what, such as"),
    "empty": (article("changes: []"), 7, "`changes` must be a list"),
    "list-of-text": (article("changes: [a typo]"), 7, "`changes` must be a list"),
    "kind": (article(GOOD.replace("correction", "corection")), 8, "unknown kind of change 'corection': did you mean 'correction'?"),
    "kind-far": (article(GOOD.replace("correction", "zzz")), 8, "unknown kind of change 'zzz': allowed are: correction, addition, wording"),
    "kind-list": (article(GOOD.replace("correction", "[a]")), 8, "unknown kind of change ['a']"),
    "no-kind": (article(GOOD.replace("kind: correction, ", "")), 8, "a change without `kind`; write {date: 2026-11-24, kind: correction"),
    "no-date": (article("changes: [{kind: wording, what: A}]"), 7, "a change without `date`"),
    "date": (article(GOOD.replace("2026-03-03", "March")), 8, "`date` 'March' is not a day; write year-month-day"),
    "before-the-article": (article(GOOD.replace("2026-03-03", "2023-03-03"), "2023-03-03"), 7,
                           "a change of 2023-03-03 is before `date: 2024-02-01`"),
    "what": (article(GOOD.replace('"It said bits & meant <bytes>."', "7")), 8, "`what` must be a sentence"),
    "field": (article(GOOD.replace("}", ", who: me}")), 8, "a change has no field `who`: allowed are: date, kind, what"),
    "field-near": (article(GOOD.replace("what:", "waht:")), 8, "a change has no field `waht`: did you mean 'what'?"),
    "updated-other": (article(GOOD, "2026-03-04"), 6,
                      "`updated` is 2026-03-04, but the last of `changes` is of 2026-03-03; write updated: 2026-03-03"),
    "updated-missing": (article(GOOD, None), 6,
                        "`updated` is missing, but the last of `changes` is of 2026-03-03; write updated: 2026-03-03"),
    "second-of-two": (article(GOOD + "- {date: 2026-03-02, kind: typo, what: B}"), 9, "unknown kind of change 'typo'"),
    "twice": (article(GOOD + 'changes: [{date: 2026-03-03, kind: wording, what: "B"}]'), 9, "`changes` is given twice; keep one"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_history_is_named_with_its_line_and_remedy(name: str, tmp_path: Path) -> None:
    text, line, remedy = MISTAKES[name]
    path = tmp_path / "index.md"
    path.write_text(text, encoding="utf-8")
    found, problems = parse(path, "posts/x/index", {"LLMs": "llms"}, {"x"})
    assert found is None
    assert [(number, message) for number, message in problems.found if number == line and remedy in message], problems.found


def test_the_history_comes_newest_first_whatever_order_the_author_wrote(tmp_path: Path) -> None:
    path = tmp_path / "index.md"
    path.write_text(article("changes:\n- {date: 2025-01-01, kind: wording, what: A}\n- {date: 2026-03-03, kind: addition, what: B}\n"
                            "- {date: 2025-06-01, kind: correction, what: C}"), encoding="utf-8")
    found, problems = parse(path, "posts/x/index", {"LLMs": "llms"}, {"x"})
    assert problems.found == [] and found
    assert [change.what for change in found.changes] == ["B", "C", "A"]


HISTORY = article("""changes:
- {date: 2026-03-03, kind: correction, what: "It said bits & meant <bytes>."}
- {date: 2026-03-03, kind: correction, what: "The sum left out the last row."}
- {date: 2025-05-05, kind: addition, what: "A section on costs."}
- {date: 2025-04-04, kind: wording, what: "Shorter sentences."}""")


@pytest.fixture(scope="module")
def blog(tiny: Callable[..., Path], build: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tiny({"posts/changed/index.md": HISTORY})
    result = build(source, tmp_path_factory.mktemp("history") / "out", "-W", "-n", SITE_URL=ADDRESS, REPOSITORY_URL=REPOSITORY)
    assert result.code == 0, result.messages
    return result.out


def test_an_article_ends_with_its_history_corrections_apart_from_wording(blog: Path) -> None:
    page = lxml.html.parse(blog / "posts/changed/index.html").getroot()
    entries = page.xpath("//aside[@class='history']//li")
    assert [(entry.get("class"), entry.xpath("strong")[0].text, entry.xpath("time/@datetime")[0]) for entry in entries] == [
        ("correction", "Correction", "2026-03-03"), ("correction", "Correction", "2026-03-03"),
        ("addition", "Addition", "2025-05-05"), ("wording", "Wording", "2025-04-04")]
    assert "It said bits & meant <bytes>." in entries[0].text_content()
    assert entries[3].xpath("a/@href") == [f"{REPOSITORY}/commits/HEAD/posts/changed/index.md?since=2025-04-04&until=2025-04-04"]
    assert not lxml.html.parse(blog / "posts/first/index.html").getroot().xpath("//aside[@class='history']")


def feed(out: Path) -> tuple[Any, ET.Element]:
    content = (out / "articles/corrections.xml").read_bytes()
    return feedparser.parse(content, response_headers={"content-type": "application/atom+xml"}), ET.fromstring(content)


def test_the_feed_of_corrections_has_those_only_each_with_an_address_that_leads_to_it(blog: Path) -> None:
    parsed, root = feed(blog)
    assert not parsed.bozo and parsed.version == "atom10"
    assert [entry.title for entry in parsed.entries] == ["Correction: Title"] * 2
    assert [entry.link for entry in parsed.entries] == [
        f"{ADDRESS}posts/changed/#correction-2026-03-03", f"{ADDRESS}posts/changed/#correction-2026-03-03-2"]
    ids = lxml.html.parse(blog / "posts/changed/index.html").getroot().xpath("//@id")
    assert {entry.link.partition("#")[2] for entry in parsed.entries} <= set(ids)
    assert "It said bits &amp; meant &lt;bytes&gt;." in parsed.entries[1].content[0].value
    assert root.findtext(f"{ATOM}updated") == "2026-03-03T12:00:00Z" and root.findtext(f"{ATOM}id") == ADDRESS + "articles/corrections.xml"


def test_a_feed_without_corrections_is_valid_too(site: Path, tiny: Callable[..., Path], build: Callable[..., Any], tmp_path: Path) -> None:
    result = build(tiny(), tmp_path / "out", SITE_URL=ADDRESS)
    for out in (result.out, site):
        parsed, root = feed(out)
        assert not parsed.bozo and parsed.version == "atom10"
        for name in ("id", "title", "updated"):
            assert len(root.findall(ATOM + name)) == 1 and root.findtext(ATOM + name)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", root.findtext(f"{ATOM}updated") or "")
        assert [link.get("rel") for link in root.findall(f"{ATOM}link")] == ["self", "alternate"]
    assert feed(result.out)[0].entries == []
    assert "No article has needed one yet." in (result.out / "docs/corrections/index.html").read_text(encoding="utf-8")


def test_one_page_lists_all_corrections_and_leads_to_their_feed(blog: Path) -> None:
    page = lxml.html.parse(blog / "docs/corrections/index.html").getroot()
    page.make_links_absolute(ADDRESS + "docs/corrections/")
    entries = page.xpath("//*[@role='main']//section//li")
    assert [entry.xpath(".//a/@href")[0] for entry in entries] == [
        f"{ADDRESS}posts/changed/#correction-2026-03-03", f"{ADDRESS}posts/changed/#correction-2026-03-03-2"]
    assert "The sum left out the last row." in page.text_content() and "Shorter sentences." not in page.text_content()
    assert ADDRESS + "articles/corrections.xml" in page.xpath("//*[@role='main']//section//a/@href")


def test_each_page_names_the_feed_of_corrections_and_leads_to_their_page(pages: dict[str, Any]) -> None:
    for name, page in pages.items():
        links = [urljoin(ADDRESS + name, link) for link in page.xpath("//link[@type='application/atom+xml']/@href")]
        assert ADDRESS + "articles/corrections.xml" in links, name
        assert page.xpath("//footer//a[.='Corrections']"), name
