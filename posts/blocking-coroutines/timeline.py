"""A discrete-event simulator of one event loop, its threads and its processes. timeline.js does the same in the browser.

All times are whole microseconds, so both give the same to the last digit. What is modelled:

- A process has one GIL: of its threads that want to compute, one does, for at most
  SLICE; then it goes to the end of the queue.
- Of the processes that want one of the `cores` processors, the one that has computed
  least so far goes first; for as long.
- The loop is a thread of the first process. As asyncio does, it collects what has
  arrived (timers, replies), then runs all that is ready, one callback after another.
- A mail computes for `render`, then `send`, and waits for `latency`; each callback of
  the loop costs TURN. With `server`, the server is one more process on the same
  machine, and computes for so long before it begins to wait.

What is not: pickling, thread switches, the dialogue before a mail, an operating system with other things to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

SLICE, TURN, BEAT = 5_000, 50, 10_000                  # sys.getswitchinterval(); a guess; the heartbeat's period
LOOP, THREAD, PROCESS, CONNECTION, SERVER = range(5)   # kinds of lanes
COMPUTES, WAITS, QUEUES = range(3)                     # what happens in one
STRATEGIES = ["sequential", "blocking", "one at a time", "default pool", "sized pool", "async, render in loop",
              "async, render in threads", "async, render in processes", "processes of threads"]

Then = Callable[[], object]


class Timeline(NamedTuple):
    segments: list[tuple[int, int, int, int, int, int]]   # kind of lane, its number, what, start, end, mail (-1: none)
    beats: list[tuple[int, int]]                          # when each heartbeat was due, and when it ran
    end: int                                              # when the last mail was known to be sent
    most: int                                             # mails waiting for the server at once, at most


class Request(NamedTuple):
    kind: int
    lane: int
    mail: int
    left: int
    since: int
    then: Then


class Process:
    """A GIL: requests queue for it, unless the thread that has it goes on at once."""

    def __init__(self) -> None:
        self.queue: deque[Request] = deque()
        self.held = False
        self.used = 0                        # computing so far
        self.budget = 0                      # what is left of the slice, while `then` is called; else 0
        self.onward: Request | None = None


class Machine:
    """The clock, the processors, and what happened."""

    def __init__(self, cores: int) -> None:
        self.now, self.free, self.count = 0, cores, 0
        self.events: list[tuple[int, int, Then]] = []
        self.runnable: list[Process] = []
        self.segments: list[tuple[int, int, int, int, int, int]] = []

    def at(self, time: int, do: Then) -> None:
        self.count += 1
        heappush(self.events, (time, self.count, do))

    def run(self) -> None:
        while self.events:
            self.now, _, do = heappop(self.events)
            do()

    def note(self, kind: int, lane: int, what: int, start: int, mail: int) -> None:
        if start < self.now:
            self.segments.append((kind, lane, what, start, self.now, mail))

    def compute(self, process: Process, kind: int, lane: int, mail: int, cost: int, then: Then,
                keep: bool = False) -> None:
        """Compute for `cost` with the process's GIL on a processor, then go on. `keep`: the caller may have both still."""
        request = Request(kind, lane, mail, cost, self.now, then)
        if keep and process.budget > 0:
            process.onward = request
            return
        process.queue.append(request)
        if not process.held and len(process.queue) == 1:
            self.runnable.append(process)
        self.dispatch()

    def dispatch(self) -> None:
        while self.free > 0 and self.runnable:
            self.free -= 1
            process = min(self.runnable, key=lambda each: each.used)     # the first of equals
            self.runnable.remove(process)
            process.held = True
            self.slice(process, process.queue.popleft(), SLICE)

    def slice(self, process: Process, request: Request, budget: int) -> None:
        kind, lane, mail, left, since, then = request
        start, length = self.now, min(left, budget)
        self.note(kind, lane, QUEUES, since, mail)

        def over() -> None:
            self.note(kind, lane, COMPUTES, start, mail)
            process.used += length
            if left > length:
                process.queue.append(Request(kind, lane, mail, left - length, self.now, then))
            else:
                process.budget, process.onward = budget - length, None
                then()
                process.budget = 0
                if process.onward is not None:
                    self.slice(process, process.onward, budget - length)
                    return
            self.free += 1
            process.held = False
            if process.queue:
                self.runnable.append(process)
            self.dispatch()
        self.at(start + length, over)

    def wait(self, kind: int, lane: int, mail: int, time: int, then: Then) -> None:
        start = self.now

        def over() -> None:
            self.note(kind, lane, WAITS, start, mail)
            then()
        self.at(start + time, over)


