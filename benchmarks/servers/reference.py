"""What the first release did: Flask, torch and transformers, a BERT for each task, a pass for each request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from flask import Flask, Response, jsonify, request
from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification

_MOST_TOKENS = 512


class Classifier:
    """A fine-tuned BERT, its tokenizer and the names of its classes."""

    def __init__(self, folder: Path, model: BertForSequenceClassification, labels: list[str]) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model, self._labels = model.eval(), labels

    def rank(self, text: str, key: str, k: int) -> list[dict[str, Any]]:
        """Returns the `k` best classes with their probabilities."""
        inputs = self._tokenizer(text, return_tensors="pt", truncation=True, max_length=_MOST_TOKENS)
        with torch.no_grad():
            scores = torch.softmax(self._model(**inputs).logits[0], dim=0)
        best = torch.topk(scores, k)
        return [
            {key: self._labels[place], "score": round(score, 4)}
            for score, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]


def load_disease(folder: Path) -> Classifier:
    """Returns the classifier in `folder`/disease.pt; the file is a pickle that the benchmark itself has written."""
    document = torch.load(folder / "disease.pt", map_location="cpu", weights_only=False)
    labels = list(document["label_encoder"].classes_)
    model = BertForSequenceClassification(AutoConfig.from_pretrained(folder, num_labels=len(labels)))
    model.load_state_dict(document["model_state_dict"])
    return Classifier(folder, model, labels)


def load_department(folder: Path) -> Classifier:
    """Returns the classifier in the Hugging Face directory `folder`."""
    labels = list(np.load(folder / "label_classes.npy", allow_pickle=True))
    return Classifier(folder, BertForSequenceClassification.from_pretrained(folder), labels)


def create_app() -> Flask:
    """Returns the app, both models loaded."""
    folder = Path(os.environ["BENCH_ORIGINALS"])
    app = Flask(__name__)
    disease, department = load_disease(folder / "disease"), load_department(folder / "department")

    @app.post("/disease")
    def rank_diseases() -> Response:
        return jsonify(disease.rank(request.get_json()["text"], "disease", 3))

    @app.post("/specialty")
    def rank_departments() -> Response:
        return jsonify(department.rank(request.get_json()["text"], "specialty", 3))

    return app
