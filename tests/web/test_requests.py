"""Whatever is sent, the answer is never a 5xx and keeps its shape; two spellings of one text get one answer."""

import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# The client does not change between examples: the app keeps no state that an example could leave behind.
many = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROUTES = ["/disease", "/specialty", "/diagnosis"]

# Any code point, lone surrogates and unassigned ones included.
any_text = st.text(st.characters(exclude_categories=()), max_size=200)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)


def holds_its_shape(answer):
    assert answer.status_code in {200, 400, 413, 415}
    document = json.loads(answer.data.decode("utf-8"))
    if answer.status_code == 200:
        assert document
    else:
        assert answer.content_type == "application/problem+json"
        assert document["status"] == answer.status_code
        assert document["error"]


@pytest.mark.parametrize("route", ROUTES)
@many
@given(text=any_text)
def test_any_text_is_answered_or_refused(client, route, text):
    holds_its_shape(client.post(route, data=json.dumps({"text": text}), content_type="application/json"))


@pytest.mark.parametrize("route", ROUTES)
@many
@given(body=any_json)
def test_any_json_is_answered_or_refused(client, route, body):
    holds_its_shape(client.post(route, data=json.dumps(body), content_type="application/json"))


@many
@given(value=any_json, key=st.sampled_from(["text", "texts", "k", "language", "include_withheld"]))
def test_any_value_of_a_known_field_is_answered_or_refused(client, key, value):
    body = json.dumps({"text": "배가 아파요", key: value})
    for route in ROUTES:
        holds_its_shape(client.post(route, data=body, content_type="application/json"))


@many
@given(body=st.binary(max_size=300), content_type=st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_bytes_of_any_type_are_refused(client, body, content_type):
    clean = content_type.replace("\r", "").replace("\n", "")
    assert client.post("/disease", data=body, content_type=clean).status_code in {400, 415}
    assert client.post("/disease", data=body, content_type="application/json").status_code == 400


@many
@given(k=any_text.filter(lambda text: not any(unicodedata.category(c) == "Cs" for c in text)))
def test_any_k_is_taken_or_refused(client, k):
    answer = client.post("/disease", query_string={"k": k}, json={"text": "배가 아파요"})
    assert answer.status_code in {200, 400}


TRICKY = {
    "lone surrogates": "배가\ud83d 아파\udc00요",
    "NUL bytes": "배가\x00 아파요\x00",
    "ten thousand emoji": "🤒" * 10_000,
    "right-to-left marks": "\u202e배가\u200f 아파요\u202c",
    "NFD Hangul": unicodedata.normalize("NFD", "배가 아파요"),
    "half-width jamo": "ﾡﾢﾣ ﾤￂￇ 아파요",
    "control characters": "배가" + "".join(map(chr, range(32))) + "아파요",
    "combining marks": "아" + "\u0301" * 5_000,
    "one word": "가" * 10_000,
    "zero-width joiners": "\u200d".join("배가 아파요"),
    "unassigned": "배가 \U000e0fff 아파요",
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", TRICKY)
def test_tricky_texts_are_answered(client, route, name):
    # Escaped, because a lone surrogate cannot be sent otherwise.
    body = json.dumps({"text": TRICKY[name]})
    if len(body) > 65_536:
        body = json.dumps({"text": TRICKY[name]}, ensure_ascii=False).encode()
    answer = client.post(route, data=body, content_type="application/json")
    assert answer.status_code == 200
    holds_its_shape(answer)


@pytest.mark.parametrize("route", ROUTES)
def test_decomposed_and_composed_hangul_get_the_same_answer(client, route):
    text = "어제부터 무릎이 붓고 걸을 때 아파요"
    composed, decomposed = (
        client.post(route, json={"text": unicodedata.normalize(form, text)}) for form in ("NFC", "NFD")
    )
    assert composed.status_code == 200
    if route == "/diagnosis":  # spans differ: they point into what was typed
        for field in ("departments", "diseases"):
            assert _named(composed.json[field]) == _named(decomposed.json[field])
    else:
        assert composed.json == decomposed.json


def _named(labels):
    return [(label["name"], label["score"], label["band"]) for label in labels]


def test_the_last_of_a_doubled_key_counts(client):
    doubled = client.post("/disease", data=b'{"text": "", "text": "\xeb\xb0\xb0"}', content_type="application/json")
    assert doubled.json == client.post("/disease", json={"text": "배"}).json
