"""GET /labels and GET /model: what can be answered, and by which model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from carepick.knowledge.english import english_name
from carepick.records import ScoredLabel, Task
from carepick.web.bilingual import Bilingual
from carepick.web.loading import current_predictor, current_settings
from carepick.web.operation import MODEL_PROBLEMS, Operation, documented
from carepick.web.problems import refusal
from carepick.web.requests import accepted_language
from carepick.web.responses import json_response

if TYPE_CHECKING:
    from carepick.engine.manifest import Label, Manifest
    from carepick.service.predictor import Predictor

bp = Blueprint("labels", __name__)

_ABSOLUTE_PATH = re.compile(r"^(/|~|[A-Za-z]:[\\/]|file:)")


def manifest_of(predictor: Predictor, task: Task) -> Manifest:
    """Returns the manifest that answers `task`; raises `ProtocolError` when the bundle in use answers another only."""
    manifest = predictor.manifests.get(task)
    if manifest is None:
        raise refusal("no-model")
    return manifest


def answerable(manifest: Manifest, task: Task) -> list[Label]:
    """Returns the labels of `task` that `manifest` may answer, in the order of the model's classes."""
    head = manifest.heads[task.value]
    return [label for label in head.labels if label.id not in head.excluded_labels]


def named(label: Label | ScoredLabel, task: Task, language: str) -> dict[str, str]:
    """Returns id and name, the Korean one by which clients know a label; in English answers that in English too."""
    english = english_name(task, label.id) if language == "en" else None
    return {"id": label.id, "name": label.name, **({"name_en": english} if english else {})}


@bp.get("/labels")
@documented(
    Operation(
        id="listLabels",
        tag="model",
        summary=Bilingual("답할 수 있는 질환과 진료과", "Diseases and departments that can be answered"),
        description=Bilingual(
            "모델이 답할 수 있는 모든 이름입니다. 질환 안내가 꺼져 있으면 `diseases`가 없습니다.",
            "Every name that the model can answer. Without `diseases` when the operator has switched them off.",
        ),
        answer="Labels",
        examples=("labels",),
        parameters=("language",),
        problems=MODEL_PROBLEMS,
    )
)
def list_labels() -> Response:
    """Returns the labels of both tasks."""
    manifests = current_predictor().manifests
    shown = [task for task in manifests if task is Task.DEPARTMENT or current_settings().disease_enabled]
    language = accepted_language()
    response = json_response({f"{task.value}s": _rows(manifests[task], task, language) for task in shown})
    response.headers["Vary"] = "Accept-Language"
    return response


@bp.get("/model")
@documented(
    Operation(
        id="describeModel",
        tag="model",
        summary=Bilingual("모델 설명서", "What the model says about itself"),
        description=Bilingual(
            "답하는 모델의 이름, 판, 학습 내력, 측정값, 파일 체크섬입니다.",
            "Name, version, training, measurements and file checksums of each model that answers.",
        ),
        answer="Models",
        examples=("model",),
        parameters=("language",),
        problems=MODEL_PROBLEMS,
    )
)
def describe_model() -> Response:
    """Returns each manifest with the tasks that it answers; labels are at /labels, paths nowhere."""
    tasks: dict[int, list[str]] = {}
    manifests: dict[int, Manifest] = {}
    for task, manifest in current_predictor().manifests.items():
        tasks.setdefault(id(manifest), []).append(task.value)
        manifests[id(manifest)] = manifest
    return json_response({"models": [_model(manifests[key], names) for key, names in tasks.items()]})


def _rows(manifest: Manifest, task: Task, language: str) -> list[dict[str, str]]:
    return [named(label, task, language) for label in answerable(manifest, task)]


def _model(manifest: Manifest, tasks: list[str]) -> dict[str, Any]:
    document = dataclasses.asdict(manifest)
    document["tasks"] = tasks
    for head in document["heads"].values():
        head["classes"] = len(head.pop("labels"))
    cleaned = _without_paths(document)
    assert isinstance(cleaned, dict)
    return cleaned


def _without_paths(value: Any) -> Any:
    """Returns `value` with every absolute path in it cut down to its last part."""
    if isinstance(value, Mapping):
        return {str(key): _without_paths(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_paths(item) for item in value]
    if isinstance(value, str) and _ABSOLUTE_PATH.match(value):
        return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return value
