"""The headers that every answer carries, those of a page, and the API key."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from carepick.web.operation import operation_of
from carepick.web.problems import refusal
from carepick.web.requests import holds_api_key

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
    """Makes `app` ask for the key where one is set, and send the security headers with every answer."""
    app.before_request(_check_key)
    app.after_request(_add_headers)


def _check_key() -> None:
    operation = operation_of(current_app.view_functions[request.endpoint]) if request.endpoint else None
    if operation and operation.needs_key and request.method != "OPTIONS" and not holds_api_key():
        raise refusal("wrong-key")


def _add_headers(response: Response) -> Response:
    response.headers.extend(_PAGE_HEADERS if response.mimetype == "text/html" else _HEADERS)  # no view sets them
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
