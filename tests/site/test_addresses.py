"""Where pages are: addresses that stay, redirects, the sitemap, robots.txt, 404.html, and a site under a sub-path."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from addresses import LIST, published, read_redirects
from front_matter import _near
from sitemap import absolute_links

ADDRESS = "https://blog.example/"
Pages: TypeAlias = dict[str, Any]


# -- Addresses that stay -----------------------------------------------------


def test_no_published_address_is_lost(site: Path, pages: Pages) -> None:
    listed = LIST.read_text(encoding="utf-8").splitlines()
    lost = []
    for name in listed:
        page, _, anchor = name.partition("#")
        if page not in pages and not (site / page).is_file():
            lost.append(f"{name}: rename with `make move` and remove with `make remove`, or write into posts/redirects.txt where "
                        f"it leads now, {_near(page, sorted(pages))} as a line: {page} NEW")
        elif anchor and page in pages and not pages[page].xpath("//*[@id=$anchor]", anchor=anchor) \
                and not pages[page].xpath("//meta[@http-equiv='refresh']"):
            lost.append(f"{name}: write ({anchor})= on the line above the heading that took its place")
    assert lost == []


def test_every_published_page_is_on_the_list(site: Path) -> None:
    new = {name for name in published(site) if "#" not in name} - set(LIST.read_text(encoding="utf-8").splitlines())
    assert new == set(), "run `python _ext/addresses.py _build/dirhtml` after `make html`, and commit tests/site/addresses.txt"


def test_headings_of_articles_are_on_the_list() -> None:
    listed = LIST.read_text(encoding="utf-8").splitlines()
    assert listed == sorted(set(listed))
    for slug in {name.split("/")[1] for name in listed if name.startswith("posts/")}:
        assert any(name.startswith(f"posts/{slug}/#") for name in listed), slug


# -- Redirects ---------------------------------------------------------------


@pytest.mark.parametrize("builder", ["dirhtml", "html"])
def test_a_moved_page_leads_on_at_once_and_stands_in_no_index(
        builder: str, tiny: Callable[..., Path], build: Callable[..., Any], tmp_path: Path) -> None:
    source = tiny({"posts/redirects.txt": "# moved\nposts/old/ posts/first/\nold/notes/ posts/first/#what-one-is  # a part\n"
                                          "info/ docs/about/\narticles/tag/llm/ articles/tag/llms/\n"})
    result = build(source, tmp_path / "out", "-W", "-n", builder=builder, SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    about, tag = ("docs/about/", "articles/tag/llms/") if builder == "dirhtml" else ("docs/about.html", "articles/tag/llms.html")
    article = "posts/first/" if builder == "dirhtml" else "posts/first/index.html"
    for old, new in {"posts/old/": article, "old/notes/": article + "#what-one-is",
                     "info/": about, "articles/tag/llm/": tag}.items():
        text = (result.out / old / "index.html").read_text(encoding="utf-8")
        page = lxml.html.fromstring(text)
        wait, _, target = page.xpath("//meta[@http-equiv='refresh']/@content")[0].partition("; url=")
        assert wait == "0"
        assert urljoin(ADDRESS + old, target) == ADDRESS + new
        assert not target.startswith("/"), "a site under a sub-path would leave itself"
        assert page.xpath("//a/@href") == [target]
        assert page.xpath("//link[@rel='canonical']/@href") == [ADDRESS + new]
        for file in ("sitemap.xml", "articles/atom.xml", "_static/words/pages.js", "index.html"):
            assert old not in (result.out / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("line", "remedy"), [
    ("posts/old/", "a redirect is the old and the new address"),
    ("posts/old posts/first/", "each with its closing slash"),
    ("/posts/old/ posts/first/", "below the site's own"),
    ("../old/ posts/first/", "below the site's own"),
    ("https://blog.example/old/ posts/first/", "below the site's own"),
    ("posts/first/ posts/second/", "posts/first/ is a page, which a redirect would hide"),
    ("posts/old/ posts/frist/", "there is no page at posts/frist/, so readers would be led nowhere: did you mean 'posts/first/'?"),
    ("posts/twice/ posts/second/", "posts/twice/ is redirected twice"),
])
def test_a_wrong_redirect_is_refused_with_its_line(line: str, remedy: str) -> None:
    text = f"# comment\nposts/twice/ posts/first/\n{line}\n"
    redirects, [(number, message)] = read_redirects(text, {"posts/first/", "posts/second/"})
    assert redirects == {"posts/twice/": "posts/first/"}
    assert number == 3
    assert remedy in message


def test_a_wrong_redirect_fails_the_build_and_names_the_file(
        tiny: Callable[..., Path], build: Callable[..., Any], tmp_path: Path) -> None:
    source = tiny({"posts/redirects.txt": "\nposts/old/ posts/gone/\n"})
    result = build(source, tmp_path / "out")
    assert result.code == 1
    assert f"{source}/posts/redirects.txt:2: ERROR: there is no page at posts/gone/" in result.messages
    assert "Traceback" not in result.messages


# -- Sitemap, robots.txt, 404.html -------------------------------------------


def test_the_sitemap_lists_every_page_that_a_search_should_find_once_and_no_other(site: Path, pages: Pages) -> None:
    namespace = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.parse(site / "sitemap.xml").getroot()
    assert root.tag == namespace + "urlset"
    listed = [url.findtext(namespace + "loc") or "" for url in root]
    assert sorted(listed) == sorted(ADDRESS + name for name in pages if name not in ("404.html", "search/"))
    for url in root:
        name = (url.findtext(namespace + "loc") or "").removeprefix(ADDRESS)
        if re.fullmatch("posts/[^/]+/", name):
            modified = pages[name].xpath("//meta[@property='article:modified_time']/@content")
            assert [url.findtext(namespace + "lastmod")] == modified


def test_robots_may_read_everything_and_learn_where_the_sitemap_is(site: Path) -> None:
    assert (site / "robots.txt").read_text(encoding="utf-8").split("\n") == [
        "User-agent: *", "Allow: /", "", f"Sitemap: {ADDRESS}sitemap.xml", ""]


def test_search_and_404_ask_not_to_be_indexed(pages: Pages) -> None:
    unlisted = [name for name, page in pages.items() if page.xpath("//meta[@name='robots'][contains(@content,'noindex')]")]
    assert sorted(unlisted) == ["404.html", "search/"]


def test_a_missing_address_gets_a_whole_page_whose_links_work_at_any_depth(server: str) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(server + "no/such/page/at/all/")
    page = lxml.html.fromstring(caught.value.read())
    caught.value.close()
    assert caught.value.code == 404
    links = [link for link in page.xpath("//@href | //@src | //@action") if not re.match(r"[a-z]+:|#", link)]
    assert len(links) > 10
    for link in links:
        with urlopen(urljoin(server + "no/such/page/at/all/", link)) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(("html", "expected"), [
    ('<a href="../">', '<a href="/repo/">'),
    ('<img src="../_images/a.png">', '<img src="/repo/_images/a.png">'),
    ('<html data-content_root="../">', '<html data-content_root="/repo/">'),
    ('<a href="../x/?q=1#y">', '<a href="/repo/x/?q=1#y">'),
    ('<a href="#part">', '<a href="#part">'),
    ('<a href="https://other.example/x/">', '<a href="https://other.example/x/">'),
    ('<a href="mailto:a@b.example">', '<a href="mailto:a@b.example">'),
    ('<link rel="canonical" href="https://b.example/repo/404/">', '<link rel="canonical" href="https://b.example/repo/404/">'),
])
def test_links_of_404_become_paths_of_the_host(html: str, expected: str) -> None:
    assert absolute_links(html, "https://b.example/repo/404/") == expected


# -- Under a sub-path --------------------------------------------------------


def test_a_site_below_a_path_names_that_path_in_every_absolute_address(subpath_site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(subpath_site.rglob("*"))
                   if path.suffix in (".html", ".xml", ".json", ".txt"))
    own = re.findall(r"https://blog\.example/[\w/.-]*", text)
    assert len(own) > 100
    assert [link for link in own if not link.startswith(ADDRESS + "some/repo/")] == []


def test_every_page_below_a_path_loads_with_all_that_it_names(subpath_server: str, subpath_site: Path) -> None:
    """Nothing is served outside the path, so a link to the domain's root would fail here."""
    wanted = set()
    for path in subpath_site.rglob("*.html"):
        url = subpath_server + path.relative_to(subpath_site).as_posix().removesuffix("index.html")
        page = lxml.html.fromstring(path.read_bytes())
        wanted |= {urljoin(url, link).partition("#")[0] for link in page.xpath("//@href | //@src | //@action")}
    local = sorted(link for link in wanted if link.startswith("http://127.0.0.1"))
    assert len(local) > 40
    for link in local:
        with urlopen(link) as answer:
            assert answer.status == 200, link
