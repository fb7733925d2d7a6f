"""Photographs: what the directive puts into a page and a feed, and how it names an author's mistake."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import lxml.html
import numpy as np
import pytest
from PIL import Image

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

ADDRESS = "https://blog.example/"
HEAD = '---\nblogpost: true\ndate: 2026-01-05\ntags: [Computer Vision]\ndescription: "Pictures."\n---\n\n# A picture\n\nAn opening.\n\n'
PICTURE = """```{picture} one two
:alt: The first shows noise. | The second "less" & sharper.
:labels: one frame | eight frames
:credit: “Temple”, A. Maker
:licence: [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)
:name: fig-temple

What to *see*.
```
"""


def encoded(ending: str, size: tuple[int, int] = (60, 40), noise: bool = False) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)) if noise else np.full((size[1], size[0], 3), 90)
    kind = {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG", "png": "PNG"}[ending]
    Image.fromarray(pixels.astype(np.uint8)).save(file, kind)
    return file.getvalue()


def files(text: str = PICTURE, **changes: bytes | None) -> dict[str, str | bytes]:
    here: dict[str, bytes | None] = {"one.avif": encoded("avif"), "one.jpg": encoded("jpg"), "two.webp": encoded("webp"),
                                     "two.png": encoded("png")}
    here |= {name.replace("_", "."): content for name, content in changes.items()}
    return {"posts/pictured/index.md": HEAD + text} | {
        f"posts/pictured/{name}": content for name, content in here.items() if content is not None}


def test_a_page_has_both_formats_sizes_words_and_whose_they_are(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    result = build(tiny(files()), tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    page = Path(result.out) / "posts/pictured/index.html"
    (figure,) = lxml.html.parse(page).getroot().xpath("//figure[@id='fig-temple']")
    first, second = figure.xpath(".//picture")
    assert [source.get("type") for source in figure.xpath(".//source")] == ["image/avif", "image/webp"]
    for picture, alt, endings in ((first, "The first shows noise.", (".avif", ".jpg")),
                                  (second, 'The second "less" & sharper.', (".webp", ".png"))):
        (source,), (image,) = picture.xpath(".//source"), picture.xpath(".//img")
        assert (image.get("alt"), image.get("width"), image.get("height"), image.get("loading")) == (alt, "60", "40", "lazy")
        for address, ending in zip((source.get("srcset"), image.get("src")), endings, strict=True):
            assert address.endswith(ending) and (page.parent / address).resolve().is_file()
    assert figure.xpath(".//span[@class='picture-label']/text()") == ["one frame", "eight frames"]
    assert figure.xpath("string(.//figcaption)").replace("#", "").split() == "What to see. “Temple”, A. Maker, CC BY 2.0.".split()
    assert figure.xpath(".//figcaption//a[contains(@href, 'creativecommons')]")


def test_a_feed_gets_the_fallback_alone_with_its_whole_address(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    result = build(tiny(files()), tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    feed = ElementTree.parse(Path(result.out) / "articles/atom.xml").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    (content,) = [entry.findtext(f"{atom}content") or "" for entry in feed.iter(f"{atom}entry")
                  if entry.findtext(f"{atom}title") == "A picture"]
    assert "<source" not in content and "A. Maker" in content
    images = lxml.html.fromstring(content).xpath("//img/@src")
    assert len(images) == 2
    for address in images:
        assert address.startswith(ADDRESS) and (Path(result.out) / address.removeprefix(ADDRESS)).is_file()


MISTAKES = {
    "no words": (PICTURE.replace(":alt: The first shows noise. |", ":alt:"), {}, "give it `:alt:`, what each of its 2 pictures shows"),
    "no maker": (PICTURE.replace(":credit:", ":labels:"), {}, "give it `:credit:`, who made it"),
    "no licence": ("\n".join(line for line in PICTURE.splitlines() if ":licence:" not in line), {},
                   "give it `:licence:`, under which terms it may be shown"),
    "no caption": (PICTURE.replace("What to *see*.\n", ""), {}, "give it a caption"),
    "too few labels": (PICTURE.replace("one frame | ", ""), {}, "`:labels:` has 1 parts for 2 pictures"),
    "no modern file": (PICTURE, {"one_avif": None}, "one.avif or one.webp is not beside the article, for browsers"),
    "no fallback": (PICTURE, {"two_png": None}, "two.jpg or two.png is not beside the article, for feeds and old browsers"),
    "two sizes": (PICTURE, {"one_jpg": encoded("jpg", (30, 20))}, "one.avif and one.jpg differ in width or height"),
    "too heavy": (PICTURE, {"two_png": encoded("png", (300, 300), noise=True), "two_webp": encoded("webp", (300, 300))},
                  "two.png weighs 270 kB, and 150 are allowed"),
    "module without a label": (PICTURE.replace(":labels:", ":module: demo.js\n:labels:"), {}, "give it `:label:`"),
    "module that is not there": (PICTURE.replace(":labels:", ":module: demo.js\n:label: A figure.\n:labels:"), {},
                                 "demo.js is not beside the article"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_file_and_line(tiny: Tiny, build: Build, tmp_path: Path, mistake: str) -> None:
    text, changes, words = MISTAKES[mistake]
    result = build(tiny(files(text, **changes)), tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    assert result.code != 0
    assert any("posts/pictured/index.md:" in line and words in line for line in result.messages.splitlines()), result.messages


def test_pictures_can_be_the_first_frame_of_an_interactive_figure(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    options = ":module: demo.js\n:start: compare\n:style: demo.css\n:data: demo.bin\n:label: Two frames.\n"
    text = PICTURE.replace(":labels:", f"{options}:labels:")
    source = tiny(files(text) | {"posts/pictured/demo.js": "export function compare() {}\n", "posts/pictured/demo.css": ".x {}\n",
                                 "posts/pictured/demo.bin": b"data"})
    result = build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    page = Path(result.out) / "posts/pictured/index.html"
    root = lxml.html.parse(page).getroot()
    (demo,) = root.xpath("//div[contains(@class, 'demo')]")
    assert (demo.get("role"), demo.get("aria-label"), demo.get("data-start"), demo.get("data-data")) == (
        "group", "Two frames.", "compare", "demo.bin")
    home = (page.parent / demo.get("data-home")).resolve()
    assert sorted(path.name for path in home.iterdir()) == ["demo.bin", "demo.css", "demo.js"]
    assert len(root.xpath("//link[contains(@href, 'demo.css')]")) == 1 and len(demo.xpath(".//picture")) == 2


def test_a_changed_picture_builds_its_page_again(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny(files())
    build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    for name in ("one.avif", "one.jpg"):
        (source / "posts/pictured" / name).write_bytes(encoded(name[4:], (80, 50)))
    result = build(source, tmp_path / "out", "-W", "-n", SITE_URL=ADDRESS)
    page = lxml.html.parse(Path(result.out) / "posts/pictured/index.html").getroot()
    assert page.xpath("//figure//img/@width") == ["80", "60"]
