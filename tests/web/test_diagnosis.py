"""POST /diagnosis: every part of the schema, both languages, withheld departments, diseases switched off."""

import pytest

from carepick.knowledge.catalog import load_catalog

TEXT = "사흘 전부터 허리가 아프고 다리가 저려요. 열은 없어요"
EMERGENCY = "아버지가 가슴을 쥐어짜듯 아파하고 식은땀을 흘려요"


def ask(client, **body):
    answer = client.post("/diagnosis", json={"text": TEXT, **body})
    assert answer.status_code == 200
    return answer


def test_answers_every_part(client):
    answer = ask(client).json
    assert set(answer) == {
        *("triage", "confidence", "advice", "add", "departments_withheld", "departments", "department_set"),
        *("reading", "notices", "language", "model", "diseases", "disease_set"),
    }
    assert len(answer["departments"]) == len(answer["diseases"]) == 3
    assert answer["triage"]["level"] == "none"
    assert answer["reading"] == {"windows": 1, "truncated": False}
    assert answer["notices"]
    for label in answer["departments"] + answer["diseases"]:
        assert label["band"]
        assert 0 <= label["score"] <= 1


def test_positions_lie_within_the_text_that_was_sent(client):
    answer = ask(client).json
    places = [place for label in answer["departments"] + answer["diseases"] for place in label["evidence"]]
    places += answer["triage"]["denied"]
    assert places
    for place in places:
        assert 0 <= place["start"] < place["end"] <= len(TEXT)


def test_scores_are_those_of_the_list_routes(client):
    diagnosis = ask(client, k=5).json
    for field, route, key in (("departments", "/specialty", "specialty"), ("diseases", "/disease", "disease")):
        listed = client.post(f"{route}?k=5", json={"text": TEXT}).json
        assert [label["name"] for label in diagnosis[field]] == [item[key] for item in listed]
        assert [label["score"] for label in diagnosis[field]] == [item["score"] for item in listed]


@pytest.mark.parametrize(("sent", "number"), [({"k": 1}, 1), ({"k": 7}, 7)])
def test_k_may_stand_in_the_body_or_the_query(client, sent, number):
    assert len(ask(client, **sent).json["diseases"]) == number
    queried = client.post("/diagnosis", query_string=sent, json={"text": TEXT}).json
    assert len(queried["diseases"]) == number


def test_an_emergency_comes_first_and_withholds_the_departments(client):
    answer = ask(client, text=EMERGENCY).json
    assert answer["triage"]["level"] == "emergency"
    flag = answer["triage"]["flags"][0]
    assert flag["phone"] == "119"
    assert all(flag[name] for name in ("id", "name", "why", "action", "question", "source"))
    for span in flag["spans"]:
        assert EMERGENCY[span["start"] : span["end"]].strip()
    assert answer["departments_withheld"] is True
    assert answer["departments"] == answer["department_set"] == []


@pytest.mark.parametrize("query", ["", "?include_withheld=true"])
def test_withheld_departments_are_given_when_asked_for(client, query):
    body = {"text": EMERGENCY} if query else {"text": EMERGENCY, "include_withheld": True}
    answer = client.post(f"/diagnosis{query}", json=body).json
    assert len(answer["departments"]) == 3
    assert answer["departments_withheld"] is False


def test_language_comes_from_the_body_before_the_header(client):
    korean, english = ask(client), ask(client, language="en")
    assert (korean.json["language"], korean.headers["Content-Language"]) == ("ko", "ko")
    assert (english.json["language"], english.headers["Content-Language"]) == ("en", "en")
    assert korean.json["notices"] != english.json["notices"]
    header = client.post("/diagnosis", json={"text": TEXT}, headers={"Accept-Language": "en"})
    assert header.json["language"] == "en"


def test_english_answers_name_labels_in_english_beside_the_korean_name(client):
    english, korean = ask(client, language="en", k=5).json, ask(client, k=5).json
    names = {row.id: row.name_en for row in (*load_catalog().departments, *load_catalog().diseases)}
    for field in ("departments", "diseases", "department_set", "disease_set"):
        assert [label["name"] for label in english[field]] == [label["name"] for label in korean[field]]
        assert [label["name_en"] for label in english[field]] == [names[label["id"]] for label in english[field]]
        assert not any("name_en" in label for label in korean[field])
    assert len(english["departments"]) == len(english["diseases"]) == 5


@pytest.mark.parametrize("language", ["ko", "en"])
def test_who_writes_in_another_language_is_told_so_and_whom_to_call(client, language):
    answer = ask(client, text="My head hurts since yesterday and I have a fever", language=language).json
    assert answer["confidence"] == "abstain"
    assert "reads Korean only" in answer["advice"]
    assert "119" in answer["advice"]
    assert "reads Korean only" not in ask(client, text="ㅁㄴㅇㄹ", language=language).json["advice"]


def test_diseases_can_be_switched_off(client_with):
    client = client_with(disease_enabled=False)
    answer = ask(client).json
    assert "diseases" not in answer
    assert "disease_set" not in answer
    assert len(answer["departments"]) == 3
    assert "diseases" not in client.get("/labels").json
    for route in ("/disease", "/disease/mini"):
        refusal = client.post(route, json={"text": TEXT})
        assert refusal.status_code == 403
        assert refusal.json["type"].endswith(":disabled")
        assert "/specialty" in refusal.json["error"]
    assert client.post("/specialty", json={"text": TEXT}).status_code == 200
