"""Two small samples compared exactly, without assuming a distribution.

The Mann-Whitney statistic counts, over all pairs (x, y), how often x is the
larger, a tie as half. Its distribution when nothing differs is counted over
every way to deal the same numbers into two groups of these sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations


def larger_pairs(xs: Sequence[float], ys: Sequence[float]) -> float:
    return sum((x > y) + 0.5 * (x == y) for x in xs for y in ys)


def p_value(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Two-sided: the share of all deals at least as far from the middle as this one."""
    if not xs or not ys:
        raise ValueError("two groups of at least one number each are compared")
    pool, n = [*xs, *ys], len(xs)
    middle = n * len(ys) / 2
    seen = abs(larger_pairs(xs, ys) - middle)
    deals = [abs(larger_pairs([pool[i] for i in chosen],
                              [pool[i] for i in range(len(pool)) if i not in chosen]) - middle)
             for chosen in map(frozenset, combinations(range(len(pool)), n))]
    return sum(far >= seen - 1e-9 for far in deals) / len(deals)


def shift(xs: Sequence[float], ys: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Median of all differences x - y, and the ends of its exact interval of at least this confidence.

    The interval leaves out as many of the sorted differences at each end as
    the distribution of the statistic, without ties, allows.
    """
    n, m = len(xs), len(ys)
    differences = sorted(x - y for x in xs for y in ys)
    ways = [sum(chosen) - n * (n - 1) // 2 for chosen in combinations(range(n + m), n)]
    cut = -1
    while sum(u <= cut + 1 for u in ways) / len(ways) <= (1 - confidence) / 2:
        cut += 1
    if cut < 0:
        raise ValueError(f"{n} and {m} numbers are too few for a confidence of {confidence}")
    half = len(differences) // 2
    middle = differences[half] if len(differences) % 2 else (differences[half - 1] + differences[half]) / 2
    return middle, differences[cut], differences[-1 - cut]


def holm(ps: Sequence[float]) -> list[float]:
    """P-values of several tests made together, each adjusted so that one false alarm in all has its chance."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted
