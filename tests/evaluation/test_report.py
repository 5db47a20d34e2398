import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import carepick.evaluation.report as report_module
from carepick.evaluation.labelled import study
from carepick.evaluation.report import Example, render_report

VOID = {"meta", "line", "rect", "circle", "polyline", "br"}


class Page(HTMLParser):
    """Collects ids, references and text, and fails on tags that do not match."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.references, self.text, self.outside = [], [], [], "", []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.references += attributes.get("aria-labelledby", "").split()
        self.outside += [attributes[name] for name in ("src", "href", "srcset", "action") if name in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def document(random_outcomes):
    facts = {"kind": "labelled", "task": "department", "view": "27", "seed": 3}
    model = {"model": {"name": "carepick <b>", "version": "1.2.3"}, "data": {"name": "questions & answers.csv"}}
    return {**facts, **model, **study(random_outcomes[0], seed=3)}


@pytest.mark.parametrize("language", report_module.LANGUAGES)
def test_the_page_is_whole_self_contained_and_escaped(document, language):
    page = render_report(document, language)
    parsed = Page(page)
    assert f'<html lang="{language}">' in page
    assert len(parsed.ids) == len(set(parsed.ids))
    assert set(parsed.references) <= set(parsed.ids)
    assert parsed.outside == []
    assert "<script" not in page
    assert "url(" not in page
    assert "carepick <b> 1.2.3" in parsed.text
    assert "questions & answers.csv" in parsed.text
    assert page.count("<svg") == page.count("<desc") == page.count('role="img"') == 4


def test_the_page_shows_the_figures_and_the_names(document, secret):
    text = Page(render_report(document, "ko")).text
    assert f"{document['figures']['top1']['value'] * 100:.1f} %" in text
    assert f"{document['figures']['mrr']['value']:.3f}" in text
    for name in ("내과", "치과", "치주과", "안과", "혼동 행렬", "27 클래스 기준"):
        assert name in text
    assert secret not in text


def test_texts_are_shown_only_as_examples(document, secret):
    page = render_report(document, "ko", [Example(secret + " <i>", "내과", "안과", 0.91)])
    text = Page(page).text
    assert secret + " <i>" in text
    assert "나누지 마세요" in text
    assert "나누지 마세요" not in Page(render_report(document, "ko")).text


def test_many_classes_are_drawn_in_part_and_none_is_lost(make_outcomes):
    names = [f"질병{i:03}" for i in range(60)]
    scores = [[0.4 if j == (i * 7 + 1) % 60 else 0.01 for j in range(60)] for i in range(60)]
    facts = {"kind": "labelled", "task": "disease", "view": "", "seed": 3}
    model = {"model": {"name": "m", "version": "1"}, "data": {"name": "d.csv"}}
    page = render_report({**facts, **model, **study(make_outcomes(scores, list(range(60)), names), 3)})
    matrix = page[page.index('aria-labelledby="matrix-title') :].split("</svg>")[0]
    counts = [int(count) for count in re.findall(r'class="count [^"]*"[^>]*>(\d+)<', matrix)]
    assert sum(counts) == 60
    assert "그 밖" in matrix
    assert "30개 클래스만" in page


def test_findings_have_a_page_of_figures_and_tables():
    share = {"value": 0.96, "low": 0.9, "high": 0.99, "hits": 48, "rows": 50}
    tables = {"by_kind": {"columns": ["kind", "abstained", "share"], "rows": [["chat", 3, 0.25]]}}
    facts = {"kind": "scope", "seed": 3, "model": {"name": "m", "version": "1"}, "data": {"name": "d.jsonl"}}
    text = Page(render_report({**facts, "rows": 50, "figures": {"unsure": share}, "tables": tables}, "en")).text
    assert "96.0 %" in text
    assert "48 of 50" in text
    assert "25.0 %" in text


def test_both_languages_have_the_same_words():
    words = json.loads((Path(report_module.__file__).parent / "words.json").read_text(encoding="utf-8"))
    assert set(words) == set(report_module.LANGUAGES)
    assert words["ko"].keys() == words["en"].keys()
    for key in words["ko"]:
        assert words["ko"][key].count("{") == words["en"][key].count("{")
