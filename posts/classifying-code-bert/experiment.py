"""Measure what the article says of classifying code. Some half an hour, most of it fine-tuning; --quick, seconds.

Needs the "experiments" packages; `npm`, `pip` and `apt-get` (Debian 12) for the
data (corpus.json) and `node` for three of the tools. Each trained model's scores
are kept in the cache, and an interrupted training goes on at its epoch. CPU
seconds throughout, one thread. The quick scale builds a small data set, from
packages of npm and PyPI alone, and runs everything on it that needs no encoder.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"   # read when NumPy is loaded

import numpy as np

import code_classifier as cc
import corpus
import measures
import ngrams
import ngrams_fit
from evidence import Experiment

Series = list[float]
CPU = "ratio 0.2 to 5"        # what a timing must keep to on another machine
NEAR = "relative 0.05"        # an accuracy of a model whose training rounds differently elsewhere
TOOLS = {"pygments": "Pygments' guess_lexer", "magika": "Magika", "guesslang": "guesslang (in VS Code)",
         "highlight": "highlight.js", "flourite": "flourite"}
SMALL = ("express", "commander", "async", "marshmallow", "attrs", "requests", "react-native-blob-util",
         "react-native-share", "@capacitor/android", "@capacitor/ios", "react-native-keychain", "hiredis",
         "argon2", "cpu-features", "react-native-track-player", "@stripe/stripe-react-native")
SEEDS = (0,)
FOREIGN = ("Objective-C", "Solidity")   # not corpus.py's README files: half of their lines are JavaScript
SHOWN = (0, 1, 2, 3, 4, 5, 12)   # lines of FLIPS in the article's table
SHARES = [round(0.05 * k, 2) for k in range(1, 21)]


class Set:
    """Snippets of one side as arrays."""

    def __init__(self, snippets: Sequence[corpus.Snippet]):
        self.snippets = list(snippets)
        self.texts = [s.text for s in snippets]
        self.truth = ngrams_fit.numbers(snippets) if all(s.language in corpus.LANGUAGES for s in snippets) else None
        self.lines = np.array([s.lines for s in snippets])
        self.projects = [s.project for s in snippets]
        self.languages = [s.language for s in snippets]


@cache
def side(name: str) -> Set:
    return Set(corpus.side(name))


# region parts
PARTS = (("all", (1, 3, 5, 10, 20)), ("1", (1,)), ("3", (3,)), ("5", (5,)),
         ("10", (10,)), ("20", (20,)), ("1 to 5", (1, 3, 5)))
# endregion parts


def accuracies(predicted: np.ndarray) -> Series:
    """On the test set: of all, of 1, 3, 5, 10 and 20 lines, and of 1 to 5 together."""
    test = side("test")
    right = predicted == test.truth
    return [float(right[np.isin(test.lines, lengths)].mean()) for _, lengths in PARTS]


def f1s(predicted: np.ndarray) -> Series:
    test = side("test")
    return [measures.macro_f1(test.truth[at], predicted[at], len(corpus.LANGUAGES))
            for at in (np.isin(test.lines, lengths) for _, lengths in PARTS)]


def intervals(predicted: np.ndarray) -> list[Series]:
    """95 % intervals over projects of the accuracies."""
    test = side("test")
    right = predicted == test.truth
    found = []
    for _, lengths in PARTS:
        at = np.nonzero(np.isin(test.lines, lengths))[0]
        found.append(list(measures.interval([test.projects[i] for i in at], [test.languages[i] for i in at],
                                            lambda chosen, at=at: float(right[at[chosen]].mean()))))
    return found


def difference(one: np.ndarray, other: np.ndarray, part: int) -> Series:
    """95 % interval over projects of how far one is ahead of another, on the same draws."""
    test = side("test")
    at = np.nonzero(np.isin(test.lines, PARTS[part][1]))[0]
    ahead = (one == test.truth).astype(float) - (other == test.truth)
    return list(measures.interval([test.projects[i] for i in at], [test.languages[i] for i in at],
                                  lambda chosen: float(ahead[at[chosen]].mean())))


# -- Models that count -------------------------------------------------------

@cache
def bayes(each: int = 60) -> cc.NaiveBayes:
    here = corpus.side("train", each)
    return cc.NaiveBayes.fit([s.text for s in here], [s.language for s in here], ngrams.tokens, smoothing=0.1)


@cache
def bayes_scores(name: str, each: int = 60) -> np.ndarray:
    model = bayes(each)
    return np.array([[row[c] for c in corpus.LANGUAGES] for row in map(model.scores, side(name).texts)])


@cache
def linear_scores(kind: str, each: int, name: str) -> np.ndarray:
    return ngrams_fit.trained(kind, each).scores(side(name).texts if name != "flips" else list(cc.FLIPS))


@cache
def page_scores(name: str) -> np.ndarray:
    model = ngrams.page_model()
    return np.stack([model.scores(text) for text in (side(name).texts if name != "flips" else cc.FLIPS)])


# -- Models that read --------------------------------------------------------

@cache
def encoder_scores(run: str, seed: int, name: str) -> np.ndarray:
    import bert_torch
    return bert_torch.fine_tuned(run, seed)[name].astype(float)


@cache
def frozen_scores(name: str) -> np.ndarray:
    """A head alone on the frozen encoder's vectors; its penalty from the validation set."""
    import bert_torch
    found = bert_torch.vectors()
    mean, size = found["train"].mean(axis=0), np.maximum(found["train"].std(axis=0), 1e-3)
    at = {key: (value - mean) / size for key, value in found.items()}
    truth = ngrams_fit.numbers(corpus.side("train", 60))
    best = max((float(np.mean((at["validation"] @ w + b).argmax(axis=1) == side("validation").truth)), -c, w, b)
               for c in (0.003, 0.01, 0.03)
               for w, b in [ngrams.fit_logistic(at["train"].astype(float), truth, len(corpus.LANGUAGES), c)])
    result: np.ndarray = at[name] @ best[2] + best[3]
    return result


