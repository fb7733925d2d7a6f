"""What the figures show: the worked example's maps, lambda_init by depth, the paper's ablations, and our runs.

The first three are computed here or quoted; the others draw what experiment.py
has measured and results.json holds, and are left out while there is none.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d
import evidence

_FOLDER = Path(__file__).resolve().parent

TOKENS = ("<s>", "7421", "and", "code")
FIRST = ((1,), (3, 2), (5, 3, 2), (4, 10, 4, 2))
SECOND = ((1,), (4, 1), (7, 1, 2), (26, 5, 16, 3))
LAMBDA = 0.5

# Loss on the validation set, 1.4B parameters: arXiv 2410.05258v2, Table 6.
ABLATIONS = (
    ("Plain, 16 heads", 3.087, "muted"),
    ("Plain, 8 wide heads", 3.088, "muted"),
    ("Plain, 8 wide heads + norm", 3.086, "muted"),
    ("Differential", 3.062, "1"),
    ("Differential, initial λ 0.8", 3.065, "1"),
    ("Differential, initial λ 0.5", 3.066, "1"),
    ("Differential, no norm", 3.122, "2"),
)


def shares(rows: tuple[tuple[int, ...], ...]) -> list[list[float]]:
    return [[w / sum(row) for w in row] for row in rows]


def short(value: float) -> str:
    """0.45 -> ".45", -0.06 -> "−.06", 0 -> "0"; two decimals are exact here."""
    text = f"{abs(value):.2f}"
    return ("−" if value < -1e-9 else "") + (text[1:] if text.startswith("0") else text)


def grid(left: float, top: float, rows: list[list[float]], cell: float, title: str) -> str:
    parts = [d.text(left + 2 * cell, top - 28, title, anchor="middle", weight=600)]
    for i, token in enumerate(TOKENS):
        parts.append(d.text(left + (i + 0.5) * cell, top - 8, token, fill="muted", anchor="middle", mono=True))
        parts.append(d.text(left - 6, top + (i + 0.5) * cell + 4.5, token, fill="muted", anchor="end", mono=True))
    for i in range(4):
        for j in range(4):
            x, y = left + j * cell, top + i * cell
            if j > i:
                parts.append(d.rect(x + 1, y + 1, cell - 2, cell - 2, stroke="line", stroke_width=0.75, dash="2 3"))
                continue
            value = rows[i][j]
            hue = "2" if value < -1e-9 else "1"
            parts.append(d.rect(x + 1, y + 1, cell - 2, cell - 2, fill=hue, opacity=0.06 + 0.5 * abs(value),
                                stroke=hue if hue == "2" else "none", stroke_width=1.75))
            parts.append(d.text(x + cell / 2, y + cell / 2 + 5, short(value), anchor="middle", size=14))
    return "".join(parts)


def maps_figure() -> str:
    first, second = shares(FIRST), shares(SECOND)
    difference = [[a - LAMBDA * b for a, b in zip(*pair, strict=True)]
                  for pair in zip(first, second, strict=True)]
    cell, bottom = 40.0, 286.0
    sums = "".join(d.text(300, bottom + (i + 0.5) * cell + 5, short(sum(row)), size=14, weight=600)
                   for i, row in enumerate(difference))
    notes = (d.text(300, bottom - 8, "row sum", fill="muted")
             + d.text(346, bottom + 0.5 * cell + 5, "= 1 − λ,", fill="muted")
             + d.text(346, bottom + 1.5 * cell + 5, "whatever", fill="muted")
             + d.text(346, bottom + 2.5 * cell + 5, "the scores", fill="muted"))
    return d.svg(440, 452,
                 grid(48, 50, first, cell, "First map"),
                 grid(274, 50, second, cell, "Second map"),
                 grid(130, bottom, difference, cell, "First − 0.5 × second"), sums, notes)


def depth_figure() -> str:
    left, top, right, bottom = 40.0, 40.0, 424.0, 232.0
    x = d.linear_scale((1, 28), (left + 8, right - 8))
    y = d.linear_scale((0, 1), (bottom, top))
    layers = range(1, 29)
    paper = [(x(n), y(0.8 - 0.6 * math.exp(-0.3 * (n - 1)))) for n in layers]
    shifted = [(x(n), y(0.8 - 0.6 * math.exp(-0.3 * n))) for n in layers]
    return d.svg(440, 284,
                 d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                        x_ticks=[(n, str(n)) for n in (1, 4, 8, 12, 16, 20, 24, 28)],
                        y_ticks=[(t, f"{t:.1f}") for t in (0, 0.2, 0.4, 0.6, 0.8, 1.0)],
                        x_label="layer, counted from 1", y_label="initial λ"),
                 d.polyline(shifted, stroke="2", stroke_width=1.5, dash="4 4"),
                 d.polyline(paper, stroke="1", stroke_width=1.5),
                 *(d.circle(a, b, 3, fill="1") for a, b in paper),
                 d.text(x(4) + 8, y(0.46), "intended: starts at 0.2", fill="1"),
                 d.text(x(1) + 12, y(0.87), "off by one: starts at 0.36", fill="2"))


def ablation_figure() -> str:
    top, step, left, right = 44.0, 30.0, 206.0, 390.0
    x = d.linear_scale((3.05, 3.13), (left, right))
    bottom = top + step * len(ABLATIONS)
    parts = [d.text(left, 16, "validation loss (lower is better)")]
    for tick in (3.06, 3.08, 3.10, 3.12):
        parts.append(d.line(x(tick), top - 6, x(tick), bottom, stroke="line", stroke_width=0.75))
        parts.append(d.text(x(tick), top - 12, f"{tick:.2f}", fill="muted", anchor="middle"))
    parts.append(d.line(x(3.087), top - 6, x(3.087), bottom, stroke="muted", dash="3 3"))
    for i, (label, loss, hue) in enumerate(ABLATIONS):
        y = top + (i + 0.5) * step
        parts.append(d.text(0, y + 4.5, label))
        parts.append(d.line(x(3.087), y, x(loss), y, stroke=hue, stroke_width=2))
        parts.append(d.circle(x(loss), y, 5, fill=hue))
        right_side = loss >= 3.08
        parts.append(d.text(x(loss) + (10 if right_side else -10), y + 4.5, f"{loss:.3f}", fill=hue,
                            anchor="start" if right_side else "end"))
    return d.svg(440, bottom + 8, *parts)


KINDS = {"plain": ("Plain", "ink"), "plain-norm": ("Plain + norm", "3"), "v1": ("V1", "1"),
         "v1-no-norm": ("V1 without norm", "1"), "v1-zero": ("V1, λ = 0", "1"), "v1-half": ("V1, λ = 0.5", "1"),
         "v2": ("V2", "2")}


def learning_figure(results: dict[str, Any]) -> str:
    """Accuracy while training, a line a seed, a panel a kind; the median step at which 90% is reached."""
    steps, total = results["steps"]["value"], 0.0
    parts = []
    for place, kind in enumerate(("plain", "plain-norm", "v1", "v2")):
        left, top = 40 + 206.0 * (place % 2), 44 + 196.0 * (place // 2)
        right, bottom = left + 176, top + 124
        total = bottom
        x, y = d.linear_scale((0, steps), (left, right)), d.linear_scale((0, 1), (bottom, top))
        name, hue = KINDS[kind]
        for tick in (0, 0.5, 0.9):
            parts.append(d.line(left, y(tick), right, y(tick), stroke="line", stroke_width=0.75))
            if place % 2 == 0:
                parts.append(d.text(left - 6, y(tick) + 4.5, f"{tick:.0%}", fill="muted", anchor="end"))
        for tick in (0, 200, 400, 600):
            if tick <= steps:
                parts.append(d.text(x(tick), bottom + 18, str(tick), fill="muted", anchor="middle"))
        parts.append(d.line(left, bottom, right, bottom, stroke="muted"))
        parts.append(d.text(left, top - 14, name, fill=hue, weight=600))
        for curve in results[f"curve-{kind}"]["value"]:
            parts.append(d.polyline([(x(steps * i / (len(curve) - 1)), y(score)) for i, score in enumerate(curve)],
                                    stroke=hue, stroke_width=1.5))
        median = results[f"steps-{kind}"]["value"]
        if median <= steps:
            parts.append(d.line(x(median), top, x(median), bottom, stroke=hue, dash="3 3"))
        label = f"90% at {median:g}" if median <= steps else "90%: never"
        parts.append(d.text(right, top - 14, label, fill="muted", anchor="end"))
    parts.append(d.text(232, total + 38, "training steps", anchor="middle"))
    return d.svg(440, total + 44, *parts)


def dots(results: dict[str, Any], y: float, scale: Any, kind: str, column: int, factor: float) -> str:
    """A dot for each seed, a bar at their median."""
    values = sorted(factor * row[column] for row in results[f"seeds-{kind}"]["value"])
    middle = scale(values[len(values) // 2])
    hue = KINDS[kind][1]
    return (d.line(middle, y - 8, middle, y + 8, stroke=hue, stroke_width=3)
            + "".join(d.tag("circle", cx=scale(value), cy=y, r=4.5, fill=d.colour(hue), fill_opacity=0.55) for value in values))


def lengths_figure(results: dict[str, Any]) -> str:
    """Accuracy on contexts twice as long as those trained on, a dot a seed."""
    left, right, top, step = 134.0, 428.0, 48.0, 30.0
    bottom = top + step * len(KINDS)
    x = d.linear_scale((0, 100), (left, right))
    parts = [d.text(left, 16, "accuracy at twice the length, %")]
    for tick in (0, 20, 40, 60, 80, 100):
        parts.append(d.line(x(tick), top - 6, x(tick), bottom, stroke="line", stroke_width=0.75))
        parts.append(d.text(x(tick), top - 12, str(tick), fill="muted", anchor="middle"))
    for i, (kind, (name, hue)) in enumerate(KINDS.items()):
        y = top + (i + 0.5) * step
        parts.append(d.text(0, y + 4.5, name, fill=hue))
        parts.append(dots(results, y, x, kind, 3, 100))
    return d.svg(440, bottom + 8, *parts)


def noise_figure(results: dict[str, Any]) -> str:
    """Share of noise in the best head by two sums, a dot a seed."""
    kinds = ("plain", "plain-norm", "v1", "v1-no-norm", "v2")
    shown = [row[column] for kind in kinds for row in results[f"seeds-{kind}"]["value"] for column in (7, 9)]
    low, high = math.floor(min(shown) * 2) / 2, math.ceil(max(shown) * 2) / 2
    left, right, step = 134.0, 428.0, 28.0
    x = d.linear_scale((low, high), (left, right))
    ticks = [low + 0.5 * i for i in range(round((high - low) / 0.5) + 1)]
    if len(ticks) > 7:
        ticks = [tick for tick in ticks if tick % 1 == 0]
    parts, top = [], 52.0
    for title, column in (("by the signed sum", 7), ("by the sum of absolute values", 9)):
        bottom = top + step * len(kinds)
        parts.append(d.text(0, top - 32, "noise, " + title, weight=600))
        for tick in ticks:
            parts.append(d.line(x(tick), top - 4, x(tick), bottom, stroke="muted" if tick == 0 else "line",
                                stroke_width=0.75))
            parts.append(d.text(x(tick), top - 10, f"{tick:g}".replace("-", "−"), fill="muted", anchor="middle"))
        for i, kind in enumerate(kinds):
            y = top + (i + 0.5) * step
            parts.append(d.text(0, y + 4.5, KINDS[kind][0], fill=KINDS[kind][1]))
            parts.append(dots(results, y, x, kind, column, 1))
        top = bottom + 64
    return d.svg(440, top - 56, *parts)


def needle_figure(results: dict[str, Any]) -> str:
    """One example: the last layer's weights at its first question, a row a head."""
    ids, answer = results["example-ids"]["value"], results["example-answer"]["value"]
    count = len(results["example-plain"]["value"]) // 4
    cell, left = 16.0, 100.0
    kinds = {"plain": 4, "plain-norm": 4, "v1": 2}

    def token(i: int) -> str:
        return "kvf"[i // 24]

    parts, y = [], 18.0
    parts.append(d.text(left + (answer + 1) * cell, 14, "answer", anchor="end", weight=600))
    parts.append(d.text(left + (count - 0.5) * cell, 14, "?", anchor="middle", weight=600))
    for i in range(count):
        wanted = i in (answer, answer - 1, count - 1)
        parts.append(d.text(left + (i + 0.5) * cell, y + 14, token(ids[i]), mono=True, anchor="middle",
                            fill="ink" if wanted else "muted", weight=600 if wanted else None))
    y += 22
    for kind, heads in kinds.items():
        row = results[f"example-{kind}"]["value"]
        parts.append(d.text(0, y + 14, KINDS[kind][0], fill=KINDS[kind][1], weight=600))
        for head in range(heads):
            for i, weight in enumerate(row[head * count:(head + 1) * count]):
                hue = "1" if weight >= 0 else "2"
                parts.append(d.rect(left + i * cell + 0.5, y + 2.5, cell - 1, cell - 1, stroke="line",
                                    stroke_width=0.5))
                if abs(weight) >= 0.01:
                    parts.append(d.rect(left + i * cell + 0.5, y + 2.5, cell - 1, cell - 1, fill=hue,
                                        opacity=round(min(1.0, abs(weight)), 2)))
                if abs(weight) >= 0.03 and weight < 0:
                    parts.append(d.line(left + i * cell + 4, y + 2 + cell / 2, left + (i + 1) * cell - 4,
                                        y + 2 + cell / 2, stroke="ink", stroke_width=1.5))
            y += cell + 3
        y += 10
    parts.append(d.text(left, y + 10, "k key   v value   f filler   − negative", fill="muted"))
    return d.svg(440, y + 18, *parts)


def lambda_figure(results: dict[str, Any]) -> str:
    """V1's lambda while training, both layers, a line a seed."""
    steps = results["steps"]["value"]
    curves = {layer: results[f"lambda-curve-{layer}"]["value"] for layer in (1, 2)}
    flat = [value for curve in curves.values() for line in curve for value in line]
    low, high = math.floor(min(flat) * 2) / 2, math.ceil(max(flat) * 2) / 2
    left, top, right, bottom = 44.0, 40.0, 356.0, 240.0
    x, y = d.linear_scale((0, steps), (left, right)), d.linear_scale((low, high), (bottom, top))
    ticks = [low + 0.5 * i for i in range(round((high - low) / 0.5) + 1)]
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(tick, str(tick)) for tick in range(0, steps + 1, 200)],
                    y_ticks=[(tick, f"{tick:.1f}".replace("-", "−")) for tick in ticks],
                    x_label="training steps", y_label="λ")]
    for layer, hue in ((1, "2"), (2, "1")):
        for curve in curves[layer]:
            parts.append(d.polyline([(x(steps * i / (len(curve) - 1)), y(value)) for i, value in enumerate(curve)],
                                    stroke=hue, stroke_width=1.5, dash="5 3" if layer == 1 else None))
        ends = sorted(curve[-1] for curve in curves[layer])
        parts.append(d.text(right + 8, y(ends[len(ends) // 2]) + 5, f"layer {layer}", fill=hue, weight=600))
    return d.svg(440, 284, *parts)


def language_figure(results: dict[str, Any]) -> str:
    """Bits per byte less those of the plain run of the same seed, a dot a seed."""
    plain = results["bits-seeds-plain"]["value"]
    kinds = ("plain-norm", "v1", "v2")
    less = {kind: [1000 * (bits - base) for bits, base in zip(results[f"bits-seeds-{kind}"]["value"], plain, strict=True)]
            for kind in kinds}
    flat = [0.0, *(value for values in less.values() for value in values)]
    low, high = math.floor(min(flat) / 20) * 20, math.ceil(max(flat) / 20) * 20
    left, right, top, step = 134.0, 428.0, 50.0, 34.0
    bottom = top + step * len(kinds)
    x = d.linear_scale((low, high), (left, right))
    parts = [d.text(left, 16, "thousandths of a bit per byte, less plain")]
    stride = 20 if high - low <= 140 else 40
    for tick in range(math.ceil(low / stride) * stride, high + 1, stride):
        parts.append(d.line(x(tick), top - 6, x(tick), bottom, stroke="line" if tick else "ink", stroke_width=0.75))
        parts.append(d.text(x(tick), top - 12, str(tick).replace("-", "−"), fill="muted", anchor="middle"))
    for i, kind in enumerate(kinds):
        y, hue = top + (i + 0.5) * step, KINDS[kind][1]
        parts.append(d.text(0, y + 4.5, KINDS[kind][0], fill=hue))
        values = sorted(less[kind])
        middle = x((values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2)
        parts.append(d.line(middle, y - 10, middle, y + 10, stroke=hue, stroke_width=3))
        parts += [d.tag("circle", cx=x(value), cy=y, r=4.5, fill=d.colour(hue), fill_opacity=0.55) for value in values]
    return d.svg(440, bottom + 8, *parts)


def figures() -> dict[str, str]:
    drawn = {"maps.svg": maps_figure(), "depth.svg": depth_figure(), "ablations.svg": ablation_figure()}
    if (_FOLDER / "results.json").exists():
        results = evidence.load(_FOLDER / "results.json")
        drawn |= {"learning.svg": learning_figure(results), "lengths.svg": lengths_figure(results),
                  "noise.svg": noise_figure(results), "needle.svg": needle_figure(results),
                  "lambda.svg": lambda_figure(results), "language.svg": language_figure(results)}
    return drawn


if __name__ == "__main__":
    d.write(_FOLDER, figures())
