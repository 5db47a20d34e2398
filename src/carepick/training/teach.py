"""Lets a bundle answer questions of which a label is not known: its scores are what a network then learns beside the labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carepick.errors import RequestError, TrainingError
from carepick.evaluation.asking import ask, open_predictor
from carepick.records import Task
from carepick.training.corpus import WRITTEN

Array = np.ndarray[Any, np.dtype[Any]]
TASKS = ("disease", "department")


@dataclass(frozen=True)
class TeachSettings:
    """Which questions are asked; the settings of the recipe's step teach.

    `questions`: how many, drawn at random from those of the corpus's train split of which the department or the disease
    weighs less than `least_weight`, so that the n-gram branch has not learnt it; `most_letters`: the longest text, since a
    network reads the longer ones in part.
    """

    questions: int = 40_000
    least_weight: float = 0.3
    most_letters: int = 300
    seed: int = 7


@dataclass(frozen=True)
class Taught:
    """What a bundle answered to `texts`: by task the names of its labels, and its scores (texts, labels) float16."""

    texts: list[str]
    labels: Mapping[str, list[str]]
    scores: Mapping[str, Array]


def questions_to_ask(corpus: pd.DataFrame, settings: TeachSettings) -> list[str]:
    """Returns the texts of `corpus` that `settings` describes, without the names of diseases; raises `TrainingError` when
    there is none."""
    weights = corpus[[f"{task}_weight" for task in TASKS]].min(axis=1)
    rows = corpus[(corpus.split == "train") & ~corpus.source.isin(WRITTEN) & (weights < settings.least_weight)]
    texts = rows.text[rows.text.str.len() <= settings.most_letters].drop_duplicates()
    if texts.empty:
        raise TrainingError(
            "no question of the train split lacks a label: there is nothing to teach; use the step finetune"
        )
    return texts.sample(min(settings.questions, len(texts)), random_state=settings.seed).tolist()


def teach(bundle: Path, texts: list[str]) -> Taught:
    """Returns what the bundle in the folder `bundle` answers to `texts`; those that it refuses to read are left out.

    What is served is weighed by the chance that a text is about health; here the scores of a task add up to 1 again.
    """
    labels: dict[str, list[str]] = {}
    kept: list[str] = []
    scores: dict[str, list[Array]] = {task: [] for task in TASKS}
    predictor = open_predictor(str(bundle))
    try:
        for text, answer in zip(texts, ask(predictor, texts), strict=True):
            if isinstance(answer, RequestError):
                continue
            kept.append(text)
            for task in TASKS:  # at once: an answer is far larger than its scores
                row = {label.name: label.score for label in answer.tasks[Task(task)].labels}
                names = labels.setdefault(task, sorted(row))
                served = np.array([row[name] for name in names])
                scores[task].append((served / served.sum()).astype(np.float16))
    finally:
        predictor.close()
    return Taught(kept, labels, {task: np.stack(rows) for task, rows in scores.items()})


def save_taught(taught: Taught, folder: Path) -> None:
    """Writes texts.parquet, labels.json and the scores, an .npy a task, to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"text": taught.texts}).to_parquet(folder / "texts.parquet")
    (folder / "labels.json").write_text(json.dumps(dict(taught.labels), ensure_ascii=False), encoding="utf-8")
    for task, scores in taught.scores.items():
        np.save(folder / f"{task}.npy", scores)


def load_taught(folder: Path) -> Taught:
    """Returns what `save_taught` wrote."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    scores = {task: np.load(folder / f"{task}.npy") for task in labels}
    return Taught(pd.read_parquet(folder / "texts.parquet").text.tolist(), labels, scores)
