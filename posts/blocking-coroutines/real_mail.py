"""The real parts: an SMTP server, a broker, PDF attachments, an HTTP endpoint; all on loopback.

Needs the "experiments" packages and Debian's redis-server (install-services).
Every service is a process of its own that `with` starts and stops.

    python real_mail.py STRATEGY MAILS LATENCY PAGES   # one run, in whatever Python this is; prints a Run as JSON
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP as CRLF
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import aiosmtplib
import redis
from aiosmtpd.smtp import SMTP
from fpdf import FPDF
from redis.backoff import ConstantBackoff
from redis.retry import Retry

import blocking_coroutines as bc

FORK = multiprocessing.get_context("fork")
BEAT = 0.01      # seconds between heartbeats
PROBE = 0.05     # seconds between requests to the endpoint
SLOW = 0.6       # seconds that the fault "slow" adds to a reply
LATER = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)      # shares of the beats, for the curve of the lag


# -------------------------------------------------------------------- the sink

class Sink:
    """Accepts mail after `latency` seconds, counts each message id, and fails as a header asks, once."""

    def __init__(self) -> None:
        self.latency, self.limit = 0.0, 10_000
        self.clear()

    def clear(self) -> None:
        self.received: Counter[int] = Counter()
        self.faulted: set[int] = set()
        self.open = self.peak = self.refused = 0

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        head = envelope.content[:2000]
        number = int(re.search(rb"^Message-ID: <(\d+)@", head, re.MULTILINE)[1])  # type: ignore[index]
        found = re.search(rb"^X-Fault: (\S+)", head, re.MULTILINE)
        fault = found[1].decode() if found else ""
        first = number not in self.faulted
        self.faulted.add(number)
        if fault == "reject":
            return "550 no such buyer"
        if first and fault == "refuse":
            return "451 try again later"
        if first and fault == "drop-before":
            server.transport.abort()
            return "451 unheard"
        await asyncio.sleep(self.latency + (SLOW if first and fault == "slow" else 0))
        self.received[number] += 1
        if first and fault == "drop-after":
            server.transport.abort()
        return "250 accepted"

    def stats(self) -> dict[str, Any]:
        return {"received": dict(self.received), "peak": self.peak, "refused": self.refused,
                "cpu": time.process_time()}


def serve_sink(pipe: Connection) -> None:
    sink = Sink()

    class Counting(SMTP):
        counted = False

        def connection_made(self, transport: Any) -> None:
            if sink.open >= sink.limit:
                sink.refused += 1
                transport.write(b"421 too many connections\r\n")
                transport.close()
                return
            self.counted = True
            sink.open += 1
            sink.peak = max(sink.peak, sink.open)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            if self.counted:
                sink.open -= 1
                super().connection_lost(error)

    async def main() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def command() -> None:
            try:
                name, value = pipe.recv()
            except EOFError:
                over.set()
                return
            if name == "set":
                sink.clear()
                sink.latency, sink.limit = value
                sink.open = 0
            pipe.send(sink.stats())

        loop.add_reader(pipe.fileno(), command)
        server = await loop.create_server(lambda: Counting(sink, hostname="localhost", timeout=60, loop=loop),
                                          "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await over.wait()
        server.close()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main())


class Server:
    """The sink in its own process: `port`, `set` its behaviour and forget, `stats` since then."""

    def __enter__(self) -> Server:
        self._pipe, theirs = FORK.Pipe()
        self._process = FORK.Process(target=self._serve, args=(self._pipe, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.port: int = self._pipe.recv()
        return self

    @staticmethod
    def _serve(ours: Connection, theirs: Connection) -> None:
        ours.close()          # or the end of the experiment would never be seen here
        serve_sink(theirs)

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(5)
        self._process.kill()
        self._process.join()

    def _ask(self, name: str, value: Any) -> dict[str, Any]:
        self._pipe.send((name, value))
        if not self._pipe.poll(30):
            raise TimeoutError("the SMTP server does not answer")
        answer: dict[str, Any] = self._pipe.recv()
        return answer

    def set(self, latency: float, limit: int = 10_000) -> dict[str, Any]:
        return self._ask("set", (latency, limit))

    def stats(self) -> dict[str, Any]:
        return self._ask("stats", None)


# ------------------------------------------------------------------- the mails

class Settings(NamedTuple):
    """What one run of a strategy needs; forked processes inherit it as SETTINGS."""

    port: int
    pages: int = 1          # of the attachment: its cost
    broker: int = 0
    stream: str = "mails"
    log: bool = False


SETTINGS = Settings(0)
_local = threading.local()


def pdf(number: int, pages: int) -> bytes:
    document = FPDF()
    document.set_font("Helvetica", size=11)
    for page in range(pages):
        document.add_page()
        document.cell(0, 10, f"Invoice {number}, page {page + 1} of {pages}", new_x="LMARGIN", new_y="NEXT")
        for line in range(12):
            document.cell(90, 8, f"Article {line * 37 + number % 100}")
            document.cell(0, 8, f"{(number * 31 + line * 17) % 1000}.00", new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def message(number: int, pages: int, fault: str = "") -> bytes:
    mail = EmailMessage()
    mail["Message-ID"] = f"<{number}@shop.example>"
    if fault:
        mail["X-Fault"] = fault
    mail["From"], mail["To"] = "shop@shop.example", f"buyer{number}@example.com"
    mail["Subject"] = f"Your invoice {number}"
    mail.set_content("Dear buyer, your invoice is attached.\n")
    mail.add_attachment(pdf(number, pages), maintype="application", subtype="pdf", filename="invoice.pdf")
    return mail.as_bytes(policy=CRLF)


def render(number: int) -> bytes:
    return message(number, SETTINGS.pages)


def connection() -> smtplib.SMTP:
    """This thread's connection, opened on first use."""
    if getattr(_local, "owner", None) != (os.getpid(), SETTINGS.port):
        _local.smtp = smtplib.SMTP("127.0.0.1", SETTINGS.port, local_hostname="localhost", timeout=60)
        _local.owner = (os.getpid(), SETTINGS.port)
    smtp: smtplib.SMTP = _local.smtp
    return smtp


