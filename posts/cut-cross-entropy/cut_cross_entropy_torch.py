"""Linear cross-entropy for PyTorch that holds one tile of logits at a time.

    loss = linear_cross_entropy(hidden, classifier, targets)

equals ``torch.nn.functional.cross_entropy(hidden @ classifier.T, targets)`` in
value and gradients, and never builds the N x V logits. N tokens, V vocabulary
entries, D dimensions. Besides the gradients it needs, for a tile of T tokens
and W vocabulary entries: a few T x W tiles, T x D sums, and with a threshold one byte for each
token and tile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16)
AUTO_THRESHOLD = 2.0**-12  # as in Apple's code for bfloat16: its epsilon, 2^-7, divided by 32


@dataclass(frozen=True)
class Options:
    """How to walk the logits; see `linear_cross_entropy`."""

    softcap: float | None = None
    threshold: float | None = None
    skip: Literal["strip", "tile"] = "strip"
    spread: bool = False
    sort: bool = False
    token_tile: int = 1024
    vocab_tile: int = 512
    full_accumulation: bool = False


def linear_cross_entropy(
        hidden: Tensor, classifier: Tensor, targets: Tensor, bias: Tensor | None = None, *,
        ignore_index: int = -100, reduction: Literal["mean", "sum", "none"] = "mean",
        softcap: float | None = None, threshold: float | Literal["auto"] | None = None,
        skip: Literal["strip", "tile"] = "strip", spread: bool = False, sort: bool = False,
        token_tile: int = 1024, vocab_tile: int = 512, full_accumulation: bool = False) -> Tensor:
    """Cross-entropy of the logits ``hidden @ classifier.T + bias``, tile by tile.

    hidden (N, D), classifier (V, D) and bias (V,) share a dtype of DTYPES; targets (N,) are int64 in
    0..V-1, or `ignore_index`. With `softcap` s, a logit z becomes ``s * tanh(z / s)``.

    `threshold` filters gradients: a stretch of logits whose every probability is below it, and which holds
    no target, counts as zero; "auto" is 2^-12. By `skip` a stretch is one token's row of a tile ("strip": the
    forward pass remembers which, and the backward pass does not compute them again) or a whole tile ("tile",
    as in the paper: computed again, then left out of the two products). With `spread` a strip is not
    dropped: its probability, known from the forward pass, is spread evenly over its entries. `sort` walks
    the vocabulary in the order of its mean logits, which brings likely entries together.

    bfloat16 is multiplied as bfloat16 with float32 sums inside a product; exponentials, their sums, the loss
    and the sum that becomes the gradient of `hidden` are float32. The classifier's gradient is rounded once
    for each `token_tile` of tokens; with `full_accumulation` only at the end, for a float32 buffer (V, D).

    ValueError says what does not fit.
    """
    if threshold == "auto":
        threshold = AUTO_THRESHOLD
    options = Options(softcap, threshold, skip, spread, sort, token_tile, vocab_tile, full_accumulation)
    _check(hidden, classifier, targets, bias, ignore_index, reduction, options)
    counted = targets != ignore_index
    everything = bool(counted.all())
    if not everything:
        hidden, targets = hidden[counted], targets[counted]
    losses: Tensor = _LinearCrossEntropy.apply(hidden, classifier, bias, targets, options)
    if reduction == "mean":
        return losses.mean()  # of no tokens: NaN, as in PyTorch
    if reduction == "sum":
        return losses.sum()
    return losses if everything else losses.new_zeros(counted.shape).masked_scatter(counted, losses)


def _check(hidden: Tensor, classifier: Tensor, targets: Tensor, bias: Tensor | None, ignore_index: int,
           reduction: str, options: Options) -> None:
    """Raise ValueError unless everything fits together."""
    if hidden.ndim != 2 or classifier.ndim != 2:
        raise ValueError(f"hidden and classifier need two axes, not {hidden.ndim} and {classifier.ndim}")
    if hidden.shape[1] != classifier.shape[1]:
        raise ValueError(f"hidden has {hidden.shape[1]} dimensions, the classifier {classifier.shape[1]}")
    if not hidden.numel() or not classifier.numel():
        raise ValueError("hidden and classifier must not be empty")
    if hidden.dtype not in DTYPES:
        raise ValueError(f"hidden must be float64, float32 or bfloat16, not {hidden.dtype}")
    for name, tensor in (("classifier", classifier), ("bias", bias)):
        if tensor is not None and (tensor.dtype, tensor.device) != (hidden.dtype, hidden.device):
            raise ValueError(f"hidden is {hidden.dtype} on {hidden.device}, {name} {tensor.dtype} on {tensor.device}: "
                             "make them equal")
    if bias is not None and bias.shape != classifier.shape[:1]:
        raise ValueError(f"bias must have shape ({len(classifier)},), not {tuple(bias.shape)}")
    if targets.shape != hidden.shape[:1] or targets.dtype != torch.int64:
        raise ValueError(f"targets must be {len(hidden)} int64, not {targets.dtype} of shape {tuple(targets.shape)}")
    wrong = (targets != ignore_index) & ((targets < 0) | (targets >= len(classifier)))
    if wrong.any():
        raise ValueError(f"targets must lie in 0..{len(classifier) - 1} or be {ignore_index}, "
                         f"not {targets[wrong][0].item()}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be mean, sum or none, not {reduction!r}")
    if options.skip not in ("strip", "tile"):
        raise ValueError(f"skip must be strip or tile, not {options.skip!r}")
    if options.spread and (options.threshold is None or options.skip != "strip" or options.softcap is not None):
        raise ValueError("spread needs a threshold and skip 'strip', and goes with no softcap")
    if options.softcap is not None and not 0 < options.softcap < math.inf:
        raise ValueError(f"softcap must be positive, not {options.softcap}")
    if options.threshold is not None and not 0 <= options.threshold < 1:
        raise ValueError(f"threshold must lie in 0..1, not {options.threshold}")
    if options.token_tile < 1 or options.vocab_tile < 1:
        raise ValueError(f"tiles must be positive, not {options.token_tile} x {options.vocab_tile}")


class _Walk:
    """The tiles of one classifier: its columns in slices, in their own order or by mean logit."""

    def __init__(self, hidden: Tensor, classifier: Tensor, bias: Tensor | None, options: Options,
                 order: Tensor | None = None) -> None:
        self.classifier, self.bias, self.options, self.order = classifier, bias, options, order
        self.work = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        if options.sort and order is None:
            # The mean of the logits e_i . c_j over the tokens i is the mean of the e_i, times c_j.
            mean = classifier @ hidden.mean(0, dtype=self.work).to(hidden.dtype)
            self.order = torch.argsort(mean if bias is None else mean + bias, descending=True, stable=True)

    def ranks(self, targets: Tensor) -> Tensor:
        """Where the targets stand on the walk."""
        if self.order is None:
            return targets
        rank = torch.empty_like(self.order)
        rank[self.order] = torch.arange(len(rank), device=rank.device)
        return rank[targets]

    def __iter__(self) -> Iterator[tuple[int, int | slice | Tensor, Tensor, Tensor | None]]:
        """For each tile: where it begins, its entries, their rows of the classifier, their bias."""
        for start in range(0, len(self.classifier), self.options.vocab_tile):
            stop = start + self.options.vocab_tile
            entries: Any = slice(start, stop) if self.order is None else self.order[start:stop]
            yield start, entries, self.classifier[entries], None if self.bias is None else self.bias[entries]

    def logits(self, e: Tensor, c: Tensor, b: Tensor | None) -> Tensor:
        """One tile, before the softcap."""
        z = (e @ c.T).to(self.work)
        return z if b is None else z.add_(b)

    def __len__(self) -> int:
        return math.ceil(len(self.classifier) / self.options.vocab_tile)


class _Targets:
    """Where the targets of some tokens lie on the walk: sorted once, so that each tile finds its own at once."""

    def __init__(self, x: Tensor, walk: _Walk) -> None:
        self._sorted, self._rows = torch.sort(x, stable=True)
        edges = torch.arange(len(walk) + 1, device=x.device) * walk.options.vocab_tile
        self._bounds: list[int] = torch.searchsorted(self._sorted, edges).tolist()

    def of(self, tile: int, start: int) -> tuple[Tensor, Tensor]:
        """Which tokens have their target in this tile, and in which of its columns."""
        mine = slice(self._bounds[tile], self._bounds[tile + 1])
        return self._rows[mine], self._sorted[mine] - start


class _LinearCrossEntropy(torch.autograd.Function):
    """Losses (N,) of tokens; nothing is ignored or reduced here."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, classifier: Tensor, bias: Tensor | None, targets: Tensor,
                options: Options) -> Tensor:
        walk = _Walk(hidden, classifier, bias, options)
        x = walk.ranks(targets)
        # Each token's largest logit and sum of exponentials relative to it. Their log-sum-exp would round where
        # logits are huge.
        tops = hidden.new_empty(len(hidden), dtype=walk.work)
        totals, correct = torch.empty_like(tops), torch.empty_like(tops)
        strips = options.threshold is not None and options.skip == "strip"
        # Of each strip: -1 if it is kept, else its probability.
        dropped = torch.empty((len(hidden), len(walk)) if strips else 0, dtype=torch.bfloat16, device=hidden.device)
        for first in range(0, len(hidden), options.token_tile):
            rows = slice(first, first + options.token_tile)
            e, mine, targets_here = hidden[rows], correct[rows], _Targets(x[rows], walk)
            top = torch.full_like(mine, -math.inf)
            total = torch.zeros_like(mine)
            if strips:  # each one's largest logit, log of its sum
                peaks, sums = mine.new_empty(2, len(e), len(walk))
            for tile, (start, _, c, b) in enumerate(walk):
                z = walk.logits(e, c, b)
                if options.softcap:
                    z.div_(options.softcap).tanh_().mul_(options.softcap)
                here, column = targets_here.of(tile, start)
                mine[here] = z[here, column]
                peak = z.amax(1)
                new_top = torch.maximum(top, peak)
                total *= torch.exp(top - new_top)
                added = z.sub_(new_top[:, None]).exp_().sum(1)
                total += added
                top = new_top
                if strips:
                    peaks[:, tile] = peak
                    sums[:, tile] = added.log_().add_(top)
            tops[rows], totals[rows] = top, total
            if strips:
                p = sums.sub_(top[:, None]).exp_().div_(total[:, None])
                most = peaks.sub_(top[:, None]).exp_().div_(total[:, None])
                p[most >= options.threshold] = -1
                p.scatter_(1, x[rows, None] // options.vocab_tile, -1)  # a target's strip is kept whatever its peak
                dropped[rows] = p
        ctx.options, ctx.order = options, walk.order
        ctx.save_for_backward(hidden, classifier, bias, targets, tops, totals, dropped)
        return tops - correct + totals.log()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_losses: Tensor) -> tuple[Tensor | None, ...]:
        hidden, classifier, bias, targets, tops, totals, dropped = ctx.saved_tensors
        options, walk = ctx.options, _Walk(hidden, classifier, bias, ctx.options, ctx.order)
        x, work = walk.ranks(targets), walk.work
        wide = work if options.full_accumulation else classifier.dtype
        needs_e, needs_c, needs_b = ctx.needs_input_grad[:3]
        d_e = torch.empty_like(hidden) if needs_e else None
        # Written tile by tile by the first tokens where every tile is visited, else added to from zero.
        whole = options.threshold is None and walk.order is None and len(hidden) > 0
        d_c = (torch.empty_like if whole else torch.zeros_like)(classifier, dtype=wide) if needs_c else None
        d_b = classifier.new_zeros(len(classifier), dtype=work) if needs_b else None
        for first in range(0, len(hidden), options.token_tile):
            rows = slice(first, first + options.token_tile)
            targets_here = _Targets(x[rows], walk)
            # The tiles hold softmax times its row's total; each row's scale sets that right, and weighs its loss.
            scale = (d_losses[rows].to(work) / totals[rows])[:, None]
            everyone = (hidden[rows], tops[rows, None], totals[rows, None], scale,
                        (hidden[rows] * scale).to(hidden.dtype))
            part = torch.zeros_like(hidden[rows], dtype=work)
            if options.spread:  # each strip's share for each of its entries; what it gives them; the sums it gets
                p = dropped[rows].to(work).clamp_(min=0).mul_(totals[rows, None])
                p[:, :-1] /= options.vocab_tile
                p[:, -1] /= len(classifier) - (len(walk) - 1) * options.vocab_tile
                given, means = (p * scale).T @ hidden[rows].to(work), part.new_empty(len(walk), hidden.shape[1])
                given_b = (p * scale).sum(0)
            for tile, (start, entries, c, b) in enumerate(walk):
                e, top, total, weight, weighted = everyone
                here, column = targets_here.of(tile, start)
                if dropped.numel():
                    kept = (dropped[rows, tile] < 0).nonzero().squeeze(1)
                    if options.spread:
                        torch.sum(c, 0, dtype=work, out=means[tile])
                        if d_b is not None:
                            d_b[entries] += given_b[tile]
                    if not len(kept):
                        if options.spread and d_c is not None:
                            d_c[entries] += given[tile].to(wide)
                        continue
                    e, top, total, weight = (each[kept] for each in everyone[:4])
                    weighted = (e * weight).to(hidden.dtype)
                    here = torch.searchsorted(kept, here)
                g = walk.logits(e, c, b)
                slope = None
                if options.softcap:
                    g.div_(options.softcap).tanh_()
                    slope = 1 - g * g
                    g.mul_(options.softcap)
                g.sub_(top).exp_()
                if (options.threshold is not None and not dropped.numel() and not len(here)
                        and (g.amax(1, keepdim=True) / total).amax() < options.threshold):
                    continue
                g[here, column] -= total[here, 0]
                if slope is not None:
                    g *= slope
                g_low = g.to(hidden.dtype)
                if d_e is not None:
                    if dropped.numel():
                        part.index_add_(0, kept, (g_low @ c).to(work))
                    elif g_low.dtype == work:
                        part.addmm_(g_low, c)
                    else:
                        part += g_low @ c
                if d_c is not None:
                    _accumulate(d_c, entries, g_low, weighted, given[tile] if options.spread else None,
                                new=whole and not first)
                if d_b is not None:
                    d_b[entries] += (g * weight).sum(0)
            if d_e is not None:
                if options.spread:
                    part.addmm_(p, means)
                d_e[rows] = part * scale
        return (d_e, d_c if d_c is None else d_c.to(classifier.dtype),
                d_b if d_b is None else d_b.to(classifier.dtype), None, None)


def _accumulate(total: Tensor, entries: Any, g: Tensor, e: Tensor, more: Tensor | None, *, new: bool) -> None:
    """Add ``g.T @ e``, and `more` to each row, to these rows of the classifier's gradient; put it there if new."""
    if new and total.dtype == g.dtype:
        torch.mm(g.T, e, out=total[entries])
    elif isinstance(entries, slice) and more is None and total.dtype == g.dtype == torch.float32:
        total[entries].addmm_(g.T, e)
    else:
        found = g.T @ e
        if more is not None:
            found = found.to(more.dtype).add_(more)
        if new:
            total[entries] = found
        elif isinstance(entries, slice):
            total[entries] += found.to(total.dtype)
        else:
            total.index_add_(0, entries, found.to(total.dtype))
