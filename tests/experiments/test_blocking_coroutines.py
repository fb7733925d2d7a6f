"""The article on blocking coroutines with a real SMTP server, a real broker and real PDFs.

Needs the "experiments" packages and posts/blocking-coroutines/install-services.
Every process is started here and gone at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import smtplib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiosmtpd")
pytest.importorskip("fpdf")
pytest.importorskip("redis")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts" / "blocking-coroutines"))
import blocking_coroutines as bc
import broker as workers
import real_mail

# A thread's SMTP connection ends with its thread, unclosed.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(scope="module")
def server() -> Iterator[real_mail.Server]:
    with real_mail.Server() as running:
        yield running


@pytest.fixture(scope="module")
def broker() -> Iterator[real_mail.Broker]:
    with real_mail.Broker() as running:
        yield running


@pytest.mark.parametrize("name", [*real_mail.STRATEGIES, "semaphore, render in processes"])
def test_every_strategy_delivers_each_mail_once(name: str, server: real_mail.Server, broker: real_mail.Broker) -> None:
    port = broker.port if name == "broker workers" else 0
    run = real_mail.run(server, name, 24, latency=0.005, limit=8, broker_port=port)  # asserts each mail once
    assert run.rate > 0 and 1 <= run.connections <= 8


def test_the_attachment_is_a_pdf_in_a_mail_without_long_lines() -> None:
    mail = real_mail.message(7, 2)
    assert b"Message-ID: <7@shop.example>\r\n" in mail and max(map(len, mail.split(b"\r\n"))) <= 998
    assert real_mail.pdf(7, 2).startswith(b"%PDF-") and len(real_mail.pdf(7, 8)) > len(real_mail.pdf(7, 1))


CERTAIN = ["none", "refuse", "slow", "published-twice"]


@pytest.mark.parametrize("order", workers.HANDLERS)
def test_what_is_certain_is_neither_lost_nor_sent_twice(order: str, server: real_mail.Server,
                                                        broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, dict(enumerate(CERTAIN * 2)), order=order)
    assert [outcome[kind] for kind in CERTAIN] == [[2, 0, 0, 0]] * len(CERTAIN)


def test_the_last_mail_in_hand_is_sent_before_the_workers_end(server: real_mail.Server, broker: real_mail.Broker) -> None:
    """Recorded first, a second worker acknowledges what the first is still sending: the stream is empty, the mail not out."""
    outcome = workers.suffer(server, broker, {0: "slow"}, order="record first")
    assert outcome["slow"] == [1, 0, 0, 0]


def test_a_stream_is_finished_when_all_is_acknowledged_even_if_the_broker_lost_count(broker: real_mail.Broker) -> None:
    workers.fresh(broker.port)
    db: Any = workers.connect(broker.port)
    for number in range(3):
        db.xadd("mails", {"mail": number})
    assert not workers.finished(db, "mails")                                    # nothing was read
    read = db.xreadgroup(workers.GROUP, "test", {"mails": ">"})[0][1]
    assert len(read) == 3 and not workers.finished(db, "mails")                 # nothing was acknowledged
    db.xack("mails", workers.GROUP, *(entry for entry, _ in read))
    assert workers.finished(db, "mails")
    db.execute_command("XGROUP", "SETID", "mails", workers.GROUP, read[-1][0])  # without ENTRIESREAD: the count is gone
    assert db.xinfo_groups("mails")[0]["entries-read"] != 3
    assert workers.finished(db, "mails")
    db.xadd("mails", {"mail": 3})
    assert not workers.finished(db, "mails")
    db.close()


def test_a_broker_that_hangs_ends_the_run_at_its_deadline(server: real_mail.Server) -> None:
    with real_mail.Broker() as frozen:
        stop = threading.Timer(0.5, frozen._process.send_signal, [signal.SIGSTOP])
        stop.start()

        def run() -> None:
            with contextlib.suppress(TimeoutError):
                workers.suffer(server, frozen, dict.fromkeys(range(300), "none"), latency=0.05, seconds=2)
                os._exit(1)
            os._exit(0)
        process = real_mail.FORK.Process(target=run)
        process.start()
        process.join(15)
        code = process.exitcode
        if code is None:                # it would hang for ever, and its workers with it
            os.kill(process.pid or 0, signal.SIGTERM)
        frozen._process.send_signal(signal.SIGCONT)
        process.join()
    assert code == 0


def test_a_worker_whose_thread_fails_ends_so_that_another_takes_over(server: real_mail.Server, broker: real_mail.Broker,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a process without a living thread in it would count as a worker until the deadline."""
    handle, parent = workers.HANDLERS["send first"], os.getpid()

    def failing_once(db: Any, *rest: Any) -> None:
        assert os.getpid() != parent
        if db.set("failed", 1, nx=True):
            raise RuntimeError("planted")
        handle(db, *rest)
    monkeypatch.setitem(workers.HANDLERS, "send first", failing_once)
    outcome = workers.suffer(server, broker, {0: "none", 1: "none"}, workers=1, seconds=20)
    assert outcome["none"] == [2, 0, 0, 0]


