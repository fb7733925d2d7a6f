"""Every page of the built site: whole, findable, valid, and with links that lead somewhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

import lxml.html
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BLOG = re.search(r'^project = "(.*)"', (ROOT / "conf.py").read_text(encoding="utf-8"), re.MULTILINE)[1]  # type: ignore[index]
ADDRESS = "https://blog.example/"
Page: TypeAlias = lxml.html.HtmlElement
Pages: TypeAlias = dict[str, Page]

# What a browser, a feed reader or a crawler follows.
LINKS = ("//a/@href | //link[@rel!='canonical']/@href | //img/@src | //script/@src | //form/@action | //source/@src"
         " | //*[local-name()='use']/@href | //*[local-name()='image']/@href | //*/@data-source | //object/@data")


def content(page: Page, name: str) -> list[str]:
    return page.xpath(f"//head/meta[@name='{name}' or @property='{name}']/@content")


def test_no_page_is_furos_error_page(pages: Pages) -> None:
    assert len(pages) > 20
    assert [name for name, page in pages.items() if "ERROR: This page was generated" in page.text_content()] == []


def test_each_page_says_once_what_it_is(pages: Pages) -> None:
    wrong = []
    for name, page in pages.items():
        canonical = page.xpath("//head/link[@rel='canonical']/@href")
        expected = {"404.html": ["404/"]}.get(name, [name])
        if canonical != [ADDRESS + address for address in expected]:
            wrong.append((name, "canonical", canonical))
        for what, found in {
            "h1": page.xpath("//h1"), "title": page.xpath("//head/title"), "description": content(page, "description"),
            "viewport": content(page, "viewport"), "charset": page.xpath("//head/meta/@charset"),
            "language": page.xpath("/html[@lang='en']"), "main": page.xpath("//main | //*[@role='main']"),
            "og:title": content(page, "og:title"), "og:url": content(page, "og:url"),
            "og:image": content(page, "og:image"), "og:description": content(page, "og:description"),
            "twitter:card": content(page, "twitter:card"),
        }.items():
            if len(found) != 1:
                wrong.append((name, what, len(found)))
    assert wrong == []


def test_each_page_has_its_own_title_and_a_description_that_search_engines_show_whole(pages: Pages) -> None:
    titles = [page.xpath("//title")[0].text_content() for page in pages.values()]
    assert sorted(titles) == sorted(set(titles))
    descriptions = {name: content(page, "description")[0] for name, page in pages.items()}
    assert {name: text for name, text in descriptions.items() if not 10 <= len(text) <= 160} == {}
    listed = [text for name, text in descriptions.items() if name != "articles/"]  # all articles: the blog's own line
    assert sorted(listed) == sorted(set(listed))


def dead_links(pages: Pages, out: Path, base: str = ADDRESS) -> list[tuple[str, str]]:
    """(page, link) of each link inside the site that leads to no file, or to no element of its page."""
    anchors = {name: {*page.xpath("//@id"), *page.xpath("//a/@name")} for name, page in pages.items()}
    dead = []
    for name, page in pages.items():
        for link in page.xpath(LINKS):
            target = urljoin(base + name, link)
            if not target.startswith(base):
                if not link.startswith(("https://", "http://", "mailto:", "data:")):
                    dead.append((name, link))
                continue
            path, fragment = unquote(urlsplit(target).path.removeprefix(urlsplit(base).path)), urlsplit(target).fragment
            known = path if path in pages else re.sub(r"(^|/)index\.html$", r"\1", path)
            if known in pages:
                if fragment and unquote(fragment) not in anchors[known]:
                    dead.append((name, link))
            elif not (out / path).is_file():
                dead.append((name, link))
    return dead


def test_every_link_image_and_anchor_leads_somewhere(pages: Pages, site: Path) -> None:
    assert dead_links(pages, site) == []


def test_no_link_depends_on_where_the_site_lies(pages: Pages) -> None:
    """A project site is under /repository/; only 404.html, served for any address, names paths of its host."""
    rooted = [(name, link) for name, page in pages.items() if name != "404.html"
              for link in page.xpath(LINKS) if link.startswith("/")]
    assert rooted == []


def test_no_page_asks_another_host_for_anything(pages: Pages, site: Path) -> None:
    foreign = [(name, link) for name, page in pages.items()
               for link in page.xpath("//@src | //link[@rel!='canonical' and @rel!='alternate']/@href | //@srcset | //form/@action")
               if re.match(r"[a-z]+:|//", link)]
    assert foreign == []
    for sheet in site.rglob("blog.*.css"):
        assert re.findall(r"url\(\s*[\"']?(?:[a-z]+:)?//[^)]*", sheet.read_text(encoding="utf-8")) == []


def test_no_tex_markup_reaches_a_reader(pages: Pages) -> None:
    """Neither in the text nor in an attribute; code may show it, and a dollar before a number is money."""
    tex = re.compile(r"\\[(\[)\]]|\\[a-zA-Z]{2,}|\$\$|(?<!\w)\$[^\s\d]|\\\$")
    stray = []
    for name, page in pages.items():
        for element in page.iter():
            if not isinstance(element.tag, str) or element.xpath(
                    "ancestor-or-self::pre | ancestor-or-self::code | ancestor-or-self::script | ancestor-or-self::style"):
                continue
            for text in [element.text or "", *(child.tail or "" for child in element), *element.attrib.values()]:
                if tex.search(text):
                    stray.append((name, element.tag, text[:80]))
    assert stray == []


def structured(page: Page) -> dict[str, dict[str, Any]]:
    """A page's JSON-LD by type."""
    return {data["@type"]: data for data in map(json.loads, page.xpath("//script[@type='application/ld+json']/text()"))}


