"""create_app: the WSGI application, put together from one blueprint a file."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from flask import Flask

from carepick.settings import Settings
from carepick.web import (
    admission,
    diagnosis,
    disease,
    errors,
    health,
    labels,
    loading,
    metrics,
    openapi,
    request_log,
    security,
    specialty,
)
from carepick.web.requests import InMemoryRequest

if TYPE_CHECKING:
    from carepick.service.predictor import Predictor


def create_app(settings: Settings, predictor: Predictor | None = None) -> Flask:
    """Returns the WSGI application for `settings`.

    Without a `predictor` it answers 503 where one is needed until `loading.load` gives it one. Any WSGI server can run
    `create_app(settings, Predictor.load(settings))`; server.py loads in the background instead, and in each worker.
    """
    app = Flask("carepick.web")
    app.request_class = InMemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # never redirects: a Location would repeat the query
    loading.attach_settings(app, settings)
    if predictor is not None:
        loading.attach(app, predictor)
    request_log.register(app)
    security.register(app)
    admission.register(app, settings)
    errors.register(app)
    for part in (specialty, disease, diagnosis, labels, health, openapi):
        app.register_blueprint(part.bp)
    if settings.metrics:
        metrics.register(app)
    _register_page(app)
    return app


def _register_page(app: Flask) -> None:
    if find_spec("carepick.web.page"):
        app.register_blueprint(import_module("carepick.web.page").bp)
