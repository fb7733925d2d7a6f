"""The article on classifying code against the libraries that do the same: transformers, tokenizers, scikit-learn.

The encoder's weights and small packages of code come from the registries, on first use.
"""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from article_code import load
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.naive_bayes import MultinomialNB
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "classifying-code-bert"


cc, corpus, ngrams, measures, ngrams_fit, bert = (
    load("classifying-code-bert", name)
    for name in ("code_classifier", "corpus", "ngrams", "measures", "ngrams_fit", "bert_torch"))

CODE = [
    "def add(a, b):\n    return a + b", "for (let i = 0; i < n; i++) { total += i; }", "#include <vector>\nint main() {}",
    "fn main() {\n\tprintln!(\"{}\", x);\n}", "SELECT naïve FROM Ünïcode WHERE x != '日本語'", "x", "", "\n\n", "$this->a ?? []",
    "if (x === null) throw new Error(`${y}`)", "λ = α → β", "e\u0301 İstanbul ß ﬁ Ⅷ ½", "𝕏𝕐 👩\u200d👩 \ufffd\u200b",
    "a" * 99, "a" * 101, "supercalifragilistic" * 4, "\u3000x\u00a0y\u2028z\x85w", "中文code混ぜる", "-->!==<|>", "\x00\x01\x1f\x7f",
]


def random_texts(count: int) -> list[str]:
    draw = random.Random(2026)
    pieces = [*"abcxyzABZ019_.,;:()[]{}<>=+-*/&|!?'\"`~@#$%^\\ \n\t", "self", "return", "##", "é", "Ñ", "ß", "ẞ", "日", "가", "ﬀ",
              "\u0301", "\u200b", "\ufeff", "İ", "٣", "　", "—", "…", "“", "x" * 30, "println", "std::", "camelCase", "snake_case"]
    return ["".join(draw.choices(pieces, k=draw.randrange(1, 50))) if index % 2
            else "".join(chr(draw.randrange(0x3200)) for _ in range(draw.randrange(1, 30))) for index in range(count)]


