"""The module of "Finetuning GPT2 to Reconstruct Sentences"."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from itertools import pairwise, permutations, product
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


def toy(before: tuple[str, ...], word: str) -> float:
    return sr.log(TABLE[(sr.START, *before)[-1]].get(word, 0.0))


def hashed(seed: int):
    """An arbitrary score that looks at all words before, the same at each call."""
    return lambda before, word: -random.Random(f"{seed} {before} {word}").uniform(0.1, 5)


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
    assert math.isclose(model.probability(["the"], "dog"), 0.511875)
    assert math.isclose(model.probability(["the"], "cat"), 0.311875)
    assert math.isclose(model.probability([], "the"), 0.184375)
    assert model.probability(["the"], "zebra") > 0
    # Three "the" of four sentences, in a row of two kinds of first words.
    assert math.isclose(model.probability([sr.START], "the"), (3 - 0.5) / 4 + 0.5 * 2 / 4 * 0.184375)


def test_a_trigram_by_hand():
    """After "the cat": once "chased", once the end; below it bigrams count by what stands before them."""
    model = sr.KneserNey(CORPUS, order=3, discount=0.5)
    # "cat chased" was seen after "the" alone, "cat </s>" too: the row of "cat" has 1 of each.
    # Of single words, "chased" has two left neighbours of 16; the share for the unknown is 0.5 * 9 / 16 / 10.
    chased = (2 - 0.5) / 16 + 0.5 * 9 / 16 / 10
    after_cat = (1 - 0.5) / 2 + 0.5 * 2 / 2 * chased
    assert math.isclose(model.probability(["the", "cat"], "chased"), (1 - 0.5) / 2 + 0.5 * 2 / 2 * after_cat)
    # Nothing stands before a sentence's start: its row is of plain counts.
    the = (3 - 0.5) / 16 + 0.5 * 9 / 16 / 10
    assert math.isclose(model.probability([sr.START], "the"), (3 - 0.5) / 4 + 0.5 * 2 / 4 * the)
    # An unseen context falls back on a shorter one; words further back do not matter.
    assert math.isclose(model.probability(["bird", "cat"], "chased"), after_cat)
    assert model.probability(["slept", "the", "cat"], "chased") == model.probability(["the", "cat"], "chased")


def test_discounts_follow_from_what_was_seen_once_and_twice():
    model = sr.KneserNey([["a", "b"], ["a", "c"]], order=1)
    # a: 2, </s>: 2, b: 1, c: 1
    assert model.discounts == [2 / (2 + 2 * 2)]


@given(st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=6), st.integers(1, 4),
       st.none() | st.floats(0.05, 0.95), st.lists(words, max_size=4), st.booleans())
def test_kneser_ney_sums_to_one(corpus, order, discount, context, at_start):
    model = sr.KneserNey(corpus, order, discount)
    context = [sr.START, *context] if at_start else context
    total = sum(model.probability(context, word) for word in [*model.unigrams, "never seen"])
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


@given(bags, st.integers(1, 4), st.integers(0, 9), st.booleans())
@settings(max_examples=40)
def test_the_steps_are_those_of_the_search(bag, width, seed, with_future):
    """Each step grows from what the last one kept, by a word that was left, best first; the last holds the answer."""
    score = hashed(seed)
    future = (lambda word: -len(word)) if with_future else (lambda word: 0.0)
    trace = list(sr.steps(bag, score, width, future))
    assert len(trace) == len(bag) + 1
    for kept, grown in pairwise(trace):
        expected = {(*before, word) for before, _ in kept[:width] for word in Counter(bag) - Counter(before)}
        assert {after for after, _ in grown} == expected and len(grown) == len(expected)
        ranks = [logp + sum(map(future, (Counter(bag) - Counter(after)).elements())) for after, logp in grown]
        assert all(one >= other - 1e-9 for one, other in pairwise(ranks))
    assert sr.order(bag, score, width, future)[0] in [words for words, _ in trace[-1][:width]]


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
        sr.KneserNey([])
    with pytest.raises(ValueError):
        sr.KneserNey(CORPUS, discount=1.0)
    with pytest.raises(ValueError):
        sr.KneserNey(CORPUS, order=0)
    with pytest.raises(ValueError):
        sr.corpus_bleu([], [])
