"""The red flags are whole, say what to do, and a wrong row, concept or pattern is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from carepick.errors import CatalogError
from carepick.knowledge.patterns import parse_pattern
from carepick.knowledge.red_flags import RedFlags, load_red_flags
from carepick.knowledge.stems import parse_stems
from carepick.records import TriageLevel

PHONES = {TriageLevel.EMERGENCY: "119", TriageLevel.ER: "119", TriageLevel.CRISIS: "109", TriageLevel.DANGER: "112"}


@pytest.fixture(scope="module")
def red_flags() -> RedFlags:
    return load_red_flags()


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, Callable[[Any], None]], Path]:
    """Returns a function that copies the data, changes one file and returns the folder."""

    def change(name: str, edit: Callable[[Any], None]) -> Path:
        for file in ("red_flags.json", "concepts.json", "context.json"):
            with resources.as_file(resources.files("carepick.knowledge") / "data" / file) as path:
                shutil.copy(path, tmp_path / file)
        document = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        edit(document)
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
        return tmp_path

    return change


class TestData:
    def test_there_are_enough_of_each_level(self, red_flags: RedFlags) -> None:
        assert len(red_flags.flags) >= 130
        assert {flag.level for flag in red_flags.flags} == set(PHONES)

    def test_every_flag_says_what_to_do(self, red_flags: RedFlags) -> None:
        for flag in red_flags.flags:
            assert flag.action.endswith("."), flag.id
            assert flag.name_en.isascii(), flag.id
            assert flag.question.endswith("?"), flag.id
            assert flag.question_en.endswith("?"), flag.id
            assert flag.phone in {"119", PHONES[flag.level]}, flag.id

    def test_every_flag_but_the_learned_has_a_certain_pattern(self, red_flags: RedFlags) -> None:
        assert {flag.id for flag in red_flags.flags if not flag.patterns} == {
            *("learned-urgent", "learned-crisis", "learned-danger")
        }

    def test_no_pattern_stands_twice_in_a_flag(self, red_flags: RedFlags) -> None:
        for flag in red_flags.flags:
            sources = [pattern.source for pattern in (*flag.patterns, *flag.weak_patterns)]
            assert len(sources) == len(set(sources)), flag.id

    def test_a_flag_is_found_by_its_id(self, red_flags: RedFlags) -> None:
        assert red_flags.flag("seizure").level is TriageLevel.EMERGENCY
        with pytest.raises(CatalogError, match="no red flag with the id 'nothing'"):
            red_flags.flag("nothing")


class TestWrongData:
    @pytest.mark.parametrize(
        ("edit", "said"),
        [
            (lambda rows: rows[0].update(level="soon"), "row 1 .unresponsive.: a level is wrong"),
            (lambda rows: rows[0].update(level="none"), "a red flag needs a level above none"),
            (lambda rows: rows[0].update(action=" "), "no text in action"),
            (lambda rows: rows[0].update(id="Un responsive"), "row 1: expected an object with an id"),
            (lambda rows: rows[0].update(colour="red"), "unknown columns colour"),
            (lambda rows: rows[1].update(id="unresponsive"), "ids that stand twice: unresponsive"),
            (lambda rows: rows[0].update(patterns=["ches pain"]), "names unknown concepts: ches"),
            (lambda rows: rows[0].update(weak_patterns=["가슴 @far"]), "a number of letters must follow @"),
            (lambda rows: rows[0].update(patterns="chest"), "asks for nothing|unknown concepts"),
            (lambda rows: rows.clear(), "a list of rows must stand under flags"),
        ],
    )
    def test_a_row(
        self, edit: Callable[[Any], None], said: str, changed: Callable[[str, Callable[[Any], None]], Path]
    ) -> None:
        folder = changed("red_flags.json", lambda document: edit(document["flags"]))
        with pytest.raises(CatalogError, match=said):
            load_red_flags(folder)

    @pytest.mark.parametrize(
        ("name", "edit", "said"),
        [
            ("concepts.json", lambda d: d["concepts"].update(chest="가"), "concepts.json: chest.*too|short a stem"),
            ("concepts.json", lambda d: d["concepts"].update(chest=""), "chest: expected stems"),
            ("concepts.json", lambda d: d["ranges"].update(fever=[{"kind": "mood"}]), "fever: .*mood"),
            ("concepts.json", lambda d: d["ranges"].update(fever=[{"least": 3}]), "each row needs a kind"),
            ("context.json", lambda d: d["cues"].pop("past"), "cues must be"),
            ("context.json", lambda d: d.pop("symptoms"), "symptoms: expected stems"),
        ],
    )
    def test_a_word(
        self, name: str, edit: Callable[[Any], None], said: str, changed: Callable[[str, Callable[[Any], None]], Path]
    ) -> None:
        with pytest.raises(CatalogError, match=said):
            load_red_flags(changed(name, edit))

    def test_a_file_that_is_no_json(self, changed: Callable[[str, Callable[[Any], None]], Path]) -> None:
        folder = changed("context.json", lambda document: None)
        (folder / "context.json").write_text("{", encoding="utf-8")
        with pytest.raises(CatalogError, match=r"context\.json is not readable JSON"):
            load_red_flags(folder)


class TestLanguage:
    def test_a_pattern_is_read_into_its_parts(self) -> None:
        pattern = parse_pattern("chest>pain|아파 sweat ~sudden !cough|기침 @60 <")
        assert pattern.chains == ((("chest",), ("pain", "아파")), (("sweat",),))
        assert pattern.gates == ((("sudden",),),)
        assert pattern.excluded == (("cough", "기침"),)
        assert (pattern.window, pattern.short_only) == (60, True)

    @pytest.mark.parametrize("source", ["", "!cough", "~sudden", "chest|", "chest>>pain", "chest @"])
    def test_a_pattern_that_asks_for_nothing(self, source: str) -> None:
        with pytest.raises(CatalogError, match="pattern"):
            parse_pattern(source)

    @pytest.mark.parametrize(
        ("word", "literals"),
        [
            ("쥐어짜", {"쥐어짜"}),
            ("아[파픈]", {"아파", "아픈"}),
            ("[0-2]년전", {"0년전", "1년전", "2년전"}),
            ("(불러|깨워)도", {"불러도", "깨워도"}),
            ("숨이?막", {"숨이막", "숨막"}),
            ("숨(이|은(좀)?)막", {"숨이막", "숨은막", "숨은좀막"}),
        ],
    )
    def test_a_stem_stands_for(self, word: str, literals: set[str]) -> None:
        assert {stem.literal for stem in parse_stems(word)} == literals

    def test_marks_of_a_stem(self) -> None:
        (stem,) = parse_stems("=^애가$")
        assert (stem.exact, stem.starts_word, stem.ends_word) == (True, True, True)
        eyes = {(stem.literal, stem.ends_word) for stem in parse_stems("^눈%")}
        assert {("눈", True), ("눈이", False)} <= eyes

    @pytest.mark.parametrize(
        "word", ["가", "(가나", "가나)", "[가나", "가나]", "?가나", "(가나)?", "[0-9]?[0-9]?[0-9]?년"]
    )
    def test_a_stem_that_is_not_well_formed(self, word: str) -> None:
        with pytest.raises(CatalogError, match="stem"):
            parse_stems(word)
