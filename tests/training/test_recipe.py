"""A whole recipe on made-up data: from Parquet files to a bundle that serves."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.train

COMPLAINTS = {
    ("정형외과", "오십견"): ("팔이 안 올라가요", "어깨가 굳었어요", "밤에 어깨가 아파요", "등 뒤로 손이 안 가요"),
    ("안과", "결막염"): ("눈이 빨개요", "눈곱이 많이 껴요", "눈이 가려워요", "눈물이 나요"),
    ("피부과", "무좀"): ("발가락이 짓물러요", "발바닥이 벗겨져요", "발톱이 노래요", "발이 가려워요"),
}


def question(rng: random.Random, complaints: tuple[str, ...]) -> str:
    return f"{rng.randrange(2, 30)}일 전부터 " + " ".join(rng.sample(complaints, 2)) + f" {rng.randrange(10**6)}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as CAREPICK_DATA names one, with dates on both sides of the splits."""
    import pandas as pd

    from carepick.training.dummy import SIZES, random_classifier
    from carepick.training.original_writer import write_directory

    rng = random.Random(1)
    folder = tmp_path_factory.mktemp("shared")
    (folder / "data").mkdir()
    (folder / "models").mkdir()
    departments, diseases, sentences = [], [], []
    for (department, disease), complaints in COMPLAINTS.items():
        for number in range(60):
            date = ("2024.05.02", "2024.10.20", "2024.12.03")[number % 3 if number < 30 else 0]
            text = question(rng, complaints)
            departments.append((f"{disease} 같아요 {text}", department, "board", date))
            diseases.append((f"[MASK] 같아요 {text}", disease, "named_in_question", date, "kin"))
            sentences.append((question(rng, complaints), disease, 1))
        departments += [(question(rng, complaints), department, "doctor", "2024.05.03") for _ in range(12)]
        diseases += [
            (question(rng, complaints), disease, "asserted_by_doctor", "2020.08.01", "hidoc") for _ in range(9)
        ]
    tables = {
        "department_questions": (departments, ["text", "department", "source", "date"]),
        "disease_questions": (diseases, ["text", "disease", "label_from", "date", "source"]),
        "disease_sentences": ([*sentences, ("stray", "이 문장은 병 이름이 아니다", 1)], ["text", "disease", "style"]),
    }
    for name, (rows, columns) in tables.items():
        pd.DataFrame(rows, columns=columns).to_parquet(folder / "data" / f"{name}.parquet")
    write_directory(random_classifier(SIZES["tiny"], ("one", "two"), seed=5), folder / "models")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both recipes' steps, with settings for a minute's work, a gate for a model that learned little, and some sixty rows
    of each file of the project's own training texts (all of which tests/training/test_own_texts.py reads)."""
    project = Path(__file__).parents[2]
    folder = tmp_path_factory.mktemp("project")
    (folder / "recipes").mkdir()
    (folder / "datasets").mkdir()
    for path in (project / "datasets").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[:: max(1, len(lines) // 60)] if "_training" in path.stem else lines
        (folder / "datasets" / path.name).write_text("".join(kept), encoding="utf-8")
    for name in ("default", "continue"):
        text = (project / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
        text = text.replace("$DATA/models/e5-small-ko", "$DATA/models").replace("rows = 65535", "rows = 1000")
        text = text.replace("least_texts = 6", "least_texts = 2").replace(
            "layers = 6, frozen_layers = 2", "layers = 1, frozen_layers = 0"
        )
        text = text.replace("triage_rows = 16000", "triage_rows = 60").replace("frozen_layers = 2", "frozen_layers = 0")
        text = text.replace(
            "settings.parity_texts = 2000", "settings.least_agreement = 0.8\nsettings.parity_texts = 30"
        )
        text = re.sub(r"max_steps = \d+", "max_steps = 12", text)
        (folder / "recipes" / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made(data: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of the default recipe."""
    from carepick.training.recipe import run_recipe
    from carepick.training.steps import STEPS

    work = tmp_path_factory.mktemp("work")
    told: list[str] = []
    run_recipe(project / "recipes" / "default.toml", data, work, STEPS, told.append)
    assert not any("up to date" in line for line in told)
    return work


def serves(bundle: Path) -> None:
    from carepick.records import Task
    from carepick.service.predictor import Predictor
    from carepick.settings import Settings

    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["heads"]) == {"disease", "department", "triage", "scope"}
    assert set(manifest["golden"]["top"]) == {"disease", "department"}
    predictor = Predictor.load(Settings(bundle=str(bundle)))
    try:
        assert predictor.ready()
        answer = predictor.predict("눈이 빨갛고 눈곱이 껴요")
        assert answer.tasks[Task.DEPARTMENT].labels[0].name == "안과"
        assert answer.tasks[Task.DISEASE].labels[0].name == "결막염"
    finally:
        predictor.close()


def test_recipe_makes_a_bundle_that_serves_and_runs_no_step_twice(data: Path, project: Path, made: Path) -> None:
    from carepick.training.recipe import run_recipe
    from carepick.training.steps import STEPS

    serves(made / "bundle")
    told: list[str] = []
    run_recipe(project / "recipes" / "default.toml", data, made, STEPS, told.append)
    assert told
    assert all("up to date" in line for line in told)


def test_a_recipe_goes_on_from_a_bundle_alone(data: Path, project: Path, made: Path, tmp_path: Path) -> None:
    import numpy as np
    import torch

    from carepick.training.recipe import run_recipe
    from carepick.training.steps import STEPS
    from carepick.training.teach import load_taught

    bundle = project / "src" / "carepick" / "engine" / "default_bundle"
    bundle.parent.mkdir(parents=True)
    bundle.symlink_to(made / "bundle")
    run_recipe(project / "recipes" / "continue.toml", data, tmp_path, STEPS, lambda _: None)
    serves(tmp_path / "bundle")
    before, after = (torch.load(tmp_path / name / "network.pt") for name in ("network-before", "network"))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before if "layer.0" in name)
    assert len(load_taught(tmp_path / "taught").texts) == 36, "what a doctor answered says little about where to go"
    table, kept = (np.load(folder / "bundle" / "ngrams.npy") for folder in (made, tmp_path))
    assert np.array_equal(table, kept)


@pytest.mark.parametrize(("precision", "closeness"), [("bundle-float32", 1e-4), ("bundle", 0.1)])
def test_the_parts_of_a_bundle_add_up_to_what_it_answers(
    data: Path, made: Path, tmp_path: Path, precision: str, closeness: float
) -> None:
    import numpy as np
    from tokenizers import Tokenizer

    from carepick.engine.bundle import open_bundle
    from carepick.engine.onnx import OnnxEngine
    from carepick.training.features import load_network, pooled_states
    from carepick.training.linear import count_matrix
    from carepick.training.linear_files import load_linear
    from carepick.training.take_apart import take_apart

    encoder, text = made / "encoder", "3일 전부터 눈이 가려워요"
    take_apart(made / precision, encoder, 0, tmp_path / "network", tmp_path / "linear.npz")
    network, labels = load_network(tmp_path / "network", encoder, layers=1)
    table, branches = load_linear(tmp_path / "linear.npz")
    pooled = pooled_states(network, Tokenizer.from_file(str(encoder / "tokenizer.json")), [text])
    engine = OnnxEngine(open_bundle(made / precision), max_windows=1, threads=1)
    for task, names in labels.items():
        (answered,) = engine.run(engine.encode(text).windows, [task])[task]
        weight, bias = branches[task]
        deep = pooled @ network.heads[task].weight.detach().numpy().T
        assert deep.shape == (1, len(names))
        assert deep.any()
        assert not network.heads[task].bias.any()
        assert np.allclose(deep[0] + (count_matrix([text], table) @ weight)[0] + bias, answered, atol=closeness)


def test_another_scope_head_changes_no_other_answer(made: Path, tmp_path: Path) -> None:
    import dataclasses

    import numpy as np

    from carepick.engine.bundle import open_bundle
    from carepick.engine.onnx import OnnxEngine
    from carepick.errors import TrainingError
    from carepick.training.bundle_graph import BundleGraph
    from carepick.training.replace_heads import replace_heads

    before = open_bundle(made / "bundle")
    head = BundleGraph(before.model).heads(before.manifest)["scope"]
    turned = dataclasses.replace(head, deep=-head.deep, wide=-head.wide, bias=-head.bias)
    replace_heads(made / "bundle", {"scope": turned}, {"scope": 0.6}, "int8", tmp_path / "out")
    after = open_bundle(tmp_path / "out")
    assert after.manifest.confidence["scope"] == 0.6
    assert after.manifest.version != before.manifest.version
    assert after.manifest.metrics == before.manifest.metrics
    engines = [OnnxEngine(bundle, max_windows=1, threads=1) for bundle in (before, after)]
    windows = engines[0].encode("3일 전부터 눈이 가려워요").windows
    outputs = ["disease", "department", "triage", "scope", "disease.ngrams", "scope.ngrams"]
    old, new = (engine.run(windows, outputs) for engine in engines)
    for name in outputs:
        assert np.allclose(new[name], -old[name] if name.startswith("scope") else old[name], atol=1e-5)
        assert name.startswith("scope") or np.array_equal(new[name], old[name])
    with pytest.raises(TrainingError, match="lacks the head weather"):
        replace_heads(made / "bundle", {"weather": turned}, {}, "int8", tmp_path / "none")


def test_a_bundle_is_not_taken_apart_with_another_encoder(made: Path, tmp_path: Path) -> None:
    from carepick.errors import TrainingError
    from carepick.training.dummy import DummySize, random_classifier
    from carepick.training.original_writer import write_directory
    from carepick.training.take_apart import take_apart

    (tmp_path / "other").mkdir()
    write_directory(random_classifier(DummySize(5000, 64, 2, 2, 64), ("one", "two"), seed=5), tmp_path / "other")
    with pytest.raises(TrainingError, match="was not made of"):
        take_apart(made / "bundle", tmp_path / "other", 0, tmp_path / "network", tmp_path / "linear.npz")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "recipes").glob("*.toml")), ids=lambda path: path.stem
)
def test_each_recipe_has_known_steps_whose_inputs_are_made_before(path: Path) -> None:
    from carepick.training.recipe import read_recipe
    from carepick.training.steps import STEPS

    made = {"datasets", "src/carepick/engine/default_bundle"}
    for step in read_recipe(path)[1]:
        assert step.run in STEPS
        assert all(name.startswith("$DATA/") or name in made for name in step.inputs), step
        made |= set(step.outputs)


def test_corpus_splits_by_time_unmasks_and_leaves_out_the_stray_sentence(data: Path) -> None:
    from carepick.training.corpus import CorpusSettings, build_corpus

    datasets = Path(__file__).parents[2] / "datasets"
    corpus = build_corpus(data / "data", datasets, CorpusSettings())
    assert not corpus.text.str.contains("MASK", regex=False).any()
    assert set(corpus[corpus.date >= "2024.11.01"].split) == {"valid"}
    assert set(corpus[corpus.date == "2024.05.02"].split) == {"train"}
    assert "이 문장은 병 이름이 아니다" not in set(corpus.disease)
    assert set(corpus[corpus.source == "triage"].triage) == {"none", "urgent", "crisis", "danger"}
    assert set(corpus[corpus.source == "triage"].split) == {"train", "tune"}
    assert corpus[corpus.source == "symptoms"].disease.nunique() == 155
    both = corpus[(corpus.department != "") & (corpus.disease != "") & (corpus.date != "")]
    assert len(both) == 180
    assert both.named_text.str.contains("같아요").all()
    assert not any(disease in text for disease, text in zip(both.disease, both.text, strict=True))


def test_a_complaint_counts_once_for_all_its_diseases_and_the_likelier_ones_more(tmp_path: Path) -> None:
    from carepick.training.own_texts import own_complaints

    complaints = [
        {"text": "콧물  나요", "diseases": ["감기", "비염", "알레르기 비염"], "departments": ["이비인후과", "내과"]},
        {"text": "이가 시려요", "diseases": ["충치(치아우식증)"], "departments": ["치과"]},
    ]
    path = tmp_path / "complaints_training.jsonl"
    path.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in complaints), encoding="utf-8")
    found = own_complaints(tmp_path)
    assert found.values.tolist() == [
        ["콧물 나요", "감기", "이비인후과", pytest.approx(4 / 7)],
        ["콧물 나요", "비염", "", pytest.approx(2 / 7)],
        ["콧물 나요", "알레르기 비염", "", pytest.approx(1 / 7)],
        ["이가 시려요", "충치(치아우식증)", "치과", 1.0],
    ]


def test_missing_data_says_where_it_was_looked_for(tmp_path: Path) -> None:
    from carepick.errors import DataError
    from carepick.training.corpus import CorpusSettings, build_corpus

    with pytest.raises(DataError, match="CAREPICK_DATA"):
        build_corpus(tmp_path, tmp_path, CorpusSettings())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = [", "not valid TOML"),
        ('name = "x"', "steps"),
        ('name = "x"\n[[steps]]\nrun = "fly"\ninputs = []\noutputs = []', "no step is called fly"),
        (
            'name = "x"\n[[steps]]\nrun = "linear"\ninputs = ["corpus.parquet"]\noutputs = []',
            "corpus.parquet is missing",
        ),
    ],
)
def test_bad_recipes_say_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    from carepick.errors import TrainingError
    from carepick.training.recipe import run_recipe
    from carepick.training.steps import STEPS

    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=words):
        run_recipe(path, tmp_path, tmp_path / "work", STEPS, print)


def test_a_step_goes_on_only_from_what_was_made_of_the_same(tmp_path: Path) -> None:
    """A step that keeps what it finds, as the training of a network does, begins anew when its settings have changed."""
    from carepick.training.recipe import run_recipe

    recipe = tmp_path / "recipes" / "r.toml"
    recipe.parent.mkdir()
    found: list[list[str]] = []

    def write(rate: int) -> None:
        recipe.write_text(
            'name = "r"\n[[steps]]\nrun = "learn"\ninputs = []\noutputs = ["network", "log"]\n'
            f"settings = {{ rate = {rate} }}\n"
        )

    def learn(inputs: list[Path], outputs: list[Path], settings: object) -> None:
        network, log = outputs
        found.append(sorted(path.name for path in network.iterdir()) if network.exists() else [])
        network.mkdir(exist_ok=True)
        log.write_text("done")
        if not (network / "checkpoint").exists():
            (network / "checkpoint").write_text("half")
            raise KeyboardInterrupt
        (network / "weights").write_text("whole")

    def run() -> None:
        run_recipe(recipe, tmp_path, tmp_path / "work", {"learn": learn}, lambda _: None)

    write(1)
    with pytest.raises(KeyboardInterrupt):
        run()
    run()
    run()
    write(2)
    with pytest.raises(KeyboardInterrupt):
        run()
    write(3)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert found == [[], ["checkpoint"], [], []]


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    from carepick.errors import TrainingError
    from carepick.training.recipe import run_recipe

    (tmp_path / "r.toml").write_text('name = "r"\nsteps = []')
    (tmp_path / "state.json").write_text('{"linear.npz": ')
    with pytest.raises(TrainingError, match=r"state\.json is damaged: delete it"):
        run_recipe(tmp_path / "r.toml", tmp_path, tmp_path, {}, print)


def changed(data: Path, folder: Path, name: str, **values: object) -> Path:
    """Returns a copy of the data folder in which the first row of the table `name` has other `values`."""
    import shutil

    import pandas as pd

    shutil.copytree(data / "data", folder, dirs_exist_ok=True)
    table = pd.read_parquet(folder / f"{name}.parquet")
    for column, value in values.items():
        table.loc[0, column] = value
    table.to_parquet(folder / f"{name}.parquet")
    return folder


def test_labels_and_dates_that_do_not_fit_are_told_before_anything_is_learnt(data: Path, tmp_path: Path) -> None:
    from carepick.errors import DataError
    from carepick.training.corpus import CorpusSettings, build_corpus

    datasets = Path(__file__).parents[2] / "datasets"
    with pytest.raises(DataError, match="the catalog has no department 만능과"):
        build_corpus(
            changed(data, tmp_path / "a", "department_questions", department="만능과"), datasets, CorpusSettings()
        )
    with pytest.raises(DataError, match=r"a date .* is none: expected one such as 2024\.11\.15, not 'gestern'"):
        build_corpus(changed(data, tmp_path / "b", "department_questions", date="gestern"), datasets, CorpusSettings())


def test_dates_may_be_written_in_other_ways(data: Path, tmp_path: Path) -> None:
    import pandas as pd

    from carepick.training.corpus import CorpusSettings, build_corpus

    folder = changed(data, tmp_path, "department_questions")
    for name in ("department_questions", "disease_questions"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table["date"] = pd.to_datetime(table.date, format="%Y.%m.%d")
        table.to_parquet(folder / f"{name}.parquet")
    datasets = Path(__file__).parents[2] / "datasets"
    one, other = (
        build_corpus(place, datasets, settings)
        for place, settings in (
            (data / "data", CorpusSettings()),
            (folder, CorpusSettings(kin_valid="2024-11-01", kin_tune="2024-10-16T00:00")),
        )
    )
    assert one.split.tolist() == other.split.tolist()
