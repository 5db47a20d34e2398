"""Reads numbers with a meaning from a folded text: ages, temperatures, blood pressure and sugar, how long, how many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from carepick.text.folding import FoldedText

_COUNTS = {
    "한": 1,
    "두": 2,
    "세": 3,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
    "일": 1,
    "이": 2,
    "삼": 3,
    "사": 4,
    "오": 5,
    "육": 6,
    "칠": 7,
    "팔": 8,
    "구": 9,
    "십": 10,
    "이십": 20,
    "삼십": 30,
    "사십": 40,
    "오십": 50,
    "육십": 60,
    "칠십": 70,
    "팔십": 80,
    "구십": 90,
    "스무": 20,
    "서른": 30,
    "마흔": 40,
    "쉰": 50,
    "수십": 30,
    "몇십": 30,
    "반": 0.5,
}
_NUMBER = r"(?<![\d.])(\d{1,3}(?:\.\d+)?|" + "|".join(sorted(_COUNTS, key=len, reverse=True)) + ")"
_CHILD = r"(?:아기|애기|아가|아이|신생아|영아|유아|딸|아들|남아|여아|남자아|여자아|손녀|손자|손주|갓난|조카|쌍둥|둥이|우리애|애[가는도를])"
_LASTING = r"(?:째|넘|이상|동안|이?지나|가까이|정도|간(?!격)|이나)"
_OLD = r"(?:된|짜리|령|차|쯤된|정도된|밖에안된|조금넘은|갓넘은|안된|도안된|도안|지난)?"
_BEING = r"(?:된|인데|이에|이구|이고|예요|됐|됩|이라|밖에)"
_MONTHS = {"일": 1 / 30.4, "주": 7 / 30.4, "개월": 1.0, "달": 1.0, "살": 12.0, "세": 12.0, "대": 12.0}


class Measure(NamedTuple):
    """A number of one kind (see `KINDS` of the red flags), and where in the folded text it stands."""

    kind: str
    value: float
    start: int
    end: int


def _number(text: str) -> float:
    return float(_COUNTS[text]) if text in _COUNTS else float(text)


def _plain(match: re.Match[str]) -> float:
    return _number(match.group(1))


def _age(match: re.Match[str]) -> float:
    return _number(match.group(1)) * _MONTHS[match.group(2)]


def _celsius(match: re.Match[str]) -> float:
    return float(match.group(1)) + float(match.group(2) or 0) / 10


def _lasting(match: re.Match[str]) -> float:
    return _number(match.group(1)) * (60 if match.group(2) == "시간" else 1)


class _Reader(NamedTuple):
    kind: str
    hints: tuple[str, ...]  # one of these must be in the text, or it is not looked at
    expression: re.Pattern[str]
    value: Callable[[re.Match[str]], float]


def _reader(kind: str, hints: str, expression: str, value: Callable[[re.Match[str]], float] = _plain) -> _Reader:
    return _Reader(kind, tuple(hints.split()), re.compile(expression), value)


_READERS = (
    _reader("age_months", "생후 태어난지", rf"(?:생후|태어난지)(?:이제|겨우)?{_NUMBER}(일|주|개월|달)", _age),
    _reader("age_months", "일 주 개월 달", rf"{_NUMBER}(일|주|개월|달){_OLD}{_CHILD}", _age),
    _reader(
        "age_months", "일 주 개월 달", rf"{_CHILD}[가-힣]{{0,6}}?(?<!임신){_NUMBER}(일|주|개월|달)차?{_BEING}", _age
    ),
    _reader("age_months", "살 세", rf"{_NUMBER}(살|세)(?![대균상척월]|[가-힣]?전)", _age),
    _reader("age_months", "대", r"(?<!\d)([1-9]0|육십|칠십|팔십|구십)(대)(?!여|를맞|맞)", _age),
    _reader("celsius", "도 c", r"(?<![\d.])(3[3-9]|4[0-2])(?:도)?[.점]?(\d)?(?:도|c(?![a-z])|부)", _celsius),
    _reader(
        "celsius", "열 체온", r"(?:체온|열)[이은도가]?(?:재[보니어면]{1,2})?(3[5-9]|4[0-2])(?:\.(\d))?(?!\d)", _celsius
    ),
    _reader("systolic", "혈압", r"혈압\D{0,8}?(?<!\d)(\d{2,3})(?!\d)"),
    _reader("systolic", "/", r"(?<!\d)((?:1[4-9]|2\d)\d)/(?:[5-9]\d|1\d\d)(?!\d)"),
    _reader("systolic", "에", r"(?<!\d)(2\d\d)에서?(?:[5-9]\d|1\d\d)(?!\d)"),
    _reader("systolic", "에", r"(?<!\d)(1[4-9]\d)에서?1\d\d(?!\d)"),  # 183에 72 is a height and a weight
    _reader(
        "glucose",
        "혈당 당",
        r"(?:혈당|당수치|식후당|공복당|(?<![가-힣])당[이은])\D{0,8}?(?<!\d)(\d{2,3})(?!\d|시간|분|년|번)",
    ),
    _reader("pulse", "맥 심박 심장", r"(?:맥박|심박|맥이|심장박동)\D{0,8}?(?<!\d)(\d{2,3})(?!\d)"),
    _reader("pulse", "분에 분당", r"(?:1분에|일분에|분당)(\d{2,3})(?:번|회)?[가-힣]{0,4}(?:뛰|뜁|뛴)"),
    _reader("oxygen", "산소 포화도 spo2", r"(?:산소포화도|산소수치|산소농도|포화도|spo2)\D{0,6}?(\d{2})(?!\d)"),
    _reader("minutes", "분 시간", rf"{_NUMBER}(분|시간)[이도]?{_LASTING}", _lasting),
    _reader("tablets", "알 정 캡슐", rf"{_NUMBER}(?:알|정(?!도)|캡슐)"),
    _reader("week_of_pregnancy", "임", r"(?:임신(?:중이고|한지|초기|후기|중기)?|임산부)\D{0,3}(\d{1,2})주"),
    _reader("week_of_pregnancy", "주", r"(?<!\d)([1-4]?\d)주차?(?:\d일)?(?:임산부|임신|산모|예비맘)"),
)


def read_measures(text: FoldedText) -> Iterator[Measure]:
    """Yields every measure that `text` states; one place may state it twice."""
    exact = text.exact
    for reader in _READERS:
        if any(hint in exact for hint in reader.hints):
            for match in reader.expression.finditer(exact):
                yield Measure(reader.kind, reader.value(match), match.start(), match.end())
