"""Short everyday complaints: does the model think of what is common there, and of nothing that frightens for no reason?"""

from __future__ import annotations

from pathlib import Path

from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Findings, Share, Table, ask_all, need_both_tasks, read_cases, share
from carepick.evaluation.intervals import Figure
from carepick.evaluation.vignettes import best_rank
from carepick.records import Task
from carepick.service.predictor import Predictor

COLUMNS = {"id": str, "text": str, "likely": list, "unlikely": list, "departments": list}


def study(predictor: Predictor, path: Path, progress: Progress | None = None) -> Findings:
    """Returns how often a likely disease and an acceptable department come first or among the first three, and how often a
    disease does that would look wrong there; and of which complaints.

    Raises `DataError` for a row without a likely disease or without a department, `BundleError` for a model of one task.
    """
    need_both_tasks(predictor)
    cases = read_cases(path, COLUMNS, filled=("likely", "departments"))
    answers = ask_all(predictor, [case["text"] for case in cases], path, progress)
    ranks = {
        name: [best_rank(answer, task, case[column]) for case, answer in zip(cases, answers, strict=True)]
        for name, task, column in (
            ("likely", Task.DISEASE, "likely"),
            ("unlikely", Task.DISEASE, "unlikely"),
            ("department", Task.DEPARTMENT, "departments"),
        )
    }
    figures: dict[str, Share | Figure] = {
        f"{name}_top{k}": share(rank <= k for rank in found) for name, found in ranks.items() for k in (1, 3)
    }
    rows: list[tuple[str, int, int, str]] = [
        (case["id"], likely, unlikely, answer.tasks[Task.DISEASE].labels[0].name)
        for case, likely, unlikely, answer in zip(cases, ranks["likely"], ranks["unlikely"], answers, strict=True)
        if likely > 1 or unlikely == 1
    ]
    return Findings(
        len(cases),
        figures,
        {"likely_not_first": Table(("id", "likely_rank", "unlikely_rank", "answered"), tuple(rows))},
    )
