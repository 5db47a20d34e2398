"""The linear baseline on character n-grams, which is also the bundle's n-gram branch."""

from __future__ import annotations

import random
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from carepick.engine.ngrams import NgramTable, ngram_hashes
from carepick.training.augment import excerpt

Array = np.ndarray[Any, np.dtype[Any]]
HeadWeights = tuple[Array, Array]  # weight (rows, classes) and bias (classes,)

TASKS = ("department", "disease")
_MOST_ITERATIONS = 200


@dataclass(frozen=True)
class LinearSettings:
    """How the n-gram branch is fitted; the settings of the recipe's steps linear and folds.

    `rows`: n-grams in the table; `triage_rows`: how many of them are chosen for the triage head, from the project's own
    sentences, of which `triage_least_texts` hold them.
    Its scores are those of a logistic regression and `margin_share` times those of one-against-rest SVMs: they err
    differently, and their sum is one linear model. `regularization`: C of each task's logistic regression, larger is
    freer; `margin_regularization`: C of the SVMs; `rare_powers`: by task, a class of n texts
    weighs n ** -power.
    `excerpt_weight`: how much a short excerpt of each question counts beside the question itself; 0 leaves them out.
    `sentence_weight`: how much a generated sentence counts; many fit several diseases.
    """

    shortest: int = 1
    longest: int = 4
    least_texts: int = 6
    rows: int = 65_535
    triage_rows: int = 16_000
    triage_least_texts: int = 2
    regularization: Mapping[str, float] = field(default_factory=lambda: {"department": 0.7, "disease": 2.0})
    margin_share: float = 2.0
    margin_regularization: float = 0.2
    rare_powers: Mapping[str, float] = field(default_factory=lambda: {"department": 0.3, "disease": 0.5})
    named_share: float = 0.35
    excerpt_weight: float = 0.3
    sentence_weight: float = 0.3
    folds: int = 3
    seed: int = 7


def fit_branches(corpus: pd.DataFrame, settings: LinearSettings) -> tuple[NgramTable, dict[str, HeadWeights]]:
    """Returns the n-gram table and, for each task, the weight and bias fitted on the train split of `corpus`.

    Classes are numbered in the alphabetical order of their names. A share of the texts keeps the names of diseases, as
    people who know theirs type them.
    """
    rows = _training_rows(corpus, settings)
    targets = {task: _class_numbers(rows[task]) for task in TASKS}
    whole = ~rows.excerpt.to_numpy()
    table = choose_ngrams(
        rows.text[whole].tolist(),
        {task: classes[whole] for task, classes in targets.items()},
        settings,
        _triage_hashes(corpus, settings),
    )
    features = count_matrix(rows.text.tolist(), table)
    return table, {
        task: fit_linear(task, features, targets[task], rows[f"{task}_weight"].to_numpy(), settings) for task in TASKS
    }


def fit_folds(corpus: pd.DataFrame, table: NgramTable, settings: LinearSettings) -> FoldedLinear:
    """Returns the branch fitted `settings.folds` times on the rows of `table`, each time without one fold of the texts."""
    rows = _training_rows(corpus, settings)
    features = count_matrix(rows.text.tolist(), table)
    fold = np.array([fold_of(text, settings.folds) for text in rows.original])
    fitted: dict[str, list[HeadWeights]] = {task: [] for task in TASKS}
    for task in TASKS:
        classes, weights = _class_numbers(rows[task]), rows[f"{task}_weight"].to_numpy()
        for left_out in range(settings.folds):
            kept = fold != left_out
            part = features[kept], classes[kept], weights[kept]
            fitted[task].append(_fit_present(task, *part, classes.max() + 1, settings))
    return FoldedLinear(
        table,
        {task: np.stack([weight for weight, _ in parts]) for task, parts in fitted.items()},
        {task: np.stack([bias for _, bias in parts]) for task, parts in fitted.items()},
    )


def _fit_present(
    task: str, features: sparse.csr_matrix, targets: Array, weights: Array, classes: int, settings: LinearSettings
) -> HeadWeights:
    """Returns `fit_linear` for all `classes`, of which rare ones may have no text here: those score lower than any other."""
    present = np.unique(targets[(targets >= 0) & (weights > 0)])
    numbers = np.full(classes + 1, -1)  # the last one is read for unlabelled texts
    numbers[present] = np.arange(len(present))
    weight, bias = fit_linear(task, features, numbers[targets], weights, settings)
    all_weights = np.zeros((features.shape[1], classes), np.float32)
    all_biases = np.full(classes, bias.min() - 1, np.float32)
    all_weights[:, present], all_biases[present] = weight, bias
    return all_weights, all_biases


def _training_rows(corpus: pd.DataFrame, settings: LinearSettings) -> pd.DataFrame:
    """Returns the labelled rows of the train split with their excerpts: `text` as it is read, `original` its row's."""
    labelled = corpus[["department_weight", "disease_weight"]].max(axis=1)
    rows = corpus[(corpus.split == "train") & (labelled > 0)]
    named = np.random.default_rng(settings.seed).random(len(rows)) < settings.named_share
    rows = rows.assign(original=rows.text, text=rows.text.where(~named, rows.named_text), excerpt=False)
    rows.loc[rows.source == "sentence", "disease_weight"] *= settings.sentence_weight
    if not settings.excerpt_weight:
        return rows
    rng = random.Random(settings.seed)
    sure = rows[labelled[rows.index] >= 0.5]
    short = sure.assign(text=[excerpt(text, rng) for text in sure.text], excerpt=True)
    short = short[short.text != sure.text]
    for task in TASKS:
        short[f"{task}_weight"] *= settings.excerpt_weight
    return pd.concat([rows, short], ignore_index=True)


