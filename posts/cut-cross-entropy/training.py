"""A small language model trained on the Brown corpus by the usual loss and by ours: do the curves agree?

Eight tokens in, one hidden layer, 8,192 entries out (after Bengio et al., 2003). Small enough for a minute, and
its softmax is flat when it begins, which is where a filter does most harm.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "byte-pair-encoding"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bpe
import packages
from cut_cross_entropy_torch import linear_cross_entropy

VOCABULARY, CONTEXT, DIMENSIONS, BATCH = 8192, 8, 128, 1024
HELD_OUT = slice(9, None, 10)
METHODS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "naive": lambda e, c, x: F.cross_entropy(e @ c.T, x),
    "exact": linear_cross_entropy,
    "drop": lambda e, c, x: linear_cross_entropy(e, c, x, threshold="auto", sort=True, vocab_tile=256),
    "spread": lambda e, c, x: linear_cross_entropy(e, c, x, threshold="auto", sort=True, vocab_tile=256, spread=True),
}


@cache
def corpus() -> tuple[Tensor, Tensor]:
    """Token ids to train on, and every tenth file's, held out; the tokenizer never saw those."""
    texts = ["\n".join(map(" ".join, sentences)) for sentences in packages.brown().values()]
    held = texts[HELD_OUT]
    rest = [text for text in texts if text not in set(held)]
    tokenizer = bpe.train(rest, VOCABULARY)
    train, test = (torch.tensor(tokenizer.encode("\n".join(part))) for part in (rest, held))
    return train, test


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64 * CONTEXT, 256), nn.GELU(), nn.Linear(256, DIMENSIONS),
                                    nn.RMSNorm(DIMENSIONS))
        self.classifier = nn.Parameter(torch.randn(VOCABULARY, DIMENSIONS) / DIMENSIONS)

    def forward(self, ids: Tensor) -> Tensor:
        hidden: Tensor = self.layers(self.embedding(ids))
        return hidden


def train(method: str, seed: int, steps: int, every: int = 10) -> list[float]:
    """Mean loss of each `every` steps, and last the loss held out. Same seed, same start and batches."""
    torch.manual_seed(seed)
    model, (ids, test) = Model(), corpus()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    batches = torch.Generator().manual_seed(1000 + seed)
    losses = []
    for step in range(steps):
        starts = torch.randint(len(ids) - CONTEXT, (BATCH, 1), generator=batches)
        windows = ids[starts + torch.arange(CONTEXT + 1)]
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1.0, 2 * (1 - step / steps))
        loss = METHODS[method](model(windows[:, :-1]), model.classifier, windows[:, -1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        windows = test[:20_000 + CONTEXT].unfold(0, CONTEXT + 1, 1)
        held_out = linear_cross_entropy(model(windows[:, :-1]), model.classifier, windows[:, -1].contiguous())
    return [*(sum(losses[i:i + every]) / every for i in range(0, steps, every)), float(held_out)]
