"""Every error: its status, its shape, both languages, and nothing of what was sent."""

import gzip
import json
import re
import uuid

import pytest

from carepick.errors import (
    CarepickError,
    DeadlineError,
    InvalidTextError,
    InvalidTopKError,
    NotReadyError,
    OverloadedError,
    RequestError,
)
from carepick.records import Task
from carepick.settings import Settings
from carepick.web.app import create_app
from carepick.web.problems import PROBLEMS

TEXT = json.dumps({"text": "배가 아파요"}).encode()
JSON = "application/json"
MARKER = "쥐가나는종아리"


def refused(data=TEXT, content_type=JSON, route="/disease", method="POST", headers=None):
    return {"path": route, "method": method, "data": data, "content_type": content_type, "headers": headers}


# (code, request): every error that a request alone can cause.
CASES = [
    ("wrong-content-type", refused(content_type=None)),
    ("wrong-content-type", refused(content_type="text/plain")),
    ("wrong-content-type", refused(content_type="application/x-www-form-urlencoded")),
    ("wrong-content-type", refused(content_type="application/json; charset=euc-kr")),
    ("wrong-content-type", refused(data=gzip.compress(TEXT), headers={"Content-Encoding": "gzip"})),
    ("not-utf8", refused(data='{"text": "배가 아파요"}'.encode("euc-kr"))),
    ("not-utf8", refused(data='{"text": "배가 아파요"}'.encode("utf-16"))),
    ("broken-json", refused(data=b"")),
    ("broken-json", refused(data=b'{"text": ')),
    ("broken-json", refused(data=b"text=1")),
    ("broken-json", refused(data=b'{"text": NaN}')),
    ("broken-json", refused(data=b'{"text": -Infinity}')),
    ("broken-json", refused(data=b"[" * 60_000)),
    ("broken-json", refused(data=b'{"a":' * 12_000)),
    ("broken-json", refused(data=b"9" * 5_000)),
    ("not-an-object", refused(data=b"[]")),
    ("not-an-object", refused(data=b'"text"')),
    ("not-an-object", refused(data=b"null")),
    ("text-missing", refused(data=b"{}")),
    ("text-missing", refused(data=b'{"Text": "a"}')),
    ("text-not-string", refused(data=b'{"text": null}')),
    ("text-not-string", refused(data=b'{"text": 1}')),
    ("text-not-string", refused(data=b'{"text": ["a"]}')),
    ("invalid-text", refused(data=b'{"text": ""}')),
    ("invalid-text", refused(data=b'{"text": " \\n\\t\\u3000"}')),
    ("invalid-text", refused(data=b'{"text": "\\u0000\\u0007"}')),
    ("invalid-text", refused(data=b'{"text": "\\ud800"}')),
    ("text-too-long", refused(data=json.dumps({"text": "a" * 10_001}).encode())),
    ("text-and-texts", refused(data=b'{"text": "a", "texts": ["a"]}')),
    ("invalid-texts", refused(data=b'{"texts": []}')),
    ("body-too-large", refused(data=b" " * 65_537)),
    ("invalid-k", refused(route="/disease?k=0")),
    ("invalid-k", refused(route="/disease?k=-1")),
    ("invalid-k", refused(route="/disease?k=156")),
    ("invalid-k", refused(route="/disease?k=three")),
    ("invalid-k", refused(route="/disease?k=3.0")),
    ("invalid-k", refused(route="/disease?k=%EF%BC%93")),  # a full-width three
    ("invalid-k", refused(route="/disease?k=")),
    ("invalid-k", refused(route="/disease?k=" + "9" * 5_000)),
    ("invalid-k", refused(route="/specialty?k=35")),
    ("invalid-k", refused(route="/diagnosis", data=b'{"text": "a", "k": true}')),
    ("invalid-k", refused(route="/diagnosis", data=b'{"text": "a", "k": 1.5}')),
    ("invalid-k", refused(route="/diagnosis", data=b'{"text": "a", "k": 1e999}')),
    ("invalid-k", refused(route="/diagnosis", data=b'{"text": "a", "k": "3"}')),
    ("invalid-k", refused(route="/diagnosis?k=0", data=b'{"text": "a", "k": 1}')),
    ("invalid-option", refused(route="/diagnosis", data=b'{"text": "a", "language": "jp"}')),
    ("invalid-option", refused(route="/diagnosis", data=b'{"text": "a", "language": ["ko"]}')),
    ("invalid-option", refused(route="/diagnosis", data=b'{"text": "a", "include_withheld": "yes"}')),
    ("invalid-option", refused(route="/diagnosis?include_withheld=2")),
    ("invalid-timeout", refused(headers={"X-Request-Timeout-Ms": "0"})),
    ("invalid-timeout", refused(headers={"X-Request-Timeout-Ms": "soon"})),
    ("invalid-timeout", refused(headers={"X-Request-Timeout-Ms": "600001"})),
    ("unknown-route", refused(route="/nothing")),
    ("unknown-route", refused(route="/v1//disease")),
    ("unknown-route", refused(route="/disease/%ff%fe", method="GET")),
    ("wrong-method", refused(method="GET")),
    ("wrong-method", refused(method="DELETE", route="/labels")),
    ("wrong-method", refused(method="TRACE", route="/healthz")),
    ("wrong-method", refused(method="BREW", route="/healthz")),
    ("text-in-url", refused(method="GET", route=f"/disease?text={MARKER}")),
    ("text-in-url", refused(method="GET", route=f"/diagnosis?texts={MARKER}")),
    ("text-in-query", refused(route=f"/disease?text={MARKER}")),
    ("text-in-query", refused(route=f"/diagnosis?k=3&texts={MARKER}", data=b"{}")),
]


