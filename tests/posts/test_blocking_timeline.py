"""The simulator behind the interactive timeline of the article on blocking coroutines: by hand, and what must always hold."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from article_code import load

FOLDER = Path(__file__).resolve().parents[2] / "posts/blocking-coroutines"

demo = load("blocking-coroutines", "demo")
t = demo.t

DRAW = random.Random(7)
CASES = [(strategy, DRAW.randrange(1, 60), DRAW.choice([0, 1, 50_000, DRAW.randrange(200_000)]),
          DRAW.choice([0, 5_000, 12_345, DRAW.randrange(30_000)]), DRAW.choice([0, 500]), DRAW.randrange(1, 40), DRAW.randrange(1, 4),
          DRAW.choice([0, 0, 700, 6_000]))
         for strategy in t.STRATEGIES for _ in range(6)]


def test_the_first_frame_is_what_demo_py_draws() -> None:
    assert (FOLDER / "demo-timeline.html").read_text(encoding="utf-8") == demo.frame(), f"run: python posts/{FOLDER.name}/demo.py"


def test_blocking_by_hand() -> None:
    """Three mails of 0.05 + 10 + 0.5 + 100 ms; the heartbeat due at 10 ms runs after them, and all that it missed then."""
    line = t.simulate("blocking", 3, 100_000, 10_000)
    assert line.end == 3 * 110_550 and line.most == 1
    assert line.beats[:2] == [(10_000, 331_650), (20_000, 331_650)] and len(line.beats) == 33
    assert t.lag(line.beats, 100) == 321_650


def test_a_thread_pool_by_hand() -> None:
    """Two threads, two mails: the second computes when the first has; then both wait at once."""
    line = t.simulate("sized pool", 2, 100_000, 4_500, slots=2)
    threads = [segment for segment in line.segments if segment[0] == t.THREAD]
    # The loop hands out the first mail at 0.05 ms, goes on with its batch, and hands out the second at 0.1 ms.
    assert threads == [(1, 0, t.QUEUES, 50, 100, 0), (1, 0, t.COMPUTES, 100, 5_100, 0), (1, 1, t.QUEUES, 100, 5_100, 1),
                       (1, 1, t.COMPUTES, 5_100, 10_100, 1), (1, 0, t.WAITS, 5_100, 105_100, 0), (1, 1, t.WAITS, 10_100, 110_100, 1)]
    assert line.end == 110_150 and line.most == 2
    assert line.beats[0] == (10_000, 10_100)      # it waited for the thread to finish


def test_a_slice_ends_after_five_milliseconds_when_another_waits() -> None:
    line = t.simulate("processes of threads", 4, 0, 8_000, send=0, slots=4, cores=2)
    computing = sorted(segment[1:5] for segment in line.segments if segment[2] == t.COMPUTES and segment[0] == t.THREAD)
    assert computing[:4] == [(0, 0, 0, 5_000), (0, 0, 10_000, 13_000), (1, 0, 5_000, 10_000), (1, 0, 13_000, 16_000)]


def test_processes_share_the_processors_fairly() -> None:
    """One processor, two that compute for 20 ms each: halfway both have had half, but for a slice."""
    line = t.simulate("processes of threads", 2, 0, 20_000, send=0, slots=2, cores=1)
    used: list[Counter[int]] = [Counter(), Counter()]
    for kind, lane, what, start, end, _ in line.segments:
        if kind == t.THREAD and what == t.COMPUTES:
            used[start >= 20_000][lane] += end - start
    assert abs(used[0][0] - used[0][1]) <= 5_000 and used[0] + used[1] == {0: 20_000, 1: 20_000}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_what_must_hold_in_every_run(case: tuple[str, int, int, int, int, int, int, int]) -> None:
    strategy, mails, latency, render, send, slots, cores, server = case
    line = t.simulate(*case)
    computed: Counter[int] = Counter()
    waited: Counter[int] = Counter()
    lanes = defaultdict(list)
    for kind, lane, what, start, end, mail in line.segments:
        assert 0 <= start < end
        if kind != t.SERVER:       # mails queue for it, all in its one lane
            lanes[kind, lane].append((start, end))
        if what == t.COMPUTES:
            computed[mail] += end - start
        elif what == t.WAITS:
            waited[mail] += end - start
    # Each mail costs what it costs, and waits for one reply; what the loop's own turns cost comes on top.
    for mail in range(mails):
        assert waited[mail] == latency
        assert 0 <= computed[mail] - render - send - server <= 3 * t.TURN
    # A lane does one thing at a time, a GIL one thread, and no more processors are at work than there are.
    for spans in lanes.values():
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(sorted(spans)))
    half = max(1, slots // 2)

    def process(kind: int, lane: int) -> int:
        if strategy == "processes of threads" and kind == t.THREAD:
            return 1 + lane // half
        return -1 if kind == t.SERVER else 1 + lane if kind == t.PROCESS else 0
    busy = sorted((time, change, process(kind, lane)) for kind, lane, what, start, end, _ in line.segments if what == t.COMPUTES
                  for time, change in ((start, 1), (end, -1)))
    now: Counter[int] = Counter()
    for _, change, where in busy:
        now[where] += change
        assert 0 <= now[where] <= 1 and sum(now.values()) <= cores
    # Each beat is due 10 ms after the one before, and runs in order, never early; the loop outlives the last mail.
    assert [due for due, _ in line.beats] == [t.BEAT * (i + 1) for i in range(len(line.beats))]
    assert all(ran >= due for due, ran in line.beats) and all(a[1] <= b[1] for a, b in itertools.pairwise(line.beats))
    assert not line.beats or line.beats[-1][1] + t.BEAT > line.end
    # No more at once than allowed; and never faster than both bounds of the article.
    allowed = {"sequential": 1, "blocking": 1, "one at a time": 1, "default pool": cores + 4, "processes of threads": 2 * half}
    assert line.most <= allowed.get(strategy, slots)
    assert line.end >= max(-(-mails // allowed.get(strategy, slots)) * latency, mails * (render + send + server) // cores)


def test_no_mails_take_no_time() -> None:
    for strategy in t.STRATEGIES:
        line = t.simulate(strategy, 0, 1_000, 1_000)
        assert line.end == 0 and line.most == 0 and t.lag(line.beats, 99) <= t.TURN * 40, strategy


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="hope"):
        t.simulate("hope", 1, 1, 1)


def test_little_and_the_knee() -> None:
    """32 threads, 100 ms of waiting, 5 ms of computing: the GIL limits, at nearly 200 a second; 8 threads: 8 / 0.105."""
    many = t.simulate("sized pool", 400, 100_000, 4_500, slots=32)
    few = t.simulate("sized pool", 400, 100_000, 4_500, slots=8)
    assert 0.93 < 400e6 / many.end / 200 <= 1
    assert 0.95 < 400e6 / few.end / (8 / 0.105) <= 1
