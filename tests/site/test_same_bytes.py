"""One commit gives one site: whatever the machine, the number of processes, and what was built before."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://blog.example/"

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]


def digests(out: Path) -> dict[str, str]:
    """Every published file by its digest. `.buildinfo` is Sphinx's note to itself and holds no page's content."""
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*")) if path.is_file() and path.name != ".buildinfo"}


def assert_same(one: Path, other: Path) -> None:
    a, b = digests(one), digests(other)
    assert len(a) > 30
    assert sorted(a) == sorted(b)
    assert [name for name in a if a[name] != b[name]] == []


def test_two_builds_of_one_commit_are_the_same_bytes(site: Path, build: Build, tmp_path: Path) -> None:
    """In another folder, time zone and locale, with another hash seed and parallel processes, and files of another age."""
    source = Path(shutil.copytree(ROOT, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(
        ".*", "_build", "__pycache__", "tests", "node_modules")))
    shutil.copytree(ROOT / "tests/roots", source / "tests/roots")  # docs/ show parts of it
    for path in source.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    result = build(source, tmp_path / "out", "-W", "-n", "-j", "2", SITE_URL=ADDRESS, REPOSITORY_URL="https://code.example/blog",
                   TZ="Pacific/Kiritimati", PYTHONHASHSEED="7", LC_ALL="C.UTF-8", LANGUAGE="de")
    assert result.code == 0, result.messages
    assert_same(site, result.out)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_dates_do_not_depend_on_the_builders_time_zone(zone: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny()
    here = build(source, tmp_path / "here", SITE_URL=ADDRESS, TZ="UTC", PYTHONHASHSEED="0")
    there = build(source, tmp_path / "there", SITE_URL=ADDRESS, TZ=zone, PYTHONHASHSEED="1")
    assert_same(here.out, there.out)


def article(title: str, date: str, tags: str, text: str = "An opening.") -> str:
    return f'---\nblogpost: true\ndate: {date}\ntags: [{tags}]\ndescription: "A finding of {title}."\n---\n\n# {title}\n\n{text}\n'


SECOND = article("The second article", "2023-06-15", "Transformers, LLMs")
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'

# What an author does between two builds: files by name, None for a deleted one.
EDITS: dict[str, dict[str, str | None]] = {
    "nothing": {},
    "a new title": {"posts/second/index.md": SECOND.replace("The second article", "Two, renamed")},
    "another day": {"posts/second/index.md": SECOND.replace("2023-06-15", "2025-06-15")},
    "other tags, so that one is new and one goes": {"posts/second/index.md": SECOND.replace("LLMs", "Computer Vision")},
    "another opening": {"posts/second/index.md": SECOND.replace("An opening.", "Another opening.")},
    "another description": {"posts/second/index.md": SECOND.replace("A finding", "The finding")},
    "an update": {"posts/second/index.md": SECOND.replace("tags:", "updated: 2026-02-02\ntags:")},
    "a new article": {"posts/fourth/index.md": article("The fourth article", "2024-05-05", "LLMs")},
    "a new article with a picture": {
        "posts/fourth/index.md": article("The fourth article", "2022-05-05", "LLMs", "Opening.\n\n![A triangle](shape.svg)"),
        "posts/fourth/shape.svg": PICTURE.replace("h9v9", "v9h9")},
    "an article deleted, the last of its tag and year": {"posts/third/index.md": None},
    "an article held back": {"posts/third/index.md": article("Third", "2024-02-29", "Coroutines").replace("tags", "draft: true\ntags")},
    "a page deleted": {"docs/more.md": None, "index.md": "# A tiny blog\n\n```{toctree}\n:hidden:\n\ndocs/about\n```\n"},
}


def tidy(source: Path) -> None:
    """An article's folder goes with its last file, as in git."""
    for folder in source.glob("posts/*"):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


@pytest.mark.parametrize("edit", EDITS)
def test_a_site_built_step_by_step_equals_one_built_afresh(edit: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    """As `make live` does after each change: home, tags, neighbours, feeds, sitemap, and nothing of what is gone."""
    source = tiny({
        "posts/second/index.md": SECOND,
        "posts/third/index.md": article("The third article", "2024-02-29", "Coroutines", "Opening.\n\n![A triangle](shape.svg)"),
        "posts/third/shape.svg": PICTURE, "docs/more.md": "# More\n\nMore of a tiny blog. See {ref}`blog-posts`.\n",
        "index.md": "# A tiny blog\n\n```{toctree}\n:hidden:\n\ndocs/about\ndocs/more\n```\n"})
    assert build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS).code == 0
    for name, content in EDITS[edit].items():
        target = source / name
        if content is None:
            target.unlink()
            continue
        target.parent.mkdir(exist_ok=True)
        target.write_text(content, encoding="utf-8")
    tidy(source)
    step = build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    assert step.code == 0, step.messages
    afresh = build(source, tmp_path / "afresh", "-W", "-n", "-E", SITE_URL=ADDRESS)
    assert_same(step.out, afresh.out)


def test_pictures_of_one_name_stay_apart_and_keep_their_addresses(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    """Feed readers show a picture by its address, so a new article must not give another's picture a new one."""
    text = article("Title", "2022-05-05", "LLMs", "Opening.\n\n![A triangle](shape.svg)")
    pictures = {"beta": PICTURE, "alpha": PICTURE.replace("h9v9", "v9h9")}
    addresses: dict[str, list[str]] = {"beta": [], "alpha": []}
    for names in (["beta"], ["alpha", "beta"]):
        source = tiny({f"posts/{name}/index.md": text for name in names} | {f"posts/{name}/shape.svg": pictures[name] for name in names})
        out = build(source, tmp_path / names[0], SITE_URL=ADDRESS).out
        feed = json.loads((out / "articles/feed.json").read_text(encoding="utf-8"))
        for name in names:
            [item] = [item for item in feed["items"] if item["id"] == f"{ADDRESS}posts/{name}/"]
            addresses[name] += re.findall(r'<img src="([^"]*)"', item["content_html"])
            assert (out / addresses[name][-1].removeprefix(ADDRESS)).read_text(encoding="utf-8") == pictures[name]
    assert addresses["beta"][0] == addresses["beta"][1]


def test_what_others_put_beside_the_site_stays(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source, out = tiny(), tmp_path / "out"
    kept = [out / "CNAME", out / "googlebot.html", out / "other/index.html", out / "posts/first/data.csv"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs", encoding="utf-8")
    assert build(source, out).code == 0
    assert [path for path in kept if path.read_text(encoding="utf-8") != "theirs"] == []
