"""BentoML with its adaptive batching: `bentoml serve benchmarks.servers.bentoml_server:Peer`."""

from __future__ import annotations

import bentoml

from benchmarks.servers.model import Answer, Model, read_options

_OPTIONS = read_options()
_MOST_LATENCY_MS = 10_000


@bentoml.service(workers=_OPTIONS.workers)
class Peer:
    """The model in worker processes."""

    def __init__(self) -> None:
        self.model = Model(_OPTIONS)

    @bentoml.api(batchable=_OPTIONS.batch > 1, max_batch_size=max(2, _OPTIONS.batch), max_latency_ms=_MOST_LATENCY_MS)
    def predict(self, texts: list[str]) -> list[Answer]:
        """Returns the answers to `texts`; with batching, those of several requests."""
        return self.model.rank(texts)
