"""Trains one of the two original recipes on your own data, on any BERT.

    carepick train disease --data questions.csv --out runs/disease
    carepick train specialty --data questions.parquet --base ./km-bert --out runs/specialty
    accelerate launch -m carepick train disease --data questions.csv --out runs/disease   # on several GPUs

The same command goes on where an interrupted run was. `carepick import` turns the result into a bundle.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from carepick.cli.extras import train_extra
from carepick.cli.flags import seed
from carepick.errors import TrainingError
from carepick.records import Task

if TYPE_CHECKING:
    from carepick.training.classifier import ClassifierRecipe
    from carepick.training.labelled import Examples

TASKS = {"disease": Task.DISEASE, "specialty": Task.DEPARTMENT}

_LEAST = {
    "epochs": 1, "batch_size": 1, "weight_decay": 0, "early_stop": 0, "checkpoint_minutes": 0, "kept_checkpoints": 1,
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe's name, where data and base are, and what may differ from the recipe."""
    parser.add_argument("recipe", choices=sorted(TASKS), help="which of the two recipes")
    parser.add_argument("--data", type=Path, required=True, help="labelled texts: .csv, .json, .jsonl or .parquet")
    parser.add_argument("--validation", type=Path, help="labelled texts to validate on; default: a fifth of each class")
    parser.add_argument("--text-column", default="text", help="column of the texts (default: %(default)s)")
    parser.add_argument("--label-column", help="column of the labels (default: disease or department)")
    parser.add_argument(
        "--keep-unknown-labels", action="store_true",
        help="learn labels that the catalog does not know; importing needs --exclude-label for them",
    )  # fmt: skip
    parser.add_argument(
        "--base", default="madatnlp/km-bert",
        help="a local directory, or a name on the Hugging Face hub (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for the model, its figures and checkpoints")
    parser.add_argument(
        "--resume", action=argparse.BooleanOptionalAction, default=True,
        help="go on from the latest checkpoint in --out; --no-resume starts over",
    )  # fmt: skip
    _add_recipe_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints the final figures; raises `TrainingError` or `DataError`."""
    with train_extra():
        from carepick.training.base_model import find_base
        from carepick.training.classifier import train_classifier

    task = TASKS[arguments.recipe]
    recipe = _recipe(arguments, task)
    train, validation = _examples(arguments, task, recipe)
    base = find_base(arguments.base)
    report = train_classifier(train, validation, base, arguments.out, recipe, arguments.resume)
    if os.environ.get("RANK", "0") == "0":  # one of several processes of a launcher speaks for all
        figures = "  ".join(f"{name} {value:.4f}" for name, value in report["final"].items())
        print(f"{figures}\nwrote {arguments.out}", file=sys.stderr)
    return 0


def _add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_argument_group("recipe", "defaults: disease / specialty")
    recipe.add_argument("--epochs", type=int, help="passes over the data (10 / 5)")
    recipe.add_argument("--batch-size", type=int, help="texts in a batch, on each device (16 / 32)")
    recipe.add_argument("--learning-rate", type=float, help="highest rate of AdamW, falling linearly (2e-5)")
    recipe.add_argument("--weight-decay", type=float, help="of AdamW (0.01)")
    recipe.add_argument("--max-length", type=int, help="tokens after which a text is cut (512 / 256)")
    recipe.add_argument("--validation-share", type=float, help="share of each class held out (0.2)")
    recipe.add_argument("--seed", type=seed, help="of the division, the new head and the order of rows (42)")
    recipe.add_argument("--early-stop", type=int, help="epochs without a better figure to stop after (0: never)")
    recipe.add_argument("--mixed-precision", choices=("no", "fp16", "bf16"), help="(no)")
    recipe.add_argument("--checkpoint-minutes", type=float, help="a checkpoint this often, beside each epoch's (5)")
    recipe.add_argument("--kept-checkpoints", type=int, help="how many of the latest are kept (2)")


def _recipe(arguments: argparse.Namespace, task: Task) -> ClassifierRecipe:
    from carepick.training.classifier import DEPARTMENT_RECIPE, DISEASE_RECIPE, ClassifierRecipe

    default = DISEASE_RECIPE if task is Task.DISEASE else DEPARTMENT_RECIPE
    names = {field.name for field in dataclasses.fields(ClassifierRecipe)} - {"task"}
    given = {name: getattr(arguments, name) for name in names}
    recipe = dataclasses.replace(default, **{name: value for name, value in given.items() if value is not None})
    for name, value in _LEAST.items():
        if getattr(recipe, name) < value:
            raise TrainingError(f"--{name.replace('_', '-')} must be at least {value}, not {getattr(recipe, name)}")
    if not recipe.learning_rate > 0 or not 0 < recipe.validation_share < 1:
        raise TrainingError("--learning-rate must be above 0 and --validation-share between 0 and 1")
    return recipe


def _examples(arguments: argparse.Namespace, task: Task, recipe: ClassifierRecipe) -> tuple[Examples, Examples]:
    """Returns the rows to train on and those to validate on."""
    from carepick.training.catalog_names import label_ids
    from carepick.training.labelled import divide, read_examples

    known = None if arguments.keep_unknown_labels else label_ids(task)
    columns = (arguments.text_column, arguments.label_column or task.value)
    rows = read_examples(arguments.data, *columns, known)
    if arguments.validation is None:
        return divide(rows, recipe.validation_share, recipe.seed)
    return rows, read_examples(arguments.validation, *columns, known)
