"""Prints the OpenAPI 3.1 document of the HTTP API; GET /openapi.json answers the same."""

from __future__ import annotations

import argparse
import json

from carepick.cli.flags import add_setting_flags, settings_from
from carepick.service.predictor import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the settings: limits and labels in the document are theirs."""
    add_setting_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the document and returns 0; raises `BundleError` when the model cannot be loaded."""
    from carepick.web.app import create_app
    from carepick.web.openapi import api_document

    settings = settings_from(arguments)
    predictor = Predictor.load(settings)
    try:
        print(json.dumps(api_document(create_app(settings, predictor)), ensure_ascii=False, indent=1))
    finally:
        predictor.close()
    return 0
