"""Plain and differential attention in PyTorch, and a small Transformer that takes any of them.

Letters in the shapes: B sequences, N tokens, D model width, d width of one
query or key. Each attention turns (B, N, D) into (B, N, D), sees no later
token, and rotates queries and keys by position. `weights` gives its maps,
signed, (B, heads, N, N); `fused=True` never forms them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def lambda_init(layer: int) -> float:
    """0.8 - 0.6 exp(-0.3 (l - 1)); layers l = 1, 2, ..."""
    if layer < 1:
        raise ValueError(f"layers count from 1, not from {layer}")
    return 0.8 - 0.6 * math.exp(-0.3 * (layer - 1))


@cache
def _angles(n: int, d: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    speeds = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = torch.arange(n, dtype=torch.float64)[:, None] * speeds
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor) -> Tensor:
    """Rotary position embedding of (..., N, d): entries 2i and 2i + 1 turn together."""
    cos, sin = _angles(x.shape[-2], x.shape[-1], x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


def causal_softmax(q: Tensor, k: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) over the tokens up to each query: (..., N, d) to (..., N, N)."""
    n, d = q.shape[-2:]
    future = torch.ones(n, n, dtype=torch.bool).triu(1)
    return (q @ k.transpose(-1, -2) / math.sqrt(d)).masked_fill(future, -math.inf).softmax(-1)


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Attention(nn.Module):
    """What all kinds share: projections to heads, each key and value head used by a group of queries."""

    def __init__(self, width: int, heads: int, kv_heads: int | None, *, queries: int, keys: int, head_width: int,
                 value_width: int):
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if heads < 1 or kv_heads < 1 or heads % kv_heads:
            raise ValueError(f"{heads} heads cannot share {kv_heads} key-value heads evenly")
        if head_width < 2 or head_width % 2:
            raise ValueError(f"queries and keys must be of even width to be rotated, not {head_width}")
        self.width, self.heads, self.kv_heads = width, heads, kv_heads
        self.queries, self.keys = queries * heads, keys * kv_heads
        self.q = nn.Linear(width, self.queries * head_width, bias=False)
        self.k = nn.Linear(width, self.keys * head_width, bias=False)
        self.v = nn.Linear(width, kv_heads * value_width, bias=False)
        self.out = nn.Linear(heads * value_width, width, bias=False)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, rotated, as (B, query heads, N, d), and values as (B, heads, N, value width)."""
        if x.ndim != 3 or x.shape[-1] != self.width or not x.shape[1]:
            raise ValueError(f"expected (batch, tokens, {self.width}), not {tuple(x.shape)}")

        def part(flat: Tensor, heads: int, wanted: int) -> Tensor:
            return flat.unflatten(-1, (heads, -1)).transpose(1, 2).repeat_interleave(wanted // heads, dim=1)

        q, k = rotate(part(self.q(x), self.queries, self.queries)), rotate(part(self.k(x), self.keys, self.queries))
        return q, k, part(self.v(x), self.kv_heads, self.heads)

    def mix(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor:
        """The maps, signed."""
        raise NotImplementedError

    def mix_fused(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What `mix` times v gives, by scaled_dot_product_attention."""
        raise NotImplementedError

    def finish(self, heads: Tensor) -> Tensor:
        """What happens to each head's output by itself."""
        return heads

    def weights(self, x: Tensor) -> Tensor:
        q, k, _ = self.split(x)
        return self.mix(x, q, k)

    def forward(self, x: Tensor, *, fused: bool = False) -> Tensor:
        q, k, v = self.split(x)
        heads = self.mix_fused(x, q, k, v) if fused else self.mix(x, q, k) @ v
        out: Tensor = self.out(self.finish(heads).transpose(1, 2).flatten(-2))
        return out


