"""The same loss as two Triton kernels: forward with a running log-sum-exp, backward with tiles skipped.

Each is checked in Triton's interpreter, on a CPU. They have not run on a GPU, so nothing is said of their
speed. Products are float32, as the interpreter has none of bfloat16. `forward` returns losses and
log-sum-exps, `backward` the gradients of sum(weights * losses).
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor


# region forward
@triton.jit
def _forward(e_ptr: Any, c_ptr: Any, x_ptr: Any, loss_ptr: Any,
             lse_ptr: Any, n: Any, v: Any, d: Any,
             N_TILE: tl.constexpr, V_TILE: tl.constexpr,
             D_TILE: tl.constexpr) -> None:
    """One program per N_TILE tokens; it walks the whole vocabulary."""
    rows = tl.program_id(0) * N_TILE + tl.arange(0, N_TILE)
    x = tl.load(x_ptr + rows, mask=rows < n, other=-1)
    top = tl.full((N_TILE,), -float("inf"), tl.float32)
    total = tl.zeros((N_TILE,), tl.float32)
    correct = tl.zeros((N_TILE,), tl.float32)
    for start in range(0, v, V_TILE):
        columns = start + tl.arange(0, V_TILE)
        z = _logits(e_ptr, c_ptr, rows, columns, n, v, d,
                    N_TILE, V_TILE, D_TILE)
        mine = x[:, None] == columns[None, :]
        correct += tl.sum(tl.where(mine, z, 0.0), 1)
        z = tl.where(columns[None, :] < v, z, -float("inf"))
        new_top = tl.maximum(top, tl.max(z, 1))
        total = total * tl.exp(top - new_top)
        total += tl.sum(tl.exp(z - new_top[:, None]), 1)
        top = new_top
    lse = top + tl.log(total)
    tl.store(lse_ptr + rows, lse, mask=rows < n)
    tl.store(loss_ptr + rows, lse - correct, mask=rows < n)


@triton.jit
def _logits(e_ptr: Any, c_ptr: Any, rows: Any, columns: Any,
            n: Any, v: Any, d: Any, N_TILE: tl.constexpr,
            V_TILE: tl.constexpr, D_TILE: tl.constexpr) -> Any:
    z = tl.zeros((N_TILE, V_TILE), tl.float32)
    for first in range(0, d, D_TILE):
        k = first + tl.arange(0, D_TILE)
        at_e = rows[:, None].to(tl.int64) * d + k[None, :]
        at_c = columns[:, None].to(tl.int64) * d + k[None, :]
        in_e = (rows[:, None] < n) & (k[None, :] < d)
        in_c = (columns[:, None] < v) & (k[None, :] < d)
        e = tl.load(e_ptr + at_e, mask=in_e, other=0.0)
        c = tl.load(c_ptr + at_c, mask=in_c, other=0.0)
        z = tl.dot(e.to(tl.float32), tl.trans(c.to(tl.float32)), z,
                   input_precision="ieee")
    return z
# endregion forward


@triton.jit
def _backward(e_ptr: Any, c_ptr: Any, x_ptr: Any, lse_ptr: Any, w_ptr: Any, d_e_ptr: Any, d_c_ptr: Any,
              kept_ptr: Any, n: Any, v: Any, d: Any, threshold: Any, N_TILE: tl.constexpr, V_TILE: tl.constexpr,
              D_TILE: tl.constexpr) -> None:
    """One program per tile: recompute it, and unless it is below the threshold add its part to both gradients."""
    rows = tl.program_id(0) * N_TILE + tl.arange(0, N_TILE)
    columns = tl.program_id(1) * V_TILE + tl.arange(0, V_TILE)
    inside = (rows[:, None] < n) & (columns[None, :] < v)
    x = tl.load(x_ptr + rows, mask=rows < n, other=-1)
    lse = tl.load(lse_ptr + rows, mask=rows < n, other=0.0)
    z = _logits(e_ptr, c_ptr, rows, columns, n, v, d, N_TILE, V_TILE, D_TILE)
    g = tl.where(inside, tl.exp(z - lse[:, None]), 0.0)
    g -= tl.where(inside & (x[:, None] == columns[None, :]), 1.0, 0.0)
    if tl.max(tl.max(tl.abs(g), 1), 0) >= threshold:
        tl.atomic_add(kept_ptr, 1)
        w = tl.load(w_ptr + rows, mask=rows < n, other=0.0)
        g = g * w[:, None]
        for first in range(0, d, D_TILE):
            k = first + tl.arange(0, D_TILE)
            at_e = rows[:, None].to(tl.int64) * d + k[None, :]
            at_c = columns[:, None].to(tl.int64) * d + k[None, :]
            in_e = (rows[:, None] < n) & (k[None, :] < d)
            in_c = (columns[:, None] < v) & (k[None, :] < d)
            e = tl.load(e_ptr + at_e, mask=in_e, other=0.0).to(tl.float32)
            c = tl.load(c_ptr + at_c, mask=in_c, other=0.0).to(tl.float32)
            tl.atomic_add(d_e_ptr + at_e, tl.dot(g, c, input_precision="ieee"), mask=in_e)
            tl.atomic_add(d_c_ptr + at_c, tl.dot(tl.trans(g), e, input_precision="ieee"), mask=in_c)


def _sizes(e: Tensor, c: Tensor, x: Tensor) -> tuple[int, int, int]:
    """N, V, D. ValueError for what the kernels cannot read."""
    if e.ndim != 2 or c.ndim != 2 or e.shape[1] != c.shape[1] or not e.numel() or not c.numel():
        raise ValueError(f"hidden (N, D) and classifier (V, D) must agree, not {tuple(e.shape)} and {tuple(c.shape)}")
    if e.dtype != c.dtype or e.dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"hidden and classifier must both be float32 or bfloat16, not {e.dtype} and {c.dtype}")
    if x.shape != e.shape[:1] or x.dtype != torch.int64 or x.min() < 0 or x.max() >= len(c):
        raise ValueError(f"targets must be {len(e)} int64 in 0..{len(c) - 1}")
    if not (e.is_contiguous() and c.is_contiguous()):
        raise ValueError("hidden and classifier must be contiguous")
    return len(e), len(c), e.shape[1]


def forward(e: Tensor, c: Tensor, x: Tensor, tiles: tuple[int, int, int] = (64, 64, 32)) -> tuple[Tensor, Tensor]:
    """Losses (N,) and log-sum-exps (N,), float32. `tiles` of tokens, vocabulary and dimensions: powers of two."""
    n, v, d = _sizes(e, c, x)
    losses, lse = e.new_empty(2, n, dtype=torch.float32)
    _forward[(triton.cdiv(n, tiles[0]),)](e, c, x, losses, lse, n, v, d, *tiles)
    return losses, lse


def backward(e: Tensor, c: Tensor, x: Tensor, lse: Tensor, weights: Tensor, threshold: float = 0.0,
             tiles: tuple[int, int, int] = (64, 64, 32)) -> tuple[Tensor, Tensor, int]:
    """Gradients (N, D) and (V, D), summed in float32, and how many tiles were not skipped."""
    n, v, d = _sizes(e, c, x)
    d_e, d_c = torch.zeros_like(e, dtype=torch.float32), torch.zeros_like(c, dtype=torch.float32)
    kept = torch.zeros(1, dtype=torch.int32, device=e.device)
    _backward[(triton.cdiv(n, tiles[0]), triton.cdiv(v, tiles[1]))](
        e, c, x, lse, weights, d_e, d_c, kept, n, v, d, threshold, *tiles)
    return d_e.to(e.dtype), d_c.to(c.dtype), int(kept)
