"""Put a bag of words back in order, and say how well that went.

A bigram model with interpolated Kneser-Ney smoothing, a beam search
whose every output uses each word of the bag exactly once, the rule
that carries this over to sub-word pieces, and four metrics. Pure
Python, no dependencies.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations

START, END = "<s>", "</s>"

# log P(word | previous word); END may be asked for as a word
Score = Callable[[str, str], float]


def log(p: float) -> float:
    """Natural logarithm with log 0 = minus infinity."""
    return math.log(p) if p > 0 else -math.inf


class KneserNey:
    """An interpolated Kneser-Ney bigram model (Kneser & Ney 1995).

    The lower level keeps a share for one unknown word, so no
    probability is zero. Raises ValueError for an empty corpus or a
    discount outside (0, 1).
    """

    def __init__(self, corpus: Iterable[Sequence[str]],
                 discount: float = 0.75) -> None:
        if not 0 < discount < 1:
            raise ValueError(f"discount {discount} not in (0, 1)")
        self.discount = discount
        self.followers: dict[str, Counter[str]] = defaultdict(Counter)
        self.unigrams: Counter[str] = Counter()
        for sentence in corpus:
            previous = START
            for word in (*sentence, END):
                self.followers[previous][word] += 1
                self.unigrams[word] += 1
                previous = word
        if not self.followers:
            raise ValueError("an empty corpus")
        # in how many different contexts a word was seen
        self.contexts = Counter(word for row in self.followers.values()
                                for word in row)

    def continuation(self, word: str) -> float:
        types = self.contexts.total()
        kept = max(self.contexts[word] - self.discount, 0) / types
        freed = self.discount * len(self.contexts) / types
        return kept + freed / (len(self.contexts) + 1)

    def probability(self, previous: str, word: str) -> float:
        row = self.followers.get(previous)
        if row is None:
            return self.continuation(word)
        total = row.total()
        kept = max(row[word] - self.discount, 0) / total
        freed = self.discount * len(row) / total
        return kept + freed * self.continuation(word)

    def score(self, previous: str, word: str) -> float:
        return log(self.probability(previous, word))

    def unigram(self, word: str) -> float:
        """log P(word), add-one smoothed: a future-cost estimate."""
        return math.log((self.unigrams[word] + 1)
                        / (self.unigrams.total() + len(self.unigrams) + 1))


def total_score(words: Sequence[str], score: Score) -> float:
    """Log-probability of one order, the end of sentence included."""
    return sum(score(previous, word) for previous, word
               in zip((START, *words), (*words, END)))


# region name beam
def order(bag: Iterable[str], score: Score, width: int,
          future: Callable[[str], float] = lambda word: 0.0,
          ) -> tuple[tuple[str, ...], float]:
    """The best order of the bag that a beam of this width finds."""
    if width < 1:
        raise ValueError(f"a beam of width {width}")
    left = Counter(bag)
    outlook = sum(n * future(word) for word, n in left.items())
    # a hypothesis: words so far, log-probability, outlook, words left
    beam = [((), 0.0, outlook, left)]
    for _ in range(left.total()):
        grown = []
        for words, logp, outlook, left in beam:
            previous = words[-1] if words else START
            for word in left:  # distinct words: no twin hypotheses
                grown.append((
                    (*words, word), logp + score(previous, word),
                    outlook - future(word), left - Counter([word])))
        grown.sort(key=lambda h: (-(h[1] + h[2]), h[0]))
        beam = grown[:width]
    done = [(words, logp + score(words[-1] if words else START, END))
            for words, logp, _, _ in beam]
    return min(done, key=lambda h: (-h[1], h[0]))
# endregion name beam


def brute_force(bag: Sequence[str], score: Score,
                ) -> tuple[tuple[str, ...], float]:
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
