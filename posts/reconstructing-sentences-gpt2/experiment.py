"""Measure what the article says of word ordering. Some forty minutes on one core; --quick, a minute.

Needs the "experiments" packages and the packages that posts/packages.py downloads.
What each system answers is kept (see systems.py), so a run that was stopped goes on.
The quick scale measures the n-gram models in full, and trains one tiny GPT-2.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from math import log
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch

import gpt2
import ordering
import sentence_reconstruction as sr
import sentences
import systems
from evidence import Experiment, progress
from systems import CODE, SEEDS, SHARE

CPU = "ratio 0.2 to 5"
NEURAL = "ratio 0.6 to 1.6"  # of a share or a BLEU after a training on another processor

ABOUT = {
    "random": "Shuffled", "ngram-greedy": "Trigram, greedy", "ngram-beam": "Trigram, beam 64",
    "ngram-task-beam": "Trigram of the fine-tuning sentences, beam 64",
    "scratch-free": "GPT-2 from scratch, free", "scratch-greedy": "GPT-2 from scratch, constrained, greedy",
    "scratch-beam": "GPT-2 from scratch, constrained, beam 8",
    "scratch-blind-beam": "GPT-2 from scratch, not shown the bag, beam 8",
    "untuned-beam": "SmolLM2, not shown the bag, beam 8", "untuned-shown-beam": "SmolLM2, shown the bag, beam 8",
    "tuned-free": "SmolLM2 fine-tuned, free", "tuned-greedy": "SmolLM2 fine-tuned, constrained, greedy",
    "tuned-beam": "SmolLM2 fine-tuned, constrained, beam 8",
    "tuned-blind-beam": "SmolLM2 fine-tuned without the bag, beam 8",
}
FEWER: dict[str, tuple[int, ...]] = {"tuned-blind": (0,), "scratch-blind": (0,), "untuned-shown": (1, 2)}
CHEAP = ("random", "ngram-greedy", "ngram-beam", "ngram-task-beam")
LENGTHS = ((5, 6), (7, 8), (9, 10), (11, 12))
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SIZES = (32, 16, 8, 4, 2, 1)  # one part in so many of the text
GOOD = 1e-9


def seeds(system: str) -> tuple[int, ...]:
    """All three, but for what was left out to save an hour."""
    return next((some for name, some in FEWER.items() if system.startswith(name)), SEEDS)


def gold(seed: int) -> list[sr.Words]:
    return systems.data().sample(seed, SHARE)


def outputs(system: str, seed: int) -> list[sr.Words]:
    return [words for words, _, _ in systems.answers(system, seed)]


def tau(some: list[sr.Words], targets: list[sr.Words]) -> float:
    return fmean(map(sr.kendall_tau, some, targets))


METRICS: dict[str, tuple[Callable[[list[sr.Words], list[sr.Words]], float], str]] = {
    "exact": (lambda a, b: 100 * sr.exact_match(a, b), "exact match"),
    "bleu": (lambda a, b: 100 * sr.corpus_bleu(a, b), "BLEU-4"),
    "tau": (tau, "Kendall's τ"),
    "kept": (lambda a, b: 100 * sr.permutation_rate(a, b), "permutations"),
}
UNITS = {"exact": "%", "bleu": "", "tau": "", "kept": "%"}


def by_length(system: str, seed: int) -> list[float]:
    pairs = list(zip(outputs(system, seed), gold(seed), strict=True))
    return [100 * fmean(a == b for a, b in pairs if low <= len(b) <= high) for low, high in LENGTHS]


def difference(one: str, other: str, draws: int = 2000) -> list[float]:
    """Exact match of one less the other's, in points: 2.5%, mean, 97.5% of a bootstrap over all seeds' sentences."""
    paired = [(a == g) - (b == g) for seed in min(seeds(one), seeds(other), key=len)
              for a, b, g in zip(outputs(one, seed), outputs(other, seed), gold(seed), strict=True)]
    rng = random.Random(f"{one} {other}")
    drawn = sorted(100 * fmean(rng.choices(paired, k=len(paired))) for _ in range(draws))
    return [drawn[int(0.025 * draws)], 100 * fmean(paired), drawn[int(0.975 * draws)]]


def ngram_by_width(outlook: bool) -> list[list[float]]:
    """Width, exact match, BLEU and the search errors, all seeds' sentences together, in per cent."""
    targets = [words for seed in SEEDS for words in gold(seed)]
    score = systems.ngram_score(systems.ngram())
    recorded = [sr.total_score(words, score) for words in targets]
    points = []
    for width in progress(WIDTHS, "trigram beam"):
        found = [answer for seed in SEEDS for answer in systems.kept(
            f"ngram-width-{width}-{outlook}", seed, lambda: systems.ngram_answers(seed, width, outlook))]  # noqa: B023
        lines = [tuple(words) for words, _, _ in found]
        missed = fmean(logp < best - GOOD for (_, logp, _), best in zip(found, recorded, strict=True))
        points.append([width, 100 * sr.exact_match(lines, targets), 100 * sr.corpus_bleu(lines, targets), 100 * missed])
    return points


