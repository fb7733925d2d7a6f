"""Measure what the article says of blocking coroutines. Some eleven minutes; --quick, under one.

Starts an SMTP server and a Redis of its own on loopback and stops them; needs
the "experiments" packages and what install-services installs. The strategies
take turns in random order, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import blocking_coroutines as bc
import broker
import real_mail
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
SLUG = {name: name.replace(", ", "-").replace(" ", "-") for name in real_mail.STRATEGIES}


def render_ms(pages: int) -> float:
    begin = time.process_time()
    for number in range(10):
        real_mail.message(number, pages)
    return 100 * (time.process_time() - begin)


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
        quick = run.quick
        seeds = range(1 if quick else 5)
        mails = 40 if quick else 500
        few = 10 if quick else 15

        def one(name: str, count: int, **settings: Any) -> list[float]:
            port = redis_server.port if name == "broker workers" else 0
            return list(real_mail.run(server, name, count, broker_port=port, **settings))

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
                           f"({count})", about=f"{order.capitalize()}: share {what}", tolerance="exact",
                           # So few that the end of the run may cut off a slow mail that another has acknowledged.
                           quick="report" if (order, what) == ("record first", "lost") else "exact")
        run.derive("faults-injected", "+".join(f"faults_send_first[{i}][0]" for i in range(8)),
                   about="Faults injected into each order, 15 of each kind", tolerance="exact", quick="report")
        for i, kind in enumerate(broker.KINDS[1:]):
            for order, suffix in (("send first", ""), ("record first", "-first")):
                for column, what in ((1, "lost"), (2, "twice")):
                    run.derive(f"fault-{what}{suffix}-{i + 1}", f"faults_{order.replace(' ', '_')}[{i}][{column}]",
                               about=f"{kind}, {order}: {'lost' if what == 'lost' else 'sent twice'}")
        plain = dict.fromkeys(range(160 if quick else 400), "none")

        def restarts(lease: float) -> list[int]:
            before, broker.LEASE = broker.LEASE, lease       # the workers, forked, inherit it
            try:
                outcome = broker.suffer(server, redis_server, plain, threads=4, latency=0.1 if quick else 0.05,
                                        broker_kills=2 if quick else 6, seconds=40)
                assert outcome["crashes"][0] == (2 if quick else 6)
            finally:
                broker.LEASE = before
            return [outcome["crashes"][0], *outcome["none"][1:3]]
        run.measure("broker-restarts", lambda: restarts(10.0), tolerance="exact", quick="report",
                    about="Broker killed and restarted, leases of 10 s: times, mails lost, sent twice")
        run.derive("broker-restarts-harm", "broker_restarts[1] + broker_restarts[2]",
                   about="Mails lost or sent twice by them", tolerance="exact")
        if not quick:
            run.measure("short-lease", lambda: restarts(0.1), tolerance="ratio 0 to 1000",
                        about="The same with leases of 100 ms")
            run.derive("short-lease-twice", "short_lease[2]", about="Mails sent twice with leases of 100 ms")
        run.derive("broker-restart-times", "broker_restarts[0]", about="Times the broker was killed")

        def limited() -> int:
            outcome = broker.suffer(server, redis_server, plain, threads=4, limit=5)
            assert server.stats()["refused"] > 0
            return sum(outcome["none"][1:3])
        run.measure("limit-harm", limited, tolerance="exact",
                    about="Mails lost or sent twice when the server takes 5 connections and 16 are tried")

        def kills() -> list[int]:
            outcome = broker.suffer(server, redis_server, plain, threads=4, latency=0.05,
                                    worker_kills=2 if quick else 10)
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
            got = {name: one(name, mails // 10 if name in SLOW_ONES[:2] else mails, latency=0.05)
                   for name in real_mail.shuffled(real_mail.STRATEGIES, seed)}
            naive = got["blocking"]
            return [[*got[name], got[name][0] / naive[0], naive[2] / got[name][2]] for name in real_mail.STRATEGIES]
        run.measure("main", side_by_side, seeds=seeds, tolerance=TIME, quick="report", about=(
            "Reply after 50 ms, one page: mails/s; lag p50, p99, max, ms; endpoint p50, p99, ms; CPU of sender and of "
            "server, ms a mail; memory, MB; connections; rate and p99 lag against blocking"))
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
        run.measure("latency-grid", latency_grid, seeds=seeds, tolerance=TIME, quick="report",
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
        run.measure("render-light", lambda: render_ms(1), repeats=5, unit="ms", about="CPU of a mail with one page",
                    tolerance=TIME)
        run.measure("render-heavy", lambda: render_ms(HEAVY_PAGES), repeats=5, unit="ms",
                    about="CPU of a mail with twelve pages", tolerance=TIME)

        def heavy(seed: int) -> list[list[float]]:
            got = {name: one(name, few if name == "blocking" else 3 * few, latency=0.05, pages=HEAVY_PAGES)
                   for name in real_mail.shuffled(HEAVY, seed)}
            return [[got[name][0], got[name][2], got[name][6]] for name in HEAVY]
        run.measure("heavy", heavy, seeds=seeds, tolerance=TIME, quick="report",
                    about=f"Twelve pages; {', '.join(HEAVY)}: mails/s, p99 lag in ms, CPU of the sender in ms a mail")
        for i, name in enumerate(HEAVY):
            run.derive(f"heavy-rate-{SLUG[name]}", f"heavy[{i}][0]", unit="mails/s", about=f"Twelve pages, {name}")
            run.derive(f"heavy-lag-{SLUG[name]}", f"heavy[{i}][1]", unit="ms", about=f"Twelve pages, {name}: p99 lag")
        run.derive("heavy-parallel", "heavy[4][0] / heavy[1][0]", unit="x", tolerance=RATIO, quick="report",
                   about="Twelve pages: processes against threads")

        # How many at once, and what queueing theory says.
        def sweep(seed: int) -> list[list[float]]:
            cells = [(name, limit) for name in SWEPT for limit in LIMITS]
            got = {(name, limit): one(name, min(600, 25 * limit) // (10 if quick else 1) + 5, latency=0.05,
                                      limit=limit)
                   for name, limit in real_mail.shuffled(cells, seed)}
            return [[got[name, limit][column] for limit in LIMITS for column in (0, 2, 6, 7)] for name in SWEPT]
        swept = run.measure("sweep", sweep, seeds=seeds, tolerance=TIME, quick="report", about=(
            "1 to 64 at once; sized pool, then rendering in processes: mails/s, p99 lag, CPU of sender and server"))
        run.measure("predicted", lambda: [bc.mean_value(limit, 0.05, [cpu / 1000]) for limit, cpu
                                          in zip(LIMITS, swept[0][2::4], strict=True)],
                    about="Mean-value analysis for the sized pool, from the CPU measured", tolerance=TIME,
                    quick="report", unit="mails/s")
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

        # Ten times as many.
        if not quick:
            rivals = ["async, render in processes", "semaphore, render in processes"]

            def many(seed: int) -> list[list[float]]:
                got = {name: one(name, 5000, latency=0.05) for name in real_mail.shuffled(rivals, seed)}
                return [[got[name][column] for column in (0, 2, 8)] for name in rivals]
            run.measure("many", many, seeds=seeds, tolerance=TIME,
                        about=f"5,000 mails; {', '.join(rivals)}: mails/s, p99 lag in ms, memory in MB")
            for i, name in enumerate(rivals):
                slug = name.replace(", ", "-").replace(" ", "-")
                run.derive(f"many-rate-{slug}", f"many[{i}][0]", about=f"5,000 mails, {name}", unit="mails/s")
                run.derive(f"many-lag-{slug}", f"many[{i}][1]", about=f"5,000 mails, {name}: p99 lag", unit="ms")
                run.derive(f"many-memory-{slug}", f"many[{i}][2]", about=f"5,000 mails, {name}: memory", unit="MB")


if __name__ == "__main__":
    main()
