"""The article's classifier pieces against brute force, on random and hostile text, and its printed numbers."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from article_code import load

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "classifying-code-bert"

cc = load("classifying-code-bert", "code_classifier")

TRAIN = ["if x: y = 1", "print(x)", "if (x) y = 1;", "let x = y;"]
LABELS = ["Python", "Python", "JavaScript", "JavaScript"]
HOSTILE = ["", " ", "\n\t\r", "\x00\ufffd\u200b", "ÀÉ\u0301", "λx.x", "𝕏" * 300, "a" * 201, "##a", "[CLS]", "中文code",
           "\u3000x\u00a0y", "İstanbul", "ß", "\ud800", "-->!==", "\\n"]


def segmentations(word: str, vocabulary: set[str], start: int = 0) -> list[list[str]]:
    """Every way to cut the rest of a word into known pieces."""
    if start == len(word):
        return [[]]
    mark = "##" if start else ""
    return [[mark + word[start:end], *rest] for end in range(start + 1, len(word) + 1)
            if mark + word[start:end] in vocabulary for rest in segmentations(word, vocabulary, end)]


def test_wordpiece_is_the_lexicographically_longest_cut_or_unknown() -> None:
    rng = random.Random(1)
    dead_ends = 0
    for _ in range(3000):
        vocabulary = {("##" if rng.random() < 0.6 else "") + "".join(rng.choices("ab", k=rng.randint(1, 3)))
                      for _ in range(rng.randint(0, 7))}
        word = "".join(rng.choices("abc" if rng.random() < 0.1 else "ab", k=rng.randint(1, 7)))
        found, every = cc.wordpiece(word, vocabulary), segmentations(word, vocabulary)
        if found == ["[UNK]"]:
            dead_ends += bool(every)
        else:
            assert found == max(every, key=lambda cut: [len(p.removeprefix("##")) for p in cut])
            assert "".join(p.removeprefix("##") for p in found) == word
    assert dead_ends > 3  # the greedy rule really does miss cuts that exist


def test_wordpiece_corners() -> None:
    assert cc.wordpiece("abc", {"ab", "a", "##bc"}) == ["[UNK]"]
    assert cc.wordpiece("", {"a"}) == []
    assert cc.wordpiece("a" * 200, {"a", "##a"})[:2] == ["a", "##a"]
    assert cc.wordpiece("a" * 201, {"a", "##a"}) == ["[UNK]"]
    assert cc.wordpiece("ab", {"a"}, unknown="?") == ["?"]


def reference_basic(text: str, lower: bool) -> list[str]:
    """The released algorithm's order of steps, written step by step: clean, space ideographs, split, lower, cut."""
    import unicodedata as u

    def space(c: str) -> bool:
        return c in " \t\n\r" or u.category(c) == "Zs"

    def ideograph(c: str) -> bool:
        ranges = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
                  (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
        return any(low <= ord(c) <= high for low, high in ranges)

    clean = ""
    for c in text:
        if ord(c) in (0, 0xFFFD) or (u.category(c) in ("Cc", "Cf") and c not in "\t\n\r"):
            continue
        clean += " " if space(c) else f" {c} " if ideograph(c) else c
    words: list[str] = []
    for word in clean.split():
        if lower:
            word = "".join(c for c in u.normalize("NFD", word.lower()) if u.category(c) != "Mn")
        fresh = True
        for c in word:
            if u.category(c).startswith("P") or (c.isascii() and c.isprintable() and not c.isalnum()):
                words.append(c)
                fresh = True
            elif fresh:
                words.append(c)
                fresh = False
            else:
                words[-1] += c
    return " ".join(words).split()


@pytest.mark.parametrize("lower", [True, False])
def test_basic_tokens_follow_the_released_rules(lower: bool) -> None:
    rng = random.Random(2)
    alphabet = "aB_9 \n\t(){};=!<>#ÀéΣ\u0301中豈\u3000\u00a0\x00\x07\u200b\ufffd–«"
    texts = ["".join(rng.choices(alphabet, k=rng.randint(0, 20))) for _ in range(2000)]
    texts += [t for t in HOSTILE if "\ud800" not in t]
    for text in texts:
        assert cc.basic_tokens(text, lower=lower) == reference_basic(text, lower), repr(text)


def test_layout_and_case_are_lost_and_trigrams_keep_them() -> None:
    one, other = "if failed:\n    stop()\n    save()", "if Failed:\n    stop()\nsave()"
    assert cc.basic_tokens(one) == cc.basic_tokens(other)
    assert cc.basic_tokens(one, lower=False) != cc.basic_tokens(other, lower=False)
    assert cc.basic_tokens("a !== b") == cc.basic_tokens("a ! = = b")
    assert cc.character_ngrams(one) != cc.character_ngrams(other)


def test_bert_tokens_are_framed_and_cut() -> None:
    assert cc.bert_tokens("a b c", {"a", "b"}) == ["[CLS]", "a", "b", "[UNK]", "[SEP]"]
    assert cc.bert_tokens("a b c", {"a", "b"}, limit=3) == ["[CLS]", "a", "[SEP]"]
    assert cc.bert_tokens("", set(), limit=2) == ["[CLS]", "[SEP]"]
    assert len(cc.bert_tokens("a " * 9999, {"a"})) == 512
    with pytest.raises(ValueError, match="limit"):
        cc.bert_tokens("a", {"a"}, limit=1)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_goes_through_everything(text: str) -> None:
    for features in (cc.code_tokens, cc.character_ngrams):
        model = cc.NaiveBayes.fit([*TRAIN, text], [*LABELS, "Python"], features)
        probabilities = cc.softmax(model.scores(text))
        assert math.isclose(sum(probabilities.values()), 1) and all(0 <= p <= 1 for p in probabilities.values())
    assert cc.bert_tokens(text, {"a"})[0] == "[CLS]"


def test_ngrams() -> None:
    assert cc.character_ngrams("abcd") == ["abc", "bcd"]
    assert cc.character_ngrams("ab") == ["ab"] and cc.character_ngrams("") == []
    with pytest.raises(ValueError, match="size"):
        cc.character_ngrams("abc", 0)


def exact_posterior(texts: list[str], labels: list[str], cut: Callable[[str], list[str]], text: str,
                    a: int) -> dict[str, Fraction]:
    """Naive Bayes with fractions, token by token, from the definition."""
    seen = {f for t in texts for f in cut(t)}
    joint = {}
    for label in set(labels):
        own = [f for t, owner in zip(texts, labels, strict=True) if owner == label for f in cut(t)]
        p = Fraction(labels.count(label), len(labels))
        for f in cut(text):
            if f in seen:
                p *= Fraction(own.count(f) + a, len(own) + a * len(seen))
        joint[label] = p
    return {label: p / sum(joint.values()) for label, p in joint.items()}


def test_naive_bayes_against_exact_fractions() -> None:
    rng = random.Random(3)
    for _ in range(200):
        texts = ["".join(rng.choices("ab(;= ", k=rng.randint(0, 8))) for _ in range(rng.randint(1, 8))]
        labels = [rng.choice("XYZ") for _ in texts]
        probe = "".join(rng.choices("abc(;= ", k=rng.randint(0, 9)))
        for features in (cc.code_tokens, cc.character_ngrams):
            a = rng.randint(1, 3)
            want = exact_posterior(texts, labels, features, probe, a)
            got = cc.softmax(cc.NaiveBayes.fit(texts, labels, features, a).scores(probe))
            assert got.keys() == want.keys()
            assert all(math.isclose(got[k], want[k], rel_tol=1e-9) for k in want)


def test_the_worked_posteriors() -> None:
    model = cc.NaiveBayes.fit(TRAIN, LABELS, cc.code_tokens)
    assert (model.counts["Python"].total(), model.counts["JavaScript"].total(), len(model.vocabulary)) == (10, 13, 11)
    for text, odds in (("let y = x;", Fraction(12, 162) * Fraction(8, 7) ** 5),
                       ("print(y);", Fraction(4, 9) * Fraction(8, 7) ** 5),
                       ("x = 1", Fraction(2, 3) * Fraction(8, 7) ** 3)):
        assert math.isclose(cc.softmax(model.scores(text))["Python"], odds / (1 + odds))
    once, thrice = model.scores("let y = x;"), model.scores("let y = x;\n" * 3)
    assert cc.softmax(thrice, 3) == pytest.approx(cc.softmax(once))
    assert cc.decide(model.scores("x = 1"), 0.6) is None
    assert cc.decide(once, 0.6) == "JavaScript"


@pytest.mark.parametrize(("texts", "labels", "smoothing"), [
    ([], [], 1), (["a"], [], 1), (["a"], ["X"], 0), (["a"], ["X"], -1), (["a"], ["X"], math.nan),
    (["a"], ["X"], math.inf)])
def test_fit_refuses(texts: list[str], labels: list[str], smoothing: float) -> None:
    with pytest.raises(ValueError):
        cc.NaiveBayes.fit(texts, labels, cc.code_tokens, smoothing)


def test_softmax_survives_extremes_and_keeps_the_order() -> None:
    assert cc.softmax({"a": -1e6, "b": -1e6 - 1000})["a"] == 1
    rng = random.Random(4)
    for _ in range(200):
        scores = {k: rng.uniform(-500, 0) for k in "abcde"}
        for t in (0.05, 1, 7, 900):
            assert cc.best(cc.softmax(scores, t)) == cc.best(scores) or t < 1
    for bad in (0, -1, math.nan):
        with pytest.raises(ValueError):
            cc.softmax({"a": 0.0}, bad)
    with pytest.raises(ValueError):
        cc.best({})
    assert cc.best({"b": 1.0, "a": 1.0}) == "a"


def test_fitted_temperature_beats_a_grid() -> None:
    rng = random.Random(5)
    grid = [0.01 * 1.03 ** i for i in range(390)]
    for _ in range(20):
        truth = [rng.choice("abc") for _ in range(30)]
        rows = [{k: rng.gauss(0, 4) + 3 * (k == t) for k in "abc"} for t in truth]
        fitted = cc.fit_temperature(rows, truth)
        assert 0.01 <= fitted <= 1000
        assert cc.log_loss(rows, truth, fitted) <= min(cc.log_loss(rows, truth, t) for t in grid) + 1e-9
    with pytest.raises(ValueError):
        cc.fit_temperature([], [])
    with pytest.raises(ValueError):
        cc.fit_temperature([{"a": 0.0}], [])


def test_temperature_recovers_the_one_that_made_the_data() -> None:
    rng = random.Random(6)
    rows, truth = [], []
    for _ in range(4000):
        scores = {k: rng.gauss(0, 2) for k in "abcd"}
        p = cc.softmax(scores)
        truth.append(rng.choices(list(p), weights=list(p.values()))[0])
        rows.append({k: 5 * s for k, s in scores.items()})
    assert cc.fit_temperature(rows, truth) == pytest.approx(5, rel=0.1)


def test_matrix_and_macro_f1_against_precision_and_recall() -> None:
    rng = random.Random(7)
    for _ in range(300):
        labels = list("abcd")[:rng.randint(1, 4)]
        truth = [rng.choice(labels) for _ in range(rng.randint(1, 25))]
        guess = [rng.choice(labels) for _ in truth]
        matrix = cc.confusion(truth, guess, labels)
        f1 = []
        for label in labels:
            hits = sum(t == g == label for t, g in zip(truth, guess, strict=True))
            p = hits / guess.count(label) if label in guess else 0
            r = hits / truth.count(label) if label in truth else 0
            f1.append(2 * p * r / (p + r) if p + r else 0)
        assert cc.macro_f1(matrix) == pytest.approx(sum(f1) / len(f1))
        assert cc.accuracy(matrix) == pytest.approx(
            sum(t == g for t, g in zip(truth, guess, strict=True)) / len(truth))
    assert cc.macro_f1([[8, 2, 0], [5, 5, 0], [0, 0, 10]]) == pytest.approx((16 / 23 + 10 / 17 + 1) / 3)
    assert cc.macro_f1([[90, 0], [10, 0]]) == pytest.approx(9 / 19)
    with pytest.raises(ValueError):
        cc.macro_f1([])
    with pytest.raises(ValueError):
        cc.accuracy([[0]])
    with pytest.raises(KeyError):
        cc.confusion(["z"], ["a"], ["a"])
    with pytest.raises(ValueError):
        cc.confusion(["a"], [], ["a"])


def test_group_folds_share_no_group_and_lose_nothing() -> None:
    rng = random.Random(8)
    for _ in range(300):
        groups = [rng.randint(0, 9) for _ in range(rng.randint(1, 60))]
        folds = rng.randint(1, len(set(groups)))
        parts = cc.group_folds(groups, folds)
        assert len(parts) == folds and all(parts)
        assert sorted(i for part in parts for i in part) == list(range(len(groups)))
        owners = [{groups[i] for i in part} for part in parts]
        assert sum(map(len, owners)) == len(set(groups))
        assert max(map(len, parts)) - min(map(len, parts)) <= max(Counter(groups).values())
    for bad in (0, 3):
        with pytest.raises(ValueError):
            cc.group_folds([1, 1, 2], bad)


def test_duplicates_by_tokens() -> None:
    texts = ["a = b", "a=b", "a\n=\tb", "A = b", "", " ", "a == b"]
    assert cc.without_duplicates(texts) == [0, 3, 4, 6]


def test_code_shown_by_the_article_exists() -> None:
    shown = (_FOLDER / "index.md").read_text(encoding="utf-8")
    included = re.findall(r'{literalinclude} (\S+)\n:language: python\n:start-after: "# region (\w+)"\n'
                          r':end-before: "# endregion (\w+)"', shown)
    assert len(included) == shown.count("{literalinclude}") > 2
    for file, start, end in included:
        source = (_FOLDER / file).read_text(encoding="utf-8")
        assert start == end and source.count(f"# region {start}\n") == source.count(f"# endregion {start}\n") == 1
