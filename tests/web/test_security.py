"""The API key, the headers of every answer, and that importing the app loads no model."""

import subprocess
import sys

import pytest

KEY = "열쇠-s3cret"
OPEN = ["/healthz", "/readyz", "/openapi.json", "/docs"]
CLOSED = ["/labels", "/model", "/metrics"]


@pytest.mark.parametrize("sent", [None, "", "wrong", KEY + "x", "\xff"])
@pytest.mark.parametrize("route", CLOSED)
def test_without_the_right_key_nothing_is_answered(client_with, route, sent):
    answer = client_with(api_key=KEY).get(route, headers={"X-API-Key": sent} if sent is not None else {})
    assert answer.status_code == 401
    assert answer.json["type"].endswith(":wrong-key")
    assert "X-API-Key" in answer.headers["WWW-Authenticate"]


def test_the_key_is_checked_before_the_body(client_with):
    assert client_with(api_key=KEY).post("/disease", data=b"no json").status_code == 401


def test_the_right_key_opens_every_route(client_with):
    # As it arrives: UTF-8 bytes, which WSGI shows as Latin-1.
    headers = {"X-API-Key": KEY.encode().decode("latin-1")}
    client = client_with(api_key=KEY)
    for route in CLOSED:
        assert client.get(route, headers=headers).status_code == 200
    assert client.post("/disease", json={"text": "배가 아파요"}, headers=headers).status_code == 200


def test_health_and_manual_need_no_key(client_with):
    client = client_with(api_key=KEY)
    for route in OPEN:
        assert client.get(route).status_code == 200
    assert client.options("/disease").status_code == 200


@pytest.mark.parametrize("route", [*OPEN, *CLOSED, "/nothing"])
def test_every_answer_carries_the_security_headers(client, route):
    headers = client.get(route).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    names = [name.lower() for name, _ in headers]
    assert len(set(names)) == len(names)


def test_the_manual_keeps_to_its_own_policy(client):
    page = client.get("/docs").text
    assert "<style" not in page
    assert "style=" not in page
    assert "<script" not in page
    assert "//cdn" not in page


def test_importing_the_app_loads_neither_runtime_nor_model():
    code = (
        "import sys, threading; import carepick.web.app; "
        "heavy = {'onnxruntime', 'tokenizers', 'numpy', 'torch'} & set(sys.modules); "
        "sys.exit(1 if heavy or threading.active_count() > 1 else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
