"""A classifier becomes a bundle that answers as torch does, and that the server's own code loads."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from carepick.engine.bundle import open_bundle
from carepick.engine.manifest import Manifest, read_manifest
from carepick.engine.onnx import OnnxEngine
from carepick.errors import BundleError
from carepick.records import Task
from carepick.service.predictor import Predictor
from carepick.settings import Settings
from carepick.training.catalog_names import label_ids, plain_sentences
from carepick.training.dummy import SIZES, random_classifier
from carepick.training.importer import ImportSettings, import_classifier, int8_parity
from carepick.training.saved_classifier import SavedClassifier

pytestmark = pytest.mark.train

STRAY = "어제부터 배가 아파서 왔어요"
NAMES = tuple(label_ids(Task.DISEASE))[:20]
TEXTS = ["머리가 아프고 열이 나요", "무릎이 시려요", "기침을 오래 하고 가래가 나오며 밤에 더 심해요", "속이 쓰려요"]


@pytest.fixture(scope="module")
def classifier() -> SavedClassifier:
    return random_classifier(SIZES["tiny"], (*NAMES[:7], STRAY, *NAMES[7:]), seed=2)


def write(
    classifier: SavedClassifier, out: Path, excluded: tuple[str, ...] = (STRAY,), quantize: str = "none"
) -> Manifest:
    settings = ImportSettings(Task.DISEASE, "test", excluded, quantize)
    return import_classifier(classifier, out, settings, label_ids(Task.DISEASE), plain_sentences())


def engine_logits(bundle: Path, texts: list[str]) -> np.ndarray:
    engine = OnnxEngine(open_bundle(bundle), max_windows=1, threads=1)
    return engine.run([engine.encode(text).windows[0] for text in texts], ["disease"])["disease"]


def torch_logits(classifier: SavedClassifier, texts: list[str]) -> np.ndarray:
    from transformers import BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(BertConfig(**classifier.config, num_labels=len(classifier.labels))).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in classifier.weights.items()}, strict=True)
    rows = []
    for text in texts:
        ids = torch.tensor([classifier.tokenizer.encode(text).ids])
        with torch.inference_mode():
            rows.append(model(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=ids * 0).logits[0])
    return torch.stack(rows).numpy()


def test_float32_answers_as_torch_does(classifier: SavedClassifier, tmp_path: Path) -> None:
    write(classifier, tmp_path / "bundle")
    assert np.allclose(engine_logits(tmp_path / "bundle", TEXTS), torch_logits(classifier, TEXTS), atol=1e-3)


def test_int8_stays_close_and_does_not_depend_on_the_batch(classifier: SavedClassifier, tmp_path: Path) -> None:
    write(classifier, tmp_path / "bundle", quantize="int8")
    together = engine_logits(tmp_path / "bundle", TEXTS)
    alone = np.concatenate([engine_logits(tmp_path / "bundle", [text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-4)
    exact = torch_logits(classifier, TEXTS)
    correlation = np.corrcoef(together.ravel(), exact.ravel())[0, 1]
    assert correlation > 0.98
    size = {quantize: (tmp_path / quantize) for quantize in ("int8", "none")}
    for quantize, folder in size.items():
        write(classifier, folder, quantize=quantize)
    assert (size["int8"] / "model.onnx").stat().st_size < 0.45 * (size["none"] / "model.onnx").stat().st_size


def test_the_predictor_serves_it_and_never_answers_the_stray_class(classifier: SavedClassifier, tmp_path: Path) -> None:
    manifest = write(classifier, tmp_path / "bundle", quantize="int8")
    assert manifest.heads["disease"].excluded_labels == ("excluded-1",)
    assert STRAY not in (tmp_path / "bundle" / "manifest.json").read_text()  # it may be someone's sentence
    predictor = Predictor.load(Settings(bundle=str(tmp_path / "bundle")))
    try:
        assert predictor.ready()
        for text in TEXTS:
            labels = predictor.predict(text).tasks[Task.DISEASE].labels
            assert {label.name for label in labels} == set(NAMES)
            assert sum(label.score for label in labels) == pytest.approx(1)
    finally:
        predictor.close()


def test_labels_get_the_ids_of_the_catalog(classifier: SavedClassifier, tmp_path: Path) -> None:
    head = write(classifier, tmp_path / "bundle").heads["disease"]
    assert {label.name: label.id for label in head.labels if label.name in NAMES} == {
        name: label_ids(Task.DISEASE)[name] for name in NAMES
    }
    assert head.labels[7].id == "excluded-1"


def test_labels_that_nobody_knows_are_listed_and_nothing_is_left_behind(
    classifier: SavedClassifier, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=f"1 label.*{STRAY}.*--exclude-label"):
        write(classifier, tmp_path / "bundle", excluded=())
    with pytest.raises(BundleError, match="no such label"):
        write(classifier, tmp_path / "bundle", excluded=(STRAY, "없는 이름"))
    assert list(tmp_path.iterdir()) == []


def test_something_must_be_left_to_answer(tmp_path: Path) -> None:
    two = random_classifier(SIZES["tiny"], (NAMES[0], STRAY), seed=1)
    with pytest.raises(BundleError, match="fewer than two"):
        write(two, tmp_path / "bundle")


def test_a_folder_in_use_is_not_overwritten(classifier: SavedClassifier, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="not empty"):
        write(classifier, tmp_path / "bundle")
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["notes.txt"]


def test_the_golden_answer_is_an_answerable_one(classifier: SavedClassifier, tmp_path: Path) -> None:
    manifest = write(classifier, tmp_path / "bundle")
    logits = engine_logits(tmp_path / "bundle", [manifest.golden.text])[0]
    logits[classifier.labels.index(STRAY)] = -np.inf
    assert manifest.golden.top == {"disease": manifest.heads["disease"].labels[int(logits.argmax())].id}


def test_the_temperature_and_figures_of_training_are_kept(tmp_path: Path) -> None:
    known = random_classifier(SIZES["tiny"], NAMES, seed=1)
    known = SavedClassifier(
        known.weights, known.config, known.labels, known.tokenizer,
        {"epoch": 3, "metrics": {"mrr": 0.5, "temperature": 1.7}},
    )  # fmt: skip
    manifest = write(known, tmp_path / "bundle", excluded=())
    assert manifest.heads["disease"].temperature == 1.7
    assert manifest.metrics["mrr"] == 0.5
    assert manifest.training["epoch"] == 3


@pytest.mark.parametrize(
    ("fitted", "kept"),
    [
        ({"": 0.2}, {"": 0.2}),
        ({NAMES[0]: 0.1, NAMES[1]: 0.3, STRAY: 0.2}, [0.1, 0.3]),
        ({"": "many", "some other label": 0.3}, {}),
    ],
)
def test_the_sets_of_training_are_kept(
    fitted: dict[str, object], kept: Any, classifier: SavedClassifier, tmp_path: Path
) -> None:
    """By id; the name of an excluded label stands nowhere in a bundle."""
    known = dataclasses.replace(classifier, about={"conformal": fitted})
    head = write(known, tmp_path / "bundle").heads["disease"]
    ids = label_ids(Task.DISEASE)
    assert head.conformal == (kept if isinstance(kept, dict) else dict(zip(map(ids.get, NAMES), kept, strict=False)))
    assert head.coverage == 0.9
    assert STRAY not in (tmp_path / "bundle" / "manifest.json").read_text(encoding="utf-8")


def test_parity_is_measured_and_recorded(classifier: SavedClassifier, tmp_path: Path) -> None:
    write(classifier, tmp_path / "bundle", quantize="int8")
    settings = ImportSettings(Task.DISEASE, "test", (STRAY,), "int8")
    parity = int8_parity(classifier, tmp_path / "bundle", settings, TEXTS)
    assert parity["texts"] == len(TEXTS)
    assert parity["top1_agreement"] >= 0.75
    assert read_manifest(tmp_path / "bundle").metrics["int8_parity"] == {"disease": parity}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    open_bundle(tmp_path / "bundle")
