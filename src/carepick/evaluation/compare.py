"""Which of two models is better on the same rows, and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np

from carepick.errors import DataError
from carepick.evaluation.asking import Progress, open_predictor
from carepick.evaluation.evaluate import Request, ask_labelled, model_facts, read_rows
from carepick.evaluation.figures import NAMES, REPEATS, row_figures, told
from carepick.evaluation.intervals import Figure, bootstrap, interval, mcnemar, wilson
from carepick.evaluation.metrics import Array
from carepick.evaluation.outcomes import Outcomes
from carepick.evaluation.vocabulary import vocabulary
from carepick.records import Task

# What "better" means unless told otherwise: the figure that the project's bars are set on.
DEFAULT_METRIC: Mapping[Task, str] = {Task.DISEASE: "macro_top3", Task.DEPARTMENT: "top1"}
METRICS = NAMES[: NAMES.index("ece")]  # those of which more is better


def compare_bundles(
    bundles: tuple[str, str], request: Request, metric: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Returns `compare` of two bundles, as `open_predictor` takes them, on the data of `request`, and its verdict.

    `metric` None: the one that the task is judged by. Raises `DataError` or `BundleError`.
    """
    with closing(open_predictor(bundles[0])) as first, closing(open_predictor(bundles[1])) as second:
        predictors = (first, second)
        labels = vocabulary(request.task, [predictor.manifests for predictor in predictors])
        rows = read_rows(request, labels)
        outcomes = [ask_labelled(predictor, request, labels, rows, progress) for predictor in predictors]
        models = [model_facts(predictor) for predictor in predictors]
    comparison = compare(outcomes[0], outcomes[1], metric or DEFAULT_METRIC[request.task], request.seed)
    names = [f"{bundle} ({model['name']} {model['version']})" for bundle, model in zip(bundles, models, strict=True)]
    return {
        "verdict": verdict(comparison, *names),
        "models": models,
        "task": request.task.value,
        "view": request.view,
        "seed": request.seed,
        **comparison,
    }


def compare(first: Outcomes, second: Outcomes, metric: str, seed: int, repeats: int = REPEATS) -> dict[str, Any]:
    """Returns both models' figures, their differences (second - first) with 95 % intervals and how they disagree.

    Paired bootstrap: each resample draws the same rows for both. `surely` is the share of resamples in which the second
    has the higher figure, ties half. `first_better` and `second_better` tell whether the interval of `metric` leaves
    out 0. Raises `DataError` when the models did not answer the same rows.
    """
    if first.rows.texts != second.rows.texts or first.labels != second.labels:
        raise DataError("the two models answered different rows: compare them on rows that both accept")
    rows = (row_figures(first), row_figures(second))
    values = [one.figures(np.ones(len(one.targets))) for one in rows]

    def both(weights: Array) -> Array:
        return np.stack([one.figures(weights) for one in rows])

    samples = bootstrap(both, len(first.targets), repeats, seed)
    differences = samples[:, 1] - samples[:, 0]
    figures = {
        name: {
            "first": round(float(values[0][i]), 6),
            "second": round(float(values[1][i]), 6),
            "difference": interval(float(values[1][i] - values[0][i]), differences[:, i]).as_json(),
            "surely": round(float((differences[:, i] > 0).mean() + (differences[:, i] == 0).mean() / 2), 6),
        }
        for i, name in enumerate(NAMES)
        if name in told(first, second)
    }
    judged: Any = figures[metric]["difference"]
    return {
        "rows": len(first.targets),
        "metric": metric,
        "first_better": judged["high"] < 0,
        "second_better": judged["low"] > 0,
        "figures": figures,
        "disagreement": _disagreement(first, second),
    }


def _disagreement(first: Outcomes, second: Outcomes) -> dict[str, Any]:
    """Returns how often the first answers agree, which model alone was right how often, and McNemar's p-value."""
    same = first.scores.argmax(1) == second.scores.argmax(1)
    return {
        "same_answer": wilson(int(same.sum()), len(same)).as_json(),
        "only_first_right": int((first.correct & ~second.correct).sum()),
        "only_second_right": int((second.correct & ~first.correct).sum()),
        "mcnemar_p": mcnemar(first.correct, second.correct),
    }


def verdict(comparison: Mapping[str, Any], first: str, second: str) -> str:
    """Returns one sentence that says which of the models called `first` and `second` is better, and how surely."""
    metric = comparison["metric"]
    figures = comparison["figures"][metric]
    change = Figure(**figures["difference"])
    if not comparison["first_better"] and not comparison["second_better"]:
        return (
            f"No difference can be told on {comparison['rows']} rows: {metric} is {figures['first']:.3f} for {first} "
            f"and {figures['second']:.3f} for {second}, a difference of {_points(change.value)} points "
            f"(95 % interval {_points(change.low)} to {_points(change.high)})."
        )
    better, worse = (second, first) if comparison["second_better"] else (first, second)
    high, low = sorted((figures["first"], figures["second"]), reverse=True)
    edges = sorted((abs(change.low), abs(change.high)))
    surely = max(figures["surely"], 1 - figures["surely"])
    p = comparison["disagreement"]["mcnemar_p"]
    chance = "below 0.0001" if p < 1e-4 else f"{p:.4f}"
    return (
        f"{better} is better than {worse} on {comparison['rows']} rows: {metric} {high:.3f} against {low:.3f}, "
        f"{_points(high - low)} points (95 % interval {_points(edges[0])} to {_points(edges[1])}), better in "
        f"{surely * 100:.1f} % of resamples; on first answers McNemar's p is {chance}."
    )


def _points(share: float) -> str:
    return f"{share * 100:+.1f}"
