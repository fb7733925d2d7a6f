"""Byte-pair encoding against hand-worked examples, slow independent code, and hostile input."""

from __future__ import annotations

import base64
import json
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from article_code import load
from hypothesis import given, settings
from hypothesis import strategies as st

bpe = load("byte-pair-encoding", "bpe")
TWISTER = "she sells sea shells"
PROSE = ("The quick brown fox jumps over the lazy dog; the dog's owner didn't mind 1234 times. "
         "Ünïcödé naïve café 東京 नमस्ते 👩‍👩‍👧 e\u0301 …\n\n\tindented  twice   ") * 3

# Few letters make many overlaps and ties; the rest is whatever hypothesis invents.
narrow = st.text("ab ", max_size=60)
varied = st.one_of(narrow, st.text("abc' \n1é👩\u200d", max_size=40),
                   st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
names = st.sampled_from(bpe.PRE_TOKENIZERS)


# ------------------------------------------------------------------ examples

def test_the_worked_example_merge_by_merge() -> None:
    tokenizer = bpe.train(TWISTER, 256 + 4)
    spelled = [bytes([b]) for b in bpe.BYTE_ORDER]
    made = []
    for left, right in tokenizer.merges:
        spelled.append(spelled[left] + spelled[right])
        made.append((spelled[left], spelled[right]))
    assert made == [(b" ", b"s"), (b"e", b"l"), (b"l", b"s"), (b"el", b"ls")]
    assert tokenizer.tokens(TWISTER) == [b"s", b"h", b"e", b" s", b"ells", b" s", b"e", b"a", b" s", b"h", b"ells"]


def test_ties_go_to_the_smallest_pair_of_ids() -> None:
    # "ab" and "ba" occur twice each, "a" has the smaller id.
    words = {b"ab": 2, b"ba": 2}
    a, b = (bpe.BYTE_ORDER.index(letter) for letter in b"ab")
    assert bpe.train_naive(words, 1) == bpe.train_incremental(words, 1) == [(a, b)]


def test_a_space_has_a_larger_id_than_any_letter() -> None:
    """GPT-2's order, not the bytes' own: so "a " (64, 220) wins a tie against " a" (220, 64)."""
    assert bpe.BYTE_ORDER.index(b"a") == 64 and bpe.BYTE_ORDER.index(b" ") == 220
    assert bpe.train("a a a", 257, pre_tokenizer="none").merges == ((64, 220),)


def test_training_stops_when_no_pair_is_left() -> None:
    assert len(bpe.train("ab", 1000)) == 257
    assert bpe.train("", 1000).merges == () and bpe.train("a b", 256).merges == ()


def test_a_run_is_merged_from_the_left() -> None:
    tokenizer = bpe.Tokenizer([(64, 64)])
    assert tokenizer.encode("aaaaa") == [256, 256, 64]


def test_neither_longest_match_nor_fewest_tokens() -> None:
    tokenizer = bpe.train("bc bc bc ab ab cd cd", 259)
    assert tokenizer.tokens("abcd") == [b"a", b"bc", b"d"]
    assert [tokenizer.tokens(text) for text in ("ab", "cd")] == [[b"ab"], [b"cd"]]


# ------------------------------------------------------------------- trainers

@settings(deadline=None, max_examples=300)
@given(st.lists(varied, max_size=4), names, st.integers(0, 40))
def test_both_trainers_learn_the_same_merges(texts: list[str], name: str, n_merges: int) -> None:
    words = bpe.count_words(texts, name)
    assert bpe.train_incremental(words, n_merges) == bpe.train_naive(words, n_merges)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.binary(max_size=12), st.integers(0, 5), max_size=12), st.integers(0, 60))
def test_both_trainers_agree_on_any_weighted_bytes(words: dict[bytes, int], n_merges: int) -> None:
    words = {word: count for word, count in words.items() if count}
    assert bpe.train_incremental(words, n_merges) == bpe.train_naive(words, n_merges)


@settings(deadline=None, max_examples=200)
@given(st.lists(varied, max_size=4), names)
def test_every_token_has_one_pair_and_encodes_to_itself(texts: list[str], name: str) -> None:
    """The theorem that lets a rank file leave out the pairs."""
    tokenizer = bpe.Tokenizer(bpe.train_incremental(bpe.count_words(texts, name), 60))  # refuses repeats
    for token, i in tokenizer._ids.items():
        assert bpe.merge_piece(token, tokenizer._ranks) == [i]


def test_training_reads_several_texts_as_one_corpus() -> None:
    assert bpe.train(["she sells", " sea shells"], 260).merges == bpe.train(TWISTER, 260).merges


