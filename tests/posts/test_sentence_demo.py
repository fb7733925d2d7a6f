"""What the interactive figure of "Finetuning GPT2 to Reconstruct Sentences" starts from."""

from __future__ import annotations

import math
import re
import sys
from itertools import permutations
from pathlib import Path

from article_code import load

FOLDER = Path(__file__).resolve().parents[2] / "posts/reconstructing-sentences-gpt2"

demo = load("reconstructing-sentences-gpt2", "demo")


def test_the_first_frame_is_what_demo_py_draws() -> None:
    assert (FOLDER / "demo.html").read_text(encoding="utf-8") == demo.frame(), f"run: python posts/{FOLDER.name}/demo.py"


def test_every_answer_in_a_puzzle_is_an_order_of_its_bag() -> None:
    puzzles = demo.puzzles()
    assert len(puzzles) == demo.COUNT
    for puzzle in puzzles:
        assert puzzle["words"] == sorted(set(puzzle["words"]))
        for name in ("sentence", "untuned", "tuned"):
            assert sorted(puzzle[name]) == sorted(puzzle["bag"])
        assert len(demo.found(puzzle, 4)[0]) == len(puzzle["bag"])


def test_a_puzzles_scores_are_the_trigrams_for_every_order() -> None:
    """Also where the trigram falls back on shorter contexts, and for words that repeat."""
    corpus = [line.split() for line in ("the dog saw the cat .", "the cat saw a dog .", "a cat saw the dog .", "dogs sleep .")]
    model = demo.sr.KneserNey(corpus, 3)
    bag = ["the", "saw", "the", "cat", "dog"]
    puzzle = demo.make(model, ("the", "dog", "saw", "the", "cat"), bag, {"untuned": tuple(bag), "tuned": tuple(bag)})
    assert len(puzzle["rows"]) > len(puzzle["words"]) + 1
    for order in set(permutations(bag)):
        text = (*order, ".")
        exact = sum(model.score(text[:i], word) for i, word in enumerate((*text, demo.sr.END)))
        assert math.isclose(demo.sr.total_score(order, demo.score(puzzle)) / 100, exact, abs_tol=0.005 * 6 + 1e-9)


def test_the_pairs_to_judge_are_orders_of_one_bag_and_those_in_the_article_are_among_them() -> None:
    sys.path.insert(0, str(FOLDER))
    import pairs

    found = pairs.read(pairs.PAIRS.read_text(encoding="utf-8"))
    assert len(found) == pairs.COUNT
    for recorded, wrong, judged in found:
        assert sorted(recorded) == sorted(wrong) and recorded != wrong and len(judged) == len(pairs.JUDGES)
    shown = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([+−\d.]+) \| ([+−\d.]+) \|$", (FOLDER / "index.md").read_text(encoding="utf-8"),
                       re.MULTILINE)
    assert len(shown) == 6  # the first six, not the best
    for (recorded, wrong, judged), row in zip(found, shown, strict=False):
        assert row == (" ".join(recorded), " ".join(wrong), *(f"{judged[i]:+.1f}".replace("-", "−") for i in (1, 2)))
