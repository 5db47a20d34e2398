"""The loaded models that answer a predictor's tasks; swapped as one on reload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from carepick.engine.base import EncodedText, Engine, FloatArray
from carepick.engine.manifest import Head, Manifest
from carepick.errors import BundleError
from carepick.records import Task
from carepick.service.answers import RecentAnswers
from carepick.service.batcher import Batcher, ModelOutput
from carepick.service.ranking import probabilities


@dataclass(frozen=True)
class ServedModel:
    """One engine with its queue and its recent answers."""

    engine: Engine
    batcher: Batcher
    recent: RecentAnswers

    def submit(self, text: str, deadline: float) -> Future[ModelOutput]:
        """Returns the future output of the normalized `text`, shared with others who ask for the same one."""
        return self.recent.get(text, lambda: self.batcher.submit([self.engine.encode(text)], deadline)[0])

    def submit_many(self, texts: Sequence[str], deadline: float) -> list[Future[ModelOutput]]:
        """Returns the future outputs of `texts`, accepted or refused as a whole."""
        return self.batcher.submit([self.engine.encode(text) for text in texts], deadline)

    def submit_parts(self, encoded: EncodedText, deadline: float) -> Future[ModelOutput]:
        """Returns the future output of an encoded text with what each token and n-gram adds."""
        return self.batcher.submit([encoded], deadline, parts=True)[0]

    def answers_golden(self, deadline: float) -> None:
        """Raises `BundleError` unless every head answers the golden sentence as the manifest says."""
        golden = self.engine.manifest.golden
        output = self.batcher.submit([self.engine.encode(golden.text)], deadline)[0].result()
        for name, expected in golden.top.items():
            head = self.engine.manifest.heads[name]
            scores = probabilities(output.logits[name], head)
            if not np.isfinite(scores).all() or head.labels[int(scores.argmax())].id != expected:
                raise BundleError(f"head {name} does not answer the golden sentence with {expected}: export it again")


@dataclass(frozen=True)
class ModelSet:
    """The models behind one predictor: a shared one, or one for each task."""

    models: tuple[ServedModel, ...]

    def __post_init__(self) -> None:
        for name in {head for model in self.models for head in model.engine.manifest.heads}:
            owners = [model for model in self.models if name in model.engine.manifest.heads]
            if len(owners) > 1:
                raise BundleError(f"{len(owners)} bundles answer {name}: name one bundle for each task")
        if not self.tasks:
            raise BundleError("no bundle answers disease or department: see the heads in manifest.json")

    @property
    def tasks(self) -> Mapping[Task, ServedModel]:
        """The model that answers each task."""
        return {task: model for task in Task for model in self.models if task.value in model.engine.manifest.heads}

    def head(self, name: str) -> Head | None:
        """Returns the head called `name`, or None."""
        return next((m.engine.manifest.heads[name] for m in self.models if name in m.engine.manifest.heads), None)

    def manifests(self) -> Mapping[Task, Manifest]:
        """Returns the manifest that answers each task."""
        return {task: model.engine.manifest for task, model in self.tasks.items()}

    def scores(self, outputs: Sequence[ModelOutput]) -> dict[str, FloatArray]:
        """Returns the calibrated probabilities of every head from the outputs of all models, (classes,) each."""
        merged = {name: logits for output in outputs for name, logits in output.logits.items()}
        return {name: probabilities(logits, head) for name, logits in merged.items() if (head := self.head(name))}

    def close(self) -> None:
        """Answers what was accepted and frees the models."""
        for model in self.models:
            model.batcher.close()
