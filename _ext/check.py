"""Check articles before a commit: `make check`, or plainly ``python _ext/check.py [FILE …]``.

What the build warns of (front matter, links inside the site, alternative text,
results, references, formulas), spelling, and a few hints on the prose, each
with file and line. With files, only what concerns their pages; so the hook of
.pre-commit-config.yaml calls it. It builds a preview of its own and reads again
only what changed. Hints are for the author to judge and fail nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from preview import Problem

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 60  # words of a sentence

# In the text as readers see it: (what to look for, what to say of it).
PHRASES = [
    (r"\b(?!(?:that|had|is)\b)([a-z]{2,})\s+\1\b", "“{0}”: a word twice"),
    (r"\b(obviously|clearly|of course|needless to say|trivially|it is easy to see|as everyone knows)\b",
     "“{0}” helps nobody: who sees it needs no word, who does not feels slow"),
    (r"\b(TODO|FIXME|TBD|XXX|[Ll]orem ipsum)\b", "“{0}” is left over"),
]
# What `make new` writes, to be replaced.
EXAMPLE = re.compile(r"Say here what the article finds|first concept, second concept|what makes the reader curious|"
                     r"Say when the method is slower, fails, or|Each tenfold limit costs three or four doublings more")
VAGUE = re.compile(r"(click )?(here|this|this (link|page|post|article)|link|more|read more)", re.IGNORECASE)
PICTURE = re.compile(r"(an? |the )?(image|picture|photo|figure|graph|chart|plot|diagram) (of|showing|that shows)\b", re.IGNORECASE)


def shown(node: nodes.Element) -> str:
    """A paragraph's text; code, formulas and footnote marks are one word each."""
    parts = []
    for child in node.children:
        if isinstance(child, (nodes.literal, nodes.math)):
            parts.append("\N{OBJECT REPLACEMENT CHARACTER}")
        elif isinstance(child, nodes.Text):
            parts.append(child.astext())
        elif not isinstance(child, (nodes.footnote_reference, nodes.image)):
            parts.append(shown(child))
    return "".join(parts)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a paragraph; a full stop inside a number or after one letter ends none."""
    yield from filter(None, (part.strip() for part in re.split(r"(?<=[.!?:])(?<!\b\w\.)[”’)\"']*\s+", text)))


def hints(doctree: nodes.document, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Line and hint. Lines as Markdown has them, at the words themselves where they stand in one line."""

    def place(node: nodes.Element, words: str) -> int:
        while not node.line and node.parent is not None:
            node = node.parent
        first = max(node.line or 1, 1)
        block = next((end for end in range(first, len(lines)) if not lines[end].strip()), len(lines))
        return next((number + 1 for number in range(first - 1, block) if words in lines[number]), first)

    for number, line in enumerate(lines, start=1):
        if found := EXAMPLE.search(line):
            yield number, f"this is `make new`'s example, not yours: “{found[0]} …”"
    for paragraph in doctree.findall(lambda node: isinstance(node, (nodes.paragraph, nodes.caption))):
        if isinstance(paragraph.parent, nodes.entry):
            continue
        text = shown(paragraph)
        for pattern, message in PHRASES:
            for found in re.finditer(pattern, text):
                yield place(paragraph, found[0]), message.format(" ".join(found[0].split()))
        for sentence in sentences(text):
            if (count := len(sentence.split())) > LONGEST:
                start = " ".join(sentence.split()[:4])
                yield place(paragraph, start), f"a sentence of {count} words: “{start} …”; can it be two?"
        for link in paragraph.findall(nodes.reference):
            if VAGUE.fullmatch(link.astext().strip()):
                yield place(paragraph, f"[{link.astext()}]"), (
                    f"the link “{link.astext()}” does not say where it leads; a list of a page's links is read without its text")
    for image in doctree.findall(nodes.image):
        if begins := PICTURE.match(image.get("alt", "")):
            yield place(image, image["alt"]), f"“{begins[0]} …”: a screen reader says that already; begin with what is to be seen"


def spelling(files: list[str]) -> Iterator[Problem]:
    run = subprocess.run([sys.executable, "-m", "codespell_lib", *(files or ["posts", "docs", "index.md"])],
                         cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    for path, line, wrong, right in re.findall(r"^(.+?):(\d+): (.+?) ==> (.+)$", run.stdout, re.MULTILINE):
        yield Problem(path, int(line), f"“{wrong}”: did you mean {right}? (what is right here goes into "
                                                          ".codespell-ignore)")


def build() -> Sphinx:
    """A preview of its own, brought up to date; every page's links are resolved again, also those of unchanged pages."""
    out = ROOT / "_build/check"
    app = Sphinx(ROOT, ROOT, out, out / ".doctrees", "dirhtml", {"blog_preview": True}, status=None, warning=None)
    app.build()
    for docname in sorted(set(app.env.found_docs) - set(app.problems.written)):
        app.problems.written[docname] = []
        app.env.get_and_resolve_doctree(docname, app.builder)
    app.problems.save()
    return app


def check(files: list[str]) -> tuple[list[Problem], list[Problem]]:
    """Mistakes and hints; with files, those of their pages, and what concerns the whole site."""
    with patch_docutils(ROOT), docutils_namespace():
        app = build()
    wanted = {app.problems.page(Problem(file, 0, "")) for file in files}
    mistakes = [each for each in app.problems.all()
                if not files or (page := app.problems.page(each)) is None or page in wanted]
    mistakes += spelling([file for file in files if (ROOT / file).is_file()])
    found = []
    for docname in sorted(app.env.found_docs):
        if docname in wanted or not files:
            path = Path(app.env.doc2path(docname))
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            file = path.relative_to(ROOT).as_posix()
            found += [Problem(file, *hint) for hint in hints(app.env.get_doctree(docname), lines)]
    return sorted(set(mistakes)), sorted(set(found))


def main(names: list[str]) -> int:
    try:
        mistakes, found = check([Path(name).resolve().relative_to(ROOT).as_posix() for name in names])
    except SphinxError as error:  # conf.py or an extension does not load
        print(error, file=sys.stderr)
        return 1
    for each in mistakes:
        print(each)
    for each in found:
        print(each._replace(message=f"hint: {each.message}"))
    if mistakes or found:
        print(f"\n{len(mistakes)} to mend, {len(found)} {'hint' if len(found) == 1 else 'hints'}")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
