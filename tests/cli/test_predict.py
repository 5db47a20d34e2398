from __future__ import annotations

import json
import re

import pytest

from carepick.knowledge.catalog import load_catalog
from carepick.records import Task
from carepick.service.predictor import Predictor
from carepick.settings import Settings
from carepick.web.app import create_app

from .conftest import Carepick

SENTENCE = "머리가 아프고 열이 나요"


def test_table_lists_both_tasks_with_bars_and_says_that_it_is_no_diagnosis(carepick: Carepick) -> None:
    code, out, err = carepick("predict", SENTENCE, "-k", 3)
    assert (code, err) == (0, "")
    scores = re.findall(r"(0\.\d{4})$", out, re.MULTILINE)
    assert len(scores) == 6
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert out.index("진료과") < out.index("질환")
    assert "진단이 아니" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(("task", "route"), [("disease", "/disease"), ("specialty", "/specialty")])
def test_json_is_what_the_api_answers(carepick: Carepick, task: str, route: str) -> None:
    settings = Settings(engine="deterministic")
    predictor = Predictor.load(settings)
    try:
        client = create_app(settings, predictor).test_client()
        answer = client.post(f"{route}?k=5", json={"text": SENTENCE})
    finally:
        predictor.close()
    assert json.loads(carepick("predict", SENTENCE, "-k", 5, "--task", task, "--json").out) == answer.get_json()


def test_json_of_both_tasks_holds_what_the_headers_say(carepick: Carepick) -> None:
    document = json.loads(carepick("predict", SENTENCE, "--json").out)
    assert list(document) == ["diseases", "specialties", "triage", "flags", "confidence", "windows", "truncated"]
    assert (len(document["diseases"]), len(document["specialties"])) == (3, 3)


def test_all_gives_every_label_of_both_tasks(carepick: Carepick) -> None:
    document = json.loads(carepick("predict", SENTENCE, "-k", "all", "--json").out)
    assert (len(document["diseases"]), len(document["specialties"])) == (155, 34)


def test_one_line_of_json_a_text(carepick: Carepick) -> None:
    lines = carepick("predict", SENTENCE, "기침이 나요", "--json").out.splitlines()
    assert [len(json.loads(line)["diseases"]) for line in lines] == [3, 3]
    assert lines[0] != lines[1]


@pytest.mark.parametrize("content", [SENTENCE.encode(), SENTENCE.encode("utf-8-sig"), SENTENCE.encode() + b"\n\n"])
def test_dash_reads_one_text_from_standard_input(carepick: Carepick, content: bytes) -> None:
    assert carepick("predict", "-", "--json", stdin=content).out == carepick("predict", SENTENCE, "--json").out


@pytest.mark.parametrize("content", [b"", b"  \n", SENTENCE.encode("cp949")])
def test_standard_input_that_cannot_be_read(carepick: Carepick, content: bytes) -> None:
    code, out, err = carepick("predict", "-", stdin=content)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize("k", ["0", "-1", "156", "3.0", "three", "３", ""])
def test_k_out_of_range_is_one_line(carepick: Carepick, k: str) -> None:
    code, out, err = carepick("predict", SENTENCE, f"-k={k}")
    assert (code, out) == (2, "")
    assert err == "carepick: -k must be a whole number from 1 to 155, or all\n"


def test_errors_never_quote_the_text(carepick: Carepick) -> None:
    code, out, err = carepick("predict", "표식" * 6000)
    assert (code, out) == (2, "")
    assert "표식" not in err


def test_texts_are_not_repeated(carepick: Carepick) -> None:
    assert SENTENCE not in carepick("predict", SENTENCE, "기침이 나요").out


def test_english(carepick: Carepick) -> None:
    out = carepick("predict", SENTENCE, "--language", "en").out
    assert "Departments" in out
    assert "doctor's diagnosis" in out
    assert "진료과" not in out
    catalog = load_catalog()
    for name in re.findall(r"^  .* \((.+?)\)  ", out, re.MULTILINE):
        row = next(row for row in (*catalog.departments, *catalog.diseases) if row.name == name)
        assert f"  {row.name_en} ({row.name})  " in out
    assert len(re.findall(r"\) +[█▏▎▍▌▋▊▉ ]+ 0\.[0-9]{4}$", out, re.MULTILINE)) == 6


def test_diseases_can_be_switched_off(carepick: Carepick) -> None:
    out = carepick("predict", SENTENCE, "--no-disease-enabled").out
    assert "진료과" in out
    assert "질환" not in out
    assert json.loads(carepick("predict", SENTENCE, "--no-disease-enabled", "--json").out)["diseases"] == []


def test_emergency_comes_first(carepick: Carepick) -> None:
    out = carepick("predict", "아버지가 갑자기 쓰러져서 숨을 안 쉬어요").out
    assert out.startswith("☎ 119")
    assert out.index("119") < out.index("진료과")


def test_labels_are_those_of_the_model(carepick: Carepick) -> None:
    lines = [line.split("\t") for line in carepick("labels").out.splitlines()]
    predictor = Predictor.load(Settings(engine="deterministic"))
    try:
        known = {
            (task.value, label.id, label.name)
            for task in Task
            for label in predictor.manifests[task].heads[task.value].labels
        }
    finally:
        predictor.close()
    assert {tuple(line) for line in lines} == known
    assert len(lines) == len(known) == 155 + 34


def test_labels_of_one_task_and_as_json(carepick: Carepick) -> None:
    assert len(carepick("labels", "--task", "specialty").out.splitlines()) == 34
    document = json.loads(carepick("labels", "--json").out)
    assert {name: len(rows) for name, rows in document.items()} == {"diseases": 155, "departments": 34}


def test_model_prints_each_manifest_once(carepick: Carepick) -> None:
    models = json.loads(carepick("model").out)["models"]
    assert [model["tasks"] for model in models] == [["disease", "department"]]
    assert models[0]["heads"]["disease"]["classes"] == 155


def test_openapi_is_what_the_server_answers(carepick: Carepick) -> None:
    settings = Settings(engine="deterministic")
    predictor = Predictor.load(settings)
    try:
        answer = create_app(settings, predictor).test_client().get("/openapi.json").get_json()
    finally:
        predictor.close()
    assert json.loads(carepick("openapi").out) == answer
    assert answer["openapi"].startswith("3.1")


def test_missing_bundle_is_one_line(carepick: Carepick) -> None:
    code, out, err = carepick("model", "--engine", "onnx", "--bundle", "/nowhere")
    assert (code, out) == (2, "")
    assert "/nowhere" in err
    assert err.count("\n") == 1
