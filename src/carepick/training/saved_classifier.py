"""A trained classifier of the original kind, apart from the file format that it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from carepick.errors import BundleError

Array = np.ndarray[Any, np.dtype[Any]]

_HEAD_WIDTH = 64  # BERT's hidden units for one attention head, where no configuration says otherwise
_SERVED_LENGTH = 512


@dataclass(frozen=True)
class SavedClassifier:
    """The parts of a BertForSequenceClassification.

    `weights` by Hugging Face's names, float32; `config` the fields of config.json; `labels` in the order of the logits;
    `about` what else is known of it: epoch, metrics.
    """

    weights: Mapping[str, Array]
    config: dict[str, Any]
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_tokens(self) -> int:
        """The longest window it reads, special tokens counted."""
        return min(int(self.config["max_position_embeddings"]), _SERVED_LENGTH)


def check_classifier(classifier: SavedClassifier, place: str) -> SavedClassifier:
    """Returns `classifier` when its parts fit one another; raises `BundleError`, beginning with `place`, otherwise."""
    if classifier.config.get("model_type", "bert") != "bert":
        raise BundleError(f"{place}: expected a BERT, found {classifier.config['model_type']}")
    activation = classifier.config.get("hidden_act", "gelu")
    if activation != "gelu":
        raise BundleError(f"{place}: expected the activation gelu, found {activation}")
    shapes = weight_shapes(classifier.config, len(classifier.labels))
    unread = sorted(name for name in classifier.weights.keys() - shapes if name.startswith("bert.encoder.layer."))
    if unread:
        raise BundleError(f"{place}: the weight {unread[0]} is of a layer that num_hidden_layers does not count")
    for name, shape in shapes.items():
        if name not in classifier.weights:
            raise BundleError(f"{place}: the weight {name} is missing: it holds no whole BertForSequenceClassification")
        found = classifier.weights[name].shape
        if found != shape and name.startswith("classifier."):
            raise BundleError(f"{place}: the head has {found[0]} classes but the label list holds {shape[0]}")
        if found != shape:
            raise BundleError(f"{place}: the weight {name} has the shape {found}, expected {shape}")
    pieces, rows = classifier.tokenizer.get_vocab_size(), classifier.config["vocab_size"]
    if pieces > rows:
        raise BundleError(
            f"{place}: the tokenizer has {pieces} pieces but the model {rows}: they do not belong together"
        )
    return classifier


def weight_shapes(config: Mapping[str, Any], classes: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every weight of a BertForSequenceClassification, by Hugging Face's names."""
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "bert.embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "bert.embeddings.token_type_embeddings.weight": (config.get("type_vocab_size", 2), hidden),
    }
    linear = {"bert.pooler.dense": (hidden, hidden), "classifier": (classes, hidden)}
    norms = ["bert.embeddings.LayerNorm"]
    for number in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{number}"
        linear |= {f"{layer}.attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        linear[f"{layer}.attention.output.dense"] = (hidden, hidden)
        linear[f"{layer}.intermediate.dense"] = (wide, hidden)
        linear[f"{layer}.output.dense"] = (hidden, wide)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    return shapes


def guess_config(weights: Mapping[str, Array], place: str) -> dict[str, Any]:
    """Returns the configuration that the shapes of `weights` tell; the attention heads are BERT's 64 units wide.

    For checkpoints that come without one. Raises `BundleError`, beginning with `place`, when they are no BERT's.
    """
    try:
        words = weights["bert.embeddings.word_embeddings.weight"].shape
        layers = {int(name.split(".")[3]) for name in weights if name.startswith("bert.encoder.layer.")}
        return {
            "model_type": "bert",
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "vocab_size": words[0],
            "hidden_size": words[1],
            "num_hidden_layers": len(layers),
            "num_attention_heads": max(1, words[1] // _HEAD_WIDTH),
            "intermediate_size": weights["bert.encoder.layer.0.intermediate.dense.weight"].shape[0],
            "max_position_embeddings": weights["bert.embeddings.position_embeddings.weight"].shape[0],
            "type_vocab_size": weights["bert.embeddings.token_type_embeddings.weight"].shape[0],
        }
    except KeyError as missing:
        raise BundleError(f"{place}: the weight {missing} is missing: it is no BertForSequenceClassification") from None