def neural_by_width(kind: str) -> list[list[float]]:
    """Width, exact match, BLEU and CPU milliseconds a sentence, on the first 75 of seed 0."""
    points = []
    for width in (1, 2, 4, 8, 16):
        found = systems.answers(f"{kind}-beam" if width == systems.WIDTH else f"{kind}-width-{width}", 0)[:75]
        lines, targets = [words for words, _, _ in found], gold(0)[:75]
        points.append([width, 100 * sr.exact_match(lines, targets), 100 * sr.corpus_bleu(lines, targets),
                       1000 * found[0][2]])
    return points


def ngram_by_text() -> list[list[float]]:
    """Words read, exact match and BLEU of the trigram with a beam of 16, all seeds' sentences together."""
    whole = len(systems.data().text)
    targets = [words for seed in SEEDS for words in gold(seed)]
    lengths = list(accumulate(map(len, random.Random("text").sample(systems.data().text, whole))))
    points = []
    for part in progress(SIZES, "trigram by text"):
        model = systems.ngram(3, "text", whole // part)
        lines = [words for seed in SEEDS for words, _, _ in systems.ngram_answers(seed, 16, model=model)]
        points.append([lengths[whole // part - 1], 100 * sr.exact_match(lines, targets),
                       100 * sr.corpus_bleu(lines, targets)])
        systems.ngram.cache_clear()
    return points


def ngram_nats() -> float:
    """What the neural models' learning curves measure, for the trigram: nats a word, its full stop one of them."""
    some = systems.data().validation[:systems.CHECKS]
    model = systems.ngram()
    total = sum(model.score(words[:i], word) for words in some for i, word in enumerate((*words, ".")))
    return -total / sum(len(words) + 1 for words in some)


def uniform_nats() -> float:
    """What one who knows the bag and that it must be used up, but nothing of order, needs: log of the orders, a word."""
    some = systems.data().validation[:systems.CHECKS]
    return sum(log(sr.orders(words)) for words in some) / sum(len(words) + 1 for words in some)


def judged(system: str, judge: Callable[[int, list[sr.Words]], list[float]]) -> list[float]:
    """Of a system's wrong orders, for how many in a hundred the judge gives the recorded order less, or as much."""
    verdicts = []
    for seed in seeds(system):
        found, recorded = outputs(system, seed), gold(seed)
        ours, theirs = judge(seed, found), judge(seed, recorded)
        verdicts += [a >= b for a, b, one, other in zip(ours, theirs, found, recorded, strict=True) if one != other]
    return [len(verdicts), 100 * fmean(verdicts)]


def trigram_judge(seed: int, orders: list[sr.Words]) -> list[float]:
    score = systems.ngram_score(systems.ngram())
    return [sr.total_score(words, score) for words in orders]


def neural_judge(kind: str) -> Callable[[int, list[sr.Words]], list[float]]:
    return lambda seed, orders: systems.scores(kind, seed, orders)


def milliseconds(system: str, seed: int) -> float:
    return 1000 * fmean(seconds for _, _, seconds in systems.answers(system, seed))


def leaks() -> list[int]:
    """Held-out bags that training has, training sentences near a held-out one, files in two parts."""
    data = systems.data()
    held = {frozenset(sentences.fold(words)) and tuple(sorted(sentences.fold(words)))
            for words in data.test + data.validation}
    same = sum(tuple(sorted(sentences.fold(words))) in held for words in data.train + data.text)
    text = [sentences.fold(words) for words in data.text]
    near = sentences.nearly_same(text, [sentences.fold(words) for words in data.test + data.validation])
    return [same, len(near)]


def logit_difference() -> float:
    """The largest between gpt2.py and transformers, for a random checkpoint written by transformers."""
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=300, n_positions=64, n_embd=48, n_layer=3, n_head=4,
                                        initializer_range=0.3, bos_token_id=0, eos_token_id=0)).eval()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        theirs.save_pretrained(folder)
        ours, ids = gpt2.load(Path(folder)), torch.randint(300, (4, 48))
        return float((theirs(ids).logits - ours.logits(ours(ids))).abs().max())


