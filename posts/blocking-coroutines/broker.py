"""Workers that take mails from a Redis stream, and what happens to them when things break.

A stream with a consumer group keeps each entry until it is acknowledged. An
entry that stays unacknowledged for IDLE seconds goes to another worker
(XAUTOCLAIM); the second worker then asks the record who has sent it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import smtplib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

import real_mail

GROUP, DEAD = "workers", "dead-letters"
IDLE, LEASE = 0.3, 1.2      # seconds


def connect(port: int, attempts: int = 200, patience: float = 5) -> redis.Redis:
    """A client that waits while the broker restarts, then repeats its command; never for an answer without end."""
    return redis.Redis(port=port, decode_responses=True, retry=Retry(ConstantBackoff(0.05), attempts),
                       socket_timeout=patience, socket_connect_timeout=patience,
                       retry_on_error=[redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError])


def fresh(port: int, stream: str = "mails") -> None:
    client = connect(port)
    client.flushall()
    client.xgroup_create(stream, GROUP, id="0", mkstream=True)
    client.close()


async def publish(client: Any, stream: str, mails: Iterable[int]) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in mails:
        pipeline.xadd(stream, {"mail": number})
    await pipeline.execute()


class Refused(Exception):
    """The server said no: the mail was not delivered."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


class Unsure(Exception):
    """The connection broke after the mail was sent and before the reply came."""


def deliver(number: int, data: bytes) -> None:
    for attempt in (1, 2):
        try:
            smtp = real_mail.connection()
            smtp.ehlo_or_helo_if_needed()
            for code, _ in (smtp.mail("shop@shop.example"), smtp.rcpt(f"buyer{number}@example.com")):
                if code not in (250, 251):
                    smtp.rset()
                    raise Refused(code)
            break
        except smtplib.SMTPConnectError as no:
            raise Refused(no.smtp_code) from None
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            real_mail._local.owner = None    # a connection gone stale: nothing was sent, so once more
            if attempt == 2:
                raise Refused(421) from None
    try:
        code, _ = smtp.data(data)
    except (smtplib.SMTPServerDisconnected, ConnectionError, TimeoutError):
        real_mail._local.owner = None
        raise Unsure from None
    if code != 250:
        raise Refused(code)


# region worker
RELEASE = """if redis.call('GET', KEYS[1]) == ARGV[1]
             then redis.call('DEL', KEYS[1]) end"""


def handle(db, stream, worker, entry, number, data, before, after):
    record = f"mail:{number}"
    claim = db.set(record, worker, nx=True, px=int(1000 * LEASE))
    if not claim:
        if db.get(record) == "sent":          # delivered again: skip
            db.xack(stream, GROUP, entry)
        return                                # or another has it now
    try:
        before()                              # a fault may strike here
        deliver(number, data)
        after()                               # or here
    except Refused as no:
        if no.code < 500:
            db.eval(RELEASE, 1, record, worker)   # again, after IDLE
            return
        with db.pipeline() as both:           # 5xx: never again
            both.xadd(DEAD, {"mail": number, "code": no.code})
            both.xack(stream, GROUP, entry)
            both.incr("done").execute()
        return
    except Unsure:
        db.eval(RELEASE, 1, record, worker)   # again: maybe twice
        return
    with db.pipeline() as both:               # MULTI: both or neither
        both.set(record, "sent")
        both.xack(stream, GROUP, entry)
        both.incr("done").execute()
# endregion worker


def handle_at_most_once(db, stream, worker, entry, number, data, before, after):
    """The other order: recorded first, so a mail whose fate is unknown is never sent again."""
    record = f"mail:{number}"
    if not db.set(record, worker, nx=True):
        # Somebody began. Only a definite refusal would have removed the record.
        with db.pipeline() as both:
            both.xack(stream, GROUP, entry)
            both.sadd("unsure", number).execute()
        return
    try:
        before()
        deliver(number, data)
        after()
    except Refused as no:
        if no.code < 500:
            db.delete(record)
            return
        with db.pipeline() as both:
            both.xadd(DEAD, {"mail": number, "code": no.code})
            both.xack(stream, GROUP, entry).execute()
        return
    except Unsure:
        pass
    db.xack(stream, GROUP, entry)


HANDLERS = {"send first": handle, "record first": handle_at_most_once}