SYSTEMS: dict[str, tuple[str, Callable[[str], np.ndarray]]] = {  # scores for a side; the encoders' come with a seed
    "bayes": ("Naive Bayes on tokens, 300", lambda name: bayes_scores(name)),
    "tokens": ("Token n-grams, 300", lambda name: linear_scores("tokens", 60, name)),
    "characters": ("Character n-grams, 300", lambda name: linear_scores("characters", 60, name)),
    "tokens-240": ("Token n-grams, 1,200", lambda name: linear_scores("tokens", 240, name)),
    "page": ("The page's model", lambda name: page_scores(name)),
    "frozen": ("MiniLM frozen, linear head, 300", lambda name: frozen_scores(name)),
    "layout-240": ("MiniLM fine-tuned, layout, 1,200", lambda name: encoder_scores("layout-240", 0, name)),
}
TUNED = {"plain": "MiniLM fine-tuned, plain, 300", "layout": "MiniLM fine-tuned, layout, 300"}


@cache
def temperatures(system: str) -> dict[int, float]:
    """For each length, fitted on the validation projects."""
    rest, scores = side("validation"), scores_of(system, "validation")
    return {n: measures.fit_temperature(scores[rest.lines == n], rest.truth[rest.lines == n])
            for n in corpus.LENGTHS}


def scores_of(system: str, name: str) -> np.ndarray:
    return encoder_scores(system, 0, name) if system in TUNED else SYSTEMS[system][1](name)


def probabilities(system: str, name: str, *, fitted: bool = True) -> np.ndarray:
    """With the temperature of each snippet's length; "flips" are single lines."""
    lines = side(name).lines if name != "flips" else np.ones(len(cc.FLIPS), dtype=int)
    hot = np.array([temperatures(system)[n] for n in lines]) if fitted else 1.0
    return measures.softmax(scores_of(system, name), hot)


def mixed(name: str) -> np.ndarray:
    """The geometric mean of two models' probabilities: of those that count and those that read."""
    logs = (np.log(probabilities("tokens-240", name)) + np.log(probabilities("layout-240", name))) / 2
    return measures.softmax(logs)


