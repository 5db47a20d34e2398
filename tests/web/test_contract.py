"""The Spring Boot client's calls, byte for byte, and what it checks in the answers."""

import json

import pytest

KOREAN = "머리가 아프고 열이 나요"
ROUTES = [("/disease", "disease"), ("/disease/mini", "disease"), ("/specialty", "specialty")]


def post(client, route, body, content_type="application/json"):
    return client.post(route, data=body, content_type=content_type)


@pytest.mark.parametrize(("route", "key"), ROUTES)
@pytest.mark.parametrize("content_type", ["application/json", "application/json;charset=UTF-8"])
@pytest.mark.parametrize("escaped", [False, True], ids=["utf-8", "ascii-escaped"])
def test_answers_a_list_of_maps_with_both_keys(client, route, key, content_type, escaped):
    body = json.dumps({"text": KOREAN}, ensure_ascii=escaped).encode()
    answer = post(client, f"{route}?k=3", body, content_type)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    items = json.loads(answer.data.decode("utf-8"))
    assert isinstance(items, list)
    assert len(items) == 3
    for item in items:
        assert set(item) == {key, "score"}
        assert isinstance(item[key], str)
        assert isinstance(item["score"], float)
        assert item["score"] == round(item["score"], 4)
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(("route", "key"), ROUTES)
def test_k_defaults_to_three_and_reaches_every_label(client, route, key):
    labels = client.get("/labels").json["diseases" if key == "disease" else "departments"]
    assert len(client.post(route, json={"text": KOREAN}).json) == 3
    everything = client.post(f"{route}?k={len(labels)}", json={"text": KOREAN}).json
    assert {item[key] for item in everything} == {label["name"] for label in labels}
    assert sum(item["score"] for item in everything) == pytest.approx(1, abs=0.02)


def test_names_are_sent_to_the_letter_without_escapes(client):
    answer = client.post("/disease?k=155", json={"text": KOREAN})
    for item in answer.json:
        assert item["disease"].encode() in answer.data


def test_escaped_and_plain_korean_get_the_same_answer(client):
    plain = post(client, "/disease", json.dumps({"text": KOREAN}, ensure_ascii=False).encode())
    escaped = post(client, "/disease", json.dumps({"text": KOREAN}).encode())
    assert plain.json == escaped.json


def test_a_byte_order_mark_and_other_fields_do_no_harm(client):
    plain = client.post("/disease", json={"text": KOREAN})
    body = b"\xef\xbb\xbf" + json.dumps({"text": KOREAN, "userId": 7}, ensure_ascii=False).encode()
    assert post(client, "/disease", body).json == plain.json


def test_a_trailing_slash_is_the_same_route(client):
    assert client.post("/disease/", json={"text": KOREAN}).status_code == 200


def test_headers_tell_what_the_list_cannot(client):
    headers = client.post("/specialty", json={"text": KOREAN}).headers
    assert headers["X-Carepick-Triage"] in {"emergency", "crisis", "danger", "er", "none"}
    assert headers["X-Carepick-Confidence"] in {"high", "medium", "low", "abstain"}
    assert headers["X-Carepick-Windows"] == "1"
    assert headers["X-Carepick-Truncated"] == "false"
    assert headers["X-Carepick-Model"]


def test_an_emergency_keeps_the_shape_and_raises_the_header(client):
    answer = client.post("/specialty", json={"text": "아버지가 가슴을 쥐어짜듯 아파하고 식은땀을 흘려요"})
    assert len(answer.json) == 3
    assert answer.headers["X-Carepick-Triage"] == "emergency"


def test_a_long_story_is_read_in_windows_and_the_header_says_so(client):
    headers = client.post("/disease", json={"text": "어제부터 허리가 아프고 다리가 저려요. " * 200}).headers
    assert int(headers["X-Carepick-Windows"]) > 1
