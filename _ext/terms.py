"""What a term means, where it is used: the glossary's words at the link, and the glossary's way back to each use.

The glossary is one page, Sphinx's own ``{glossary}`` in docs/glossary.md. An
article marks where it first uses a term with Sphinx's role, ``{term}`logits```;
a reader sees the definition by pointing at it, focusing or tapping it.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

GLOSSARY = "docs/glossary"


class term_link(nodes.Inline, nodes.TextElement):
    """A link to a term of the glossary: attributes refuri and note (its definition)."""


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Remember which terms a page uses, and read it again when the glossary changes."""
    env = app.env
    used = sorted({node["reftarget"].lower() for node in doctree.findall(addnodes.pending_xref)
                   if node.get("reftype") == "term"})
    if used and env.docname in app.articles:
        env.terms_used[env.docname] = used
        env.note_dependency(env.doc2path(GLOSSARY))
    if env.docname == GLOSSARY:
        for item in doctree.findall(nodes.definition_list_item):
            if any(item.findall(nodes.math)):
                logger.warning("the definition of %r has a formula, which a hint cannot show; say it in words",
                               item[0].astext(), location=item, type="terms")


def terms_used(env: BuildEnvironment) -> dict[str, list[str]]:
    """Pages by term."""
    pages: dict[str, list[str]] = {}
    for docname, names in sorted(env.terms_used.items()):
        for name in names:
            pages.setdefault(name, []).append(docname)
    return pages


def definitions(env: BuildEnvironment) -> dict[str, str]:
    """The glossary's definitions, by the id of their term."""
    found: dict[str, str] = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        for name in item.findall(nodes.term):
            found |= {label: item.children[-1].astext().replace("\n", " ") for label in name["ids"]}
    return found


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if docname == GLOSSARY:
        show_uses(app, doctree)
        return
    links = [node for node in doctree.findall(nodes.reference)
             if any("std-term" in inner.get("classes", ()) for inner in node.findall(nodes.inline))]
    known = definitions(app.env) if links else {}
    for link in links:
        words = link.astext()
        label = link.get("refid") or link["refuri"].partition("#")[2]
        link.replace_self(term_link("", words, refuri=link.get("refuri", f"#{label}"), note=known.get(label, "")))


def show_uses(app: Sphinx, doctree: nodes.document) -> None:
    """Below each definition: the articles that use the term."""
    pages = terms_used(app.env)
    for item in doctree.findall(nodes.definition_list_item):
        used = sorted({page for name in item.findall(nodes.term) for page in pages.get(name.astext().lower(), [])})
        if not used:
            continue
        line = nodes.paragraph("", "Used in ", classes=["term-uses"])
        for index, page in enumerate(used):
            line += [nodes.Text(", " if index else ""),
                     nodes.reference("", app.env.titles[page].astext(), internal=True,
                                     refuri=app.builder.get_relative_uri(GLOSSARY, page))]
        item.children[-1].append(line)


def visit_html(self: Any, node: term_link) -> None:
    self.body.append(self.starttag(node, "a", "", CLASS="term", href=node["refuri"],
                                   **({"aria-description": node["note"]} if node["note"] else {})))


def depart_html(self: Any, node: term_link) -> None:
    self.body.append("</a>")


def _plain(self: Any, node: nodes.Element) -> None:
    """Other builders print the word alone."""


def initialise(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    env.terms_used = getattr(env, "terms_used", {})


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    env.terms_used.pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    env.terms_used |= {name: used for name, used in other.terms_used.items() if name in docnames}


def setup(app: Sphinx) -> dict[str, Any]:
    plain = (_plain, _plain)
    app.add_node(term_link, html=(visit_html, depart_html), latex=plain, text=plain, man=plain, texinfo=plain)
    app.connect("env-before-read-docs", initialise)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", resolve, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
