"""One measurement in a process of its own: python measure.py METHOD[,METHOD…] N V D DTYPE REPEATS

Prints JSON: for each repeat and method [peak MiB above the level before, CPU seconds forward, backward]. The
peak is the kernel's own (VmHWM, set back before the call), over one loss with its gradients, less the
gradients of the hidden states and the classifier; libraries have been warmed up on a small input before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cut_cross_entropy_torch import linear_cross_entropy

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def naive(e: Tensor, c: Tensor, x: Tensor) -> Tensor:
    return F.cross_entropy((e @ c.T).float(), x)


class Chunked(torch.autograd.Function):
    """The ordinary loss on slices of tokens; its gradients are made in the forward pass, as in Liger."""

    @staticmethod
    def forward(ctx: Any, e: Tensor, c: Tensor, x: Tensor, size: int) -> Tensor:
        d_e, d_c = torch.empty_like(e), torch.zeros_like(c)
        total = torch.zeros((), dtype=torch.float32)
        for first in range(0, len(e), size):
            rows = slice(first, first + size)
            z = (e[rows] @ c.T).float()
            top = z.amax(1, keepdim=True)
            own = z.gather(1, x[rows, None])
            s = z.sub_(top).exp_().sum(1, keepdim=True)
            total += (top + s.log() - own).sum()
            z.div_(s)
            z[torch.arange(len(z)), x[rows]] -= 1
            g = z.div_(len(e)).to(e.dtype)
            torch.mm(g, c, out=d_e[rows])
            d_c.addmm_(g.T, e[rows])
            del z, g  # else the next chunk's logits join them
        ctx.save_for_backward(d_e, d_c)
        return total / len(e)

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_e, d_c = ctx.saved_tensors
        return d_e.mul_(d_loss), d_c.mul_(d_loss), None, None


def torch_own(size: int | None) -> Loss:
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=size)
    return lambda e, c, x: F.linear_cross_entropy(e, c, x, options=options)


METHODS: dict[str, Loss] = {
    "naive": naive,
    "compile": torch.compile(naive, dynamic=False),
    "chunk-128": lambda e, c, x: Chunked.apply(e, c, x, 128),
    "chunk-16": lambda e, c, x: Chunked.apply(e, c, x, 16),
    "torch-default": torch_own(None),
    "torch-128": torch_own(128),
    "ours": linear_cross_entropy,
    "ours-filtered": lambda e, c, x: linear_cross_entropy(
        e, c, x, threshold=2.0**-10, spread=True, sort=True, token_tile=2048, vocab_tile=256),
}


def inputs(n: int, v: int, d: int, dtype: torch.dtype, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random vectors whose logits have a standard deviation of about 2; gradients are asked for."""
    torch.manual_seed(seed)
    e = torch.empty(n, d, dtype=dtype).normal_().mul_(2 / d**0.5)
    c = torch.empty(v, d, dtype=dtype)
    for part in c.split(8192):  # no float32 copy of the whole
        part.normal_()
    return e.requires_grad_(), c.requires_grad_(), torch.randint(v, (n,))


def peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def run(method: Loss, e: Tensor, c: Tensor, x: Tensor) -> list[float]:
    """Peak MiB and CPU seconds of one loss and its gradients."""
    e.grad = c.grad = None
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to what is resident now
    before = peak_kib()
    start = time.process_time()
    loss = method(e, c, x)
    middle = time.process_time()
    loss.backward()
    end = time.process_time()
    assert e.grad is not None and c.grad is not None
    gradients = e.grad.numel() * e.grad.element_size() + c.grad.numel() * c.grad.element_size()
    return [(peak_kib() - before) / 1024 - gradients / 2**20, middle - start, end - middle]


def main() -> None:
    names = sys.argv[1].split(",")
    n, v, d = map(int, sys.argv[2:5])
    repeats = int(sys.argv[6])
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # else every new tensor is written twice
    dtype = getattr(torch, sys.argv[5])
    for name in names:  # what is made once: kernels' scratch, code compiled for this very shape
        run(METHODS[name], *inputs(*((n, v, d) if name == "compile" else (64, 512, d)), dtype))
    e, c, x = inputs(n, v, d, dtype)
    print(json.dumps([[run(METHODS[name], e, c, x) for name in names] for _ in range(repeats)]))


if __name__ == "__main__":
    main()
