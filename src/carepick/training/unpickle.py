"""Reads the two pickled formats of the original models without running what a pickle asks for.

A pickle names functions to call. Only those below are ever called: they make arrays and hold labels. Any other name is
refused before anything of it is imported.
"""

from __future__ import annotations

import errno
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from carepick.errors import BundleError

Array = np.ndarray[Any, np.dtype[Any]]


class LabelEncoder:
    """Stands in for scikit-learn's class of that name, of which only the array `classes_` is wanted."""

    classes_: Array


def _new_array(kind: type, shape: Any, code: Any) -> Array:
    """Returns the empty array that numpy's own function of this purpose makes; its content follows as state."""
    return np.ndarray((0,), dtype=np.int8)


def _encode(text: str, encoding: str) -> bytes:
    """Returns the bytes that old protocols write as text."""
    if encoding != "latin1":
        raise _Refused("bytes may be written as latin1 only")
    return text.encode("latin1")


_ARRAY_MAKERS: dict[str, Callable[..., Any]] = {
    "numpy._core.multiarray._reconstruct": _new_array,
    "numpy.core.multiarray._reconstruct": _new_array,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
}
_ALLOWED = _ARRAY_MAKERS | {"_codecs.encode": _encode}
_ENCODER_NAMES = ("sklearn.preprocessing._label.LabelEncoder", "sklearn.preprocessing.label.LabelEncoder")


# What Python and torch raise for files that end too early or hold something else than their first bytes promise.
_BROKEN = (
    ValueError, TypeError, LookupError, AttributeError, EOFError, OverflowError, RuntimeError, struct.error,
    pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip
_COPY_AGAIN = "copy or download it again"


class _Refused(pickle.UnpicklingError):
    """A pickle asked for something that is not on the list."""


class _AllowListUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in _ALLOWED:
            raise _Refused(f"it asks for {full}, which is not on the list of array types")
        return _ALLOWED[full]


def read_label_array(path: Path) -> list[str]:
    """Returns the labels in a .npy file: an array of text, or a pickled array of text objects.

    Raises `BundleError` when it is no such file, is cut short, or asks for anything but an array.
    """
    try:
        with path.open("rb") as file:
            labels = _read_npy(file)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None
    except _Refused as error:
        raise BundleError(f"{path} is refused: {error}") from None
    except _BROKEN:
        raise BundleError(f"{path} is damaged or cut short, or holds no labels: {_COPY_AGAIN}") from None
    return _texts(labels, path)


def load_torch(path: Path) -> Any:
    """Returns what `torch.save` wrote to `path`, tensors on the CPU; a LabelEncoder comes as this module's stand-in.

    Raises `BundleError` when it is no such file, is cut short, or asks for anything but tensors, arrays of labels and
    plain values.
    """
    import torch

    safe: list[Any] = [(maker, name) for name, maker in _ARRAY_MAKERS.items()]
    safe += [(LabelEncoder, name) for name in _ENCODER_NAMES]
    safe += [type(np.dtype(code)) for code in ("O", "U1")]
    try:
        with torch.serialization.safe_globals(safe):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BundleError(f"{path} is refused: {_reason(error)}") from None
    except _BROKEN:
        raise BundleError(f"{path} is damaged or cut short: {_COPY_AGAIN}") from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # torch looked for the end of a longer file and so before the start of this one
            raise BundleError(f"{path} is damaged or cut short: {_COPY_AGAIN}") from None
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def encoder_labels(encoder: Any, path: Path) -> list[str]:
    """Returns the labels of a LabelEncoder that `load_torch` read from `path`, in the order of the classes."""
    if not isinstance(encoder, LabelEncoder) or not isinstance(getattr(encoder, "classes_", None), np.ndarray):
        raise BundleError(f"{path}: label_encoder is no fitted scikit-learn LabelEncoder")
    return _texts(encoder.classes_, path)


def _read_npy(file: BinaryIO) -> Any:
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, kind = read_header(file)
    if kind.hasobject:
        return _AllowListUnpickler(file).load()
    file.seek(0)
    return np.load(file, allow_pickle=False)


def _texts(labels: Any, path: Path) -> list[str]:
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or not all(isinstance(label, str) for label in labels):
        raise BundleError(f"{path}: the labels are no list of texts")
    return [str(label) for label in labels]


def _reason(error: Exception) -> str:
    """Returns in one line what torch refused."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named:
        return f"it asks for {named[1]}, which is not on the list of tensor and label types"
    return f"it is damaged or cut short ({_COPY_AGAIN}), or holds more than tensors, labels and plain values"