class Plain(Attention):
    """Multi-head attention; with `norm`, what V1 does after its subtraction is done here too."""

    def __init__(self, width: int, heads: int, *, kv_heads: int | None = None, layer: int = 1, norm: bool = False):
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        d = width // heads
        super().__init__(width, heads, kv_heads, queries=1, keys=1, head_width=d, value_width=d)
        self.start = lambda_init(layer)
        self.norm = nn.RMSNorm(d, eps=1e-5) if norm else None

    def mix(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return causal_softmax(q, k)

    def mix_fused(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return sdpa(q, k, v)

    def finish(self, heads: Tensor) -> Tensor:
        return heads if self.norm is None else (1 - self.start) * self.norm(heads)


# region v1
class DifferentialV1(Attention):
    """`heads` differential heads: half as many as a plain layer of the same width has."""

    def __init__(self, width: int, heads: int, *, kv_heads: int | None = None, layer: int = 1, norm: bool = True,
                 fixed: float | None = None):
        if heads < 1 or width % (2 * heads):
            raise ValueError(f"width {width} is not a multiple of 2 * {heads} heads")
        d = width // (2 * heads)
        super().__init__(width, heads, kv_heads, queries=2, keys=2, head_width=d, value_width=2 * d)
        self.start, self.fixed = lambda_init(layer), fixed
        if fixed is None:
            self.lambdas = nn.Parameter(0.1 * torch.randn(4, d))
        self.norm = nn.RMSNorm(2 * d, eps=1e-5) if norm else None

    def lam(self) -> Tensor:
        """One number for all heads and tokens of the layer."""
        if self.fixed is not None:
            return torch.tensor(self.fixed)
        q1, k1, q2, k2 = self.lambdas
        return (q1 @ k1).exp() - (q2 @ k2).exp() + self.start

    def mix(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor:
        maps = causal_softmax(q, k)  # heads 2i and 2i + 1 are a pair
        return maps[:, 0::2] - self.lam() * maps[:, 1::2]

    def mix_fused(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return sdpa(q[:, 0::2], k[:, 0::2], v) - self.lam() * sdpa(q[:, 1::2], k[:, 1::2], v)

    def finish(self, heads: Tensor) -> Tensor:
        return heads if self.norm is None else (1 - self.start) * self.norm(heads)
# endregion v1


# region v2
class DifferentialV2(Attention):
    """`heads` as in the plain layer, each with two queries; keys and values are the plain layer's."""

    def __init__(self, width: int, heads: int, *, kv_heads: int | None = None):
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        d = width // heads
        super().__init__(width, heads, kv_heads, queries=2, keys=1, head_width=d, value_width=d)
        self.lam = nn.Linear(width, heads, bias=False)

    def share(self, x: Tensor) -> Tensor:
        """sigmoid(lambda), for each token and head: (B, heads, N, 1)."""
        return self.lam(x).sigmoid().transpose(1, 2)[..., None]

    def mix(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor:
        maps = causal_softmax(q, k)
        return maps[:, 0::2] - self.share(x) * maps[:, 1::2]

    def mix_fused(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        both = sdpa(q, k, v.repeat_interleave(2, dim=1))
        return both[:, 0::2] - self.share(x) * both[:, 1::2]
# endregion v2


class Block(nn.Module):
    def __init__(self, attention: Attention, width: int, hidden: int):
        super().__init__()
        self.before, self.attention, self.between = nn.RMSNorm(width), attention, nn.RMSNorm(width)
        self.up, self.down = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, fused: bool) -> Tensor:
        x = x + self.attention(self.before(x), fused=fused)
        return x + self.down(F.gelu(self.up(self.between(x))))


class Transformer(nn.Module):
    """Ids (B, N) to logits (B, N, vocabulary); `attention(layer)` makes the attention of layer 1, 2, ..."""

    def __init__(self, vocabulary: int, width: int, layers: int, hidden: int,
                 attention: Callable[[int], Attention]):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(attention(layer), width, hidden) for layer in range(1, layers + 1))
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids: Tensor, *, fused: bool = False, last: int = 0) -> Tensor:
        """With `last`, logits of the last so many tokens only."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, fused)
        return self.head(self.norm(x[:, -last:] if last else x))

    def maps(self, ids: Tensor) -> list[Tensor]:
        """The attention weights of each layer, signed."""
        x, found = self.embedding(ids), []
        for block in self.blocks:
            assert isinstance(block, Block)
            found.append(block.attention.weights(block.before(x)))
            x = block(x, False)
        return found