def theirs() -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(bert.vocabulary(), unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=True, handle_chinese_chars=True, clean_text=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def test_pieces_equal_those_of_tokenizers_on_code_hostile_and_random_text() -> None:
    """On characters whose kind has not changed since Unicode 3.2: the Rust library judges later ones by old tables."""
    tokenizer, known = theirs(), set(bert.vocabulary())

    def same(text: str) -> bool:
        ours = [p for word in cc.basic_tokens(text) for p in cc.wordpiece(word, known, longest=100)]
        return ours == tokenizer.encode(text).tokens

    def settled(char: str) -> bool:
        kind = unicodedata.category(char)
        return kind == unicodedata.ucd_3_2_0.category(char) and kind not in ("Cn", "Co", "Cs")

    every = [f"x{chr(code)}y" for code in range(0x20000) if settled(chr(code))]
    texts = [*CODE, *("".join(filter(settled, text)) for text in random_texts(3000)), *every]
    assert [text for text in texts if not same(text)] == [] and len(every) > 50_000


@pytest.fixture(scope="module")
def transformer() -> Any:
    from transformers import BertConfig, BertModel
    config = BertConfig.from_json_file(bert.packages.member(bert.MINILM, bert.WHERE + "config.json"))
    model = BertModel(config, add_pooling_layer=False)
    weights = bert.read_safetensors(bert.packages.member(bert.MINILM, bert.WHERE + "model.safetensors"))
    missing = model.load_state_dict(weights, strict=False)
    assert set(missing.missing_keys) <= {"embeddings.position_ids", "embeddings.token_type_ids"}
    return model.eval()


def test_the_encoder_gives_what_transformers_gives(transformer: Any) -> None:
    """All vectors of real pieces, in a batch with padding, within 1e-4."""
    ours = bert.encoder().eval()
    ids, real = bert.padded([bert.ids(text, 128, keep_layout=layout) for text in CODE for layout in (False, True)])
    with torch.inference_mode():
        mine = ours(ids, real)
        other = transformer(input_ids=ids, attention_mask=real.long()).last_hidden_state
    assert float((mine - other)[real].abs().max()) < 1e-4
    assert float(other[real].abs().max()) > 0.5


def test_the_loss_has_the_slopes_that_transformers_gives(transformer: Any) -> None:
    """Fine-tuning moves every weight: one layer's and the table's slopes agree too (dropout off)."""
    ours = bert.encoder().eval()
    ids, real = bert.padded([bert.ids(text, 32, keep_layout=True) for text in CODE[:4]])
    ours(ids, real)[real].square().sum().backward()
    transformer(input_ids=ids, attention_mask=real.long()).last_hidden_state[real].square().sum().backward()
    named = dict(transformer.named_parameters())
    for name, parameter in ours.named_parameters():
        other = named[bert.their_name(name)].grad
        assert torch.allclose(parameter.grad, other, atol=1e-3 * float(other.abs().max()) + 1e-4), name


def test_layout_pieces_are_new_to_the_encoder_and_tell_programs_apart() -> None:
    strict, loose = "if failed:\n    stop()\n    save()", "if failed:\n    stop()\nsave()"
    assert bert.ids(strict, 99, keep_layout=False) == bert.ids(loose, 99, keep_layout=False)
    kept = bert.ids(strict, 99, keep_layout=True)
    assert kept != bert.ids(loose, 99, keep_layout=True)
    assert kept.count(bert.vocabulary()["[unused1]"]) == 2 and kept.count(bert.vocabulary()["[unused2]"]) == 4
    assert len(bert.ids("a " * 500, 64, keep_layout=True)) == 64 == len(bert.ids("a " * 500, 64, keep_layout=False))


def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    rows = [bert.ids(text or "x", 16, keep_layout=True) for text in CODE]
    labels = [n % 2 for n in range(len(rows))]
    plan = bert.Plan(epochs=2, batch=8)

    def model() -> Any:
        torch.manual_seed(0)
        return bert.Classifier(bert.Encoder(30522, 24, 1, 2, 48), 2)

    whole = model()
    bert.train(whole, rows, labels, plan, seed=1)

    class Stop(Exception):
        pass

    def stop(epoch: int, spent: float) -> None:
        raise Stop

    first, again = model(), model()
    with pytest.raises(Stop):
        bert.train(first, rows, labels, plan, 1, tmp_path / "checkpoint", stop)
    bert.train(again, rows, labels, plan, 1, tmp_path / "checkpoint")
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


# -- scikit-learn ------------------------------------------------------------

WORDS = ["if", "x", "=", "let", "fn", "def", ":", "(", ")", ";"]


def random_set(count: int, seed: int) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    labels = [draw.choice("ABC") for _ in range(count)]
    return [" ".join(draw.choices(WORDS, [1 + 3 * (k % 3 == "ABC".index(c)) for k in range(10)], k=draw.randrange(1, 12)))
            for c in labels], labels


def test_naive_bayes_is_scikit_learns() -> None:
    texts, labels = random_set(200, 1)
    ours = cc.NaiveBayes.fit(texts, labels, str.split, smoothing=0.3)
    counts = np.array([[text.split().count(word) for word in WORDS] for text in texts])
    other = MultinomialNB(alpha=0.3).fit(counts, labels)
    for text, row in zip(texts, other.predict_proba(counts), strict=True):
        assert cc.softmax(ours.scores(text)) == pytest.approx(dict(zip(other.classes_, row, strict=True)), abs=1e-9)


@pytest.mark.parametrize("c", [0.05, 1.0, 20.0])
def test_logistic_regression_is_scikit_learns(c: float) -> None:
    draw = np.random.default_rng(7)
    x, y = draw.normal(size=(150, 6)), draw.integers(0, 4, 150)
    w, b = ngrams.fit_logistic(x, y, 4, c)
    other = LogisticRegression(C=c, tol=1e-10, max_iter=10000).fit(x, y)
    mine, his = ngrams.log_softmax(x @ w + b), other.predict_log_proba(x)
    assert np.abs(mine - his).max() < 1e-4
    assert np.abs(w.T - other.coef_).max() < 1e-3


def test_tf_idf_is_scikit_learns() -> None:
    texts, _ = random_set(100, 2)
    space = ngrams_fit.Space.of(texts, ngrams.features, least=2)
    other = TfidfVectorizer(analyzer=lambda text: list(ngrams.features(text).elements()), sublinear_tf=True, min_df=2)
    assert np.abs(space.matrix(texts) - other.fit_transform(texts)).max() < 1e-12
    assert list(space.index) == other.get_feature_names_out().tolist()


def test_macro_f1_is_scikit_learns() -> None:
    draw = np.random.default_rng(3)
    truth, said = draw.integers(0, 5, 300), draw.integers(0, 5, 300)
    assert measures.macro_f1(truth, said, 5) == pytest.approx(f1_score(truth, said, average="macro"))


# -- The data ----------------------------------------------------------------

def test_a_part_of_the_data_set_is_built_the_same_again() -> None:
    """From five small packages of npm and PyPI; the whole set's digest is measured by experiment.py."""
    chosen = [s for s in corpus.sources() if s.package.name in ("express", "commander", "attrs", "marshmallow", "hiredis")]
    sizes = {"test": 6, "validation": 6, "train": 12, "sibling": 0}
    built = [corpus.build(chosen, sizes=sizes) for _ in range(2)]
    assert corpus.digest(built[0]) == corpus.digest(built[1])
    assert {(s.language, s.side) for s in built[0]} == {
        ("JavaScript", "test"), ("JavaScript", "validation"), ("Python", "train"), ("Python", "validation"), ("C", "test")}
    for snippet in built[0]:
        assert sum(1 for line in snippet.text.split("\n") if line.strip()) == snippet.lines
