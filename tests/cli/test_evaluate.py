"""`carepick evaluate` and `carepick compare` from end to end, on the deterministic engine and rows written here."""

import json
from pathlib import Path

import pytest

from carepick.cli.main import main

ROWS = [
    ("머리가 아프고 열이 나요", "감기", "kin"),
    ("배가 살살 아프고 [MASK] 설사를 해요", "장염", "kin"),
    ("눈이 가렵고 빨개요", "결막염", ""),
    ("", "감기", "kin"),
    ("허리가 아파요", "", "kin"),
]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "disease": label, "source": source}) for text, label, source in ROWS]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def evaluate(*arguments):
    assert main(["evaluate", "deterministic", *map(str, arguments)]) == 0


def read(folder):
    report = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8")), report


def test_labelled_rows_are_scored_and_reported(data, tmp_path, capsys):
    evaluate(data, "--group-columns", "source", "--out", tmp_path / "out")
    metrics, report = read(tmp_path / "out")
    assert metrics["rows"] == 3
    assert metrics["unlabelled"] == 1
    assert metrics["refused"] == {"invalid-text": 1}
    assert [row["value"] for row in metrics["slices"]["source"]] == ["", "kin"]
    assert set(metrics["figures"]) >= {"top1", "top3", "macro_top3", "macro_f1", "mrr", "ece"}
    printed = capsys.readouterr()
    assert "macro_f1" in printed.out
    assert printed.err == ""
    for text, _, _ in ROWS[:3]:
        assert text not in report + json.dumps(metrics, ensure_ascii=False) + printed.out


def test_the_same_seed_gives_the_same_files(data, tmp_path):
    for folder in ("one", "two"):
        evaluate(data, "--seed", 4, "--sample", 2, "--out", tmp_path / folder)
    assert (tmp_path / "one/metrics.json").read_bytes() == (tmp_path / "two/metrics.json").read_bytes()
    assert (tmp_path / "one/report.html").read_bytes() == (tmp_path / "two/report.html").read_bytes()


def test_texts_are_shown_only_when_asked_for_and_only_in_the_report(data, tmp_path):
    evaluate(data, "--show-text", "--language", "en", "--out", tmp_path / "out")
    metrics, report = read(tmp_path / "out")
    assert "배가 살살 아프고 설사를 해요" in report
    assert "must not be shared" in report
    assert "배가 살살" not in json.dumps(metrics, ensure_ascii=False)


@pytest.mark.parametrize(
    ("kind", "case", "figure"),
    [
        (
            "vignettes",
            {"id": "1", "text": "코가 막혀요", "disease": "감기", "departments": ["이비인후과"], "style": "plain"},
            "disease_top3",
        ),
        (
            "complaints",
            {"id": "1", "text": "코가 막혀요", "likely": ["감기"], "unlikely": ["폐암"], "departments": ["이비인후과"]},
            "likely_top3",
        ),
        (
            "messages",
            {"id": "1", "text": "코가 막혀요", "departments": ["이비인후과"], "urgency": "routine"},
            "false_alarms",
        ),
        (
            "behaviour",
            {
                "id": "1",
                "kind": "invariance",
                "capability": "typo",
                "text": "코가 막혀요",
                "variant": "코가 막켜요",
                "expect": {"same_top1_department": True},
            },
            "passed_invariance",
        ),
        ("triage", {"id": "1", "text": "코가 막혀요", "expected": "none", "topic": "mild"}, "false_alarms"),
        ("vague", {"id": "1", "text": "코가 막혀요"}, "unsure"),
    ],
)
def test_every_kind_of_set_is_reported(tmp_path, kind, case, figure):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case, ensure_ascii=False), encoding="utf-8")
    evaluate(path, "--kind", kind, "--out", tmp_path / "out")
    metrics, report = read(tmp_path / "out")
    assert metrics["figures"][figure]["rows"] == 1
    assert metrics["kind"] == kind
    assert case["text"] not in report


def test_scope_needs_texts_about_health(tmp_path, data, capsys):
    others = tmp_path / "others.jsonl"
    lines = [{"text": "ㅁㄴㅇㄹ", "kind": "mash"}, {"text": "the cat sat", "kind": "language"}]
    others.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    health = tmp_path / "health.jsonl"
    health.write_text("\n".join(json.dumps({"text": text}) for text, _, _ in ROWS[:3]), encoding="utf-8")
    evaluate(others, "--kind", "scope", "--health", health, "--out", tmp_path / "out")
    metrics = read(tmp_path / "out")[0]
    assert "health_by_kind" not in metrics["tables"]
    figures = metrics["figures"]
    assert figures["auroc"]["value"] == 1  # neither is Korean, so both are abstained from
    assert figures["recall_at_precision_95"]["value"] == 1
    assert figures["abstained_out_of_scope"]["hits"] == 2
    assert figures["abstained_health"]["hits"] == 0
    kinds = [
        {"text": ROWS[0][0], "kind": "word"},
        {"text": "ㅎㅎㅎㅎ", "kind": "typo"},
        {"text": ROWS[1][0], "kind": "word"},
    ]
    health.write_text("\n".join(map(json.dumps, kinds)), encoding="utf-8")
    evaluate(others, "--kind", "scope", "--health", health, "--out", tmp_path / "out")
    assert read(tmp_path / "out")[0]["tables"]["health_by_kind"]["rows"] == [["typo", 1, 1, 1.0], ["word", 0, 2, 0.0]]
    capsys.readouterr()
    assert main(["evaluate", "deterministic", str(others), "--kind", "scope"]) == 2
    assert capsys.readouterr().err == (
        "carepick: --kind scope needs --health FILE: texts about health to tell the others from\n"
    )