def test_the_brokers_port_is_none_that_a_client_could_be_given(broker: real_mail.Broker) -> None:
    """A client that calls a server which is down could else be connected to itself, and keep the port from it."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert 1024 <= broker.port < lowest


def test_what_is_uncertain_is_sent_twice_or_lost_as_the_order_says(server: real_mail.Server,
                                                                  broker: real_mail.Broker) -> None:
    kinds = ["drop-before", "drop-after", "kill-before-send", "kill-after-reply"]
    first = workers.suffer(server, broker, dict(enumerate(kinds)), order="send first")
    assert [first[kind][1:3] for kind in kinds] == [[0, 0], [0, 1], [0, 0], [0, 1]]
    first = workers.suffer(server, broker, dict(enumerate(kinds)), order="record first")
    assert [first[kind][1:3] for kind in kinds] == [[1, 0], [0, 0], [1, 0], [0, 0]]


@pytest.mark.parametrize(("lease", "twice"), [(0.1, 1), (1.2, 0)])
def test_a_lease_shorter_than_the_send_lets_a_second_worker_send_too(
        lease: float, twice: int, server: real_mail.Server, broker: real_mail.Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LEASE", lease)
    assert workers.suffer(server, broker, {0: "slow"})["slow"] == [1, 0, twice, 0]


@pytest.mark.parametrize("left", ["other", "sent"])
@pytest.mark.parametrize("outcome", [workers.Refused(451), workers.Unsure()])
def test_a_worker_whose_lease_lapsed_leaves_the_others_record_alone(
        left: str, outcome: Exception, broker: real_mail.Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.fresh(broker.port)
    db: Any = workers.connect(broker.port)

    def deliver(number: int, data: bytes) -> None:
        db.set("mail:1", left)  # meanwhile the lease lapsed, and another has the mail in hand or has sent it
        raise outcome

    monkeypatch.setattr(workers, "deliver", deliver)
    entry = db.xadd("mails", {"mail": 1})
    workers.handle(db, "mails", "slow one", entry, 1, b"", lambda: None, lambda: None)
    assert db.get("mail:1") == left
    monkeypatch.setattr(workers, "deliver", lambda number, data: (_ for _ in ()).throw(outcome))
    db.delete("mail:1")
    workers.handle(db, "mails", "slow one", entry, 1, b"", lambda: None, lambda: None)
    assert db.get("mail:1") is None  # its own it does release
    db.close()


def test_a_permanent_refusal_becomes_a_dead_letter(server: real_mail.Server, broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, {0: "reject", 1: "none"})
    assert outcome["reject"] == [1, 0, 0, 1] and outcome["none"] == [1, 0, 0, 0]


def test_a_broker_that_is_killed_loses_nothing(server: real_mail.Server, broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, dict.fromkeys(range(80), "none"), threads=2, latency=0.05, broker_kills=1)
    assert outcome["crashes"][0] == 1 and outcome["none"] == [80, 0, 0, 0]


def test_workers_killed_at_random_lose_nothing(server: real_mail.Server, broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, dict.fromkeys(range(80), "none"), threads=2, latency=0.05, worker_kills=2)
    injected, lost, twice, dead = outcome["none"]
    assert (injected, lost, dead) == (80, 0, 0) and twice <= 2 * 2  # at most what the killed had in hand


def test_a_connection_limit_refuses_and_loses_nothing(server: real_mail.Server, broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, dict.fromkeys(range(20), "none"), threads=4, limit=3)
    assert outcome["none"] == [20, 0, 0, 0] and server.stats()["refused"] > 0
    server.set(0.0, limit=0)
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP("127.0.0.1", server.port, local_hostname="localhost")


@pytest.mark.parametrize(("careful", "twice"), [(False, 1), (True, 0)])
def test_a_time_limit_round_a_thread(careful: bool, twice: int, server: real_mail.Server) -> None:
    server.set(1.0)
    real_mail.SETTINGS = real_mail.Settings(server.port)
    asyncio.run(bc.cancelled_and_retried(real_mail.work, 1, 0.2, careful))
    assert server.stats()["received"] == {1: 1 + twice}


def test_services_end_with_their_block() -> None:
    with real_mail.Server() as server, real_mail.Broker() as broker:
        processes = [server._process, broker._process]
    assert not processes[0].is_alive() and processes[1].poll() is not None and not Path(broker._folder).exists()