def tiny_training() -> list[float]:
    """Nats a word before and after 40 steps of a tiny GPT-2: what the quick scale trains."""
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.Config(systems.SCRATCH.vocab_size, 128, 32, 2, 2))
    writing = systems._scratch_writing(True)
    check = systems._check(model.eval(), writing)
    before = check()
    with tempfile.TemporaryDirectory() as folder:
        for _ in ordering.train(model, writing, systems.data().train, 40, batch=16, rate=1e-2, seed=0,
                                keep=Path(folder) / "tiny.pt", check=check, check_every=40):
            pass
    return [before, check()]


def main() -> None:
    with Experiment(__file__, code=CODE, packages=("torch", "transformers", "tokenizers", "gguf")) as run:
        quick = run.quick
        data = systems.data()
        for key, value, about in (
                ("sentences-train", len(data.train), "Sentences to learn the task on"),
                ("sentences-validation", len(data.validation), "Sentences for validation"),
                ("sentences-test", len(data.test), "Sentences for testing"),
                ("text-sentences", len(data.text), "Sentences of the training files"),
                ("text-words", sum(map(len, data.text)), "Words and marks in them"),
                ("text-dropped", data.dropped, "Sentences of the training files dropped as too near to a held-out one"),
                ("share", SHARE, "Test sentences of a seed"), ("sentences-scored", SHARE * len(SEEDS), "Of all seeds"),
                ("sentences-seen", systems.STEPS * systems.BATCH, "Sentences seen by fine-tuning"),
                ("checks", systems.CHECKS, "Validation sentences in a learning curve"),
                ("words-mean", fmean(len(words) for seed in SEEDS for words in gold(seed)), "Words a test sentence")):
            run.measure(key, lambda: value, about=about, tolerance="exact")  # noqa: B023
        run.measure("leaks", leaks, about="Left: held-out bags in training, sentences near a held-out one",
                    tolerance="exact")
        run.measure("logit-difference", logit_difference, about="gpt2.py and transformers, largest difference of logits",
                    tolerance="ratio 0.05 to 20")
        run.measure("tiny-training", tiny_training, about="A tiny GPT-2 before and after 40 steps", unit="nats/word",
                    tolerance="relative 0.02")
        run.measure("ngram-nats", ngram_nats, about="Trigram on validation sentences", unit="nats/word",
                    tolerance="relative 0.000001")

        run.measure("uniform-nats", uniform_nats, about="All orders of the bag equally likely", unit="nats/word",
                    tolerance="relative 0.000001")

        for system, about in ABOUT.items():
            if quick and system not in CHEAP:
                continue
            free = system.endswith("-free")
            for metric, (function, name) in METRICS.items():
                if free and metric == "tau":  # of permutations only
                    continue
                run.measure(f"{system}-{metric}",
                            lambda seed: function(outputs(system, seed), gold(seed)),  # noqa: B023
                            seeds=seeds(system), about=f"{about}: {name}", unit=UNITS[metric],
                            tolerance="relative 0.000001" if system in CHEAP else
                            "exact" if metric == "kept" and not free else NEURAL)
        for system in ("ngram-beam", "scratch-beam", "untuned-beam", "tuned-greedy", "tuned-beam"):
            if not quick or system in CHEAP:
                run.measure(f"{system}-by-length", lambda seed: by_length(system, seed), seeds=seeds(system),  # noqa: B023
                            about=f"{ABOUT[system]}: exact match for 5-6, 7-8, 9-10, 11-12 words", unit="%",
                            tolerance="relative 0.000001" if system in CHEAP else "ratio 0.3 to 3")
                run.measure(f"{system}-ms", lambda seed: milliseconds(system, seed), seeds=seeds(system),  # noqa: B023
                            about=f"{ABOUT[system]}: CPU time a sentence", unit="ms", tolerance=CPU, quick="report")

        run.measure("ngram-by-width", lambda: ngram_by_width(True), tolerance="relative 0.000001",
                    about="Trigram with the outlook: width, exact match, BLEU, search errors, all in %")
        run.measure("ngram-plain-by-width", lambda: ngram_by_width(False), tolerance="relative 0.000001",
                    about="Trigram without: width, exact match, BLEU, search errors, all in %")
        run.measure("ngram-by-text", ngram_by_text, tolerance="relative 0.000001",
                    about="Trigram, beam 16: words of text, exact match %, BLEU")
        run.measure("ngram-judged-by-itself", lambda: judged("ngram-beam", trigram_judge),
                    about="Trigram's wrong orders: how many, and % that it scores no lower than the recorded",
                    tolerance="relative 0.000001")
        run.derive("ngram-outlook-8", "ngram_by_width[3][2]", about="Trigram, beam 8, with the outlook: BLEU")
        run.derive("ngram-plain-8", "ngram_plain_by_width[3][2]", about="Trigram, beam 8, without: BLEU")
        run.derive("ngram-plain-64", "ngram_plain_by_width[-1][2]", about="Trigram, beam 64, without: BLEU")
        run.derive("ngram-model-errors", "ngram_judged_by_itself[1]", unit="%",
                   about="Trigram's wrong orders that it scores no lower than the recorded")
        if quick:
            return

        run.measure("untuned-shown-copied", lambda seed: 100 * fmean(
            list(words) == bag for words, bag in zip(outputs("untuned-shown-beam", seed), systems.bags(gold(seed), seed),
                                                     strict=True)), seeds=seeds("untuned-shown"), unit="%",
            about="SmolLM2, shown the bag: answers in the very order of the shuffle", tolerance=NEURAL)
        for one, other in (("tuned-beam", "untuned-beam"), ("tuned-beam", "tuned-greedy"), ("untuned-beam", "ngram-beam"),
                           ("tuned-greedy", "untuned-beam"), ("tuned-greedy", "tuned-free"),
                           ("scratch-beam", "ngram-beam"), ("scratch-beam", "scratch-blind-beam"),
                           ("scratch-beam", "ngram-task-beam"), ("tuned-beam", "tuned-blind-beam"),
                           ("tuned-blind-beam", "untuned-beam")):
            run.measure(f"{one}-minus-{other}", lambda: difference(one, other),  # noqa: B023
                        about=f"{ABOUT[one]} less {ABOUT[other]}: exact match, points, and its 95% interval",
                        tolerance="relative 3")
        for kind in ("untuned", "tuned"):
            run.measure(f"{kind}-by-width", lambda: neural_by_width(kind), tolerance=CPU,  # noqa: B023
                        about=f"SmolLM2 {kind}: width, exact match %, BLEU, CPU ms a sentence")
        for kind in ("tuned", "tuned-blind", "scratch", "scratch-blind"):
            run.measure(f"{kind}-curve", lambda seed: systems.checks(kind, seed), seeds=seeds(kind),  # noqa: B023
                        about=f"{kind}: step, nats a word on validation sentences", tolerance="relative 0.1")
        for kind in ("untuned-blind", "untuned"):
            run.measure(f"{kind}-nats", lambda: systems.checks(kind, 0)[0][1], about=f"SmolLM2 {kind}",  # noqa: B023
                        unit="nats/word", tolerance="relative 0.05")
        for system, kind in (("tuned-beam", "tuned"), ("tuned-beam", "untuned-blind"), ("ngram-beam", "untuned-blind"),
                             ("untuned-beam", "untuned-blind")):
            run.measure(f"{system}-judged-by-{kind}", lambda: judged(system, neural_judge(kind)),  # noqa: B023
                        about=f"{ABOUT[system]}: wrong orders, and % that SmolLM2 {kind} scores no lower than the recorded",
                        tolerance=NEURAL)
        for system in ("tuned-beam", "untuned-beam"):
            run.measure(f"{system}-judged-by-trigram", lambda: judged(system, trigram_judge),  # noqa: B023
                        about=f"{ABOUT[system]}: wrong orders, and % that the trigram scores no lower than the recorded",
                        tolerance=NEURAL)

        for key, expression, about, unit in (
                ("untuned-ahead", "-tuned_beam_minus_untuned_beam[1]", "Untuned less fine-tuned, beam 8", "points"),
                ("untuned-ahead-least", "-tuned_beam_minus_untuned_beam[2]", "At least", "points"),
                ("untuned-ahead-most", "-tuned_beam_minus_untuned_beam[0]", "At most", "points"),
                ("tuned-last", "tuned_curve[-1][1]", "SmolLM2 fine-tuned, last", "nats/word"),
                ("tuned-blind-last", "tuned_blind_curve[-1][1]", "SmolLM2 fine-tuned without the bag, last", "nats/word"),
                ("tuned-model-errors", "tuned_beam_judged_by_tuned[1]", "Wrong orders that it scores no lower", "%"),
                ("untuned-model-errors", "untuned_beam_judged_by_untuned_blind[1]", "The same, untuned", "%"),
                ("ngram-wrong-liked", "ngram_beam_judged_by_untuned_blind[1]", "Trigram's wrong orders liked by SmolLM2", "%"),
                ("untuned-wrong-liked", "untuned_beam_judged_by_trigram[1]", "Untuned SmolLM2's liked by the trigram", "%"),
                ("tuned-wrong-liked", "tuned_beam_judged_by_trigram[1]", "Fine-tuned SmolLM2's liked by the trigram", "%"),
                ("tuned-wrong-liked-untuned", "tuned_beam_judged_by_untuned_blind[1]", "The same, by SmolLM2 untuned", "%")):
            run.derive(key, expression, about=about, unit=unit)


if __name__ == "__main__":
    started = time.process_time()
    main()
    print(f"{time.process_time() - started:.0f} CPU s", file=sys.stderr)
