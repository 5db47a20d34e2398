"""Turns a 4-bit encoder into a Hugging Face directory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from carepick.errors import TrainingError

_BLOCK_ZERO = 8  # ggml's Q4_0: a nibble n stands for (n - 8) * scale


def unpack_encoder(source: Path, out: Path) -> None:
    """Writes to `out` the encoder in `source` as config.json, tokenizer.json and a float32 model.safetensors.

    `source` holds q4.safetensors, ggml Q4_0 blocks of 32 weights (`NAME.scale` (rows, columns / 32) float16 and `NAME.q4`
    (rows, columns / 32, 16) uint8, the low nibbles before the high ones), or is a Hugging Face directory already, which
    is copied. Raises `TrainingError` when a file is missing or cut short.
    """
    out.mkdir(parents=True, exist_ok=True)
    packed = source / "q4.safetensors"
    names = ["config.json", "tokenizer.json"] + ([] if packed.exists() else ["model.safetensors"])
    for name in names:
        if not (source / name).exists():
            raise TrainingError(f"{source} holds no {name}: expected a Hugging Face or 4-bit encoder directory")
        shutil.copyfile(source / name, out / name)
    if packed.exists():
        try:
            weights = _unpacked(load_file(packed))
        except SafetensorError as error:
            raise TrainingError(f"{packed} is damaged, copy it again: {error}") from None
        save_file(weights, out / "model.safetensors", metadata={"format": "pt"})


def _unpacked(tensors: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    weights = {}
    for name, value in tensors.items():
        if name.endswith(".q4"):
            scale = tensors[name.removesuffix(".q4") + ".scale"].astype(np.float32)
            nibbles = np.concatenate([value & 15, value >> 4], axis=-1).astype(np.float32) - _BLOCK_ZERO
            weights[name.removesuffix(".q4")] = (nibbles * scale[..., None]).reshape(value.shape[0], -1)
        elif not name.endswith(".scale"):
            weights[name] = value.astype(np.float32)
    return weights
