"""The OpenAPI document: valid, complete, true of every answer, and current in docs/."""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis import GenerationMode

from carepick.settings import Settings
from carepick.text.normalize import normalize
from carepick.web.app import create_app
from carepick.web.docs import markdown
from carepick.web.openapi import api_document, examples
from carepick.web.operation import operation_of
from carepick.web.problems import PROBLEMS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def document(app):
    return api_document(app)


@pytest.fixture(scope="module")
def conforms(document):
    """Returns a function that names every way in which a value breaks a component schema, its own extras included."""
    closed = json.loads(json.dumps(document), object_hook=_close)
    registry = Registry().with_resource("urn:api", Resource(closed, DRAFT202012))

    def check(name, value):
        validator = Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
        assert [error.message for error in validator.iter_errors(value)] == []

    return check


def _close(schema):
    """A field that the document does not name is an error here: the document must name them all."""
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def test_is_valid_openapi(document):
    OpenAPIV31SpecValidator(document).validate()


def test_valid_with_every_option_off():
    app = create_app(Settings(engine="deterministic", disease_enabled=False, metrics=False, api_key="k"))
    OpenAPIV31SpecValidator(api_document(app)).validate()


def test_every_route_is_documented(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] not in {"static", "page"}:
            assert operation_of(app.view_functions[rule.endpoint]), rule


def test_everything_is_described_in_both_languages(document):
    def described(node):
        if isinstance(node, dict):
            if "description" in node and isinstance(node["description"], str):
                yield node["description"]
            for value in node.values():
                yield from described(value)
        elif isinstance(node, list):
            for value in node:
                yield from described(value)

    parts = {name: node for name, node in document.items() if name in {"paths", "components", "info"}}
    found = list(described(parts))
    assert len(found) > 80
    for text in found:
        assert len(text.split("\n\n")) == 2, text
    for operation in (item for path in document["paths"].values() for item in path.values()):
        assert operation["responses"]["200"]["content"]
        assert operation["summary"]


def test_every_error_is_documented(document):
    assert set(document["components"]["responses"]) == set(PROBLEMS)


def test_examples_fit_their_schemas(document, conforms):
    seen = set()
    for operation in (item for path in document["paths"].values() for item in path.values()):
        contents = [operation["responses"]["200"]["content"], operation.get("requestBody", {}).get("content", {})]
        for content in contents:
            for media in content.values():
                for name, example in media.get("examples", {}).items():
                    seen.add(name)
                    if "$ref" in media["schema"]:
                        conforms(media["schema"]["$ref"].rsplit("/", 1)[1], example["value"])
    assert seen == set(examples())


def test_examples_use_names_that_exist(predictor):
    names = {
        label.name for task, manifest in predictor.manifests.items() for label in manifest.heads[task.value].labels
    }
    text = json.dumps(examples(), ensure_ascii=False)

    def used(node):
        if isinstance(node, dict):
            yield from (node[key] for key in ("disease", "specialty") if isinstance(node.get(key), str))
            if {"id", "name", "score"} <= set(node):
                yield node["name"]
            for value in node.values():
                yield from used(value)
        elif isinstance(node, list):
            for value in node:
                yield from used(value)

    found = {name for name in used(json.loads(text)) if not name[0].isdigit()}
    assert found
    assert found <= names


@pytest.mark.parametrize(
    "text", ["무릎이 아파요", "가슴을 쥐어짜듯 아프고 식은땀이 나요", "?", "열은 없고 기침만 나요"]
)
def test_answers_fit_their_schemas_and_have_no_other_fields(client, conforms, text):
    for route, name in (("/disease", "DiseaseAnswer"), ("/specialty", "DepartmentAnswer"), ("/diagnosis", "Diagnosis")):
        conforms(name, client.post(route, json={"text": text}).json)
    conforms("DiseaseAnswer", client.post("/disease", json={"texts": [text, ""]}).json)
    conforms("Labels", client.get("/labels").json)
    conforms("Readiness", client.get("/readyz").json)
    conforms("Problem", client.post("/disease", json={}).json)


def test_the_served_document_is_the_built_one(client, document):
    assert client.get("/openapi.json").json == json.loads(json.dumps(document))


def test_the_page_names_every_route_and_error(client, document):
    page = client.get("/docs").text
    for path in document["paths"]:
        assert path in page
    for code in PROBLEMS:
        assert code in page
    assert "curl http://127.0.0.1:10000/disease" in page


def test_docs_api_md_is_current():
    made = markdown(api_document(create_app(Settings())))
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == made, "run: carepick docs"


POSTS = ["POST /specialty", "POST /disease", "POST /disease/mini", "POST /diagnosis"]
# Without /openapi.json, where schemathesis finds the document; what it answers is tested above.
GETS = ["GET /labels", "GET /model", "GET /healthz", "GET /readyz", "GET /docs", "GET /metrics"]


@pytest.fixture(scope="module")
def described_operations(app):
    found = schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations()
    return {f"{one.method.upper()} {one.path}": one for one in (result.ok() for result in found)}


def test_schemathesis_is_given_every_operation(described_operations):
    assert set(described_operations) == {*POSTS, *GETS}


def has_only_what_cannot_be_read(body):
    """Such as control characters alone: refused, though no pattern of JSON Schema can say so."""
    text = body.get("text") if isinstance(body, dict) else None
    return isinstance(text, str) and bool(text.strip()) and not normalize(text)


@pytest.mark.parametrize(
    ("name", "mode"),
    [(name, GenerationMode.POSITIVE) for name in POSTS + GETS] + [(name, GenerationMode.NEGATIVE) for name in POSTS],
)
def test_schemathesis_finds_no_answer_that_the_document_does_not_promise(described_operations, name, mode):
    operation = described_operations[name]

    @settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_promised(case):
        assume(not has_only_what_cannot_be_read(case.body))
        case.call_and_validate()

    answers_as_promised()
