"""Train linear models on n-grams, and make of one the model that the page runs. Needs SciPy and scikit-learn.

    python posts/classifying-code-bert/ngrams_fit.py        # writes model.bin
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_classifier as cc
import corpus
import measures
import ngrams

Counts = Callable[[str], Counter[str]]
FEATURES = 10_000      # of the page's model
WANTED = 0.95          # how often its answers shall be right on the validation set


def characters(text: str) -> Counter[str]:
    """Runs of one to four characters."""
    return Counter(run for size in (1, 2, 3, 4) for run in cc.character_ngrams(text, size))


@dataclass(frozen=True)
class Space:
    """The features that count, with their rarity: ln((1 + n) / (1 + df)) + 1 for df of n texts."""

    counts: Counts
    index: Mapping[str, int]
    idf: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str], counts: Counts, least: int = 2, only: frozenset[str] | None = None) -> Space:
        df: Counter[str] = Counter()
        for text in texts:
            df.update(counts(text).keys())
        names = sorted(name for name, n in df.items() if n >= least and (only is None or name in only))
        idf = np.array([math.log((1 + len(texts)) / (1 + df[name])) + 1 for name in names])
        return cls(counts, {name: number for number, name in enumerate(names)}, idf)

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """(1 + ln count) times idf, each row of length 1."""
        starts, columns, numbers = [0], list[int](), list[float]()
        for text in texts:
            found = {self.index[name]: n for name, n in self.counts(text).items() if name in self.index}
            row = np.array([(1 + math.log(n)) * self.idf[at] for at, n in found.items()])
            columns += found
            numbers += (row / (math.sqrt(row @ row) or 1.0)).tolist()
            starts.append(len(columns))
        return csr_matrix((numbers, columns, starts), shape=(len(texts), len(self.index)))


@dataclass(frozen=True)
class Linear:
    space: Space
    model: Any

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(self.model.decision_function(self.space.matrix(texts)))


def fit(texts: Sequence[str], truth: Sequence[int], counts: Counts, c: float = 10.0, least: int = 2,
        only: frozenset[str] | None = None) -> Linear:
    space = Space.of(texts, counts, least, only)
    model = LogisticRegression(C=c, max_iter=300, tol=1e-3)
    return Linear(space, model.fit(space.matrix(texts), truth))


def numbers(snippets: Sequence[corpus.Snippet]) -> np.ndarray:
    """Their languages as numbers."""
    at = {language: number for number, language in enumerate(corpus.LANGUAGES)}
    return np.array([at[snippet.language] for snippet in snippets])


@cache
def trained(kind: str, each: int, c: float = 10.0) -> Linear:
    here = corpus.side("train", each)
    counts = {"tokens": ngrams.features, "characters": characters}[kind]
    return fit([s.text for s in here], numbers(here), counts, c, least=2 if kind == "tokens" else 3)


def page_model(c: float = 10.0) -> ngrams.Model:
    """All training snippets; the features that move a score most, trained again alone, in bytes; temperatures by
    length and the threshold from the validation projects."""
    here = corpus.side("train")
    texts, truth = [s.text for s in here], numbers(here)
    first = trained("tokens", max(corpus.SIDES.values()), c)
    present = np.asarray((first.space.matrix(texts) > 0).sum(axis=0)).ravel()
    names = list(first.space.index)
    power = np.abs(first.model.coef_).max(axis=0) * np.sqrt(present)
    kept = frozenset(names[at] for at in np.argsort(-power, kind="stable")[:FEATURES])
    small = fit(texts, truth, ngrams.features, c, only=kept)
    weights, scale = ngrams.quantise(small.model.coef_.T)
    idf = np.round(small.space.idf, 4)

    def model(temperatures: tuple[tuple[int, float], ...], threshold: float) -> ngrams.Model:
        return ngrams.Model(corpus.LANGUAGES, small.space.index, idf, weights, scale,
                            np.round(small.model.intercept_, 4), temperatures, threshold)

    rest = corpus.side("validation")
    plain = model(((1, 1.0),), 1.0)
    scores = np.stack([plain.scores(s.text) for s in rest])
    lines = np.array([s.lines for s in rest])
    truth = numbers(rest)
    temperatures = tuple((n, round(measures.fit_temperature(scores[lines == n], truth[lines == n]), 3))
                         for n in corpus.LENGTHS)
    hot = np.array([dict(temperatures)[n] for n in lines])
    p = measures.softmax(scores, hot)
    threshold = measures.threshold(p.max(axis=1), p.argmax(axis=1) == truth, WANTED)
    return model(temperatures, round(threshold, 3))


if __name__ == "__main__":
    made = ngrams.dump(page_model())
    (Path(__file__).resolve().parent / "model.bin").write_bytes(made)
    print(f"model.bin: {len(made):,} bytes")
