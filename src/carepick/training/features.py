"""Runs the fine-tuned encoder once over every text that is tuned or reported on, and keeps what the heads read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer

from carepick.knowledge.catalog import load_catalog
from carepick.training.corpus import WRITTEN
from carepick.training.network import MultiTaskEncoder, load_encoder
from carepick.training.own_texts import catalog_texts, own_sentences

Array = np.ndarray[Any, np.dtype[Any]]

MAX_TOKENS, OVERLAP_TOKENS = 128, 32  # the served window; special tokens included
_BATCH_TOKENS = 4096
COMPLAINTS = ("sentence", "symptoms")  # sources of short texts that were put together or generated and say what hurts
PLAIN = ("complaint", "description")  # sources of the project's own texts that do


def load_network(directory: Path, encoder: Path, layers: int) -> tuple[MultiTaskEncoder, dict[str, list[str]]]:
    """Returns the network that `finetune` wrote to `directory`, in evaluation mode, and its label names by task."""
    labels: dict[str, list[str]] = json.loads((directory / "labels.json").read_text())
    network = MultiTaskEncoder(load_encoder(encoder, layers), {task: len(names) for task, names in labels.items()})
    network.load_state_dict(torch.load(directory / "network.pt", map_location="cpu", weights_only=True))
    return network.eval(), labels


def split_windows(ids: list[int]) -> list[list[int]]:
    """Returns `ids` (with a first and a last special token) as overlapping windows of at most `MAX_TOKENS` tokens."""
    body, inner = ids[1:-1], MAX_TOKENS - 2
    if len(body) <= inner:
        return [ids]
    step = inner - OVERLAP_TOKENS
    starts = range(0, max(1, len(body) - OVERLAP_TOKENS), step)
    return [[ids[0], *body[start : start + inner], ids[-1]] for start in starts]


def pooled_states(network: MultiTaskEncoder, tokenizer: Tokenizer, texts: list[str]) -> Array:
    """Returns the mean last hidden state over the tokens of all windows of each text: (texts, hidden) float32."""
    windows = [
        (position, window)
        for position, encoding in enumerate(tokenizer.encode_batch(texts))
        for window in split_windows(encoding.ids)
    ]
    windows.sort(key=lambda pair: len(pair[1]))
    sums = np.zeros((len(texts), network.encoder.config.hidden_size), np.float64)
    counts = np.zeros((len(texts), 1))
    start = 0
    with torch.inference_mode():
        while start < len(windows):
            size = max(1, _BATCH_TOKENS // len(windows[min(start + 31, len(windows) - 1)][1]))
            batch = windows[start : start + size]
            start += size
            states = _embed(network, [ids for _, ids in batch])
            for (position, ids), state in zip(batch, states, strict=True):
                sums[position] += state * len(ids)
                counts[position] += len(ids)
    return (sums / counts).astype(np.float32)


def _embed(network: MultiTaskEncoder, rows: list[list[int]]) -> Array:
    longest = max(map(len, rows))
    input_ids = torch.ones((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(input_ids)
    for row, ids in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    return network.embed(input_ids, mask).numpy()


def write_features(rows: pd.DataFrame, pooled: Array, out: Path) -> None:
    """Writes what was read of each text: `out`/rows.parquet and, in the same order, `out`/pooled.npy."""
    out.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(out / "rows.parquet")
    np.save(out / "pooled.npy", pooled)


def read_features(folder: Path) -> tuple[pd.DataFrame, Array]:
    """Returns what `write_features` wrote: the rows with a fresh index, and their pooled states (rows, hidden)."""
    return pd.read_parquet(folder / "rows.parquet").reset_index(drop=True), np.load(folder / "pooled.npy")


def rows_to_read(corpus: pd.DataFrame, datasets: Path, ordinary: int, complaints: int, seed: int) -> pd.DataFrame:
    """Returns the texts that heads and calibration are fitted on: columns text, purpose, label and the corpus's.

    Purposes: department and disease (the tune split; departments as typed, diseases without their names), ordinary
    (`ordinary` questions of the train split), complaint (`complaints` of its short written ones: the catalog's symptoms and
    generated sentences), plain (the project's own complaints and descriptions of its train split, and the catalog's names
    and symptoms, each alone), triage and scope (the project's own training sentences in `datasets`).
    """
    tune = corpus[corpus.split == "tune"]
    department = tune[tune.department != ""].assign(text=lambda rows: rows.named_text, purpose="department")
    disease = tune[tune.disease != ""].assign(purpose="disease")
    sample = asked(corpus, ordinary, seed).assign(text=lambda rows: rows.named_text, purpose="ordinary")
    short = _drawn(corpus, corpus.source.isin(COMPLAINTS), complaints, seed).assign(purpose="complaint")
    own = corpus.text[(corpus.split == "train") & corpus.source.isin(PLAIN)].drop_duplicates()
    plain = pd.DataFrame({"text": [*own, *catalog_texts(load_catalog())], "purpose": "plain"})
    rows = [department, disease, sample, short, plain, own_sentences(datasets)]
    return pd.concat(rows, ignore_index=True).drop(columns="named_text")


def asked(corpus: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Returns up to `count` rows of `corpus`'s train split that somebody asked, drawn at random: nothing written for it."""
    return _drawn(corpus, ~corpus.source.isin(WRITTEN), count, seed)


def _drawn(corpus: pd.DataFrame, among: pd.Series[bool], count: int, seed: int) -> pd.DataFrame:
    train = corpus[(corpus.split == "train") & among]
    return train.sample(min(count, len(train)), random_state=seed)
