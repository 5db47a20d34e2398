"""The written graph says what the network says; int8 nearly so; and a text scores alone as it does in a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def sessions(base: Path, tmp_path_factory: pytest.TempPathFactory):
    """The torch network, and ONNX Runtime sessions of its graph in both precisions."""
    import onnxruntime
    import torch

    from carepick.training.graph import EncoderShape, build_graph, save_graph
    from carepick.training.network import MultiTaskEncoder, load_encoder

    torch.manual_seed(3)
    encoder = load_encoder(base)
    network = MultiTaskEncoder(encoder, {"disease": 5, "department": 3}).eval()
    weights = {name: value.numpy() for name, value in encoder.state_dict().items()}
    heads = {name: (head.weight.detach().numpy().T, head.bias.detach().numpy()) for name, head in network.heads.items()}
    config = encoder.config
    shape = EncoderShape(
        config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.layer_norm_eps
    )
    rows = np.random.default_rng(1).normal(size=(11, 8)).astype(np.float32)
    rows[0] = 0
    made = {}
    for precision in ("float32", "int8"):
        path = tmp_path_factory.mktemp(precision) / "model.onnx"
        save_graph(build_graph(weights, shape, heads, rows, precision), path)
        made[precision] = onnxruntime.InferenceSession(str(path))
    return network, made, rows


def feed(batch: int, tokens: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.ones((batch, tokens), np.int64)
    mask[1:, tokens // 2 :] = 0
    return {
        "input_ids": rng.integers(5, 60, (batch, tokens)),
        "attention_mask": mask,
        "ngram_ids": rng.integers(0, 11, (batch, 6)),
        "ngram_values": rng.random((batch, 6), dtype=np.float32),
    }


def test_float32_graph_equals_the_network(sessions) -> None:
    import torch

    network, made, rows = sessions
    inputs = feed(3, 12)
    with torch.no_grad():
        expected = network(torch.tensor(inputs["input_ids"]), torch.tensor(inputs["attention_mask"]))
    wide = np.einsum("bn,bnc->bc", inputs["ngram_values"], rows[inputs["ngram_ids"]])
    disease, department = made["float32"].run(["disease", "department"], inputs)
    quantized = 6 * np.abs(rows).max() / 127  # the n-gram table is int8 in both precisions
    assert np.allclose(disease, expected["disease"].numpy() + wide[:, :5], atol=quantized)
    assert np.allclose(department, expected["department"].numpy() + wide[:, 5:], atol=quantized)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_parts_add_up_to_the_logits(sessions, precision: str) -> None:
    network, made, _ = sessions
    outputs = ["disease", "disease.tokens", "disease.ngrams"]
    logits, tokens, ngrams = made[precision].run(outputs, feed(3, 12))
    bias = network.heads["disease"].bias.detach().numpy()
    assert np.allclose(logits, tokens.sum(1) + ngrams.sum(1) + bias, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_alone_as_in_a_batch(sessions, precision: str) -> None:
    _, made, _ = sessions
    batch = feed(4, 14)
    together = made[precision].run(["disease", "department"], batch)
    for row in range(4):
        length = int(batch["attention_mask"][row].sum())
        alone = {
            name: values[row : row + 1, :length] if values.shape[1] == 14 else values[row : row + 1]
            for name, values in batch.items()
        }
        for one, all_rows in zip(made[precision].run(["disease", "department"], alone), together, strict=True):
            assert np.allclose(one[0], all_rows[row], atol=1e-4)


def test_int8_stays_near_float32(sessions) -> None:
    _, made, _ = sessions
    inputs = feed(32, 16, seed=4)
    exact, rounded = (made[precision].run(["disease"], inputs)[0] for precision in ("float32", "int8"))
    exact, rounded = exact - exact.mean(0), rounded - rounded.mean(0)
    cosine = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    assert cosine.mean() > 0.98


@pytest.mark.parametrize("rows", [1, 8, 33, 384])
def test_neighbours_never_saturate(rows: int) -> None:
    """Rows two by two in one sign, as large as they may be: uint8 x int8 in 16 bits would lose what is above 2 ** 15."""
    from carepick.training.graph import column_scales

    for seed in range(20):
        weight = np.random.default_rng(seed).standard_t(3, size=(rows, 7)).astype(np.float32)
        weight[:, 0] = 1
        weight[:, 1] = 0
        integers = np.round(weight / column_scales(weight)).astype(int)
        assert np.abs(integers).max() <= 127
        pairs = integers[: rows // 2 * 2].reshape(-1, 2, 7)
        assert pairs.clip(min=0).sum(1).max(initial=0) <= 128
        assert pairs.clip(max=0).sum(1).min(initial=0) >= -128


def test_products_are_exact_at_their_largest(tmp_path: Path) -> None:
    """Fails with weights of eight bits by column alone on a processor with AVX2 and no VNNI, for whatever is at its limit."""
    import onnxruntime
    from onnx import TensorProto, helper

    from carepick.training.graph import EncoderShape, GraphWriter, save_graph

    rng = np.random.default_rng(5)
    weight = rng.choice([-1.0, -0.9, 0.5, 1.0], size=(64, 48)).astype(np.float32)
    weight[:, 0], weight[:, 1] = 1, -1
    writer = GraphWriter({}, EncoderShape(1, 64, 1, 1e-12), "int8")
    output = writer.linear("x", weight)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, None]) for name in ("x", output)]
    model = writer.model([], with_ngrams=False)
    del model.graph.input[:]
    model.graph.input.append(values[0])
    model.graph.output.append(values[1])
    save_graph(model, tmp_path / "model.onnx")
    x = np.stack([np.ones(64), -np.ones(64), rng.choice([-1.0, 1.0], 64), np.sign(weight[:, 5])]).astype(np.float32)[
        None
    ]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    [product] = session.run(None, {"x": x})
    step = np.abs(weight).sum(0).max() / 127  # what rounding may come to, far below what saturation takes
    assert np.abs(product - x @ weight).max() < step
