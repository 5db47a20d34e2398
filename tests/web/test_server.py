"""The real server in a process of its own: start, drain, reload, refusal to start."""

import concurrent.futures
import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time

import psutil
import pytest

from carepick.engine.bundle import DEFAULT_BUNDLE
from carepick.errors import SettingsError
from carepick.settings import Settings
from carepick.web.server import _serve_gunicorn

TEXT = {"text": "머리가 아프고 열이 나요"}


def test_starts_answers_and_cleans_up_after_itself(start_server):
    server = start_server(workers=2)
    assert server.ask("/healthz") == (200, '{"status": "ok"}')
    status, text = server.ask("/specialty?k=2", TEXT)
    assert status == 200
    assert len(json.loads(text)) == 2
    until = time.monotonic() + 60  # it is said when every worker has loaded its model
    while "Try:" not in server.output() and time.monotonic() < until:
        time.sleep(0.1)
    assert server.output().count("Try:") == 1
    assert f"http://127.0.0.1:{server.port}" in server.output()
    assert server.stop() == 0
    assert not any((server.folder / "tmp").iterdir())


def test_workers_answer_alike_and_count_together(start_server):
    server = start_server(workers=2)
    answers = {server.ask("/disease", TEXT)[1] for _ in range(20)}
    assert len(answers) == 1
    assert 'carepick_http_requests_total{method="POST",route="/disease",status="200"} 20.0' in server.ask("/metrics")[1]


def test_sigterm_answers_what_was_accepted(start_server):
    """Every connection gets a whole answer or is refused.

    One or two may be broken: between the last accept and the close of the socket the kernel may still shake hands.
    """
    server = start_server(threads=4)
    counts = {"answered": 0, "refused": 0, "broken": 0}

    def keep_asking():
        while True:  # each asks until the server is gone
            try:
                connection = server.connect()
                connection.connect()
                status, text = server.ask("/disease", TEXT, connection)
            except ConnectionRefusedError:
                counts["refused"] += 1
                return
            except ConnectionResetError:  # also while hands are shaken
                counts["broken"] += 1
                return
            assert status == 200, text
            connection.close()
            counts["answered"] += 1

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        askers = [pool.submit(keep_asking) for _ in range(8)]
        until = time.monotonic() + 60
        while counts["answered"] <= 8 and time.monotonic() < until:
            time.sleep(0.05)
        code = server.stop()
        for asker in askers:
            asker.result()
    assert code == 0
    assert counts["answered"] > 8
    assert counts["refused"] + counts["broken"] == 8
    assert counts["broken"] <= 2


