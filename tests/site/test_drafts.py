"""Drafts and scheduled articles: marked in a preview, nowhere in a published site."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lxml.html
import pytest

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

SECRETS = ("xyzzydraft", "xyzzyfuture", "xyzzyundated")  # in the title, text and address of an article each
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


def held_back(word: str, *fields: str) -> str:
    lines = "\n".join(fields)
    return (f'---\nblogpost: true\n{lines}\ntags: [Computer Vision]\ndescription: "The finding of {word}."\n---\n\n'
            f"# The {word} article\n\nThe opening of {word}.\n\n## Section {word}\n\n![Picture of {word}](pic-{word}.svg)\n")


@pytest.fixture
def source(tiny: Tiny) -> Path:
    dates = {"xyzzydraft": ["date: 2024-01-01", "draft: true"], "xyzzyfuture": ["date: 9999-12-31"], "xyzzyundated": ["draft: true"]}
    files: dict[str, str] = {}
    for word, fields in dates.items():
        files[f"posts/{word}/index.md"] = held_back(word, *fields)
        files[f"posts/{word}/pic-{word}.svg"] = PICTURE
    return tiny(files)


@pytest.mark.parametrize("builder", ["dirhtml", "html"])
def test_a_published_site_holds_no_word_of_an_article_that_is_held_back(
        builder: str, source: Path, build: Build, tmp_path: Path) -> None:
    result = build(source, tmp_path / "out", "-W", "-n", builder=builder)
    assert result.code == 0, result.messages
    files = [path for path in result.out.rglob("*") if path.is_file()]
    assert len(files) > 30
    leaks = [path for path in files for word in SECRETS
             if word in path.as_posix() or word.encode() in path.read_bytes().lower()]
    # The inventory of link targets is compressed.
    inventory = (result.out / "objects.inv").read_bytes()
    names = zlib.decompress(inventory.split(b"zlib.\n", 1)[1]).lower()
    assert leaks == [] and not [word for word in SECRETS if word.encode() in names]
    # A tag that only they have shows no empty page, and no one is led to it.
    assert "computer-vision" not in "".join(path.as_posix() for path in files)


def test_a_preview_shows_them_marked(source: Path, build: Build, tmp_path: Path) -> None:
    result = build(source, tmp_path / "out", "-W", "-n", BLOG_PREVIEW="1")
    assert result.code == 0, result.messages
    home = lxml.html.parse(result.out / "index.html").getroot()
    marked = {card.xpath(".//*[@class='card-title']/a/text()")[0]: card.xpath(".//*[@class='draft']/text()")
              for card in home.xpath("//article[contains(@class,'card')]")}
    assert marked == {
        "The xyzzyfuture article": ["Scheduled"], "The xyzzyundated article": ["Draft"], "The xyzzydraft article": ["Draft"],
        "The third article": [], "The second article": [], "The first article": []}
    for word, mark in {"xyzzyfuture": "Scheduled", "xyzzydraft": "Draft", "xyzzyundated": "Draft"}.items():
        page = lxml.html.parse(result.out / "posts" / word / "index.html").getroot()
        assert page.xpath("//*[@class='byline']//*[@class='draft']/text()") == [mark]
        assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]


def test_the_plain_preview_command_is_a_preview_too(source: Path, build: Build, tmp_path: Path) -> None:
    """``sphinx-autobuild . _build/live`` sets no variable; its output folder says what it is."""
    out = build(source, tmp_path / "live").out
    assert "xyzzydraft" in (out / "index.html").read_text(encoding="utf-8")


def test_a_page_that_names_a_draft_fails_rather_than_link_to_nothing(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny({"posts/wip/index.md": held_back("wip", "draft: true"), "posts/wip/pic-wip.svg": PICTURE,
                   "docs/about.md": "# About\n\nSee [it](../posts/wip/index.md).\n"})
    result = build(source, tmp_path / "out", "-W", "-n", "--keep-going")
    assert result.code == 1
    assert f"{source}/docs/about.md:3: WARNING: Unknown source document 'posts/wip/index'" in result.messages


def test_making_a_draft_of_a_published_article_takes_it_out_of_the_next_build(
        tiny: Tiny, build: Build, tmp_path: Path) -> None:
    published = held_back("xyzzy", "date: 2024-01-01")
    source = tiny({"posts/xyzzy/index.md": published, "posts/xyzzy/pic-xyzzy.svg": PICTURE})
    assert b"xyzzy" in (build(source, tmp_path / "out").out / "_static/words/xy.js").read_bytes()
    (source / "posts/xyzzy/index.md").write_text(published.replace("tags", "draft: true\ntags"), encoding="utf-8")
    out = build(source, tmp_path / "out").out
    assert [path for path in out.rglob("*") if path.is_file() and (b"xyzzy" in path.read_bytes() or "xyzzy" in path.as_posix())] == []


# -- The day comes -----------------------------------------------------------


@pytest.mark.parametrize(("zone", "before", "after"), [
    ("Pacific/Auckland", "2026-03-04T10:59:59Z", "2026-03-04T11:00:00Z"),  # 13 hours ahead
    ("America/Los_Angeles", "2026-03-05T07:59:59Z", "2026-03-05T08:00:00Z"),  # 8 hours behind
])
def test_a_scheduled_article_comes_out_at_midnight_of_the_sites_own_zone(
        zone: str, before: str, after: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    """By the same daily build, which keeps its folder; and then the site is as if built for the first time."""
    source = tiny({"posts/xyzzy/index.md": held_back("xyzzy", "date: 2026-03-05"), "posts/xyzzy/pic-xyzzy.svg": PICTURE},
                  conf=f"\nblog_timezone = {zone!r}\n")

    def seen(out: Path, now: str) -> dict[str, bytes]:
        seconds = str(int(dt.datetime.fromisoformat(now).timestamp()))
        # The builder's own zone, a day ahead or behind, has no say.
        result = build(source, out, "-W", "-n", SOURCE_DATE_EPOCH=seconds, TZ="Pacific/Kiritimati")
        assert result.code == 0, result.messages
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    files = seen(tmp_path / "daily", before)
    assert not any("xyzzy" in name or b"xyzzy" in text for name, text in files.items())
    files = seen(tmp_path / "daily", after)
    assert {name for name, text in files.items() if b"xyzzy" in text} >= {
        "index.html", "posts/xyzzy/index.html", "articles/index.html", "articles/2026/index.html", "articles/atom.xml",
        "articles/feed.json", "sitemap.xml", "_static/words/pages.js", "_static/words/xy.js"}
    anew = seen(tmp_path / "anew", after)
    assert sorted(files) == sorted(anew)
    assert [name for name in files if files[name] != anew[name] and name != ".buildinfo"] == []


def test_a_zone_that_is_none_is_refused_in_one_line_with_the_nearest(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    result = build(tiny(conf="\nblog_timezone = 'Europe/Berlinn'\n"), tmp_path / "out")
    assert result.code == 2
    assert "conf.py: blog_timezone 'Europe/Berlinn' is no time zone: did you mean 'Europe/Berlin'?" in result.messages
