"""The one public class: a text in, diseases, departments and triage out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carepick.engine.manifest import Manifest
from carepick.records import Diagnosis, Prediction, Task
from carepick.settings import Settings


class Predictor:
    """Answers texts with a loaded model; safe to call from several threads.

    predictor = Predictor.load()
    prediction = predictor.predict("머리가 아프고 열이 나요")
    print(prediction.tasks[Task.DEPARTMENT].labels[:3])
    """

    @classmethod
    def load(cls, settings: Settings | None = None) -> Predictor:
        """Returns a predictor for `settings` (defaults: the model inside the package).

        Raises `BundleError` when a bundle cannot be used.
        """
        raise NotImplementedError

    @property
    def settings(self) -> Settings:
        """The settings it was built with."""
        raise NotImplementedError

    @property
    def manifests(self) -> Mapping[Task, Manifest]:
        """The manifest that answers each task."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Returns whether every model is loaded and has answered its golden sentence; cheap after the first time."""
        raise NotImplementedError

    def predict(self, text: str, timeout_ms: int | None = None) -> Prediction:
        """Returns the answer to `text`: every answerable label of both tasks, triage and confidence.

        Raises `InvalidTextError`, `OverloadedError`, `DeadlineError` (after `timeout_ms`, default from settings) or
        `NotReadyError`.
        """
        raise NotImplementedError

    def predict_many(self, texts: Sequence[object], timeout_ms: int | None = None) -> list[Prediction | Exception]:
        """Returns for each of `texts` its answer or, for a bad one, the `RequestError`; order is kept.

        Raises `OverloadedError` when the queue has no room for all of them.
        """
        raise NotImplementedError

    def diagnose(
        self, text: str, k: int = 3, language: str = "ko", include_withheld: bool = False, timeout_ms: int | None = None
    ) -> Diagnosis:
        """Returns the whole answer with explanations; see `Diagnosis`. Raises as `predict` does."""
        raise NotImplementedError

    def reload(self) -> None:
        """Loads the bundles again and swaps them in; in-flight texts finish on the old ones.

        Raises `BundleError` and keeps the old ones when a new one is broken.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Stops taking texts, answers those accepted, and frees the models."""
        raise NotImplementedError
