"""A marker sentence goes through every route, error path and log level; it is then found nowhere."""

import contextlib
import io
import itertools
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest
from flask import request

from carepick.settings import Settings
from carepick.web.app import create_app
from carepick.web.logging import LOGGER

MARKER = "보라색두더지가왼쪽귀에서노래해요"
ASCII = "zebramarkerinmyleftear"
TEXT = f"{MARKER} {ASCII}"
MULTIPART = "multipart/form-data; boundary=x"
PART = '--x\r\nContent-Disposition: form-data; name="text"{}\r\n\r\n{}\r\n--x--\r\n'
ROUTES = ["/disease", "/disease/mini", "/specialty", "/diagnosis"]


def bodies():
    yield json.dumps({"text": TEXT}).encode(), "application/json"
    yield json.dumps({"text": TEXT}, ensure_ascii=False).encode(), "application/json; charset=utf-8"
    yield json.dumps({"texts": [TEXT, 1, "", TEXT * 1000]}).encode(), "application/json"
    yield json.dumps({"texts": [TEXT, TEXT]}).encode(), "application/json"
    yield json.dumps({"texts": TEXT}).encode(), "application/json"
    yield json.dumps({"texts": [TEXT] * 100}).encode(), "application/json"
    yield json.dumps({"text": TEXT, "k": TEXT, "language": TEXT}).encode(), "application/json"
    yield json.dumps({"text": TEXT * 1000}).encode(), "application/json"
    yield json.dumps({"text": TEXT * 10_000}).encode(), "application/json"
    yield json.dumps({TEXT: TEXT}).encode(), "application/json"
    yield json.dumps([TEXT]).encode(), "application/json"
    yield json.dumps({"text": TEXT}).encode()[:-2], "application/json"
    yield json.dumps({"text": TEXT}, ensure_ascii=False).encode("cp949"), "application/json"
    yield json.dumps({"text": TEXT}).encode("utf-16"), "application/json; charset=utf-16"
    yield json.dumps({"text": TEXT}).encode(), f"application/json; charset={ASCII}"
    yield TEXT.encode(), "text/plain"
    yield TEXT.encode(), f"application/{ASCII}"
    yield f"text={ASCII}".encode(), "application/x-www-form-urlencoded"


def ask_everything(server):
    """Sends the marker in every way; returns every answer of the API, headers and body."""
    answers = []
    paths = [*ROUTES, "/labels", "/nothing", f"/{ASCII}", f"/disease?text={ASCII}", f"/disease?k={ASCII}"]
    for path, (body, kind) in itertools.product(paths, bodies()):
        headers = {"Content-Type": kind, "X-Request-Timeout-Ms": "5000", "User-Agent": ASCII, "Referer": ASCII}
        for method in ("POST", "GET", "PUT"):
            answers.append(exchange(server, method, path, body if method != "GET" else None, headers))
    headers = {"Content-Type": "application/json"}
    for name in ("X-Request-Timeout-Ms", "Accept-Language", "X-API-Key", "Content-Encoding", "Host", ASCII):
        answers.append(exchange(server, "POST", "/disease", b'{"text": "a"}', {**headers, name: ASCII}))
    answers += [raw(server, request) for request in raw_requests()]
    answers += [exchange(server, "GET", f"/?{name}={ASCII}", None, {}) for name in ("text", "texts", ASCII)]
    return answers + ask_page(server)


def ask_page(server):
    """Sends the marker through the page's form; returns the pages that refuse it.

    An answer gives the text back in its text box: it is not looked at, but its traces are.
    """
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    parts = {"Content-Type": MULTIPART}
    assert MARKER in exchange(server, "POST", "/", urlencode({"text": TEXT}).encode(), form)
    assert MARKER in exchange(server, "POST", "/?lang=en", PART.format("", TEXT).encode(), parts)
    refused = [
        (urlencode({"text": TEXT * 1000}).encode(), form),
        (urlencode({"text": "a", "age": TEXT}).encode(), form),
        (urlencode({"text": " ", TEXT: TEXT}).encode(), form),
        (urlencode({"text": TEXT}).encode("utf-16"), form),
        (PART.format(f'; filename="{ASCII}"', TEXT * 700).encode(), parts),
        (PART.format("", TEXT).encode()[:-9], parts),
        (TEXT.encode(), {"Content-Type": "text/plain"}),
    ]
    return [exchange(server, "POST", "/", *one) for one in refused]


def exchange(server, method, path, body, headers):
    connection = server.connect()
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return f"{answer.status}\n{answer.headers}\n{answer.read().decode()}"
    except OSError:  # a body over the limit may be cut off while it is sent
        return ""
    finally:
        connection.close()


def raw_requests():
    mark = TEXT.encode()
    yield b"GET /?" + mark + b" HTTP/9.9\r\n\r\n"
    yield b"GET / HTTP/1.1\r\n" + mark + b"\r\n\r\n"
    yield mark + b"\r\n\r\n"
    yield b"POST /disease HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + mark + b"\r\n"
    yield b"POST /disease HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n" + mark


