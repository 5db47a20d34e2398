"""The app with a real predictor on the deterministic engine: everything but the model's weights."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from carepick.service.predictor import Predictor
from carepick.settings import Settings
from carepick.web.app import create_app


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(engine="deterministic")


@pytest.fixture(scope="session")
def predictor(settings: Settings) -> Iterator[Predictor]:
    predictor = Predictor.load(settings)
    yield predictor
    predictor.close()


@pytest.fixture(scope="session")
def app(settings: Settings, predictor: Predictor) -> Flask:
    return create_app(settings, predictor)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def client_with(predictor: Predictor) -> Callable[..., FlaskClient]:
    """Returns a client of an app with other settings, such as api_key."""

    def make(**changes: object) -> FlaskClient:
        return create_app(Settings(engine="deterministic", **changes), predictor).test_client()

    return make


@dataclass
class RunningServer:
    """`carepick serve` in a process of its own, its output in files."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self, path: str, body: object = None, connection: http.client.HTTPConnection | None = None
    ) -> tuple[int, str]:
        """Returns status and text of a GET, or of a POST with `body` as JSON; on `connection`, or one of its own."""
        own = connection or self.connect()
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        own.request("POST" if data else "GET", path, data, headers)
        answer = own.getresponse()
        text = answer.read().decode()
        if connection is None:
            own.close()
        return answer.status, text

    def wait_until_ready(self, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.output()}")

    def output(self) -> str:
        """Returns everything that it has printed."""
        return "".join((self.folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))

    def stop(self, seconds: float = 60) -> int:
        """Sends SIGTERM and returns the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Returns a function that starts a server with the settings it is given; all are stopped at the end."""
    with _servers(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for tests that leave it as it was."""
    with _servers(tmp_path_factory.mktemp("shared")) as start:
        yield start()


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[Callable[..., RunningServer]]:
    started: list[RunningServer] = []

    def start(wait: bool = True, dev: bool = False, **changes: object) -> RunningServer:
        server = _start(folder / f"server-{len(started)}", dev, changes)
        started.append(server)
        if wait:
            server.wait_until_ready()
        return server

    try:
        yield start
    finally:
        for server in started:
            _end(server.process)


def _start(folder: Path, dev: bool, changes: dict[str, object]) -> RunningServer:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = changes.pop("files", None)  # how many it may open
    values = {"engine": "deterministic", "port": port, **changes}
    names = {f"CAREPICK_{name.upper()}": str(value) for name, value in values.items()}
    (folder / "tmp").mkdir(parents=True)
    environment = {**os.environ, **names, "TMPDIR": str(folder / "tmp"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "carepick", "serve", *(["--dev"] if dev else [])]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=folder)
        if files:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, files))
    return RunningServer(process, int(str(values["port"])), folder)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
