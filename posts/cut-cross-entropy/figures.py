"""Bytes per token by model; the worked tile walk; which gradient tiles a filter keeps; what was measured."""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import drawing as d
import evidence
import memory

_FOLDER = Path(__file__).resolve().parent
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# name, vocabulary, layers, width: from the model reports cited in the article.
MODELS = [
    ("Llama 2 7B", 32_000, 32, 4_096),
    ("GPT-2 small", 50_257, 12, 768),
    ("Llama 3 8B", 128_256, 32, 4_096),
    ("Gemma 2 2B", 256_000, 26, 2_304),
]


def bytes_figure() -> str:
    """Per token: one fp32 row of logits against bf16 layer checkpoints."""
    parts, left, right, top, row = [], 8.0, 340.0, 62.0, 74.0
    x = d.linear_scale((0, 1_024_000), (left, right))
    parts += [d.rect(8, 6, 14, 14, fill="2"), d.text(28, 18, "logits: 4 bytes × V"),
              d.rect(8, 28, 14, 14, fill="1"), d.text(28, 40, "layer checkpoints: 2 bytes × layers × D")]
    for index, (name, vocabulary, layers, width) in enumerate(MODELS):
        y = top + index * row
        logits, checkpoints = memory.logits_bytes(1, vocabulary), memory.checkpoint_bytes(1, layers, width)
        parts.append(d.text(left, y + 14, name, size=14, weight=600))
        parts.append(d.text(432, y + 14, f"V = {vocabulary:,}", fill="muted", anchor="end"))
        for offset, value, fill in ((20, logits, "2"), (40, checkpoints, "1")):
            parts.append(d.rect(left, y + offset, x(value) - left, 16, fill=fill))
            parts.append(d.text(x(value) + 6, y + offset + 12.5, f"{value / 1000:,.0f} kB"))
    return d.svg(440, top + len(MODELS) * row - 6, *parts)


# The article's example: logits in units of ln 2, so exp(logit) is a power of two.
LOGITS = [[1, 0, 3, 2], [1, 2, 1, 2]]


def walk_figure() -> str:
    """Two tokens, four vocabulary entries, tiles of two: maximum and sum after each tile."""
    parts, cell, gap = [], 48.0, 12.0
    for token, row in enumerate(LOGITS):
        y = 44.0 + token * 206
        parts.append(d.text(0, y - 26, f"token {'AB'[token]}", size=15, weight=600))
        parts.append(d.text(74, y - 26, f"powers {', '.join(str(2 ** z) for z in row)}: sum {sum(2 ** z for z in row)}",
                            fill="muted"))
        top, total = -math.inf, 0.0
        for tile in range(2):
            x0 = 1 + tile * (2 * cell + gap + 112)
            entries = row[2 * tile:2 * tile + 2]
            parts.append(d.text(x0, y - 4, f"tile {tile + 1}", fill="muted"))
            for k, z in enumerate(entries):
                parts.append(d.rect(x0 + k * cell, y + 4, cell, cell, fill="1-soft", stroke="1"))
                parts.append(d.text(x0 + (k + 0.5) * cell, y + 4 + cell / 2 + 6, str(z), anchor="middle", size=18))
            new_top = max(top, *entries)
            old_scale = 2.0 ** (top - new_top) if total else 0.0
            carried = total * old_scale
            added = sum(2.0 ** (z - new_top) for z in entries)
            lines = [(f"m = {new_top}", True)]
            if total:
                lines.append((f"carried {total:g} × {old_scale:g} = {carried:g}", False))
            lines.append(("new terms " + " + ".join(f"{2.0 ** (z - new_top):g}" for z in entries), False))
            total, top = carried + added, new_top
            lines.append((f"s = {total:g}", True))
            for k, (content, strong) in enumerate(lines):
                parts.append(d.text(x0 + 2, y + 76 + k * 21, content, fill="2" if strong else "ink",
                                    weight=600 if strong else None, size=15 if strong else 13))
            if tile == 0:
                middle = x0 + 2 * cell + 62
                parts.append(d.arrow(middle - 46, y + 4 + cell / 2, middle + 46, y + 4 + cell / 2))
                parts.append(d.text(middle, y + cell / 2 - 6, "keep m, s", anchor="middle", fill="muted"))
                parts.append(d.text(middle, y + cell / 2 + 24, "drop tile", anchor="middle", fill="muted"))
        parts.append(d.text(438, y + 14, "2ᵐ × s", anchor="end", fill="muted"))
        parts.append(d.text(438, y + 33, f"= {2 ** top} × {total:g}", anchor="end", fill="muted"))
        parts.append(d.text(438, y + 54, f"= {round(2 ** top * total)}", anchor="end", size=16, weight=600, fill="3"))
        if token == 0:
            parts.append(d.line(0, y + 158, 440, y + 158))
    return d.svg(440, 398, *parts)


TOKENS, VOCABULARY, TOKEN_TILE, VOCAB_TILE = 128, 8192, 16, 256
EPSILON = 2.0 ** -12