# ------------------------------------------------------------------- encoding

def replay(piece: bytes, merges: list[tuple[int, int]]) -> list[int]:
    """Encoding as training did it: every merge in turn, over the whole piece."""
    symbols = [bpe.BYTE_ORDER.index(byte) for byte in piece]
    for rank, pair in enumerate(merges):
        bpe.replace(symbols, pair, 256 + rank)
    return symbols


@settings(deadline=None, max_examples=300)
@given(varied, st.one_of(st.binary(max_size=40), st.text("ab ", max_size=60).map(str.encode)), st.integers(0, 60))
def test_encoding_replays_training(text: str, piece: bytes, n_merges: int) -> None:
    merges = bpe.train_incremental(bpe.count_words([text, "aabab abba"], "none"), n_merges)
    ranks = bpe.Tokenizer(merges)._ranks
    assert bpe.merge_piece(piece, ranks) == bpe._merge_long(piece, ranks) == replay(piece, merges)


def test_long_pieces_take_the_heap_and_agree() -> None:
    tokenizer = bpe.train(PROSE, 400, pre_tokenizer="none")
    for text in (PROSE, "a" * 500, "ab" * 300, "the " * 100):
        assert tokenizer.encode(text) == replay(text.encode(), list(tokenizer.merges))


def test_one_very_long_piece_is_near_linear() -> None:
    """A quadratic encoder would need minutes for this."""
    tokenizer = bpe.train("a" * 64 + " " + "ab" * 64, 300)
    start = time.process_time()
    for text in ("a" * 60_000, "ab" * 30_000, " " * 60_000, "\n" * 60_000, "'" * 60_000, "1" * 60_000):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert time.process_time() - start < 20


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "_CACHED_PIECES", 2)
    tokenizer = bpe.Tokenizer([])
    tokenizer.encode("one two three four " + "x" * 1000)
    assert len(tokenizer._cache) == 2


@settings(deadline=None)
@given(varied)
def test_steps_end_where_encode_does(text: str) -> None:
    tokenizer = bpe.train(PROSE, 330)
    steps = tokenizer.steps(text)
    assert (steps[-1][1] if steps else [bytes([b]) for b in text.encode()]) == tokenizer.tokens(text)


# ---------------------------------------------------------------- round trips

@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"])), names)
def test_text_comes_back(text: str, name: str) -> None:
    tokenizer = bpe.train(PROSE, 330, pre_tokenizer=name)
    assert tokenizer.decode(tokenizer.encode(text), errors="strict") == text


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(), st.lists(st.sampled_from([b"\xff", b"\xc3", b"\xe2\x82", b"a", b" ", b"\xed\xa0\x80",
                                                        "👩".encode(), "é".encode()])).map(b"".join)), names)
def test_any_bytes_come_back(data: bytes, name: str) -> None:
    tokenizer = bpe.train(PROSE, 330, pre_tokenizer=name)
    ids = tokenizer.encode_bytes(data)
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode(ids) == data.decode("utf-8", "replace")


def test_surrogates_are_repaired_as_documented() -> None:
    tokenizer = bpe.train(PROSE, 330)
    assert tokenizer.decode(tokenizer.encode("a\ud83d\udc69b")) == "a👩b"
    assert tokenizer.decode(tokenizer.encode("a\ud83db")) == "a\ufffdb"
    assert tokenizer.steps("\ud83d") == tokenizer.steps("\ufffd")
    assert bpe.count_words("\udc69x") == bpe.count_words("\ufffdx")


def test_half_a_character_decodes_to_the_replacement_character() -> None:
    tokenizer = bpe.Tokenizer([])
    first_two = tokenizer.encode("東")[:2]
    assert tokenizer.decode(first_two) == "\ufffd" and tokenizer.decode_bytes(first_two) == b"\xe6\x9d"
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(first_two, errors="strict")


# -------------------------------------------------------------- pre-tokenizers

def kind(character: str) -> str:
    if character in "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" or "\u2000" <= character <= "\u200a":
        return "space"
    major = unicodedata.category(character)[0]
    return major if major in "LN" else "other"


def slow_split(text: str, classes: bool = True) -> list[str]:
    """GPT-2's pattern read by hand, character by character."""
    pieces, i = [], 0
    of = kind if classes else (lambda character: "space" if kind(character) == "space" else "other")
    while i < len(text):
        ending = next((e for e in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(e, i)), "")
        if ending and classes:
            end = i + len(ending)
        else:
            end = i + (text[i] == " " and i + 1 < len(text) and of(text[i + 1]) != "space")
            what = of(text[end])
            while end < len(text) and of(text[end]) == what:
                end += 1
            if what == "space" and end < len(text) and end - i > 1:
                end -= 1
        pieces.append(text[i:end])
        i = end
    return pieces


