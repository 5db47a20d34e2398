"""A tiny random BERT and a small learnable data set, made once."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

# Before anything imports the libraries that read them: tests need no network, and the same sums on every machine.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

COMPLAINTS = {
    "감기": ("콧물이 나요", "기침을 해요", "목이 칼칼해요", "재채기가 나요"),
    "위염": ("속이 쓰려요", "명치가 아파요", "소화가 안 돼요", "트림이 나요"),
    "편두통": ("머리가 지끈거려요", "관자놀이가 아파요", "빛을 보면 아파요", "한쪽 머리가 울려요"),
}


def complaint_rows(count: int) -> list[dict[str, str]]:
    """Returns `count` rows of made-up complaints, the same ones each time."""
    rng = random.Random(3)
    rows = []
    for _ in range(count):
        disease = rng.choice(sorted(COMPLAINTS))
        rows.append(
            {"text": " ".join(rng.sample(COMPLAINTS[disease], 2)) + f" {rng.randrange(9)}일", "disease": disease}
        )
    return rows


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from carepick.training.dummy import SIZES, random_classifier
    from carepick.training.original_writer import write_directory

    made_up = random_classifier(SIZES["tiny"], ("one", "two"), seed=5)
    torch.manual_seed(5)
    model = BertForSequenceClassification(BertConfig(**made_up.config))  # BERT's own initialization learns faster
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    return write_directory(replace(made_up, weights=weights), tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "questions.csv"
    rows = complaint_rows(96)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
