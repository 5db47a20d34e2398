"""The composition root: settings in, a predictor out. The only place that joins concrete classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from carepick.engine.base import Engine
from carepick.engine.bundle import DEFAULT_BUNDLE, open_bundle, open_sentence_head
from carepick.engine.cpu import available_cpus
from carepick.engine.deterministic import DeterministicEngine
from carepick.engine.manifest import Label, Manifest
from carepick.errors import BundleError
from carepick.knowledge.catalog import Catalog, load_catalog
from carepick.knowledge.guidance import load_guidance
from carepick.knowledge.red_flags import load_red_flags
from carepick.records import Task
from carepick.service.answers import RecentAnswers, RecentPredictions
from carepick.service.batcher import Batcher, BatchLimits
from carepick.service.diagnosis import Composer
from carepick.service.models import Guard, ModelSet, ServedModel, check_heads
from carepick.service.predictor import Parts, Predictor
from carepick.service.triage import Triager
from carepick.service.turns import Turns
from carepick.settings import Settings

_TRIAGE = "triage"  # the head that hears emergencies
_OF_SENTENCES = "sentence_"  # thresholds of single sentences
_ALONE = "alone_"  # the same where the triage head is not beside them


def build_predictor(settings: Settings) -> Predictor:
    """Returns a predictor for `settings`; raises `BundleError` or `CatalogError` when something does not fit."""
    return Predictor(settings, _parts(settings))


def _parts(settings: Settings) -> Parts:
    catalog, guidance, red_flags = load_catalog(), load_guidance(), load_red_flags()
    wordings = red_flags.wordings()
    return Parts(
        load_models=lambda: load_models(settings, catalog),
        triager=Triager(red_flags),
        composer=lambda thresholds: Composer(guidance, wordings, thresholds, settings.disease_enabled),
    )


def load_models(settings: Settings, catalog: Catalog) -> ModelSet:
    """Returns the models that `settings` name, loaded, their queues open and their labels checked against `catalog`."""
    engines = _deterministic(settings, catalog) if settings.engine == "deterministic" else _onnx(settings, catalog)
    passes = passes_at_a_time(settings, available_cpus())
    turns = Turns(passes)
    models = [_serve(engine, settings, math.ceil(passes / len(engines)), turns) for engine in engines]
    recent = RecentPredictions(settings.cache_seconds, settings.cache_entries)
    return ModelSet(models, None if settings.engine == "deterministic" else _guard(engines), recent)


def _guard(engines: Sequence[Engine]) -> Guard | None:
    """Returns the sentence head of the model inside the package where none of `engines` has learned triage."""
    if any(engine.sentences or _TRIAGE in engine.manifest.heads for engine in engines):
        return None
    manifest, head = open_sentence_head(DEFAULT_BUNDLE)
    thresholds = manifest.confidence.items()
    alone = {_OF_SENTENCES + name.removeprefix(_ALONE): least for name, least in thresholds if name.startswith(_ALONE)}
    return Guard(head, alone)


def passes_at_a_time(settings: Settings, cpus: int) -> int:
    """Returns how many forward passes a worker runs at a time, of all its engines together, so that all workers keep
    `cpus` busy.

    On small machines one thread in a pass and one pass for each processor beat many threads in one pass: no thread
    waits for another, and a short text does not wait for a long one. More passes than processors would only hold more
    memory.
    """
    return max(1, cpus // settings.workers // (settings.inference_threads or 1))


def _deterministic(settings: Settings, catalog: Catalog) -> Sequence[Engine]:
    labels = {
        Task.DISEASE.value: [Label(disease.id, disease.name) for disease in catalog.diseases],
        Task.DEPARTMENT.value: [Label(department.id, department.name) for department in catalog.departments],
    }
    return [DeterministicEngine(labels, settings.max_windows)]


def _onnx(settings: Settings, catalog: Catalog) -> Sequence[Engine]:
    from carepick.engine.prepacked import default_cache, open_engine  # the runtime: only where a model is served

    folders = [Path(name.strip()) for name in settings.bundle.split(",") if name.strip()] or [DEFAULT_BUNDLE]
    bundles = [open_bundle(folder) for folder in folders]
    check_heads([bundle.manifest for bundle in bundles])
    for bundle in bundles:
        _check_labels(bundle.manifest, catalog)
    threads = settings.inference_threads or 1
    cache = (Path(settings.cache_dir) if settings.cache_dir else default_cache()) if settings.prepacked else None
    return [open_engine(bundle, settings.max_windows, threads, cache) for bundle in bundles]


def _serve(engine: Engine, settings: Settings, runners: int, turns: Turns) -> ServedModel:
    limits = BatchLimits(
        settings.batch_tokens, settings.queue_limit, settings.batch_wait_ms / 1000, settings.queue_wait_ms / 1000
    )
    recent = RecentAnswers(settings.cache_seconds, settings.cache_entries)
    return ServedModel(engine, Batcher(engine, limits, runners, turns=turns), recent)


def _check_labels(manifest: Manifest, catalog: Catalog) -> None:
    known = {
        Task.DISEASE.value: {disease.id: disease.name for disease in catalog.diseases},
        Task.DEPARTMENT.value: {department.id: department.name for department in catalog.departments},
    }
    for name, labels in known.items():
        if name not in manifest.heads:
            continue
        head = manifest.heads[name]
        for label in head.labels:
            if labels.get(label.id) != label.name and label.id not in head.excluded_labels:
                raise BundleError(
                    f"bundle {manifest.name}: the catalog has no {name} {label.name} with id {label.id}; "
                    "name it in excluded_labels or correct the catalog"
                )
