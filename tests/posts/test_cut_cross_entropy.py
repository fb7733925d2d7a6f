"""The tile-by-tile loss and gradients against a direct float64 computation and finite differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from article_code import load

cce = load("cut-cross-entropy", "cut_cross_entropy")


def direct(e: Any, c: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Loss, log-sum-exp and both gradients of the mean loss from the whole float64 logits."""
    e, c = e.astype(np.float64), c.astype(np.float64)
    z = e @ c.T
    top = z.max(axis=1)
    lse = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    g = np.exp(z - lse[:, None])
    g[np.arange(len(x)), x] -= 1
    return lse - z[np.arange(len(x)), x], lse, g @ c / len(x), g.T @ e / len(x)


def case(n: int, v: int, d: int, *, scale: float = 1.0, seed: int = 0, dtype: Any = np.float64) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    e = (scale * rng.standard_normal((n, d))).astype(dtype)
    c = rng.standard_normal((v, d)).astype(dtype)
    return e, c, rng.integers(0, v, n)


CASES = {
    "random": case(37, 101, 8),
    "one token": case(1, 50, 4, seed=1),
    "one vocabulary entry": case(5, 1, 4, seed=2),
    "one dimension": case(9, 33, 1, seed=3),
    "huge logits": case(20, 70, 6, scale=1e6, seed=4),
    "tiny logits": case(20, 70, 6, scale=1e-9, seed=5),
    "all zero": (np.zeros((4, 3)), np.zeros((10, 3)), np.array([0, 3, 9, 9])),
    "repeated target": (*case(16, 40, 5, seed=6)[:2], np.full(16, 39)),
    "rising logits": (np.ones((3, 1)), np.arange(30.0)[:, None], np.array([0, 15, 29])),
    "falling logits": (np.ones((3, 1)), -np.arange(30.0)[:, None], np.array([0, 15, 29])),
}
TILES = [(1, 1), (4, 7), (8, 16), (128, 256)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tiles", TILES)
def test_agrees_with_the_direct_computation(name: str, tiles: tuple[int, int]) -> None:
    e, c, x = CASES[name]
    losses, lse, d_e, d_c = direct(e, c, x)
    got_losses, got_lse = cce.forward(e, c, x, token_tile=tiles[0], vocab_tile=tiles[1])
    got_d_e, got_d_c, kept = cce.backward(e, c, x, got_lse, token_tile=tiles[0], vocab_tile=tiles[1])
    scale = max(1.0, float(np.abs(lse).max()))
    np.testing.assert_allclose(got_lse, lse, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got_losses, losses, rtol=1e-12, atol=1e-14 * scale * 10)
    # exp(z - lse) turns an absolute error in z into a relative one in p.
    np.testing.assert_allclose(got_d_e, d_e, rtol=1e-9, atol=1e-13 * scale)
    np.testing.assert_allclose(got_d_c, d_c, rtol=1e-9, atol=1e-13 * scale * max(1.0, float(np.abs(e).max())))
    assert kept == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_random_shapes_and_tiles(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    n, v, d, rows, columns = (int(rng.integers(1, high)) for high in (30, 90, 9, 12, 40))
    e, c, x = case(n, v, d, seed=seed)
    losses, _, d_e, d_c = direct(e, c, x)
    got, lse = cce.forward(e, c, x, token_tile=rows, vocab_tile=columns)
    got_d_e, got_d_c, _ = cce.backward(e, c, x, lse, token_tile=rows, vocab_tile=columns)
    np.testing.assert_allclose(got, losses, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(got_d_e, d_e, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got_d_c, d_c, rtol=1e-10, atol=1e-12)


def test_gradients_are_the_finite_differences_of_the_mean_loss() -> None:
    e, c, x = case(3, 11, 4, seed=7)
    _, lse = cce.forward(e, c, x)
    d_e, d_c, _ = cce.backward(e, c, x, lse, token_tile=2, vocab_tile=4)
    step = 1e-6
    for array, gradient in ((e, d_e), (c, d_c)):
        for index in np.ndindex(*array.shape):
            kept = array[index]
            array[index] = kept + step
            above = cce.forward(e, c, x, token_tile=2, vocab_tile=4)[0].mean()
            array[index] = kept - step
            below = cce.forward(e, c, x, token_tile=2, vocab_tile=4)[0].mean()
            array[index] = kept
            assert math.isclose(gradient[index], (above - below) / (2 * step), rel_tol=1e-6, abs_tol=1e-9)


def test_the_articles_worked_example() -> None:
    e = math.log(2) * np.array([[1.0, 0.0], [1.0, 2.0]])
    c = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, -1.0], [2.0, 0.0]])
    x = np.array([2, 1])
    losses, lse = cce.forward(e, c, x, token_tile=2, vocab_tile=2)
    np.testing.assert_allclose(lse, np.log([15, 12]), rtol=1e-14)
    np.testing.assert_allclose(losses, [math.log(15 / 8), math.log(3)], rtol=1e-14)
    d_e, _, _ = cce.backward(e, c, x, lse, vocab_tile=2)
    np.testing.assert_allclose(2 * d_e[0], [-11 / 15, 8 / 15], rtol=1e-13)


