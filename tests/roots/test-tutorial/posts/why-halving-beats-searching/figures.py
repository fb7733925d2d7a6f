"""Draws the article's figure from results.json."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d
import evidence

HERE = Path(__file__).resolve().parent


def looks_figure() -> str:
    points = evidence.load(HERE / "results.json")["looks-by-size"]["value"]
    x = d.log_scale((points[0][0], points[-1][0]), (40, 400))
    y = d.linear_scale((0, 20), (220, 40))
    frame = d.axes(40, 40, 400, 220, x_scale=x, y_scale=y, x_label="how many numbers", y_label="looks",
                   x_ticks=[(size, f"{size:,}") for size, _ in points[::2]],
                   y_ticks=[(count, str(count)) for count in (0, 5, 10, 15, 20)])
    return d.svg(440, 270, frame, d.polyline([(x(size), y(count)) for size, count in points]))


def figures() -> dict[str, str]:
    return {"looks.svg": looks_figure()}


if __name__ == "__main__":
    d.write(HERE, figures())
