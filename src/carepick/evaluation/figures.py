"""The headline figures of a set of outcomes, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carepick.evaluation.intervals import Figure, bootstrap, interval, wilson
from carepick.evaluation.metrics import (
    Array,
    class_average,
    macro_f1_of_answers,
    reliability_bins,
    suspect_labels,
    target_ranks,
)
from carepick.evaluation.outcomes import Outcomes
from carepick.records import TriageLevel

REPEATS = 1000
CLASS_SETS = ("set_coverage_least_class", "set_coverage_median_class")
SETS = ("set_coverage", "set_size", *CLASS_SETS)
NAMES = ("top1", "top3", "top5", "macro_top1", "macro_top3", "macro_f1", "mrr", "ece", *SETS, "label_noise")
LEAST_ROWS = 20  # a class with fewer says little about how often sets hold it


@dataclass(frozen=True)
class RowFigures:
    """What each row adds to the figures, each (rows,): so that a resample only has to count rows anew."""

    targets: Array
    answers: Array
    ranks: Array
    certainty: Array
    held: Array
    set_sizes: Array
    suspect: Array
    classes: int
    common: Array  # (rows,): places among the classes of at least `LEAST_ROWS` rows, -1 for rows of others

    def figures(self, weights: Array) -> Array:
        """Returns the figures of `NAMES` when row i counts `weights[i]` times."""
        hits = [self.ranks <= k for k in (1, 3, 5)]
        rows = weights.sum()
        return np.array(
            [
                *(weights @ hit / rows for hit in hits),
                *(class_average(hit, self.targets, self.classes, weights) for hit in hits[:2]),
                macro_f1_of_answers(self.answers, self.targets, self.classes, weights),
                weights @ (1 / self.ranks) / rows,
                reliability_bins(self.certainty, hits[0], weights=weights).error,
                weights @ self.held / rows,
                weights @ self.set_sizes / rows,
                *self._class_coverage(weights),
                weights @ self.suspect / rows,
            ]
        )

    def _class_coverage(self, weights: Array) -> tuple[float, float]:
        """Returns the least and the median coverage within the common classes; 0 where there are none."""
        mine = self.common >= 0
        if not mine.any():
            return 0.0, 0.0
        rows = np.bincount(self.common[mine], weights[mine])
        held = np.bincount(self.common[mine], (weights * self.held)[mine])
        coverage = held[rows > 0] / rows[rows > 0]
        return float(coverage.min()), float(np.median(coverage))


def row_figures(outcomes: Outcomes) -> RowFigures:
    """Returns what each row of `outcomes` adds to the figures."""
    scores, targets = outcomes.scores, outcomes.targets
    return RowFigures(
        targets=targets,
        answers=scores.argmax(1),
        ranks=target_ranks(scores, targets),
        certainty=scores.max(1),
        held=outcomes.members[np.arange(len(targets)), targets],
        set_sizes=outcomes.members.sum(1),
        suspect=suspect_labels(scores, targets),
        classes=len(outcomes.labels),
        common=_common_classes(targets, len(outcomes.labels)),
    )


def _common_classes(targets: Array, classes: int) -> Array:
    enough = np.bincount(targets, minlength=classes) >= LEAST_ROWS
    return np.asarray(np.where(enough, np.cumsum(enough) - 1, -1)[targets])


def told(*models: Outcomes) -> tuple[str, ...]:
    """Returns those of `NAMES` that say something about each of `models`: figures of sets only where all have sets."""
    without: set[str] = set()
    for outcomes in models:
        if not outcomes.members.any():
            without |= set(SETS)
        elif (_common_classes(outcomes.targets, len(outcomes.labels)) < 0).all():
            without |= set(CLASS_SETS)
    return tuple(name for name in NAMES if name not in without)


def headline(outcomes: Outcomes, seed: int, repeats: int = REPEATS) -> dict[str, Figure]:
    """Returns each figure of `told` with its 95 % bootstrap interval, and the share of rows that raised an alarm."""
    rows = row_figures(outcomes)
    values = rows.figures(np.ones(len(rows.targets)))
    samples = bootstrap(rows.figures, len(rows.targets), repeats, seed)
    found = {name: interval(float(values[i]), samples[:, i]) for i, name in enumerate(NAMES) if name in told(outcomes)}
    alarms = sum(level != TriageLevel.NONE.value for level in outcomes.alarms)
    return {**found, "alarms": wilson(alarms, len(outcomes.alarms))}
