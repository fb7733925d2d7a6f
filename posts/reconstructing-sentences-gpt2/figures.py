"""Cost of ordering a bag, the worked example's beam, and what experiment.py has measured."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d
import evidence

# The toy bigram model of the article: P(next word | word).
TABLE = {
    "<s>": {"dogs": 0.4, "old": 0.3, "cats": 0.2, "chase": 0.1},
    "dogs": {"chase": 0.6, "</s>": 0.3, "old": 0.1},
    "old": {"dogs": 0.5, "cats": 0.4, "chase": 0.1},
    "chase": {"cats": 0.5, "old": 0.3, "dogs": 0.2},
    "cats": {"</s>": 0.6, "chase": 0.3, "old": 0.1},
}
BAG = ("old", "dogs", "chase", "cats")

# Of each line: results, label, colour, dash.
Line = tuple[str, str, str, str | None]


def cost_figure() -> str:
    left, top, right, bottom = 46, 40, 420, 300
    x = d.linear_scale((2, 20), (left, right))
    y = d.log_scale((1, 1e19), (bottom, top))
    sizes = range(2, 21)
    curves = [
        ("2", [math.factorial(n) for n in sizes]),
        ("4", [n * n * 2 ** n for n in sizes]),
        ("1", [64 * n * (n + 1) // 2 for n in sizes]),
    ]
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(n, str(n)) for n in (2, 5, 10, 15, 20)],
                    y_ticks=[(1, "1"), (1e3, "10³"), (1e6, "10⁶"), (1e9, "10⁹"), (1e12, "10¹²"),
                             (1e15, "10¹⁵"), (1e18, "10¹⁸")],
                    x_label="words in the bag, all different", y_label="count, logarithmic")]
    for colour, values in curves:
        parts.append(d.polyline([(x(n), y(v)) for n, v in zip(sizes, values)], stroke=colour, stroke_width=2.5))
    parts += [
        d.text(x(14.6), y(1.5e13), "orders, n!", fill="2", anchor="end", weight=600),
        d.text(x(20), y(3e9), "exact search, n² 2ⁿ", fill="4", anchor="end", weight=600),
        d.text(x(20), y(130), "beam of 64: words scored", fill="1", anchor="end", weight=600),
    ]
    return d.svg(440, 345, *parts)


def beam_steps(width: int) -> list[list[tuple[float, tuple[str, ...], bool]]]:
    """Per step, every grown hypothesis: probability, words, whether it is kept."""
    beam, steps = [(1.0, ())], []
    for _ in BAG:
        grown = sorted(((p * TABLE[(words or ("<s>",))[-1]].get(word, 0.0), (*words, word))
                        for p, words in beam for word in BAG if word not in words), key=lambda h: (-h[0], h[1]))
        steps.append([(p, words, i < width) for i, (p, words) in enumerate(grown)])
        beam = grown[:width]
    return steps


def tree_figure() -> str:
    steps = beam_steps(2)
    columns, box_w, box_h, gap = [2, 112, 222, 332], 88, 26, 9
    top, height = 58, 0
    places: dict[tuple[str, ...], tuple[float, float]] = {}
    nodes, edges = [], []
    for column, (left, step) in enumerate(zip(columns, steps)):
        # in the order of their parents, so that no edges cross
        if column == 0:
            ordered = sorted(step, key=lambda h: BAG.index(h[1][0]))
        else:
            ordered = sorted(step, key=lambda h: (places[h[1][:-1]][1], h[1]))
        pitch = box_h + (gap, gap, gap, 34)[column]
        start = top + (104 - (len(ordered) * pitch) / 2)
        for row, (p, words, kept) in enumerate(ordered):
            y = start + row * pitch
            places[words] = (left, y)
            height = max(height, y + box_h)
            fill = "1-soft" if kept else "none"
            nodes.append(d.rect(left, y, box_w, box_h, fill=fill, stroke="1" if kept else "line",
                                stroke_width=1.75 if kept else 1, radius=5, dash=None if kept else "4 3"))
            tone = "ink" if kept else "muted"
            nodes.append(d.text(left + 5, y + 17.5, words[-1], fill=tone, weight=600 if kept else None))
            nodes.append(d.text(left + box_w - 5, y + 17.5, f"{p:.4f}".rstrip("0").rstrip(".") or "0",
                                fill=tone, anchor="end"))
            if column:
                px, py = places[words[:-1]]
                edges.append(d.line(px + box_w, py + box_h / 2, left, y + box_h / 2,
                                    stroke="1" if kept else "line", stroke_width=2 if kept else 1))
    heads = [d.text(left + box_w / 2, 22, f"word {i + 1}", anchor="middle", weight=600)
             for i, left in enumerate(columns)]
    sizes = [d.text(left + box_w / 2, 40, f"{len(step)} grown", fill="muted", anchor="middle")
             for left, step in zip(columns, steps)]
    ends = []
    for p, words, _ in steps[-1]:
        x, y = places[words]
        final = p * TABLE[words[-1]].get("</s>", 0.0)
        shown = f"{final:.3f}" if final else "0"
        ends.append(d.text(x + box_w / 2, y + box_h + 16, f"ends: {shown}",
                           fill="1" if final else "2", anchor="middle", weight=600))
    return d.svg(422, height + 6, *heads, *sizes, *edges, *nodes, *ends)


def legend(lines: list[Line], top: float, columns: int = 2) -> str:
    parts = []
    for place, (_, label, colour, dash) in enumerate(lines):
        x, y = 4 + 218 * (place % columns), top + 20 * (place // columns)
        parts.append(d.line(x, y - 4.5, x + 24, y - 4.5, stroke=colour, stroke_width=2.5, dash=dash))
        parts.append(d.text(x + 30, y, label))
    return "".join(parts)


def lengths_figure(results: dict[str, Any]) -> str:
    """Exact match by the number of words; whiskers are the lowest and highest of three seeds."""
    lines: list[Line] = [("tuned-beam", "fine-tuned, sees the bag", "1", None), ("untuned-beam", "untuned, no bag", "2", None),
                         ("ngram-beam", "trigram", "3", "6 4"), ("scratch-beam", "from scratch, sees the bag", "4", "2 4")]
    left, top, right, bottom = 48, 92, 430, 320
    x, y = d.linear_scale((-0.35, 3.35), (left, right)), d.linear_scale((0, 100), (bottom, top))
    parts = [legend(lines, 18), d.axes(
        left, top, right, bottom, x_scale=x, y_scale=y, y_ticks=[(v, f"{v}%") for v in (0, 25, 50, 75, 100)],
        x_ticks=[(i, label) for i, label in enumerate(("5-6", "7-8", "9-10", "11-12"))],
        x_label="words in the sentence", y_label="recorded order found")]
    for place, (key, _, colour, dash) in enumerate(lines):
        result = results[f"{key}-by-length"]
        shift = 0.05 * (place - 1.5)
        low, high = result["spread"]
        for i in range(4):
            parts.append(d.line(x(i + shift), y(low[i]), x(i + shift), y(high[i]), stroke=colour, stroke_width=1.5))
        parts.append(d.polyline([(x(i + shift), y(v)) for i, v in enumerate(result["value"])], stroke=colour,
                                stroke_width=2.5, dash=dash))
        parts += [d.circle(x(i + shift), y(v), 3.5, fill=colour) for i, v in enumerate(result["value"])]
    return d.svg(440, bottom + 45, *parts)


def widths_figure(results: dict[str, Any]) -> str:
    """BLEU by beam width, and by the time that it takes."""
    lines: list[Line] = [("tuned-by-width", "fine-tuned, sees the bag", "1", None), ("untuned-by-width", "untuned, no bag", "2", None),
                         ("ngram-by-width", "trigram", "3", "6 4"), ("ngram-plain-by-width", "trigram, no outlook", "4", "2 4")]
    left, top, right, bottom = 32, 92, 430, 290
    x, y = d.log_scale((1, 64), (left + 8, right - 8)), d.linear_scale((0, 70), (bottom, top))
    ticks = [(v, str(v)) for v in (0, 20, 40, 60)]
    parts = [legend(lines, 18), d.axes(left, top, right, bottom, x_scale=x, y_scale=y, y_ticks=ticks,
                                       x_ticks=[(w, str(w)) for w in (1, 2, 4, 8, 16, 32, 64)],
                                       x_label="beam width", y_label="BLEU")]
    for key, _, colour, dash in lines:
        points = [(x(point[0]), y(point[2])) for point in results[key]["value"]]
        parts.append(d.polyline(points, stroke=colour, stroke_width=2.5, dash=dash))
        parts += [d.circle(*point, 3, fill=colour) for point in points]
    top, bottom = 384, 540
    x, y = d.log_scale((1, 3000), (left + 8, right - 8)), d.linear_scale((0, 70), (bottom, top))
    parts.append(d.axes(left, top, right, bottom, x_scale=x, y_scale=y, y_ticks=ticks,
                        x_ticks=[(v, f"{v:,}") for v in (1, 10, 100, 1000)],
                        x_label="CPU milliseconds a sentence", y_label="BLEU"))
    for key, _, colour, dash in lines[:2]:
        points = [(x(point[3]), y(point[2])) for point in results[key]["value"]]
        parts.append(d.polyline(points, stroke=colour, stroke_width=2.5, dash=dash))
        parts += [d.circle(*point, 3, fill=colour) for point in points]
    ngram = x(results["ngram-beam-ms"]["value"]), y(results["ngram-beam-bleu"]["value"])
    parts += [d.circle(*ngram, 3.5, fill="3"), d.text(ngram[0], ngram[1] - 10, "beam 64", anchor="middle", fill="3")]
    return d.svg(440, bottom + 45, *parts)


def curves_figure(results: dict[str, Any]) -> str:
    """Validation loss against the sentences seen, in nats a word, so that models of different tokens compare."""
    lines: list[Line] = [("tuned", "fine-tuned, sees the bag", "1", None), ("tuned-blind", "fine-tuned, no bag", "2", None),
                         ("scratch", "from scratch, sees the bag", "1", "6 4"), ("scratch-blind", "from scratch, no bag", "2", "6 4")]
    lines = [line for line in lines if f"{line[0]}-curve" in results]
    batch = {"tuned": 16, "scratch": 32}
    left, top, right, bottom = 30, 92, 430, 330
    x, y = d.log_scale((300, 40000), (left + 8, right - 8)), d.linear_scale((0, 10), (bottom, top))
    parts = [legend(lines, 18), d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                                       y_ticks=[(v, str(v)) for v in (0, 2, 4, 6, 8, 10)],
                                       x_ticks=[(v, f"{v:,}") for v in (300, 1000, 3000, 10000, 30000)],
                                       x_label="sentences seen, logarithmic", y_label="nats a word, held out")]
    for key, label in (("ngram-nats", "trigram"), ("untuned-blind-nats", "untuned, no bag")):
        level = y(results[key]["value"])
        parts.append(d.line(left, level, right, level, stroke="muted", stroke_width=1.25, dash="2 3"))
        parts.append(d.text(right, level - 5, label, fill="muted", anchor="end"))
    for key, _, colour, dash in lines:
        each = batch[key.removesuffix("-blind")]
        points = [(x(each * step), y(value)) for step, value in results[f"{key}-curve"]["value"]]
        parts.append(d.polyline(points, stroke=colour, stroke_width=2.5, dash=dash))
        parts += [d.circle(*point, 3, fill=colour) for point in points]
    return d.svg(440, bottom + 45, *parts)


def figures() -> dict[str, str]:
    drawn = {"cost.svg": cost_figure(), "tree.svg": tree_figure()}
    path = Path(__file__).resolve().parent / "results.json"
    if path.exists():
        results = evidence.load(path)
        drawn |= {"lengths.svg": lengths_figure(results), "widths.svg": widths_figure(results),
                  "curves.svg": curves_figure(results)}
    return drawn


if __name__ == "__main__":
    d.write(Path(__file__).resolve().parent, figures())
