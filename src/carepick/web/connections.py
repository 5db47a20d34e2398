"""gunicorn's threaded worker, made to wait for no caller.

gunicorn itself waits up to two seconds for a caller to close an ended connection, and takes no other meanwhile; and it
gives a caller who stops in the middle of a request a thread for ever. Here ended connections linger without holding
anything up, and a request must have arrived in time.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from carepick.web.logging import LOGGER

# How long an ended connection waits for its caller to close it, and how much of what still comes is read: closed at
# once with unread bytes, it would be reset, and the caller might lose the answer (RFC 9112, section 9.6).
_LINGER_SECONDS = 2.0
_MOST_DRAINED_BYTES = 65_536
_CHUNK_BYTES = 4096
_NO_FILES_LEFT_PAUSE_SECONDS = 0.1


class ConnectionWorker(ThreadWorker):  # type: ignore[misc]
    """A worker whose connections cost a thread only while a request is read or answered, and only so long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read_seconds = float("inf")  # in which a request must have arrived, from when a thread takes it up
        self._reading: dict[TConn, float] = {}  # until when, on the monotonic clock
        self._lingering: dict[TConn, int] = {}  # bytes that may still be read; the first to end comes first

    def handle(self, conn: TConn) -> object:
        """Reads and answers a request, in a thread."""
        self._reading[conn] = time.monotonic() + self.read_seconds
        try:
            return super().handle(conn)
        finally:
            del self._reading[conn]

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection; when the process may open no more files, it waits in the backlog for one to end."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            LOGGER.warning("no connection can be taken: too many open files; raise the limit (ulimit -n)")
            time.sleep(_NO_FILES_LEFT_PAUSE_SECONDS)

    def finish_request(self, conn: TConn, fs: Future[object]) -> None:
        """Keeps a connection for its next request, or lets it linger."""
        if fs.cancelled() or fs.exception() or not fs.result():
            self._linger(conn)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Ends what has waited long enough; called every second, and after each event."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn in self._lingering if conn.timeout <= now]:
            self._end(conn)
        for conn, until in list(self._reading.items()):
            if until <= now:
                # Whoever reads finds the end of the stream. An answer that is being computed is still sent.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)

    def _linger(self, conn: TConn) -> None:
        conn.timeout = time.monotonic() + _LINGER_SECONDS
        self._lingering[conn] = _MOST_DRAINED_BYTES
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):  # closed already, by either side
            self._end(conn)

    def _drain(self, conn: TConn, sock: socket.socket) -> None:
        try:
            data = sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._lingering[conn] -= len(data)
        if not data or self._lingering[conn] <= 0:
            self._end(conn)

    def _end(self, conn: TConn) -> None:
        del self._lingering[conn]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
