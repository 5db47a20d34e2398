"""Views: coarser sets of labels on which outcomes are scored, kept as data in views.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from carepick.errors import DataError
from carepick.evaluation.outcomes import Outcomes
from carepick.records import Task

_FILE = Path(__file__).with_name("views.json")


@dataclass(frozen=True)
class View:
    """Which labels of `task` are folded into their parent (the children of `fold_into`) and which are left out."""

    task: Task
    fold_into: tuple[str, ...]
    leave_out: tuple[str, ...]


def load_view(name: str, task: Task) -> View:
    """Returns the view called `name`; raises `DataError` when there is none for `task`."""
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    names = [other for other, row in rows.items() if row["task"] == task.value]
    if name not in names:
        raise DataError(f"there is no view {name} of {task.value}: expected one of {', '.join(names) or 'none'}")
    return View(task, tuple(rows[name]["fold_into"]), tuple(rows[name]["leave_out"]))


def apply_view(outcomes: Outcomes, view: View, parents: Mapping[str, str]) -> Outcomes:
    """Returns `outcomes` over the labels of `view`; `parents`: id of a label -> id of its parent, where it has one.

    Scores of folded labels are added to their parent's, and a set holds the parent when it holds any of them. Rows
    whose right label is left out are dropped, and the remaining scores raised to add up to what all did before: what
    is scored is the model's belief given that the answer is none of the labels left out.
    """
    ids = [label.id for label in outcomes.labels]
    folded = [parents[label] if parents.get(label) in view.fold_into else label for label in ids]
    kept = [place for place, label in enumerate(ids) if folded[place] == label and label not in view.leave_out]
    column = {ids[place]: new for new, place in enumerate(kept)}
    fold = np.zeros((len(ids), len(kept)))
    for place, label in enumerate(folded):
        if label in column:
            fold[place, column[label]] = 1
    new_column = np.array([column.get(label, -1) for label in folded])
    rows = np.flatnonzero(new_column[outcomes.targets] >= 0)
    if not len(rows):
        raise DataError("the view leaves out every row: score without it")
    taken = outcomes.take(rows.tolist())
    scores = taken.scores @ fold
    return replace(
        taken,
        labels=tuple(outcomes.labels[place] for place in kept),
        rows=replace(taken.rows, targets=new_column[taken.targets]),
        scores=scores * (taken.scores.sum(1, keepdims=True) / np.maximum(scores.sum(1, keepdims=True), 1e-12)),
        members=taken.members @ fold > 0,
    )
