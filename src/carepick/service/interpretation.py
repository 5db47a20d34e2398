"""What the models' outputs mean for a text: ranked labels, triage, how sure it all is, and which words said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from carepick.engine.base import FloatArray
from carepick.records import Confidence, Evidence, Prediction, ScoredLabel, Task, TaskAnswer
from carepick.service.confidence import band, readable
from carepick.service.explanation import Contributions, Places, explain
from carepick.service.models import ModelSet, ServedModel
from carepick.service.ticket import ModelOutput
from carepick.service.triage import Heard, Triager
from carepick.text.normalize import NormalizedText

Explain = Callable[[Task, ScoredLabel], tuple[Evidence, ...]]


def interpret(
    text: NormalizedText, heard: Heard, models: ModelSet, outputs: Sequence[ModelOutput], triager: Triager
) -> Prediction:
    """Returns the answer to `text`; `heard`: what the rules heard in it; `outputs`: one from each of `models`, in their
    order.

    Scores are weighed down by the probability that the text is about health at all, where a model has learned it.
    """
    scores = models.scores(outputs)
    triage = triager.combine(heard, _by_label(models, "triage", scores), models.thresholds)
    health = (_by_label(models, "scope", scores) or {}).get("health", 1.0)
    abstains = health < models.thresholds["scope"] or not readable(text.text, models.thresholds["least_letters"])
    tasks = {task: _task_answer(models, task, scores[task.value] * health, abstains) for task in models.tasks}
    first = tasks.get(Task.DEPARTMENT) or tasks[Task.DISEASE]
    return Prediction(
        tasks=tasks,
        triage=triage,
        confidence=first.confidence,
        windows=max(output.window_count for output in outputs),
        truncated=any(output.truncated for output in outputs),
    )


def explainer(text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput]) -> Explain:
    """Returns a function that tells which words of `text` spoke for and against a label of a task.

    `outputs`: one from each of `models` with all parts; a model without parts gives no evidence.
    """
    scores = models.scores(outputs)

    @cache
    def places(model: ServedModel) -> Places:
        windows = outputs[models.models.index(model)].windows
        return Places(text, windows, model.engine.locate_ngrams(text.text))

    @cache
    def added(task: Task) -> Contributions | None:
        model = models.tasks[task]
        parts = outputs[models.models.index(model)].parts
        return places(model).contributions(parts, task.value) if f"{task.value}.tokens" in parts else None

    def why(task: Task, label: ScoredLabel) -> tuple[Evidence, ...]:
        if (parts := added(task)) is None:
            return ()
        head = models.head(task.value)
        place = next(place for place, known in enumerate(head.labels) if known.id == label.id)
        words = places(models.tasks[task]).words
        return explain(text, words, parts, scores[task.value], place, head.temperature)

    return why


def _task_answer(models: ModelSet, task: Task, scores: FloatArray, abstains: bool) -> TaskAnswer:
    ranking, manifest = models.rankings[task.value], models.tasks[task].engine.manifest
    labels = ranking.rank(scores)
    confidence = Confidence.ABSTAIN if abstains else band(labels[0].score, models.thresholds)
    return TaskAnswer(labels, confidence, ranking.conformal_set(scores), manifest.version)


def _by_label(models: ModelSet, name: str, scores: Mapping[str, FloatArray]) -> dict[str, float] | None:
    if name not in scores:
        return None
    return dict(zip((label.id for label in models.head(name).labels), scores[name].tolist(), strict=True))
