"""GET /metrics: figures for Prometheus, with labels from closed lists only.

With several workers the figures are summed over them: server.py points PROMETHEUS_MULTIPROC_DIR at a folder that it
removes at the end, before this module is imported.
"""

from __future__ import annotations

import os

from flask import Blueprint, Flask, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from carepick.records import Prediction
from carepick.web.bilingual import Bilingual
from carepick.web.operation import Operation, documented
from carepick.web.request_log import elapsed_seconds, method_name, route_name

bp = Blueprint("metrics", __name__)

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_EXTENSION = "carepick.metrics"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "carepick_http_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "carepick_http_request_seconds",
            "Time from the arrival of a request to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "carepick_answers",
            "Texts answered, by what was asked, how urgent the text was and how sure the answer is.",
            ("kind", "triage", "confidence"),
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """Returns all figures in Prometheus' text format, summed over the workers where there are several."""
        registry = self.registry
        if os.environ.get(MULTIPROCESS_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def register(app: Flask) -> None:
    """Makes `app` count its requests and answer GET /metrics."""
    app.extensions[_EXTENSION] = Metrics()
    app.after_request(_count_request)
    app.register_blueprint(bp)


def count_answer(prediction: Prediction, kind: str) -> None:
    """Counts one answered text of `kind` (disease, department, diagnosis); does nothing when metrics are off."""
    metrics: Metrics | None = current_app.extensions.get(_EXTENSION)
    if metrics:
        metrics.answers.labels(kind, prediction.triage.level.value, prediction.confidence.value).inc()


def _count_request(response: Response) -> Response:
    metrics: Metrics = current_app.extensions[_EXTENSION]
    metrics.requests.labels(route_name(), method_name(), response.status_code).inc()
    metrics.seconds.labels(route_name()).observe(elapsed_seconds())
    return response


@bp.get("/metrics")
@documented(
    Operation(
        id="readMetrics",
        tag="operation",
        summary=Bilingual("프로메테우스 지표", "Figures for Prometheus"),
        description=Bilingual(
            "요청 수와 시간, 답의 긴급도와 확신도별 개수입니다. 보낸 글은 담기지 않습니다.",
            "Requests and their times, answers by urgency and confidence. Never anything of a text.",
        ),
        media_type="text/plain",
        examples=("metrics",),
    )
)
def read_metrics() -> Response:
    """Returns the figures of all workers."""
    metrics: Metrics = current_app.extensions[_EXTENSION]
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
