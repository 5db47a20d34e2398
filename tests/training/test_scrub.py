import pytest

from carepick.training.scrub import scrub


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("메일은 kim.ch-ul+1@naver.com이에요", "메일은 <email>이에요"),
        ("hong @ hanmail.net 로요", "<email> 로요"),
        ("https://blog.naver.com/x?y=1 봐주세요", "<url> 봐주세요"),
        ("www.example.org/병원 참고", "<url> 참고"),
        ("example.co.kr에서 봤어요", "<url>에서 봤어요"),
        ("010-1234-5678로 연락", "<phone>로 연락"),
        ("01012345678", "<phone>"),
        ("０１０-１２３４-５６７８", "<phone>"),
        ("+82 10 1234 5678", "<phone>"),
        ("(031) 123-4567, 02)123-4567", "<phone>, <phone>"),
        ("대표번호 1588-1234", "대표번호 <phone>"),
        ("900101-1234567", "<rrn>"),
        ("900101-2******", "<rrn>"),
        ("1234-5678-9012-3456 카드", "<card> 카드"),
        ("3782-822463-10005", "<card>"),
    ],
)
def test_addresses_and_numbers_of_persons_go(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed
    assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "혈압 120/80, 체온 38.5도, 혈당 110-130",
        "2024-11-01부터 3일째, 2023-2024년",
        "하루 1800-2000 kcal 먹어요",
        "키 170 몸무게 60, 010 번 방",
        "A형 간염 항체 수치 1000.5",
        "1회 500mg 하루 3번",
    ],
)
def test_medical_figures_and_dates_stay(text: str) -> None:
    assert scrub(text) == text
