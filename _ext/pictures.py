"""Photographs: small files in a modern format, with a fallback, and whose they are.

    ```{picture} temple-noisy temple-merged
    :alt: What the first shows. | What the second shows.
    :labels: one frame | eight frames merged
    :credit: “Temple in China”, Daniel Büchele
    :licence: [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)
    :name: fig-temple

    The caption.
    ```

Beside the article lies each picture twice: as AVIF or WebP, which browsers take
if they can, and as JPEG or PNG, which feeds and old browsers get. Both have the
same size in pixels and weigh at most 150 kB. `:style:` names a stylesheet beside
the article that the page loads before it. With `:module:` the pictures are
the first frame of an interactive figure: see demos.py, whose `start` and
`data` work here too; `:label:` then names it for screen readers.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

import demos

logger = logging.getLogger(__name__)

MODERN = {".avif": "image/avif", ".webp": "image/webp"}
FALLBACK = (".jpg", ".png")
HEAVIEST = 150_000
DEMO = ("module", "start", "style", "data")


class pictures(nodes.General, nodes.Element):
    """One or two pictures: `files`, a tuple of (modern, fallback) paths from the source folder, `alts` and `labels`."""


def files_of(folder: Path, stem: str) -> tuple[list[str], list[str]]:
    """A picture's two file names, and what is wrong with them."""
    names: list[str] = []
    for endings, purpose in ((tuple(MODERN), "browsers"), (FALLBACK, "feeds and old browsers")):
        found = [stem + ending for ending in endings if (folder / (stem + ending)).is_file()]
        if not found:
            return names, [f"{' or '.join(stem + ending for ending in endings)} is not beside the article, for {purpose}"]
        names.append(found[0])
    problems = [f"{name} weighs {size // 1000} kB, and {HEAVIEST // 1000} are allowed: make it smaller or compress it more"
                for name in names if (size := (folder / name).stat().st_size) > HEAVIEST]
    sizes = {size_of(folder / name) for name in names}
    if len(sizes) > 1:
        problems.append(f"{names[0]} and {names[1]} differ in width or height")
    return names, problems


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


class Picture(SphinxDirective):
    required_arguments = 1
    optional_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(("alt", "labels", "credit", "licence", "label", "name", *DEMO), directives.unchanged_required)

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.doc2path(self.env.docname)).parent
        alts, labels = ([part.strip() for part in self.options.get(name, "").split("|") if part.strip()]
                        for name in ("alt", "labels"))
        count = len(self.arguments)
        problems = []
        if len(alts) != count:
            problems.append(f"give it `:alt:`, what each of its {count} pictures shows, with | between" if count > 1
                            else "give it `:alt:`, what it shows, in words")
        if labels and len(labels) != count:
            problems.append(f"`:labels:` has {len(labels)} parts for {count} pictures")
        problems += [f"give it `:{name}:`, {what}" for name, what in (
            ("credit", "who made it"), ("licence", "under which terms it may be shown")) if name not in self.options]
        if "module" in self.options and "label" not in self.options:
            problems.append("give it `:label:`, which names the interactive figure for screen readers")
        if not self.content:
            problems.append("give it a caption that says what to see")
        found = []
        for stem in self.arguments:
            names, wrong = files_of(folder, stem)
            problems += wrong
            found.append(names)
        code = {self.options[name] for name in ("style", "data") if name in self.options}
        problems += [f"{name} is not beside the article" for name in sorted(code) if not (folder / name).is_file()]
        if "module" in self.options:
            try:
                code |= demos.modules(folder, self.options["module"])
            except FileNotFoundError as error:
                problems.append(f"{Path(error.filename).name} is not beside the article")
        for name in {*code, *(name for names in found for name in names)}:
            self.env.note_dependency(str(folder / name))
        for problem in problems:
            logger.warning("picture %s: %s", self.arguments[0], problem, location=self.get_location(), type="pictures")
        if problems:
            return []
        if code:
            self.env.metadata[self.env.docname].setdefault("demos", set()).update(code)
        return self._figure(folder, found, alts, labels)

    def _figure(self, folder: Path, found: list[list[str]], alts: list[str], labels: list[str]) -> list[nodes.Node]:
        place = folder.relative_to(self.env.srcdir).as_posix()
        paths = [tuple(f"{place}/{name}" for name in names) for names in found]
        for path in (path for pair in paths for path in pair):
            self.env.images.add_file(self.env.docname, path)  # figures.py names them, the builder copies them
        options = {name: self.options[name] for name in (*DEMO, "label") if name in self.options}
        figure = nodes.figure("", pictures("", files=paths, alts=alts, labels=labels, **options))
        caption = nodes.caption("", "")
        self.set_source_info(figure)
        self.set_source_info(caption)
        text, messages = self.state.inline_text(" ".join(self.content), self.content_offset)
        credit, more = self.state.inline_text(f"{self.options['credit']}, {self.options['licence']}.", self.lineno)
        caption += [*text, nodes.Text(" "), nodes.inline("", "", *credit, classes=["picture-credit"])]
        figure += caption
        self.add_name(figure)
        return [figure, *messages, *more]


def visit(self: HTML5Translator, node: pictures) -> None:
    builder = self.builder
    if "module" in node or "style" in node:
        docname = builder.current_docname
        place = relative_uri(builder.get_target_uri(docname), demos.home(docname, demos.contents(builder.env, docname)))
    earlier = (other for other in self.document.findall(pictures) if other.get("style") == node.get("style"))
    if "style" in node and node is next(earlier):  # once, before the first that needs it: nothing shifts when it comes
        self.body.append(f'<link rel="stylesheet" href="{place}/{escape(node["style"])}" data-feed="omit">\n')
    if "module" in node:
        data = {"home": f"{place}/", "start": "default"} | {name: node[name] for name in ("module", "start", "data") if name in node}
        self.body.append(f'<div class="demo pictures" role="group" aria-label="{escape(node["label"])}"'
                         + "".join(f' data-{name}="{escape(value)}"' for name, value in data.items()) + ">\n")
    else:
        self.body.append('<div class="pictures">\n')
    for index, ((modern, fallback), alt) in enumerate(zip(node["files"], node["alts"], strict=True)):
        width, height = size_of(Path(builder.srcdir) / fallback)
        sources = {path: f"{builder.imgpath}/{builder.images[path]}" for path in (modern, fallback)}
        label = f'<span class="picture-label">{escape(node["labels"][index])}</span>' if node["labels"] else ""
        self.body.append(
            f'<div class="picture">{label}<picture><source type="{MODERN[Path(modern).suffix]}" srcset="{escape(sources[modern])}">'
            f'<img src="{escape(sources[fallback])}" alt="{escape(alt)}" width="{width}" height="{height}" '
            f'loading="lazy" decoding="async"></picture></div>\n')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def skip(self: Any, node: pictures) -> None:
    """Other builders show the caption alone."""
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(pictures, html=(visit, None), latex=(skip, None), text=(skip, None), man=(skip, None), texinfo=(skip, None))
    app.add_directive("picture", Picture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