class Loop:
    """Runs callbacks in turn. A callback gets `done`, to call when its turn ends."""

    def __init__(self, machine: Machine, process: Process) -> None:
        self.machine, self.process = machine, process
        self.ready: deque[Callable[[Then], object]] = deque()
        self.arrived: deque[Callable[[Then], object]] = deque()
        self.todo, self.busy, self.first = 0, False, True

    def soon(self, callback: Callable[[Then], object]) -> None:
        self.ready.append(callback)
        self.wake()

    def arrive(self, callback: Callable[[Then], object]) -> None:
        """What a timer or a socket brings is seen only when the loop looks again."""
        self.arrived.append(callback)
        self.wake()

    def wake(self) -> None:
        if not self.busy:
            self.busy = True
            self.machine.at(self.machine.now, self.turn)     # so that what comes at the same time comes in one batch

    def turn(self) -> None:
        if self.todo == 0:
            self.ready.extend(self.arrived)
            self.arrived.clear()
            self.todo, self.first = len(self.ready), True
        if self.todo == 0:
            self.busy = False
            return
        self.todo -= 1
        self.ready.popleft()(self.turn)

    def compute(self, mail: int, cost: int, then: Then) -> None:
        """Between callbacks the loop keeps the GIL; before it looks what has arrived, it lets go."""
        keep, self.first = not self.first, False
        self.machine.compute(self.process, LOOP, 0, mail, TURN + cost, then, keep)


class Pool:
    """Workers that take jobs from one queue; the one that has been idle longest goes first."""

    def __init__(self, size: int) -> None:
        self.idle, self.jobs = deque(range(size)), deque[Callable[[int, Then], object]]()

    def submit(self, job: Callable[[int, Then], object]) -> None:
        self.jobs.append(job)
        self.next()

    def next(self) -> None:
        if self.idle and self.jobs:
            worker, job = self.idle.popleft(), self.jobs.popleft()

            def done() -> None:
                self.idle.append(worker)
                self.next()
            job(worker, done)


