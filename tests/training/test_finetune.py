"""Fine-tuning goes on where it was cut off, and ends as if it had never been."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def corpus():
    import pandas as pd

    rng = random.Random(2)
    words = {"안과": ("눈이 아파요", "결막염"), "피부과": ("발이 가려워요", "무좀")}
    rows = [
        {
            "text": f"{words[name][0]} {rng.randrange(999)}", "named_text": f"{words[name][0]}", "department": name,
            "disease": words[name][1], "department_weight": 1.0, "disease_weight": 1.0, "source": "board",
            "date": "2024.01.01", "split": "train",
        }
        for name in ("안과", "피부과")
        for _ in range(40)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(corpus, base: Path, tmp_path: Path) -> None:
    import torch

    from carepick.training import finetune as module
    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import finetune

    settings = FinetuneSettings(layers=1, frozen_layers=0, epochs=2, batch_size=8, checkpoint_steps=3)
    whole = torch.load(finetune(corpus, base, tmp_path / "whole", settings), weights_only=True)

    class CutOff(Exception):
        pass

    learn = module._Run._learn

    def cut_off(run, batch):
        if run.step == 7:
            raise CutOff
        return learn(run, batch)

    module._Run._learn = cut_off
    try:
        with pytest.raises(CutOff):
            finetune(corpus, base, tmp_path / "cut", settings)
    finally:
        module._Run._learn = learn
    assert not (tmp_path / "cut" / "network.pt").exists()
    resumed = torch.load(finetune(corpus, base, tmp_path / "cut", settings), weights_only=True)
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-6) for name in whole)


def test_it_learns_and_says_so(corpus, base: Path, tmp_path: Path) -> None:
    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import finetune

    settings = FinetuneSettings(layers=1, frozen_layers=0, epochs=10, batch_size=8, head_learning_rate=0.01)
    finetune(corpus, base, tmp_path, settings)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]


def test_beside_the_ngrams_it_learns_what_they_leave_open(corpus, base: Path, tmp_path: Path) -> None:
    import numpy as np
    import torch

    from carepick.engine.ngrams import NgramTable
    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import finetune
    from carepick.training.linear import FoldedLinear

    # A branch that is sure of the right department of every text, and silent on diseases.
    table = NgramTable(np.array([1], np.uint32), 1, 1)
    zeros = {"department": np.zeros((3, 1, 2), np.float32), "disease": np.zeros((3, 1, 2), np.float32)}

    class Knowing(FoldedLinear):
        def scores(self, text: str, original: str):
            right = 40.0 if "눈" in original else -40.0
            return {"department": np.array([right, -right], np.float32), "disease": np.zeros(2, np.float32)}

    beside = Knowing(table, zeros, {task: np.zeros((3, 2), np.float32) for task in zeros})
    settings = FinetuneSettings(
        layers=1, frozen_layers=0, epochs=6, batch_size=8, head_learning_rate=0.01, label_smoothing=0.0,
        weight_decay=0.0, ngram_shares={"department": 1.0, "disease": 1.0},
    )  # fmt: skip
    first = FinetuneSettings(layers=1, frozen_layers=0, max_steps=1, head_learning_rate=0.0, encoder_learning_rate=0.0)
    start = finetune(corpus, base, tmp_path / "start", first)
    before = torch.load(start, weights_only=True)
    after = torch.load(finetune(corpus, base, tmp_path / "beside", settings, start, beside), weights_only=True)
    change = {
        task: float((after[f"heads.{task}.weight"] - before[f"heads.{task}.weight"]).abs().max())
        for task in ("department", "disease")
    }
    assert change["department"] < 1e-6
    assert change["disease"] > 0.01


def test_triage_shapes_the_encoder_and_leaves_no_head(corpus, base: Path, tmp_path: Path) -> None:
    import torch

    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import finetune

    rows = corpus.assign(triage="none", triage_weight=1.0)
    rows.loc[:10, ["triage", "source"]] = ["urgent", "triage"]
    settings = FinetuneSettings(layers=1, frozen_layers=0, max_steps=4, own_repeats=3)
    weights = torch.load(finetune(rows, base, tmp_path / "with", settings), weights_only=True)
    assert {name.split(".")[1] for name in weights if name.startswith("heads.")} == {"department", "disease"}
    without = torch.load(finetune(corpus, base, tmp_path / "without", settings), weights_only=True)
    name = "encoder.encoder.layer.0.output.dense.weight"
    assert not torch.allclose(weights[name], without[name])


def test_a_checkpoint_of_other_settings_is_refused(corpus, base: Path, tmp_path: Path) -> None:
    from carepick.errors import TrainingError
    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import finetune

    first = FinetuneSettings(layers=1, frozen_layers=0, batch_size=8, checkpoint_steps=2)
    finetune(corpus, base, tmp_path, first)
    (tmp_path / "network.pt").unlink()
    with pytest.raises(TrainingError, match="other settings"):
        finetune(corpus, base, tmp_path, FinetuneSettings(layers=1, frozen_layers=0, batch_size=4, checkpoint_steps=2))


def test_too_many_layers_are_refused(base: Path) -> None:
    from carepick.errors import TrainingError
    from carepick.training.network import load_encoder

    with pytest.raises(TrainingError, match="layers must lie within"):
        load_encoder(base, 99)
