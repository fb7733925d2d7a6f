"""The systems that the article compares, and what each answers to a seed's 150 bags.

    python systems.py tuned-beam:0 ngram-beam:1     fill in these answers, with progress

Answers and trained weights stay in the cache folder (see posts/packages.py), under
the digest of the code that made them, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "byte-pair-encoding"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch

import bpe
import gpt2
import ordering
import packages
import sentence_reconstruction as sr
import sentences
import smollm2
from evidence import digest, progress

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

FOLDER = Path(__file__).resolve().parent
CODE = ("sentence_reconstruction.py", "sentences.py", "gpt2.py", "smollm2.py", "ordering.py", "systems.py")
SEEDS = (0, 1, 2)
SHARE = 150       # test sentences of each seed, no sentence in two seeds' shares
WIDTH = 8         # beam of the neural models
NGRAM_WIDTH = 64
LAYERS = 10       # of SmolLM2's 30, the last ones: what is fine-tuned
STEPS, BATCH, RATE = 200, 16, 3e-4                     # fine-tuning
SCRATCH_STEPS, SCRATCH_BATCH, SCRATCH_RATE = 1000, 32, 2e-3
SCRATCH = gpt2.Config(vocab_size=2050, n_positions=128, n_embd=128, n_layer=4, n_head=4)
CHECKS = 128      # validation sentences

Words = tuple[str, ...]
Answer = tuple[Words, float, float]  # words, log-probability, CPU seconds


@cache
def data() -> sentences.Data:
    return sentences.prepare(packages.brown())


def bags(some: Sequence[Words], seed: int) -> list[list[str]]:
    """Each sentence's words, shuffled: by chance the right order may stay."""
    return [random.Random(f"bag {seed} {' '.join(words)}").sample(words, len(words)) for words in some]


# ------------------------------------------------------------------ n-grams

@cache
def ngram(order: int = 3, part: str = "text", size: int | None = None) -> sr.KneserNey:
    """Of all text of the training files; of the task's training sentences; of the first `size` of a shuffled text."""
    if part == "task":
        return sr.KneserNey([(*words, ".") for words in data().train], order)
    text = data().text
    return sr.KneserNey(text if size is None else random.Random("text").sample(text, len(text))[:size], order)


def ngram_score(model: sr.KneserNey) -> sr.Score:
    """The sentence's end is a full stop and then the end."""
    def score(words: Words, word: str) -> float:
        if word != sr.END:
            return model.score(words, word)
        return model.score(words, ".") + model.score((*words, "."), sr.END)
    return score


def ngram_answers(seed: int, width: int, outlook: bool = True, model: sr.KneserNey | None = None) -> list[Answer]:
    model = model or ngram()
    answers = []
    for bag in bags(data().sample(seed, SHARE), seed):
        start = time.process_time()
        words, logp = sr.order(bag, ngram_score(model), width, model.unigram if outlook else lambda word: 0.0)
        answers.append((words, logp, time.process_time() - start))
    return answers


# ------------------------------------------------------------- neural models

def _writing(model: smollm2.SmolLM2, shown: bool) -> ordering.Writing:
    """The pretrained model's question and answer; a sentence needs something to stand after."""
    before, after = ("Words:", "\nSentence:") if shown else ("It was late.", "")
    end_of_text, (stop,) = 0, model.encode(".")
    return ordering.Writing(model.encode, (end_of_text, *model.encode(before)), tuple(model.encode(after)), stop, shown)


@cache
def _pieces() -> bpe.Tokenizer:
    return bpe.train([" " + " ".join(words) for words in data().train], SCRATCH.vocab_size - 2)


def _scratch_writing(shown: bool) -> ordering.Writing:
    size = SCRATCH.vocab_size
    return ordering.Writing(_pieces().encode, (), (size - 2,), size - 1, shown, capital=False)


