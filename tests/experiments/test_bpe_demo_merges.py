"""The merges that the article's figure loads, against the package that they come from (needs `npm` once)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "posts/byte-pair-encoding"


def test_the_figures_merges_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))  # other articles have a demo.py too: this one gets a name of its own
    spec = importlib.util.spec_from_file_location("byte_pair_encoding_demo", FOLDER / "demo.py")
    assert spec and spec.loader
    demo = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, demo)
    spec.loader.exec_module(demo)
    assert demo.fetch_merges() == demo.MERGES.read_bytes()