def simulate(strategy: str, mails: int, latency: int, render: int, send: int = 500, slots: int = 32,
             cores: int = 2, server: int = 0) -> Timeline:
    machine, main, peer = Machine(cores), Process(), Process()
    loop = Loop(machine, main)
    todo: Iterator[int] = iter(range(mails))
    state = {"sent": 0, "end": 0, "waiting": 0, "most": 0}
    beats: list[tuple[int, int]] = []
    both = render + send

    def sent() -> None:
        state["sent"] += 1
        state["end"] = machine.now

    def wait(kind: int, lane: int, mail: int, then: Then) -> None:
        state["waiting"] += 1
        state["most"] = max(state["most"], state["waiting"])

        def replied() -> None:
            state["waiting"] -= 1
            then()
        if server:
            machine.compute(peer, SERVER, 0, mail, server, lambda: machine.wait(kind, lane, mail, latency, replied))
        else:
            machine.wait(kind, lane, mail, latency, replied)

    # The heartbeat.
    def beat(due: int) -> None:
        def ran(done: Then) -> None:
            def note() -> None:
                began, later = machine.now - TURN, due
                while later <= began:
                    beats.append((later, began))
                    later += BEAT
                if state["sent"] < mails:
                    beat(later)
                done()
            loop.compute(-1, 0, note)
        machine.at(max(due, machine.now), lambda: loop.arrive(ran))
    beat(BEAT)

    # The strategies.
    def in_loop(mail: int, after: Then) -> Callable[[Then], object]:
        """Render and send, blocking, in the loop's thread."""
        def callback(done: Then) -> None:
            def replied() -> None:
                sent()
                after()
                done()
            loop.compute(mail, both, lambda: wait(LOOP, 0, mail, replied))
        return callback

    def in_thread(process: Process, mail: int, after: Then) -> Callable[[int, Then], object]:
        """The same in a thread."""
        def job(lane: int, done: Then) -> None:
            def replied() -> None:
                after()
                done()
            machine.compute(process, THREAD, lane, mail, both, lambda: wait(THREAD, lane, mail, replied))
        return job

    def nothing() -> None:
        pass

    def plain_threads(process: Process, part: range, lanes: range) -> None:
        """Threads that need no loop."""
        own = iter(part)

        def take(lane: int) -> None:
            mail = next(own, -1)
            if mail >= 0:
                def after() -> None:
                    sent()
                    take(lane)
                in_thread(process, mail, after)(lane, nothing)
        for lane in lanes:
            take(lane)

    def pooled(pool: Pool, workers: int) -> None:
        """Coroutines that hand one mail after another to a thread."""
        def worker(finished: bool) -> Callable[[Then], object]:
            def callback(done: Then) -> None:
                def turn() -> None:
                    if finished:
                        sent()
                    mail = next(todo, -1)
                    if mail >= 0:
                        pool.submit(in_thread(main, mail, lambda: loop.soon(worker(True))))
                    done()
                loop.compute(-1, 0, turn)
            return callback
        for _ in range(workers):
            loop.soon(worker(False))

    def library(pool: Pool | None, kind: int, renderers: list[Process]) -> None:
        """Coroutines that await the server, with or without a pool that renders."""
        def start(lane: int, done: Then, finished: bool) -> None:
            """The reply is read, and the next mail begun."""
            mail = next(todo, -1)

            def ask() -> None:
                wait(CONNECTION, lane, mail, lambda: loop.arrive(lambda over: start(lane, over, True)))

            def rendered() -> None:
                def callback(over: Then) -> None:
                    def turn() -> None:
                        ask()
                        over()
                    loop.compute(mail, send, turn)
                loop.soon(callback)

            def job(worker: int, idle: Then) -> None:
                def ended() -> None:
                    idle()
                    rendered()
                machine.compute(renderers[worker], kind, worker, mail, render, ended)

            def turn() -> None:
                if finished:
                    sent()
                if mail >= 0 and pool is None:
                    ask()
                elif mail >= 0 and pool is not None:
                    pool.submit(job)
                done()
            loop.compute(mail, both if mail >= 0 and pool is None else 0, turn)
        for lane in range(slots):
            loop.soon(lambda done, lane=lane: start(lane, done, False))     # type: ignore[misc]

    if strategy == "sequential":
        plain_threads(main, range(mails), range(1))
    elif strategy == "blocking":
        for mail in todo:
            loop.soon(in_loop(mail, nothing))
    elif strategy == "one at a time":
        def again() -> None:
            mail = next(todo, -1)
            if mail >= 0:
                loop.soon(in_loop(mail, again))
        again()
    elif strategy == "default pool":
        pooled(Pool(min(32, cores + 4)), mails)
    elif strategy == "sized pool":
        pooled(Pool(slots), slots)
    elif strategy == "async, render in loop":
        library(None, LOOP, [])
    elif strategy == "async, render in threads":
        library(Pool(4), THREAD, [main] * 4)
    elif strategy == "async, render in processes":
        library(Pool(2), PROCESS, [Process(), Process()])
    elif strategy == "processes of threads":
        half = max(1, slots // 2)
        for part in range(2):
            plain_threads(Process(), range(part, mails, 2), range(part * half, part * half + half))
    else:
        raise ValueError(strategy)
    machine.run()
    return Timeline(machine.segments, beats, state["end"], state["most"])


def lag(beats: list[tuple[int, int]], percent: int) -> int:
    """The smallest lateness that at least so many percent of the beats do not exceed."""
    late = sorted(ran - due for due, ran in beats)
    return late[max(0, -(-percent * len(late) // 100) - 1)] if late else 0
