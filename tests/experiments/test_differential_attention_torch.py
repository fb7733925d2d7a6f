"""Differential attention in PyTorch against the reference code's formula, the NumPy form, and its own other form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from article_code import load
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")


numpy_form = load("differential-attention", "differential_attention")
dt = load("differential-attention", "differential_attention_torch")
needle = load("differential-attention", "needle")
language: Any = load("differential-attention", "language")


@pytest.fixture(autouse=True)
def _double() -> Any:
    before = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before[0])
    torch.set_num_threads(before[1])


KINDS = {
    "plain": lambda width, heads, kv: dt.Plain(width, heads, kv_heads=kv),
    "plain-norm": lambda width, heads, kv: dt.Plain(width, heads, kv_heads=kv, layer=2, norm=True),
    "v1": lambda width, heads, kv: dt.DifferentialV1(width, heads, kv_heads=kv, layer=2),
    "v1-no-norm": lambda width, heads, kv: dt.DifferentialV1(width, heads, kv_heads=kv, norm=False),
    "v1-half": lambda width, heads, kv: dt.DifferentialV1(width, heads, kv_heads=kv, fixed=0.5),
    "v2": lambda width, heads, kv: dt.DifferentialV2(width, heads, kv_heads=kv),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def randomised(module: Any) -> Any:
    """Norm gains and lambda weights start at ones and near zero, where some mistakes do not show."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5 + (1 if parameter.ndim == 1 else 0))
    return module


# ------------------------------------------------- the reference code's formula, one number at a time

def matrix(module: Any) -> list[list[float]]:
    weights: list[list[float]] = module.weight.tolist()
    return weights


def apply(weights: list[list[float]], x: list[float]) -> list[float]:
    return [math.fsum(w * value for w, value in zip(row, x, strict=True)) for row in weights]


def turned(x: list[float], position: int) -> list[float]:
    """Interleaved rotary embedding, by complex numbers."""
    out: list[float] = []
    for i in range(0, len(x), 2):
        angle = position / 10000 ** (i / len(x))
        spun = complex(x[i], x[i + 1]) * complex(math.cos(angle), math.sin(angle))
        out += [spun.real, spun.imag]
    return out


