"""The one public class: a text in, diseases, departments and triage out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from carepick.engine.manifest import Manifest
from carepick.errors import BundleError, DeadlineError, InvalidTextError, NotReadyError, RequestError
from carepick.records import Confidence, Diagnosis, Evidence, Prediction, ScoredLabel, Task, TaskAnswer
from carepick.service.batcher import ModelOutput
from carepick.service.confidence import DEFAULT_THRESHOLDS, band, conformal_set, readable
from carepick.service.diagnosis import Composer
from carepick.service.explanation import contributions, explain
from carepick.service.models import ModelSet
from carepick.service.ranking import rank
from carepick.service.triage import Triager
from carepick.settings import Settings
from carepick.text.normalize import NormalizedText, normalize_with_spans

_GOLDEN_SECONDS = 30.0


@dataclass(frozen=True)
class Parts:
    """What a predictor is built from; `load_models` is called at start and on every reload."""

    load_models: Callable[[], ModelSet]
    triager: Triager
    composer: Callable[[Mapping[str, float]], Composer]


class Predictor:
    """Answers texts with a loaded model; safe to call from several threads.

    predictor = Predictor.load()
    prediction = predictor.predict("머리가 아프고 열이 나요")
    print(prediction.tasks[Task.DEPARTMENT].labels[:3])
    """

    def __init__(self, settings: Settings, parts: Parts, clock: Callable[[], float] = time.monotonic) -> None:
        """Loads the models; raises `BundleError` when one cannot be used. `clock` returns seconds."""
        self._settings, self._parts, self._clock = settings, parts, clock
        self._models = parts.load_models()
        self._golden_answered = False
        self._closed = False
        self._reloading = threading.Lock()

    @classmethod
    def load(cls, settings: Settings | None = None) -> Predictor:
        """Returns a predictor for `settings` (defaults: the model inside the package).

        Raises `BundleError` when a bundle cannot be used.
        """
        from carepick.service.build import build_predictor  # build joins the parts, this class among them

        return build_predictor(settings or Settings())

    @property
    def settings(self) -> Settings:
        """The settings it was built with."""
        return self._settings

    @property
    def manifests(self) -> Mapping[Task, Manifest]:
        """The manifest that answers each task."""
        return self._models.manifests()

    def ready(self) -> bool:
        """Returns whether every model is loaded and has answered its golden sentence; cheap after the first time."""
        if self._closed:
            return False
        if not self._golden_answered:
            try:
                self._ask_golden(self._models)
            except (BundleError, RequestError):
                return False
            self._golden_answered = True
        return True

    def predict(self, text: str, timeout_ms: int | None = None) -> Prediction:
        """Returns the answer to `text`: every answerable label of both tasks, triage and confidence.

        Raises `InvalidTextError`, `OverloadedError`, `DeadlineError` (after `timeout_ms`, default from settings) or
        `NotReadyError`.
        """
        normalized, models, deadline = self._accept(text), self._models, self._deadline(timeout_ms)
        futures = [model.submit(normalized.text, deadline) for model in models.models]
        return self._prediction(normalized, models, [self._result(future, deadline) for future in futures])

    def predict_many(self, texts: Sequence[object], timeout_ms: int | None = None) -> list[Prediction | Exception]:
        """Returns for each of `texts` its answer or, for a bad one, the `RequestError`; order is kept.

        Raises `OverloadedError` when the queue has no room for all of them.
        """
        models, deadline = self._models, self._deadline(timeout_ms)
        accepted = [self._accept_or_error(text) for text in texts]
        good = {item.text: item for item in accepted if isinstance(item, NormalizedText)}
        futures = [model.submit_many(list(good), deadline) for model in models.models] if good else []
        pending = dict(zip(good, zip(*futures, strict=True), strict=True))
        answers: list[Prediction | Exception] = []
        for item in accepted:
            if isinstance(item, RequestError):
                answers.append(item)
                continue
            try:
                outputs = [self._result(future, deadline) for future in pending[item.text]]
                answers.append(self._prediction(item, models, outputs))
            except RequestError as error:
                answers.append(error)
        return answers

    def diagnose(
        self,
        text: str,
        k: int = 3,
        language: str = "ko",
        include_withheld: bool = False,
        timeout_ms: int | None = None,
    ) -> Diagnosis:
        """Returns the whole answer with explanations; see `Diagnosis`. Raises as `predict` does."""
        normalized, models, deadline = self._accept(text), self._models, self._deadline(timeout_ms)
        encoded = [model.engine.encode(normalized.text) for model in models.models]
        futures = [model.submit_parts(each, deadline) for model, each in zip(models.models, encoded, strict=True)]
        outputs = [self._result(future, deadline) for future in futures]
        prediction = self._prediction(normalized, models, outputs)
        composer = self._parts.composer(self._thresholds(models))
        why = self._explainer(normalized, models, outputs)
        return composer.compose(normalized.text, prediction, why, k, language, include_withheld)

    def reload(self) -> None:
        """Loads the bundles again and swaps them in; in-flight texts finish on the old ones.

        Raises `BundleError` and keeps the old ones when a new one is broken.
        """
        with self._reloading:
            fresh = self._parts.load_models()
            try:
                self._ask_golden(fresh)
            except BundleError:
                fresh.close()
                raise
            old, self._models = self._models, fresh
            old.close()

    def close(self) -> None:
        """Stops taking texts, answers those accepted, and frees the models."""
        self._closed = True
        self._models.close()

    def _ask_golden(self, models: ModelSet) -> None:
        for model in models.models:
            model.answers_golden(self._clock() + _GOLDEN_SECONDS)

    def _deadline(self, timeout_ms: int | None) -> float:
        return self._clock() + (timeout_ms or self._settings.request_timeout_ms) / 1000

    def _accept(self, text: object) -> NormalizedText:
        if self._closed:
            raise NotReadyError("The server is stopping: send the request to another one, or again in a moment.")
        if not isinstance(text, str):
            raise InvalidTextError("text must be a string that says what hurts.")
        if len(text) > self._settings.max_text_characters:
            raise InvalidTextError(
                f"text must be at most {self._settings.max_text_characters} characters long; this one has {len(text)}."
            )
        normalized = normalize_with_spans(text)
        if not normalized.text:
            raise InvalidTextError("text holds nothing to read: write what hurts.")
        return normalized

    def _accept_or_error(self, text: object) -> NormalizedText | RequestError:
        try:
            return self._accept(text)
        except RequestError as error:
            return error

    def _result(self, future: Future[ModelOutput], deadline: float) -> ModelOutput:
        try:
            return future.result(max(0.0, deadline - self._clock()))
        except FutureTimeout:
            raise DeadlineError("The deadline passed before an answer was ready: try again later.") from None

    def _prediction(self, text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput]) -> Prediction:
        scores = models.scores(outputs)
        thresholds = self._thresholds(models)
        learned = _by_label(models, "triage", scores)
        triage = self._parts.triager.combine(self._parts.triager.detect(text), learned, thresholds)
        health = (_by_label(models, "scope", scores) or {"health": 1.0})["health"]
        abstains = health < thresholds["scope"] or not readable(text.text, thresholds["least_letters"])
        tasks = {}
        for task, manifest in models.manifests().items():
            head = manifest.heads[task.value]
            labels = tuple(
                ScoredLabel(label.id, label.name, label.score * health) for label in rank(scores[task.value], head)
            )
            sure = Confidence.ABSTAIN if abstains else band(labels[0].score, thresholds)
            tasks[task] = TaskAnswer(labels, sure, conformal_set(labels, head), manifest.version)
        first = tasks.get(Task.DEPARTMENT) or tasks[Task.DISEASE]
        return Prediction(
            tasks=tasks,
            triage=triage,
            confidence=first.confidence,
            windows=max(output.window_count for output in outputs),
            truncated=any(output.truncated for output in outputs),
        )

    def _thresholds(self, models: ModelSet) -> Mapping[str, float]:
        return {**DEFAULT_THRESHOLDS, **models.models[-1].engine.manifest.confidence}

    def _explainer(
        self, text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput]
    ) -> Callable[[Task, ScoredLabel], tuple[Evidence, ...]]:
        scores = models.scores(outputs)
        by_model = dict(zip(map(id, models.models), outputs, strict=True))

        def why(task: Task, label: ScoredLabel) -> tuple[Evidence, ...]:
            model = models.tasks[task]
            output = by_model[id(model)]
            if f"{task.value}.tokens" not in output.parts:
                return ()
            located = model.engine.locate_ngrams(text.text)
            head = model.engine.manifest.heads[task.value]
            index = next(i for i, known in enumerate(head.labels) if known.id == label.id)
            added = contributions(text, output.windows, output.parts, task.value, located)
            return explain(text, added, scores[task.value], index, head.temperature)

        return why


def _by_label(models: ModelSet, name: str, scores: Mapping[str, object]) -> dict[str, float] | None:
    head = models.head(name)
    if head is None:
        return None
    return {label.id: float(score) for label, score in zip(head.labels, scores[name], strict=True)}  # type: ignore[call-overload]
