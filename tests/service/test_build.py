"""Settings to predictor: real bundles from disk, one or two, and what does not fit is named."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SENTENCES, MakeBundle, seal

from carepick.engine.bundle import DEFAULT_BUNDLE
from carepick.engine.manifest import MANIFEST_NAME, Golden, Head, Label, parse_manifest, read_manifest
from carepick.errors import BundleError
from carepick.knowledge.catalog import load_catalog
from carepick.knowledge.red_flags import load_red_flags
from carepick.knowledge.stems import Stem
from carepick.records import Span, Task, TriageLevel
from carepick.service.build import build_predictor, load_models, passes_at_a_time
from carepick.service.predictor import Predictor
from carepick.settings import Settings


def predictor_of(*folders: Path, **changes: object) -> Predictor:
    return build_predictor(Settings(bundle=",".join(map(str, folders)), **changes))


def test_the_model_inside_the_package_serves() -> None:
    predictor = Predictor.load()
    try:
        assert predictor.ready()
        prediction = predictor.predict(SENTENCES[0])
        assert len(prediction.tasks[Task.DEPARTMENT].labels) <= 34
        assert predictor.predict_many([SENTENCES[0]]) == [prediction]
        assert predictor.diagnose(SENTENCES[0]).prediction.tasks.keys() == prediction.tasks.keys()
    finally:
        predictor.close()


def test_of_the_words_of_the_red_flags_only_those_with_marks_stay_in_memory() -> None:
    gc.collect()
    before = sum(type(each) is Stem for each in gc.get_objects())
    predictor = build_predictor(Settings(engine="deterministic"))
    try:
        gc.collect()
        kept = sum(type(each) is Stem for each in gc.get_objects()) - before
        words = sum(map(len, load_red_flags().concepts.values()))
        assert 0 < kept < words / 3
    finally:
        predictor.close()


def test_the_deterministic_engine_answers_the_whole_catalog() -> None:
    predictor = build_predictor(Settings(engine="deterministic"))
    try:
        tasks = predictor.predict(SENTENCES[0]).tasks
        assert (len(tasks[Task.DISEASE].labels), len(tasks[Task.DEPARTMENT].labels)) == (155, 34)
    finally:
        predictor.close()


def test_one_shared_bundle_and_two_of_their_own(make_bundle: MakeBundle) -> None:
    for folders in ([make_bundle()], [make_bundle(["disease"]), make_bundle(["department"], ngrams=False)]):
        predictor = predictor_of(*folders)
        try:
            assert {task: len(answer.labels) for task, answer in predictor.predict(SENTENCES[1]).tasks.items()} == {
                Task.DISEASE: 7,
                Task.DEPARTMENT: 5,
            }
            assert all(isinstance(answer.windows, int) for answer in predictor.predict_many(SENTENCES))
        finally:
            predictor.close()


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("반지 안빠져 손가락 보라색 감각없음", TriageLevel.ER),
        ("나 지금 철길에 누웠어", TriageLevel.CRISIS),
        ("전남친이 가게 앞에 매일 서 있어요 무서워서 퇴근을 못 해요", TriageLevel.DANGER),
        ("콧물이 나고 목이 아파요", TriageLevel.NONE),
    ],
)
def test_models_that_have_not_learned_triage_are_guarded(
    make_bundle: MakeBundle, text: str, level: TriageLevel
) -> None:
    """Words that no rule knows are heard all the same, by the sentence head of the model inside the package."""
    rules = build_predictor(Settings(engine="deterministic"))
    guarded = predictor_of(make_bundle(["disease"]), make_bundle(["department"], ngrams=False))
    try:
        assert rules.predict(text).triage.level is TriageLevel.NONE
        triage = guarded.diagnose(text).prediction.triage
        assert triage.level is level
        assert [flag.spans for flag in triage.flags] == [(Span(0, len(text)),)] * len(triage.flags)
    finally:
        rules.close()
        guarded.close()


def test_a_model_that_has_learned_triage_needs_no_guard(make_bundle: MakeBundle) -> None:
    catalog = load_catalog()
    for folder, guarded in ((DEFAULT_BUNDLE, False), (make_bundle(), True)):
        models = load_models(Settings(bundle=str(folder)), catalog)
        models.close()
        assert bool(models.guard) is guarded


def test_reload_reads_the_folder_again(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    predictor = predictor_of(folder)
    try:
        before = predictor.predict(SENTENCES[0])
        seal(folder, version="tiny-2")
        predictor.reload()
        after = predictor.predict(SENTENCES[0])
        assert after.tasks[Task.DISEASE].model_version == "tiny-2"
        assert after.tasks[Task.DISEASE].labels == before.tasks[Task.DISEASE].labels
        (folder / "model.onnx").write_bytes(b"?")
        with pytest.raises(BundleError, match="checksum"):
            predictor.reload()
        assert predictor.predict(SENTENCES[0]) == after
    finally:
        predictor.close()


def test_names_a_label_that_the_catalog_lacks(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    heads = dict(read_manifest(folder).heads)
    stray = Label("stray", "학습 데이터에서 온 문장")
    labels = (*heads["disease"].labels[:-1], stray)
    seal(folder, heads={**heads, "disease": Head(labels)})
    with pytest.raises(BundleError, match="stray"):
        predictor_of(folder)
    seal(folder, heads={**heads, "disease": Head(labels, excluded_labels=("stray",))})
    predictor = predictor_of(folder)
    assert "stray" not in {label.id for label in predictor.predict(SENTENCES[0]).tasks[Task.DISEASE].labels}
    predictor.close()


def test_refuses_a_head_without_answers(make_bundle: MakeBundle) -> None:
    folder = make_bundle(["disease"])
    labels = read_manifest(folder).heads["disease"].labels
    seal(folder, heads={"disease": Head(labels, excluded_labels=tuple(label.id for label in labels))})
    with pytest.raises(BundleError, match="every label of head disease"):
        predictor_of(folder)


@pytest.mark.parametrize("strange", [{"short_bias": {"stray": 1.0}, "short_letters": 9}, {"short_letters": -1}])
def test_refuses_a_bias_for_short_texts_that_fits_no_label(make_bundle: MakeBundle, strange: dict[str, Any]) -> None:
    path = make_bundle(["disease"]) / MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["heads"]["disease"].update(strange)
    with pytest.raises(BundleError, match="short_bias must name its labels"):
        parse_manifest(manifest)


def test_refuses_another_golden_answer(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    predictor = predictor_of(folder)
    worst = predictor.predict(SENTENCES[0]).tasks[Task.DISEASE].labels[-1].id
    predictor.close()
    seal(folder, golden=Golden(SENTENCES[0], {"disease": worst}))
    with pytest.raises(BundleError, match="golden"):
        predictor_of(folder)


def test_refuses_two_bundles_for_one_task(make_bundle: MakeBundle) -> None:
    with pytest.raises(BundleError, match="2 bundles answer department"):
        predictor_of(make_bundle(), make_bundle(["department"]))


def test_prepacked_weights_serve_the_same(make_bundle: MakeBundle, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("carepick.engine.prepacked.open_engine.__defaults__", (0,))
    folder = make_bundle()
    answers = []
    for changes in ({"prepacked": False}, {"cache_dir": str(tmp_path)}, {"cache_dir": str(tmp_path)}):
        predictor = predictor_of(folder, **changes)
        answers.append(predictor.predict(SENTENCES[0]))
        predictor.close()
    assert any(path.is_dir() for path in tmp_path.iterdir())
    assert answers[1] == answers[2]
    for task in Task:
        for one, other in zip(answers[0].tasks[task].labels, answers[1].tasks[task].labels, strict=True):
            assert one.id == other.id
            assert one.score == pytest.approx(other.score, abs=1e-6)


@pytest.mark.parametrize(
    ("workers", "threads", "cpus", "passes"),
    [
        *((1, 0, 2, 2), (2, 0, 2, 1), (1, 0, 3, 3), (2, 0, 8, 4), (1, 0, 1, 1), (4, 0, 2, 1)),
        *((1, 2, 2, 1), (1, 2, 8, 4), (2, 2, 8, 2), (64, 64, 1, 1)),
    ],
)
def test_passes_keep_the_processors_busy_and_no_more(workers: int, threads: int, cpus: int, passes: int) -> None:
    assert passes_at_a_time(Settings(workers=workers, inference_threads=threads), cpus) == passes


@pytest.mark.parametrize("closed", [True, False])
def test_a_program_ends_cleanly_also_when_it_forgets_to_close(make_bundle: MakeBundle, closed: bool) -> None:
    program = (
        "import sys, threading\n"
        "from carepick.service.predictor import Predictor\n"
        "from carepick.settings import Settings\n"
        f"predictor = Predictor.load(Settings(bundle={str(make_bundle())!r}))\n"
        "threading.Thread(target=lambda: [predictor.predict(str(n)) for n in range(10**9)], daemon=True).start()\n"
        "predictor.predict('머리가 아파요')\n" + ("predictor.close()\n" if closed else "")
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "terminate" not in done.stderr
