"""Differential attention against the worked example, its identities, and loops written independently."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from article_code import load

da = load("differential-attention", "differential_attention")


def projections(seed: int = 0, *lead: int, n: int = 7, dim: int = 4) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((*lead, n, dim)) for _ in range(4)]


def layer(seed: int = 0, *, n: int = 6, heads: int = 3, half: int = 2, scale: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    width = 2 * heads * half
    weights = {name: scale * rng.standard_normal((width, width)) for name in ("w_q", "w_k", "w_v", "w_o")}
    return {"x": rng.standard_normal((n, width)), **weights, "heads": heads, "lam": 0.37, "start": 0.2,
            "gain": rng.uniform(0.5, 2, 2 * half)}


# The article's example: relative weights of the two maps, future positions blank.
FIRST = [[1], [3, 2], [5, 3, 2], [4, 10, 4, 2]]
SECOND = [[1], [4, 1], [7, 1, 2], [26, 5, 16, 3]]


def queries(rows: list[list[int]]) -> Any:
    """With keys 2 * identity and d = 4, queries equal to the logs give scores equal to the logs."""
    return np.array([[math.log(w) for w in row] + [0.0] * (4 - len(row)) for row in rows])


def test_worked_example() -> None:
    k = 2 * np.eye(4)
    found = da.differential_map(queries(FIRST), k, queries(SECOND), k, 0.5)
    expected = [[0.5, 0, 0, 0], [0.2, 0.3, 0, 0], [0.15, 0.25, 0.1, 0], [-0.06, 0.45, 0.04, 0.07]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found @ np.array([[1, 0], [1, 1], [1, 0], [1, 0]]),
                               [[0.5, 0], [0.5, 0.3], [0.5, 0.25], [0.5, 0.45]], atol=1e-12)


@pytest.mark.parametrize("lam", [-0.5, 0.0, 0.2, 0.8, 1.0, 1.7])
@pytest.mark.parametrize("causal", [True, False])
def test_rows_sum_to_one_minus_lambda(lam: float, causal: bool) -> None:
    found = da.differential_map(*projections(1, 2, 3), lam, causal=causal)
    assert found.shape == (2, 3, 7, 7)
    np.testing.assert_allclose(found.sum(axis=-1), 1 - lam, atol=1e-12)


def test_lambda_zero_is_plain_attention() -> None:
    q1, k1, q2, k2 = projections(2)
    np.testing.assert_array_equal(da.differential_map(q1, k1, q2, k2, 0.0), da.attention_map(q1, k1))


def test_equal_maps_leave_a_scaled_plain_map() -> None:
    q, k, _, _ = projections(3)
    np.testing.assert_allclose(da.differential_map(q, k, q, k, 0.3), 0.7 * da.attention_map(q, k), atol=1e-12)


def test_first_row_is_one_minus_lambda_whatever_the_scores() -> None:
    assert da.differential_map(*projections(4), 0.3)[0] == pytest.approx([0.7] + [0] * 6)


def test_a_weight_can_be_negative_but_never_below_minus_lambda_nor_above_one() -> None:
    found = da.differential_map(*(3 * a for a in projections(5, 50)), 0.6)
    assert found.min() < -0.5 and found.min() >= -0.6 and found.max() <= 1


def test_common_profile_cancels_when_lambda_is_its_share() -> None:
    """a1 = (1 - alpha) s + alpha n and a2 = n: at lambda = alpha only (1 - alpha) s is left."""
    rng = np.random.default_rng(6)
    s, n = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(9))
    a1, k, alpha = 0.65 * s + 0.35 * n, 3 * np.eye(9), 0.35
    found = da.differential_map(np.log(np.tile(a1, (9, 1))), k, np.log(np.tile(n, (9, 1))), k, alpha, causal=False)
    np.testing.assert_allclose(found, np.tile(0.65 * s, (9, 1)), atol=1e-12)


def test_huge_scores_stay_finite() -> None:
    assert np.isfinite(da.differential_map(*(1e6 * a for a in projections(7)), 0.5)).all()


def test_causal_layer_does_not_look_ahead() -> None:
    args = layer(8)
    before = da.multihead(**args)
    args["x"] = args["x"].copy()
    args["x"][4:] += 10
    after = da.multihead(**args)
    np.testing.assert_array_equal(after[:4], before[:4])
    assert not np.allclose(after[4:], before[4:])


def loops(x: Any, w_q: Any, w_k: Any, w_v: Any, w_o: Any, *, heads: int, lam: float, start: float, gain: Any) -> Any:
    """The causal layer with scalars and loops only: no broadcasting, no reshape, no shared code."""
    n, width = len(x), len(x[0])
    d = width // (2 * heads)

    def project(token: int, w: Any, column: int) -> float:
        return sum(float(x[token][r]) * float(w[r][column]) for r in range(width))

    out = [[0.0] * width for _ in range(n)]
    for i in range(n):
        joined: list[float] = []
        for head in range(heads):
            maps = []
            for member in (2 * head, 2 * head + 1):
                scores = [sum(project(i, w_q, member * d + c) * project(j, w_k, member * d + c) for c in range(d))
                          / d ** 0.5 for j in range(i + 1)]
                parts = [math.exp(s) for s in scores]
                maps.append([p / sum(parts) for p in parts])
            value = [sum((a - lam * b) * project(j, w_v, head * 2 * d + c)
                         for j, (a, b) in enumerate(zip(*maps, strict=True))) for c in range(2 * d)]
            size = (sum(y * y for y in value) / (2 * d) + 1e-5) ** 0.5
            joined += [(1 - start) * float(gain[c]) * value[c] / size for c in range(2 * d)]
        for column in range(width):
            out[i][column] = sum(joined[r] * float(w_o[r][column]) for r in range(width))
    return np.array(out)


@pytest.mark.parametrize(("n", "heads", "half"), [(1, 1, 1), (5, 1, 3), (4, 3, 2), (6, 2, 1)])
def test_layer_equals_the_loops(n: int, heads: int, half: int) -> None:
    args = layer(n + heads, n=n, heads=heads, half=half, scale=0.5)
    np.testing.assert_allclose(da.multihead(**args), loops(**args), rtol=1e-9, atol=1e-12)


def test_batches_are_independent() -> None:
    args = layer(9)
    single = da.multihead(**args)
    args["x"] = np.stack([np.zeros_like(args["x"]), args["x"]])
    np.testing.assert_allclose(da.multihead(**args)[1], single, atol=1e-12)


def test_the_norm_forgets_the_scale_of_the_difference() -> None:
    args = layer(10)
    plain = da.multihead(**args)
    args["w_v"] = 1000 * args["w_v"]
    np.testing.assert_allclose(da.multihead(**args), plain, rtol=1e-3, atol=1e-3)


def test_head_output_has_rms_one_minus_lambda_init() -> None:
    args = layer(11)
    args |= {"gain": np.ones(4), "w_o": np.eye(12), "w_v": 100 * args["w_v"]}
    heads = da.multihead(**args).reshape(6, 3, 4)
    np.testing.assert_allclose(np.sqrt((heads ** 2).mean(axis=-1)), 0.8, rtol=1e-4)


def test_lambda_init_by_depth() -> None:
    assert da.lambda_init(1) == pytest.approx(0.2)
    assert da.lambda_init(2) == pytest.approx(0.355509, abs=1e-6)
    assert da.lambda_init(28) == pytest.approx(0.799818, abs=1e-6)


def test_learned_lambda() -> None:
    zero, one = np.zeros(3), np.full(3, 0.1)
    assert da.learned_lambda(zero, zero, zero, zero, 0.2) == pytest.approx(0.2)
    assert da.learned_lambda(one, one, zero, zero, 0.2) == pytest.approx(math.exp(0.03) - 0.8)


def test_clear_errors() -> None:
    q1, k1, q2, k2 = projections(12)
    with pytest.raises(ValueError, match="count from 1"):
        da.lambda_init(0)
    with pytest.raises(ValueError, match="four vectors of one length"):
        da.learned_lambda(np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3), 0.2)
    with pytest.raises(ValueError, match=r"must both end in \(N, d\)"):
        da.attention_map(q1, k1[:5])
    with pytest.raises(ValueError, match=r"must both end in \(N, d\)"):
        da.attention_map(q1[:0], k1[:0])
    with pytest.raises(ValueError, match=r"x must end in \(N, D\)"):
        da.multihead(**{**layer(13), "x": np.ones(12)})
    with pytest.raises(ValueError, match="finite"):
        da.differential_map(q1, k1, q2, k2, math.nan)
    with pytest.raises(ValueError, match="one shape"):
        da.differential_map(q1, k1, q2[:5], k2[:5], 0.5)
    with pytest.raises(ValueError, match="gain must have shape"):
        da.rms_norm(q1, np.ones(3))
    for change, message in (({"heads": 4}, "not a multiple"), ({"heads": 0}, "not a multiple"),
                            ({"start": 1.0}, "lambda_init must be"), ({"w_k": np.eye(3)}, "w_k must be")):
        with pytest.raises(ValueError, match=message):
            da.multihead(**{**layer(13), **change})
