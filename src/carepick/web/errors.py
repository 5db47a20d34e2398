"""Exceptions become problem documents (RFC 9457); the table of codes, statuses and words is in problems.py."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from carepick.errors import CarepickError, DeadlineError, NotReadyError, OverloadedError, ProtocolError
from carepick.web.loading import current_settings
from carepick.web.logging import log_failure
from carepick.web.problems import PROBLEMS
from carepick.web.requests import accepted_language, holds_text_in_url
from carepick.web.responses import json_response

TYPE_PREFIX = "urn:carepick:problem:"
MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {404: "unknown-route", 405: "wrong-method", 413: "body-too-large", 414: "url-too-long"}


def problem_document(
    code: str, language: str, values: Mapping[str, object], instance: str | None = None
) -> dict[str, Any]:
    """Returns the problem document of `code`: `error` repeats `detail` for the clients of the first release.

    `instance` names this one occurrence, at random unless given, so that a report can be found in the log.
    """
    problem = PROBLEMS[code]
    sentence = problem.sentence.in_language(language).format_map(defaultdict(lambda: "…", values))
    return {
        "type": TYPE_PREFIX + code,
        "title": problem.title.in_language(language),
        "status": problem.status,
        "detail": sentence,
        "instance": instance or f"urn:uuid:{uuid.uuid4()}",
        "error": sentence,
    }


def item_error(error: Exception) -> dict[str, Any]:
    """Returns what stands in a batch answer at the place of an item that failed: `error`, `type` and `status`."""
    code, values = _code(error)
    document = problem_document(code, accepted_language(), values)
    return {key: document[key] for key in ("error", "type", "status")}


def register(app: Flask) -> None:
    """Makes `app` answer every error, foreseen or not, with a problem document."""
    app.register_error_handler(CarepickError, _answer)
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(Exception, _answer)


def note_problem(error: Exception) -> tuple[str, Mapping[str, object], str]:
    """Returns the code of `error`, what fills its sentence, and its instance; logs it when nobody foresaw it."""
    code, values = _code(error)
    instance = f"urn:uuid:{uuid.uuid4()}"
    g.problem = (code, instance)
    if code == "internal":
        log_failure(error, instance)
    return code, values, instance


def problem_headers(error: Exception, code: str) -> dict[str, str]:
    """Returns the headers that say how to go on after `error`: Retry-After, WWW-Authenticate, Allow."""
    if isinstance(error, OverloadedError):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, (NotReadyError, DeadlineError)):
        return {"Retry-After": "1"}
    if code == "wrong-key":
        return {"WWW-Authenticate": 'ApiKey header="X-API-Key"'}
    if isinstance(error, HTTPException):
        return {name: value for name, value in error.get_headers() if name == "Allow"}
    return {}


def _answer(error: Exception) -> Response:
    code, values, instance = note_problem(error)
    language = accepted_language()
    document = problem_document(code, language, values, instance)
    response = json_response(document, PROBLEMS[code].status, MEDIA_TYPE)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    response.headers.update(problem_headers(error, code))
    return response


def _code(error: Exception) -> tuple[str, Mapping[str, object]]:
    if isinstance(error, ProtocolError):
        return error.problem, error.values
    if isinstance(error, CarepickError):
        return (error.code if error.code in PROBLEMS else "internal"), {}
    if isinstance(error, HTTPException):
        return _http_code(error), {"most": current_settings().max_body_bytes}
    return "internal", {}


def _http_code(error: HTTPException) -> str:
    status = error.code or 500
    if status == 405 and holds_text_in_url():
        return "text-in-url"
    return _BY_STATUS.get(status, "bad-request" if status < 500 else "internal")
