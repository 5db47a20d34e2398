"""Shows how a training goes: a bar for its steps, and one line of figures for each epoch."""

from __future__ import annotations

import sys
from typing import Any

from transformers import ProgressCallback, TrainerControl, TrainerState, TrainingArguments

_SHOWN = ("loss", "accuracy", "top3", "macro_f1", "mrr", "mean_rank")


class EpochProgress(ProgressCallback):
    """The Trainer's progress bar, with a readable line in place of its logged dictionaries."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **others: Any
    ) -> None:
        """Writes the line when `logs` holds the figures of an epoch."""
        if self.training_bar is None or not logs or "eval_loss" not in logs:
            return
        figures = "  ".join(f"{name} {logs[f'eval_{name}']:.4f}" for name in _SHOWN)
        self.training_bar.write(f"epoch {logs['epoch']:.0f} of {args.num_train_epochs:g}: {figures}", file=sys.stderr)
