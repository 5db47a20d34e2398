"""Reads the two formats in which the original models were kept: one .pt file, or a Hugging Face directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from carepick.errors import BundleError
from carepick.training.saved_classifier import Array, SavedClassifier, check_classifier, guess_config
from carepick.training.tokenizer_files import read_tokenizer
from carepick.training.unpickle import encoder_labels, load_torch, read_label_array

LABELS_NAME = "label_classes.npy"
WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin")


def read_classifier(source: Path, tokenizer_folder: Path | None = None) -> SavedClassifier:
    """Returns the classifier in `source`, a .pt file or a directory.

    `tokenizer_folder` holds its tokenizer (and, for a .pt file, config.json); by default they lie beside the weights.
    Raises `BundleError` that names what is missing, damaged, refused or does not fit.
    """
    if source.is_dir():
        return _read_directory(source, tokenizer_folder or source)
    if source.exists():
        return _read_checkpoint(source, tokenizer_folder or source.parent)
    raise BundleError(f"{source} is not there: expected a .pt file or a Hugging Face directory")


def read_weights(folder: Path) -> dict[str, Array]:
    """Returns the weights of a Hugging Face directory, float32; raises `BundleError` when there are none."""
    safetensors, pickled = (folder / name for name in WEIGHT_NAMES)
    if safetensors.exists():
        return _as_float32(_load_safetensors(safetensors), safetensors)
    if pickled.exists():
        return _as_float32(load_torch(pickled), pickled)
    raise BundleError(f"{folder} holds no weights: expected {' or '.join(WEIGHT_NAMES)} in it")


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the content of config.json in `folder`; raises `BundleError` when it is missing or damaged."""
    try:
        document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{folder} holds no config.json: it is no Hugging Face directory") from None
    except ValueError as error:
        raise BundleError(f"{folder / 'config.json'} is not readable JSON: {error}") from None
    if not isinstance(document, dict):
        raise BundleError(f"{folder / 'config.json'} must hold a JSON object")
    return document


def _read_directory(folder: Path, tokenizer_folder: Path) -> SavedClassifier:
    config = read_config(folder)
    named = folder / LABELS_NAME
    labels = read_label_array(named) if named.exists() else _config_labels(config, folder)
    return _assemble(read_weights(folder), config, labels, tokenizer_folder, _metrics_beside(folder), str(folder))


def _read_checkpoint(path: Path, tokenizer_folder: Path) -> SavedClassifier:
    document = load_torch(path)
    if not isinstance(document, dict) or not {"model_state_dict", "label_encoder"} <= document.keys():
        raise BundleError(f"{path}: expected a dictionary with model_state_dict and label_encoder")
    weights = _as_float32(document["model_state_dict"], path)
    config = document.get("config")
    if not isinstance(config, dict):
        stated = (tokenizer_folder / "config.json").exists()
        config = read_config(tokenizer_folder) if stated else guess_config(weights, str(path))
    labels = encoder_labels(document["label_encoder"], path)
    about = _metrics_beside(path.parent)
    if isinstance(document.get("epoch"), int):
        about["epoch"] = document["epoch"]
    return _assemble(weights, config, labels, tokenizer_folder, about, str(path))


def _assemble(
    weights: dict[str, Array], config: dict[str, Any], labels: list[str], tokenizer_folder: Path,
    about: dict[str, Any], place: str,
) -> SavedClassifier:  # fmt: skip
    try:
        tokenizer: Tokenizer = read_tokenizer(tokenizer_folder)
    except BundleError as error:
        raise BundleError(f"{error}; --tokenizer names the folder of the base that it was trained from") from None
    config = {"layer_norm_eps": 1e-12, **config}
    try:
        return check_classifier(SavedClassifier(weights, config, tuple(labels), tokenizer, about), place)
    except KeyError as missing:
        raise BundleError(f"{place}: config.json lacks {missing}") from None


def _config_labels(config: Mapping[str, Any], folder: Path) -> list[str]:
    named = config.get("id2label")
    generic = isinstance(named, dict) and all(str(name).startswith("LABEL_") for name in named.values())
    if not isinstance(named, dict) or generic:
        raise BundleError(f"{folder} names no labels: expected {LABELS_NAME}, or id2label in config.json")
    try:
        return [str(named[str(place)]) for place in range(len(named))]
    except KeyError as missing:
        raise BundleError(f"{folder / 'config.json'}: id2label lacks the class {missing}") from None


def _metrics_beside(folder: Path) -> dict[str, Any]:
    """Returns the metrics and conformal thresholds that `carepick train` left in `folder`; none without such a file."""
    try:
        document = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    kept = {"metrics": "final", "conformal": "conformal"}
    found = {name: document.get(key) for name, key in kept.items()} if isinstance(document, dict) else {}
    return {name: value for name, value in found.items() if isinstance(value, dict)}


def _load_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise BundleError(f"{path} is damaged or cut short, copy or download it again: {error}") from None


def _as_float32(state: Any, path: Path) -> dict[str, Array]:
    """Returns the tensors of a state dictionary as arrays, without the prefix that multi-GPU training adds."""
    import torch

    if not isinstance(state, Mapping):
        raise BundleError(f"{path}: expected a dictionary of weights")
    return {
        str(name).removeprefix("module."): tensor.to(torch.float32).numpy().astype(np.float32, copy=False)
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    }
