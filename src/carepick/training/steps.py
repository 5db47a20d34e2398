"""The steps of a recipe: each reads its inputs and writes its outputs, and `recipe.run_recipe` decides which run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer

from carepick.errors import TrainingError
from carepick.training.batches import FinetuneSettings
from carepick.training.calibrate import CalibrationSettings, calibrate
from carepick.training.corpus import CorpusSettings, build_corpus, training_priors, validation_tables
from carepick.training.export import ExportSettings, Ingredients, export_ablations, export_bundles
from carepick.training.features import asked, load_network, pooled_states, read_features, rows_to_read, write_features
from carepick.training.finetune import finetune
from carepick.training.gatekeepers import (
    GatekeeperSettings,
    fit_gatekeepers,
    load_gatekeepers,
    save_gatekeepers,
)
from carepick.training.learning_curve import LearningCurveSettings, learning_curve
from carepick.training.linear import LinearSettings, fit_branches, fit_folds
from carepick.training.linear_files import load_folds, load_linear, save_folds, save_linear
from carepick.training.quantization import QuantizationSettings, compare_quantizations
from carepick.training.recipe import StepFunction
from carepick.training.replace_heads import replace_heads
from carepick.training.sentence_head import SENTENCES, SentenceHeadSettings, fit_sentence_head
from carepick.training.take_apart import take_apart
from carepick.training.teach import TeachSettings, load_taught, questions_to_ask, save_taught, teach
from carepick.training.unpack import unpack_encoder

SettingsType = TypeVar("SettingsType")


def unpack_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """Encoder directory -> Hugging Face directory."""
    unpack_encoder(inputs[0], outputs[0])


def corpus_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """Folder of Parquet files, datasets -> corpus.parquet."""
    build_corpus(inputs[0], inputs[1], read_settings(CorpusSettings, settings)).to_parquet(outputs[0])


def validation_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet -> folder of Parquet tables for `carepick evaluate`."""
    outputs[0].mkdir(parents=True, exist_ok=True)
    for name, rows in validation_tables(pd.read_parquet(inputs[0])).items():
        rows.to_parquet(outputs[0] / f"{name}.parquet", index=False)


def linear_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet -> linear.npz."""
    table, branches = fit_branches(pd.read_parquet(inputs[0]), read_settings(LinearSettings, settings))
    save_linear(outputs[0], table, branches)


def folds_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, linear.npz -> folds.npz."""
    table, _ = load_linear(inputs[1])
    save_folds(outputs[0], fit_folds(pd.read_parquet(inputs[0]), table, read_settings(LinearSettings, settings)))


def learning_curve_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, linear.npz -> learning_curve.json."""
    table, _ = load_linear(inputs[1])
    linear = read_settings(LinearSettings, settings.get("linear", {}))
    curve = read_settings(LearningCurveSettings, {name: settings[name] for name in settings if name != "linear"})
    found = learning_curve(pd.read_parquet(inputs[0]), table, linear, curve)
    outputs[0].write_text(json.dumps(found, indent=1))


def finetune_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, encoder, optionally a network to go on from -> network folder (network.pt, labels.json,
    settings.json, log.jsonl)."""
    corpus, encoder, *before = inputs
    initial = before[0] / "network.pt" if before else None
    finetune(pd.read_parquet(corpus), encoder, outputs[0], _finetune_settings(outputs[0], settings), initial)


def boost_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, encoder, network, linear.npz, folds.npz -> network folder of an encoder that learnt beside the
    n-gram branch."""
    corpus, encoder, network, linear, folds = inputs
    beside = load_folds(folds, load_linear(linear)[0])
    chosen = _finetune_settings(outputs[0], settings)
    finetune(pd.read_parquet(corpus), encoder, outputs[0], chosen, network / "network.pt", beside)


def take_apart_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """bundle, encoder -> network folder, linear.npz."""
    bundle, encoder = inputs
    network, linear = outputs
    take_apart(bundle, encoder, int(settings.get("frozen_layers", 0)), network, linear)


def teach_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, bundle -> folder of what the bundle answered to questions that lack a label."""
    corpus, bundle = inputs
    texts = questions_to_ask(pd.read_parquet(corpus), read_settings(TeachSettings, settings))
    save_taught(teach(bundle, texts), outputs[0])


def distil_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, encoder, network, taught -> network folder of an encoder that learnt from the bundle's answers too."""
    corpus, encoder, network, taught = inputs
    chosen = _finetune_settings(outputs[0], settings)
    finetune(pd.read_parquet(corpus), encoder, outputs[0], chosen, network / "network.pt", taught=load_taught(taught))


def _finetune_settings(out: Path, settings: Mapping[str, Any]) -> FinetuneSettings:
    """Returns the settings, written to `out`/settings.json too: the number of layers is needed to read the network."""
    chosen = read_settings(FinetuneSettings, settings)
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(dataclasses.asdict(chosen), indent=1))
    return chosen


