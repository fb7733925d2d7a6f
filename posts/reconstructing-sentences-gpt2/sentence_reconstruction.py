"""Put a bag of words back in order, and say how well that went.

An n-gram model with interpolated Kneser-Ney smoothing, a beam search
whose every output uses each word of the bag exactly once, the rule
that carries this over to sub-word pieces, and four metrics. Pure
Python, no dependencies.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations

START, END = "<s>", "</s>"
Words = tuple[str, ...]

# log P(word | the words before it); END may be asked for as a word
Score = Callable[[Words, str], float]


def log(p: float) -> float:
    """Natural logarithm with log 0 = minus infinity."""
    return math.log(p) if p > 0 else -math.inf


class KneserNey:
    """An interpolated Kneser-Ney n-gram model (Kneser & Ney 1995).

    `discount` holds for all levels; without one, each level takes
    n1 / (n1 + 2 n2) from how many of its n-grams were seen once and
    twice (Ney, Essen & Kneser 1994). The lowest level keeps a share
    for one unknown word, so no probability is zero. ValueError for an
    empty corpus or a discount outside (0, 1).
    """

    def __init__(self, corpus: Iterable[Sequence[str]], order: int = 2,
                 discount: float | None = None) -> None:
        if discount is not None and not 0 < discount < 1:
            raise ValueError(f"discount {discount} not in (0, 1)")
        if order < 1:
            raise ValueError(f"an n-gram model of order {order}")
        self.order = order
        # for each length of context: context -> next word -> count
        seen: list[dict[Words, Counter[str]]] = [
            defaultdict(Counter) for _ in range(order)]
        self.unigrams: Counter[str] = Counter()
        for sentence in corpus:
            words = (START, *sentence, END)
            self.unigrams.update(words[1:])
            for end in range(1, len(words)):
                for size in range(min(order, end + 1)):
                    seen[size][words[end - size:end]][words[end]] += 1
        if not self.unigrams:
            raise ValueError("an empty corpus")
        # Below the highest level what counts is in how many contexts
        # an n-gram was seen; nothing stands before a START.
        for size in range(order - 1):
            lower: dict[Words, Counter[str]] = defaultdict(Counter)
            for context, row in seen[size + 1].items():
                for word in row:
                    lower[context[1:]][word] += 1
            lower.update((context, row) for context, row
                         in seen[size].items() if context[:1] == (START,))
            seen[size] = lower
        self.vocabulary = len(self.unigrams)
        self.tokens = self.unigrams.total()
        self.discounts = [discount or self._estimate(level)
                          for level in seen]
        # context -> (its row, total, what the discount frees)
        self._rows = {
            context: (row, row.total(), self.discounts[size] * len(row))
            for size, level in enumerate(seen)
            for context, row in level.items()}

    @staticmethod
    def _estimate(level: Mapping[Words, Counter[str]]) -> float:
        often = Counter(min(n, 3) for row in level.values()
                        for n in row.values())
        if not often[1] or not often[2]:  # a corpus too small to tell
            return 0.75
        return often[1] / (often[1] + 2 * often[2])

    def probability(self, context: Sequence[str], word: str) -> float:
        """P(word | context), of which the last order - 1 words matter."""
        context = tuple(context[max(len(context) - self.order + 1, 0):])
        p = 1 / (self.vocabulary + 1)  # one place for the unknown
        for size in range(len(context) + 1):
            found = self._rows.get(context[len(context) - size:])
            if found is None:  # never seen: no longer context was
                break
            row, total, freed = found
            kept = max(row[word] - self.discounts[size], 0)
            p = (kept + freed * p) / total
        return p

    def score(self, words: Words, word: str) -> float:
        return math.log(self.probability((START, *words), word))

    def unigram(self, word: str) -> float:
        """log P(word), add-one smoothed: a future-cost estimate."""
        return math.log((self.unigrams[word] + 1)
                        / (self.tokens + self.vocabulary + 1))


def total_score(words: Sequence[str], score: Score) -> float:
    """Log-probability of one order, the end of sentence included."""
    words = tuple(words)
    return sum(score(words[:i], word)
               for i, word in enumerate((*words, END)))


# region name beam
def order(bag: Iterable[str], score: Score, width: int,
          future: Callable[[str], float] = lambda word: 0.0,
          ) -> tuple[Words, float]:
    """The best order of the bag that a beam of this width finds."""
    beam: list[tuple[Words, float]] = []
    for grown in steps(bag, score, width, future):
        beam = grown[:width]
    done = [(words, logp + score(words, END)) for words, logp in beam]
    return min(done, key=lambda h: (-h[1], h[0]))


def steps(bag: Iterable[str], score: Score, width: int,
          future: Callable[[str], float] = lambda word: 0.0,
          ) -> Iterator[list[tuple[Words, float]]]:
    """What each step grows, best first; the first `width` go on."""
    if width < 1:
        raise ValueError(f"a beam of width {width}")
    left = Counter(bag)
    outlook = math.fsum(n * future(word) for word, n in left.items())
    # a hypothesis: words so far, log-probability, outlook, words left
    beam: list[tuple[Words, float, float, Counter[str]]]
    beam = [((), 0.0, outlook, left)]
    yield [((), 0.0)]
    for _ in range(left.total()):
        grown = [((*words, word), logp + score(words, word),
                  outlook - future(word), left - Counter([word]))
                 for words, logp, outlook, left in beam
                 for word in left]  # distinct words: no twins
        grown.sort(key=lambda h: (-(h[1] + h[2]), h[0]))
        yield [(words, logp) for words, logp, _, _ in grown]
        beam = grown[:width]
# endregion name beam


def brute_force(bag: Sequence[str], score: Score,
                ) -> tuple[Words, float]:
    """The best order, by trying all of them: for short bags only."""
    scored = ((words, total_score(words, score))
              for words in set(permutations(bag)))
    return min(scored, key=lambda h: (-h[1], h[0]))


def orders(bag: Iterable[str]) -> int:
    """How many different orders a bag has: n! / product of m_i!."""
    counts = Counter(bag)
    total = math.factorial(counts.total())
    for n in counts.values():
        total //= math.factorial(n)
    return total


# region name pieces
def next_pieces(left: Counter[str], current: tuple[str, ...],
                pieces: Mapping[str, tuple[str, ...]]) -> set[str]:
    """What a sub-word decoder may emit next.

    `left` holds the words not yet finished, `current` the pieces of
    the word under way. First pieces must be marked (GPT-2: by a
    leading space), so that they differ from later ones.
    """
    going_on = {pieces[word][len(current)] for word in left
                if len(pieces[word]) > len(current)
                and pieces[word][:len(current)] == current}
    if not current:
        return going_on or {END}
    finished = [word for word in left if pieces[word] == current]
    if finished:  # the word may end here, and another one begin
        rest = left - Counter(finished[:1])
        going_on |= {pieces[word][0] for word in rest}
        if not rest:
            going_on.add(END)
    return going_on
# endregion name pieces


# region name tau
def kendall_tau(output: Sequence[str], target: Sequence[str]) -> float:
    """1 for the same order, -1 for the reverse of distinct words."""
    if Counter(output) != Counter(target):
        raise ValueError("tau compares permutations of one bag")
    places = defaultdict(list)
    for place, word in enumerate(target):
        places[word].append(place)
    # i-th occurrence to i-th occurrence: fewest inversions
    queues = {word: iter(found) for word, found in places.items()}
    ranks = [next(queues[word]) for word in output]
    n = len(ranks)
    inversions = sum(ranks[i] > ranks[j]
                     for i in range(n) for j in range(i + 1, n))
    return 1 - 4 * inversions / (n * (n - 1)) if n > 1 else 1.0
# endregion name tau


def corpus_bleu(outputs: Sequence[Sequence[str]],
                targets: Sequence[Sequence[str]], longest: int = 4) -> float:
    """BLEU (Papineni et al. 2002), one reference, unsmoothed, 0 to 1."""
    if len(outputs) != len(targets) or not outputs:
        raise ValueError("as many outputs as targets, and at least one")
    logs = 0.0
    for n in range(1, longest + 1):
        hits = total = 0
        for output, target in zip(outputs, targets):
            ours = Counter(zip(*(output[i:] for i in range(n))))
            theirs = Counter(zip(*(target[i:] for i in range(n))))
            hits += (ours & theirs).total()
            total += ours.total()
        if hits == 0:
            return 0.0
        logs += math.log(hits / total) / longest
    length = sum(map(len, outputs))
    penalty = min(0.0, 1 - sum(map(len, targets)) / length)
    return math.exp(logs + penalty)


def exact_match(outputs: Sequence[Sequence[str]],
                targets: Sequence[Sequence[str]]) -> float:
    """Share of outputs equal to their target, word by word."""
    pairs = list(zip(outputs, targets, strict=True))
    return sum(list(a) == list(b) for a, b in pairs) / len(pairs)


def permutation_rate(outputs: Sequence[Sequence[str]],
                     targets: Sequence[Sequence[str]]) -> float:
    """Share of outputs that use each word exactly as often as asked."""
    pairs = list(zip(outputs, targets, strict=True))
    return sum(Counter(a) == Counter(b) for a, b in pairs) / len(pairs)
