"""In a preview, what is wrong with a page stands on that page, until it is mended.

Sphinx says a warning once, when it reads or writes a page. The next edit of
another page would leave nothing of it, so warnings are kept beside the
environment until their page is read or written again. `make live` shows them in
a box on the page, `make check` (_ext/check.py) prints them. A published build
does none of this.
"""

from __future__ import annotations

import json
import logging as python_logging
import os
import re
import sys
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.build_phase import BuildPhase

ARTICLE = re.compile(r"posts/([^/]+)/")
BOX = re.compile(r"\n<!--mistakes-->.*?<!--/mistakes-->", re.DOTALL)

STYLE = (
    "#mistakes{position:fixed;inset:0 0 auto 0;z-index:1000;max-height:45vh;overflow:auto;padding:.6rem 1rem;"
    "background:#7a1f12;color:#fff;font:15px/1.45 system-ui,sans-serif}"
    "#mistakes summary{cursor:pointer;font-weight:600}#mistakes ul{margin:.4rem 0 0;padding:0;list-style:none}"
    "#mistakes li{margin:.35rem 0}#mistakes code{background:none;border:0;padding:0;color:#ffd9b8;font-size:14px}"
    "@media print{#mistakes{display:none}}"
)

PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{name}</title></head>
<body><p style="margin-top:50vh;text-align:center">{name} cannot be shown until this is mended.</p></body></html>
"""


class Problem(NamedTuple):
    """What is wrong, and where: `file` below the source folder ("" where Sphinx names none), `line` 0 if unknown."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file or 'conf.py'}: {self.message}"


