"""The strategies and instruments of the article on blocking coroutines; standard library only.

Questions of yes or no instead of milliseconds: whoever waits here waits for an
event that must come, and the time allowed only bounds how long a failure takes.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts" / "blocking-coroutines"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts"))
import blocking_coroutines as bc
import evidence

MAILS = list(range(20))
PATIENCE = 30.0


class Post:
    """Counts what is sent, and who is at it at the same time."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.lock, self.now, self.peak = threading.Lock(), 0, 0

    def work(self, mail: int) -> None:
        with self.lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
        with self.lock:
            self.sent.append(mail)
            self.now -= 1

    def render(self, mail: int) -> bytes:
        return str(mail).encode()

    async def send(self, data: bytes) -> None:
        self.now += 1
        self.peak = max(self.peak, self.now)
        await asyncio.sleep(0)
        self.sent.append(int(data))
        self.now -= 1


async def sized(post: Post) -> None:
    with ThreadPoolExecutor(4) as pool:
        await bc.sized_pool(MAILS, post.work, pool, 4)


async def rendered_in_threads(post: Post) -> None:
    with ThreadPoolExecutor(2) as pool:
        await bc.async_library(MAILS, post.render, post.send, 4, pool)


STRATEGIES: dict[str, Callable[[Post], Any]] = {
    "blocking": lambda post: bc.blocking(MAILS, post.work),
    "one at a time": lambda post: bc.one_at_a_time(MAILS, post.work),
    "sequential": lambda post: bc.sequential(MAILS, post.work),
    "default pool": lambda post: bc.default_pool(MAILS, post.work),
    "sized pool": sized,
    "async, in loop": lambda post: bc.async_library(MAILS, post.render, post.send, 4, None),
    "async, in threads": rendered_in_threads,
    "in threads": lambda post: asyncio.to_thread(bc.in_threads, MAILS, post.work, 4),
    "semaphore": lambda post: bc.with_semaphore(MAILS, 4, lambda mail: post.send(post.render(mail))),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_strategy_sends_each_mail_once(name: str) -> None:
    post = Post()
    asyncio.run(STRATEGIES[name](post))
    assert sorted(post.sent) == MAILS


@pytest.mark.parametrize("name", ["sized pool", "async, in loop", "async, in threads", "in threads", "semaphore"])
def test_no_more_than_the_limit_are_at_work(name: str) -> None:
    post = Post()
    asyncio.run(STRATEGIES[name](post))
    assert 1 <= post.peak <= 4


def loop_lives(deliver: Callable[[bc.Work], Any], patience: float) -> bool:
    """Whether the loop gets a turn while `work` waits for it."""
    answers: list[bool] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def work(_: int) -> None:
            alive = threading.Event()
            loop.call_soon_threadsafe(alive.set)
            answers.append(alive.wait(patience))
        await deliver(work)
    asyncio.run(main())
    return all(answers)


def test_the_loop_lives_while_a_thread_waits() -> None:
    assert loop_lives(lambda work: bc.default_pool([1], work), PATIENCE)
    assert loop_lives(lambda work: bc.sequential([1, 2], work), PATIENCE)
    assert not loop_lives(lambda work: bc.blocking([1], work), 0.05)
    assert not loop_lives(lambda work: bc.one_at_a_time([1], work), 0.05)


def test_back_pressure_takes_no_mail_from_the_source_before_a_worker_is_free() -> None:
    taken = finished = 0
    most = 0

    def source() -> Iterator[int]:
        nonlocal taken, most
        for number in range(10_000):
            taken += 1
            most = max(most, taken - finished)
            yield number

    async def send(_: int) -> None:
        nonlocal finished
        await asyncio.sleep(0)
        finished += 1

    asyncio.run(bc.bounded(source(), 8, send))
    assert finished == 10_000 and most == 8
    # The rival takes all at once, whatever its semaphore says.
    taken = finished = most = 0
    asyncio.run(bc.with_semaphore(source(), 8, send))
    assert finished == 10_000 and most == 10_000


def test_the_first_failure_ends_a_bounded_run() -> None:
    async def send(mail: int) -> None:
        if mail == 5:
            raise ConnectionError("421")

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(bc.bounded(MAILS, 3, send))
    assert [type(error) for error in caught.value.exceptions] == [ConnectionError]


def test_the_watch_names_the_line_that_blocks() -> None:
    reports: list[str] = []
    reported = threading.Event()

    def report(text: str) -> None:
        reports.append(text)
        reported.set()

    def planted() -> None:
        reported.wait(PATIENCE)  # the culprit

    async def main() -> None:
        watch = bc.LoopWatch(0.02, report)
        watch.start()
        planted()
        watch.stop()
        await asyncio.sleep(0)
        await asyncio.to_thread(watch.join, PATIENCE)
        assert not watch.is_alive()

    asyncio.run(main())
    lines, first = inspect.getsourcelines(planted)
    line = first + next(i for i, text in enumerate(lines) if "the culprit" in text)
    assert f'{Path(__file__).name}", line {line}, in planted' in reports[0]


def test_the_watch_is_silent_while_the_loop_turns() -> None:
    reports: list[str] = []

    class Impatient(threading.Event):
        """Never waits between two looks at the loop, so the patience is only for the answer."""

        def wait(self, timeout: float | None = None) -> bool:
            return self.is_set()

    async def main() -> None:
        watch = bc.LoopWatch(PATIENCE, reports.append)
        watch.finished = Impatient()
        looks, loop = 0, asyncio.get_running_loop()
        tell = loop.call_soon_threadsafe

        def counted(*args: Any) -> Any:
            nonlocal looks
            looks += 1
            return tell(*args)
        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
        watch.start()
        while looks < 5:
            await asyncio.sleep(0.001)
        watch.stop()
        while watch.is_alive():
            await asyncio.sleep(0.001)
    asyncio.run(main())
    assert reports == []


def test_beats_missed_in_a_freeze_are_counted_one_by_one() -> None:
    class Clock(asyncio.SelectorEventLoop):
        """A loop whose time only moves when told, or when it would sleep."""
        now = 0.0

        def time(self) -> float:
            return self.now

        def _run_once(self) -> None:
            if not self._ready and self._scheduled:  # type: ignore[attr-defined]
                self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
            super()._run_once()  # type: ignore[misc]

    lags: list[float] = []

    async def main() -> None:
        task = asyncio.create_task(bc.heartbeat(lags, 1.0))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.now += 4.5  # type: ignore[attr-defined]  # a freeze: due at 1, 2, 3 and 4
        await asyncio.sleep(0.25)
        task.cancel()

    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(main())
    assert lags == [3.5, 2.5, 1.5, 0.5]


@pytest.mark.parametrize(("careful", "times"), [(False, 2), (True, 1)])
def test_a_time_limit_round_a_thread_sends_twice_unless_careful(careful: bool, times: int) -> None:
    sent: list[int] = []
    second = threading.Event()
    calls = 0

    def send(mail: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            second.wait(0.3 if careful else PATIENCE)  # careless: until the retry runs
        else:
            second.set()
        sent.append(mail)

    asyncio.run(bc.cancelled_and_retried(send, 7, 0.05, careful))
    assert sent == [7] * times


def test_percentile_is_a_value_that_occurred() -> None:
    assert bc.percentile([3, 1, 2], 0.5) == 2
    assert bc.percentile(list(range(1, 101)), 0.99) == 99
    assert bc.percentile(list(range(1, 101)), 1) == 100
    assert bc.percentile([5], 0.5) == 5


def test_estimates_by_hand() -> None:
    assert bc.bound(6, 0.1, 0.005, 1) == pytest.approx(6 / 0.105)
    assert bc.bound(100, 0.1, 0.005, 2) == 400
    # One mail never queues; two exchange a wait of 1 and a computing of 1: 2 / (1 + 1.5) by mean-value analysis.
    assert bc.mean_value(1, 0.1, [0.005]) == pytest.approx(1 / 0.105)
    assert bc.mean_value(2, 1, [1]) == pytest.approx(2 / 2.5)
    assert bc.mean_value(64, 0.1, [0.005]) <= bc.bound(64, 0.1, 0.005, 1)
    assert bc.mean_value(64, 0.1, [0.003, 0.002]) > bc.mean_value(64, 0.1, [0.005])


@pytest.mark.parametrize("name", ["async, render in processes", "processes of threads"])
def test_what_the_article_recommends_kept_its_promise_in_every_round(name: str) -> None:
    """Against blocking: at least 8 times the rate, under a hundredth of the p99 lag."""
    results = evidence.load(Path(bc.__file__).with_name("results.json"))
    row = results["strategies"]["value"].index(name)
    lowest = results["main"]["spread"][0][row]
    assert results["main"]["n"] >= 5 and lowest[10] > 8 and lowest[11] > 100