def cascade(share: float) -> tuple[np.ndarray, float]:
    """Answers of the mixture where the n-grams are least sure (a bound set on the validation set), else theirs."""
    first = probabilities("tokens-240", "test")
    bound = np.quantile(probabilities("tokens-240", "validation").max(axis=1), share)
    asked = first.max(axis=1) < bound
    return np.where(asked, mixed("test").argmax(axis=1), first.argmax(axis=1)), float(asked.mean())


def calibration(system: str) -> Series:
    """ECE on the test set: as trained, with one temperature, with one a length."""
    truth = side("test").truth
    one = measures.fit_temperature(scores_of(system, "validation"), side("validation").truth)
    found = []
    for p in (probabilities(system, "test", fitted=False), measures.softmax(scores_of(system, "test"), one),
              probabilities(system, "test")):
        found.append(measures.ece(p.max(axis=1), p.argmax(axis=1) == truth))
    return found


def reliability(system: str, fitted: bool) -> list[Series]:
    p = probabilities(system, "test", fitted=fitted)
    return [list(point) for point in measures.reliability(p.max(axis=1), p.argmax(axis=1) == side("test").truth)]


def coverage(system: str) -> Series:
    p = mixed("test") if system == "mixed" else probabilities(system, "test")
    return measures.coverage_curve(p.max(axis=1), p.argmax(axis=1) == side("test").truth, SHARES)


def silent(system: str) -> Series:
    """At the threshold that gives 95 % on the validation set: it, share answered and accuracy on the test set; the
    shares answered of Objective-C and Solidity."""
    rest = probabilities(system, "validation")
    bound = measures.threshold(rest.max(axis=1), rest.argmax(axis=1) == side("validation").truth, 0.95)
    p, test = probabilities(system, "test"), side("test")
    said = p.max(axis=1) >= bound
    right = p.argmax(axis=1) == test.truth
    other = probabilities(system, "unseen").max(axis=1) >= bound
    names = np.array(side("unseen").languages)
    return [bound, float(said.mean()), float(right[said].mean()),
            *(float(other[names == name].mean()) for name in FOREIGN)]


def mistaken_for(system: str) -> list[list[Any]]:
    """What each unseen language is called most often, with the shares of snippets."""
    best = probabilities(system, "unseen").argmax(axis=1)
    names = np.array(side("unseen").languages)
    return [[name, corpus.LANGUAGES[number], round(n / int((names == name).sum()), 2)] for name in FOREIGN
            for number, n in Counter(best[names == name].tolist()).most_common(3)]


def confusion(system: str) -> list[list[int]]:
    at = corpus.LANGUAGES
    best = probabilities(system, "test").argmax(axis=1)
    return cc.confusion(side("test").languages, [at[i] for i in best], at)


def confused(matrix: list[list[int]], pairs: int = 6) -> list[list[Any]]:
    """The pairs of languages taken for each other most often."""
    at = corpus.LANGUAGES
    found = sorted((-matrix[i][j] - matrix[j][i], i, j) for i in range(len(at)) for j in range(i))
    return [[at[j], at[i], -n] for n, i, j in found[:pairs]]


def flips(system: str) -> list[list[Any]]:
    """Each short line: the best language and its probability."""
    p = probabilities(system, "flips")
    return [[text, corpus.LANGUAGES[int(row.argmax())], round(float(row.max()), 2)]
            for text, row in zip(cc.FLIPS, p, strict=True)]


def attributions() -> list[list[Any]]:
    """For each short line, the feature that adds most to the best language over the runner-up, and how much."""
    model, found = ngrams.page_model(), []
    for text in cc.FLIPS:
        names, rows = model.terms(text)
        first, second = np.argsort(-model.scores(text))[:2]
        lead = rows[:, first] - rows[:, second]
        best = int(lead.argmax())
        found.append([text, names[best].replace("\0", " ").replace("\n", "↵"), round(float(lead[best]), 2)])
    return found


def leak(kind: str) -> Series:
    """Accuracy on the same test files: trained on other projects, and on as many snippets from a random split of files,
    which puts other files of the test projects into the training set."""
    test = side("test")
    apart = corpus.side("train", 60)
    count: Counter[tuple[str, int]] = Counter()
    together = corpus.side("sibling", 24)
    count.update((s.language, s.lines) for s in together)
    for s in apart:
        if count[s.language, s.lines] < 60:
            count[s.language, s.lines] += 1
            together.append(s)
    found = []
    for here in (apart, together):
        if kind == "bayes":
            model = cc.NaiveBayes.fit([s.text for s in here], [s.language for s in here], ngrams.tokens, smoothing=0.1)
            best = np.array([corpus.LANGUAGES.index(cc.best(model.scores(text))) for text in test.texts])
        else:
            counts = {"tokens": ngrams.features, "characters": ngrams_fit.characters}[kind]
            fitted = ngrams_fit.fit([s.text for s in here], ngrams_fit.numbers(here), counts,
                                    least=2 if kind == "tokens" else 3)
            best = fitted.scores(test.texts).argmax(axis=1)
        found.append(float(np.mean(best == test.truth)))
    return found


def riddles() -> float:
    """The share of the test set's snippets of one line that stand, token for token, in another language's too."""
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for snippet in corpus.snippets():
        if snippet.language in corpus.LANGUAGES:
            owners[tuple(cc.code_tokens(snippet.text))].add(snippet.language)
    ones = [s for s in corpus.side("test") if s.lines == 1]
    return sum(len(owners[tuple(cc.code_tokens(s.text))]) > 1 for s in ones) / len(ones)


@cache
def tool_answers() -> dict[str, list[list[Any]]]:
    """Kept in the cache: it takes minutes."""
    import tools
    code = [(Path(__file__).parent / name).read_bytes() for name in ("tools.py", "tools.mjs")]
    key = hashlib.sha256(b"".join([corpus.digest(corpus.snippets()).encode(), *code])).hexdigest()[:16]
    kept = tools.packages.folder() / f"code-tools-{key}.json"
    if not kept.exists():
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(tools.answers(side("test").texts)))
        partial.replace(kept)
    found: dict[str, list[list[Any]]] = json.loads(kept.read_text())
    return found


def tool_predictions(name: str, which: int) -> np.ndarray:
    return np.array([corpus.LANGUAGES.index(row[which]) if row[which] else -1 for row in tool_answers()[name]])


def milliseconds(function: Callable[[str], object], texts: Sequence[str]) -> float:
    """Median CPU milliseconds of one text, one at a time."""
    function(texts[0])
    found = []
    for text in texts:
        start = time.process_time()
        function(text)
        found.append(1000 * (time.process_time() - start))
    return statistics.median(found)


def encoder_milliseconds(texts: Sequence[str]) -> float:
    import torch

    import bert_torch
    torch.set_num_threads(1)
    model = bert_torch.Classifier(bert_torch.encoder(), len(corpus.LANGUAGES))
    return milliseconds(lambda text: bert_torch.predict(model, [bert_torch.ids(text, 128, keep_layout=True)]), texts)


def all_wrong() -> float:
    """One-line snippets of the test set on which the page's model, MiniLM and their mixture are all wrong."""
    test = side("test")
    wrong = np.ones(len(test.texts), dtype=bool)
    for best in (page_scores("test").argmax(axis=1), mixed("test").argmax(axis=1),
                 scores_of("layout-240", "test").argmax(axis=1)):
        wrong &= best != test.truth
    return float(wrong[test.lines == 1].mean())


def encoder_parameters() -> list[int]:
    import bert_torch
    model = bert_torch.encoder()
    table = sum(p.numel() for p in model.pieces.parameters())
    layers = sum(p.numel() for p in model.layers.parameters())
    return [sum(p.numel() for p in model.parameters()), table, layers]


# -- The small scale ---------------------------------------------------------

@cache
def small() -> list[corpus.Snippet]:
    chosen = [source for source in corpus.sources() if source.package.name in SMALL]
    return corpus.build(chosen, sizes={"test": 12, "validation": 6, "train": 24, "sibling": 0})


