"""The tile-by-tile PyTorch loss against PyTorch's own: values, gradients, options, hostile input.

Needs the "experiments" group of packages.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from article_code import load
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

cce: Any = load("cut-cross-entropy", "cut_cross_entropy_torch")
reference: Any = load("cut-cross-entropy", "cut_cross_entropy")


def case(n: int, v: int, d: int, *, dtype: torch.dtype = torch.float64, scale: float = 1.0, seed: int = 0,
         ignored: float = 0.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """hidden, classifier, targets, bias."""
    g = torch.Generator().manual_seed(seed)
    e, c, b = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((n, d), (v, d), (v,)))
    x = torch.randint(v, (n,), generator=g)
    x[torch.rand(n, generator=g) < ignored] = -100
    return (scale * e).to(dtype), c.to(dtype), x, b.to(dtype)


def gradients(loss: Any, *tensors: Tensor | None) -> list[Tensor]:
    """The loss and its gradients, the loss summed with weights where it is a vector."""
    leaves = [None if t is None else t.detach().clone().requires_grad_() for t in tensors]
    value = loss(*leaves)
    weights = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).view(value.shape) if value.ndim else 1
    (value * weights).sum().backward()
    return [value.detach(), *(leaf.grad for leaf in leaves if leaf is not None)]


def whole(e: Tensor, c: Tensor, x: Tensor, b: Tensor | None, softcap: float | None = None,
          reduction: str = "mean") -> Tensor:
    z = e @ c.T if b is None else e @ c.T + b
    if softcap:
        z = softcap * torch.tanh(z / softcap)
    return F.cross_entropy(z, x, reduction=reduction)


def close(ours: list[Tensor], theirs: list[Tensor], tolerance: float) -> None:
    for one, other in zip(ours, theirs, strict=True):
        size = max(float(other.double().abs().max()), 1.0)
        assert torch.allclose(one.double(), other.double(), rtol=0, atol=tolerance * size, equal_nan=True), (one, other)


# ------------------------------------------------------------------ agreement

@settings(deadline=None, max_examples=150)
@given(n=st.integers(1, 40), v=st.integers(1, 90), d=st.integers(1, 12), rows=st.integers(1, 50),
       columns=st.integers(1, 100), scale=st.sampled_from([0.0, 1e-6, 1.0, 30.0, 1e4]),
       ignored=st.sampled_from([0, 0.3]), reduction=st.sampled_from(["mean", "sum", "none"]),
       softcap=st.sampled_from([None, 5.0, 30.0]),
       biased=st.booleans(), sort=st.booleans(), skip=st.sampled_from(["strip", "tile"]),
       threshold=st.sampled_from([None, 0.0]), seed=st.integers(0, 2**31))
def test_any_shape_and_option_equals_the_whole_matrix(
        n: int, v: int, d: int, rows: int, columns: int, scale: float, ignored: float, reduction: str,
        softcap: float | None, biased: bool, sort: bool, skip: str, threshold: float | None, seed: int) -> None:
    """A threshold of zero filters nothing, whichever way it is applied."""
    e, c, x, b = case(n, v, d, scale=scale, seed=seed, ignored=ignored)
    x[0] = 0  # at least one counts; none is tested below
    ours = gradients(lambda e, c, b: cce.linear_cross_entropy(
        e, c, x, b, reduction=reduction, softcap=softcap, sort=sort, skip=skip, threshold=threshold,
        token_tile=rows, vocab_tile=columns), e, c, b if biased else None)
    close(ours, gradients(lambda e, c, b: whole(e, c, x, b, softcap, reduction), e, c, b if biased else None),
          1e-9 * max(1.0, scale))


@pytest.mark.parametrize("logits", [
    [[1e4, -1e4, 0.0, 5.0, 1e4]], [[-1e4] * 5], [[3.0] * 5], [[0.0, 0.0, 1e4, 0.0, 0.0]], [[-1e4, -1e4, -1e4, 0, -1e4]],
], ids=["both ends", "all low", "equal", "one-hot", "one-hot low"])
@pytest.mark.parametrize("target", range(5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits(logits: list[list[float]], target: int, dtype: torch.dtype) -> None:
    e, c = torch.ones(1, 1, dtype=dtype), torch.tensor(logits, dtype=dtype).T.contiguous()
    x = torch.tensor([target])
    for options in ({}, {"threshold": 1e-6}, {"threshold": 1e-6, "sort": True, "spread": True}):
        ours = gradients(lambda e, c: cce.linear_cross_entropy(e, c, x, vocab_tile=2, **options), e, c)  # noqa: B023
        theirs = gradients(lambda e, c: whole(e, c, x, None), e.double(), c.double())
        close(ours[::2], theirs[::2], 1e-6)
        close(ours[1:2], theirs[1:2], 1e-6 * float(c.abs().max()))  # a sum of entries of that size


@pytest.mark.parametrize("options", [
    {}, {"sort": True}, {"softcap": 2.0}, {"reduction": "sum"}, {"reduction": "none"}, {"full_accumulation": True},
    {"threshold": 0.0}, {"threshold": 0.0, "sort": True, "token_tile": 2}], ids=str)
def test_gradcheck(options: dict[str, Any]) -> None:
    e, c, x, b = case(6, 11, 3, ignored=0.2, seed=3)
    inputs = [tensor.requires_grad_() for tensor in (e, c, b)]
    assert torch.autograd.gradcheck(lambda e, c, b: cce.linear_cross_entropy(
        e, c, x, b, **{"token_tile": 4, "vocab_tile": 4, **options}), inputs)


def test_float32_is_as_exact_as_the_article_says() -> None:
    """Loss within 1e-5 and gradients within 1e-4 of float64, relative."""
    e, c, x, b = case(300, 3000, 64, dtype=torch.float32, scale=0.3)
    ours = gradients(lambda e, c, b: cce.linear_cross_entropy(e, c, x, b), e, c, b)
    theirs = gradients(lambda e, c, b: whole(e, c, x, b), e.double(), c.double(), b.double())
    errors = [float((one - other).norm() / other.norm()) for one, other in zip(ours, theirs, strict=True)]
    assert errors[0] < 1e-6 and max(errors[1:]) < 1e-5


@pytest.mark.parametrize("chunk", [None, 64])
def test_equals_pytorchs_own_linear_cross_entropy(chunk: int | None) -> None:
    e, c, x, _ = case(200, 500, 16, dtype=torch.float32, ignored=0.1)
    options = None if chunk is None else torch.nn.LinearCrossEntropyOptions(batch_chunk_size=chunk)
    ours = gradients(lambda e, c: cce.linear_cross_entropy(e, c, x), e, c)
    close(ours, gradients(lambda e, c: F.linear_cross_entropy(e, c, x, ignore_index=-100, options=options), e, c), 1e-5)


def test_equals_the_numpy_reference() -> None:
    e, c, x, _ = case(50, 120, 8)
    losses, lse = reference.forward(e.numpy(), c.numpy(), x.numpy())
    d_e, d_c, _ = reference.backward(e.numpy(), c.numpy(), x.numpy(), lse)
    ours = gradients(lambda e, c: cce.linear_cross_entropy(e, c, x, vocab_tile=32), e, c)
    close(ours, [torch.tensor(losses.mean()), torch.from_numpy(d_e), torch.from_numpy(d_c)], 1e-12)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("sort", [False, True])
def test_bfloat16_is_no_worse_than_the_usual_code(full: bool, sort: bool) -> None:
    """Its loss is float32; each gradient is bfloat16, at most a little further from float64 than PyTorch's."""
    e, c, x, b = case(256, 2000, 64, dtype=torch.bfloat16, scale=0.3)
    ours = gradients(lambda e, c, b: cce.linear_cross_entropy(
        e, c, x, b, sort=sort, full_accumulation=full, token_tile=100), e, c, b)
    usual = gradients(lambda e, c, b: F.cross_entropy((e @ c.T + b).float(), x), e, c, b)
    exact = gradients(lambda e, c, b: whole(e, c, x, b), e.double(), c.double(), b.double())
    assert ours[0].dtype == torch.float32 and {g.dtype for g in ours[1:]} == {torch.bfloat16}
    for one, other, true in zip(ours, usual, exact, strict=True):
        assert (one.double() - true).norm() <= 1.3 * (other.double() - true).norm() + 1e-4 * true.norm()


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    e, c, x, b = case(10, 20, 4)
    for wanted in ([e], [c], [b], [e, b]):
        for tensor in (e, c, b):
            tensor.requires_grad_(any(tensor is w for w in wanted))
        found = torch.autograd.grad(cce.linear_cross_entropy(e, c, x, b), wanted)
        close(list(found), list(torch.autograd.grad(whole(e, c, x, b), wanted)), 1e-10)


