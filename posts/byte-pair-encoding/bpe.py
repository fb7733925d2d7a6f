"""Byte-level byte-pair encoding: train, encode, decode, save and load.

Standard library only. The algorithm is Gage's (1994), made into a tokenizer
by Sennrich et al. (2016), moved from characters to bytes by Radford et al.
(GPT-2, 2019). The same merges as Hugging Face `tokenizers`, the same ids as
OpenAI's `tiktoken`, to the last token: the tests compare them.

Conventions
    * Ids 0-255 are the single bytes in GPT-2's order (printable ones first,
      so ``!`` is 0 and ``a`` is 64); merge number r makes id 256 + r; special
      tokens follow. These are GPT-2's own ids.
    * A *pair* is two ids. Its key is ``left << 32 | right``: one int hashes
      and compares faster than a tuple, and sorts in the same order.
    * The tie rule in training: largest count first, and among equal counts
      the smallest pair of ids (left, then right), as `tokenizers` does.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

__all__ = [
    "BYTE_ORDER",
    "PRE_TOKENIZERS",
    "Pair",
    "Tokenizer",
    "count_words",
    "pre_tokenize",
    "train",
    "train_incremental",
    "train_naive",
]

Pair = tuple[int, int]
Words = Mapping[bytes, int]

_SHIFT = 32
_MASK = (1 << _SHIFT) - 1

# ---------------------------------------------------------------- the bytes

_PRINTABLE = bytes([*range(0x21, 0x7F), *range(0xA1, 0xAD),
                    *range(0xAE, 0x100)])
BYTE_ORDER = _PRINTABLE + bytes(sorted(set(range(256)) - set(_PRINTABLE)))

_ID_OF_BYTE = bytes(BYTE_ORDER.index(byte) for byte in range(256))

# vocab.json and merges.txt write each byte as one visible character: itself
# where it is printable Latin-1, else the next one from U+0100 on, so that a
# space becomes "Ġ". This is `bytes_to_unicode` of GPT-2's encoder.py.
_CHARACTERS = _PRINTABLE.decode("latin-1") + "".join(map(chr, range(0x100, 0x144)))
_BYTE_OF_CHARACTER = {ord(shown): byte for shown, byte in zip(_CHARACTERS, BYTE_ORDER, strict=True)}


def _shown(token: bytes) -> str:
    """A token's bytes as GPT-2's files write them."""
    return "".join(_CHARACTERS[_ID_OF_BYTE[byte]] for byte in token)


def _hidden(shown: str) -> bytes:
    """The inverse of `_shown`. ValueError for a character that stands for no byte."""
    try:
        return bytes(_BYTE_OF_CHARACTER[ord(character)] for character in shown)
    except KeyError as error:
        raise ValueError(f"{shown!r}: {chr(error.args[0])!r} stands for no byte in GPT-2's files") from None


# ----------------------------------------------------------- pre-tokenizers

# Letters and numbers that Unicode 15 and 16 added. Python 3.11 knows Unicode
# 14; `tiktoken` 0.14 and `tokenizers` 0.23 know 16. With these, so do we.
_ADDED = {
    "L": "1c89-1c8a a7cb-a7cd a7da-a7dc 105c0-105f3 10d4a-10d65 10d6f-10d85 10ec2-10ec4 "
         "1123f-11240 11380-11389 1138b-1138b 1138e-1138e 11390-113b5 113b7-113b7 113d1-113d1 "
         "113d3-113d3 11bc0-11be0 11f02-11f02 11f04-11f10 11f12-11f33 1342f-1342f 13441-13446 "
         "13460-143fa 16100-1611d 16d40-16d6c 18cff-18cff 1b132-1b132 1b155-1b155 1df25-1df2a "
         "1e030-1e06d 1e4d0-1e4eb 1e5d0-1e5ed 1e5f0-1e5f0 2b739-2b739 2ebf0-2ee5d 31350-323af",
    "N": "10d40-10d49 116d0-116e3 11bf0-11bf9 11f50-11f59 16130-16139 16d70-16d79 1ccf0-1ccf9 "
         "1d2c0-1d2d3 1e4f0-1e4f9 1e5f1-1e5fa",
}
# Unicode's White_Space. Not `str.isspace`, nor `\s` of Python's `re`: those
# count the four separators U+001C to U+001F too, which `regex` and Rust do not.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ASTRAL = r"[\U00010000-\U0010ffff]"


@cache
def _members(major: str) -> tuple[str, str]:
    """The characters of a major category as the inside of a `re` class: (up to U+FFFF, beyond).

    O(1) after the first call, which asks `unicodedata` about all 1,114,112
    code points (about 0.1 s).
    """
    starts: list[list[int]] = []
    added: set[int] = set()
    for span in _ADDED.get(major, "").split():
        first, last = (int(bound, 16) for bound in span.split("-"))
        added.update(range(first, last + 1))
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == major or code in added:
            if starts and starts[-1][1] == code - 1 and code != 0x10000:
                starts[-1][1] = code
            else:
                starts.append([code, code])
    basic = "".join(f"\\u{a:04x}-\\u{b:04x}" for a, b in starts if b <= 0xFFFF)
    astral = "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in starts if a > 0xFFFF)
    return basic, astral


@cache
def _pattern(name: str, ascii_only: bool) -> re.Pattern[str]:
    r"""A pre-tokenizer's regular expression. KeyError for an unknown name.

    GPT-2's pattern, from `encoder.py` in its repository, is::

        's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

    Python's `re` has no ``\p``, so the classes are spelled out. Characters
    beyond U+FFFF sit behind a look-ahead: `re` tests their ranges one by one,
    which a plain word should not pay for. ASCII text gets a pattern of its own.
    """
    if ascii_only:
        letters, numbers, space = "[A-Za-z]++", "[0-9]++", r"\t-\r "
        others = r"[^\t-\r A-Za-z0-9]++"
    else:
        (letters_basic, letters_astral), (numbers_basic, numbers_astral) = _members("L"), _members("N")
        space = _SPACE
        letters = f"(?:[{letters_basic}]++|(?={_ASTRAL})[{letters_astral}]++)++"
        numbers = f"(?:[{numbers_basic}]++|(?={_ASTRAL})[{numbers_astral}]++)++"
        others = (f"(?:[^{space}{letters_basic}{numbers_basic}{_ASTRAL[1:-1]}]++"
                  f"|(?={_ASTRAL})[^{letters_astral}{numbers_astral}\\x00-\\uffff]++)++")
    blank = rf"[{space}]+(?![^{space}])|[{space}]+"
    return re.compile({
        "gpt2": rf"'(?:[sdmt]|ll|ve|re)| ?{letters}| ?{numbers}| ?{others}|{blank}",
        "whitespace": rf" ?[^{space}]++|{blank}",
        "none": r"(?s:.+)",
    }[name])


PRE_TOKENIZERS = ("gpt2", "whitespace", "none")


def pre_tokenize(text: str, pre_tokenizer: str = "gpt2") -> list[str]:
    """Cut `text` into the pieces that no token may cross. Nothing is lost: they join to `text`.

    ``gpt2``
        GPT-2's pattern: a contraction's ending; or letters, or numbers, or
        other marks, each with at most one space before; or white space.
    ``whitespace``
        the same without the classes: anything but white space, with at most
        one space before; or white space.
    ``none``
        the whole text is one piece.

    Linear in ``len(text)``. ValueError for an unknown name.
    """
    if pre_tokenizer not in PRE_TOKENIZERS:
        raise ValueError(f"no pre-tokenizer {pre_tokenizer!r}; there are: {', '.join(PRE_TOKENIZERS)}")
    return _pattern(pre_tokenizer, text.isascii()).findall(text)


def _repair(text: str) -> str:
    """Join surrogates that belong together; a lone one becomes U+FFFD. So does `tiktoken`."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def count_words(text: str | Iterable[str], pre_tokenizer: str = "gpt2") -> Counter[bytes]:
    """How often each distinct piece occurs in the text or texts, as UTF-8.

    Linear in the text; from here on a trainer pays only for distinct pieces.
    Surrogates, which UTF-8 cannot express, are repaired as `Tokenizer.encode` does.
    """
    counts: Counter[str] = Counter()
    for part in [text] if isinstance(text, str) else text:
        try:
            part.encode()
        except UnicodeEncodeError:
            part = _repair(part)
        counts.update(pre_tokenize(part, pre_tokenizer))
    return Counter({word.encode(): count for word, count in counts.items()})


