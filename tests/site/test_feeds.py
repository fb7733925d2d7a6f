"""The feeds as a feed reader meets them: by their standards, by a parser, and by what a subscriber relies on."""

from __future__ import annotations

import html
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import feedparser
import lxml.etree
import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from feeds import for_readers

ADDRESS = "https://blog.example/"
ATOM = "{http://www.w3.org/2005/Atom}"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")  # RFC 3339, as RFC 4287 wants


@pytest.fixture(scope="module")
def feeds(site: Path) -> dict[str, ET.Element]:
    """Every Atom feed by its address below the site."""
    found = {path.relative_to(site).as_posix(): ET.parse(path).getroot() for path in sorted(site.rglob("atom.xml"))}
    assert "articles/atom.xml" in found
    return found


def one(element: ET.Element, name: str) -> ET.Element:
    found = element.findall(ATOM + name)
    assert len(found) == 1, f"{len(found)} <{name}>"
    return found[0]


def links(element: ET.Element, rel: str) -> list[str]:
    return [link.get("href", "") for link in element.findall(ATOM + "link") if link.get("rel", "alternate") == rel]


def contents(feeds: dict[str, ET.Element]) -> list[tuple[str, lxml.html.HtmlElement]]:
    """(feed and article, content) of every entry."""
    return [(f"{name}: {one(entry, 'id').text}", lxml.html.fragment_fromstring(one(entry, "content").text, create_parent="div"))
            for name, feed in feeds.items() for entry in feed.iter(ATOM + "entry")]


def test_there_is_a_feed_of_the_blog_of_each_tag_and_of_each_year(
        feeds: dict[str, ET.Element], pages: dict[str, Any]) -> None:
    archives = {name for name in pages if re.fullmatch(r"articles/(tag/[^/]+/|\d{4}/|)", name)}
    assert {name.removesuffix("atom.xml") for name in feeds} == archives
    for name in archives:
        cards = pages[name].xpath("//*[@class='card-title']/a/@href")
        shown = [urljoin(ADDRESS + name, href) for href in cards]
        assert [one(entry, "id").text for entry in feeds[name + "atom.xml"].iter(ATOM + "entry")] == shown


def test_a_feed_reader_takes_every_feed_without_complaint(site: Path, feeds: dict[str, ET.Element]) -> None:
    for name in feeds:
        parsed = feedparser.parse((site / name).read_bytes(), response_headers={"content-type": "application/atom+xml"})
        assert not parsed.bozo, (name, parsed.get("bozo_exception"))
        assert parsed.version == "atom10"
        assert parsed.entries, name
        for entry in parsed.entries:
            assert entry.title and entry.link and entry.summary and entry.content[0].value
            assert entry.published_parsed and entry.updated_parsed
            assert entry.published_parsed <= entry.updated_parsed


def test_each_feed_has_what_rfc_4287_requires(feeds: dict[str, ET.Element]) -> None:
    for name, feed in feeds.items():
        assert feed.tag == ATOM + "feed"
        assert one(feed, "title").text and one(one(feed, "author"), "name").text
        assert links(feed, "self") == [ADDRESS + name]
        assert len(links(feed, "alternate")) == 1
        assert MOMENT.fullmatch(one(feed, "updated").text or "")
        for entry in feed.iter(ATOM + "entry"):
            assert one(entry, "title").text and one(entry, "summary").text
            assert len(links(entry, "alternate")) == 1
            for moment in ("published", "updated"):
                assert MOMENT.fullmatch(one(entry, moment).text or "")
            content = one(entry, "content")
            assert content.get("type") == "html" and content.text and len(content) == 0
            assert all(category.get("term") for category in entry.findall(ATOM + "category"))
        assert one(feed, "updated").text == max(one(entry, "updated").text or "" for entry in feed.iter(ATOM + "entry"))


def test_no_two_feeds_share_an_id_and_an_article_keeps_its_own_in_all(feeds: dict[str, ET.Element]) -> None:
    ids = [one(feed, "id").text or "" for feed in feeds.values()]
    assert len(set(ids)) == len(ids)
    assert all(urlsplit(value).scheme for value in ids)
    by_link: dict[str, set[str]] = {}
    for feed in feeds.values():
        entries = [one(entry, "id").text or "" for entry in feed.iter(ATOM + "entry")]
        assert len(set(entries)) == len(entries)
        for entry in feed.iter(ATOM + "entry"):
            by_link.setdefault(links(entry, "alternate")[0], set()).add(one(entry, "id").text or "")
    assert all(len(found) == 1 for found in by_link.values())
    assert set().union(*by_link.values()).isdisjoint(ids)


