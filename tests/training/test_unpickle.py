"""No pickle runs anything: each attack below is shown to work on a reader that trusts, and to fail on ours."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carepick.errors import BundleError
from carepick.training.unpickle import encoder_labels, load_torch, read_label_array

LABELS = ["감기", "위염", "편두통"]


class Attack:
    """Makes the folder `marker` when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.marker),)


class AttackByEval(Attack):
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return eval, (f"__import__('os').mkdir({str(self.marker)!r})",)


class AttackByState(Attack):
    """Hides the call in the state of an object that looks harmless."""

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter([("labels", Attack(self.marker))])


@pytest.mark.parametrize("kind", [np.array(LABELS), np.array(LABELS, dtype=object)])
def test_label_arrays_are_read(kind: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", kind, allow_pickle=True)
    assert read_label_array(tmp_path / "labels.npy") == LABELS


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_label_arrays_of_every_protocol_are_read(protocol: int, tmp_path: Path) -> None:
    array = np.array(LABELS, dtype=object)
    with (tmp_path / "labels.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        pickle.dump(array, file, protocol=protocol)
    assert read_label_array(tmp_path / "labels.npy") == LABELS


@pytest.mark.parametrize("attack", [Attack, AttackByEval, AttackByState])
@pytest.mark.parametrize("hidden", [False, True], ids=["bare", "within an array"])
def test_a_malicious_label_array_runs_nothing(attack: type[Attack], hidden: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "labels.npy"
    array = np.array([attack(marker), "감기"] if hidden else LABELS, dtype=object)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        pickle.dump(array if hidden else attack(marker), file)
    np.load(path, allow_pickle=True)
    assert marker.exists()
    marker.rmdir()
    with pytest.raises(BundleError, match=r"refused: it asks for (posix|nt|builtins)\."):
        read_label_array(path)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array", b"\x93NUMPY\x01\x00\x10\x00{'descr': '|O'}"])
def test_other_files_are_no_label_arrays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.npy").write_bytes(content)
    with pytest.raises(BundleError, match=r"damaged or cut short.*copy or download it again"):
        read_label_array(tmp_path / "labels.npy")


@pytest.mark.parametrize("values", [np.zeros(3), np.array([[1], [2]], dtype=object), np.array([1, "a"], dtype=object)])
def test_labels_must_be_a_list_of_texts(values: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", values, allow_pickle=True)
    with pytest.raises(BundleError, match="no list of texts"):
        read_label_array(tmp_path / "labels.npy")


@pytest.mark.train
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("kind", [object, str])
def test_checkpoints_with_a_label_encoder_are_read(zipped: bool, kind: type, tmp_path: Path) -> None:
    import torch
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder().fit(np.array(LABELS, dtype=kind))
    state = {"weight": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2, dtype=torch.float16)}
    document = {"model_state_dict": state, "label_encoder": encoder, "epoch": 4, "loss": 0.5}
    torch.save(document, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    loaded = load_torch(tmp_path / "model.pt")
    assert encoder_labels(loaded["label_encoder"], tmp_path) == LABELS
    assert loaded["epoch"] == 4
    assert torch.equal(loaded["model_state_dict"]["weight"], state["weight"])


@pytest.mark.train
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("attack", [Attack, AttackByEval, AttackByState])
def test_a_malicious_checkpoint_runs_nothing(attack: type[Attack], zipped: bool, tmp_path: Path) -> None:
    import torch

    marker, path = tmp_path / "ran", tmp_path / "model.pt"
    document = {"model_state_dict": {"weight": torch.zeros(2)}, "label_encoder": attack(marker), "epoch": 1}
    torch.save(document, path, _use_new_zipfile_serialization=zipped)
    torch.load(path, weights_only=False)
    assert marker.exists()
    marker.rmdir()
    with pytest.raises(BundleError, match="refused"):
        load_torch(path)
    assert not marker.exists()


@pytest.mark.train
def test_a_label_encoder_that_holds_more_than_labels_runs_nothing(tmp_path: Path) -> None:
    import torch
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder()
    encoder.classes_ = np.array([Attack(tmp_path / "ran")], dtype=object)
    torch.save({"label_encoder": encoder}, tmp_path / "model.pt")
    with pytest.raises(BundleError, match=r"it asks for (posix|nt)\.mkdir"):
        load_torch(tmp_path / "model.pt")
    assert not (tmp_path / "ran").exists()
