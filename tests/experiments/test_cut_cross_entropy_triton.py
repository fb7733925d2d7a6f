"""The Triton kernels in Triton's interpreter, on small shapes, against float64. No GPU is needed or used."""

from __future__ import annotations

import os
from typing import Any

import pytest
from article_code import load

os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported
import torch

kernels: Any = load("cut-cross-entropy", "cut_cross_entropy_triton")
TILES = (16, 32, 16)


def exact(e: torch.Tensor, c: torch.Tensor, x: torch.Tensor, w: torch.Tensor) -> list[torch.Tensor]:
    e, c = e.double().requires_grad_(), c.double().requires_grad_()
    losses = torch.nn.functional.cross_entropy(e @ c.T, x, reduction="none")
    (losses * w).sum().backward()
    assert e.grad is not None and c.grad is not None
    return [losses.detach(), e.grad, c.grad]


@pytest.mark.parametrize(("n", "v", "d"), [(1, 1, 1), (16, 32, 16), (17, 33, 17), (5, 100, 3), (40, 70, 50)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_loss_and_gradients_equal_float64(n: int, v: int, d: int, dtype: torch.dtype, tolerance: float,
                                          scale: float) -> None:
    """Shapes that the tiles divide and that they do not; logits of size one and of several hundred."""
    torch.manual_seed(n)
    e, c = (scale * torch.randn(n, d)).to(dtype), torch.randn(v, d).to(dtype)
    x, w = torch.randint(v, (n,)), torch.rand(n)
    losses, lse = kernels.forward(e, c, x, TILES)
    d_e, d_c, kept = kernels.backward(e, c, x, lse, w, tiles=TILES)
    assert kept == -(-n // 16) * -(-v // 32) and d_e.dtype == d_c.dtype == dtype
    for one, true in zip((losses, d_e, d_c), exact(e, c, x, w), strict=True):
        assert (one - true).norm() <= tolerance * max(1, scale / 10) * true.norm() + 1e-5 * scale


def test_the_filter_skips_tiles_that_are_small_everywhere() -> None:
    """A flat softmax over 128 entries: below 1/64 everywhere but at the target, which lies in the first tile."""
    e, c, x, w = torch.zeros(16, 16), torch.randn(128, 16), torch.zeros(16, dtype=torch.int64), torch.ones(16)
    _, lse = kernels.forward(e, c, x, TILES)
    for threshold, kept in ((0.0, 4), (1 / 64, 1)):
        d_e, d_c, count = kernels.backward(e, c, x, lse, w, threshold, TILES)
        assert count == kept
        g = torch.full((16, 128), 1 / 128)
        g[:, 0] -= 1
        g[:, 32 * kept:] = 0
        torch.testing.assert_close(d_e, g @ c, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(d_c, g.T @ e)


@pytest.mark.parametrize(("change", "message"), [
    ({"e": torch.zeros(4, 3)}, "must agree"), ({"e": torch.zeros(4, 2).double()}, "float32 or bfloat16"),
    ({"x": torch.tensor([0, 1, 2, 6])}, r"0\.\.5"), ({"x": torch.tensor([0, 1])}, "4 int64"),
    ({"c": torch.zeros(2, 6).T}, "contiguous"),
])
def test_bad_input_is_named(change: dict[str, torch.Tensor], message: str) -> None:
    good = {"e": torch.zeros(4, 2), "c": torch.zeros(6, 2), "x": torch.zeros(4, dtype=torch.int64)}
    with pytest.raises(ValueError, match=message):
        kernels.forward(**{**good, **change})
