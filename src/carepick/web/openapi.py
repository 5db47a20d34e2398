"""The OpenAPI 3.1 document, made from the routes of the app and what stands beside each view."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template
from werkzeug.routing import Rule

from carepick import __version__
from carepick.knowledge.catalog import load_catalog
from carepick.records import Task
from carepick.web.bilingual import LANGUAGES, Bilingual
from carepick.web.docs import manual
from carepick.web.errors import MEDIA_TYPE, problem_document
from carepick.web.labels import answerable
from carepick.web.loading import attached, settings_of
from carepick.web.operation import Operation, documented, operation_of
from carepick.web.parameters import headers, parameters
from carepick.web.problems import PROBLEMS
from carepick.web.responses import json_response
from carepick.web.schemas import schemas

bp = Blueprint("openapi", __name__)

_KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
_RETRY_STATUSES = {429, 503}
_EXAMPLE_VALUES = {"most": "N", "name": "language", "allowed": "ko, en"}
_EXAMPLE_INSTANCE = "urn:uuid:00000000-0000-4000-8000-000000000000"
_INFO = Bilingual(
    "한국어로 적은 증상을 받아 응급 신호를 먼저 살피고, 찾아갈 진료과와 비슷한 증상에서 안내되는 질환 정보를 점수와 "
    "함께 답합니다. 자동 안내이며 진단이 아닙니다. 보낸 글은 저장하거나 기록하지 않으며, 주소(URL)로는 받지 않습니다. "
    "오류는 RFC 9457 형식이며 Accept-Language에 따라 한국어나 영어로 답합니다.",
    "Takes symptoms in everyday Korean, looks for emergency signs first, and answers the departments to go to and the "
    "diseases that similar complaints were about, with scores. Automatic guidance, not a diagnosis. Texts are neither "
    "stored nor logged, and never taken from a URL. Errors follow RFC 9457, in Korean or English by Accept-Language.",
)
_TAGS = {
    "answers": Bilingual("증상에 답하기", "Answers to symptoms"),
    "model": Bilingual("모델", "The model"),
    "operation": Bilingual("운영", "Operation"),
}


def api_document(app: Flask) -> dict[str, Any]:
    """Returns the OpenAPI document of `app`; the limits in it are those of its settings and of its model."""
    settings = settings_of(app)
    classes = _classes(app)
    components: dict[str, Any] = {
        "schemas": schemas(settings, classes),
        "parameters": parameters(classes),
        "headers": headers(),
        "responses": {code: _problem_response([code]) for code in PROBLEMS},
    }
    if settings.api_key:
        components["securitySchemes"] = {"key": _KEY}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carepick",
            "version": __version__,
            "summary": "Korean symptoms in; emergencies, departments and diseases out",
            "description": _INFO.both,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "이 서버 / This server"}],
        "tags": [{"name": name, "description": text.both} for name, text in _TAGS.items()],
        "paths": _paths(app, secured=bool(settings.api_key)),
        "components": components,
    }


@cache
def examples() -> dict[str, Any]:
    """Returns the examples of requests and answers by name."""
    text = resources.files("carepick.web").joinpath("examples.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _classes(app: Flask) -> dict[Task, int]:
    predictor = attached(app)
    catalog = load_catalog()
    classes = {Task.DISEASE: len(catalog.diseases), Task.DEPARTMENT: len(catalog.departments)}
    if predictor:
        classes.update({task: len(answerable(manifest, task)) for task, manifest in predictor.manifests.items()})
    return classes


def _paths(app: Flask, secured: bool) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                paths.setdefault(rule.rule, {})[method.lower()] = _describe(rule, operation, secured)
    return paths


def _describe(rule: Rule, operation: Operation, secured: bool) -> dict[str, Any]:
    needs_key = secured and operation.needs_key
    problems = (*operation.problems, "wrong-key") if needs_key else operation.problems
    described: dict[str, Any] = {
        "operationId": _operation_id(rule, operation),
        "tags": [operation.tag],
        "summary": f"{operation.summary.ko} / {operation.summary.en}",
        "description": operation.description.both,
        "responses": {"200": _answer(operation), **_problem_responses(problems)},
    }
    if _alias_parts(rule):
        described["deprecated"] = True
    if operation.parameters:
        described["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in operation.parameters]
    if operation.body:
        described["requestBody"] = {"required": True, "content": _content(operation.body, operation.body_examples)}
    if needs_key:
        described["security"] = [{"key": []}]
    return described


def _operation_id(rule: Rule, operation: Operation) -> str:
    """Returns the id of the operation, with the second part of an alias' path behind it: ids are unique."""
    return operation.id + "".join(part.capitalize() for part in _alias_parts(rule))


def _alias_parts(rule: Rule) -> list[str]:
    return rule.rule.strip("/").split("/")[1:]


def _content(schema: str, names: tuple[str, ...], media_type: str = "application/json") -> dict[str, Any]:
    plain = "object" if media_type == "application/json" else "string"
    described: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": plain}}
    if names:
        described["examples"] = {name: {"value": examples()[name]} for name in names}
    return {media_type: described}


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": operation.summary.both,
        "content": _content(operation.answer, operation.examples, operation.media_type),
    }
    if operation.headers:
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in operation.headers}
    return answer


def _problem_responses(codes: tuple[str, ...]) -> dict[str, Any]:
    """Returns for each status the problem documents that the route answers with it."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {str(status): _problem_response(group) for status, group in sorted(by_status.items())}


def _problem_response(codes: list[str]) -> dict[str, Any]:
    titles = [PROBLEMS[code].title for code in codes]
    described = Bilingual(" · ".join(title.ko for title in titles), " · ".join(title.en for title in titles))
    response: dict[str, Any] = {"description": described.both, "content": _content("Problem", (), MEDIA_TYPE)}
    response["content"][MEDIA_TYPE]["examples"] = {
        f"{code}.{language}": {"value": problem_document(code, language, _EXAMPLE_VALUES, _EXAMPLE_INSTANCE)}
        for code in codes
        for language in LANGUAGES
    }
    if PROBLEMS[codes[0]].status in _RETRY_STATUSES:
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return response


@bp.get("/openapi.json")
@documented(
    Operation(
        id="readOpenapi",
        tag="operation",
        summary=Bilingual("이 API의 OpenAPI 3.1 문서", "The OpenAPI 3.1 document of this API"),
        description=Bilingual("코드에서 만들어집니다.", "Made from the code."),
        needs_key=False,
    )
)
def read_openapi() -> Response:
    """Returns the OpenAPI document."""
    return json_response(api_document(current_app))


@bp.get("/docs")
@documented(
    Operation(
        id="readDocs",
        tag="operation",
        summary=Bilingual("이 API의 설명서", "The manual of this API"),
        description=Bilingual("사람이 읽는 설명서입니다.", "For people to read."),
        media_type="text/html",
        needs_key=False,
    )
)
def read_docs() -> str:
    """Returns the page that shows the OpenAPI document to people."""
    return render_template("docs.html", manual=manual(api_document(current_app)))
