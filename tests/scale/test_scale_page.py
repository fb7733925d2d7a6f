"""What docs/scale.md says was measured."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import benchmark

import corpus


def test_every_number_and_the_drawing_are_those_of_the_recorded_rounds() -> None:
    page = benchmark.PAGE.read_text("utf-8")
    assert page == benchmark.page(page), "run `python tests/scale/benchmark.py --draw`"
    assert all(f"% measured: {name}\n" in page for name in benchmark.PARTS)
    assert benchmark.draw() == benchmark.DRAWING.read_text("utf-8")


def test_the_made_up_articles_are_the_same_at_each_run_and_as_said() -> None:
    items = [corpus.article(number, 40) for number in range(40)]
    corpus.words.cache_clear()
    assert items == [corpus.article(number, 40) for number in range(40)]
    assert len({item.slug for item in items}) == 40
    assert all(len(set(item.tags)) == 3 and set(item.tags) <= set(corpus.TAGS) for item in items)
    assert items[0].date.year + 9 <= items[-1].date.year
    for item in items:
        text = item.body("x")
        assert (text.count("```python"), text.count("$$")) == (3, 4)
        assert 900 <= len(text.split()) <= 1400
