"""Asks a server from a process of its own: `python -m benchmarks.load` reads a plan and prints samples, both JSON.

Closed loop: so many clients, each of which asks the next sentence when it has its answer. Open loop: sentences come at
random moments (Poisson) whatever the server does, and their time counts from the moment that they were due.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.stats import BROKEN, OK, TIMED_OUT, Sample

_PAUSE_SECONDS = 1.0  # of a client that was refused: the least that Retry-After can name


@dataclass(frozen=True)
class Plan:
    """What to ask: `sentences`, each a list of calls (path, body) made one after another, on `port` of this machine.

    `clients` in a closed loop, or `rate` sentences a second in an open one; for `seconds`, after `warm_up` seconds
    that do not count. `patience`: seconds after which a client gives up.
    """

    port: int
    sentences: Sequence[Sequence[tuple[str, str]]]
    clients: int
    rate: float
    seconds: float
    warm_up: float = 1.0
    patience: float = 30.0
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a plan: all `samples`, those of the warm-up among them, and the processor seconds that asking took."""

    samples: list[Sample]
    cpu_seconds: float


class Connection(asyncio.Protocol):
    """One kept-alive connection, which asks one thing at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = bytearray()
        self.alive = True

    async def ask(self, request: bytes) -> int:
        """Sends `request` and returns the status of the answer, `BROKEN` when the connection ends before it."""
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        if not self.alive or self._transport is None:
            return BROKEN
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Ends the connection."""
        self.alive = False
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collects the answer until it is whole."""
        self._received += data
        status = status_of(self._received)
        if status is not None:
            if b"connection: close" in self._received.lower():
                self.close()
            self._finish(status)

    def connection_lost(self, _: Exception | None) -> None:
        """Ends what is still waited for."""
        self.alive = False
        self._finish(BROKEN)

    def _finish(self, status: int) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(status)


def status_of(received: bytes | bytearray) -> int | None:
    """Returns the status of the HTTP answer in `received`, or None while it is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    name = b"\r\ncontent-length:"
    place = head.find(name)
    if place >= 0:
        length = int(head[place + len(name) :].split(b"\r\n", 1)[0])
        whole = len(received) >= end + 4 + length
    else:
        whole = b"chunked" in head and received.endswith(b"0\r\n\r\n")
    return int(head[9:12]) if whole else None


def request_bytes(path: str, body: str) -> bytes:
    """Returns an HTTP request that posts the JSON `body`."""
    content = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class Generator:
    """Carries out a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [[request_bytes(path, body) for path, body in calls] for calls in plan.sentences]
        self._idle: list[Connection] = []
        self._samples: list[Sample] = []
        self._start = 0.0

    async def run(self) -> Outcome:
        """Returns what came of it; sentences begun within the time are waited for."""
        begun_cpu = _cpu_seconds()
        self._start = time.perf_counter()
        await (self._open_loop() if self._plan.rate else self._closed_loop())
        for connection in self._idle:
            connection.close()
        return Outcome(self._samples, _cpu_seconds() - begun_cpu)

    async def _closed_loop(self) -> None:
        sentences = itertools.cycle(self._requests)
        await asyncio.gather(*(self._client(sentences) for _ in range(self._plan.clients)))

    async def _client(self, sentences: Iterator[list[bytes]]) -> None:
        while (begun := self._now()) < self._plan.warm_up + self._plan.seconds:
            if await self._sentence(next(sentences), begun) != OK:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _open_loop(self) -> None:
        draw, due, asked = random.Random(self._plan.seed), 0.0, []
        for calls in itertools.cycle(self._requests):
            due += draw.expovariate(self._plan.rate)
            if due >= self._plan.warm_up + self._plan.seconds:
                break
            await asyncio.sleep(max(0.0, due - self._now()))
            asked.append(asyncio.create_task(self._sentence(calls, due)))
        await asyncio.gather(*asked)

    async def _sentence(self, calls: list[bytes], begun: float) -> int:
        """Asks every call of a sentence until one fails, and keeps the sample."""
        status = OK
        for call in calls:
            try:
                status = await asyncio.wait_for(self._ask(call), self._plan.patience)
            except asyncio.TimeoutError:
                status = TIMED_OUT
            if status != OK:
                break
        self._samples.append(Sample(begun, self._now() - begun, status))
        return status

    async def _ask(self, request: bytes) -> int:
        connection = await self._connection()
        try:
            status = await connection.ask(request)
        except asyncio.CancelledError:
            connection.close()
            raise
        if connection.alive:
            self._idle.append(connection)
        return status

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).alive:
                return connection
        connection = Connection()
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", self._plan.port)
        except OSError:
            connection.alive = False
        return connection

    def _now(self) -> float:
        return time.perf_counter() - self._start


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Reads a plan from standard input and prints its outcome."""
    plan = Plan(**json.load(sys.stdin))
    gc.disable()  # a pause of the one who asks would count as one of the server
    json.dump(asdict(asyncio.run(Generator(plan).run())), sys.stdout)


if __name__ == "__main__":
    main()
