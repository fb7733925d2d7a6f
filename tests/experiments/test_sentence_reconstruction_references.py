"""What reconstructs sentences, against references: transformers for GPT-2, NLTK for n-grams and BLEU, brute force.

The search over a neural model is held to the pure-Python search of sentence_reconstruction.py, which the
everyday tests hold to trying all orders.
"""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts" / "reconstructing-sentences-gpt2"))

import gpt2
import ordering
import packages
import sentence_reconstruction as sr
import sentences

torch.set_num_threads(1)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# ------------------------------------------------------------------- GPT-2


@pytest.fixture(scope="module")
def theirs() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.manual_seed(0)
    # Weights far larger than at first, so that a slip anywhere shows in the logits.
    return GPT2LMHeadModel(GPT2Config(vocab_size=300, n_positions=64, n_embd=48, n_layer=3, n_head=4,
                                      initializer_range=0.3, bos_token_id=0, eos_token_id=0)).eval()


@pytest.fixture
def checkpoint(theirs: Any, tmp_path: Path) -> Path:
    theirs.save_pretrained(tmp_path)
    return tmp_path


def logits(model: gpt2.GPT2, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model.logits(model(ids))


def test_logits_are_those_of_transformers(theirs: Any, checkpoint: Path) -> None:
    ids = torch.randint(300, (4, 64))
    with torch.inference_mode():
        expected = theirs(ids).logits
    assert (logits(gpt2.load(checkpoint), ids) - expected).abs().max() < 1e-4
    assert expected.abs().max() > 1  # else the bound would say little


def test_both_published_forms_and_both_spellings_of_names_are_read(theirs: Any, checkpoint: Path, tmp_path: Path) -> None:
    """GPT-2 itself is published without the prefix "transformer." and with its masks among the weights."""
    ids = torch.randint(300, (2, 9))
    expected = logits(gpt2.load(checkpoint), ids)
    weights = {name.removeprefix("transformer."): weight for name, weight in theirs.state_dict().items()
               if name != "lm_head.weight"}
    for layer in range(3):
        weights[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    old = tmp_path / "old"
    old.mkdir()
    (old / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    torch.save(weights, old / "pytorch_model.bin")
    assert torch.equal(logits(gpt2.load(old), ids), expected)


def test_transformers_reads_what_is_saved(theirs: Any, checkpoint: Path, tmp_path: Path) -> None:
    from transformers import GPT2LMHeadModel
    gpt2.save(gpt2.load(checkpoint), tmp_path / "saved")
    again = GPT2LMHeadModel.from_pretrained(tmp_path / "saved")
    ids = torch.randint(300, (2, 9))
    with torch.inference_mode():
        assert torch.equal(again(ids).logits, theirs(ids).logits)


@pytest.mark.parametrize(("field", "value"), [
    ("model_type", "llama"), ("activation_function", "relu"), ("scale_attn_by_inverse_layer_idx", True), ("n_inner", 7)])
def test_another_architecture_is_refused(checkpoint: Path, field: str, value: object) -> None:
    settings_ = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**settings_, field: value}))
    with pytest.raises(ValueError, match=field):
        gpt2.load(checkpoint)


