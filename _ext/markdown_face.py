"""Each article also as one Markdown file beside its page, and llms.txt, which lists them.

Not the source: that has roles for numbers and directives for code from files.
This is what the page says, numbers, code and references included, for programs
that read text and for people who keep it. A test holds both to the same words,
numbers and formulas.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from ablog.blog import Blog
from docutils import nodes
from sphinx.application import Sphinx

from page_head import absolute, address

MARKUP = re.compile(r"([\\`*\[\]<$]|(?<![^\W_])_|_(?![^\W_]))")  # an underscore inside a word is no markup
STARTS_BLOCK = re.compile(r"^(#{1,6}|[-+>]|\d+[.)])(?=\s|$)", re.MULTILINE)


class Writer:
    """A resolved doctree as Markdown (CommonMark, pipe tables, footnotes, dollar mathematics).

    `base` is the page's address, `images` has the published address of each picture.
    """

    def __init__(self, base: str, images: dict[str, str]) -> None:
        self.base, self.images = base, images

    # -- Text within a line --------------------------------------------------

    def inline(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return MARKUP.sub(r"\\\1", node.astext().replace("\n", " "))
        if isinstance(node, nodes.math):
            return f"{MARKUP.sub(chr(92) * 2 + '1', node.get('before', ''))}${node.astext()}${node.get('after', '')}"
        if isinstance(node, nodes.literal):
            text = node.astext()
            fence = "``" if "`" in text else "`"
            return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"
        if isinstance(node, nodes.footnote_reference):
            return f"[^{node.astext()}]"
        if isinstance(node, nodes.image):
            return f"![{self.words(node.get('alt', ''))}](<{self.images.get(node['uri'], node['uri'])}>)"
        text = "".join(self.inline(child) for child in node.children)
        if isinstance(node, nodes.emphasis):
            return f"*{text}*"
        if isinstance(node, nodes.strong):
            return f"**{text}**"
        if isinstance(node, nodes.reference) or type(node).__name__ == "term_link":
            target = node.get("refuri") or f"#{node.get('refid', '')}"
            return f"[{text}](<{urljoin(self.base, target)}>)"
        if isinstance(node, (nodes.target, nodes.comment, nodes.system_message)):
            return ""
        return text

    def words(self, text: str) -> str:
        return self.inline(nodes.Text(text))

    # -- Blocks --------------------------------------------------------------

    def blocks(self, node: nodes.Element, level: int = 1) -> str:
        return "\n\n".join(part for child in node.children if (part := self.block(child, level)))

    def block(self, node: nodes.Node, level: int = 1) -> str:
        name = type(node).__name__
        method = getattr(self, f"block_{name}", None)
        if method:
            return method(node, level)
        if isinstance(node, (nodes.comment, nodes.target, nodes.substitution_definition, nodes.system_message, nodes.raw)):
            return ""
        if isinstance(node, nodes.Admonition):
            return quoted(f"**{name.capitalize()}.**\n\n{self.blocks(node, level)}")
        if isinstance(node, (nodes.Text, nodes.Inline)):
            return self.inline(node)
        return self.blocks(node, level)

    def block_section(self, node: nodes.section, level: int) -> str:
        return self.blocks(node, level + 1)

    def block_title(self, node: nodes.title, level: int) -> str:
        return f"{'#' * max(level - 1, 1)} {self.line(node)}"

    def line(self, node: nodes.Element) -> str:
        return "".join(self.inline(child) for child in node.children).strip()

    def block_paragraph(self, node: nodes.Element, level: int) -> str:
        return STARTS_BLOCK.sub(lambda match: re.sub(r"[-#+>.)]", r"\\\g<0>", match[0], count=1), self.line(node))

    def block_math_block(self, node: nodes.math_block, level: int) -> str:
        number = f"\\tag{{{node['number']}}}" if node.get("number") else ""
        return f"$$\n{node.astext().strip()}{number}\n$$"

    def block_literal_block(self, node: nodes.literal_block, level: int) -> str:
        text = node.astext().rstrip("\n")
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text) or [""]))
        language = node.get("language", "")
        return f"{fence}{'' if language in ('none', 'default') else language}\n{text}\n{fence}"

    def block_caption(self, node: nodes.caption, level: int) -> str:
        return self.line(node)

    def block_image(self, node: nodes.image, level: int) -> str:
        return self.inline(node)

    def block_demo(self, node: nodes.Element, level: int) -> str:
        return f"(An interactive figure, on the [page](<{self.base}>): {self.words(node['alt'])})"

    def block_pictures(self, node: nodes.Element, level: int) -> str:
        labels = [f"{self.words(label)}\n\n" for label in node["labels"]] or [""] * len(node["files"])
        return "\n\n".join(f"{label}![{self.words(alt)}](<{self.images[fallback]}>)" for label, alt, (_, fallback)
                           in zip(labels, node["alts"], node["files"], strict=True))

    def block_footnote(self, node: nodes.footnote, level: int) -> str:
        label, *rest = node.children
        text = "\n\n".join(filter(None, (self.block(child, level) for child in rest)))
        return indented(f"[^{label.astext()}]: ", text, 4)

    def block_bullet_list(self, node: nodes.bullet_list, level: int) -> str:
        return "\n".join(indented("- ", self.blocks(item, level), 2) for item in node.children)

    def block_enumerated_list(self, node: nodes.enumerated_list, level: int) -> str:
        start = node.get("start", 1)
        return "\n".join(indented(f"{start + index}. ", self.blocks(item, level), 3)
                         for index, item in enumerate(node.children))

    def block_definition_list(self, node: nodes.definition_list, level: int) -> str:
        return "\n\n".join(self.blocks(item, level) for item in node.children)

    def block_definition_list_item(self, node: nodes.definition_list_item, level: int) -> str:
        terms = [self.line(child) for child in node.children if isinstance(child, nodes.term)]
        return "\n".join(terms) + "\n" + indented(": ", self.blocks(node.children[-1], level), 2)

    def block_block_quote(self, node: nodes.block_quote, level: int) -> str:
        return quoted(self.blocks(node, level))

    def block_sidebar(self, node: nodes.sidebar, level: int) -> str:
        return quoted(self.blocks(node, level))

    def block_transition(self, node: nodes.transition, level: int) -> str:
        return "---"

    def block_symbols(self, node: nodes.Element, level: int) -> str:
        return f"**Symbols in this article**\n\n{self.blocks(node, level)}"

    def block_check_summary(self, node: nodes.Element, level: int) -> str:
        return f"**Check yourself** {self.line(node)}"

    def block_table(self, node: nodes.table, level: int) -> str:
        rows = [[self.cell(entry) for entry in row.findall(nodes.entry)] for row in node.findall(nodes.row)]
        head = len(list(next(node.findall(nodes.thead), nodes.thead()).findall(nodes.row)))
        rows = rows if head else [[""] * len(rows[0]), *rows]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])

    def cell(self, node: nodes.entry) -> str:
        return " ".join(self.line(child) for child in node.children).replace("|", "\\|")


def indented(mark: str, text: str, width: int) -> str:
    return mark + "\n".join(" " * width + line if line and index else line for index, line in enumerate(text.split("\n")))


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def face(app: Sphinx, docname: str, doctree: nodes.document) -> str:
    """The article as Markdown, its declarations at the top."""
    article = app.articles[docname]
    base = address(app, docname)
    days = f"Published {article.date}" + (f", updated {article.updated}" if article.updated else "")
    images = {uri: absolute(app, f"{app.builder.imagedir}/{name}") for uri, (_, name) in app.env.images.items()}
    text = Writer(base, images).blocks(doctree)
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{days}. {', '.join(article.tags)}. <{base}>\n\n{rest}\n"


def file_name(docname: str) -> str:
    return f"{docname}.markdown"  # not .md: an output folder inside the source would be read as articles


def save(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def write(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is not None and pagename in app.articles and app.builder.format == "html":
        save(Path(app.outdir) / file_name(pagename), face(app, pagename, doctree))
        context["markdown_face"] = context["pathto"](file_name(pagename), 1)


def write_list(app: Sphinx, exception: Exception | None) -> None:
    """llms.txt (https://llmstxt.org): what there is to read, one line an article."""
    if exception is not None or app.builder.format != "html":
        return
    lines = [f"- [{app.env.metadata[post.docname]['title']}]({absolute(app, file_name(post.docname))}): "
             f"{app.articles[post.docname].description}" for post in Blog(app).posts if post.docname not in app.held_back]
    save(Path(app.outdir) / "llms.txt",
         f"# {app.config.project}\n\n> {app.config.tagline}\n\nEach article as Markdown.\n\n## Articles\n\n" + "\n".join(lines) + "\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", write, priority=750)
    app.connect("build-finished", write_list)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
