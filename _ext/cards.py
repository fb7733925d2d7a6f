"""The picture that a shared link shows: 1200 by 630, the article's title in the site's own type.

Made at build time and kept beside the environment by a digest of what it shows,
so only a new title is drawn again.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import unicodedata
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SIZE = (1200, 630)
MARGIN = 84
PAPER, INK, MUTED, ACCENT = "#fdfcf9", "#1f2328", "#5b6169", "#1b5e8c"
FONTS = Path(__file__).parent / "card_fonts"
FALLBACKS = ("serif-latin.woff", "serif-latin-ext.woff", "serif-greek.woff", "serif-cyrillic.woff", "emoji.woff")
INVISIBLE = {0x200D, 0xFE0E, 0xFE0F}  # joiners and variation selectors of emoji


@functools.cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def characters(name: str) -> frozenset[int]:
    """The characters that a font can draw: those whose picture differs from its picture of a missing one."""
    probe = font(name, 32)
    missing = bytes(probe.getmask("\U0010fffd"))
    return frozenset(code for code in range(0x20, 0x1FB00) if bytes(probe.getmask(chr(code))) != missing) | {0x20}


def runs(text: str) -> list[tuple[str, str]]:
    """(font, text) pieces: each character in the first font that has it.

    Raises ValueError naming the characters that none has.
    """
    pieces: list[tuple[str, str]] = []
    missing: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if ord(character) in INVISIBLE:
            continue
        name = next((name for name in FALLBACKS if ord(character) in characters(name)), None)
        if name is None:
            missing.append(character)
        elif pieces and pieces[-1][0] == name:
            pieces[-1] = (name, pieces[-1][1] + character)
        else:
            pieces.append((name, character))
    if missing:
        raise ValueError(", ".join(f"{character} (U+{ord(character):04X})" for character in dict.fromkeys(missing)))
    return pieces


def width(text: str, size: int) -> float:
    return sum(font(name, size).getlength(piece) for name, piece in runs(text))


def wrap(text: str, size: int, room: float) -> list[str]:
    """Lines of at most `room` pixels, broken between words."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def draw(title: str, small: str, blog: str) -> Image.Image:
    """One card. `title` is made as large as fits; `small` is the line below it."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)

    def write(x: float, baseline: float, text: str, size: int, fill: str) -> None:
        for name, piece in runs(text):
            pen.text((x, baseline), piece, font=font(name, size), fill=fill, anchor="ls")
            x += font(name, size).getlength(piece)

    room = SIZE[0] - 2 * MARGIN
    for size in (76, 68, 60, 52, 46, 40):
        lines = wrap(title, size, room)
        if len(lines) * size * 1.22 <= 330 and all(width(line, size) <= room for line in lines):
            break
    pen.rectangle((0, 0, 14, SIZE[1]), fill=ACCENT)
    write(MARGIN, 118, blog, 30, ACCENT)
    top = 190 + size
    for number, line in enumerate(lines):
        write(MARGIN, top + number * size * 1.22, line, size, INK)
    write(MARGIN, SIZE[1] - 70, small, 28, MUTED)
    return image


def make(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out, kept = Path(app.outdir) / "_static/cards", Path(app.doctreedir) / "cards"
    out.mkdir(parents=True, exist_ok=True)
    kept.mkdir(parents=True, exist_ok=True)
    code = Path(__file__).read_bytes()
    wanted = {"blog": (app.config.project, "")}
    for docname, article in app.articles.items():
        if article.image:
            shutil.copyfile(Path(app.srcdir) / "posts" / article.slug / article.image, out / f"{article.slug}.png")
            continue
        small = " · ".join([f"{article.date:%Y}" if article.date else "Draft", *article.tags])
        wanted[article.slug] = (article.card_title or app.env.metadata[docname]["title"], small)
    for slug, (title, small) in wanted.items():
        digest = hashlib.sha256(repr((title, small, app.config.project)).encode() + code).hexdigest()[:16]
        path = kept / f"{slug}-{digest}.png"
        if not path.is_file():
            try:
                picture = draw(title, small, app.config.project if slug != "blog" else app.config.author)
            except ValueError as error:
                logger.warning("the card's fonts have no %s; give the article a `card_title` without it, or an `image`",
                               error, location=f"posts/{slug}/index", type="cards")
                continue
            for old in kept.glob(f"{slug}-????????????????.png"):
                old.unlink()
            picture.save(path, optimize=True)
        shutil.copyfile(path, out / f"{slug}.png")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", make, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
