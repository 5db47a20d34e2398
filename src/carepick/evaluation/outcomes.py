"""What a model answered to labelled rows, as arrays that every figure is computed from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from carepick.engine.manifest import Label
from carepick.errors import DataError, RequestError
from carepick.evaluation.asking import Progress, ask
from carepick.evaluation.data import LabelledRows
from carepick.evaluation.metrics import Array
from carepick.records import Confidence, Prediction, Task
from carepick.service.predictor import Predictor


@dataclass(frozen=True)
class Outcomes:
    """Answers to `rows`, which have been answered all: each array has one line a row and one column a label.

    `scores` (rows, labels) float, 0 for labels that the model does not answer; `members` (rows, labels) bool: which
    labels the conformal set holds; `confidence` and `alarms` (rows,) values of the answer; `refused`: how many further
    rows the predictor refused, by the code of the error.
    """

    labels: tuple[Label, ...]
    rows: LabelledRows
    scores: Array
    members: Array
    confidence: tuple[Confidence, ...]
    alarms: tuple[str, ...]
    refused: Mapping[str, int]

    @property
    def targets(self) -> Array:
        """The column of the right label of each row."""
        return self.rows.targets

    @property
    def correct(self) -> Array:
        """Whether the first answer is right: (rows,) bool."""
        return np.asarray(self.scores.argmax(1) == self.targets)

    def take(self, positions: Sequence[int]) -> Outcomes:
        """Returns only the rows at `positions`."""
        return replace(
            self,
            rows=self.rows.take(positions),
            scores=self.scores[list(positions)],
            members=self.members[list(positions)],
            confidence=tuple(self.confidence[row] for row in positions),
            alarms=tuple(self.alarms[row] for row in positions),
        )


def label_columns(labels: Sequence[Label]) -> dict[str, int]:
    """Returns the column of each label by its name and by its id."""
    return {key: column for column, label in enumerate(labels) for key in (label.id, label.name)}


def collect(
    predictor: Predictor, rows: LabelledRows, task: Task, labels: Sequence[Label], progress: Progress | None = None
) -> Outcomes:
    """Returns the outcomes of asking `predictor` the texts of `rows`; raises `DataError` when it answers none."""
    columns = {label.id: column for column, label in enumerate(labels)}
    scores = np.zeros((len(rows.texts), len(labels)))
    members = np.zeros((len(rows.texts), len(labels)), bool)
    refused: Counter[str] = Counter()
    confidence, alarms, answered = [], [], []
    for row, prediction in _answers(predictor, rows.texts, refused, progress):
        answer = prediction.tasks[task]
        for label in answer.labels:
            scores[row, columns[label.id]] = label.score
        members[row, [columns[label] for label in answer.conformal_set]] = True
        confidence.append(answer.confidence)
        alarms.append(prediction.triage.level.value)
        answered.append(row)
    if not answered:
        raise DataError(f"none of the {len(rows.texts)} texts can be asked: {', '.join(refused)}")
    return Outcomes(
        tuple(labels),
        rows.take(answered),
        scores[answered],
        members[answered],
        tuple(confidence),
        tuple(alarms),
        refused,
    )


def _answers(
    predictor: Predictor, texts: Sequence[str], refused: Counter[str], progress: Progress | None
) -> Iterator[tuple[int, Prediction]]:
    for row, answer in enumerate(ask(predictor, texts, progress)):
        if isinstance(answer, RequestError):
            refused[answer.code] += 1
        else:
            yield row, answer
