"""SmoothQuant: moves what is hard to round from the activations, where outliers sit in few columns, to the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Array = np.ndarray[Any, np.dtype[Any]]

_LEAST = 1e-5  # of a factor's two sides: a column that was never seen to be other than zero


def products(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Returns the matrix products of `model` with a constant right side, in the order of the graph."""
    constants = {constant.name for constant in model.graph.initializer}
    return [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in constants]


def column_peaks(model: onnx.ModelProto, feeds: Iterable[Mapping[str, Array]]) -> dict[str, Array]:
    """Returns for each input of a product its largest absolute value by column over all `feeds`: (columns,)."""
    names = sorted({node.input[0] for node in products(model)})
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    peaks: dict[str, Array] = {}
    for feed in feeds:
        for name, values in zip(names, session.run(names, feed), strict=True):
            seen = np.abs(values).reshape(-1, values.shape[-1]).max(0)
            peaks[name] = np.maximum(peaks.get(name, seen), seen)
    return peaks


def smooth(model: onnx.ModelProto, peaks: Mapping[str, Array], alpha: float = 0.5) -> onnx.ModelProto:
    """Returns a copy of `model` that computes the same, with each product's input divided by a factor for each column
    and the rows of its weight multiplied by it (Xiao et al. 2023, arXiv:2211.10438).

    The factor is peak ** alpha / (largest weight of the row) ** (1 - alpha); `peaks` as `column_peaks` returns them.
    The division stays a node of its own: BERT adds before it normalizes, so what a LayerNorm gives is read by the
    residual too, and the factor cannot hide in the LayerNorm's weights as it does in models that normalize first.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {constant.name: constant for constant in made.graph.initializer}
    chosen = {node.name for node in products(model)}
    nodes = []
    for node in made.graph.node:
        if node.name in chosen:
            weight = numpy_helper.to_array(constants[node.input[1]])
            rows = np.maximum(np.abs(weight).max(1), _LEAST)
            factor = (np.maximum(peaks[node.input[0]], _LEAST) ** alpha / rows ** (1 - alpha)).astype(np.float32)
            constants[node.input[1]].CopyFrom(numpy_helper.from_array(weight * factor[:, None], node.input[1]))
            inverse = numpy_helper.from_array(1 / factor, f"{node.name}.smoother")
            made.graph.initializer.append(inverse)
            smoothed = f"{node.name}.smoothed"
            nodes.append(helper.make_node("Mul", [node.input[0], inverse.name], [smoothed], name=smoothed))
            node.input[0] = smoothed
        nodes.append(node)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made