def test_ignoring_every_target_does_as_pytorch_does() -> None:
    e, c, _, _ = case(4, 7, 3)
    x = torch.full((4,), -1)
    assert torch.isnan(cce.linear_cross_entropy(e, c, x, ignore_index=-1))
    assert cce.linear_cross_entropy(e, c, x, ignore_index=-1, reduction="sum") == 0
    assert torch.equal(cce.linear_cross_entropy(e, c, x, ignore_index=-1, reduction="none"), torch.zeros(4))
    e.requires_grad_(), c.requires_grad_()
    cce.linear_cross_entropy(e, c, x, ignore_index=-1, reduction="sum").backward()
    assert e.grad is not None and c.grad is not None
    assert not e.grad.any() and not c.grad.any()  # and not what the memory held


# ------------------------------------------------------------------- filtering

def filtered(e: Tensor, c: Tensor, x: Tensor, threshold: float, rows: int, columns: int,
             spread: bool) -> tuple[Tensor, Tensor]:
    """The gradients of the mean loss as the filter defines them, from the whole matrix."""
    p = torch.softmax(e @ c.T, 1)
    g = p - F.one_hot(x, len(c))
    for i in range(0, len(e), rows):
        for j in range(0, len(c), columns):
            block = g[i:i + rows, j:j + columns]
            if block.min() >= 0 and block.max() < threshold:
                block[:] = p[i:i + rows, j:j + columns].mean(1, keepdim=True) if spread else 0
    return g @ c / len(e), g.T @ e / len(e)


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize(("skip", "spread"), [("strip", False), ("strip", True), ("tile", False)])
def test_the_filter_drops_what_it_says_and_nothing_else(skip: str, spread: bool, sort: bool) -> None:
    e, c, x, _ = case(40, 203, 8, scale=2.0, seed=5)
    threshold, rows, columns = 2.0**-7, 1 if skip == "strip" else 4, 10
    order = torch.argsort(c @ e.mean(0), descending=True) if sort else torch.arange(203)  # the last tile is of three
    rank = torch.argsort(order)
    d_e, d_c = filtered(e, c[order], rank[x], threshold, rows, columns, spread)
    ours = gradients(lambda e, c: cce.linear_cross_entropy(
        e, c, x, threshold=threshold, skip=skip, spread=spread, sort=sort, token_tile=4, vocab_tile=columns), e, c)
    exact = gradients(lambda e, c: whole(e, c, x, None), e, c)
    assert not torch.allclose(ours[1], exact[1], rtol=1e-3)  # something was dropped
    # What a strip held is kept in bfloat16.
    close(ours, [exact[0], d_e, d_c[rank]], 1e-3 if spread else 1e-10)


