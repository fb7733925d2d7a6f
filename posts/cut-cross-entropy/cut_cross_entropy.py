"""Cross-entropy of a linear classifier, one tile of logits at a time.

N tokens, V vocabulary entries, D dimensions. The N x V logits never exist:
the largest temporary is one ``token_tile`` x ``vocab_tile`` block. NumPy on a
CPU, so the saving is real and the speed is not the point.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def _check(embeddings: Floats, classifier: Floats, targets: Ints, token_tile: int, vocab_tile: int) -> None:
    """Raise ValueError unless the arrays fit together and the tiles are positive."""
    if embeddings.ndim != 2 or classifier.ndim != 2:
        raise ValueError(f"embeddings and classifier need two axes, not {embeddings.ndim} and {classifier.ndim}")
    if embeddings.shape[1] != classifier.shape[1]:
        raise ValueError(f"embeddings have {embeddings.shape[1]} dimensions, the classifier {classifier.shape[1]}")
    for name, array in (("embeddings", embeddings), ("classifier", classifier)):
        if array.dtype not in (np.float32, np.float64):
            raise ValueError(f"{name} must be float32 or float64, not {array.dtype}")
    if embeddings.dtype != classifier.dtype:
        raise ValueError(f"embeddings are {embeddings.dtype}, the classifier {classifier.dtype}: make them equal")
    if embeddings.size == 0 or classifier.size == 0:
        raise ValueError("embeddings and classifier must not be empty")
    if targets.shape != (len(embeddings),) or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(f"targets must be {len(embeddings)} integers, not {targets.dtype} of shape {targets.shape}")
    if targets.min() < 0 or targets.max() >= len(classifier):
        raise ValueError(f"targets must lie in 0..{len(classifier) - 1}")
    if token_tile < 1 or vocab_tile < 1:
        raise ValueError(f"tiles must be positive, not {token_tile} x {vocab_tile}")


def _slices(length: int, step: int) -> Iterator[slice]:
    """Cut ``range(length)`` into slices of ``step``; the last may reach past the end."""
    return (slice(start, start + step) for start in range(0, length, step))


def _logits(embeddings: Floats, classifier: Floats) -> Floats:
    """One tile ``embeddings @ classifier.T``. Raises ValueError if it is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        tile = embeddings @ classifier.T
    if not np.isfinite(tile).all():
        raise ValueError(f"logits are not finite in {tile.dtype}: the input has NaN or infinity, or overflows")
    return tile


# region forward
def forward(embeddings: Floats, classifier: Floats, targets: Ints, *,
            token_tile: int = 128,
            vocab_tile: int = 256) -> tuple[Floats, Floats]:
    """Per-token loss (N,) and log-sum-exp (N,).

    loss_i = lse_i - e_i . c_(x_i),  lse_i = log sum_j exp(e_i . c_j)

    embeddings (N, D), classifier (V, D), targets (N,) in 0..V-1.
    Raises ValueError for arrays that do not fit or are not finite.
    """
    _check(embeddings, classifier, targets, token_tile, vocab_tile)
    lse = np.empty(len(embeddings), embeddings.dtype)
    for rows in _slices(len(embeddings), token_tile):
        e = embeddings[rows]
        top = np.full(len(e), -np.inf, e.dtype)  # running maximum
        total = np.zeros(len(e), e.dtype)        # running sum
        for columns in _slices(len(classifier), vocab_tile):
            tile = _logits(e, classifier[columns])
            new_top = np.maximum(top, tile.max(axis=1))
            total *= np.exp(top - new_top)
            total += np.exp(tile - new_top[:, None]).sum(axis=1)
            top = new_top
        lse[rows] = top + np.log(total)
    correct = np.einsum("nd,nd->n", embeddings, classifier[targets])
    return lse - correct, lse
# endregion forward


# region backward
def backward(embeddings: Floats, classifier: Floats, targets: Ints,
             lse: Floats, *, token_tile: int = 128,
             vocab_tile: int = 256, threshold: float = 0.0,
             ) -> tuple[Floats, Floats, float]:
    """Gradients (N, D), (V, D) of the mean loss; kept share of tiles.

    G_ij = exp(e_i . c_j - lse_i) - [j = x_i],  dE = G C / N,
    dC = G^T E / N. A tile with every |G_ij| < threshold is skipped;
    threshold 0 skips none. `lse` is what `forward` returned.
    Raises ValueError as `forward` does, or for a negative threshold.
    """
    _check(embeddings, classifier, targets, token_tile, vocab_tile)
    if lse.shape != targets.shape:
        raise ValueError(
            f"lse must be {targets.shape}, not {lse.shape}")
    if not threshold >= 0:
        raise ValueError(f"threshold must be >= 0, not {threshold}")
    d_embeddings = np.zeros_like(embeddings)
    d_classifier = np.zeros_like(classifier)
    kept = seen = 0
    for rows in _slices(len(embeddings), token_tile):
        e, x = embeddings[rows], targets[rows]
        for columns in _slices(len(classifier), vocab_tile):
            c = classifier[columns]
            g = np.exp(_logits(e, c) - lse[rows][:, None])
            mine = (columns.start <= x) & (x < columns.stop)
            g[mine, x[mine] - columns.start] -= 1
            seen += 1
            if np.abs(g).max() < threshold:
                continue
            kept += 1
            d_embeddings[rows] += g @ c
            d_classifier[columns] += g.T @ e
    n = len(embeddings)
    return d_embeddings / n, d_classifier / n, kept / seen
# endregion backward
