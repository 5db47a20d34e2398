"""{"texts": [...]}: a list of lists, and one bad item that fails alone."""

import pytest

GOOD = ["머리가 아프고 열이 나요", "허리가 아파요", "배가 아프고 설사를 해요"]


@pytest.mark.parametrize("route", ["/disease", "/specialty"])
def test_each_text_gets_the_answer_that_it_gets_alone(client, route):
    batch = client.post(f"{route}?k=5", json={"texts": GOOD})
    assert batch.status_code == 200
    for text, items in zip(GOOD, batch.json, strict=True):
        alone = client.post(f"{route}?k=5", json={"text": text}).json
        assert [next(iter(item.values())) for item in items] == [next(iter(item.values())) for item in alone]
        assert [item["score"] for item in items] == pytest.approx([item["score"] for item in alone], abs=2e-4)


def test_bad_items_become_errors_in_their_place(client):
    bad = {1: None, 3: "   ", 4: 7, 5: "가" * 10_001, 6: "\u200b\u200b", 7: ["배"]}
    texts = [bad.get(place, GOOD[0]) for place in range(9)]
    answer = client.post("/disease", json={"texts": texts})
    assert answer.status_code == 200
    for place, item in enumerate(answer.json):
        if place in bad:
            assert set(item) == {"error", "type", "status"}
            assert item["status"] == 400
        else:
            assert len(item) == 3
    assert answer.headers["X-Carepick-Triage"].split(",")[1] == "-"
    assert len(answer.headers["X-Carepick-Windows"].split(",")) == len(texts)


def test_all_bad_is_still_a_list(client):
    answer = client.post("/specialty", json={"texts": ["", " "]}, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert [item["type"] for item in answer.json] == ["urn:carepick:problem:invalid-text"] * 2


@pytest.mark.parametrize("texts", [[], "머리", {"a": 1}, None, 3, ["머리가 아파요"] * 65])
def test_what_is_no_list_of_one_to_sixty_four_is_refused(client, texts):
    answer = client.post("/disease", json={"texts": texts})
    assert answer.status_code == 400
    assert answer.json["type"].endswith(":invalid-texts")


def test_sixty_four_texts_are_taken(client):
    assert len(client.post("/disease?k=1", json={"texts": GOOD[:1] * 64}).json) == 64


def test_text_and_texts_together_are_refused(client):
    assert client.post("/disease", json={"text": "머리", "texts": ["배"]}).json["type"].endswith(":text-and-texts")
