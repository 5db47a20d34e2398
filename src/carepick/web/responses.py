"""Records become JSON: UTF-8 without escapes, names to the letter, scores with four decimals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flask import Response

from carepick.records import Prediction, ScoredLabel, Task

# Past this many items the headers of a batch would outgrow what proxies take, and are left out.
MOST_HEADER_ITEMS = 64
_DECIMALS = 4
_FAILED = "-"


def json_response(document: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """Returns `document` as a JSON answer in UTF-8."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return Response(body.encode("utf-8", "replace"), status, content_type=media_type)


def rounded(score: float) -> float:
    """Returns `score` as it is answered."""
    return round(float(score), _DECIMALS)


def ranking(labels: Sequence[ScoredLabel], key: str, k: int) -> list[dict[str, Any]]:
    """Returns the first `k` labels as `[{key: name, "score": 0.7823}, ...]`."""
    return [{key: label.name, "score": rounded(label.score)} for label in labels[:k]]


def answer_headers(predictions: Sequence[Prediction | None], task: Task) -> dict[str, str]:
    """Returns the X-Carepick headers; with several predictions one value each, divided by commas, `-` for a failed one.

    Longer lists than `MOST_HEADER_ITEMS` give only the model's version.
    """
    versions = [prediction.tasks[task].model_version for prediction in predictions if prediction]
    headers = {"X-Carepick-Model": quote(versions[0], safe=" +:/@")} if versions else {}
    if len(predictions) > MOST_HEADER_ITEMS:
        return headers
    rows = [_header_values(prediction, task) for prediction in predictions]
    names = ("Triage", "Confidence", "Windows", "Truncated")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        headers[f"X-Carepick-{name}"] = ",".join(values)
    return headers


def _header_values(prediction: Prediction | None, task: Task) -> tuple[str, str, str, str]:
    if prediction is None:
        return (_FAILED, _FAILED, _FAILED, _FAILED)
    return (
        prediction.triage.level.value,
        prediction.tasks[task].confidence.value,
        str(prediction.windows),
        "true" if prediction.truncated else "false",
    )
