"""GET and POST /: what a patient sees, without a browser; tests/browser looks at it with one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from carepick.errors import DeadlineError, OverloadedError
from carepick.records import Confidence
from carepick.settings import Settings
from carepick.web.app import create_app

TEXT = "사흘 전부터 무릎이 아파요. 열은 없어요"
URGENT = {
    "emergency": ("아버지가 갑자기 가슴을 쥐어짜듯 아파하고 식은땀을 흘려요", "119"),
    "er": ("생후 2개월 아기가 38도 열이 나요", "119"),
    "crisis": ("다 그만두고 죽고 싶어요", "109"),
    "danger": ("남편이 저를 때려요", "112"),
}
# What the deterministic engine is sure of, and what not: text, confidence, and the lists of departments in order.
SURE = {
    "sure": ("설사", Confidence.HIGH, ["departments"]),
    "likely": ("허리", Confidence.MEDIUM, ["departments"]),
    "several": ("머리", Confidence.LOW, ["departments", "undecided"]),
    "uncertain": ("아파요", Confidence.LOW, ["way-in", "closest"]),
    "unable": ("asdf qwer zxcv", Confidence.ABSTAIN, ["way-in"]),
}
TEXTS = [TEXT, *(row[0] for row in SURE.values()), *(row[0] for row in URGENT.values())]
VOID = {"meta", "link", "input", "img", "br", "path", "circle", "rect"}


class Page(HTMLParser):
    """The elements of a page in order, each with the text inside it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.feed(source)
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def find(self, tag: str = "", **wanted: str) -> list[tuple[dict[str, str], str]]:
        """Returns attributes and text of the elements that have all attributes of `wanted`; class_ for class."""
        names = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [
            (attributes, " ".join("".join(text).split()))
            for name, attributes, text in self.elements
            if tag in ("", name)
            and all(value in [*attributes.get(key, "").split(), attributes.get(key)] for key, value in names.items())
        ]

    def texts(self, tag: str = "", **wanted: str) -> list[str]:
        return [text for _, text in self.find(tag, **wanted)]


def ask(client, text=TEXT, status=200, query="?lang=ko", **fields):
    answer = client.post(f"/{query}", data={"text": text, **fields}, content_type="multipart/form-data")
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    return Page(answer.text)


def headings(page):
    return page.texts("h1") + page.texts("h2")


def places(page):
    return [text.split()[0] for text in page.texts("h3")][: len(page.find("li", class_="place"))]


def test_the_form_sends_its_text_in_the_body_of_a_post(client):
    page = Page(client.get("/?lang=ko").text)
    form = page.find("form", id="ask")[0][0]
    assert form["method"] == "post"
    assert form["enctype"] == "multipart/form-data"
    assert form["action"] == "/?lang=ko"
    text = page.find("textarea")[0][0]
    assert int(text["maxlength"]) == Settings().max_text_characters
    assert (text["spellcheck"], form["autocomplete"]) == ("false", "off")  # neither sent to a checker nor kept


@pytest.mark.parametrize("path", ["/", "/?lang=en", "/?lang=xx"])
def test_notices_and_the_emergency_number_are_always_there(client, path):
    page = Page(client.get(path).text)
    assert page.find("a", href="tel:119")
    assert len(page.find("footer")) == 1
    assert ("stored" in page.texts("footer")[0]) or ("저장하지 않아요" in page.texts("footer")[0])


def test_everything_comes_from_this_server(client):
    for page in (Page(client.get("/").text), ask(client), ask(client, URGENT["er"][0])):
        for tag, attributes, _ in page.elements:
            source = attributes.get("src") or (attributes.get("href") if tag == "link" else "")
            assert not source or source.startswith("/static/")
            assert "style" not in attributes
            assert not any(name.startswith("on") for name in attributes)
        assert not page.find("style")
        assert page.texts("script") == [""]
    for name in ("page.css", "page.js", "icon.svg"):
        with client.get(f"/static/{name}") as file:
            assert file.status_code == 200
            assert not re.search(r"@import|url\((?!#)|https?://(?!www\.w3\.org)", file.text)


def test_departments_are_those_of_the_predictor_with_their_reasons(client, predictor):
    text = SURE["sure"][0]
    diagnosis = predictor.diagnose(text)
    page = ask(client, text)
    likely = [label for label in diagnosis.departments if label.label.score >= 0.05]
    assert places(page) == [label.label.name for label in likely]
    assert page.texts(class_="band") == [label.band for label in likely]
    assert page.texts("q")[0] == text
    assert page.texts("mark", class_="word")[0] == text
    assert diagnosis.departments[0].label.name in page.texts("h1")[0]
    assert diagnosis.advice in page.texts(class_="when")[0]


