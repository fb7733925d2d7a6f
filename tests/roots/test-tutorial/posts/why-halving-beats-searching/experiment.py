"""Measures the article's numbers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evidence import Experiment


def looks(size: int) -> int:
    """How many looks halving needs, at worst, to find a number among `size` sorted ones."""
    count = 0
    while size:
        count, size = count + 1, size // 2
    return count


def main() -> None:
    with Experiment(__file__, code=["experiment.py"]) as e:
        e.measure("looks", lambda: looks(10**6), unit="looks", about="Looks for one among a million", tolerance="exact")
        e.measure("looks-by-size", lambda: [[10**power, looks(10**power)] for power in range(1, 7)],
                  about="How many numbers, and looks", tolerance="exact")


if __name__ == "__main__":
    main()
