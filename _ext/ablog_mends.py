"""What ABlog 0.11 does wrong with Furo, with incremental builds and with hard names, mended from outside.

ABlog stays the engine: it knows the posts, their order, their tags and years,
and makes the archive pages. Each mend below says what would happen without it.
The evidence, with file and line in ABlog, is in docs/how-it-is-built.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ablog.blog
from ablog.blog import Blog
from ablog.post import PostListDirective, generate_archive_pages, generate_atom_feeds, register_posts
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from front_matter import _near, slugify
from shown import card, frame

logger = logging.getLogger(__name__)

# The longest opening that a card shows. The owner's seven openings fix it.
OPENING_LENGTH = 177


def cut_at_word(text: str, length: int) -> str:
    """`text` whole, or its words up to `length` characters and an ellipsis.

    >>> cut_at_word("one two three", 8)
    'one two…'
    """
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[: length + 1]
    return (head[: head.rindex(" ")] if " " in head else text[:length]) + "…"


class Opening(SphinxTransform):
    """Keep the first paragraph's text as the author typed it, before quotes become typographic.

    ABlog's excerpt is the first paragraph *anywhere* (in a note, a list) and is
    rendered again for every archive page at every build.
    """

    default_priority = 700

    def apply(self, **kwargs: Any) -> None:
        sections = [node for node in self.document.children if isinstance(node, nodes.section)]
        for section in sections[1:]:
            logger.warning("a page has one title, and this is a second; begin the headings below it with ##",
                           location=section, type="front_matter")
        if self.env.docname not in self.app.articles:
            return
        section = sections[0] if sections else self.document
        paragraph = next((node for node in section.children if isinstance(node, nodes.paragraph)), None)
        if paragraph is None:
            logger.warning("the article has no paragraph below its title; cards show the first one, so begin with one",
                           location=section, type="front_matter")
            return
        if any(paragraph.findall(nodes.math)):
            logger.warning("the article's first paragraph has a formula; cards show that paragraph as plain text, so "
                           "begin in words (a dollar sign is written \\$)", location=paragraph, type="front_matter")
        shown = paragraph.deepcopy()
        for mark in list(shown.findall(lambda node: isinstance(node, (nodes.footnote_reference, nodes.citation_reference)))):
            mark.parent.remove(mark)
        self.env.metadata[self.env.docname]["opening"] = cut_at_word(shown.astext(), OPENING_LENGTH)


class PostList(PostListDirective):
    """ABlog ignores an unknown tag in a `postlist` and lists *every* post."""

    def run(self) -> list[nodes.Node]:
        tags = self.config.blog_tags if hasattr(self, "config") else self.state.document.settings.env.config.blog_tags
        for tag in self.options.get("tags", []):
            if tag not in tags:
                source, line = self.state_machine.get_source_and_line(self.lineno)
                logger.warning("post list names an unknown tag %r: %s", tag, _near(tag, tags),
                               location=f"{source}:{line}", type="front_matter")
        return super().run()


def start_afresh(app: Sphinx, config: Any) -> None:
    """ABlog keeps its posts in a class attribute: a second build in one process would see the first one's."""
    Blog._dict.clear()


def name_addresses(app: Sphinx) -> None:
    """ABlog's slugs drop accents' letters and give C, C++ and C# one page; the vocabulary decides instead."""
    ablog.blog.slugify = lambda label: app.tag_slugs.get(str(label)) or slugify(str(label))


def drop_copies(app: Sphinx, doctree: nodes.document) -> None:
    """ABlog keeps a second copy of every article in the environment, for feeds that are made here."""
    for info in app.env.ablog_posts.get(app.env.docname, []):
        info["doctree"] = None
        info["excerpt"] = []
    if app.env.docname in app.articles:
        app.env.metadata[app.env.docname]["title"] = app.env.ablog_posts[app.env.docname][0]["title"]


