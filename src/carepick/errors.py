"""Every error that Carepick raises on purpose.

    CarepickError
    ├── SettingsError            a setting is unknown, missing or out of range
    ├── CatalogError             the medical data files do not fit together
    ├── DataError                a data file cannot be used: which file, row and column, and what was expected
    ├── BundleError              a saved model cannot be used
    ├── TrainingError            training cannot start or go on
    └── RequestError             what the caller sent cannot be answered
        ├── InvalidTextError     text missing, not a string, blank or too long
        ├── InvalidTopKError     k is not a whole number within 1..number of labels
        ├── OverloadedError      the queue is full; try again after `retry_after` seconds
        ├── DeadlineError        the caller's deadline passed before an answer was ready
        ├── NotReadyError        no model is loaded yet, or the server is stopping
        ├── DisabledError        the operator has switched this answer off
        └── ProtocolError        what surrounds the text in an HTTP request is wrong: route, header, parameter or body

Messages are one sentence in plain English that says what to do, and never quote what a patient typed.
`code` is the stable name of an error in the API (`type` of the problem document), the CLI and the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class CarepickError(Exception):
    """Base of all; its text is safe to show to a person."""

    code: ClassVar[str] = "internal"


class SettingsError(CarepickError):
    """A setting is unknown, missing or out of range."""

    code = "settings"


class CatalogError(CarepickError):
    """The medical data files do not fit together; names the file and the row."""

    code = "catalog"


class DataError(CarepickError):
    """A data file cannot be used; names the file, the row and the column, and what was expected."""

    code = "data"


class BundleError(CarepickError):
    """A saved model cannot be used; names the file, label or shape that does not fit."""

    code = "bundle"


class TrainingError(CarepickError):
    """Training cannot start or go on; says what to change."""

    code = "training"


class RequestError(CarepickError):
    """What the caller sent cannot be answered."""

    code = "bad-request"


class InvalidTextError(RequestError):
    """The text is missing, not a string, blank or too long."""

    code = "invalid-text"


class InvalidTopKError(RequestError):
    """k is not a whole number within 1..number of labels."""

    code = "invalid-k"


class OverloadedError(RequestError):
    """The queue is full."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """`retry_after`: whole seconds after which another try makes sense."""
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineError(RequestError):
    """The caller's deadline passed before an answer was ready."""

    code = "deadline"


class NotReadyError(RequestError):
    """No model is loaded yet, or the server is stopping."""

    code = "not-ready"


class DisabledError(RequestError):
    """The operator has switched this answer off."""

    code = "disabled"


class ProtocolError(RequestError):
    """What surrounds the text in an HTTP request is wrong: its route, a header, a parameter or the body's form."""

    def __init__(self, message: str, problem: str, values: Mapping[str, object]) -> None:
        """`problem`: its code in the table of web/problems.py; `values`: what fills the sentence there."""
        super().__init__(message)
        self.problem = problem
        self.values = values
