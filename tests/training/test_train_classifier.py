"""The original recipes on a tiny BERT: figures, formats, and no run lost to a crash."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file

from carepick.cli.main import main
from carepick.engine.bundle import open_bundle
from carepick.errors import TrainingError
from carepick.evaluation.calibration import conformal_members, softmax
from carepick.training.checkpoints import TimedCheckpoints, finished_epoch, latest_whole
from carepick.training.classifier import DEPARTMENT_RECIPE, DISEASE_RECIPE, _fingerprint, explain_failures
from carepick.training.classifier_metrics import full_report, headline_figures
from carepick.training.labelled import Examples
from carepick.training.original_reader import read_classifier

pytestmark = pytest.mark.train

STEPS_AN_EPOCH, EPOCHS = 5, 4
LEARNING = ["--batch-size", "16", "--learning-rate", "2e-2", "--max-length", "48", "--epochs", str(EPOCHS)]


def command(recipe: str, questions: Path, base: Path, out: Path, *more: str) -> list[str]:
    words = ["train", recipe, "--data", str(questions), "--base", str(base), "--out", str(out), *LEARNING, *more]
    # The complaints' labels are diseases; for a department recipe the catalog does not know them.
    return words + (["--label-column", "disease", "--keep-unknown-labels"] if recipe == "specialty" else [])


def report(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "metrics.json").read_text()))


def test_the_recipes_are_those_of_the_originals() -> None:
    settings = ("epochs", "batch_size", "learning_rate", "weight_decay", "max_length")
    assert [getattr(DISEASE_RECIPE, name) for name in settings] == [10, 16, 2e-5, 0.01, 512]
    assert [getattr(DEPARTMENT_RECIPE, name) for name in settings] == [5, 32, 2e-5, 0.01, 256]
    assert DISEASE_RECIPE.validation_share == 0.2


def test_the_sets_hold_the_right_label_as_often_as_they_promise() -> None:
    random = np.random.default_rng(4)
    targets = random.integers(0, 4, 2000)
    logits = random.normal(0, 1, (2000, 4)) * 5
    logits[np.arange(2000), targets] += 5
    for class_sets in (False, True):
        found = full_report(logits[:1000], targets[:1000], "가나다라", [], class_sets)
        later = softmax(logits[1000:] / found["final"]["temperature"])
        held = conformal_members(later, "가나다라", found["conformal"])[np.arange(1000), targets[1000:]]
        assert held.mean() == pytest.approx(0.9, abs=0.03)
        assert len(found["conformal"]) == (4 if class_sets else 1)


@pytest.fixture(scope="module")
def whole_run(questions: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disease run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert main(command("disease", questions, base, out)) == 0
    return out


def test_the_disease_recipe_learns_and_reports(whole_run: Path) -> None:
    figures = report(whole_run)
    assert [round(epoch["epoch"]) for epoch in figures["epochs"]] == [1, 2, 3, 4]
    assert figures["epochs"][-1]["loss"] < figures["epochs"][0]["loss"]
    assert figures["final"]["accuracy"] > 0.5  # three classes; chance is a third
    assert {"top3", "mrr", "mean_rank", "macro_f1", "temperature"} <= figures["final"].keys()
    counts = np.array(figures["confusion"]["counts"])
    assert counts.sum() == figures["rows"]["validation"] == sum(row["rows"] for row in figures["per_class"])
    assert np.trace(counts) / counts.sum() == pytest.approx(figures["final"]["accuracy"])
    classifier = read_classifier(whole_run / "disease.pt")
    assert classifier.labels == ("감기", "위염", "편두통")
    assert classifier.about["epoch"] == EPOCHS


def test_its_import_answers_with_its_temperature_and_sets(whole_run: Path, tmp_path: Path) -> None:
    source, bundle = str(whole_run / "disease.pt"), tmp_path / "bundle"
    assert main(["import", source, str(bundle), "--task", "disease", "--no-parity"]) == 0
    manifest = open_bundle(bundle).manifest
    assert [label.name for label in manifest.heads["disease"].labels] == ["감기", "위염", "편두통"]
    assert manifest.heads["disease"].temperature == report(whole_run)["final"]["temperature"]
    assert manifest.heads["disease"].conformal == report(whole_run)["conformal"]
    assert set(manifest.heads["disease"].conformal) == {""}


def test_kill_9_in_the_middle_of_an_epoch_costs_nothing(
    questions: Path, base: Path, whole_run: Path, tmp_path: Path
) -> None:
    words = command("disease", questions, base, tmp_path)
    often = [*words, "--checkpoint-minutes", "0"]
    killed_at = kill_in_the_second_epoch([sys.executable, "-m", "carepick", *often], tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "checkpoint-19").mkdir()  # as if killed while this one was being written
    assert main(words) == 0
    state = json.loads((tmp_path / "checkpoints" / "checkpoint-20" / "trainer_state.json").read_text())
    # How long the first validation took is of the first process: it was not done again.
    assert first_validation_seconds(state) == first_validation_seconds(killed_at)
    for name, value in report(whole_run)["final"].items():
        assert report(tmp_path)["final"][name] == pytest.approx(value, abs=0.02), name
    ours, theirs = (read_classifier(out / "disease.pt").weights for out in (tmp_path, whole_run))
    assert all(np.allclose(ours[name], theirs[name], atol=1e-4) for name in theirs)


def kill_in_the_second_epoch(words: list[str], checkpoints: Path) -> dict[str, Any]:
    """Runs `words` until a checkpoint of the second epoch is whole, kills it, and returns the checkpoint's state."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            assert process.poll() is None, "the run ended before it could be killed"
            latest = latest_whole(checkpoints)
            if latest is not None and int(latest.name.split("-")[1]) > STEPS_AN_EPOCH + 1:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    latest = latest_whole(checkpoints)
    assert latest is not None
    assert STEPS_AN_EPOCH < int(latest.name.split("-")[1]) < EPOCHS * STEPS_AN_EPOCH
    return dict(json.loads((latest / "trainer_state.json").read_text()))


