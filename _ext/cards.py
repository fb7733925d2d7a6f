"""The picture that a shared link shows: 1200 by 630, the article's title in the site's own type.

Made at build time; only a card that shows something new is drawn again.
"""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path
from typing import Any

from PIL import Image, ImageFont
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SIZE = (1200, 630)
MARGIN = 84
STEPS = 5  # from the paper to each of three colours: sixteen colours at most make a small file
PAPER, INK, MUTED, ACCENT = "#fdfcf9", "#1f2328", "#5b6169", "#1b5e8c"  # conf.py's, by _ext/identity.py
FONTS = Path(__file__).parent / "card_fonts"
FALLBACKS = ("serif-latin.woff", "serif-latin-ext.woff", "serif-greek.woff", "serif-cyrillic.woff", "emoji.woff")
BLOG = "_blog"  # the blog's own card; no article can have this name
INVISIBLE = {0x200D, 0xFE0E, 0xFE0F}  # joiners and variation selectors of emoji


@functools.cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def draws(name: str, character: str) -> bool:
    """Whether a font has a character: its picture then differs from the font's picture of a missing one."""
    probe = font(name, 32)
    return character == " " or bytes(probe.getmask(character)) != bytes(probe.getmask("\U0010fffd"))


def runs(text: str) -> list[tuple[str, str]]:
    """(font, text) pieces: each character in the first font that has it.

    Raises ValueError naming the characters that none has.
    """
    pieces: list[tuple[str, str]] = []
    missing: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if ord(character) in INVISIBLE:
            continue
        name = next((name for name in FALLBACKS if draws(name, character)), None)
        if name is None:
            missing.append(character)
        elif pieces and pieces[-1][0] == name:
            pieces[-1] = (name, pieces[-1][1] + character)
        else:
            pieces.append((name, character))
    if missing:
        raise ValueError(", ".join(f"{character} (U+{ord(character):04X})" for character in dict.fromkeys(missing)))
    return pieces


@functools.cache
def drawable(text: str) -> bool:
    """Whether the card's fonts have every character of a text."""
    try:
        return bool(runs(text))
    except ValueError:
        return False


@functools.cache
def width(text: str, size: int) -> float:
    return sum(font(name, size).getlength(piece) for name, piece in runs(text))


def wrap(text: str, size: int, room: float) -> list[str]:
    """Lines of at most `room` pixels, broken between words."""
    lines: list[list[str]] = []
    left = 0.0
    for word in text.split():
        left -= width(f" {word}", size)
        if lines and left >= 0:
            lines[-1].append(word)
        else:
            lines.append([word])
            left = room - width(word, size)
    return [" ".join(line) for line in lines]


@functools.cache
def glyph(name: str, size: int, character: str, quarter: int) -> tuple[Image.Image, int, int]:
    """A letter that begins so many quarters of a pixel further right, and where its picture lies from there."""
    core, (left, top) = font(name, size).getmask2(character, "L", anchor="ls", start=(quarter / 4, 0))
    picture = Image.new("L", core.size)
    picture.im.paste(core, (0, 0, *core.size))
    return picture, left, top


@functools.cache
def advance(name: str, size: int, character: str) -> float:
    return font(name, size).getlength(character)


@functools.cache
def kerning(name: str, size: int, before: str, character: str) -> float:
    return font(name, size).getlength(before + character) - advance(name, size, before) - advance(name, size, character)


def ramp(colour: str) -> list[int]:
    """Steps from the paper to a colour, for the edges of letters."""
    ends = [tuple(int(code[at : at + 2], 16) for at in (1, 3, 5)) for code in (PAPER, colour)]
    return [round(low + (high - low) * step / (STEPS - 1)) for step in range(STEPS) for low, high in zip(*ends, strict=True)]


