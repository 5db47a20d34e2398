"""The two original recipes: a BERT fine-tuned on one task with Hugging Face's Trainer, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, EvalPrediction, ProgressCallback, Trainer, TrainingArguments, set_seed
from transformers import trainer as trainer_module

from carepick.errors import TrainingError
from carepick.records import Task
from carepick.training.base_model import load_base
from carepick.training.checkpoints import TimedCheckpoints, finished_epoch, latest_whole, load_best, stopped_early
from carepick.training.classifier_metrics import full_report, headline_figures
from carepick.training.labelled import Examples, class_names
from carepick.training.original_writer import write_checkpoint, write_directory
from carepick.training.progress import EpochProgress
from carepick.training.saved_classifier import SavedClassifier
from carepick.training.tokenizer_files import padding_id


@dataclass(frozen=True)
class ClassifierRecipe:
    """How a classifier is trained; the optimizer is AdamW, the schedule linear, the loss cross-entropy."""

    task: Task
    epochs: int
    batch_size: int
    max_length: int  # tokens, special ones counted; longer texts are cut
    learning_rate: float = 2e-5
    weight_decay: float = 0.01
    validation_share: float = 0.2
    seed: int = 42
    early_stop: int = 0  # epochs without a better figure after which training ends; 0: never
    mixed_precision: str = "no"  # no, fp16 or bf16
    checkpoint_minutes: float = 5.0
    kept_checkpoints: int = 2


DISEASE_RECIPE = ClassifierRecipe(Task.DISEASE, epochs=10, batch_size=16, max_length=512)
DEPARTMENT_RECIPE = ClassifierRecipe(Task.DEPARTMENT, epochs=5, batch_size=32, max_length=256)

# The figure that early stopping watches: the one that each original reported.
_WATCHED = {Task.DISEASE: "mrr", Task.DEPARTMENT: "macro_f1"}
# What may differ between a run and its continuation, as the weights do not depend on it.
_FREE_TO_CHANGE = ("checkpoint_minutes", "kept_checkpoints")


def train_classifier(
    train: Examples, validation: Examples, base: Path, out: Path, recipe: ClassifierRecipe, resume: bool = True
) -> dict[str, Any]:
    """Trains, writes the model in its original format to `out`, and returns the content of `out`/metrics.json.

    `resume`: go on from the latest whole checkpoint in `out`/checkpoints; otherwise those are deleted. Each process of
    an `accelerate launch` calls this; the first one writes. Raises `TrainingError` or `DataError` that says what to
    change.
    """
    names = class_names(train, validation)
    checkpoints = out / "checkpoints"
    arguments = _arguments(checkpoints, recipe)
    with arguments.main_process_first(local=False):
        if arguments.process_index == 0:
            devices = arguments.world_size * max(1, arguments.n_gpu)
            _prepare(out, checkpoints, _fingerprint(recipe, train, validation, base, devices), resume)
    set_seed(recipe.seed)  # the new head is drawn before the Trainer sets its own
    model, tokenizer = load_base(base, len(names))
    _look_past_a_folder_called_datasets()
    collate = _Collator(tokenizer, padding_id(tokenizer, model.config.to_dict()), _window(recipe, model))
    trainer = Trainer(
        model=model,
        args=arguments,
        data_collator=collate,
        train_dataset=_Rows(train, names),
        eval_dataset=_Rows(validation, names),
        compute_metrics=_figures,
        callbacks=_callbacks(recipe),
    )
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(EpochProgress())
    latest = latest_whole(checkpoints)
    with explain_failures(recipe.batch_size, latest):
        if latest is None or not stopped_early(latest):
            trainer.train(resume_from_checkpoint=None if latest is None else str(latest))
        else:
            load_best(trainer, latest)
        predicted = trainer.predict(_Rows(validation, names))
    logits, targets = np.asarray(predicted.predictions), np.asarray(predicted.label_ids)
    rows = {"train": len(train.texts), "validation": len(validation.texts)}
    figures = full_report(logits, targets, names, trainer.state.log_history, recipe.task is Task.DEPARTMENT)
    report = {"task": recipe.task.value, "rows": rows} | figures
    if trainer.is_world_process_zero():
        _write(trainer, tokenizer, names, report, out, recipe)
    return report


@contextmanager
def explain_failures(batch_size: int, checkpoint: Path | None = None) -> Iterator[None]:
    """Turns what ends a training for want of memory or disk, or for a damaged `checkpoint`, into a `TrainingError`."""
    try:
        yield
    except OSError as error:
        raise TrainingError(f"a checkpoint cannot be written or read: {error.strerror or error}") from None
    except (RuntimeError, MemoryError, SafetensorError) as error:
        words = str(error).lower()
        if isinstance(error, SafetensorError) or "pytorchstreamreader" in words or "zip archive" in words:
            raise TrainingError(f"{checkpoint} is damaged: delete it to go on from the one before") from None
        if not isinstance(error, MemoryError) and "out of memory" not in words and "can't allocate memory" not in words:
            raise
        advice = f"lower --batch-size (now {batch_size}) or --max-length, and begin anew with --no-resume"
        raise TrainingError(f"a batch does not fit into memory: {advice}") from None


class _Rows(Dataset[dict[str, Any]]):
    def __init__(self, examples: Examples, names: Sequence[str]) -> None:
        self.texts = examples.texts
        number = {name: place for place, name in enumerate(names)}
        self.targets = [number[label] for label in examples.labels]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"text": self.texts[row], "target": self.targets[row]}


class _Collator:
    """Turns rows into a batch padded to its longest text, with the tokenizer that serving uses as well."""

    def __init__(self, tokenizer: Tokenizer, pad_id: int, max_length: int) -> None:
        # Not named tokenizer: the Trainer takes a collator's attribute of that name for one of its own kind.
        self.reader = Tokenizer.from_str(tokenizer.to_str())
        self.reader.enable_truncation(max_length)
        self.reader.enable_padding(pad_id=pad_id)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        encodings = self.reader.encode_batch([row["text"] for row in rows])
        return {
            "input_ids": torch.tensor([encoding.ids for encoding in encodings]),
            "attention_mask": torch.tensor([encoding.attention_mask for encoding in encodings]),
            "labels": torch.tensor([row["target"] for row in rows]),
        }


def _arguments(folder: Path, recipe: ClassifierRecipe) -> TrainingArguments:
    if recipe.mixed_precision == "fp16" and not torch.cuda.is_available():
        raise TrainingError("--mixed-precision fp16 needs a GPU: use bf16 or no")
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="linear",
        seed=recipe.seed,
        use_cpu=not torch.accelerator.is_available(),
        fp16=recipe.mixed_precision == "fp16",
        bf16=recipe.mixed_precision == "bf16",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        save_total_limit=recipe.kept_checkpoints,
        load_best_model_at_end=recipe.early_stop > 0,
        metric_for_best_model=_WATCHED[recipe.task] if recipe.early_stop else None,
        greater_is_better=True if recipe.early_stop else None,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=False,
        report_to="none",
    )


def _callbacks(recipe: ClassifierRecipe) -> list[Any]:
    callbacks: list[Any] = [TimedCheckpoints(recipe.checkpoint_minutes)]
    if recipe.early_stop:
        callbacks.append(EarlyStoppingCallback(recipe.early_stop))
    return callbacks


def _figures(outcome: EvalPrediction) -> dict[str, float]:
    return headline_figures(np.asarray(outcome.predictions), np.asarray(outcome.label_ids))


def _window(recipe: ClassifierRecipe, model: Any) -> int:
    most = model.config.max_position_embeddings
    if not 8 <= recipe.max_length <= most:
        raise TrainingError(f"--max-length must lie within 8..{most} for this base, not {recipe.max_length}")
    return recipe.max_length


def _fingerprint(
    recipe: ClassifierRecipe, train: Examples, validation: Examples, base: Path, devices: int
) -> dict[str, Any]:
    """Returns what a run must share with the one that it continues; with more `devices` a step holds more rows."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in _FREE_TO_CHANGE}
    rows = json.dumps([train.texts, train.labels, validation.texts, validation.labels], ensure_ascii=False)
    digest = hashlib.sha256(rows.encode("utf-8", "surrogatepass")).hexdigest()
    settings |= {"task": recipe.task.value, "devices": devices}
    return {"settings": settings, "base": base.name, "rows_sha256": digest}


