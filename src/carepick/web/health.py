"""GET /healthz and GET /readyz: for whoever starts, watches and routes to the server."""

from __future__ import annotations

from flask import Blueprint, Response

from carepick.errors import NotReadyError
from carepick.web.bilingual import Bilingual
from carepick.web.loading import current_predictor
from carepick.web.operation import MODEL_PROBLEMS, Operation, documented
from carepick.web.responses import json_response

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@documented(
    Operation(
        id="checkHealth",
        tag="operation",
        summary=Bilingual("살아 있는지 확인", "Whether the process is alive"),
        description=Bilingual(
            "프로세스가 살아 있으면 언제나 200입니다. 모델을 불러오는 동안에도 답합니다.",
            "Always 200 while the process lives, also while the model is loading.",
        ),
        answer="Health",
        examples=("health",),
        needs_key=False,
    )
)
def check_health() -> Response:
    """Returns that the process is alive."""
    return json_response({"status": "ok"})


@bp.get("/readyz")
@documented(
    Operation(
        id="checkReadiness",
        tag="operation",
        summary=Bilingual("답할 준비가 되었는지 확인", "Whether answers can be given"),
        description=Bilingual(
            "모델을 불러오고 시험 문장에 바르게 답했으면 200, 아니면 503입니다.",
            "200 once the model is loaded and has answered its golden sentence, 503 before.",
        ),
        answer="Readiness",
        examples=("readiness",),
        parameters=("language",),
        problems=MODEL_PROBLEMS,
        needs_key=False,
    )
)
def check_readiness() -> Response:
    """Returns the version of each task's model; raises `NotReadyError` before they are loaded and proven."""
    predictor = current_predictor()
    if not predictor.ready():
        raise NotReadyError("the model has not answered its golden sentence yet: try again in a second")
    versions = {task.value: manifest.version for task, manifest in predictor.manifests.items()}
    return json_response({"status": "ready", "model": versions})