def draw(title: str, small: str, blog: str) -> Image.Image:
    """One card. `title` is made as large as fits; `small` is the line below it.

    Drawn as grey letters, of which each of three bands takes its colour: a
    picture of so few colours takes a fraction of the time and of the bytes.
    """
    letters = Image.new("L", SIZE, 0)

    def write(x: float, baseline: float, text: str, size: int) -> None:
        for name, piece in runs(text):
            for before, character in zip(["", *piece], piece, strict=False):
                x += kerning(name, size, before, character) if before else 0
                mask, left, top = glyph(name, size, character, int(x % 1 * 4))
                letters.paste(255, (int(x) + left, round(baseline) + top), mask)
                x += advance(name, size, character)

    room = SIZE[0] - 2 * MARGIN
    for size in (76, 68, 60, 52, 46, 40):
        lines = wrap(title, size, room)
        if len(lines) * size * 1.22 <= 330 and all(width(line, size) <= room for line in lines):
            break
    room_for = int(330 / (size * 1.22))
    if len(lines) > room_for:
        lines = [*lines[: room_for - 1], lines[room_for - 1] + "…"]
    write(MARGIN, 118, blog, 30)
    top = 190 + size
    for number, line in enumerate(lines):
        write(MARGIN, top + number * size * 1.22, line, size)
    write(MARGIN, SIZE[1] - 70, small, 28)
    image = Image.new("P", SIZE, 0)
    image.putpalette(ramp(ACCENT) + ramp(INK) + ramp(MUTED))
    for number, (above, below) in enumerate([(0, 150), (150, SIZE[1] - 110), (SIZE[1] - 110, SIZE[1])]):
        band = letters.crop((0, above, SIZE[0], below))
        image.paste(band.point([round(value / 255 * (STEPS - 1)) + STEPS * number for value in range(256)]), (0, above))
    image.paste(STEPS - 1, (0, 0, 15, SIZE[1]))
    return image


def card_names(app: Sphinx) -> list[str]:
    """The blog's own card and each article's."""
    return [BLOG, *(article.slug for article in app.articles.values())]


def title_line(path: Path) -> str:
    """Where an article's title stands: file and line."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return f"{path}:{next((number for number, line in enumerate(lines, start=1) if line.startswith('# ')), 1)}"


def copy(source: Path, target: Path) -> None:
    """An author's own picture, as PNG, if it has the size that the page promises."""
    try:
        with Image.open(source) as picture:
            if picture.size == SIZE:
                picture.convert("RGB").save(target, "PNG", optimize=True)
                return
            wrong = f"is {picture.width} by {picture.height}"
    except OSError:
        wrong = "is no picture that Pillow can read"
    logger.warning("`image: %s` %s; a card is a PNG or JPEG of 1200 by 630", source.name, wrong,
                   location=title_line(source.parent / "index.md"), type="cards")


def make(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir) / "_static/cards"
    out.mkdir(parents=True, exist_ok=True)
    blog = app.config.project if drawable(app.config.project) else ""
    wanted = {BLOG: (blog, "")}
    for docname, article in app.articles.items():
        if article.image:
            copy(Path(app.srcdir) / "posts" / article.slug / article.image, out / f"{article.slug}.png")
            continue
        small = " · ".join([f"{article.date:%Y}" if article.date else "Draft", *filter(drawable, article.tags)])
        wanted[article.slug] = (article.card_title or app.env.metadata[docname]["title"], small)
    for slug, (title, small) in wanted.items():
        path = out / f"{slug}.png"
        if not app.shown.changed(f"card {slug}", [title, small, blog, PAPER, INK, MUTED, ACCENT], path):
            continue
        try:
            picture = draw(title, small, blog if slug != BLOG else "")
        except ValueError as error:
            logger.warning("the card's fonts have no %s; give the article a `card_title` without it, or an `image`",
                           error, location=title_line(Path(app.srcdir) / "posts" / slug / "index.md"), type="cards")
            path.unlink(missing_ok=True)
            continue
        picture.save(path, bits=4, compress_level=1, compress_type=3)  # runs of one colour alone are packed


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", make, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
