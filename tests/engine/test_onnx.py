"""The ONNX engine on real graphs: small random ones in both precisions, and the model inside the package."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import SENTENCES, MakeBundle, head_labels, seal

from carepick.engine.bundle import DEFAULT_BUNDLE, open_bundle
from carepick.engine.manifest import Head, NgramBranch, read_manifest
from carepick.engine.onnx import OnnxEngine
from carepick.errors import BundleError


@pytest.fixture(scope="module", params=["int8", "float32", "int8 without n-grams", "default"])
def engine(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> OnnxEngine:
    if request.param == "default":
        return OnnxEngine(open_bundle(DEFAULT_BUNDLE), 16, 1)
    return load(make_bundle(precision=request.param.split()[0], ngrams="without" not in request.param))


def load(folder: Path) -> OnnxEngine:
    return OnnxEngine(open_bundle(folder), max_windows=16, threads=1)


def test_a_text_scores_alone_as_in_a_batch(engine: OnnxEngine) -> None:
    windows = [engine.encode(text).windows[0] for text in SENTENCES]
    heads = list(engine.manifest.heads)
    together = engine.run(windows, heads)
    assert len({len(window.input_ids) for window in windows}) > 1  # there is padding
    for row, window in enumerate(windows):
        alone = engine.run([window], heads)
        for head in heads:
            np.testing.assert_allclose(together[head][row], alone[head][0], rtol=0, atol=1e-4)


def test_answers_what_is_asked_for_and_nothing_else(engine: OnnxEngine) -> None:
    window = engine.encode(SENTENCES[0]).windows[0]
    assert list(engine.run([window], ["department"])) == ["department"]
    assert list(engine.run([window], ["department", "no such output"])) == ["department"]
    assert engine.run([window], ["disease"])["disease"].shape == (1, len(engine.manifest.heads["disease"].labels))


def test_tokens_and_ngrams_add_up_to_the_logits(engine: OnnxEngine) -> None:
    """What explains an answer is all there is to it, but for a bias that is the same for every text."""
    windows = [engine.encode(text).windows[0] for text in SENTENCES]
    results = engine.run(windows, ["disease", "disease.tokens", "disease.ngrams"])
    summed = sum(results[name].sum(1) for name in results if name != "disease")
    bias = results["disease"] - summed
    np.testing.assert_allclose(bias, np.broadcast_to(bias[0], bias.shape), rtol=0, atol=1e-3)


def test_many_threads_get_the_same_answers(engine: OnnxEngine) -> None:
    window = engine.encode(SENTENCES[0]).windows[0]
    expected = engine.run([window], ["disease"])["disease"]
    answers: list[np.ndarray] = []

    def ask() -> None:
        answers.extend(engine.run([window], ["disease"])["disease"] for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert all(np.array_equal(answer, expected) for answer in answers)


def test_token_types_are_fed_where_a_graph_wants_them(make_bundle: MakeBundle) -> None:
    folder = make_bundle(heads=["disease"], ngrams=False)
    _write_counting_graph(folder / "model.onnx", classes=7)
    seal(folder)
    engine = load(folder)
    windows = [engine.encode(text).windows[0] for text in SENTENCES[:2]]
    logits = engine.run(windows, ["disease"])["disease"]
    assert logits[:, 0].tolist() == [float(window.input_ids.sum()) for window in windows]


def test_names_a_head_that_the_graph_lacks(make_bundle: MakeBundle) -> None:
    folder = make_bundle(heads=["disease"])
    heads = {"disease": Head(head_labels("disease")), "department": Head(head_labels("department"))}
    seal(folder, heads=heads)
    with pytest.raises(BundleError, match="no output department"):
        load(folder)


def test_names_a_head_with_another_number_of_labels(make_bundle: MakeBundle) -> None:
    folder = make_bundle(heads=["disease"])
    seal(folder, heads={"disease": Head(head_labels("disease")[:-1])})
    with pytest.raises(BundleError, match="head disease: the model answers 7 classes, the manifest 6 labels"):
        load(folder)


def test_refuses_an_ngram_table_longer_than_the_graph_s(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    hashes = np.arange(read_manifest(folder).ngrams.rows + 1, dtype=np.uint32)
    np.save(folder / "ngrams.npy", hashes)
    seal(folder, ngrams=NgramBranch("ngrams.npy", 1, 3, len(hashes)))
    with pytest.raises(BundleError, match="cannot run as the manifest says"):
        load(folder)


def test_refuses_an_ngram_branch_on_one_side_only(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "ngrams.npy").unlink()
    seal(folder, ngrams=None)
    with pytest.raises(BundleError, match="n-gram"):
        load(folder)


def test_refuses_what_is_no_graph(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "model.onnx").write_bytes(b"nothing of the kind")
    seal(folder)
    with pytest.raises(BundleError, match=r"model\.onnx cannot be loaded"):
        load(folder)


def _write_counting_graph(path: Path, classes: int) -> None:
    """Writes a graph with token types whose every logit is the sum of a window's ids and types."""
    import onnx
    from onnx import TensorProto, helper

    def tensor(name: str, kind: int, *shape: object) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, list(shape))

    names = ("input_ids", "attention_mask", "token_type_ids")
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["real"]),
        helper.make_node("Add", ["real", "token_type_ids"], ["all"]),
        helper.make_node("ReduceSum", ["all", "axis"], ["sum"], keepdims=1),
        helper.make_node("Cast", ["sum"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Expand", ["float", "shape"], ["disease"]),
    ]
    constants = [
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("shape", TensorProto.INT64, [2], [1, classes]),
    ]
    inputs = [tensor(name, TensorProto.INT64, "windows", "tokens") for name in names]
    graph = helper.make_graph(
        nodes, "count", inputs, [tensor("disease", TensorProto.FLOAT, "windows", classes)], constants
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