def raw(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        with contextlib.suppress(OSError):
            while part := connection.recv(65_536):
                parts.append(part)
    return b"".join(parts).decode(errors="replace")


def traces(server):
    """Yields every place where the marker could have stayed: name and content."""
    yield "output", server.output()
    yield "metrics", server.ask("/metrics")[1]
    for file in Path(server.folder).rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes().decode(errors="replace")
    main = psutil.Process(server.process.pid)
    for process in [main, *main.children(recursive=True)]:
        yield "process listing", " ".join([*process.cmdline(), *process.environ().values(), process.name()])


def found_in(server, answers):
    """Returns where the marker was found: in a trace, or in an answer that must not hold it."""
    places = [*traces(server), *(("answer", answer) for answer in answers)]
    return [(name, mark) for name, content in places for mark in (MARKER, ASCII) if mark in content]


@pytest.mark.parametrize(
    ("level", "engine"),
    [*((level, "deterministic") for level in ("debug", "info", "warning", "error")), ("debug", "onnx")],
)
def test_what_was_typed_is_found_nowhere(start_server, level, engine):
    server = start_server(log_level=level, workers=2, engine=engine)
    answers = ask_everything(server)
    assert found_in(server, answers) == []
    for status in (200, 400, 404, 405, 413, 415):
        assert any(answer.startswith(f"{status}\n") for answer in answers), f"nothing was answered {status}"
    lines = server.output()
    speaks = level in ("debug", "info")
    assert ("POST /disease 200" in lines) is speaks
    assert ("POST unmatched 404" in lines) is speaks


def test_what_could_not_be_answered_in_time_is_found_nowhere(start_server):
    server = start_server(log_level="debug", threads=1, queue_limit=1, batch_wait_ms=200)
    body = json.dumps({"text": TEXT}).encode()
    headers = {"Content-Type": "application/json"}
    head = b"POST /disease HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    late = [exchange(server, "POST", path, body, {**headers, "X-Request-Timeout-Ms": "1"}) for path in ROUTES]
    assert "deadline" in server.output()
    with contextlib.ExitStack() as stack:

        def take_a_place():  # of those who may wait, and keep it, because the body is never complete
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            waiting.sendall(head + body)

        take_a_place()
        refused = [answer_when(server, path, body, headers, 429, take_a_place) for path in ROUTES]
    assert found_in(server, [*late, *refused]) == []
    assert "overloaded" in server.output()


def answer_when(server, path, body, headers, status, otherwise, seconds=60):
    """Returns the first answer with `status`; calls `otherwise` and asks again until it comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = exchange(server, "POST", path, body, headers)
        if answer.startswith(f"{status}\n"):
            return answer
        otherwise()
    raise AssertionError(f"never answered {status}")


def test_no_process_dumps_its_memory(shared_server):
    main = psutil.Process(shared_server.process.pid)
    for process in [main, *main.children(recursive=True)]:
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert int(Path(f"/proc/{process.pid}/coredump_filter").read_text(), 16) == 0


def test_a_large_form_stays_in_memory(predictor):
    app = create_app(Settings(engine="deterministic", max_body_bytes=1_000_000), predictor)
    form = PART.format('; filename="a.txt"', "a" * 600_000)
    with app.test_request_context("/", method="POST", data=form, content_type=MULTIPART):
        stream = request.files["text"].stream
        assert isinstance(stream, io.BytesIO)
        assert len(stream.getvalue()) == 600_000


class Broken:
    """Stands in the predictor's place and fails with the text as its message, as a bug might."""

    def __init__(self, predictor):
        self.manifests = predictor.manifests

    def predict(self, text, *_, **__):
        return {}[text]

    diagnose = predict

    def predict_many(self, texts, *_, **__):
        return {}["".join(texts)]


FAILING = [*((path, {"json": {"text": TEXT}}) for path in ROUTES), ("/disease", {"json": {"texts": [TEXT]}})]


@pytest.mark.parametrize(("path", "body"), [*FAILING, ("/", {"data": {"text": TEXT}})])
def test_an_unforeseen_error_is_logged_without_its_message(predictor, settings, caplog, monkeypatch, path, body):
    monkeypatch.setattr(LOGGER, "propagate", True)
    with caplog.at_level("DEBUG"):
        answer = create_app(settings, Broken(predictor)).test_client().post(path, **body)
    assert answer.status_code == 500
    assert "KeyError at" in caplog.text
    assert "urn:uuid:" in caplog.text
    if answer.is_json:
        assert answer.json["instance"] in caplog.text
    for mark in (MARKER, ASCII):
        assert mark not in caplog.text + answer.text


def test_one_bad_text_of_a_batch_fails_without_a_word_of_it(predictor, settings, caplog, monkeypatch):
    class Half(Broken):
        def predict_many(self, texts, *_, **__):
            return [*predictor.predict_many(texts[:1]), KeyError(texts[1])]

    monkeypatch.setattr(LOGGER, "propagate", True)
    with caplog.at_level("DEBUG"):
        answer = create_app(settings, Half(predictor)).test_client().post("/disease", json={"texts": [TEXT, TEXT]})
    assert answer.json[1]["status"] == 500
    for mark in (MARKER, ASCII):
        assert mark not in caplog.text + answer.text
