"""What the symbols of an article's formulas stand for: one table, read at the formula itself.

    ```{symbols}
    N : number of tokens in the batch
    W : the classifier, a matrix of $V$ by $d$
    ```

The table stands where the author puts it. A few lines of script (site.js) show
an entry at its symbol when a reader points at it or taps it; the page holds the
words once. A symbol of an article's displayed formula that has no entry in its table
is a warning, with file, line and the symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import mathml

logger = logging.getLogger(__name__)

# Signs with one meaning everywhere, though MathML counts them as identifiers.
CONSTANT = set("∂∇∞⊤⊥…⋯⋮⋱∅")


class symbols(nodes.General, nodes.Element):
    """The table, a definition list whose terms are formulas."""


def key(element: ElementTree.Element) -> str:
    """An expression as text, without what only concerns its setting: spacing, variants of size, grouping of one.

    >>> key(parse("x_{1}")), key(parse("x_1"))
    ('msub(x,1)', 'msub(x,1)')
    """
    children = [key(child) for child in element]
    if element.tag in ("mrow", "math", "mstyle") and len(children) == 1:
        return children[0]
    if not children:
        return (element.text or "").replace("\ufe00", "").strip()  # a selector of the script letter's shape
    return f"{element.tag}({','.join(children)})"


def parse(latex: str, *, display: bool = False) -> ElementTree.Element:
    """The formula as MathML elements. ValueError when it cannot be converted."""
    return ElementTree.fromstring(mathml.convert(latex, display=display).replace("&nbsp;", "\u00a0"))


def unexplained(element: ElementTree.Element, known: set[str]) -> Iterator[str]:
    """Keys of the symbols in an expression that `known` lacks.

    A symbol is a letter, bare or with what is written at it: x with its index may have an entry of its own, or x
    and the index each. Names of functions (log, softmax) and plain text are no symbols.

    >>> list(unexplained(parse(r"y = \\\\log x_i + 2"), {"y", "x"}))
    ['i']
    """
    if key(element) in known:
        return
    if element.tag == "msubsup" and f"msub({key(element[0])},{key(element[1])})" in known:
        yield from unexplained(element[2], known)
    elif element.tag == "mi":
        name = key(element)
        if len(name) == 1 and name.isalpha() and name not in CONSTANT:
            yield name
    else:
        for child in element:
            yield from unexplained(child, known)


class Symbols(SphinxDirective):
    """The table: one symbol a line, TeX, a colon between spaces, and its meaning (which may have formulas)."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        found = nodes.definition_list()
        for offset, line in enumerate(self.content):
            number = self.lineno + 1 + offset
            latex, colon, meaning = (part.strip() for part in line.partition(" : "))
            if not line.strip():
                continue
            if not colon or not meaning:
                logger.warning("a line of {symbols} is a symbol, a colon between spaces, and its meaning, such as "
                               "`N : number of tokens`; it is %r", line, location=(self.env.docname, number), type="symbols")
                continue
            entry = nodes.definition_list_item()
            entry += nodes.term("", "", nodes.math(latex, latex))
            words, messages = self.state.inline_text(meaning, number)
            entry += nodes.definition("", nodes.paragraph("", "", *words), *messages)
            found += entry
        return [symbols("", found)]


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Every symbol of a displayed formula is in the article's table, and each once."""
    if app.env.docname not in app.articles:
        return
    known: set[str] = set()
    tables = [*doctree.findall(symbols)]
    for item in (item for table in tables for item in table.findall(nodes.definition_list_item)):
        try:
            name = key(parse(item[0].astext()))
        except ValueError:
            continue  # the page's own warning names it
        if name in known:
            logger.warning("the symbol %r is explained twice; keep one line", item[0].astext(), location=item, type="symbols")
        known.add(name)
    for block in doctree.findall(nodes.math_block):
        try:
            missing = list(dict.fromkeys(unexplained(parse(block.astext(), display=True), known)))
        except ValueError:
            continue
        known.update(missing)  # warned of once
        if missing:
            logger.warning("nothing says what %s stand%s for in this formula; add a line such as `%s : its meaning` to %s",
                           ", ".join(missing), "s" if len(missing) == 1 else "", missing[0],
                           "the article's {symbols} table" if tables else "a {symbols} table anywhere in the article",
                           location=block, type="symbols")


def visit_html(self: Any, node: symbols) -> None:
    self.body.append('<details class="symbols"><summary>Symbols in this article</summary>\n')


def depart_html(self: Any, node: symbols) -> None:
    self.body.append("</details>\n")


def _plain(self: Any, node: nodes.Element) -> None:
    """Other builders show the list."""


def setup(app: Sphinx) -> dict[str, Any]:
    plain = (_plain, _plain)
    app.add_node(symbols, html=(visit_html, depart_html), latex=plain, text=plain, man=plain, texinfo=plain)
    app.add_directive("symbols", Symbols)
    app.connect("doctree-read", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
