"""The bundle's ONNX graph, written node by node: encoder, mean pooling, heads and the n-gram branch.

Written rather than traced, so that float32 and int8 are one graph that differs in one method, every layer uses ONNX
Runtime's fused kernels, and the int8 scales belong to a token, never to a batch: a text scores the same alone and
beside others. Products are uint8 x int8, the fastest kernel; where there is no VNNI it adds neighbouring products in 16
bits and may saturate (onnxruntime#6004), so weights are scaled by column until no two neighbours can reach that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, np.dtype[Any]]
_CONTRIB = "com.microsoft"
_OPSET = 17
_IR_VERSION = 9


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of a BERT encoder, as its config.json names them."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    layer_norm_eps: float


def build_graph(
    weights: Mapping[str, Array], shape: EncoderShape, heads: Mapping[str, tuple[Array, Array]],
    ngram_rows: Array | None, precision: str,
) -> onnx.ModelProto:  # fmt: skip
    """Returns the graph that `engine.base.Engine.run` describes.

    `weights`: the encoder's state by Hugging Face's names, float32; `heads`: for each name its (hidden, classes) weight
    and (classes,) bias; `ngram_rows`: (rows + 1, classes of all heads in order) float32, row 0 zero, or None for a
    bundle without an n-gram branch; `precision`: float32 or int8.
    """
    return GraphWriter(weights, shape, precision).write(heads, ngram_rows)


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Writes `model` to `path` after ONNX's own check of it."""
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def column_scales(weight: Array) -> Array:
    """Returns the step (out,) to round each column of `weight` (in, out) to int8 with.

    The kernel for uint8 x int8 without VNNI (vpmaddubsw) takes rows two by two and keeps the sum of their products in 16
    bits. It cannot saturate where the integers of the two, as far as they have one sign, add up to at most 128: 255 * 128 <
    2 ** 15. That costs a fifth of a column's steps; seven bits, the usual remedy, cost half.
    """
    rows = np.concatenate([weight, np.zeros((len(weight) % 2, weight.shape[1]), weight.dtype)])
    pairs = rows.reshape(-1, 2, weight.shape[1])
    together = np.maximum(pairs.clip(min=0).sum(1), -pairs.clip(max=0).sum(1)).max(0)
    return np.asarray(np.maximum.reduce([np.abs(weight).max(0) / 127, together / 127.5, np.full(len(together), 1e-11)]))