def small_accuracy(kind: str) -> float:
    """Of five languages, on projects apart."""
    train = [s for s in small() if s.side in ("train", "validation")]
    known = {s.language for s in train}
    test = [s for s in small() if s.side == "test" and s.language in known]
    if kind == "bayes":
        model = cc.NaiveBayes.fit([s.text for s in train], [s.language for s in train], ngrams.tokens, smoothing=0.1)
        return sum(cc.best(model.scores(s.text)) == s.language for s in test) / len(test)
    fitted = ngrams_fit.fit([s.text for s in train], ngrams_fit.numbers(train), ngrams.features)
    best = fitted.model.classes_[fitted.scores([s.text for s in test]).argmax(axis=1)]
    return float(np.mean(best == ngrams_fit.numbers(test)))


def different_in_the_page(texts: Sequence[str]) -> int:
    """On how many texts a probability in the browser's program is more than 1e-3 from Python's."""
    script = Path(__file__).with_name("parity.mjs")
    found = subprocess.run(["node", str(script)], input=json.dumps(texts), capture_output=True, text=True, check=True)
    theirs = np.array(json.loads(found.stdout))
    model = ngrams.page_model()
    ours = np.stack([model.probabilities(text) for text in texts])
    return int((np.abs(theirs - ours).max(axis=1) > 1e-3).sum())


def small_page_accuracy() -> float:
    """Of the page's model on the small test set, which is not all in the large one."""
    model = ngrams.page_model()
    test = [s for s in small() if s.side == "test"]
    return sum(corpus.LANGUAGES[int(model.scores(s.text).argmax())] == s.language for s in test) / len(test)


def main() -> None:
    count = ["code_classifier.py", "corpus.py", "corpus.json", "measures.py", "ngrams.py", "ngrams_fit.py"]
    read = [*count, "bert_torch.py"]
    packages = ["numpy", "scipy", "scikit-learn", "torch", "pygments", "magika"]
    with Experiment(__file__, code=count, packages=packages) as run:
        # The small data set: at both scales.
        run.measure("small-digest", lambda: corpus.digest(small()), about="The small data set's SHA-256",
                    tolerance="exact")
        run.measure("small-bayes", lambda: small_accuracy("bayes"), about="Naive Bayes on it", tolerance=NEAR)
        run.measure("small-tokens", lambda: small_accuracy("tokens"), about="Token n-grams on it", tolerance=NEAR)
        run.measure("small-page", small_page_accuracy, about="The page's model on it", tolerance=NEAR,
                    code=[*count, "model.bin"])
        run.measure("page-bytes", lambda: (Path(__file__).parent / "model.bin").stat().st_size,
                    about="The page's model, compressed", unit="bytes", tolerance="exact", code=["model.bin"])
        run.measure("small-page-different", lambda: different_in_the_page([s.text for s in small()]), tolerance="exact",
                    about="Small set: snippets on which page and Python differ by more than 1e-3",
                    code=["ngrams.py", "model.bin", "classify.js", "parity.mjs"])
        run.measure("page-milliseconds",
                    lambda: milliseconds(ngrams.page_model().probabilities, [s.text for s in small()[:300]]),
                    about="The page's model in Python, CPU time a snippet", unit="ms", tolerance=CPU, quick="report",
                    code=[*count, "model.bin"])
        if not run.quick:
            full(run, count, read)


