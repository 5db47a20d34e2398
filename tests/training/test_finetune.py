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


def test_what_a_bundle_answered_is_learnt_where_the_label_is_not_known(corpus, base: Path, tmp_path: Path) -> None:
    import numpy as np
    from tokenizers import Tokenizer

    from carepick.training.batches import FinetuneSettings
    from carepick.training.features import load_network, pooled_states
    from carepick.training.finetune import finetune
    from carepick.training.teach import Taught

    # Of eyes nobody knows the department, and a bundle takes them for skin; of feet it says the same, but the label is known.
    rows = corpus.assign(text=corpus.text + " " + corpus.index.astype(str))
    eyes = rows.text.str.startswith("눈")
    rows.loc[eyes, "department_weight"] = 0.15
    rows.loc[~eyes & (rows.index % 4 == 0), ["department", "text"]] = ["안과", "코가 막혀요"]
    asked = rows[rows.text.str.len() > 6]
    scores = {
        "department": np.tile(np.array([0.9, 0.1], np.float16), (len(asked), 1)),
        "disease": np.full((len(asked), 2), 0.5, np.float16),
    }
    taught = Taught(asked.text.tolist(), {"department": ["피부과", "안과"], "disease": ["무좀", "결막염"]}, scores)
    settings = FinetuneSettings(
        layers=1, frozen_layers=0, epochs=15, batch_size=8, encoder_learning_rate=3e-3, head_learning_rate=0.01,
        named_share=0.0, augmented_share=0.0,
    )  # fmt: skip
    finetune(rows, base, tmp_path, settings, taught=taught)
    network, labels = load_network(tmp_path, base, layers=1)
    texts = [rows.text[eyes].iloc[0], "코가 막혀요", rows.text[~eyes & (rows.department == "피부과")].iloc[0]]
    pooled = pooled_states(network, Tokenizer.from_file(str(base / "tokenizer.json")), texts)
    head = network.heads["department"]
    logits = pooled @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert [labels["department"][best] for best in logits.argmax(1)] == ["피부과", "안과", "피부과"]
    odds = np.diff(logits, axis=1).ravel() * (1 if labels["department"][1] == "피부과" else -1)
    assert 0 < odds[0] < odds[2], "a label is surer than the nine in ten that were taught"


def test_questions_that_lack_a_label_and_were_not_asked_are_left_out(corpus) -> None:
    import numpy as np

    from carepick.errors import TrainingError
    from carepick.training.batches import FinetuneSettings
    from carepick.training.finetune import _rows
    from carepick.training.teach import Taught, TeachSettings, questions_to_ask

    rows = corpus.assign(text=[f"{text} {number}" for number, text in enumerate(corpus.text)])
    rows.loc[:29, ["department_weight", "source"]] = [0.15, "doctor"]
    rows.loc[70:, ["disease", "disease_weight", "department_weight", "source"]] = ["", 0.0, 1.0, "description"]
    rows.loc[[28, 29], "split"] = "valid"
    asked = questions_to_ask(rows, TeachSettings(questions=20))
    assert len(set(asked)) == 20
    assert set(asked) <= set(rows.text[:28])
    assert set(questions_to_ask(rows, TeachSettings(most_letters=12))) == {t for t in rows.text[:28] if len(t) <= 12}
    with pytest.raises(TrainingError, match="nothing to teach"):
        questions_to_ask(corpus, TeachSettings())
    scores = {task: np.full((20, 2), 0.5, np.float16) for task in ("department", "disease")}
    taught = Taught(asked, {"department": ["안과", "피부과"], "disease": ["결막염", "무좀"]}, scores)
    tasks, settings = ["disease", "department"], FinetuneSettings(own_repeats=2, question_repeats=3)
    kept = _rows(rows, tasks, settings, taught)
    counts = kept.text.value_counts()
    assert set(kept.text) == {*asked, *rows.text[30:]}
    assert set(counts[counts.index.isin(rows.text[70:])]) == {2}
    assert set(counts[~counts.index.isin(rows.text[70:])]) == {3}
    assert set(kept.department[kept.text.isin(asked)]) == {""}
    assert set(kept.department_weight[kept.text.isin(asked)]) == {0.0}
    assert set(kept.disease_weight[kept.text.isin(asked)]) == {1.0}


def test_a_bundle_teaches_what_it_serves(tmp_path: Path) -> None:
    from carepick.engine.bundle import DEFAULT_BUNDLE
    from carepick.records import Task
    from carepick.service.predictor import Predictor
    from carepick.settings import Settings
    from carepick.training.teach import load_taught, save_taught, teach

    texts = ["머리가 아프고 열이 나요", " ".join(["무릎이 시큰거려요"] * 60), "눈이 가려워요"]
    save_taught(teach(DEFAULT_BUNDLE, texts), tmp_path)
    taught = load_taught(tmp_path)
    assert taught.texts == texts
    predictor = Predictor.load(Settings())
    try:
        for row, text in enumerate(texts):
            tasks = predictor.predict(text).tasks
            for task in (Task.DISEASE, Task.DEPARTMENT):
                served = {label.name: label.score for label in tasks[task].labels}
                about_health = sum(served.values())  # by which what is served is weighed down
                for name, score in zip(taught.labels[task.value], taught.scores[task.value][row], strict=True):
                    assert score == pytest.approx(served[name] / about_health, abs=2e-3)
    finally:
        predictor.close()