def features_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """corpus.parquet, encoder, network, datasets -> features folder."""
    corpus, encoder, network_folder, datasets = inputs
    layers = json.loads((network_folder / "settings.json").read_text())["layers"]
    network, _ = load_network(network_folder, encoder, layers)
    ordinary, complaints, seed = (
        int(settings.get(name, default)) for name, default in (("ordinary", 5000), ("complaints", 6000), ("seed", 7))
    )
    rows = rows_to_read(pd.read_parquet(corpus), datasets, ordinary, complaints, seed)
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    texts, places = np.unique(rows.text.to_numpy(str), return_inverse=True)  # many stand there for both tasks
    write_features(rows, pooled_states(network, tokenizer, texts.tolist())[places], outputs[0])


def gatekeepers_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """features, linear.npz -> gatekeepers.npz."""
    rows, pooled = read_features(inputs[0])
    table, _ = load_linear(inputs[1])
    save_gatekeepers(outputs[0], fit_gatekeepers(rows, pooled, table, read_settings(GatekeeperSettings, settings)))


def sentence_head_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """features, corpus.parquet, linear.npz -> sentences.npz."""
    rows, _ = read_features(inputs[0])
    table, _ = load_linear(inputs[2])
    chosen = read_settings(SentenceHeadSettings, settings)
    questions = asked(pd.read_parquet(inputs[1]), chosen.questions, chosen.seed).named_text.tolist()
    save_gatekeepers(outputs[0], {SENTENCES: fit_sentence_head(rows, questions, table, chosen)})


def calibrate_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """features, corpus.parquet, linear.npz, network, datasets -> calibration.json."""
    features, corpus, linear, network_folder, datasets = inputs
    rows, pooled = read_features(features)
    table, branches = load_linear(linear)
    heads = _head_weights(network_folder)
    labels = json.loads((network_folder / "labels.json").read_text())
    chosen = read_settings(CalibrationSettings, settings)
    priors = training_priors(pd.read_parquet(corpus), labels)
    presentations = {"disease": json.loads((datasets / "presentations.json").read_text(encoding="utf-8"))}
    result = calibrate(rows, pooled, table, branches, heads, labels, priors, presentations, chosen)
    outputs[0].write_text(json.dumps(result, ensure_ascii=False, indent=1))


def export_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """network, encoder, linear.npz, gatekeepers.npz, sentences.npz, calibration.json, features -> int8 and float32 bundles, parity."""
    int8, float32, report = outputs
    export_bundles(_ingredients(inputs), int8, float32, report, read_settings(ExportSettings, settings))


def ablation_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """The same inputs -> bundles of the encoder alone and of the n-grams alone."""
    export_ablations(_ingredients(inputs), outputs[0], outputs[1], read_settings(ExportSettings, settings))


def quantization_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """float32 bundle, int8 bundle, features -> quantization.json."""
    float32, shipped, features = inputs
    rows, _ = read_features(features)
    found = compare_quantizations(float32, shipped, rows, read_settings(QuantizationSettings, settings))
    outputs[0].write_text(json.dumps(found, indent=1))


def replace_heads_step(inputs: list[Path], outputs: list[Path], settings: Mapping[str, Any]) -> None:
    """bundle, gatekeepers.npz -> bundle with those of them that the settings name."""
    bundle, gatekeepers = inputs
    heads = {name: head for name, head in load_gatekeepers(gatekeepers).items() if name in settings["heads"]}
    replace_heads(bundle, heads, settings.get("thresholds", {}), "int8", outputs[0])


def _ingredients(inputs: list[Path]) -> Ingredients:
    network, encoder, linear, gatekeepers, sentences, calibration, features = inputs
    table, branches = load_linear(linear)
    rows, _ = read_features(features)
    fitted = json.loads(calibration.read_text())
    sentence_head = load_gatekeepers(sentences)[SENTENCES]
    return Ingredients(network, encoder, table, branches, load_gatekeepers(gatekeepers), sentence_head, fitted, rows)


STEPS: Mapping[str, StepFunction] = {
    "unpack": unpack_step,
    "corpus": corpus_step,
    "validation": validation_step,
    "linear": linear_step,
    "folds": folds_step,
    "learning_curve": learning_curve_step,
    "finetune": finetune_step,
    "boost": boost_step,
    "take_apart": take_apart_step,
    "teach": teach_step,
    "distil": distil_step,
    "features": features_step,
    "gatekeepers": gatekeepers_step,
    "sentence_head": sentence_head_step,
    "calibrate": calibrate_step,
    "export": export_step,
    "ablation": ablation_step,
    "replace_heads": replace_heads_step,
    "quantization": quantization_step,
}


def read_settings(kind: type[SettingsType], settings: Mapping[str, Any]) -> SettingsType:
    """Returns the dataclass `kind` made from a step's settings; raises `TrainingError` for one that it does not have."""
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(settings) - known)
    if unknown:
        raise TrainingError(f"unknown settings {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return kind(**settings)


def _head_weights(network_folder: Path) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    state = torch.load(network_folder / "network.pt", map_location="cpu", weights_only=True)
    tasks = {name.split(".")[1] for name in state if name.startswith("heads.")}
    return {
        task: (state[f"heads.{task}.weight"].numpy().T, state[f"heads.{task}.bias"].numpy()) for task in sorted(tasks)
    }
