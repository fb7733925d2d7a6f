"""What machines read at the top of a page: description, card, structured data, addresses, security policy."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ablog.blog import Blog
from docutils import nodes
from sphinx.application import Sphinx

from ablog_mends import cut_at_word
from cards import BLOG
from front_matter import MAX_DESCRIPTION


def absolute(app: Sphinx, path: str) -> str:
    """The absolute address of a file of the site, with what RFC 3986 does not know (ü, 日) encoded."""
    return app.config.html_baseurl + quote(unquote(path))


def address(app: Sphinx, pagename: str) -> str:
    """The one absolute address of a page."""
    return absolute(app, app.builder.get_target_uri(pagename).removesuffix("index.html" if pagename == "index" else "\0"))


def describe(app: Sphinx, pagename: str, context: dict[str, Any], doctree: nodes.document | None) -> str:
    """An article's declared finding; an archive page's own line; else the page's first paragraph."""
    if pagename in app.articles:
        return app.articles[pagename].description
    if pagename == app.config.root_doc:
        return cut_at_word(app.config.tagline, MAX_DESCRIPTION)
    if pagename == "search":
        return f"Search the articles of {app.config.project} for words in their text."
    if context.get("description"):
        return context["description"]
    if doctree is not None:
        for paragraph in doctree.findall(nodes.paragraph):
            return cut_at_word(paragraph.astext(), MAX_DESCRIPTION)
    return app.config.tagline


def parent_of(app: Sphinx, pagename: str) -> str | None:
    """The article that a page beside it belongs to."""
    article = f"{pagename.rpartition('/')[0]}/index"
    return article if article in app.articles and article != pagename else None


def structured_data(app: Sphinx, pagename: str, title: str, description: str, card: str) -> list[dict[str, Any]]:
    """JSON-LD (schema.org): the blog on its home page, an article with its way home on its page."""
    base = app.config.html_baseurl
    organisation = {"@type": "Organization", "name": app.config.author, "url": base}
    if pagename == app.config.root_doc:
        return [{"@context": "https://schema.org", "@type": "Blog", "@id": base, "url": base, "name": app.config.project,
                 "description": app.config.tagline, "inLanguage": app.config.language, "publisher": organisation}]
    trail = [("Home", base)]
    found: list[dict[str, Any]] = []
    if pagename in app.articles:
        article = app.articles[pagename]
        words = app.env.metadata[pagename].get("wordcount", {}).get("words")
        found.append({
            "@context": "https://schema.org", "@type": "BlogPosting", "@id": address(app, pagename),
            "url": address(app, pagename), "mainEntityOfPage": address(app, pagename), "headline": title,
            "description": description, "image": card, "inLanguage": app.config.language,
            "datePublished": str(article.date), "dateModified": str(article.updated or article.date),
            "keywords": list(article.tags), "author": organisation, "publisher": organisation,
            "isPartOf": {"@type": "Blog", "@id": base, "name": app.config.project},
        } | ({"wordCount": words} if words else {}))
        trail.append(("All articles", address(app, Blog(app).posts.docname)))
    elif parent := parent_of(app, pagename):
        trail += [("All articles", address(app, Blog(app).posts.docname)),
                  (app.env.metadata[parent]["title"], address(app, parent))]
    trail.append((title, address(app, pagename)))
    found.append({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": [
        {"@type": "ListItem", "position": number, "name": name, "item": url}
        for number, (name, url) in enumerate(trail, start=1)]})
    return found


def as_script(value: Any) -> str:
    """JSON that cannot end its ``<script>`` early."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


# Furo sets the reader's theme at the start of the body. A browser may paint before that; the head comes before any paint.
EARLY_THEME = 'try{document.documentElement.dataset.theme=localStorage.getItem("theme")||"auto"}catch{}'

# A page of this host is fetched ahead when the reader's pointer rests on a link to it. A browser that does not know
# these rules, or saves data, passes over them.
PREFETCH = '{"prefetch":[{"where":{"href_matches":"/*"},"eagerness":"moderate"}]}'


@functools.cache
def security_policy(theme_folders: tuple[str, ...]) -> str:
    """A Content-Security-Policy: this site's own files only, and by their digests Furo's one inline script and our two."""
    base = next(Path(folder) / "base.html" for folder in theme_folders if (Path(folder) / "base.html").is_file())
    scripts = re.findall(r"<script>(.*?)</script>", base.read_text(encoding="utf-8"), flags=re.DOTALL)
    digests = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
                       for text in [EARLY_THEME, PREFETCH, *scripts])
    return (f"default-src 'none'; script-src 'self' {digests}; style-src 'self'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'")


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if app.builder.format != "html":
        return
    title = re.sub(r"<[^>]+>", "", context.get("title", "")) or app.config.project
    if pagename in app.articles:
        title = app.env.metadata[pagename]["title"]
    elif pagename == app.config.root_doc:
        title = app.config.project
    elif doctree is not None:
        title = app.env.titles[pagename].astext()
    description = describe(app, pagename, context, doctree)
    card = absolute(app, f"_static/cards/{app.articles[pagename].slug if pagename in app.articles else BLOG}.png")
    context["parent"] = parent_of(app, pagename)
    context["plain_title"] = title
    context["meta_description"] = description
    context["card_address"] = card
    context["page_address"] = address(app, pagename)
    context["base_address"] = app.config.html_baseurl
    context["structured_data"] = [as_script(data) for data in structured_data(app, pagename, title, description, card)]
    # sphinx-autobuild adds an inline script to each page; a preview lets it run.
    context["early_theme"], context["prefetch"] = EARLY_THEME, PREFETCH
    context["security_policy"] = None if app.config.blog_preview else security_policy(
        tuple(map(str, app.builder.theme.get_theme_dirs())))
    context["citation"] = citation(app, pagename, title) if pagename in app.articles else None
    # An article's own line of date and tags stands between its title and its text, inside the section that holds both.
    head, end, rest = context.get("body", "").partition("</h1>")
    opening, mark, title = head.rpartition("<h1") if end else ("", "", "")
    context["body_open"], context["body_title"], context["body_rest"] = opening, mark + title + end, rest if end else head


def citation(app: Sphinx, pagename: str, title: str) -> str:
    """"Cite this", in BibTeX; what TeX reads as markup is escaped."""
    article = app.articles[pagename]
    if article.date is None:
        return ""
    escaped, author = title.rstrip(".").translate(TEX), app.config.author.translate(TEX)
    updated = f",\n  note   = {{Updated {article.updated}}}" if article.updated else ""
    return (f"@misc{{{article.slug}-{article.date.year},\n  author = {{{{{author}}}}},\n  title  = {{{{{escaped}}}}},\n"
            f"  year   = {{{article.date.year}}},\n  month  = {MONTHS[article.date.month - 1]},\n"
            f"  url    = {{{address(app, pagename)}}}{updated}\n}}")


TEX = str.maketrans({character: "\\" + character for character in "&%$#_{}"}
                    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"})
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", page_context, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
