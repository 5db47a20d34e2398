"""Seals a bundle: the manifest with the checksum of every other file, and the version that they make."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path

from carepick.engine.manifest import Manifest, read_manifest, write_manifest

PARITY = "int8_parity"  # the key in the manifest's metrics


def seal(manifest: Manifest, folder: Path, precision: str) -> None:
    """Writes the manifest to `folder` with the checksum of every other file in it, and the version they make."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    files.pop("manifest.json", None)
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()[:8]
    version = f"{datetime.date.today():%Y.%m.%d}-{precision}-{digest}"
    write_manifest(dataclasses.replace(manifest, files=files, version=version), folder)


def record_parity(bundle: Path, parity: Mapping[str, Mapping[str, float]]) -> None:
    """Writes to the manifest of the int8 `bundle` how far it answers as a float32 one does, for each task."""
    manifest = read_manifest(bundle)
    write_manifest(dataclasses.replace(manifest, metrics={**manifest.metrics, PARITY: parity}), bundle)
