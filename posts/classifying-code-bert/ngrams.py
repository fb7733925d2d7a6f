"""The classifier that the page runs: TF-IDF of token n-grams, a linear layer, weights of one byte.

NumPy only. Training on many features is in experiment.py; what is here reads,
writes and applies the model, and `fit_logistic` trains on dense vectors.
`classify.js` does the same in the browser.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOKEN = re.compile(r"[A-Za-z_]+|[0-9]+|[^\x00-\x7f]+|\n[ \t]*|[!-/:-@[-`{-~]")


# region tokens
def tokens(text: str) -> list[str]:
    """Words, single marks, and for each line how it is indented.

    All numbers are "0" and all beyond ASCII is "é": which ones they
    are says little of the language.
    """
    return [_plain(t) for t in TOKEN.findall("\n" + text.strip("\n"))]


def _plain(token: str) -> str:
    if token[0] == "\n":
        return ("\n\t" if "\t" in token else
                "\n " if len(token) > 1 else "\n")
    return ("0" if "0" <= token[0] <= "9" else
            "é" if token[0] > "\x7f" else token)


def features(text: str) -> Counter[str]:
    """How often each token and each pair of neighbours occurs."""
    found = tokens(text)
    pairs = map("\0".join, pairwise(found))
    return Counter(chain(found, pairs))
# endregion tokens


@dataclass(frozen=True)
class Model:
    """Features with their weights. ``temperatures``: (lines at most, T), the last for all longer snippets."""

    languages: tuple[str, ...]
    index: Mapping[str, int]
    idf: Array
    weights: NDArray[np.int8]          # a row a feature, a column a language
    scale: Array                       # what a weight of 1 means, by language
    bias: Array
    temperatures: tuple[tuple[int, float], ...]
    threshold: float

    # region scores
    def terms(self, text: str) -> tuple[list[str], Array]:
        """The text's known features, and a row each: what it adds
        to every language's score."""
        counts = {f: n for f, n in features(text).items()
                  if f in self.index}
        at = [self.index[f] for f in counts]
        size = np.array([1 + math.log(n) for n in counts.values()])
        size = size * self.idf[at]
        size /= math.sqrt(size @ size) or 1.0
        rows = self.weights[at] * self.scale
        return list(counts), size[:, None] * rows

    def scores(self, text: str) -> Array:
        return self.bias + self.terms(text)[1].sum(axis=0)

    def probabilities(self, text: str) -> Array:
        z = self.scores(text) / self.temperature(text)
        e = np.exp(z - z.max())
        return e / e.sum()
    # endregion scores

    def temperature(self, text: str) -> float:
        lines = sum(1 for line in text.split("\n") if line.strip(" \t\r"))
        return next((t for most, t in self.temperatures if lines <= most), self.temperatures[-1][1])

    def answer(self, text: str) -> str | None:
        """The most probable language; None, "don't know", where its probability is below the threshold or no text is."""
        p = self.probabilities(text)
        return self.languages[int(p.argmax())] if p.max() >= self.threshold and text.strip(" \t\r\n") else None


def quantise(weights: Array) -> tuple[NDArray[np.int8], Array]:
    """Each column in steps of its own scale, from -127 to 127. ValueError unless all are finite."""
    if not np.isfinite(weights).all():
        raise ValueError("weights must be finite")
    scale = np.abs(weights).max(axis=0) / 127
    scale[scale == 0] = 1.0
    return np.rint(weights / scale).astype(np.int8), scale


# -- The file ----------------------------------------------------------------
# zlib over: a line of JSON with the small things; the features, one a line, sorted; then the weights, a language
# after the other. In a feature "\n" is written "⏎", "\t" "⇥", and "\0" "␣" (no token holds any of them).

_WRITTEN = str.maketrans({"\n": "⏎", "\t": "⇥", "\0": "␣"})
_READ = str.maketrans({"⏎": "\n", "⇥": "\t", "␣": "\0"})


