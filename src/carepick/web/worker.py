"""gunicorn's parts with what Carepick needs: loading in the worker, reload by signal, a full drain, quiet logs.

The first process imports this too and does little: whatever needs Flask is imported in the workers, where it is used.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.systemd import sd_notify

from carepick.engine.memory import give_memory_back
from carepick.errors import CarepickError
from carepick.web.connections import ConnectionWorker
from carepick.web.logging import LOGGER, describe

if TYPE_CHECKING:
    from carepick.service.predictor import Predictor

# A worker that is started again and cannot load waits this long, so that the others keep the processor.
_PAUSE_SECONDS = 5.0
_POLL_SECONDS = 0.01
_NOTIFY_SOCKET = "NOTIFY_SOCKET"  # where systemd listens, if it started the server


class Master(Arbiter):  # type: ignore[misc]
    """The first process: holds the socket, starts the workers and passes signals on."""

    def start(self) -> None:
        """Opens the socket, and leaves it to the worker that has loaded its model to tell systemd that all is ready."""
        address = os.environ.pop(_NOTIFY_SOCKET, None)
        super().start()
        if address:
            os.environ[_NOTIFY_SOCKET] = address

    def spawn_workers(self) -> None:
        """Starts the workers that lack, and lets go of what only starting took."""
        super().spawn_workers()
        give_memory_back()

    def handle_hup(self) -> None:
        """Lets every worker load its bundles again in place; no process ends and no connection is closed."""
        LOGGER.info("reloading in %d workers", len(self.WORKERS))
        self.kill_workers(signal.SIGHUP)


# How long a thread may keep the interpreter while others want it. A runner wants it between two forward passes, for
# microseconds, and the processor idles until it has it; the usual 5 ms would be a tenth of a pass.
_SWITCH_SECONDS = 0.0005


class Worker(ConnectionWorker):
    """A process that loads its own predictor and answers requests in threads."""

    def init_signals(self) -> None:
        """Adds SIGHUP to the signals of a worker."""
        super().init_signals()
        self.wsgi: Any = None  # until it is made
        self._reloading = threading.Lock()
        signal.signal(signal.SIGHUP, self.handle_hup)
        signal.siginterrupt(signal.SIGHUP, False)

    def load_wsgi(self) -> None:
        """Makes the app and starts to load its predictor.

        The first worker of a server answers /healthz meanwhile. Every other one loads, and waits for the first one,
        before it takes requests, so that none is told to come back once /readyz has said that the server is ready.
        """
        from carepick.web.loading import load_in_background

        super().load_wsgi()
        self.read_seconds = self.app.settings.read_timeout_ms / 1000
        sys.setswitchinterval(_SWITCH_SECONDS)
        if self.age == 1:
            load_in_background(self.wsgi, self._announce, self._give_up)
        else:
            self._load_first()
            self._await_ready()

    def run(self) -> None:
        """Answers until the end, then lets the predictor finish what it accepted."""
        super().run()
        predictor = self._predictor()
        if predictor:
            predictor.close()

    def handle_hup(self, sig: int, frame: FrameType | None) -> None:
        """Loads the bundles again beside the requests that are being answered."""
        threading.Thread(target=self._reload, name="carepick-reload", daemon=True).start()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Takes new connections or stops to; at the end those that already wait are taken, and later ones refused."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._accept_waiting(listener)
                listener.close()  # gunicorn closes it after the last answer, and would break what has come since

    def handle_error(self, req: object, client: Any, addr: object, exc: Exception) -> None:
        """Answers a request that is no HTTP with a problem document that repeats nothing of it."""
        from carepick.web.errors import MEDIA_TYPE, problem_document
        from carepick.web.problems import PROBLEMS

        code = _code(exc)
        LOGGER.warning("unreadable request: %s", describe(exc))
        document = problem_document(code, self.app.settings.language, {})
        body = json.dumps(document, ensure_ascii=False).encode()
        head = (
            f"HTTP/1.1 {document['status']} {PROBLEMS[code].title.en}\r\nConnection: close\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            util.write_nonblock(client, head.encode() + body)
        except OSError:
            LOGGER.debug("the caller left before the answer")

    def _accept_waiting(self, listener: Any) -> None:
        listener.setblocking(False)
        while True:
            before = self.nr_conns
            self.accept(listener)
            if self.nr_conns == before:
                return

    def _load_first(self) -> None:
        from carepick.web.loading import load_in_background

        failures: list[CarepickError] = []
        loading = load_in_background(self.wsgi, lambda _: None, failures.append)
        while loading.is_alive() and self.alive and self.is_parent_alive():
            self.notify()  # a large model on a busy machine takes longer than a silent worker may live
            loading.join(_POLL_SECONDS)
        if failures:
            if self.app.state.was_ready():
                LOGGER.error("%s", failures[0])
                time.sleep(_PAUSE_SECONDS)
            else:
                self.app.state.fail(str(failures[0]))
            sys.exit(0)

    def _await_ready(self) -> None:
        """Returns once the server is ready; a worker in the place of one that ended makes it ready itself."""
        if self.age > self.cfg.workers:
            self._announce()
        while not self.app.state.was_ready() and self.alive and self.is_parent_alive():
            self.notify()
            time.sleep(_POLL_SECONDS)

    def _announce(self, _: Predictor | None = None) -> None:
        if self.app.state.claim_ready():
            print(self.app.greeting(), flush=True)
            sd_notify("READY=1", LOGGER)

    def _give_up(self, error: CarepickError) -> None:
        self.app.state.fail(str(error))
        self.handle_exit(signal.SIGTERM, None)

    def _reload(self) -> None:
        with self._reloading:
            while (predictor := self._predictor()) is None:
                time.sleep(_POLL_SECONDS)  # still loading, and the old bundles may have been read already
            try:
                predictor.reload()
            except Exception as error:
                reason = error if isinstance(error, CarepickError) else type(error).__name__
                LOGGER.error("kept the model that was loaded: %s", reason)
            else:
                LOGGER.info("reloaded")

    def _predictor(self) -> Predictor | None:
        from carepick.web.loading import attached

        return attached(self.wsgi) if self.wsgi else None


class Log(Logger):  # type: ignore[misc]
    """gunicorn's log within Carepick's: no debug lines and no messages of exceptions, which may quote requests."""

    def setup(self, cfg: Any) -> None:
        """Sends gunicorn's lines where Carepick's go."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log = LOGGER

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Drops the line: gunicorn's debug lines hold paths and bytes of requests."""

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Logs what the processes do at the level debug."""
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Logs the type of the exception at hand and where it was raised, without arguments and message."""
        error = sys.exc_info()[1]
        self.error_log.error("%s", describe(error) if error else "unknown error")


def _code(error: Exception) -> str:
    if isinstance(error, LimitRequestLine):
        return "url-too-long"
    if isinstance(error, LimitRequestHeaders):
        return "headers-too-large"
    return "bad-request" if isinstance(error, ParseException) else "internal"