def test_feeds_are_newest_first_in_whole_text_with_the_articles_tags(
        feeds: dict[str, ET.Element], pages: dict[str, Any]) -> None:
    for feed in feeds.values():
        dates = [one(entry, "published").text for entry in feed.iter(ATOM + "entry")]
        assert dates == sorted(dates, key=str, reverse=True)
    for entry in feeds["articles/atom.xml"].iter(ATOM + "entry"):
        page = pages[(one(entry, "id").text or "").removeprefix(ADDRESS)]
        assert [item.get("term") for item in entry.findall(ATOM + "category")] == page.xpath("//*[@class='byline']//li/a/text()")
        content = lxml.html.fragment_fromstring(one(entry, "content").text, create_parent="div")
        headings = [heading.text_content().removesuffix("#") for heading in page.xpath("//*[@role='main']//section//h2")]
        assert content.xpath(".//h2") and [heading.text_content() for heading in content.xpath(".//h2")] == headings
        assert not content.xpath(".//h1"), "the entry's title would stand there twice"


def test_everything_in_a_feed_has_an_absolute_address_that_exists(
        feeds: dict[str, ET.Element], pages: dict[str, Any], site: Path) -> None:
    for where, content in contents(feeds):
        for link in content.xpath(".//@href | .//@src"):
            assert re.match(r"https?://|mailto:", link), (where, link)
            if link.startswith(ADDRESS):
                path, _, fragment = unquote(link.removeprefix(ADDRESS)).partition("#")
                assert path in pages or (site / path).is_file(), (where, link)
                assert not fragment or pages[path].xpath("//*[@id=$name]", name=fragment), (where, link)


def test_feeds_hold_nothing_that_readers_drop_or_show_wrongly(feeds: dict[str, ET.Element]) -> None:
    for where, content in contents(feeds):
        assert not content.xpath(".//script | .//style | .//svg | .//button | .//@style | .//@onclick"), where
        assert not content.xpath(".//*[contains(@class,'headerlink')]"), where
        assert all(image.get("alt") for image in content.xpath(".//img")), where
        text = "".join(part for part in content.xpath(".//text()[not(ancestor::pre) and not(ancestor::code)]"))
        assert not re.search(r"\\[(\[)\]]|\\[a-zA-Z]{2,}|\$\$", text), where


def test_formulas_come_as_well_formed_mathml_and_figures_as_images(feeds: dict[str, ET.Element], pages: dict[str, Any]) -> None:
    formulas = pictures = 0
    for entry in feeds["articles/atom.xml"].iter(ATOM + "entry"):
        text = one(entry, "content").text or ""
        page = pages[(one(entry, "id").text or "").removeprefix(ADDRESS)]
        found = re.findall(r"<math\b.*?</math>", text, re.DOTALL)
        assert len(found) == len(page.xpath("//*[@role='main']//math"))
        for formula in found:
            lxml.etree.fromstring(formula)
        formulas += len(found)
        images = lxml.html.fragment_fromstring(text, create_parent="div").xpath(".//figure//img")
        shown = "//*[@role='main']//figure//*[local-name()='svg' or local-name()='img']"
        assert len(images) == len(page.xpath(f"{shown}[not(ancestor::*[@class='demo'])]"))
        # The drawing of a demo's first frame comes in words.
        for words in page.xpath(f"{shown}/ancestor::*[contains(@class, 'demo')]/@aria-label"):
            assert html.escape(words, quote=False) in text
        pictures += len(images)
    assert formulas and pictures