def merge_posts(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    """ABlog forgets what parallel reading found, so it declares itself unsafe and `-j` with `-W` fails."""
    posts = getattr(other, "ablog_posts", {})
    env.ablog_posts = getattr(env, "ablog_posts", {})
    env.ablog_posts.update({docname: posts[docname] for docname in docnames if docname in posts})


def register_early(app: Sphinx, env: BuildEnvironment) -> None:
    """Fill ABlog's registry before references are resolved and before `shown` asks what pages show of others.

    ABlog fills it while pages are written: a reference to a tag is undefined in
    an incremental build, and home, neighbours and sidebars keep old titles.
    """
    for docname in list(getattr(env, "ablog_posts", {})):
        if docname not in app.articles:
            env.ablog_posts.pop(docname)
    blog = Blog(app)
    if len(blog.posts) == 0:
        register_posts(app)
    for collection in [blog.posts, *blog.archive, *blog.tags]:
        collection._posts_iter = sorted(collection._posts.values(), key=newest_first)
    link_neighbours(blog.posts._posts_iter)


def newest_first(post: Any) -> tuple[int, str]:
    """Sort key: newest first; articles of one day by address, so that the order never depends on a title's case."""
    return (-post.date.toordinal(), post.docname)


def link_neighbours(posts: list[Any]) -> None:
    """Set each post's `next` (newer) and `prev` (older)."""
    for newer, older in zip([None, *posts], [*posts, None], strict=True):
        if newer is not None:
            newer.prev = older
        if older is not None:
            older.next = newer


def archive_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """ABlog's archive pages, with titles and descriptions of our own and without its page of drafts."""
    for pagename, context, template in generate_archive_pages(app):
        blog = Blog(app)
        if pagename == blog.drafts.docname:
            continue
        collection, catalog = context.get("collection"), context.get("catalog")
        if collection is blog.posts:
            context |= {"title": "All articles", "description": app.config.tagline}
        elif catalog is blog.tags:
            context |= {"title": "Tags", "description": "Every topic of this blog, with its articles."}
        elif catalog is blog.archive:
            context |= {"title": "Archive", "description": "Every article by year."}
        elif collection is not None and collection.catalog is blog.tags:
            value = app.config.blog_tags[collection.name]
            context |= {"title": collection.name, "description": value[0] if isinstance(value, tuple) else value,
                        "kind": "Tag"}
        elif collection is not None:
            context |= {"title": str(collection.name), "description": f"Articles published in {collection.name}.",
                        "kind": "Year"}
        yield pagename, context, template


def changed_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Those archive pages that show something else than in the last build."""
    around = frame(app)
    for pagename, context, template in archive_pages(app):
        collection, catalog = context.get("collection"), context.get("catalog")
        shows: list[Any] = [around, context["title"], context["description"], template]
        for group in [collection] if collection is not None else catalog or []:
            posts = list(group)
            shown = posts if context.get("kind") else posts[: app.config.blog_shown]
            shows.append([str(group.name), group.docname, len(posts), [card(app, post.docname) for post in shown]])
        if collection is Blog(app).posts:
            shows.append([[str(year.name), len(year)] for year in Blog(app).archive])
        if app.shown.changed(f"list {pagename}", shows, app.builder.get_output_path(pagename)):
            yield pagename, context, template


class _Openings:
    """Each article's opening, looked up when a template asks: for every page, all of them would be work squared."""

    def __init__(self, app: Sphinx) -> None:
        self.metadata = app.env.metadata

    def __getitem__(self, name: str) -> str:
        return self.metadata[name].get("opening", "")


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> str | None:
    """What templates need to list articles; the home page gets its own template."""
    blog = Blog(app)
    context["articles"], context["held_back"] = app.articles, app.held_back
    context["openings"] = _Openings(app)
    context["blog_shown"] = app.config.blog_shown
    context["blog_tags"] = [tag for tag in blog.tags if len(tag)]
    context["blog_years"] = [year for year in blog.archive if len(year)]
    context["post"] = blog.posts[pagename]
    context["tag_lines"] = {name: value[0] if isinstance(value, tuple) else value for name, value in app.config.blog_tags.items()}
    context["tagline"] = app.config.tagline
    context["repository_url"] = app.config.repository_url
    if pagename == app.config.root_doc:
        context["blog_posts"] = list(blog.posts)
        return "home.html"
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("ablog")
    app.setup_extension("front_matter")
    for listener in list(app.events.listeners["html-collect-pages"]):
        if listener.handler in (generate_archive_pages, generate_atom_feeds):
            app.disconnect(listener.id)
    app.extensions["ablog"].parallel_read_safe = True
    app.add_config_value("tagline", "", "html", types=[str])
    app.add_config_value("repository_url", "", "html", types=[str])
    app.add_directive("postlist", PostList, override=True)
    app.add_transform(Opening)
    app.connect("config-inited", start_afresh, priority=100)
    app.connect("builder-inited", name_addresses, priority=410)
    app.connect("doctree-read", drop_copies, priority=600)
    app.connect("env-merge-info", merge_posts)
    app.connect("env-updated", register_early, priority=100)
    app.connect("html-collect-pages", changed_pages)
    app.connect("html-page-context", page_context, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
