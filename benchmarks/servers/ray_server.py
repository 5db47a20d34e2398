"""Ray Serve: `python -m benchmarks.servers.ray_server`."""

from __future__ import annotations

import signal
import threading

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.servers.model import Answer, Model, read_options

_OPTIONS = read_options()
_BATCH_SECONDS = 0.005


class Peer:
    """The model in replicas, each with Ray's own batching."""

    def __init__(self) -> None:
        self.model = Model(_OPTIONS)

    @serve.batch(max_batch_size=_OPTIONS.batch, batch_wait_timeout_s=_BATCH_SECONDS if _OPTIONS.batch > 1 else 0.0)
    async def rank(self, texts: list[str]) -> list[Answer]:
        """Returns the answers to `texts`, those of several requests."""
        return self.model.rank(texts)

    async def __call__(self, request: Request) -> Answer:
        """Returns the answer to the text of `request`."""
        answer: Answer = await self.rank((await request.json())["text"])
        return answer


def main() -> None:
    """Serves until it is told to stop."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    ray.init(include_dashboard=False, logging_level="warning")
    serve.start(http_options={"host": "127.0.0.1", "port": _OPTIONS.port})
    deployment = serve.deployment(num_replicas=_OPTIONS.workers, max_ongoing_requests=64)(Peer)
    serve.run(deployment.bind(), route_prefix="/predict")
    stopped.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
