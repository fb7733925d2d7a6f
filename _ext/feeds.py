"""The feeds: Atom (RFC 4287) for the blog, each tag and each year, and a JSON Feed 1.1 for the blog.

ABlog's own feed changes at every build, shares one id among all feeds, loses
authors and leaves links relative. Here each feed is a function of the articles
alone: same text, same bytes, whatever the time zone, folder or hash seed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import lxml.html
from ablog.blog import Blog, Collection
from sphinx.application import Sphinx
from sphinx.util import logging

from page_head import absolute, address
from shown import text

FULL_TEXT = 20  # the newest so many come with their whole text; older ones are in the archive
ATOM = "http://www.w3.org/2005/Atom"
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # in pasted terminal output, for one


@dataclass(frozen=True)
class Entry:
    """One article as a feed shows it. `content` is HTML with absolute addresses."""

    url: str
    title: str
    summary: str
    content: str
    published: str
    updated: str
    tags: tuple[str, ...]
    image: str


def moment(day: dt.date) -> str:
    """Noon UTC of a day: the same calendar day for readers from UTC-12 to UTC+11."""
    return f"{day.isoformat()}T12:00:00Z"


def render(app: Sphinx, docname: str) -> str:
    """The article's text as HTML, from its stored doctree: so also in a build that did not rewrite its page."""
    builder = app.builder
    with logging.suppress_logging():  # the author has seen the page's warnings when it was written
        doctree = app.env.get_and_resolve_doctree(docname, builder)
    state = {name: getattr(builder, name, None) for name in ("imgpath", "dlpath", "current_docname", "secnumbers", "fignumbers")}
    uri = builder.get_target_uri(docname)
    depth = uri.count("/")
    builder.imgpath, builder.dlpath = "../" * depth + "_images", "../" * depth + "_downloads"
    builder.current_docname, builder.secnumbers, builder.fignumbers = docname, {}, {}
    doctree.settings = builder.docsettings
    try:
        visitor = builder.create_translator(doctree, builder)
        with logging.suppress_logging():
            doctree.walkabout(visitor)
        return "".join(visitor.fragment)
    finally:
        for name, value in state.items():
            setattr(builder, name, value)


def for_readers(html: str, base: str) -> str:
    """HTML as feed readers can show it.

    Absolute addresses; drawings as images (readers drop inline SVG); no title
    (the entry has it), no permalink marks, no scripts, no classes.
    """
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    for source in root.xpath(".//source"):  # of a picture; the parser takes the <img> after it for its content
        source.drop_tag()
    for element in root.xpath(".//a[contains(@class,'headerlink')] | .//h1 | .//script | .//button | .//*[@data-feed='omit']"
                              "| .//*[@class='backrefs']"):
        element.drop_tree()
    # The drawing in a demo's first frame has no file of its own: feed readers get what it shows in words.
    for svg in root.xpath(".//*[local-name()='svg' and not(@data-source)]"):
        words = lxml.html.Element("p")
        words.text = next((element.get("aria-label") for element in svg.iterancestors() if element.get("aria-label")), "")
        words.tail = svg.tail
        svg.getparent().replace(svg, words)
    for svg in root.xpath(".//*[local-name()='svg' and @data-source]"):
        image = lxml.html.Element("img", src=svg.get("data-source"), alt=svg.get("aria-label", ""))
        for name in ("width", "height"):
            if svg.get(name):
                image.set(name, svg.get(name))
        image.tail = svg.tail
        svg.getparent().replace(svg, image)
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        for name in ("href", "src"):
            if element.get(name) is not None:
                element.set(name, urljoin(base, element.get(name)))
        for name in ("class", "loading", "tabindex", "data-source"):
            if name in element.attrib and not (name == "class" and element.get(name, "").startswith("result")):
                del element.attrib[name]
    return NOT_XML.sub("", "".join(lxml.html.tostring(child, encoding="unicode") for child in root)).strip()


def kept(app: Sphinx, docname: str) -> Path:
    """Where an article's text for feeds lies from the time its page is written until it is written again."""
    return Path(app.doctreedir) / "feeds" / f"{app.articles[docname].slug}-{app.builder.name}.html"


def keep(app: Sphinx, docname: str, body: str) -> None:
    """A page's text as it is written, so that feeds need not render it a second time. Only where a feed shows it."""
    path = kept(app, docname)
    if docname in app.in_feeds:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(for_readers(body, address(app, docname)), encoding="utf-8", newline="\n")
    else:
        path.unlink(missing_ok=True)


def entry(app: Sphinx, docname: str) -> Entry:
    article = app.articles[docname]
    url = address(app, docname)
    day = article.date or dt.date.today()
    path = kept(app, docname)
    content = path.read_text(encoding="utf-8") if path.is_file() else for_readers(render(app, docname), url)
    return Entry(url, app.env.metadata[docname]["title"], article.description, content,
                 moment(day), moment(article.updated or day), article.tags,
                 absolute(app, f"_static/cards/{article.slug}.png"))


