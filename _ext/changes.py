"""What changed in articles after they appeared: their corrections as a feed and on one page.

The entries come from the front matter (`changes`), which front_matter.py checks.
An article's page shows its own history. A correction is of meaning and is what
someone who read an article before wants to hear of; additions and wording are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from feeds import Entry, atom, moment
from front_matter import KINDS, Article, Change
from page_head import absolute, address

FEED = "articles/corrections.xml"


def names(article: Article) -> Iterator[tuple[str, Change]]:
    """Each change, newest first, with its name on the article's page: kind and day; a day's second from the oldest gets a 2."""
    seen: dict[tuple[str, Any], int] = {}
    named = []
    for change in reversed(article.changes):
        number = seen[change.kind, change.date] = seen.get((change.kind, change.date), 0) + 1
        named.append((f"{change.kind}-{change.date}" + (f"-{number}" if number > 1 else ""), change))
    yield from reversed(named)


def corrections(articles: dict[str, Article]) -> list[tuple[str, str, Change]]:
    """(article, name on its page, change) of every correction, the newest first."""
    found = [(docname, name, change) for docname, article in articles.items()
             for name, change in names(article) if change.kind == "correction"]
    return sorted(found, key=lambda item: (-item[2].date.toordinal(), item[0], item[1]))


def history_address(app: Sphinx, docname: str, change: Change) -> str:
    """The article's file in the repository as that day changed it; "" where no repository is known."""
    if not app.config.repository_url:
        return ""
    return f"{app.config.repository_url}/commits/HEAD/{docname}.md?since={change.date}&until={change.date}"


# -- The feed ----------------------------------------------------------------


def entry(app: Sphinx, docname: str, name: str, change: Change) -> Entry:
    title, url = app.env.metadata[docname]["title"], f"{address(app, docname)}#{name}"
    content = f'<p>{escape(change.what, quote=False)}</p><p>In <a href="{escape(url)}">{escape(title, quote=False)}</a>.</p>'
    return Entry(url, f"Correction: {title}", change.what, content, moment(change.date), moment(change.date),
                 app.articles[docname].tags, "")


def write(app: Sphinx, exception: Exception | None) -> None:
    """The feed is there also when it is empty: who follows it hears of the first correction."""
    if exception is not None or app.builder.format != "html":
        return
    path = Path(app.outdir) / FEED
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(atom(app, f"Corrections · {app.config.project}", address(app, "docs/corrections"), absolute(app, FEED),
                         [entry(app, *found) for found in corrections(app.articles)]), encoding="utf-8", newline="\n")


# -- The page ----------------------------------------------------------------


class list_of_corrections(nodes.General, nodes.Element):
    """Where a page asked for the list; filled when the page is written."""


class Corrections(SphinxDirective):
    """``{corrections}``: every correction of every article, the newest first."""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["corrections"] = True
        return [list_of_corrections()]


def show_corrections(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(list_of_corrections)):
        entries = nodes.bullet_list()
        for article, name, change in corrections(app.articles):
            uri = app.builder.get_relative_uri(docname, article) + f"#{name}"
            link = nodes.reference("", app.env.metadata[article]["title"], refuri=uri, internal=True)
            entries += nodes.list_item("", nodes.paragraph("", "", nodes.strong("", str(change.date)), nodes.Text(", "), link,
                                                           nodes.Text(f": {change.what}")))
        feed = nodes.reference("", "Follow them by Atom feed", internal=True,
                               refuri="../" * app.builder.get_target_uri(docname).count("/") + FEED)
        place.replace_self([entries if len(entries) else nodes.paragraph("", "No article has needed one yet."),
                            nodes.paragraph("", "", feed, nodes.Text(": it tells those who have read an article before."))])


# -- On every page -----------------------------------------------------------


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if app.builder.format != "html":
        return
    context["feeds"] = [*context["feeds"], {"title": f"Corrections · {app.config.project}", "type": "application/atom+xml",
                                            "href": context["pathto"](FEED, 1)}]
    if pagename in app.articles:
        context["changes"] = [{"name": name, "kind": change.kind, "word": KINDS[change.kind], "date": change.date,
                               "what": change.what, "address": history_address(app, pagename, change)}
                              for name, change in names(app.articles[pagename])]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(list_of_corrections)
    app.add_directive("corrections", Corrections)
    app.connect("doctree-resolved", show_corrections)
    app.connect("html-page-context", page_context, priority=660)  # after feeds.py's
    app.connect("build-finished", write, priority=510)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
