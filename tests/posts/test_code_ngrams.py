"""The page's classifier, logistic regression and the measures, by hand and by brute force."""

from __future__ import annotations

import itertools
import json
import math
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from article_code import load

_FOLDER = Path(__file__).resolve().parents[2] / "posts" / "classifying-code-bert"

ngrams, measures, demo = (load("classifying-code-bert", name) for name in ("ngrams", "measures", "demo"))


# -- Features ----------------------------------------------------------------

def test_tokens_keep_case_marks_and_layout_and_forget_which_number() -> None:
    assert ngrams.tokens("\n\nif Err != nil {\n\treturn x10, 3.5\n}\n\n  é日本 y") == [
        "\n", "if", "Err", "!", "=", "nil", "{", "\n\t", "return", "x", "0", ",", "0", ".", "0", "\n", "}",
        "\n", "\n ", "é", "y"]
    assert ngrams.tokens("") == ["\n"] and ngrams.tokens("\n\n") == ["\n"]


def test_features_are_tokens_and_neighbours() -> None:
    assert ngrams.features("a = a") == {"\n": 1, "a": 2, "=": 1, "\n\0a": 1, "a\0=": 1, "=\0a": 1}


@pytest.mark.parametrize("text", ["\x00", "\r\n\r\n", "\ud800", "\x7f\x80", "a" * 5000, "\t" * 99, "𝕏" * 50, "␣⏎⇥", "\\\"'`"])
def test_hostile_text_gets_probabilities(text: str) -> None:
    p = ngrams.page_model().probabilities(text)
    assert p.sum() == pytest.approx(1) and (p > 0).all()


# -- The model ---------------------------------------------------------------

def tiny(**other: Any) -> Any:
    return ngrams.Model(**{
        "languages": ("A", "B"), "index": {"x": 0, "=": 1, "x\0=": 2, "\n\t": 3}, "idf": np.array([1.0, 2.0, 1.5, 1.0]),
        "weights": np.array([[10, -10], [0, 127], [-127, 5], [3, 3]], np.int8), "scale": np.array([0.1, 0.2]),
        "bias": np.array([0.5, -0.5]), "temperatures": ((1, 1.0), (3, 2.0)), "threshold": 0.9, **other})


def test_scores_by_hand() -> None:
    # "x = x": x twice, "=" once, the pair once; no line begins with a tab.
    sizes = [1 + math.log(2), 2.0, 1.5]
    length = math.sqrt(sum(size ** 2 for size in sizes))
    a = 0.5 + (sizes[0] * 10 * 0.1 + 0 - sizes[2] * 127 * 0.1) / length
    b = -0.5 + (-sizes[0] * 10 * 0.2 + sizes[1] * 127 * 0.2 + sizes[2] * 5 * 0.2) / length
    model = tiny()
    assert model.scores("x = x") == pytest.approx([a, b])
    assert model.probabilities("x = x") == pytest.approx([1 / (1 + math.exp(b - a)), 1 / (1 + math.exp(a - b))])
    assert model.answer("x = x") == "B" and model.answer("nothing known") is None


def test_what_the_terms_add_is_the_score() -> None:
    model = tiny()
    names, rows = model.terms("x = 1\n\tx")
    assert names == ["x", "=", "\n\t", "x\0="] and rows.sum(axis=0) + model.bias == pytest.approx(model.scores("x = 1\n\tx"))


def test_the_temperature_is_that_of_the_texts_lines() -> None:
    assert [tiny().temperature(text) for text in ("", "x", "x\n\n \n", "x\nx", "x\nx\nx", "x\n" * 9)] == [1, 1, 1, 2, 2, 2]