def synthetic_probabilities() -> tuple[list[list[float]], list[float]]:
    """Softmax rows with Zipf-like word frequencies plus context noise, and each column's mean logit.

    Logit = -2 ln(rank) + noise of standard deviation 2; ranks lie in a random order.
    """
    rng = random.Random(7)
    ranks = list(range(1, VOCABULARY + 1))
    rng.shuffle(ranks)
    base = [-2 * math.log(rank) for rank in ranks]
    rows, means = [], [0.0] * VOCABULARY
    for _ in range(TOKENS):
        logits = [b + rng.gauss(0, 2) for b in base]
        means = [mean + z / TOKENS for mean, z in zip(means, logits)]
        top = max(logits)
        weights = [math.exp(z - top) for z in logits]
        total = sum(weights)
        rows.append([w / total for w in weights])
    return rows, means


def live_tiles(rows: list[list[float]], order: list[int]) -> list[list[bool]]:
    """Whether any probability in the tile reaches EPSILON, by tile row and column."""
    return [[any(rows[i][order[j]] >= EPSILON
                 for i in range(r, r + TOKEN_TILE) for j in range(s, s + VOCAB_TILE))
             for s in range(0, VOCABULARY, VOCAB_TILE)] for r in range(0, TOKENS, TOKEN_TILE)]


def filter_counts() -> tuple[list[list[bool]], list[list[bool]], float]:
    """Live tiles in the given order and sorted by mean logit; share of live entries."""
    rows, means = synthetic_probabilities()
    given = list(range(VOCABULARY))
    by_mean = sorted(given, key=means.__getitem__)
    entries = sum(p >= EPSILON for row in rows for p in row) / (TOKENS * VOCABULARY)
    return live_tiles(rows, given), live_tiles(rows, by_mean), entries


def filter_figure() -> str:
    """The same live entries, scattered and gathered: sorting is what empties tiles."""
    unsorted, ordered, entries = filter_counts()
    side = 430 / (VOCABULARY // VOCAB_TILE)
    parts = [d.text(0, 16, f"{entries:.2%} of all entries reach 2⁻¹²", fill="muted")]
    for grid, y, title in ((unsorted, 36.0, "vocabulary in random order"), (ordered, 196.0, "sorted by mean logit")):
        live = sum(map(sum, grid)) / (len(grid) * len(grid[0]))
        parts.append(d.text(0, y + 12, title, size=14, weight=600))
        parts.append(d.text(430, y + 12, f"{live:.0%} of tiles live", anchor="end"))
        for r, row in enumerate(grid):
            for s, alive in enumerate(row):
                parts.append(d.rect(s * side, y + 20 + r * side, side - 1.5, side - 1.5,
                                    fill="2" if alive else "1-soft"))
    parts += [d.rect(0, 338, 14, 14, fill="2"), d.text(20, 350, "computed"),
              d.rect(104, 338, 14, 14, fill="1-soft"), d.text(124, 350, "skipped"),
              d.text(430, 350, "→ vocabulary, ↓ tokens", anchor="end", fill="muted")]
    return d.svg(440, 356, *parts)


def memory_figure(results: dict[str, Any]) -> str:
    """Measured peaks against one copy of the logits by the formula, both logarithmic; the formulas' own lines dashed."""
    logits, points = results["logits"]["value"], results["points"]["value"]
    left, top, right, bottom = 62, 40, 350, 320
    x = d.log_scale((min(logits) / 1.5, max(logits) * 1.5), (left, right))
    y = d.log_scale((1, 60_000), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(value, f"{value:,}") for value in (16, 128, 1024, 8000)],
                    y_ticks=[(value, f"{value:,}") for value in (1, 10, 100, 1000, 10_000)],
                    x_label="one float32 copy of the logits, MiB", y_label="peak less gradients, MiB")]
    order = sorted(range(len(logits)), key=logits.__getitem__)
    parts.append(d.polyline([(x(logits[i]), y(results["formula-naive"]["value"][i])) for i in order], stroke="2",
                            dash="4 4"))
    for n in sorted({n for n, _ in points}):
        row = [i for i, point in enumerate(points) if point[0] == n]
        parts.append(d.polyline([(x(logits[i]), y(results["formula-ours"]["value"][i])) for i in row], stroke="1",
                                dash="4 4"))
    parts.append(d.circle(x(logits[-1]), y(3 * logits[-1]), 4.5, fill="paper", stroke="2"))
    for key, hue in (("naive-fp32", "2"), ("torch-128-fp32", "3"), ("ours-fp32", "1")):
        parts += [d.circle(x(size), y(max(row[0], 1)), 4.5, fill=hue)
                  for size, row in zip(logits, results[f"grid-{key}"]["value"])]
    last = max(logits)
    parts += [d.text(360, y(3 * last) + 4, "naive", fill="2", weight=600),
              d.text(360, y(3 * last) + 22, "3 copies", fill="2"),
              d.text(360, y(results["grid-torch-128-fp32"]["value"][-1][0]) + 4, "PyTorch\u2019s", fill="3", weight=600),
              d.text(360, y(results["grid-ours-fp32"]["value"][-1][0]) + 4, "ours", fill="1", weight=600)]
    return d.svg(440, 364, *parts)