def dump(model: Model) -> bytes:
    names = sorted(model.index)
    order = [model.index[name] for name in names]
    head = json.dumps({
        "languages": model.languages, "features": len(names), "scale": model.scale.tolist(),
        "bias": model.bias.tolist(), "temperatures": model.temperatures, "threshold": model.threshold,
        "idf": [round(float(value), 4) for value in model.idf[order]],
    })
    text = "\n".join([head, *(name.translate(_WRITTEN) for name in names), ""])
    return zlib.compress(text.encode() + model.weights[order].T.tobytes(), 9)


def load(content: bytes) -> Model:
    """The model in a file's bytes. ValueError if it is no such file or was cut."""
    try:
        plain = zlib.decompress(content)
    except zlib.error as error:
        raise ValueError(f"no model file: {error}") from None
    head, _, rest = plain.partition(b"\n")
    about = json.loads(head)
    count, languages = about["features"], tuple(about["languages"])
    weights = rest[-count * len(languages):]
    names = rest[:-count * len(languages)].decode().split("\n")[:-1]
    if len(names) != count or len(about["idf"]) != count:
        raise ValueError(f"no model file: {len(names)} features, {count} were announced")
    return Model(languages, {name.translate(_READ): number for number, name in enumerate(names)},
                 np.array(about["idf"]), np.frombuffer(weights, np.int8).reshape(len(languages), count).T,
                 np.array(about["scale"]), np.array(about["bias"]),
                 tuple((most, t) for most, t in about["temperatures"]), about["threshold"])


def page_model() -> Model:
    return load((Path(__file__).resolve().parent / "model.bin").read_bytes())


# -- Logistic regression -----------------------------------------------------


# region logistic
def log_softmax(z: Array) -> Array:
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def fit_logistic(x: Array, y: Sequence[int], classes: int,
                 c: float = 1.0) -> tuple[Array, Array]:
    """Weights and bias with the least

        |W|^2 / 2 + c * sum of -log p(y | x),

    by gradient steps that L-BFGS shapes from its last ten.
    """
    truth = np.eye(classes)[np.asarray(y)]
    x1 = np.hstack([x, np.ones((len(x), 1))])

    def loss(w: Array) -> tuple[float, Array]:
        logs = log_softmax(x1 @ w)
        keep = w.copy()
        keep[-1] = 0                       # the bias is free
        value = (keep ** 2).sum() / 2 - c * (logs * truth).sum()
        return value, keep + c * x1.T @ (np.exp(logs) - truth)

    return _lbfgs(loss, np.zeros((x1.shape[1], classes)))
# endregion logistic


def _lbfgs(loss, w: Array, steps: int = 1000, exact: float = 1e-6):  # type: ignore[no-untyped-def]
    value, slope = loss(w)
    memory: list[tuple[Array, Array]] = []
    for _ in range(steps):
        if np.abs(slope).max() <= exact * max(1.0, np.abs(w).max()):
            break
        q, used = slope.copy(), []
        for s, g in reversed(memory):
            a = (s * q).sum() / (s * g).sum()
            q -= a * g
            used.append(a)
        if memory:
            s, g = memory[-1]
            q *= (s * g).sum() / (g * g).sum()
        else:
            q /= max(1.0, np.abs(q).sum())
        for (s, g), a in zip(memory, reversed(used), strict=True):
            q += (a - (g * q).sum() / (s * g).sum()) * s
        t = 1.0
        while True:
            new = w - t * q
            new_value, new_slope = loss(new)
            if new_value <= value - 1e-4 * t * (slope * q).sum() or t < 1e-12:
                break
            t /= 2
        s, g = new - w, new_slope - slope
        if (s * g).sum() > 1e-12:
            memory = [*memory[-9:], (s, g)]
        w, value, slope = new, new_value, new_slope
    return w[:-1], w[-1]
