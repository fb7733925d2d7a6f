"""Remove what an earlier build left in the output and this one would not write.

Sphinx never deletes: without this, an article that was deleted, or made a draft
again, stays readable until the whole output is built anew. In a published
build too, where the output folder is kept from the last one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from ablog_mends import archive_pages
from cards import card_names
from feeds import collections, feed_file
from markdown_face import file_name


def sweep(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    keep = {out / feed_file(collection) for collection in collections(app)}
    keep |= {app.builder.get_output_path(name) for name in app.env.found_docs}
    keep |= {app.builder.get_output_path(name) for name, _, _ in archive_pages(app)}
    keep |= {out / old / "index.html" for old in app.redirects}
    keep |= {out / file_name(name) for name in app.articles}
    if app.config.blog_preview:  # an article being mended keeps its last good page, for _ext/preview.py to say what is wrong
        keep |= {Path(app.builder.get_output_path(name)) for name in app.left_out}
    keep |= {out / "_static/cards" / f"{name}.png" for name in card_names(app)}
    keep |= {out / "_images" / name for name in app.builder.images.values()}
    # Only below folders that are the blog's own: `out` may hold what others put there.
    wanted = {str(path) for path in keep}
    for top, suffixes in (("articles", (".html", "atom.xml")), ("posts", (".html", ".markdown")), ("docs", (".html",)),
                          ("_static/cards", (".png",)), ("_images", ("",))):
        for folder, _, names in os.walk(out / top, topdown=False):
            gone = [path for name in names if name.endswith(suffixes) and (path := f"{folder}/{name}") not in wanted]
            for path in gone:
                os.unlink(path)
            if gone:
                with suppress(OSError):  # not empty
                    os.removedirs(folder)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", sweep, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
