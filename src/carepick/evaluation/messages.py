"""Everyday messages: the whole answer to what people type, from the department to the alarm that was not needed."""

from __future__ import annotations

from pathlib import Path

from carepick.errors import DataError
from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Cell, Findings, Share, Table, ask_all, need_both_tasks, read_cases, share
from carepick.evaluation.triage import heard
from carepick.evaluation.vignettes import best_rank
from carepick.records import Confidence, Task, TriageLevel
from carepick.service.predictor import Predictor

COLUMNS = {"id": str, "text": str, "departments": list, "urgency": str}

# What should be heard in a message of each urgency. An alarm on one of "today" (a doctor today, by night an emergency room) is
# neither right nor wrong, and counted by itself.
URGENCIES = {
    "now": TriageLevel.EMERGENCY,
    "crisis": TriageLevel.CRISIS,
    "danger": TriageLevel.DANGER,
    "today": TriageLevel.NONE,
    "days": TriageLevel.NONE,
    "routine": TriageLevel.NONE,
}


def study(predictor: Predictor, path: Path, progress: Progress | None = None) -> Findings:
    """Returns how often a message finds an acceptable department, gets no answer, is heard, or alarms for nothing.

    Departments are judged where there is time to choose one. Raises `DataError` for an unknown urgency and for a row without
    a department, `BundleError` for a model of one task. Neither texts nor their ids are in the findings: the set stays blind.
    """
    need_both_tasks(predictor)
    cases = read_cases(path, COLUMNS, filled=("departments",))
    for number, case in enumerate(cases, 1):
        if case["urgency"] not in URGENCIES:
            known = ", ".join(URGENCIES)
            raise DataError(f"{path.name}: row {number}, column urgency: expected one of {known}")
    answers = ask_all(predictor, [case["text"] for case in cases], path, progress)
    asked = list(zip(cases, answers, strict=True))

    def of(*urgencies: str) -> Share:
        return share(
            heard(URGENCIES[case["urgency"]], answer.triage) for case, answer in asked if case["urgency"] in urgencies
        )

    ranks = [
        best_rank(answer, Task.DEPARTMENT, case["departments"])
        for case, answer in asked
        if URGENCIES[case["urgency"]] is TriageLevel.NONE
    ]
    figures = {
        "department_top1": share(rank <= 1 for rank in ranks),
        "department_top3": share(rank <= 3 for rank in ranks),
        "abstained": share(answer.confidence is Confidence.ABSTAIN for answer in answers),
        "heard_now": of("now"),
        "heard_crisis": of("crisis"),
        "heard_danger": of("danger"),
        "alarmed_today": of("today"),
        "false_alarms": of("days", "routine"),
    }
    levels: list[tuple[Cell, ...]] = [
        (urgency, *(sum(case["urgency"] == urgency and answer.triage.level is level for case, answer in asked) for level in TriageLevel))
        for urgency in URGENCIES
    ]  # fmt: skip
    table = Table(("urgency", *(level.value for level in TriageLevel)), tuple(levels))
    return Findings(len(cases), {name: one for name, one in figures.items() if one.rows}, {"levels": table})
