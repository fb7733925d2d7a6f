"""The article on blocking coroutines with a real SMTP server, a real broker and real PDFs.

Needs the "experiments" packages and posts/blocking-coroutines/install-services.
Every process is started here and gone at the end.
"""

from __future__ import annotations

import asyncio
import smtplib
import sys
from collections.abc import Iterator
from pathlib import Path

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


# With "record first" the second worker acknowledges what the first is still sending, and a run ends when all is
# acknowledged: the last slow mail would be cut off by the end of the test, not by the fault.
SAFE = {"send first": ["none", "refuse", "slow", "published-twice"], "record first": ["none", "refuse", "published-twice"]}


@pytest.mark.parametrize("order", workers.HANDLERS)
def test_what_is_certain_is_neither_lost_nor_sent_twice(order: str, server: real_mail.Server,
                                                        broker: real_mail.Broker) -> None:
    outcome = workers.suffer(server, broker, dict(enumerate(SAFE[order] * 2)), order=order)
    assert [outcome[kind] for kind in SAFE[order]] == [[2, 0, 0, 0]] * len(SAFE[order])


def test_what_is_uncertain_is_sent_twice_or_lost_as_the_order_says(server: real_mail.Server,
                                                                  broker: real_mail.Broker) -> None:
    kinds = ["drop-before", "drop-after", "kill-before-send", "kill-after-reply"]
    first = workers.suffer(server, broker, dict(enumerate(kinds)), order="send first")
    assert [first[kind][1:3] for kind in kinds] == [[0, 0], [0, 1], [0, 0], [0, 1]]
    first = workers.suffer(server, broker, dict(enumerate(kinds)), order="record first")
    assert [first[kind][1:3] for kind in kinds] == [[1, 0], [0, 0], [1, 0], [0, 0]]


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