def test_a_filtered_gradient_is_off_by_no_more_than_the_probability_dropped() -> None:
    """Row i of the hidden gradient: at most the mass dropped times the longest row of the classifier."""
    e, c, x, _ = case(64, 500, 8, seed=6)
    for threshold in (2.0**-12, 2.0**-9, 2.0**-7):
        run = [gradients(lambda e, c: cce.linear_cross_entropy(
            e, c, x, threshold=t, vocab_tile=20, reduction="sum"), e, c)[1] for t in (None, threshold)]  # noqa: B023
        p = torch.softmax(e @ c.T, 1).view(64, -1, 20)
        mass = torch.where(p.amax(2) < threshold, p.sum(2), 0).sum(1)
        assert ((run[0] - run[1]).norm(dim=1) <= mass * c.norm(dim=1).max() + 1e-12).all()


@pytest.mark.parametrize("bias", [None, torch.zeros(4096, dtype=torch.float64)])
def test_spreading_loses_nothing_of_a_flat_softmax(bias: Tensor | None) -> None:
    """Where the filter alone loses all of the downward push but a tile's."""
    _, c, x, _ = case(8, 4096, 4)
    e = torch.zeros(8, 4, dtype=torch.float64)
    exact = gradients(lambda e, c, b: whole(e, c, x, b), e, c, bias)
    spread, dropped = (gradients(lambda e, c, b: cce.linear_cross_entropy(
        e, c, x, b, threshold=2.0**-11, spread=s), e, c, bias) for s in (True, False))  # noqa: B023
    close(spread, exact, 1e-3)
    assert (dropped[1] - exact[1]).norm() > 10 * (spread[1] - exact[1]).norm()