def test_what_each_pre_tokenizer_cuts() -> None:
    text = "I'll pay $100,  don't you?\n"
    assert bpe.pre_tokenize(text) == ["I", "'ll", " pay", " $", "100", ",", " ", " don", "'t", " you", "?", "\n"]
    assert bpe.pre_tokenize(text, "whitespace") == ["I'll", " pay", " $100,", " ", " don't", " you?", "\n"]
    assert bpe.pre_tokenize(text, "none") == [text]
    assert [bpe.pre_tokenize("", name) for name in bpe.PRE_TOKENIZERS] == [[], [], []]


@pytest.mark.parametrize("separator", ["", "a", " "])
def test_every_assigned_character_is_classed_as_unicode_says(separator: str) -> None:
    text = separator.join(character for code in range(sys.maxunicode + 1)
                          if unicodedata.category(character := chr(code)) not in ("Cn", "Cs"))
    assert bpe.pre_tokenize(text) == slow_split(text)


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.text("a1.' \n\u3000é𝔞\U0001f469'stdmrevl", max_size=30),
                 st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=30)))
def test_pre_tokenizers_against_the_slow_reading(text: str) -> None:
    assert bpe.pre_tokenize(text) == slow_split(text)
    assert bpe.pre_tokenize(text, "whitespace") == slow_split(text, classes=False)


# -------------------------------------------------------------- special tokens

def test_special_tokens_only_by_leave() -> None:
    tokenizer = bpe.train(PROSE, 300, special_tokens=["<|end|>", "<|end|>!"])
    assert len(tokenizer) == 300 and tokenizer.special_tokens == {"<|end|>": 298, "<|end|>!": 299}
    plain = tokenizer.encode("a<|end|>b")
    assert 298 not in plain and tokenizer.decode(plain) == "a<|end|>b"
    assert tokenizer.encode("a<|end|>b", special=["<|end|>"]) == [64, 298, 65]
    assert tokenizer.encode("<|end|>!", special=tokenizer.special_tokens) == [299]  # the longest wins
    assert tokenizer.decode([64, 298, 65]) == "a<|end|>b"
    with pytest.raises(ValueError, match="not special tokens here"):
        tokenizer.encode("a", special=["<|start|>"])


# --------------------------------------------------------------------- storage

@settings(deadline=None, max_examples=50)
@given(st.lists(varied, max_size=4), names)
def test_both_forms_bring_back_the_same_tokenizer(tmp_path_factory: pytest.TempPathFactory,
                                                  texts: list[str], name: str) -> None:
    folder = tmp_path_factory.mktemp("forms")
    tokenizer = bpe.train([*texts, PROSE], 340, pre_tokenizer=name, special_tokens=["<|endoftext|>"])
    tokenizer.save_gpt2(folder / "vocab.json", folder / "merges.txt")
    tokenizer.save_tiktoken(folder / "ranks.tiktoken")
    for again in (bpe.Tokenizer.load_gpt2(folder / "vocab.json", folder / "merges.txt", pre_tokenizer=name),
                  bpe.Tokenizer.load_tiktoken(folder / "ranks.tiktoken", pre_tokenizer=name,
                                              special_tokens=["<|endoftext|>"])):
        assert again.merges == tokenizer.merges
        assert again.special_tokens == tokenizer.special_tokens
        assert again.encode(PROSE) == tokenizer.encode(PROSE)


def test_the_files_look_as_gpt2s_do(tmp_path: Path) -> None:
    tokenizer = bpe.train(TWISTER, 261, special_tokens=["<|endoftext|>"])
    tokenizer.save_gpt2(tmp_path / "v", tmp_path / "m")
    assert (tmp_path / "m").read_text("utf-8") == "#version: 0.2\nĠ s\ne l\nl s\nel ls\n"
    table = json.loads((tmp_path / "v").read_text("utf-8"))
    assert table["!"] == 0 and table["Ġ"] == 220 and table["Ġs"] == 256 and table["<|endoftext|>"] == 260
    tokenizer.save_tiktoken(tmp_path / "r")
    assert (tmp_path / "r").read_text().splitlines()[-1] == base64.b64encode(b"ells").decode() + " 259"


def forms(folder: Path) -> tuple[Path, Path, Path]:
    paths = folder / "vocab.json", folder / "merges.txt", folder / "r.tiktoken"
    tokenizer = bpe.train(TWISTER, 260)
    tokenizer.save_gpt2(*paths[:2])
    tokenizer.save_tiktoken(paths[2])
    return paths


