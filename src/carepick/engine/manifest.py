"""manifest.json: what a bundle says about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from carepick.errors import BundleError

SCHEMA_VERSION = 1
_Kind = type | tuple[type, ...]
_WORDS: Mapping[_Kind, str] = {str: "a string", int: "a whole number"}
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Label:
    """A class of a head: ASCII id and name as it is answered."""

    id: str
    name: str


@dataclass(frozen=True)
class Head:
    """One output of the model.

    `labels` in the order of the logits; `excluded_labels`: ids that are never answered (their probability is given to
    the others); `temperature` divides the logits; `short_bias`, by id, is then added to them by how short a text of less than
    `short_letters` letters is, see `engine.scores.shortness`; `top_slope` and `top_offset` correct the best probability, see
    `engine.scores.correct_top`; `conformal`: the least probability with which a label enters the set
    that holds the right one `coverage` of the time, one number for all labels (key "") or one for each id.
    """

    labels: tuple[Label, ...]
    excluded_labels: tuple[str, ...] = ()
    temperature: float = 1.0
    short_bias: Mapping[str, float] = field(default_factory=dict)
    short_letters: int = 0
    top_slope: float = 1.0
    top_offset: float = 0.0
    coverage: float = 0.9
    conformal: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class NgramBranch:
    """The hashed character n-gram branch beside the encoder: `file` holds the sorted uint32 hashes of its rows; `edges`:
    whether the edges of words are among them."""

    file: str
    shortest: int
    longest: int
    rows: int
    edges: bool = False


@dataclass(frozen=True)
class SentenceBranch:
    """The head that judges sentences alone: `file` holds its (n-gram rows + 1, labels) float16 weights, biases first."""

    file: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Golden:
    """A sentence in canonical form and the label id that each head must answer first for it; checked before a server is ready."""

    text: str
    top: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json; `files` maps each other file's name to its sha256 in hexadecimal digits."""

    name: str
    version: str
    heads: Mapping[str, Head]
    max_tokens: int
    overlap_tokens: int
    pad_id: int
    golden: Golden
    files: Mapping[str, str]
    ngrams: NgramBranch | None = None
    sentences: SentenceBranch | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def read_manifest(folder: Path) -> Manifest:
    """Returns the manifest of the bundle in `folder`; raises `BundleError` that names the missing or wrong field."""
    try:
        document = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST_NAME}") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / MANIFEST_NAME} is not readable JSON: {error}") from None
    return parse_manifest(document)


def parse_manifest(document: Any) -> Manifest:
    """Returns the manifest that the JSON object `document` holds; raises `BundleError` that names what does not fit."""
    if not isinstance(document, dict):
        raise BundleError(f"{MANIFEST_NAME} must hold a JSON object")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BundleError(f"{MANIFEST_NAME}: schema_version must be {SCHEMA_VERSION}, not {version!r}")
    try:
        fields = dict(document)
        fields["heads"] = {name: _head(name, head) for name, head in fields["heads"].items()}
        fields["golden"] = Golden(**fields["golden"])
        fields["ngrams"] = NgramBranch(**fields["ngrams"]) if fields.get("ngrams") else None
        fields["sentences"] = _sentences(fields.get("sentences"))
        manifest = Manifest(**fields)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleError(f"{MANIFEST_NAME} does not fit schema {SCHEMA_VERSION}: {error}") from None
    _check_types(manifest)
    _check(manifest)
    return manifest


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Writes `manifest` to `folder`, readable and with stable key order."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")


def _head(name: str, document: dict[str, Any]) -> Head:
    fields = dict(document)
    labels = tuple(Label(**label) for label in fields.pop("labels"))
    excluded = tuple(fields.pop("excluded_labels", ()))
    return Head(labels=labels, excluded_labels=excluded, **fields)


def _sentences(document: dict[str, Any] | None) -> SentenceBranch | None:
    return SentenceBranch(document["file"], tuple(document["labels"])) if document else None


def _check_types(manifest: Manifest) -> None:
    values: list[tuple[str, object, _Kind]] = [
        *((name, getattr(manifest, name), str) for name in ("name", "version")),
        *((name, getattr(manifest, name), int) for name in ("max_tokens", "overlap_tokens", "pad_id")),
        *_entries("files", manifest.files, str),
        *_entries("confidence", manifest.confidence, (int, float)),
        ("golden.text", manifest.golden.text, str),
        *_entries("golden.top", manifest.golden.top, str),
    ]
    for name, head in manifest.heads.items():
        values += [
            *((f"{name}.labels", part, str) for label in head.labels for part in (label.id, label.name)),
            *((f"{name}.excluded_labels", label, str) for label in head.excluded_labels),
            *(
                (f"{name}.{part}", getattr(head, part), (int, float))
                for part in ("temperature", "short_letters", "top_slope", "top_offset", "coverage")
            ),
            *_entries(f"{name}.short_bias", head.short_bias, (int, float)),
            *_entries(f"{name}.conformal", head.conformal, (int, float)),
        ]
    if manifest.ngrams:
        values += [
            ("ngrams.file", manifest.ngrams.file, str),
            *((f"ngrams.{name}", getattr(manifest.ngrams, name), int) for name in ("shortest", "longest", "rows")),
        ]
    if manifest.sentences:
        values.append(("sentences.file", manifest.sentences.file, str))
    for path, value, kind in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BundleError(f"{MANIFEST_NAME}: {path} must be {_WORDS.get(kind, 'a number')}")


def _entries(path: str, values: object, kind: _Kind) -> Iterator[tuple[str, object, _Kind]]:
    """Yields each value of the mapping `values` with its path and the kind it must have."""
    if not isinstance(values, Mapping):
        raise BundleError(f"{MANIFEST_NAME}: {path} must be an object")
    for key, value in values.items():
        yield f"{path}.{key}", value, kind


def _check(manifest: Manifest) -> None:
    if not manifest.heads:
        raise BundleError(f"{MANIFEST_NAME}: heads is empty")
    if not 8 <= manifest.max_tokens <= 8192 or not 0 <= manifest.overlap_tokens < manifest.max_tokens - 2:
        raise BundleError(f"{MANIFEST_NAME}: max_tokens must lie within 8..8192 and overlap_tokens below it")
    if manifest.sentences and not manifest.ngrams:
        raise BundleError(f"{MANIFEST_NAME}: sentences are judged by n-grams, and it names none")
    for name, head in manifest.heads.items():
        ids = [label.id for label in head.labels]
        doubled = sorted({label for label in ids if ids.count(label) > 1})
        if len(ids) < 2 or doubled:
            raise BundleError(f"{MANIFEST_NAME}: head {name} needs two or more labels, each once; twice: {doubled}")
        unknown = sorted(set(head.excluded_labels) - set(ids))
        if unknown:
            raise BundleError(f"{MANIFEST_NAME}: head {name} excludes labels that it does not have: {unknown}")
        if not head.temperature > 0 or not head.top_slope > 0:
            raise BundleError(f"{MANIFEST_NAME}: head {name}: temperature and top_slope must be above 0")
        strange = sorted(set(head.short_bias) - set(ids))
        if strange or head.short_letters < 0:
            raise BundleError(
                f"{MANIFEST_NAME}: head {name}: short_bias must name its labels, not {strange}, and short_letters be 0 or more"
            )
        top = manifest.golden.top.get(name)
        if top is not None and top not in ids:
            raise BundleError(f"{MANIFEST_NAME}: the golden answer of head {name} is not one of its labels")
