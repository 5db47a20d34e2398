"""What the OpenAPI document says about a route, written beside the view that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from carepick.web.bilingual import Bilingual

View = TypeVar("View", bound=Callable[..., object])

# What any route that reads a JSON body may answer, and what any route that needs the model may answer.
BODY_PROBLEMS = (
    "text-in-query",
    "bad-request",
    "broken-json",
    "not-an-object",
    "not-utf8",
    "body-too-large",
    "wrong-content-type",
)
MODEL_PROBLEMS = ("not-ready",)
TEXT_PROBLEMS = ("text-missing", "text-not-string", "invalid-text", "text-too-long", "invalid-k", "invalid-timeout")
LOAD_PROBLEMS = ("overloaded", "deadline")
RANKING_PROBLEMS = (
    *BODY_PROBLEMS,
    *TEXT_PROBLEMS,
    "text-and-texts",
    "invalid-texts",
    *LOAD_PROBLEMS,
    *MODEL_PROBLEMS,
    "no-model",
)
RANKING_HEADERS = (
    "X-Carepick-Triage",
    "X-Carepick-Confidence",
    "X-Carepick-Windows",
    "X-Carepick-Truncated",
    "X-Carepick-Model",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: `body` and `answer` name component schemas, `parameters` and `headers` name rows of schemas.py.

    `examples` and `body_examples` name entries of examples.json, `problems` codes of problems.py. `media_type` is that
    of the answer; an answer without a schema is described by its media type alone.
    """

    id: str
    tag: str
    summary: Bilingual
    description: Bilingual
    answer: str = ""
    examples: tuple[str, ...] = ()
    media_type: str = "application/json"
    body: str = ""
    body_examples: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    needs_key: bool = True


_OPERATIONS: dict[Callable[..., object], Operation] = {}


def documented(operation: Operation) -> Callable[[View], View]:
    """Returns a decorator that gives a view its entry in the OpenAPI document."""

    def keep(view: View) -> View:
        _OPERATIONS[view] = operation
        return view

    return keep


def operation_of(view: Callable[..., object]) -> Operation | None:
    """Returns the entry of `view`, or None for one that is no part of the API."""
    return _OPERATIONS.get(view)
