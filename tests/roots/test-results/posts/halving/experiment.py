"""How many looks, and how much time, a search by halving takes."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evidence import Experiment
from halving import find

BLOCH = ("https://research.google/blog/extra-extra-read-all-about-it-nearly-all-"
         "binary-searches-and-mergesorts-are-broken/")


def looks(size: int, seed: int) -> float:
    random_number = random.Random(seed).randrange
    return sum(find(range(size), random_number(size))[1] for _ in range(200)) / 200


def worst(size: int) -> int:
    return max(find(range(size), wanted)[1] for wanted in range(size))


def seconds(search, size: int) -> float:
    """CPU time of finding twenty numbers."""
    items = list(range(size))
    start = time.process_time()
    for wanted in range(0, size, size // 20):
        search(items, wanted)
    return time.process_time() - start


def main() -> None:
    with Experiment(__file__, code=["halving.py"]) as e:
        size = 10_000 if e.quick else 200_000
        e.measure("looks", lambda seed: looks(size, seed), seeds=[0, 1, 2],
                  about="Looks until a number is found, mean of 200 searches",
                  tolerance="relative 0.05", quick="ratio 0.5 to 1")
        e.measure("halving-seconds", lambda: seconds(find, size), repeats=5,
                  about="Finding twenty numbers by halving", unit="s",
                  tolerance="ratio 0.05 to 20", quick="report")
        e.measure("scan-seconds", lambda: seconds(list.index, size), repeats=5,
                  about="Finding twenty numbers by looking at each", unit="s",
                  tolerance="ratio 0.05 to 20", quick="report")
        e.derive("speedup", "scan_seconds / halving_seconds",
                 about="How much sooner halving finds them", unit="x",
                 tolerance="ratio 0.1 to 10", quick="ratio 0.001 to 1")
        sizes = [2**power for power in range(4, 12)]
        e.measure("looks-by-size", lambda: [[size, worst(size)] for size in sizes],
                  about="Size of the list and most looks needed",
                  unit="looks", tolerance="exact")
        e.quote("java-bug", 9, unit="years",
                about="From the release of Java's search to the report of its bug",
                source="bloch2006nearly", url=BLOCH, locator="third paragraph")


if __name__ == "__main__":
    main()
