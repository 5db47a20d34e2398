"""CheckList-manner cases (Ribeiro et al. 2020, arXiv:2005.04118): what a change of words may and may not change.

A case holds `text` and, but for minimum cases, `variant`; `expect` maps the names in `CHECKS` to what they expect, and
a case passes when all of them hold. Labels are given by name or by id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from carepick.errors import DataError
from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Findings, Table, ask_all, read_cases, share, shares_by
from carepick.evaluation.tables import Row
from carepick.records import Prediction, ScoredLabel, Task
from carepick.service.predictor import Predictor

COLUMNS = {"id": str, "kind": str, "capability": str, "text": str, "expect": dict}
KINDS = ("invariance", "direction", "minimum")

Check = Callable[[Prediction, Prediction, Any], bool]


def study(predictor: Predictor, path: Path, progress: Progress | None = None) -> Findings:
    """Returns pass rates in all, per kind and per capability, and the ids of failed cases.

    Raises `DataError` for an unknown check, kind or label, or a case without the variant that it needs.
    """
    cases = read_cases(path, COLUMNS)
    known = {
        name for task, manifest in predictor.manifests.items() for name in _names(manifest.heads[task.value].labels)
    }
    for number, case in enumerate(cases, 1):
        _check_case(case, known, f"{path.name}: row {number}")
    texts = ask_all(predictor, [case["text"] for case in cases], path, progress)
    variants = ask_all(predictor, [case.get("variant") or case["text"] for case in cases], path, progress)
    passed = [passes(case["expect"], *pair) for case, *pair in zip(cases, texts, variants, strict=True)]
    kinds = shares_by([case["kind"] for case in cases], passed)
    capabilities = shares_by([f"{case['kind']} / {case['capability']}" for case in cases], passed)
    failed = [case for case, fine in zip(cases, passed, strict=True) if not fine]
    return Findings(
        len(cases),
        {"passed": share(passed), **{f"passed_{kind}": kinds[kind] for kind in KINDS if kind in kinds}},
        {
            "by_capability": Table(
                ("capability", "passed", "cases", "share"),
                tuple((name, one.hits, one.rows, one.figure.value) for name, one in capabilities.items()),
            ),
            "failed": Table(("id", "kind", "capability"), tuple((c["id"], c["kind"], c["capability"]) for c in failed)),
        },
    )


def passes(expect: Mapping[str, Any], text: Prediction, variant: Prediction) -> bool:
    """Returns whether every expectation of a case holds; `text` and `variant` are the answers to its two texts."""
    return all(CHECKS[name](text, variant, wanted) for name, wanted in expect.items())


def _in_top3(task: Task) -> Check:
    def check(text: Prediction, variant: Prediction, wanted: Any) -> bool:
        names = _names(variant.tasks[task].labels[:3])
        return bool(names & set([wanted] if isinstance(wanted, str) else wanted))

    return check


def _score_moves(task: Task, direction: int) -> Check:
    def check(text: Prediction, variant: Prediction, wanted: Any) -> bool:
        return direction * (_score(variant, task, wanted) - _score(text, task, wanted)) > 0

    return check


def _same_top1(text: Prediction, variant: Prediction, wanted: Any) -> bool:
    return _top_department(text) == _top_department(variant)


def _top1_stays_in_top3(text: Prediction, variant: Prediction, wanted: Any) -> bool:
    return _top_department(text) in _names(variant.tasks[Task.DEPARTMENT].labels[:3])


CHECKS: Mapping[str, Check] = {
    "department_in_top3": _in_top3(Task.DEPARTMENT),
    "disease_in_top3": _in_top3(Task.DISEASE),
    "same_top1_department": _same_top1,
    "same_top3_contains_top1": _top1_stays_in_top3,
    "disease_score_up": _score_moves(Task.DISEASE, 1),
    "disease_score_down": _score_moves(Task.DISEASE, -1),
    "department_score_up": _score_moves(Task.DEPARTMENT, 1),
    "department_score_down": _score_moves(Task.DEPARTMENT, -1),
}


def _check_case(case: Row, known: set[str], place: str) -> None:
    if case["kind"] not in KINDS:
        raise DataError(f"{place}, column kind: expected one of {', '.join(KINDS)}")
    if case["kind"] != "minimum" and not isinstance(case.get("variant"), str):
        raise DataError(f"{place}, column variant: expected a text, as every case but a minimum one has")
    for name, wanted in case["expect"].items():
        if name not in CHECKS:
            raise DataError(f"{place}, column expect: expected keys among {', '.join(CHECKS)}")
        labels = [] if wanted is True else [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(labels, list) or not known.issuperset(labels):
            raise DataError(f"{place}, column expect: {name} names a label that this model does not answer")


def _names(labels: Any) -> set[str]:
    return {key for label in labels for key in (label.id, label.name)}


def _score(prediction: Prediction, task: Task, wanted: str) -> float:
    return next((label.score for label in prediction.tasks[task].labels if wanted in (label.id, label.name)), 0.0)


def _top_department(prediction: Prediction) -> str:
    best: ScoredLabel = prediction.tasks[Task.DEPARTMENT].labels[0]
    return best.id
