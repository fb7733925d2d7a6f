"""What would make an article wrong: its limits, contrary results, and how its claim could fail, in one place.

    :::{wrong-if}
    - Eight photographs are few: the intervals say how much these differ, not what others would do.
    - One machine was measured.
    :::

An article that gives results has it once, as a list; otherwise the build fails.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

TITLE = "What would make this wrong"


class WrongIf(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        content = self.parse_content_to_nodes()
        if not any(isinstance(node, nodes.bullet_list) for node in content):
            logger.warning("{wrong-if} has no list: say in lines that begin with `- ` what limits the result, what speaks "
                           "against it, and how it could fail", location=self.get_location(), type="wrong_if")
        title = nodes.paragraph("", "", nodes.strong("", TITLE), classes=["wrong-if-title"])
        found = nodes.container("", title, *content, classes=["wrong-if"], ids=["wrong-if"])
        self.set_source_info(found)
        return [found]


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Once in each article with results."""
    docname = app.env.docname
    if docname not in app.articles:
        return
    first, *others = [block for block in doctree.findall(nodes.container) if "wrong-if" in block["classes"]] or [None]
    for block in others:
        logger.warning("a second {wrong-if}: readers look for one; join the two", location=block, type="wrong_if")
    if first is None and Path(app.env.doc2path(docname)).with_name("results.json").is_file():
        logger.warning("the article gives results and does not say what would make them wrong; add, between `:::{wrong-if}` "
                       "and `:::`, a list of limits, contrary results, and ways in which the claim could fail",
                       location=next(doctree.findall(nodes.title), docname), type="wrong_if")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("wrong-if", WrongIf)
    app.connect("doctree-read", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
