"""Titles and tags with markup, quotes, other scripts and emoji are shown as written, everywhere."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urljoin

import lxml.html
import pytest
from PIL import Image

CONF = (Path(__file__).resolve().parents[2] / "conf.py").read_text(encoding="utf-8")
BLOG = re.search(r'^project = "(.*)"', CONF, re.MULTILINE)[1]  # type: ignore[index]
ADDRESS = "https://blog.example/"
ATOM = "{http://www.w3.org/2005/Atom}"
Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

# slug: (what the author writes, what a reader sees, card_title)
TITLES = {
    "markup": (r"Is \<b> bold & is `vector<int>` code?", "Is <b> bold & is vector<int> code?", None),
    "script": (r"\</script>\<script>alert(1)\</script> in a title", "</script><script>alert(1)</script> in a title", None),
    "entity": (r"What \&amp; and \&lt; are", "What &amp; and &lt; are", None),
    "quotes": (r"""The \"best\" of 'both' and "more" """, "The “best” of ‘both’ and “more”", None),
    "emoji": ("Ship it 🚀 twice 👩‍💻", "Ship it 🚀 twice 👩‍💻", None),
    "rtl": ("عنوان عربي with English", "عنوان عربي with English", "Arabic title, with English"),
    "money": (r"From 100m\$+ to 5\$", "From 100m$+ to 5$", None),
    "emphasis": (r"A *very* fine \*star\* and snake_case_name", "A very fine *star* and snake_case_name", None),
    "tex": (r"Why `\(x^2\)` is not 50% of #1 {x} ~ ^", r"Why \(x^2\) is not 50% of #1 {x} ~ ^", None),
    "long": ("Wordy " * 80 + "end", "Wordy " * 80 + "end", None),
    "blog": ("An article named like the blog's card", "An article named like the blog’s card", None),
}
# name: (address, description)
TAGS: dict[str, Any] = {
    "C": "The language C.", "C++": ("The language C++.", "cpp"), "C#": ("The language <b>C#</b> & more.", "c-sharp"),
    "Übung": "Umlauts.", "日本語": "Japanese.", "R & D <x>": ("Ampersand.", "r-d"), "Node.js": "A dot.", "3.5": "A number.",
}
SLUGS = {"C": "c", "C++": "cpp", "C#": "c-sharp", "Übung": "übung", "日本語": "日本語", "R & D <x>": "r-d",
         "Node.js": "nodejs", "3.5": "35"}


@dataclass
class Blog:
    out: Path
    parsed: dict[str, Any] = field(default_factory=dict)

    def page(self, name: str) -> Any:
        if name not in self.parsed:
            self.parsed[name] = lxml.html.parse(self.out / name / "index.html", lxml.html.HTMLParser(encoding="utf-8")).getroot()
        return self.parsed[name]


@pytest.fixture(scope="module")
def blog(tiny: Tiny, build: Build, tmp_path_factory: pytest.TempPathFactory) -> Blog:
    names, files = list(TAGS), {}
    for number, (slug, (written, _, card)) in enumerate(TITLES.items()):
        tag = json.dumps(names[number % len(names)], ensure_ascii=False)
        files[f"posts/{slug}/index.md"] = (
            f"---\nblogpost: true\ndate: 2025-01-{number + 1:02}\ntags: [{tag}]\n"
            f"description: 'Finding & \"{slug}\" <i>'\n" + (f"card_title: {card}\n" if card else "") +
            f"---\n\n# {written}\n\nThe opening of {slug} says 1 < 2 & `<b>` for 5\\$.\n")
    source = tiny(files, conf=f"\nblog_tags |= {TAGS!r}\n")
    result = build(source, tmp_path_factory.mktemp("hard") / "out", "-W", "-n", "--keep-going", SITE_URL=ADDRESS,
                   REPOSITORY_URL="https://code.example/blog")
    assert result.code == 0, result.messages
    return Blog(result.out)


