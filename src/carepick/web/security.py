"""The headers that every answer carries, those of a page, the API key, and no text in an address."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from carepick.web.operation import Operation, operation_of
from carepick.web.problems import refusal
from carepick.web.requests import holds_api_key, holds_text_in_url

# The page and the documentation load nothing from elsewhere and run no inline script.
_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = {
    **_HEADERS,
    "Content-Security-Policy": _PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def register(app: Flask) -> None:
    """Makes `app` ask for the key where one is set, refuse texts in addresses, and send the security headers."""
    app.before_request(_check_key)
    app.before_request(_check_url)
    app.after_request(_add_headers)


def _operation() -> Operation | None:
    return operation_of(current_app.view_functions[request.endpoint]) if request.endpoint else None


def _check_url() -> None:
    """Raises `ProtocolError` for a text in the address of a route that reads texts, though the body be in order.

    A method that the route does not have never gets here: `errors` tells it the same.
    """
    operation = _operation()
    if operation and operation.body and holds_text_in_url():
        raise refusal("text-in-query")


def _check_key() -> None:
    operation = _operation()
    if operation and operation.needs_key and request.method != "OPTIONS" and not holds_api_key():
        raise refusal("wrong-key")


def _add_headers(response: Response) -> Response:
    response.headers.extend(_PAGE_HEADERS if response.mimetype == "text/html" else _HEADERS)  # no view sets them
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
