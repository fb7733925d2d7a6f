"""What each page shows of others, so that a build writes again exactly what would come out different.

Sphinx writes a page again when its own source changed. A page of a blog also
shows its neighbours, the topics in use, the titles of pages it links to; a list
shows articles; a feed shows twenty whole. Each of these is reduced to a digest
and compared with the last build's, which lies beside Sphinx's environment. The
digests are taken away before anything is written and put back when all of it
is: a build that broke off leaves none, and the next one writes everything.

A change of the code, the configuration or the references makes a new site:
every page is read again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import sphinx
from ablog.blog import Blog
from ablog.post import PostList
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.html._build_info import BuildInfo
from sphinx.environment import BuildEnvironment
from sphinx.util import docname_join

GLOSSARY = "docs/glossary"
LINKED = ("docs/map", "docs/corrections")  # pages that templates link to where they exist
SHARED = ["posts/evidence.py"]  # code of the site that lies outside _ext/


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str, ensure_ascii=False).encode()).hexdigest()[:20]


class Shown:
    """Digests by name: those of the last finished build, and this one's."""

    def __init__(self, file: Path, site: str) -> None:
        self.file, self.site = file, site
        self.now: dict[str, str] = {}
        self.before: dict[str, str] = {}
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            self.same_site = kept["site"] == site
            self.before = kept["shown"] if self.same_site else {}
        except (OSError, ValueError):
            self.same_site = False

    def changed(self, name: str, value: Any, *files: Path) -> bool:
        """Note what `name` shows; whether that differs from the last build's, or one of its files is gone."""
        self.now[name] = digest(value)
        return self.before.get(name) != self.now[name] or not all(file.is_file() for file in files)

    def save(self) -> None:
        self.file.write_text(json.dumps({"site": self.site, "shown": self.now}), encoding="utf-8")


def site_digest(app: Sphinx) -> str:
    """Code, templates, configuration, references, installed versions, and where the output goes."""
    folders = [Path(__file__).parent, *(Path(app.confdir) / name for name in app.config.templates_path)]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".html"))
    files += [Path(app.confdir) / "conf.py", *(Path(app.srcdir) / name for name in SHARED + app.config.bibtex_bibfiles)]
    return digest([[str(path), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files if path.is_file()]
                  + sorted(path.name for path in Path(sphinx.__file__).parents[1].glob("*.dist-info"))
                  + [BuildInfo(app.config, app.tags, frozenset({"env", "html"})).config_hash, str(app.outdir)])


def begin(app: Sphinx) -> None:
    file = Path(app.doctreedir) / f"shown-{app.builder.name}.json"
    app.shown = Shown(file, site_digest(app))


def read_again(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> set[str]:
    return set() if app.shown.same_site else env.found_docs


def note_references(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what a page links to, as it stands before links are resolved."""
    found = {(node.get("reftype"), node.get("reftarget"), node.get("reftargetid"))
             for node in doctree.findall(addnodes.pending_xref)}
    app.env.metadata[app.env.docname] |= {"refers": sorted(found, key=str), "lists": any(doctree.findall(PostList))}


def frame(app: Sphinx) -> list[Any]:
    """What stands around every page: its stylesheet and script, the topics of the sidebar, links to pages that may be missing."""
    return [app.bundle["css"], app.bundle["js"], [[tag.name, tag.docname] for tag in Blog(app).tags if len(tag)],
            [name for name in LINKED if name in app.env.found_docs]]


def card(app: Sphinx, name: str) -> list[Any]:
    """What a list shows of an article."""
    article = app.articles[name]
    meta = app.env.metadata[name]
    return [name, meta.get("title"), str(article.date), article.tags, meta.get("opening"), app.held_back.get(name)]


def target(app: Sphinx, page: str, kind: str, name: str, anchor: str) -> list[Any]:
    """What a link may show of its target."""
    env = app.env
    docname = name if name in env.found_docs else docname_join(page, name or "")
    labels = env.domains["std"].data["labels"]
    anchors, objects = (env.domains["std"].data[kind] for kind in ("anonlabels", "objects"))
    found = [kind, name, anchor, labels.get(str(name).lower()), anchors.get(str(name).lower()), objects.get((kind, name)),
             Blog(app).references.get(name)]
    if docname in env.found_docs and docname in env.titles:
        found += [docname, env.titles[docname].astext(), env.metadata[docname].get("myst_slugs")]
    return found


def text(app: Sphinx, name: str) -> list[Any]:
    """What an article's own text depends on: when it was last read, and what its page shows of others."""
    return [app.env.all_docs[name], app.shown.now[f"page {name}"]]


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages to write again though their own source may be unchanged."""
    if app.builder.format != "html":
        return []
    blog, around = Blog(app), frame(app)
    cards = {name: card(app, name) for name in app.articles}
    everything = digest(list(cards.values()))
    newest = [cards[post.docname] for post in list(blog.posts)[: app.config.blog_shown]]
    again = []
    for name in sorted(env.found_docs):
        meta = env.metadata[name]
        article, post = app.articles.get(name), blog.posts[name] if name in app.articles else None
        shows: list[Any] = [around, [target(app, name, *link) for link in meta.get("refers", [])]]
        if name == app.config.root_doc:
            shows += [newest, len(blog.posts)]
        if meta.get("lists"):
            shows.append(everything)
        if article:
            shows += [vars(article), app.held_back.get(name)]
        if post:
            shows += [cards[other.docname][:3] for other in (post.prev, post.next) if other]
            shows.append([bool(post.prev), bool(post.next)])
        if name in app.ways:  # set by ways.py before
            ways = app.ways[name]
            shows.append([[cards[other][:2] for other in group] for group in (ways.first, ways.next, ways.related)])
        if meta.get("map"):
            shows += [everything, [[other, vars(ways)] for other, ways in sorted(app.ways.items())],
                      [[other, app.articles[other].needs, app.articles[other].teaches] for other in sorted(app.articles)]]
        if meta.get("corrections"):
            shows.append([[cards[other][:2], app.articles[other].changes] for other in sorted(app.articles)])
        if name == GLOSSARY:
            shows.append([[other, env.titles[other].astext(), used] for other, used in sorted(env.terms_used.items())])
        beside = f"{name.rpartition('/')[0]}/index"
        if beside in app.articles and beside != name:
            shows.append(cards[beside][:2])
        if app.shown.changed(f"page {name}", shows):
            again.append(name)
    return again


def writing(app: Sphinx, builder: Any) -> None:
    app.shown.file.unlink(missing_ok=True)


def finished(app: Sphinx, exception: Exception | None) -> None:
    if exception is None:
        app.shown.save()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("blog_shown", 30, "html", types=[int])
    app.connect("builder-inited", begin, priority=390)  # before drafts are added to the exclude patterns
    app.connect("env-get-outdated", read_again)
    app.connect("doctree-read", note_references, priority=900)  # when pictures are noted
    app.connect("env-updated", outdated, priority=350)  # after posts are registered, pictures named and ways found
    app.connect("write-started", writing)
    app.connect("build-finished", finished, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
