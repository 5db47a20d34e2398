"""The loaded models that answer a predictor's tasks; swapped as one on reload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from carepick.engine.base import Engine, FloatArray
from carepick.engine.manifest import Head, Manifest
from carepick.engine.sentences import SentenceHead
from carepick.errors import BundleError, RequestError
from carepick.records import Task
from carepick.service.answers import RecentAnswers, RecentPredictions
from carepick.service.batcher import Batcher
from carepick.service.confidence import DEFAULT_THRESHOLDS
from carepick.service.order import Order
from carepick.service.ranking import Ranking
from carepick.service.sentences import JudgedSentence, judge_sentences
from carepick.service.ticket import ModelOutput, Ticket
from carepick.text.normalize import normalize

_GOLDEN_SECONDS = 60.0


@dataclass(frozen=True)
class ServedModel:
    """One engine with its queue and its recent answers."""

    engine: Engine
    batcher: Batcher
    recent: RecentAnswers

    def submit(self, texts: Sequence[str], deadline: float) -> list[Ticket]:
        """Returns a ticket for each of the normalized `texts`, shared with others who ask for the same one.

        Raises `OverloadedError` or `NotReadyError` when not all of them can be taken; none is then.
        """
        claims = self.recent.claim(texts, deadline)
        try:
            if claims.fresh:
                self.batcher.check_room(len(claims.fresh), deadline)  # before the work of encoding
                self.batcher.submit(list(self._orders(claims.fresh)))
        except RequestError as error:
            for _, ticket in claims.fresh:
                ticket.fail(error)
            leave(claims.tickets)
            raise
        return claims.tickets

    def submit_parts(self, text: str, deadline: float) -> Ticket:
        """Returns a ticket for the output of `text` with what each token and n-gram adds; raises as `submit` does."""
        ticket = Ticket(deadline)
        self.batcher.check_room(1, deadline)
        self.batcher.submit([self._order(ticket, text, parts=True)])
        return ticket

    def check_golden(self) -> None:
        """Raises `BundleError` unless every head answers the golden sentence as the manifest says."""
        manifest = self.engine.manifest
        ticket = Ticket(float("inf"))
        try:
            self.batcher.submit([self._order(ticket, normalize(manifest.golden.text))])
            output = ticket.output(_GOLDEN_SECONDS)
        except Exception as error:
            raise BundleError(f"bundle {manifest.name} cannot answer its golden sentence: {error}") from error
        for name, head in manifest.heads.items():
            scores = Ranking(head).probabilities(output.logits[name], output.letters)
            first = head.labels[int(scores.argmax())].id
            if not np.isfinite(scores).all() or first != manifest.golden.top.get(name, first):
                raise BundleError(
                    f"bundle {manifest.name}: head {name} does not answer the golden sentence with "
                    f"{manifest.golden.top.get(name, 'numbers')}: copy or export the bundle again"
                )

    def _orders(self, fresh: Sequence[tuple[str, Ticket]]) -> Iterator[Order]:
        for text, ticket in fresh:
            try:
                yield self._order(ticket, text)
            except Exception as error:  # one bad text must not fail its neighbours
                ticket.fail(error)

    def _order(self, ticket: Ticket, text: str, parts: bool = False) -> Order:
        encoded, head = self.engine.encode(text), self.engine.sentences
        judged = judge_sentences(text, head, located=encoded.ngrams) if head else ()
        return Order(ticket, encoded, parts, judged)


@dataclass(frozen=True)
class Guard:
    """What hears emergencies beside models that have learned none: a sentence head, and its thresholds by name."""

    sentences: SentenceHead
    thresholds: Mapping[str, float]


class ModelSet:
    """The models behind one predictor: a shared one, or one for each task."""

    def __init__(
        self, models: Sequence[ServedModel], guard: Guard | None = None, recent: RecentPredictions | None = None
    ) -> None:
        """`guard`: listens where no model can; `recent`: keeps what these models answered a moment ago, nothing if None.

        Raises `BundleError` when two models answer one head or none answers a task.
        """
        check_heads([model.engine.manifest for model in models])
        self.models = tuple(models)
        self.guard = guard
        self.recent = recent or RecentPredictions(0.0, 0)
        self.users = 0  # requests that hold this set; the predictor counts them
        self.owners = {name: model for model in models for name in model.engine.manifest.heads}
        self.rankings = {name: Ranking(head) for model in models for name, head in model.engine.manifest.heads.items()}
        self.tasks = {task: self.owners[task.value] for task in Task if task.value in self.owners}
        self.thresholds = {**DEFAULT_THRESHOLDS, **(guard.thresholds if guard else {})}
        for model in models:
            self.thresholds.update(model.engine.manifest.confidence)

    @property
    def manifests(self) -> Mapping[Task, Manifest]:
        """The manifest that answers each task."""
        return {task: model.engine.manifest for task, model in self.tasks.items()}

    def head(self, name: str) -> Head:
        """Returns the head called `name`."""
        return self.rankings[name].head

    def submit(self, texts: Sequence[str], deadline: float) -> list[tuple[Ticket, ...]]:
        """Returns for each of the normalized `texts` one ticket from each model; raises when one takes not all."""
        held = self._from_each(lambda model: model.submit(texts, deadline))
        return list(zip(*held, strict=True))

    def submit_parts(self, text: str, deadline: float) -> tuple[Ticket, ...]:
        """Returns one ticket from each model for the output of `text` with all its parts; raises as `submit` does."""
        held = self._from_each(lambda model: [model.submit_parts(text, deadline)])
        return tuple(ticket for tickets in held for ticket in tickets)

    def _from_each(self, submit: Callable[[ServedModel], list[Ticket]]) -> list[list[Ticket]]:
        """Returns what `submit` takes from each model; when one refuses, what the others gave is given back."""
        held: list[list[Ticket]] = []
        try:
            for model in self.models:
                held.append(submit(model))
        except RequestError:
            for tickets in held:
                leave(tickets)
            raise
        return held

    def judged(self, text: str, outputs: Sequence[ModelOutput]) -> tuple[JudgedSentence, ...]:
        """Returns how urgent each sentence of the normalized `text` is alone, from the `outputs` of all models: of the
        first one that can tell; where none can, from the guard, also of a text that has only one sentence."""
        for model, output in zip(self.models, outputs, strict=True):
            if model.engine.sentences:
                return output.sentences
        return judge_sentences(text, self.guard.sentences, least=1) if self.guard else ()

    def scores(self, outputs: Sequence[ModelOutput]) -> dict[str, FloatArray]:
        """Returns the calibrated probabilities of every head from the outputs of all models, (classes,) each."""
        return {
            name: self.rankings[name].probabilities(logits, output.letters)
            for output in outputs
            for name, logits in output.logits.items()
        }

    def check_golden(self) -> None:
        """Raises `BundleError` unless every model answers its golden sentence."""
        for model in self.models:
            model.check_golden()

    def close(self) -> None:
        """Answers what was accepted and frees the models."""
        for model in self.models:
            model.batcher.close()


def check_heads(manifests: Sequence[Manifest]) -> None:
    """Raises `BundleError` when two of `manifests` have the same head, none answers a task, or a head has no answer."""
    names = [name for manifest in manifests for name in manifest.heads]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise BundleError(f"{names.count(doubled[0])} bundles answer {doubled[0]}: name one bundle for each task")
    if not {task.value for task in Task} & set(names):
        raise BundleError("no bundle answers disease or department: see the heads in manifest.json")
    for manifest in manifests:
        for name, head in manifest.heads.items():
            if len(set(head.excluded_labels)) == len(head.labels):
                raise BundleError(f"bundle {manifest.name}: every label of head {name} is excluded")


def leave(tickets: Sequence[Ticket]) -> None:
    """Gives all of `tickets` back."""
    for ticket in tickets:
        ticket.leave()
