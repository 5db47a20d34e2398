"""A bundle is opened only when every file is there and whole, and the error says which is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import MakeBundle, seal

from carepick.engine.bundle import DEFAULT_BUNDLE, open_bundle, open_sentence_head
from carepick.engine.manifest import SentenceBranch, read_manifest
from carepick.errors import BundleError


@pytest.fixture
def folder(make_bundle: MakeBundle) -> Path:
    return make_bundle()


def test_opens_with_its_ngrams(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.manifest == read_manifest(folder)
    assert bundle.ngrams is not None
    assert len(bundle.ngrams.hashes) == bundle.manifest.ngrams.rows


def test_default_bundle_is_whole() -> None:
    assert {"disease", "department"} <= set(open_bundle(DEFAULT_BUNDLE).manifest.heads)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "ngrams.npy"])
def test_names_a_changed_file(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=f"{name}.*checksum"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "ngrams.npy"])
def test_names_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"no readable {name}"):
        open_bundle(folder)


def test_names_a_file_without_checksum(folder: Path) -> None:
    (folder / ".gitattributes").write_text("hidden files are nobody's business")
    open_bundle(folder)
    (folder / "weights.bin").write_text("?")
    with pytest.raises(BundleError, match=r"no checksum for weights\.bin"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["model.onnx", "ngrams.npy"])
def test_names_a_required_file_that_is_not_listed(folder: Path, name: str) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    del document["files"][name]
    (folder / "manifest.json").write_text(json.dumps(document))
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"no checksum for {name}"):
        open_bundle(folder)


def test_reads_no_file_outside(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    document["files"]["../secret"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="not a plain file name"):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("hashes", "message"),
    [
        (np.array([1, 2, 3], np.uint32), "must hold"),
        (np.array([3, 1, 2, 5], np.uint32), "ascending"),
        (np.array([1, 2, 2, 5], np.uint32), "ascending"),
        (np.array([1, 2, 3, 4], np.int64), "uint32"),
    ],
)
def test_names_an_ngram_table_that_does_not_fit(folder: Path, hashes: np.ndarray, message: str) -> None:
    from carepick.engine.manifest import NgramBranch

    np.save(folder / "ngrams.npy", hashes)
    seal(folder, ngrams=NgramBranch("ngrams.npy", 1, 3, 4))
    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


def test_a_pickle_is_no_ngram_table(folder: Path) -> None:
    np.save(folder / "ngrams.npy", np.array([object()], dtype=object), allow_pickle=True)
    seal(folder)
    with pytest.raises(BundleError, match="not a numpy array"):
        open_bundle(folder)


def add_sentences(folder: Path, weight: np.ndarray) -> None:
    np.save(folder / "sentences.npy", weight)
    seal(folder, sentences=SentenceBranch("sentences.npy", ("none", "urgent")))


def test_opens_with_a_head_for_sentences(folder: Path) -> None:
    rows = read_manifest(folder).ngrams.rows
    add_sentences(folder, np.zeros((rows + 1, 2), np.float16))
    assert open_bundle(folder).sentences.probabilities("가", [(0, 1)]).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(("more", "kind"), [(0, np.float16), (1, np.float32)])
def test_names_a_head_for_sentences_that_does_not_fit(folder: Path, more: int, kind: type) -> None:
    rows = read_manifest(folder).ngrams.rows
    add_sentences(folder, np.zeros((rows + more, 2), kind))
    with pytest.raises(BundleError, match=r"sentences\.npy must hold .* float16"):
        open_bundle(folder)


def test_sentences_are_judged_by_ngrams(make_bundle: MakeBundle) -> None:
    folder = make_bundle(ngrams=False)
    add_sentences(folder, np.zeros((1, 2), np.float16))
    with pytest.raises(BundleError, match="it names none"):
        open_bundle(folder)


def test_the_sentence_head_opens_without_the_model(tmp_path: Path) -> None:
    whole = open_bundle(DEFAULT_BUNDLE)
    assert whole.sentences is not None
    for name in ("manifest.json", "ngrams.npy", "sentences.npy"):
        shutil.copy(DEFAULT_BUNDLE / name, tmp_path)
    manifest, head = open_sentence_head(tmp_path)
    assert manifest == whole.manifest
    np.testing.assert_array_equal(head.weight, whole.sentences.weight)
    (tmp_path / "sentences.npy").write_bytes((tmp_path / "sentences.npy").read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"sentences\.npy.*checksum"):
        open_sentence_head(tmp_path)


def test_says_that_a_bundle_has_no_sentence_head(folder: Path) -> None:
    with pytest.raises(BundleError, match="no sentence head"):
        open_sentence_head(folder)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        open_bundle(tmp_path / "nowhere")


def test_a_bundle_may_be_moved(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    assert open_bundle(tmp_path / "moved").manifest == read_manifest(folder)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["max_tokens"], "128", "max_tokens must be a whole number"),
        (["pad_id"], None, "pad_id must be a whole number"),
        (["files"], ["model.onnx"], "files must be an object"),
        (["files", "model.onnx"], 7, r"files\.model\.onnx must be a string"),
        (["confidence"], {"high": "0.7"}, r"confidence\.high must be a number"),
        (["golden", "text"], None, r"golden\.text must be a string"),
        (["golden", "top"], "disease", r"golden\.top must be an object"),
        (["heads", "disease", "temperature"], None, r"disease\.temperature must be a number"),
        (["heads", "disease", "top_slope"], True, r"disease\.top_slope must be a number"),
        (["heads", "disease", "conformal"], {"": "0.1"}, r"disease\.conformal\. must be a number"),
        (["heads", "disease", "short_bias"], [1], r"disease\.short_bias must be an object"),
        (["heads", "disease", "excluded_labels"], [7], r"disease\.excluded_labels must be a string"),
        (["heads", "disease", "labels"], [{"id": 1, "name": "감기"}] * 2, r"disease\.labels must be a string"),
        (["ngrams", "shortest"], "1", r"ngrams\.shortest must be a whole number"),
    ],
)
def test_names_a_field_of_another_kind(folder: Path, path: list[str], value: object, message: str) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


def test_a_folder_that_may_not_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BundleError, match="cannot be read: Permission denied"):
        open_bundle(folder)
