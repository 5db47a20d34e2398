"""Lists the diseases and departments that the model can answer, one a line: task, id and name divided by tabs."""

from __future__ import annotations

import argparse
import json

from carepick.cli.flags import MODEL_SETTINGS, add_setting_flags, settings_from
from carepick.records import Task
from carepick.service.predictor import Predictor
from carepick.web.labels import answerable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --task, --json and the model's settings."""
    parser.add_argument("--task", choices=("both", "disease", "specialty"), default="both", help="default: both")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    add_setting_flags(parser, MODEL_SETTINGS)


def run(arguments: argparse.Namespace) -> int:
    """Prints the labels and returns 0; raises `BundleError` when the model cannot be loaded."""
    predictor = Predictor.load(settings_from(arguments))
    try:
        wanted = {"disease": [Task.DISEASE], "specialty": [Task.DEPARTMENT]}.get(arguments.task, list(Task))
        tasks = [task for task in wanted if task in predictor.manifests]
        labels = {task: answerable(predictor.manifests[task], task) for task in tasks}
    finally:
        predictor.close()
    if arguments.json:
        lists = {task.value + "s": [{"id": label.id, "name": label.name} for label in labels[task]] for task in tasks}
        print(json.dumps(lists, ensure_ascii=False, indent=1))
    else:
        for task in tasks:
            for label in labels[task]:
                print(task.value, label.id, label.name, sep="\t")
    return 0
