"""What the page makes of a diagnosis: which departments lead, which words are marked; on records made by hand."""

import pytest

from carepick.knowledge.catalog import load_catalog
from carepick.records import (
    Confidence,
    Diagnosis,
    Evidence,
    ExplainedLabel,
    FlagNotice,
    Prediction,
    RaisedFlag,
    ScoredLabel,
    Span,
    Triage,
    TriageLevel,
)
from carepick.web.page_answer import map_link, show
from carepick.web.page_marks import quotes, reasons
from carepick.web.page_texts import page_texts

TEXT = "가슴이 답답하고 열은 없어요"


def department(id, score, *evidence):
    name = load_catalog().department(id).name
    return ExplainedLabel(ScoredLabel(id, name, score), "band", evidence)


def evidence(words, weight):
    start = TEXT.index(words)
    return Evidence(Span(start, start + len(words)), weight)


def notice(*spans, action="Call 119 now. Sit down. Wait.", phone="119"):
    flag = RaisedFlag("x", TriageLevel.EMERGENCY, spans)
    return FlagNotice(flag, "name", "why", action, phone, "question?", "source")


def diagnosis(departments, confidence=Confidence.LOW, flags=(), denied=(), withheld=False):
    level = TriageLevel.EMERGENCY if flags else TriageLevel.NONE
    triage = Triage(level, tuple(item.flag for item in flags), denied)
    prediction = Prediction({}, triage, confidence)
    return Diagnosis(prediction, flags, tuple(departments), (), withheld, ("where",), "advice", ("notice",))


def shown(language="ko", **parts):
    return show(diagnosis(**parts), TEXT, page_texts(language), language)


def names(places):
    return [place.korean for place in places]


@pytest.mark.parametrize(
    ("confidence", "scores", "leads", "places", "way_in"),
    [
        (Confidence.HIGH, (0.9, 0.04, 0.01), True, ["피부과"], []),
        (Confidence.MEDIUM, (0.5, 0.3, 0.05), True, ["피부과", "내과", "안과"], []),
        (Confidence.LOW, (0.3, 0.2, 0.1), True, ["피부과", "내과", "안과"], ["가정의학과"]),
        (Confidence.LOW, (0.3, 0.2, 0.09), False, ["피부과", "안과"], ["가정의학과", "내과"]),
        (Confidence.LOW, (0.04, 0.03, 0.03), False, [], ["가정의학과", "내과"]),
        (Confidence.ABSTAIN, (0.9, 0.05, 0.05), False, [], ["가정의학과", "내과"]),
    ],
)
def test_likely_departments_lead(confidence, scores, leads, places, way_in):
    ids = ("dermatology", "internal-medicine", "ophthalmology")
    answer = shown(departments=map(department, ids, scores), confidence=confidence)
    assert (answer.leads, names(answer.places), names(answer.way_in)) == (leads, places, way_in)


def test_guesses_come_without_reasons():
    labels = [department("dermatology", 0.3, evidence("가슴이", 2.0))]
    guess = shown(departments=labels, confidence=Confidence.LOW)
    assert not guess.leads
    assert guess.places[0].reasons == ()
    assert all(piece.mark == "" for piece in guess.pieces)


def test_several_likely_departments_come_with_advice_of_their_own():
    labels = [department("dermatology", 0.4), department("ophthalmology", 0.3)]
    several = page_texts("ko")["words"]["several_advice"]
    assert shown(departments=labels, confidence=Confidence.LOW).advice == several
    assert shown(departments=labels, confidence=Confidence.HIGH).advice == "advice"
    assert shown(departments=labels[1:], confidence=Confidence.LOW).advice == "advice"


def test_without_departments_there_is_a_way_in():
    answer = shown(departments=(), confidence=Confidence.HIGH)
    assert names(answer.way_in) == ["가정의학과", "내과"]
    assert not answer.leads


def test_a_department_is_named_in_both_languages_and_with_its_parent():
    place = shown("en", departments=[department("gastroenterology", 0.9)], confidence=Confidence.HIGH).places[0]
    assert (place.name, place.korean, place.parent) == ("Gastroenterology", "소화기내과", "Internal medicine")
    assert place.map == map_link("소화기내과", page_texts("en"))


def test_the_first_sentence_of_what_to_do_is_the_heading():
    answer = shown(departments=(), flags=(notice(),), withheld=True)
    assert (answer.urgent_title, answer.urgent_action) == ("Call 119 now", "Sit down. Wait.")
    assert (answer.way_in, answer.places) == ((), ())


def test_phones_stand_once_those_of_the_flags_first():
    assert shown(departments=(), flags=(notice(phone="112"), notice(phone="119"))).phones == ("112", "119")
    assert shown(departments=(), flags=(notice(phone="nonsense"),)).phones == ("119",)


def test_a_level_without_flags_still_says_what_to_do():
    prediction = Prediction({}, Triage(TriageLevel.CRISIS), Confidence.LOW)
    bare = Diagnosis(prediction, (), (), (), True, (), "advice", ())
    answer = show(bare, TEXT, page_texts("ko"), "ko")
    assert (answer.urgent, answer.urgent_title, answer.urgent_action) == ("crisis", "혼자 견디지 마세요", "advice")
    assert answer.phones == ("109", "119")


def test_marks_outweigh_each_other_and_make_up_the_text():
    answer = shown(
        departments=[department("dermatology", 0.9, evidence("가슴이", 2.0), evidence("열은", 1.0))],
        confidence=Confidence.HIGH,
        flags=(notice(Span(0, 2)),),
        denied=(Span(9, 10),),
    )
    assert "".join(piece.text for piece in answer.pieces) == TEXT
    assert [(piece.text, piece.mark) for piece in answer.pieces] == [
        ("가슴이", "flag"),
        (" 답답하고 ", ""),
        ("열", "denied"),
        ("은 없어요", ""),
    ]
    assert answer.signs[0].words == ("가슴이",)
    assert answer.places[0].reasons == ("가슴이",)
    assert answer.denied == ("열",)


def test_reasons_are_the_strong_words_that_speak_for_it():
    words = [Evidence(Span(number, number + 1), weight) for number, weight in enumerate((4, -3, 2, 1, 0.9, 3))]
    assert [span.start for span in reasons(words, ())] == [0, 2, 3]
    assert [span.start for span in reasons(words, (Span(0, 1),))] == [2, 3, 4]
    assert reasons([], ()) == ()


def test_quotes_are_words_once_without_punctuation():
    text = "아파요, 아파요... " + "가" * 31
    assert quotes(text, (Span(0, 4), Span(5, 11), Span(12, 43), Span(3, 5))) == ("아파요",)