def _prepare(out: Path, checkpoints: Path, fingerprint: dict[str, Any], resume: bool) -> None:
    """Makes `out` ready; refuses to continue a run of other settings or rows."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    run = out / "run.json"
    if not resume:
        shutil.rmtree(checkpoints)
        checkpoints.mkdir()
    elif latest_whole(checkpoints) is not None and _read_run(run) != fingerprint:
        raise TrainingError(
            f"{out} holds a run of other settings, base, rows or number of devices: use another --out, or --no-resume"
        )
    run.write_text(json.dumps(fingerprint, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_run(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(
    trainer: Trainer,
    tokenizer: Tokenizer,
    names: Sequence[str],
    report: dict[str, Any],
    out: Path,
    recipe: ClassifierRecipe,
) -> None:
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    weights = {name: value.detach().cpu().float().numpy() for name, value in model.state_dict().items()}
    about = {"epoch": finished_epoch(trainer.state), "metrics": report["final"]}
    config = {name: value for name, value in model.config.to_dict().items() if name not in ("dtype", "torch_dtype")}
    classifier = SavedClassifier(weights, config, tuple(names), tokenizer, about)
    write = write_checkpoint if recipe.task is Task.DISEASE else write_directory
    write(classifier, out)
    (out / "metrics.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _look_past_a_folder_called_datasets() -> None:
    """The Trainer takes whatever can be imported as `datasets` for the library, also a folder where we were started."""
    library = getattr(trainer_module, "datasets", None)
    if library is not None and getattr(library, "__file__", None) is None:
        vars(trainer_module)["is_datasets_available"] = lambda: False