def test_the_json_feed_keeps_its_standard_and_says_the_same_as_the_atom_feed(site: Path, feeds: dict[str, ET.Element]) -> None:
    feed = json.loads((site / "articles/feed.json").read_text(encoding="utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] and feed["home_page_url"] == ADDRESS and feed["feed_url"] == ADDRESS + "articles/feed.json"
    assert feed["authors"][0]["name"] and feed["language"] == "en"
    assert all(feed[name].startswith(ADDRESS) and (site / feed[name].removeprefix(ADDRESS)).is_file() for name in ("icon", "favicon"))
    atom = list(feeds["articles/atom.xml"].iter(ATOM + "entry"))
    assert len(feed["items"]) == len(atom)
    for item, entry in zip(feed["items"], atom, strict=True):
        assert isinstance(item["id"], str) and item["id"] == one(entry, "id").text
        assert item["url"] == links(entry, "alternate")[0]
        assert item["title"] == one(entry, "title").text
        assert item["content_html"] == one(entry, "content").text
        assert item["summary"] == one(entry, "summary").text
        assert item["date_published"] == one(entry, "published").text and datetime.fromisoformat(item["date_published"])
        assert item["date_modified"] == one(entry, "updated").text
        assert item["tags"] == [category.get("term") for category in entry.findall(ATOM + "category")]
        assert (site / item["image"].removeprefix(ADDRESS)).is_file()


def test_a_feed_holds_the_newest_twenty(tiny: Callable[..., Path], build: Callable[..., Any], tmp_path: Path) -> None:
    article = ('---\nblogpost: true\ndate: 2025-01-{day:02}\ntags: [LLMs]\ndescription: "Finding {day}."\n---\n\n'
               "# Article {day}\n\nThe opening of number {day}.\n")
    source = tiny({f"posts/number-{day}/index.md": article.format(day=day) for day in range(1, 23)})
    result = build(source, tmp_path / "out", "-W", "-q", SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    for name in ("articles/atom.xml", "articles/tag/llms/atom.xml", "articles/2025/atom.xml"):
        ids = [one(entry, "id").text for entry in ET.parse(result.out / name).getroot().iter(ATOM + "entry")]
        assert ids == [f"{ADDRESS}posts/number-{day}/" for day in range(22, 2, -1)]
    items = json.loads((result.out / "articles/feed.json").read_text(encoding="utf-8"))["items"]
    assert [item["id"] for item in items] == ids
    archive = lxml.html.parse(result.out / "articles/index.html").getroot()
    assert len(archive.xpath("//*[@class='card-title']")) == 25  # the older ones stay in the archive


@pytest.mark.parametrize(("html", "expected"), [
    ('<a href="#fn1">1</a>', '<a href="https://b.example/posts/x/#fn1">1</a>'),
    ('<a href="../y/">y</a>', '<a href="https://b.example/posts/y/">y</a>'),
    ('<a href="mailto:a@b.example">m</a>', '<a href="mailto:a@b.example">m</a>'),
    ('<img src="../../_images/p.png" alt="p" loading="lazy">', '<img src="https://b.example/_images/p.png" alt="p">'),
    ('<h2>T<a class="headerlink" href="#t">#</a></h2>', "<h2>T</h2>"),
    ('<svg aria-label="up" width="3" data-source="../../_images/f.svg"><path d="M0 0"/></svg> tail',
     '<img src="https://b.example/_images/f.svg" alt="up" width="3"> tail'),
    ("<math><mi>x</mi><mspace width='1em'/></math>", '<math><mi>x</mi><mspace width="1em"></mspace></math>'),
    ("<p>1 &lt; 2 &amp; 3</p>", "<p>1 &lt; 2 &amp; 3</p>"),
])
def test_html_is_rewritten_for_feed_readers(html: str, expected: str) -> None:
    assert for_readers(html, "https://b.example/posts/x/") == expected


def test_a_control_character_in_an_article_does_not_break_the_feed(
        tiny: Callable[..., Path], build: Callable[..., Any], tmp_path: Path) -> None:
    """Pasted terminal output has them; XML 1.0 has no way to write them, and a reader would drop the whole feed."""
    source = tiny({"posts/colours/index.md": '---\nblogpost: true\ndate: 2025-01-01\ntags: [LLMs]\ndescription: "Finding."\n---\n\n'
                   "# Colours\n\nOpening.\n\n```text\n\x1b[31mred\x1b[0m \x0c\x08\n```\n"})
    result = build(source, tmp_path / "out", "-q", SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    ET.parse(result.out / "articles/atom.xml")
