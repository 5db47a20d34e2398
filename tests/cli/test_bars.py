from __future__ import annotations

import io

import pytest

from carepick.cli.bars import BOLD, bar, display_width, padded, painted, score_lines
from carepick.records import ScoredLabel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("감기", 4),
        ("\u1100\u1161\u11b7", 2),
        ("ＡＢ", 4),
        ("ｶﾅ", 2),
        ("e\u0301", 1),
        ("가\u200b나", 4),
        ("", 0),
    ],
)
def test_width_is_that_of_a_terminal(text: str, width: int) -> None:
    assert display_width(text) == width
    assert display_width(padded(text, 10)) == 10


def test_bar_grows_by_eighths_and_keeps_its_width() -> None:
    bars = [bar(step / 400, width=10) for step in range(401)]
    assert bars[0] == " " * 10
    assert bars[-1] == "█" * 10
    assert all(len(each) == 10 for each in bars)
    assert len(set(bars)) == 81
    assert bars == sorted(bars, key=lambda each: (each.count("█"), " ▏▎▍▌▋▊▉".find(each.replace("█", "")[:1])))


@pytest.mark.parametrize(("score", "width"), [(-0.5, 0), (1.5, 4)])
def test_bar_of_an_impossible_score_stays_within(score: float, width: int) -> None:
    assert bar(score, 4).count("█") == width


def test_scores_stand_in_one_column() -> None:
    lines = score_lines(
        [ScoredLabel("a", "감기", 0.7823), ScoredLabel("b", "ADHD", 0.1), ScoredLabel("c", "가슴쓰림", 0)]
    )
    assert {display_width(line) for line in lines} == {display_width(lines[0])}
    assert [line.split()[-1] for line in lines] == ["0.7823", "0.1000", "0.0000"]
    assert score_lines([]) == []


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colour_only_where_it_is_wanted(stream: io.StringIO, environment: dict[str, str], coloured: bool) -> None:
    assert painted("진료과", BOLD, stream, environment) == ("\x1b[1m진료과\x1b[0m" if coloured else "진료과")
