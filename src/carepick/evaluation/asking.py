"""Opens a model as the server would, and asks it many texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from carepick.errors import RequestError
from carepick.records import Prediction
from carepick.service.predictor import Predictor
from carepick.settings import Settings

_CHUNK = 256  # texts asked at a time: enough to fill batches, few enough to keep memory flat
_PATIENCE_MS = 600_000  # the longest deadline there is: a figure must not depend on how busy the machine is

Progress = Callable[[int, int], None]


def open_predictor(bundle: str) -> Predictor:
    """Returns a predictor for a bundle folder, "default" (the model inside the package) or "deterministic" (none).

    The answer cache is off, and the queue holds a whole chunk; all else is as served. Raises `BundleError`.
    """
    return Predictor.load(
        Settings(
            engine="deterministic" if bundle == "deterministic" else "onnx",
            bundle="" if bundle in ("default", "deterministic") else bundle,
            queue_limit=_CHUNK,
            request_timeout_ms=_PATIENCE_MS,
            cache_seconds=0,
        )
    )


def ask(
    predictor: Predictor, texts: Sequence[str], progress: Progress | None = None
) -> Iterator[Prediction | RequestError]:
    """Yields for each of `texts` its answer, or the error with which the server would refuse it; order is kept.

    `progress` is told how many are done, and of how many. Any other error is raised.
    """
    for start in range(0, len(texts), _CHUNK):
        for answer in predictor.predict_many(texts[start : start + _CHUNK]):
            if isinstance(answer, Exception) and not isinstance(answer, RequestError):
                raise answer
            yield answer
        if progress:
            progress(min(start + _CHUNK, len(texts)), len(texts))
