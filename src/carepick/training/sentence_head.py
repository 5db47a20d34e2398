"""Fits the sentence head: how urgent a sentence of a long story is by itself, by its n-grams."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from carepick.engine.ngrams import NgramTable
from carepick.evaluation.rules import heard_by_rules
from carepick.text.sentences import put_into, split_sentences
from carepick.training.gatekeepers import LABELS, LinearHead, complaints, fit_gatekeeper, quiet
from carepick.training.linear import count_matrix

SENTENCES = "sentences"  # the head's name beside the gatekeepers
_PLACES = {label: place for place, label in enumerate(LABELS["triage"])}
_LEAST_SHARED = 0.6  # of a text's letters, for a piece of a story to say what the text says


@dataclass(frozen=True)
class SentenceHeadSettings:
    """How the sentence head is fitted; the recipe's settings of that step.

    `questions`: how many training questions it reads as texts that alarm nobody; `composites`: into how many of them each
    alarming text is put; `letters`: the longest alarming text that it learns from; `scale`: how much an n-gram counts;
    `regularization`: the inverse strength of the penalty on weights.
    """

    questions: int = 30_000
    composites: int = 3
    letters: int = 90
    scale: float = 16.0
    regularization: float = 0.03
    seed: int = 4


def fit_sentence_head(
    rows: pd.DataFrame, questions: Sequence[str], table: NgramTable, settings: SentenceHeadSettings
) -> LinearHead:
    """Returns the head for sentences: LABELS["triage"], on the n-grams of `table` alone.

    `rows`: texts with purpose, source and label, as the features have them; `questions`: normalized. Learns from the
    project's own alarming sentences, alone and as the pieces that they leave when they stand in a question, and from the
    sentences of all that alarms nobody: own texts without urgency, and questions, complaints and texts about other
    things in which the rules hear nothing.
    """
    own = rows[rows.purpose == "triage"]
    alarming = own[(own.label != "none") & (own.text.str.len() <= settings.letters)]
    calm = own.text[own.label == "none"].tolist()
    everyday = complaints(rows) | (rows.purpose == "ordinary").to_numpy()
    elsewhere = (rows.purpose == "scope") & (rows.label == "other")
    asked = [text for text, heard in zip(questions, heard_by_rules(list(questions)), strict=True) if not heard]
    harmless = [*rows.text[quiet(rows, everyday | elsewhere.to_numpy())], *asked, *calm]
    pieces = [(text[start:end], "none") for text in harmless for start, end in split_sentences(text)]
    rng = random.Random(settings.seed)
    for text, label in zip(alarming.text, alarming.label, strict=True):
        for _ in range(settings.composites if asked else 0):
            pieces += [(piece, label) for piece in _pieces_within(rng.choice(asked), text, rng)]
    texts = [*alarming.text, *calm, *(piece for piece, _ in pieces)]
    labels = [*alarming.label, *("none" for _ in calm), *(label for _, label in pieces)]
    nothing = np.zeros((len(texts), 0), np.float32)
    targets = np.array([_PLACES[label] for label in labels], np.int64)
    return fit_gatekeeper(
        nothing, count_matrix(texts, table), targets, np.ones(len(texts)), settings.scale, settings.regularization
    )


def _pieces_within(story: str, text: str, rng: random.Random) -> Iterator[str]:
    """Yields the pieces that say what `text` says when it stands in `story`."""
    whole, begin = put_into(story, text, rng)
    for start, end in split_sentences(whole):
        shared = min(end, begin + len(text)) - max(start, begin)
        if shared >= _LEAST_SHARED * len(text):
            yield whole[start:end]
