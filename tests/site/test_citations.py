"""Sources: each is complete, found by its link, and leads back to where it is cited; and what would make an article wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lxml.html
import pytest
from conftest import article_head
from pybtex.database import parse_string

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "_ext"))
from citations import check, lines  # noqa: E402

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]
Pages: TypeAlias = dict[str, lxml.html.HtmlElement]

ARTICLES = sorted(f"posts/{path.parent.name}/" for path in ROOT.glob("posts/*/index.md"))
RIGHT = """@misc{one2020,
  author = {One, Ada},
  title = {On one},
  year = {2020},
  url = {https://one.example/},
}
"""


# -- Sources -----------------------------------------------------------------


@pytest.mark.parametrize(("old", "new", "says"), [
    ("  author = {One, Ada},\n", "", "no author; add to it author = {"),
    ("  title = {On one},\n", "", "no title; add to it title = {"),
    ("  title = {On one},\n", "  title = { },\n", "no title; add to it title = {"),
    ("  year = {2020},\n", "", "no year; add to it year = {2016}"),
    ("  url = {https://one.example/},\n", "  howpublished = {Web},\n", "no doi, eprint or url; add to it doi = {"),
    ("  year = {2020},\n  url = {https://one.example/},\n", "", "no year and no doi, eprint or url; add to it year = {2016}, doi = {"),
])
def test_what_a_source_lacks_fails_the_build_by_file_and_line(
        tiny: Tiny, build: Build, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RIGHT
    whole = RIGHT.replace("one2020", "other2020")
    source = tiny({"posts/references.bib": f"% Sources\n\n{whole}\n{RIGHT.replace(old, new)}"})
    result = build(source, tmp_path / "out", "-W", "-n", "--keep-going")
    # Docutils' formatter of references says more of its own only where an article cites the source; here none does.
    assert result.code == 1
    [line] = result.messages.strip().splitlines()
    assert line.startswith(f"{source}/posts/references.bib:10: WARNING: the source 'one2020' has {says}"), line


@pytest.mark.parametrize("field", ["doi = {10.1/one}", "eprint = {2001.00001}", "url = {https://one.example/}", "DOI = {10.1/one}"])
def test_any_one_way_to_find_a_source_is_enough(field: str) -> None:
    text = RIGHT.replace("url = {https://one.example/}", field)
    assert check(parse_string(text, "bibtex").entries, text) == []


def test_the_line_is_that_of_the_entry_however_it_is_written() -> None:
    text = '\n@Article { Two2020 ,\n title = "An @misc{not, an entry}" }\n@misc(three2021, title = {T})\n'
    assert {key: line for key, line in lines(text).items() if key != "not"} == {"two2020": 2, "three2021": 4}


def test_a_mended_source_builds_again_and_a_broken_one_is_named_at_every_build(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny({"posts/references.bib": RIGHT.replace("  year = {2020},\n", "")})
    for _ in range(2):
        assert "has no year" in build(source, tmp_path / "out", "-n").messages
    (source / "posts/references.bib").write_text(RIGHT)
    assert build(source, tmp_path / "out", "-W", "-n").code == 0


@pytest.mark.parametrize("address", ARTICLES)
def test_every_reference_leads_out_and_back_to_each_citation(pages: Pages, address: str) -> None:
    page = pages[address]
    sources = page.xpath("//aside[contains(@class, 'footnote ')][starts-with(@id, 'footcite-')]")
    assert len(sources) >= 5
    for source in sources:
        out = source.xpath("p//a/@href")
        assert out and all(link.startswith(("https://", "http://")) for link in out), source.text_content()
        back = source.xpath(".//a[@role='doc-backlink']/@href")
        cited = page.xpath(f"//a[@role='doc-noteref'][@href='#{source.get('id')}']/@id")
        assert cited and sorted(back) == sorted(f"#{name}" for name in cited), source.text_content()
    text = "".join(source.text_content() for source in sources)
    links = [link for source in sources for link in source.xpath("p//a/@href")]
    assert text.count("arXiv:") == sum("//arxiv.org/abs/" in link for link in links)
    assert text.count("doi:10.") == sum("//doi.org/10." in link for link in links)


# -- What would make this wrong ----------------------------------------------


BLOCK = ":::{wrong-if}\n- One machine was measured.\n:::\n"


@pytest.mark.parametrize(("body", "line", "says"), [
    ("Text.\n", 8, "the article gives results and does not say what would make them wrong; add, between `:::{wrong-if}`"),
    (":::{wrong-if}\nOne machine was measured.\n:::\n", 12, "{wrong-if} has no list: say in lines that begin with `- `"),
    (BLOCK + "\n" + BLOCK, 16, "a second {wrong-if}: readers look for one; join the two"),
])
@pytest.mark.parametrize("draft", ["", "draft: true\n"])
def test_an_article_with_results_says_once_what_would_make_it_wrong(
        tiny: Tiny, build: Build, tmp_path: Path, body: str, line: int, says: str, draft: str) -> None:
    """In a preview of a draft too, like all that its author has still to do."""
    source = tiny({"posts/x/index.md": article_head(more=draft) + body, "posts/x/results.json": "{}"})
    result = build(source, tmp_path / "out", "-n", BLOG_PREVIEW="1")
    found = [text for text in result.messages.splitlines() if "wrong-if" in text]
    assert [text.partition(says)[0] for text in found] == [f"{source}/posts/x/index.md:{line + bool(draft)}: WARNING: "], found


def test_an_article_without_results_need_not_say_it_and_may(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny({"posts/x/index.md": article_head() + BLOCK, "posts/y/index.md": article_head() + "Text.\n"})
    result = build(source, tmp_path / "out", "-W", "-n")
    assert (result.code, result.messages) == (0, "")
    page = lxml.html.parse(tmp_path / "out/posts/x/index.html").getroot()
    [block] = page.xpath("//*[contains(@class, 'wrong-if ')]")
    assert block.text_content().split("\n")[1:] == ["What would make this wrong", "", "One machine was measured.", "", ""]
    assert "**What would make this wrong**\n\n- One machine was measured.\n" in (tmp_path / "out/posts/x/index.markdown").read_text()
    assert "What would make this wrong" in (tmp_path / "out/articles/atom.xml").read_text()


@pytest.mark.parametrize("address", ARTICLES)
def test_every_article_here_says_it(pages: Pages, address: str) -> None:
    [block] = pages[address].xpath("//*[@id='wrong-if']")
    assert len(block.xpath("ul/li")) >= 3


# -- Side notes --------------------------------------------------------------


def test_a_side_note_stands_in_its_place_in_the_feed_and_in_markdown(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    note = "Before.\n\n:::{sidebar}\nA note with $x$ and *stress*.\n:::\n\nAfter.\n"
    result = build(tiny({"posts/x/index.md": article_head() + note}), tmp_path / "out", "-W", "-n")
    assert (result.code, result.messages) == (0, "")
    assert "\n\nBefore.\n\n> A note with $x$ and *stress*.\n\nAfter.\n" in (tmp_path / "out/posts/x/index.markdown").read_text()
    words = (tmp_path / "out/articles/atom.xml").read_text()
    assert words.index("Before.") < words.index("A note with") < words.index("After.")
