"""Random models in all formats, through the command line, without any download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from carepick.cli.main import main
from carepick.engine.bundle import open_bundle
from carepick.records import Task
from carepick.service.predictor import Predictor
from carepick.settings import Settings
from carepick.training.catalog_names import label_ids
from carepick.training.dummy import DISEASE_CLASSES, NOISE_CLASS, SIZES, random_classifier, synthetic_pieces
from carepick.training.original_reader import read_classifier
from carepick.training.saved_classifier import weight_shapes

pytestmark = pytest.mark.train


def test_every_format_is_written_and_serves_both_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dummy", str(tmp_path), "--seed", "3", "--noise-class"]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.split("\n") if line]
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "disease/disease.pt", "disease-bundle", "department", "department-bundle",
    ]  # fmt: skip
    assert read_classifier(paths[0]).labels == (*list(label_ids(Task.DISEASE))[:DISEASE_CLASSES], NOISE_CLASS)
    assert read_classifier(paths[2]).labels == tuple(label_ids(Task.DEPARTMENT))
    predictor = Predictor.load(Settings(bundle=f"{paths[1]},{paths[3]}"))
    try:
        first = {predictor.predict(text).tasks[Task.DISEASE].labels[0].name for text in _texts()}
        assert len(first) > 2  # random, but not deaf: different texts get different answers
        assert len(predictor.predict("머리가 아파요").tasks[Task.DEPARTMENT].labels) == 34
    finally:
        predictor.close()


def test_an_original_checkpoint_imports_through_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dummy", str(tmp_path), "--format", "pt", "--noise-class"]) == 0
    assert not (tmp_path / "disease-bundle").exists()
    source, bundle = str(tmp_path / "disease" / "disease.pt"), str(tmp_path / "imported")
    assert main(["import", source, bundle, "--task", "disease"]) == 2
    assert NOISE_CLASS in capsys.readouterr().err
    arguments = ["import", source, bundle, "--task", "disease", "--exclude-label", NOISE_CLASS, "--no-parity"]
    assert main(arguments) == 0
    assert "146 labels, 1 excluded" in capsys.readouterr().out
    head = open_bundle(Path(bundle)).manifest.heads["disease"]
    assert (len(head.labels), len(head.excluded_labels)) == (147, 1)


def test_the_seed_decides_the_weights() -> None:
    one, again, other = (random_classifier(SIZES["tiny"], ("a", "b"), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one.weights[name], again.weights[name]) for name in one.weights)
    assert not np.array_equal(one.weights["classifier.weight"], other.weights["classifier.weight"])


def test_km_bert_has_its_real_size() -> None:
    size = SIZES["km-bert"]
    config = {**vars(size), "max_position_embeddings": 512}
    parameters = sum(int(np.prod(shape)) for shape in weight_shapes(config, 146).values())
    # 12 layers of 7.09 M, 16,424 + 512 + 2 embeddings of 768, the pooler and the head.
    assert parameters == 12 * 7_087_872 + 16_938 * 768 + 2 * 768 + 768 * 769 + 146 * 769
    assert len(set(synthetic_pieces(size.vocab_size))) == size.vocab_size == 16_424


def _texts() -> list[str]:
    return ["머리가 아프고 열이 나요", "무릎이 시려요", "기침이 심해요", "속이 쓰려요", "눈이 가려워요", "잠을 못 자요"]
