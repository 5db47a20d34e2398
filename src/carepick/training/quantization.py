"""Compares ways to quantize the bundle: how far each still answers what float32 answers, how large and how fast it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import pandas as pd

from carepick.engine.base import Window
from carepick.engine.bundle import Bundle, open_bundle
from carepick.engine.manifest import Head, Manifest
from carepick.engine.onnx import OnnxEngine
from carepick.engine.scores import correct_top
from carepick.engine.tokenizer import pad, pad_ngrams
from carepick.errors import TrainingError
from carepick.evaluation.calibration import softmax
from carepick.evaluation.metrics import top_k_accuracy
from carepick.text.normalize import normalize
from carepick.training.corpus import WRITTEN
from carepick.training.linear import TASKS
from carepick.training.quantizers import Feed, quantizable, variants, write_dynamic

Array = np.ndarray[Any, np.dtype[Any]]
Windows = tuple[Window, ...]

REFERENCE, SHIPPED = "float32", "shipped: per token, per column"
_MOST_WINDOWS = 8


@dataclass(frozen=True)
class QuantizationSettings:
    """How much is measured.

    `texts` labelled for each head, to report on; `calibration_texts` of questions that are not among them, for the static scales
    and the scan, which reads `scanned_texts` of them; `wide`: how many of the most sensitive nodes stay float32 in the
    variants that spare them; `alpha` of SmoothQuant; `timed_texts` and `rounds`: each round times every variant in turn.
    """

    texts: int = 300
    calibration_texts: int = 100
    scanned_texts: int = 40
    wide: int = 6
    alpha: float = 0.5
    timed_texts: int = 60
    rounds: int = 5
    seed: int = 7


@dataclass(frozen=True)
class Sample:
    """Labelled texts: the windows of each, the head that it is labelled for, and the column of its label, both (texts,)."""

    windows: list[Windows]
    heads: Array
    targets: Array

    def judging(self, head: str) -> Array:
        """Returns which texts `head` is asked about: (texts,) bool. All questions for both tasks, else its own."""
        return np.isin(self.heads, TASKS if head in TASKS else (head,))


def compare_quantizations(
    float32: Path, shipped: Path, rows: pd.DataFrame, settings: QuantizationSettings
) -> dict[str, Any]:
    """Returns for each variant its size, its speed and, head by head, how it agrees with float32 and with the labels.

    `float32` and `shipped`: bundle folders; `rows`: what the features step read. Each text goes through the model
    alone, in one thread. Raises `TrainingError` where a head has no labelled rows.
    """
    bundle = open_bundle(float32)
    engine = OnnxEngine(bundle, _MOST_WINDOWS, 1)
    calibrating, sample = draw(engine, rows, settings)
    model = onnx.load(str(bundle.model))
    with tempfile.TemporaryDirectory() as folder:
        sensitivity = scan(bundle, model, calibrating[: settings.scanned_texts], Path(folder))
        wide = sorted(sensitivity, key=lambda node: -sensitivity[node])[: settings.wide]
        feeds = [as_feed(windows[0], bundle.manifest.pad_id) for windows in calibrating]
        paths = {REFERENCE: bundle.model, SHIPPED: open_bundle(shipped).model}
        for number, (name, write) in enumerate(variants(model, feeds, wide, settings.alpha).items()):
            paths[name] = Path(folder) / f"{number}.onnx"
            write(paths[name])
        engines = {name: OnnxEngine(bundle, _MOST_WINDOWS, 1, path) for name, path in paths.items()}
        figures = _figures(engines, sample)
        timed = sample.windows[:: max(1, len(sample.windows) // settings.timed_texts)]
        for name, speed in time_engines(engines, timed, settings.rounds).items():
            figures[name] = {"megabytes": round(paths[name].stat().st_size / 1e6, 1), **speed, "heads": figures[name]}
    called = quantizable(model)
    return {
        "texts": {
            head: {"compared": int(sample.judging(head).sum()), "labelled": int((sample.heads == head).sum())}
            for head in bundle.manifest.heads
        },
        "sensitivity": {called[node]: sensitivity[node] for node in sorted(sensitivity, key=lambda n: -sensitivity[n])},
        "wide": [called[node] for node in wide],
        "variants": figures,
    }


def draw(engine: OnnxEngine, rows: pd.DataFrame, settings: QuantizationSettings) -> tuple[list[Windows], Sample]:
    """Returns the calibration texts, which are questions, and a sample without them of texts labelled for each head."""
    asked = rows[~rows.source.isin(WRITTEN)]
    questions = asked[asked.purpose.isin(TASKS)].text.drop_duplicates()
    kept = questions.sample(min(settings.calibration_texts, len(questions) // 2), random_state=settings.seed)
    asked = asked[~asked.text.isin(kept)]
    labels = pd.concat([_labels(head, engine.manifest, asked, settings) for head in engine.manifest.heads])
    chosen = asked.loc[labels.index]
    sample = Sample(_encode(engine, chosen.text.tolist()), chosen.purpose.to_numpy(str), labels.to_numpy(np.int64))
    return _encode(engine, kept.tolist()), sample


def _labels(head: str, manifest: Manifest, asked: pd.DataFrame, settings: QuantizationSettings) -> pd.Series:
    """Returns the columns of the labels of the texts drawn for `head`, by their index in `asked`."""
    places = {label.name: place for place, label in enumerate(manifest.heads[head].labels)}
    labels = asked.loc[asked.purpose == head, head if head in TASKS else "label"].map(places).dropna()
    if labels.empty:
        raise TrainingError(f"no rows to judge head {head} by: the features hold no text with one of its labels")
    return labels.sample(min(settings.texts, len(labels)), random_state=settings.seed)


def _encode(engine: OnnxEngine, texts: Sequence[str]) -> list[Windows]:
    return [engine.encode(normalize(text)).windows for text in texts]


def as_feed(window: Window, pad_id: int) -> Feed:
    """Returns the graph's inputs for one window alone."""
    ids, mask = pad([window], pad_id)
    ngram_ids, ngram_values = pad_ngrams([window])
    return {"input_ids": ids, "attention_mask": mask, "ngram_ids": ngram_ids, "ngram_values": ngram_values}


