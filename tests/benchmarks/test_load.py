"""The one who asks: what it counts must be what a server really did."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from benchmarks.load import Generator, Outcome, Plan, request_bytes, status_of
from benchmarks.stats import BROKEN, OK, TIMED_OUT, statuses

Answer = Callable[[str, str], tuple[int, float]]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """Gives the port of a server that answers (path, body) with a status after some seconds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, seconds = answer(self.path, body)
            time.sleep(seconds)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def carry_out(port: int, **changes: object) -> Outcome:
    sentences = [[("/a", '{"text": "배가 아파요"}'), ("/b", "{}")]]
    plan = {"sentences": sentences, "clients": 2, "rate": 0.0, "seconds": 0.5, "warm_up": 0.0, **changes}
    return asyncio.run(Generator(Plan(port, **plan)).run())  # type: ignore[arg-type]


def test_closed_loop_asks_every_call_of_a_sentence_in_turn() -> None:
    asked: list[tuple[str, str]] = []

    def answer(path: str, body: str) -> tuple[int, float]:
        asked.append((path, body))
        return OK, 0.02

    with serving(answer) as port:
        outcome = carry_out(port, clients=1)
    assert {sample.status for sample in outcome.samples} == {OK}
    assert all(sample.seconds >= 0.04 for sample in outcome.samples)
    assert 2 * len(outcome.samples) == len(asked)
    assert asked[:2] == [("/a", '{"text": "배가 아파요"}'), ("/b", "{}")]
    assert outcome.cpu_seconds > 0


def test_open_loop_comes_whatever_the_server_does() -> None:
    with serving(lambda path, body: (OK, 0.4)) as port:
        outcome = carry_out(port, rate=100.0, clients=0, sentences=[[("/a", "{}")]], seconds=1.0)
    assert 60 <= len(outcome.samples) <= 140
    assert all(sample.seconds >= 0.4 for sample in outcome.samples)


def test_a_refused_sentence_asks_no_further() -> None:
    paths: list[str] = []

    def answer(path: str, body: str) -> tuple[int, float]:
        paths.append(path)
        return 429, 0

    with serving(answer) as port:
        outcome = carry_out(port)
    assert set(statuses(outcome.samples)) == {"429"}
    assert set(paths) == {"/a"}


def test_gives_up_in_the_end() -> None:
    with serving(lambda path, body: (OK, 1.5)) as port:
        outcome = carry_out(port, patience=0.1, seconds=0.2)
    assert {sample.status for sample in outcome.samples} == {TIMED_OUT}


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert {sample.status for sample in carry_out(port, seconds=0.2).samples} == {BROKEN}


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx: y\r\n\r\nabcd", 200),
        (b"HTTP/1.1 429 TOO MANY\r\nContent-Length: 0\r\n\r\n", 429),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 200),
    ],
)
def test_an_answer_is_whole_or_not_yet(received: bytes, status: int | None) -> None:
    assert status_of(received) == status


def test_length_is_that_of_the_bytes() -> None:
    assert b"Content-Length: 6\r\n" in request_bytes("/a", "가나")
