"""A small language model on the Brown corpus with any of the attentions: data, training, bits per byte held out."""

from __future__ import annotations

import math
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "byte-pair-encoding"))

import torch
from torch import Tensor
from torch.nn import functional as F

import bpe
import differential_attention_torch as dt
import packages

VOCABULARY, CONTEXT, BATCH = 1024, 256, 16
WIDTH, HEADS, LAYERS, HIDDEN = 96, 6, 3, 192
HELD_OUT = slice(9, None, 20)   # of the 500 files in order, 13 of the 15 genres; the tokenizer never sees them either

KINDS = {
    "plain": (lambda layer: dt.Plain(WIDTH, HEADS, layer=layer), HIDDEN),
    "plain-norm": (lambda layer: dt.Plain(WIDTH, HEADS, layer=layer, norm=True), HIDDEN),
    "v1": (lambda layer: dt.DifferentialV1(WIDTH, HEADS // 2, layer=layer), HIDDEN),
    # The extra queries, WIDTH * WIDTH, and lambda, WIDTH * HEADS, come out of the hidden layer.
    "v2": (lambda layer: dt.DifferentialV2(WIDTH, HEADS), HIDDEN - (WIDTH + HEADS) // 2),
}


class Corpus(NamedTuple):
    train: Tensor             # all files' ids, end to end
    held_out: list[Tensor]    # ids, by file
    sizes: Tensor             # bytes of each token


@cache
def corpus() -> Corpus:
    """Brown as text, a sentence a line, cut into tokens that the training files taught."""
    texts = ["\n".join(map(" ".join, sentences)) + "\n" for sentences in packages.brown().values()]
    held = texts[HELD_OUT]
    rest = [text for text in texts if text not in set(held)]
    tokenizer = bpe.train(rest, VOCABULARY)
    ids = [torch.tensor(tokenizer.encode(text)) for text in rest]
    return Corpus(torch.cat(ids), [torch.tensor(tokenizer.encode(text)) for text in held],
                  torch.tensor([len(tokenizer.decode_bytes([i])) for i in range(VOCABULARY)]))


def model(kind: str) -> dt.Transformer:
    attention, hidden = KINDS[kind]
    return dt.Transformer(VOCABULARY, WIDTH, LAYERS, hidden, attention)


@torch.no_grad()
def bits_per_byte(net: dt.Transformer, files: list[Tensor], sizes: Tensor) -> list[float]:
    """For each file: what its tokens cost, each predicted once, from up to CONTEXT before it; the first is given."""
    found = []
    for ids in files:
        nats = 0.0
        for start in range(0, len(ids) - 1, CONTEXT):
            window = ids[None, start:start + CONTEXT + 1]
            nats += F.cross_entropy(net(window[:, :-1], fused=True)[0], window[0, 1:], reduction="sum").item()
        found.append(nats / math.log(2) / sizes[ids[1:]].sum().item())
    return found


def train(kind: str, seed: int, rate: float, steps: int, *, every: int = 20,
          beat: Any = lambda step: None) -> dict[str, Any]:
    """One run. Same seed, same batches, whatever the kind. AdamW, one tenth of the steps to warm up, then cosine."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    data = corpus()
    torch.manual_seed(seed)
    net = model(kind)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    batches = torch.Generator().manual_seed(1000 + seed)
    losses: list[float] = []
    for step in range(steps):
        if step % every == 0:
            beat(step)
        starts = torch.randint(0, len(data.train) - CONTEXT, (BATCH, 1), generator=batches)
        ids = data.train[starts + torch.arange(CONTEXT + 1)]
        loss = F.cross_entropy(net(ids[:, :-1], fused=True).flatten(0, 1), ids[:, 1:].flatten())
        warm = steps / 10
        for group in optimiser.param_groups:
            group["lr"] = rate * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * max(0, step - warm)
                                                                             / (steps - warm)))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    files = bits_per_byte(net, data.held_out, data.sizes)
    counts = [data.sizes[ids[1:]].sum().item() for ids in data.held_out]
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "curve": [sum(losses[i:i + every]) / len(losses[i:i + every]) for i in range(0, steps, every)],
        "bits": sum(bits * count for bits, count in zip(files, counts, strict=True)) / sum(counts),
        "files": files,
        "lambdas": [block.attention.lam().item() if isinstance(block.attention, dt.DifferentialV1) else 0.0
                    for block in net.blocks],
    }