def work(number: int) -> None:
    """Render and send one mail, blocking. This is the function the article is about."""
    connection().sendmail("shop@shop.example", [f"buyer{number}@example.com"], render(number))


class AsyncMailer:
    """Connections of aiosmtplib, each used by one mail at a time."""

    def __init__(self) -> None:
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, data: bytes) -> None:
        smtp = self._idle.pop() if self._idle else None
        if smtp is None:
            smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=SETTINGS.port, local_hostname="localhost",
                                   start_tls=False)
            await smtp.connect()
        await smtp.sendmail("shop@shop.example", ["buyer@example.com"], data)
        self._idle.append(smtp)

    def close(self) -> None:
        for smtp in self._idle:
            smtp.close()


# ------------------------------------------------------- one run of a strategy

class Run(NamedTuple):
    rate: float             # mails a second
    lag_p50: float          # of the loop, ms
    lag_p99: float
    lag_max: float
    endpoint_p50: float     # response of the HTTP endpoint in the same loop, ms
    endpoint_p99: float
    cpu: float              # of the sending side, ms a mail
    server_cpu: float       # of the SMTP server, ms a mail
    memory: float           # grown by, MB: proportional set size of all processes of the sending side
    connections: float      # at once, at most
    curve: tuple[float, ...]    # lags that the shares LATER of the beats exceed, ms


Strategy = Callable[[list[int], int], Any]


