"""Triage: what the words around a complaint make of it, and how rules and a model decide together."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.knowledge.red_flags import load_red_flags
from carepick.records import RaisedFlag, Span, Triage, TriageLevel
from carepick.service.triage import LEARNED, Heard, Told, Triager
from carepick.text.normalize import normalize_with_spans

THRESHOLDS = {"urgent": 0.85, "crisis": 0.5, "danger": 0.5}
CERTAIN = "가슴을 쥐어짜고 식은땀이 나요"
LONG_STANDING = "몇 달 전부터 가슴을 쥐어짜고 식은땀이 나요"
NOTHING = "어제부터 콧물이 나고 목이 칼칼해요"


@pytest.fixture(scope="module")
def triager() -> Triager:
    return Triager(load_red_flags())


def hear(triager: Triager, text: str) -> Heard:
    return triager.detect(normalize_with_spans(text))


def answer(triager: Triager, text: str, learned: dict[str, float] | None, **thresholds: float) -> Triage:
    return triager.combine(hear(triager, text), learned, {**THRESHOLDS, **thresholds})


def ids(triage: Triage) -> set[str]:
    return {flag.id for flag in triage.flags}


class TestTogether:
    @given(urgent=st.floats(0, 1), crisis=st.floats(0, 1), danger=st.floats(0, 1))
    def test_no_model_lowers_what_is_certain(
        self, triager: Triager, urgent: float, crisis: float, danger: float
    ) -> None:
        triage = answer(triager, CERTAIN, {"urgent": urgent, "crisis": crisis, "danger": danger})
        assert triage.level is TriageLevel.EMERGENCY
        assert "heart-attack" in ids(triage)

    def test_what_is_certain_needs_no_model(self, triager: Triager) -> None:
        assert answer(triager, CERTAIN, None).level is TriageLevel.EMERGENCY

    def test_a_suspicion_alone_is_no_alarm(self, triager: Triager) -> None:
        heard = hear(triager, LONG_STANDING)
        assert not heard.certain
        assert "heart-attack" in {flag.id for flag in heard.suspected}
        assert answer(triager, LONG_STANDING, None).level is TriageLevel.NONE
        assert answer(triager, LONG_STANDING, {"urgent": 0.29}).level is TriageLevel.NONE

    def test_a_model_supports_a_suspicion_below_its_own_threshold(self, triager: Triager) -> None:
        triage = answer(triager, LONG_STANDING, {"urgent": 0.31})
        assert triage.level is TriageLevel.EMERGENCY
        assert "learned-urgent" not in ids(triage)  # the flag that was suspected says more

    def test_a_bundle_may_set_how_much_support_is_needed(self, triager: Triager) -> None:
        assert answer(triager, LONG_STANDING, {"urgent": 0.11}, urgent_support=0.1).level is TriageLevel.EMERGENCY
        assert answer(triager, LONG_STANDING, {"urgent": 0.09}, urgent_support=0.1).level is TriageLevel.NONE

    def test_support_by_the_sentence_with_the_suspected_words_is_enough(self, triager: Triager) -> None:
        before, own = "아침마다 계란을 먹고 출근을 해요. ", LONG_STANDING
        text = before + own
        ranges = {"before": (0, len(before) - 1), "own": (len(before), len(text))}

        def told(place: str, urgent: float) -> Triage:
            one = Told(Span(*ranges[place]), {"urgent": urgent, "crisis": 0.0, "danger": 0.0})
            thresholds = {**THRESHOLDS, "sentence_urgent_support": 0.9}
            return triager.combine(hear(triager, text), None, thresholds, [one])

        assert told("own", 0.91).level is TriageLevel.EMERGENCY
        assert told("own", 0.89).level is TriageLevel.NONE
        assert told("before", 0.91).level is TriageLevel.NONE

    @pytest.mark.parametrize(("label", "level"), [("urgent", "er"), ("crisis", "crisis"), ("danger", "danger")])
    def test_one_sentence_of_a_story_raises_an_alarm(self, triager: Triager, label: str, level: str) -> None:
        learned = dict.fromkeys(LEARNED, 0.0) | {label: 0.97}
        heard, told = hear(triager, NOTHING), [Told(Span(0, len(NOTHING)), learned)]
        raised = triager.combine(heard, None, {f"sentence_{label}": 0.96}, told)
        assert raised.level == level
        assert [(span.start, span.end) for span in raised.flags[0].spans] == [(0, len(NOTHING))]
        assert triager.combine(heard, None, {f"sentence_{label}": 0.98}, told).level is TriageLevel.NONE
        assert triager.combine(heard, None, {}, told).level is TriageLevel.NONE

    def test_support_must_be_of_the_same_kind(self, triager: Triager) -> None:
        assert answer(triager, LONG_STANDING, {"urgent": 0.0, "crisis": 0.45}).level is TriageLevel.NONE

    @pytest.mark.parametrize(
        ("label", "level"),
        [("urgent", TriageLevel.ER), ("crisis", TriageLevel.CRISIS), ("danger", TriageLevel.DANGER)],
    )
    def test_a_model_alone_is_heard_from_its_threshold_on(
        self, triager: Triager, label: str, level: TriageLevel
    ) -> None:
        assert answer(triager, NOTHING, {label: THRESHOLDS[label]}).level is level
        assert ids(answer(triager, NOTHING, {label: THRESHOLDS[label]})) == {LEARNED[label]}
        assert answer(triager, NOTHING, {label: THRESHOLDS[label] - 0.01}).level is TriageLevel.NONE

    def test_a_label_without_a_threshold_is_never_reached(self, triager: Triager) -> None:
        assert triager.combine(hear(triager, NOTHING), {"urgent": 1.0}, {}).level is TriageLevel.NONE

    @pytest.mark.parametrize(
        "text", ["뇌졸중 전조증상이 뭔가요", "숨넘어가게 웃었어요", "열이 났는데 지금은 잘 놀아요"]
    )
    def test_a_model_must_be_surer_where_the_words_speak_against_it(self, triager: Triager, text: str) -> None:
        assert answer(triager, text, {"urgent": 0.86}).level is TriageLevel.NONE
        assert answer(triager, text, {"urgent": 0.97}).level is TriageLevel.ER
        assert answer(triager, text, {"urgent": 0.86}, doubt=1.0).level is TriageLevel.ER

    def test_a_model_adds_what_no_rule_covers(self, triager: Triager) -> None:
        assert "learned-crisis" in ids(answer(triager, CERTAIN, {"urgent": 0.1, "crisis": 0.9}))
        assert "learned-urgent" not in ids(answer(triager, CERTAIN, {"urgent": 1.0}))

    def test_flags_come_most_urgent_first(self, triager: Triager) -> None:
        one, other = RaisedFlag("violence", TriageLevel.DANGER), RaisedFlag("seizure", TriageLevel.EMERGENCY)
        assert triager.combine(Heard((one, other), (), ()), None, {}).flags == (other, one)

    def test_a_crisis_only_learned_comes_after_danger_in_the_same_words(self, triager: Triager) -> None:
        triage = answer(triager, "남편이 칼을 들고 위협해요", {"crisis": 0.9})
        assert triage.level is TriageLevel.DANGER
        assert triage.flags[-1].id == "learned-crisis"
        assert answer(triager, "남편이 때려요. 이제 그만 죽고 싶어요", {"crisis": 0.9}).level is TriageLevel.CRISIS

    @pytest.mark.parametrize(("place", "level"), [(0, TriageLevel.DANGER), (1, TriageLevel.CRISIS)])
    def test_a_crisis_learned_from_another_sentence_comes_first(
        self, triager: Triager, place: int, level: TriageLevel
    ) -> None:
        sentences = ["남편이 칼을 들고 위협해요.", "오늘은 조용히 쉬려고 해요."]
        text = " ".join(sentences)
        start = text.index(sentences[place])
        span = Span(start, start + len(sentences[place]))
        told = [Told(span, {"urgent": 0.0, "crisis": 0.9, "danger": 0.0})]
        thresholds = {**THRESHOLDS, "sentence_crisis": 0.5}
        assert triager.combine(hear(triager, text), {}, thresholds, told).level is level


class TestContext:
    @pytest.mark.parametrize(
        "text",
        [
            "가슴 통증은 없고 식은땀도 안 나요",
            "열도 기침도 없고 숨도 차지 않아요",
            "임신 중인데 출혈도 복통도 없어요",
            "머리를 부딪혔는데 토하지도 않고 어지럽지도 않아요",
            "3년 전에 심근경색으로 스텐트를 넣었어요",
            "작년에 아버지가 뇌출혈로 쓰러지셨어요",
            "피가 안 멈추면 어떻게 지혈하나요",
            "아기가 자다가 숨이 멎을까 봐 걱정이에요",
            "뇌졸중 전조증상이 뭔가요",
            "늙으면 죽어야지 하고 농담을 하세요",
            "죽고 싶은 생각은 전혀 없어요",
            "웃겨 죽겠어요",
            "자살 생각 전혀 안 함",
            "고개가 안 돌아가요",
        ],
    )
    def test_denied_past_supposed_or_meant_otherwise(self, triager: Triager, text: str) -> None:
        heard = hear(triager, text)
        assert (heard.certain, heard.suspected) == ((), ())

    @pytest.mark.parametrize(
        "text",
        [
            "숨이 차지는 않았는데 지금은 숨이 안 쉬어져요",
            "3년 전에 심근경색이 왔었는데 지금 가슴을 쥐어짜고 식은땀이 나요",
            "소변이 한 방울도 안 나오고 배가 터질 것 같아요",
            "발기가 다섯 시간째 가라앉지 않고 아파요",
            "피가 멈추지 않아요 손을 칼에 베였어요",
            "몇 달 전부터 답답했는데 오늘은 가슴을 쥐어짜고 식은땀이 나요",
        ],
    )
    def test_a_complaint_of_now_is_heard_beside_them(self, triager: Triager, text: str) -> None:
        assert hear(triager, text).certain

    @pytest.mark.parametrize(
        "text",
        [
            "아기가 침대에서 떨어져 머리를 박았어요. 바로 울었고 지금은 잘 놀아요",
            "가끔 심장이 터질 것 같고 어지러워 쓰러질 것 같아요",
        ],
    )
    def test_what_is_over_or_occasional_is_a_suspicion(self, triager: Triager, text: str) -> None:
        heard = hear(triager, text)
        assert heard.suspected
        assert not heard.certain

    @pytest.mark.parametrize(
        ("text", "id"),
        [
            ("가슴을 쥐어짜는 통증이 없어지지 않아요", "heart-attack"),
            ("죽고 싶은 생각이 안 사라져요", "suicidal-thoughts"),
            ("죽고 싶은 생각이 없어지지 않아요", "suicidal-thoughts"),
            ("죽고 싶은 생각은 계속 들어요", "suicidal-thoughts"),
            ("자살 생각이 안 떠나요", "suicidal-thoughts"),
            ("칼에 손을 베였는데 피가 안 멎었어요", "severe-bleeding"),
            ("생후 2개월 아기 39도인데 해열제 먹여도 안 내렸어요", "young-infant-fever"),
            ("산소포화도 85예요. 갑자기 안 좋아졌어요", "low-oxygen"),
            ("임신 34주인데 태동이 지금은 없어요", "fetal-movement"),
            ("코피가멈추지않아요", "nosebleed"),
        ],
    )
    def test_what_does_not_go_away_is_not_denied(self, triager: Triager, text: str, id: str) -> None:
        assert id in {flag.id for flag in hear(triager, text).certain}

    @pytest.mark.parametrize(
        ("text", "id"),
        [
            ("직원이 교육받다가 갑자기 쓰러져서 의식이 없어요", "unresponsive"),
            ("공부하다가 자꾸 죽고 싶어요", "suicidal-thoughts"),
            ("양팔 혈압 차이가 나고 등이 찢어질 듯 아파요", "aortic-tear"),
            ("예방접종 맞고 나서 온몸에 두드러기가 나고 숨을 못 쉬겠어요", "anaphylaxis"),
            ("임신 초기 출혈 괜찮은가요?", "pregnancy-bleeding"),
            ("임신 8주인데 출혈이 정상인가요?", "pregnancy-bleeding"),
            ("머리 부딪히고 구토 괜찮을까요", "head-injury"),
            ("발치했는데 입 안 출혈이 안 멈춰요", "severe-bleeding"),
            ("허리가 아프더니 다리 힘이 빠지고 똥오줌 감각이 없어졌어요", "cauda-equina"),
            ("제가 죽으면 보험금이 가족한테 나오겠죠", "suicidal-thoughts"),
        ],
    )
    def test_a_word_about_something_else_or_a_question_dismisses_nothing(
        self, triager: Triager, text: str, id: str
    ) -> None:
        heard = hear(triager, text)
        assert id in {flag.id for flag in (*heard.certain, *heard.suspected)}

    @pytest.mark.parametrize(
        ("text", "denied"),
        [
            ("갑자기 가슴 통증, 호흡곤란. 열은 없어요", ["열"]),
            ("가슴 통증\n호흡곤란\n열 없어요", ["열"]),
            ("누런 가래 기침. 열 없고 몸살만 있어요", ["열"]),
            ("기침, 가래, 열은 없어요", ["기침", "가래", "열"]),
            ("통증을 없애고 싶어요", []),
            ("어지럼증은 없어졌고 귀만 먹먹해요", ["어지럼증"]),
            ("물집은 다 없어졌다가 또 생겨요", []),
            ("두통이 업무에 지장을 줄 만큼 심해요", []),
            ("두통이업무에지장을줄만큼심해요", []),
            ("통증이없어지지않아요", []),
            ("통증이 괜찮다가 다시 심해져요", []),
            ("입 안 물집이 심해요", []),
            ("입 안 물집 심해요", []),
            ("귀 안 통증이 심해요", []),
            ("기침이멎지않아요", []),
            ("열이내리지않아요", []),
            ("열은 업어요", ["열"]),
            ("열이 없더라고요", ["열"]),
            ("두통은 괜찮아요", ["두통"]),
            ("배 안 아파", ["아파"]),
            ("손은 안 저림", ["저림"]),
            ("통증은 안 나타나고 열이 나요", []),
        ],
    )
    def test_only_what_is_absent_is_told_as_such(self, triager: Triager, text: str, denied: list[str]) -> None:
        assert [text[span.start : span.end] for span in hear(triager, text).denied] == denied

    def test_denied_symptoms_are_told(self, triager: Triager) -> None:
        text = "열이랑 기침은 없고 콧물만 나요"
        assert [text[span.start : span.end] for span in hear(triager, text).denied] == ["열", "기침"]

    def test_a_complaint_buried_in_a_long_story_is_heard(self, triager: Triager) -> None:
        story = "저는 마흔두 살이고 회사에서 사무를 봅니다. 주말에는 등산도 다녀왔고 밥도 잘 먹었어요. "
        assert hear(triager, story + "방금 갑자기 오른쪽 팔다리에 힘이 빠지고 말이 어눌해졌어요. " + story).certain

    @pytest.mark.parametrize(
        "text",
        [
            "치매인 시어머니가 기저귀를 자꾸 던져요",
            "남편이 자면서 숨을 안 쉬다가 푸하 하고 몰아쉬어요",
            "렌즈가 눈 뒤로 넘어간 것 같은데 빼내면 되나요",
            "사진만 찍으면 아이 한쪽 눈이 하얗게 나와요",
            "어머니가 티비를 크게 틀고 요즘 자꾸 못알아들으시고 엉뚱한 대답을 하세요",
            "물혹이 터지면 죽는다는 글도 있어서 밤새 검색했어요",
            "딸꾹질 백 번 하면 죽는다고 하던데 진짜인가요",
            "관계를 피하게 돼서 남편한테 미안한데 말도 못 꺼내겠고 방법이 없어요",
            "임신 30주인데 치핵이 나와서 항문에서 피가 뚝뚝 떨어져요",
            "산후 우울이 있지만 누굴 해칠 생각은 전혀 없어요",
            "우리 아기 태열이 심해서 베개에 진물이 묻는데 스테로이드는 무서워요",
        ],
    )
    def test_a_word_of_another_matter_beside_it_leaves_a_suspicion_at_most(self, triager: Triager, text: str) -> None:
        assert not hear(triager, text).certain


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "id"),
        [
            ("생후 2개월 아기가 열이 38도예요", "young-infant-fever"),
            ("혈당이 38이에요", "hypoglycaemia"),
            ("산소포화도가 85 나와요", "low-oxygen"),
            ("항암 중인데 열이 38.5도예요", "fever-low-defence"),
            ("임신 34주인데 머리가 깨질 것 같고 눈앞이 번쩍거려요", "preeclampsia"),
        ],
    )
    def test_ages_and_conditions_matter(self, triager: Triager, text: str, id: str) -> None:
        assert id in {flag.id for flag in hear(triager, text).certain}

    @pytest.mark.parametrize("text", ["일곱 살 아이가 열이 38도예요", "혈당이 110이에요", "산소포화도가 98이에요"])
    def test_ordinary_numbers_raise_nothing(self, triager: Triager, text: str) -> None:
        assert not hear(triager, text).certain


def test_repeated_words_take_no_longer_than_they_must(triager: Triager) -> None:
    """Every combination of words said a hundred times each would take minutes."""
    begun = time.process_time()
    hear(triager, "가슴 쥐어짜고 왼팔 아프고 답답하고 식은땀 숨이 차고 어지럽고 토하고 " * 50 + "작년에")
    assert time.process_time() - begun < 5


@given(text=st.text(max_size=60))
def test_any_text_is_answered(triager: Triager, text: str) -> None:
    heard = hear(triager, text)
    for flag in heard.certain:
        assert all(0 <= span.start < span.end <= len(text) for span in flag.spans)
