"""The linear baseline on character n-grams, which is also the bundle's n-gram branch."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from carepick.engine.ngrams import NgramTable, ngram_hashes
from carepick.errors import TrainingError
from carepick.training.nbsvm import fit_nbsvm

Array = np.ndarray[Any, np.dtype[Any]]
HeadWeights = tuple[Array, Array]  # weight (rows, classes) and bias (classes,)
# Features, targets, weights of the texts and their weights once classes are balanced, to weight (classes, rows) and bias.
Fit = Callable[[sparse.csr_matrix, Array, Array, Array], tuple[Array, Array]]

TASKS = ("department", "disease")
_MOST_ITERATIONS = 100
_SEED = 0  # of the order in which the dual solver takes texts, where there are fewer of them than n-grams
_LIKELY_TOLERANCE, _MARGIN_TOLERANCE, _RANKING_TOLERANCE = 1e-3, 1e-2, 1e-1


@dataclass(frozen=True)
class LinearSettings:
    """How the n-gram branch is fitted; the settings of the recipe's steps linear and folds.

    `edges`: whether the edges of words are read beside the n-grams of `shortest` to `longest` letters, all of which at
    least `least_texts` texts must hold; `rows`: n-grams in the table; `triage_rows`: how many of them are chosen for the triage
    head, from the project's own sentences, of which `triage_least_texts` hold them.
    A branch's scores are those of one-against-rest SVMs times `margin_share`, of SVMs that read each n-gram by how much
    it tells their class (`nbsvm`) times the task's `nbsvm_shares`, and of a multinomial logistic regression times its
    `likely_shares`, each brought to a spread of 1: they err differently, and their sum is one linear model. A logistic
    regression of 155 classes takes the better part of an hour. `margin_regularization`, `regularization`: C of the SVMs
    and of the regression, larger is freer; `rare_powers`: by task, a class of n texts weighs n ** -power. `least_weight`:
    texts whose label weighs less are left out; `sentence_weight`: how much a generated sentence counts; many fit several
    diseases; `named_weight`: how much a question counts for its disease with the name in it, beside the same one without.
    """

    shortest: int = 1
    longest: int = 3
    edges: bool = True
    least_texts: int = 6
    rows: int = 65_535
    triage_rows: int = 16_000
    triage_least_texts: int = 2
    likely_shares: Mapping[str, float] = field(default_factory=lambda: {"department": 1.0, "disease": 0.0})
    regularization: Mapping[str, float] = field(default_factory=lambda: {"department": 3.0, "disease": 3.0})
    margin_share: float = 1.0
    nbsvm_shares: Mapping[str, float] = field(default_factory=lambda: {"department": 0.0, "disease": 1.0})
    margin_regularization: float = 0.2
    rare_powers: Mapping[str, float] = field(default_factory=lambda: {"department": 0.3, "disease": 0.5})
    least_weight: float = 0.3
    sentence_weight: float = 0.12
    named_weight: float = 0.3
    folds: int = 3


@dataclass(frozen=True)
class TaskTexts:
    """What one task learns from: `texts` as they are read, `originals` the rows' texts that they were made of, class numbers
    `targets` and `weights` (texts,). Classes are numbered in the alphabetical order of their names."""

    texts: list[str]
    originals: list[str]
    targets: Array
    weights: Array


def fit_branches(corpus: pd.DataFrame, settings: LinearSettings) -> tuple[NgramTable, dict[str, HeadWeights]]:
    """Returns the n-gram table and, for each task, the weight and bias fitted on the train split of `corpus`.

    The table's rows are those that move the scores of SVMs on all n-grams most; the branch is then fitted on them alone.
    """
    tasks = {task: task_texts(corpus, task, settings) for task in TASKS}
    table = choose_ngrams(tasks, settings, _triage_hashes(corpus, settings))
    return table, {
        task: fit_linear(task, count_matrix(rows.texts, table), rows.targets, rows.weights, settings)
        for task, rows in tasks.items()
    }


def fit_folds(corpus: pd.DataFrame, table: NgramTable, settings: LinearSettings) -> FoldedLinear:
    """Returns the branch fitted `settings.folds` times on the rows of `table`, each time without one fold of the texts."""
    fitted: dict[str, list[HeadWeights]] = {task: [] for task in TASKS}
    for task in TASKS:
        rows = task_texts(corpus, task, settings)
        features = count_matrix(rows.texts, table)
        fold = np.array([fold_of(text, settings.folds) for text in rows.originals])
        for left_out in range(settings.folds):
            kept = fold != left_out
            part = features[kept], rows.targets[kept], rows.weights[kept]
            fitted[task].append(_fit_present(task, *part, rows.targets.max() + 1, settings))
    return FoldedLinear(
        table,
        {task: np.stack([weight for weight, _ in parts]) for task, parts in fitted.items()},
        {task: np.stack([bias for _, bias in parts]) for task, parts in fitted.items()},
    )


def task_texts(corpus: pd.DataFrame, task: str, settings: LinearSettings) -> TaskTexts:
    """Returns what `task` learns from in the train split of `corpus`: departments as typed, diseases without their names
    and once more with them."""
    weight = f"{task}_weight"
    rows = corpus[(corpus.split == "train") & (corpus[task] != "")]
    names = sorted(set(rows[task][rows[weight] > 0]))
    rows = rows[rows[weight] >= settings.least_weight].assign(original=lambda kept: kept.text)
    if lost := sorted(set(names) - set(rows[task])):
        raise TrainingError(
            f"all questions on {', '.join(lost)} weigh less than {settings.least_weight}: weigh what their labels come from "
            "more (source_weights, specialists), or leave them out"
        )
    if task == "department":
        rows = rows.assign(text=rows.named_text)
    else:
        rows.loc[rows.source == "sentence", weight] *= settings.sentence_weight
        named = rows[rows.named_text != rows.text]
        rows = pd.concat([rows, named.assign(text=named.named_text, **{weight: named[weight] * settings.named_weight})])
    targets = rows[task].map({name: number for number, name in enumerate(names)}).to_numpy(np.int64)
    return TaskTexts(rows.text.tolist(), rows.original.tolist(), targets, rows[weight].to_numpy(np.float64))


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


def choose_ngrams(
    tasks: Mapping[str, TaskTexts], settings: LinearSettings, besides: Collection[int] = ()
) -> NgramTable:
    """Returns the table of the `settings.rows` n-grams that move the scores of `tasks` most, the hashes `besides` among them.

    The rows are shared evenly by the tasks. How much an n-gram moves is its largest weight for any class in SVMs on all
    n-grams, times the root of how many texts hold it: what leaving it out would cost the scores over all texts.
    """
    frequent = _frequent_hashes([text for rows in tasks.values() for text in rows.texts], settings)
    everything = NgramTable(frequent, settings.shortest, settings.longest, settings.edges)
    none = dict.fromkeys(tasks, 0.0)
    ranking_only = replace(settings, nbsvm_shares=none, likely_shares=none)
    rankings = []
    for task, rows in tasks.items():
        features = count_matrix(rows.texts, everything)
        weight, _ = fit_linear(task, features, rows.targets, rows.weights, ranking_only, _RANKING_TOLERANCE)
        held = np.asarray((features > 0).sum(0)).ravel()
        rankings.append(np.argsort(-np.abs(weight).max(1) * np.sqrt(held)))
    return _table_of(frequent, np.stack(rankings, 1).ravel(), settings, besides)


def _table_of(frequent: Array, order: Array, settings: LinearSettings, besides: Collection[int]) -> NgramTable:
    """Returns the table of `besides` and of the first of `frequent` in `order` that still have room."""
    chosen = set(besides)
    for row in order:
        if len(chosen) >= settings.rows:
            break
        chosen.add(int(frequent[row]))
    return NgramTable(np.array(sorted(chosen), np.uint32), settings.shortest, settings.longest, settings.edges)


def _triage_hashes(corpus: pd.DataFrame, settings: LinearSettings) -> list[int]:
    """Returns the n-grams that tell best how urgent the project's own sentences are; questions hardly have them.

    By the largest chi-square of an n-gram with any class (Yang and Pedersen 1997): few texts, and no rare classes.
    """
    own = corpus[(corpus.split == "train") & (corpus.source == "triage")]
    if own.empty or not settings.triage_rows:
        return []
    chosen = replace(settings, rows=settings.triage_rows, least_texts=settings.triage_least_texts)
    frequent = _frequent_hashes(own.text.tolist(), chosen)
    everything = NgramTable(frequent, settings.shortest, settings.longest, settings.edges)
    _, targets = np.unique(own.triage, return_inverse=True)
    present = count_matrix(own.text.tolist(), everything).sign()
    return _table_of(frequent, np.argsort(-_chi_square(present, targets)), chosen, ()).hashes.tolist()


def count_matrix(texts: list[str], table: NgramTable) -> sparse.csr_matrix:
    """Returns the encoded n-grams of `texts`: (texts, rows of `table`) float32."""
    encoded = [table.encode(text) for text in texts]
    lengths = np.cumsum([0, *(len(ids) for ids, _ in encoded)])
    columns = np.concatenate([ids for ids, _ in encoded]) - 1
    values = np.concatenate([weights for _, weights in encoded])
    return sparse.csr_matrix((values, columns, lengths), shape=(len(texts), len(table.hashes)))


def fit_linear(
    task: str, features: sparse.csr_matrix, targets: Array, weights: Array, settings: LinearSettings,
    margin_tolerance: float = _MARGIN_TOLERANCE,
) -> tuple[Array, Array]:  # fmt: skip
    """Returns the (rows, classes) weight and (classes,) bias of `task`'s linear model, inverse document frequency folded
    in.

    `targets` (texts,): class numbers from 0 without a gap, -1 where unlabelled; `weights` (texts,).
    """
    frequency = np.maximum(np.asarray((features > 0).sum(0)).ravel(), 1)
    rarity = (np.log((1 + features.shape[0]) / (1 + frequency)) + 1).astype(np.float32)
    used = (targets >= 0) & (weights > 0)
    counts = np.bincount(targets[used])
    balanced = weights[used] * counts[targets[used]] ** -settings.rare_powers[task]
    balanced /= balanced.mean()
    scaled = sparse.csr_matrix(features[used] @ sparse.diags(rarity))
    norms = np.sqrt(np.asarray(scaled.multiply(scaled).sum(1)).ravel()).mean()
    scaled = scaled / norms
    weight, bias = np.zeros(()), np.zeros(())
    for fit, share in _fits(task, settings, margin_tolerance):
        its_weight, its_bias = fit(scaled, targets[used], weights[used], balanced)
        spread = np.asarray(scaled @ its_weight.T).std() / share
        weight, bias = weight + its_weight / spread, bias + its_bias / spread
    return (weight * rarity / norms).T.astype(np.float32), bias.astype(np.float32)


def _fits(task: str, settings: LinearSettings, margin_tolerance: float) -> Iterator[tuple[Fit, float]]:
    """Yields the models whose scores are added, each as what fits it, and how much each counts."""
    svm = LinearSVC(C=settings.margin_regularization, tol=margin_tolerance, random_state=_SEED)
    if settings.margin_share:
        yield partial(_fit, svm), settings.margin_share
    if settings.nbsvm_shares[task]:
        yield partial(fit_nbsvm, svm), settings.nbsvm_shares[task]
    if settings.likely_shares[task]:
        likely = LogisticRegression(C=settings.regularization[task], tol=_LIKELY_TOLERANCE, max_iter=_MOST_ITERATIONS)
        yield partial(_fit, likely), settings.likely_shares[task]


def _fit(
    model: Any, features: sparse.csr_matrix, targets: Array, weights: Array, sample_weights: Array
) -> tuple[Array, Array]:
    """Returns what `fit_nbsvm` does, of scikit-learn's `model`; `weights` beside `sample_weights` say nothing to it."""
    model.fit(features, targets, sample_weight=sample_weights)
    return _for_every_class(model.coef_, model.intercept_)


def _for_every_class(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Returns (classes, features) and (classes,): of two classes scikit-learn keeps only what speaks for the second."""
    return (weight, bias) if len(bias) > 1 else (np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2)


def _frequent_hashes(texts: list[str], settings: LinearSettings) -> Array:
    seen = [np.unique(ngram_hashes(text, settings.shortest, settings.longest, settings.edges)) for text in texts]
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
