"""Says which extra to install when a command needs packages that the base install leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from carepick.errors import TrainingError


@contextmanager
def train_extra() -> Iterator[None]:
    """Turns a failed import within the block into a `TrainingError` that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise TrainingError(f"this command needs {error.name}: pip install 'carepick[train]'") from None