def test_float32_stays_float32_and_close() -> None:
    e, c, x = case(40, 300, 16, dtype=np.float32, seed=8)
    losses, _, d_e, d_c = direct(e, c, x)
    got, lse = cce.forward(e, c, x, vocab_tile=64)
    got_d_e, got_d_c, _ = cce.backward(e, c, x, lse, vocab_tile=64)
    assert got.dtype == lse.dtype == got_d_e.dtype == got_d_c.dtype == np.float32
    np.testing.assert_allclose(got, losses, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got_d_e, d_e, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(got_d_c, d_c, rtol=1e-3, atol=1e-6)


def test_the_filter_skips_only_tiles_that_are_small_everywhere() -> None:
    e, c, x = case(32, 256, 8, scale=4.0, seed=9)
    _, lse, _, _ = direct(e, c, x)
    z = e @ c.T
    g = np.exp(z - lse[:, None])
    g[np.arange(32), x] -= 1
    threshold = 2.0**-6
    for r in range(0, 32, 4):
        for s in range(0, 256, 8):
            if np.abs(g[r:r + 4, s:s + 8]).max() < threshold:
                g[r:r + 4, s:s + 8] = 0
    d_e, d_c, kept = cce.backward(e, c, x, lse, token_tile=4, vocab_tile=8, threshold=threshold)
    assert 0 < kept < 1
    np.testing.assert_allclose(d_e, g @ c / 32, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(d_c, g.T @ e / 32, rtol=1e-10, atol=1e-13)


def test_a_flat_softmax_loses_every_tile_without_a_target() -> None:
    e, c = np.zeros((8, 4)), np.random.default_rng(10).standard_normal((8192, 4))
    _, lse = cce.forward(e, c, np.zeros(8, int))
    _, _, kept = cce.backward(e, c, np.zeros(8, int), lse, vocab_tile=256, threshold=2.0**-12)
    assert kept == 1 / 32


def test_inputs_are_left_alone() -> None:
    e, c, x = case(6, 20, 3, seed=11)
    copies = e.copy(), c.copy(), x.copy()
    _, lse = cce.forward(e, c, x)
    before = lse.copy()
    cce.backward(e, c, x, lse)
    for array, copy in zip((e, c, x, lse), (*copies, before), strict=True):
        np.testing.assert_array_equal(array, copy)


E, C, X = case(4, 6, 3, seed=12)


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((E[0], C, X), {}, "two axes"),
    ((E[:, :2], C, X), {}, "dimensions"),
    ((E.astype(np.float16), C, X), {}, "float32 or float64"),
    ((E.astype(np.float32), C, X), {}, "make them equal"),
    ((E[:0], C, X[:0]), {}, "empty"),
    ((E, C[:0], X), {}, "empty"),
    ((E, C, X[:3]), {}, "targets must be 4 integers"),
    ((E, C, X.astype(float)), {}, "integers"),
    ((E, C, np.array([0, 1, 2, 6])), {}, r"0\.\.5"),
    ((E, C, np.array([0, 1, 2, -1])), {}, r"0\.\.5"),
    ((E, C, X), {"token_tile": 0}, "tiles must be positive"),
    ((E, C, X), {"vocab_tile": -1}, "tiles must be positive"),
    ((np.where(E[0, 0] == E, np.nan, E), C, X), {}, "not finite"),
    ((np.full((4, 3), 1e30, np.float32), np.full((6, 3), 1e30, np.float32), X), {}, "overflows"),
])
def test_bad_input_is_named(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cce.forward(*arguments, **options)


@pytest.mark.parametrize(("lse", "threshold", "message"), [
    (np.zeros(3), 0.0, "lse must be"),
    (np.zeros(4), -1.0, "threshold"),
    (np.zeros(4), math.nan, "threshold"),
])
def test_bad_backward_input_is_named(lse: Any, threshold: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cce.backward(E, C, X, lse, threshold=threshold)
