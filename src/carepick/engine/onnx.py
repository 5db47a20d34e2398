"""The ONNX Runtime engine, tuned for small machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from carepick.engine.base import EncodedText, FloatArray, IntArray, Window
from carepick.engine.bundle import Bundle
from carepick.engine.manifest import Manifest
from carepick.engine.tokenizer import WindowTokenizer, pad, pad_ngrams
from carepick.errors import BundleError


class OnnxEngine:
    """A bundle loaded into ONNX Runtime. Safe to call from several threads."""

    def __init__(self, bundle: Bundle, max_windows: int, threads: int, model: Path | None = None) -> None:
        """`threads`: of one forward pass; `model`: another file to load than the bundle's own, such as a prepacked one.

        Raises `BundleError` when the graph does not fit the manifest.
        """
        self._bundle = bundle
        self._tokenizer = WindowTokenizer(bundle, max_windows)
        self._session = open_session(model or bundle.model, threads)
        self._inputs = {value.name for value in self._session.get_inputs()}
        self._check_outputs()

    @property
    def manifest(self) -> Manifest:
        """What the bundle says about itself."""
        return self._bundle.manifest

    def encode(self, text: str) -> EncodedText:
        """Returns `text` split into windows; see `engine.base.Engine`."""
        return self._tokenizer.encode(text)

    def locate_ngrams(self, text: str) -> tuple[IntArray, IntArray, IntArray] | None:
        """Returns where the known n-grams of `text` stand; see `engine.base.Engine`."""
        return self._tokenizer.locate_ngrams(text)

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> dict[str, FloatArray]:
        """Returns an array with a row a window for each of `outputs`; see `engine.base.Engine`."""
        ids, mask = pad([window.input_ids for window in windows], self.manifest.pad_id)
        feed: dict[str, object] = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = ids * 0
        if "ngram_ids" in self._inputs:
            feed["ngram_ids"], feed["ngram_values"] = pad_ngrams(list(windows))
        known = [name for name in outputs if name in self._outputs]
        return dict(zip(known, self._session.run(known, feed), strict=True))

    def _check_outputs(self) -> None:
        self._outputs = {value.name: value.shape for value in self._session.get_outputs()}
        for name, head in self.manifest.heads.items():
            if name not in self._outputs:
                raise BundleError(f"{self._bundle.model.name} has no output {name}, which the manifest names as a head")
        probe = self.run([self.encode("확인").windows[0]], list(self.manifest.heads))
        for name, head in self.manifest.heads.items():
            if probe[name].shape != (1, len(head.labels)):
                raise BundleError(
                    f"head {name}: the model answers with shape {probe[name].shape}, the manifest names "
                    f"{len(head.labels)} labels"
                )


def open_session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """Returns a session for `model` with `threads` threads a pass; raises `BundleError` when it cannot be loaded.

    No spinning (idle threads would take the processor from other workers) and no arena (it never gives memory back).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises a class for each of its codes, none of them public
        raise BundleError(f"{model.name} cannot be loaded by ONNX Runtime: {str(error).splitlines()[0]}") from None
