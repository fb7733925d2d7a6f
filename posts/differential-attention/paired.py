"""A few pairs compared exactly, without assuming a distribution: Wilcoxon's signed ranks."""

from __future__ import annotations

from collections.abc import Sequence


def _signed_ranks(differences: Sequence[float]) -> tuple[list[float], list[float]]:
    """Ranks by size, ties sharing their mean, and the rank sums of all 2^n ways to give them signs: Wilcoxon's."""
    if not differences or not all(differences):
        raise ValueError("differences are needed, and none of them zero")
    sizes = sorted(map(abs, differences))
    ranks = [sizes.index(abs(d)) + (sizes.count(abs(d)) + 1) / 2 for d in differences]
    sums = [0.0]
    for rank in ranks:
        sums += [total + rank for total in sums]
    return ranks, sums


def paired_p_value(differences: Sequence[float]) -> float:
    """Two-sided: the share of all ways to flip their signs whose rank sum is at least as far from the middle."""
    ranks, sums = _signed_ranks(differences)
    middle = sum(ranks) / 2
    seen = abs(sum(rank for rank, d in zip(ranks, differences, strict=True) if d > 0) - middle)
    return sum(abs(total - middle) >= seen - 1e-9 for total in sums) / len(sums)


def paired_shift(differences: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Median of the means of all two differences, each with itself too, and its exact interval: Hodges and Lehmann's.

    By the distribution of the rank sum without ties, counted over all ways to give the ranks signs.
    """
    n = len(differences)
    means = sorted((differences[i] + differences[j]) / 2 for i in range(n) for j in range(i, n))
    _, sums = _signed_ranks(list(range(1, n + 1)))
    cut = -1
    while sum(total <= cut + 1 for total in sums) / len(sums) <= (1 - confidence) / 2:
        cut += 1
    if cut < 0:
        raise ValueError(f"{n} differences are too few for a confidence of {confidence}")
    half = len(means) // 2
    middle = means[half] if len(means) % 2 else (means[half - 1] + means[half]) / 2
    return middle, means[cut], means[-1 - cut]