def soft(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def head_of(flat: list[float], head: int, width: int) -> list[float]:
    return flat[head * width:(head + 1) * width]


def attend(queries: list[list[float]], keys: list[list[float]], at: int) -> list[float]:
    q = turned(queries[at], at)
    return soft([math.fsum(a * b for a, b in zip(q, turned(keys[j], j), strict=True)) / math.sqrt(len(q))
                 for j in range(at + 1)])


def reference_v1(module: Any, x: list[list[float]], depth: int) -> list[list[float]]:
    """multihead_diffattn.py of microsoft/unilm; `depth` counts from 0 as there. Query head i uses key head i // n_rep."""
    heads, shared = module.heads, module.heads // module.kv_heads
    d = module.width // (2 * heads)
    q, k, v = ([apply(matrix(projection), token) for token in x] for projection in (module.q, module.k, module.v))
    q1, k1, q2, k2 = module.lambdas.tolist()
    start = 0.8 - 0.6 * math.exp(-0.3 * depth)
    lam = (math.exp(sum(a * b for a, b in zip(q1, k1, strict=True)))
           - math.exp(sum(a * b for a, b in zip(q2, k2, strict=True))) + start)
    out = []
    for t in range(len(x)):
        joined: list[float] = []
        for head in range(heads):
            first, second = (
                attend([head_of(token, h, d) for token in q], [head_of(token, h // shared, d) for token in k], t)
                for h in (2 * head, 2 * head + 1))
            values = [head_of(token, head // shared, 2 * d) for token in v]
            mixed = [math.fsum((first[j] - lam * second[j]) * values[j][c] for j in range(t + 1)) for c in range(2 * d)]
            size = math.sqrt(math.fsum(y * y for y in mixed) / (2 * d) + 1e-5)
            joined += [y / size * gain * (1 - start) for y, gain in zip(mixed, module.norm.weight.tolist(), strict=True)]
        out.append(apply(matrix(module.out), joined))
    return out


def reference_v2(module: Any, x: list[list[float]]) -> list[list[float]]:
    """multihead_flashdiffv2.py of microsoft/unilm: attn[0::2] - sigmoid(lambda) attn[1::2], 2 h query heads."""
    heads, shared = module.heads, 2 * module.heads // module.kv_heads
    d = module.width // heads
    q, k, v, lam = ([apply(matrix(p), token) for token in x] for p in (module.q, module.k, module.v, module.lam))
    out = []
    for t in range(len(x)):
        outputs = []
        for h in range(2 * heads):
            kv = h // shared
            row = attend([head_of(token, h, d) for token in q], [head_of(token, kv, d) for token in k], t)
            outputs.append([math.fsum(row[j] * head_of(v[j], kv, d)[c] for j in range(t + 1)) for c in range(d)])
        joined: list[float] = []
        for head in range(heads):
            share = 1 / (1 + math.exp(-lam[t][head]))
            joined += [a - share * b for a, b in zip(outputs[2 * head], outputs[2 * head + 1], strict=True)]
        out.append(apply(matrix(module.out), joined))
    return out


@pytest.mark.parametrize(("width", "heads", "kv"), [(8, 2, None), (12, 3, None), (16, 4, 2), (24, 6, 2), (16, 4, 1)])
@pytest.mark.parametrize("layer", [1, 3])
def test_v1_equals_the_reference_formula(width: int, heads: int, kv: int | None, layer: int) -> None:
    module = randomised(dt.DifferentialV1(width, heads, kv_heads=kv, layer=layer))
    x = torch.randn(1, 6, width)
    expected = reference_v1(module, x[0].tolist(), layer - 1)
    np.testing.assert_allclose(module(x)[0].tolist(), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("width", "heads", "kv"), [(8, 2, None), (12, 3, None), (16, 4, 2), (24, 6, 2), (16, 4, 1)])
def test_v2_equals_the_reference_formula(width: int, heads: int, kv: int | None) -> None:
    module = randomised(dt.DifferentialV2(width, heads, kv_heads=kv))
    x = torch.randn(1, 6, width)
    np.testing.assert_allclose(module(x)[0].tolist(), reference_v2(module, x[0].tolist()), rtol=1e-9, atol=1e-10)


# ------------------------------------------------------------------ the NumPy form, and the other form

def test_v1_equals_the_numpy_layer_on_the_first_token_and_with_rotation_switched_off(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The NumPy layer has no rotary embedding."""
    module = randomised(dt.DifferentialV1(12, 3, layer=2))
    x = torch.randn(2, 7, 12)
    with torch.no_grad():
        weights = {f"w_{name}": getattr(module, name).weight.T.numpy() for name in "qkv"}
        expected = numpy_form.multihead(x.numpy(), **weights, w_o=module.out.weight.T.numpy(), heads=3,
                                        lam=module.lam().item(), start=numpy_form.lambda_init(2),
                                        gain=module.norm.weight.numpy())
        np.testing.assert_allclose(module(x)[:, 0], expected[:, 0], rtol=1e-10, atol=1e-10)
        assert not np.allclose(module(x)[:, 1:], expected[:, 1:])
        monkeypatch.setattr(dt, "rotate", lambda x: x)
        np.testing.assert_allclose(module(x), expected, rtol=1e-10, atol=1e-10)


shapes = st.tuples(st.integers(1, 3), st.integers(1, 9), st.sampled_from([(1, 1), (2, 1), (2, 2), (4, 2), (3, 3)]),
                   st.sampled_from([2, 4, 6]))


@every_kind
@settings(deadline=None, max_examples=25)
@given(shapes)
def test_two_fused_calls_equal_the_materialised_maps(kind: str, shape: Any) -> None:
    batch, n, (heads, kv), d = shape
    module = randomised(KINDS[kind](2 * d * heads, heads, kv))
    x = torch.randn(batch, n, 2 * d * heads)
    out = module(x)
    assert out.shape == x.shape
    torch.testing.assert_close(module(x, fused=True), out, rtol=1e-9, atol=1e-9)


@every_kind
def test_gradients_agree_with_finite_differences_in_both_forms(kind: str) -> None:
    module = randomised(KINDS[kind](8, 2, 1))
    x = (0.5 * torch.randn(1, 3, 8)).requires_grad_()
    for fused in (False, True):
        assert torch.autograd.gradcheck(lambda x: module(x, fused=fused), x)  # noqa: B023
    names = [name for name, _ in module.named_parameters()]
    values = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]
    assert torch.autograd.gradcheck(
        lambda *values: torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x.detach(),)), values)


@every_kind
def test_no_token_sees_a_later_one(kind: str) -> None:
    module = randomised(KINDS[kind](16, 4, 2))
    x = torch.randn(2, 8, 16)
    for fused in (False, True):
        before = module(x, fused=fused)
        later = x.clone()
        later[:, 5:] += 10
        after = module(later, fused=fused)
        assert torch.equal(before[:, :5], after[:, :5]) and not torch.allclose(before[:, 5:], after[:, 5:])


def test_rows_of_the_signed_maps_sum_to_what_the_article_says() -> None:
    x = torch.randn(2, 6, 16)
    v1, v2 = randomised(dt.DifferentialV1(16, 2, layer=2)), randomised(dt.DifferentialV2(16, 4))
    torch.testing.assert_close(v1.weights(x).sum(-1), (1 - v1.lam()).expand(2, 2, 6))
    torch.testing.assert_close(v2.weights(x).sum(-1, keepdim=True), 1 - v2.share(x))
    torch.testing.assert_close(dt.Plain(16, 4).weights(x).sum(-1), torch.ones(2, 4, 6))


def test_lambda_zero_is_plain_attention_with_wide_values() -> None:
    module = randomised(dt.DifferentialV1(16, 2, fixed=0.0, norm=False))
    x = torch.randn(2, 6, 16)
    q, k, v = module.split(x)
    expected = module.out((dt.causal_softmax(q[:, ::2], k[:, ::2]) @ v).transpose(1, 2).flatten(-2))
    torch.testing.assert_close(module(x), expected)
    torch.testing.assert_close(module.weights(x), dt.causal_softmax(q[:, ::2], k[:, ::2]))


def test_v2_with_its_share_at_zero_is_the_plain_layer_of_its_first_queries() -> None:
    module, plain = dt.DifferentialV2(16, 4), dt.Plain(16, 4)
    with torch.no_grad():
        module.lam.weight.zero_()
        for name in ("k", "v", "out"):
            getattr(plain, name).weight.copy_(getattr(module, name).weight)
        plain.q.weight.copy_(module.q.weight.unflatten(0, (8, 4))[::2].flatten(0, 1))
    x = torch.randn(2, 6, 16)
    q, k, _ = module.split(x)
    torch.testing.assert_close(module.mix(x, q, k), dt.causal_softmax(q[:, ::2], k[:, ::2])
                               - 0.5 * dt.causal_softmax(q[:, 1::2], k[:, 1::2]))
    module.share = lambda x: torch.zeros(())  # as lambda goes to minus infinity
    torch.testing.assert_close(module(x), plain(x))


def test_rotation_makes_scores_depend_on_the_distance_only() -> None:
    q, k = torch.randn(2, 6)
    n = 12
    scores = dt.rotate(q.expand(n, 6)) @ dt.rotate(k.expand(n, 6)).T
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])
    assert abs(scores[5, 1] - scores[5, 2]) > 1e-3


def test_a_gradient_reaches_every_parameter() -> None:
    for kind in needle.KINDS:
        net = needle.model(kind)
        needle.loss(net, needle.examples(torch.Generator().manual_seed(0), 4, 4, 24)).backward()
        for name, parameter in net.named_parameters():
            wasted = kind == "v1-zero" and name.endswith(("attention.q.weight", "attention.k.weight"))
            assert parameter.grad is not None and (wasted or parameter.grad.abs().sum() > 0), (kind, name)


def test_clear_errors() -> None:
    for make, message in (
            (lambda: dt.Plain(10, 3), "not a multiple"), (lambda: dt.DifferentialV1(12, 4), "not a multiple"),
            (lambda: dt.DifferentialV2(10, 4), "not a multiple"), (lambda: dt.DifferentialV1(12, 0), "not a multiple"),
            (lambda: dt.Plain(16, 4, kv_heads=3), "cannot share"), (lambda: dt.Plain(16, 4, kv_heads=0), "cannot share"),
            (lambda: dt.Plain(12, 4), "even width"), (lambda: dt.Plain(16, 4, layer=0), "count from 1"),
            (lambda: dt.Plain(16, 4)(torch.zeros(2, 3, 8)), r"expected \(batch, tokens, 16\)"),
            (lambda: dt.Plain(16, 4)(torch.zeros(3, 16)), "expected"),
            (lambda: dt.DifferentialV2(16, 4)(torch.zeros(2, 0, 16)), "expected")):
        with pytest.raises(ValueError, match=message):
            make()


# ------------------------------------------------------------------------------- the experiment

def test_models_compared_have_equal_parameters_but_for_lambda_and_the_norm() -> None:
    sizes = {kind: sum(p.numel() for p in needle.model(kind).parameters()) for kind in needle.KINDS}
    layers, d = needle.LAYERS, needle.WIDTH // needle.HEADS
    assert sizes["v2"] == sizes["plain"]
    assert sizes["plain-norm"] == sizes["plain"] + layers * d
    assert sizes["v1"] == sizes["plain"] + layers * (4 * d + 2 * d) == sizes["v1-no-norm"] + layers * 2 * d
    assert sizes["v1-zero"] == sizes["v1-half"] == sizes["plain"] + layers * 2 * d


@pytest.mark.parametrize(("pairs", "length"), [(1, 24), (4, 24), (8, 24), (12, 24), (4, 96)])
def test_every_question_has_one_answer_in_the_context(pairs: int, length: int) -> None:
    batch = needle.examples(torch.Generator().manual_seed(5), 50, pairs, length)
    assert batch.ids.shape == (50, length + needle.QUESTIONS)
    for ids, answers in zip(batch.ids.tolist(), batch.answers.tolist(), strict=True):
        context, asked = ids[:length], ids[length:]
        keys = [token for token in context if token in needle.KEYS]
        assert len(keys) == len(set(keys)) == pairs and len(set(asked)) == min(pairs, needle.QUESTIONS)
        for key, answer in zip(asked, answers, strict=True):
            assert context[answer - 1] == key and context[answer] in needle.VALUES
    assert batch.targets.tolist() == [[row[a] for a in at] for row, at in
                                      zip(batch.ids.tolist(), batch.answers.tolist(), strict=True)]


class Shown:
    """A model of one layer with these weights at the first question, and all on the answer at the others."""

    def __init__(self, *heads: list[float]):
        self.heads = heads

    def maps(self, ids: Any) -> list[Any]:
        rows = torch.zeros(1, len(self.heads), ids.shape[1], ids.shape[1])
        for head, weights in enumerate(self.heads):
            for question in range(needle.QUESTIONS):
                rows[0, head, -needle.QUESTIONS + question, :len(weights)] = torch.tensor(weights)
        return [rows]


def test_attention_measures_by_hand() -> None:
    """Context: key, value, three others; head 1 has -.06 on a key, .45 on the value, .04 and .07 on noise."""
    batch = needle.Examples(torch.zeros(1, 5 + needle.QUESTIONS, dtype=torch.long),
                            torch.ones(1, needle.QUESTIONS, dtype=torch.long), 5)
    found = needle.attention_measures(Shown([0.0, 0.45, -0.06, 0.04, 0.07], [0.5, 0.1, 0.4, 0.0, 0.0]), batch)
    np.testing.assert_allclose(found[:6], [0.9, 0.1, 0.45 / 0.62, 0.17 / 0.62, math.sqrt(0.0101) / 0.45, 0.5])
    np.testing.assert_allclose(found[6:], [0.55 / 1.5, 0.45 / 1.5, 0.55 / 1.62, 0.57 / 1.62,
                                           (math.sqrt(0.0101) + 0.4) / 0.55, 0.75])


def test_training_is_deterministic_and_learns_something() -> None:
    torch.set_default_dtype(torch.float32)
    first, again = (needle.train("v1", 3, 4e-3, 40) for _ in range(2))
    assert first == again
    assert first["loss"] < math.log(needle.VOCABULARY) - 0.5
    assert needle.train("v1", 4, 4e-3, 40)["loss"] != first["loss"]
    assert [step for step, _ in first["curve"]] == [0, 20, 40]


def test_a_seed_gives_every_kind_the_same_batches_and_another_seed_others(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_default_dtype(torch.float32)
    seen: dict[tuple[str, int], list[Any]] = {}
    original = needle.loss
    for kind, seed in (("plain", 3), ("v1", 3), ("v2", 4)):
        batches = seen.setdefault((kind, seed), [])
        monkeypatch.setattr(needle, "loss", lambda net, batch: batches.append(batch.ids) or original(net, batch))  # noqa: B023
        needle.train(kind, seed, 4e-3, 3)
    same, other = ([torch.equal(a, b) if a.shape == b.shape else False for a, b in zip(seen["plain", 3], found, strict=True)]
                   for found in (seen["v1", 3], seen["v2", 4]))
    assert same == [True] * 3 and other == [False] * 3


# --------------------------------------------------------- the language model

def test_language_models_compared_have_equal_parameters_but_for_lambda_and_the_norm() -> None:
    counts = {kind: sum(p.numel() for p in language.model(kind).parameters()) for kind in language.KINDS}
    assert counts["v2"] == counts["plain"]
    assert all(0 <= count - counts["plain"] < 0.001 * counts["plain"] for count in counts.values())


def test_held_out_files_are_of_most_genres_and_not_trained_on() -> None:
    names = list(language.packages.brown())
    assert len({name[1] for name in names[language.HELD_OUT]}) == 13 and len({name[1] for name in names}) == 15
    data = language.corpus()
    assert len(data.held_out) == 25 and len(data.train) > 2_000_000
    start = data.held_out[3][:40]
    windows = data.train.unfold(0, 40, 1)
    assert not (windows == start).all(1).any()


def test_bits_per_byte_of_a_model_that_knows_nothing_and_of_one_by_hand() -> None:
    """Equal logits cost log2 of the vocabulary a token; each token but the first counts once, across windows."""
    net = language.model("plain")
    torch.nn.init.zeros_(net.head.weight)
    ids, sizes = torch.arange(600) % language.VOCABULARY, torch.full((language.VOCABULARY,), 2)
    (bits,) = language.bits_per_byte(net, [ids], sizes)
    assert bits == pytest.approx(math.log2(language.VOCABULARY) / 2, rel=1e-5)
    torch.manual_seed(0)
    torch.nn.init.normal_(net.head.weight)
    (bits,) = language.bits_per_byte(net, [ids[:200]], sizes)
    chosen = net(ids[None, :199])[0].double().log_softmax(-1)[torch.arange(199), ids[1:200]]
    assert bits == pytest.approx(-chosen.sum().item() / math.log(2) / 398, rel=1e-5)


def test_a_language_run_is_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    data = language.corpus()
    monkeypatch.setattr(language, "corpus", lambda: data._replace(held_out=[data.held_out[0][:500]]))
    short = [language.train("v1", 3, 8e-3, 2)["curve"] for _ in range(2)]
    assert short[0] == short[1] and short[0][0] < math.log(language.VOCABULARY) + 1
