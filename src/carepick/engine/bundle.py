"""Opens a bundle: checks that every file is there and whole before anything of it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carepick.engine.manifest import MANIFEST_NAME, Manifest, read_manifest
from carepick.engine.ngrams import NgramTable
from carepick.engine.sentences import SentenceHead
from carepick.errors import BundleError

MODEL_NAME, TOKENIZER_NAME = "model.onnx", "tokenizer.json"
DEFAULT_BUNDLE = Path(__file__).parent / "default_bundle"


@dataclass(frozen=True)
class Bundle:
    """A folder whose files are those that its manifest names, to the byte."""

    folder: Path
    manifest: Manifest
    ngrams: NgramTable | None
    sentences: SentenceHead | None = None

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
    try:
        present = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {MANIFEST_NAME}
    except OSError as error:
        raise BundleError(f"{folder} cannot be read: {error.strerror}; let this user list it") from None
    required = {MODEL_NAME, TOKENIZER_NAME} | _arrays(manifest)
    for name in sorted(present | required):
        if name not in manifest.files:
            raise BundleError(f"{MANIFEST_NAME} in {folder} lists no checksum for {name}: export the bundle again")
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    table = _read_ngrams(folder, manifest)
    return Bundle(folder, manifest, table, _read_sentences(folder, manifest, table))


def open_sentence_head(folder: Path) -> tuple[Manifest, SentenceHead]:
    """Returns the manifest and the sentence head of the bundle in `folder`; of its files only the head's are read.

    Raises `BundleError` when it has none, and as `open_bundle` does for those files.
    """
    manifest = read_manifest(folder)
    for name in _arrays(manifest):
        _check_file(folder, name, manifest.files.get(name, ""))
    head = _read_sentences(folder, manifest, _read_ngrams(folder, manifest))
    if head is None:
        raise BundleError(f"the bundle in {folder} has no sentence head: export it again")
    return manifest, head


def _arrays(manifest: Manifest) -> set[str]:
    return {part.file for part in (manifest.ngrams, manifest.sentences) if part}


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
    hashes = _read_array(folder, branch.file)
    if hashes.shape != (branch.rows,) or hashes.dtype != np.uint32 or not branch.rows:
        raise BundleError(f"{branch.file} must hold {branch.rows} uint32 hashes, not {hashes.shape} {hashes.dtype}")
    if not (hashes[1:] > hashes[:-1]).all():
        raise BundleError(f"{branch.file} must hold its hashes in ascending order, each once: export the bundle again")
    return NgramTable(hashes, branch.shortest, branch.longest, branch.edges)


def _read_sentences(folder: Path, manifest: Manifest, table: NgramTable | None) -> SentenceHead | None:
    branch = manifest.sentences
    if branch is None or table is None:
        return None
    weight = _read_array(folder, branch.file)
    shape = len(table.hashes) + 1, len(branch.labels)
    if weight.shape != shape or weight.dtype != np.float16:
        raise BundleError(f"{branch.file} must hold {shape} float16 weights, not {weight.shape} {weight.dtype}")
    return SentenceHead(table, branch.labels, weight)


def _read_array(folder: Path, name: str) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        array = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise BundleError(f"{name} in {folder} is not a numpy array: export the bundle again") from None
    if not isinstance(array, np.ndarray):
        raise BundleError(f"{name} in {folder} holds several arrays: export the bundle again")
    return array
