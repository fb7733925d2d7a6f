"""Interactive figures: a first frame in the page itself, and a script that is loaded only when the figure comes near.

    ```{demo} demo.js
    :frame: demo-encoder.html
    :start: encoder
    :style: demo.css
    :data: gpt2-merges.bin
    :alt: What the first frame shows, in words.
    :name: fig-encoder

    The caption.
    ```

All files lie beside the article. The frame is a piece of HTML without scripts,
styles or controls: what a reader without JavaScript sees, and a feed, and
paper. Near the window, _static/demos.js imports the module and calls its
export `start` (without that option, `default`) with the frame's element and
the address of the data, if there is any. A module may import others that lie
beside it (``from "./bpe.js"``).

The build copies an article's files into one folder named by their content:
a browser may keep them for ever, and no other page loads them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import lxml.html
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

from bundle import squeeze_css

logger = logging.getLogger(__name__)

FOLDER = "_static/demos"


class demo(nodes.General, nodes.Element):
    """The changing part of a figure: attributes module, start, frame, alt, and perhaps style and data."""


def modules(folder: Path, name: str) -> set[str]:
    """The names of a module and of all that it imports. FileNotFoundError for one that is not there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = (Path(name) / "a.js").write_text('import { b } from "./b.js";')
    ...     _ = (Path(name) / "b.js").write_text("export const b = 1;")
    ...     sorted(modules(Path(name), "a.js"))
    ['a.js', 'b.js']
    """
    found: set[str] = set()
    wanted = {name}
    while wanted:
        name = wanted.pop()
        found.add(name)
        source = (folder / name).read_text(encoding="utf-8")
        wanted |= set(re.findall(r"""\b(?:from|import)\s*\(?\s*["']\./([\w.-]+)["']""", source)) - found
    return found


def frame_problems(html: str) -> list[str]:
    """Why a first frame would be broken for a reader without JavaScript, or against the site's security policy.

    >>> frame_problems("<p>1 + 1 = 2</p>")
    []
    >>> frame_problems("<button>Go</button>")
    ['<button> does nothing without JavaScript; let the module add it']
    """
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    found = [f"<{element.tag}> does nothing without JavaScript; let the module add it"
             for element in root.xpath(".//button | .//input | .//select | .//textarea | .//*[@tabindex]")]
    found += [f"<{element.tag}> may not stand in a first frame" for element in root.xpath(".//script | .//style | .//iframe")]
    found += [f'{name}="…" is forbidden by the security policy' for element in root.iter()
              for name in element.attrib if name == "style" or name.startswith("on")]
    return found


class Demo(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = dict.fromkeys(("frame", "start", "style", "data", "alt", "name"), directives.unchanged_required)

    def run(self) -> list[nodes.Node]:
        names = {"module": self.arguments[0], **{name: self.options[name] for name in ("frame", "style", "data")
                                                if name in self.options}}
        problems, files = self._check(names)
        for problem in problems:
            logger.warning("demo %s: %s", names["module"], problem, location=self.get_location(), type="demos")
        if problems:
            return []
        self.env.metadata[self.env.docname].setdefault("demos", set()).update(files)
        figure = nodes.figure("", demo("", start=self.options.get("start", "default"), alt=self.options["alt"], **names))
        caption = nodes.caption("", "")
        self.set_source_info(figure)
        self.set_source_info(caption)
        parsed, messages = self.state.inline_text(" ".join(self.content), self.content_offset)
        caption += parsed
        figure += caption
        self.add_name(figure)
        return [figure, *messages]

    def _check(self, names: dict[str, str]) -> tuple[list[str], set[str]]:
        """What is wrong, and the files to copy."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        problems = [f"give it `:{name}:`, {what}" for name, what in (
            ("frame", "the HTML that readers without JavaScript see"), ("alt", "what that frame shows, in words"))
            if name not in self.options]
        if not self.content:
            problems.append("give it a caption that says what to see")
        for name in names.values():
            self.env.note_dependency(str(folder / name))
            if not (folder / name).is_file():
                problems.append(f"{name} is not beside the article")
        if problems:
            return problems, set()
        problems = [f"{names['frame']}: {problem}"
                    for problem in frame_problems((folder / names["frame"]).read_text(encoding="utf-8"))]
        try:
            files = modules(folder, names["module"])
        except FileNotFoundError as error:
            return [*problems, f"it imports {Path(error.filename).name}, which is not beside the article"], set()
        for name in files:
            self.env.note_dependency(str(folder / name))
        return problems, files | {names[name] for name in ("style", "data") if name in names}


def contents(env: BuildEnvironment, docname: str) -> dict[str, bytes]:
    """The files of an article's interactive figures, as they are published."""
    folder = Path(env.doc2path(docname)).parent
    found = {name: (folder / name).read_bytes() for name in sorted(env.metadata[docname]["demos"])}
    return {name: squeeze_css(content.decode("utf-8")).encode() if name.endswith(".css") else content
            for name, content in found.items()}


def home(docname: str, files: dict[str, bytes]) -> str:
    """Where the build puts them: ``_static/demos/<slug>/<digest>``."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:10]
    return f"{FOLDER}/{Path(docname).parent.name}/{digest}"


def visit(self: HTML5Translator, node: demo) -> None:
    env, docname = self.builder.env, self.builder.current_docname
    place = relative_uri(self.builder.get_target_uri(docname), home(docname, contents(env, docname)))
    figures = self.document.findall(demo)
    # Each style once, before the first figure that needs it: browsers hold back what follows until it is there.
    if "style" in node and node is next(other for other in figures if other.get("style") == node["style"]):
        self.body.append(f'<link rel="stylesheet" href="{place}/{escape(node["style"])}" data-feed="omit">\n')
    data = {"home": f"{place}/"} | {name: node[name] for name in ("module", "start", "data") if name in node}
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    self.body.append(f'<div class="demo" role="group" aria-label="{escape(node["alt"])}"{attributes}>\n')
    self.body.append((Path(env.doc2path(docname)).parent / node["frame"]).read_text(encoding="utf-8"))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def skip(self: Any, node: demo) -> None:
    """Other builders show the caption alone."""
    raise nodes.SkipNode


def publish(app: Sphinx, exception: Exception | None) -> None:
    """Copy each article's files, and remove what an earlier build left."""
    if exception is not None or app.builder.format != "html":
        return
    kept = set()
    for docname in sorted(app.env.found_docs):
        if app.env.metadata[docname].get("demos"):
            files = contents(app.env, docname)
            target = Path(app.outdir) / home(docname, files)
            target.mkdir(parents=True, exist_ok=True)
            kept.add(target)
            for name, content in files.items():
                (target / name).write_bytes(content)
    for old in (Path(app.outdir) / FOLDER).glob("*/*"):
        if old not in kept:
            shutil.rmtree(old)
            if not any(old.parent.iterdir()):
                old.parent.rmdir()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(demo, html=(visit, None), latex=(skip, None), text=(skip, None), man=(skip, None), texinfo=(skip, None))
    app.add_directive("demo", Demo)
    app.connect("build-finished", publish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
