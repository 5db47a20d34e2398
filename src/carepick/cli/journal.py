"""What a batch has answered so far, kept beside its output so that an interrupted run goes on where it stopped.

A text file of JSON lines: first what the run was asked, then one line for each chunk of rows. A line that was cut short
by a crash, and what follows it, is dropped. It holds answers, never texts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from carepick.errors import DataError

Answers = list[dict[str, Any]]


class Journal:
    """The journal at `path`, held by this process alone until it is closed.

    `chunks` and `rows`: how much is kept from an earlier run that was asked the same (`request`); a journal of another
    request is started over. Raises `DataError` when another process holds it.
    """

    def __init__(self, path: Path, request: Mapping[str, Any]) -> None:
        self.path = path
        self._file = path.open("a+b")
        self._lock()
        self.chunks, self.rows, end = self._survey(request)
        self._file.truncate(end)
        if end == 0:
            self._write(dict(request))

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, answers: Answers) -> None:
        """Keeps the answers of the next chunk, even if the process is killed right after."""
        self._write(answers)

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yields the answer of each row, in order."""
        self._file.seek(0)
        next(self._file)
        for line in self._file:
            yield from json.loads(line)

    def remove(self) -> None:
        """Deletes the journal: the output is complete."""
        self.path.unlink(missing_ok=True)

    def _survey(self, request: Mapping[str, Any]) -> tuple[int, int, int]:
        """Returns the number of whole chunks and their rows, and the byte where they end."""
        self._file.seek(0)
        if _parsed(self._file.readline()) != dict(request):
            return 0, 0, 0
        chunks, rows, end = 0, 0, self._file.tell()
        for line in self._file:
            answers = _parsed(line)
            if not isinstance(answers, list):
                break
            chunks, rows, end = chunks + 1, rows + len(answers), end + len(line)
        return chunks, rows, end

    def _write(self, value: object) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        self._file.flush()

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataError(f"{self.path.stem} is being written by another carepick batch: wait for it") from None


def _parsed(line: bytes) -> Any:
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None