def test_the_map_learns_the_department_and_nothing_else(client):
    page = ask(client)
    links = page.find("a", target="_blank")
    assert links
    for attributes, text in links:
        assert set(attributes["rel"].split()) == {"noopener", "noreferrer"}
        assert attributes["referrerpolicy"] == "no-referrer"
        address, _, words = unquote(attributes["href"]).rpartition("/")
        assert address == "https://map.kakao.com/link/search"
        assert words in text
        assert words in places(page)


def test_denied_symptoms_are_shown_as_such(client, predictor):
    denied = [TEXT[span.start : span.end] for span in predictor.predict(TEXT).triage.denied]
    assert denied
    page = ask(client)
    assert denied[0] in page.texts("span", class_="denied")
    assert f"없다고 하신 증상: {denied[0]}" in page.texts("li")
    assert all("열은" not in text for text in page.texts(class_="why"))


@pytest.mark.parametrize("level", URGENT)
def test_an_emergency_comes_first_and_withholds_departments(client, level):
    text, phone = URGENT[level]
    page = ask(client, text)
    assert page.texts("h1") == headings(page)[:1]
    assert page.texts("h1")[0] in page.texts("div", role="alert")[0]
    assert page.texts("div", role="alert")[0].split()[0]  # a word beside the colour and the drawing
    calls = [attributes["href"] for attributes, _ in page.find("a", class_="call")]
    assert calls[0] == f"tel:{phone}"
    assert not page.find(class_="place")
    assert not page.find("dt", lang="ko")
    assert page.find("button", name="include_withheld")
    assert page.texts("mark", class_="flag")


def test_a_second_danger_is_in_sight_with_its_number(client):
    page = ask(client, "남편이 칼로 찔러서 피가 콸콸 나요")
    calls = [attributes["href"] for attributes, _ in page.find("a", class_="call")]
    assert calls[0] == "tel:119"
    assert "tel:112" in calls
    assert "open" in page.find("details", class_="others")[0][0]


@pytest.mark.parametrize("level", URGENT)
def test_departments_are_shown_when_asked_for_and_the_notice_stays(client, level):
    text, phone = URGENT[level]
    page = ask(client, text, include_withheld="true")
    assert page.find("section", class_="alarm")
    assert page.find("a", href=f"tel:{phone}", class_="call")
    assert page.find(class_="place")
    assert not page.find("button", name="include_withheld")


@pytest.mark.parametrize("answered", ["yes", "no"])
def test_the_question_of_a_red_flag_never_lowers_the_notice(client, predictor, answered):
    text, _ = URGENT["emergency"]
    question = predictor.diagnose(text).flags[0].question
    page = ask(client, text)
    assert any(question in words for words in page.texts("form", class_="check"))
    assert [attributes["value"] for attributes, _ in page.find("button", name="confirmed")] == ["yes", "no"]
    told = ask(client, text, confirmed=answered)
    assert told.texts("p", class_="said")
    assert told.texts("h1") == page.texts("h1")
    assert not told.find(class_="place")
    assert not told.find("form", class_="check")


@pytest.mark.parametrize("name", SURE)
def test_the_answer_is_as_sure_as_it_says(client, predictor, name):
    text, confidence, lists = SURE[name]
    assert predictor.predict(text).confidence is confidence
    page = ask(client, text)
    assert [attributes["id"] for attributes, _ in page.find("section", class_="places")] == lists
    assert len(places(page)) == len(set(places(page)))
    if "way-in" in lists:
        assert places(page)[:2] == ["가정의학과", "내과"]
    if "undecided" in lists:
        assert places(page)[-1] in ("가정의학과", "내과")


def test_what_cannot_be_told_is_not_guessed(client, predictor):
    text = SURE["unable"][0]
    page = ask(client, text)
    assert page.texts("h1") == ["판단하기 어려워요"]
    assert places(page) == ["가정의학과", "내과"]
    assert not page.find("dt", class_="condition")
    details = predictor.diagnose(text).add
    assert details
    assert all(detail in page.texts("section", class_="add")[0] for detail in details)
    assert "open" in page.find("details", class_="more")[0][0]


def test_conditions_are_folded_general_information(client, predictor):
    diagnosis = predictor.diagnose(TEXT)
    page = ask(client)
    folded = page.texts("details", class_="conditions")[0]
    assert folded.startswith("비슷한 증상에서 안내되는 질환 정보")
    likely = [label.label.name for label in diagnosis.diseases if label.label.score >= 0.05]
    assert page.texts("dt", class_="condition") == likely
    assert "open" not in page.find("details", class_="conditions")[0][0]
    assert not any(label.band in folded for label in diagnosis.diseases)


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_reads_like_a_diagnosis(client, text):
    main = ask(client, text, include_withheld="true").texts("main")[0]
    assert "%" not in main.replace("92%", "")
    assert "확률" not in main
    assert not re.search(r"진단(?!이 아니)", main)


