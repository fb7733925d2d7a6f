"""Key-value retrieval among distractors: the task, the kinds of model compared, their training and its measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import differential_attention_torch as dt

KEYS, VALUES, FILLERS = range(0, 24), range(24, 48), range(48, 72)
VOCABULARY, QUESTIONS = 72, 4
WIDTH, HEADS, LAYERS, HIDDEN = 64, 4, 2, 128
LENGTH, BATCH, MOST_PAIRS = 20, 32, 4


@dataclass(frozen=True)
class Examples:
    """Token ids (B, length + QUESTIONS): a context, then keys that it holds. `answers` is where their values stand."""

    ids: Tensor
    answers: Tensor  # (B, QUESTIONS): position of the value
    length: int

    @property
    def targets(self) -> Tensor:
        return self.ids.gather(1, self.answers)


def examples(generator: torch.Generator, size: int, pairs: int, length: int) -> Examples:
    """`pairs` different keys, a value after each, in random places among fillers and stray values, half and half."""
    if not 1 <= pairs <= len(KEYS) or 2 * pairs > length:
        raise ValueError(f"{pairs} pairs: at least 1, at most {len(KEYS)}, and two tokens each of {length}")

    def shuffled(n: int) -> Tensor:
        return torch.rand(size, n, generator=generator).argsort(1)

    def drawn(kind: range, n: int) -> Tensor:
        return torch.randint(kind.start, kind.stop, (size, n), generator=generator)

    stray = torch.rand(size, length, generator=generator) < 0.5
    ids = torch.where(stray, drawn(VALUES, length), drawn(FILLERS, length))
    units = shuffled(length - pairs)  # the first `pairs` of them are two tokens long
    starts = ((units < pairs) + 1).cumsum(1) - (units < pairs).int() - 1
    places = starts.gather(1, units.argsort(1)[:, :pairs])
    keys = shuffled(len(KEYS))[:, :pairs]
    ids.scatter_(1, places, keys)
    ids.scatter_(1, places + 1, drawn(VALUES, pairs))
    asked = shuffled(pairs)[:, torch.arange(QUESTIONS) % pairs]
    return Examples(torch.cat((ids, keys.gather(1, asked)), 1), places.gather(1, asked) + 1, length)


# region kinds
KINDS = {
    "plain": (lambda layer: dt.Plain(WIDTH, HEADS, layer=layer), HIDDEN),
    "plain-norm": (lambda layer: dt.Plain(WIDTH, HEADS, layer=layer, norm=True), HIDDEN),
    "v1": (lambda layer: dt.DifferentialV1(WIDTH, HEADS // 2, layer=layer), HIDDEN),
    "v1-no-norm": (lambda layer: dt.DifferentialV1(WIDTH, HEADS // 2, layer=layer, norm=False), HIDDEN),
    "v1-zero": (lambda layer: dt.DifferentialV1(WIDTH, HEADS // 2, layer=layer, fixed=0.0), HIDDEN),
    "v1-half": (lambda layer: dt.DifferentialV1(WIDTH, HEADS // 2, layer=layer, fixed=0.5), HIDDEN),
    # The extra queries, WIDTH * WIDTH, and lambda, WIDTH * HEADS, come out of the hidden layer.
    "v2": (lambda layer: dt.DifferentialV2(WIDTH, HEADS), HIDDEN - (WIDTH + HEADS) // 2),
}
# endregion kinds
# (pairs, length): as trained at its hardest; then more pairs, longer contexts.
TESTS = ((MOST_PAIRS, LENGTH), (2 * MOST_PAIRS, LENGTH), (MOST_PAIRS, 2 * LENGTH), (2 * MOST_PAIRS, 2 * LENGTH),
         (MOST_PAIRS, 4 * LENGTH))


def model(kind: str) -> dt.Transformer:
    attention, hidden = KINDS[kind]
    return dt.Transformer(VOCABULARY, WIDTH, LAYERS, hidden, attention)


def loss(net: dt.Transformer, batch: Examples) -> Tensor:
    logits = net(batch.ids, last=QUESTIONS)
    return F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())


@torch.no_grad()
def accuracy(net: dt.Transformer, batch: Examples) -> float:
    return (net(batch.ids, last=QUESTIONS).argmax(-1) == batch.targets).double().mean().item()


# region measures
@torch.no_grad()
def attention_measures(net: dt.Transformer, batch: Examples) -> list[float]:
    """Of the last layer at the questions, for the head that attends most to the answer, and for all heads pooled:

    share of the weights' sum on the answer, on noise; share of their absolute
    sum on the answer, on noise; root of noise's sum of squares over the answer;
    the weights' sum. Noise: all of the context except the pair asked for.
    """
    rows = net.maps(batch.ids)[-1][:, :, -QUESTIONS:, :].double()     # (B, heads, questions, tokens)
    at = batch.answers[:, None, :, None].expand(-1, rows.shape[1], -1, 1)
    answer = rows.gather(-1, at)
    noise = rows[..., :batch.length].scatter(-1, at, 0.0).scatter(-1, at - 1, 0.0)
    parts = torch.stack([part.sum((0, 2)) for part in (          # each (heads,)
        answer.sum(-1), noise.sum(-1), rows.sum(-1), answer.abs().sum(-1), noise.abs().sum(-1), rows.abs().sum(-1),
        noise.square().sum(-1).sqrt())])
    best = (parts[3] / parts[5]).argmax()
    found = []
    parts = parts / (rows.shape[0] * QUESTIONS)
    for a, n, s, abs_a, abs_n, abs_s, size in (parts[:, best], parts.mean(1)):
        found += [a / s, n / s, abs_a / abs_s, abs_n / abs_s, size / abs_a, s]
    return [float(value) for value in found]
# endregion measures


def train(kind: str, seed: int, rate: float, steps: int, *, every: int = 20,
          beat: Any = lambda step: None) -> dict[str, Any]:
    """One run. Same seed, same batches, whatever the kind. AdamW, one tenth of the steps to warm up, then cosine."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net = model(kind)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    data = torch.Generator().manual_seed(1000 + seed)
    held_out = examples(torch.Generator().manual_seed(1), 128, MOST_PAIRS, LENGTH)
    curve: list[list[float]] = []
    lambdas: list[list[float]] = []
    losses: list[float] = []
    for step in range(steps + 1):
        if step % every == 0:
            curve.append([step, accuracy(net, held_out)])
            lambdas.append([block.attention.lam().item() if isinstance(block.attention, dt.DifferentialV1) else 0.0
                            for block in net.blocks])
            beat(step)
        if step == steps:
            break
        pairs = int(torch.randint(1, MOST_PAIRS + 1, (), generator=data))
        now = loss(net, examples(data, BATCH, pairs, LENGTH))
        for group in optimiser.param_groups:
            warm = steps / 10
            group["lr"] = rate * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * max(0, step - warm)
                                                                             / (steps - warm)))
        optimiser.zero_grad()
        now.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(now.item())
    example = examples(torch.Generator().manual_seed(99), 1, MOST_PAIRS, LENGTH)
    with torch.no_grad():
        first = net.maps(example.ids)[-1][0, :, LENGTH, :LENGTH + 1]
    tests = [examples(torch.Generator().manual_seed(2 + i), 256, *test) for i, test in enumerate(TESTS)]
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "curve": curve, "lambdas": lambdas, "loss": sum(losses[-20:]) / len(losses[-20:]),
        "to90": next((step for step, score in curve if score >= 0.9), -1),
        "accuracy": [accuracy(net, test) for test in tests],
        "attention": [attention_measures(net, test) for test in tests],
        "example": [round(weight, 4) for head in first.tolist() for weight in head],
    }
