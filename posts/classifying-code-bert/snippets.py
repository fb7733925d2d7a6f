"""Twelve one-line tasks in eight languages, and what naive Bayes makes of them.

The lines are written for this article, so nothing here is a benchmark: 96 lines
by one hand. A task is the group that must not be split.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_classifier as cc

LINES: dict[str, list[str]] = {
    "Python": [
        'print("hello")',
        "total = 0",
        "names = []",
        "def add(a, b): return a + b",
        "for i in range(n): total += i",
        'if x is None: raise ValueError("empty")',
        "while queue: queue.pop()",
        "import math",
        'ages = {"ann": 31}',
        "class Point: pass",
        "big = [v for v in values if v > 10]",
        "return not done and size == 0",
    ],
    "JavaScript": [
        'console.log("hello");',
        "let total = 0;",
        "const names = [];",
        "function add(a, b) { return a + b; }",
        "for (let i = 0; i < n; i++) total += i;",
        'if (x === null) throw new Error("empty");',
        "while (queue.length) queue.pop();",
        'import fs from "fs";',
        "const ages = { ann: 31 };",
        "class Point {}",
        "const big = values.filter(v => v > 10);",
        "return !done && size === 0;",
    ],
    "TypeScript": [
        'console.log("hello");',
        "let total: number = 0;",
        "const names: string[] = [];",
        "function add(a: number, b: number): number { return a + b; }",
        "for (let i = 0; i < n; i++) total += i;",
        'if (x === undefined) throw new Error("empty");',
        "while (queue.length > 0) queue.pop();",
        'import { readFile } from "fs";',
        "const ages: Record<string, number> = { ann: 31 };",
        "class Point { x?: number }",
        "const big = values.filter((v: number) => v > 10);",
        "return !done && size === 0;",
    ],
    "Java": [
        'System.out.println("hello");',
        "int total = 0;",
        "List<String> names = new ArrayList<>();",
        "static int add(int a, int b) { return a + b; }",
        "for (int i = 0; i < n; i++) total += i;",
        'if (x == null) throw new IllegalArgumentException("empty");',
        "while (!queue.isEmpty()) queue.poll();",
        "import java.util.List;",
        'Map<String, Integer> ages = Map.of("ann", 31);',
        "public final class Point {}",
        "var big = values.stream().filter(v -> v > 10).toList();",
        "return !done && size == 0;",
    ],
    "C": [
        'printf("hello\\n");',
        "int total = 0;",
        "char *names[8] = {0};",
        "static int add(int a, int b) { return a + b; }",
        "for (int i = 0; i < n; i++) total += i;",
        'if (x == NULL) { perror("empty"); exit(1); }',
        "while (queue->head) pop(queue);",
        "#include <math.h>",
        'struct age ages[] = {{"ann", 31}};',
        "typedef struct point { int x, y; } point;",
        "if (values[i] > 10) big[count++] = values[i];",
        "return !done && size == 0;",
    ],
    "C++": [
        'std::cout << "hello\\n";',
        "int total = 0;",
        "std::vector<std::string> names;",
        "int add(int a, int b) { return a + b; }",
        "for (int i = 0; i < n; ++i) total += i;",
        'if (!x) throw std::invalid_argument("empty");',
        "while (!queue.empty()) queue.pop();",
        "#include <cmath>",
        'std::map<std::string, int> ages{{"ann", 31}};',
        "class Point { public: int x, y; };",
        "auto big = std::count_if(v.begin(), v.end(), over_ten);",
        "return !done && size == 0;",
    ],
    "C#": [
        'Console.WriteLine("hello");',
        "int total = 0;",
        "var names = new List<string>();",
        "static int Add(int a, int b) => a + b;",
        "for (int i = 0; i < n; i++) total += i;",
        'if (x is null) throw new ArgumentException("empty");',
        "while (queue.Count > 0) queue.Dequeue();",
        "using System.Collections.Generic;",
        'var ages = new Dictionary<string, int> { ["ann"] = 31 };',
        "public sealed class Point { }",
        "var big = values.Where(v => v > 10).ToList();",
        "return !done && size == 0;",
    ],
    "Go": [
        'fmt.Println("hello")',
        "total := 0",
        "var names []string",
        "func add(a, b int) int { return a + b }",
        "for i := 0; i < n; i++ { total += i }",
        'if x == nil { return errors.New("empty") }',
        "for len(queue) > 0 { queue = queue[1:] }",
        'import "math"',
        'ages := map[string]int{"ann": 31}',
        "type Point struct{ X, Y int }",
        "for _, v := range values { if v > 10 { big = append(big, v) } }",
        "return !done && size == 0",
    ],
}
TASKS = 12
FOLDS = [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
FEATURES: dict[str, cc.Features] = {"tokens": cc.code_tokens, "trigrams": partial(cc.character_ngrams, size=3)}


@dataclass(frozen=True)
class Guess:
    """One held-out snippet: true language, lines in it, log scores, and its fold's temperature."""

    truth: str
    lines: int
    scores: dict[str, float]
    temperature: float


def _fit(tasks: list[int], features: cc.Features) -> cc.NaiveBayes:
    pairs = [(language, lines[t]) for language, lines in LINES.items() for t in tasks]
    return cc.NaiveBayes.fit([line for _, line in pairs], [language for language, _ in pairs], features)


def _snippets(tasks: list[int], length: int) -> Iterator[tuple[str, str]]:
    for language, lines in LINES.items():
        for chosen in combinations(tasks, length):
            yield language, "\n".join(lines[t] for t in chosen)


def guesses(kind: str = "tokens") -> list[Guess]:
    """Each fold's four tasks, as snippets of one to four lines, scored by a model of the other eight.

    The temperature of a fold is fitted inside its eight training tasks: a model of
    one training fold scores the one-line snippets of the other, both ways round.
    """
    features, found = FEATURES[kind], []
    for fold, test in enumerate(FOLDS):
        first, second = [tasks for other, tasks in enumerate(FOLDS) if other != fold]
        rows, truth = [], []
        for learn, check in ((first, second), (second, first)):
            inner = _fit(learn, features)
            for language, text in _snippets(check, 1):
                rows.append(inner.scores(text))
                truth.append(language)
        temperature = cc.fit_temperature(rows, truth)
        model = _fit(first + second, features)
        found += [Guess(language, length, model.scores(text), temperature)
                  for length in (1, 2, 3, 4) for language, text in _snippets(test, length)]
    return found


def by_length(found: list[Guess]) -> list[tuple[int, int, float, float, float]]:
    """For each length: snippets, accuracy, mean confidence at T = 1, and at the fitted T."""
    rows = []
    for length in (1, 2, 3, 4):
        group = [g for g in found if g.lines == length]
        right = sum(cc.best(g.scores) == g.truth for g in group)
        raw = sum(max(cc.softmax(g.scores).values()) for g in group)
        cool = sum(max(cc.softmax(g.scores, g.temperature).values()) for g in group)
        rows.append((length, len(group), right / len(group), raw / len(group), cool / len(group)))
    return rows


def coverage_curve(found: list[Guess]) -> list[tuple[float, float]]:
    """(share answered, accuracy of the answers), surest first; equal confidences enter together."""
    ranked = sorted(((max(cc.softmax(g.scores, g.temperature).values()), cc.best(g.scores) == g.truth)
                     for g in found), key=lambda pair: -pair[0])
    curve, right = [], 0
    for index, (confidence, correct) in enumerate(ranked, 1):
        right += correct
        if index == len(ranked) or ranked[index][0] < confidence - 1e-12:
            curve.append((index / len(ranked), right / index))
    return curve
