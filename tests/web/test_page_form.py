"""Chips and examples: their words are added to the text on the server, so that they work without JavaScript."""

import pytest
from werkzeug.datastructures import MultiDict

from carepick.knowledge.red_flags import load_red_flags
from carepick.records import TriageLevel
from carepick.service.triage import Triager
from carepick.text.normalize import normalize_with_spans
from carepick.web.app import create_app
from carepick.web.page_form import read_form
from carepick.web.page_texts import page_texts

TEXTS = page_texts("ko")


@pytest.fixture(autouse=True)
def _request(settings):
    with create_app(settings).test_request_context("/"):
        yield


@pytest.fixture(scope="module")
def level():
    """Returns the function that gives the triage level of a text, by the rules alone."""
    triager = Triager(load_red_flags())
    return lambda text: triager.combine(triager.detect(normalize_with_spans(text)), None, {}).level


def read(*fields, **more):
    return read_form(MultiDict([*fields, *more.items()]), TEXTS).text


def test_chips_follow_the_typed_text():
    text = read(("where", "head"), ("where", "ear"), text="어지러워요\r\n", when="today", how="mild", sex="female")
    assert text == "어지러워요\n머리, 귀 쪽이 불편해요. 오늘부터 그래요. 정도는 약해요. 여자예요."


def test_chips_alone_are_a_text():
    assert read(("where", "belly")) == "배 쪽이 불편해요."


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"age": "72"}, "나이는 72살이에요."),
        ({"age": " 007 ", "age_unit": "years"}, "나이는 7살이에요."),
        ({"age": "2", "age_unit": "months"}, "생후 2개월이에요."),
        ({"age": "5", "age_unit": "fathoms"}, "나이는 5살이에요."),
        ({"pregnant": "yes"}, "임신 중이에요."),
        ({"when": "", "how": "", "sex": ""}, ""),
        ({"when": "made-up", "colour": "red"}, ""),
    ],
)
def test_each_group_adds_a_sentence_or_nothing(fields, sentence):
    assert read(text="열이 나요", **fields) == f"열이 나요\n{sentence}".strip()


def test_an_example_stands_for_a_text():
    for number, example in enumerate(TEXTS["examples"]):
        assert read(text="", example=str(number)) == example["text"]
    assert read(text="배가 아파요", example="9") == "배가 아파요"
    assert read(text="배가 아파요", example="0") == "배가 아파요"


def test_what_was_tapped_is_read():
    asked = read_form(MultiDict({"text": "아파요", "include_withheld": "true", "confirmed": "no"}), TEXTS)
    assert (asked.include_withheld, asked.confirmed) == (True, "no")
    asked = read_form(MultiDict({"text": "아파요", "include_withheld": "yes", "confirmed": "perhaps"}), TEXTS)
    assert (asked.include_withheld, asked.confirmed) == (False, "")


@pytest.mark.parametrize(
    ("text", "chips", "urgent"),
    [
        ("열이 38.5도예요", {"age": "2", "age_unit": "months"}, True),
        ("열이 38.5도예요", {"age": "20"}, False),
        ("배가 뭉치고 피가 비쳐요", {"pregnant": "yes"}, True),
        ("허리가 아파요", {"sex": "female", "when": "week", "how": "moderate"}, False),
    ],
)
def test_triage_understands_the_words_of_chips(level, text, chips, urgent):
    assert (level(read(text=text, **chips)) is not TriageLevel.NONE) is urgent


def test_no_chip_and_no_example_is_an_emergency_by_itself(level):
    texts = [example["text"] for example in TEXTS["examples"]]
    for detail in TEXTS["details"]:
        texts += [read((detail["id"], option["id"])) for option in detail.get("options", [])]
    assert len(texts) > 20
    for text in texts:
        assert level(text) is TriageLevel.NONE, text
