"""What every article claims, checked: its results, its figures, each block of code.

Each check yields lines ``file:line: what is wrong; what to do``; the tests at
the end show on small files that it does.
"""

from __future__ import annotations

import doctest
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts"))
import evidence

ROOT = Path(__file__).resolve().parents[2]
POSTS = ROOT / "posts"

# -- Results -----------------------------------------------------------------


def results_problems(path: Path) -> Iterator[str]:
    try:
        results = evidence.load(path)
    except evidence.EvidenceError as error:
        yield from str(error).splitlines()
        return
    text = path.read_text(encoding="utf-8")
    for key, message in evidence.stale(results, path.parent).items():
        yield f"{path}:{evidence.line_of(text, key)}: result '{key}': {message}"
    sources = {key for bibliography in path.parents[1].rglob("*.bib")
               for key in re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)", bibliography.read_text("utf-8"), re.MULTILINE)}
    for key, result in results.items():
        if result["kind"] == "quoted" and result["source"] not in sources:
            yield (f"{path}:{evidence.line_of(text, key)}: result '{key}' quotes '{result['source']}', which no .bib "
                   f"file has{evidence.closest(result['source'], sorted(sources))}")


# -- Figures -----------------------------------------------------------------

_DRAW = """
import importlib.util, json, sys
from pathlib import Path
script = Path(sys.argv[1])
sys.path.insert(0, str(script.parent))
spec = importlib.util.spec_from_file_location("the_figures", script)
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
sys.stdout.buffer.write(json.dumps(module.figures()).encode())
"""


def figure_problems(folder: Path) -> Iterator[str]:
    """Whether figures.py, run alone, draws the SVG files beside it, all of them, to the byte."""
    script, again = folder / "figures.py", f"run: python posts/{folder.name}/figures.py"
    drawn: dict[str, str] = {}
    if script.exists():
        done = subprocess.run([sys.executable, "-B", "-c", _DRAW, str(script)], capture_output=True, check=False)
        if done.returncode:
            yield f"{script}:1: figures() fails: {done.stderr.decode().strip().splitlines()[-1]}"
            return
        drawn = json.loads(done.stdout)
    for name, content in drawn.items():
        path = folder / name
        if not path.exists():
            yield f"{path}:1: not there, though figures.py draws it; {again}"
        elif path.read_bytes() != content.encode():
            yield f"{path}:1: stale: figures.py draws something else; {again}"
    for path in sorted(folder.glob("*.svg")):
        if path.name not in drawn:
            yield f"{path}:1: no script draws it; add it to figures() in {script.name}, or remove it"


# -- Code in the text --------------------------------------------------------

PLAIN = {"text", "bibtex"}
PLAIN_IN_DOCS = PLAIN | {"console", "yaml", "markdown", "html", "toml"}
CODE_DIRECTIVES = {"code", "code-block", "sourcecode", "code-cell", "parsed-literal", "doctest", "testcode", "eval-rst"}
RUN_BY_THIS_FILE = {"figures.py", "experiment.py"}
REMEDY = ("make it a pycon block (the tests run it), a literalinclude of a tested module, or a {code-block} with "
          "':class: not-run' and ':caption: Not run here: the reason'")


class Block(NamedTuple):
    line: int  # of the fence, from 1
    info: str
    content: str


def blocks(text: str, before: int = 0) -> Iterator[Block]:
    """All blocks of code and directives, those inside directives too."""
    parser = MarkdownIt("commonmark").use(front_matter_plugin).use(colon_fence_plugin)
    for token in parser.parse(text):
        if token.type not in ("fence", "colon_fence", "code_block") or token.map is None:
            continue
        block = Block(before + token.map[0] + 1, token.info.strip(), token.content)
        yield block
        directive = re.match(r"\{([\w-]+)\}", block.info)
        if directive and directive[1] not in CODE_DIRECTIVES | {"literalinclude", "math"}:
            yield from blocks(block.content, block.line)


def options(content: str) -> dict[str, str]:
    return dict(re.findall(r"^:([\w-]+):[ \t]*(.*)$", content, re.MULTILINE))


def runs(block: Block) -> bool:
    return re.fullmatch(r"pycon\b.*|\{(code|code-block|sourcecode)\}\s+pycon", block.info) is not None


