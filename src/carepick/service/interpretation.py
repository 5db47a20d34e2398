"""What the models' outputs mean for a text: ranked labels, triage, how sure it all is, and which words said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from carepick.engine.base import FloatArray
from carepick.records import Confidence, Evidence, Prediction, RaisedFlag, ScoredLabel, Span, Task, TaskAnswer
from carepick.service.confidence import band, readable
from carepick.service.explanation import Contributions, Places, explain
from carepick.service.models import ModelSet, ServedModel
from carepick.service.ticket import ModelOutput
from carepick.service.triage import LEARNED, Heard, Triager
from carepick.text.normalize import NormalizedText

Explain = Callable[[Task, ScoredLabel], tuple[Evidence, ...]]

_LEARNED_LABELS = {id: label for label, id in LEARNED.items()}
_MOST_WORDS = 3  # that are told of a flag which only a model raised
_LEAST_SHARE = 0.25  # of the strongest word's weight: without a weaker one the flag would have been raised as well


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
        return _places(text, models, outputs, model)

    @cache
    def added(task: Task) -> Contributions | None:
        model = models.tasks[task]
        parts = outputs[models.models.index(model)].parts
        return places(model).contributions(parts, task.value) if f"{task.value}.tokens" in parts else None

    def why(task: Task, label: ScoredLabel) -> tuple[Evidence, ...]:
        if (parts := added(task)) is None:
            return ()
        words = places(models.tasks[task]).words
        return _explain(text, words, models, parts, task.value, label.id, scores[task.value])

    return why


def name_words(
    prediction: Prediction, text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput]
) -> Prediction:
    """Returns `prediction` with the strongest words of each flag that a model alone heard in the text as a whole.

    `outputs`: as of `explainer`. Costs nothing where no such flag was raised.
    """
    flags = prediction.triage.flags
    model = models.owners.get("triage")
    if model is None or not any(_wordless(flag) for flag in flags):
        return prediction
    parts = outputs[models.models.index(model)].parts
    if "triage.tokens" not in parts:
        return prediction
    places = _places(text, models, outputs, model)
    added, scores = places.contributions(parts, "triage"), models.scores(outputs)["triage"]

    def named(flag: RaisedFlag) -> RaisedFlag:
        label, most = _LEARNED_LABELS[flag.id], len(text.text)
        return replace(
            flag, spans=_strongest(_explain(text, places.words, models, added, "triage", label, scores, most))
        )

    told = tuple(named(flag) if _wordless(flag) else flag for flag in flags)
    return replace(prediction, triage=replace(prediction.triage, flags=told))


def _wordless(flag: RaisedFlag) -> bool:
    return flag.id in _LEARNED_LABELS and not flag.spans


def _strongest(evidence: Sequence[Evidence]) -> tuple[Span, ...]:
    """Returns the places of the words that spoke for a label most, in reading order."""
    speaking = [item for item in evidence if item.weight > 0][:_MOST_WORDS]
    spans = (item.span for item in speaking if item.weight >= _LEAST_SHARE * speaking[0].weight)
    return tuple(sorted(spans, key=lambda span: span.start))


def _places(text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput], model: ServedModel) -> Places:
    windows = outputs[models.models.index(model)].windows
    return Places(text, windows, model.engine.locate_ngrams(text.text))


def _explain(
    text: NormalizedText,
    words: Sequence[tuple[int, int]],
    models: ModelSet,
    added: Contributions,
    head: str,
    label: str,
    scores: FloatArray,
    most: int = 6,
) -> tuple[Evidence, ...]:
    known = models.head(head)
    place = next(place for place, one in enumerate(known.labels) if one.id == label)
    return explain(text, words, added, scores, place, known.temperature, most)


def _task_answer(models: ModelSet, task: Task, scores: FloatArray, abstains: bool) -> TaskAnswer:
    ranking, manifest = models.rankings[task.value], models.tasks[task].engine.manifest
    labels = ranking.rank(scores)
    confidence = Confidence.ABSTAIN if abstains else band(labels[0].score, models.thresholds)
    return TaskAnswer(labels, confidence, ranking.conformal_set(scores), manifest.version)


def _by_label(models: ModelSet, name: str, scores: Mapping[str, FloatArray]) -> dict[str, float] | None:
    if name not in scores:
        return None
    return dict(zip((label.id for label in models.head(name).labels), scores[name].tolist(), strict=True))
