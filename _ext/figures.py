"""Figures: an SVG stands in the page itself, so that it follows the theme; other images keep their place while loading.

An image without alternative text fails the build: a reader who cannot see it
would get nothing.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


class AlternativeText(SphinxTransform):
    """Each image says in words what it shows."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        for image in self.document.findall(nodes.image):
            if not image.get("alt", "").strip():
                placed: nodes.Element = image  # MyST gives an image in a paragraph no line of its own
                while not placed.line and placed.parent is not None:
                    placed = placed.parent
                logger.warning("image %s has no alternative text: say what it shows, as `:alt: the finding` below "
                               "{figure} or as ![the finding](…)", image["uri"], location=placed, type="figures")


def inline_svg(source: str, alt: str, address: str) -> str:
    """A figure's file as an element of the page: named for screen readers, without its own colours.

    The file's ``<style>`` serves readers who see it as an image (feeds); in the
    page the site's stylesheet sets the same variables, for the theme chosen.
    """
    source = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->", "", source, flags=re.DOTALL)
    source = re.sub(r"<style>.*?</style>\s*", "", source, count=1, flags=re.DOTALL).strip()
    name = f'class="figure-svg" role="img" aria-label="{escape(alt)}" data-source="{escape(address)}"'
    return re.sub(r'<svg(?: xmlns="[^"]*")?', f"<svg {name}", source, count=1)


def visit_image(self: HTML5Translator, node: nodes.image) -> None:
    path = Path(self.builder.srcdir) / node["uri"]
    if not path.is_file():
        HTML5Translator.visit_image(self, node)
        return
    alt = node.get("alt", "")
    if path.suffix == ".svg" and node.get("original_uri", node["uri"]) and "raw-image" not in node["classes"]:
        name = self.builder.images.get(node["uri"], path.name)
        self.body.append(inline_svg(path.read_text(encoding="utf-8"), alt, f"{self.builder.imgpath}/{name}"))
        raise nodes.SkipNode
    if "width" not in node and "height" not in node:
        with Image.open(path) as picture:
            node["width"], node["height"] = map(str, picture.size)
    node["loading"] = "lazy"
    HTML5Translator.visit_image(self, node)


def depart_image(self: HTML5Translator, node: nodes.image) -> None:
    HTML5Translator.depart_image(self, node)


def image_name(path: str) -> str:
    """A picture's name in the output, by its path alone.

    Sphinx numbers equal names in the order in which it meets them, so a new
    article would give another article's picture a new address.

    >>> image_name("posts/cut-cross-entropy/memory.svg"), image_name("docs/home.png")
    ('cut-cross-entropy.memory.svg', 'docs.home.png')
    """
    return path.removeprefix("posts/").replace("/", ".")


def name_images(app: Sphinx, env: Any) -> None:
    """Give pictures their names; and tell them to the builder, which knows only those of pages it writes now."""
    for path, (docnames, _) in list(env.images.items()):
        name = image_name(path)
        env.images[path] = (docnames, name)
        if hasattr(app.builder, "images"):
            app.builder.images[path] = name


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(AlternativeText)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("env-updated", name_images, priority=200)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
