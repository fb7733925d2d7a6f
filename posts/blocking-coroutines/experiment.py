"""Measure what the article says of blocking coroutines. Some thirty minutes; --quick, one.

Starts an SMTP server and a Redis of its own on loopback and stops them; needs
the "experiments" packages and what install-services installs. The strategies
take turns in random order, so that what else the machine does hits all alike.
At full scale, build-free-threaded builds a Python without GIL first, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import blocking_coroutines as bc
import broker
import packages
import real_mail
import timeline
from evidence import Experiment

TIME = "ratio 0.1 to 10"      # what a time must keep to on another machine
RATIO = "ratio 0.2 to 5"      # and a ratio of two times
LATENCIES = [0.01, 0.05, 0.2]
GRID = ["blocking", "default pool", "sized pool", "async, render in processes", "processes of threads"]
HEAVY = ["blocking", "sized pool", "async, render in loop", "async, render in threads", "async, render in processes",
         "processes of threads"]
LIMITS = [1, 2, 4, 8, 16, 32, 64]
SWEPT = ["sized pool", "async, render in processes"]
SLOW_ONES = ("sequential", "one at a time", "blocking")
HEAVY_PAGES = 12
MANY = ["sized pool", "async, render in processes", "processes of threads"]
THREADED = ["sized pool", "async, render in threads"]
SLUG = {name: name.replace(", ", "-").replace(" ", "-") for name in real_mail.STRATEGIES}


def render_ms(pages: int) -> float:
    begin = time.process_time()
    for number in range(10):
        real_mail.message(number, pages)
    return 100 * (time.process_time() - begin)


def other_python(*argv: str | Path, gil: bool, name: str, mails: int, pages: int) -> list[float]:
    """One run of a strategy, server and all, in another interpreter."""
    done = subprocess.run([*argv, "real_mail.py", name, str(mails), "0.05", str(pages)], cwd=Path(__file__).parent, check=True,
                          capture_output=True, text=True, env={**os.environ, "PYTHON_GIL": str(int(gil))})
    return list(json.loads(done.stdout)[:10])


def simulated(name: str, mails: int, latency: float, rendering: float, cpu: float, server: float = 0,
              limit: int = 32) -> list[float]:
    """Mails/s, median and p99 lag in ms by the simulator, for a mail that computes `cpu` ms, `rendering` of it in the PDF."""
    rendering = min(rendering, cpu)
    line = timeline.simulate(name, mails, round(1e6 * latency), round(1000 * rendering), round(1000 * (cpu - rendering)),
                             slots=limit, server=round(1000 * server))
    return [1e6 * mails / line.end, timeline.lag(line.beats, 50) / 1000, timeline.lag(line.beats, 99) / 1000]


def cancelled(server: real_mail.Server, mails: int, careful: bool) -> list[int]:
    """Mails, lost, sent too often, when a time limit of 50 ms meets a reply after 200 ms."""
    server.set(0.2)
    real_mail.SETTINGS = real_mail.Settings(server.port)

    async def main() -> None:
        await bc.bounded(range(mails), 3, lambda mail: bc.cancelled_and_retried(real_mail.work, mail, 0.05, careful))
    asyncio.run(main())
    received = server.stats()["received"]
    return [mails, mails - len(received), sum(received.values()) - len(received)]


def main() -> None:
    with (Experiment(__file__, code=["blocking_coroutines.py", "broker.py", "real_mail.py"],
                     packages=["aiosmtpd", "aiosmtplib", "fpdf2", "redis"]) as run,
          real_mail.Server() as server, real_mail.Broker() as redis_server):
        sending = ["blocking_coroutines.py", "real_mail.py"]    # without the broker
        quick = run.quick
        seeds = range(1 if quick else 5)
        mails = 40 if quick else 500
        few = 10 if quick else 15

        def one(name: str, count: int, **settings: Any) -> list[float]:
            port = redis_server.port if name == "broker workers" else 0
            return list(real_mail.run(server, name, count, broker_port=port, **settings)[:10])

        def curved(name: str, count: int, **settings: Any) -> list[float]:
            """The same, and the curve of the lag."""
            port = redis_server.port if name == "broker workers" else 0
            got = real_mail.run(server, name, count, broker_port=port, **settings)
            return [*got[:10], *got.curve]

        # What goes wrong, and what it does. First, since these must hold exactly.
        each = 1 if quick else 15
        faults = dict(enumerate(kind for kind in broker.KINDS for _ in range(each)))
        run.measure("fault-kinds", lambda: broker.KINDS[1:], about="Faults injected", tolerance="exact")
        for order in broker.HANDLERS:
            slug = order.replace(" ", "-")
            run.measure(f"faults-{slug}", lambda: [
                broker.suffer(server, redis_server, faults, order=order)[kind]               # noqa: B023
                for kind in broker.KINDS[1:]], tolerance="exact", quick="report",
                about=f"{order.capitalize()}: for each fault, injected, lost, sent too often, dead letters")
            name = f"faults_{slug.replace('-', '_')}"
            count = "+".join(f"{name}[{i}][0]" for i in range(8))
            for column, what in ((1, "lost"), (2, "twice")):
                run.derive(f"{slug}-{what}", "+".join(f"{name}[{i}][{column}]" for i in range(8)),
                           about=f"{order.capitalize()}: mails {'lost' if what == 'lost' else 'sent twice'}",
                           tolerance="exact", quick="report")
                # A share is the same at both scales.
                run.derive(f"{slug}-{what}-share", f"({'+'.join(f'{name}[{i}][{column}]' for i in range(8))}) / "
                           f"({count})", about=f"{order.capitalize()}: share {what}", tolerance="exact")
        run.derive("faults-injected", "+".join(f"faults_send_first[{i}][0]" for i in range(8)),
                   about="Faults injected into each order, 15 of each kind", tolerance="exact", quick="report")
        for i, kind in enumerate(broker.KINDS[1:]):
            for order, suffix in (("send first", ""), ("record first", "-first")):
                for column, what in ((1, "lost"), (2, "twice")):
                    run.derive(f"fault-{what}{suffix}-{i + 1}", f"faults_{order.replace(' ', '_')}[{i}][{column}]",
                               about=f"{kind}, {order}: {'lost' if what == 'lost' else 'sent twice'}")
        plain = dict.fromkeys(range(160 if quick else 400), "none")

        def leased(seconds: float, faults: dict[int, str], **settings: Any) -> broker.Outcome:
            before, broker.LEASE = broker.LEASE, seconds       # the workers, forked, inherit it
            try:
                return broker.suffer(server, redis_server, faults, seconds=40, **settings)
            finally:
                broker.LEASE = before

        def restarts(lease: float) -> list[int]:
            outcome = leased(lease, plain, threads=4, latency=0.1, broker_kills=2 if quick else 6)
            assert outcome["crashes"][0] == (2 if quick else 6)
            return [outcome["crashes"][0], *outcome["none"][1:3]]
        run.measure("broker-restarts", lambda: restarts(10.0), tolerance="exact", quick="report",
                    about="Broker killed and restarted, leases of 10 s: times, mails lost, sent twice")
        run.derive("broker-restarts-harm", "broker_restarts[1] + broker_restarts[2]",
                   about="Mails lost or sent twice by them", tolerance="exact")
        run.measure("short-lease", lambda: restarts(0.1), tolerance="ratio 0 to 1000", quick="report",
                    about="The same with leases of 100 ms")
        run.derive("short-lease-lost", "short_lease[1]", about="Mails lost with leases of 100 ms", tolerance="exact")
        run.derive("short-lease-twice", "short_lease[2]", about="Mails sent twice with leases of 100 ms", quick="report")
        run.measure("lapsed-lease", lambda: leased(0.1, dict.fromkeys(range(2 if quick else 15), "slow"), threads=8)["slow"][:3],
                    tolerance="exact", quick="report", about="Replies slower than a lease of 100 ms: mails, lost, sent twice")
        run.derive("lapsed-lease-lost", "lapsed_lease[1]", about="Mails lost by lapsed leases", tolerance="exact")
        run.derive("lapsed-lease-twice", "lapsed_lease[2]", about="Mails sent twice by lapsed leases", quick="report")
        run.derive("lapsed-lease-share", "lapsed_lease[2] / lapsed_lease[0]", about="Share of them", tolerance="exact")
        run.derive("broker-restart-times", "broker_restarts[0]", about="Times the broker was killed")

        def limited() -> int:
            outcome = broker.suffer(server, redis_server, plain, threads=4, limit=5)
            assert server.stats()["refused"] > 0
            return sum(outcome["none"][1:3])
        run.measure("limit-harm", limited, tolerance="exact",
                    about="Mails lost or sent twice when the server takes 5 connections and 16 are tried")

        def kills() -> list[int]:
            outcome = broker.suffer(server, redis_server, plain, threads=4, latency=0.05 if quick else 0.15,
                                    worker_kills=2 if quick else 10)
            assert outcome["crashes"][0] == (2 if quick else 10)
            return [outcome["crashes"][0], *outcome["none"][1:3]]
        run.measure("worker-kills", kills, repeats=1 if quick else 3, tolerance="ratio 0 to 1000", quick="report",
                    about="A worker of 4 threads killed at random: times, mails lost, sent twice")
        run.derive("worker-kills-lost", "worker_kills[1]", about="Mails lost by them", tolerance="exact")
        run.derive("worker-kills-times", "worker_kills[0]", about="Times a worker was killed at random")
        run.derive("worker-kills-twice", "worker_kills[2]", about="Mails sent twice by that")
        for careful in (False, True):
            word = "careful" if careful else "careless"
            run.measure(f"cancelled-{word}", lambda: cancelled(server, 3 if quick else 21, careful),  # noqa: B023
                        about=f"Time limit round a thread, retried {word}ly: mails, lost, sent twice",
                        tolerance="exact", quick="report")
            run.derive(f"cancelled-{word}-share", f"cancelled_{word}[2] / cancelled_{word}[0]",
                       about=f"Share sent twice, {word}", tolerance="exact")

        # All strategies side by side.
        run.measure("mails", lambda: mails, about="Mails in each run", tolerance="exact", quick="report")
        run.measure("strategies", lambda: real_mail.STRATEGIES, about="Strategies", tolerance="exact")

        def side_by_side(seed: int) -> list[list[float]]:
            got = {name: curved(name, mails // 10 if name in SLOW_ONES[:2] else mails, latency=0.05)
                   for name in real_mail.shuffled(real_mail.STRATEGIES, seed)}
            naive = got["blocking"]
            return [[*got[name][:10], got[name][0] / naive[0], naive[2] / got[name][2], *got[name][10:]]
                    for name in real_mail.STRATEGIES]
        main = run.measure("main", side_by_side, seeds=seeds, tolerance=TIME, quick="report", about=(
            "Reply after 50 ms, one page: mails/s; lag p50, p99, max, ms; endpoint p50, p99, ms; CPU of sender and of "
            "server, ms a mail; memory, MB; connections; rate and p99 lag against blocking; lags that "
            f"{', '.join(f'{share:.0%}' for share in real_mail.LATER)} of the beats exceed, ms"))
        columns = {"rate": (0, "mails/s", "mails a second"), "lag": (2, "ms", "p99 of the loop's lag"),
                   "endpoint": (5, "ms", "p99 of the endpoint"), "memory": (8, "MB", "memory grown by"),
                   "connections": (9, "", "connections at once"), "cpu": (6, "ms", "CPU a mail"),
                   "endpoint-median": (4, "ms", "median of the endpoint"), "lag-median": (1, "ms", "median lag"),
                   "speedup": (10, "x", "rate against blocking, in the same round"),
                   "calm": (11, "x", "p99 lag of blocking against it, in the same round")}
        for i, name in enumerate(real_mail.STRATEGIES):
            for column, (j, unit, what) in columns.items():
                bounds = {"tolerance": RATIO} if column == "speedup" else {}
                run.derive(f"{column}-{SLUG[name]}", f"main[{i}][{j}]", about=f"{name}: {what}", unit=unit,
                           **({**bounds, "quick": "ratio 0.15 to 6"} if bounds else {}))
        run.derive("cycle-blocking", "1000 / main[1][0]", about="Time a mail takes, blocking", unit="ms")
        run.derive("cycle-default-pool", "6000 / main[3][0]", about="The same in the default pool, by Little's law",
                   unit="ms")
        run.derive("server-cpu", "main[8][7]", about="CPU of the SMTP server a mail", unit="ms")

        # Latency of the server.
        def latency_grid(seed: int) -> list[list[float]]:
            cells = [(name, latency) for name in GRID for latency in LATENCIES]
            got = {cell: one(cell[0], few if cell[0] == "blocking" else 4 * few, latency=cell[1])
                   for cell in real_mail.shuffled(cells, seed)}
            return [[got[name, latency][column] for latency in LATENCIES for column in (0, 2)] for name in GRID]
        run.measure("latency-grid", latency_grid, seeds=seeds, code=sending, tolerance=TIME, quick="report",
                    about=f"{', '.join(GRID)}: mails/s and p99 lag in ms at 10, 50 and 200 ms")
        for i, milliseconds in enumerate((10, 50, 200)):
            for j, name in enumerate(GRID):
                run.derive(f"rate-{milliseconds}-{SLUG[name]}", f"latency_grid[{j}][{2 * i}]", unit="mails/s",
                           about=f"{name} at {milliseconds} ms")
            run.derive(f"speedup-{milliseconds}", f"latency_grid[3][{2 * i}] / latency_grid[0][{2 * i}]", unit="x",
                       about=f"Rendering in processes against blocking at {milliseconds} ms", tolerance=RATIO,
                       quick="report")
        run.derive("lag-blocking-few", "latency_grid[0][3]", about="p99 lag of blocking, 15 mails at 50 ms", unit="ms")

        # A costly attachment.
        light = run.measure("render-light", lambda: render_ms(1), repeats=5, unit="ms", about="CPU of a mail with one page",
                    code=sending, tolerance=TIME)
        heavy_cpu = run.measure("render-heavy", lambda: render_ms(HEAVY_PAGES), repeats=5, unit="ms",
                    about="CPU of a mail with twelve pages", code=sending, tolerance=TIME)

        def heavy(seed: int) -> list[list[float]]:
            got = {name: one(name, few if name == "blocking" else 3 * few, latency=0.05, pages=HEAVY_PAGES)
                   for name in real_mail.shuffled(HEAVY, seed)}
            return [[got[name][0], got[name][2], got[name][6]] for name in HEAVY]
        run.measure("heavy", heavy, seeds=seeds, code=sending, tolerance=TIME, quick="report",
                    about=f"Twelve pages; {', '.join(HEAVY)}: mails/s, p99 lag in ms, CPU of the sender in ms a mail")
        for i, name in enumerate(HEAVY):
            run.derive(f"heavy-rate-{SLUG[name]}", f"heavy[{i}][0]", unit="mails/s", about=f"Twelve pages, {name}")
            run.derive(f"heavy-lag-{SLUG[name]}", f"heavy[{i}][1]", unit="ms", about=f"Twelve pages, {name}: p99 lag")
        run.derive("heavy-parallel", "heavy[4][0] / heavy[1][0]", unit="x", tolerance=RATIO, quick="report",
                   about="Twelve pages: processes against threads")

        # How many at once, and what queueing theory says.
        def sweep(seed: int) -> list[list[float]]:
            cells = [(name, limit) for name in SWEPT for limit in LIMITS]
            got = {(name, limit): one(name, at_once(limit), latency=0.05, limit=limit)
                   for name, limit in real_mail.shuffled(cells, seed)}
            return [[got[name, limit][column] for limit in LIMITS for column in (0, 2, 6, 7)] for name in SWEPT]

        def at_once(limit: int) -> int:
            """Mails of a run of the sweep."""
            return min(600, 25 * limit) // (10 if quick else 1) + 5
        swept = run.measure("sweep", sweep, seeds=seeds, code=sending, tolerance=TIME, quick="report", about=(
            "1 to 64 at once; sized pool, then rendering in processes: mails/s, p99 lag, CPU of sender and server"))
        run.measure("predicted", lambda: [bc.mean_value(limit, 0.05, [cpu / 1000]) for limit, cpu
                                          in zip(LIMITS, swept[0][2::4], strict=True)],
                    about="Mean-value analysis for the sized pool, from the CPU measured", tolerance=TIME,
                    code=sending, quick="report", unit="mails/s")
        run.measure("sweep-simulated", lambda: [
            [number for i, limit in enumerate(LIMITS) for number in
             simulated(name, at_once(limit), 0.05, light, row[4 * i + 2], row[4 * i + 3], limit)]
            for name, row in zip(SWEPT, swept, strict=True)],
            about="The simulator for the sweep: mails/s, lag p50, p99, ms", tolerance=TIME, quick="report", code=["timeline.py"])
        ratios = [f"sweep[{j}][{4 * i}] / sweep_simulated[{j}][{3 * i}]" for j in (0, 1) for i in range(len(LIMITS))]
        run.derive("sweep-agreement-least", f"min({', '.join(ratios)})", tolerance=RATIO, quick="report",
                   about="Rate measured, as a share of the simulated: the least in the sweep")
        run.derive("sweep-agreement-most", f"max({', '.join(ratios)})", tolerance=RATIO, quick="report", about="The most")
        for j, name in enumerate(SWEPT):
            run.derive(f"sweep-simulated-lag-64-{SLUG[name]}", f"sweep_simulated[{j}][20]", unit="ms",
                       about=f"64 at once, {name}, simulated: p99 lag")
        for i, limit in enumerate(LIMITS):
            run.derive(f"sweep-rate-{limit}", f"sweep[0][{4 * i}]", about=f"Sized pool of {limit}", unit="mails/s")
            run.derive(f"bound-{limit}", f"min({limit} / (0.05 + sweep[0][{4 * i + 2}] / 1000), 1000 / sweep[0][{4 * i + 2}])",
                       about=f"Bound for it: Little and one processor, {limit} threads", unit="mails/s")
            run.derive(f"reached-{limit}", f"sweep_rate_{limit} / predicted[{i}]",
                       about=f"Share of the estimate that {limit} threads reach", tolerance=RATIO, quick="report")

        for j, name in enumerate(SWEPT):
            run.derive(f"sweep-lag-64-{SLUG[name]}", f"sweep[{j}][25]", unit="ms", about=f"64 at once, {name}: p99 lag")
            run.derive(f"sweep-lag-8-{SLUG[name]}", f"sweep[{j}][13]", unit="ms", about=f"8 at once, {name}: p99 lag")
        run.derive("sweep-rate-processes", "sweep[1][24]", unit="mails/s", about="64 at once, rendered in processes")

        # Without a GIL.
        if not quick:
            free = packages.folder() / "python-free-threaded" / "bin" / "python3"
            if not free.exists():
                subprocess.run([Path(__file__).with_name("build-free-threaded")], check=True)
            pythons = [((sys.executable,), True), ((free,), True), ((free,), False)]

            def gil(seed: int) -> list[list[float]]:
                cells = [(python, name, pages) for python in range(3) for name in THREADED for pages in (1, HEAVY_PAGES)]
                got = {(python, name, pages): other_python(*pythons[python][0], gil=pythons[python][1], name=name,
                                                           mails=400 if pages == 1 else 200, pages=pages)
                       for python, name, pages in real_mail.shuffled(cells, seed)}
                return [[got[cell][column] for column in (0, 2, 5, 6, 8)] for cell in cells]
            run.measure("gil", gil, seeds=range(5), code=sending, tolerance=TIME, about=(
                f"This Python, free-threaded 3.13.5 with GIL, without; {', '.join(THREADED)}; one page, twelve: mails/s; p99 of "
                "lag and endpoint, ms; CPU, ms a mail; memory, MB"))
            for i, kind in enumerate(("usual", "with", "without")):
                for j, name in enumerate(THREADED):
                    for k, length in enumerate(("one", "twelve")):
                        for column, (what, unit) in enumerate((("rate", "mails/s"), ("lag", "ms"), ("endpoint", "ms"),
                                                               ("cpu", "ms"), ("memory", "MB"))):
                            run.derive(f"gil-{what}-{kind}-{SLUG[name]}-{length}", f"gil[{4 * i + 2 * j + k}][{column}]",
                                       about=f"{name}, pages: {length}, Python {kind}: {what}", unit=unit)

        # What the simulator says, given the wait and the CPU that each strategy was measured to use.
        run.measure("simulated", lambda: [
            [number for peer in (0, 1) for number in simulated(name, mails, 0.05, light, row[6], peer * row[7])]
            for name, row in ((name, main[real_mail.STRATEGIES.index(name)]) for name in timeline.STRATEGIES)],
            about="The simulator, reply after 50 ms, one page; for each strategy but the broker: mails/s, lag p50, p99, ms; "
                  "the same with the server on the same processors",
            tolerance=TIME, quick="report", code=["timeline.py"])
        for i, name in enumerate(timeline.STRATEGIES):
            run.derive(f"simulated-rate-{SLUG[name]}", f"simulated[{i}][0]", about=f"{name}, simulated", unit="mails/s")
            run.derive(f"simulated-lag-{SLUG[name]}", f"simulated[{i}][2]", about=f"{name}, simulated: p99 lag", unit="ms")
            run.derive(f"simulated-median-{SLUG[name]}", f"simulated[{i}][1]", about=f"{name}, simulated: median lag", unit="ms")
            run.derive(f"agreement-{SLUG[name]}", f"main[{i}][0] / simulated[{i}][0]",
                       about=f"{name}: rate measured, as a share of the simulated", tolerance=RATIO, quick="report")
            run.derive(f"agreement-server-{SLUG[name]}", f"main[{i}][0] / simulated[{i}][3]",
                       about=f"{name}: the same, simulated with the server on the same processors")

        # Ten times as many, in three rounds.
        if not quick:
            def many(latency: float, pages: int, names: list[str]) -> Any:
                def rounds(seed: int) -> list[list[float]]:
                    got = {name: curved(name, 5000, latency=latency, pages=pages) for name in real_mail.shuffled(names, seed)}
                    return [[got[name][column] for column in (0, 2, 5, 6, 8, 7, *range(10, 20))] for name in names]
                return rounds
            cells = [("many-50", 0.05, 1, [*MANY, "semaphore, render in processes"]), ("many-10", 0.01, 1, MANY),
                     ("many-heavy", 0.05, HEAVY_PAGES, ["sized pool", "processes of threads"]), ("many-200", 0.2, 1, MANY)]
            for key, wait, length, names in cells:
                value = run.measure(key, many(wait, length, names), seeds=range(3), code=sending, tolerance=TIME, about=(
                    f"5,000 mails, {round(1000 * wait)} ms, pages: {length}; {', '.join(names)}: mails/s; p99 of lag and "
                    "endpoint, ms; CPU, ms a mail; memory, MB; CPU of the server; lags as above"))
                run.measure(f"{key}-simulated", lambda: [
                    simulated(name, 5000, wait, heavy_cpu if length > 1 else light, row[3], row[5])      # noqa: B023
                    for name, row in zip(names, value, strict=True) if name in timeline.STRATEGIES],   # noqa: B023
                    about=f"The simulator for {key}, with the server on the same processors", tolerance=TIME, code=["timeline.py"])
                for i, name in enumerate(names):
                    slug = name.replace(", ", "-").replace(" ", "-")
                    for column, (what, unit) in enumerate((("rate", "mails/s"), ("lag", "ms"), ("endpoint", "ms"), ("cpu", "ms"),
                                                           ("memory", "MB"))):
                        run.derive(f"{key}-{what}-{slug}", f"{key.replace('-', '_')}[{i}][{column}]",
                                   about=f"5,000 mails, {round(1000 * wait)} ms, pages: {length}, {name}: {what}", unit=unit)
                    if name in timeline.STRATEGIES:
                        run.derive(f"{key}-agreement-{slug}",
                                   f"{key.replace('-', '_')}[{i}][0] / {key.replace('-', '_')}_simulated[{i}][0]",
                                   about=f"{key}, {name}: rate measured, as a share of the simulated")


if __name__ == "__main__":
    main()
