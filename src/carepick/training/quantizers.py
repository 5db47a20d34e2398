"""The ways to make a float32 graph smaller that ONNX Runtime's own tools offer, each written to a file of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from carepick.training.smoothing import column_peaks, products, smooth

Array = np.ndarray[Any, np.dtype[Any]]
Feed = Mapping[str, Array]
Writer = Callable[[Path], None]

_BLOCK = 32  # weights that share a scale in MatMulNBits: the smallest, and the most exact
_INT8_PRODUCTS = 4  # MatMulNBits' accuracy_level that rounds activations to int8 too, block by block


def variants(model: onnx.ModelProto, feeds: Sequence[Feed], wide: Collection[str], alpha: float) -> dict[str, Writer]:
    """Returns for each variant's name what writes it to a path.

    `feeds`: calibration inputs, one text each; `wide`: names of the nodes that stay float32 in the variants that spare
    the sensitive ones; `alpha`: of SmoothQuant.
    """

    def smoothed() -> onnx.ModelProto:
        return smooth(model, column_peaks(model, feeds), alpha)

    return {
        "dynamic, per tensor": lambda out: write_dynamic(model, out, per_channel=False),
        "dynamic, per channel": lambda out: write_dynamic(model, out),
        "dynamic, per channel, 7 bits": lambda out: write_dynamic(model, out, reduce_range=True),
        "dynamic, per channel, uint8": lambda out: write_dynamic(model, out, weight_type=QuantType.QUInt8),
        "dynamic, per channel, 7 bits, sensitive wide": lambda out: write_dynamic(
            model, out, reduce_range=True, nodes_to_exclude=sorted(wide)
        ),
        "static": lambda out: write_static(model, out, feeds),
        "static, SmoothQuant": lambda out: write_static(smoothed(), out, feeds),
        "static, SmoothQuant, sensitive wide": lambda out: write_static(smoothed(), out, feeds, wide),
        "weights only, 8 bits": lambda out: write_weights_only(model, out, 8),
        "weights only, 8 bits, int8 products": lambda out: write_weights_only(model, out, 8, _INT8_PRODUCTS),
        "weights only, 4 bits": lambda out: write_weights_only(model, out, 4),
        "weights only, 4 bits, int8 products": lambda out: write_weights_only(model, out, 4, _INT8_PRODUCTS),
    }


def quantizable(model: onnx.ModelProto) -> dict[str, str]:
    """Returns for the name of each node of the bundle's `model` that can be quantized what it is called in BERT's weights."""
    words = [node.name for node in model.graph.node if node.op_type == "Gather" and node.input[1] == "input_ids"]
    named = dict.fromkeys(words, "embeddings.word_embeddings")
    *encoder, heads = products(model)
    parts = ("attention.self", "attention.output", "intermediate", "output")
    named |= {node.name: f"encoder.layer.{place // 4}.{parts[place % 4]}" for place, node in enumerate(encoder)}
    return named | {heads.name: "heads"}


def write_dynamic(model: onnx.ModelProto, out: Path, per_channel: bool = True, **options: Any) -> None:
    """Writes `model` with int8 weights, and activations rounded at run time by one scale a tensor; `options` are
    `quantize_dynamic`'s."""
    quantize_dynamic(
        _prepared(model), out, per_channel=per_channel, extra_options={"DefaultTensorType": TensorProto.FLOAT},
        **options,
    )  # fmt: skip


def write_static(model: onnx.ModelProto, out: Path, feeds: Sequence[Feed], wide: Collection[str] = ()) -> None:
    """Writes `model` with the products outside `wide` in int8, and activation scales fixed by what `feeds` showed.

    What a product gives stays float32: what reads it does too. Seven bits of weights, so that uint8 x int8 does not
    saturate on processors without VNNI (onnxruntime#6004).
    """
    quantize_static(
        _prepared(model), out, _Reader(feeds), quant_format=QuantFormat.QDQ, op_types_to_quantize=["MatMul"],
        nodes_to_quantize=[node.name for node in products(model) if node.name not in wide], per_channel=True,
        reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        extra_options={
            "OpTypesToExcludeOutputQuantization": ["MatMul"], "DefaultTensorType": TensorProto.FLOAT,
        },
    )  # fmt: skip


def write_weights_only(model: onnx.ModelProto, out: Path, bits: int, accuracy_level: int | None = None) -> None:
    """Writes `model` with the weights of its products in blocks of `bits` bits each; the word table stays float32."""
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)  # a line a node
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer  # sets up logging when imported

    quantizer = MatMulNBitsQuantizer(
        _prepared(model), bits=bits, block_size=_BLOCK, is_symmetric=True, accuracy_level=accuracy_level
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(out))


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns a copy, since the tools change what they are given, marked as one that needs no further fusing.

    Says of what the products read that it is float32: ONNX knows nothing of the fused kernels before them, and the
    tools leave alone what has no type.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    add_pre_process_metadata(copy)
    read = sorted({node.input[0] for node in products(copy)})
    copy.graph.value_info.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in read)
    return copy


class _Reader(CalibrationDataReader):
    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._left: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._left, None)
