"""Checkpoints that no crash can spoil: one every few minutes, and the latest one that is whole."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.utils import SAFE_WEIGHTS_NAME

_AGREEMENT_STEPS = 10  # with several processes, how often they ask the first one whether a checkpoint is due


def latest_whole(folder: Path) -> Path | None:
    """Returns the checkpoint of the most steps in `folder` that was written to its end, or None.

    The trainer's state is the last file written, so a checkpoint with a readable one is whole.
    """
    numbered = [
        (int(path.name.split("-")[1]), path) for path in folder.glob("checkpoint-*") if path.name[11:].isdigit()
    ]
    for _, path in sorted(numbered, reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def stopped_early(checkpoint: Path) -> bool:
    """Returns whether the run that wrote `checkpoint` had ended there because its figure grew no better."""
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    patience = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
    if not isinstance(patience, dict):
        return False
    waited = patience["attributes"]["early_stopping_patience_counter"]
    return bool(waited >= patience["args"]["early_stopping_patience"])


def load_best(trainer: Trainer, checkpoint: Path) -> None:
    """Gives `trainer` the state in `checkpoint` and the weights of the best epoch that it names, as at the end of a run.

    Raises `OSError` or `SafetensorError` when those are not there or damaged.
    """
    trainer.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    best = checkpoint.with_name(Path(trainer.state.best_model_checkpoint or checkpoint).name)
    model: Any = trainer.model
    model.load_state_dict(load_file(best / SAFE_WEIGHTS_NAME))


def finished_epoch(state: TrainerState) -> int:
    """Returns the number of the epoch whose weights a finished run holds: the best one's where it was looked for."""
    epochs = round(state.epoch or 0)
    if not state.best_model_checkpoint:
        return epochs
    best = int(Path(state.best_model_checkpoint).name.split("-")[1])
    return round(best / state.global_step * epochs)


class TimedCheckpoints(TrainerCallback):
    """Saves a checkpoint whenever `minutes` have passed since the last one."""

    def __init__(self, minutes: float) -> None:
        self.seconds = minutes * 60
        self.saved_at = time.monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> TrainerControl:
        """Starts the clock."""
        self.saved_at = time.monotonic()
        return control

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> TrainerControl:
        """Asks for a checkpoint when one is due."""
        steps = round(state.max_steps / args.num_train_epochs)
        # At an epoch's end one is written anyway, after its evaluation, which an earlier one would not hold.
        if state.global_step % steps and self._due(args, state.global_step):
            control.should_save = True
        return control

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> TrainerControl:
        """Starts the clock anew, whoever asked for the checkpoint."""
        self.saved_at = time.monotonic()
        return control

    def _due(self, args: TrainingArguments, step: int) -> bool:
        due = time.monotonic() - self.saved_at >= self.seconds
        if args.world_size == 1:
            return due
        if step % _AGREEMENT_STEPS:
            return False
        # Clocks differ between processes, but a checkpoint is written by all of them together or not at all.
        agreed = torch.tensor([int(due)], device=args.device)
        torch.distributed.broadcast(agreed, 0)
        return bool(agreed.item())
