"""Formulas as MathML, made at build time: no script, no request, the same in feeds and archives.

The converter is math-core (MathML Core). What it cannot convert fails the build
with file, line and the command it did not know.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

import math_core
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

_converter = math_core.LatexToMathML()

LONG = 36  # characters of LaTeX above which an inline formula may be wider than a phone

# The converter aligns cells by style attributes, which the site's security policy forbids: classes instead (site.css).
CLASSES = {
    "text-align:right": "math-right", "text-align:left": "math-left", "justify-items:end": "", "justify-items:start": "",
    "padding-left:0": "math-flush-left", "padding-right:0": "math-flush-right", "padding-left:1em": "math-gap",
    "border-right:0.05em solid currentcolor": "math-rule-right", "border-left:0.05em solid currentcolor": "math-rule-left",
    "border-top:0.05em solid currentcolor": "math-rule-top", "border-bottom:0.05em solid currentcolor": "math-rule-bottom",
    "width:100%": "math-whole", "width:50%": "math-half", "margin-left:-0.16666667em": "math-back",
}


def _classes(match: re.Match[str]) -> str:
    declarations = [re.sub(r"\s*:\s*", ":", part.strip()) for part in match[1].split(";") if part.strip()]
    for declaration in declarations:
        if declaration not in CLASSES:
            raise ValueError(f"it asks for the style {declaration!r}, which this site does not set in formulas")
    return f' class="{" ".join(filter(None, map(CLASSES.get, declarations)))}"'


def convert(latex: str, *, display: bool) -> str:
    """LaTeX to one ``<math>`` element. Raises ValueError in one plain sentence.

    >>> convert("x^2", display=False)
    '<math><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    try:
        html = _converter.convert_with_local_state(latex.strip(), displaystyle=display)
    except math_core.LatexError as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        reason = re.search(r"Error: (.*)", plain)
        raise ValueError((reason[1] if reason else plain).strip().rstrip(".")) from None
    return re.sub(r' style="([^"]*)"', _classes, html).replace("&ApplyFunction;", "\u2061")


def _or_warn(node: nodes.Element, *, display: bool) -> str:
    try:
        return convert(node.astext(), display=display)
    except ValueError as error:
        logger.warning("this formula cannot be converted to MathML: %s, in %r; what is known is listed in "
                       "docs/write.md (Formulas), and a dollar sign in text is written \\$",
                       error, node.astext(), location=node, type="mathml")
        return f"<code>{nodes.unescape(node.astext())}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    html = _or_warn(node, display=False)
    # Browsers do not break a formula between lines: a long one scrolls on a phone instead of leaving the page.
    if len(node.astext()) > LONG:
        html = f'<span class="math-long">{html}</span>'
    before, after = node.get("before", ""), node.get("after", "")
    if before or after:
        html = f'<span class="math-kept">{escape(before)}{html}{escape(after)}</span>'
    self.body.append(html)
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    # A labelled formula's id also stands on the box that Furo puts around it: twice would be invalid HTML.
    ids = [name for name in node["ids"] if name not in node.parent["ids"]]
    first = f' id="{ids[0]}"' if ids else ""
    self.body.append(f'<div class="math"{first}>' + "".join(f'<span id="{name}"></span>' for name in ids[1:]))
    self.body.append(_or_warn(node, display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def keep_marks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Browsers break a line on either side of a formula, even before its full stop: what touches it stays with it."""
    for formula in doctree.findall(nodes.math):
        parent, place = formula.parent, formula.parent.index(formula)
        for name, step, touching in (("before", -1, r"[^\s\u200b]{1,3}$"),
                                     ("after", 1, r"^[^\s\u200b]{1,3}(?=\s|$)|^[.,;:!?)\]’”]+")):
            beside = parent[place + step] if 0 <= place + step < len(parent) else None
            found = re.search(touching, beside) if isinstance(beside, nodes.Text) else None
            if beside is not None and found:
                formula[name] = found[0]
                parent.replace(beside, nodes.Text(beside[:found.start()] + beside[found.end():]))


def drop_doubled_targets(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx writes a labelled equation's id on a target *and* on the equation."""
    for block in doctree.findall(nodes.math_block):
        for target in list(doctree.findall(nodes.target)):
            if target.get("refid") in block["ids"] or set(target["ids"]) & set(block["ids"]):
                target.parent.remove(target)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("doctree-resolved", drop_doubled_targets)
    app.connect("doctree-resolved", keep_marks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
