"""The first frame of the article's interactive timeline. demo.js draws the same once it runs; a test compares them.

    python demo.py            draw demo-timeline.html again

Coordinates are whole tenths of a unit.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import timeline as t

_FOLDER = Path(__file__).resolve().parent
FIRST = ("async, render in loop", 60, 100, 5, 32)        # strategy, mails, latency and rendering in ms, at once
LEFT, WIDTH, HEIGHT = 860, 3500, 2480
BLOCK = (600, 2200)                                      # where lanes other than the loop's are drawn
KINDS = ("queues", "waits", "computes", "blocks")        # from back to front


def groups(strategy: str, slots: int) -> list[tuple[str, int, int, int]]:
    """Lanes besides the loop's: label, kind, the first, how many."""
    half = max(1, slots // 2)
    return {
        "sequential": [("thread", t.THREAD, 0, 1)],
        "blocking": [],
        "one at a time": [],
        "default pool": [("threads", t.THREAD, 0, 6)],
        "sized pool": [("threads", t.THREAD, 0, slots)],
        "async, render in loop": [("connections", t.CONNECTION, 0, slots)],
        "async, render in threads": [("threads", t.THREAD, 0, 4), ("connections", t.CONNECTION, 0, slots)],
        "async, render in processes": [("processes", t.PROCESS, 0, 2), ("connections", t.CONNECTION, 0, slots)],
        "processes of threads": [("process 1", t.THREAD, 0, half), ("process 2", t.THREAD, half, half)],
    }[strategy]


def nearest(part: int, whole: int) -> int:
    return (2 * part + whole) // (2 * whole)


def milliseconds(time: int) -> str:
    return f"{nearest(time, 1000):,} ms"


def picture(strategy: str, mails: int, latency: int, render: int, slots: int) -> dict[str, object]:
    """What to draw: labels, ticks, paths by name, and what to say."""
    line = t.simulate(strategy, mails, 1000 * latency, 1000 * render, slots=slots)
    span = max([line.end, *(ran for _, ran in line.beats)])

    def x(time: int) -> int:
        return LEFT + time * WIDTH // span

    rows = {(t.LOOP, 0): (320, 180)}
    labels = [(190, "heartbeat"), (455, "loop")]
    top, shown = BLOCK[0], groups(strategy, slots)
    count = sum(size for *_, size in shown)
    height = min(140, (BLOCK[1] - BLOCK[0] - 100 * max(0, len(shown) - 1)) // max(1, count))
    for label, kind, first, size in shown:
        labels.append((top + 120, label))
        for lane in range(first, first + size):
            rows[kind, lane] = (top, max(height * 4 // 5, 10))
            top += height
        top += 100
    if not shown:
        labels.append((top + 120, "(nothing else)"))

    bars: dict[tuple[str, int, int], list[list[int]]] = {}
    for kind, lane, what, start, end, _ in line.segments:
        y, tall = rows[kind, lane]
        name = "blocks" if (kind, what) == (t.LOOP, t.WAITS) else ("computes", "waits", "queues")[what]
        row = bars.setdefault((name, y, tall), [])
        begin, over = x(start), max(x(end), x(start) + 6)
        if row and begin <= row[-1][1]:
            row[-1][1] = max(row[-1][1], over)
        else:
            row.append([begin, over])
    paths = {name: "".join(f"M{begin} {y}h{over - begin}v{tall}h{begin - over}z" for (kind, y, tall), row in bars.items()
                           if kind == name for begin, over in row) for name in KINDS}

    late, beats = "", ""
    last, freeze = -1, -1
    for due, ran in line.beats:
        if ran != freeze and ran - due >= 1000:
            late += f"M{x(due)} 120h{max(6, x(ran) - x(due))}v60h{-max(6, x(ran) - x(due))}z"
        freeze = ran
        if x(ran) != last:
            beats += f"M{x(ran)} 60v180"
            last = x(ran)
    paths |= {"late": late, "beats": beats}

    step, factors = 1000, (2, 5, 2)      # 1, 2, 5, 10 … ms
    factor = 0
    while span > 5 * step:
        step = step * factors[factor] // (2 if factor == 1 else 1)
        factor = (factor + 1) % 3
    ticks = [(x(time), f"{time // 100_000 / 10:g} s" if span >= 2_000_000 else f"{time // 1000} ms")
             for time in range(0, span + 1, step)]

    say = (f"{mails} {'mail' if mails == 1 else 'mails'} in {milliseconds(line.end)}, "
           f"{nearest(1_000_000 * mails, line.end)} a second; at most {line.most} waited for the server at once. "
           f"Heartbeat late by {milliseconds(t.lag(line.beats, 50))} in the median, "
           f"{milliseconds(t.lag(line.beats, 99))} at p99, {milliseconds(t.lag(line.beats, 100))} at most.")
    return {"labels": labels, "ticks": ticks, "paths": paths, "say": say}


def drawing(shown: dict[str, object]) -> str:
    """The inside of the svg element."""
    labels = "".join(f'<text x="0" y="{y}">{text}</text>' for y, text in shown["labels"])     # type: ignore[attr-defined]
    ticks = "".join(f'<path class="tick" d="M{x} 2260v50"></path><text class="number" x="{x}" y="2440">{text}</text>'
                    for x, text in shown["ticks"])     # type: ignore[attr-defined]
    paths = "".join(f'<path class="{name}" d="{d}"></path>' for name, d in shown["paths"].items())     # type: ignore[attr-defined]
    return f'{labels}{paths}<path class="tick" d="M{LEFT} 2260h{WIDTH}"></path>{ticks}'


def frame() -> str:
    shown = picture(*FIRST)
    key = "".join(f'<span><i class="{name}"></i>{text}</span> ' for name, text in (
        ("computes", "computes"), ("waits", "waits for the server"), ("blocks", "blocks the loop"),
        ("queues", "waits for its turn"), ("late", "heartbeat late")))
    return (f'<div class="demo-controls"></div>\n<svg viewBox="0 0 4400 {HEIGHT}" aria-hidden="true">{drawing(shown)}</svg>\n'
            f'<p class="demo-key">{key.strip()}</p>\n'
            f'<p class="demo-say"><b>{FIRST[0][0].upper()}{FIRST[0][1:]}.</b> <span>{shown["say"]}</span></p>\n')


if __name__ == "__main__":
    (_FOLDER / "demo-timeline.html").write_text(frame(), encoding="utf-8")