# ----------------------------------------------------------------- trainers

def _check_merges(n_merges: int) -> None:
    if n_merges < 0:
        raise ValueError(f"the number of merges must not be negative, and is {n_merges}")


# region naive
def train_naive(words: Words, n_merges: int) -> list[Pair]:
    """Learn merges by counting all pairs again before each one.

    O(n_merges x S) time for S symbols in the distinct words.
    """
    _check_merges(n_merges)
    split = [(list(word.translate(_ID_OF_BYTE)), count)
             for word, count in words.items()]
    merges: list[Pair] = []
    while len(merges) < n_merges:
        counts: Counter[Pair] = Counter()
        for symbols, count in split:
            for pair in pairwise(symbols):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        new = 256 + len(merges)
        merges.append(best)
        for symbols, _ in split:
            replace(symbols, best, new)
    return merges


def replace(symbols: list[int], pair: Pair, new: int) -> None:
    """Replace the pair by `new`, in place, from left to right."""
    i = 0
    while i < len(symbols) - 1:
        if symbols[i] == pair[0] and symbols[i + 1] == pair[1]:
            symbols[i:i + 2] = [new]
        i += 1
# endregion naive


def train_incremental(words: Words, n_merges: int) -> list[Pair]:
    """Learn the same merges, touching only what each merge changes.

    All words stand in one array with a gap (-1) between them, linked forwards
    and backwards. For every pair we keep its count and the positions where it
    was seen; a heap proposes the most frequent one. Both may be out of date:
    a position is checked when it is used, a count when it is popped. A count
    can only grow in the very merge that creates the pair, so a stale heap
    entry is always too high, and popping it late never hides a better pair.

    O(S + M) dictionary operations, and O(P log P) for the heap, where S is
    the number of symbols in the distinct words, M < S the replacements made
    and P <= S + 2 M the pairs and refreshes pushed; O(S) memory. This is the
    bookkeeping of subword-nmt and of `tokenizers`; the arrays are ours.
    """
    _check_merges(n_merges)
    symbols, following, previous, weight, counts, places = _lay_out(words)
    # region incremental
    heap = [(-count, key) for key, count in counts.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < n_merges:
        seen, key = heapq.heappop(heap)
        count = counts[key]
        if count != -seen:             # out of date: it has shrunk
            if count:
                heapq.heappush(heap, (-count, key))
            continue
        left, right = key >> _SHIFT, key & _MASK
        new = 256 + len(merges)
        merges.append((left, right))
        fresh: list[int] = []          # the pairs this merge creates
        for i in places.pop(key):
            j = following[i]
            if symbols[i] != left or symbols[j] != right:
                continue               # an earlier merge took it
            w, before, after = weight[i], previous[i], following[j]
            if (s := symbols[before]) >= 0:
                counts[s << _SHIFT | left] -= w
                k = s << _SHIFT | new
                if k in counts:
                    counts[k] += w
                    places[k].append(before)
                else:
                    counts[k], places[k] = w, [before]
                    fresh.append(k)
            if (s := symbols[after]) >= 0:
                counts[right << _SHIFT | s] -= w
                k = new << _SHIFT | s
                if k in counts:
                    counts[k] += w
                    places[k].append(i)
                else:
                    counts[k], places[k] = w, [i]
                    fresh.append(k)
            symbols[i], symbols[j] = new, -1
            following[i], previous[after] = after, i
        del counts[key]
        for k in fresh:
            if counts[k]:
                heapq.heappush(heap, (-counts[k], k))
    # endregion incremental
    return merges


def _lay_out(words: Words) -> tuple[list[int], list[int], list[int], list[int],
                                    dict[int, int], dict[int, list[int]]]:
    """The arrays `train_incremental` starts from: symbols, links, weights, pair counts, positions."""
    symbols, weight = [-1], [0]
    counts: dict[int, int] = {}
    places: dict[int, list[int]] = {}
    for word, count in words.items():
        if len(word) < 2 or count < 1:
            continue
        position = len(symbols) - 1
        left = -1
        for right in word.translate(_ID_OF_BYTE):
            if left >= 0:
                key = left << _SHIFT | right
                if key in counts:
                    counts[key] += count
                    places[key].append(position)
                else:
                    counts[key], places[key] = count, [position]
            left = right
            position += 1
        symbols += word.translate(_ID_OF_BYTE)
        symbols.append(-1)
        weight += [count] * (len(word) + 1)
    size = len(symbols)
    return symbols, list(range(1, size + 1)), list(range(-1, size - 1)), weight, counts, places


# ---------------------------------------------------------------- tokenizer

_LONG = 96             # a piece of more bytes is merged with a heap
_CACHED_BYTES = 64     # a piece of more characters is not cached,
_CACHED_PIECES = 1 << 19  # nor are more pieces than this


class _Cache(dict[str, tuple[int, ...]]):
    """Piece -> ids, filled on first use, bounded so that hostile input cannot grow it for ever."""

    def __init__(self, ranks: Mapping[int, int]) -> None:
        super().__init__()
        self._ranks = ranks

    def __missing__(self, piece: str) -> tuple[int, ...]:
        ids = tuple(merge_piece(piece.encode(), self._ranks))
        if len(piece) <= _CACHED_BYTES and len(self) < _CACHED_PIECES:
            self[piece] = ids
        return ids


def merge_piece(piece: bytes, ranks: Mapping[int, int]) -> list[int]:
    """Apply the merges to one piece: of the pairs present, always the earliest learned, leftmost first.

    `ranks` maps a pair's key to the id it becomes; a smaller id was learned
    earlier. Short pieces are scanned again after each merge, O(n^2) but at
    the speed of `min`; long ones go through a heap, O(n log n).
    """
    if len(piece) > _LONG:
        return _merge_long(piece, ranks)
    symbols = list(piece.translate(_ID_OF_BYTE))
    if len(symbols) < 2:
        return symbols
    get = ranks.get
    never = 1 << _SHIFT
    becomes = [get(a << _SHIFT | b, never) for a, b in pairwise(symbols)]
    while (new := min(becomes)) != never:
        i = becomes.index(new)
        symbols[i:i + 2] = [new]
        del becomes[i]
        if i < len(becomes):
            becomes[i] = get(new << _SHIFT | symbols[i + 1], never)
        if i:
            becomes[i - 1] = get(symbols[i - 1] << _SHIFT | new, never)
        elif not becomes:
            break
    return symbols


# region heap
def _merge_long(piece: bytes, ranks: Mapping[int, int]) -> list[int]:
    """As `merge_piece`, with a heap of (new id, position) and links."""
    symbols = [*piece.translate(_ID_OF_BYTE), -1]
    size = len(symbols)
    following = list(range(1, size + 1))
    previous = list(range(-1, size - 1))
    heap = []
    for i in range(size - 2):
        new = ranks.get(symbols[i] << _SHIFT | symbols[i + 1])
        if new is not None:
            heap.append(new << _SHIFT | i)
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        new, i = entry >> _SHIFT, entry & _MASK
        j = following[i]
        if symbols[i] < 0 or symbols[j] < 0:
            continue
        if ranks.get(symbols[i] << _SHIFT | symbols[j]) != new:
            continue                   # a neighbour has changed since
        after, before = following[j], previous[i]
        symbols[i], symbols[j] = new, -1
        following[i], previous[after] = after, i
        if symbols[after] >= 0:
            k = ranks.get(new << _SHIFT | symbols[after])
            if k is not None:
                heapq.heappush(heap, k << _SHIFT | i)
        if before >= 0:
            k = ranks.get(symbols[before] << _SHIFT | new)
            if k is not None:
                heapq.heappush(heap, k << _SHIFT | before)
    return [symbol for symbol in symbols if symbol >= 0]
# endregion heap


class Tokenizer:
    """Merges, and what follows from them: a vocabulary, `encode` and `decode`.

    Everything is checked on construction: a merge that uses an id before it
    exists, repeats another, or spells a token that exists raises ValueError,
    and so does a special token that is empty or given twice.
    """

    def __init__(self, merges: Iterable[Pair], *, pre_tokenizer: str = "gpt2",
                 special_tokens: Sequence[str] = ()) -> None:
        self.merges: tuple[Pair, ...] = tuple((left, right) for left, right in merges)
        pre_tokenize("", pre_tokenizer)
        self.pre_tokenizer = pre_tokenizer
        spelled = [bytes([byte]) for byte in BYTE_ORDER]
        ids = {token: i for i, token in enumerate(spelled)}
        ranks: dict[int, int] = {}
        for left, right in self.merges:
            new = len(spelled)
            if not (0 <= left < new and 0 <= right < new):
                raise ValueError(f"merge {new - 256}, {(left, right)}, uses an id that does not exist yet; "
                                 f"it may use 0 to {new - 1}")
            token = spelled[left] + spelled[right]
            if token in ids:
                raise ValueError(f"merge {new - 256}, {(left, right)}, spells {token!r}, "
                                 f"which is token {ids[token]} already")
            spelled.append(token)
            ids[token] = new
            ranks[left << _SHIFT | right] = new
        self._ids, self._ranks = ids, ranks
        self.special_tokens: dict[str, int] = {}
        for name in special_tokens:
            if not name or name in self.special_tokens:
                raise ValueError(f"special tokens must be different and not empty: {list(special_tokens)}")
            self.special_tokens[name] = len(spelled)
            spelled.append(name.encode())
        self._spelled = dict(enumerate(spelled))
        self._cache = _Cache(ranks)

    def __len__(self) -> int:
        """The size of the vocabulary: 256 bytes, the merges and the special tokens."""
        return len(self._spelled)

    def __repr__(self) -> str:
        return (f"<Tokenizer: {len(self)} tokens, {len(self.merges)} merges, "
                f"pre-tokenizer {self.pre_tokenizer!r}>")

    # ------------------------------------------------------------- encoding

    def encode(self, text: str, *, special: Collection[str] = ()) -> list[int]:
        """Text -> ids.

        Only the special tokens named in `special` are recognised; spelled in
        the text without leave they are text like any other, so that a stranger's
        input cannot end a document. ValueError for a name that is not special.

        Surrogates cannot be written in UTF-8: a pair of them is read as the
        character that it means, and one alone as U+FFFD, as in `tiktoken`.

        Linear in the text but for O(n log n) on a piece of n bytes. Pieces of up to
        64 characters are remembered.
        """
        if special:
            unknown = set(special) - set(self.special_tokens)
            if unknown:
                raise ValueError(f"not special tokens here: {sorted(unknown)}; "
                                 f"there are: {list(self.special_tokens)}")
            names = sorted(special, key=len, reverse=True)
            parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
            return [i for n, part in enumerate(parts)
                    for i in ([self.special_tokens[part]] if n % 2 else self.encode(part))]
        pieces = pre_tokenize(text, self.pre_tokenizer)
        try:
            return list(chain.from_iterable(map(self._cache.__getitem__, pieces)))
        except UnicodeEncodeError:
            return self.encode(_repair(text))

    def encode_bytes(self, data: bytes) -> list[int]:
        """Bytes -> ids, where the bytes need not be UTF-8; `decode_bytes` always gives them back.

        Valid UTF-8 is encoded as the text it is. Elsewhere each byte that is
        part of no character counts, for the pre-tokenizer, as a mark that is
        neither letter nor number nor white space.
        """
        try:
            return self.encode(data.decode())
        except UnicodeDecodeError:
            pieces = pre_tokenize(data.decode("utf-8", "surrogateescape"), self.pre_tokenizer)
            return [i for piece in pieces
                    for i in merge_piece(piece.encode("utf-8", "surrogateescape"), self._ranks)]

    def tokens(self, text: str) -> list[bytes]:
        """The tokens of a text, as bytes: what its ids stand for."""
        return [self._spelled[i] for i in self.encode(text)]

    def steps(self, text: str) -> list[tuple[int, list[bytes]]]:
        """Each merge of `encode`, in the order applied, as (rank, the tokens after it).

        The order is piece by piece. O(n^2): for looking at, not for use.
        """
        try:
            pieces = [list(piece.encode().translate(_ID_OF_BYTE))
                      for piece in pre_tokenize(text, self.pre_tokenizer)]
        except UnicodeEncodeError:
            return self.steps(_repair(text))
        seen = []
        for symbols in pieces:
            while True:
                possible = [(self._ranks[a << _SHIFT | b], i) for i, (a, b) in enumerate(pairwise(symbols))
                            if a << _SHIFT | b in self._ranks]
                if not possible:
                    break
                new, i = min(possible)
                symbols[i:i + 2] = [new]
                seen.append((new - 256, [self._spelled[s] for piece in pieces for s in piece]))
        return seen

    # ------------------------------------------------------------- decoding

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Ids -> bytes, exactly. O(output). ValueError for an id outside the vocabulary."""
        try:
            return b"".join(map(self._spelled.__getitem__, ids))
        except KeyError as error:
            raise ValueError(f"no token has the id {error.args[0]!r}; "
                             f"ids go from 0 to {len(self) - 1}") from None

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Ids -> text. A token can end inside a character, so any slice of ids may be
        invalid UTF-8: by default U+FFFD stands for what is; ``errors="strict"`` raises
        UnicodeDecodeError, a ValueError.
        """
        return self.decode_bytes(ids).decode("utf-8", errors)

    # -------------------------------------------------------------- storage

    def save_gpt2(self, vocab: Path, merges: Path) -> None:
        """Write GPT-2's two files, ``vocab.json`` (or encoder.json) and ``merges.txt`` (or vocab.bpe)."""
        table = {_shown(token): i for token, i in self._ids.items()}
        clash = [name for name in self.special_tokens if name in table]
        if clash:
            raise ValueError(f"special tokens that a vocab.json would take for ordinary ones: {clash}")
        table |= self.special_tokens
        lines = ["#version: 0.2", *(f"{_shown(self._spelled[a])} {_shown(self._spelled[b])}"
                                    for a, b in self.merges)]
        vocab.write_text(json.dumps(table), encoding="utf-8", newline="\n")
        merges.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load_gpt2(cls, vocab: Path, merges: Path, *, pre_tokenizer: str = "gpt2") -> Tokenizer:
        """Read GPT-2's two files. Ids must be in GPT-2's order (bytes, merges, special tokens).

        That holds for GPT-2's own files and for what `tokenizers` trains without
        special tokens; a vocabulary in another order (RoBERTa's) raises ValueError.
        """
        table = json.loads(vocab.read_text(encoding="utf-8"))
        if not isinstance(table, dict) or not all(type(i) is int for i in table.values()):
            raise ValueError(f"{vocab.name}: expected one JSON object of tokens and their ids")
        ids = {bytes([byte]): i for i, byte in enumerate(BYTE_ORDER)}
        pairs: list[Pair] = []
        for number, line in enumerate(merges.read_text(encoding="utf-8").split("\n"), 1):
            if not line or (number == 1 and line.startswith("#version")):
                continue
            where = f"{merges.name}, line {number}"
            parts = line.split(" ")
            if len(parts) != 2:
                raise ValueError(f"{where}: expected two tokens with a space between, not {line!r}")
            try:
                left, right = map(_hidden, parts)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            for token in (left, right):
                if token not in ids:
                    raise ValueError(f"{where}: {_shown(token)!r} is not a token yet")
            if left + right in ids:
                raise ValueError(f"{where}: {_shown(left + right)!r} is a token already")
            pairs.append((ids[left], ids[right]))
            ids[left + right] = len(ids)
        rest = dict(table)
        for token, i in ids.items():
            if rest.pop(_shown(token), None) != i:
                raise ValueError(f"{vocab.name}: {_shown(token)!r} has the id {table.get(_shown(token))}; "
                                 f"its place among the merges asks for {i}")
        special = sorted(rest, key=rest.__getitem__)
        if [rest[name] for name in special] != list(range(len(ids), len(table))):
            raise ValueError(f"{vocab.name}: the special tokens {special} must have the ids "
                             f"from {len(ids)} to {len(table) - 1}")
        return cls(pairs, pre_tokenizer=pre_tokenizer, special_tokens=special)

    def save_tiktoken(self, path: Path) -> None:
        """Write `tiktoken`'s form: a line for each token, its bytes in base64, a space and its rank.

        It holds neither the pairs nor the special tokens: the pairs follow
        from the tokens (see `load_tiktoken`), the special tokens are lost.
        """
        path.write_text("".join(f"{base64.b64encode(token).decode()} {i}\n"
                                for token, i in self._ids.items()), encoding="ascii", newline="\n")

    @classmethod
    def load_tiktoken(cls, path: Path, *, pre_tokenizer: str = "gpt2",
                      special_tokens: Sequence[str] = ()) -> Tokenizer:
        """Read `tiktoken`'s form and find each token's pair: the two tokens that
        the merges before it make of its bytes. O(file) for tokens of bounded length.
        ValueError if they make other than two: then the tokens are not the work of BPE.
        """
        spelled: list[bytes] = []
        for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
            try:
                encoded, rank = line.split(" ")
                spelled.append(base64.b64decode(encoded, validate=True))
                right_rank = int(rank) == len(spelled) - 1
            except (ValueError, binascii.Error):
                raise ValueError(f"{path.name}, line {number}: expected base64 and a rank, not {line!r}") from None
            if not right_rank:
                raise ValueError(f"{path.name}, line {number}: ranks must count from 0; here "
                                 f"{len(spelled) - 1} is due, not {rank}")
        if b"".join(spelled[:256]) != BYTE_ORDER or len(spelled) < 256:
            raise ValueError(f"{path.name}: the first 256 tokens must be the bytes in GPT-2's order")
        ranks: dict[int, int] = {}
        pairs: list[Pair] = []
        for new, token in enumerate(spelled[256:], 256):
            parts = merge_piece(token, ranks)
            if len(parts) != 2:
                raise ValueError(f"{path.name}, line {new + 1}: the tokens before it make "
                                 f"{len(parts)} of {token!r}, and BPE would need two")
            pairs.append((parts[0], parts[1]))
            ranks[parts[0] << _SHIFT | parts[1]] = new
        return cls(pairs, pre_tokenizer=pre_tokenizer, special_tokens=special_tokens)


def train(text: str | Iterable[str], vocab_size: int, *, pre_tokenizer: str = "gpt2",
          special_tokens: Sequence[str] = ()) -> Tokenizer:
    """Learn a tokenizer of `vocab_size` tokens: 256 bytes, merges, and the special tokens.

    Fewer if the text runs out of pairs. ValueError if the size does not hold
    the bytes and the special tokens. For the cost, see `train_incremental`.
    """
    n_merges = vocab_size - 256 - len(special_tokens)
    if n_merges < 0:
        raise ValueError(f"a vocabulary of {vocab_size} is too small: 256 bytes and "
                         f"{len(special_tokens)} special tokens need {256 + len(special_tokens)}")
    words = count_words(text, pre_tokenizer)
    return Tokenizer(train_incremental(words, n_merges), pre_tokenizer=pre_tokenizer,
                     special_tokens=special_tokens)
