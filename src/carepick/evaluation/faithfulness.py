"""Do the words that an explanation names carry the answer? Each is taken out, and the score is asked for again.

Comprehensiveness in the manner of DeYoung et al. 2020 (arXiv:1911.03429): how far the score of the best answer falls
without the words that spoke for it most, against as many other words drawn at random, and against those that the
explanation holds for the least important.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carepick.errors import DataError, RequestError
from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Findings, Share, Table, ask_all, read_cases
from carepick.evaluation.intervals import Figure, bootstrap, interval
from carepick.evaluation.metrics import Array
from carepick.records import Diagnosis, Evidence, Prediction, ScoredLabel, Task
from carepick.service.predictor import Predictor

COLUMNS = {"text": str}
_WORD = re.compile(r"\S+")
_LEAST_WORDS = 4  # of fewer no two groups of words can be taken out in turn and something be left
_SHARE = 0.25  # of the words of a text are taken out, at least one
_DRAWS = 5  # at random for each text; their drops are averaged
_REPEATS = 1000
_GROUPS = ("top", "random", "least")


@dataclass(frozen=True)
class Removal:
    """The best answer of `task` to a text, its score, and the text without each group of words: top, random..., least."""

    task: Task
    answer: ScoredLabel
    variants: tuple[str, ...]


def study(predictor: Predictor, path: Path, sample: int, seed: int, progress: Progress | None = None) -> Findings:
    """Returns for each task the mean drops of the best answer's score, and how often the top words matter more.

    Of the column `text` of `path`, or of `sample` rows of it drawn at random (0: all); texts of fewer than four words,
    or whose explanation names no word for the answer, are left out. A tie counts for half. Raises `DataError` where
    nothing is left.
    """
    random = np.random.default_rng(seed)
    texts = {f"{path.name}: row {number}": case["text"] for number, case in enumerate(read_cases(path, COLUMNS), 1)}
    if 0 < sample < len(texts):
        kept = set(random.choice(list(texts), sample, replace=False).tolist())
        texts = {place: text for place, text in texts.items() if place in kept}
    removals = [removal for place, text in texts.items() for removal in _removals(predictor, text, place, random)]
    if not removals:
        raise DataError(
            f"{path.name}: no text is long enough, or the model explains nothing: expected four words or more"
        )
    variants = [variant for removal in removals for variant in removal.variants]
    after = iter(ask_all(predictor, variants, path, progress))
    drops = np.array([_drops(removal, [next(after) for _ in removal.variants]) for removal in removals])
    return _findings([removal.task for removal in removals], drops, len(texts), seed)


def without(text: str, places: Sequence[tuple[int, int]]) -> str:
    """Returns `text` without the stretches at `places`, white space closed up."""
    kept = list(text)
    for start, end in places:
        kept[start:end] = " " * (end - start)
    return " ".join("".join(kept).split())


def word_weights(text: str, evidence: Sequence[Evidence]) -> list[tuple[tuple[int, int], float]]:
    """Returns the place and the weight of each word of `text`, in order; 0 where the explanation leaves it out."""
    words = [match.span() for match in _WORD.finditer(text)]
    return [
        (word, sum(item.weight for item in evidence if item.span.start < word[1] and word[0] < item.span.end))
        for word in words
    ]


def _removals(predictor: Predictor, text: str, place: str, random: np.random.Generator) -> list[Removal]:
    if len(_WORD.findall(text)) < _LEAST_WORDS:
        return []
    try:
        diagnosis = predictor.diagnose(text, k=1, include_withheld=True)
    except RequestError as error:
        raise DataError(f"{place} cannot be asked: {error}") from None
    found = (_removal(task, diagnosis, text, random) for task in Task)
    return [removal for removal in found if removal]


def _removal(task: Task, diagnosis: Diagnosis, text: str, random: np.random.Generator) -> Removal | None:
    explained = diagnosis.departments if task is Task.DEPARTMENT else diagnosis.diseases
    weighed = word_weights(text, explained[0].evidence) if explained else []
    speaking = sum(weight > 0 for _, weight in weighed)
    if not speaking:
        return None
    count = min(speaking, max(1, round(_SHARE * len(weighed))))
    ordered = sorted(weighed, key=lambda word: -word[1])
    top, others = ordered[:count], ordered[count:]
    shuffled = [others[place] for place in random.permutation(len(others))]  # words of equal weight in any order
    least = sorted(shuffled, key=lambda word: abs(word[1]))[:count]
    draws = [[others[place] for place in random.permutation(len(others))[:count]] for _ in range(_DRAWS)]
    variants = (without(text, [place for place, _ in group]) for group in (top, *draws, least))
    return Removal(task, explained[0].label, tuple(variants))


def _drops(removal: Removal, after: Sequence[Prediction]) -> tuple[float, float, float]:
    top, *drawn, least = (removal.answer.score - _score(prediction, removal) for prediction in after)
    return top, float(np.mean(drawn)), least


def _score(prediction: Prediction, removal: Removal) -> float:
    return next(label.score for label in prediction.tasks[removal.task].labels if label.id == removal.answer.id)


def _findings(tasks: Sequence[Task], drops: Array, texts: int, seed: int) -> Findings:
    figures: dict[str, Share | Figure] = {}
    rows = []
    for task in dict.fromkeys(tasks):
        of_task = drops[[other is task for other in tasks]]
        names = [f"{task.value}_drop_{group}" for group in _GROUPS]
        names += [f"{task.value}_top_over_{group}" for group in _GROUPS[1:]]
        figures |= _means(names, np.column_stack([of_task, _won(of_task)]), seed)
        rows.append((task.value, len(of_task)))
    return Findings(texts, figures, {"explained": Table(("task", "texts"), tuple(rows))})


def _won(drops: Array) -> Array:
    """Returns whether the top words weighed more than the random ones, and than the least: 1, 0, or ½ for a tie."""
    return np.column_stack([(np.sign(drops[:, 0] - drops[:, other]) + 1) / 2 for other in (1, 2)])


def _means(names: Sequence[str], columns: Array, seed: int) -> dict[str, Figure]:
    samples = bootstrap(lambda weights: weights @ columns / weights.sum(), len(columns), _REPEATS, seed)
    return {name: interval(float(columns[:, i].mean()), samples[:, i]) for i, name in enumerate(names)}
