"""What to read first, what next, and the map: right in each article, and still right after an edit elsewhere."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urljoin

import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from front_matter import Article
from ways import COMMON, KEPT, closest, count_words, find_ways, reading_order

ADDRESS = "https://blog.example/"
Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]
Pages: TypeAlias = dict[str, Any]


def article(slug: str, *needs: str, day: int = 1) -> Article:
    return Article(f"posts/{slug}/index", dt.date(2024, 1, day), None, (), "", needs)


def named(*articles: Article) -> dict[str, Article]:
    return {article.docname: article for article in articles}


# -- The graph ---------------------------------------------------------------


def test_an_article_comes_after_all_that_it_needs_however_old_it_is() -> None:
    made = named(article("loss", "softmax", day=1), article("softmax", "numbers", day=2),
                 article("numbers", day=3), article("other", day=2))
    assert [name.split("/")[1] for name in reading_order(made)] == ["numbers", "softmax", "loss", "other"]


def test_what_needs_an_article_is_read_next_and_not_listed_as_close_too() -> None:
    made = named(article("bpe"), article("gpt", "bpe", day=2), article("bert", "bpe", day=3))
    words = {name: {"token": 3, "merge": 2} for name in made} | {"posts/other/index": {"pixel": 1}}
    ways = find_ways(made | named(article("other")), words)
    assert ways["posts/bpe/index"].next == ("posts/gpt/index", "posts/bert/index")
    assert ways["posts/gpt/index"].first == ("posts/bpe/index",)
    assert ways["posts/bpe/index"].related == ()
    assert ways["posts/gpt/index"].related == ("posts/bert/index",)


def test_an_article_that_is_not_published_yet_is_led_to_from_nowhere() -> None:
    assert find_ways(named(article("gpt", "held-back")), {})["posts/gpt/index"].first == ()


# -- Closeness ---------------------------------------------------------------


def test_words_that_all_articles_use_make_none_of_them_close() -> None:
    words = {"a": {"the": 90, "loop": 2}, "b": {"the": 80, "pixel": 3}, "c": {"the": 70, "token": 5}}
    assert closest(words) == {"a": [], "b": [], "c": []}


def test_closeness_is_mutual_and_does_not_depend_on_the_order_of_reading() -> None:
    draw = random.Random(11)
    words = {f"a{number}": {f"w{word}": draw.randint(1, 9) for word in sorted(draw.sample(range(60), 25))} for number in range(12)}
    found = closest(words, 0.0)
    assert found == closest(dict(reversed(words.items())), 0.0)
    scores = {(name, other): score for name, others in found.items() for other, score in others}
    assert len(scores) > 50 and all(scores[other, name] == score for (name, other), score in scores.items())


def test_an_articles_words_take_little_room_in_the_environment() -> None:
    assert len(count_words(" ".join(f"word{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)))) == KEPT


def test_a_word_that_very_many_articles_use_is_not_compared() -> None:
    """Else the work would grow with the square of the articles."""
    for number, close in ((COMMON, COMMON - 1), (COMMON + 1, 0)):
        words = {f"a{name:03}": {"loop" if name < number else f"other{name}": 1, f"own{name}": 1} for name in range(2 * number)}
        assert len(closest(words, 0.0)["a000"]) == close


# -- On the pages ------------------------------------------------------------


def ways_of(page: Any, base: str) -> dict[str, list[str]]:
    def targets(path: str) -> list[str]:
        return [urljoin(base, href) for href in page.xpath(path)]

    return {"teaches": page.xpath("//dl[@class='ways']/dt[.='Teaches']/following-sibling::dd[1]/text()"),
            "first": targets("//dl[@class='ways']/dt[.='Read first']/following-sibling::dd[1]/a/@href"),
            "next": targets("//nav[@class='onward']//li[span='builds on this']/a/@href"),
            "related": targets("//nav[@class='onward']//li[span='related']/a/@href")}


def test_each_article_shows_what_it_teaches_and_leads_both_ways_along_needs(pages: Pages) -> None:
    found = {name: ways_of(page, ADDRESS + name) for name, page in pages.items() if re.fullmatch(r"posts/[^/]+/", name)}
    assert len(found) >= 7 and all(ways["teaches"] for ways in found.values())
    steps = [(target, ADDRESS + name) for name, ways in found.items() for target in ways["first"]]
    onward = [(ADDRESS + name, target) for name, ways in found.items() for target in ways["next"]]
    assert steps and sorted(steps) == sorted(onward)
    assert any(ways["related"] for ways in found.values())
    for name, ways in found.items():
        led = [*ways["first"], *ways["next"], *ways["related"]]
        assert len(led) == len(set(led)) and ADDRESS + name not in led


def test_the_map_has_every_article_and_every_concept_as_text_and_a_drawing_with_a_name(pages: Pages) -> None:
    page = pages["docs/map/"]
    articles = {name: ways_of(found, ADDRESS + name) for name, found in pages.items() if re.fullmatch(r"posts/[^/]+/", name)}
    listed = [urljoin(ADDRESS + "docs/map/", href).removeprefix(ADDRESS) for href in page.xpath("//section//dl/dt/a/@href")]
    assert sorted(listed) == sorted(articles)
    for name, ways in articles.items():
        for needed in ways["first"]:
            assert listed.index(needed.removeprefix(ADDRESS)) < listed.index(name)
    concepts = {concept for ways in articles.values() for concept in ways["teaches"][0].split(", ")}
    shown = [entry.text_content().split(":")[0] for entry in page.xpath("//section[@id='concepts-and-where-they-are-explained']//li")]
    assert shown == sorted(concepts, key=str.casefold)
    [drawing] = page.xpath("//figure//*[local-name()='svg']")
    assert drawing.get("role") == "img" and f"{len(articles)} articles" in drawing.get("aria-label")
    assert len(drawing.xpath(".//*[local-name()='circle']")) == len(articles)
    assert {value for value in drawing.xpath(".//@stroke | .//@fill") if value != "none" and not value.startswith("var(--fig-")} == set()


def test_the_menu_and_the_list_of_all_articles_lead_to_the_map(pages: Pages) -> None:
    for name, page in pages.items():
        base = ADDRESS + ("404/" if name == "404.html" else name)
        assert ADDRESS + "docs/map/" in [urljoin(base, href) for href in page.xpath("//nav[@aria-label='Site']//a/@href")], name
    assert pages["articles/"].xpath("//*[@class='feed-link']/a[.='Map of all articles']")


def test_contents_say_how_long_a_section_takes(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    text = ('---\nblogpost: true\ndate: 2024-01-01\ntags: [LLMs]\ndescription: "A finding."\n---\n\n# Title\n\nOpening.\n\n'
            f"## Long\n\n{'word ' * 600}\n\n```text\n{'code ' * 900}\n```\n\n## Short\n\nA word.\n")
    result = build(tiny({"posts/timed/index.md": text}), tmp_path / "out", "-W", "-n")
    assert result.code == 0, result.messages
    page = lxml.html.parse(result.out / "posts/timed/index.html").getroot()
    assert [" ".join(link.text_content().split()) for link in page.xpath("//*[@class='toc-tree']//a")][-2:] == ["Long 3 min", "Short"]


# -- After an edit -----------------------------------------------------------


def post(title: str, day: int, text: str, **fields: str) -> str:
    more = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return (f'---\nblogpost: true\ndate: 2024-03-{day:02}\ntags: [LLMs]\ndescription: "A finding of {title}."\n{more}---\n\n'
            f"# {title}\n\nAn opening.\n\n{text}\n")


SLATE = {"updated": "2025-01-02", "changes": '[{date: 2025-01-02, kind: correction, what: "It was slate."}]'}
GRAIN, YEAST, STONE = "wheat rye barley millet oats " * 3, "dough ferment starter proof bake " * 3, "granite basalt slate marble chalk " * 3
POSTS = {"posts/wheat/index.md": post("Wheat", 1, GRAIN), "posts/rye/index.md": post("Rye", 2, GRAIN, teaches="[harvest]"),
         "posts/bread/index.md": post("Bread", 3, YEAST), "posts/rolls/index.md": post("Rolls", 4, YEAST),
         "posts/rock/index.md": post("Rock", 5, STONE, **SLATE), "posts/wall/index.md": post("Wall", 6, STONE)}

# name: (edits, articles that show something else afterwards beside the edited one)
EDITS: dict[str, tuple[dict[str, str | None], set[str]]] = {
    "words that change nothing": ({"posts/wall/index.md": post("Wall", 6, STONE + "mortar")}, set()),
    "an article turns to another subject": ({"posts/rolls/index.md": post("Rolls", 4, GRAIN)}, {"wheat", "rye", "bread"}),
    "an article needs another": ({"posts/wall/index.md": post("Wall", 6, STONE, needs="[wheat]")}, {"*"}),
    "a concept is added": ({"posts/wall/index.md": post("Wall", 6, STONE, teaches="[bonding]")}, {"*"}),
    "a correction": ({"posts/wall/index.md": post("Wall", 6, STONE, **SLATE)}, {"*"}),
    "a correction in other words": ({"posts/rock/index.md": post("Rock", 5, STONE, **SLATE).replace("It was", "That was")}, set()),
    "an article goes": ({"posts/rye/index.md": None}, {"*"}),
}


def digests(out: Path) -> dict[str, str]:
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*")) if path.is_file() and path.name != ".buildinfo"}


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_only_articles_that_show_something_else_are_written_and_all_is_as_built_afresh(
        edit: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    files, others = EDITS[edit]
    source = tiny({**POSTS, **{f"posts/{old}/index.md": None for old in ("first", "second", "third")}})
    for old in ("first", "second", "third"):
        (source / "posts" / old).rmdir()
    assert build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS).code == 0
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("posts/*/index.html")}
    for name, content in files.items():
        if content is None:
            (source / name).unlink()
            (source / name).parent.rmdir()
        else:
            (source / name).write_text(content, encoding="utf-8")
    step = build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    assert step.code == 0, step.messages
    again = {path.parent.name for path, then in written.items() if path.exists() and path.stat().st_mtime_ns != then}
    assert others == {"*"} or again == others | {Path(name).parent.name for name in files}
    afresh = build(source, tmp_path / "afresh", "-W", "-n", "-E", SITE_URL=ADDRESS)
    assert digests(step.out) == digests(afresh.out)
