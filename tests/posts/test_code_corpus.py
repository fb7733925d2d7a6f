"""The data set of code snippets: no project on two sides, no copies, the same again from the same packages."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from article_code import load

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "classifying-code-bert"

corpus = load("classifying-code-bert", "corpus")
MANIFEST = json.loads((_FOLDER / "corpus.json").read_text(encoding="utf-8"))


def invented(seed: int, lines: int, language: str = "Python") -> str:
    """A file of that many lines which nothing else resembles."""
    draw = random.Random(f"{seed}/{language}")
    word = lambda: "".join(draw.choices("abcdefghijklmnop", k=6))  # noqa: E731
    end = "" if language == "Python" else ";"
    return "\n".join(f"    {word()} = {word()}({word()}, {word()} + {draw.randrange(99)}){end}" for _ in range(lines))


def source(name: str, project: str, side: str, *languages: str, only: str = "") -> Any:
    package = corpus.packages.Package("npm", name, "1.0", "", "MIT")
    return corpus.Source(package, project, side, languages or ("Python",), only)


def build(contents: Mapping[str, Mapping[str, str]], *sources: Any, **sizes: int) -> list[Any]:
    coded = {name: {path: text.encode() for path, text in files.items()} for name, files in contents.items()}
    result: list[Any] = corpus.build(sources, lambda package: coded[package.name],
                                     {"test": 10, "validation": 5, "train": 30, "sibling": 5, "unseen": 5, **sizes})
    return result


# -- The published list ------------------------------------------------------

def test_no_project_stands_on_two_sides() -> None:
    sides: dict[str, set[str]] = {}
    for row in MANIFEST["packages"]:
        sides.setdefault(row["project"], set()).add(row["side"])
    assert {project: found for project, found in sides.items() if len(found) > 1} == {}


def test_every_language_has_projects_enough_on_every_side() -> None:
    for language in corpus.LANGUAGES:
        projects = {side: {row["project"] for row in MANIFEST["packages"]
                           if row["side"] == side and language in row["languages"]}
                    for side in ("train", "validation", "test")}
        assert len(projects["train"]) >= 3 and len(projects["test"]) >= 3 and projects["validation"], language
        assert sum(map(len, projects.values())) >= 7, language


def test_every_package_has_its_version_digest_and_licence() -> None:
    for row in MANIFEST["packages"]:
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"]) and row["version"], row["name"]
        assert re.search(r"MIT|BSD|Apache|ISC|MPL|L?GPL|Artistic|Expat|CC0|zlib|BlueOak|Unlicense", row["licence"]), row
    assert re.fullmatch("[0-9a-f]{64}", MANIFEST["digest"])


def test_the_list_is_read_and_its_languages_are_fifteen() -> None:
    assert len(corpus.sources()) == len(MANIFEST["packages"]) and len(corpus.LANGUAGES) == 15


@pytest.mark.parametrize(("change", "message"), [
    ({"side": "tests"}, "side 'tests'; there are test, validation, train, sibling, unseen"),
    ({"side": "test"}, "project 'celery' is on two sides"),
    ({"languages": ["Solidity"]}, "Solidity cannot be on the side 'train'"),
    ({"languages": ["Basic"]}, "Basic cannot be on the side 'train'"),
])
def test_a_wrong_list_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    row = {"registry": "npm", "name": "a", "version": "1", "sha256": "", "licence": "MIT", "project": "celery",
           "side": "train", "languages": ["Python"]}
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps({"packages": [row, {**row, "name": "b", **change}]}))
    with pytest.raises(ValueError, match=re.escape(message)):
        corpus.sources(path)


# -- Cutting -----------------------------------------------------------------

def test_windows_have_their_lines_and_do_not_overlap() -> None:
    text = "\n\n".join(f"value_{n} = call({n})" for n in range(10))
    for lines in corpus.LENGTHS:
        found = list(corpus.windows(text, "Python", lines))
        assert len(found) == 10 // lines
        assert [sum(1 for line in one.split("\n") if line.strip()) for one in found] == [lines] * len(found)
        assert re.findall(r"value_\d+", "\n".join(found)) == [f"value_{n}" for n in range(10 // lines * lines)]


@pytest.mark.parametrize(("language", "line"), [
    ("Python", "# a comment about things"), ("C", "/* a comment about things */"), ("Lua", "-- a comment about things"),
    ("Go", "// a comment about things"), ("Java", " * a comment about things"), ("C", "}"), ("C", "x = 1;" + "y" * 160),
    ("PHP", "# a comment about things"),
])
def test_a_line_that_is_no_code_is_no_snippet(language: str, line: str) -> None:
    assert list(corpus.windows(line, language, 1)) == []


@pytest.mark.parametrize(("language", "line"), [
    ("C", "#include <stdio.h>"), ("Rust", "#[derive(Debug)]"), ("C", "*target = value;"), ("PHP", "#[Pure] function f()")])
def test_what_looks_like_another_languages_comment_is_code(language: str, line: str) -> None:
    assert list(corpus.windows(line, language, 1)) == [line]


def test_indentation_stays() -> None:
    assert list(corpus.windows("\tif x {\n\t\treturn y, z\n\t}\n\tz := f(x)", "Go", 3)) == ["\tif x {\n\t\treturn y, z\n\t}"]


# -- Copies ------------------------------------------------------------------

def test_near_copies_are_found_as_by_comparing_all_pairs() -> None:
    draw = random.Random(5)
    words = [f"w{n}" for n in range(40)]
    texts = []
    for _ in range(60):
        text = draw.choices(words, k=30)
        texts.append(" ".join(text))
        for changes in (1, 3, 12):
            copy = list(text)
            for at in draw.sample(range(30), changes):
                copy[at] = draw.choice(words)
            texts.append(" ".join(copy))
    seen, kept = corpus.Seen(), list[Any]()
    for text in texts:
        own = corpus.shingles(text)
        near = any(len(own & other) >= 0.7 * len(own | other) for other in kept)
        assert seen.add(text) is not near, text
        if not near:
            kept.append(own)
    assert 60 < len(kept) < len(texts) - 50    # it found some, and not all


def test_a_reformatted_copy_is_a_copy_and_a_short_line_too() -> None:
    seen = corpus.Seen()
    assert seen.add("if (a) {\n  b(c, d);\n}") and not seen.add("if (a)\n{\n\tb(c, d);\n}\n")
    assert seen.add("x = y") and not seen.add("x=y") and seen.add("x = z")


def test_vendored_files_and_second_copies_are_left_out() -> None:
    one, two = invented(1, 40), invented(2, 40)
    contents = {"a": {"a.py": one, "again.py": one}, "b": {"vendored.py": one + "\n" + invented(3, 10), "own.py": two}}
    found = list(corpus.files([source("a", "a", "test"), source("b", "b", "train")],
                              lambda package: {k: v.encode() for k, v in contents[package.name].items()}))
    assert [path for _, _, path, _ in found] == ["a.py", "own.py"]


@pytest.mark.parametrize("path", ["x/node_modules/a.py", "vendor/a.py", "dist/a.py", "a.min.js", "a.d.ts", "a.h",
                                  "tests/fixtures/a.py", "a.txt"])
def test_what_is_generated_or_not_a_projects_own_is_skipped(path: str) -> None:
    files = corpus.files([source("a", "a", "train", "Python", "JavaScript", "TypeScript")],
                         lambda package: {path: invented(1, 40).encode()})
    assert list(files) == []


# -- Building ----------------------------------------------------------------

CONTENTS = {name: {f"{name}/{n}.py": invented(100 * i + n, 90) for n in range(6)} for i, name in enumerate("abcde")}
SOURCES = [source("a", "a", "train"), source("b", "b", "train"), source("c", "c", "validation"),
           source("d", "d", "test"), source("e", "e", "test")]


def test_a_built_set_has_no_project_on_two_sides_and_siblings_only_of_test_projects() -> None:
    built = build(CONTENTS, *SOURCES)
    sides: dict[str, set[str]] = {}
    for snippet in built:
        sides.setdefault(snippet.project, set()).add(snippet.side)
    assert sides == {"a": {"train"}, "b": {"train"}, "c": {"validation"},
                     "d": {"test", "sibling"}, "e": {"test", "sibling"}}
    files = [{s.file for s in built if s.side == side} for side in ("test", "sibling")]
    assert files[0] and files[1] and not files[0] & files[1]


def test_projects_take_turns_and_sizes_are_kept() -> None:
    contents = {**CONTENTS, "a": {**CONTENTS["a"], **{f"a/more{n}.py": invented(5000 + n, 90) for n in range(40)}}}
    built = [s for s in build(contents, *SOURCES) if s.side == "train"]
    for lines in corpus.LENGTHS:
        projects = [s.project for s in built if s.lines == lines]
        assert len(projects) == 30 and abs(projects.count("a") - projects.count("b")) <= (0 if lines < 20 else 30)


def test_the_same_again_whatever_the_order_of_packages_and_files() -> None:
    contents = {name: dict(reversed(files.items())) for name, files in CONTENTS.items()}
    assert corpus.digest(build(CONTENTS, *SOURCES)) == corpus.digest(build(contents, *reversed(SOURCES)))


def test_the_digest_sees_every_field() -> None:
    built = build(CONTENTS, *SOURCES)
    plain = corpus.digest(built)
    for field, other in (("text", "x"), ("language", "C"), ("lines", 2), ("project", "z"), ("side", "test"), ("file", "q")):
        changed = corpus.Snippet(**{**vars(built[-1]), field: other})
        assert corpus.digest([*built[:-1], changed]) != plain, field
    assert corpus.digest(built[::-1]) != plain


def test_one_line_in_two_languages_stays_as_a_riddle() -> None:
    line = "total = first + second"
    contents = {"a": {"a.py": line + "\n" + invented(1, 20)}, "b": {"b.rb": line + "\n" + invented(2, 20)}}
    built = build(contents, source("a", "a", "train"), source("b", "b", "train", "Ruby"))
    assert [s.language for s in built if s.text == line] == ["Python", "Ruby"]
