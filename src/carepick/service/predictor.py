"""The one public class: a text in, diseases, departments and triage out."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from carepick.engine.manifest import Manifest
from carepick.errors import InvalidTextError, NotReadyError
from carepick.records import Diagnosis, Prediction, Task
from carepick.service.diagnosis import Composer
from carepick.service.interpretation import Reading
from carepick.service.models import ModelSet, leave
from carepick.service.ticket import ModelOutput, Ticket
from carepick.service.triage import Triager
from carepick.settings import Settings
from carepick.text.normalize import NormalizedText, normalize_with_spans


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
        self._changed = threading.Condition()  # guards the models, who uses them, and whether it is closed
        self._closed = False
        self._reloading = threading.Lock()
        self._models = self._load_models()

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
        return self._models.manifests

    def ready(self) -> bool:
        """Returns whether texts are answered: the models are loaded, have answered their golden sentences, not closed."""
        return not self._closed

    def predict(self, text: str, timeout_ms: int | None = None) -> Prediction:
        """Returns the answer to `text`: every answerable label of both tasks, triage and confidence.

        Raises `InvalidTextError`, `OverloadedError`, `DeadlineError` (after `timeout_ms`, default from settings) or
        `NotReadyError`.
        """
        deadline = self._deadline(timeout_ms)
        normalized = self._accept(text)
        with self._using() as models:
            if known := models.recent.find(text):
                return known
            with _held(models.submit([normalized.text], deadline)) as [tickets]:
                heard = self._parts.triager.detect(normalized)  # while the forward pass runs
                outputs = self._outputs(tickets, deadline)
            prediction = Reading(normalized, models, outputs).interpret(heard, self._parts.triager)
            models.recent.keep(text, prediction)
            return prediction

    def predict_many(self, texts: Sequence[object], timeout_ms: int | None = None) -> list[Prediction | Exception]:
        """Returns for each of `texts` its answer or, for a bad one, the error; order is kept.

        Raises `OverloadedError` when the queue has no room for all of them, and `NotReadyError`.
        """
        deadline = self._deadline(timeout_ms)
        accepted = [self._accept_or_error(text) for text in texts]
        good = {item.text: () for item in accepted if isinstance(item, NormalizedText)}
        with self._using() as models, _held(models.submit(list(good), deadline)) as tickets:
            by_text = dict(zip(good, tickets, strict=True))
            return [self._answer_or_error(item, models, by_text, deadline) for item in accepted]

    def diagnose(
        self, text: str, k: int = 3, language: str = "ko", include_withheld: bool = False, timeout_ms: int | None = None
    ) -> Diagnosis:
        """Returns the whole answer with explanations; see `Diagnosis`. Raises as `predict` does."""
        deadline = self._deadline(timeout_ms)
        normalized = self._accept(text)
        with self._using() as models, _held([models.submit_parts(normalized.text, deadline)]) as [tickets]:
            heard = self._parts.triager.detect(normalized)
            outputs = self._outputs(tickets, deadline)
            reading = Reading(normalized, models, outputs)
            prediction = reading.name_words(reading.interpret(heard, self._parts.triager))
            composer = self._parts.composer(models.thresholds)
            return composer.compose(normalized.text, prediction, reading.why, k, language, include_withheld)

    def reload(self) -> None:
        """Loads the bundles again and swaps them in; in-flight texts finish on the old ones.

        Raises `BundleError` and keeps the old ones when a new one is broken.
        """
        with self._reloading:
            fresh = self._load_models()
            with self._changed:
                retired = fresh if self._closed else self._models
                self._models = self._models if self._closed else fresh
                self._changed.wait_for(lambda: not retired.users)
            retired.close()

    def close(self) -> None:
        """Stops taking texts, answers those accepted, and frees the models."""
        with self._changed:
            self._closed = True
            models = self._models
            self._changed.wait_for(lambda: not models.users)
        models.close()

    def _load_models(self) -> ModelSet:
        models = self._parts.load_models()
        try:
            models.check_golden()
        except Exception:
            models.close()
            raise
        return models

    @contextlib.contextmanager
    def _using(self) -> Iterator[ModelSet]:
        """Gives the models of the moment, which are not closed before the end of the block."""
        with self._changed:
            if self._closed:
                raise NotReadyError("The server is stopping: send the request to another one, or again in a moment.")
            models = self._models
            models.users += 1
        try:
            yield models
        finally:
            with self._changed:
                models.users -= 1
                if not models.users:
                    self._changed.notify_all()

    def _deadline(self, timeout_ms: int | None) -> float:
        return self._clock() + (self._settings.request_timeout_ms if timeout_ms is None else timeout_ms) / 1000

    def _accept(self, text: object) -> NormalizedText:
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

    def _accept_or_error(self, text: object) -> NormalizedText | InvalidTextError:
        try:
            return self._accept(text)
        except InvalidTextError as error:
            return error

    def _outputs(self, tickets: Sequence[Ticket], deadline: float) -> list[ModelOutput]:
        return [ticket.output(deadline - self._clock()) for ticket in tickets]

    def _answer_or_error(
        self,
        item: NormalizedText | InvalidTextError,
        models: ModelSet,
        tickets: Mapping[str, Sequence[Ticket]],
        deadline: float,
    ) -> Prediction | Exception:
        if isinstance(item, InvalidTextError):
            return item
        try:
            heard = self._parts.triager.detect(item)
            outputs = self._outputs(tickets[item.text], deadline)
            return Reading(item, models, outputs).interpret(heard, self._parts.triager)
        except Exception as error:  # one bad text must not fail its neighbours; the caller sees which it was
            return error


@contextlib.contextmanager
def _held(tickets: Sequence[tuple[Ticket, ...]]) -> Iterator[Sequence[tuple[Ticket, ...]]]:
    """Gives `tickets`, and hands them back at the end: nobody computes what nobody waits for any more."""
    try:
        yield tickets
    finally:
        for each in tickets:
            leave(each)
