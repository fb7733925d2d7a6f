"""GPT-2 in PyTorch, with its published names of weights, and a cache for search.

`load` reads a checkpoint in the form in which GPT-2 is published: a folder
with config.json and model.safetensors or pytorch_model.bin.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    """The sizes in config.json; the defaults are GPT-2 small's."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5
    resid_pdrop: float = 0.1


class Cache:
    """Keys and values of the tokens read so far; each row is one hypothesis, of a length of its own."""

    def __init__(self, layers: int, rows: int, heads: int, size: int, capacity: int, dtype: torch.dtype) -> None:
        self.keys = torch.zeros(layers, rows, capacity, heads, size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.lengths = torch.zeros(rows, dtype=torch.long)

    def select(self, rows: Tensor) -> Cache:
        """A copy with these rows, in this order; a row may occur several times."""
        new = object.__new__(Cache)
        new.keys, new.values = self.keys.index_select(1, rows), self.values.index_select(1, rows)
        new.lengths = self.lengths[rows]
        return new

    def positions(self, count: int) -> Tensor:
        """Where each row's next tokens stand: (rows, count)."""
        return self.lengths[:, None] + torch.arange(count)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of new tokens to old ones and to each other; all are (rows, count, heads, size)."""
        positions = self.positions(k.shape[1])
        rows = torch.arange(len(k))[:, None]
        self.keys[layer, rows, positions], self.values[layer, rows, positions] = k, v
        end = int(positions.max()) + 1
        seen = (torch.arange(end) <= positions[..., None])[:, None]
        return attention(q, self.keys[layer, :, :end], self.values[layer, :, :end], mask=seen)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Causal attention of (rows, length, heads, size); fewer heads of keys are shared by groups of queries."""
    if k.shape[2] != q.shape[2]:
        k, v = (part.repeat_interleave(q.shape[2] // k.shape[2], 2) for part in (k, v))
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None).transpose(1, 2)


# region name gpt2
class Conv1D(nn.Module):
    """GPT-2's name for a linear layer whose weight is (in, out)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.heads = c.n_head
        self.c_attn = Conv1D(c.n_embd, 3 * c.n_embd)
        self.c_proj = Conv1D(c.n_embd, c.n_embd)

    def forward(self, x: Tensor, layer: int, cache: Cache | None) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1))
                   for part in self.c_attn(x).chunk(3, dim=-1))
        y = cache.attend(layer, q, k, v) if cache else attention(q, k, v)
        return self.c_proj(y.flatten(2))


class MLP(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(c.n_embd, 4 * c.n_embd)
        self.c_proj = Conv1D(4 * c.n_embd, c.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.attn = Attention(c)
        self.ln_2 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.mlp = MLP(c)
        self.drop = nn.Dropout(c.resid_pdrop)

    def forward(self, x: Tensor, layer: int, cache: Cache | None) -> Tensor:
        x = x + self.drop(self.attn(self.ln_1(x), layer, cache))
        return x + self.drop(self.mlp(self.ln_2(x)))


class GPT2(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.config = c
        self.wte = nn.Embedding(c.vocab_size, c.n_embd)  # tokens
        self.wpe = nn.Embedding(c.n_positions, c.n_embd)  # places
        self.h = nn.ModuleList(Block(c) for _ in range(c.n_layer))
        self.ln_f = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.drop = nn.Dropout(c.resid_pdrop)
        self.start()

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """Ids (rows, length) to hidden states (rows, length, n_embd)."""
        places = (cache.positions(ids.shape[1]) if cache
                  else torch.arange(ids.shape[1]))
        x = self.drop(self.wte(ids) + self.wpe(places))
        for layer, block in enumerate(self.h):
            x = block(x, layer, cache)
        return self.ln_f(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.wte.weight.T  # the embedding, used again
# endregion name gpt2

    def start(self) -> None:
        """GPT-2's first weights: normal, of standard deviation 0.02, less where layers add up."""
        for name, weight in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(weight, std=0.02 / (2 * self.config.n_layer) ** 0.5)
            elif weight.dim() == 2:
                nn.init.normal_(weight, std=0.02)

    def cache(self, rows: int, capacity: int) -> Cache:
        c = self.config
        return Cache(c.n_layer, rows, c.n_head, c.n_embd // c.n_head, capacity, self.wte.weight.dtype)


def load(folder: Path) -> GPT2:
    """The model of a published checkpoint. ValueError if it is not GPT-2 as this module computes it."""
    settings: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    known = {"model_type": "gpt2", "activation_function": "gelu_new", "scale_attn_weights": True,
             "scale_attn_by_inverse_layer_idx": False, "tie_word_embeddings": True, "add_cross_attention": False}
    for name, value in known.items():
        if settings.get(name, value) != value:
            raise ValueError(f"{folder / 'config.json'}: {name} is {settings[name]!r}; only {value!r} is supported")
    if settings.get("n_inner") not in (None, 4 * settings["n_embd"]):
        raise ValueError(f"{folder / 'config.json'}: n_inner is {settings['n_inner']}; only 4 * n_embd is supported")
    model = GPT2(Config(**{name: settings[name] for name in asdict(Config()) if name in settings}))
    if (folder / "model.safetensors").exists():
        from safetensors.torch import load_file
        weights = load_file(folder / "model.safetensors")
    else:
        weights = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    # Saved by GPT2LMHeadModel, names begin with "transformer."; the masks and the tied head are no weights.
    weights = {name.removeprefix("transformer."): weight for name, weight in weights.items()
               if name != "lm_head.weight" and not name.endswith((".attn.bias", ".attn.masked_bias"))}
    wrong = {name for name, weight in model.state_dict().items()
             if name not in weights or weights[name].shape != weight.shape} | weights.keys() - model.state_dict().keys()
    if wrong:
        raise ValueError(f"{folder}: weights missing, unknown or of another shape: {', '.join(sorted(wrong)[:5])}")
    model.load_state_dict(weights)
    return model.eval()


def save(model: GPT2, folder: Path) -> None:
    """Write the model in the published form, so that other programs can load it."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    settings = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new",
                **asdict(model.config)}
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    save_file({name: weight.contiguous() for name, weight in model.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})