def test_conditions_can_be_switched_off(settings):
    # The setting reaches the predictor too: it composes what the page shows.
    from carepick.service.predictor import Predictor

    changed = Settings(engine="deterministic", disease_enabled=False)
    predictor = Predictor.load(changed)
    try:
        page = ask(create_app(changed, predictor).test_client())
    finally:
        predictor.close()
    assert not page.find("details", class_="conditions")
    assert "질환" not in page.texts("main")[0]
    assert places(page)


def test_english_stands_beside_korean(client):
    page = ask(client, query="?lang=en")
    assert page.find("html", lang="en")
    assert "Where to start" in headings(page)
    assert page.find("small", lang="ko")  # the name on the clinic's door
    switch = next(attributes for attributes, _ in page.find("form") if attributes["action"] == "/?lang=ko")
    assert switch["method"] == "post"
    assert page.find("input", name="text", value=TEXT)
    assert Page(client.get("/", headers={"Accept-Language": "en"}).text).find("html", lang="en")
    assert Page(client.get("/?lang=ko", headers={"Accept-Language": "en"}).text).find("html", lang="ko")


def test_the_text_stays_in_the_form_to_be_changed(client):
    page = ask(client, "첫 줄\r\n둘째 줄")
    assert page.texts("textarea") == ["첫 줄 둘째 줄"]
    assert page.texts("blockquote") == ["첫 줄 둘째 줄"]
    assert page.texts("dd", class_="typed") == ["첫 줄 둘째 줄"]


def test_what_was_typed_is_shown_and_never_run(client):
    answer = client.post("/", data={"text": "<script>alert(1)</script> & '\"> 아파요"})
    assert "<script>alert" not in answer.text
    assert ask(client, "<b>아파요</b>").texts("textarea") == ["<b>아파요</b>"]


def test_titles_say_nothing_of_the_answer(client):
    titles = {ask(client, text).texts("title")[0] for text in TEXTS}
    assert titles == {"안내 결과 - 케어픽"}  # browsers keep titles in their history


@pytest.mark.parametrize("query", ["?text=MARKER", "?texts=MARKER", "?lang=en&text=MARKER"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_text_in_the_address_is_refused(client, method, query):
    answer = getattr(client, method)(f"/{query}", data={"text": TEXT} if method == "post" else None)
    assert answer.status_code == 400
    assert "MARKER" not in answer.text
    assert "URL" in Page(answer.text).texts(id="problem")[0]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"text": ""}, 400), ({"text": " \r\n\t"}, 400), ({"text": "​"}, 400), ({"text": "가" * 10_001}, 400),
     ({"text": "MARKER", "age": "121"}, 400), ({"text": "MARKER", "age": "-1"}, 400),
     ({"text": "MARKER", "age": "40", "age_unit": "months"}, 400), ({"text": "MARKER" * 20_000}, 413)],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_on_the_page(client, fields, status):
    page = ask(client, status=status, **fields)
    assert page.texts(id="problem", role="alert")[0]
    assert page.find("textarea", aria_invalid="true")
    assert "MARKER" not in str(page.elements)


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [(OverloadedError("full", 7), 429, "7"), (DeadlineError("late"), 429, "1"), (KeyError("MARKER"), 500, None)],
)
def test_a_failing_server_says_what_to_do(settings, error, status, retry):
    class Failing:
        def diagnose(self, *_):
            raise error

    answer = create_app(settings, Failing()).test_client().post("/?lang=ko", data={"text": "MARKER"})
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == retry
    assert "119" in Page(answer.text).texts(id="problem")[0]
    assert "MARKER" not in answer.text


def test_the_page_opens_before_the_model_is_ready(settings):
    client = create_app(settings).test_client()
    assert client.get("/").status_code == 200
    answer = client.post("/", data={"text": TEXT})
    assert answer.status_code == 503
    assert answer.mimetype == "text/html"


def test_the_page_needs_no_key_and_sets_no_cookie(client_with):
    client = client_with(api_key="secret")
    for answer in (client.get("/"), client.post("/", data={"text": TEXT})):
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Accept-Language"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_answers_are_counted(client):
    def count():
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith('carepick_answers_total{confidence')
                   and 'kind="page"' in line)  # fmt: skip

    before = count()
    ask(client)
    assert count() == before + 1