def test_sigterm_waits_for_a_body_that_is_under_way(start_server):
    server = start_server()
    body = json.dumps(TEXT).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = "POST /disease HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        time.sleep(0.3)
        server.process.terminate()
        time.sleep(0.5)
        connection.sendall(body[10:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    assert server.process.wait(60) == 0


def test_reload_fails_no_request(start_server):
    """Kept connections and new ones are answered through three reloads, by the same processes as before."""
    server = start_server(workers=2)
    before = workers_of(psutil.Process(server.process.pid))
    while not all(f" {pid} POST /disease 200" in server.output() for pid in before):  # until both have loaded
        server.ask("/disease", TEXT)
    stop = threading.Event()

    def keep_asking(keep: bool) -> int:
        answered, connection = 0, server.connect()
        while not stop.is_set():
            status, text = server.ask("/disease", TEXT, connection if keep else None)
            assert status == 200, text
            answered += 1
        connection.close()
        return answered

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        askers = [pool.submit(keep_asking, keep) for keep in (True, True, False, False)]
        for number in (2, 4, 6):
            os.kill(server.process.pid, signal.SIGHUP)
            end = time.monotonic() + 60
            while server.output().count(" reloaded") < number and time.monotonic() < end:
                time.sleep(0.05)
        stop.set()
        assert all(asker.result() > 5 for asker in askers)
    assert server.output().count(" reloaded") == 6
    assert workers_of(psutil.Process(server.process.pid)) == before


def test_a_broken_bundle_is_refused_on_reload_and_the_old_one_answers(start_server, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(DEFAULT_BUNDLE, folder)
    server = start_server(engine="onnx", bundle=folder, prepacked=False, cache_seconds=0)
    before = server.ask("/disease?k=10", TEXT)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").write_bytes(b"half a model")
    os.kill(server.process.pid, signal.SIGHUP)
    end = time.monotonic() + 60
    while "kept the model" not in server.output() and time.monotonic() < end:
        time.sleep(0.05)
    assert "kept the model that was loaded: " in server.output()
    assert "model.onnx" in server.output()
    assert server.ask("/disease?k=10", TEXT) == before
    assert server.ask("/readyz")[0] == 200


def test_the_pid_file_names_the_process_that_takes_signals(start_server, tmp_path):
    file = tmp_path / "carepick.pid"
    server = start_server(pid_file=file)
    assert int(file.read_text()) == server.process.pid
    second = start_server(wait=False, pid_file=file)
    assert second.process.wait(60) == 2
    assert len(second.output().splitlines()) == 1
    assert server.stop() == 0
    assert not file.exists()


def test_systemd_is_told_once_when_the_model_is_loaded_and_never_of_one_that_is_not(
    start_server, tmp_path, monkeypatch
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert start_server(wait=False, engine="onnx", bundle="no-such-folder").process.wait(60) == 2
        server = start_server(wait=False, workers=2)
        assert systemd.recv(1000) == b"READY=1"
        assert server.ask("/readyz")[0] == 200
        assert server.stop() == 0
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)


def test_a_worker_that_dies_is_replaced_without_a_gap(start_server):
    server = start_server(workers=2)
    master = psutil.Process(server.process.pid)
    victim = master.children()[0].pid
    os.kill(victim, signal.SIGKILL)
    end = time.monotonic() + 60
    while time.monotonic() < end and (victim in workers_of(master) or len(workers_of(master)) < 2):
        assert server.ask("/disease", TEXT)[0] == 200
    for _ in range(20):
        assert server.ask("/disease", TEXT)[0] == 200
    assert victim not in workers_of(master)
    assert len(workers_of(master)) == 2


def workers_of(master):
    return {child.pid for child in master.children()}


def test_a_taken_port_is_one_line_and_exit_code_2(start_server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start_server(wait=False, port=taken.getsockname()[1])
        assert server.process.wait(60) == 2
    lines = server.output().splitlines()
    assert len(lines) == 1
    assert "already in use" in lines[0]


def test_a_missing_bundle_is_one_line_and_exit_code_2(start_server):
    server = start_server(wait=False, engine="onnx", bundle="no-such-folder", workers=2)
    assert server.process.wait(60) == 2
    lines = server.output().splitlines()
    assert len(lines) == 1, lines
    assert "no-such-folder" in lines[0]
    assert not any((server.folder / "tmp").iterdir())


def test_the_development_server_answers_alike(start_server):
    server = start_server(dev=True)
    assert server.ask("/specialty", TEXT)[0] == 200
    assert "Try:" in server.output()


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /?text=a HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", 400),
        (b"no http at all\r\n\r\n", 400),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"POST /disease HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_a_problem_document(shared_server, start, status):
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=60) as connection:
        connection.sendall(start)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            document = json.loads(answer.read())
    assert answer.status == status == document["status"]
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_large_body_is_refused_without_its_length(shared_server):
    def chunks():
        yield b'{"text": "'
        for _ in range(100):
            yield b"a" * 1000

    connection = shared_server.connect()
    connection.request("POST", "/disease", chunks(), {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["type"].endswith(":body-too-large")
    connection.close()
    small = shared_server.connect()
    small.request("POST", "/disease", iter([json.dumps(TEXT).encode()]), {"Content-Type": "application/json"})
    answer = small.getresponse()
    assert answer.status == 200
    assert len(json.loads(answer.read())) == 3
    small.close()


def test_health_is_answered_while_every_text_waits(shared_server):
    """Callers that send half a body, more than are admitted, hold their threads; there is still one for the check."""
    head = b"POST /disease HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", shared_server.port)) for _ in range(100)]
    for connection in slow:
        connection.sendall(head)
    assert shared_server.ask("/healthz")[0] == 200
    for connection in slow:
        connection.close()


def test_callers_who_never_close_hold_nobody_up(shared_server):
    """Ended connections linger until their caller closes them, all at once: one after the other would take minutes."""
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    callers = [socket.create_connection(("127.0.0.1", shared_server.port), timeout=60) for _ in range(60)]
    for caller in callers:
        caller.sendall(head)
    for caller in callers:
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
    assert shared_server.ask("/healthz")[0] == 200
    for caller in callers:
        while caller.recv(4096):
            pass  # until the server closes it
        caller.close()
    assert shared_server.ask("/disease", TEXT)[0] == 200


@pytest.mark.parametrize(
    "start",
    [b"P", b"POST /disease HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"],
)
def test_a_request_that_stops_on_the_way_ends_in_time(start_server, start):
    """More such callers than there are threads; everyone else is answered once they are cut off."""
    server = start_server(read_timeout_ms=500, threads=1, queue_limit=1)
    stalled = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(100)]
    for caller in stalled:
        caller.sendall(start)
    assert server.ask("/healthz")[0] == 200
    status = 0
    while status != 200:
        status = server.ask("/disease", TEXT)[0]
        assert status in (200, 429)
    for caller in stalled:
        answer = b"".join(iter(lambda caller=caller: caller.recv(4096), b""))
        assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 429"))
        caller.close()
    assert server.stop() == 0
    assert "Traceback" not in server.output()


def test_more_connections_than_files_wait_in_the_backlog(start_server):
    server = start_server(files=200, threads=1, queue_limit=1)
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(300)]
    for caller in idle:
        caller.close()
    assert server.ask("/disease", TEXT)[0] == 200
    assert len(workers_of(psutil.Process(server.process.pid))) == 1
    assert server.stop() == 0
    assert "Traceback" not in server.output()


@pytest.mark.parametrize(
    "body", [b"ZZ\r\n", b"10\r\n--b\r\nContent-Disp\r\nZZ\r\n", b"5\r\n--b\r\n\r\n0\r\nno end"], ids=range(3)
)
def test_a_form_in_broken_chunks_is_no_fault_of_the_server(shared_server, body):
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=60) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + body
        )
        connection.shutdown(socket.SHUT_WR)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            page = answer.read().decode()
    assert answer.status == 400
    assert 'role="alert"' in page


def test_a_temporary_folder_is_needed_and_named(monkeypatch):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("carepick.web.server.RunState", none)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(SettingsError, match="set TMPDIR to one"):
        _serve_gunicorn(Settings(), listener)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_every_address_is_both_kinds(start_server):
    server = start_server(host="::")
    assert server.ask("/healthz")[0] == 200
    with socket.create_connection(("::1", server.port), timeout=60):
        assert server.stop() == 0