def _check(model: Any, writing: ordering.Writing) -> Callable[[], float]:
    """Nats a word that the model needs for held-out answers: comparable whatever the tokens."""
    some = data().validation[:CHECKS]

    def check() -> float:
        with torch.autocast("cpu", torch.bfloat16):
            found = ordering.score_many(model, writing, bags(some, 0), some)
        return -sum(found) / sum(len(words) + 1 for words in some)

    return check


def _train(name: str, seed: int, model: Any, writing: ordering.Writing, steps: int, batch: int, rate: float,
           ) -> list[tuple[int, float]]:
    keep = folder() / f"{name}-{seed}.pt"
    run = ordering.train(model, writing, data().train, steps, batch=batch, rate=rate, seed=seed, keep=keep,
                         check=_check(model, writing), check_every=max(steps // 8, 1))
    checks = []
    for step, value in progress(run, f"{name} {seed}", total=steps):
        if value is not None:
            checks.append((step, value))
            print(f"{name} {seed}: step {step} of {steps}, {value:.3f} nats a word", flush=True)
    return checks


@cache
def model(kind: str, seed: int) -> tuple[Any, ordering.Writing]:
    """"untuned" and "tuned" are SmolLM2, "scratch" a small GPT-2; "-blind" is not shown the bag."""
    blind = kind.endswith("-blind")
    if kind.startswith("scratch"):
        torch.manual_seed(seed)
        small = gpt2.GPT2(SCRATCH)
        writing = _scratch_writing(not blind)
        checks = _train(kind, seed, small, writing, SCRATCH_STEPS, SCRATCH_BATCH, SCRATCH_RATE)
        _keep(f"{kind}-checks", seed, checks)
        return small.eval(), writing
    tuned = kind.startswith("tuned")
    large = smollm2.SmolLM2(LAYERS if tuned else 0)
    writing = _writing(large, not blind)
    if tuned:
        for weight in large.parameters():
            if not weight.requires_grad:
                weight.data = weight.data.to(torch.bfloat16)
        checks = _train(kind, seed, large, writing, STEPS, BATCH, RATE)
        _keep(f"{kind}-checks", seed, checks)
    else:
        large.to(torch.bfloat16)
        _keep(f"{kind}-checks", seed, [(0, _check(large, writing)())])
    return large.to(torch.bfloat16).eval(), writing


def beam_answers(kind: str, seed: int, width: int, share: int = SHARE) -> list[Answer]:
    net, writing = model(kind, 0 if kind.startswith("untuned") else seed)
    some = bags(data().sample(seed, SHARE)[:share], seed)
    # Who does not see the bag needs the outlook, as the n-gram model does.
    future = ngram().unigram if not writing.bag else (lambda word: 0.0)
    start = time.process_time()
    found = ordering.order_many(net, writing, some, width, future)
    seconds = (time.process_time() - start) / len(some)
    return [(words, logp, seconds) for words, logp in found]


def free_answers(kind: str, seed: int) -> list[Answer]:
    net, writing = model(kind, seed)
    some = bags(data().sample(seed, SHARE), seed)
    start = time.process_time()
    written = ordering.write_freely(net, writing, some)
    seconds = (time.process_time() - start) / len(some)
    return [(ordering.words_of(decode(kind, ids), bag), 0.0, seconds) for ids, bag in zip(written, some, strict=True)]


def decode(kind: str, ids: Sequence[int]) -> str:
    if kind.startswith("scratch"):
        return _pieces().decode([token for token in ids if token < SCRATCH.vocab_size - 2])
    net, _ = model(kind, 0)
    spelled = "".join(net.tokenizer.id_to_token(token) or "" for token in ids)
    return bytes(_BYTES.get(character, 63) for character in spelled).decode("utf-8", "replace")


# How byte-level tokens are spelled: visible characters stand for themselves, the others follow from 256 on.
_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_BYTES = {chr(byte): byte for byte in _VISIBLE} | {
    chr(256 + place): byte for place, byte in enumerate(byte for byte in range(256) if byte not in _VISIBLE)}


# ------------------------------------------------------------------- answers

def _random(seed: int) -> list[Answer]:
    return [(tuple(bag), 0.0, 0.0) for bag in bags(data().sample(seed, SHARE), seed)]


SYSTEMS: dict[str, Callable[[int], list[Answer]]] = {
    "random": _random,
    "ngram-greedy": lambda seed: ngram_answers(seed, 1),
    "ngram-beam": lambda seed: ngram_answers(seed, NGRAM_WIDTH),
    "ngram-task-beam": lambda seed: ngram_answers(seed, NGRAM_WIDTH, model=ngram(3, "task")),
    "scratch-free": lambda seed: free_answers("scratch", seed),
    "scratch-greedy": lambda seed: beam_answers("scratch", seed, 1),
    "scratch-beam": lambda seed: beam_answers("scratch", seed, WIDTH),
    "scratch-blind-beam": lambda seed: beam_answers("scratch-blind", seed, WIDTH),
    "untuned-beam": lambda seed: beam_answers("untuned-blind", seed, WIDTH),
    "untuned-shown-beam": lambda seed: beam_answers("untuned", seed, WIDTH),
    "tuned-free": lambda seed: free_answers("tuned", seed),
    "tuned-greedy": lambda seed: beam_answers("tuned", seed, 1),
    "tuned-beam": lambda seed: beam_answers("tuned", seed, WIDTH),
    "tuned-blind-beam": lambda seed: beam_answers("tuned-blind", seed, WIDTH),
}
for _width in (1, 2, 4, 16, 32):  # the first 75 sentences, for quality and time by width
    SYSTEMS[f"untuned-width-{_width}"] = partial(beam_answers, "untuned-blind", width=_width, share=75)
    SYSTEMS[f"tuned-width-{_width}"] = partial(beam_answers, "tuned", width=_width, share=75)


@cache
def folder() -> Path:
    found = packages.folder() / "reconstructing-sentences" / digest(FOLDER, CODE)[-16:]
    found.mkdir(parents=True, exist_ok=True)
    return found


def _keep(name: str, seed: int, value: Any) -> Any:
    path = folder() / f"{name}-{seed}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value), encoding="utf-8")
    partial.replace(path)
    return value


def kept(name: str, seed: int, make: Callable[[], Any]) -> Any:
    """What `make` returns, from the cache folder if an earlier run has made it."""
    path = folder() / f"{name}-{seed}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else _keep(name, seed, make())


def answers(system: str, seed: int) -> list[Answer]:
    found = kept(system, seed, lambda: SYSTEMS[system](seed))
    return [(tuple(words), logp, seconds) for words, logp, seconds in found]


def checks(kind: str, seed: int) -> list[tuple[int, float]]:
    """The learning curve: (step, nats a word on validation sentences)."""
    return [tuple(check) for check in kept(f"{kind}-checks", seed, lambda: model(kind, seed) and json.loads(
        (folder() / f"{kind}-checks-{seed}.json").read_text(encoding="utf-8")))]


def scores(kind: str, seed: int, orders: Sequence[Words]) -> list[float]:
    """What a neural model thinks of orders of the seed's first sentences."""
    net, writing = model(kind, seed)
    some = bags(data().sample(seed, SHARE), seed)[:len(orders)]
    return ordering.score_many(net, writing, some, orders)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        name, _, number = wanted.partition(":")
        began = time.process_time()
        out = answers(name, int(number))
        gold = data().sample(int(number), SHARE)[:len(out)]
        lines = [words for words, _, _ in out]
        print(f"{name} {number}: exact {sr.exact_match(lines, gold):.3f}, BLEU {sr.corpus_bleu(lines, gold):.3f}, "
              f"permutations {sr.permutation_rate(lines, gold):.3f}, {time.process_time() - began:.0f} CPU s", flush=True)
