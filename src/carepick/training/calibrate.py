"""Makes scores mean what they say: blends the branches, fits temperatures, corrections of the best answer, conformal
thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from carepick.engine.ngrams import NgramTable
from carepick.engine.scores import correct_top
from carepick.evaluation.calibration import fit_conformal, fit_temperature, softmax
from carepick.evaluation.metrics import macro_top_k
from carepick.training.blend import Blend, fit_blend
from carepick.training.corpus import WRITTEN
from carepick.training.gatekeepers import LinearHead
from carepick.training.linear import count_matrix

Array = np.ndarray[Any, np.dtype[Any]]
HeadWeights = tuple[Array, Array]


@dataclass(frozen=True)
class CalibrationSettings:
    """How the tune split is used; the recipe's settings of that step.

    `coverage`: how often a conformal set must hold the right label; `sentence_weight`: how much a written text
    counts beside a real question; `prior_powers`: how far the class prior may be taken out of the disease scores.
    """

    coverage: float = 0.9
    sentence_weight: float = 0.3
    prior_powers: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6)
    fitted_share: float = 0.5
    seed: int = 7


def calibrate(
    rows: pd.DataFrame, pooled: Array, table: NgramTable, branches: Mapping[str, HeadWeights],
    heads: Mapping[str, HeadWeights], labels: Mapping[str, list[str]], gatekeepers: Mapping[str, LinearHead],
    settings: CalibrationSettings,
) -> dict[str, Any]:  # fmt: skip
    """Returns for each task its blend, temperature, top correction, conformal thresholds by label name, and the temperature of each
    branch alone, ready for JSON.

    The blend is fitted on one half of the tune split, conformal thresholds on the other half; temperature and top
    correction, three numbers a task, on all real questions of it.
    """
    result: dict[str, Any] = {}
    for task, names in labels.items():
        used = ((rows.purpose == task) & rows[task].isin(names)).to_numpy()
        part = rows[used]
        targets = part[task].map({name: number for number, name in enumerate(names)}).to_numpy(np.int64)
        weights = np.where(part.source.isin(WRITTEN), settings.sentence_weight, 1.0)
        deep = pooled[used] @ heads[task][0] + heads[task][1]
        wide = count_matrix(part.text.tolist(), table) @ branches[task][0] + branches[task][1]
        fitted = np.random.default_rng(settings.seed).random(len(part)) < settings.fitted_share
        log_prior = np.log((np.bincount(targets, weights, len(names)) + 1) / (weights.sum() + len(names)))
        blend = fit_blend(deep[fitted], wide[fitted], targets[fitted], weights[fitted])
        if task == "disease":
            blend = _with_prior_power(blend, deep, wide, log_prior, targets, fitted, settings)
        logits = blend.apply(deep, wide, log_prior)
        real = ~part.source.isin(WRITTEN).to_numpy()
        scores = _fit_scores(logits[real], targets[real])
        likely = softmax(logits[~fitted & real] / scores["temperature"])
        probabilities = correct_top(likely, scores["top_slope"], scores["top_offset"])
        thresholds = fit_conformal(
            probabilities, targets[~fitted & real], names, settings.coverage, per_class=task == "department"
        )
        result[task] = {
            "blend": asdict(blend),
            "log_prior": log_prior.tolist(),
            **scores,
            "conformal": dict(thresholds),
            "alone": {
                "encoder": _fit_scores(deep[real], targets[real]),
                "ngrams": _fit_scores(wide[real], targets[real]),
            },
        }
    return result


def _fit_scores(logits: Array, targets: Array) -> dict[str, float]:
    """Returns the temperature and the correction of the best answer, as the manifest names them."""
    temperature = fit_temperature(logits, targets)
    top_slope, top_offset = fit_top(softmax(logits / temperature), targets)
    return {"temperature": temperature, "top_slope": top_slope, "top_offset": top_offset}


def fit_top(probabilities: Array, targets: Array) -> tuple[float, float]:
    """Returns the slope and the offset with which `engine.scores.correct_top` makes the best answer's probability
    likeliest (Platt 1999).

    `probabilities` (rows, classes), each row adding up to 1; `targets` (rows,) columns. (1, 0), no correction, where all
    rows are right or all wrong, and where surer answers are not righter.
    """
    right = probabilities.argmax(1) == targets
    if right.all() or not right.any():
        return 1.0, 0.0
    certainty = logit(probabilities.max(1).astype(np.float64).clip(1e-9, 1 - 1e-9))
    fitted = LogisticRegression(C=1e6).fit(certainty[:, None], right)
    slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (slope, offset) if slope > 0 else (1.0, 0.0)


def _with_prior_power(
    blend: Blend,
    deep: Array,
    wide: Array,
    log_prior: Array,
    targets: Array,
    fitted: Array,
    settings: CalibrationSettings,
) -> Blend:
    """Returns `blend` with the prior power that gives the best mean over classes of top-3 accuracy."""
    candidates = [Blend(blend.encoder_share, blend.ngram_share, power) for power in settings.prior_powers]
    return max(
        candidates,
        key=lambda one: macro_top_k(one.apply(deep[fitted], wide[fitted], log_prior), targets[fitted], 3),
    )
