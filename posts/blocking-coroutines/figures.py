"""What the figures show: a loop blocked against a loop offloaded, the ceiling of a pool, and what was measured.

The first two are drawn by the very functions that the article prints: they are taken
out of its ``pycon`` blocks, so a figure cannot disagree with the text. The others
draw results.json.
"""
from __future__ import annotations

import doctest
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import drawing as d
import evidence
import timeline

HERE = Path(__file__).resolve().parent


def from_article(*names: str) -> dict[str, object]:
    """The named functions, as the article defines them."""
    namespace: dict[str, object] = {}
    text = (HERE / "index.md").read_text(encoding="utf-8")
    for example in doctest.DocTestParser().get_examples(text):
        if example.source.startswith(("from heapq", *(f"def {name}(" for name in names))):
            exec(example.source, namespace)
    missing = [name for name in names if name not in namespace]
    if missing:
        raise LookupError(f"index.md no longer defines {', '.join(missing)}")
    return namespace


def timeline_figure() -> str:
    scenario = from_article("simulate", "heartbeat", "mail", "scenario")["scenario"]
    width, left, end = 440, 74, 500
    x = d.linear_scale((0, end), (left, width - 12))
    parts: list[str] = []

    def panel(top: float, title: str, how: str) -> float:
        log = scenario(how)
        beats = [(start, start - late) for who, _, late, start, _ in log if who == "heartbeat"]
        mails = [(who, start, stop) for who, _, _, start, stop in log if who != "heartbeat"]
        worst = max(ran - due for ran, due in beats)
        parts.append(d.text(0, top, title, weight=600))
        row, height = top + 18, 24
        for n, (who, start, stop) in enumerate(mails):
            y = row + n * height
            parts.append(d.text(0, y + 14, who, fill="muted"))
            parts.append(d.line(left, y + 9, x(end), y + 9, stroke_width=0.75))
            fill, stroke = ("2-soft", "2") if how == "block" else ("1-soft", "1")
            parts.append(d.rect(x(start), y, x(stop) - x(start), 18, fill=fill, stroke=stroke, radius=2))
            parts.append(d.text((x(start) + x(stop)) / 2, y + 14, "100 ms", anchor="middle"))
        y = row + len(mails) * height + 20
        parts.append(d.text(0, y + 5, "heartbeat", fill="muted"))
        parts.append(d.line(left, y, x(end), y, stroke_width=0.75))
        for ran, due in beats:
            if ran != due:
                parts.append(d.line(x(due) + 7, y, x(ran), y, stroke="2", stroke_width=2.5))
                parts.append(d.text((x(due) + x(ran)) / 2, y - 7, f"{ran - due} ms late", fill="2", anchor="middle"))
                parts.append(d.circle(x(due), y, 6, fill="paper", stroke="2", stroke_width=2))
        for ran, due in beats:
            parts.append(d.rect(x(ran) - 2, y - 9, 4, 18, fill="2" if ran != due else "3"))
        bottom = y + 17
        parts.append(d.line(left, bottom, x(end), bottom, stroke="muted"))
        for tick in range(0, end + 1, 100):
            parts.append(d.line(x(tick), bottom, x(tick), bottom + 4, stroke="muted"))
            parts.append(d.text(x(tick), bottom + 19, str(tick), fill="muted", anchor="middle"))
        assert worst == (250 if how == "block" else 0)
        return bottom + 19

    after = panel(15, "Mails in the loop", "block")
    after = panel(after + 36, "Mails in three threads", "thread")
    parts.append(d.text((left + x(end)) / 2, after + 19, "time, ms", anchor="middle"))
    return d.svg(width, after + 27, *parts)


