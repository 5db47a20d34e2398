"""Makes scores mean what they say: blends the branches, fits temperatures, corrections of the best answer, conformal
thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from carepick.engine.ngrams import NgramTable
from carepick.engine.scores import correct_top, count_letters, shortness
from carepick.evaluation.calibration import fit_conformal, fit_temperature, softmax
from carepick.evaluation.metrics import macro_f1, macro_top_k, top_k_accuracy
from carepick.training.blend import Blend, fit_blend
from carepick.training.corpus import WRITTEN
from carepick.training.linear import count_matrix

Array = np.ndarray[Any, np.dtype[Any]]
HeadWeights = tuple[Array, Array]


@dataclass(frozen=True)
class CalibrationSettings:
    """How the tune split is used; the recipe's settings of that step.

    `coverage`: how often a conformal set must hold the right label; `sentence_weight`: how much a written text
    counts beside a real question; `encoder_factors`: how much less than what makes the right answers likeliest the
    encoder may count (it is surer than it is right); `prior_powers`: how far the class prior may be taken out of the
    scores, so that rare classes are found as well (Menon et al. 2021, logit adjustment); the least of them that comes within
    `prior_tolerance` of the best is taken, since what it costs the frequent classes is sure, with the encoder factor that
    suits it best; `short_power`: how far what people mostly come with counts in texts of less than `short_letters` letters,
    the more the shorter they are.
    """

    coverage: float = 0.9
    sentence_weight: float = 0.3
    encoder_factors: tuple[float, ...] = (1.0, 0.8, 0.6, 0.4)
    prior_powers: tuple[float, ...] = (0.0, 0.2, 0.4)
    prior_tolerance: float = 0.0015
    short_power: float = 0.8
    short_letters: int = 40
    fitted_share: float = 0.5
    seed: int = 7


def calibrate(
    rows: pd.DataFrame, pooled: Array, table: NgramTable, branches: Mapping[str, HeadWeights],
    heads: Mapping[str, HeadWeights], labels: Mapping[str, list[str]], priors: Mapping[str, Array],
    presentations: Mapping[str, Mapping[str, float]], settings: CalibrationSettings,
) -> dict[str, Any]:  # fmt: skip
    """Returns for each task its blend, temperature, top correction, conformal thresholds by label name, the temperature of each
    branch alone, and how good each encoder factor and prior power was, ready for JSON.

    `priors`: by task the share of each label in training; `presentations`: by task how many people come with each label, for
    tasks where that is known. The blend's shares are fitted on one half of the tune split,
    conformal thresholds on the other half; encoder factor, prior power, temperature and top correction, five numbers a
    task, on all real questions of it.
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
        real = ~part.source.isin(WRITTEN).to_numpy()
        log_prior = np.log(priors[task])
        shares = fit_blend(deep[fitted], wide[fitted], targets[fitted], weights[fitted])
        tried = list(_candidates(shares, deep, wide, log_prior, settings))
        goodness = np.array([_goodness(task, logits[real], targets[real]) for _, logits in tried])
        powers = np.array([candidate.prior_power for candidate, _ in tried])
        blend, logits = tried[_chosen(powers, goodness, settings.prior_tolerance)]
        bias = settings.short_power * _commonness(presentations.get(task, {}), names)
        short = shortness(part.text.map(count_letters).to_numpy(), settings.short_letters)[:, None] * bias
        scores = _fit_scores(logits[real], targets[real], short[real])
        likely = softmax(logits[~fitted & real] / scores["temperature"] + short[~fitted & real])
        probabilities = correct_top(likely, scores["top_slope"], scores["top_offset"])
        thresholds = fit_conformal(
            probabilities, targets[~fitted & real], names, settings.coverage, per_class=task == "department"
        )
        result[task] = {
            "blend": asdict(blend),
            "log_prior": log_prior.tolist(),
            "tried": [{**asdict(one), "goodness": float(how)} for (one, _), how in zip(tried, goodness, strict=True)],
            **scores,
            "short_bias": dict(zip(names, bias.tolist(), strict=True)) if bias.any() else {},
            "short_letters": settings.short_letters if bias.any() else 0,
            "conformal": dict(thresholds),
            "alone": {
                "encoder": _fit_scores(deep[real], targets[real], short[real]),
                "ngrams": _fit_scores(wide[real], targets[real], short[real]),
            },
        }
    return result


def _commonness(presentations: Mapping[str, float], names: list[str]) -> Array:
    """Returns how much more people come with each of `names` than with the middle one, as logarithms; 0 where unknown."""
    logarithms = {name: math.log(people) for name, people in presentations.items()}
    middle = float(np.mean(list(logarithms.values()))) if logarithms else 0.0
    return np.array([logarithms.get(name, middle) - middle for name in names])


def _fit_scores(logits: Array, targets: Array, short: Array) -> dict[str, float]:
    """Returns the temperature and the correction of the best answer, as the manifest names them; `short` is added to the
    logits once they are divided."""
    temperature = fit_temperature(logits, targets)
    top_slope, top_offset = fit_top(softmax(logits / temperature + short), targets)
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


def _candidates(
    blend: Blend, deep: Array, wide: Array, log_prior: Array, settings: CalibrationSettings
) -> Iterator[tuple[Blend, Array]]:
    """Yields `blend` with each prior power and each encoder factor, the least change first, and the logits that it gives."""
    for power in settings.prior_powers:
        for factor in settings.encoder_factors:
            candidate = replace(blend, encoder_share=blend.encoder_share * factor, prior_power=power)
            yield candidate, candidate.apply(deep, wide, log_prior)


def _chosen(powers: Array, goodness: Array, tolerance: float) -> int:
    """Returns which candidate is taken: the best of those with the least of `powers` that comes within `tolerance` of all."""
    least = powers[goodness >= goodness.max() - tolerance].min()
    return int(np.where(powers == least, goodness, -np.inf).argmax())


def _goodness(task: str, logits: Array, targets: Array) -> float:
    """Returns what the candidates are chosen by: every text counts alike in one half of it, every class in the other."""
    each_class = macro_top_k(logits, targets, 3) if task == "disease" else macro_f1(logits, targets)
    return (top_k_accuracy(logits, targets, 3) + each_class) / 2