def code_problems(page: Path, plain: set[str], tests: str) -> Iterator[str]:
    """Blocks of code that nothing runs and that do not say so. `tests` is the text of all test modules."""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page}:{block.line}:"
        directive = re.fullmatch(r"\{([\w-]+)\}\s*(.*)", block.info)
        if runs(block):
            if ">>>" not in block.content:
                yield f"{where} a pycon block without '>>>' has nothing to run; {REMEDY}"
        elif directive is None:
            language = block.info.split()[0] if block.info else ""
            if not language:
                yield f"{where} a block of code without a language; if it is no code write ```text, else {REMEDY}"
            elif language not in plain:
                yield f"{where} '{language}' code that nothing runs; {REMEDY}"
        elif directive[1] == "literalinclude":
            path = page.parent / directive[2]
            if path.suffix == ".py" and path.name not in RUN_BY_THIS_FILE and not re.search(
                    rf"\b{re.escape(path.stem)}\b", tests):
                yield f"{where} no test mentions {path.name}; write tests/posts/test_{path.stem}.py"
        elif directive[1] in CODE_DIRECTIVES and directive[2] not in plain:
            given = options(block.content)
            if "not-run" not in given.get("class", "").split():
                yield f"{where} {{{directive[1]}}} that nothing runs; {REMEDY}"
            elif not re.match(r"Not run here: \S", given.get("caption", "")):
                yield f"{where} code that is not run lacks ':caption: Not run here: the reason'"


def example_problems(page: Path) -> Iterator[str]:
    """What the page's pycon blocks print otherwise than they say. They share one namespace, in order."""
    examples: list[doctest.Example] = []
    for block in blocks(page.read_text(encoding="utf-8")):
        if runs(block):
            content = re.sub(r"^:[\w-]+:.*$", "", block.content, flags=re.MULTILINE)
            try:
                found = doctest.DocTestParser().get_examples(content)
            except ValueError as error:
                yield f"{page}:{block.line}: not a session of Python: {error}"
                continue
            for example in found:
                example.lineno += block.line
            examples += found
    path, modules, shown = list(sys.path), set(sys.modules), []
    sys.path.insert(0, str(page.parent))
    try:
        test = doctest.DocTest(examples, {"__name__": "__main__"}, page.parent.name, str(page), 0, None)
        doctest.DocTestRunner(verbose=False).run(test, out=shown.append)
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(page.parent)):
                del sys.modules[name]
    for failure in shown:
        line = re.search(r"line (\d+)", failure)
        yield f"{page}:{line[1] if line else 1}: the example does not print what it says\n{failure}"


# -- All articles ------------------------------------------------------------

ARTICLES = sorted(POSTS.glob("*/index.md"))
DOCS = sorted((ROOT / "docs").glob("*.md"))


def test_results() -> None:
    found = [problem for path in sorted(POSTS.glob("*/results.json")) for problem in results_problems(path)]
    assert not found, "\n".join(["", *found])


def test_figures() -> None:
    found = [problem for folder in sorted({path.parent for path in POSTS.glob("*/*")}) for problem in
             figure_problems(folder)]
    assert not found, "\n".join(["", *found])