def test_a_written_model_is_read_the_same() -> None:
    draw = np.random.default_rng(0)
    names = ["\n", "\n\t", "\n \0if", "a\0b", "é", "[", "if\0("]
    model = tiny(index={name: at for at, name in enumerate(names)}, idf=np.round(draw.random(7), 4),
                 weights=draw.integers(-127, 128, (7, 2)).astype(np.int8))
    again = ngrams.load(ngrams.dump(model))
    assert again.languages == model.languages and again.temperatures == model.temperatures and again.threshold == 0.9
    for name in names:
        assert (again.weights[again.index[name]] == model.weights[model.index[name]]).all()
        assert again.idf[again.index[name]] == model.idf[model.index[name]]
    assert again.scores("if (a b) é\n\t[") == pytest.approx(model.scores("if (a b) é\n\t["))


def test_a_file_that_is_cut_or_none_is_refused() -> None:
    whole = ngrams.dump(tiny())
    for content in (b"", b"no model", whole[:-4]):
        with pytest.raises(ValueError, match="no model file"):
            ngrams.load(content)
    plain = zlib.decompress(whole)
    with pytest.raises(ValueError, match="3 features, 4 were announced"):
        ngrams.load(zlib.compress(plain.replace(b"x\n", b"", 1)))


def test_quantised_weights_are_within_half_a_step() -> None:
    weights = np.random.default_rng(1).normal(size=(50, 4)) * [1, 10, 0.01, 0]
    small, scale = ngrams.quantise(weights)
    assert small.dtype == np.int8 and (np.abs(small * scale - weights) <= scale / 2 + 1e-12).all()
    with pytest.raises(ValueError, match="finite"):
        ngrams.quantise(np.array([[np.nan]]))


def test_the_committed_model_is_small_and_knows_fifteen_languages() -> None:
    content = (_FOLDER / "model.bin").read_bytes()
    model = ngrams.load(content)
    assert len(content) <= 300_000
    assert len(model.languages) == 15 and model.weights.shape == (len(model.index), 15) and 0.3 < model.threshold < 1
    for text, language in (("#include <vector>\nstd::cout << x;", "C++"), ("fn main() -> Result<()> {", "Rust"),
                           ("<?php echo $this->name;", "PHP"), ("local x = nil\nif not x then return end", "Lua")):
        assert model.answer(text) == language


# -- Logistic regression -----------------------------------------------------

def test_the_fit_is_a_minimum() -> None:
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(60, 3)), draw.integers(0, 3, 60)
    w, b = ngrams.fit_logistic(x, y, 3, c=0.7)

    def loss(w: Any, b: Any) -> float:
        return float((w ** 2).sum() / 2 - 0.7 * ngrams.log_softmax(x @ w + b)[np.arange(60), y].sum())

    least = loss(w, b)
    for _ in range(200):
        assert loss(w + 1e-3 * draw.normal(size=w.shape), b + 1e-3 * draw.normal(size=b.shape)) >= least - 1e-12


def test_two_points_by_hand() -> None:
    """x = -1, 1 in two classes: by symmetry w = (-u, u), and each weight's slope vanishes at u = 2 c / (1 + exp(2 u))."""
    w, b = ngrams.fit_logistic(np.array([[-1.0], [1.0]]), [0, 1], 2, c=1.0)
    u = w[0, 1]
    assert w[0, 0] == pytest.approx(-u) and b == pytest.approx([0, 0], abs=1e-6)
    assert u == pytest.approx(2 / (1 + math.exp(2 * u)), abs=1e-5)


# -- Measures ----------------------------------------------------------------

def test_calibration_error_by_hand() -> None:
    sure = np.array([0.95, 0.91, 1.0, 0.55, 0.51])
    right = np.array([True, False, True, True, False])
    # 0.9 to 1: mean (0.95 + 0.91 + 1) / 3, two of three right; 0.5 to 0.6: mean 0.53, one of two right.
    assert measures.ece(sure, right) == pytest.approx((3 * abs(2.86 / 3 - 2 / 3) + 2 * abs(0.53 - 0.5)) / 5)
    assert measures.reliability(sure, right) == [(pytest.approx(0.53), 0.5, 2), (pytest.approx(2.86 / 3), pytest.approx(2 / 3), 3)]
    assert measures.ece(np.array([1.0, 1.0]), np.array([True, True])) == 0
    with pytest.raises(ValueError, match="0 answers"):
        measures.ece(np.array([]), np.array([], bool))