def atom(app: Sphinx, title: str, page: str, own: str, entries: list[Entry]) -> str:
    """One Atom feed. `page` is the address of the page it follows, `own` its own address, which is its id too."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": app.config.language})

    def add(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        element.text = text
        return element

    add(feed, "title", title)
    add(feed, "subtitle", app.config.tagline)
    add(feed, "id", own)
    add(feed, "link", rel="self", type="application/atom+xml", href=own)
    add(feed, "link", rel="alternate", type="text/html", href=page)
    add(feed, "updated", max((item.updated for item in entries), default="1970-01-01T00:00:00Z"))
    add(feed, "icon", app.config.html_baseurl + "_static/icons/favicon.svg")
    add(feed, "rights", app.config.copyright)
    add(add(feed, "author"), "name", app.config.author)
    for item in entries:
        element = add(feed, "entry")
        add(element, "title", item.title)
        add(element, "id", item.url)
        add(element, "link", rel="alternate", type="text/html", href=item.url)
        add(element, "published", item.published)
        add(element, "updated", item.updated)
        for tag in item.tags:
            add(element, "category", term=tag, label=tag)
        add(element, "summary", item.summary)
        add(element, "content", item.content, type="html")
    ElementTree.indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(feed, encoding="unicode") + "\n"


def json_feed(app: Sphinx, page: str, own: str, entries: list[Entry]) -> str:
    """JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""
    authors = [{"name": app.config.author, "url": app.config.html_baseurl}]
    return json.dumps({
        "version": "https://jsonfeed.org/version/1.1", "title": app.config.project, "description": app.config.tagline,
        "home_page_url": page, "feed_url": own, "language": app.config.language, "authors": authors,
        "icon": app.config.html_baseurl + "_static/icons/touch-icon.png",
        "favicon": app.config.html_baseurl + "_static/icons/favicon.svg",
        "items": [{"id": item.url, "url": item.url, "title": item.title, "summary": item.summary,
                   "content_html": item.content, "image": item.image, "date_published": item.published,
                   "date_modified": item.updated, "tags": list(item.tags), "authors": authors} for item in entries],
    }, ensure_ascii=False, indent=1) + "\n"


def feed_file(collection: Collection) -> str:
    """Where a collection's feed is: ``articles/atom.xml``, ``articles/tag/llms/atom.xml``, ``articles/2026/atom.xml``."""
    return f"{collection.docname}/atom.xml"


def collections(app: Sphinx) -> list[Collection]:
    """What has a feed: the blog, and each tag and year that has articles."""
    blog = Blog(app)
    return [blog.posts, *(tag for tag in blog.tags if len(tag)), *(year for year in blog.archive if len(year))]


def newest(collection: Collection) -> list[str]:
    return [post.docname for post in islice(collection, FULL_TEXT)]


def choose(app: Sphinx, env: Any) -> None:
    app.in_feeds = {name for collection in collections(app) for name in newest(collection)}


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html" or app.config.blog_preview:  # nobody follows a preview
        return
    blog = Blog(app)
    made: dict[str, Entry] = {}

    def entries(names: list[str]) -> list[Entry]:
        return [made.get(name) or made.setdefault(name, entry(app, name)) for name in names]

    def save(name: str, content: str) -> None:
        path = Path(app.outdir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")

    for collection in collections(app):
        title = app.config.project if collection is blog.posts else f"{collection.name} · {app.config.project}"
        name, names = feed_file(collection), newest(collection)
        files = [name, f"{collection.docname}/feed.json"][: 2 if collection is blog.posts else 1]
        shows = [title, *([vars(app.articles[docname]), app.env.metadata[docname]["title"], text(app, docname)]
                          for docname in names)]
        if not app.shown.changed(f"feed {name}", shows, *(Path(app.outdir) / file for file in files)):
            continue
        save(name, atom(app, title, address(app, collection.docname), absolute(app, name), entries(names)))
        if collection is blog.posts:
            save(files[1], json_feed(app, app.config.html_baseurl, app.config.html_baseurl + files[1], entries(names)))


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Auto-discovery: the blog's feeds on every page, a tag's or year's on its own."""
    if app.builder.format != "html":
        return
    if pagename in app.articles and not app.config.blog_preview:
        keep(app, pagename, context["body"])
    blog = Blog(app)
    collections = [blog.posts]
    collection = context.get("collection")
    if collection is not None and collection is not blog.posts:
        collections.insert(0, collection)
    context["feeds"] = [
        {"title": app.config.project if item is blog.posts else f"{item.name} · {app.config.project}",
         "href": context["pathto"](feed_file(item), 1), "type": "application/atom+xml"} for item in collections]
    context["feeds"].append({"title": app.config.project + " (JSON)", "type": "application/feed+json",
                             "href": context["pathto"](f"{blog.posts.docname}/feed.json", 1)})


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-updated", choose, priority=400)
    app.connect("build-finished", write, priority=500)
    app.connect("html-page-context", page_context, priority=650)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
