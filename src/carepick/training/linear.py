"""The linear baseline on character n-grams, which is also the bundle's n-gram branch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.svm import LinearSVC

from carepick.engine.ngrams import NgramTable, ngram_hashes

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class LinearSettings:
    """How the n-gram branch is fitted; the recipe's [linear] table."""

    shortest: int = 1
    longest: int = 4
    least_texts: int = 6
    rows: int = 65_535
    regularization: float = 0.3
    rare_power: float = 0.3
    named_share: float = 0.35
    seed: int = 7


def fit_branches(corpus: pd.DataFrame, settings: LinearSettings) -> tuple[NgramTable, dict[str, tuple[Array, Array]]]:
    """Returns the n-gram table and, for each task, the weight and bias fitted on the train split of `corpus`.

    Classes are numbered in the alphabetical order of their names. A share of the texts keeps the names of diseases, as
    people who know theirs type them.
    """
    rows = corpus[(corpus.split == "train") & (corpus[["department_weight", "disease_weight"]].max(axis=1) > 0)]
    named = np.random.default_rng(settings.seed).random(len(rows)) < settings.named_share
    texts = rows.text.where(~named, rows.named_text).tolist()
    targets = {task: _class_numbers(rows[task]) for task in ("department", "disease")}
    table = choose_ngrams(texts, targets, settings)
    features = count_matrix(texts, table)
    return table, {
        task: fit_linear(features, classes, rows[f"{task}_weight"].to_numpy(), settings)
        for task, classes in targets.items()
    }


def _class_numbers(names: pd.Series[str]) -> Array:
    ordered = sorted(set(names) - {""})
    return names.map({name: number for number, name in enumerate(ordered)}).fillna(-1).to_numpy(np.int64)


def choose_ngrams(texts: list[str], labels: dict[str, Array], settings: LinearSettings) -> NgramTable:
    """Returns the table of the `settings.rows` n-grams that tell the classes apart best.

    `labels`: for each task, a class number for each of `texts`, -1 where there is none. Half of the rows go to each
    task, by the largest chi-square of an n-gram with any class (Yang and Pedersen 1997).
    """
    frequent = _frequent_hashes(texts, settings)
    present = count_matrix(texts, NgramTable(frequent, settings.shortest, settings.longest)).sign()
    rankings = [np.argsort(-_chi_square(present, classes)) for classes in labels.values()]
    chosen: set[int] = set()
    for row in np.stack(rankings, 1).ravel():
        chosen.add(int(row))
        if len(chosen) == settings.rows:
            break
    return NgramTable(np.sort(frequent[list(chosen)]), settings.shortest, settings.longest)


def count_matrix(texts: list[str], table: NgramTable) -> sparse.csr_matrix:
    """Returns the encoded n-grams of `texts`: (texts, rows of `table`) float32."""
    encoded = [table.encode(text) for text in texts]
    lengths = np.cumsum([0, *(len(ids) for ids, _ in encoded)])
    columns = np.concatenate([ids for ids, _ in encoded]) - 1
    values = np.concatenate([weights for _, weights in encoded])
    return sparse.csr_matrix((values, columns, lengths), shape=(len(texts), len(table.hashes)))


def fit_linear(
    features: sparse.csr_matrix, targets: Array, weights: Array, settings: LinearSettings
) -> tuple[Array, Array]:
    """Returns the (rows, classes) weight and (classes,) bias of one-against-rest linear SVMs, inverse document
    frequency folded in.

    `targets` (texts,): class numbers from 0 without a gap, -1 where unlabelled; `weights` (texts,).
    """
    frequency = np.maximum(np.asarray((features > 0).sum(0)).ravel(), 1)
    rarity = np.log((1 + features.shape[0]) / (1 + frequency)) + 1
    used = (targets >= 0) & (weights > 0)
    counts = np.bincount(targets[used])
    balance = counts[targets[used]] ** -settings.rare_power
    classifier = LinearSVC(C=settings.regularization, dual=True)
    scaled = sparse.csr_matrix(features[used] @ sparse.diags(rarity))
    norms = np.sqrt(np.asarray(scaled.multiply(scaled).sum(1)).ravel()).mean()
    classifier.fit(scaled / norms, targets[used], sample_weight=weights[used] * balance / balance.mean())
    weight = (classifier.coef_ * rarity / norms).T
    return weight.astype(np.float32), classifier.intercept_.astype(np.float32)


def _frequent_hashes(texts: list[str], settings: LinearSettings) -> Array:
    seen = [np.unique(ngram_hashes(text, settings.shortest, settings.longest)) for text in texts]
    hashes, counts = np.unique(np.concatenate(seen), return_counts=True)
    return np.asarray(hashes[counts >= settings.least_texts])


def _chi_square(present: sparse.csr_matrix, classes: Array) -> Array:
    """Returns for each n-gram its largest chi-square with one class: (n-grams,)."""
    labelled = classes >= 0
    onehot = sparse.csr_matrix(
        (np.ones(labelled.sum(), np.float32), (classes[labelled], np.arange(labelled.sum()))),
    )
    rows = present[labelled]
    observed = np.asarray((onehot @ rows).todense())
    class_share = np.asarray(onehot.sum(1)).ravel() / labelled.sum()
    totals = np.asarray(rows.sum(0)).ravel()
    expected = class_share[:, None] * totals[None, :]
    return np.asarray(((observed - expected) ** 2 / np.maximum(expected, 0.5)).max(0))


def save_linear(path: Path, table: NgramTable, parts: dict[str, tuple[Array, Array]]) -> None:
    """Writes the table and the weight and bias of each task to `path`, an .npz."""
    arrays: dict[str, Any] = {
        f"{task}.{part}": value
        for task, pair in parts.items()
        for part, value in zip(("weight", "bias"), pair, strict=True)
    }
    np.savez(path, hashes=table.hashes, lengths=np.array([table.shortest, table.longest]), **arrays)


def load_linear(path: Path) -> tuple[NgramTable, dict[str, tuple[Array, Array]]]:
    """Returns what `save_linear` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        shortest, longest = (int(length) for length in arrays["lengths"])
        tasks = sorted({name.split(".")[0] for name in arrays.files if "." in name})
        parts = {task: (arrays[f"{task}.weight"], arrays[f"{task}.bias"]) for task in tasks}
        return NgramTable(arrays["hashes"], shortest, longest), parts