class Problems(python_logging.Handler):
    """Everything that Sphinx warned of in this build, and what is left of earlier ones."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__(python_logging.WARNING)
        self.app = app
        self.addFilter(logging.WarningSuppressor(app))
        self.addFilter(logging.OnceFilter())
        self.said: set[Problem] = set()  # in this build, so in the terminal
        self.now: list[Problem] = []  # of what every build does again
        self.kept: dict[str, dict[str, list[Problem]]] = {"read": {}, "written": {}}
        self.written: dict[str, list[Problem]] = {}
        self.consistency: list[Problem] | None = None

    @property
    def store(self) -> Path:
        return Path(self.app.doctreedir) / "problems.json"

    def load(self) -> None:
        if self.store.is_file():
            kept = json.loads(self.store.read_text(encoding="utf-8"))
            self.kept = {kind: {name: [Problem(*each) for each in found] for name, found in pages.items()}
                         for kind, pages in kept.items()}

    def save(self) -> None:
        for name, found in self.written.items():
            self.kept["written"][name] = found
        if self.consistency is not None:
            self.kept["read"][""] = self.consistency
        known = {"", *self.app.env.found_docs}
        self.kept = {kind: {name: list(dict.fromkeys(found)) for name, found in sorted(pages.items()) if found and name in known}
                     for kind, pages in self.kept.items()}
        self.store.parent.mkdir(parents=True, exist_ok=True)
        self.store.write_text(json.dumps(self.kept, indent=1), encoding="utf-8")

    def emit(self, record: python_logging.LogRecord) -> None:
        problem = self.problem(record)
        self.said.add(problem)
        reading = self.app.env.current_document.docname
        match self.app.phase:
            case BuildPhase.READING if reading:
                self.kept["read"].setdefault(reading, []).append(problem)
            case BuildPhase.CONSISTENCY_CHECK:
                self.consistency = [*(self.consistency or []), problem]
            case BuildPhase.RESOLVING | BuildPhase.WRITING if (name := self.page(problem)):
                self.written.setdefault(name, []).append(problem)
            case _:
                self.now.append(problem)

    def problem(self, record: python_logging.LogRecord) -> Problem:
        message = re.sub(r"\s+", " ", str(record.msg) % record.args if record.args else str(record.msg)).strip()
        message = re.sub(rf" \[{getattr(record, 'type', None)}(\.[\w-]+)?\]$", "", message)  # Sphinx's handler has added it
        location = getattr(record, "location", None)
        if isinstance(location, nodes.Node):
            location = logging.get_node_location(location)
        elif isinstance(location, tuple):
            location = f"{location[0]}:{location[1] or ''}"
        path, _, line = (location or "").rpartition(":")
        if not line.isdigit():
            path, line = (path if line == "" else location or ""), "0"
        if path in ("", "<unknown>"):
            path = self.app.env.current_document.docname
        if path in self.app.env.found_docs:
            path = str(self.app.env.doc2path(path))
        root = Path(self.app.srcdir)
        return Problem(Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path, int(line), message)

    def page(self, problem: Problem) -> str | None:
        """The page to show it on; None for what concerns the whole site."""
        if article := ARTICLE.match(problem.file):
            return f"posts/{article[1]}/index"
        docname = self.app.env.path2doc(self.app.srcdir / problem.file) if problem.file else None
        return docname if docname in self.app.env.found_docs else None

    def all(self) -> list[Problem]:
        """Everything that is wrong now, by file and line."""
        found = [*self.now, *(each for pages in self.kept.values() for found in pages.values() for each in found)]
        return sorted(set(found))


def load(app: Sphinx) -> None:
    app.problems.load()


def forget_what_is_read_again(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    for docname in docnames:
        app.problems.kept["read"].pop(docname, None)


def forget_what_is_checked_again(app: Sphinx, env: BuildEnvironment) -> None:
    app.problems.consistency = app.problems.consistency or []


def forget_what_is_written_again(app: Sphinx, docname: str, template: str, context: Any, doctree: nodes.document | None) -> None:
    app.problems.written.setdefault(docname, [])


def box(problems: list[Problem]) -> str:
    """The mistakes of one page, above it."""
    rows = "".join(f"<li><code>{escape(each.file)}{f':{each.line}' if each.line else ''}</code> {escape(each.message)}</li>"
                   for each in problems)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return (f'\n<!--mistakes--><style>{STYLE}</style><aside id="mistakes" role="alert"><details open>'
            f"<summary>{count} to mend</summary><ul>{rows}</ul></details></aside><!--/mistakes-->")


def show(app: Sphinx, exception: Exception | None) -> None:
    problems: Problems = app.problems
    if exception is not None:
        problems.now.append(Problem("", 0, f"the build stopped: {type(exception).__name__}: {exception}"))
    problems.save()
    if app.builder.format != "html":
        return
    pages: dict[str | None, list[Problem]] = {}
    for each in problems.all():
        pages.setdefault(problems.page(each), []).append(each)
    everywhere = pages.pop(None, [])
    boxes = {Path(app.builder.get_output_path(name)): box(everywhere + found) for name, found in pages.items()}
    for path in {*Path(app.outdir).rglob("*.html"), *boxes}:
        shown = boxes.get(path, box(everywhere) if everywhere else "")
        if not path.is_file():  # an article that was never right, so that it has no page yet
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PAGE.format(language=app.config.language, name=escape(path.parent.name)), encoding="utf-8")
        elif not shown and b"<!--mistakes-->" not in path.read_bytes():
            continue
        page, times = path.read_text(encoding="utf-8"), path.stat()
        head, body, rest = re.split(r"(<body[^>]*>)", BOX.sub("", page), maxsplit=1)
        path.write_text(head + body + shown + rest, encoding="utf-8", newline="\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # or Sphinx would take an old page for a new one
    if old := [each for each in problems.all() if each not in problems.said and each.file]:
        print("still to mend, from earlier builds:", *old, sep="\n", file=sys.stderr)  # also where -q hides what is only news


def start(app: Sphinx, config: Any) -> None:
    if not config.blog_preview:
        return
    app.problems = Problems(app)
    python_logging.getLogger(logging.NAMESPACE).addHandler(app.problems)
    app.connect("builder-inited", load, priority=1)
    app.connect("env-before-read-docs", forget_what_is_read_again)
    app.connect("env-check-consistency", forget_what_is_checked_again)
    app.connect("html-page-context", forget_what_is_written_again)
    app.connect("build-finished", show, priority=900)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", start)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
