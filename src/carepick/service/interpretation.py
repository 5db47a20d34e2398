"""What the models' outputs mean for a text: ranked labels, triage, how sure it all is, and which words said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from carepick.engine.base import FloatArray
from carepick.records import Confidence, Evidence, Prediction, ScoredLabel, Span, Task, TaskAnswer
from carepick.service.confidence import band, readable
from carepick.service.explanation import Contributions, Places, explain
from carepick.service.models import ModelSet, ServedModel
from carepick.service.ticket import ModelOutput
from carepick.service.triage import LEARNED, Heard, Told, Triager
from carepick.text.normalize import NormalizedText

_LEARNED_LABELS = {id: label for label, id in LEARNED.items()}
_MOST_WORDS = 3  # that are told of a flag which only a model raised
_LEAST_SHARE = 0.25  # of the strongest word's weight: without a weaker one the flag would have been raised as well


class Reading:
    """A text with what the models made of it: scores, where words stand and what each adds are worked out once."""

    def __init__(self, text: NormalizedText, models: ModelSet, outputs: Sequence[ModelOutput]) -> None:
        """`outputs`: one from each of `models`, in their order; only those with all parts give evidence."""
        self._text, self._models, self._outputs = text, models, outputs
        self._scores = models.scores(outputs)
        self._places: dict[ServedModel, Places] = {}
        self._added: dict[str, Contributions | None] = {}

    def interpret(self, heard: Heard, triager: Triager) -> Prediction:
        """Returns the answer to the text; `heard`: what the rules heard in it.

        Scores are weighed down by the probability that the text is about health at all, where a model has learned it.
        """
        models, scores, thresholds = self._models, self._scores, self._models.thresholds
        triage = triager.combine(heard, _by_label(models, "triage", scores), thresholds, self._told())
        health = (_by_label(models, "scope", scores) or {}).get("health", 1.0)
        abstains = health < thresholds["scope"] or not readable(self._text.text, thresholds["least_letters"])
        tasks = {task: _task_answer(models, task, scores[task.value] * health, abstains) for task in models.tasks}
        first = tasks.get(Task.DEPARTMENT) or tasks[Task.DISEASE]
        return Prediction(
            tasks=tasks,
            triage=triage,
            confidence=first.confidence,
            windows=max(output.window_count for output in self._outputs),
            truncated=any(output.truncated for output in self._outputs),
        )

    def why(self, task: Task, label: ScoredLabel) -> tuple[Evidence, ...]:
        """Returns which words spoke for and against `label` of `task`."""
        return self._evidence(task.value, label.id)

    def name_words(self, prediction: Prediction) -> Prediction:
        """Returns `prediction` with the strongest words of each flag that a model alone heard in the text as a whole.

        Costs nothing where no such flag was raised.
        """
        told = tuple(
            replace(flag, spans=_strongest(self._evidence("triage", _LEARNED_LABELS[flag.id], len(self._text.text))))
            if flag.id in _LEARNED_LABELS and not flag.spans
            else flag
            for flag in prediction.triage.flags
        )
        return replace(prediction, triage=replace(prediction.triage, flags=told))

    def _told(self) -> list[Told]:
        judged = self._models.judged(self._text.text, self._outputs)
        return [Told(Span(*self._text.span(one.start, one.end)), one.learned) for one in judged]

    def _evidence(self, head: str, label: str, most: int = 6) -> tuple[Evidence, ...]:
        model = self._models.owners.get(head)
        if model is None or (added := self._add_up(head, model)) is None:
            return ()
        known = self._models.head(head)
        place = next(place for place, one in enumerate(known.labels) if one.id == label)
        words = self._places[model].words
        return explain(self._text, words, added, self._scores[head], place, known.temperature, most)

    def _add_up(self, head: str, model: ServedModel) -> Contributions | None:
        if head not in self._added:
            output = self._outputs[self._models.models.index(model)]
            if model not in self._places:
                self._places[model] = Places(self._text, output.windows, output.ngrams)
            known = f"{head}.tokens" in output.parts
            self._added[head] = self._places[model].contributions(output.parts, head) if known else None
        return self._added[head]


def _strongest(evidence: Sequence[Evidence]) -> tuple[Span, ...]:
    """Returns the places of the words that spoke for a label most, in reading order."""
    speaking = [item for item in evidence if item.weight > 0][:_MOST_WORDS]
    spans = (item.span for item in speaking if item.weight >= _LEAST_SHARE * speaking[0].weight)
    return tuple(sorted(spans, key=lambda span: span.start))


def _task_answer(models: ModelSet, task: Task, scores: FloatArray, abstains: bool) -> TaskAnswer:
    ranking, manifest = models.rankings[task.value], models.tasks[task].engine.manifest
    labels = ranking.rank(scores)
    confidence = Confidence.ABSTAIN if abstains else band(labels[0].score, models.thresholds)
    return TaskAnswer(labels, confidence, ranking.conformal_set(scores), manifest.version)


def _by_label(models: ModelSet, name: str, scores: Mapping[str, FloatArray]) -> dict[str, float] | None:
    if name not in scores:
        return None
    return dict(zip((label.id for label in models.head(name).labels), scores[name].tolist(), strict=True))