@pytest.mark.parametrize(("old", "new", "message"), [
    ("e l\n", "e l s\n", "merges.txt, line 3: expected two tokens"),
    ("e l\n", "e ll\n", "merges.txt, line 3: 'll' is not a token yet"),
    ("e l\n", "e 中\n", "merges.txt, line 3: '中': '中' stands for no byte"),
    ("e l\nl s\n", "l s\ne l\n", "vocab.json: 'ls' has the id 258; its place among the merges asks for 257"),
    ("e l\n", "e l\ne l\n", "merges.txt, line 4: 'el' is a token already"),
    ("el ls\n", "", "vocab.json: the special tokens"),
])
def test_a_bad_merges_file_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    vocab, merges, _ = forms(tmp_path)
    merges.write_text(merges.read_text("utf-8").replace(old, new), "utf-8")
    if not new:  # what is left over is taken for a special token only if its id follows on
        vocab.write_text(vocab.read_text().replace('"ells": 259', '"ells": 300'))
    with pytest.raises(ValueError) as caught:
        bpe.Tokenizer.load_gpt2(vocab, merges)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", ["[]", '{"a": "b"}', '{"a": true}'])
def test_a_vocabulary_must_map_tokens_to_ids(tmp_path: Path, content: str) -> None:
    vocab, merges, _ = forms(tmp_path)
    vocab.write_text(content)
    with pytest.raises(ValueError, match="expected one JSON object"):
        bpe.Tokenizer.load_gpt2(vocab, merges)


@pytest.mark.parametrize(("line", "new", "message"), [
    (256, "not base64 256", "line 257: expected base64 and a rank"),
    (256, "?? 256", "line 257: expected base64 and a rank"),
    (256, "IHM= 999", "line 257: ranks must count from 0"),
    (256, base64.b64encode(b"shells").decode() + " 256", "line 257: the tokens before it make 6 of b'shells'"),
    (0, base64.b64encode(b"a").decode() + " 0", "the first 256 tokens must be the bytes"),
])
def test_a_bad_rank_file_is_named_with_its_line(tmp_path: Path, line: int, new: str, message: str) -> None:
    path = forms(tmp_path)[2]
    lines = path.read_text().splitlines()
    lines[line] = new
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError) as caught:
        bpe.Tokenizer.load_tiktoken(path)
    assert message in str(caught.value)


def test_a_special_token_that_spells_a_token_cannot_be_saved(tmp_path: Path) -> None:
    tokenizer = bpe.Tokenizer([], special_tokens=["a"])
    with pytest.raises(ValueError, match="ordinary"):
        tokenizer.save_gpt2(tmp_path / "v", tmp_path / "m")


# ---------------------------------------------------------------------- errors

@pytest.mark.parametrize(("call", "message"), [
    (lambda: bpe.train("a", 255), "too small: 256 bytes and 0 special"),
    (lambda: bpe.train("a", 256, special_tokens=["x"]), "too small: 256 bytes and 1 special"),
    (lambda: bpe.train("a", 300, pre_tokenizer="gpt3"), "no pre-tokenizer 'gpt3'; there are: gpt2, whitespace, none"),
    (lambda: bpe.train_naive({}, -1), "must not be negative"),
    (lambda: bpe.train_incremental({}, -1), "must not be negative"),
    (lambda: bpe.Tokenizer([(0, 256)]), "uses an id that does not exist yet"),
    (lambda: bpe.Tokenizer([(-1, 0)]), "uses an id that does not exist yet"),
    (lambda: bpe.Tokenizer([(0, 1), (0, 1)]), "spells b'!\"', which is token 256 already"),
    (lambda: bpe.Tokenizer([], special_tokens=["x", "x"]), "different and not empty"),
    (lambda: bpe.Tokenizer([], special_tokens=[""]), "different and not empty"),
    (lambda: bpe.Tokenizer([]).decode([256]), "no token has the id 256; ids go from 0 to 255"),
    (lambda: bpe.Tokenizer([]).decode([-1]), "no token has the id -1"),
])
def test_errors_say_what_is_wrong(call: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()  # type: ignore[operator]
    assert message in str(caught.value)


def test_repr_and_length() -> None:
    tokenizer = bpe.train(TWISTER, 258, pre_tokenizer="whitespace")
    assert repr(tokenizer) == "<Tokenizer: 258 tokens, 2 merges, pre-tokenizer 'whitespace'>"
    assert len(tokenizer) == 258