@pytest.mark.parametrize("slug", TITLES)
def test_a_title_is_shown_as_written_everywhere(slug: str, blog: Blog) -> None:
    number, title = list(TITLES).index(slug), TITLES[slug][1]
    tag = list(TAGS)[number % len(TAGS)]
    page, home, archive = blog.page(f"posts/{slug}"), blog.page(""), blog.page(f"articles/tag/{SLUGS[tag]}")
    spaced = " ".join(title.split())

    def shown(elements: list[Any]) -> list[str]:
        return [" ".join((item if isinstance(item, str) else item.text_content()).split()) for item in elements]

    def links_to(where: Any, base: str) -> list[Any]:
        return [link for link in where.xpath("//a[@href]") if urljoin(base, link.get("href")) == f"{ADDRESS}posts/{slug}/"]

    assert shown(page.xpath("//h1"))[0].removesuffix("#") == spaced
    assert shown(page.xpath("//title")) == [f"{spaced} · {BLOG}"]
    assert shown(page.xpath("//meta[@property='og:title']/@content")) == [spaced]
    assert shown(page.xpath("//meta[@property='og:image:alt']/@content")) == [spaced]
    assert page.xpath("//meta[@name='description']/@content") == [f'Finding & "{slug}" <i>']
    data = {item["@type"]: item for item in map(json.loads, page.xpath("//script[@type='application/ld+json']/text()"))}
    assert shown([data["BlogPosting"]["headline"], data["BreadcrumbList"]["itemListElement"][-1]["name"]]) == [spaced, spaced]
    for where, base in [(home, ADDRESS), (archive, f"{ADDRESS}articles/tag/{quote(SLUGS[tag])}/"),
                        (blog.page("articles"), ADDRESS + "articles/"), (blog.page("articles/2025"), ADDRESS + "articles/2025/"),
                        (blog.page("articles/archive"), ADDRESS + "articles/archive/"),
                        (blog.page("articles/tag"), ADDRESS + "articles/tag/")]:
        texts = [text for text in shown(links_to(where, base)) if text != "Read →"]
        assert texts and set(texts) == {spaced}, base
    assert f"Read: {spaced}" in shown(home.xpath("//a[@class='read']/@aria-label"))
    neighbours = [f"posts/{name}" for name in list(TITLES)[max(number - 1, 0):number + 2] if name != slug]
    for neighbour in neighbours:
        [link] = [link for link in blog.page(neighbour).xpath("//nav[@class='neighbours']//a")
                  if urljoin(f"{ADDRESS}{neighbour}/", link.get("href")) == f"{ADDRESS}posts/{slug}/"]
        assert shown([link])[0].endswith(f"2025 {spaced}")
    issue = unquote(page.xpath("//a[contains(text(),'Report an error')]/@href")[0].split("?title=")[1])
    assert " ".join(issue.split()) == f'Error in "{spaced}"'
    opening = home.xpath("//article[@class='card'][.//a[@href=$href]]//*[@class='card-opening']", href=f"posts/{slug}/")
    assert shown(opening) == [f"The opening of {slug} says 1 < 2 & <b> for 5$."]
    for file in ("articles/atom.xml", "articles/2025/atom.xml", f"articles/tag/{SLUGS[tag]}/atom.xml"):
        titles = [item.findtext(ATOM + "title") for item in ET.parse(blog.out / file).getroot().iter(ATOM + "entry")
                  if item.findtext(ATOM + "id") == f"{ADDRESS}posts/{slug}/"]
        assert shown(titles) == [spaced]
    [item] = [item for item in json.loads((blog.out / "articles/feed.json").read_text(encoding="utf-8"))["items"]
              if item["id"] == f"{ADDRESS}posts/{slug}/"]
    assert shown([item["title"]]) == [spaced]
    with Image.open(blog.out / f"_static/cards/{slug}.png") as picture:
        assert picture.size == (1200, 630)
        assert len(picture.convert("L").getcolors(256) or []) > 2, "the card is empty"


@pytest.mark.parametrize("slug", TITLES)
def test_no_title_unbalances_a_page(slug: str, blog: Blog) -> None:
    """A `<b>` or `</script>` taken for markup would leave the footer inside something else, or run."""
    page = blog.page(f"posts/{slug}")
    assert not page.xpath("//h1//b | //title/* | //*[@class='neighbours']//b | //i")
    assert "alert(1)" not in "".join(page.xpath("//script[not(@type='application/ld+json')]/text()"))
    assert len(page.xpath("//footer")) == 1 and not page.xpath("//footer/ancestor::article")


