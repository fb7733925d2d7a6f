"""Bytes of the loss at the end of a language model, by formula. N tokens, V vocabulary entries, D dimensions."""

from __future__ import annotations

WIDTHS = {"float32": 4, "bfloat16": 2}


def _check(*sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError(f"sizes must be at least 1, not {min(sizes)}")


def logits_bytes(tokens: int, vocabulary: int, dtype: str = "float32") -> int:
    """One copy of the N x V logits."""
    _check(tokens, vocabulary)
    return tokens * vocabulary * WIDTHS[dtype]


def naive_bytes(tokens: int, vocabulary: int, gradients: int = 0) -> int:
    """The usual code's peak: three float32 copies of the logits, whatever the inputs' type.

    The log-probabilities that the forward pass kept, and two gradients of
    that shape. The gradients of E and C come after: they add to the peak
    only where they outweigh two copies.
    """
    copy = logits_bytes(tokens, vocabulary)
    return max(3 * copy, copy + gradients)


def cut_bytes(tokens: int, vocabulary: int) -> int:
    """What cut cross-entropy adds, the tiles aside, which stay on the chip.

    A float32 log-sum-exp for each token; to sort the vocabulary, a float32
    mean logit and an int32 rank for each entry.
    """
    _check(tokens, vocabulary)
    return 4 * tokens + 8 * vocabulary


def gradient_bytes(tokens: int, vocabulary: int, dimensions: int, dtype: str = "float32") -> int:
    """The gradients of E and C, which every method returns."""
    _check(tokens, vocabulary, dimensions)
    return (tokens + vocabulary) * dimensions * WIDTHS[dtype]


def checkpoint_bytes(tokens: int, layers: int, dimensions: int) -> int:
    """The inputs of all layers in bfloat16, which is what activation checkpointing keeps."""
    _check(tokens, layers, dimensions)
    return 2 * tokens * layers * dimensions


def tiled_bytes(tokens: int, dimensions: int, token_tile: int = 1024, vocab_tile: int = 512) -> int:
    """What our PyTorch code adds in float32: a tile, three blocks of T x D, and a few numbers for each token."""
    _check(tokens, dimensions, token_tile, vocab_tile)
    rows = min(tokens, token_tile)
    return 4 * rows * (vocab_tile + 3 * dimensions) + 40 * tokens
