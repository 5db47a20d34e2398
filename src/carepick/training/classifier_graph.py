"""The ONNX graph of a classifier of the original kind: BERT, its pooler over the first token, one linear head."""

from __future__ import annotations

import onnx

from carepick.training.graph import EncoderShape, GraphWriter
from carepick.training.saved_classifier import SavedClassifier


def build_classifier_graph(classifier: SavedClassifier, head: str, precision: str) -> onnx.ModelProto:
    """Returns the graph with inputs input_ids and attention_mask, and the logits of all labels as output `head`.

    Token types are folded in: a single sentence has type 0 throughout. `precision`: float32 or int8.
    """
    config = classifier.config
    shape = EncoderShape(
        num_hidden_layers=config["num_hidden_layers"],
        hidden_size=config["hidden_size"],
        num_attention_heads=config["num_attention_heads"],
        layer_norm_eps=config["layer_norm_eps"],
    )
    weights = {name.removeprefix("bert."): value for name, value in classifier.weights.items()}
    return _ClassifierWriter(weights, shape, precision).write_classifier(head)


class _ClassifierWriter(GraphWriter):
    def write_classifier(self, head: str) -> onnx.ModelProto:
        first_kept = self.node("Slice", self.encode(), self.integers([0]), self.integers([1]), self.integers([1]))
        first = self.node("Squeeze", first_kept, self.integers([1]))
        pooled = self.node("Tanh", self.dense(first, "pooler.dense"))
        classes = len(self.weights["classifier.bias"])
        return self.model(self.split(self.dense(pooled, "classifier"), [head], 1, [classes]), False)

    def dense(self, x: str, name: str) -> str:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self.node("Add", self.linear(x, weight.T), self.constant(bias))