def test_no_articles_card_replaces_another_page_s(blog: Blog) -> None:
    cards = [blog.page(f"posts/{slug}").xpath("//meta[@property='og:image']/@content")[0] for slug in TITLES]
    cards += blog.page("").xpath("//meta[@property='og:image']/@content")
    assert len(set(cards)) == len(TITLES) + 1


def test_pages_with_hard_names_are_valid_html(blog: Blog, html_errors: Callable[[Path], list[str]]) -> None:
    assert html_errors(blog.out) == []


def test_a_citation_escapes_what_tex_reads_as_markup(blog: Blog) -> None:
    [cited] = blog.page("posts/tex").xpath("//*[@class='cite']//pre")
    assert r"title  = {{Why \textbackslash{}(x\textasciicircum{}2\textbackslash{}) is not 50\% of \#1 \{x\} " \
           r"\textasciitilde{} \textasciicircum{}}}" in cited.text_content()
    [cited] = blog.page("posts/money").xpath("//*[@class='cite']//pre")
    assert r"{{From 100m\$+ to 5\$}}" in cited.text_content()


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_of_any_script_has_its_own_page_feed_and_links(tag: str, blog: Blog) -> None:
    slug, value = SLUGS[tag], TAGS[tag]
    own = f"{ADDRESS}articles/tag/{quote(slug)}/"
    page = blog.page(f"articles/tag/{slug}")
    assert page.xpath("//h1")[0].text_content() == tag
    assert page.xpath("//*[@class='lead']")[0].text_content() == (value[0] if isinstance(value, tuple) else value)
    expected = {name for number, name in enumerate(TITLES) if list(TAGS)[number % len(TAGS)] == tag}
    cards = {urljoin(own, href) for href in page.xpath("//*[@class='card-title']/a/@href")}
    assert cards == {f"{ADDRESS}posts/{name}/" for name in expected}
    assert unquote(page.xpath("//link[@rel='canonical']/@href")[0]) == unquote(own)
    for name in expected:
        [link] = blog.page(f"posts/{name}").xpath("//*[@class='byline']//li/a")
        assert link.text_content() == tag
        assert unquote(urljoin(f"{ADDRESS}posts/{name}/", link.get("href"))) == unquote(own)
        assert blog.page(f"posts/{name}").xpath("//meta[@property='article:tag']/@content") == [tag]
    feed = ET.parse(blog.out / f"articles/tag/{slug}/atom.xml").getroot()
    assert feed.findtext(ATOM + "title") == f"{tag} · {BLOG}"
    assert {item.findtext(ATOM + "id") for item in feed.iter(ATOM + "entry")} == {f"{ADDRESS}posts/{name}/" for name in expected}
    assert {term.get("term") for term in feed.iter(ATOM + "category")} == {tag}


def test_every_machine_readable_address_is_ascii(blog: Blog) -> None:
    """RFC 3986 knows no Ü: in the sitemap, feeds and canonical links it is percent-encoded."""
    addresses = re.findall(r"<loc>(.*?)</loc>", (blog.out / "sitemap.xml").read_text(encoding="utf-8"))
    assert any("%C3%BCbung" in address for address in addresses)
    feed = ET.parse(blog.out / "articles/tag/übung/atom.xml").getroot()
    addresses += [feed.findtext(ATOM + "id") or "", *(link.get("href", "") for link in feed.iter(ATOM + "link"))]
    for name in ("articles/tag/übung", "articles/tag/日本語"):
        page = blog.page(name)
        addresses += page.xpath("//link[@rel='canonical']/@href") + page.xpath("//meta[@property='og:url']/@content")
        data = [json.loads(text) for text in page.xpath("//script[@type='application/ld+json']/text()")]
        addresses += [item["item"] for found in data for item in found.get("itemListElement", [])]
    assert [address for address in addresses if not address.isascii()] == []
