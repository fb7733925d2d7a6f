"""Cost of ordering a bag, the worked example's beam, BLEU by beam width."""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d

# The toy bigram model of the article: P(next word | word).
TABLE = {
    "<s>": {"dogs": 0.4, "old": 0.3, "cats": 0.2, "chase": 0.1},
    "dogs": {"chase": 0.6, "</s>": 0.3, "old": 0.1},
    "old": {"dogs": 0.5, "cats": 0.4, "chase": 0.1},
    "chase": {"cats": 0.5, "old": 0.3, "dogs": 0.2},
    "cats": {"</s>": 0.6, "chase": 0.3, "old": 0.1},
}
BAG = ("old", "dogs", "chase", "cats")

# BLEU on the Penn Treebank test set by beam width, as printed in the
# analysis notebook released with Ou, Zhang & Zhang (2022):
# github.com/simtony/BART-word-orderer, "Conditional v.s. unconditional".
BLEU = {
    "BART, sees the bag": ("1", None, {5: 54.70, 10: 55.59, 32: 56.33, 64: 56.38, 128: 56.63, 256: 56.68,
                                       512: 56.63, 1024: 56.75}),
    "BART, does not": ("1", "5 4", {5: 32.92, 10: 37.04, 32: 42.85, 64: 45.33, 128: 47.31, 256: 49.32,
                                    512: 51.08, 1024: 52.47}),
    "from scratch, sees the bag": ("2", None, {5: 38.97, 10: 39.25, 32: 39.29, 64: 39.52, 128: 39.58,
                                               256: 39.61, 512: 39.59, 1024: 39.53}),
    "from scratch, does not": ("2", "5 4", {5: 29.48, 10: 32.78, 32: 36.30, 64: 38.13, 128: 39.25,
                                            256: 40.22, 512: 41.33, 1024: 42.02}),
}


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


def bleu_figure() -> str:
    left, top, right, bottom = 30, 40, 416, 300
    x = d.log_scale((5, 1024), (left + 8, right))
    y = d.linear_scale((25, 60), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(w, str(w)) for w in (5, 10, 32, 64, 128, 256, 512, 1024)],
                    y_ticks=[(v, str(v)) for v in (30, 40, 50, 60)],
                    x_label="beam width, logarithmic", y_label="BLEU, output forced to be a permutation")]
    for colour, dash, points in BLEU.values():
        parts.append(d.polyline([(x(w), y(v)) for w, v in points.items()], stroke=colour,
                                stroke_width=2.5, dash=dash))
        parts += [d.circle(x(w), y(v), 3, fill=colour) for w, v in points.items()]
    parts += [
        d.text(x(5.3), y(57.6), "BART, sees the bag", fill="1", weight=600),
        d.text(x(60), y(48.4), "BART, does not", fill="1", weight=600, anchor="end"),
        d.text(x(1024), y(35.8), "from scratch, sees the bag", fill="2", weight=600, anchor="end"),
        d.text(x(13), y(27.4), "from scratch, does not", fill="2", weight=600),
    ]
    return d.svg(440, 345, *parts)


def figures() -> dict[str, str]:
    return {"cost.svg": cost_figure(), "tree.svg": tree_figure(), "bleu.svg": bleu_figure()}


if __name__ == "__main__":
    d.write(Path(__file__).resolve().parent, figures())
