import datetime

import pytest

from carepick.errors import DataError
from carepick.training.time_split import cut_for_share, day_key


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("2024.11.3", "2024-11-03"),
        ("2024-11-03T09:00:00", "2024-11-03"),
        ("2024.11.03. 12:30", "2024-11-03"),
        ("2024년 11월 3일", "2024-11-03"),
        ("2024-11", "2024-11-01"),
        (datetime.date(2024, 11, 3), "2024-11-03"),
        (datetime.datetime(2024, 11, 3, 9), "2024-11-03"),
        ("2024-13-01", None),
        ("어제", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_in_any_writing_sort(value: object, key: str | None) -> None:
    assert day_key(value) == key


def test_the_latest_share_is_cut_between_days() -> None:
    days = ["2024-01-01"] * 6 + ["2024-01-02"] * 3 + ["2024-01-03"]
    assert cut_for_share(days, 0.4) == "2024-01-02"
    assert cut_for_share(days, 0.1) == "2024-01-03"
    assert cut_for_share(days, 0.99) == "2024-01-02"  # the first day is never held out: nothing would be left
    with pytest.raises(DataError, match="one day"):
        cut_for_share(["2024-01-01"] * 3, 0.5)


def rows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"text": text, "date": date} for text, date in pairs]


@pytest.mark.train
def test_later_rows_that_repeat_earlier_ones_are_dropped() -> None:
    from carepick.training.data_tools import split

    story = "어제 저녁부터 배가 아프고 설사를 다섯 번 했어요 열은 없습니다"
    early = (story, "2024.10.1"), ("무릎이 시려요", "2024.10.2")
    late = (story + "!", "2024.11.2"), ("눈이 침침해요", "2024.11.3")
    done = split(rows(*early, *late), "text", "date", "2024-11-01", 0.2)
    assert [row["text"] for row in done.train] == [story, "무릎이 시려요"]
    assert [row["text"] for row in done.validation] == ["눈이 침침해요"]
    assert (done.first_day, done.repeated) == ("2024-11-01", 1)


@pytest.mark.train
def test_a_row_without_a_date_is_named() -> None:
    from carepick.training.data_tools import split

    with pytest.raises(DataError, match="row 2, column date: expected a date"):
        split(rows(("가", "2024.10.1"), ("나", "")), "text", "date", None, 0.2)