def consume(settings: real_mail.Settings, worker: str, order: str, stopping: threading.Event) -> None:
    db, stream = connect(settings.broker), settings.stream

    def strike(fault: str, kind: str, number: int) -> None:
        if fault == kind and db.set(f"struck:{number}", 1, nx=True):
            os.kill(os.getpid(), signal.SIGKILL)

    db.xgroup_createconsumer(stream, GROUP, worker)
    next_look = 0.0
    while not stopping.is_set():
        entries: list[Any] = []
        if time.monotonic() > next_look:
            next_look = time.monotonic() + IDLE / 2
            entries = db.xautoclaim(stream, GROUP, worker, min_idle_time=int(1000 * IDLE), count=1)[1]
        if entries:
            next_look = 0.0
        else:
            read = db.xreadgroup(GROUP, worker, {stream: ">"}, count=1, block=100)
            entries = read[0][1] if read else []
        for entry, fields in entries:
            number, fault = int(fields["mail"]), fields.get("fault", "")
            data = real_mail.message(number, settings.pages, fault)
            HANDLERS[order](db, stream, worker, entry, number, data,
                            lambda: strike(fault, "kill-before-send", number),    # noqa: B023
                            lambda: strike(fault, "kill-after-reply", number))    # noqa: B023


def run_worker(settings: real_mail.Settings, worker: str, threads: int, order: str = "send first") -> None:
    """Until SIGTERM: then each thread ends the mail in hand, and takes no other. Or until no thread is left."""
    real_mail.SETTINGS = settings
    stopping = threading.Event()

    crew = [threading.Thread(target=consume, args=(settings, f"{worker}-{number}", order, stopping), daemon=True)
            for number in range(threads)]
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    os._exit(0)


# ----------------------------------------------------------------- fault cases

KINDS = ["none", "refuse", "drop-before", "drop-after", "slow", "published-twice", "reject", "kill-before-send",
         "kill-after-reply"]


class Outcome(dict[str, list[int]]):
    """For each kind of fault: injected, lost, delivered once too often, dead letters."""


def finished(db: Any, stream: str) -> bool:
    """Whether every entry was delivered and acknowledged.

    The group's counter `entries-read` would say so more simply, but is only an estimate: None, or too small, where
    the broker lost count. The last id is exact.
    """
    group = db.xinfo_groups(stream)[0]
    return bool(group["pending"] == 0 and group["last-delivered-id"] == db.xinfo_stream(stream)["last-generated-id"])


def suffer(server: real_mail.Server, broker: real_mail.Broker, faults: dict[int, str], *, order: str = "send first",
           workers: int = 4, threads: int = 1, latency: float = 0.01, limit: int = 10_000,
           worker_kills: int = 0, broker_kills: int = 0, seconds: float = 240) -> Outcome:
    """Publish a mail for each fault, keep the workers alive until the stream is empty, and count.

    TimeoutError after `seconds`, whatever hangs: nothing here waits for longer than a second at a time.
    """
    fresh(broker.port)
    server.set(latency, limit)
    settings = real_mail.Settings(server.port, 0, broker.port)
    db = connect(broker.port, attempts=3, patience=0.5)
    for number, fault in faults.items():
        for _ in range(2 if fault == "published-twice" else 1):
            db.xadd("mails", {"mail": number, "fault": fault})
    started = crashes = 0
    crew: list[Any] = []
    deadline, next_kill = time.monotonic() + seconds, time.monotonic() + 0.4
    try:
        while True:
            crew = [process for process in crew if process.is_alive()]
            while len(crew) < workers:
                started += 1
                crew.append(real_mail.FORK.Process(target=run_worker, args=(settings, f"w{started}", threads, order),
                                                   daemon=True))
                crew[-1].start()
            if time.monotonic() > deadline:
                raise TimeoutError("the stream is not empty")
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):    # asked again until the deadline
                if finished(db, "mails"):
                    break
            if time.monotonic() > next_kill and crashes < worker_kills + broker_kills:
                crashes += 1
                next_kill = time.monotonic() + 0.25
                if crashes <= broker_kills:
                    broker.crash()
                else:
                    crew[0].kill()
                    crew[0].join()
            time.sleep(0.02)
        # All is acknowledged, but with "record first" somebody may still be sending what another acknowledged.
        for process in crew:
            process.terminate()
        for process in crew:
            process.join(max(0.1, deadline - time.monotonic()))
    finally:
        for process in crew:
            process.kill()
            process.join()
    received: Counter[int] = Counter(server.stats()["received"])
    dead = {int(fields["mail"]) for _, fields in db.xrange(DEAD)}
    with contextlib.suppress(redis.ConnectionError):
        db.close()
    outcome = Outcome()
    for number, fault in faults.items():
        row = outcome.setdefault(fault, [0, 0, 0, 0])
        row[0] += 1
        row[1] += received[number] == 0 and number not in dead
        row[2] += max(0, received[number] - 1)
        row[3] += number in dead
    outcome["crashes"] = [crashes, 0, 0, 0]
    return outcome
