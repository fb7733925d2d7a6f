"""The figure of the worked example: looks against the size of the list."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d
import evidence

HERE = Path(__file__).resolve().parent


def looks_figure() -> str:
    points = evidence.load(HERE / "results.json")["looks-by-size"]["value"]
    x = d.log_scale((points[0][0], points[-1][0]), (36, 400))
    y = d.linear_scale((0, 12), (220, 40))
    frame = d.axes(36, 40, 400, 220, x_scale=x, y_scale=y, x_label="numbers in the list", y_label="looks",
                   x_ticks=[(size, f"{size:,}") for size, _ in points[::2]],
                   y_ticks=[(looks, str(looks)) for looks in (0, 4, 8, 12)])
    line = d.polyline([(x(size), y(looks)) for size, looks in points])
    return d.svg(430, 270, frame, line)


def figures() -> dict[str, str]:
    return {"looks.svg": looks_figure()}


if __name__ == "__main__":
    d.write(HERE, figures())
