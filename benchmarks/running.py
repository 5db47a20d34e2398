"""Starts a server in an environment of its own, waits until it answers, and ends it with all its processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cgroup import MemoryGroup
from benchmarks.contestants import ROOT, VENVS, ModelSet, Server, Variant
from benchmarks.memory import tree

PROBE = "머리가 아프고 열이 나요"
_PATIENCE_SECONDS = 180.0
_END_SECONDS = 30.0
_POLL_SECONDS = 0.01
_PORTS = 3  # some servers listen on the next ones as well


class StartError(Exception):
    """A server did not come to answer; says why, with the end of its log."""


@dataclass(frozen=True)
class Running:
    """A server that answers: `pid` of its first process, `start_seconds` until its first answer, which was `answer`."""

    server: Server
    port: int
    pid: int
    start_seconds: float
    answer: Any


@contextmanager
def running(
    server: Server, variant: Variant, models: ModelSet, log: Path,
    group: MemoryGroup | None = None, extra: tuple[str, ...] = (), environment: dict[str, str] | None = None,
) -> Iterator[Running]:  # fmt: skip
    """Gives `server` with `models`, answering; its output goes to `log`, its processes join `group`.

    `extra`: more words for its command line; `environment`: more variables. Raises `StartError`.
    """
    port = free_ports(_PORTS)
    words = [*server.command(variant, port, models), *extra]
    words[0] = str(VENVS / server.name / "bin" / words[0])
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*_joining(group), *words],
            cwd=log.parent, env=_environment(server, variant, models, port) | (environment or {}),
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            answer = _first_answer(process, server, port, log)
            yield Running(server, port, process.pid, time.perf_counter() - begun, answer)
        finally:
            _end(process)


def free_ports(count: int) -> int:
    """Returns a port of this machine that is free, as the `count` - 1 after it are."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            first = int(listener.getsockname()[1])
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first


def ask(port: int, path: str, body: str, seconds: float = 30.0) -> tuple[int, Any]:
    """Returns the status and the document that a server answers; raises `OSError` when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", path, body.encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if response.status == 200 else content.decode("utf-8", "replace")
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def _first_answer(process: subprocess.Popen[bytes], server: Server, port: int, log: Path) -> Any:
    [(path, body), *_] = server.sentence(PROBE, False)
    said: object = "nothing"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            status, said = ask(port, path, body)
            if status == 200:
                return said
        time.sleep(_POLL_SECONDS)
    state = "still runs" if process.poll() is None else f"ended with {process.returncode}"
    raise StartError(f"{server.name} {state}, and last answered {said!r}; its log ends:\n{_tail(log)}")


def _environment(server: Server, variant: Variant, models: ModelSet, port: int) -> dict[str, str]:
    """Returns the variables of this process without Carepick's, and with those that the scripts in servers/ read.

    Only Carepick itself is installed in its environment; the peers find its tokenizer in the working tree.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAREPICK_", "PYTHON"))}
    told = {
        "BENCH_PORT": str(port),
        "BENCH_WORKERS": str(variant.workers),
        "BENCH_THREADS": str(variant.threads),
        "BENCH_BATCH": str(variant.batch),
        "BENCH_BUNDLES": ",".join(map(str, models.bundles)),
        "BENCH_ORIGINALS": str(models.originals or ""),
    }
    lent = {} if server.name == "carepick" else {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    path = f"{VENVS / server.name / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return kept | told | lent | dict(server.environment) | {"PATH": path}


def _joining(group: MemoryGroup | None) -> list[str]:
    """Returns the words of a shell that joins `group` and becomes the server."""
    return ["/bin/sh", "-c", f'echo $$ > "{group.processes}" && exec "$@"', "sh"] if group else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the first process to end, and ends what is left of its tree after a while."""
    left = set(tree(process.pid))
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    deadline = time.monotonic() + 5
    while (left := set(filter(_alive, left))) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(_END_SECONDS)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
