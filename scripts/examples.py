#!/usr/bin/env python3
"""Asks the model inside the package anew for the answers that the manual shows, and writes web/examples.json.

python scripts/examples.py && carepick docs
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from carepick.service.predictor import Predictor
from carepick.settings import Settings
from carepick.web.app import create_app

EXAMPLES = Path(__file__).parents[1] / "src" / "carepick" / "web" / "examples.json"


def main() -> None:
    """Writes the answers to the requests that examples.json holds; lists of labels and metrics stay as they are."""
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    predictor = Predictor.load()
    client = create_app(Settings(), predictor).test_client()
    examples |= answers(client, examples)
    predictor.close()
    EXAMPLES.write_text(json.dumps(examples, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def answers(client: FlaskClient, examples: dict[str, Any]) -> dict[str, Any]:
    """Returns by name of the example what the server answers to the bodies among `examples`."""
    return {
        "diseases": ask(client, "/disease?k=3", examples["text"]),
        "diseases-batch": ask(client, "/disease?k=1", examples["texts"]),
        "departments": ask(client, "/specialty?k=3", examples["text"]),
        "departments-batch": ask(client, "/specialty?k=1", examples["texts"]),
        "diagnosis": ask(client, "/diagnosis", examples["diagnosis-options"]),
        "diagnosis-emergency": ask(client, "/diagnosis", examples["emergency"]),
        "readiness": client.get("/readyz").get_json(),
        "model": {"models": [abridged(model) for model in client.get("/model").get_json()["models"]]},
    }


def abridged(model: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a model's manifest that the manual shows: two heads and no long lists."""
    heads = {
        task: {key: model["heads"][task][key] for key in ("classes", "excluded_labels", "temperature", "coverage")}
        for task in model["tasks"]
    }
    kept = {key: model[key] for key in ("tasks", "name", "version", "max_tokens", "files")}
    return {**kept, "heads": heads, "training": {}, "metrics": model["metrics"]}


def ask(client: FlaskClient, route: str, body: object) -> Any:
    """Returns the JSON that `route` answers to `body`."""
    return client.post(route, json=body).get_json()


if __name__ == "__main__":
    main()
