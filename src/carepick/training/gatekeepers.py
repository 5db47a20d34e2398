"""The heads that stand before the ranking: triage (how urgent) and scope (about health at all).

Both are linear on the frozen encoder's pooled states and the n-gram branch's columns, so they cost the served graph
nothing but a few more columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from carepick.engine.ngrams import NgramTable
from carepick.evaluation.rules import heard_by_rules
from carepick.training.linear import count_matrix

Array = np.ndarray[Any, np.dtype[Any]]

LABELS = {"triage": ("none", "urgent", "crisis", "danger"), "scope": ("other", "health")}


@dataclass(frozen=True)
class GatekeeperSettings:
    """How the gatekeepers are fitted; the recipe's settings of that step.

    `triage_scale`, `scope_scale`: how much an n-gram counts in that head beside a standardized state;
    `triage_regularization`, `scope_regularization`: the inverse strength of the penalty on weights; `ordinary_weight`: how
    much an ordinary question counts as a case without urgency beside a written sentence.

    The encoder has read the sentences of triage, so its states tell those apart too well: n-grams count more there.
    """

    triage_scale: float = 16.0
    triage_regularization: float = 2.0
    scope_scale: float = 1.0
    scope_regularization: float = 30.0
    ordinary_weight: float = 0.2


@dataclass(frozen=True)
class LinearHead:
    """A head's weight on the pooled states (hidden, classes), on the n-grams (rows, classes), and bias (classes,)."""

    deep: Array
    wide: Array
    bias: Array

    def logits(self, pooled: Array, ngrams: sparse.csr_matrix) -> Array:
        """Returns (texts, classes) logits of `pooled` (texts, hidden) and `ngrams` (texts, rows)."""
        return np.asarray(pooled @ self.deep + ngrams @ self.wide + self.bias)


def fit_gatekeepers(
    rows: pd.DataFrame, pooled: Array, table: NgramTable, settings: GatekeeperSettings
) -> dict[str, LinearHead]:
    """Returns the triage and the scope head, fitted on the project's own sentences and on ordinary questions.

    An ordinary question counts as not urgent and as about health: a weak signal, true of nearly all of them. So do short
    texts: written complaints are about health, and not urgent where the rules hear nothing; what is not about health
    is not urgent, and urgent sentences are about health. Those that only sound so may speak of anything. The project's
    own plain complaints and descriptions are about health for certain, and hardly urgent where the rules hear nothing.
    """
    ordinary = rows.purpose.eq("ordinary").to_numpy()
    short = complaints(rows)
    plain = rows.purpose.eq("plain").to_numpy()
    alarming = ((rows.purpose == "triage") & (rows.label != "none")).to_numpy()
    elsewhere = ((rows.purpose == "scope") & (rows.label == "other")).to_numpy()
    heads = {}
    for name, assumed, beside in (
        ("triage", "none", ordinary | elsewhere | quiet(rows, short | plain)),
        ("scope", "health", ordinary | short | alarming | plain),
    ):
        own = rows.purpose.eq(name).to_numpy()
        used = own | beside
        labels = rows.label[used].where(own[used], assumed)
        targets = labels.map({label: index for index, label in enumerate(LABELS[name])}).to_numpy(np.int64)
        certain = own | plain if name == "scope" else own
        weights = np.where(certain[used], 1.0, settings.ordinary_weight)
        ngrams = count_matrix(rows.text[used].tolist(), table)
        scale, regularization = _strengths(settings, name)
        heads[name] = fit_gatekeeper(pooled[used], ngrams, targets, weights, scale, regularization)
    return heads


def complaints(rows: pd.DataFrame) -> Array:
    """Returns which of `rows` are short written complaints: (texts,) bool."""
    return ((rows.purpose == "complaint") | (rows.purpose == "disease") & (rows.source == "sentence")).to_numpy()


def quiet(rows: pd.DataFrame, among: Array) -> Array:
    """Returns which of the rows `among` (texts,) are free of all that the red flags' rules hear or suspect."""
    free = among.copy()
    free[among] = ~np.array(heard_by_rules(rows.text[among].tolist()), bool)
    return free


def _strengths(settings: GatekeeperSettings, head: str) -> tuple[float, float]:
    if head == "triage":
        return settings.triage_scale, settings.triage_regularization
    return settings.scope_scale, settings.scope_regularization


def save_gatekeepers(path: Path, heads: Mapping[str, LinearHead]) -> None:
    """Writes the heads to `path`, an .npz."""
    arrays = {
        f"{name}.{part}": getattr(head, part) for name, head in heads.items() for part in ("deep", "wide", "bias")
    }
    np.savez(path, **arrays)


def load_gatekeepers(path: Path) -> dict[str, LinearHead]:
    """Returns what `save_gatekeepers` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        names = sorted({name.split(".")[0] for name in arrays.files})
        return {name: LinearHead(*(arrays[f"{name}.{part}"] for part in ("deep", "wide", "bias"))) for name in names}


def fit_gatekeeper(
    pooled: Array, ngrams: sparse.csr_matrix, targets: Array, weights: Array, ngram_scale: float, regularization: float
) -> LinearHead:
    """Returns a logistic regression on standardized pooled states beside the n-grams times `ngram_scale`.

    `targets` (texts,): class numbers without a gap; `weights` (texts,). Standardization and scale are folded in.
    """
    mean, spread = pooled.mean(0), pooled.std(0) + 1e-6
    scale = np.sqrt(max(1, pooled.shape[1]))
    features = sparse.hstack([sparse.csr_matrix((pooled - mean) / spread / scale), ngrams * ngram_scale]).tocsr()
    model = LogisticRegression(C=regularization, max_iter=2000)
    model.fit(features, targets, sample_weight=weights)
    coefficients, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients, bias = np.concatenate([-coefficients, coefficients]) / 2, np.array([-bias[0], bias[0]]) / 2
    hidden = pooled.shape[1]
    deep = (coefficients[:, :hidden] / spread / scale).T
    return LinearHead(
        deep.astype(np.float32),
        (coefficients[:, hidden:] * ngram_scale).T.astype(np.float32),
        (bias - mean @ deep).astype(np.float32),
    )
