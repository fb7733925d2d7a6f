"""What the figures show: merges by hand, numbers cut by GPT-2, languages, and growth of training time.

The first is computed here; the others draw what experiment.py has measured
and results.json holds, and are left out while there is none.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import bpe
import drawing as d
import evidence

_FOLDER = Path(__file__).resolve().parent
TWISTER = "she sells sea shells"


def merges_figure() -> str:
    """The worked example: its pieces before the first merge and after each of the four."""
    tokenizer = bpe.train(TWISTER, 256 + 4)
    spelled = [bytes([byte]) for byte in bpe.BYTE_ORDER]
    for left, right in tokenizer.merges:
        spelled.append(spelled[left] + spelled[right])
    pieces = [[bpe.BYTE_ORDER.index(byte) for byte in piece.encode()] for piece in bpe.pre_tokenize(TWISTER)]
    cell, gap, height = 19.5, 12.0, 26.0
    parts, y = [], 0.0
    for step in range(len(tokenizer.merges) + 1):
        total = sum(map(len, pieces))
        if step:
            pair, new = tokenizer.merges[step - 1], 255 + step
            found = total
            for piece in pieces:
                bpe.replace(piece, pair, new)
            total = sum(map(len, pieces))
            one, two = (spelled[i].decode().replace(" ", "␣") for i in pair)
            parts.append(d.text(4, y + 14, f"{step}.", weight=600))
            parts.append(d.text(24, y + 14, f"{one} + {two}", mono=True, weight=600, fill="2"))
            parts.append(d.text(146, y + 14, f"{found - total} times", fill="muted"))
        else:
            parts.append(d.text(4, y + 14, "four pieces, cut by the pre-tokenizer", fill="muted"))
        parts.append(d.text(436, y + 14, f"{total} tokens", fill="muted", anchor="end"))
        x = 4.0
        for piece in pieces:
            for symbol in piece:
                token = spelled[symbol].decode().replace(" ", "␣")
                width = cell * len(token)
                fresh, old = bool(step) and symbol == 255 + step, symbol >= 256
                parts.append(d.rect(x + 1, y + 21, width - 2, height, radius=4,
                                    fill="2-soft" if fresh else "1-soft" if old else "paper",
                                    stroke="2" if fresh else "1" if old else "line"))
                parts.append(d.text(x + width / 2, y + 39, token, mono=True, size=15, anchor="middle"))
                x += width
            x += gap
        y += 64
    return d.svg(440, y, *parts)


def numbers_figure(results: dict[str, Any]) -> str:
    """How GPT-2 cuts the numbers from 7600 to 7699."""
    colours = {(2, 2): "1-soft", (1, 3): "2-soft", (4,): "3-soft", (3, 1): "4-soft"}
    labels = {(2, 2): "2 + 2", (1, 3): "1 + 3", (3, 1): "3 + 1", (4,): "whole"}
    cells: list[str] = results["four-digits-grid"]["value"]
    splits = [tuple(map(len, cell.split("|"))) for cell in cells]
    parts, x = [], 2.0
    for split, label in labels.items():
        count = splits.count(split)
        if count:
            parts.append(d.rect(x, 2, 16, 16, radius=3, fill=colours[split], stroke="line"))
            parts.append(d.text(x + 22, 15, f"{label}: {count}"))
            x += 34 + 7.4 * len(f"{label}: {count}")
    for i, (cell, split) in enumerate(zip(cells, splits, strict=True)):
        left, top = 2 + 43.6 * (i % 10), 30 + 28 * (i // 10)
        parts.append(d.rect(left, top, 42, 26, radius=3, fill=colours.get(split, "paper"), stroke="line",
                            stroke_width=0.75))
        parts.append(d.text(left + 21, top + 17.5, cell.replace("|", "·"), mono=True, anchor="middle"))
    return d.svg(440, 312, *parts)


def languages_figure(results: dict[str, Any]) -> str:
    """Tokens that GPT-2 needs for one declaration in each language, shortest first."""
    rows = sorted(results["declarations"]["value"], key=lambda row: row[3])
    english = next(row[3] for row in rows if row[0] == "English")
    scale = d.linear_scale((0, max(row[3] for row in rows)), (96, 330))
    parts = [d.text(4, 14, "tokens, and tokens for each in English", fill="muted")]
    for i, (name, _, size, tokens) in enumerate(rows):
        y = 26 + 23 * i
        alone = size / tokens < 1.1
        parts.append(d.text(90, y + 14, name, anchor="end"))
        parts.append(d.rect(96, y + 1, scale(tokens) - 96, 17, radius=2, fill="2" if alone else "1"))
        parts.append(d.text(scale(tokens) + 6, y + 14, f"{tokens:,}  ({tokens / english:.1f})", fill="muted"))
    y = 26 + 23 * len(rows) + 6
    parts.append(d.rect(96, y, 14, 14, radius=2, fill="2"))
    parts.append(d.text(116, y + 12, "nearly every byte is a token of its own"))
    return d.svg(440, y + 20, *parts)


def growth_figure(results: dict[str, Any]) -> str:
    """CPU seconds against the size of the text, both logarithmic, for three ways to learn 100 merges."""
    sizes = results["text-sizes"]["value"]
    series = results["text-growth"]["value"]
    low, high = min(map(min, series)), max(map(max, series))
    ticks = [10.0 ** power for power in range(-4, 4) if low / 3 <= 10.0 ** power <= high * 3]
    left, top, right, bottom = 52, 40, 300, 296
    x_scale = d.log_scale((min(sizes) / 1.15, max(sizes) * 1.15), (left, right))
    y_scale = d.log_scale((min(low / 1.5, ticks[0]), max(high * 1.5, ticks[-1])), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x_scale, y_scale=y_scale,
                    x_ticks=[(size, f"{size // 1000}") for size in sizes],
                    y_ticks=[(tick, f"{tick:g}") for tick in ticks],
                    x_label="text, kB", y_label="CPU seconds for the same merges")]
    names = (("recount", "every piece", "2"), ("recount", "distinct pieces", "4"), ("incremental", "", "1"))
    for values, (first, second, colour) in zip(series, names, strict=True):
        points = [(x_scale(size), y_scale(value)) for size, value in zip(sizes, values, strict=True)]
        parts.append(d.polyline(points, stroke=colour))
        parts += [d.circle(x, y, 3.5, fill=colour) for x, y in points]
        x, y = points[-1]
        parts.append(d.text(x + 12, y + (0 if second else 5), first, fill=colour, weight=600))
        parts.append(d.text(x + 12, y + 16, second, fill=colour, weight=600) if second else "")
    return d.svg(440, 340, *parts)


def figures() -> dict[str, str]:
    drawn = {"merges.svg": merges_figure()}
    if (_FOLDER / "results.json").exists():
        results = evidence.load(_FOLDER / "results.json")
        drawn |= {"numbers.svg": numbers_figure(results), "languages.svg": languages_figure(results),
                  "growth.svg": growth_figure(results)}
    return drawn


if __name__ == "__main__":
    d.write(_FOLDER, figures())
