"""How the predictor gets into the app, and how a view gets at it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from carepick.errors import BundleError, CarepickError, NotReadyError
from carepick.settings import Settings

if TYPE_CHECKING:
    from carepick.service.predictor import Predictor

_PREDICTOR = "carepick"
_SETTINGS = "carepick.settings"


def attach_settings(app: Flask, settings: Settings) -> None:
    """Gives `app` its settings."""
    app.extensions[_SETTINGS] = settings


def attach(app: Flask, predictor: Predictor) -> None:
    """Gives `app` the predictor that answers from now on."""
    app.extensions[_PREDICTOR] = predictor


def attached(app: Flask) -> Predictor | None:
    """Returns the predictor of `app`, or None while it is loading."""
    return cast("Predictor | None", app.extensions.get(_PREDICTOR))


def settings_of(app: Flask) -> Settings:
    """Returns the settings of `app`."""
    return cast(Settings, app.extensions[_SETTINGS])


def current_settings() -> Settings:
    """Returns the settings of the app that answers this request."""
    return settings_of(current_app)


def current_predictor() -> Predictor:
    """Returns the predictor of the app that answers this request; raises `NotReadyError` while it is loading."""
    predictor = attached(current_app)
    if predictor is None:
        raise NotReadyError("the model is still loading: try again in a second")
    return predictor


def load(app: Flask) -> Predictor:
    """Builds the predictor that the settings of `app` describe, attaches and returns it; raises `CarepickError`."""
    from carepick.service.build import build_predictor  # the runtime and the model load here, not on import

    predictor: Predictor = build_predictor(settings_of(app))
    attach(app, predictor)
    return predictor


def load_in_background(
    app: Flask, on_ready: Callable[[Predictor], None], on_failure: Callable[[CarepickError], None]
) -> threading.Thread:
    """Starts `load` in a thread of its own, which calls one of the two functions at its end, and returns the thread."""

    def run() -> None:
        try:
            predictor = load(app)
        except CarepickError as error:
            on_failure(error)
        except Exception as error:  # nothing has been asked yet: the message holds no text of a patient
            on_failure(BundleError(f"the model could not be loaded: {type(error).__name__}: {error}"))
        else:
            on_ready(predictor)

    thread = threading.Thread(target=run, name="carepick-loading", daemon=True)
    thread.start()
    return thread
