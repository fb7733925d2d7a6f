"""Which programming language is this snippet written in? The small pieces, in pure Python.

BERT's way of cutting text (`basic_tokens`, `wordpiece`), a multinomial naive
Bayes classifier over tokens or character n-grams, a split that keeps every
project on one side, the confusion matrix with macro-F1, and temperature
scaling. No dependency, no file access, nothing random.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Features = Callable[[str], Sequence[str]]

FLIPS = (  # pairs that differ in one token, which names another language
    "x := compute(n)", "x = compute(n)",
    "#include <vector>", "#include <stdio.h>",
    "fn main() {", "func main() {",
    "let total = 0;", "var total = 0;", "int total = 0;", "local total = 0",
    "def add(a, b):", "def add(a, b)",
    "val name = user.name", "let name = user.name",
    "print(names);", "println(names);", "console.log(names);", "print names;",
    "if x is None:", "if x == nil {",
)


# region wordpiece
def basic_tokens(text: str, *, lower: bool = True) -> list[str]:
    """BERT's first cut: words, and each punctuation mark by itself.

    White space only separates. With ``lower``, case and accents go.
    """
    kept = (" " if _is_space(c) else c for c in text
            if not _is_dropped(c))
    if lower:
        kept = (c for c in unicodedata.normalize(
            "NFD", "".join(kept).lower())
            if unicodedata.category(c) != "Mn")
    parts = (f" {c} " if _is_alone(c) else c for c in kept)
    return "".join(parts).split()


def wordpiece(word: str, vocabulary: Collection[str], *,
              unknown: str = "[UNK]", longest: int = 200) -> list[str]:
    """The longest known piece first; no piece fits: all unknown.

    Pieces after the first are looked up with "##" before them.
    """
    pieces: list[str] = []
    start = 0 if len(word) <= longest else -1
    while 0 <= start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocabulary:
                pieces.append(mark + word[start:end])
                start = end
                break
        else:
            start = -1                  # greedy: it never goes back
    return [unknown] if start < 0 else pieces
# endregion wordpiece


def _is_space(char: str) -> bool:
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def _is_dropped(char: str) -> bool:
    """NUL, the replacement character and control characters vanish."""
    return not _is_space(char) and (char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf"))


def _is_alone(char: str) -> bool:
    """Punctuation in BERT's sense (all ASCII that is no letter, digit or space), or a CJK ideograph."""
    code = ord(char)
    return (33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
            or unicodedata.category(char).startswith("P")
            or 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF
            or (0x20000 <= code <= 0x2CEAF and not 0x2A6E0 <= code <= 0x2A6FF) or 0x2F800 <= code <= 0x2FA1F)


def bert_tokens(text: str, vocabulary: Collection[str], *, lower: bool = True,
                limit: int = 512) -> list[str]:
    """``[CLS] … [SEP]`` with at most ``limit`` entries: the end of a long text is cut off.

    Raises ValueError if ``limit`` leaves no room for the two special tokens.
    """
    if limit < 2:
        raise ValueError(f"limit must be 2 or more, not {limit}")
    pieces = [p for word in basic_tokens(text, lower=lower) for p in wordpiece(word, vocabulary)]
    return ["[CLS]", *pieces[:limit - 2], "[SEP]"]


def code_tokens(text: str) -> list[str]:
    """Words (case kept) and single marks, without white space."""
    return re.findall(r"\w+|[^\w\s]", text)


def character_ngrams(text: str, size: int = 3) -> list[str]:
    """All runs of ``size`` characters, newlines and indentation included.

    A text shorter than ``size`` is one feature by itself; an empty one has none.
    """
    if size < 1:
        raise ValueError(f"size must be positive, not {size}")
    return [text[i:i + size] for i in range(max(1, len(text) - size + 1))] if text else []


# region bayes
@dataclass(frozen=True)
class NaiveBayes:
    """Multinomial naive Bayes over any features of a text."""

    features: Features
    counts: Mapping[str, Counter[str]]
    documents: Mapping[str, int]
    vocabulary: frozenset[str]
    smoothing: float

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str],
            features: Features,
            smoothing: float = 1.0) -> NaiveBayes:
        """Count. ValueError: no texts, unequal lengths, smoothing."""
        if not texts or len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts, "
                             f"{len(labels)} labels")
        if not (smoothing > 0 and math.isfinite(smoothing)):
            raise ValueError(f"smoothing: {smoothing}")
        counts: dict[str, Counter[str]] = {}
        for text, label in zip(texts, labels, strict=True):
            counts.setdefault(label, Counter()).update(
                features(text))
        seen = frozenset(f for c in counts.values() for f in c)
        return cls(features, counts, Counter(labels), seen,
                   smoothing)

    def scores(self, text: str) -> dict[str, float]:
        """log p(label) + log p(features | label) for each label.

        A feature that training never saw says nothing: skipped.
        """
        known = Counter(f for f in self.features(text)
                        if f in self.vocabulary)
        a = self.smoothing
        extra = a * len(self.vocabulary)
        everything = sum(self.documents.values())
        return {
            label: math.log(self.documents[label] / everything)
            + math.fsum(n * math.log((c[f] + a)
                                     / (c.total() + extra))
                        for f, n in known.items())
            for label, c in self.counts.items()}
