"""A prediction as the columns of a file, or the fields of a JSON object."""

from __future__ import annotations

from typing import Any

from carepick.errors import InvalidTopKError
from carepick.records import Prediction, Task
from carepick.service.predictor import Predictor
from carepick.web.labels import answerable
from carepick.web.responses import ranking

ANSWER_COLUMNS = ("diseases", "specialties", "triage", "flags", "confidence", "error")


def answered(prediction: Prediction, k: int, diseases: bool = True) -> dict[str, Any]:
    """Returns `ANSWER_COLUMNS` of a text that was answered; `k` labels a task at most, `diseases` off: none."""
    return {
        "diseases": _ranking(prediction, Task.DISEASE, "disease", k) if diseases else [],
        "specialties": _ranking(prediction, Task.DEPARTMENT, "specialty", k),
        "triage": prediction.triage.level.value,
        "flags": [flag.id for flag in prediction.triage.flags],
        "confidence": prediction.confidence.value,
        "error": None,
    }


def refused(reason: str) -> dict[str, Any]:
    """Returns `ANSWER_COLUMNS` of a row that could not be answered, and why."""
    return {"diseases": [], "specialties": [], "triage": None, "flags": [], "confidence": None, "error": reason}


def checked_k(text: str, predictor: Predictor) -> int:
    """Returns how many labels `text` asks for: a number, or "all"; raises `InvalidTopKError` when out of range."""
    most = max(len(answerable(manifest, task)) for task, manifest in predictor.manifests.items())
    if text == "all":
        return most
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise InvalidTopKError(f"-k must be a whole number from 1 to {most}, or all")
    return int(text)


def _ranking(prediction: Prediction, task: Task, key: str, k: int) -> list[dict[str, Any]]:
    """A bundle may answer one of the tasks only: the other's list is empty."""
    answer = prediction.tasks.get(task)
    return ranking(answer.labels, key, k) if answer else []
