"""Ask a causal language model for the order of a bag of words; teach it to answer.

`Model` is what GPT2 in gpt2.py and SmolLM2 in smollm2.py have in common.
Everything works on many sentences at once, because a processor multiplies
many rows by the same weights in little more time than one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt2 import Cache

Words = tuple[str, ...]
Ids = tuple[int, ...]


class Model(Protocol):
    def __call__(self, ids: Tensor, cache: Cache | None = None) -> Tensor: ...
    def logits(self, hidden: Tensor) -> Tensor: ...
    def cache(self, rows: int, capacity: int) -> Cache: ...


@dataclass(frozen=True)
class Writing:
    """How questions and answers are written as tokens.

    Each word has a space in front, so that a new word announces itself. A
    model that knows English gets its sentence as English has it, with a
    capital: `capital` applies to whichever word the decoder puts first.
    """

    encode: Callable[[str], Sequence[int]]
    before: Ids  # the question: before + bag + after
    after: Ids
    end: int
    bag: bool = True  # False: the model is not shown the bag
    capital: bool = True

    def question(self, words: Sequence[str]) -> Ids:
        bag = tuple(self.encode("".join(" " + word for word in words))) if self.bag else ()
        return (*self.before, *bag, *self.after)

    def word(self, word: str, first: bool) -> Ids:
        return tuple(self.encode(" " + (word[0].upper() + word[1:] if first and self.capital else word)))

    def answer(self, words: Sequence[str]) -> Ids:
        return (*(i for place, word in enumerate(words) for i in self.word(word, place == 0)), self.end)


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of ids padded on the right, and their lengths."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, :len(row)] = torch.tensor(row)
    return ids, lengths


def read(model: Model, cache: Cache, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Read each row's new ids into the cache. Returns the hidden states and those after each row's last id.

    What the padding leaves in the cache stands behind the row's length, and is written over.
    """
    ids, lengths = padded(rows)
    hidden = model(ids, cache)
    cache.lengths += lengths
    return hidden, hidden[torch.arange(len(rows)), lengths - 1]


def log_probabilities(model: Model, hidden: Tensor) -> Tensor:
    return model.logits(hidden).float().log_softmax(-1)


@dataclass
class _Hypothesis:
    task: int
    words: Words
    logp: float
    left: Counter[str]
    row: int = -1  # its row in the cache


@dataclass
class _Candidate:
    rank: float
    words: Words
    logp: float
    parent: _Hypothesis
    pieces: Ids