def check(answer, code, language):
    problem = PROBLEMS[code]
    assert answer.status_code == problem.status
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Cache-Control"] == "no-store"
    document = json.loads(answer.data)
    assert set(document) == {"type", "title", "status", "detail", "instance", "error"}
    assert document["type"] == f"urn:carepick:problem:{code}"
    assert document["title"] == problem.title.in_language(language)
    assert document["status"] == problem.status
    assert document["error"] == document["detail"]
    assert uuid.UUID(document["instance"].removeprefix("urn:uuid:")).version == 4
    assert not re.search(r"[{}…]", document["detail"].replace('{"text": ', "").replace('"}', ""))
    return document


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(("code", "request_"), CASES)
def test_a_bad_request_is_a_problem_document(client, code, request_, language):
    headers = {**(request_["headers"] or {}), "Accept-Language": language}
    document = check(client.open(**{**request_, "headers": headers}), code, language)
    assert MARKER not in json.dumps(document, ensure_ascii=False)
    assert bool(re.search("[가-힣]", document["error"])) == (language == "ko")


@pytest.mark.parametrize("route", ["/disease", "/disease/mini", "/specialty", "/diagnosis"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("query", ["text=", "texts=", "k=3&text="])
def test_a_text_in_an_address_is_refused_whatever_the_method(client, route, method, query):
    answer = client.open(f"{route}?{query}{MARKER}", method=method, json={"text": "배가 아파요"})
    answers = method in ("POST", "OPTIONS")  # the methods that the route has
    assert answer.status_code == (400 if answers else 405)
    if method != "HEAD":
        document = check(answer, "text-in-query" if answers else "text-in-url", "ko")
        assert "주소(URL)" in document["error"]
        assert MARKER not in json.dumps(document, ensure_ascii=False)


def test_a_route_that_reads_no_text_does_not_mind_one(client):
    assert client.get("/labels?text=a").status_code == 200


class Failing:
    """Stands in the predictor's place to raise what cannot be forced from outside."""

    def __init__(self, predictor, error):
        self.manifests = predictor.manifests
        self.error = error

    def predict(self, *_):
        raise self.error

    predict_many = diagnose = predict

    def ready(self):
        return False


# (code, error, header that tells when to come back)
RAISED = [
    ("overloaded", OverloadedError("full", retry_after=7), "7"),
    ("deadline", DeadlineError("late"), "1"),
    ("not-ready", NotReadyError("loading"), "1"),
    ("invalid-text", InvalidTextError("blank"), None),
    ("bad-request", RequestError("something else"), None),
    ("internal", CarepickError("a fault of ours"), None),
    ("internal", ValueError(MARKER), None),
    ("internal", UnicodeEncodeError("utf-8", MARKER, 0, 1, "reason"), None),
]


@pytest.mark.parametrize("route", ["/disease", "/specialty", "/diagnosis"])
@pytest.mark.parametrize(("code", "error", "retry_after"), RAISED)
def test_what_the_predictor_raises_is_a_problem_document(predictor, settings, route, code, error, retry_after):
    client = create_app(settings, Failing(predictor, error)).test_client()
    answer = client.post(route, json={"text": MARKER})
    document = check(answer, code, "ko")
    assert answer.headers.get("Retry-After") == retry_after
    assert MARKER not in json.dumps(document, ensure_ascii=False)


def test_a_limit_that_only_the_predictor_knows_is_still_a_sentence(predictor, settings):
    client = create_app(settings, Failing(predictor, InvalidTopKError("fewer labels since"))).test_client()
    assert client.post("/disease", json={"text": "배"}).json["type"].endswith(":invalid-k")


def test_a_full_queue_refuses_a_batch_as_it_refuses_a_text(predictor, settings):
    client = create_app(settings, Failing(predictor, OverloadedError("full"))).test_client()
    assert client.post("/disease", json={"texts": ["배", "등"]}).status_code == 429


def test_before_the_model_is_loaded_only_the_model_is_missing():
    client = create_app(Settings(engine="deterministic")).test_client()
    for route in ("/readyz", "/labels", "/model"):
        assert check(client.get(route), "not-ready", "ko")
        assert client.get(route).headers["Retry-After"] == "1"
    assert check(client.post("/disease", json={"text": "배"}), "not-ready", "ko")
    assert check(client.post("/disease", json={"text": ""}), "invalid-text", "ko")
    assert client.get("/healthz").status_code == 200


def test_a_model_that_has_not_proven_itself_is_not_ready(predictor, settings):
    client = create_app(settings, Failing(predictor, ValueError())).test_client()
    assert check(client.get("/readyz"), "not-ready", "ko")


def test_a_bundle_for_one_task_answers_that_task_only(predictor, settings):
    lone = Failing(predictor, ValueError())
    lone.manifests = {Task.DEPARTMENT: predictor.manifests[Task.DEPARTMENT]}
    client = create_app(settings, lone).test_client()
    assert check(client.post("/disease", json={"text": "배"}), "no-model", "ko")
    assert set(client.get("/labels").json) == {"departments"}


def test_wrong_method_says_which_are_right(client):
    assert set(client.get("/disease").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "ko"),
        ("en-US,en;q=0.9", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr", "ko"),
        ("en;q=0.1,ko;q=0.2", "ko"),
        (";;;q=x", "ko"),
    ],
)
def test_the_language_follows_accept_language(client, accepted, language):
    answer = client.get("/nothing", headers={"Accept-Language": accepted} if accepted else {})
    assert answer.headers["Content-Language"] == language


def test_the_default_language_is_a_setting(client_with):
    assert client_with(language="en").get("/nothing").headers["Content-Language"] == "en"


def test_every_code_of_the_table_can_happen():
    """Without a case here: three that need other settings or bundles, tested elsewhere, and two of the real server."""
    covered = {code for code, _ in CASES} | {code for code, *_ in RAISED}
    assert set(PROBLEMS) - covered == {
        *("wrong-key", "disabled", "no-model", "url-too-long", "headers-too-large"),
    }


@pytest.mark.parametrize("language", ["ko", "en"])
def test_who_takes_any_language_gets_the_one_of_the_server(client_with, language):
    answer = client_with(language=language).get("/nothing", headers={"Accept-Language": "*"})
    assert answer.headers["Content-Language"] == language