def test_urgent_texts_are_put_into_questions_that_alarm_nobody(tmp_path, capsys):
    cases = [
        {"id": "1", "text": "아버지가 의식이 없고 숨을 안 쉬어요.", "expected": "emergency", "topic": "breath"},
        {"id": "2", "text": "무릎이 시큰거려요", "expected": "none", "topic": "knee"},
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in cases), encoding="utf-8")
    calm = "회사 일이 바빠서 점심을 자주 걸러요. 속이 더부룩해서 유산균을 먹기 시작했고요. 식전에 먹는 게 좋은가요?"
    alarming = (
        "어머니가 의식이 없고 숨을 안 쉬어요. 유산균은 식전에 먹는 게 좋은가요? 점심을 자주 거르세요. 답변 부탁드려요."
    )
    questions = tmp_path / "questions.jsonl"
    for stories in ([calm], [calm, alarming]):
        questions.write_text("\n".join(json.dumps({"text": story}) for story in stories), encoding="utf-8")
        evaluate(path, "--kind", "triage", "--within", questions, "--out", tmp_path / "out")
        metrics, report = read(tmp_path / "out")
        assert metrics["figures"]["heard_emergency"]["hits"] == 1
        assert metrics["figures"]["false_alarms"]["hits"] == 0  # so not put into the alarming one
        assert "유산균" not in report + json.dumps(metrics, ensure_ascii=False)
    capsys.readouterr()
    questions.write_text(json.dumps({"text": alarming}), encoding="utf-8")
    assert main(["evaluate", "deterministic", str(path), "--kind", "triage", "--within", str(questions)]) == 2
    assert capsys.readouterr().err == (
        "carepick: questions.jsonl: expected questions of several sentences, of which some raise no alarm\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label-column", "text"], "rows.jsonl: row 1, column text: not a known label"),
        (["--text-column", "body"], "rows.jsonl: row 1 has no column body; it has text, disease, source"),
        (["--view", "27"], "there is no view 27 of disease"),
        (["--kind", "triage"], "rows.jsonl: row 1 has no column id"),
    ],
)
def test_what_does_not_fit_is_one_line(data, tmp_path, capsys, arguments, message):
    assert main(["evaluate", "deterministic", str(data), "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "머리가" not in error


def test_a_folder_that_cannot_be_written_to_is_named(data, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert main(["evaluate", "deterministic", str(data), "--out", str(tmp_path / "taken")]) == 2
    assert "taken cannot be written to: File exists" in capsys.readouterr().err


def test_a_model_compared_with_itself_is_no_better(data, tmp_path, capsys):
    out = tmp_path / "comparison.json"
    assert main(["compare", "deterministic", "deterministic", str(data), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("No difference can be told on 3 rows: macro_top3 is ")
    assert "same first answer: 100.00%" in printed
    comparison = json.loads(out.read_text(encoding="utf-8"))
    assert comparison["verdict"] == printed.splitlines()[0]
    assert comparison["figures"]["mrr"]["difference"] == {"value": 0, "low": 0, "high": 0}
    assert main(["compare", "deterministic", "deterministic", str(data), "--out", str(tmp_path)]) == 2
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["vignettes", "complaints", "messages"])
def test_a_set_on_both_tasks_needs_a_model_of_both(make_bundle, tmp_path, capsys, kind):
    datasets = Path(__file__).parents[2] / "datasets"
    bundle = str(make_bundle(["disease"]))
    words = ["evaluate", bundle, str(datasets / f"{kind}.jsonl"), "--kind", kind, "--out", str(tmp_path)]
    assert main(words) == 2
    assert capsys.readouterr().err == (
        "carepick: this set needs a model that answers department too: name both bundles, divided by a comma\n"
    )


@pytest.mark.parametrize("seed", ["-1", str(1 << 32), "x"])
def test_seeds_are_what_every_generator_takes(data, capsys, seed):
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "deterministic", str(data), "--seed", seed])
    assert "--seed" in capsys.readouterr().err
