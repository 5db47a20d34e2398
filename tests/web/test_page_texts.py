"""page.json and the templates fit together, and with the medical data."""

import json
import re
from importlib import resources

import pytest

from carepick.knowledge.catalog import load_catalog
from carepick.knowledge.red_flags import load_red_flags
from carepick.records import TriageLevel
from carepick.web.bilingual import LANGUAGES
from carepick.web.page_texts import page_texts

WEB = resources.files("carepick.web")
TEMPLATES = "".join(
    file.read_text(encoding="utf-8") for file in WEB.joinpath("templates").iterdir() if file.name.startswith("page")
)
CODE = WEB.joinpath("page_answer.py").read_text(encoding="utf-8")
_OPEN_QUESTION = re.compile(r"무엇|무슨|언제|얼마나|어떤|어느 |어디|누구|몇 [개주월미번]|며칠인가|몇이")
_HANGUL = re.compile("[가-힣]")


def wordings(node):
    """Yields every pair of wordings within `node`."""
    if isinstance(node, dict) and set(node) == set(LANGUAGES):
        yield node
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from wordings(item)


def test_every_wording_stands_in_both_languages():
    pairs = list(wordings(json.loads(WEB.joinpath("page.json").read_text(encoding="utf-8"))))
    assert len(pairs) > 80
    for pair in pairs:
        if pair["ko"] and pair["ko"] != "English":
            assert _HANGUL.search(pair["ko"]), pair
            assert pair["en"], pair
        assert pair["en"] == "한국어" or not _HANGUL.search(pair["en"]), pair
        assert set(re.findall(r"{\w+}", pair["ko"])) == set(re.findall(r"{\w+}", pair["en"])), pair


def test_templates_use_every_word_and_no_other():
    used = set(re.findall(r"words\.(\w+)", TEMPLATES)) | set(re.findall(r'words\["(\w+)"\]', CODE))
    used |= {"see", "start_with", "several", "several_advice", "uncertain"}  # chosen by confidence in page_answer.py
    assert used == set(page_texts("ko")["words"])
    assert not used & set(dir(dict)), "a template would get the method of the dictionary"


def test_every_level_has_its_words():
    texts = page_texts("ko")
    assert set(texts["levels"]) == {level.value for level in TriageLevel} - {"none"}
    for level in texts["levels"].values():
        assert set(level["phones"]) <= set(texts["phones"])


def test_ways_in_are_departments_of_the_catalog():
    assert [load_catalog().department(id).name for id in page_texts("ko")["way_in"]] == ["가정의학과", "내과"]


@pytest.mark.parametrize("flag", load_red_flags().flags, ids=lambda flag: flag.id)
def test_the_page_can_show_every_red_flag(flag):
    assert flag.phone in page_texts("ko")["phones"]
    for action in (flag.action, flag.action_en):
        title = action.partition(". ")[0]  # the page makes it a heading
        assert 3 < len(title) <= 60
    for question in (flag.question, flag.question_en):
        assert question.endswith("?")
    assert not _OPEN_QUESTION.search(flag.question), "yes and no must be answers"