@torch.inference_mode()
def order_many(model: Model, writing: Writing, bags: Sequence[Sequence[str]], width: int,
               future: Callable[[str], float] = lambda word: 0.0, rows: int = 128) -> list[tuple[Words, float]]:
    """For each bag (in the order in which the model is shown it) the best order that a beam finds.

    All hypotheses of a sentence advance by whole words. The probabilities are
    the model's own: not renormalised over what the bag allows.
    """
    found: list[tuple[Words, float]] = []
    group = max(1, rows // width)
    for start in range(0, len(bags), group):
        found += _order_group(model, writing, bags[start:start + group], width, future, rows)
    return found


def _order_group(model: Model, writing: Writing, bags: Sequence[Sequence[str]], width: int,
                 future: Callable[[str], float], rows: int) -> list[tuple[Words, float]]:
    questions = [writing.question(bag) for bag in bags]
    longest = max(len(question) + max(len(writing.answer(bag)) + 2 * len(bag), 0)
                  for question, bag in zip(questions, bags, strict=True))
    cache = model.cache(len(bags), longest)
    logp = log_probabilities(model, read(model, cache, questions)[1])
    beam = [_Hypothesis(task, (), 0.0, Counter(bag), task) for task, bag in enumerate(bags)]
    best: dict[int, tuple[Words, float]] = {}
    while True:
        for h in (h for h in beam if not h.left):
            ended = h.words, h.logp + float(logp[h.row, writing.end])
            if h.task not in best or (-ended[1], ended[0]) < (-best[h.task][1], best[h.task][0]):
                best[h.task] = ended
        beam = [h for h in beam if h.left]
        if not beam:
            return [best[task] for task in range(len(bags))]
        chosen = _grow(model, writing, beam, cache, logp, width, future, rows)
        cache = cache.select(torch.tensor([c.parent.row for c in chosen]))
        logp = log_probabilities(model, read(model, cache, [c.pieces for c in chosen])[1])
        beam = [_Hypothesis(c.parent.task, c.words, c.logp, c.parent.left - Counter([c.words[-1]]), row)
                for row, c in enumerate(chosen)]


def _grow(model: Model, writing: Writing, beam: list[_Hypothesis], cache: Cache, logp: Tensor, width: int,
          future: Callable[[str], float], rows: int) -> list[_Candidate]:
    """The best `width` one-word-longer hypotheses of each sentence.

    A word of several pieces needs the model once more for its later pieces;
    they can only lower its rank, so those that are too low already are let go.
    """
    whole: dict[int, list[_Candidate]] = {h.task: [] for h in beam}
    partial: dict[int, list[_Candidate]] = {h.task: [] for h in beam}
    for h in beam:
        outlook = sum(n * future(word) for word, n in h.left.items())
        pieces = {word: writing.word(word, not h.words) for word in h.left}
        first = logp[h.row, [ids[0] for ids in pieces.values()]].tolist()
        for (word, ids), step in zip(pieces.items(), first, strict=True):
            candidate = _Candidate(h.logp + step + outlook - future(word), (*h.words, word), h.logp + step, h, ids)
            (partial if len(ids) > 1 else whole)[h.task].append(candidate)

    def key(candidate: _Candidate) -> tuple[float, Words]:
        return -candidate.rank, candidate.words

    waiting = []
    for task, candidates in whole.items():
        candidates.sort(key=key)
        bound = candidates[width - 1].rank if len(candidates) >= width else -float("inf")
        waiting += [candidate for candidate in partial[task] if candidate.rank >= bound]
    for start in range(0, len(waiting), rows):
        some = waiting[start:start + rows]
        scratch = cache.select(torch.tensor([c.parent.row for c in some]))
        hidden, _ = read(model, scratch, [c.pieces[:-1] for c in some])
        for row, candidate in enumerate(some):
            later = candidate.pieces[1:]
            steps = log_probabilities(model, hidden[row, :len(later)])[torch.arange(len(later)), list(later)]
            candidate.rank += float(steps.sum())
            candidate.logp += float(steps.sum())
            whole[candidate.parent.task].append(candidate)
    return [candidate for candidates in whole.values() for candidate in sorted(candidates, key=key)[:width]]


@torch.inference_mode()
def write_freely(model: Model, writing: Writing, bags: Sequence[Sequence[str]], rows: int = 64) -> list[list[int]]:
    """What the model answers when it may write any token, the likeliest each time; without the end token."""
    answers: list[list[int]] = []
    for start in range(0, len(bags), rows):
        some = bags[start:start + rows]
        questions = [writing.question(bag) for bag in some]
        limit = 2 * max(len(writing.answer(bag)) for bag in some)
        cache = model.cache(len(some), max(map(len, questions)) + limit)
        ids = log_probabilities(model, read(model, cache, questions)[1]).argmax(-1)
        written: list[list[int]] = [[] for _ in some]
        for _ in range(limit):
            for row, token in enumerate(ids.tolist()):
                if not written[row] or written[row][-1] != writing.end:
                    written[row].append(token)
            if all(row[-1] == writing.end for row in written):
                break
            ids = log_probabilities(model, read(model, cache, ids[:, None].tolist())[1]).argmax(-1)
        answers += [row[:-1] if row[-1] == writing.end else row for row in written]
    return answers


def words_of(text: str, bag: Sequence[str]) -> Words:
    """The words of a free answer; its capital is taken back where the bag has the word without."""
    words = text.split()
    if words and words[0] not in bag:
        lower = words[0][0].lower() + words[0][1:]
        words[0] = lower if lower in bag else words[0]
    return tuple(words)


def answer_scores(model: Model, questions: Sequence[Ids], answers: Sequence[Ids]) -> Tensor:
    """Log-probability of every token of the answers, one after the other; the questions' own do not count."""
    ids, _ = padded([(*question, *answer) for question, answer in zip(questions, answers, strict=True)])
    places = torch.tensor([(row, len(question) + i - 1) for row, question in enumerate(questions)
                           for i in range(len(answers[row]))]).T
    hidden = model(ids)[places[0], places[1]]
    targets = torch.tensor([token for answer in answers for token in answer])
    return -F.cross_entropy(model.logits(hidden).float(), targets, reduction="none")


@torch.inference_mode()
def score_many(model: Model, writing: Writing, bags: Sequence[Sequence[str]], orders: Sequence[Sequence[str]],
               rows: int = 64) -> list[float]:
    """Log-probability of each order, its end included, given its bag."""
    found: list[float] = []
    for start in range(0, len(bags), rows):
        answers = [writing.answer(words) for words in orders[start:start + rows]]
        scores = answer_scores(model, [writing.question(bag) for bag in bags[start:start + rows]], answers)
        found += [float(part.sum()) for part in scores.split([len(answer) for answer in answers])]
    return found


# region name train
def train(model: Any, writing: Writing, sentences: Sequence[Words],
          steps: int, *, batch: int, rate: float, seed: int, keep: Path,
          check: Callable[[], float], check_every: int,
          ) -> Iterator[tuple[int, float | None]]:
    """Teach it the task; yields each step's number, and what `check`
    says of the model at every `check_every`-th.

    What a step sees depends on the seed and the step alone, so a run
    that was stopped goes on from the file `keep` as if nothing were.
    """
    weights = {name: weight for name, weight in model.named_parameters()
               if weight.requires_grad}
    optimiser = torch.optim.AdamW(weights.values(), lr=rate,
                                  betas=(0.9, 0.95), weight_decay=0.01)
    done, checks = 0, []
    if keep.exists():
        state = torch.load(keep, weights_only=True)
        done, checks = state["done"], state["checks"]
        model.load_state_dict(state["weights"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
    yield from checks
    for step in range(done, steps):
        model.train()
        torch.manual_seed(1_000_000 * seed + step)  # for dropout
        questions, answers = [], []
        for place in range(step * batch, (step + 1) * batch):
            epoch, i = divmod(place, len(sentences))
            words = mixed(sentences, f"{seed} {epoch}")[i]
            draw = random.Random(f"{seed} {place}")
            bag = draw.sample(words, len(words))  # new at each visit
            questions.append(writing.question(bag))
            answers.append(writing.answer(words))
        warm, rest = (step + 1) / (0.1 * steps), (steps - step) / steps
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, warm, rest / 0.9)
        with torch.autocast("cpu", torch.bfloat16):
            loss = -answer_scores(model, questions, answers).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        model.eval()
        if (step + 1) % check_every and step + 1 < steps:
            yield step + 1, None
            continue
        checks.append((step + 1, check()))
        save(keep, {"done": step + 1, "checks": checks, "weights": {
            name: weight.detach() for name, weight in weights.items()},
            "optimiser": optimiser.state_dict()})
        yield checks[-1]
    model.eval()
# endregion name train


_MIXED: dict[tuple[int, str], list[Words]] = {}


def mixed(sentences: Sequence[Words], seed: str) -> list[Words]:
    """The order of an epoch; that of the last one asked for is kept."""
    key = id(sentences), seed
    if key not in _MIXED:
        _MIXED.clear()
        _MIXED[key] = random.Random(seed).sample(sentences, len(sentences))
    return _MIXED[key]


def save(path: Path, state: dict[str, object]) -> None:
    """All or nothing: a run stopped here leaves the file as it was."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
