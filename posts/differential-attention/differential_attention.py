"""Differential attention (Ye et al., 2025), forward pass in NumPy.

Letters in the shapes: N tokens, D model width, h differential heads,
d query and key dimension, so that 2 * h * d = D and each head's values
are 2d wide. Leading axes (batch, head) are written "...". There is no
rotary embedding here: apply it to queries and keys beforehand.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


# region name lambdas
def lambda_init(layer: int) -> float:
    """0.8 - 0.6 exp(-0.3 (l - 1)); layers l = 1, 2, ... (paper)."""
    if layer < 1:
        raise ValueError(f"layers count from 1 here, not from {layer}; "
                         "add 1 to an index that starts at 0")
    return 0.8 - 0.6 * math.exp(-0.3 * (layer - 1))


def learned_lambda(
    q1: Array, k1: Array, q2: Array, k2: Array, start: float
) -> float:
    """exp(q1 . k1) - exp(q2 . k2) + start; four (d,) vectors."""
    if q1.ndim != 1 or not q1.shape == k1.shape == q2.shape == k2.shape:
        shapes = ", ".join(str(a.shape) for a in (q1, k1, q2, k2))
        raise ValueError(
            f"lambda needs four vectors of one length, not {shapes}")
    return float(np.exp(q1 @ k1) - np.exp(q2 @ k2) + start)
# endregion name lambdas


# region name core
def attention_map(q: Array, k: Array, *, causal: bool = True) -> Array:
    """softmax(q k^T / sqrt(d)): q, k (..., N, d) to (..., N, N).

    Causal: entry (i, j) is exactly 0 for j > i.
    """
    if (q.ndim < 2 or k.ndim < 2 or q.shape[-2:] != k.shape[-2:]
            or 0 in q.shape[-2:]):
        raise ValueError("queries and keys must both end in (N, d), "
                         f"none of them 0, not {q.shape}, {k.shape}")
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if causal:
        future = np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)
        scores = np.where(future, -np.inf, scores)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return cast(Array, weights / weights.sum(axis=-1, keepdims=True))


def differential_map(
    q1: Array, k1: Array, q2: Array, k2: Array, lam: float,
    *, causal: bool = True,
) -> Array:
    """A1 - lam A2, shape (..., N, N); each row sums to 1 - lam."""
    if not math.isfinite(lam):
        raise ValueError(f"lambda must be finite, not {lam}")
    first = attention_map(q1, k1, causal=causal)
    second = attention_map(q2, k2, causal=causal)
    if first.shape != second.shape:
        raise ValueError("the two maps must have one shape, not "
                         f"{first.shape} and {second.shape}")
    return first - lam * second


def rms_norm(x: Array, gain: Array, eps: float = 1e-5) -> Array:
    """gain * x / sqrt(mean(x^2) + eps), over the last axis."""
    if x.ndim < 1 or gain.shape != x.shape[-1:]:
        raise ValueError(
            f"gain must have shape {x.shape[-1:]}, not {gain.shape}")
    mean_square = np.mean(x * x, axis=-1, keepdims=True)
    return cast(Array, gain * x / np.sqrt(mean_square + eps))
# endregion name core


# region name layer
def multihead(
    x: Array, w_q: Array, w_k: Array, w_v: Array, w_o: Array, *,
    heads: int, lam: float, start: float, gain: Array,
    causal: bool = True,
) -> Array:
    """One layer: x (..., N, D), weights (D, D), gain (2d,).

    head_i = (A1_i - lam A2_i) V_i, with V_i of shape (N, 2d)
    output = concat_i((1 - start) RMSNorm(head_i)) w_o
    """
    if x.ndim < 2:
        raise ValueError(f"x must end in (N, D), not {x.shape}")
    width = x.shape[-1]
    if heads < 1 or width < 1 or width % (2 * heads):
        raise ValueError(
            f"width {width} is not a multiple of 2 * {heads} heads")
    weights = {"w_q": w_q, "w_k": w_k, "w_v": w_v, "w_o": w_o}
    for name, w in weights.items():
        if w.shape != (width, width):
            raise ValueError(
                f"{name} must be {(width, width)}, not {w.shape}")
    if not 0 <= start < 1:
        raise ValueError(f"lambda_init must be in [0, 1), not {start}")

    def split(flat: Array, n: int) -> Array:
        """(..., N, D) to (..., n, N, D / n)."""
        parts = flat.reshape(*flat.shape[:-1], n, width // n)
        return np.moveaxis(parts, -2, -3)

    q = split(x @ w_q, 2 * heads)  # 2h heads of dimension d;
    k = split(x @ w_k, 2 * heads)  # 2i and 2i + 1 form a pair
    v = split(x @ w_v, heads)      # h heads of dimension 2d
    mixed = differential_map(
        q[..., 0::2, :, :], k[..., 0::2, :, :],
        q[..., 1::2, :, :], k[..., 1::2, :, :], lam, causal=causal)
    out = (1 - start) * rms_norm(mixed @ v, gain)  # head by head
    merged = np.moveaxis(out, -3, -2).reshape(x.shape)
    return merged @ w_o
# endregion name layer
