"""Whose blog it is stands in the first section of conf.py and nowhere else: name, line, author, licence, colours.

`index.md` and the pages of docs/ name these as {{ name }}, {{ tagline }},
{{ author }}, {{ licence }}, {{ licence_address }}, {{ code_licence }} and, say,
{{ paper.light }}. Stylesheet, cards and templates get the colours from here.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util import logging

import cards

logger = logging.getLogger(__name__)

COLOURS = ("paper", "ink", "accent")
LEGIBLE = 4.5  # to 1: the contrast of text that WCAG 2.2 asks for


def escape(text: str) -> str:
    """Markdown that shows exactly these characters.

    >>> escape("C# & *friends*")
    'C\\\\# \\\\& \\\\*friends\\\\*'
    """
    return re.sub(r"([\\`*_{}\[\]<>$&#|~^])", r"\\\1", text)


def luminance(colour: str) -> float:
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """How much lighter one colour is than the other, 1 to 21, as WCAG 2.2 defines it.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def check(app: Sphinx, config: Any) -> None:
    colours = config.colours
    if set(colours) != set(COLOURS) or not all(
            isinstance(pair, tuple) and len(pair) == 2 and all(re.fullmatch(r"#[0-9a-fA-F]{6}", str(each)) for each in pair)
            for pair in colours.values()):
        raise ConfigError(f'conf.py: colours gives {", ".join(COLOURS)}, each by day and by night: '
                          '"paper": ("#fdfcf9", "#16181b")')
    for turn, when in enumerate(("day", "night")):
        for name in ("ink", "accent"):
            found = contrast(colours[name][turn], colours["paper"][turn])
            if found < LEGIBLE:
                logger.warning("conf.py: %s on paper by %s has a contrast of %.1f to 1, and text needs %s: %s on %s",
                               name, when, found, LEGIBLE, colours[name][turn], colours["paper"][turn], type="identity")


def mix(one: str, other: str, share: float) -> str:
    """One colour with a share of the other in it.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = ((int(one[at:at + 2], 16), int(other[at:at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(first + share * (second - first)):02x}" for first, second in pairs)


def colour_cards(app: Sphinx) -> None:
    """Cards are seen by day, on other people's pages."""
    paper, ink, accent = (app.config.colours[name][0] for name in COLOURS)
    cards.PAPER, cards.INK, cards.MUTED, cards.ACCENT = paper, ink, mix(ink, paper, 0.27), accent


def stylesheet(colours: dict[str, tuple[str, str]]) -> str:
    """The colours as variables for site.css."""
    return ":root{" + "".join(f"--{name}:light-dark({day},{night});" for name, (day, night) in colours.items()) + "}"


def words(config: Any) -> dict[str, str]:
    """What a page may name, and what it becomes. Addresses and colours go into links and code, where nothing is escaped."""
    licence, address = config.licence
    return {"name": escape(config.project), "tagline": escape(config.tagline), "author": escape(config.author),
            "licence": escape(licence), "licence_address": address, "code_licence": escape(config.code_licence)} | {
            f"{name}.{when}": colour for name, pair in config.colours.items()
            for when, colour in zip(("light", "dark"), pair, strict=True)}


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == app.config.root_doc or docname.startswith("docs/"):
        known = words(app.config)
        source[0] = re.sub(r"\{\{ ([\w.]+) \}\}", lambda found: known.get(found[1], found[0]), source[0])


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    context["colours"] = app.config.colours


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("licence", ("", ""), "env", types=[tuple])
    app.add_config_value("code_licence", "", "env", types=[str])
    app.add_config_value("colours", {}, "env", types=[dict])
    app.connect("config-inited", check)
    app.connect("builder-inited", colour_cards)
    app.connect("source-read", fill_in)
    app.connect("html-page-context", page_context)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