def test_a_missing_weight_is_named(theirs: Any, checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    weights = dict(theirs.state_dict())
    del weights["transformer.h.1.mlp.c_fc.bias"]
    torch.save(weights, checkpoint / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"h\.1\.mlp\.c_fc\.bias"):
        gpt2.load(checkpoint)


def test_the_cache_changes_nothing(checkpoint: Path) -> None:
    """Rows of different lengths, read in pieces, then copied in another order and read on."""
    model, rng = gpt2.load(checkpoint), random.Random(0)
    rows = [[rng.randrange(300) for _ in range(rng.randint(3, 20))] for _ in range(6)]
    cache = model.cache(6, 64)
    with torch.inference_mode():
        ordering.read(model, cache, [row[:2] for row in rows])
        ordering.read(model, cache, [row[2:] for row in rows])
        chosen = [5, 0, 0, 3]
        cache = cache.select(torch.tensor(chosen))
        hidden, last = ordering.read(model, cache, [[7, 8, 9], [1], [2, 3], [4]])
        found = model.logits(hidden)
        ends = model.logits(last)
    for place, (row, more) in enumerate(zip(chosen, [[7, 8, 9], [1], [2, 3], [4]], strict=True)):
        expected = logits(model, torch.tensor([rows[row] + more]))[0, -len(more):]
        assert (found[place, :len(more)] - expected).abs().max() < 1e-4
        assert (ends[place] - expected[-1]).abs().max() < 1e-4


# ------------------------------------------------------------------ decoding

# Each word in tokens, some in several, one the beginning of another; 0 is the end and 1 the separator.
SPELLED = {"a": (2,), "an": (2, 3), "bird": (4, 5, 6), "cat": (7,), "dog": (8, 9), "Dog": (8, 10), "the": (11,)}
BAGS = st.lists(st.sampled_from(sorted(SPELLED)), min_size=1, max_size=6)


def encode(text: str) -> list[int]:
    return [token for word in text.split() for token in SPELLED[word]]


@cache
def peaked(seed: int) -> gpt2.GPT2:
    """A random model that is sure of itself, so that now and then a word of several tokens is the likeliest."""
    torch.manual_seed(seed)
    model = gpt2.GPT2(gpt2.Config(12, 64, 16, 2, 2))
    for weight in model.parameters():
        if weight.dim() == 2:
            torch.nn.init.normal_(weight, std=0.8)
    return model.eval()


@pytest.fixture(scope="module")
def small() -> gpt2.GPT2:
    return peaked(1)


WRITING = ordering.Writing(encode, (), (1,), 0, capital=False)


def score(model: gpt2.GPT2, bag: list[str]) -> sr.Score:
    """log P(next word | bag, words so far), without a cache: the model's own, over all tokens."""
    def logp(words: tuple[str, ...], word: str) -> float:
        ids = [*encode(" ".join(bag)), 1, *encode(" ".join(words))]
        next_ = (0,) if word == sr.END else SPELLED[word]
        found = logits(model, torch.tensor([[*ids, *next_]]))[0].log_softmax(-1)
        return float(sum(found[len(ids) - 1 + i, token] for i, token in enumerate(next_)))
    return logp


@given(st.integers(0, 9), st.lists(BAGS, min_size=1, max_size=3), st.integers(1, 3), st.booleans())
@SLOW
def test_the_search_is_the_plain_one(seed: int, bags: list[list[str]], width: int, outlook: bool) -> None:
    """Several bags of different sizes at once, words of several tokens, words that repeat."""
    small = peaked(seed)
    future = (lambda word: -0.7 * len(word)) if outlook else (lambda word: 0.0)
    found = ordering.order_many(small, WRITING, bags, width, future, rows=5)
    for bag, (words, logp) in zip(bags, found, strict=True):
        assert Counter(words) == Counter(bag)  # a permutation by construction
        expected, best = sr.order(bag, score(small, bag), width, future)
        assert math.isclose(logp, best, abs_tol=1e-3)
        assert words == expected or math.isclose(sr.total_score(words, score(small, bag)), best, abs_tol=1e-3)


@given(BAGS.filter(lambda bag: len(bag) < 6))
@settings(max_examples=10, deadline=None)
def test_a_wide_beam_finds_the_best_of_all_orders(small: gpt2.GPT2, bag: list[str]) -> None:
    (words, logp), = ordering.order_many(small, WRITING, [bag], 200)
    expected, best = sr.brute_force(bag, score(small, bag))
    assert math.isclose(logp, best, abs_tol=1e-3) and Counter(words) == Counter(expected)
    assert math.isclose(ordering.score_many(small, WRITING, [bag], [words])[0], best, abs_tol=1e-3)


def test_a_capital_is_the_decoders_choice() -> None:
    seen: list[str] = []
    writing = ordering.Writing(lambda text: seen.append(text) or [5], (3,), (4,), 0)
    assert writing.answer(["dogs", "chase"]) == (5, 5, 0) and seen == [" Dogs", " chase"]
    assert writing.question(["chase", "dogs"]) == (3, 5, 4) and seen[2:] == [" chase dogs"]  # without one
    blind = ordering.Writing(lambda text: [5], (3,), (4,), 0, bag=False)
    assert blind.question(["chase"]) == (3, 4)


def test_free_writing_is_the_likeliest_token_each_time(small: gpt2.GPT2) -> None:
    bags = [["cat", "dog", "the"], ["a", "bird"], ["an", "a", "a", "dog", "bird"]]
    limit = 2 * max(len(WRITING.answer(bag)) for bag in bags)
    for bag, written in zip(bags, ordering.write_freely(small, WRITING, bags), strict=True):
        ids, expected = [*encode(" ".join(bag)), 1], []
        for _ in range(limit):
            token = int(logits(small, torch.tensor([ids + expected]))[0, -1].argmax())
            if token == 0:
                break
            expected.append(token)
        assert written == expected


def test_a_free_answer_loses_its_capital_only_where_the_bag_has_the_word_without() -> None:
    assert ordering.words_of(" The dog saw Boston", ["the", "dog"]) == ("the", "dog", "saw", "Boston")
    assert ordering.words_of(" Boston saw", ["Boston", "saw"]) == ("Boston", "saw")
    assert ordering.words_of("", ["a"]) == () and ordering.words_of(" Zyx", ["a"]) == ("Zyx",)


# ------------------------------------------------------------------ training


def test_the_loss_is_that_of_transformers_with_the_question_masked(theirs: Any, checkpoint: Path) -> None:
    model = gpt2.load(checkpoint)
    questions, answers = [(5, 6, 7), (8,)], [(9, 10), (11, 12, 13)]
    ids = torch.tensor([[5, 6, 7, 9, 10], [8, 11, 12, 13, 0]])
    labels = torch.tensor([[-100, -100, -100, 9, 10], [-100, 11, 12, 13, -100]])
    with torch.inference_mode():
        found = -ordering.answer_scores(model, questions, answers).mean()
        assert math.isclose(float(found), float(theirs(ids, labels=labels).loss), rel_tol=1e-5)


LINES = [tuple(random.Random(n).sample(sorted(SPELLED), 4)) for n in range(40)]


def run(keep: Path, steps: int, stop: int | None = None) -> tuple[list[tuple[int, float]], gpt2.GPT2]:
    torch.manual_seed(3)
    model = gpt2.GPT2(gpt2.Config(12, 64, 16, 2, 2))  # with dropout
    checks = []
    for step, value in ordering.train(model, WRITING, LINES, steps, batch=4, rate=1e-2, seed=5, keep=keep,
                                      check=lambda: -ordering.score_many(model, WRITING, LINES[:4], LINES[:4])[0],
                                      check_every=5):
        if value is not None:
            checks.append((step, value))
        if step == stop:
            break
    return checks, model


def test_training_that_was_stopped_goes_on_as_if_nothing_were(tmp_path: Path) -> None:
    whole, model = run(tmp_path / "whole.pt", 20)
    stopped, _ = run(tmp_path / "part.pt", 20, stop=13)  # three steps after the last one kept
    assert stopped == whole[:2]
    resumed, again = run(tmp_path / "part.pt", 20)
    assert resumed == whole and [step for step, _ in whole] == [5, 10, 15, 20]
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name
    assert whole[-1][1] < whole[0][1]  # it learns


def test_each_visit_of_a_sentence_has_a_shuffle_of_its_own(tmp_path: Path) -> None:
    seen: list[tuple[str, ...]] = []

    class Watching(ordering.Writing):
        def question(self, words: Any) -> Any:
            seen.append(tuple(words))
            return super().question(words)

    model = gpt2.GPT2(gpt2.Config(12, 64, 16, 1, 2))
    for _ in ordering.train(model, Watching(encode, (), (1,), 0, capital=False), LINES[:4], 12, batch=4, rate=1e-3,
                            seed=0, keep=tmp_path / "x.pt", check=lambda: 0.0, check_every=99):
        pass
    for words in LINES[:4]:
        visits = [bag for bag in seen if sorted(bag) == sorted(words)]
        assert len(visits) == 12 * sum(sorted(other) == sorted(words) for other in LINES[:4])
        assert len(set(visits)) > 6


def test_the_lines_for_gpt2s_public_weights_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    """The article's block that is not run for want of the weights, with random ones in the same form, two steps."""
    from transformers import GPT2Config, GPT2LMHeadModel

    article = Path(gpt2.__file__).with_name("index.md").read_text(encoding="utf-8")
    block, = re.findall(r"```\{code-block\} python\n(?::.*\n)*(from pathlib.*?)```", article, re.DOTALL)
    sys.path.insert(0, str(Path(gpt2.__file__).parents[1] / "byte-pair-encoding"))
    import data
    GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=2)).save_pretrained(tmp_path / "gpt2")
    for name, file in zip(("vocab.json", "merges.txt"), data.gpt2_files(), strict=True):
        (tmp_path / "gpt2" / name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(block.replace("steps=400", "steps=2").replace("check_every=50", "check_every=1"), "index.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[:2]] == ["1", "2"] and len(said) == 3
    assert all(word in said[2] for word in ("cats", "old", "chase", "dogs"))


def test_smollm2_computes_what_the_other_articles_reader_does() -> None:
    import smollm2
    model = smollm2.SmolLM2(trainable=2)
    ids = torch.randint(49152, (2, 12))
    expected = smollm2._reader().SmolLM().hidden(ids)
    with torch.inference_mode():
        assert (model(ids) - expected).abs().max() < 1e-3 * expected.abs().max()
        cache = model.cache(2, 12)
        pieces = [ordering.read(model, cache, ids[:, i:i + 4].tolist())[0] for i in (0, 4, 8)]
        assert (torch.cat(pieces, 1) - expected).abs().max() < 1e-3 * expected.abs().max()
    ordering.answer_scores(model, [(1, 2)], [(3, 4)]).mean().backward()
    moved = {name.split(".")[1] for name, weight in model.named_parameters() if weight.grad is not None}
    assert moved == {"28", "29"}


# --------------------------------------------------------- n-grams and BLEU


class NoUnknown(sr.KneserNey):
    """NLTK's lowest level keeps nothing for unknown words."""

    def probability(self, context: Any, word: str) -> float:
        context = tuple(context[-(self.order - 1):]) if self.order > 1 else ()
        rows = self._rows
        p = rows[()][0][word] / rows[()][1]
        for size in range(1, len(context) + 1):
            if (found := rows.get(context[len(context) - size:])) is None:
                break
            p = (max(found[0][word] - self.discounts[size], 0) + found[2] * p) / found[1]
        return p


@pytest.mark.parametrize("order", [2, 3])
def test_probabilities_are_nltks(order: int) -> None:
    from nltk.lm import KneserNeyInterpolated
    from nltk.util import everygrams

    rng = random.Random(order)
    corpus = [rng.choices("abcdef", range(1, 7), k=rng.randint(2, 9)) for _ in range(60)]
    padded = [(sr.START, *line, sr.END) for line in corpus]
    reference = KneserNeyInterpolated(order, discount=0.6)
    reference.fit([list(everygrams(line, max_len=order)) for line in padded],
                  [word for line in padded for word in line[1:]])
    ours, checked = NoUnknown(corpus, order, 0.6), 0
    for line in padded:
        for end in range(order - 1, len(line)):
            context = line[end - order + 1:end]
            for word in "abcdef":
                assert math.isclose(ours.probability(context, word), reference.score(word, context), rel_tol=1e-9)
                checked += 1
    assert checked > 500


def test_bleu_is_nltks() -> None:
    from nltk.translate.bleu_score import corpus_bleu

    rng = random.Random(0)
    for _ in range(50):
        targets = [rng.choices("abcde", k=rng.randint(4, 9)) for _ in range(6)]
        found = [rng.sample(line, len(line)) if rng.random() < 0.5 else line[:rng.randint(4, len(line))]
                 for line in targets]
        ours = sr.corpus_bleu(found, targets)
        if ours:  # NLTK replaces a 0 by something tiny, and warns
            assert math.isclose(ours, corpus_bleu([[line] for line in targets], found), rel_tol=1e-9)


# ----------------------------------------------------------------- the corpus


def test_no_held_out_sentence_of_brown_is_in_training_nor_nearly() -> None:
    """Every training sentence's overlap with every held-out one, by counting words: another way than sentences.py's."""
    data = sentences.prepare(packages.brown())
    text = [sentences.fold(words) for words in data.text]
    lengths = np.array([len(words) for words in text])
    places: dict[str, dict[int, int]] = {}
    for place, words in enumerate(text):
        for word, count in Counter(words).items():
            places.setdefault(word, {})[place] = count
    postings = {word: (np.array(list(found)), np.array(list(found.values()))) for word, found in places.items()}
    lines = {" ".join(words) for words in text}
    for words in data.test + data.validation:
        folded = sentences.fold(words)
        shared = np.zeros(len(text), int)
        for word, count in Counter(folded).items():
            if word in postings:
                where, often = postings[word]
                shared[where] += np.minimum(often, count)
        assert not (shared >= 0.8 * np.maximum(lengths, len(folded))).any(), words
        assert " ".join(folded) not in lines
    assert set(data.train) <= {sentence[:-1] for sentence in data.text}
    assert len(data.test) > 700 and len(data.train) > 5000
