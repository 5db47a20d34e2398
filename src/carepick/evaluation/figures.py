"""The headline figures of a set of outcomes, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carepick.evaluation.intervals import Figure, bootstrap, interval
from carepick.evaluation.metrics import (
    Array,
    class_average,
    macro_f1_of_answers,
    reliability_bins,
    suspect_labels,
    target_ranks,
)
from carepick.evaluation.outcomes import Outcomes

REPEATS = 1000
NAMES = (
    "top1", "top3", "top5", "macro_top1", "macro_top3", "macro_f1", "mrr", "ece", "set_coverage", "set_size", "label_noise",
)  # fmt: skip


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
                weights @ self.suspect / rows,
            ]
        )


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
    )


def headline(outcomes: Outcomes, seed: int, repeats: int = REPEATS) -> dict[str, Figure]:
    """Returns each figure of `NAMES` with its 95 % bootstrap interval; those of sets only where there are sets."""
    rows = row_figures(outcomes)
    values = rows.figures(np.ones(len(rows.targets)))
    samples = bootstrap(rows.figures, len(rows.targets), repeats, seed)
    found = {name: interval(float(values[i]), samples[:, i]) for i, name in enumerate(NAMES)}
    if not outcomes.members.any():
        del found["set_coverage"], found["set_size"]
    return found
