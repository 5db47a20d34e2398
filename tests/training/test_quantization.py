"""What the comparison of quantizations writes computes what it should, and what it reports is what happened."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train

HEADS = {"department": ("안과", "피부과", "치과", "외과"), "disease": ("무좀", "결막염", "충치", "치질", "화상")}
GATES = {"scope": ("health", "other", "unclear"), "triage": ("none", "urgent", "crisis", "danger")}
WORDS = ("눈이", "발이", "이가", "배가", "머리가", "아파요", "가려워요", "부었어요", "따가워요", "빨개요")


@pytest.fixture(scope="module")
def bundle(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny float32 bundle; one column of what its first layer reads is 40 times as large as the others."""
    from carepick.engine.manifest import Golden, Head, Label, Manifest, NgramBranch
    from carepick.training.graph import EncoderShape, build_graph, save_graph
    from carepick.training.network import load_encoder
    from carepick.training.sealing import seal

    encoder = load_encoder(base)
    weights = {name: value.numpy().copy() for name, value in encoder.state_dict().items()}
    weights["embeddings.LayerNorm.weight"][3] *= 40
    config, rng = encoder.config, np.random.default_rng(2)
    shape = EncoderShape(
        config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.layer_norm_eps
    )
    labels = HEADS | GATES
    heads = {
        name: (rng.normal(size=(config.hidden_size, len(names))).astype(np.float32), np.zeros(len(names), np.float32))
        for name, names in labels.items()
    }
    hashes = np.sort(rng.choice(2**32, 10, replace=False)).astype(np.uint32)
    rows = np.zeros((11, sum(map(len, labels.values()))), np.float32)
    folder = tmp_path_factory.mktemp("bundle")
    save_graph(build_graph(weights, shape, heads, rows, "float32"), folder / "model.onnx")
    np.save(folder / "ngrams.npy", hashes)
    shutil.copyfile(base / "tokenizer.json", folder / "tokenizer.json")
    manifest = Manifest(
        name="tiny", version="", heads={n: Head(tuple(Label(x, x) for x in names)) for n, names in labels.items()},
        max_tokens=32, overlap_tokens=8, pad_id=0, golden=Golden("눈이 아파요", {}), files={},
        ngrams=NgramBranch("ngrams.npy", 1, 3, 10),
    )  # fmt: skip
    seal(manifest, folder, "float32")
    return folder


@pytest.fixture(scope="module")
def rows():
    """Labelled texts as the features step keeps them: 20 for each head, all different."""
    import pandas as pd

    rng = np.random.default_rng(6)
    made = []
    for purpose, names in (HEADS | GATES).items():
        for number in range(20):
            label = names[number % len(names)]
            made.append(
                {"text": f"{' '.join(rng.choice(WORDS, 5))} {len(made)}", "purpose": purpose, "source": "board"}
            )
            made[-1] |= {purpose: label} if purpose in HEADS else {"label": label}
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def model(bundle: Path):
    import onnx

    return onnx.load(str(bundle / "model.onnx"))


@pytest.fixture(scope="module")
def feeds() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(8)
    return [
        {
            "input_ids": rng.integers(5, 60, (1, 14)), "attention_mask": np.ones((1, 14), np.int64),
            "ngram_ids": np.zeros((1, 1), np.int64), "ngram_values": np.zeros((1, 1), np.float32),
        }
        for _ in range(40)
    ]  # fmt: skip


