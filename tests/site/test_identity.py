"""Whose blog it is stands in one place: the first section of conf.py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lxml.html
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

CONF = (ROOT / "conf.py").read_text(encoding="utf-8")
FIRST = re.search(r"# -- The blog: change these.*?(?=\n# -- )", CONF, re.DOTALL)[0]  # type: ignore[index]

MINE = '''
project = "Cats & *Dogs*"
tagline = "Notes on <animals>, and on those_who_keep_them."
author = "Ada Example"
language = "en"
blog_timezone = "Europe/Berlin"
licence = ("CC0", "https://creativecommons.org/publicdomain/zero/1.0/")
code_licence = "the ISC License"
copyright = f"Ada; words under {licence[0]}"
colours = {"paper": ("#ffffff", "#000000"), "ink": ("#111111", "#eeeeee"), "accent": ("#7a0045", "#ff9ecb")}
blog_tags = {name: "Line." for name in ("Transformers", "LLMs", "Coroutines")}
'''


@pytest.fixture
def mine(tiny: Tiny) -> Path:
    """This repository with another first section of conf.py, and another's articles."""
    source = tiny()
    for folder in ("docs", "tests/roots"):
        shutil.copytree(ROOT / folder, source / folder, dirs_exist_ok=True)
    for file in ("index.md", "404.md"):
        shutil.copy(ROOT / file, source)
    (source / "conf.py").write_text(CONF.replace(FIRST, MINE), encoding="utf-8")
    return source


def old_words() -> list[str]:
    """What this blog says of itself: its names, its lines, its licences, its colours."""
    names: dict[str, Any] = {}
    exec(FIRST, names)
    return [names["project"], names["tagline"], "MIT License", names["licence"][0], names["licence"][1],
            *(colour for pair in names["colours"].values() for colour in pair)]


def test_changing_the_first_section_of_conf_py_changes_every_place_that_names_the_blog(
        mine: Path, build: Build, tmp_path: Path) -> None:
    result = build(mine, tmp_path / "out", "-W", "-n", "--keep-going")
    assert (result.code, result.messages) == (0, "")
    text = {path.relative_to(result.out).as_posix(): path.read_text(encoding="utf-8") for path in result.out.rglob("*")
            if path.suffix in (".html", ".xml", ".json", ".js") or path.match("_static/blog.*.css")}
    assert len(text) > 20
    old = old_words()
    assert len(old) > 10
    # Only the shades of code and figures, which site.css has beside each other, may share a value with the accent.
    shades = re.compile(r"--(code|fig)-[\w-]+:light-dark\([^)]*\)|<td>.*?</td>", re.DOTALL)
    left = [(name, word) for name, content in text.items() for word in old
            if word in shades.sub("", content).replace("&amp;", "&")]
    assert left == []
    home = lxml.html.fromstring(text["index.html"].encode())
    assert home.xpath("//h1")[0].text_content().removesuffix("#") == "Cats & *Dogs*"
    assert home.xpath("//h1/following::p[1]")[0].text_content() == "Notes on <animals>, and on those_who_keep_them."
    assert home.xpath("//meta[@name='theme-color']/@content") == ["#ffffff", "#000000"]
    about = lxml.html.fromstring(text["docs/about/index.html"].encode())
    licence = about.xpath("//section[@id='licence']")[0]
    assert licence.xpath(".//a[text()='CC0']/@href") == ["https://creativecommons.org/publicdomain/zero/1.0/"]
    assert "the ISC License" in licence.text_content()
    assert "Ada; words under CC0" in about.xpath("//footer")[0].text_content()
    assert "Ada Example" in text["posts/first/index.html"] and "Ada Example" in text["articles/atom.xml"]
    with Image.open(result.out / "_static/cards/first.png") as picture:
        card = picture.convert("RGB")
        assert card.getpixel((0, 0)) == (0x7A, 0, 0x45) and card.getpixel((1199, 0)) == (255, 255, 255)
    sheet = next(content for name, content in text.items() if name.endswith(".css"))
    assert "--accent:light-dark(#7a0045,#ff9ecb)" in sheet


@pytest.mark.parametrize(("colours", "says"), [
    ({"paper": ("#fff", "#000000")}, 'conf.py: colours gives paper, ink, accent, each by day and by night: "paper": '),
    ({"accent": ("#a9c4d6", "#7fbdea")}, "conf.py: accent on paper by day has a contrast of 1.8 to 1, and text needs 4.5: "
                                         "#a9c4d6 on #fdfcf9"),
    ({"ink": ("#1f2328", "#333333")}, "conf.py: ink on paper by night has a contrast of 1.4 to 1"),
])
def test_colours_that_are_none_or_cannot_be_read_are_refused(
        colours: dict[str, tuple[str, str]], says: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    result = build(tiny(conf=f"\ncolours |= {colours!r}\n"), tmp_path / "out", "-W", "-n")
    assert result.code != 0 and says in result.messages
