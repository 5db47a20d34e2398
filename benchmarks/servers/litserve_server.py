"""LitServe: `python -m benchmarks.servers.litserve_server`."""

from __future__ import annotations

from typing import Any

import litserve

from benchmarks.servers.model import Model, read_options

_BATCH_SECONDS = 0.005


class Api(litserve.LitAPI):
    """The model behind LitServe's own batching."""

    def setup(self, device: str) -> None:
        """Loads the model in the worker."""
        self.model = Model(read_options())

    def decode_request(self, request: dict[str, str]) -> str:
        """Returns the text of a request."""
        return request["text"]

    def predict(self, x: Any) -> Any:
        """Returns the answer to one text, or the answers to a batch of them."""
        return self.model.rank([x])[0] if isinstance(x, str) else self.model.rank(x)


def main() -> None:
    """Serves until it is told to stop."""
    options = read_options()
    api = Api(max_batch_size=options.batch, batch_timeout=_BATCH_SECONDS if options.batch > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=options.workers)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False)


if __name__ == "__main__":
    main()
