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
        ("010 - 1234 - 5678", "<phone>"),
        ("연락처-010-1234-5678-", "연락처-<phone>-"),
        ("tel-01012345678", "tel-<phone>"),
        ("010ㅡ1234ㅡ5678, 010—1234—5678, 010~1234~5678, 010_1234_5678, 010/1234/5678", ", ".join(["<phone>"] * 5)),
        ("주민번호-900101-1234567", "주민번호-<rrn>"),
        ("1234 - 5678 - 9012 - 3456", "<card>"),
        ("bit.ly/3xYz 랑 youtu.be/abc 보세요", "<url> 랑 <url> 보세요"),
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
        "혈압 120/80 130/85 110/70",
        "0.5mg 1정, 2.5 3.5 4.5",
        "체온 36.5 37.2 38.1 39.0",
        "2024/11/01 2024/11/15",
        "콜레스테롤 200-250, 1500 - 2000 보",
    ],
)
def test_medical_figures_and_dates_stay(text: str) -> None:
    assert scrub(text) == text
