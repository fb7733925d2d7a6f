"""The worked example's three maps, lambda_init by depth, and the paper's ablations (Table 6)."""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d

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


def figures() -> dict[str, str]:
    return {"maps.svg": maps_figure(), "depth.svg": depth_figure(), "ablations.svg": ablation_figure()}


if __name__ == "__main__":
    d.write(Path(__file__).resolve().parent, figures())
