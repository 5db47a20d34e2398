"""Answers texts: emergency signs first, then departments and diseases with scores as bars. Not a diagnosis.

Other users of a machine can see the command lines of its processes. With - in place of a text, it is read from standard
input and seen by nobody: carepick predict - < story.txt
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from carepick.cli.answers import answered, checked_k
from carepick.cli.bars import BOLD, RED, painted, score_lines
from carepick.cli.flags import MODEL_SETTINGS, add_setting_flags, settings_from
from carepick.errors import InvalidTextError
from carepick.knowledge.english import english_name
from carepick.records import Diagnosis, ExplainedLabel, ScoredLabel, Task
from carepick.service.predictor import Predictor

_WORDS = {
    "ko": {
        "specialties": "진료과",
        "diseases": "비슷한 증상에서 안내되는 질환",
        "confidence": "확신",
        "add": "덧붙이면 좋은 것",
        "high": "높음",
        "medium": "보통",
        "low": "낮음",
        "abstain": "판단하기 어려움",
    },
    "en": {
        "specialties": "Departments",
        "diseases": "Diseases",
        "confidence": "Confidence",
        "add": "Worth adding",
        "high": "high",
        "medium": "medium",
        "low": "low",
        "abstain": "cannot tell",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds TEXT, -k, --task, --json and the model's settings."""
    parser.add_argument(
        "texts", metavar="TEXT", nargs="+", help="symptoms in words; - reads one text from standard input"
    )
    parser.add_argument("-k", default="3", metavar="N", help="labels of each kind, or all; default: 3")
    parser.add_argument("--task", choices=("both", "disease", "specialty"), default="both", help="default: both")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each text instead of a table")
    add_setting_flags(parser, (*MODEL_SETTINGS, "max_text_characters", "disease_enabled", "language"))


def run(arguments: argparse.Namespace) -> int:
    """Prints the answers and returns 0; raises `InvalidTextError`, `InvalidTopKError` or `BundleError`."""
    texts = [_read_stdin() if text == "-" else text for text in arguments.texts]
    predictor = Predictor.load(settings_from(arguments))
    try:
        k = checked_k(arguments.k, predictor)
        for number, text in enumerate(texts, 1):
            if arguments.json:
                print(json.dumps(_document(predictor, text, k, arguments.task), ensure_ascii=False))
            else:
                heading = [f"[{number}]"] if len(texts) > 1 else []
                print(*heading, *_table(predictor, text, k, arguments.task), "", sep="\n")
    finally:
        predictor.close()
    return 0


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidTextError("standard input is not UTF-8 text: save it as UTF-8") from None


def _document(predictor: Predictor, text: str, k: int, task: str) -> Any:
    """Returns what the API answers: the list of one task, or an object that holds both and what is in the headers."""
    prediction = predictor.predict(text)
    columns = answered(prediction, k, predictor.settings.disease_enabled)
    if task == "both":
        del columns["error"]
        return {**columns, "windows": prediction.windows, "truncated": prediction.truncated}
    return columns["diseases" if task == "disease" else "specialties"]


def _table(predictor: Predictor, text: str, k: int, task: str) -> list[str]:
    language = predictor.settings.language
    words = _WORDS[language]
    diagnosis = predictor.diagnose(text, k, language, include_withheld=True)
    lines = _alarm(diagnosis)
    if task != "disease":
        lines += _section(words["specialties"], _named(diagnosis.departments, Task.DEPARTMENT, language))
    if task != "specialty" and predictor.settings.disease_enabled:
        lines += _section(words["diseases"], _named(diagnosis.diseases, Task.DISEASE, language))
    lines.append(f"{words['confidence']}: {words[diagnosis.prediction.confidence.value]}")
    if diagnosis.add:
        lines.append(f"{words['add']}: {', '.join(diagnosis.add)}")
    return [*lines, diagnosis.advice, *diagnosis.notices]


def _alarm(diagnosis: Diagnosis) -> list[str]:
    notices = [f"☎ {notice.phone}  {notice.name}: {notice.action}" for notice in diagnosis.flags]
    return [painted(line, RED, sys.stdout) for line in notices]


def _named(labels: Sequence[ExplainedLabel], task: Task, language: str) -> list[ScoredLabel]:
    """Returns the labels; in English with their English names before the Korean ones, which stand on a clinic's door."""
    shown = [explained.label for explained in labels]
    if language != "en":
        return shown
    english = [english_name(task, label.id) for label in shown]
    return [
        replace(label, name=f"{name} ({label.name})" if name else label.name)
        for label, name in zip(shown, english, strict=True)
    ]


def _section(title: str, labels: Sequence[ScoredLabel]) -> list[str]:
    return [painted(title, BOLD, sys.stdout), *score_lines(labels)]
