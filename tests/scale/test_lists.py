"""A blog of more articles than a list shows: what its lists hold, and that what `lean.py` leaves out was for nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_sequences import build, differences

from corpus import TAGS, article, this_blog, write_posts

COUNT = 75  # of ten years and 40 tags
SHOWN = 30


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    items = [article(number, COUNT) for number in range(COUNT)]
    this_blog(folder / "blog", [])
    # One tag that half of them have: its list is long too.
    write_posts(folder / "blog", [item if number % 2 else type(item)(**vars(item) | {"tags": (TAGS[0],)})
                                  for number, item in enumerate(items)])
    build(folder / "blog", folder / "out")
    return folder


def links(path: Path, where: str) -> list[str]:
    return [link.rstrip("/").split("/")[-1] for link in lxml.html.fromstring(path.read_bytes()).xpath(f"{where}/@href")]


def test_home_and_all_articles_show_the_newest_and_lead_on(blog: Path) -> None:
    newest = [article(number, COUNT).slug for number in range(COUNT - 1, COUNT - 1 - SHOWN, -1)]
    for name in ("index.html", "articles/index.html"):
        assert links(blog / "out" / name, "//*[contains(@class, 'card-title')]/a") == newest
    assert links(blog / "out/index.html", "//p[@class='more']/a") == ["articles", "tag", "archive"]
    years = {str(article(number, COUNT).date.year) for number in range(COUNT)}
    assert set(links(blog / "out/articles/index.html", "//ul[@class='titles']//a")) == years


def test_every_article_stands_in_the_list_of_its_year_and_tags(blog: Path) -> None:
    for number in range(COUNT):
        item = article(number, COUNT)
        tags = item.tags if number % 2 else (TAGS[0],)
        for name in (str(item.date.year), *(f"tag/{tag.lower().replace(' ', '-')}" for tag in tags)):
            assert item.slug in links(blog / f"out/articles/{name}/index.html", "//main//a | //article//a")


def test_a_long_tag_has_cards_and_then_titles(blog: Path) -> None:
    page = blog / f"out/articles/tag/{TAGS[0].lower().replace(' ', '-')}/index.html"
    assert len(links(page, "//*[contains(@class, 'card-title')]/a")) == SHOWN
    assert len(links(page, "//ul[@class='titles']//a")) >= (COUNT + 1) // 2 - SHOWN


def test_what_is_left_out_changes_no_byte(blog: Path) -> None:
    conf = blog / "blog/conf.py"
    text = conf.read_text("utf-8")
    conf.write_text(text + '\nextensions.remove("lean")\n', "utf-8")
    build(blog / "blog", blog / "whole")
    conf.write_text(text, "utf-8")
    assert differences(blog / "out", blog / "whole") == []