def test_coverage_takes_the_surest_first() -> None:
    sure, right = np.array([0.5, 0.9, 0.7, 0.6]), np.array([False, True, True, False])
    assert measures.coverage_curve(sure, right, [0.25, 0.5, 0.75, 1]) == [1, 1, pytest.approx(2 / 3), 0.5]
    with pytest.raises(ValueError, match="not 0"):
        measures.coverage_curve(sure, right, [0])


def test_the_threshold_is_the_lowest_that_keeps_the_promise() -> None:
    sure, right = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, True, False, True, False])
    assert measures.threshold(sure, right, 1.0) == 0.8
    assert measures.threshold(sure, right, 0.75) == 0.6     # below 0.7 it is 2 of 3, from 0.6 on 3 of 4
    assert measures.threshold(sure, ~right & False, 0.5) == 1.0


def test_macro_f1_with_answers_of_none() -> None:
    truth, said = np.array([0, 0, 1, 1]), np.array([0, -1, 1, 0])
    # Class 0: one hit, two true, two said; class 1: one hit, two true, one said.
    assert measures.macro_f1(truth, said, 2) == pytest.approx((2 / 4 + 2 / 3) / 2)


def test_a_fitted_temperature_is_the_best_of_a_grid() -> None:
    draw = np.random.default_rng(3)
    scores, truth = 4 * draw.normal(size=(200, 5)), draw.integers(0, 5, 200)
    truth[:120] = scores[:120].argmax(axis=1)

    def loss(t: float) -> float:
        return float(-np.log(measures.softmax(scores, t)[np.arange(200), truth]).mean())

    assert loss(measures.fit_temperature(scores, truth)) <= min(map(loss, np.geomspace(0.05, 50, 400))) + 1e-9
    with pytest.raises(ValueError, match="0 rows"):
        measures.fit_temperature(scores[:0], truth[:0])
    with pytest.raises(ValueError, match="temperature: 0"):
        measures.softmax(scores, 0)


def test_the_interval_draws_projects_within_their_languages() -> None:
    """Two languages of two projects: of all sixteen draws, the share of right snippets is known."""
    projects = ["a"] * 3 + ["b"] + ["c"] * 2 + ["d"] * 2
    languages = ["x"] * 4 + ["y"] * 4
    right = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    rows = {"a": [0, 1, 2], "b": [3], "c": [4, 5], "d": [6, 7]}
    possible = sorted({round(float(np.mean([right[i] for p in (*one, *two) for i in rows[p]])), 9)
                       for one in itertools.product("ab", repeat=2) for two in itertools.product("cd", repeat=2)})
    seen: set[float] = set()

    def share(chosen: Any) -> float:
        seen.add(round(float(right[chosen].mean()), 9))
        return float(right[chosen].mean())

    low, high = measures.interval(projects, languages, share)
    assert sorted(seen) == possible and possible[0] <= low < high <= possible[-1]


def test_projects_alike_leave_no_doubt() -> None:
    right = np.array([1, 0] * 6)
    assert measures.interval(["a", "a", "b", "b", "c", "c"] * 2, ["x"] * 6 + ["y"] * 6,
                             lambda chosen: float(right[chosen].mean())) == (0.5, 0.5)


# -- The interactive figure's first frame -------------------------------------

def test_the_first_frame_is_what_demo_py_draws() -> None:
    assert (_FOLDER / "demo.html").read_text(encoding="utf-8") == demo.frames()["demo.html"], "run: python demo.py"


def test_random_texts_get_finite_frames() -> None:
    draw, model = random.Random(4), ngrams.page_model()
    for _ in range(50):
        text = "".join(draw.choices("ab(){};=:<>&\"'\n\t é0", k=draw.randrange(60)))
        assert "nan" not in demo.frame(model, text)


def test_the_manifest_is_json() -> None:
    assert json.loads((_FOLDER / "corpus.json").read_text(encoding="utf-8"))["packages"]
