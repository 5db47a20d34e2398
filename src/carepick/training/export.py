"""Writes the bundles, in float32 and int8, and the gate between them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from carepick.engine.manifest import Golden, Head, Label, Manifest, NgramBranch, SentenceBranch
from carepick.engine.ngrams import NgramTable
from carepick.errors import TrainingError
from carepick.evaluation.parity import bundle_parity, first_answers
from carepick.knowledge.catalog import Catalog, load_catalog
from carepick.training.blend import Blend
from carepick.training.features import MAX_TOKENS, OVERLAP_TOKENS
from carepick.training.gatekeepers import LABELS, LinearHead
from carepick.training.graph import EncoderShape, build_graph, save_graph
from carepick.training.sealing import record_parity, seal

Array = np.ndarray[Any, np.dtype[Any]]

GOLDEN_TEXT = "머리가 아프고 열이 나요"


@dataclass(frozen=True)
class ExportSettings:
    """How bundles are written; the recipe's settings of that step.

    `thresholds`: what the manifest's `confidence` holds, see `service.confidence`; `least_agreement`: the share
    of texts for which int8 must answer first what float32 answers first.
    """

    name: str = "carepick-default"
    least_agreement: float = 0.99
    parity_texts: int = 1000
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ingredients:
    """What every bundle of a recipe is made of: folders, branches, gatekeepers, the sentence head, calibration, and the tuned texts."""

    network: Path
    encoder: Path
    table: NgramTable
    branches: Mapping[str, tuple[Array, Array]]
    gatekeepers: Mapping[str, LinearHead]
    sentences: LinearHead
    calibration: Mapping[str, Any]
    rows: pd.DataFrame


def export_bundles(parts: Ingredients, int8: Path, float32: Path, report: Path, settings: ExportSettings) -> None:
    """Writes the bundle in both precisions, and how far they agree to `report` and into the int8 bundle's manifest.

    Raises `TrainingError` when the int8 bundle agrees with the float32 one less often than the gate demands.
    """
    write_bundle(parts, float32, "float32", settings)
    write_bundle(parts, int8, "int8", settings)
    texts = parts.rows.text[parts.rows.purpose.isin(["department", "disease"])].drop_duplicates()
    sample = texts.sample(min(settings.parity_texts, len(texts)), random_state=7).tolist()
    parity = bundle_parity(int8, float32, sample)
    report.write_text(json.dumps(parity, indent=1))
    record_parity(int8, parity)
    for task, figures in parity.items():
        if figures["top1_agreement"] < settings.least_agreement:
            raise TrainingError(
                f"int8 answers first what float32 answers first for {figures['top1_agreement']:.3f} of the texts in head "
                f"{task}; the gate is {settings.least_agreement}: keep more layers in float32"
            )


def export_ablations(parts: Ingredients, encoder_alone: Path, ngrams_alone: Path, settings: ExportSettings) -> None:
    """Writes float32 bundles that hold one branch each, to be evaluated beside the whole."""
    branches = (("encoder", encoder_alone, Blend(1.0, 0.0)), ("ngrams", ngrams_alone, Blend(0.0, 1.0)))
    for branch, folder, blend in branches:
        calibration = {
            task: {
                **fitted,
                "blend": dataclasses.asdict(blend),
                **fitted["alone"][branch],
                "conformal": {},
            }
            for task, fitted in parts.calibration.items()
        }
        write_bundle(dataclasses.replace(parts, calibration=calibration), folder, "float32", settings)


def write_bundle(parts: Ingredients, folder: Path, precision: str, settings: ExportSettings) -> None:
    """Writes a bundle in `precision` to `folder`, replacing what was there, with its answer to the golden sentence."""
    labels = json.loads((parts.network / "labels.json").read_text())
    state = torch.load(parts.network / "network.pt", map_location="cpu", weights_only=True)
    weights = {
        name.removeprefix("encoder."): value.numpy() for name, value in state.items() if name.startswith("encoder.")
    }
    heads, ngram_rows = merge_heads(state, parts.branches, parts.gatekeepers, parts.calibration, labels)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shape = _shape(parts.encoder, parts.network)
    save_graph(build_graph(weights, shape, heads, ngram_rows, precision), folder / "model.onnx")
    np.save(folder / "ngrams.npy", parts.table.hashes)
    np.save(folder / "sentences.npy", np.vstack([parts.sentences.bias, parts.sentences.wide]).astype(np.float16))
    shutil.copyfile(parts.encoder / "tokenizer.json", folder / "tokenizer.json")
    facts = _training_facts(parts.network, parts.rows)
    manifest = _manifest(labels, parts.table, parts.calibration, facts, settings)
    seal(manifest, folder, precision)
    seal(
        dataclasses.replace(manifest, golden=Golden(GOLDEN_TEXT, first_answers(folder, GOLDEN_TEXT))), folder, precision
    )


def merge_heads(
    state: Mapping[str, torch.Tensor], branches: Mapping[str, tuple[Array, Array]],
    gatekeepers: Mapping[str, LinearHead], calibration: Mapping[str, Any], labels: Mapping[str, list[str]],
) -> tuple[dict[str, tuple[Array, Array]], Array]:  # fmt: skip
    """Returns each head's (hidden, classes) weight and (classes,) bias, with blend and prior folded in, and the n-gram
    rows of all heads side by side: (rows + 1, classes), row 0 zero."""
    heads, columns = {}, []
    for task in labels:
        blend = Blend(**calibration[task]["blend"])
        deep = state[f"heads.{task}.weight"].numpy().T, state[f"heads.{task}.bias"].numpy()
        wide = branches[task]
        prior = blend.prior_power * np.array(calibration[task]["log_prior"], np.float32)
        bias = blend.encoder_share * deep[1] + blend.ngram_share * wide[1] - prior
        heads[task] = (blend.encoder_share * deep[0], bias.astype(np.float32))
        columns.append(blend.ngram_share * wide[0])
    for name, head in gatekeepers.items():
        heads[name] = (head.deep, head.bias)
        columns.append(head.wide)
    rows = np.concatenate(columns, 1).astype(np.float32)
    return heads, np.concatenate([np.zeros((1, rows.shape[1]), np.float32), rows])


def _manifest(
    labels: Mapping[str, list[str]], table: NgramTable, calibration: Mapping[str, Any], facts: Mapping[str, Any],
    settings: ExportSettings,
) -> Manifest:  # fmt: skip
    catalog = load_catalog()
    heads = {task: _head(task, names, catalog, calibration[task]) for task, names in labels.items()}
    for name in ("scope", "triage"):
        heads[name] = Head(tuple(Label(label, label) for label in LABELS[name]))
    branch = NgramBranch("ngrams.npy", table.shortest, table.longest, len(table.hashes), table.edges)
    return Manifest(
        name=settings.name, version="", heads=heads, max_tokens=MAX_TOKENS, overlap_tokens=OVERLAP_TOKENS, pad_id=1,
        golden=Golden(GOLDEN_TEXT, {}), files={}, ngrams=branch, training=facts,
        sentences=SentenceBranch("sentences.npy", LABELS["triage"]),
        confidence=dict(settings.thresholds),
    )  # fmt: skip


def _head(task: str, names: list[str], catalog: Catalog, calibration: Mapping[str, Any]) -> Head:
    lookup = catalog.disease_named if task == "disease" else catalog.department_named
    ids = {name: lookup(name).id for name in names}
    return Head(
        labels=tuple(Label(ids[name], name) for name in names),
        temperature=calibration["temperature"],
        short_bias={ids[name]: bias for name, bias in calibration["short_bias"].items()},
        short_letters=calibration["short_letters"],
        top_slope=calibration["top_slope"],
        top_offset=calibration["top_offset"],
        conformal={ids.get(name, name): least for name, least in calibration["conformal"].items()},
    )


def _shape(encoder: Path, network: Path) -> EncoderShape:
    config = json.loads((encoder / "config.json").read_text())
    layers = json.loads((network / "settings.json").read_text())["layers"]
    return EncoderShape(layers, config["hidden_size"], config["num_attention_heads"], config["layer_norm_eps"])


def _training_facts(network: Path, rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "base": "intfloat/multilingual-e5-small (MIT), 4-bit, vocabulary cut to Korean health questions",
        "data": "Naver 지식iN (2024) and HiDoc (2007-2020) questions, generated disease sentences, the project's sentences",
        "finetune": json.loads((network / "settings.json").read_text()),
        "tuned_on_texts": int(rows.purpose.isin(["department", "disease"]).sum()),
    }
