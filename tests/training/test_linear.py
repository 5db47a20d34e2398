"""The n-gram branch learns what tells classes apart, and its table reads what it wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train

TEXTS = [f"{word} {number}" for number in range(20) for word in ("눈이 아파요", "발이 가려워요", "귀가 멍해요")]
CLASSES = np.tile(np.arange(3), 20)


def taught(texts: list[str], classes: np.ndarray):
    from carepick.training.linear import TaskTexts

    return TaskTexts(texts, texts, classes, (classes >= 0).astype(float))


def test_fitted_branch_answers_what_it_was_taught() -> None:
    from carepick.training.linear import LinearSettings, choose_ngrams, count_matrix, fit_linear

    settings = LinearSettings(least_texts=2, rows=60)
    tasks = {"department": taught(TEXTS, CLASSES), "disease": taught(TEXTS, np.where(CLASSES == 2, -1, CLASSES))}
    table = choose_ngrams(tasks, settings)
    assert len(table.hashes) <= 60
    assert (np.diff(table.hashes.astype(np.int64)) > 0).all()
    features = count_matrix(TEXTS, table)
    weight, bias = fit_linear("department", features, CLASSES, np.ones(60), settings)
    unseen = count_matrix(["눈이많이아파요", "발이 너무 가려워요"], table)
    assert (unseen @ weight + bias).argmax(1).tolist() == [0, 1]


def test_the_rows_kept_are_those_that_tell_classes_apart() -> None:
    from carepick.engine.ngrams import ngram_hashes
    from carepick.training.linear import LinearSettings, choose_ngrams

    settings = LinearSettings(least_texts=2, rows=9, shortest=1, longest=1, edges=False)
    kept = set(choose_ngrams({"department": taught(TEXTS, CLASSES)}, settings).hashes.tolist())
    telling, common = ("눈", "발", "귀"), ("요",)
    assert all(int(ngram_hashes(letter, 1, 1)[0]) in kept for letter in telling)
    assert not any(int(ngram_hashes(letter, 1, 1)[0]) in kept for letter in common)


def test_two_classes_have_a_column_each() -> None:
    from carepick.training.linear import LinearSettings, choose_ngrams, count_matrix, fit_linear

    texts, classes = [TEXTS[i] for i in range(60) if CLASSES[i] < 2], CLASSES[CLASSES < 2]
    settings = LinearSettings(least_texts=2, rows=60)
    table = choose_ngrams({"department": taught(texts, classes)}, settings)
    weight, bias = fit_linear("department", count_matrix(texts, table), classes, np.ones(40), settings)
    scores = count_matrix(["눈이많이아파요", "발이 너무 가려워요"], table) @ weight + bias
    assert scores.shape == (2, 2)
    assert scores.argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("task", ["department", "disease"])
def test_the_models_of_a_branch_are_added_each_with_the_same_spread(task: str) -> None:
    from carepick.training.linear import LinearSettings, choose_ngrams, count_matrix, fit_linear

    none, one = {task: 0.0}, {task: 1.0}
    settings = LinearSettings(least_texts=2, rows=60, nbsvm_shares=none, likely_shares=none)
    features = count_matrix(TEXTS, choose_ngrams({task: taught(TEXTS, CLASSES)}, settings))
    shares = [(1.0, none, none), (0.0, one, none), (0.0, none, one), (1.0, one, one)]
    fitted = [
        fit_linear(
            task, features, CLASSES, np.ones(60), replace(settings, margin_share=m, nbsvm_shares=n, likely_shares=k)
        )
        for m, n, k in shares
    ]
    spreads = [np.asarray(features @ weight).std() for weight, _ in fitted]
    assert np.allclose(spreads[:3], 1, atol=1e-3)
    for part in range(2):
        assert np.allclose(sum(branch[part] for branch in fitted[:3]), fitted[3][part], atol=1e-3)
    assert not np.allclose(fitted[0][0], fitted[1][0], atol=1e-2)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    from carepick.engine.ngrams import NgramTable
    from carepick.training.linear_files import load_linear, save_linear

    table = NgramTable(np.array([3, 9], np.uint32), 1, 4, True)
    parts = {"disease": (np.ones((2, 5), np.float32), np.zeros(5, np.float32))}
    save_linear(tmp_path / "linear.npz", table, parts)
    loaded, loaded_parts = load_linear(tmp_path / "linear.npz")
    assert loaded.hashes.tolist() == [3, 9]
    assert (loaded.shortest, loaded.longest, loaded.edges) == (1, 4, True)
    assert np.array_equal(loaded_parts["disease"][0], parts["disease"][0])


def question_rows(texts: list[str]):
    import pandas as pd

    thirds = len(texts) // 3
    return pd.DataFrame(
        {
            "text": texts, "named_text": texts, "department": ["안과", "이비인후과", "피부과"] * thirds,
            "disease": ["결막염", "중이염", "무좀"] * thirds, "department_weight": 1.0, "disease_weight": 1.0,
            "source": "board", "split": "train",
        }
    )  # fmt: skip


def test_a_training_text_is_scored_by_the_fold_that_has_not_seen_it(tmp_path: Path) -> None:
    from carepick.training.linear import TASKS, LinearSettings, fit_branches, fit_folds, fold_of
    from carepick.training.linear_files import load_folds, save_folds

    # Every text has a word of its own: only a branch that learnt from the text itself can tell its class.
    syllables = [chr(0xAC00 + 97 * number) for number in range(60)]
    rows = question_rows([syllable * 3 for syllable in syllables])
    settings = LinearSettings(least_texts=1, rows=600, regularization=dict.fromkeys(TASKS, 10.0))
    table, branches = fit_branches(rows, settings)
    save_folds(tmp_path / "folds.npz", fit_folds(rows, table, settings))
    folds = load_folds(tmp_path / "folds.npz", table)
    weight, bias = branches["department"]
    for text, department in zip(rows.text, rows.department, strict=True):
        columns, values = table.encode(text)
        seen = values @ weight[columns - 1] + bias
        unseen = folds.scores(text, text)["department"]
        right = ["안과", "이비인후과", "피부과"].index(department)
        assert seen.argmax() == right
        assert np.allclose(unseen, folds.biases["department"][fold_of(text, 3)], atol=1e-5)


def test_a_disease_is_learnt_without_its_name_and_a_department_with_it() -> None:
    from carepick.training.linear import LinearSettings, task_texts

    rows = question_rows(["눈이 아파요", "귀가 멍해요", "발이 가려워요"])
    rows["named_text"] = ["결막염인지 눈이 아파요", "귀가 멍해요", "발이 가려워요"]
    settings = LinearSettings(named_weight=0.25)
    departments, diseases = (task_texts(rows, task, settings) for task in ("department", "disease"))
    assert departments.texts == rows.named_text.tolist()
    assert diseases.texts == [*rows.text, "결막염인지 눈이 아파요"]
    assert diseases.originals == [*rows.text, "눈이 아파요"]
    assert diseases.weights.tolist() == [1, 1, 1, 0.25]


def test_the_table_has_room_for_the_words_of_triage() -> None:
    import pandas as pd

    from carepick.engine.ngrams import ngram_hashes
    from carepick.training.linear import LinearSettings, fit_branches

    asked = question_rows(["눈이 아파요.", "귀가 멍해요.", "발이 가려워요."] * 20)
    own = pd.DataFrame(
        {
            "text": ["사라질래요", "밥을 먹었어요"] * 3,
            "triage": ["crisis", "none"] * 3,
            "source": "triage",
            "split": "train",
        }
    )
    own = own.assign(named_text=own.text, department="", disease="", department_weight=0.0, disease_weight=0.0)
    corpus = pd.concat([asked, own], ignore_index=True)
    hashes = set(ngram_hashes("사라질", 3, 3))
    for rows, known in ((0, False), (20, True)):
        table, branches = fit_branches(corpus, LinearSettings(least_texts=2, rows=60, triage_rows=rows))
        assert (hashes <= set(table.hashes)) is known
        assert len(table.hashes) <= 60
        assert branches["department"][0].shape == (len(table.hashes), 3)


def test_blend_leans_on_the_branch_that_is_right() -> None:
    from carepick.training.blend import fit_blend

    rng = np.random.default_rng(0)
    targets = rng.integers(0, 4, 300)
    right = rng.normal(size=(300, 4)) + 3 * np.eye(4)[targets]
    noise = rng.normal(size=(300, 4))
    blend = fit_blend(right, noise, targets, np.ones(300))
    assert blend.encoder_share > 4 * blend.ngram_share


def test_gatekeeper_folds_its_standardization_in() -> None:
    from scipy import sparse

    from carepick.training.gatekeepers import fit_gatekeeper

    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 200)
    pooled = (rng.normal(size=(200, 6)) * 3 + 5 + targets[:, None] * 4).astype(np.float32)
    ngrams = sparse.csr_matrix((200, 10), dtype=np.float32)
    head = fit_gatekeeper(pooled, ngrams, targets, np.ones(200), 1.0, 1.0)
    assert (head.logits(pooled, ngrams).argmax(1) == targets).mean() > 0.9


def test_a_class_of_nothing_but_weightless_texts_is_told() -> None:
    from carepick.errors import TrainingError
    from carepick.training.linear import LinearSettings, task_texts

    rows = question_rows(["눈이 아파요", "눈이 빨개요", "발이 가려워요"])
    rows["department"] = ["안과", "안과", "피부과"]
    rows["department_weight"] = [1.0, 1.0, 0.15]
    with pytest.raises(TrainingError, match=r"all questions on 피부과 weigh less than 0\.3"):
        task_texts(rows, "department", LinearSettings())
