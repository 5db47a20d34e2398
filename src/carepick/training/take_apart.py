"""Takes the branches out of a bundle that `training.graph` wrote, so that its training can go on without what made it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from carepick.engine.bundle import open_bundle
from carepick.errors import TrainingError
from carepick.training.bundle_graph import BundleGraph
from carepick.training.linear_files import save_linear
from carepick.training.network import MultiTaskEncoder, load_encoder
from carepick.training.teach import TASKS


def take_apart(bundle: Path, encoder: Path, frozen_layers: int, network_folder: Path, linear: Path) -> None:
    """Writes network.pt, labels.json and settings.json to `network_folder` as `finetune` does, and the n-gram branch to the
    file `linear` as `save_linear` does.

    `bundle`: its folder; of an int8 one the weights are what its integers say. `encoder`: what it was made of, from which the
    embeddings and the lowest `frozen_layers` layers are taken, since no training changed them. Both branches come as they
    count in the bundle, so that their sum is what it answers: shares are in the weights, and all biases, with the
    prior that was taken out, are the n-gram branch's.
    Raises `TrainingError` for a graph of another structure.
    """
    opened = open_bundle(bundle)
    graph = BundleGraph(opened.model)
    if opened.ngrams is None or not set(TASKS) <= set(opened.manifest.heads):
        raise TrainingError(
            f"{bundle} cannot be taken apart: expected one with an n-gram branch that answers both tasks"
        )
    labels = {task: [label.name for label in opened.manifest.heads[task].labels] for task in TASKS}
    network = MultiTaskEncoder(load_encoder(encoder, graph.layers), {task: len(labels[task]) for task in TASKS})
    heads = graph.heads(opened.manifest)
    state = graph.trained_layers(frozen_layers)
    state |= {f"heads.{task}.weight": heads[task].deep.T for task in TASKS}
    state |= {f"heads.{task}.bias": np.zeros_like(heads[task].bias) for task in TASKS}
    known = network.state_dict()
    if wrong := [name for name, value in state.items() if name not in known or known[name].shape != value.shape]:
        raise TrainingError(f"{bundle} was not made of {encoder}: {wrong[0]} does not fit")
    known.update({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    network_folder.mkdir(parents=True, exist_ok=True)
    torch.save(known, network_folder / "network.pt")
    (network_folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    (network_folder / "settings.json").write_text(json.dumps({"layers": graph.layers}), encoding="utf-8")
    save_linear(linear, opened.ngrams, {task: (heads[task].wide, heads[task].bias) for task in TASKS})