def ceiling_figure() -> str:
    throughput = from_article("throughput")["throughput"]
    wait, cpu, most = 0.100, 0.005, 64
    width, left, top, right, bottom = 440, 40, 34, 428, 270
    x = d.linear_scale((0, most), (left, right))
    y = d.linear_scale((0, 450), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(n, str(n)) for n in (0, 6, 21, 32, 42, 64)],
                    y_ticks=[(n, str(n)) for n in (0, 100, 200, 300, 400)],
                    x_label="threads in all", y_label="mails per second, at most")]
    cross = (wait + cpu) / cpu          # threads at which one core is full
    for cores, colour in ((2, "1"), (1, "2")):
        limit = cores / cpu
        parts.append(d.polyline([(x(0), y(0)), (x(cores * cross), y(limit)), (x(most), y(limit))],
                                stroke="muted", stroke_width=1.5, dash="5 4"))
        curve = [(cores * n, cores * throughput(n, wait, cpu)) for n in range(1, most // cores + 1)]
        parts.append(d.polyline([(x(n), y(rate)) for n, rate in curve], stroke=colour, stroke_width=2.5))
    parts.append(d.circle(x(6), y(throughput(6, wait, cpu)), 5, fill="2"))
    parts.append(d.text(x(6) + 11, y(throughput(6, wait, cpu)) + 12, "default pool, 2 CPUs: 56", fill="2"))
    parts.append(d.text(x(most), y(1 / cpu) + 20, "one process: 200", fill="2", anchor="end"))
    parts.append(d.text(x(most), y(2 / cpu) - 9, "two processes: 400", fill="1", anchor="end"))
    return d.svg(width, bottom + 44, *parts)


def strategies_figure(results: dict[str, Any]) -> str:
    """A row for each strategy: its rate and its p99 lag, median and spread; rings where the simulator has them."""
    names, main = results["strategies"]["value"], results["main"]
    simulated = dict(zip(timeline.STRATEGIES, results["simulated"]["value"]))
    median, low, high = main["value"], *main["spread"]
    top, height = 62, 27
    bottom = top + height * len(names)
    panels = [(0, d.log_scale((8, 500), (188, 300)), "mails per second", [(10, "10"), (100, "100")]),
              (2, d.log_scale((1, 60_000), (324, 434)), "loop lag, p99",
               [(1, "1 ms"), (100, "0.1 s"), (10_000, "10 s")])]
    x_least = {0: 8, 2: 1}
    parts = []
    for _, x, title, ticks in panels:
        left, right = x(ticks[0][0]), x(ticks[-1][0])
        parts.append(d.text((left + right) / 2, 16, title, anchor="middle", weight=600))
        for value, label in ticks:
            parts.append(d.text(x(value), 40, label, fill="muted", anchor="middle"))
            parts.append(d.line(x(value), 47, x(value), bottom - 4, stroke_width=0.75))
    for i, name in enumerate(names):
        y = top + height * i + 8
        colour = "2" if name in ("blocking", "one at a time", "async, render in loop") else "1"
        parts.append(d.text(0, y + 4.5, name, fill=colour))
        for column, x, _, _ in panels:
            parts.append(d.line(x(low[i][column]), y, x(high[i][column]), y, stroke=colour, stroke_width=2))
            parts.append(d.circle(x(median[i][column]), y, 4.5, fill=colour))
            if name in simulated:       # its rate is its first number, its p99 lag the third, as in the measured rows
                parts.append(d.circle(x(max(simulated[name][column], x_least[column])), y, 7, fill="none", stroke="ink",
                                      stroke_width=1.25))
    return d.svg(440, bottom + 2, *parts)


def lag_figure(results: dict[str, Any]) -> str:
    """How late heartbeats come: for each lag, the share of the beats that are later."""
    shares = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)
    names, main = results["strategies"]["value"], results["main"]["value"]
    shown = [("blocking", "2", None), ("one at a time", "2", "5 4"), ("async, render in loop", "4", None), ("sized pool", "4", "5 4"),
             ("default pool", "4", "1.5 3"), ("async, render in processes", "1", None), ("processes of threads", "1", "5 4"),
             ("broker workers", "1", "1.5 3")]
    left, top, right, bottom = 48, 24, 428, 250
    x, y = d.log_scale((0.1, 60_000), (left, right)), d.log_scale((0.01, 1), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(0.1, "0.1 ms"), (1, "1"), (10, "10"), (100, "100"), (1000, "1 s"), (10_000, "10 s")],
                    y_ticks=[(1, "100 %"), (0.5, "50 %"), (0.1, "10 %"), (0.05, "5 %"), (0.01, "1 %")],
                    x_label="lag of the loop", y_label="heartbeats that are later")]
    for name, colour, dash in shown:
        curve = main[names.index(name)][12:]
        parts.append(d.polyline([(x(min(max(lag, 0.1), 60_000)), y(share)) for share, lag in zip(shares, curve)], stroke=colour,
                                stroke_width=2.25, dash=dash))
    for row, (name, colour, dash) in enumerate(shown):
        begin, line = (0, 228)[row % 2], bottom + 62 + 20 * (row // 2)
        parts.append(d.line(begin, line - 4, begin + 26, line - 4, stroke=colour, stroke_width=2.25, dash=dash))
        parts.append(d.text(begin + 32, line, name, fill=colour))
    return d.svg(440, bottom + 62 + 20 * 4 - 8, *parts)


def sweep_figure(results: dict[str, Any]) -> str:
    """Measured rate of the sized pool and of processes against the number at once; estimated, and simulated."""
    limits, sweep, predicted = [1, 2, 4, 8, 16, 32, 64], results["sweep"], results["predicted"]["value"]
    left, top, right, bottom = 44, 34, 428, 290
    rates = [[[row[4 * i] for i in range(len(limits))] for row in bounds]
             for bounds in (sweep["value"], *sweep["spread"])]
    simulated = results["sweep-simulated"]["value"]
    most = max(max(map(max, rates[2])), *predicted, *(rate for row in simulated for rate in row[::3])) * 1.05
    x, y = d.log_scale((1, 64), (left + 6, right - 6)), d.linear_scale((0, most), (bottom, top))
    parts = [d.axes(left, top, right, bottom, x_scale=x, y_scale=y, x_ticks=[(n, str(n)) for n in limits],
                    y_ticks=[(n, str(n)) for n in range(0, int(most), 50 if most < 400 else 100)],
                    x_label="mails at once", y_label="mails per second")]
    parts.append(d.polyline([(x(n), y(rate)) for n, rate in zip(limits, predicted, strict=True)], stroke="muted",
                            stroke_width=1.5, dash="5 4"))
    for j, colour in ((0, "2"), (1, "1")):
        parts.append(d.polyline([(x(n), y(rate)) for n, rate in zip(limits, rates[0][j], strict=True)], stroke=colour,
                                stroke_width=2.5))
        for i, n in enumerate(limits):
            parts.append(d.line(x(n), y(rates[1][j][i]), x(n), y(rates[2][j][i]), stroke=colour, stroke_width=1))
            parts.append(d.circle(x(n), y(rates[0][j][i]), 4, fill=colour))
            parts.append(d.circle(x(n), y(simulated[j][3 * i]), 7, fill="none", stroke="ink", stroke_width=1.25))
    for row, (label, colour) in enumerate((("rings: simulated", "ink"), ("dashed: mean-value analysis, threads", "muted"),
                                           ("async, rendering in two processes", "1"), ("threads, one process", "2"))):
        parts.append(d.text(left + 10, top + 14 + 18 * row, label, fill=colour))
    return d.svg(440, bottom + 44, *parts)


def figures() -> dict[str, str]:
    drawn = {"timeline.svg": timeline_figure(), "ceiling.svg": ceiling_figure()}
    if (HERE / "results.json").exists():
        results = evidence.load(HERE / "results.json")
        drawn |= {"strategies.svg": strategies_figure(results), "sweep.svg": sweep_figure(results), "lag.svg": lag_figure(results)}
    return drawn


if __name__ == "__main__":
    d.write(HERE, figures())
