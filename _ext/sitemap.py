"""sitemap.xml, robots.txt and 404.html: the pages that a search engine should know, at their one address each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from sphinx.application import Sphinx

from page_head import address

# Pages that no search result should lead to.
UNLISTED = {"search", "404", "genindex", "docs/404"}


def collect(app: Sphinx) -> list[tuple[str, str | None]]:
    """(address, day of last change) of every listed page, from the environment and not from what this run wrote."""
    from ablog_mends import archive_pages

    pages = sorted(app.env.found_docs) + [name for name, _, template in archive_pages(app) if "redirect" not in template]
    found = []
    for name in pages:
        if name in UNLISTED or name in app.held_back:
            continue
        article = app.articles.get(name)
        found.append((address(app, name), str(article.updated or article.date) if article else None))
    return sorted(set(found), key=lambda item: item[0])


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    entries = "".join(
        f"  <url><loc>{escape(url)}</loc>" + (f"<lastmod>{day}</lastmod>" if day else "") + "</url>\n"
        for url, day in collect(app))
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{entries}</urlset>\n", encoding="utf-8", newline="\n")
    (out / "robots.txt").write_text(
        f"User-agent: *\nAllow: /\n\nSitemap: {app.config.html_baseurl}sitemap.xml\n", encoding="utf-8", newline="\n")
    # GitHub Pages and Read the Docs serve /404.html for any address, so its links must be absolute.
    source = out / ("404/index.html" if app.builder.name == "dirhtml" else "404.html")
    if source.is_file():
        page = source.read_text(encoding="utf-8")
        (out / "404.html").write_text(absolute_links(page, address(app, "404")), encoding="utf-8", newline="\n")
        if source != out / "404.html":
            source.unlink()
            source.parent.rmdir()


def absolute_links(page: str, base: str) -> str:
    """Relative `href`, `src`, `action` and `data-content_root` against the page's own address, as paths of its host.

    >>> absolute_links('<a href="../posts/x/">', "https://example.org/blog/404/")
    '<a href="/blog/posts/x/">'
    """
    from urllib.parse import urljoin, urlsplit

    def mend(match: re.Match[str]) -> str:
        value = match[2]
        if re.match(r"[a-z]+:|#|//", value) and not value.startswith(base.split("/")[0] + "//" + urlsplit(base).netloc):
            return match[0]
        joined = urlsplit(urljoin(base, value))
        if value.startswith(("http:", "https:")):
            return match[0]
        return f'{match[1]}="{joined.path}{"?" + joined.query if joined.query else ""}{"#" + joined.fragment if joined.fragment else ""}"'

    return re.sub(r'\b(href|src|action|data-content_root)="([^"]*)"', mend, page)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