@dataclass(frozen=True)
class FoldedLinear:
    """The n-gram branch fitted several times, each time without one fold of the texts.

    Its scores of a training text are those of a branch that has not seen it. `weights`: by task, (folds, rows,
    classes); `biases`: by task, (folds, classes).
    """

    table: NgramTable
    weights: Mapping[str, Array]
    biases: Mapping[str, Array]

    def scores(self, text: str, original: str) -> dict[str, Array]:
        """Returns the logits (classes,) of `text` by task, from the fold without `original`, the row it was made of."""
        columns, values = self.table.encode(text)
        fold = fold_of(original, len(next(iter(self.biases.values()))))
        return {
            task: values @ weight[fold, columns - 1] + self.biases[task][fold] for task, weight in self.weights.items()
        }


def fold_of(text: str, folds: int) -> int:
    """Returns the fold of a text, 0 to `folds` - 1: by its checksum, so that equal texts share one."""
    return zlib.crc32(text.encode()) % folds


def _class_numbers(names: pd.Series[str]) -> Array:
    ordered = sorted(set(names) - {""})
    return names.map({name: number for number, name in enumerate(ordered)}).fillna(-1).to_numpy(np.int64)


def choose_ngrams(
    texts: list[str], labels: dict[str, Array], settings: LinearSettings, besides: Collection[int] = ()
) -> NgramTable:
    """Returns the table of the `settings.rows` n-grams that tell the classes apart best, the hashes `besides` among them.

    `labels`: for each task, a class number for each of `texts`, -1 where there is none. The rows are shared evenly by
    the tasks, by the largest chi-square of an n-gram with any class (Yang and Pedersen 1997).
    """
    frequent = _frequent_hashes(texts, settings)
    present = count_matrix(texts, NgramTable(frequent, settings.shortest, settings.longest)).sign()
    rankings = [np.argsort(-_chi_square(present, classes)) for classes in labels.values()]
    chosen = set(besides)
    for row in np.stack(rankings, 1).ravel():
        if len(chosen) >= settings.rows:
            break
        chosen.add(int(frequent[row]))
    return NgramTable(np.array(sorted(chosen), np.uint32), settings.shortest, settings.longest)


def _triage_hashes(corpus: pd.DataFrame, settings: LinearSettings) -> list[int]:
    """Returns the n-grams that tell best how urgent the project's own sentences are; questions hardly have them."""
    own = corpus[(corpus.split == "train") & (corpus.source == "triage")]
    if own.empty or not settings.triage_rows:
        return []
    chosen = replace(settings, rows=settings.triage_rows, least_texts=settings.triage_least_texts)
    return choose_ngrams(own.text.tolist(), {"triage": _class_numbers(own.triage)}, chosen).hashes.tolist()


def count_matrix(texts: list[str], table: NgramTable) -> sparse.csr_matrix:
    """Returns the encoded n-grams of `texts`: (texts, rows of `table`) float32."""
    encoded = [table.encode(text) for text in texts]
    lengths = np.cumsum([0, *(len(ids) for ids, _ in encoded)])
    columns = np.concatenate([ids for ids, _ in encoded]) - 1
    values = np.concatenate([weights for _, weights in encoded])
    return sparse.csr_matrix((values, columns, lengths), shape=(len(texts), len(table.hashes)))


def fit_linear(
    task: str, features: sparse.csr_matrix, targets: Array, weights: Array, settings: LinearSettings
) -> tuple[Array, Array]:
    """Returns the (rows, classes) weight and (classes,) bias of `task`'s linear model, inverse document frequency folded
    in.

    `targets` (texts,): class numbers from 0 without a gap, -1 where unlabelled; `weights` (texts,).
    """
    frequency = np.maximum(np.asarray((features > 0).sum(0)).ravel(), 1)
    rarity = np.log((1 + features.shape[0]) / (1 + frequency)) + 1
    used = (targets >= 0) & (weights > 0)
    counts = np.bincount(targets[used])
    balanced = weights[used] * counts[targets[used]] ** -settings.rare_powers[task]
    scaled = sparse.csr_matrix(features[used] @ sparse.diags(rarity))
    norms = np.sqrt(np.asarray(scaled.multiply(scaled).sum(1)).ravel()).mean()
    likely = LogisticRegression(C=settings.regularization[task], tol=1e-3, max_iter=_MOST_ITERATIONS)
    apart = LinearSVC(C=settings.margin_regularization, dual=True)
    weight, bias = np.zeros(()), np.zeros(())
    for model, share in ((likely, 1.0), (apart, settings.margin_share)):
        if share:
            model.fit(scaled / norms, targets[used], sample_weight=balanced / balanced.mean())
            its_weight, its_bias = _for_every_class(model.coef_, model.intercept_)
            weight, bias = weight + share * its_weight, bias + share * its_bias
    return (weight * rarity / norms).T.astype(np.float32), bias.astype(np.float32)


def _for_every_class(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Returns (classes, features) and (classes,): of two classes scikit-learn keeps only what speaks for the second."""
    return (weight, bias) if len(bias) > 1 else (np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2)


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


def save_folds(path: Path, folds: FoldedLinear) -> None:
    """Writes the branch fitted on folds to `path`, an .npz without its table."""
    arrays: dict[str, Any] = {f"{task}.weights": weights for task, weights in folds.weights.items()}
    arrays |= {f"{task}.biases": biases for task, biases in folds.biases.items()}
    np.savez(path, **arrays)


def load_folds(path: Path, table: NgramTable) -> FoldedLinear:
    """Returns what `save_folds` wrote, on the rows of `table`."""
    with np.load(path, allow_pickle=False) as arrays:
        return FoldedLinear(
            table, *({task: arrays[f"{task}.{part}"] for task in TASKS} for part in ("weights", "biases"))
        )
