"""The data of "Finetuning GPT2 to Reconstruct Sentences": what may not leak does not."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts" / "reconstructing-sentences-gpt2"))
import sentences

FOLDED = st.lists(st.sampled_from(list("abcdefgh")), min_size=5, max_size=12).map(tuple)
PLAIN = "the old dog slept near our warm fire that night".split()


def corpus(seed: int = 0) -> dict[str, list[list[str]]]:
    """60 files of ten sentences, by chance often nearly the same."""
    rng = random.Random(seed)
    vocabulary = "he she saw took left our their old dog house road again never slowly Boston".split()
    files = {}
    for number in range(60):
        lines = []
        for _ in range(10):
            words = rng.choices(vocabulary, k=rng.randint(4, 14))
            lines.append([words[0][0].upper() + words[0][1:], *words[1:], "."])
        files[f"c{number:02}"] = lines
    return files


def test_files_are_split_whole():
    """Every tenth is for testing: each sentence of the test part stands in one of those, and in no other part."""
    files = {f"f{number:02}": [[f"W{chr(97 + number // 26)}{chr(97 + number % 26)}", *PLAIN[:5], "."]] for number in range(40)}
    data = sentences.prepare(files)
    first = {words[0][1:] for words in data.test}
    assert first == {f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(40) if n % 10 == 4}
    assert {words[0][1:] for words in data.validation} == {f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in (9, 29)}


@pytest.mark.parametrize("seed", range(5))
def test_no_training_sentence_is_near_a_held_out_one(seed):
    """All pairs, one by one; the corpus has such pairs, and they are what is dropped."""
    data = sentences.prepare(corpus(seed))
    held_out = [sentences.fold(words) for words in data.test + data.validation]
    assert data.dropped > 0 and held_out and data.train
    for words in data.train + data.text:
        folded = sentences.fold(words)
        for other in held_out:
            assert Counter(folded) != Counter(other)
            assert (Counter(folded) & Counter(other)).total() < 0.8 * max(len(folded), len(other))
            assert " ".join(other) not in " ".join(folded)


def test_no_bag_is_asked_for_twice():
    data = sentences.prepare(corpus())
    bags = [tuple(sorted(sentences.fold(words))) for words in data.train + data.validation + data.test]
    assert len(set(bags)) == len(bags)


@given(st.lists(FOLDED, max_size=12), st.lists(FOLDED, min_size=1, max_size=12))
@settings(max_examples=150)
def test_near_sentences_are_found_without_trying_all_pairs(some, held_out):
    """And some that are near by construction: a word replaced, a word added, the whole inside a longer one."""
    some = [*some, (*held_out[0][1:], "z"), (*held_out[-1], "z"), ("z", "z", *held_out[0], "z", "z", "z")]
    expected = {place for place, words in enumerate(some) if any(sentences.near(words, other) for other in held_out)}
    assert sentences.nearly_same(some, held_out) == expected
    assert len(some) - 1 in expected


def test_what_near_means():
    ten = tuple("abcdefghij")
    assert sentences.near(ten, ten[::-1])                           # the same bag
    assert sentences.near((*ten[:8], "x", "y"), ten)                # eight words of ten
    assert not sentences.near((*ten[:7], "x", "y", "z"), ten)
    assert sentences.near(("x",) * 30 + ten, ten)                   # the whole, inside a long one
    assert not sentences.near(("x",) * 30 + ten[:9], ten)


def test_the_first_words_capital_gives_nothing_away():
    cased = Counter({"the": 9, "Boston": 4, "boston": 1, "will": 5, "Will": 5})
    assert sentences.truecase(["The", "The"], cased) == ("the", "The")
    assert sentences.truecase(["Boston", "."], cased) == ("Boston", ".")
    assert sentences.truecase(["Will", "."], cased) == ("will", ".")
    assert sentences.truecase(["Zyx", "."], cased) == ("zyx", ".")  # never seen: no capital, or it would tell


def test_case_is_learnt_from_training_files_alone():
    """A name that only a held-out file has inside a sentence is not known as one."""
    line = ["Quincy", *PLAIN[:5], "."]
    files = {f"f{number:02}": [[f"{chr(97 + number)}x", *PLAIN[5:], "."]] for number in range(20)}
    files["f04"] = [line, ["He", "saw", "Quincy", *PLAIN[:3], "."]]
    assert ("quincy", *PLAIN[:5]) in sentences.prepare(files).test


def test_a_capital_at_the_start_of_a_sentence_does_not_make_a_name():
    """However often training files begin a sentence with the word."""
    files = {f"f{number:02}": [["Zyx", f"{chr(97 + number)}x", *PLAIN[5:], "."]] for number in range(20)}
    data = sentences.prepare(files)
    assert {words[0] for words in data.test + data.validation} == {"zyx"}


def test_only_plain_sentences_are_asked_for():
    none: Counter[str] = Counter()
    assert sentences.task([*PLAIN[:5], "."], none) == tuple(PLAIN[:5])
    assert sentences.task(["Don't", *PLAIN[:5], "."], none)[0] == "don't"
    for wrong in ([*PLAIN[:4], "."], [*PLAIN, "and", "so", "on", "."], [*PLAIN[:5], "?"], [*PLAIN[:5], ",", "."],
                  [*PLAIN[:5], "1961", "."], ["."], []):
        assert sentences.task(wrong, none) == ()


def test_the_seeds_share_no_sentence():
    data = sentences.Data([], [], [(str(n),) for n in range(30)], [], 0)
    shares = [data.sample(seed, 10) for seed in range(3)]
    assert len({words for share in shares for words in share}) == 30
    assert shares[0] == data.sample(0, 10)
    with pytest.raises(ValueError, match="no share 3 of 10"):
        data.sample(3, 10)
