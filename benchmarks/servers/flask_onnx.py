"""Flask with ONNX Runtime, as a tutorial would have it: no batching, a pass for each request."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from benchmarks.servers.model import Model, read_options


def create_app() -> Flask:
    """Returns the app, its model loaded."""
    app, model = Flask(__name__), Model(read_options())

    @app.post("/predict")
    def predict() -> Response:
        return jsonify(model.rank([request.get_json()["text"]])[0])

    return app