def full(run: Experiment, count: list[str], read: list[str]) -> None:
    # The data.
    run.measure("digest", lambda: corpus.digest(corpus.build(corpus.sources())), tolerance="exact",
                about="The data set's SHA-256, built anew")
    run.measure("languages", lambda: list(corpus.LANGUAGES), about="The languages, in order", tolerance="exact")
    run.measure("packages", lambda: len(corpus.sources()), about="Packages", tolerance="exact")
    run.measure("projects", lambda: len({s.project for s in corpus.snippets() if s.language in corpus.LANGUAGES}),
                about="Projects", tolerance="exact")
    for name in ("train", "validation", "test"):
        run.measure(f"snippets-{name}", lambda name=name: len(corpus.side(name)),
                    about=f"Snippets, {name}", tolerance="exact")
        run.measure(f"projects-{name}", lambda name=name: len({s.project for s in corpus.side(name)}),
                    about=f"Projects, {name}", tolerance="exact")
    run.measure("riddles", riddles, about="One-line snippets that stand in another language too", tolerance="exact")

    # Accuracy: all; 1, 3, 5, 10, 20 lines; 1 to 5.
    def result(key: str, about: str, predicted: Callable[..., np.ndarray], code: list[str],
               seeds: Sequence[int] | None = None) -> None:
        run.measure(f"{key}-accuracy", lambda *seed: accuracies(predicted(*seed)), tolerance=NEAR, seeds=seeds,
                    about=f"{about}: accuracy (all; 1, 3, 5, 10, 20 lines; 1 to 5)", code=code)
        run.measure(f"{key}-f1", lambda *seed: f1s(predicted(*seed)), tolerance=NEAR, seeds=seeds,
                    about=f"{about}: macro-F1", code=code)
        run.measure(f"{key}-interval", lambda: intervals(predicted(*seeds[:1] if seeds else ())), tolerance=NEAR,
                    about=f"{about}: 95 % interval over projects", code=code)
        for at, part in ((0, "all"), (1, "line"), (3, "five"), (5, "twenty"), (6, "short")):
            run.derive(f"{key}-{part}", f"{key.replace('-', '_')}_accuracy[{at}]", about=f"{about}: {part}")

    for key, (about, scores) in SYSTEMS.items():
        result(key, about, lambda scores=scores: scores("test").argmax(axis=1),
               read if key in ("frozen", "layout-240") else [*count, "model.bin"] if key == "page" else count)
    for key, about in TUNED.items():
        result(key, about, lambda seed, key=key: encoder_scores(key, seed, "test").argmax(axis=1), read, SEEDS)
    result("untrained", "The same encoder, untrained, 300",
           lambda: encoder_scores("untrained", 0, "test").argmax(axis=1), read)
    result("mixed", "Token n-grams and MiniLM together, 1,200", lambda: mixed("test").argmax(axis=1), read)
    for key, about in TOOLS.items():
        code = [*count, "tools.py", "tools.mjs"]
        result(key, f"{about}, any answer", lambda key=key: tool_predictions(key, 0), code)
        result(f"{key}-ours", f"{about}, best of the 15", lambda key=key: tool_predictions(key, 1), code)
        run.measure(f"{key}-milliseconds", lambda key=key: statistics.median(row[2] for row in tool_answers()[key]),
                    about=f"{about}: CPU time a snippet", unit="ms", tolerance=CPU, code=code)

    # Ahead or not, on the same draws of projects.
    for key, one, other in (("layout-240", "layout-240", "tokens-240"), ("layout", "layout", "tokens")):
        for part, name in ((0, "all"), (1, "line"), (6, "short")):
            run.measure(f"{key}-ahead-{name}", lambda one=one, other=other, part=part: difference(
                scores_of(one, "test").argmax(axis=1), scores_of(other, "test").argmax(axis=1), part),
                about=f"{key} ahead of n-grams, {PARTS[part][0]} lines: 95 % interval", tolerance="relative 0.5",
                code=read)
    for part, name in ((0, "all"), (1, "line"), (6, "short")):
        run.measure(f"mixed-ahead-{name}", lambda part=part: difference(
            mixed("test").argmax(axis=1), scores_of("tokens-240", "test").argmax(axis=1), part),
            about=f"Together ahead of n-grams, {PARTS[part][0]} lines: 95 % interval", tolerance="relative 0.5",
            code=read)
        run.measure(f"page-ahead-{name}", lambda part=part: difference(
            scores_of("page", "test").argmax(axis=1), tool_predictions("magika", 1), part),
            about=f"The page's model ahead of Magika (best of the 15), {PARTS[part][0]} lines: 95 % interval",
            tolerance="relative 0.5", code=[*count, "model.bin", "tools.py", "tools.mjs"])

    for key in ("layout-240-ahead-all", "mixed-ahead-all", "page-ahead-short"):
        for at, name in ((0, "low"), (1, "high")):
            run.derive(f"{key}-{name}", f"{key.replace('-', '_')}[{at}]", about=f"{key}, {name}")
    run.derive("tokens-gain", "tokens_240_all - tokens_all", about="Token n-grams: gained by 1,200 instead of 300")
    run.derive("layout-gain", "layout_240_all - layout_all", about="MiniLM: gained by 1,200 instead of 300")
    run.measure("all-wrong", all_wrong, about="One-line snippets that all of our best models get wrong",
                tolerance="relative 0.2", code=[*read, "model.bin"])

    # More data, more epochs.
    sizes = [5, 15, 30, 60, 120, 240]
    run.measure("sizes", lambda: [5 * n for n in sizes], about="Training snippets a language", tolerance="exact")
    run.measure("bayes-growth", lambda: [accuracies(bayes_scores("test", n).argmax(axis=1))[0] for n in sizes],
                about="Naive Bayes: accuracy by training size", tolerance=NEAR)
    run.measure("tokens-growth", lambda: [accuracies(linear_scores("tokens", n, "test").argmax(axis=1))[0]
                                          for n in sizes],
                about="Token n-grams: accuracy by training size", tolerance=NEAR)
    run.measure("encoder-growth", lambda: [accuracies(encoder_scores(name, 0, "test").argmax(axis=1))[0]
                                           for name in ("layout", "layout-240")],
                about="MiniLM, layout: accuracy with 300 and 1,200", tolerance=NEAR, code=read)
    for name in ("plain", "layout", "layout-240", "untrained"):
        run.measure(f"{name}-epochs", lambda name=name: _trained(name)["curve"].tolist(), tolerance=NEAR, code=read,
                    about=f"{name}: accuracy on the validation set after each epoch")
        run.measure(f"{name}-seconds", lambda name=name: float(_trained(name)["seconds"]), unit="s", tolerance=CPU,
                    about=f"{name}: CPU time of fine-tuning", code=read)

    run.measure("page-different", lambda: different_in_the_page(side("test").texts), tolerance="exact",
                about="Test set: snippets on which page and Python differ by more than 1e-3",
                code=["ngrams.py", "model.bin", "classify.js", "parity.mjs"])

    # How sure.
    for key in ("bayes", "tokens-240", "page", "layout", "layout-240"):
        code = read if "layout" in key else [*count, "model.bin"]
        run.measure(f"{key}-ece", lambda key=key: calibration(key), code=code, tolerance="relative 0.5",
                    about=f"{key}: calibration error (as trained; one temperature; one a length)")
        for at, name in ((0, "before"), (1, "one"), (2, "after")):
            run.derive(f"{key}-ece-{name}", f"{key.replace('-', '_')}_ece[{at}]",
                       about=f"{key}: calibration error, {name}")
        run.measure(f"{key}-coverage", lambda key=key: coverage(key), code=code, tolerance=NEAR,
                    about=f"{key}: accuracy of the surest 5 %, 10 %, … 100 %")
        run.measure(f"{key}-silent", lambda key=key: silent(key), code=code, tolerance="relative 0.3",
                    about=f"{key}: threshold; answered; right; answered of the unseen")
        for at, name in enumerate(("threshold", "answered", "right", "objective", "solidity")):
            run.derive(f"{key}-silent-{name}", f"{key.replace('-', '_')}_silent[{at}]", about=f"{key}, silent: {name}")
        run.measure(f"{key}-temperatures", lambda key=key: list(temperatures(key).values()), code=code,
                    about=f"{key}: temperature for 1, 3, 5, 10, 20 lines", tolerance="relative 0.2")
        run.measure(f"{key}-reliability", lambda key=key: reliability(key, True), code=code, tolerance="relative 0.5",
                    about=f"{key}: claimed, right, answers")
    for key in ("bayes", "layout-240"):
        run.measure(f"{key}-reliability-before", lambda key=key: reliability(key, False), tolerance="relative 0.5",
                    about=f"{key}, as trained: claimed, right, answers", code=read if "layout" in key else count)
    run.measure("mixed-coverage", lambda: coverage("mixed"), code=read, tolerance=NEAR,
                about="Together: accuracy of the surest 5 %, 10 %, … 100 %")
    run.measure("cascade-accuracy", lambda: [accuracies(cascade(share)[0])[0] for share in (0.1, 0.25, 0.5)],
                about="Asking MiniLM for the least sure 10, 25, 50 %: accuracy", tolerance=NEAR, code=read)
    run.derive("cascade-quarter", "cascade_accuracy[1]", about="Asking MiniLM for the least sure quarter")
    run.measure("cascade-asked", lambda: [cascade(share)[1] for share in (0.1, 0.25, 0.5)],
                about="How often it is then asked", tolerance="relative 0.2", code=read)

    # Which, and why.
    for key in ("page", "layout-240"):
        code = read if "layout" in key else [*count, "model.bin"]
        matrix = run.measure(f"{key}-confusion", lambda key=key: confusion(key), code=code, tolerance="relative 0.5",
                             about=f"{key}: true (rows) and answered (columns)")
        run.measure(f"{key}-confused", lambda matrix=matrix: confused(matrix), code=code, tolerance="exact",
                    about=f"{key}: pairs taken for each other")
        for at, name in enumerate(("first", "second", "third")):
            run.derive(f"{key}-confused-{name}", f"{key.replace('-', '_')}_confused[{at}][2]",
                       about=f"{key}: the {name} pair")
        run.measure(f"{key}-flips", lambda key=key: flips(key), code=code, tolerance="exact",
                    about=f"{key}: lines that differ in a token")
        for at in SHOWN:
            run.derive(f"{key}-flip-{at}", f"{key.replace('-', '_')}_flips[{at}][1]", about=f"{key} on {cc.FLIPS[at]}")
            run.derive(f"{key}-flip-{at}-p", f"{key.replace('-', '_')}_flips[{at}][2]",
                       about=f"{key} on {cc.FLIPS[at]}, probability")
        run.measure(f"{key}-unseen", lambda key=key: mistaken_for(key), code=code, tolerance="exact",
                    about=f"{key}: what unseen languages are called")
    run.measure("attributions", attributions, about="The feature that decided each of these lines", tolerance="exact",
                code=[*count, "model.bin"])
    for at in SHOWN:
        run.derive(f"by-{at}", f"attributions[{at}][1]", about=f"Decided {cc.FLIPS[at]}")
    for kind in ("bayes", "tokens"):
        run.measure(f"{kind}-leak", lambda kind=kind: leak(kind), tolerance=NEAR,
                    about=f"{kind}: accuracy by a split of projects, of files")
        run.derive(f"{kind}-leak-apart", f"{kind}_leak[0]", about=f"{kind}, split by project")
        run.derive(f"{kind}-leak-together", f"{kind}_leak[1]", about=f"{kind}, split by file")

    # What it costs.
    texts = side("test").texts[::6]
    run.measure("bayes-milliseconds", lambda: milliseconds(bayes().scores, texts), unit="ms", tolerance=CPU,
                about="Naive Bayes, CPU time a snippet")
    run.measure("characters-milliseconds",
                lambda: milliseconds(lambda text: ngrams_fit.trained("characters", 60).scores([text]), texts),
                unit="ms", tolerance=CPU, about="Character n-grams, CPU time a snippet")
    run.measure("encoder-milliseconds", lambda: encoder_milliseconds(texts), unit="ms", tolerance=CPU, code=read,
                about="MiniLM, CPU time a snippet")
    run.derive("cost-ratio", "encoder_milliseconds / page_milliseconds", about="MiniLM over the page's model, in time",
               unit="x", tolerance=CPU)
    run.measure("encoder-parameters", encoder_parameters, code=read, tolerance="exact",
                about="MiniLM's parameters: all, of its table of pieces, of its layers")
    run.derive("encoder-parameters-all", "encoder_parameters[0]", about="MiniLM's parameters")
    run.derive("encoder-bytes", "4 * encoder_parameters[0]", about="MiniLM, four bytes a parameter", unit="bytes")
    run.derive("encoder-parameters-layers", "encoder_parameters[2]", about="MiniLM's parameters in layers")
    run.derive("encoder-parameters-table", "encoder_parameters[1]", about="MiniLM's parameters for the pieces")


def _trained(name: str) -> dict[str, np.ndarray]:
    import bert_torch
    return bert_torch.fine_tuned(name, 0)


if __name__ == "__main__":
    main()
