"""An address, once published, is never lost: redirects for what moved, and the list that a test holds the site to.

posts/redirects.txt names on each line an old address and the one that took its
place; the build writes a page there that leads on at once.
"""

from __future__ import annotations

import os.path
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

import lxml.html
from sphinx.application import Sphinx
from sphinx.util import logging

from front_matter import _near
from page_head import address

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
REDIRECTS = "posts/redirects.txt"
LIST = ROOT / "tests/site/addresses.txt"

PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Moved · {blog}</title>
<meta http-equiv="refresh" content="0; url={relative}">
<link rel="canonical" href="{absolute}">
</head>
<body><main><h1>This page has moved</h1><p>It is now at <a href="{relative}">{absolute}</a>.</p></main></body>
</html>
"""


def read_redirects(text: str, pages: set[str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """New addresses by old ones, and the mistakes with their lines. `pages` are the addresses of the built pages.

    >>> read_redirects("posts/a/ posts/b/  # renamed", {"posts/b/"})
    ({'posts/a/': 'posts/b/'}, [])
    """
    redirects: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = re.sub(r"(^|\s)#.*", "", line).split()
        if not words:
            continue
        if len(words) != 2 or not all(re.fullmatch(r"([\w+-][\w.+-]*/)+(#\S+)?", word) for word in words) or "#" in words[0]:
            problems.append((number, "a redirect is the old and the new address below the site's own, each with its "
                                     "closing slash: posts/old-name/ posts/new-name/"))
            continue
        old, new = words
        page = new.partition("#")[0]
        if old in redirects:
            problems.append((number, f"{old} is redirected twice; keep one line"))
        elif old in pages:
            problems.append((number, f"{old} is a page, which a redirect would hide; rename the page or delete this line"))
        elif page not in pages:
            problems.append((number, f"there is no page at {page}, so readers would be led nowhere: {_near(page, sorted(pages))}"))
        else:
            redirects[old] = new
    return redirects, problems


def page_names(app: Sphinx) -> dict[str, str]:
    """Names of the built pages by address, as the builder dirhtml gives it."""
    from ablog_mends import archive_pages

    names = [*app.env.found_docs, *(name for name, _, _ in archive_pages(app))]
    return {re.sub(r"(^|/)index/$", r"\1", f"{name}/"): name for name in names}


def check(app: Sphinx, env: Any) -> None:
    path = Path(app.srcdir) / REDIRECTS
    app.redirects = {}
    if path.is_file():
        app.redirects, problems = read_redirects(path.read_text(encoding="utf-8"), set(page_names(app)))
        for line, message in problems:
            logger.error(message, location=f"{path}:{line}", type="addresses")
        app.front_matter_mistakes += len(problems)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    names = page_names(app)
    for old, new in app.redirects.items():
        page, mark, anchor = new.partition("#")
        target = app.builder.get_target_uri(names[page])
        # A page of its own folder, so that the old address works with both builders.
        relative = os.path.relpath("/" + (target or "."), "/" + old) + ("/" if target.endswith("/") or not target else "")
        file = Path(app.outdir) / old / "index.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PAGE.format(language=app.config.language, blog=escape(app.config.project),
                                    relative=escape(relative + mark + anchor),
                                    absolute=escape(address(app, names[page]) + mark + anchor)),
                        encoding="utf-8", newline="\n")


def published(out: Path) -> list[str]:
    """Addresses of a built site: its pages and feeds, and the headings of its articles."""
    found = []
    for path in sorted(out.rglob("*.html")):
        name = re.sub(r"(^|/)index\.html$", r"\1", path.relative_to(out).as_posix())
        if name == "404.html":
            continue
        found.append(name)
        if name.startswith("posts/"):
            page = lxml.html.fromstring(path.read_bytes())
            found += [f"{name}#{anchor}" for anchor in page.xpath("//section//section/@id")]
    feeds = [path for name in ("atom.xml", "feed.json", "corrections.xml") for path in out.rglob(name)]
    return found + sorted(path.relative_to(out).as_posix() for path in feeds)


def main(out: str) -> None:
    """``python _ext/addresses.py _build/dirhtml``: put a built site's new addresses on the list."""
    listed = LIST.read_text(encoding="utf-8").splitlines() if LIST.is_file() else []
    new = [name for name in published(Path(out)) if name not in listed]
    LIST.write_text("\n".join(sorted([*listed, *new])) + "\n", encoding="utf-8")
    print(*new, f"{len(new)} new addresses in {LIST.relative_to(ROOT)}", sep="\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-updated", check)
    app.connect("build-finished", write, priority=550)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    main(sys.argv[1])
