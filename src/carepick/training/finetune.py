"""Fine-tunes the multi-task encoder on the corpus, alone or beside the n-gram branch; resumable at every checkpoint."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from carepick.errors import TrainingError
from carepick.training.augment import excerpt, perturb
from carepick.training.linear import FoldedLinear
from carepick.training.network import MultiTaskEncoder, freeze_lower, load_encoder

Array = np.ndarray[Any, np.dtype[Any]]

TASKS = ("disease", "department")
AUXILIARY = "triage"  # shapes the encoder beside the tasks; its head is not kept, `gatekeepers` fits the served one
_BUCKET_BATCHES = 40  # batches whose texts are sorted by length together: little padding, still shuffled
_FIRST_WINDOW_SHARE = 0.75  # of the texts longer than the window, how many are read from their beginning


@dataclass(frozen=True)
class FinetuneSettings:
    """How the encoder is fine-tuned; the settings of the recipe's steps finetune and boost.

    `least_weight`: texts whose labels weigh less are left out; `augmented_share`, `excerpt_share`, `named_share`: how many
    texts are read with noise, in part, and with the names of diseases in them; `auxiliary_repeats`: how often an epoch
    reads the sentences written for triage; `rare_power`: a class of n texts weighs n ** -rare_power; `ngram_shares`:
    what the n-gram branch's scores are multiplied with, by task, where the encoder learns beside it.
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
    auxiliary_repeats: int = 1
    disease_loss_weight: float = 1.0
    rare_power: float = 0.3
    ngram_shares: Mapping[str, float] = field(default_factory=dict)
    checkpoint_steps: int = 250
    max_steps: int = 0
    seed: int = 7


def finetune(
    corpus: pd.DataFrame,
    encoder: Path,
    out: Path,
    settings: FinetuneSettings,
    initial: Path | None = None,
    beside: FoldedLinear | None = None,
) -> Path:
    """Fine-tunes on the train split of `corpus` and returns the path of the final weights, `out`/network.pt.

    `initial`: weights of such a network to start from instead of the pretrained encoder's. `beside`: the n-gram branch,
    whose scores are added before the loss, so that the encoder learns what they leave open; a text gets the scores
    of the fold that has not seen it.

    A checkpoint every `checkpoint_steps` steps makes an interrupted run go on where it was: call it again with the same
    arguments. The log is `out`/log.jsonl, a line every 50 steps. Raises `TrainingError` when a checkpoint was made
    with other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    final = out / "network.pt"
    if final.exists():
        return final
    torch.manual_seed(settings.seed)
    tasks = [task for task in (*TASKS, AUXILIARY) if task in corpus]
    weights = corpus[[f"{task}_weight" for task in tasks]].max(axis=1)
    rows = corpus[(corpus.split == "train") & (weights >= settings.least_weight)]
    rows = pd.concat([rows, *[rows[rows.source == AUXILIARY]] * (settings.auxiliary_repeats - 1)])
    labels = {task: sorted(set(rows[task]) - {""}) for task in tasks}
    (out / "labels.json").write_text(json.dumps({task: labels[task] for task in TASKS}, ensure_ascii=False))
    network = MultiTaskEncoder(
        load_encoder(encoder, settings.layers), {task: len(names) for task, names in labels.items()}
    )
    if initial is not None:
        network.load_state_dict(torch.load(initial, map_location="cpu", weights_only=True), strict=False)
    freeze_lower(network, settings.frozen_layers)
    batches = Batches(rows, Tokenizer.from_file(str(encoder / "tokenizer.json")), labels, settings, beside)
    _Run(network, batches, out, settings).train()
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith(f"heads.{AUXILIARY}.")}
    torch.save(kept, final)
    return final


@dataclass(frozen=True)
class Example:
    """A text as it is read this time: its row, its token ids, and the n-gram branch's logits by task, if it is there."""

    row: int
    ids: list[int]
    offsets: dict[str, Array]


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: `ids` and `mask` (texts, tokens), and by task `targets` and `weights` (texts,) and `offsets`
    (texts, classes), the last one empty without an n-gram branch."""

    ids: Tensor
    mask: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]
    offsets: dict[str, Tensor]


class Batches:
    """The train split as batches of similar length, the same ones for the same seed and epoch."""

    def __init__(
        self,
        rows: pd.DataFrame,
        tokenizer: Tokenizer,
        labels: dict[str, list[str]],
        settings: FinetuneSettings,
        beside: FoldedLinear | None = None,
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
        )


class _Run:
    """One training run: network, optimizer, schedule, and where it stands."""

    def __init__(self, network: MultiTaskEncoder, batches: Batches, out: Path, settings: FinetuneSettings) -> None:
        self.network, self.batches, self.out, self.settings = network, batches, out, settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network.to(self.device)
        encoder = [p for p in network.encoder.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": encoder, "lr": settings.encoder_learning_rate},
                {"params": network.heads.parameters(), "lr": settings.head_learning_rate},
            ],
            weight_decay=settings.weight_decay,
        )
        self.total = settings.max_steps or settings.epochs * len(batches)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.step = 0

    def _rate(self, step: int) -> float:
        warmup = max(1, int(self.total * self.settings.warmup_share))
        return min(1.0, (step + 1) / warmup) * max(0.02, 1 - step / self.total)

    def train(self) -> None:
        """Trains to the last step, from the latest checkpoint if there is one."""
        self._resume()
        self.network.train()
        done, began, seen, losses = 0, time.monotonic(), 0, []
        for epoch in range(math.ceil(self.total / len(self.batches))):
            for batch in self.batches.epoch(epoch):
                done += 1
                if done <= self.step:
                    continue
                losses.append(self._learn(batch))
                seen += batch.mask.numel()
                self.step = done
                if done % 50 == 0:
                    rate = seen / (time.monotonic() - began)
                    self._log({"step": done, "of": self.total, "loss": sum(losses) / len(losses), "tokens_per_s": rate})
                    losses = []
                if done % self.settings.checkpoint_steps == 0:
                    self._save()
                if done >= self.total:
                    return

    def _learn(self, batch: Batch) -> float:
        logits = self.network(batch.ids.to(self.device), batch.mask.to(self.device))
        loss = torch.zeros((), device=self.device)
        for task, scores in logits.items():
            if task in batch.offsets:
                scores = scores + batch.offsets[task].to(self.device)
            each = functional.cross_entropy(
                scores,
                batch.targets[task].to(self.device),
                ignore_index=-1,
                reduction="none",
                label_smoothing=self.settings.label_smoothing,
            )
            scale = self.settings.disease_loss_weight if task == "disease" else 1.0
            loss = loss + scale * (each * batch.weights[task].to(self.device)).sum() / len(batch.ids)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())

    def _log(self, record: dict[str, Any]) -> None:
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(record) + "\n")

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "settings": asdict(self.settings),
            "torch_rng": torch.get_rng_state(),
        }
        partial = self.out / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")  # atomic: a crash leaves the previous one whole

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["settings"] != asdict(self.settings):
            raise TrainingError(f"{path} was made with other settings: use another --out or delete it")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch_rng"])
        self.step = state["step"]
