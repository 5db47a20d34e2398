"""Checkpoints that no crash can spoil: one every few minutes, and the latest one that is whole."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

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
        if self._due(args, state.global_step):
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
