"""serve: the production server, gunicorn with threads, started from Python.

Signals to the first process: SIGTERM answers what was accepted and stops, SIGHUP loads the bundles again in place.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from carepick.engine.memory import share_heaps
from carepick.errors import CarepickError, SettingsError
from carepick.settings import Settings
from carepick.web.capacity import SPARE_THREADS, most_admitted
from carepick.web.logging import set_up_logging
from carepick.web.runstate import RunState

if TYPE_CHECKING:
    from flask import Flask

# Longer than the proxies and client pools in front keep an idle connection, so that they close it and not we.
_KEEPALIVE_SECONDS = 75
_IDLE_CONNECTIONS = 1000
_BACKLOG = 2048
_OTHER_FILES = 100  # that a worker may hold open beside its connections


def serve(settings: Settings, dev: bool = False) -> int:
    """Serves until it is told to stop and returns 0; `dev` runs Flask's own server in this process instead.

    Prints the address and a call to try when the model is loaded. Raises `SettingsError` when the port cannot be had,
    `BundleError` and its like when the model cannot be loaded.
    """
    set_up_logging(settings.log_level)
    _dump_nothing()
    share_heaps()
    listener = _listen(settings.host, settings.port)
    return _serve_dev(settings, listener) if dev else _serve_gunicorn(settings, listener)


class Application(BaseApplication):  # type: ignore[misc]
    """gunicorn's view of Carepick: its options, and the app that each worker makes for itself."""

    def __init__(self, settings: Settings, listener: socket.socket, state: RunState) -> None:
        self.settings = settings
        self.state = state
        self._options = _options(settings, listener)
        super().__init__()

    def load_config(self) -> None:
        """Gives gunicorn the options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("child_exit", self._child_exit)

    def load(self) -> Flask:
        """Returns a new app; called in each worker."""
        from carepick.web.app import create_app

        return create_app(self.settings)

    def greeting(self) -> str:
        """Returns the address and a call to try."""
        return _greeting(self.settings)

    def _child_exit(self, master: Any, worker: Any) -> None:
        if self.settings.metrics:
            from prometheus_client.multiprocess import mark_process_dead

            mark_process_dead(worker.pid, str(self.state.metrics))  # type: ignore[no-untyped-call]
        if self.state.failure() and not getattr(self, "stopping", False):
            self.stopping = True
            raise StopIteration  # how gunicorn's main loop is asked to stop all workers


def _serve_gunicorn(settings: Settings, listener: socket.socket) -> int:
    master_pid = os.getpid()
    try:
        state = RunState()
    except OSError as error:
        raise SettingsError(f"no temporary folder can be written: set TMPDIR to one ({error.strerror})") from None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(state.metrics)  # read when prometheus_client is imported
    try:
        from carepick.web.worker import Master  # not the app: its pages would be kept twice, as workers write to theirs

        gc.freeze()
        Master(Application(settings, listener, state)).run()
    except SystemExit as end:
        if os.getpid() != master_pid:
            raise
        failure = state.failure()
        if failure:
            raise CarepickError(failure) from None
        return int(end.code or 0)
    except (RuntimeError, OSError) as error:
        if not settings.pid_file:
            raise
        raise SettingsError(f"{settings.pid_file} cannot be used: {error}") from None
    finally:
        if os.getpid() == master_pid:
            state.remove()
    return 0


def _options(settings: Settings, listener: socket.socket) -> dict[str, Any]:
    from carepick.web.worker import Log, Worker

    threads = most_admitted(settings) + SPARE_THREADS  # each starts when it is first needed
    return {
        "bind": f"fd://{listener.detach()}",
        "workers": settings.workers,
        "threads": threads,
        "worker_connections": _most_connections(threads),
        "worker_class": Worker,
        "logger_class": Log,
        "keepalive": _KEEPALIVE_SECONDS,
        "timeout": 60,
        "graceful_timeout": settings.request_timeout_ms // 1000 + 5,
        "control_socket_disable": True,
        "proc_name": "carepick",
        "pidfile": settings.pid_file or None,
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
    }


def _most_connections(threads: int) -> int:
    """Returns how many connections a worker may hold, after raising the limit on open files towards what that takes."""
    wanted = threads + _IDLE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + _OTHER_FILES:
        soft = wanted + _OTHER_FILES if hard == resource.RLIM_INFINITY else min(wanted + _OTHER_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(threads + 1, min(wanted, soft - _OTHER_FILES))


def _dump_nothing() -> None:
    """Keeps the memory of this process and of its workers, which holds texts, out of core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Linux passes over the limit where a program collects the dumps; there they hold none of the memory.
    with contextlib.suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")


def _listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket; raises `SettingsError` that says why there is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        reason = {
            errno.EADDRINUSE: "is already in use: stop the other server or choose another port",
            errno.EACCES: "may not be used by this user: choose a port above 1023",
        }.get(error.errno or 0, "cannot be listened on: check the host")
        raise SettingsError(f"port {port} on {host} {reason}") from None


def _serve_dev(settings: Settings, listener: socket.socket) -> int:
    from werkzeug.serving import WSGIRequestHandler, make_server

    from carepick.web.app import create_app
    from carepick.web.loading import load

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """Logs nothing: the app logs one line a request, and werkzeug's holds the query."""

    app = create_app(settings)
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    predictor = load(app)
    server = make_server(settings.host, settings.port, app, threaded=True, request_handler=Quiet, fd=listener.fileno())
    print(_greeting(settings), flush=True)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        predictor.close()
    return 0


def _greeting(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    key = " -H 'X-API-Key: YOUR-KEY'" if settings.api_key else ""
    return (
        f"Carepick answers at {address} (manual: {address}/docs). Try:\n"
        f"  curl '{address}/specialty?k=3' -H 'Content-Type: application/json'{key} "
        '-d \'{"text": "머리가 아프고 열이 나요"}\''
    )
