"""Fine-tunes the multi-task encoder on the corpus, alone or beside the n-gram branch; resumable at every checkpoint."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from carepick.errors import TrainingError
from carepick.training.batches import Batch, Batches, FinetuneSettings
from carepick.training.corpus import WRITTEN
from carepick.training.linear import FoldedLinear
from carepick.training.network import MultiTaskEncoder, freeze_lower, load_encoder
from carepick.training.teach import TASKS, Taught

Array = np.ndarray[Any, np.dtype[Any]]

REPEATED = ("triage", "description")  # sources of texts that were written for this project, few and good
AUXILIARY = "triage"  # shapes the encoder beside the tasks; its head is not kept, `gatekeepers` fits the served one


def finetune(
    corpus: pd.DataFrame,
    encoder: Path,
    out: Path,
    settings: FinetuneSettings,
    initial: Path | None = None,
    beside: FoldedLinear | None = None,
    taught: Taught | None = None,
) -> Path:
    """Fine-tunes on the train split of `corpus` and returns the path of the final weights, `out`/network.pt.

    `initial`: weights of such a network to start from instead of the pretrained encoder's. `beside`: the n-gram branch,
    whose scores are added before the loss, so that the encoder learns what they leave open; a text gets the scores
    of the fold that has not seen it. `taught`: what a bundle answered to questions that lack a label: its scores are learnt
    in the label's place (Hinton et al. 2015), and questions that lack one and were not asked are left out.

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
    rows = _rows(corpus, tasks, settings, taught)
    labels = {task: sorted(set(rows[task]) - {""}) for task in tasks}
    (out / "labels.json").write_text(json.dumps({task: labels[task] for task in TASKS}, ensure_ascii=False))
    network = MultiTaskEncoder(
        load_encoder(encoder, settings.layers), {task: len(names) for task, names in labels.items()}
    )
    if initial is not None:
        network.load_state_dict(torch.load(initial, map_location="cpu", weights_only=True), strict=False)
    freeze_lower(network, settings.frozen_layers)
    batches = Batches(rows, Tokenizer.from_file(str(encoder / "tokenizer.json")), labels, settings, beside, taught)
    _Run(network, batches, out, settings).train()
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith(f"heads.{AUXILIARY}.")}
    torch.save(kept, final)
    return final


def _rows(corpus: pd.DataFrame, tasks: list[str], settings: FinetuneSettings, taught: Taught | None) -> pd.DataFrame:
    """Returns the rows of an epoch; labels that weigh too little are taken from them where a bundle taught instead."""
    train = corpus[corpus.split == "train"]
    weights = train[[f"{task}_weight" for task in tasks]].max(axis=1)
    kept = weights >= settings.least_weight
    asked = ~train.source.isin(WRITTEN)
    if taught:
        known = train[[f"{task}_weight" for task in TASKS]].min(axis=1) >= settings.least_weight
        train, kept = (
            _without_weak(train, settings.least_weight),
            train.text.isin(taught.texts) | (kept & (known | ~asked)),
        )
    rows = train[kept]
    own, asked = rows[rows.source.isin(REPEATED)], rows[asked[kept]]
    return pd.concat([rows, *[own] * (settings.own_repeats - 1), *[asked] * (settings.question_repeats - 1)])


def _without_weak(rows: pd.DataFrame, least_weight: float) -> pd.DataFrame:
    """Returns `rows` without the labels of tasks that weigh less than `least_weight`."""
    weak = {task: rows[f"{task}_weight"] < least_weight for task in TASKS}
    return rows.assign(
        **{task: rows[task].mask(weak[task], "") for task in TASKS},
        **{f"{task}_weight": rows[f"{task}_weight"].mask(weak[task], 0.0) for task in TASKS},
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
            each = each * batch.weights[task].to(self.device)
            if task in batch.taught:
                each = each - (batch.taught[task].to(self.device) * functional.log_softmax(scores, 1)).sum(1)
            scale = self.settings.disease_loss_weight if task == "disease" else 1.0
            loss = loss + scale * each.sum() / len(batch.ids)
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
            "cuda_rng": torch.cuda.get_rng_state_all(),
        }
        partial = self.out / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")  # atomic: a crash leaves the previous one whole

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)  # what is loaded from it goes where it belongs
        if state["settings"] != asdict(self.settings):
            raise TrainingError(f"{path} was made with other settings: use another --out or delete it")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch_rng"])
        if len(state.get("cuda_rng", ())) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        self.step = state["step"]
