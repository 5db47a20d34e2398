"""The windows that wait for a forward pass, oldest first."""

from __future__ import annotations

from collections.abc import Sequence

from carepick.service.order import Order, Piece
from carepick.service.packing import choose


class WaitingLine:
    """Adds, drops and picks windows, and counts what waits. Not safe to use from several threads."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self.texts = 0  # that have windows waiting
        self.tokens = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, orders: Sequence[Order], now: float) -> int:
        """Adds all windows of `orders`, which arrive at the time `now`, and returns how many they are."""
        pieces = [piece for order in orders for piece in order.pieces()]
        for order in orders:
            order.arrived = now
        self._pieces += pieces
        self.texts += len(orders)
        self.tokens += sum(piece.length for piece in pieces)
        return len(pieces)

    def oldest(self) -> float:
        """Returns when the text arrived that has waited longest; there must be one."""
        return self._pieces[0].order.arrived

    def drop_unwanted(self, now: float) -> None:
        """Drops the texts that nobody waits for any more."""
        unwanted = {piece.order for piece in self._pieces if not piece.order.ticket.wanted(now)}
        if unwanted:
            self._remove([piece for piece in self._pieces if piece.order in unwanted])

    def pick(self, limit: int) -> list[Piece]:
        """Removes and returns the windows of the next pass of at most `limit` tokens; some must wait."""
        pieces = [self._pieces[place] for place in choose([piece.length for piece in self._pieces], limit)]
        self._remove(pieces)
        return pieces

    def _remove(self, pieces: Sequence[Piece]) -> None:
        gone = {(id(piece.order), piece.number) for piece in pieces}
        self._pieces = [piece for piece in self._pieces if (id(piece.order), piece.number) not in gone]
        for piece in pieces:
            piece.order.waiting -= 1
            self.texts -= piece.order.waiting == 0
            self.tokens -= piece.length
