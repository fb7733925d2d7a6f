"""`make check`: what it finds, that it finds it again, and what it leaves alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from docutils.core import publish_doctree
from myst_parser.docutils_ import Parser

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "site"))
from test_author_mistakes import MISTAKES, WARNINGS, article

from check import hints

ROOT = Path(__file__).resolve().parents[2]


def check(source: Path, *files: str) -> tuple[int, list[str]]:
    """The exit code, and the lines printed before the blank one."""
    run = subprocess.run([sys.executable, "-B", source / "_ext/check.py", *files], cwd=source, capture_output=True,
                         text=True, encoding="utf-8", check=False)
    assert "Traceback" not in run.stderr, run.stderr
    return run.returncode, run.stdout.split("\n\n")[0].splitlines()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_everything_that_the_build_warns_of_is_found_with_its_line(tiny: Callable[..., Path]) -> None:
    files: dict[str, str | bytes] = {}
    picture = (ROOT / "_static/icons/touch-icon.png").read_bytes()
    for name, (_, _, body) in WARNINGS.items():
        image = {"card-size": "image: p.png", "card-kind": "image: index.md"}.get(name)
        files |= {f"posts/{name}/index.md": article("\n" + body, image=image), f"posts/{name}/p.png": picture}
    wrong = [name for name in MISTAKES if name.startswith(("tag-", "date-", "description-"))]
    assert len(wrong) > 8
    files |= {f"posts/{name}/index.md": MISTAKES[name][0] for name in wrong}
    code, said = check(tiny(files))
    assert code == 1
    for name, (line, remedy, _) in WARNINGS.items():
        remedy = remedy.replace("posts/x/", f"posts/{name}/")
        assert [text for text in said if text.startswith(f"posts/{name}/index.md:{line}: ") and remedy in text], (name, said)
    for name in wrong:
        _, line, remedy = MISTAKES[name]
        assert [text for text in said if text.startswith(f"posts/{name}/index.md:{line}: ") and remedy in text], (name, said)


def test_a_mistake_is_said_at_each_check_until_it_is_mended_and_only_of_the_files_asked_for(tiny: Callable[..., Path]) -> None:
    source = tiny({"posts/a/index.md": article("\n# A\n\nAn [](#opening).\n\nA beleive.\n"),
                   "posts/b/index.md": article("\n# B\n\nOpening.\n\n## Part\n\nText.\n"),
                   "posts/c/index.md": article("\n# C\n\nOpening.\n\nSee [it](../b/index.md#part).\n\n![](p.png)\n"),
                   "posts/c/p.png": (ROOT / "_static/icons/touch-icon.png").read_bytes()})
    link = "posts/a/index.md:10: 'myst' cross-reference target not found: 'opening'"
    word = "posts/a/index.md:12: “beleive”: did you mean believe? (what is right here goes into .codespell-ignore)"
    picture = ("posts/c/index.md:14: image p.png has no alternative text: say what it shows, as `:alt: the finding` below "
               "{figure} or as ![the finding](…)")
    assert check(source) == (1, [link, word, picture])
    assert check(source) == (1, [link, word, picture]), "an unchanged page is not read again, but its mistakes stay"
    assert check(source, "posts/a/index.md") == (1, [link, word])
    assert check(source, "posts/c/p.png") == (1, [picture])
    assert check(source, "posts/b/index.md") == (0, [])
    # A heading that goes away breaks a link on a page that nobody edited.
    edit(source / "posts/b/index.md", "## Part", "## Other part")
    assert "posts/c/index.md:12: local id not found in doc 'posts/b/index': 'part'" in check(source)[1]
    edit(source / "posts/b/index.md", "## Other part", "## Part")
    edit(source / "posts/a/index.md", "[](#opening).\n\nA beleive.", "opening.\n\nA belief.")
    edit(source / "posts/c/index.md", "![](p.png)", "![A thing.](p.png)")
    assert check(source) == (0, [])
    edit(source / "conf.py", 'root_doc = "index"', 'root_doc = "index')
    run = subprocess.run([sys.executable, "-B", source / "_ext/check.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 1 and re.search(r"syntax error.*conf\.py, line \d+", run.stderr)


def hints_of(text: str) -> list[tuple[int, str]]:
    doctree = publish_doctree(text, parser=Parser(), settings_overrides={
        "myst_enable_extensions": ["dollarmath"], "report_level": 5, "stylesheet_path": None})
    return list(hints(doctree, text.splitlines()))


LONG = " ".join(f"word{number}" for number in range(70))


@pytest.mark.parametrize(("text", "line", "says"), [
    ("# T\n\nSee the the cat.\n", 3, "“the the”: a word twice"),
    ("# T\n\nFirst line of it,\nthen clearly a second.\n", 4, "“clearly” helps nobody"),
    ("# T\n\nText.\n\nTODO: the rest.\n", 5, "“TODO” is left over"),
    ("# T\n\nSay when the method is slower, fails, or was not reproduced.\n", 3, "this is `make new`'s example"),
    (f"# T\n\nShort. The long one {LONG}.\n", 3, "a sentence of 73 words: “The long one word0 …”"),
    ("# T\n\nFor more, click [here](https://a.example).\n", 3, "the link “here” does not say where it leads"),
    ("# T\n\nText.\n\n![An image of a cat.](cat.png)\n", 5, "“An image of …”: a screen reader says that already"),
    ("# T\n\n- one\n- two two\n", 4, "“two two”"),
])
def test_a_hint_names_the_line_of_its_words(text: str, line: int, says: str) -> None:
    [(found, message)] = hints_of(text)
    assert found == line and message.startswith(says)


@pytest.mark.parametrize("text", [
    "# T\n\nIt had had that that is is.\n",  # grammar allows these
    "# T\n\nCall `TODO` or `the the` and $x x$.\n",  # code and formulas are no prose
    "# T\n\n```text\nTODO clearly the the\n```\n",
    "# T\n\nSee [the paper](https://a.example), where more is said.\n",
    f"# T\n\nOf this: {LONG[:350]}. Then {LONG[:350]}.\n",
    "# T\n\nUnclearly, 100 100 times.\n",
])
def test_what_is_no_slip_gets_no_hint(text: str) -> None:
    assert hints_of(text) == []


def test_hints_fail_no_check(tiny: Callable[..., Path]) -> None:
    source = tiny({"posts/a/index.md": article("\n# A\n\nAn opening opening.\n")})
    assert check(source) == (0, ["posts/a/index.md:10: hint: “opening opening”: a word twice"])


def test_the_hook_is_the_same_command_on_the_changed_files_of_articles_and_pages() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    [hook] = [hook for hook in hooks if hook["id"] == "articles"]
    command = re.search(r"^check: .*\n\t@?\$\(BIN\)/(.*)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    assert hook["entry"] == f".venv/bin/{command}"
    assert hook["require_serial"] is True and hook.get("pass_filenames", True) is True
    for path, checked in {"posts/a/index.md": True, "posts/a/results.json": True, "docs/about.md": True, "conf.py": True,
                          "posts/references.bib": True, "tests/conftest.py": False, "_ext/check.py": False}.items():
        assert bool(re.search(hook["files"], path)) is checked, path
