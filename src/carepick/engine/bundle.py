"""Opens a bundle: checks that every file is there and whole before anything of it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carepick.engine.manifest import MANIFEST_NAME, Manifest, read_manifest
from carepick.engine.ngrams import NgramTable
from carepick.errors import BundleError

MODEL_NAME, TOKENIZER_NAME = "model.onnx", "tokenizer.json"
DEFAULT_BUNDLE = Path(__file__).parent / "default_bundle"


@dataclass(frozen=True)
class Bundle:
    """A folder whose files are those that its manifest names, to the byte."""

    folder: Path
    manifest: Manifest
    ngrams: NgramTable | None

    @property
    def model(self) -> Path:
        """The portable ONNX file."""
        return self.folder / MODEL_NAME

    @property
    def tokenizer(self) -> Path:
        """The tokenizers library's file."""
        return self.folder / TOKENIZER_NAME


def open_bundle(folder: Path) -> Bundle:
    """Returns the checked bundle in `folder`.

    Raises `BundleError` that names the file that is missing, differs from its checksum or has none. Hidden files are
    passed over: version control and file managers leave them.
    """
    manifest = read_manifest(folder)
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {MANIFEST_NAME}
    required = {MODEL_NAME, TOKENIZER_NAME} | ({manifest.ngrams.file} if manifest.ngrams else set())
    for name in sorted(present | required):
        if name not in manifest.files:
            raise BundleError(f"{MANIFEST_NAME} in {folder} lists no checksum for {name}: export the bundle again")
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    return Bundle(folder, manifest, _read_ngrams(folder, manifest))


def _check_file(folder: Path, name: str, expected: str) -> None:
    if Path(name).name != name:
        raise BundleError(f"{MANIFEST_NAME} lists {name!r}, which is not a plain file name")
    digest = hashlib.sha256()
    try:
        with (folder / name).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError:
        raise BundleError(f"{folder} has no readable {name}: copy the bundle again") from None
    if digest.hexdigest() != expected:
        raise BundleError(f"{name} in {folder} differs from its checksum: it was cut short or changed; copy it again")


def _read_ngrams(folder: Path, manifest: Manifest) -> NgramTable | None:
    branch = manifest.ngrams
    if branch is None:
        return None
    try:
        hashes = np.load(folder / branch.file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise BundleError(f"{branch.file} in {folder} is not a numpy array: export the bundle again") from None
    if hashes.shape != (branch.rows,) or hashes.dtype != np.uint32 or not branch.rows:
        raise BundleError(f"{branch.file} must hold {branch.rows} uint32 hashes, not {hashes.shape} {hashes.dtype}")
    if not (hashes[1:] > hashes[:-1]).all():
        raise BundleError(f"{branch.file} must hold its hashes in ascending order, each once: export the bundle again")
    return NgramTable(hashes, branch.shortest, branch.longest)
