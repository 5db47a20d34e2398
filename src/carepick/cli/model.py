"""Prints what the model says about itself, as JSON: version, heads, training, figures, checksums; no labels."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from carepick.cli.flags import MODEL_SETTINGS, add_setting_flags, settings_from
from carepick.engine.manifest import Manifest
from carepick.records import Task
from carepick.service.predictor import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the model's settings."""
    add_setting_flags(parser, MODEL_SETTINGS)


def run(arguments: argparse.Namespace) -> int:
    """Prints one object for each bundle and returns 0; raises `BundleError` when one cannot be loaded."""
    predictor = Predictor.load(settings_from(arguments))
    try:
        bundles: list[tuple[Manifest, list[Task]]] = []
        for task, manifest in predictor.manifests.items():
            shared = next((tasks for known, tasks in bundles if known is manifest), None)
            if shared is None:
                bundles.append((manifest, [task]))
            else:
                shared.append(task)
    finally:
        predictor.close()
    documents = [_document(manifest, tasks) for manifest, tasks in bundles]
    print(json.dumps({"models": documents}, ensure_ascii=False, indent=1, default=str))
    return 0


def _document(manifest: Manifest, tasks: list[Task]) -> dict[str, Any]:
    document = dataclasses.asdict(manifest)
    for head in document["heads"].values():
        head["classes"] = len(head.pop("labels"))
    return {"tasks": [task.value for task in tasks], **document}
