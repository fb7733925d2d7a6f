"""What the interactive figures of Cut Cross Entropy start from, and the formulas that they and the article share."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from article_code import load

FOLDER = Path(__file__).resolve().parents[2] / "posts/cut-cross-entropy"

demo = load("cut-cross-entropy", "demo")
memory = load("cut-cross-entropy", "memory")


@pytest.mark.parametrize("name", ["demo-walk.html", "demo-bytes.html"])
def test_the_first_frames_are_what_demo_py_draws(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == demo.frames()[name], f"run: python posts/{FOLDER.name}/demo.py"


@pytest.mark.parametrize("width", range(1, 14))
@pytest.mark.parametrize("row", list(demo.ROWS))
def test_the_walk_ends_at_the_whole_rows_log_sum_exp(row: str, width: int) -> None:
    steps = demo.walk(demo.ROWS[row], width)
    assert len(steps) == math.ceil(12 / width) + 1
    assert steps[-1]["top"] + math.log(steps[-1]["sum"]) == pytest.approx(demo.whole(demo.ROWS[row]), rel=1e-14)


def test_the_walk_is_right_after_every_tile_for_extreme_logits() -> None:
    draw = random.Random(2)
    for scale in (1e-9, 1, 300, 1e4):
        logits = [draw.gauss(0, scale) for _ in range(30)]
        for i, step in enumerate(demo.walk(logits, 7)[1:], 1):
            assert step["top"] + math.log(step["sum"]) == pytest.approx(demo.whole(logits[:7 * i]), rel=1e-12)


def test_bytes_of_the_papers_table() -> None:
    """8,192 tokens of Gemma 2 2B in bfloat16: 4,000 and 1,161 MB of 2^20 bytes; CCE's 1,164 hold 1,161 of gradients."""
    n, v, d = 8192, 256_000, 2304
    assert memory.logits_bytes(n, v, "bfloat16") == 4000 * 2**20
    gradients = memory.gradient_bytes(n, v, d, "bfloat16")
    assert gradients / 2**20 == pytest.approx(1161)
    assert memory.naive_bytes(n, v, gradients) == memory.naive_bytes(n, v) == 24_000 * 2**20
    assert (gradients + memory.cut_bytes(n, v)) / 2**20 == pytest.approx(1163, abs=0.02)


def test_the_articles_count_of_gemma_and_llama() -> None:
    """Logits against layer checkpoints, bytes a token: 8.5 to 1 for Gemma 2 2B, 1 to 2 for Llama 2 7B."""
    assert memory.checkpoint_bytes(1, 26, 2304) == 119_808 and memory.checkpoint_bytes(1, 40, 5120) == 409_600
    assert memory.logits_bytes(1, 256_000) / memory.checkpoint_bytes(1, 26, 2304) == pytest.approx(8.5, abs=0.05)
    assert memory.logits_bytes(1, 32_000) / memory.checkpoint_bytes(1, 32, 4096) == pytest.approx(0.5, abs=0.02)


def test_the_naive_peak_is_the_gradients_where_the_width_is_large() -> None:
    gradients = memory.gradient_bytes(128, 32_000, 8192)
    assert memory.naive_bytes(128, 32_000, gradients) == gradients + memory.logits_bytes(128, 32_000)


@pytest.mark.parametrize("call", [lambda: memory.logits_bytes(0, 5), lambda: memory.cut_bytes(3, -1),
                                  lambda: memory.gradient_bytes(3, 3, 0), lambda: memory.tiled_bytes(0, 4),
                                  lambda: memory.checkpoint_bytes(1, 0, 4)])
def test_sizes_below_one_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        call()  # type: ignore[operator]


def test_bytes_are_shown_in_the_unit_that_suits() -> None:
    assert [demo.shown_bytes(2.0**power) for power in (3, 13, 14, 24, 33, 34)] == [
        "8 bytes", "8,192 bytes", "16.0 KiB", "16.0 MiB", "8,192 MiB", "16.0 GiB"]
