"""POST /diagnosis: the whole answer, emergencies first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import Blueprint, Response

from carepick.records import Diagnosis, Evidence, ExplainedLabel, FlagNotice, Span, Task
from carepick.web.bilingual import Bilingual
from carepick.web.labels import answerable, named
from carepick.web.loading import current_predictor, current_settings
from carepick.web.metrics import count_answer
from carepick.web.operation import (
    BODY_PROBLEMS,
    LOAD_PROBLEMS,
    MODEL_PROBLEMS,
    TEXT_PROBLEMS,
    Operation,
    documented,
)
from carepick.web.requests import read_body, read_flag, read_k, read_language, read_text, read_timeout
from carepick.web.responses import json_response, rounded

bp = Blueprint("diagnosis", __name__)


@bp.post("/diagnosis")
@documented(
    Operation(
        id="diagnose",
        tag="answers",
        summary=Bilingual("전체 답: 응급 신호, 진료과, 질환 정보, 근거", "The whole answer: emergency signs first"),
        description=Bilingual(
            "응급 신호를 먼저 살피고, 진료과와 질환 정보를 근거가 된 낱말과 함께 답합니다. 응급 신호가 있으면 "
            "`include_withheld`를 true로 보내지 않는 한 진료과와 질환을 답하지 않습니다. 위치(`start`, `end`)는 "
            "보낸 글의 유니코드 코드 포인트 기준이며 끝은 포함하지 않습니다. `k`와 `include_withheld`는 본문이나 "
            "주소의 매개변수로 보낼 수 있습니다. 영어로 답할 때도 `name`은 한국어 이름 그대로이고 영어 이름은 `name_en`에 "
            "있습니다. 자동 안내이며 진단이 아닙니다. 보낸 글은 저장하지 않습니다.",
            "Looks for emergency signs first, then answers departments and diseases with the words that spoke for and "
            "against them. With an emergency sign, departments and diseases are withheld unless `include_withheld` is "
            "true. "
            "Positions (`start`, `end`) count Unicode code points of the text as it was sent, the end excluded. `k` "
            "and `include_withheld` may be sent in the body or as query parameters. In English answers `name` stays the "
            "Korean name and `name_en` stands beside it. Automatic guidance, not a "
            "diagnosis; texts are not stored.",
        ),
        body="DiagnosisRequest",
        body_examples=("diagnosis-options", "emergency"),
        parameters=("k-all", "include-withheld", "timeout", "language"),
        answer="Diagnosis",
        examples=("diagnosis", "diagnosis-emergency"),
        problems=BODY_PROBLEMS + TEXT_PROBLEMS + ("invalid-option",) + LOAD_PROBLEMS + MODEL_PROBLEMS,
    )
)
def diagnose() -> Response:
    """Returns the whole answer as one object; `diseases` is left out when the operator has switched them off."""
    body = read_body()
    text, language, timeout = read_text(body), read_language(body), read_timeout()
    include_withheld = read_flag("include_withheld", body.get("include_withheld"))
    predictor = current_predictor()
    most = max(len(answerable(manifest, task)) for task, manifest in predictor.manifests.items())
    k = read_k(most, body.get("k"))
    diagnosis = predictor.diagnose(text, k, language, include_withheld, timeout)
    count_answer(diagnosis.prediction, "diagnosis")
    response = json_response(diagnosis_document(diagnosis, language, current_settings().disease_enabled))
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response


def diagnosis_document(diagnosis: Diagnosis, language: str, diseases: bool) -> dict[str, Any]:
    """Returns `diagnosis` as the object of the `Diagnosis` schema, with or without what it says about diseases."""
    prediction = diagnosis.prediction
    document: dict[str, Any] = {
        "triage": {
            "level": prediction.triage.level.value,
            "flags": [_flag(notice) for notice in diagnosis.flags],
            "denied": [_span(span) for span in prediction.triage.denied],
        },
        "confidence": prediction.confidence.value,
        "advice": diagnosis.advice,
        "add": list(diagnosis.add),
        "departments_withheld": diagnosis.departments_withheld,
        "departments": [_label(label, Task.DEPARTMENT, language) for label in diagnosis.departments],
        "department_set": _set(diagnosis, Task.DEPARTMENT, language),
        "reading": {"windows": prediction.windows, "truncated": prediction.truncated},
        "notices": list(diagnosis.notices),
        "language": language,
        "model": {task.value: answer.model_version for task, answer in prediction.tasks.items()},
    }
    if diseases:
        document["diseases"] = [_label(label, Task.DISEASE, language) for label in diagnosis.diseases]
        document["disease_set"] = _set(diagnosis, Task.DISEASE, language)
    return document


def _flag(notice: FlagNotice) -> dict[str, Any]:
    words = {name: getattr(notice, name) for name in ("name", "why", "action", "phone", "question", "source")}
    spans = [_span(span) for span in notice.flag.spans]
    return {"id": notice.flag.id, "level": notice.flag.level.value, **words, "spans": spans}


def _label(explained: ExplainedLabel, task: Task, language: str) -> dict[str, Any]:
    return {
        **named(explained.label, task, language),
        "score": rounded(explained.label.score),
        "band": explained.band,
        "evidence": _evidence(explained.evidence),
    }


def _evidence(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    return [{**_span(item.span), "weight": rounded(item.weight)} for item in evidence]


def _set(diagnosis: Diagnosis, task: Task, language: str) -> list[dict[str, str]]:
    """Returns the labels of the conformal set; none while departments are withheld: they would give them away."""
    answer = diagnosis.prediction.tasks.get(task)
    if answer is None or diagnosis.departments_withheld:
        return []
    members = set(answer.conformal_set)
    found = (named(label, task, language) for label in answer.labels if label.id in members)
    return list(islice(found, len(members)))  # the labels after the last one are not even made


def _span(span: Span) -> dict[str, int]:
    return {"start": span.start, "end": span.end}
