"""The statistics of the article on differential attention: tables of others, and identities."""

from __future__ import annotations

import json
import random

import pytest
from article_code import POSTS, load

comparison = load("differential-attention", "comparison")
paired = load("differential-attention", "paired")


def test_groups_that_do_not_overlap_have_the_smallest_p_value_there_is() -> None:
    assert comparison.p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)
    assert comparison.p_value([6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5]) == pytest.approx(2 / 924)


@pytest.mark.parametrize(("n", "m", "critical"), [(4, 4, 0), (5, 5, 2), (6, 6, 5), (5, 6, 3), (7, 7, 8)])
def test_critical_values_are_those_of_the_printed_tables(n: int, m: int, critical: int) -> None:
    """Two-sided, 5%: the interval leaves out that many differences at each end, the widest at both."""
    xs, ys = [2.0 ** i for i in range(n)], [3.0 ** i / 100 for i in range(m)]
    differences = sorted(x - y for x in xs for y in ys)
    assert comparison.shift(xs, ys)[1:] == (differences[critical], differences[-1 - critical])


def test_p_value_agrees_with_the_interval() -> None:
    """Zero is outside the 95% interval exactly where p is at most 0.05."""
    rng = random.Random(3)
    verdicts = set()
    for _ in range(60):
        xs, ys = [rng.gauss(1.3, 1) for _ in range(5)], [rng.gauss(0, 1) for _ in range(5)]
        _, low, high = comparison.shift(xs, ys)
        significant = comparison.p_value(xs, ys) <= 0.05
        verdicts.add(significant)
        assert significant == (not low <= 0 <= high)
    assert verdicts == {True, False}


def test_groups_exchanged_give_the_same_p_value_and_the_opposite_shift() -> None:
    xs, ys = [1.0, 4.0, 2.0, 2.0, 7.0], [3.0, 2.0, 9.0, 5.0, 5.0]
    assert comparison.p_value(xs, ys) == comparison.p_value(ys, xs)
    middle, low, high = comparison.shift(xs, ys)
    assert comparison.shift(ys, xs) == (-middle, -high, -low)


def test_equal_numbers_show_nothing() -> None:
    assert comparison.p_value([1, 1, 1], [1, 1, 1]) == 1


def test_holm_by_hand() -> None:
    assert comparison.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert comparison.holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_too_few_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        comparison.shift([1, 2], [3, 4])
    with pytest.raises(ValueError, match="at least one"):
        comparison.p_value([], [1])


# ------------------------------------------------------------------- pairs

@pytest.mark.parametrize(("n", "critical"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13)])
def test_paired_critical_values_are_those_of_the_printed_tables(n: int, critical: int) -> None:
    """Wilcoxon's signed ranks, two-sided, 5%: the interval leaves out that many means of two at each end."""
    differences = [(-1.7) ** i for i in range(n)]
    means = sorted((differences[i] + differences[j]) / 2 for i in range(n) for j in range(i, n))
    assert paired.paired_shift(differences)[1:] == (means[critical], means[-1 - critical])


def test_differences_of_one_sign_have_the_smallest_paired_p_value_there_is() -> None:
    assert paired.paired_p_value([-0.1, -3, -2, -0.5, -0.4, -9, -1, -7]) == pytest.approx(2 / 2 ** 8)
    assert paired.paired_p_value([1.0, 2.0, 3.0]) == pytest.approx(2 / 8)


def test_paired_ties_share_their_rank() -> None:
    """Ranks 1.5, 1.5, 3 with signs +, -, +: all eight flips counted by hand; six lie as far from 3 as 4.5 does."""
    assert paired.paired_p_value([1, -1, 2]) == pytest.approx(6 / 8)


def test_the_paired_interval_agrees_with_the_paired_test() -> None:
    """Of normal differences it holds zero exactly when the test does not reject at 5%."""
    draw = random.Random(11)
    for _ in range(200):
        differences = [draw.gauss(draw.choice([0, 1]), 1) for _ in range(8)]
        _, low, high = paired.paired_shift(differences)
        assert (low <= 0 <= high) == (paired.paired_p_value(differences) > 0.05)


def test_what_pairs_cannot_tell_is_refused() -> None:
    for nothing in ([], [0.0, 1.0]):
        with pytest.raises(ValueError, match="none of them zero"):
            paired.paired_p_value(nothing)
    with pytest.raises(ValueError, match="too few"):
        paired.paired_shift([1.0, 2.0, 3.0, 4.0, 5.0])


def test_what_the_article_says_of_the_tie_and_of_runs_that_never_arrive() -> None:
    """Both p-values of 0.048 hang on two V1 runs that tie; failed runs are counted as 620 steps."""
    results = json.loads((POSTS / "differential-attention/results.json").read_text("utf-8"))["results"]
    steps, twice = ({kind: [row[column] for row in results[f"seeds-{kind}"]["value"]] for kind in ("plain", "plain-norm", "v1")}
                    for column in (0, 3))
    assert [sum(step == 620 for step in steps[kind]) for kind in ("plain", "plain-norm", "v1")] == [1, 1, 0]
    tied = [at for at, share in enumerate(twice["v1"]) if twice["v1"].count(share) == 2]
    assert len(tied) == 2

    def adjusted(ours: list[float]) -> list[float]:
        pairs = [(steps["v1"], steps[kind]) for kind in ("plain", "plain-norm")]
        pairs += [(ours, twice[kind]) for kind in ("plain", "plain-norm")]
        return comparison.holm([comparison.p_value(*pair) for pair in pairs])[2:]

    assert adjusted(twice["v1"]) == pytest.approx([results[f"holm-long-v1-over-{kind}"]["value"] for kind in ("plain", "plain-norm")])
    for at in tied:
        untied = [share + 1e-9 * (place == at) for place, share in enumerate(twice["v1"])]
        assert all(p > 0.05 for p in adjusted(untied))
