"""What Sphinx, Furo and Python do for nothing on a blog of a thousand articles, left out.

None of it changes a byte of the output; a test builds with and without.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from jinja2 import FileSystemBytecodeCache
from sphinx.application import Sphinx


class Nothing(dict):
    """Sphinx keeps every page's tree in memory between reading and writing it: 100 kB an article."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


def rest(app: Sphinx) -> None:
    """What start-up and the last build's environment brought stays: the collector need not look through it again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def prepare(app: Sphinx) -> None:
    app.env._write_doc_doctree_cache = Nothing()
    app.env._pickled_doctree_cache = Nothing()
    if app.builder.format == "html":
        folder = Path(app.doctreedir) / "templates"
        folder.mkdir(parents=True, exist_ok=True)
        app.builder.templates.environment.bytecode_cache = FileSystemBytecodeCache(str(folder))


def no_navigation(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Furo makes a manual's navigation of all pages for each page; the blog's sidebar has none."""
    context.pop("toctree", None)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", prepare, priority=100)
    app.connect("builder-inited", rest, priority=999)
    app.connect("html-page-context", no_navigation, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
