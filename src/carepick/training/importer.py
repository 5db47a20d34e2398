"""Turns a classifier of the original kind into a bundle: the ONNX graph, its tokenizer and the manifest."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carepick.engine.bundle import MODEL_NAME, TOKENIZER_NAME, open_bundle
from carepick.engine.manifest import Golden, Head, Label, Manifest, read_manifest, write_manifest
from carepick.engine.onnx import OnnxEngine
from carepick.errors import BundleError
from carepick.evaluation.parity import bundle_parity
from carepick.records import Task
from carepick.text.normalize import normalize
from carepick.training.classifier_graph import build_classifier_graph
from carepick.training.classifier_metrics import COVERAGE
from carepick.training.graph import save_graph
from carepick.training.saved_classifier import Array, SavedClassifier
from carepick.training.sealing import record_parity, seal
from carepick.training.tokenizer_files import padding_id

PRECISIONS = {"int8": "int8", "none": "float32"}  # what --quantize says -> what the graph calls it

_OVERLAP_TOKENS = 64
_GOLDEN_CHOICE = 16  # sentences tried for the golden one


@dataclass(frozen=True)
class ImportSettings:
    """How a classifier becomes a bundle. `excluded` are names of labels that are never to be answered."""

    task: Task
    name: str
    excluded: tuple[str, ...] = ()
    quantize: str = "int8"


def import_classifier(
    classifier: SavedClassifier,
    out: Path,
    settings: ImportSettings,
    catalog_ids: Mapping[str, str],
    sentences: Sequence[str],
) -> Manifest:
    """Writes the bundle to the folder `out`, which must be empty or absent, and returns its manifest.

    `catalog_ids`: label name -> id of the task's catalog rows; `sentences`: plain Korean to take the golden one from.
    Raises `BundleError` for labels that neither the catalog nor `excluded` knows; nothing is left behind then.
    """
    head = _head(classifier, settings, catalog_ids)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BundleError(f"{out} is not empty: give a new folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as partial:
        folder = Path(partial) / "bundle"
        _write(classifier, head, folder, settings, sentences)
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
    return read_manifest(out)


def int8_parity(
    classifier: SavedClassifier, bundle: Path, settings: ImportSettings, sentences: Sequence[str]
) -> Mapping[str, float]:
    """Returns how far the int8 `bundle` answers `sentences` as a float32 one does, and records it in its manifest.

    The figures are those of `evaluation.parity.bundle_parity`.
    """
    manifest = read_manifest(bundle)
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}.") as partial:
        exact = dataclasses.replace(settings, quantize="none")
        _write(classifier, manifest.heads[settings.task.value], Path(partial) / "bundle", exact, sentences)
        parity = bundle_parity(bundle, Path(partial) / "bundle", list(sentences))
    record_parity(bundle, parity)
    return parity[settings.task.value]


def _head(classifier: SavedClassifier, settings: ImportSettings, catalog_ids: Mapping[str, str]) -> Head:
    unheard = sorted(set(settings.excluded) - set(classifier.labels))
    if unheard:
        raise BundleError(f"--exclude-label {unheard[0]}: the model has no such label")
    unknown = [name for name in classifier.labels if name not in catalog_ids and name not in settings.excluded]
    if unknown:
        listed = "; ".join(unknown[:10]) + ("; ..." if len(unknown) > 10 else "")
        raise BundleError(
            f"{len(unknown)} label(s) of the model are no {settings.task.value} of the catalog: {listed}: "
            "name each with --exclude-label if it must never be answered"
        )
    excluded = {name: f"excluded-{number}" for number, name in enumerate(settings.excluded, 1)}
    if len(classifier.labels) - len(excluded) < 2:
        raise BundleError("fewer than two labels are left to answer with: exclude fewer")
    # The name of an excluded label is not kept: a stray class may be a sentence from someone's training data.
    labels = tuple(
        Label(excluded.get(name) or catalog_ids[name], excluded.get(name, name)) for name in classifier.labels
    )
    temperature, conformal = _temperature(classifier), _conformal(classifier, catalog_ids)
    return Head(labels, tuple(excluded.values()), temperature, coverage=COVERAGE, conformal=conformal)


def _temperature(classifier: SavedClassifier) -> float:
    """Returns the temperature that training fitted on its validation rows, or 1."""
    fitted = classifier.about.get("metrics", {}).get("temperature", 1.0)
    return float(fitted) if isinstance(fitted, (int, float)) and fitted > 0 else 1.0


def _conformal(classifier: SavedClassifier, catalog_ids: Mapping[str, str]) -> dict[str, float]:
    """Returns the thresholds of sets that training fitted on its validation rows, by id, without excluded labels.

    The probability of an excluded label goes to the others: that only makes sets larger, and they hold what they promise.
    """
    fitted = classifier.about.get("conformal", {})
    ids = {"": "", **{name: catalog_ids[name] for name in classifier.labels if name in catalog_ids}}
    return {id: float(fitted[name]) for name, id in ids.items() if isinstance(fitted.get(name), (int, float))}


def _write(
    classifier: SavedClassifier, head: Head, folder: Path, settings: ImportSettings, sentences: Sequence[str]
) -> None:
    folder.mkdir()
    task = settings.task.value
    save_graph(build_classifier_graph(classifier, task, PRECISIONS[settings.quantize]), folder / MODEL_NAME)
    classifier.tokenizer.save(str(folder / TOKENIZER_NAME))
    manifest = Manifest(
        name=settings.name,
        version="",
        heads={task: head},
        max_tokens=classifier.max_tokens,
        overlap_tokens=min(_OVERLAP_TOKENS, classifier.max_tokens // 4),
        pad_id=padding_id(classifier.tokenizer, classifier.config),
        golden=Golden(sentences[0], {}),
        files={},
        training=_provenance(classifier),
        metrics=classifier.about.get("metrics", {}),
    )
    seal(manifest, folder, PRECISIONS[settings.quantize])
    golden = _golden(folder, task, sentences[:_GOLDEN_CHOICE])
    write_manifest(dataclasses.replace(read_manifest(folder), golden=golden), folder)


def _provenance(classifier: SavedClassifier) -> dict[str, Any]:
    config = classifier.config
    sizes = {name: config[name] for name in ("num_hidden_layers", "hidden_size", "vocab_size")}
    known = {name: classifier.about[name] for name in ("epoch", "random_seed") if name in classifier.about}
    return {"imported_from": "BertForSequenceClassification", **sizes, **known}


def _golden(folder: Path, task: str, sentences: Sequence[str]) -> Golden:
    """Returns the sentence whose first answer is furthest ahead: another processor's rounding does not change it."""
    engine = OnnxEngine(open_bundle(folder), max_windows=1, threads=1)
    head = engine.manifest.heads[task]
    answerable = [column for column, label in enumerate(head.labels) if label.id not in head.excluded_labels]
    best: tuple[float, str, str] | None = None
    for sentence in sentences:
        window = engine.encode(normalize(sentence)).windows[0]
        logits: Array = engine.run([window], [task])[task][0]
        first, second = sorted(answerable, key=lambda column: -float(logits[column]))[:2]
        lead = float(logits[first] - logits[second])
        if best is None or lead > best[0]:
            best = (lead, normalize(sentence), head.labels[first].id)
    assert best is not None, "at least one sentence"
    return Golden(best[1], {task: best[2]})
