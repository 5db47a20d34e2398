"""MLServer, its Open Inference Protocol and adaptive batching: `python -m benchmarks.servers.mlserver_server`."""

from __future__ import annotations

import asyncio
import json
import tempfile

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop

from benchmarks.servers.model import Model, read_options

_BATCH_SECONDS = 0.005


class Peer(MLModel):
    """Answers each text with JSON in a string tensor."""

    async def load(self) -> bool:
        """Loads the model."""
        self.model = Model(read_options())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Returns an answer for each of the texts that MLServer has put together."""
        texts = StringCodec.decode_input(payload.inputs[0])
        answers = [json.dumps(answer, ensure_ascii=False) for answer in self.model.rank(texts)]
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("answers", answers)])


async def serve() -> None:
    """Serves until it is told to stop."""
    options = read_options()
    settings = Settings(
        host="127.0.0.1",
        http_port=options.port,
        grpc_port=options.port + 1,
        metrics_port=options.port + 2,
        metrics_dir=tempfile.mkdtemp(),
        parallel_workers=options.workers,
    )
    model = ModelSettings(
        name="peer",
        implementation="benchmarks.servers.mlserver_server.Peer",  # its workers import it by name
        max_batch_size=options.batch if options.batch > 1 else 0,
        max_batch_time=_BATCH_SECONDS if options.batch > 1 else 0.0,
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()  # as its command line does
    asyncio.run(serve())
