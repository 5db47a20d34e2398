"""The folder that the processes of one running server share; it holds counters and notes, never texts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class RunState:
    """What the processes of one server tell each other."""

    def __init__(self) -> None:
        """Makes the folder, readable by this user alone."""
        self.folder = Path(tempfile.mkdtemp(prefix="carepick-"))
        self.metrics = self.folder / "metrics"
        self.metrics.mkdir()
        self._ready = self.folder / "ready"
        self._failure = self.folder / "failure"

    def claim_ready(self) -> bool:
        """Notes that a worker is ready; returns whether it is the first."""
        try:
            self._ready.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def was_ready(self) -> bool:
        """Returns whether any worker has ever been ready."""
        return self._ready.exists()

    def fail(self, reason: str) -> None:
        """Notes why the server cannot start."""
        self._failure.write_text(reason, encoding="utf-8")

    def failure(self) -> str | None:
        """Returns why the server cannot start, or None."""
        return self._failure.read_text(encoding="utf-8") if self._failure.exists() else None

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