# endregion bayes


# region temperature
def softmax(scores: Mapping[str, float],
            temperature: float = 1.0) -> dict[str, float]:
    """Probabilities; a high temperature flattens them."""
    if not temperature > 0:
        raise ValueError(f"temperature: {temperature}")
    top = max(scores.values())
    e = {k: math.exp((s - top) / temperature)
         for k, s in scores.items()}
    total = math.fsum(e.values())
    return {k: v / total for k, v in e.items()}


def log_loss(rows: Sequence[Mapping[str, float]],
             truth: Sequence[str], temperature: float) -> float:
    """Mean of -log p(true label) at a temperature, in nats."""
    def one(s: Mapping[str, float], label: str) -> float:
        top = max(s.values())
        return (top - s[label]) / temperature + math.log(math.fsum(
            math.exp((v - top) / temperature)
            for v in s.values()))
    return math.fsum(map(one, rows, truth)) / len(rows)


def fit_temperature(rows: Sequence[Mapping[str, float]],
                    truth: Sequence[str]) -> float:
    """The T in 0.01..1000 with the least log loss.

    The loss is convex in 1/T, so ternary search finds it.
    """
    if not rows or len(rows) != len(truth):
        raise ValueError(f"{len(rows)} rows, {len(truth)} labels")
    low, high = 0.001, 100.0                       # 1/T
    for _ in range(200):
        third = (high - low) / 3
        left, right = low + third, high - third
        if (log_loss(rows, truth, 1 / left)
                <= log_loss(rows, truth, 1 / right)):
            high = right
        else:
            low = left
    return 2 / (low + high)
# endregion temperature


def best(scores: Mapping[str, float]) -> str:
    """The label with the highest score; of equals the alphabetically first. ValueError if empty."""
    if not scores:
        raise ValueError("no labels to choose from")
    return min(scores, key=lambda label: (-scores[label], label))


def decide(scores: Mapping[str, float], threshold: float, temperature: float = 1.0) -> str | None:
    """The best label if its probability reaches the threshold, else None: "don't know"."""
    probabilities = softmax(scores, temperature)
    label = best(probabilities)
    return label if probabilities[label] >= threshold else None


# region matrix
def confusion(truth: Sequence[str], predicted: Sequence[str],
              labels: Sequence[str]) -> list[list[int]]:
    """Row: true language. Column: predicted language."""
    at = {label: i for i, label in enumerate(labels)}
    matrix = [[0] * len(labels) for _ in labels]
    for t, p in zip(truth, predicted, strict=True):
        matrix[at[t]][at[p]] += 1
    return matrix


def macro_f1(matrix: Sequence[Sequence[int]]) -> float:
    """Mean over classes of 2 TP / (row sum + column sum)."""
    if not matrix:
        raise ValueError("an empty confusion matrix")
    columns = [sum(c) for c in zip(*matrix, strict=True)]
    scores = [2 * row[i] / (sum(row) + columns[i])
              if sum(row) + columns[i] else 0.0
              for i, row in enumerate(matrix)]
    return math.fsum(scores) / len(scores)
# endregion matrix


def accuracy(matrix: Sequence[Sequence[int]]) -> float:
    """Diagonal over everything; ValueError without a single example."""
    total = sum(map(sum, matrix))
    if not total:
        raise ValueError("no examples in the matrix")
    return sum(row[i] for i, row in enumerate(matrix)) / total


def group_folds(groups: Iterable[Hashable], folds: int) -> list[list[int]]:
    """Indices in ``folds`` parts, no group in two of them: the largest group goes where there is most room.

    Raises ValueError if there are fewer groups than folds.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    if not 1 <= folds <= len(members):
        raise ValueError(f"{len(members)} groups do not fill {folds} folds")
    parts: list[list[int]] = [[] for _ in range(folds)]
    for indices in sorted(members.values(), key=lambda m: (-len(m), m[0])):
        min(parts, key=len).extend(indices)
    return [sorted(part) for part in parts]


def without_duplicates(texts: Sequence[str]) -> list[int]:
    """Indices of texts whose tokens no earlier text has: white space alone does not make a text new."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for index, text in enumerate(texts):
        key = tuple(code_tokens(text))
        if key not in seen:
            seen.add(key)
            kept.append(index)
    return kept