def scan(bundle: Bundle, model: onnx.ModelProto, texts: Sequence[Windows], folder: Path) -> dict[str, float]:
    """Returns for each node that can be quantized how far the logits of all heads move, on average, when it alone is."""
    exact = _logits(OnnxEngine(bundle, _MOST_WINDOWS, 1), texts)
    moved = {}
    for node in quantizable(model):
        write_dynamic(model, folder / "scanned.onnx", reduce_range=True, nodes_to_quantize=[node])
        rounded = _logits(OnnxEngine(bundle, _MOST_WINDOWS, 1, folder / "scanned.onnx"), texts)
        moved[node] = float(np.mean([np.abs(rounded[head] - exact[head]).mean() for head in exact]))
    return moved


def _logits(engine: OnnxEngine, texts: Sequence[Windows]) -> dict[str, Array]:
    """Returns for each head its logits (texts, classes), as served: the mean over windows weighted by their tokens."""
    names = list(engine.manifest.heads)
    found: dict[str, list[Array]] = {name: [] for name in names}
    for windows in texts:
        tokens = [len(window.input_ids) for window in windows]
        for name, logits in engine.run(windows, names).items():
            found[name].append(np.average(logits, axis=0, weights=tokens))
    return {name: np.array(rows) for name, rows in found.items()}


def _figures(engines: Mapping[str, OnnxEngine], sample: Sample) -> dict[str, dict[str, Any]]:
    """Returns for each engine, head by head, the figures of `agreement` with the first engine and of `accuracy`."""
    exact: dict[str, Array] = {}
    figures: dict[str, dict[str, Any]] = {}
    for name, engine in engines.items():
        figures[name] = {}
        for head, logits in _logits(engine, sample.windows).items():
            scores = _scores(engine.manifest.heads[head], logits)
            compared, labelled = sample.judging(head), sample.heads == head
            figures[name][head] = {
                **agreement(scores[compared], exact.setdefault(head, scores)[compared]),
                **accuracy(scores[labelled], sample.targets[labelled]),
            }
    return figures


def _scores(head: Head, logits: Array) -> Array:
    return correct_top(softmax(logits.astype(np.float64) / head.temperature), head.top_slope, head.top_offset)


def agreement(scores: Array, exact: Array) -> dict[str, float]:
    """Returns how `scores` agree with `exact`, both (texts, classes).

    `top1_agreement` and `top3_agreement`: share of texts with the same first answer, and the same three in any order;
    `mean_difference` of a label's score.
    """
    best = [np.argsort(-each, axis=1, kind="stable")[:, :3] for each in (scores, exact)]
    return {
        "top1_agreement": round(float((best[0][:, 0] == best[1][:, 0]).mean()), 4),
        "top3_agreement": round(float((np.sort(best[0], 1) == np.sort(best[1], 1)).all(1).mean()), 4),
        "mean_difference": round(float(np.abs(scores - exact).mean()), 6),
    }


def accuracy(scores: Array, targets: Array) -> dict[str, float]:
    """Returns the share of texts whose label, the column `targets` (texts,), is the first answer and among three."""
    return {f"top{k}": round(top_k_accuracy(scores, targets, k), 4) for k in (1, 3)}


def time_engines(
    engines: Mapping[str, OnnxEngine], texts: Sequence[Windows], rounds: int
) -> dict[str, dict[str, float]]:
    """Returns for each engine its milliseconds a token, and how many times those of the first engine that is, medians
    over `rounds` in which the engines take turns, so that what else the machine does falls on all of them."""
    tokens = sum(len(window.input_ids) for windows in texts for window in windows)
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            heads = list(engine.manifest.heads)
            started = time.perf_counter()
            for windows in texts:
                engine.run(windows, heads)
            taken[name].append((time.perf_counter() - started) * 1000 / tokens)
    first = next(iter(taken.values()))
    return {
        name: {
            "milliseconds_a_token": round(median(own), 4),
            "times_float32": round(median(one / other for one, other in zip(own, first, strict=True)), 3),
        }
        for name, own in taken.items()
    }
