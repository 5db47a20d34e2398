"""A marker sentence goes through every route, error path and log level; it is then found nowhere."""

import contextlib
import itertools
import json
import socket
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

MARKER = "보라색두더지가왼쪽귀에서노래해요"
ASCII = "zebramarkerinmyleftear"
TEXT = f"{MARKER} {ASCII}"
ROUTES = ["/disease", "/disease/mini", "/specialty", "/diagnosis"]


def bodies():
    yield json.dumps({"text": TEXT}).encode(), "application/json"
    yield json.dumps({"text": TEXT}, ensure_ascii=False).encode(), "application/json; charset=utf-8"
    yield json.dumps({"texts": [TEXT, 1, "", TEXT * 1000]}).encode(), "application/json"
    yield json.dumps({"text": TEXT, "k": TEXT, "language": TEXT}).encode(), "application/json"
    yield json.dumps({"text": TEXT * 1000}).encode(), "application/json"
    yield json.dumps({"text": TEXT * 10_000}).encode(), "application/json"
    yield json.dumps({TEXT: TEXT}).encode(), "application/json"
    yield json.dumps([TEXT]).encode(), "application/json"
    yield json.dumps({"text": TEXT}).encode()[:-2], "application/json"
    yield json.dumps({"text": TEXT}, ensure_ascii=False).encode("cp949"), "application/json"
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
    # The page gives the text back in its text box, so its answer is not looked at; its traces are.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    page = exchange(server, "POST", "/", urlencode({"text": TEXT}).encode(), form)
    assert MARKER in page
    return answers


def exchange(server, method, path, body, headers):
    connection = server.connect()
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return f"{answer.headers}\n{answer.read().decode()}"
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
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
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


@pytest.mark.parametrize("level", ["debug", "info"])
def test_what_was_typed_is_found_nowhere(start_server, level):
    server = start_server(log_level=level, workers=2)
    answers = ask_everything(server)
    found = [name for name, content in traces(server) for mark in (MARKER, ASCII) if mark in content]
    assert found == []
    for answer in answers:
        assert MARKER not in answer
        assert ASCII not in answer
    lines = server.output()
    assert "POST /disease 200" in lines  # the log does speak
    assert "POST unmatched 404" in lines


def test_no_process_dumps_its_memory(shared_server):
    main = psutil.Process(shared_server.process.pid)
    for process in [main, *main.children(recursive=True)]:
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)


def test_an_unforeseen_error_is_logged_without_its_message(predictor, settings, caplog, monkeypatch):
    from carepick.web.app import create_app
    from carepick.web.logging import LOGGER

    class Broken:
        manifests = predictor.manifests

        def predict(self, text, timeout_ms=None):
            return {}[text]

    monkeypatch.setattr(LOGGER, "propagate", True)
    with caplog.at_level("DEBUG"):
        answer = create_app(settings, Broken()).test_client().post("/disease", json={"text": TEXT})
    assert answer.status_code == 500
    assert "KeyError at" in caplog.text
    assert answer.json["instance"] in caplog.text
    assert MARKER not in caplog.text + answer.text