@contextlib.contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are there already."""
    with ProcessPoolExecutor(count, mp_context=FORK) as pool:
        list(pool.map(time.sleep, [0.02] * count))
        yield pool


async def run_strategy(name: str, mails: list[int], limit: int, ready: Callable[[], Any]) -> None:
    """Open what the strategy needs, call `ready`, then run it."""
    with contextlib.ExitStack() as stack:
        mailer = AsyncMailer()
        stack.callback(mailer.close)
        if name in SIMPLE:
            await ready()
            await SIMPLE[name](mails, work)
        elif name == "sized pool":
            threads = stack.enter_context(ThreadPoolExecutor(limit))
            await ready()
            await bc.sized_pool(mails, work, threads, limit)
        elif name == "async, render in loop":
            await ready()
            await bc.async_library(mails, render, mailer.send, limit, None)
        elif name == "async, render in threads":
            threads = stack.enter_context(ThreadPoolExecutor(4))
            await ready()
            await bc.async_library(mails, render, mailer.send, limit, threads)
        elif name == "async, render in processes":
            pool = stack.enter_context(processes(2))
            await ready()
            await bc.async_library(mails, render, mailer.send, limit, pool)
        elif name == "semaphore, render in processes":
            pool, loop = stack.enter_context(processes(2)), asyncio.get_running_loop()

            async def one(mail: int) -> None:
                await mailer.send(await loop.run_in_executor(pool, render, mail))
            await ready()
            await bc.with_semaphore(mails, limit, one)
        elif name == "processes of threads":
            pool = stack.enter_context(processes(2))
            await ready()
            await bc.processes_of_threads(mails, work, pool, 2, limit // 2)
        elif name == "broker workers":
            import broker
            workers = [FORK.Process(target=broker.run_worker, args=(SETTINGS, f"w{i}", limit // 2), daemon=True)
                       for i in range(2)]
            for worker in workers:
                worker.start()
            client = redis.asyncio.Redis(port=SETTINGS.broker)
            while len(await client.xinfo_consumers(SETTINGS.stream, "workers")) < limit:
                await asyncio.sleep(0.02)
            await ready()
            await broker.publish(client, SETTINGS.stream, mails)
            while int(await client.get("done") or 0) < len(mails):
                await asyncio.sleep(0.02)
            await client.aclose()
            for worker in workers:
                worker.kill()         # idle: all is done
                worker.join()
        else:
            raise ValueError(name)


SIMPLE: dict[str, Callable[[list[int], bc.Work], Any]] = {
    "sequential": bc.sequential, "blocking": bc.blocking, "one at a time": bc.one_at_a_time,
    "default pool": bc.default_pool}
STRATEGIES = [*SIMPLE, "sized pool", "async, render in loop", "async, render in threads",
              "async, render in processes", "processes of threads", "broker workers"]


def used_cpu() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in
               map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def client(pipe: Connection, settings: Settings, name: str, mails: list[int], limit: int) -> None:
    global SETTINGS
    SETTINGS = settings

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
            writer.close()

    async def main() -> None:
        endpoint = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4096)
        lags: list[float] = []
        began = [0.0]
        beat: list[asyncio.Task[None]] = []

        async def ready() -> None:
            pipe.send(endpoint.sockets[0].getsockname()[1])
            pipe.recv()
            beat.append(asyncio.create_task(bc.heartbeat(lags, BEAT)))
            await asyncio.sleep(2 * BEAT)
            lags.clear()
            began[0] = time.perf_counter()

        await run_strategy(name, mails, limit, ready)
        seconds = time.perf_counter() - began[0]
        await asyncio.sleep(2 * BEAT)
        beat[0].cancel()
        pipe.send((seconds, lags, used_cpu()))
        while not pipe.poll():          # the endpoint answers what was asked meanwhile
            await asyncio.sleep(0.01)

    asyncio.run(main())
    os._exit(0)


def proportional_memory(pid: int) -> float:
    """MB of a process and its descendants, shared pages divided among their users."""
    total = 0.0
    with contextlib.suppress(OSError, TypeError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total = int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += proportional_memory(int(child))
    return total


async def observe(pipe: Connection, pid: int) -> tuple[Any, list[float], float]:
    """Ask the endpoint at fixed times, whatever became of earlier requests; until the client is done."""
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[Any] = loop.create_future()
    port = pipe.recv()

    def report() -> None:
        loop.remove_reader(pipe.fileno())
        try:
            finished.set_result(pipe.recv())
        except EOFError:
            finished.set_exception(RuntimeError("the client died"))
    loop.add_reader(pipe.fileno(), report)
    times: list[float] = []

    async def probe(due: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.read()
        times.append(loop.time() - due)
        writer.close()

    start_memory = proportional_memory(pid)
    memory = 0.0
    pipe.send("go")
    tasks, due, count = [], loop.time() + 2 * BEAT, 0
    while not finished.done():
        tasks.append(asyncio.create_task(probe(due)))
        if count % 6 == 2:
            memory = max(memory, proportional_memory(pid))
        due, count = due + PROBE, count + 1
        await asyncio.wait([finished], timeout=max(0.0, due - loop.time()))
    result = await finished
    await asyncio.gather(*tasks)
    return result, times, max(0.0, memory - start_memory)


def run(server: Server, name: str, mails: int, *, latency: float, pages: int = 1, limit: int = 32,
        broker_port: int = 0) -> Run:
    """One run in a fresh process; every mail must have arrived, once."""
    if broker_port:
        import broker
        broker.fresh(broker_port)
    before = server.set(latency)["cpu"]
    settings = Settings(server.port, pages, broker_port)
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=client, args=(theirs, settings, name, list(range(mails)), limit))
    process.start()
    theirs.close()
    assert process.pid is not None
    (seconds, lags, cpu), times, memory = asyncio.run(observe(ours, process.pid))
    ours.send("end")
    process.join()
    stats = server.stats()
    assert stats["received"] == dict.fromkeys(range(mails), 1), f"{name}: not each mail once"
    ms = 1000.0
    return Run(mails / seconds, *(ms * bc.percentile(lags, share) for share in (0.5, 0.99, 1)),
               *(ms * bc.percentile(times, share) for share in (0.5, 0.99)), ms * cpu / mails,
               ms * (stats["cpu"] - before) / mails, memory, stats["peak"],
               tuple(ms * bc.percentile(lags, 1 - share) for share in LATER))


# ------------------------------------------------------------------ the broker

def free_port() -> int:
    """A port below those that the system gives to clients.

    While a server on one of *those* is down, a client that calls it may be given the same port, is then connected
    to itself, and keeps the port from the server that wants to come back.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Broker:
    """Debian's Redis with an append-only file: what it has answered outlives its process.

    It syncs the file every second, so a crash of the machine can take the last second with it; "always" would not,
    and pays a sync for each write.
    """

    def __enter__(self) -> Broker:
        program = shutil.which("redis-server")
        if not program:
            raise SystemExit("there is no redis-server; posts/blocking-coroutines/install-services installs it")
        self._program, self.port = program, free_port()
        self._folder = tempfile.mkdtemp(prefix="broker-")
        self._start()
        return self

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
             "--appendfsync", "everysec", "--dir", self._folder], stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port, retry=Retry(ConstantBackoff(0.02), 500), socket_timeout=5,
                             retry_on_error=[redis.ConnectionError, redis.BusyLoadingError])
        client.ping()
        client.close()

    def crash(self) -> None:
        """SIGKILL and start again."""
        self._process.kill()
        self._process.wait()
        self._start()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def shuffled(names: Sequence[Any], seed: int) -> list[Any]:
    names = list(names)
    random.Random(seed).shuffle(names)
    return names


if __name__ == "__main__":
    strategy, mails, latency, pages = sys.argv[1:]
    with Server() as server:
        print(json.dumps(run(server, strategy, int(mails), latency=float(latency), pages=int(pages))))
