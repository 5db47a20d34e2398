"""GET /labels, /model, /healthz, /readyz."""

import json

import pytest

from carepick.web.labels import _without_paths


def test_labels_are_those_that_the_model_may_answer(client, predictor):
    labels = client.get("/labels").json
    for task, manifest in predictor.manifests.items():
        head = manifest.heads[task.value]
        wanted = [label.name for label in head.labels if label.id not in head.excluded_labels]
        assert [row["name"] for row in labels[task.value + "s"]] == wanted


def test_model_says_what_it_is_and_where_nothing_lies(client, predictor):
    answer = client.get("/model")
    models = answer.json["models"]
    assert sorted(task for model in models for task in model["tasks"]) == ["department", "disease"]
    for model in models:
        assert model["version"]
        assert model["heads"]["department"]["classes"] == len(client.get("/labels").json["departments"])
    assert "/home/" not in answer.text


@pytest.mark.parametrize("path", ["/srv/models/a.onnx", "C:\\models\\a.onnx", "~/a.onnx", "file:///srv/a.onnx"])
def test_paths_of_the_training_machine_are_cut_to_their_name(path):
    assert _without_paths({"training": [{"file": path}]}) == {"training": [{"file": "a.onnx"}]}


def test_other_values_are_left_alone():
    document = {"license": "a/b", "rate": 0.1, "texts": ["허리가 / 아파요"], "none": None}
    assert _without_paths(json.loads(json.dumps(document))) == document


def test_ready_names_the_versions(client, predictor):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["model"] == {task.value: manifest.version for task, manifest in predictor.manifests.items()}


def test_alive_needs_nothing(client):
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.head("/healthz").status_code == 200
    assert client.options("/disease").headers["Allow"]


def test_english_names_stand_beside_the_korean_ones(client):
    korean, english = (client.get("/labels", headers={"Accept-Language": language}) for language in ("ko", "en"))
    for answer in (korean, english):
        assert answer.headers["Vary"] == "Accept-Language"
    for kind, rows in english.json.items():
        assert all(row.pop("name_en").isascii() for row in rows)
        assert rows == korean.json[kind]