def test_a_last_tile_that_is_shorter_gets_its_own_share() -> None:
    """Twelve entries of about 1/12 in tiles of eight: the last four are spread, and all adds up."""
    e, c, x, b = case(8, 12, 4, scale=0.003, seed=9)
    x %= 8
    exact = gradients(lambda e, c, b: whole(e, c, x, b), e, c, 0 * b)
    spread = gradients(lambda e, c, b: cce.linear_cross_entropy(
        e, c, x, b, threshold=0.5, spread=True, vocab_tile=8), e, c, 0 * b)
    for one, true in zip(spread, exact, strict=True):
        assert (one - true).norm() < 0.02 * true.norm()


# ------------------------------------------------------------------- bad input

E, C, X, B = case(4, 6, 3)


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((E[0], C, X), {}, "two axes"),
    ((E[:, :2], C, X), {}, "dimensions"),
    ((E[:0], C, X[:0]), {}, "empty"),
    ((E.half(), C.half(), X), {}, "float64, float32 or bfloat16"),
    ((E.float(), C, X), {}, "make them equal"),
    ((E, C, X, B.float()), {}, "make them equal"),
    ((E, C, X, B[:5]), {}, "bias must have shape"),
    ((E, C, X[:3]), {}, "targets must be 4 int64"),
    ((E, C, X.int()), {}, "int64"),
    ((E, C, X.clone().fill_(6)), {}, r"0\.\.5 or be -100, not 6"),
    ((E, C, X.clone().fill_(-1)), {}, "not -1"),
    ((E, C, X.clone().fill_(-100)), {"ignore_index": -1}, "not -100"),
    ((E, C, X), {"reduction": "max"}, "reduction"),
    ((E, C, X), {"skip": "row"}, "skip"),
    ((E, C, X), {"softcap": 0.0}, "softcap"),
    ((E, C, X), {"softcap": math.nan}, "softcap"),
    ((E, C, X), {"threshold": -1.0}, "threshold"),
    ((E, C, X), {"threshold": 1.5}, "threshold"),
    ((E, C, X), {"spread": True}, "spread"),
    ((E, C, X), {"spread": True, "threshold": 0.1, "softcap": 3.0}, "spread"),
    ((E, C, X), {"token_tile": 0}, "tiles"),
    ((E, C, X), {"vocab_tile": -3}, "tiles"),
])
def test_bad_input_is_named(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cce.linear_cross_entropy(*arguments, **options)


def test_a_second_derivative_is_refused_and_not_wrong() -> None:
    e, c, x, _ = case(4, 6, 3)
    first, = torch.autograd.grad(cce.linear_cross_entropy(e.requires_grad_(), c, x), e, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        first.sum().backward()


# --------------------------------------------------------- what the article measures

def test_the_methods_compared_compute_the_same() -> None:
    """Chunks, PyTorch's own and ours are timed against the naive code, so they must agree with it."""
    measure: Any = load("cut-cross-entropy", "measure")
    e, c, x = measure.inputs(200, 300, 16, torch.float32)
    naive = gradients(lambda e, c: measure.naive(e, c, x), e, c)
    for name in ("chunk-128", "chunk-16", "torch-default", "torch-128", "ours"):
        close(gradients(lambda e, c: measure.METHODS[name](e, c, x), e, c), naive, 1e-5)  # noqa: B023


def test_the_trained_model_is_the_one_it_claims_to_be() -> None:
    """Read from its file by our own code, it still knows a capital and predicts English well."""
    smollm: Any = load("cut-cross-entropy", "smollm")
    model = smollm.SmolLM()
    ids = torch.tensor([model.tokenize("The capital of France is")])
    best = int((model.classifier @ model.hidden(ids)[0, -1]).argmax())
    assert model._field("tokenizer.ggml.tokens")[best] == "ĠParis"
    e, c, x = smollm.states(256, length=256)
    assert e.shape == (256, 576) and c.shape == (49_152, 576)
    assert 3 < F.cross_entropy(e @ c.T, x) < 4.5
