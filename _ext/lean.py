"""What Sphinx, Furo and Python do for nothing on a blog of a thousand articles, left out.

None of it changes a byte of the output; a test builds with and without.
"""

from __future__ import annotations

import copy
import functools
import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sphinx.util.docutils
from docutils.utils import DependencyList
from jinja2 import FileSystemBytecodeCache
from myst_parser.mdit_to_docutils import base as myst
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge


class Nothing(dict):
    """Sphinx keeps every page's tree in memory between reading and writing it."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


def fresh(settings: Any) -> Any:
    """A page's own copy of docutils' settings: what one page adds to a list is not another's."""
    own = copy.copy(settings)
    for name, value in vars(settings).items():
        if isinstance(value, (list, dict)):
            setattr(own, name, value.copy())
    own.record_dependencies = DependencyList()
    return own


def once(make: Callable[..., Any]) -> Callable[..., Any]:
    """docutils declares its 70 settings anew for each page, twice with MyST, and they come out the same."""
    known: list[tuple[Any, Any]] = []

    def settings(*components: Any, **options: Any) -> Any:
        kinds = [each if isinstance(each, type) else type(each) for each in components]
        asked = (kinds, {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()})
        found = next((made for before, made in known if before == asked), None)
        if found is None:
            found = make(*components, **options)
            known.append((asked, found))
        return fresh(found)

    return settings


@functools.cache
def formatter(kind: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return kind(**dict(options))


def get_formatter(bridge: PygmentsBridge, **options: Any) -> Any:
    """Sphinx makes Pygments' formatter, with all colours of its style, for each block of code."""
    options |= bridge.formatter_args
    try:
        return formatter(bridge.formatter, tuple(options.items()))  # type: ignore[arg-type]
    except TypeError:  # with a list, of lines to stress
        return bridge.formatter(**options)


def rest(app: Sphinx) -> None:
    """What start-up and the last build's environment brought stays, so the collector need not look through it again.

    Unless every page is read again: what the environment kept of each goes then.
    """
    if app.shown.same_site:
        gc.freeze()


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
    gc.set_threshold(50_000, 20, 100)  # before the environment is loaded, which makes few things to collect
    if PygmentsBridge.get_formatter is not get_formatter:  # once a process
        PygmentsBridge.get_formatter = get_formatter  # type: ignore[assignment, method-assign]
        sphinx.util.docutils._get_settings = once(sphinx.util.docutils._get_settings)
        myst.get_default_settings = once(myst.get_default_settings)
    app.connect("builder-inited", prepare, priority=100)
    app.connect("builder-inited", rest, priority=999)
    app.connect("html-page-context", no_navigation, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