def test_every_block_of_code_is_run_or_says_that_it_is_not() -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    found = [problem for page in ARTICLES for problem in code_problems(page, PLAIN, tests)]
    found += [problem for page in DOCS for problem in code_problems(page, PLAIN_IN_DOCS, tests)]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("page", [*ARTICLES, *DOCS], ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_print_what_they_say(page: Path) -> None:
    found = list(example_problems(page))
    assert not found, "\n".join(["", *found])


# -- The checks themselves ---------------------------------------------------


@pytest.fixture
def article(tmp_path: Path) -> Path:
    """The worked example of the documentation, measured and drawn."""
    shutil.copytree(ROOT / "tests" / "roots" / "test-results" / "posts", tmp_path / "posts")
    for name in ("evidence.py", "drawing.py"):
        shutil.copy(POSTS / name, tmp_path / "posts")
    folder = tmp_path / "posts" / "halving"
    for script in ("experiment.py", "figures.py"):
        subprocess.run([sys.executable, script], cwd=folder, check=True, capture_output=True)
    return folder


def test_the_worked_example_is_right(article: Path) -> None:
    assert list(results_problems(article / "results.json")) == []
    assert list(figure_problems(article)) == []
    assert list(code_problems(article / "index.md", PLAIN, "halving")) == []


def test_a_changed_number_or_code_is_found(article: Path) -> None:
    path = article / "results.json"
    right = path.read_text()
    changed = json.loads(right)
    changed["results"]["scan-seconds"]["value"] *= 2
    path.write_text(json.dumps(changed, indent=2))
    (problem,) = results_problems(path)
    assert "result 'speedup': value is" in problem and "but 'scan_seconds / halving_seconds' gives" in problem
    path.write_text(right.replace("bloch2006nearly", "bloch2006neraly"))
    (problem,) = results_problems(path)
    assert "quotes 'bloch2006neraly', which no .bib file has: did you mean 'bloch2006nearly'?" in problem
    path.write_text(right)
    code = article / "halving.py"
    code.write_text(code.read_text().replace("+ 1", "+ 2", 1))
    first, *_ = results_problems(path)
    assert re.search(r"results\.json:4: result 'looks': halving\.py changed .*; run: make experiment ARTICLE=halving",
                     first)


def test_a_stale_figure_is_found(article: Path) -> None:
    figure, script = article / "looks.svg", article / "figures.py"
    figure.write_text(figure.read_text() + " ")
    assert list(figure_problems(article)) == [
        f"{figure}:1: stale: figures.py draws something else; run: python posts/halving/figures.py"]
    figure.rename(article / "other.svg")
    missing, orphan = figure_problems(article)
    assert "not there, though figures.py draws it" in missing and "other.svg:1: no script draws it" in orphan
    script.write_text("def figures():\n    return {'x.svg': str(hash('a'))} | {}[1]\n")
    assert list(figure_problems(article)) == [f"{script}:1: figures() fails: KeyError: 1"]


def test_a_figure_that_differs_between_runs_is_found(article: Path) -> None:
    (article / "looks.svg").write_text("5")
    (article / "figures.py").write_text("def figures():\n    return {'looks.svg': str(hash('a'))}\n")
    assert any("stale" in problem for problem in figure_problems(article))


FINE = [
    "```pycon\n>>> 1 + 1\n2\n```", "```text\nfree\n```", "```{math}\nx = 1\n```", "```{footbibliography}\n```",
    "```{figure} a.svg\n:alt: A.\n\nA caption.\n```", "```{literalinclude} halving.py\n:language: python\n```",
    "```{literalinclude} figures.py\n```", "```{code-block} text\nfree\n```",
    "```{code-block} python\n:class: not-run\n:caption: Not run here: needs a GPU\nimport torch\n```",
    "````{note}\n```pycon\n>>> 1\n1\n```\n````", "- a list\n\n  ```text\n  free\n  ```",
]
WRONG = [
    ("```python\nx = 1\n```", 3, "'python' code that nothing runs; make it a pycon block"),
    ("```\nx = 1\n```", 3, "without a language"), ("~~~js\nx\n~~~", 3, "'js' code"),
    ("    x = 1\n", 3, "without a language"), ("```console\n$ ls\n```", 3, "'console' code"),
    ("```pycon\nx = 1\n```", 3, "without '>>>'"), ("```{code-block} python\nx = 1\n```", 3, "that nothing runs"),
    ("```{code-block} python\n:class: not-run\nx = 1\n```", 3, "lacks ':caption: Not run here: the reason'"),
    ("```{code-block} python\n:class: not-run\n:caption: Not run here:\nx = 1\n```", 3, "lacks ':caption:"),
    ("```{literalinclude} zebra.py\n```", 3, "no test mentions zebra.py; write tests/posts/test_zebra.py"),
    (":::{code-block} python\nx = 1\n:::", 3, "that nothing runs"), ("```{eval-rst}\nx\n```", 3, "that nothing runs"),
    ("````{note}\nText.\n\n```python\nx = 1\n```\n````", 6, "'python' code"),
    (":::{note}\nText.\n\n```python\nx = 1\n```\n:::", 6, "'python' code"),
    ("- a list\n\n  ```python\n  x = 1\n  ```", 5, "'python' code"),
]


@pytest.mark.parametrize("text", FINE)
def test_blocks_that_are_fine(tmp_path: Path, text: str) -> None:
    page = tmp_path / "index.md"
    page.write_text(f"# Title\n\n{text}\n")
    assert list(code_problems(page, PLAIN, "import halving")) == []


@pytest.mark.parametrize(("text", "line", "message"), WRONG)
def test_blocks_that_nothing_runs(tmp_path: Path, text: str, line: int, message: str) -> None:
    page = tmp_path / "index.md"
    page.write_text(f"# Title\n\n{text}\n")
    (problem,) = code_problems(page, PLAIN, "import halving")
    assert problem.startswith(f"{page}:{line}: ") and message in problem


def test_front_matter_does_not_shift_lines(tmp_path: Path) -> None:
    page = tmp_path / "index.md"
    page.write_text('---\ndescription: "a"\ntags: [b]\n---\n\n# Title\n\n```python\nx = 1\n```\n')
    assert next(code_problems(page, PLAIN, "")).startswith(f"{page}:8: ")


def test_examples_share_a_namespace_and_are_compared(tmp_path: Path) -> None:
    page = tmp_path / "index.md"
    (tmp_path / "beside.py").write_text("answer = 42\n")
    text = "# T\n\n```pycon\n>>> from beside import answer\n>>> x = answer\n```\n\n```pycon\n>>> x\n42\n```\n"
    page.write_text(text)
    assert list(example_problems(page)) == [] and "beside" not in sys.modules
    page.write_text(text.replace("\n42\n", "\n41\n"))
    (problem,) = example_problems(page)
    assert problem.startswith(f"{page}:9: the example does not print what it says") and "Got:\n    42" in problem
    page.write_text(text.replace(">>> x\n", ">>>x\n"))
    assert "not a session of Python" in next(example_problems(page))
