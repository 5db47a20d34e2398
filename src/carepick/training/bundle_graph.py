"""Reads the weights of a bundle out of the graph that `training.graph` wrote, and puts other heads into it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from carepick.engine.manifest import Manifest
from carepick.errors import TrainingError
from carepick.training.gatekeepers import LinearHead

Array = np.ndarray[Any, np.dtype[Any]]
# What a layer is made of, in the order in which the graph computes it.
_DENSE = (
    "attention.self.query", "attention.self.key", "attention.self.value",
    "attention.output.dense", "intermediate.dense", "output.dense",
)  # fmt: skip
_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")


class BundleGraph:
    """The constants of a bundle's graph, found by the nodes that read them: `GraphWriter` writes layers in order."""

    def __init__(self, path: Path) -> None:
        """`path`: the bundle's model.onnx; raises `TrainingError` for a graph of another structure."""
        self.model = onnx.load(str(path))
        graph = self.model.graph
        self._nodes = graph.node
        self._constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self._products = [
            self._weight(node)
            for node in graph.node
            if node.op_type in ("MatMul", "MatMulIntegerToFloat") and self._reads(node)
        ]
        self.layers = len(self._of_kind("MultiHeadAttention"))
        if len(self._products) != 4 * self.layers + 1:
            raise TrainingError(
                "the bundle's graph was not written by carepick's recipe: nothing can be taken out of it"
            )

    def trained_layers(self, first: int) -> dict[str, Array]:
        """Returns the weights of the layers from `first` on, by their names in a `MultiTaskEncoder`."""
        return {
            f"encoder.encoder.layer.{layer}.{name}": value
            for layer in range(first, self.layers)
            for name, value in self._layer(layer).items()
        }

    def _layer(self, layer: int) -> dict[str, Array]:
        merged, *products = self._products[4 * layer : 4 * layer + 4]
        weights = [*np.split(merged, 3, axis=1), *products]
        attention, gelu = self._of_kind("MultiHeadAttention")[layer], self._of_kind("BiasGelu")[layer]
        after_attention, after_all = self._of_kind("Sum")[2 * layer : 2 * layer + 2]
        biases = np.split(self._constants[attention.input[3]], 3)
        biases += [self._constants[node.input[1]] for node in (after_attention, gelu, after_all)]
        state: dict[str, Array] = {}
        for name, weight, bias in zip(_DENSE, weights, biases, strict=True):
            state |= {f"{name}.weight": weight.T, f"{name}.bias": bias}
        norms = self._of_kind("LayerNormalization")[1 + 2 * layer : 3 + 2 * layer]  # the first one is the embeddings'
        for name, norm in zip(_NORMS, norms, strict=True):
            state |= {f"{name}.weight": self._constants[norm.input[1]], f"{name}.bias": self._constants[norm.input[2]]}
        return state

    def heads(self, manifest: Manifest) -> dict[str, LinearHead]:
        """Returns all heads of the bundle, which has an n-gram branch."""
        columns = self._columns(manifest)
        deep, bias, rows, steps = (self._constants[name] for name in self._head_constants(columns))
        return {name: LinearHead(deep[:, its], rows[1:, its] * steps[its], bias[its]) for name, its in columns.items()}

    def replace_heads(self, manifest: Manifest, heads: Mapping[str, LinearHead]) -> None:
        """Puts `heads` in the place of those of their names; n-grams are rounded to int8 by column, as `GraphWriter` does."""
        columns = self._columns(manifest)
        names = self._head_constants(columns)
        deep, bias, rows, steps = (self._constants[name].copy() for name in names)
        for name, head in heads.items():
            its = columns[name]
            deep[:, its], bias[its] = head.deep, head.bias
            steps[its] = np.maximum(np.abs(head.wide).max(0), 1e-9) / 127
            rows[1:, its] = np.round(head.wide / steps[its])
        for initializer in self.model.graph.initializer:
            for name, value in zip(names, (deep, bias, rows, steps), strict=True):
                if initializer.name == name:
                    initializer.CopyFrom(numpy_helper.from_array(value, name))
                    self._constants[name] = value

    def _columns(self, manifest: Manifest) -> dict[str, slice]:
        """Returns where each head stands among the columns that the graph computes side by side."""
        names = [output.name for output in self.model.graph.output if output.name in manifest.heads]
        ends = np.cumsum([len(manifest.heads[name].labels) for name in names]).tolist()
        return {name: slice(start, end) for name, start, end in zip(names, [0, *ends], ends, strict=False)}

    def _head_constants(self, columns: Mapping[str, slice]) -> tuple[str, str, str, str]:
        """Returns the names of the heads' weight, their bias, the n-grams' rows and the steps of these."""
        count = max(its.stop for its in columns.values())
        deep = [node.input[1] for node in self._of_kind("MatMul") if self._reads(node)][-1]
        rows = next(node.input[0] for node in self._of_kind("Gather") if node.input[1] == "ngram_ids")
        return deep, self._constant_beside("Add", count), rows, self._constant_beside("Mul", count)

    def _constant_beside(self, kind: str, size: int) -> str:
        """Returns the name of the constant (size,) that the first node of `kind` with one reads as its second input."""
        names = (node.input[1] for node in self._of_kind(kind) if self._reads(node))
        return next(name for name in names if self._constants[name].shape == (size,))

    def _of_kind(self, kind: str) -> list[onnx.NodeProto]:
        return [node for node in self._nodes if node.op_type == kind]

    def _reads(self, node: onnx.NodeProto) -> bool:
        """Returns whether the second factor of a product is a constant."""
        return node.input[1] in self._constants

    def _weight(self, node: onnx.NodeProto) -> Array:
        """Returns the second factor (in, out) as float32."""
        weight = self._constants[node.input[1]]
        return weight if node.op_type == "MatMul" else weight * self._constants[node.input[3]]
