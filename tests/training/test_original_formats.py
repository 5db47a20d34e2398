"""Both original formats, there and back, and every way in which they arrive broken."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from carepick.errors import BundleError
from carepick.training.dummy import SIZES, random_classifier
from carepick.training.original_reader import read_classifier
from carepick.training.original_writer import write_checkpoint, write_directory
from carepick.training.saved_classifier import SavedClassifier

pytestmark = pytest.mark.train
LABELS = ("감기", "위염", "편두통")
Write = Callable[[SavedClassifier, Path], Path]


@pytest.fixture(scope="module")
def classifier() -> SavedClassifier:
    return dataclasses.replace(random_classifier(SIZES["tiny"], LABELS, seed=1), about={"epoch": 4})


def same(left: SavedClassifier, right: SavedClassifier) -> bool:
    weights = all(np.array_equal(left.weights[name], right.weights[name]) for name in left.weights)
    return weights and left.labels == right.labels and left.tokenizer.to_str() == right.tokenizer.to_str()


@pytest.mark.parametrize("write", [write_checkpoint, write_directory])
def test_there_and_back(write: Write, classifier: SavedClassifier, tmp_path: Path) -> None:
    assert same(read_classifier(write(classifier, tmp_path)), classifier)


def test_hugging_face_opens_the_directory_as_its_own(classifier: SavedClassifier, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

    folder = write_directory(classifier, tmp_path)
    model, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert isinstance(model, BertForSequenceClassification)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert model.config.id2label == dict(enumerate(LABELS))
    assert np.load(folder / "label_classes.npy", allow_pickle=True).tolist() == list(LABELS)


def test_the_checkpoint_is_what_the_original_server_loaded(classifier: SavedClassifier, tmp_path: Path) -> None:
    from sklearn.preprocessing import LabelEncoder
    from transformers import BertConfig, BertForSequenceClassification

    document = torch.load(write_checkpoint(classifier, tmp_path), weights_only=False)
    assert isinstance(document["label_encoder"], LabelEncoder)
    assert document["label_encoder"].inverse_transform([2, 0]).tolist() == ["편두통", "감기"]
    assert document["epoch"] == 4
    model = BertForSequenceClassification(BertConfig(**document["config"], num_labels=3))
    model.load_state_dict(document["model_state_dict"], strict=True)


def test_pickled_weights_and_config_labels(classifier: SavedClassifier, tmp_path: Path) -> None:
    folder = write_directory(classifier, tmp_path)
    state = {f"module.{name}": torch.from_numpy(value) for name, value in classifier.weights.items()}
    state["module.bert.embeddings.position_ids"] = torch.arange(512)
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (folder / "label_classes.npy").unlink()
    assert same(read_classifier(folder), classifier)


def test_a_checkpoint_without_a_configuration(classifier: SavedClassifier, tmp_path: Path) -> None:
    """The original .pt held none: sizes come from the shapes, heads are BERT's 64 units wide."""
    path = write_checkpoint(classifier, tmp_path)
    document = torch.load(path, weights_only=False)
    del document["config"]
    torch.save(document, path)
    (tmp_path / "config.json").unlink()
    config = read_classifier(path).config
    assert config["num_attention_heads"] == 1
    for name in ("hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size", "max_position_embeddings"):
        assert config[name] == classifier.config[name]


def test_a_tokenizer_elsewhere(classifier: SavedClassifier, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    path = write_checkpoint(classifier, tmp_path / "model")
    (tmp_path / "base").mkdir()
    for name in ("tokenizer.json", "vocab.txt"):
        (tmp_path / "model" / name).rename(tmp_path / "base" / name)
    with pytest.raises(BundleError, match="--tokenizer"):
        read_classifier(path)
    assert same(read_classifier(path, tmp_path / "base"), classifier)


def test_half_precision_weights_become_float32(classifier: SavedClassifier, tmp_path: Path) -> None:
    path = write_checkpoint(classifier, tmp_path)
    document = torch.load(path, weights_only=False)
    document["model_state_dict"] = {name: value.bfloat16() for name, value in document["model_state_dict"].items()}
    torch.save(document, path)
    weights = read_classifier(path).weights
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    assert np.allclose(weights["classifier.weight"], classifier.weights["classifier.weight"], rtol=0.01)


Damage = Callable[[Path], object]


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:5000])


