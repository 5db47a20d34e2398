"""Weights laid out for this processor, kept on disk: loaded in a fraction of the time, their pages shared by workers.

ONNX Runtime lays out every weight matrix anew for the processor when it loads a model, in memory of its own. Here the
result is saved once and mapped from disk from then on. It fits one processor and one version of the runtime, so both
are part of its name; it must answer the golden sentence as the portable model does; and when anything goes wrong the
portable model serves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

from carepick.engine.bundle import MODEL_NAME, Bundle
from carepick.engine.memory import give_memory_back
from carepick.engine.onnx import OnnxEngine
from carepick.errors import BundleError

# Below this the portable file loads fast enough, and a first start would only take longer.
LEAST_BYTES = 32 << 20

_LOGGER = logging.getLogger(__name__)
_LAYOUT = "1"  # of the cache folder
_GOLDEN_NAME = "golden.json"
_WEIGHTS = {
    "session.save_external_prepacked_constant_initializers": "1",
    "session.optimized_model_external_initializers_file_name": "weights.bin",
    "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
}
_MOST_KEPT = 4  # models; the oldest are removed when another is saved
_TOLERANCE = 1e-3  # of a logit: the same weights on the same processor differ by nothing


def open_engine(
    bundle: Bundle, max_windows: int, threads: int, cache: Path | None, least_bytes: int = LEAST_BYTES
) -> OnnxEngine:
    """Returns the engine for `bundle`, on prepacked weights in the folder `cache` where that pays and works.

    Raises `BundleError` only when the portable model cannot be loaded either.
    """
    try:
        if cache is not None and bundle.model.stat().st_size >= least_bytes:
            try:
                return _Shelf(bundle, max_windows, threads, cache).take()
            except (OSError, ImportError, BundleError) as error:
                _LOGGER.warning("prepacked weights cannot be used, the portable model serves: %s", error)
        return OnnxEngine(bundle, max_windows, threads)
    finally:
        give_memory_back()


def default_cache() -> Path | None:
    """Returns the user's cache folder for prepacked weights, or None for a user without a home."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(base) / "carepick" / "prepacked"


class _Shelf:
    """The place of one bundle's prepacked model in the cache; there whole, or not at all."""

    def __init__(self, bundle: Bundle, max_windows: int, threads: int, cache: Path) -> None:
        self._bundle, self._max_windows, self._threads, self._cache = bundle, max_windows, threads, cache
        parts = (_LAYOUT, bundle.manifest.files[MODEL_NAME], onnxruntime.__version__, _processor())
        self._entry = cache / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def take(self) -> OnnxEngine:
        """Returns the engine, after saving its model when it is not there or damaged."""
        engine = self._load()
        if engine is None:
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self._entry.with_suffix(".lock")):
                engine = self._load()  # another worker may have saved it meanwhile
                if engine is None:
                    shutil.rmtree(self._entry, ignore_errors=True)
                    self._save()
                    engine = self._load()
        if engine is None:
            raise BundleError("the saved model does not answer as the portable one does")
        return engine

    def _load(self) -> OnnxEngine | None:
        try:
            golden = json.loads((self._entry / _GOLDEN_NAME).read_text())
            engine = OnnxEngine(self._bundle, self._max_windows, self._threads, self._entry / MODEL_NAME)
        except (OSError, ValueError, BundleError):
            return None
        return engine if _alike(engine, golden) else None

    def _save(self) -> None:
        folder = self._entry.with_name(f".{self._entry.name}")  # what an interrupted start left is there as well
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            self._fill(folder)
            folder.rename(self._entry)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._forget_oldest()

    def _fill(self, folder: Path) -> None:
        portable = OnnxEngine(
            self._bundle, self._max_windows, self._threads, save_as=folder / MODEL_NAME, extras=_WEIGHTS
        )
        golden = {head: logits.tolist() for head, logits in portable.golden_logits().items()}
        del portable
        give_memory_back()
        (folder / _GOLDEN_NAME).write_text(json.dumps(golden))
        for path in folder.iterdir():
            _flush(path)

    def _forget_oldest(self) -> None:
        entries = [path.parent for path in self._cache.glob(f"*/{_GOLDEN_NAME}")]
        for entry in sorted(entries, key=lambda path: path.stat().st_mtime)[:-_MOST_KEPT]:
            shutil.rmtree(entry, ignore_errors=True)


def _alike(engine: OnnxEngine, golden: dict[str, list[float]]) -> bool:
    answers = engine.golden_logits()
    return answers.keys() == golden.keys() and all(
        np.allclose(answers[head], golden[head], rtol=0, atol=_TOLERANCE) for head in golden
    )


def _processor() -> str:
    """Returns the model and the instruction sets of the processor: the layout depends on both."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("vendor_id", "cpu family", "model", "model name", "flags", "CPU implementer", "CPU part", "Features")
    return "\n".join(line for line in lines if line.partition(":")[0].strip() in wanted)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps other processes out while one of them saves."""
    import fcntl  # not everywhere: without it the portable model serves

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
