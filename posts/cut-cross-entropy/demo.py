"""The first frames of the article's two interactive figures. demo.js shows the same once it runs; a test compares them.

    python demo.py            draw demo-walk.html and demo-bytes.html again
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(_FOLDER))

import memory  # noqa: E402

ROWS = {"Everyday logits": [1.0, 0.0, 3.0, 2.0, -1.0, 4.0, 2.5, 0.5, 4.5, 1.5, -2.0, 3.5],
        "Logits near 1,000": [998.0, 1001.0, 997.5, 1000.0, 1003.0, 996.0, 999.0, 1002.5, 995.0, 1004.0, 1001.5, 998.5]}
WIDTH, STEP = 3, 2
LEFT, BAR, BASE, UNIT = 4, 36, 118, 84
SETTING: dict[str, int | str] = {"vocabulary": 256_000, "sequences": 8, "length": 1024, "dimensions": 2304, "dtype": "bfloat16"}
LABELS = {"vocabulary": "Vocabulary", "sequences": "Sequences", "length": "Tokens in each", "dimensions": "Width D",
          "dtype": "Type"}


def whole(logits: Sequence[float]) -> float:
    """The row's log-sum-exp in one go."""
    top = max(logits)
    return top + math.log(sum(math.exp(logit - top) for logit in logits))


def walk(logits: Sequence[float], width: int) -> list[dict[str, float]]:
    """After each tile: the largest logit so far, what was carried over on its scale, what was added, the sum."""
    steps = [{"top": -math.inf, "carried": 0.0, "added": 0.0, "sum": 0.0}]
    for start in range(0, len(logits), width):
        tile, before = logits[start:start + width], steps[-1]
        top = max(before["top"], *tile)
        carried = before["sum"] * math.exp(before["top"] - top) if before["sum"] else 0.0
        added = sum(math.exp(logit - top) for logit in tile)
        steps.append({"top": top, "carried": carried, "added": added, "sum": carried + added})
    return steps


def numbers(vocabulary: int, sequences: int, length: int, dimensions: int, dtype: str) -> dict[str, float]:
    """What the calculator shows."""
    tokens = sequences * length
    gradients, cut = memory.gradient_bytes(tokens, vocabulary, dimensions, dtype), memory.cut_bytes(tokens, vocabulary)
    naive = memory.naive_bytes(tokens, vocabulary, gradients)
    return {"tokens": tokens, "logits": memory.logits_bytes(tokens, vocabulary, dtype), "naive": naive, "cut": cut,
            "gradients": gradients, "ratio": naive / (cut + gradients), "alone": memory.naive_bytes(tokens, vocabulary) / cut}


def shown_bytes(value: float) -> str:
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    unit = 0
    while value >= 10 * 1024 and unit < len(units) - 1:
        value, unit = value / 1024, unit + 1
    return f"{math.floor(value + 0.5):,} {units[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {units[unit]}"


def shown_ratio(value: float) -> str:
    return f"{math.floor(value + 0.5):,}×" if value >= 100 else f"{value:.1f}×"


def shown(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{abs(value):.3f}".rstrip("0").rstrip(".")
    return ("−" if value < 0 and text != "0" else "") + text


def say(logits: Sequence[float], width: int, step: int) -> str:
    steps = walk(logits, width)
    if not step:
        return "No tile has been read. The sum is empty."
    before, now = steps[step - 1], steps[step]
    tile = ", ".join(map(shown, logits[(step - 1) * width:step * width]))
    begin = f"Tile {step} of {len(steps) - 1}: {tile}. "
    if step == 1:
        middle = f"Relative to its maximum, {shown(now['top'])}, it adds {shown(now['added'])}."
    elif now["top"] > before["top"]:
        middle = (f"The maximum rises from {shown(before['top'])} to {shown(now['top'])}: the old sum shrinks from "
                  f"{shown(before['sum'])} to {shown(now['carried'])}, and the tile adds {shown(now['added'])}.")
    else:
        middle = f"The maximum stays: {shown(before['sum'])} is carried over, and the tile adds {shown(now['added'])}."
    return begin + middle


def outcome(logits: Sequence[float], width: int, step: int) -> list[str]:
    """The cells: m, s, m + log s, and the row at once."""
    now = walk(logits, width)[step]
    running = now["top"] + math.log(now["sum"]) if now["sum"] else -math.inf
    return [shown(now["top"]), shown(now["sum"]), shown(running), shown(whole(logits))]


def walk_frame(row: str = "Everyday logits", width: int = WIDTH, step: int = STEP) -> str:
    logits = ROWS[row]
    low, high = min(logits), max(logits)
    parts = []
    for i, logit in enumerate(logits):
        x, height = LEFT + BAR * i, 6 + UNIT * (logit - low) / (high - low)
        state = "read" if i < (step - 1) * width else "now" if i < step * width else "ahead"
        parts.append(f'<rect x="{x + 3}" width="30" y="{BASE - height:.2f}" height="{height:.2f}" class="{state}"></rect>')
        parts.append(f'<text x="{x + 18}" y="{BASE - height - 6:.2f}">{shown(logit)}</text>')
    start = max(step - 1, 0) * width if step else -width
    parts.append(f'<rect class="tile" x="{LEFT + BAR * start}" width="{BAR * min(width, len(logits) - max(start, 0))}" '
                 f'y="2" height="126"></rect>')
    heads = ("max m", "sum s", "m + log s", "all at once")
    cells = "".join(f"<td>{cell}</td>" for cell in outcome(logits, width, step))
    return "\n".join([
        '<div class="demo-controls"></div>', '<svg viewBox="0 0 440 130" aria-hidden="true">', *parts, "</svg>",
        f'<p class="demo-say">{say(logits, width, step)}</p>', '<table class="demo-state">',
        "<thead><tr>" + "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead>",
        f"<tbody><tr>{cells}</tr></tbody>", "</table>"]) + "\n"


def bytes_rows(setting: dict[str, int | str]) -> list[tuple[str, str]]:
    found = numbers(**setting)  # type: ignore[arg-type]
    return [("Logits, one copy", shown_bytes(found["logits"])),
            ("Gradients of E and C, which all need", shown_bytes(found["gradients"])),
            ("Usual code, at its peak", shown_bytes(found["naive"])),
            ("Cut cross-entropy, beside the gradients", shown_bytes(found["cut"])),
            ("Ratio, gradients included", shown_ratio(found["ratio"])),
            ("Ratio, gradients left out", shown_ratio(found["alone"]))]


def bytes_frame() -> str:
    asked = "".join(f'<span class="demo-field"><span>{LABELS[name]}</span> <b data-name="{name}">{value}</b></span>\n'
                    for name, value in SETTING.items())
    rows = "\n".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in bytes_rows(SETTING))
    return f'<div class="demo-fields">\n{asked}</div>\n<table class="demo-bytes">\n<tbody>\n{rows}\n</tbody>\n</table>\n' \
           '<p class="demo-say"></p>\n'


def frames() -> dict[str, str]:
    return {"demo-walk.html": walk_frame(), "demo-bytes.html": bytes_frame()}


if __name__ == "__main__":
    for name, content in frames().items():
        (_FOLDER / name).write_text(content, encoding="utf-8", newline="\n")
        print("wrote", name)