def first_validation_seconds(state: dict[str, Any]) -> float:
    return float(next(entry["eval_runtime"] for entry in state["log_history"] if "eval_runtime" in entry))


def test_a_checkpoint_that_was_not_finished_is_passed_over(tmp_path: Path) -> None:
    assert latest_whole(tmp_path) is None
    for step, state in ((10, '{"global_step": 10}'), (9, '{"global_step": 9}'), (11, '{"glob'), (100, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert latest_whole(tmp_path) == tmp_path / "checkpoint-10"


def test_a_finished_run_is_not_continued_with_other_settings(
    questions: Path, base: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole_run, tmp_path, dirs_exist_ok=True)
    words = command("disease", questions, base, tmp_path, "--epochs", "1")
    assert main(words) == 2
    assert "other settings" in capsys.readouterr().err
    assert main([*words, "--no-resume"]) == 0
    assert len(report(tmp_path)["epochs"]) == 1


def test_the_specialty_recipe_writes_a_directory_and_stops_early(questions: Path, base: Path, tmp_path: Path) -> None:
    words = command("specialty", questions, base, tmp_path, "--epochs", "9", "--early-stop", "1")
    assert main([*words, "--learning-rate", "0.3", "--mixed-precision", "bf16", "--batch-size", "32"]) == 0
    figures = report(tmp_path)
    watched = [epoch["macro_f1"] for epoch in figures["epochs"]]
    assert len(watched) < 9
    assert watched[-1] <= max(watched[:-1])
    assert figures["final"]["macro_f1"] == pytest.approx(max(watched))  # the best epoch's weights, not the last's
    assert {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "label_classes.npy"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert read_classifier(tmp_path).labels == ("감기", "위염", "편두통")
    assert set(figures["conformal"]) == {"감기", "위염", "편두통"}
    # Asked for again, the finished run is not trained on, and says the same.
    assert main([*words, "--learning-rate", "0.3", "--mixed-precision", "bf16", "--batch-size", "32"]) == 0
    assert report(tmp_path) == figures


def test_two_processes_train_one_model(questions: Path, base: Path, tmp_path: Path) -> None:
    """As `accelerate launch` starts them; one alone writes, and each row is read by one of them only."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "carepick"]
    words = command("disease", questions, base, tmp_path, "--batch-size", "8", "--epochs", "2")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([*launch, *words], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = report(tmp_path)
    assert [round(epoch["epoch"]) for epoch in figures["epochs"]] == [1, 2]
    assert figures["epochs"][-1]["loss"] < figures["epochs"][0]["loss"]
    assert np.array(figures["confusion"]["counts"]).sum() == figures["rows"]["validation"]
    state = json.loads(
        (tmp_path / "checkpoints" / f"checkpoint-{2 * STEPS_AN_EPOCH}" / "trainer_state.json").read_text()
    )
    assert state["global_step"] == 2 * STEPS_AN_EPOCH  # two batches of 8 a step
    assert read_classifier(tmp_path / "disease.pt").labels == ("감기", "위염", "편두통")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--mixed-precision", "fp16"], "needs a GPU"),
        (["--max-length", "513"], "--max-length must lie within 8..512"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--validation-share", "1"], "--validation-share between 0 and 1"),
        (["--base", "some/where-not-there"], "cannot be reached.*give a local directory"),
        (["--base", "./no/such/folder"], "there is no such directory"),
        (["--label-column", "text"], "row 1, column text: expected one of the catalog's 155 names"),
        (["--label-column", "kind"], "row 1 has no column kind"),
    ],
)
def test_bad_arguments_are_one_line(
    more: list[str], message: str, questions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if message == "needs a GPU" and torch.cuda.is_available():
        pytest.skip("has a GPU")
    assert main(command("disease", questions, base, tmp_path, *more)) == 2
    assert_one_line(capsys.readouterr().err, message)


def test_one_class_is_told(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "one.csv"
    data.write_text("text,disease\n" + "콧물이 나요,감기\n" * 10, encoding="utf-8")
    assert main(command("disease", data, base, tmp_path)) == 2
    assert_one_line(capsys.readouterr().err, "1 label.*two or more")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights: expected model.safetensors"),
        (lambda folder: os.truncate(folder / "model.safetensors", 9999), "damaged or cut short"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "gpt2"}'), "is a gpt2"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: shutil.copy(folder / "../other.safetensors", folder / "model.safetensors"), "is no whole BERT"),
        (lambda folder: say(folder, hidden_size=48), "another size than its config.json says.*copy config.json"),
        (lambda folder: say(folder, num_hidden_layers=1), "layers that its config.json does not count.*layer.1."),
        (lambda folder: say(folder, vocab_size=9999), "1 weights.*embeddings.word_embeddings.weight first"),
    ],
)
def test_a_base_that_is_not_whole_is_told(
    damage: Any, message: str, questions: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(base, tmp_path / "base")
    save_file({"bert.pooler.dense.bias": torch.zeros(32)}, tmp_path / "other.safetensors")
    damage(tmp_path / "base")
    assert main(command("disease", questions, tmp_path / "base", tmp_path / "out")) == 2
    assert_one_line(capsys.readouterr().err, message)


def say(folder: Path, **changes: object) -> None:
    """Lets config.json say something else than the weights beside it."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_base_in_half_precision_is_trained_in_full(base: Path, tmp_path: Path) -> None:
    from carepick.training.base_model import load_base
    from carepick.training.network import load_encoder

    shutil.copytree(base, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    save_file({name: value.half() for name, value in weights.items()}, tmp_path / "base" / "model.safetensors")
    say(tmp_path / "base", torch_dtype="float16")
    for model in (load_base(tmp_path / "base", 3)[0], load_encoder(tmp_path / "base")):
        assert {value.dtype for value in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_no_perfect_ranking(bad: float) -> None:
    logits = np.zeros((10, 3))
    logits[4, 1] = bad
    with pytest.raises(TrainingError, match=r"diverged.*lower --learning-rate"):
        headline_figures(logits, np.zeros(10, int))


def test_a_run_is_of_a_number_of_devices() -> None:
    rows = Examples(["콧물"], ["감기"])
    one, four = (_fingerprint(DISEASE_RECIPE, rows, rows, Path("base"), devices) for devices in (1, 4))
    assert one != four


def test_a_timed_checkpoint_leaves_the_end_of_an_epoch_to_the_epoch() -> None:
    arguments = SimpleNamespace(num_train_epochs=3.0, world_size=1)
    often = TimedCheckpoints(0)
    saved = [
        step
        for step in range(1, 13)
        if often.on_step_end(
            arguments, SimpleNamespace(global_step=step, max_steps=12), SimpleNamespace(should_save=False)
        ).should_save
    ]
    assert saved == [1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_the_best_epoch_is_the_one_that_is_named() -> None:
    state = SimpleNamespace(epoch=5.0, global_step=50, best_model_checkpoint="somewhere/checkpoint-20")
    assert finished_epoch(state) == 2
    assert finished_epoch(SimpleNamespace(epoch=5.0, global_step=50, best_model_checkpoint=None)) == 5


def test_a_damaged_checkpoint_and_a_full_disk_are_told(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"cut short")
    with (
        pytest.raises(TrainingError, match="checkpoint-7 is damaged: delete it"),
        explain_failures(16, Path("checkpoint-7")),
    ):
        load_file(tmp_path / "model.safetensors")
    (tmp_path / "optimizer.pt").write_bytes(b"PK\x03\x04 cut short")
    with (
        pytest.raises(TrainingError, match="checkpoint-7 is damaged: delete it"),
        explain_failures(16, Path("checkpoint-7")),
    ):
        torch.load(tmp_path / "optimizer.pt")
    with pytest.raises(TrainingError, match="No space left on device"), explain_failures(16):
        raise OSError(28, "No space left on device")


def test_a_head_of_another_task_does_no_harm(base: Path) -> None:
    from carepick.training.base_model import load_base

    model, _ = load_base(base, 5)  # the base has a head of two classes
    assert model.classifier.weight.shape[0] == 5


def test_a_batch_that_does_not_fit_says_what_to_lower() -> None:
    with pytest.raises(TrainingError, match=r"--batch-size \(now 16\)"), explain_failures(16):
        torch.empty(1 << 55)
    with pytest.raises(RuntimeError, match="shapes"), explain_failures(16):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


def assert_one_line(output: str, message: str) -> None:
    import re

    lines = [line for line in output.split("\n") if line.startswith("carepick: ")]
    assert len(lines) == 1, output
    assert re.search(message, lines[0]), lines[0]
    assert "Traceback" not in output
