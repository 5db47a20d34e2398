"""The figures that the original recipes report, for each epoch and, in full, for the finished model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from carepick.errors import TrainingError
from carepick.evaluation import metrics
from carepick.evaluation.calibration import fit_conformal, fit_temperature, softmax

Array = np.ndarray[Any, np.dtype[Any]]

COVERAGE = 0.9  # how often a conformal set is to hold the right label; what a bundle's head says unless told otherwise


def headline_figures(logits: Array, targets: Array) -> dict[str, float]:
    """Returns top-k accuracy, MRR, mean rank, macro-F1 and calibration error of `logits` (rows, classes).

    Raises `TrainingError` when a logit is infinite or no number.
    """
    if not np.isfinite(logits).all():
        raise TrainingError(
            "the training diverged: its scores are no numbers; lower --learning-rate, or use bf16, not fp16"
        )
    scores = softmax(np.asarray(logits, np.float64))
    return {
        "accuracy": metrics.top_k_accuracy(scores, targets, 1),
        "top3": metrics.top_k_accuracy(scores, targets, 3),
        "top5": metrics.top_k_accuracy(scores, targets, 5),
        "macro_top3": metrics.macro_top_k(scores, targets, 3),
        "macro_f1": metrics.macro_f1(scores, targets),
        "mrr": metrics.mean_reciprocal_rank(scores, targets),
        "mean_rank": float(metrics.target_ranks(scores, targets).mean()),
        "ece": metrics.expected_calibration_error(scores, targets),
    }


def full_report(
    logits: Array, targets: Array, names: Sequence[str], epochs: Sequence[Mapping[str, Any]], class_sets: bool
) -> dict[str, Any]:
    """Returns the content of metrics.json: figures of each epoch and of the end, per class, and the confusion matrix.

    `epochs` is the trainer's log; `final.temperature` divides the logits so that scores mean what they say, and with
    `conformal`, for each label's name or under "" for all (`class_sets` false), its scores make sets.
    """
    headline = headline_figures(logits, targets)
    temperature = fit_temperature(logits, targets)
    final = headline | {"temperature": temperature}
    probabilities = softmax(np.asarray(logits, np.float64) / temperature)
    per_class = metrics.class_figures(logits, targets)
    return {
        "epochs": [_epoch(entry) for entry in epochs if "eval_loss" in entry],
        "final": final,
        "conformal": dict(fit_conformal(probabilities, targets, names, COVERAGE, class_sets)),
        "per_class": [
            {
                "label": name,
                "rows": int(per_class.rows[column]),
                "precision": float(per_class.precision[column]),
                "recall": float(per_class.recall[column]),
                "f1": float(per_class.f1[column]),
                "top3": float(per_class.top3[column]),
            }
            for column, name in enumerate(names)
        ],
        "confusion": {"labels": list(names), "counts": metrics.confusion_counts(logits, targets).tolist()},
    }


def _epoch(entry: Mapping[str, Any]) -> dict[str, float]:
    """Returns the figures in an entry of the trainer's log, without those about its speed."""
    speed = ("runtime", "per_second")
    figures = {name.removeprefix("eval_"): value for name, value in entry.items() if not name.endswith(speed)}
    return {name: value for name, value in figures.items() if name != "step"}