def test_home_is_described_as_a_blog(pages: Pages) -> None:
    blog = structured(pages[""])["Blog"]
    assert blog["@context"] == "https://schema.org"
    assert blog["url"] == ADDRESS
    assert blog["name"] == BLOG
    assert blog["publisher"]["name"]


def test_each_article_is_described_as_a_blog_posting(pages: Pages) -> None:
    articles = {name: page for name, page in pages.items() if re.fullmatch("posts/[^/]+/", name)}
    assert len(articles) >= 7
    for name, page in articles.items():
        data = structured(page)["BlogPosting"]
        assert data["headline"] == page.xpath("//h1")[0].text_content().removesuffix("#")
        assert data["url"] == data["mainEntityOfPage"] == ADDRESS + name
        assert data["description"] == content(page, "description")[0]
        assert data["image"] == content(page, "og:image")[0]
        assert data["author"]["@type"] and data["author"]["name"] and data["publisher"]["name"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", data["datePublished"])
        assert data["dateModified"] >= data["datePublished"]
        assert content(page, "og:type") == ["article"]
        assert content(page, "article:published_time") == [data["datePublished"]]
        assert content(page, "article:tag") == data["keywords"] == page.xpath("//*[@class='byline']//li/a/text()")


def test_each_page_below_home_says_the_way_to_it(pages: Pages) -> None:
    for name, page in pages.items():
        if name == "":
            continue
        trail = structured(page)["BreadcrumbList"]["itemListElement"]
        assert [item["position"] for item in trail] == list(range(1, len(trail) + 1)), name
        assert trail[0]["item"] == ADDRESS
        assert trail[-1]["item"] == page.xpath("//link[@rel='canonical']/@href")[0]
        assert all(item["name"] for item in trail)


def test_the_card_of_a_shared_link_exists_in_the_size_that_the_page_promises(pages: Pages, site: Path) -> None:
    for name, page in pages.items():
        card = content(page, "og:image")[0]
        assert card.startswith(ADDRESS), name
        with Image.open(site / card.removeprefix(ADDRESS)) as picture:
            assert (str(picture.width), str(picture.height)) == (
                content(page, "og:image:width")[0], content(page, "og:image:height")[0]) == ("1200", "630")


def test_each_page_offers_the_feeds_and_a_tags_page_its_own_first(pages: Pages) -> None:
    for name, page in pages.items():
        feeds = page.xpath("//link[@rel='alternate'][@type='application/atom+xml']/@href")
        offered = [urljoin(ADDRESS + name, href).removeprefix(ADDRESS) for href in feeds]
        own = re.fullmatch(r"articles/(tag/[^/]+|\d{4})/", name)
        assert offered == ([f"{name}atom.xml"] if own else []) + ["articles/atom.xml", "articles/corrections.xml"], name
        assert len(page.xpath("//link[@rel='alternate'][@type='application/feed+json']")) == 1


def test_an_article_has_all_that_a_reader_expects(pages: Pages) -> None:
    for name, page in pages.items():
        if not re.fullmatch("posts/[^/]+/", name):
            continue
        byline = page.xpath("//*[@class='byline']")[0]
        assert byline.xpath(".//time/@datetime"), name
        assert re.search(r"\d+ min read", byline.text_content()), name
        assert page.xpath("//*[contains(@class,'toc-tree')]//a"), name
        assert page.xpath("//*[contains(@class,'neighbours')]//a[@rel='prev' or @rel='next']"), name
        assert "@misc{" in page.xpath("//*[@class='cite']")[0].text_content(), name
        assert "CC BY" in page.xpath("//footer")[0].text_content(), name
        references = page.xpath("//section[@id='references']//aside[@role='doc-footnote']")
        assert references and all(reference.xpath(".//a[@role='doc-backlink']") for reference in references), name
        assert page.xpath("//figure//figcaption"), name
        source = page.xpath("//a[contains(text(),'Source of this page')]/@href")
        assert source == [f"https://code.example/blog/blob/HEAD/{name}index.md"], name
        assert (ROOT / source[0].split("/HEAD/")[1]).is_file()
        assert page.xpath("//a[contains(text(),'Report an error')]/@href")[0].startswith("https://code.example/blog/issues/new?")


def test_each_number_of_an_article_leads_to_its_row(pages: Pages) -> None:
    """Three or more articles have enough numbers for a page of their own; it has the way back and is not searched."""
    beside = {name: page for name, page in pages.items() if name.endswith("/numbers/")}
    assert len(beside) >= 3
    for name, numbers in beside.items():
        article = pages[name.removesuffix("numbers/")]
        links = article.xpath("//a[starts-with(@class, 'result ') and not(starts-with(@href, 'https:'))]/@href")
        assert links and {link.removeprefix("numbers/#") for link in links} <= set(numbers.xpath("//tbody/tr/@id")), name
        assert "../" in numbers.xpath("//nav[@class='trail']//a/@href"), name


def test_without_a_repository_address_no_link_to_one_is_shown(subpath_site: Path) -> None:
    for path in subpath_site.rglob("*.html"):
        footer = lxml.html.fromstring(path.read_bytes()).xpath("//footer")[0].text_content()
        assert "Report an error" not in footer and "Source of this page" not in footer, path


def test_neighbours_lead_through_all_articles_from_the_newest_to_the_oldest(pages: Pages) -> None:
    name, seen = re.sub(r"^\./", "", pages[""].xpath("//*[@class='card-title']/a/@href")[0]), []
    while name:
        seen.append(name)
        older = pages[name].xpath("//a[@rel='prev']/@href")
        if older:
            back = pages[urljoin(ADDRESS + name, older[0]).removeprefix(ADDRESS)].xpath("//a[@rel='next']/@href")[0]
            assert urljoin(urljoin(ADDRESS + name, older[0]), back) == ADDRESS + name
        name = urljoin(ADDRESS + name, older[0]).removeprefix(ADDRESS) if older else ""
    assert seen == pages[""].xpath("//*[@class='card-title']/a/@href")


def test_every_character_of_a_formula_is_in_the_mathematics_font(pages: Pages) -> None:
    """Chromium stretches brackets and roots only with a font that has a MATH table, and the site's is a subset."""
    tables = TTFont(ROOT / "_static/fonts/stix-two-math.woff2")["cmap"]
    font = set(tables.getBestCmap()) | {code for table in tables.tables if table.format == 14 for code in table.uvsDict}
    missing: dict[str, str] = {}
    for name, page in pages.items():
        for formula in page.xpath("//math"):
            for character in "".join(formula.itertext()):
                if ord(character) not in font and not character.isspace():
                    missing.setdefault(f"{character} (U+{ord(character):04X})", name)
    assert missing == {}, "add these to MATH in _ext/subset_fonts.py and run it as its first lines say"


@pytest.mark.parametrize("kind", ["site", "html_site"])
def test_every_page_is_valid_html(kind: str, request: pytest.FixtureRequest, html_errors: Callable[[Path], list[str]]) -> None:
    assert html_errors(request.getfixturevalue(kind)) == []


def test_the_plain_html_builder_gives_the_same_site_at_other_addresses(html_site: Path, pages: Pages) -> None:
    parser = lxml.html.HTMLParser(encoding="utf-8")
    plain = {path.relative_to(html_site).as_posix(): lxml.html.parse(io.BytesIO(path.read_bytes()), parser).getroot()
             for path in html_site.rglob("*.html")}
    assert len(plain) == len(pages)
    assert dead_links(plain, html_site) == []
    for name, page in plain.items():
        expected = {"index.html": "", "404.html": "404.html"}.get(name, name)
        assert page.xpath("//link[@rel='canonical']/@href") == [ADDRESS + expected]
