"""What WordPiece throws away, what a BERT classifier trains, and confidence against accuracy by snippet length."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_classifier as cc
import drawing as d
import snippets

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


def calibration_figure() -> str:
    rows = snippets.by_length(snippets.guesses("trigrams"))
    left, top, right, bottom = 46, 34, 300, 250
    x = d.linear_scale((0.8, 4.1), (left, right))
    y = d.linear_scale((0.3, 1.0), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(n, str(n)) for n in (1, 2, 3, 4)],
                    y_ticks=[(v / 100, f"{v} %") for v in range(40, 101, 20)],
                    x_label="lines in the snippet", y_label="share right, or mean confidence claimed")]
    for column, name, stroke, dash in ((3, "claimed, T = 1", "2", "3 4"), (4, "claimed, T fitted", "4", "8 4"),
                                       (2, "right", "1", None)):
        points = [(x(row[0]), y(row[column])) for row in rows]
        parts.append(d.polyline(points, stroke=stroke, stroke_width=2.5, dash=dash))
        parts += [d.circle(px, py, 4, fill=stroke) for px, py in points]
        parts.append(d.text(points[-1][0] + 12, points[-1][1] + 4.5, name, fill=stroke, weight=600))
    return d.svg(440, 292, *parts)


def figures() -> dict[str, str]:
    return {"wordpiece.svg": wordpiece_figure(), "classifier.svg": classifier_figure(),
            "calibration.svg": calibration_figure()}


if __name__ == "__main__":
    d.write(Path(__file__).resolve().parent, figures())
