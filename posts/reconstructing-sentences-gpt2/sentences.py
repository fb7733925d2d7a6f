"""Sentences of the Brown corpus to be put back in order: split by file, and checked for leaks.

    data = sentences.prepare(packages.brown())
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Words = tuple[str, ...]

SHORTEST, LONGEST = 5, 12
NEAR = 0.8  # of the longer sentence's words, as a bag: what makes two sentences nearly the same
_WORD = re.compile(r"[A-Za-z]+('[a-z]+)?")


@dataclass(frozen=True)
class Data:
    train: list[Words]       # sentences to learn the task on
    validation: list[Words]
    test: list[Words]
    text: list[Words]        # all sentences of the training files, marks and all, for language models
    dropped: int             # sentences of the training files too near to a held-out one

    def sample(self, seed: int, size: int) -> list[Words]:
        """The seed's own share of the test sentences: no sentence is in two seeds' shares."""
        mixed = random.Random("test").sample(self.test, len(self.test))
        found = mixed[seed * size:(seed + 1) * size]
        if len(found) < size:
            raise ValueError(f"{len(self.test)} test sentences give no share {seed} of {size}")
        return found


def prepare(corpus: Mapping[str, Sequence[Sequence[str]]]) -> Data:
    """Every tenth file is for testing, every twentieth for validation, the others are for training."""
    files: dict[str, list[Sequence[str]]] = {"train": [], "validation": [], "test": []}
    for place, name in enumerate(sorted(corpus)):
        files["test" if place % 10 == 4 else "validation" if place % 20 == 9 else "train"] += corpus[name]
    cased = Counter(word for sentence in files["train"] for word in sentence[1:])  # none of a held-out file

    def tasks(sentences: Iterable[Sequence[str]], known: set[frozenset[tuple[str, int]]]) -> list[Words]:
        found = []
        for sentence in sentences:
            words = task(sentence, cased)
            bag = frozenset(Counter(fold(words)).items())
            if words and bag not in known:  # one sentence of each bag, as the bag is the question
                known.add(bag)
                found.append(words)
        return found

    known: set[frozenset[tuple[str, int]]] = set()
    test, validation = tasks(files["test"], known), tasks(files["validation"], known)
    train = [sentence for sentence in files["train"] if sentence]
    near = nearly_same([fold(sentence) for sentence in train], [fold(words) for words in test + validation])
    kept = [sentence for place, sentence in enumerate(train) if place not in near]
    return Data(tasks(kept, known), validation, test, [truecase(sentence, cased) for sentence in kept], len(near))


def truecase(sentence: Sequence[str], cased: Mapping[str, int]) -> Words:
    """The sentence with its first word as it is written elsewhere, so that its capital gives nothing away."""
    first, lower = sentence[0], sentence[0].lower()
    return (first if cased.get(first, 0) > cased.get(lower, 0) else lower, *sentence[1:])


def task(sentence: Sequence[str], cased: Mapping[str, int]) -> Words:
    """Its words if it is plain words and a full stop, of the right length; else nothing."""
    if not SHORTEST <= len(sentence) - 1 <= LONGEST or sentence[-1] != ".":
        return ()
    words = truecase(sentence[:-1], cased)
    return words if all(map(_WORD.fullmatch, words)) else ()


def fold(sentence: Iterable[str]) -> Words:
    """Lower case, without marks: what leaks are looked for in."""
    return tuple(word.lower() for word in sentence if _WORD.fullmatch(word))


def near(one: Words, other: Words) -> bool:
    """Whether they share most of their words, or the first holds the second whole."""
    shared = (Counter(one) & Counter(other)).total()
    inside = any(one[i:i + len(other)] == other for i in range(len(one) - len(other) + 1))
    return inside or shared >= NEAR * max(len(one), len(other))


def nearly_same(sentences: Sequence[Words], held_out: Sequence[Words]) -> set[int]:
    """Which sentences are near some held-out one: `near` for all pairs, but without trying them all.

    Two sentences that share so many words share one of their rarest (Chaudhuri,
    Ganti & Kaushik 2006); one that holds the other whole, its first words.
    """
    common = Counter(word for words in (*sentences, *held_out) for word in words)

    def rarest(words: Words) -> set[str]:
        ordered = sorted(words, key=lambda word: (common[word], word))
        return set(ordered[:int(len(words) * (1 - NEAR) + 1e-9) + 1])

    by_rare: dict[str, list[Words]] = defaultdict(list)
    by_opening: dict[Words, list[Words]] = defaultdict(list)
    size = min(map(len, held_out), default=1)
    for words in held_out:
        by_opening[words[:size]].append(words)
        for word in rarest(words):
            by_rare[word].append(words)
    found = set()
    for place, words in enumerate(sentences):
        candidates = [other for word in rarest(words) for other in by_rare.get(word, ())]
        candidates += [other for i in range(len(words) - size + 1) for other in by_opening.get(words[i:i + size], ())]
        if any(near(words, other) for other in candidates):
            found.add(place)
    return found