def drop(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def edit_config(**changes: object) -> Damage:
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config.update(changes)
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))

    return edit


def unnamed(folder: Path) -> None:
    (folder / "label_classes.npy").unlink()
    edit_config(id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut("model.safetensors"), "damaged or cut short"),
        (lambda folder: (folder / "config.json").write_text("{"), "not readable JSON"),
        (cut("tokenizer.json"), "damaged"),
        (drop("model.safetensors"), "holds no weights: expected model.safetensors or pytorch_model.bin"),
        (drop("config.json"), "no config.json"),
        (unnamed, "names no labels"),
        (edit_config(model_type="electra"), "expected a BERT, found electra"),
        (edit_config(hidden_act="relu"), "expected the activation gelu"),
        (edit_config(num_hidden_layers=1), r"encoder\.layer\.1\..* that num_hidden_layers does not count"),
        (edit_config(num_hidden_layers=3), r"encoder\.layer\.2\..* is missing"),
        (edit_config(intermediate_size=65), r"has the shape \(64, 32\), expected \(65, 32\)"),
        (edit_config(vocab_size=None), "config.json lacks 'vocab_size'"),
        (
            lambda folder: np.save(folder / "label_classes.npy", np.array(["감기", "위염"], dtype=object)),
            "the head has 3 classes but the label list holds 2",
        ),
    ],
)
def test_each_damage_is_told(damage: Damage, message: str, classifier: SavedClassifier, tmp_path: Path) -> None:
    folder = write_directory(classifier, tmp_path)
    damage(folder)
    with pytest.raises(BundleError, match=message):
        read_classifier(folder)


def write_pickled(classifier: SavedClassifier, folder: Path) -> Path:
    """Writes the directory with pytorch_model.bin in place of model.safetensors."""
    write_directory(classifier, folder)
    state = {name: torch.from_numpy(value) for name, value in classifier.weights.items()}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def write_pickled_as_of_old(classifier: SavedClassifier, folder: Path) -> Path:
    write_pickled(classifier, folder)
    state = torch.load(folder / "pytorch_model.bin")
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return folder


@pytest.mark.parametrize("kept", [0, 1, 5000, 0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_checkpoint, "disease.pt"),
        (write_directory, "model.safetensors"),
        (write_pickled, "pytorch_model.bin"),
        (write_pickled_as_of_old, "pytorch_model.bin"),
        (write_directory, "label_classes.npy"),
    ],
    ids=["pt", "safetensors", "bin", "bin before torch 1.6", "labels"],
)
def test_a_file_that_was_cut_short_says_so(
    kept: float, write: Write, name: str, classifier: SavedClassifier, tmp_path: Path
) -> None:
    """`kept`: how many bytes of the file are left, or which share of them."""
    source, size = write(classifier, tmp_path), (tmp_path / name).stat().st_size
    os.truncate(tmp_path / name, min(int(kept * size) if isinstance(kept, float) else kept, size - 1))
    with pytest.raises(BundleError, match=rf"{name}.* damaged or cut short.*copy or download it again"):
        read_classifier(source)


def test_what_is_no_checkpoint(classifier: SavedClassifier, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not there"):
        read_classifier(tmp_path / "none.pt")
    torch.save({"state": 1}, tmp_path / "other.pt")
    with pytest.raises(BundleError, match="model_state_dict and label_encoder"):
        read_classifier(tmp_path / "other.pt")
    torch.save({"model_state_dict": {}, "label_encoder": "감기"}, tmp_path / "other.pt")
    with pytest.raises(BundleError, match="is no BertForSequenceClassification"):
        read_classifier(tmp_path / "other.pt")
    path = write_checkpoint(classifier, tmp_path)
    document = torch.load(path, weights_only=False)
    torch.save(document | {"label_encoder": ["감기", "위염", "편두통"]}, path)
    with pytest.raises(BundleError, match="no fitted scikit-learn LabelEncoder"):
        read_classifier(path)
