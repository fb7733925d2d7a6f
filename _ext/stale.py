"""Remove what an earlier build left in the output and this one would not write.

Sphinx never deletes: without this, an article that was deleted, or made a draft
again, stays readable until the whole output is built anew. In a published
build too, where the output folder is kept from the last one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.search import js_index

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
    for pattern in ("articles/**/*.html", "articles/**/atom.xml", "posts/**/*.html", "posts/**/*.markdown",
                    "docs/**/*.html", "_static/cards/*.png", "_images/*"):
        for path in list(out.glob(pattern)):
            if path not in keep:
                path.unlink()
                for folder in path.parents:
                    if folder == out or any(folder.iterdir()):
                        break
                    folder.rmdir()
    # Sphinx keeps a deleted page's words in the search index, each with no page.
    index = out / "searchindex.js"
    data = js_index.loads(index.read_text(encoding="utf-8"))
    for table in ("terms", "titleterms"):
        data[table] = {word: found for word, found in data[table].items() if found != []}
    index.write_text(js_index.dumps(data), encoding="utf-8", newline="\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", sweep, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
