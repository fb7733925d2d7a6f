"""How good, how sure, how certain: accuracy, macro-F1, calibration, silence, and intervals over projects. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def softmax(scores: Array, temperature: Array | float = 1.0) -> Array:
    """Row by row; the temperature is one number or one a row. ValueError unless it is positive."""
    if not np.all(np.asarray(temperature) > 0):
        raise ValueError(f"temperature: {temperature}")
    z = scores / np.reshape(temperature, (-1, 1))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    found: Array = e / e.sum(axis=1, keepdims=True)
    return found


def fit_temperature(scores: Array, truth: Ints) -> float:
    """The T between 0.01 and 100 with the least log loss, by ternary search: it is convex in 1/T."""
    if not len(scores) or len(scores) != len(truth):
        raise ValueError(f"{len(scores)} rows, {len(truth)} labels")

    def loss(inverse: float) -> float:
        z = scores * inverse
        z = z - z.max(axis=1, keepdims=True)
        return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), truth]).mean())

    low, high = 0.01, 100.0
    for _ in range(100):
        third = (high - low) / 3
        if loss(low + third) <= loss(high - third):
            high -= third
        else:
            low += third
    return 2 / (low + high)


# region ece
def reliability(sure: Array, right: NDArray[np.bool_],
                bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean probability, share right, answers) of each bin in use.

    The bins have equal width; a probability of 1 is in the last.
    """
    at = np.minimum((sure * bins).astype(int), bins - 1)
    return [(float(sure[at == b].mean()), float(right[at == b].mean()),
             int((at == b).sum()))
            for b in range(bins) if (at == b).any()]


def ece(sure: Array, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: the mean gap between the two."""
    if not len(sure) or len(sure) != len(right):
        raise ValueError(f"{len(sure)} answers, {len(right)} verdicts")
    return sum(n * abs(p - share) for p, share, n
               in reliability(sure, right, bins)) / len(sure)
# endregion ece


def coverage_curve(sure: Array, right: NDArray[np.bool_], shares: Sequence[float]) -> list[float]:
    """Accuracy among the surest answers, for each share of answers given."""
    order = np.argsort(-sure, kind="stable")
    found = []
    for share in shares:
        if not 0 < share <= 1:
            raise ValueError(f"a share is above 0 and at most 1, not {share}")
        found.append(float(right[order[:max(1, round(share * len(order)))]].mean()))
    return found


def threshold(sure: Array, right: NDArray[np.bool_], wanted: float) -> float:
    """The least probability such that the answers from there on are right as often as wanted. 1 if none is."""
    order = np.argsort(-sure, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.nonzero(accuracy >= wanted)[0]
    return float(sure[order[enough[-1]]]) if len(enough) else 1.0


def macro_f1(truth: Ints, predicted: Ints, classes: int) -> float:
    """Mean over the classes of 2 TP / (true + predicted); a prediction of -1 ("other") is right for none."""
    hits = np.bincount(truth[truth == predicted], minlength=classes)
    sizes = np.bincount(truth, minlength=classes) + np.bincount(predicted[predicted >= 0], minlength=classes)
    return float(np.mean(2 * hits / np.maximum(sizes, 1)))


# region interval
def interval(projects: Sequence[str], languages: Sequence[str],
             statistic: Callable[[Ints], float],
             draws: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval, drawing projects, not snippets.

    Each language's projects are drawn with replacement, as many
    as it has; ``statistic`` gets the indices of their snippets.
    """
    members: dict[str, dict[str, list[int]]] = {}
    for i, (p, c) in enumerate(zip(projects, languages, strict=True)):
        members.setdefault(c, {}).setdefault(p, []).append(i)
    groups = [[np.array(rows) for rows in one.values()]
              for one in members.values()]
    rng = np.random.default_rng(0)
    found = [statistic(np.concatenate(
        [one[k] for one in groups
         for k in rng.integers(len(one), size=len(one))]))
        for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
# endregion interval