class GraphWriter:
    """Writes the graph of one bundle; used once."""

    def __init__(self, weights: Mapping[str, Array], shape: EncoderShape, precision: str) -> None:
        self.weights, self.shape, self.precision = weights, shape, precision
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def write(self, heads: Mapping[str, tuple[Array, Array]], ngram_rows: Array | None) -> onnx.ModelProto:
        """Returns the whole model; inputs and outputs as the engine's documentation names them."""
        states = self.encode()
        logits, tokens = self.pool_and_classify(states, heads)
        counts = [bias.shape[0] for _, bias in heads.values()]
        outputs = self.split(tokens, [f"{name}.tokens" for name in heads], 2, counts)
        if ngram_rows is not None:
            summed, each = self.ngram_logits(ngram_rows)
            logits = self.node("Add", logits, summed)
            outputs += self.split(each, [f"{name}.ngrams" for name in heads], 2, counts)
        outputs = self.split(logits, list(heads), 1, counts) + outputs
        return self.model(outputs, ngram_rows is not None)

    def encode(self) -> str:
        """Returns the last hidden states: (windows, tokens, hidden)."""
        states = self.embed()
        key_mask = self.node("Cast", "attention_mask", to=TensorProto.INT32)
        for layer in range(self.shape.num_hidden_layers):
            states = self.layer(f"encoder.layer.{layer}", states, key_mask)
        return states

    def embed(self) -> str:
        """Returns the normalized sum of word, position and token type 0 embeddings: (windows, tokens, hidden)."""
        words = self.gather_words(self.weights["embeddings.word_embeddings.weight"])
        places = (
            self.weights["embeddings.position_embeddings.weight"]
            + self.weights["embeddings.token_type_embeddings.weight"][0]
        )
        length = self.node("Slice", self.node("Shape", "input_ids"), self.integers([1]), self.integers([2]))
        positions = self.node("Slice", self.constant(places), self.integers([0]), length, self.integers([0]))
        return self.layer_norm(self.node("Add", words, positions), "embeddings.LayerNorm")

    def gather_words(self, table: Array) -> str:
        """Returns the word embeddings of input_ids; int8 rows with a scale each in int8."""
        if self.precision == "float32":
            return self.node("Gather", self.constant(table), "input_ids")
        scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-9) / 127
        rows = self.node("Gather", self.constant(np.round(table / scale).astype(np.int8)), "input_ids")
        scales = self.node("Gather", self.constant(scale.astype(np.float32)), "input_ids")
        return self.node("Mul", self.node("Cast", rows, to=TensorProto.FLOAT), scales)

    def layer(self, name: str, states: str, key_mask: str) -> str:
        """Returns the states after one transformer layer."""
        attention = f"{name}.attention"
        parts = [f"{attention}.self.{part}" for part in ("query", "key", "value")]
        merged = self.linear(states, np.concatenate([self.weights[f"{part}.weight"].T for part in parts], 1))
        hidden = self.shape.hidden_size
        query, key, value = self.split(merged, [self.name("q"), self.name("k"), self.name("v")], 2, [hidden] * 3)
        bias = np.concatenate([self.weights[f"{part}.bias"] for part in parts])
        context = self.node(
            "MultiHeadAttention", query, key, value, self.constant(bias), key_mask,
            domain=_CONTRIB, num_heads=self.shape.num_attention_heads,
        )  # fmt: skip
        states = self.add_and_norm(f"{attention}.output", context, states)
        widened = self.linear(states, self.weights[f"{name}.intermediate.dense.weight"].T)
        bias_name = self.constant(self.weights[f"{name}.intermediate.dense.bias"])
        activated = self.node("BiasGelu", widened, bias_name, domain=_CONTRIB)
        return self.add_and_norm(f"{name}.output", activated, states)

    def add_and_norm(self, name: str, x: str, residual: str) -> str:
        """Returns the normalized sum of the projected `x` and `residual`."""
        projected = self.linear(x, self.weights[f"{name}.dense.weight"].T)
        total = self.node("Sum", projected, self.constant(self.weights[f"{name}.dense.bias"]), residual)
        return self.layer_norm(total, f"{name}.LayerNorm")

    def linear(self, x: str, weight: Array) -> str:
        """Returns x @ weight: weight (in, out) float32; in int8, x is quantized token by token."""
        if self.precision == "float32":
            return self.node("MatMul", x, self.constant(np.ascontiguousarray(weight)))
        largest = self.node("ReduceMax", self.node("Abs", x), axes=[-1], keepdims=1)
        largest = self.node("Add", largest, self.constant(np.array(1e-9, np.float32)))
        step, middle = self.constant(np.array(1 / 127, np.float32)), self.constant(np.array(128, np.uint8))
        rounded = self.node("QuantizeLinear", self.node("Div", x, largest), step, middle)
        scale = column_scales(weight)
        columns = self.constant(np.round(weight / scale).astype(np.int8))
        product = self.node(
            "MatMulIntegerToFloat", rounded, columns, step, self.constant(scale.astype(np.float32)), middle,
            domain=_CONTRIB,
        )  # fmt: skip
        return self.node("Mul", product, largest)

    def pool_and_classify(self, states: str, heads: Mapping[str, tuple[Array, Array]]) -> tuple[str, str]:
        """Returns the logits of all heads side by side, and what each token adds to them.

        A linear head commutes with the mean over tokens, so the tokens' shares cost nothing and add up exactly.
        """
        weight = np.concatenate([weight for weight, _ in heads.values()], 1).astype(np.float32)
        bias = np.concatenate([bias for _, bias in heads.values()]).astype(np.float32)
        mask = self.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        total = self.node("ReduceSum", mask, self.integers([1]), keepdims=1)
        share = self.node("Unsqueeze", self.node("Div", mask, total), self.integers([2]))
        tokens = self.node("MatMul", self.node("Mul", states, share), self.constant(weight))
        summed = self.node("ReduceSum", tokens, self.integers([1]), keepdims=0)
        return self.node("Add", summed, self.constant(bias)), tokens

    def ngram_logits(self, rows: Array) -> tuple[str, str]:
        """Returns the weighted sum of the rows of each window's n-grams, and what each n-gram adds to it."""
        scale = np.maximum(np.abs(rows).max(0), 1e-9) / 127
        table = self.constant(np.round(rows / scale).astype(np.int8))
        chosen = self.node("Cast", self.node("Gather", table, "ngram_ids"), to=TensorProto.FLOAT)
        values = self.node("Unsqueeze", "ngram_values", self.integers([1]))
        summed = self.node("Squeeze", self.node("MatMul", values, chosen), self.integers([1]))
        scales = self.constant(scale.astype(np.float32))
        weighted = self.node("Mul", chosen, self.node("Unsqueeze", "ngram_values", self.integers([2])))
        return self.node("Mul", summed, scales), self.node("Mul", weighted, scales)

    def layer_norm(self, x: str, name: str) -> str:
        """Returns `x` normalized by the layer norm called `name`."""
        parts = (self.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, *parts, axis=-1, epsilon=self.shape.layer_norm_eps)

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Adds a node and returns the name of its only output."""
        output = self.name(kind)
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, domain=domain, **attributes))
        return output

    def split(self, x: str, names: list[str], axis: int, sizes: list[int]) -> list[str]:
        """Adds a Split of `x` along `axis` into parts of `sizes` and returns their `names`."""
        self.nodes.append(
            helper.make_node("Split", [x, self.integers(sizes)], names, name=self.name("Split"), axis=axis)
        )
        return names

    def name(self, kind: str) -> str:
        """Returns a name that nothing in the graph has yet."""
        return f"{kind}_{len(self.nodes)}_{len(self.constants)}"

    def constant(self, values: Array) -> str:
        """Adds an initializer and returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def integers(self, values: list[int]) -> str:
        """Adds an int64 vector and returns its name."""
        return self.constant(np.array(values, np.int64))

    def model(self, outputs: list[str], with_ngrams: bool) -> onnx.ModelProto:
        """Returns the model of all nodes so far, with the bundle's inputs and `outputs`."""

        def value(name: str, kind: int, *axes: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, kind, list(axes))

        inputs = [value(name, TensorProto.INT64, "windows", "tokens") for name in ("input_ids", "attention_mask")]
        if with_ngrams:
            inputs.append(value("ngram_ids", TensorProto.INT64, "windows", "ngrams"))
            inputs.append(value("ngram_values", TensorProto.FLOAT, "windows", "ngrams"))
        results = [
            value(name, TensorProto.FLOAT, "windows", *name.split(".")[1:], f"{name.split('.')[0]} classes")
            for name in outputs
        ]
        graph = helper.make_graph(self.nodes, "carepick", inputs, results, list(self.constants.values()))
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="carepick")
