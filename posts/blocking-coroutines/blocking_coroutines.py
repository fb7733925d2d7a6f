"""Where a blocking call can go, and two instruments that show what it does to the loop.

Standard library only. `work(n)` renders mail n and sends it, and blocks while
it does; `render(n)` and `await send(data)` are its two halves for an async
library. The experiment passes real ones, the tests ones of their own.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Work = Callable[[int], object]
Render = Callable[[int], bytes]
Send = Callable[[bytes], Awaitable[object]]


# region strategies
async def blocking(mails: Iterable[int], work: Work) -> None:
    async def one(mail: int) -> None:
        work(mail)                    # no await: nobody else runs
    await asyncio.gather(*(one(mail) for mail in mails))


async def one_at_a_time(mails: Iterable[int], work: Work) -> None:
    for mail in mails:
        work(mail)
        await asyncio.sleep(0)        # a turn for the others


async def default_pool(mails: Iterable[int], work: Work) -> None:
    await asyncio.gather(
        *(asyncio.to_thread(work, mail) for mail in mails))


async def bounded(items: Iterable[T], limit: int,
                  do: Callable[[T], Awaitable[object]]) -> None:
    todo = iter(items)                # one lazy source, `limit` tasks

    async def worker() -> None:
        for item in todo:
            await do(item)
    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(worker())


async def sized_pool(mails: Iterable[int], work: Work,
                     pool: ThreadPoolExecutor, limit: int) -> None:
    loop = asyncio.get_running_loop()
    await bounded(mails, limit, lambda mail: loop.run_in_executor(
        pool, work, mail))


async def async_library(mails: Iterable[int], render: Render,
                        send: Send, limit: int,
                        pool: Executor | None) -> None:
    loop = asyncio.get_running_loop()

    async def one(mail: int) -> None:
        if pool is None:
            data = render(mail)       # computes in the loop
        else:                         # threads, or processes
            data = await loop.run_in_executor(pool, render, mail)
        await send(data)
    await bounded(mails, limit, one)


def in_threads(mails: Sequence[int], work: Work, limit: int) -> None:
    with ThreadPoolExecutor(limit) as pool:
        for _ in pool.map(work, mails):
            pass


async def processes_of_threads(mails: Sequence[int], work: Work,
                               pool: ProcessPoolExecutor,
                               processes: int, threads: int) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(
        loop.run_in_executor(pool, in_threads,
                             mails[part::processes], work, threads)
        for part in range(processes)))
# endregion strategies


async def sequential(mails: Iterable[int], work: Work) -> None:
    """No concurrency and no harm: one thread does all, the loop is free."""
    def all_of_them() -> None:
        for mail in mails:
            work(mail)
    await asyncio.to_thread(all_of_them)


async def with_semaphore(items: Iterable[T], limit: int, do: Callable[[T], Awaitable[object]]) -> None:
    """A task for every item, `limit` of them at work: bounds the connections, not the memory."""
    semaphore = asyncio.Semaphore(limit)

    async def one(item: T) -> None:
        async with semaphore:
            await do(item)
    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


# region heartbeat
async def heartbeat(lags: list[float], every: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + every
    while True:
        await asyncio.sleep(due - loop.time())
        now = loop.time()
        while due <= now:             # beats missed meanwhile count
            lags.append(now - due)
            due += every
# endregion heartbeat


# region watch
class LoopWatch(threading.Thread):
    """Says which line holds the loop for longer than `patience`."""

    def __init__(self, patience: float,
                 report: Callable[[str], object]) -> None:
        super().__init__(daemon=True)
        self.patience, self.report = patience, report
        self.loop = asyncio.get_running_loop()
        self.loop_thread = threading.get_ident()
        self.finished = threading.Event()

    def run(self) -> None:
        while not self.finished.wait(self.patience):
            alive = threading.Event()
            self.loop.call_soon_threadsafe(alive.set)
            if alive.wait(self.patience) or self.finished.is_set():
                continue
            frame = sys._current_frames().get(self.loop_thread)
            if frame is not None:
                stack = traceback.extract_stack(frame)
                self.report("".join(traceback.format_list(stack)))
            alive.wait()              # one report for each freeze

    def stop(self) -> None:
        self.finished.set()
# endregion watch


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)]


# ------------------------------------------------------------------- estimates

def bound(slots: int, wait: float, cpu: float, cores: float) -> float:
    """Mails a second at most: Little's law for the slots, Amdahl's for the computing."""
    return min(slots / (wait + cpu), cores / cpu)


def mean_value(slots: int, wait: float, stations: Sequence[float]) -> float:
    """Mails a second of a closed network: a wait without a queue, and processors that queue (Reiser, Lavenberg)."""
    queues = [0.0] * len(stations)
    rate = 0.0
    for n in range(1, slots + 1):
        spent = [cpu * (1 + queue) for cpu, queue in zip(stations, queues)]
        rate = n / (wait + sum(spent))
        queues = [rate * each for each in spent]
    return rate


async def cancelled_and_retried(send: Callable[[int], object], mail: int, patience: float, careful: bool) -> None:
    """A time limit around a thread, and one retry. Careless, it starts a second send beside the first."""
    sending = asyncio.ensure_future(asyncio.to_thread(send, mail))
    try:
        await asyncio.wait_for(asyncio.shield(sending) if careful else sending, patience)
    except TimeoutError:
        if careful:
            await sending             # it will end, and then we know
        else:
            await asyncio.to_thread(send, mail)


def busy(seconds: float) -> None:
    """Compute for so long: for tests, a stand-in that holds the thread."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass

