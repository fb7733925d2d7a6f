"""Questions that readers can put to themselves, each with its worked answer folded below it.

    :::{self-check} How many merges make a vocabulary of 1,000 tokens from bytes?
    744: the 256 bytes are tokens from the start.
    :::

The answer is ordinary text, and its code is run by the tests like all other. It
opens by a click, by a search in the page, and on paper; feeds show it.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class self_check(nodes.General, nodes.Element):
    """A question and its answer: a paragraph of class self-check-question, then the answer's body."""


class SelfCheck(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        if not self.content:
            logger.warning("a question without its answer: write the worked answer below {self-check} and its question",
                           location=self.get_location(), type="self_check")
            return []
        words, messages = self.state.inline_text(self.arguments[0], self.lineno)
        found = self_check("", nodes.paragraph("", "", *words, classes=["self-check-question"]), *messages)
        found += self.parse_content_to_nodes()
        return [found]


def visit_html(self: Any, node: self_check) -> None:
    self.body.append('<details class="self-check">\n')


def depart_html(self: Any, node: self_check) -> None:
    self.body.append("</details>\n")


def summary(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """In HTML the question is the fold's summary, a text of its own and not a paragraph."""
    if app.builder.format == "html":
        for question in doctree.findall(lambda node: "self-check-question" in getattr(node, "attributes", {}).get("classes", ())):
            question.replace_self(check_summary("", "", *question.children))


class check_summary(nodes.Part, nodes.TextElement):
    """The question, as HTML shows it."""


def visit_summary(self: Any, node: check_summary) -> None:
    self.body.append('<summary><span class="self-check-mark">Check yourself</span> ')


def depart_summary(self: Any, node: check_summary) -> None:
    self.body.append("</summary>\n")


def _plain(self: Any, node: nodes.Element) -> None:
    """Other builders show question and answer one after the other."""


def setup(app: Sphinx) -> dict[str, Any]:
    plain = (_plain, _plain)
    app.add_node(self_check, html=(visit_html, depart_html), latex=plain, text=plain, man=plain, texinfo=plain)
    app.add_node(check_summary, html=(visit_summary, depart_summary))
    app.add_directive("self-check", SelfCheck)
    app.connect("doctree-resolved", summary, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