def answers(model: str | bytes, feeds: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Returns the diseases' logits of all texts, without their mean."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    logits = np.concatenate([session.run(["disease"], feed)[0] for feed in feeds])
    return logits - logits.mean(0)


def error(path: Path, model, feeds: list[dict[str, np.ndarray]]) -> float:
    """Returns how far the file at `path` is from `model`, as a share of how far apart the texts are."""
    exact = answers(model.SerializeToString(), feeds)
    return float(np.linalg.norm(answers(str(path), feeds) - exact) / np.linalg.norm(exact))


def test_smoothing_changes_what_is_rounded_and_not_what_is_computed(model, feeds) -> None:
    from carepick.training.smoothing import column_peaks, products, smooth

    peaks = column_peaks(model, feeds)
    smoothed = smooth(model, peaks)
    exact = answers(model.SerializeToString(), feeds)
    assert np.allclose(answers(smoothed.SerializeToString(), feeds), exact, atol=1e-4)
    before, after = peaks[products(model)[0].input[0]], column_peaks(smoothed, feeds)[products(smoothed)[0].input[0]]
    assert before.max() > 20 * np.median(before)
    assert after.max() / np.median(after) < 0.5 * before.max() / np.median(before)


def test_variants_are_smaller_and_near(model, feeds, tmp_path: Path) -> None:
    from carepick.training.quantizers import variants

    size = len(model.SerializeToString())
    errors = {}
    for number, (name, write) in enumerate(variants(model, feeds[:20], (), 0.5).items()):
        path = tmp_path / f"{number}.onnx"
        write(path)
        assert path.stat().st_size < size, name
        errors[name] = error(path, model, feeds[20:])
    assert errors["static, SmoothQuant"] < errors["static"]
    assert 0 < errors["weights only, 8 bits"] < errors["weights only, 4 bits"]
    assert errors["weights only, 8 bits"] == min(errors.values())


def test_what_is_spared_stays_exact(model, feeds, tmp_path: Path) -> None:
    from carepick.training.quantizers import quantizable, write_dynamic, write_static

    every = quantizable(model)
    assert list(every.values())[:3] == ["embeddings.word_embeddings", "encoder.layer.0.attention.self",
                                        "encoder.layer.0.attention.output"]  # fmt: skip
    for write in (
        lambda path: write_dynamic(model, path, nodes_to_exclude=list(every)),
        lambda path: write_static(model, path, feeds[:5], set(every) - {list(every)[-1]}),
    ):
        write(tmp_path / "spared.onnx")
        assert error(tmp_path / "spared.onnx", model, feeds) < 0.02
    write_static(model, tmp_path / "all.onnx", feeds[:5])
    assert error(tmp_path / "all.onnx", model, feeds) > 0.05


def test_the_comparison_reports_every_variant_and_the_most_sensitive_node(bundle: Path, rows) -> None:
    from carepick.training.quantization import REFERENCE, SHIPPED, QuantizationSettings, compare_quantizations

    settings = QuantizationSettings(texts=10, calibration_texts=12, scanned_texts=6, wide=2, timed_texts=4, rounds=2)
    found = compare_quantizations(bundle, bundle, rows, settings)
    assert found["texts"]["disease"] == {"compared": 20, "labelled": 10}
    assert found["texts"]["triage"] == {"compared": 10, "labelled": 10}
    assert found["wide"] == list(found["sensitivity"])[:2]
    layers = [node for node in found["sensitivity"] if node.startswith("encoder")]
    assert layers[0] == "encoder.layer.0.attention.self"  # it reads the column that is 40 times as large
    exact, same = found["variants"][REFERENCE], found["variants"][SHIPPED]
    assert exact["times_float32"] == 1
    assert same["heads"] == exact["heads"]  # the same file
    assert len(found["variants"]) == 14
    for name, figures in found["variants"].items():
        assert set(figures["heads"]) == {*HEADS, *GATES}
        assert figures["milliseconds_a_token"] > 0
        assert (figures["heads"]["disease"]["mean_difference"] == 0) == (name in (REFERENCE, SHIPPED))


def test_calibration_and_report_share_no_text(bundle: Path, rows) -> None:
    from carepick.engine.bundle import open_bundle
    from carepick.engine.onnx import OnnxEngine
    from carepick.training.quantization import QuantizationSettings, draw

    engine = OnnxEngine(open_bundle(bundle), 8, 1)
    calibrating, sample = draw(engine, rows, QuantizationSettings(texts=20, calibration_texts=15))
    read = {windows[0].input_ids.tobytes() for windows in sample.windows}
    assert len(calibrating) == 15
    assert not any(windows[0].input_ids.tobytes() in read for windows in calibrating)
    assert len(sample.windows) == 4 * 20 - 15
    names = (HEADS | GATES)["triage"]
    triage = rows[rows.purpose == "triage"]
    assert sorted(names[place] for place in sample.targets[sample.heads == "triage"]) == sorted(triage.label)


def test_agreement_counts_first_answers_and_sets_of_three() -> None:
    from carepick.training.quantization import agreement

    exact = np.array([[0.5, 0.3, 0.15, 0.05], [0.5, 0.3, 0.15, 0.05]])
    other = np.array([[0.3, 0.5, 0.15, 0.05], [0.5, 0.3, 0.05, 0.15]])
    assert agreement(other, exact) == {"top1_agreement": 0.5, "top3_agreement": 0.5, "mean_difference": 0.075}


def test_a_head_without_rows_is_named(bundle: Path, rows) -> None:
    from carepick.errors import TrainingError
    from carepick.training.quantization import QuantizationSettings, compare_quantizations

    with pytest.raises(TrainingError, match="triage"):
        compare_quantizations(bundle, bundle, rows[rows.purpose != "triage"], QuantizationSettings())
