"""What programs that people use call a snippet: Pygments, Magika, guesslang's model, highlight.js, flourite."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import corpus
import packages

GUESSLANG = packages.Package(
    "npm", "@vscode/vscode-languagedetection", "1.0.23",
    "23a55877f5cf56083d5034e15a56ea7fc8a5ba9c1f287fe631e21842ed916e2e", "MIT (Microsoft), guesslang's model: MIT")
HIGHLIGHT = packages.Package("npm", "highlight.js", "11.12.0",
                             "accbfaaab745088609b4eea2bdca2ad62f1f1dd27304e0f8df65cfe0fe042143", "BSD-3-Clause")
FLOURITE = packages.Package("npm", "flourite", "1.3.0",
                            "a9279ac557dc2b41673c98099c9152fbbc393f3655498ec3280317660e57361a", "MIT")

_LOWER = {language.lower(): language for language in corpus.LANGUAGES if language not in ("C++", "C#")}
LABELS: dict[str, dict[str, str]] = {  # each tool's names for our languages; any other answer is none of ours
    "magika": {**_LOWER, "cpp": "C++", "cs": "C#"},
    "guesslang": {"c": "C", "cpp": "C++", "cs": "C#", "go": "Go", "java": "Java", "js": "JavaScript",
                  "kt": "Kotlin", "lua": "Lua", "php": "PHP", "pm": "Perl", "py": "Python", "rb": "Ruby",
                  "rs": "Rust", "swift": "Swift", "ts": "TypeScript"},
    "highlight": {**_LOWER, "cpp": "C++", "csharp": "C#"},
    "flourite": {**{language: language for language in corpus.LANGUAGES},
                 "Javascript": "JavaScript", "Typescript": "TypeScript"},
    "pygments": {**{language: language for language in corpus.LANGUAGES}, "Perl6": "Perl"},
}
del LABELS["pygments"]["Perl6"]


def folder(package: packages.Package) -> Path:
    """The package unpacked in the cache."""
    target = packages.folder() / f"{package.name.rpartition('/')[2]}-{package.version}"
    if not target.exists():
        partial = target.with_suffix(".partial")
        for path, content in packages.members(package).items():
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            (partial / path).write_bytes(content)
        partial.replace(target)
    return target


def in_node(texts: list[str]) -> list[dict[str, Any]]:
    """For each text and tool: its answer, its best among our languages, CPU milliseconds."""
    command = ["node", str(Path(__file__).with_name("tools.mjs")),
               *map(str, map(folder, (GUESSLANG, HIGHLIGHT, FLOURITE))), json.dumps(LABELS)]
    found = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in found.splitlines()]


def pygments_answers(texts: list[str]) -> list[list[Any]]:
    from pygments.lexers import get_lexer_by_name, guess_lexer
    names = {"C++": "cpp", "C#": "csharp"}
    ours = {language: get_lexer_by_name(names.get(language, language.lower())) for language in corpus.LANGUAGES}
    found = []
    for text in texts:
        start = time.process_time()
        label = guess_lexer(text).name
        spent = time.process_time() - start
        scores = {language: lexer.analyse_text(text) for language, lexer in ours.items()}
        best = max(scores, key=lambda language: scores[language])
        found.append([label, best if scores[best] > 0 else "", 1000 * spent])
    return found


def magika_answers(texts: list[str]) -> list[list[Any]]:
    """Its answer (a general one, such as txt, when it is unsure), the best of our labels by its model, ms."""
    from magika import Magika
    from magika.types import Seekable
    tool = Magika()
    labels = tool._target_labels_space
    ours = [number for number, label in enumerate(labels) if str(label) in LABELS["magika"]]
    found = []
    for text in texts:
        content = text.encode()
        start = time.process_time()
        label = str(tool.identify_bytes(content).output.label)
        spent = time.process_time() - start
        _result, features = tool._get_result_or_features_from_seekable(Seekable(BytesIO(content)))
        best = ""
        if features is not None:
            scores = tool._get_raw_predictions([(Path("-"), features)])[0]
            best = str(labels[max(ours, key=lambda number: scores[number])])
        found.append([label, best, 1000 * spent])
    return found


def answers(texts: list[str]) -> dict[str, list[list[Any]]]:
    """By tool: for each text our language or "" for its free answer, the same for its best among ours, CPU ms."""
    node = in_node(texts)
    raw = {"pygments": pygments_answers(texts), "magika": magika_answers(texts),
           **{name: [row[name] for row in node] for name in ("guesslang", "highlight", "flourite")}}
    return {name: [[LABELS[name].get(free, ""), LABELS[name].get(best, ""), ms] for free, best, ms in rows]
            for name, rows in raw.items()}
