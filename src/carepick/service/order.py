"""A text on its way through the model: cut into windows that may take different passes, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from carepick.engine.base import EncodedText, FloatArray, Window
from carepick.service.sentences import JudgedSentence
from carepick.service.ticket import ModelOutput, Ticket

Row = dict[str, FloatArray]  # what a pass says of one window: output -> its row


class Order:
    """A text and who waits for it; `parts`: whether what each token and n-gram adds is asked for as well;
    `sentences`: how urgent each is alone."""

    def __init__(
        self, ticket: Ticket, encoded: EncodedText, parts: bool = False, sentences: tuple[JudgedSentence, ...] = ()
    ) -> None:
        self.ticket, self.encoded, self.parts, self.sentences = ticket, encoded, parts, sentences
        self.arrived = 0.0
        self.waiting = len(encoded.windows)  # windows that no pass has taken
        self._rows: dict[int, Row] = {}

    def pieces(self) -> list[Piece]:
        """Returns its windows, each to be run on its own."""
        windows = self.encoded.windows
        return [Piece(self, number, window, len(window.input_ids)) for number, window in enumerate(windows)]

    def receive(self, number: int, row: Row) -> bool:
        """Keeps the row of window `number`; returns whether it was the last one that was missing."""
        self._rows[number] = row
        return len(self._rows) == len(self.encoded.windows)

    def output(self) -> ModelOutput:
        """Returns the rows as one output; all must be there."""
        windows, tokens = self.encoded.windows, self.encoded.tokens
        rows = [self._rows[number] for number in range(len(windows))]
        shares = np.array([len(window.input_ids) / tokens for window in windows], np.float32)
        logits = {name: shares @ np.stack([row[name] for row in rows]) for name in rows[0] if "." not in name}
        known = (logits, len(windows), self.encoded.truncated, self.encoded.letters, self.sentences)
        if not self.parts:
            return ModelOutput(*known)
        parts = {name: _stack([row[name] for row in rows]) for name in rows[0] if "." in name}
        return ModelOutput(*known, windows, self.encoded.ngrams, parts)


class Piece(NamedTuple):
    """Window `number` of an order; `length` in tokens."""

    order: Order
    number: int
    window: Window
    length: int


def _stack(rows: Sequence[FloatArray]) -> FloatArray:
    """Returns rows of shape (length, classes) as one array, the shorter ones padded with zeros."""
    stacked = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), np.float32)
    for index, row in enumerate(rows):
        stacked[index, : len(row)] = row
    return stacked
