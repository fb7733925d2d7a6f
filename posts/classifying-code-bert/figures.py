"""What WordPiece throws away, what a BERT classifier trains; accuracy by length, confusions and calibration as measured."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_classifier as cc
import drawing as d
import evidence

FOLDER = Path(__file__).resolve().parent

STRICT = "if Failed:\n    stop()\n    save()"
LOOSE = "if failed:\n    stop()\nsave()"
VOCABULARY = {"if", "fail", "##ed", "stop", "save", ":", "(", ")"}
MONO_WIDTH = 7.9  # one monospace character at 13 units, as drawn


def _program(x: float, title: str, code: str) -> str:
    """A boxed program whose lost parts are marked: capitals, leading spaces, line ends."""
    parts = [d.text(x, 18, title, weight=600), d.rect(x + 1, 28, 203, 84, stroke="line", radius=6)]
    for row, line in enumerate(code.split("\n")):
        y = 53 + 24 * row
        indent = len(line) - len(line.lstrip())
        if indent:
            parts.append(d.rect(x + 12, y - 13, indent * MONO_WIDTH, 17, fill="2-soft"))
        for column, char in enumerate(line):
            if char.isupper():
                parts.append(d.rect(x + 11.5 + column * MONO_WIDTH, y - 13, MONO_WIDTH + 1, 17, fill="2-soft"))
            if char != " ":
                parts.append(d.text(x + 12 + column * MONO_WIDTH, y, char, mono=True))
        end = x + 12 + len(line) * MONO_WIDTH
        if row < code.count("\n"):
            parts.append(d.rect(end + 3, y - 13, 15, 17, fill="2-soft"))
            parts.append(d.text(end + 10.5, y, "↵", anchor="middle"))
    return "".join(parts)


def wordpiece_figure() -> str:
    tokens = cc.bert_tokens(STRICT, VOCABULARY)
    if tokens != cc.bert_tokens(LOOSE, VOCABULARY):
        raise AssertionError("the figure's claim is that both programs give the same tokens")
    parts = [_program(0, "saves only after a failure", STRICT), _program(235, "saves always", LOOSE),
             d.arrow(102, 118, 102, 154), d.arrow(337, 118, 337, 154),
             d.text(220, 141, "lower-case, split, cut", fill="muted", anchor="middle")]
    x, y = 1.0, 162.0
    for token in tokens:
        width = len(token) * MONO_WIDTH + 10
        if x + width > 440:
            x, y = 1.0, y + 38
        special = token.startswith("[")
        parts.append(d.rect(x, y, width, 29, fill="4-soft" if special else "1-soft", radius=5))
        parts.append(d.text(x + width / 2, y + 19.5, token, mono=True, anchor="middle"))
        x += width + 4
    parts += [d.rect(0, y + 48, 15, 15, fill="2-soft"),
              d.text(23, y + 60.5, "lost on the way: line ends, indentation, the capital", fill="muted")]
    return d.svg(440, y + 72, *parts)


EMBEDDINGS = (30522 + 512 + 2) * 768 + 2 * 768
LAYER = 4 * (768 * 768 + 768) + (768 * 3072 + 3072) + (3072 * 768 + 768) + 4 * 768
POOLER = 768 * 768 + 768
HEAD = 768 * 15 + 15


def classifier_figure() -> str:
    """Bottom to top: pieces, embeddings, twelve layers, [CLS] vector, head; at the right what each part weighs."""
    def millions(count: int) -> str:
        return f"{count / 1e6:.1f} M"

    parts = [d.text(0, 16, "part", fill="muted"), d.text(440, 16, "parameters", fill="muted", anchor="end")]
    rows = [
        (30, 30, "softmax over 15 languages", "", "paper", "line"),
        (84, 34, "head: W, b", f"{HEAD:,}", "2-soft", "2"),
        (142, 34, "pooler", millions(POOLER), "2-soft", "2"),
        (200, 46, "last 3 layers", millions(3 * LAYER), "2-soft", "2"),
        (258, 84, "first 9 layers", millions(9 * LAYER), "1-soft", "1"),
        (354, 34, "embeddings", millions(EMBEDDINGS), "1-soft", "1"),
    ]
    for y, height, name, weight, fill, stroke in rows:
        parts.append(d.rect(1, y, 298, height, fill=fill, stroke=stroke, radius=6))
        parts.append(d.text(150, y + height / 2 + 4.5, name, anchor="middle"))
        parts.append(d.text(440, y + height / 2 + 4.5, weight, anchor="end"))
    parts += [d.arrow(27, 84, 27, 62), d.text(42, 78, "15 scores z", fill="muted"),
              d.arrow(27, 142, 27, 120), d.text(42, 136, "768 numbers h, from [CLS] alone", fill="muted"),
              d.arrow(27, 200, 27, 178),
              d.line(0, 252, 440, 252, stroke="muted", dash="5 4"),
              d.text(440, 270, "frozen", fill="1", anchor="end", weight=600),
              d.text(440, 194, "trained", fill="2", anchor="end", weight=600)]
    for token, x in (("[CLS]", 0), ("if", 66), ("fail", 105), ("##ed", 160), (":", 215), ("…", 246)):
        width = len(token) * MONO_WIDTH + 14
        special = token.startswith("[")
        parts.append(d.rect(x, 418, width, 29, fill="4-soft" if special else "1-soft", radius=5))
        parts.append(d.text(x + width / 2, 437.5, token, mono=True, anchor="middle"))
        if token != "…":
            parts.append(d.arrow(x + width / 2, 416, x + width / 2, 391))
    return d.svg(440, 452, *parts)


LINES = (1, 3, 5, 10, 20)


def lengths_figure(results: dict[str, Any]) -> str:
    """Accuracy by length: the best of each kind, with the intervals of two."""
    left, top, right, bottom = 46, 34, 292, 330
    x = d.log_scale((0.9, 21), (left, right))
    y = d.linear_scale((0.0, 1.0), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y, x_ticks=[(n, str(n)) for n in LINES],
                    y_ticks=[(v / 100, f"{v} %") for v in range(0, 101, 20)],
                    x_label="lines in the snippet", y_label="share right, on projects never seen")]
    shown = [("layout-240", "MiniLM, 1,200", "2", None), ("page", "the page's model", "1", None),
             ("untrained", "untrained, 300", "4", "3 4"), ("magika-ours", "Magika", "3", "8 4"),
             ("guesslang-ours", "guesslang", "3", "3 4"), ("highlight-ours", "highlight.js", "muted", "8 4"),
             ("flourite-ours", "flourite", "muted", "3 4"), ("pygments-ours", "Pygments", "muted", "1 4")]
    labels = []
    for key, name, stroke, dash in shown:
        values = results[f"{key}-accuracy"]["value"][1:6]
        points = [(x(n), y(v)) for n, v in zip(LINES, values, strict=True)]
        if key == "page":
            low, high = zip(*results["page-interval"]["value"][1:6], strict=True)
            parts.insert(0, d.polygon([*((x(n), y(v)) for n, v in zip(LINES, low, strict=True)),
                                       *((x(n), y(v)) for n, v in reversed(list(zip(LINES, high, strict=True))))]))
        parts.append(d.polyline(points, stroke=stroke, stroke_width=2.5 if dash is None else 2, dash=dash))
        parts += [d.circle(px, py, 3.5, fill=stroke) for px, py in points]
        labels.append([points[-1][1] + 4.5, name, stroke])
    labels.sort()
    for above, below in pairwise(labels):   # room for a line of text each
        below[0] = max(below[0], above[0] + 17)
    parts += [d.text(right + 10, place, name, fill=stroke, weight=600) for place, name, stroke in labels]
    return d.svg(440, 372, *parts)


def confusion_figure(results: dict[str, Any]) -> str:
    """The page's model: rows are true, columns answered."""
    matrix, names = results["page-confusion"]["value"], results["languages"]["value"]
    cell, left, top = 22.0, 88.0, 96.0
    parts = [d.text(left + 7.5 * cell, 14, "answered", fill="muted", anchor="middle"),
             d.text(0, 14, "true", fill="muted")]
    for i, (name, row) in enumerate(zip(names, matrix, strict=True)):
        total = sum(row)
        parts.append(d.text(left - 6, top + (i + 0.5) * cell + 4.5, name, anchor="end"))
        parts.append(d.text(left + (i + 0.5) * cell + 4.5, top - 6, name, rotate=-90))
        for j, n in enumerate(row):
            place = (left + j * cell, top + i * cell)
            parts.append(d.rect(*place, cell, cell, stroke="line", stroke_width=0.5))
            if n:
                parts.append(d.rect(*place, cell, cell, fill="1" if i == j else "2",
                                    opacity=min(1.0, n / total if i == j else 3.0 * n / total) * 0.45))
                if i == j or n >= 4:
                    parts.append(d.text(place[0] + cell / 2, place[1] + cell / 2 + 4.5, str(n), anchor="middle",
                                        size=13 if n < 100 else 12))
    return d.svg(440, top + 15 * cell + 4, *parts)