def training_figure(results: dict[str, Any]) -> str:
    """Loss while training, by four ways to compute its gradient, from one seed."""
    steps = results["training-steps"]["value"]
    curves = {name: results[f"training-{name}"]["value"][:-1] for name in ("naive", "exact", "spread", "drop")}
    flat = [value for curve in curves.values() for value in curve]
    left, top, right, bottom = 44.0, 40.0, 330.0, 260.0
    low, high = math.floor(2 * min(flat)) / 2, math.ceil(2 * max(flat)) / 2
    x, y = d.linear_scale((0, steps), (left, right)), d.linear_scale((low, high), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(tick, str(tick)) for tick in range(0, steps + 1, steps // 3)],
                    y_ticks=[(tick, f"{tick:g}") for tick in range(math.ceil(low), math.floor(high) + 1)],
                    x_label="training steps", y_label="loss, nats")]
    looks = {"naive": ("line", 9.0, None), "exact": ("1", 3.5, None), "spread": ("ink", 1.5, "3 4"), "drop": ("2", 2.5, None)}
    for name, (hue, width, dash) in looks.items():
        curve = curves[name]
        parts.append(d.polyline([(x(steps * (i + 0.5) / len(curve)), y(loss)) for i, loss in enumerate(curve)],
                                stroke=hue, stroke_width=width, dash=dash))
    for place, (name, label) in enumerate((("naive", "naive"), ("exact", "unfiltered"), ("spread", "spread"),
                                           ("drop", "dropped"))):
        hue, width, dash = looks[name]
        parts.append(d.line(346, top + 12 + 24 * place, 368, top + 12 + 24 * place, stroke=hue, stroke_width=width,
                            dash=dash))
        parts.append(d.text(374, top + 17 + 24 * place, label))
    return d.svg(440, 304, *parts)


def errors_figure(results: dict[str, Any]) -> str:
    """Error of the hidden gradient at each threshold: strips dropped, or spread."""
    powers = results["thresholds"]["value"]
    left, top, right, bottom = 52, 40, 330, 280
    x = d.linear_scale((min(powers) - 0.5, max(powers) + 0.5), (left, right))
    y = d.log_scale((0.05, 20), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(power, "2" + f"{power:g}".translate(RAISED)) for power in powers],
                    y_ticks=[(0.1, "0.1%"), (1, "1%"), (10, "10%")],
                    x_label="threshold", y_label="error of the hidden states' gradient")]
    for key, name, colour in (("curve-drop", "dropped", "2"), ("curve-spread", "spread", "1")):
        points = [(x(power), y(100 * row[1])) for power, row in zip(powers, results[key]["value"])]
        parts.append(d.polyline(points, stroke=colour))
        parts += [d.circle(*point, 4, fill=colour) for point in points]
        parts.append(d.text(points[0][0] + 12, points[0][1] + 4, name, fill=colour, weight=600))
    return d.svg(440, 324, *parts)


def ranks_figure(results: dict[str, Any]) -> str:
    """The mean probability of a token's likeliest entry, its second, and so on, both logarithmic."""
    ranks, probabilities = results["ranks"]["value"], results["rank-probabilities"]["value"]
    left, top, right, bottom = 62, 40, 420, 280
    x, y = d.log_scale((1, 60_000), (left, right)), d.log_scale((1e-15, 1), (bottom, top))
    points = [(x(rank), y(probability)) for rank, probability in zip(ranks, probabilities)]
    return d.svg(440, 324, d.axes(
        left, top, right, bottom, x_scale=x, y_scale=y,
        x_ticks=[(rank, f"{rank:,}") for rank in (1, 10, 100, 1000, 10_000)],
        y_ticks=[(10.0 ** power, "1" if not power else "10" + str(power).translate(RAISED))
                 for power in range(-15, 1, 3)],
        x_label="rank of the entry among all 49,152", y_label="mean probability"),
        d.line(left, y(EPSILON), right, y(EPSILON), stroke="2", dash="4 4"),
        d.text(right, y(EPSILON) - 6, "2⁻¹²", fill="2", anchor="end", weight=600),
        d.polyline(points), *(d.circle(*point, 3.5, fill="1") for point in points))


def figures() -> dict[str, str]:
    results = evidence.load(_FOLDER / "results.json")
    return {"bytes.svg": bytes_figure(), "tile-walk.svg": walk_figure(), "live-tiles.svg": filter_figure(),
            "memory.svg": memory_figure(results), "training.svg": training_figure(results), "errors.svg": errors_figure(results),
            "ranks.svg": ranks_figure(results)}


if __name__ == "__main__":
    d.write(_FOLDER, figures())
