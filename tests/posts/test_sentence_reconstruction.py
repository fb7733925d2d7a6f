"""The module of "Finetuning GPT2 to Reconstruct Sentences"."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts" / "reconstructing-sentences-gpt2"))
import sentence_reconstruction as sr

TABLE = {
    "<s>": {"dogs": 0.4, "old": 0.3, "cats": 0.2, "chase": 0.1},
    "dogs": {"chase": 0.6, "</s>": 0.3, "old": 0.1},
    "old": {"dogs": 0.5, "cats": 0.4, "chase": 0.1},
    "chase": {"cats": 0.5, "old": 0.3, "dogs": 0.2},
    "cats": {"</s>": 0.6, "chase": 0.3, "old": 0.1},
}
BAG = ("old", "dogs", "chase", "cats")
CORPUS = [line.split() for line in (
    "the dog chased the cat", "the cat chased a bird", "a bird saw the dog", "the dog slept")]

words = st.sampled_from(["a", "an", "bird", "cat", "the", "dog"])
bags = st.lists(words, min_size=0, max_size=6)


def toy(previous: str, word: str) -> float:
    return sr.log(TABLE[previous].get(word, 0.0))


def hashed(seed: int):
    """An arbitrary bigram score, the same at each call."""
    return lambda previous, word: -random.Random(f"{seed} {previous} {word}").uniform(0.1, 5)


def test_worked_example():
    assert all(math.isclose(sum(row.values()), 1) for row in TABLE.values())
    found = {p: math.exp(sr.total_score(p, toy)) for p in permutations(BAG)}
    assert len(found) == 24 and sum(v > 0 for v in found.values()) == 8
    assert sr.order(BAG, toy, 1) == (("dogs", "chase", "cats", "old"), -math.inf)
    best, logp = sr.order(BAG, toy, 2)
    assert best == ("old", "dogs", "chase", "cats") and math.isclose(math.exp(logp), 0.027)
    assert sr.brute_force(BAG, toy)[0] == best


def test_kneser_ney_by_hand():
    model = sr.KneserNey(CORPUS, discount=0.5)
    assert math.isclose(model.probability("the", "dog"), 0.511875)
    assert math.isclose(model.probability("the", "cat"), 0.311875)
    assert math.isclose(model.continuation("the"), 0.184375)
    assert model.probability("the", "zebra") > 0


@given(st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=6),
       st.floats(0.05, 0.95), words)
def test_kneser_ney_sums_to_one(corpus, discount, previous):
    model = sr.KneserNey(corpus, discount)
    for context in (previous, sr.START):
        total = sum(model.probability(context, word) for word in [*model.contexts, "never seen"])
        assert math.isclose(total, 1)


@given(bags, st.integers(1, 5), st.integers(0, 99))
def test_output_is_always_a_permutation(bag, width, seed):
    found, _ = sr.order(bag, hashed(seed), width)
    assert Counter(found) == Counter(bag)


@given(bags, st.integers(0, 99), st.booleans())
@settings(max_examples=60)
def test_wide_beam_is_brute_force(bag, seed, with_future):
    future = (lambda word: -len(word)) if with_future else (lambda word: 0.0)
    found, logp = sr.order(bag, hashed(seed), 1000, future)
    expected, best = sr.brute_force(bag, hashed(seed))
    assert math.isclose(logp, best, abs_tol=1e-9)
    assert math.isclose(sr.total_score(found, hashed(seed)), logp, abs_tol=1e-9)
    assert Counter(found) == Counter(expected)


@given(bags)
def test_orders_counts_distinct_permutations(bag):
    assert sr.orders(bag) == len(set(permutations(bag)))


def brute_tau(output, target):
    """The best tau over all ways to match equal words."""
    n = len(output)
    if n < 2:
        return 1.0
    best = -1.0
    slots = {word: [i for i, w in enumerate(target) if w == word] for word in set(target)}
    names = list(slots)
    for choice in product(*(permutations(slots[word]) for word in names)):
        queues = {word: iter(places) for word, places in zip(names, choice)}
        ranks = [next(queues[word]) for word in output]
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        agree = sum(1 if ranks[i] < ranks[j] else -1 for i, j in pairs)
        best = max(best, agree / len(pairs))
    return best


@given(st.data(), bags)
def test_tau_is_the_best_matching(data, target):
    output = data.draw(st.permutations(target))
    assert math.isclose(sr.kendall_tau(output, target), brute_tau(output, target), abs_tol=1e-12)


def test_tau_by_hand():
    assert math.isclose(sr.kendall_tau("old dogs chase cats".split(), "dogs chase old cats".split()), 1 / 3)
    assert sr.kendall_tau("abcd", "dcba") == -1
    assert math.isclose(sum(sr.kendall_tau(o, "aba") for o in ("aab", "aba", "baa")) / 3, 5 / 9)
    with pytest.raises(ValueError):
        sr.kendall_tau("ab", "aa")


def test_bleu_and_rates():
    gold, out = "dogs chase old cats".split(), "old dogs chase cats".split()
    assert sr.corpus_bleu([out], [gold]) == 0
    assert math.isclose(sr.corpus_bleu([out], [gold], longest=2), math.sqrt(1 / 3))
    assert sr.corpus_bleu([gold], [gold]) == 1
    assert sr.exact_match([out, gold], [gold, gold]) == 0.5
    assert sr.permutation_rate([out, gold[:3]], [gold, gold]) == 0.5


PIECES = {"a": ("_a",), "an": ("_a", "n"), "bird": ("_bi", "rd"), "cat": ("_ca", "t"),
          "the": ("_the",), "dog": ("_d", "o", "g")}


@given(bags, st.integers(0, 99))
def test_pieces_spell_a_permutation(bag, seed):
    rng, left, current, spelled = random.Random(seed), Counter(bag), (), []
    while True:
        allowed = sr.next_pieces(left, current, PIECES)
        assert allowed, "a dead end"
        piece = rng.choice(sorted(allowed))
        if current and (piece == sr.END or piece.startswith("_")):
            word = next(w for w in PIECES if PIECES[w] == current)
            spelled.append(word)
            left, current = left - Counter([word]), ()
        if piece == sr.END:
            break
        current += (piece,)
    assert Counter(spelled) == Counter(bag)


def test_bad_arguments():
    with pytest.raises(ValueError):
        sr.order(BAG, toy, 0)
    with pytest.raises(ValueError):
        sr.KneserNey([], 0.5)
    with pytest.raises(ValueError):
        sr.KneserNey(CORPUS, 1.0)
    with pytest.raises(ValueError):
        sr.corpus_bleu([], [])
