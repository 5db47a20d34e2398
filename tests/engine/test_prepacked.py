"""Prepacked weights: made once, checked, shared, and never in the way."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tests.conftest import SENTENCES, MakeBundle, seal

from carepick.engine.bundle import Bundle, open_bundle
from carepick.engine.onnx import OnnxEngine
from carepick.engine.prepacked import default_cache, open_engine
from carepick.errors import BundleError


@pytest.fixture(scope="module")
def bundle(make_bundle: MakeBundle) -> Bundle:
    return open_bundle(make_bundle())


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def open_prepacked(bundle: Bundle, cache: Path | None, least_bytes: int = 0) -> OnnxEngine:
    return open_engine(bundle, max_windows=4, threads=1, cache=cache, least_bytes=least_bytes)


def answer(engine: OnnxEngine) -> np.ndarray:
    windows = [engine.encode(text).windows[0] for text in SENTENCES]
    return engine.run(windows, ["disease"])["disease"]


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.is_dir())


def test_answers_as_the_portable_model_does(bundle: Bundle, cache: Path) -> None:
    portable = OnnxEngine(bundle, 4, 1)
    for _ in range(2):  # when it is made, and when it is found
        np.testing.assert_allclose(answer(open_prepacked(bundle, cache)), answer(portable), rtol=0, atol=1e-6)


def test_is_made_once(bundle: Bundle, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_prepacked(bundle, cache)
    [entry] = entries(cache)
    before = {path.name: path.stat().st_mtime_ns for path in entry.iterdir()}
    assert set(before) == {"model.onnx", "weights.bin", "golden.json"}
    open_prepacked(bundle, cache)
    assert {path.name: path.stat().st_mtime_ns for path in entry.iterdir()} == before
    assert not caplog.records


def test_is_used_when_it_is_there(bundle: Bundle, cache: Path) -> None:
    """The portable file may even be gone, once it was checked."""
    open_prepacked(bundle, cache)
    hidden = bundle.model.rename(bundle.model.with_suffix(".hidden"))
    try:
        bundle.model.touch()
        assert answer(open_prepacked(bundle, cache)).shape == (4, 7)
    finally:
        hidden.rename(bundle.model)


@pytest.mark.parametrize("name", ["model.onnx", "weights.bin", "golden.json"])
@pytest.mark.parametrize("damage", ["gone", "cut short", "zeros"])
def test_a_damaged_one_is_made_again(bundle: Bundle, cache: Path, name: str, damage: str) -> None:
    expected = answer(open_prepacked(bundle, cache))
    [entry] = entries(cache)
    path = entry / name
    size = path.stat().st_size
    path.unlink()
    if damage != "gone":
        path.write_bytes(bytes(size if damage == "zeros" else size // 2))
    np.testing.assert_array_equal(answer(open_prepacked(bundle, cache)), expected)
    assert entries(cache) == [entry]
    assert (entry / name).stat().st_size == size


def test_one_that_answers_otherwise_is_not_served(bundle: Bundle, cache: Path) -> None:
    expected = answer(open_prepacked(bundle, cache))
    [entry] = entries(cache)
    golden = json.loads((entry / "golden.json").read_text())
    golden["disease"][0] += 0.01
    (entry / "golden.json").write_text(json.dumps(golden))
    np.testing.assert_array_equal(answer(open_prepacked(bundle, cache)), expected)
    assert json.loads((entry / "golden.json").read_text()) != golden


def test_workers_that_start_together_make_one(bundle: Bundle, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    answers: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: answers.append(answer(open_prepacked(bundle, cache)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(entries(cache)) == 1
    assert not caplog.records  # nobody was in another one's way


def test_what_an_interrupted_start_left_is_cleared(bundle: Bundle, cache: Path) -> None:
    open_prepacked(bundle, cache)
    [entry] = entries(cache)
    entry.rename(cache / f".{entry.name}")
    (cache / f".{entry.name}" / "golden.json").unlink()
    open_prepacked(bundle, cache)
    assert entries(cache) == [entry]


@pytest.mark.parametrize("kind", ["a file", "below a file", "not writable"])
def test_the_portable_model_serves_when_the_cache_cannot(
    bundle: Bundle, cache: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    if kind == "not writable":
        cache = Path("/proc/nothing/can/be/made/here")
    else:
        cache.write_text("in the way")
        cache = cache if kind == "a file" else cache / "below"
    with caplog.at_level(logging.WARNING):
        engine = open_prepacked(bundle, cache)
    assert answer(engine).shape == (4, 7)
    assert "the portable model serves" in caplog.text


def test_small_models_and_switched_off_caches_are_left_alone(bundle: Bundle, cache: Path) -> None:
    open_prepacked(bundle, cache, least_bytes=bundle.model.stat().st_size + 1)
    open_prepacked(bundle, None)
    assert not cache.exists()


def test_another_model_and_another_runtime_have_their_own(
    bundle: Bundle, make_bundle: MakeBundle, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_prepacked(bundle, cache)
    open_prepacked(open_bundle(make_bundle(seed=1)), cache)
    assert len(entries(cache)) == 2
    monkeypatch.setattr(onnxruntime, "__version__", "99.0")
    open_prepacked(bundle, cache)
    assert len(entries(cache)) == 3


def test_the_oldest_make_room(make_bundle: MakeBundle, cache: Path) -> None:
    for seed in range(6):
        open_prepacked(open_bundle(make_bundle(seed=seed, ngrams=False)), cache)
        for age, entry in enumerate(sorted(entries(cache), key=lambda path: -path.stat().st_mtime)):
            os.utime(entry, (1000 - age, 1000 - age))
    assert len(entries(cache)) == 4


def test_a_broken_model_is_an_error_all_the_same(make_bundle: MakeBundle, cache: Path) -> None:
    folder = make_bundle()
    (folder / "model.onnx").write_bytes(b"?")
    seal(folder)
    with pytest.raises(BundleError, match="cannot be loaded"):
        open_prepacked(open_bundle(folder), cache)
    assert not entries(cache)


def test_the_cache_is_the_user_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "carepick" / "prepacked"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "carepick" / "prepacked"
