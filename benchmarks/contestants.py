"""Who is measured: how each server is started, and what one sentence asks of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
VENVS = HERE / ".venvs"
MODELS = HERE / ".models"
REQUIREMENTS = HERE / "requirements"

Call = tuple[str, str]  # path and JSON body


@dataclass(frozen=True)
class Variant:
    """`workers` processes with a model each, `threads` of a pass, and at most `batch` texts in one; 1: no batching; 0: as installed."""

    workers: int
    threads: int
    batch: int

    def __str__(self) -> str:
        if not self.batch:
            return "as installed"
        return f"{self.workers} workers, {self.threads} threads, batch {self.batch}"


@dataclass(frozen=True)
class ModelSet:
    """The models of a measurement: `bundles` for those who read ONNX files, `originals` for the reference server.

    `servers`: who is measured with them.
    """

    name: str
    title: str
    bundles: tuple[Path, ...]
    servers: tuple[str, ...]
    originals: Path | None = None


@dataclass(frozen=True)
class Server:
    """One server; `command` begins in the folder of programs of its own environment.

    `sentence` returns the calls that get the answer to a text; with `both` for the disease and the department, which is
    one call where a server answers both at once.
    """

    name: str
    title: str
    command: Callable[[Variant, int, ModelSet], Sequence[str]]
    sentence: Callable[[str, bool], list[Call]]
    variants: tuple[Variant, ...]
    environment: Mapping[str, str]


def _text(path: str) -> Callable[[str, bool], list[Call]]:
    return lambda text, both: [(path, _json({"text": text}))]


def _two_routes(text: str, both: bool) -> list[Call]:
    calls = [("/specialty?k=3", _json({"text": text})), ("/disease?k=3", _json({"text": text}))]
    return calls if both else calls[:1]


def _open_inference(text: str, both: bool) -> list[Call]:
    tensor = {
        "name": "texts",
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "str"},
        "data": [text],
    }
    return [("/v2/models/peer/infer", _json({"inputs": [tensor]}))]


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def _gunicorn(app: str) -> Callable[[Variant, int, ModelSet], Sequence[str]]:
    return lambda variant, port, models: (
        "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(variant.workers), "--threads", "8",
        "--timeout", "300", "--keep-alive", "75", f"{app}()",
    )  # fmt: skip


def _module(name: str) -> Callable[[Variant, int, ModelSet], Sequence[str]]:
    return lambda variant, port, models: ("python", "-m", f"benchmarks.servers.{name}")


def _carepick(variant: Variant, port: int, models: ModelSet) -> Sequence[str]:
    bundles = ",".join(map(str, models.bundles))
    return ("carepick", "serve", "--port", str(port), "--workers", str(variant.workers), "--bundle", bundles)


def _bento(variant: Variant, port: int, models: ModelSet) -> Sequence[str]:
    return ("bentoml", "serve", "benchmarks.servers.bentoml_server:Peer", "--host", "127.0.0.1", "--port", str(port))


def _list_of_one(text: str, both: bool) -> list[Call]:
    return [("/predict", _json({"texts": [text]}))]


_FEW = (Variant(2, 1, 1), Variant(2, 1, 8), Variant(1, 2, 8))
_NOTHING: Mapping[str, str] = {}

CAREPICK = Server("carepick", "Carepick", _carepick, _two_routes, (Variant(1, 0, 0),), _NOTHING)
REFERENCE = Server(
    "reference", "first release (torch)", _gunicorn("benchmarks.servers.reference:create_app"), _two_routes,
    (Variant(1, 0, 1),), _NOTHING,
)  # fmt: skip
PEERS = (
    Server(
        "flask_onnx", "Flask + ONNX Runtime", _gunicorn("benchmarks.servers.flask_onnx:create_app"), _text("/predict"),
        (Variant(1, 1, 1), Variant(2, 1, 1), Variant(1, 2, 1)), _NOTHING,
    ),
    Server("litserve", "LitServe", _module("litserve_server"), _text("/predict"), _FEW, _NOTHING),
    Server("bentoml", "BentoML", _bento, _list_of_one, _FEW, {"BENTOML_DO_NOT_TRACK": "True"}),
    Server("mlserver", "MLServer", _module("mlserver_server"), _open_inference, _FEW, _NOTHING),
    Server("rayserve", "Ray Serve", _module("ray_server"), _text("/predict"), _FEW, {"RAY_USAGE_STATS_ENABLED": "0"}),
)  # fmt: skip
SERVERS = {server.name: server for server in (CAREPICK, REFERENCE, *PEERS)}

DEFAULT_MODEL = ModelSet(
    "default",
    "default bundle",
    (ROOT / "src" / "carepick" / "engine" / "default_bundle",),
    (CAREPICK.name, *(peer.name for peer in PEERS)),
)
# A pass takes so long here that all peers come to the same: those that did best with the default bundle stand for all.
KM_BERT = ModelSet(
    "km-bert",
    "two bundles of KM-BERT's size",
    (MODELS / "km-bert" / "disease-bundle", MODELS / "km-bert" / "department-bundle"),
    (CAREPICK.name, REFERENCE.name, "flask_onnx", "litserve"),
    MODELS / "km-bert",
)
MODEL_SETS = {models.name: models for models in (DEFAULT_MODEL, KM_BERT)}
