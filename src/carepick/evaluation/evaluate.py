"""One evaluation from start to end: reads the data, asks the model, and returns the document of the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carepick.engine.manifest import Label
from carepick.errors import BundleError, DataError
from carepick.evaluation import behaviour, complaints, faithfulness, labelled, messages, scope, triage, vignettes
from carepick.evaluation.asking import Progress
from carepick.evaluation.data import LabelledRows, read_labelled
from carepick.evaluation.findings import Findings
from carepick.evaluation.outcomes import Outcomes, collect, label_columns
from carepick.evaluation.report import Example, render_report
from carepick.evaluation.views import apply_view, load_view
from carepick.evaluation.vocabulary import department_parents, vocabulary
from carepick.records import Task
from carepick.service.predictor import Predictor

LABELLED = "labelled"
SCHEMA_VERSION = 1
DEFAULT_SEED = 13
_EXAMPLES = 60


@dataclass(frozen=True)
class Request:
    """What to evaluate on: a data file, what it holds, and how to read it.

    `label_column` "": the name of the task; `view` "": all labels; `sample` 0: all rows; `health`: with kind scope,
    the file of texts about health; `within`: with kind triage, the file of questions to put the texts into.
    """

    data: Path
    kind: str = LABELLED
    task: Task = Task.DISEASE
    view: str = ""
    text_column: str = "text"
    label_column: str = ""
    group_columns: tuple[str, ...] = ()
    sample: int = 0
    seed: int = DEFAULT_SEED
    health: Path | None = None
    within: Path | None = None
    show_text: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The document that metrics.json holds, and with `show_text` examples of texts that were answered wrongly."""

    document: Mapping[str, Any]
    examples: tuple[Example, ...] = ()


def evaluate(predictor: Predictor, request: Request, progress: Progress | None = None) -> Evaluation:
    """Returns what `predictor` makes of the data; raises `DataError` when the data does not fit."""
    document: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "kind": request.kind,
        "model": model_facts(predictor),
        "data": {"name": request.data.name},
        "seed": request.seed,
    }
    if request.kind == LABELLED:
        labels = vocabulary(request.task, [predictor.manifests])
        outcomes = ask_labelled(predictor, request, labels, read_rows(request, labels), progress)
        document |= {"task": request.task.value, "view": request.view, **labelled.study(outcomes, request.seed)}
        examples = _examples(outcomes) if request.show_text else ()
    else:
        document |= STUDIES[request.kind](predictor, request, progress).as_json()
        examples = ()
    document["data"]["sha256"] = hashlib.sha256(request.data.read_bytes()).hexdigest()
    return Evaluation(document, examples)


def make_folder(folder: Path) -> None:
    """Makes `folder` if need be; raises `DataError` when it cannot be. Worth asking before a long evaluation."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be written to: {error.strerror}") from None


def write_evaluation(folder: Path, evaluation: Evaluation, language: str) -> None:
    """Writes metrics.json, a line for each of its parts, and report.html in `language` to `folder`."""
    parts = (
        f"{json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}" for name, part in evaluation.document.items()
    )
    try:
        (folder / "metrics.json").write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
        page = render_report(evaluation.document, language, evaluation.examples)
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder} cannot be written to: {error.strerror}") from None


def read_rows(request: Request, labels: Sequence[Label]) -> LabelledRows:
    """Returns the labelled rows of the data, or a seeded sample of them; their targets are places in `labels`."""
    rows = read_labelled(
        request.data,
        label_columns(labels),
        request.text_column,
        request.label_column or request.task.value,
        request.group_columns,
    )
    if 0 < request.sample < len(rows.texts):
        chosen = np.random.default_rng(request.seed).choice(len(rows.texts), request.sample, replace=False)
        rows = rows.take(sorted(chosen.tolist()))
    return rows


def ask_labelled(
    predictor: Predictor,
    request: Request,
    labels: Sequence[Label],
    rows: LabelledRows,
    progress: Progress | None = None,
) -> Outcomes:
    """Returns the outcomes of `rows` in the request's view; raises `BundleError` when the model lacks the task."""
    if request.task not in predictor.manifests:
        raise BundleError(f"this model does not answer {request.task.value}: choose another --task or bundle")
    view = load_view(request.view, request.task) if request.view else None
    outcomes = collect(predictor, rows, request.task, labels, progress)
    return apply_view(outcomes, view, department_parents()) if view else outcomes


def model_facts(predictor: Predictor) -> dict[str, str]:
    """Returns the name and version of the model; of all its bundles when tasks are answered by several."""
    manifests = list({manifest.name: manifest for manifest in predictor.manifests.values()}.values())
    return {part: " + ".join(getattr(manifest, part) for manifest in manifests) for part in ("name", "version")}


def _examples(outcomes: Outcomes) -> tuple[Example, ...]:
    """Returns the rows that were wrong with the highest scores."""
    top, answers = outcomes.scores.max(1), outcomes.scores.argmax(1)
    worst = [row for row in np.argsort(-top, kind="stable") if not outcomes.correct[row]][:_EXAMPLES]
    names = [label.name for label in outcomes.labels]
    return tuple(
        Example(outcomes.rows.texts[row], names[outcomes.targets[row]], names[answers[row]], float(top[row]))
        for row in worst
    )


def _scope(predictor: Predictor, request: Request, progress: Progress | None) -> Findings:
    if request.health is None:
        raise DataError("--kind scope needs --health FILE: texts about health to tell the others from")
    return scope.study_scope(predictor, request.data, request.health, request.seed, progress)


STUDIES: Mapping[str, Callable[[Predictor, Request, Progress | None], Findings]] = {
    "vignettes": lambda predictor, request, progress: vignettes.study(predictor, request.data, request.seed, progress),
    "complaints": lambda predictor, request, progress: complaints.study(predictor, request.data, progress),
    "messages": lambda predictor, request, progress: messages.study(predictor, request.data, progress),
    "behaviour": lambda predictor, request, progress: behaviour.study(predictor, request.data, progress),
    "triage": lambda predictor, request, progress: triage.study(
        predictor, request.data, progress, within=request.within, column=request.text_column, seed=request.seed
    ),
    "scope": _scope,
    "faithfulness": lambda predictor, request, progress: faithfulness.study(
        predictor, request.data, request.sample, request.seed, progress
    ),
    "vague": lambda predictor, request, progress: scope.study_vague(predictor, request.data, progress),
}
KINDS = (LABELLED, *STUDIES)