def reliability_figure(results: dict[str, Any]) -> str:
    """Claimed against right, as trained and with temperatures."""
    parts = []
    for column, (key, title) in enumerate((("bayes", "naive Bayes"), ("layout-240", "MiniLM, 1,200"))):
        left, right, top, bottom = 48 + 214 * column, 200 + 214 * column, 52, 214
        x, y = d.linear_scale((0, 1), (left, right)), d.linear_scale((0, 1), (bottom, top))
        ticks = [(v / 100, f"{v} %") for v in (0, 50, 100)]
        parts += [d.axes(left, top, right, bottom, x_scale=x, y_scale=y, x_ticks=ticks,
                         y_ticks=ticks if column == 0 else [(v, "") for v, _ in ticks],
                         x_label="claimed", y_label="right" if column == 0 else ""),
                  d.text((left + right) / 2, 16, title, anchor="middle", weight=600),
                  d.line(x(0), y(0), x(1), y(1), stroke="muted", dash="2 4")]
        for suffix, stroke, dash in (("-before", "2", "6 4"), ("", "1", None)):
            points = [(x(p), y(share)) for p, share, n in results[f"{key}-reliability{suffix}"]["value"] if n >= 15]
            parts.append(d.polyline(points, stroke=stroke, dash=dash))
            parts += [d.circle(px, py, 3.5, fill=stroke) for px, py in points]
    parts += [d.line(60, 276, 90, 276, stroke="2", stroke_width=2, dash="6 4"), d.text(98, 280.5, "as trained", fill="2"),
              d.line(220, 276, 250, 276, stroke="1", stroke_width=2),
              d.text(258, 280.5, "with temperatures", fill="1")]
    return d.svg(440, 290, *parts)


def figures() -> dict[str, str]:
    found = {"wordpiece.svg": wordpiece_figure(), "classifier.svg": classifier_figure()}
    if (FOLDER / "results.json").exists():
        results = evidence.load(FOLDER / "results.json")
        found |= {"lengths.svg": lengths_figure(results), "confusion.svg": confusion_figure(results),
                  "reliability.svg": reliability_figure(results)}
    return found


if __name__ == "__main__":
    d.write(FOLDER, figures())
