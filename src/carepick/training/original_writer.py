"""Writes the two formats in which the original models were kept: one .pt file, or a Hugging Face directory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from carepick.training.original_reader import LABELS_NAME
from carepick.training.saved_classifier import SavedClassifier
from carepick.training.tokenizer_files import write_tokenizer

CHECKPOINT_NAME = "disease.pt"


def write_checkpoint(classifier: SavedClassifier, folder: Path) -> Path:
    """Writes disease.pt and, beside it, config.json and the tokenizer to `folder`; returns the path of the .pt file.

    The file holds {"model_state_dict", "label_encoder", "epoch", "config"}, as `torch.save` writes them.
    """
    import torch
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder()
    encoder.classes_ = np.array(classifier.labels, dtype=object)
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in classifier.weights.items()}
    document = {
        "model_state_dict": state,
        "label_encoder": encoder,
        "epoch": int(classifier.about.get("epoch", 0)),
        "config": classifier.config,
    }
    path = folder / CHECKPOINT_NAME
    torch.save(document, path.with_suffix(".partial"))
    os.replace(path.with_suffix(".partial"), path)  # atomic: a crash leaves the previous one whole
    _write_surroundings(classifier, folder)
    return path


def write_directory(classifier: SavedClassifier, folder: Path) -> Path:
    """Writes a Hugging Face directory with label_classes.npy, a pickled array of text objects; returns `folder`."""
    from safetensors.numpy import save_file

    partial = folder / "model.partial"
    weights = {name: np.ascontiguousarray(value) for name, value in classifier.weights.items()}
    save_file(weights, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # the library makes files that only their owner can read
    os.replace(partial, folder / "model.safetensors")
    np.save(folder / LABELS_NAME, np.array(classifier.labels, dtype=object), allow_pickle=True)
    _write_surroundings(classifier, folder)
    return folder


def _write_surroundings(classifier: SavedClassifier, folder: Path) -> None:
    config = {
        **classifier.config,
        "architectures": ["BertForSequenceClassification"],
        "id2label": {str(place): name for place, name in enumerate(classifier.labels)},
        "label2id": {name: place for place, name in enumerate(classifier.labels)},
    }
    text = json.dumps(config, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    write_tokenizer(classifier.tokenizer, folder, classifier.max_tokens)
