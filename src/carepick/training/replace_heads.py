"""Puts other gatekeepers into a bundle: all its other answers stay what they are, to the digit."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from carepick.engine.bundle import open_bundle
from carepick.errors import TrainingError
from carepick.training.bundle_graph import BundleGraph
from carepick.training.gatekeepers import LinearHead
from carepick.training.graph import save_graph
from carepick.training.sealing import seal


def replace_heads(
    bundle: Path, heads: Mapping[str, LinearHead], thresholds: Mapping[str, float], precision: str, out: Path
) -> None:
    """Writes to `out` the bundle in the folder `bundle` with `heads` in the place of its own, and `thresholds` in its manifest.

    Labels stay; so does what the manifest says of int8 against float32, which is measured on the tasks. Raises
    `TrainingError` when the bundle has no such head or no n-gram branch.
    """
    opened = open_bundle(bundle)
    if opened.ngrams is None or (lacking := sorted(set(heads) - set(opened.manifest.heads))):
        raise TrainingError(
            f"{bundle} lacks {'an n-gram branch' if opened.ngrams is None else f'the head {lacking[0]}'}"
        )
    graph = BundleGraph(opened.model)
    graph.replace_heads(opened.manifest, heads)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(bundle, out)
    save_graph(graph.model, out / "model.onnx")
    manifest = dataclasses.replace(opened.manifest, confidence={**opened.manifest.confidence, **thresholds})
    seal(manifest, out, precision)
