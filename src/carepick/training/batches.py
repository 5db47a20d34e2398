"""What the encoder is fine-tuned on, batch by batch: seeded, shuffled, noisy, in part, and beside the n-gram branch."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import Tensor

from carepick.training.augment import excerpt, perturb
from carepick.training.linear import FoldedLinear
from carepick.training.teach import Taught

Array = np.ndarray[Any, np.dtype[Any]]

_BUCKET_BATCHES = 40  # batches whose texts are sorted by length together: little padding, still shuffled
_FIRST_WINDOW_SHARE = 0.75  # of the texts longer than the window, how many are read from their beginning


@dataclass(frozen=True)
class FinetuneSettings:
    """How the encoder is fine-tuned; the settings of the recipe's steps finetune and boost.

    `least_weight`: texts whose labels weigh less are left out; `augmented_share`, `excerpt_share`, `named_share`: how many
    texts are read with noise, in part, and with the names of diseases in them; `own_repeats`, `question_repeats`: how often
    an epoch reads the project's own sentences and descriptions, and what people asked; `rare_power`: a class of n texts
    weighs n ** -rare_power; `ngram_shares`: what the n-gram branch's scores are multiplied with, by task, where the
    encoder learns beside it.
    """

    layers: int = 6
    frozen_layers: int = 2
    epochs: int = 1
    batch_size: int = 32
    max_tokens: int = 96
    least_weight: float = 0.5
    encoder_learning_rate: float = 1.5e-4
    head_learning_rate: float = 1e-3
    warmup_share: float = 0.05
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    augmented_share: float = 0.3
    excerpt_share: float = 0.0
    named_share: float = 0.35
    own_repeats: int = 1
    question_repeats: int = 1
    disease_loss_weight: float = 1.0
    rare_power: float = 0.3
    ngram_shares: Mapping[str, float] = field(default_factory=dict)
    checkpoint_steps: int = 250
    max_steps: int = 0
    seed: int = 7


@dataclass(frozen=True)
class Example:
    """A text as it is read this time: its row, its token ids, and the n-gram branch's logits by task, if it is there."""

    row: int
    ids: list[int]
    offsets: dict[str, Array]


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: `ids` and `mask` (texts, tokens), and by task `targets` and `weights` (texts,), `offsets` and
    `taught` (texts, classes): what the n-gram branch adds, empty without one, and the scores that a bundle gave, empty without
    one and 0 for texts that it was not asked or whose label is known."""

    ids: Tensor
    mask: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]
    offsets: dict[str, Tensor]
    taught: dict[str, Tensor] = field(default_factory=dict)


class Batches:
    """The train split as batches of similar length, the same ones for the same seed and epoch."""

    def __init__(
        self,
        rows: pd.DataFrame,
        tokenizer: Tokenizer,
        labels: dict[str, list[str]],
        settings: FinetuneSettings,
        beside: FoldedLinear | None = None,
        taught: Taught | None = None,
    ) -> None:
        self.settings = settings
        self.tokenizer = tokenizer
        self.beside = beside
        self.texts = rows.text.tolist()
        self.named_texts = rows.named_text.tolist()
        self.targets = {
            task: rows[task].map({n: i for i, n in enumerate(labels[task])}).fillna(-1).to_numpy(np.int64)
            for task in labels
        }
        self.weights = {
            task: rows[f"{task}_weight"].to_numpy(np.float32) * self._rarity(task, len(labels[task])) for task in labels
        }
        self.taught = _aligned(taught, labels) if taught else {}
        places = {text: place for place, text in enumerate(taught.texts)} if taught else {}
        self.taught_rows = np.array([places.get(text, -1) for text in self.texts])

    def _rarity(self, task: str, classes: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Returns a weight for each row, larger for rare classes, 1 on average over the labelled rows."""
        targets = self.targets[task]
        labelled = targets >= 0
        counts = np.bincount(targets[labelled], minlength=classes).clip(1)
        weights = np.where(labelled, counts[targets] ** -self.settings.rare_power, 0.0)
        return (weights / weights[labelled].mean()).astype(np.float32)

    def __len__(self) -> int:
        return math.ceil(len(self.texts) / self.settings.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yields the batches of epoch `number`, shuffled by seed and epoch."""
        rng = random.Random(self.settings.seed * 1000 + number)
        order = list(range(len(self.texts)))
        rng.shuffle(order)
        size = self.settings.batch_size
        for start in range(0, len(order), size * _BUCKET_BATCHES):
            pool = [self._read(row, rng) for row in order[start : start + size * _BUCKET_BATCHES]]
            pool.sort(key=lambda example: len(example.ids))
            groups = [pool[i : i + size] for i in range(0, len(pool), size)]
            rng.shuffle(groups)
            for group in groups:
                yield self._collate(group)

    def _read(self, row: int, rng: random.Random) -> Example:
        named = rng.random() < self.settings.named_share
        text = self.named_texts[row] if named else self.texts[row]
        if rng.random() < self.settings.excerpt_share:
            text = excerpt(text, rng)
        if rng.random() < self.settings.augmented_share:
            text = perturb(text, rng)
        offsets = self.beside.scores(text, self.texts[row]) if self.beside else {}
        return Example(row, self._window(self.tokenizer.encode(text).ids, rng), offsets)

    def _window(self, ids: list[int], rng: random.Random) -> list[int]:
        room = self.settings.max_tokens
        if len(ids) <= room:
            return ids
        body, inner = ids[1:-1], room - 2
        begin = 0 if rng.random() < _FIRST_WINDOW_SHARE else rng.randrange(len(body) - inner + 1)
        return [ids[0], *body[begin : begin + inner], ids[-1]]

    def _collate(self, group: list[Example]) -> Batch:
        longest = max(len(example.ids) for example in group)
        ids = torch.ones((len(group), longest), dtype=torch.long)  # 1 is the padding id of this encoder
        mask = torch.zeros_like(ids)
        for position, example in enumerate(group):
            ids[position, : len(example.ids)] = torch.tensor(example.ids)
            mask[position, : len(example.ids)] = 1
        chosen = [example.row for example in group]
        return Batch(
            ids,
            mask,
            {task: torch.from_numpy(self.targets[task][chosen]) for task in self.targets},
            {task: torch.from_numpy(self.weights[task][chosen]) for task in self.weights},
            {
                task: torch.from_numpy(np.stack([example.offsets[task] for example in group])) * share
                for task, share in self.settings.ngram_shares.items()
                if self.beside
            },
            {task: torch.from_numpy(self._taught(task, np.array(chosen))) for task in self.taught},
        )

    def _taught(self, task: str, rows: Array) -> Array:
        """Returns what was taught about the texts of `rows` whose label is not known: (rows, classes) float32."""
        places = self.taught_rows[rows]
        asked = (places >= 0) & (self.weights[task][rows] == 0)
        return np.where(asked[:, None], self.taught[task][places].astype(np.float32), np.float32(0))


def _aligned(taught: Taught, labels: Mapping[str, list[str]]) -> dict[str, Array]:
    """Returns the scores of each task with their columns in the order of `labels`; 0 where the bundle lacks a label."""
    columns = {task: {name: column for column, name in enumerate(names)} for task, names in taught.labels.items()}
    return {
        task: np.stack(
            [
                scores[:, columns[task][name]] if name in columns[task] else np.zeros(len(scores), scores.dtype)
                for name in labels[task]
            ],
            axis=1,
        )
        for task, scores in taught.scores.items()
    }
