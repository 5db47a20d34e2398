"""From results to bars and a report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from benchmarks.bars import Bar, bars, limit
from benchmarks.memory import Usage
from benchmarks.plan import BOTH, OVERLOAD, SATURATED, UNLOADED
from benchmarks.report import write_report
from benchmarks.results import GroupRun, Limit, Measurement, Results, Start, load, save
from benchmarks.setup import download_megabytes
from benchmarks.stats import Latencies, Spread

LATE = Latencies(10, 20, 30)


def measured(
    server: str, models: str, scenario: str, rate: float, pss: float = 100.0, **changes: object
) -> Measurement:
    memory = Usage(pss, pss / 2, pss * 2, 2)
    plain = Measurement(server, models, scenario, 0, rate, LATE, None, {"200": 100}, memory, 0.1)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def results() -> Results:
    """Returns a run in which Carepick meets every bar."""
    calm = Usage(100, 50, 200, 2)
    return Results(
        date="2030-01-02",
        mode="full",
        machine={"processor": "one", "processors": 2, "instruction_sets": [], "memory_megabytes": 1, "load_before": 0,
                 "kernel": "6", "python": "3", "commit": "abc"},
        installs={"carepick": {"disk_megabytes": 150.0, "download_megabytes": 60.0, "packages": {"onnxruntime": "1"}}},
        measurements=[
            measured("carepick", "default", UNLOADED, 20.0),
            measured("carepick", "default", SATURATED, 90.0),
            measured("carepick", "default", OVERLOAD, 90.0, refused=LATE_REFUSED, statuses={"200": 50, "429": 50}),
            measured("carepick", "default", BOTH, 80.0),
            measured("carepick", "km-bert", SATURATED, 12.0, pss=300.0),
        measured("carepick", "km-bert", BOTH, 10.0, pss=300.0),
            measured("litserve", "default", SATURATED, 60.0, pss=300.0),
            measured("reference", "km-bert", BOTH, 1.0, pss=2000.0),
        ],
        starts=[Start("carepick", models, 0, "as shipped", 1.0, calm) for models in ("default", "km-bert")]
        + [Start("litserve", "default", 0, "2 workers", 3.0, calm), Start("reference", "km-bert", 0, "", 9.0, calm)],
        limits=[Limit("default", 0, {"128": 90.0, "256": 100.0}, 0.1, 76.0)],
        groups=[
            GroupRun("km-bert", size, 300.0, 5.0, {"200": 1500}, 0, 500.0, 120.0, Usage(350, 120, 700, 3)) for size in (512, 380)
        ],
    )  # fmt: skip


LATE_REFUSED = Latencies(5, 10, 15)


def test_a_later_run_of_one_model_keeps_what_an_earlier_one_found_of_others(results: Results) -> None:
    later = dataclasses.replace(
        results,
        measurements=[measured("carepick", "km-bert", SATURATED, 13.0)], starts=[], limits=[], groups=[],
        installs={"carepick": {"disk_megabytes": 140.0}},
    )  # fmt: skip
    results.installs = {**results.installs, "litserve": {"disk_megabytes": 200.0}}
    results.failures = {"rayserve": "did not start"}
    later.add(results, {"km-bert"})
    assert [each.rate for each in later.of("carepick", "km-bert", SATURATED)] == [13.0]
    assert [each.rate for each in later.of("litserve", "default", SATURATED)] == [60.0]
    assert {each.models for each in (*later.starts, *later.limits)} == {"default"}
    assert {name: each["disk_megabytes"] for name, each in later.installs.items()} == {"carepick": 140, "litserve": 200}
    assert later.failures == {"rayserve": "did not start"}
    assert later.groups == []
    later.add(results, {"default"})
    assert later.groups == results.groups


def verdict(results: Results, title: str) -> Bar:
    [bar] = [bar for bar in bars(results) if title in bar.title]
    return bar


def test_all_bars_met(results: Results) -> None:
    assert [bar.title for bar in bars(results) if bar.met is not True] == []
    assert verdict(results, "over the best peer").found == "1.5 x"
    assert verdict(results, "over the engine alone").found == "0.9 x"


def test_a_bar_that_is_missed(results: Results) -> None:
    results.measurements.append(measured("bentoml", "default", SATURATED, 80.0))
    assert verdict(results, "over the best peer (BentoML)").met is False
    assert verdict(results, "its memory over ours").met is True
    [overload] = [each for each in results.measurements if each.scenario == OVERLOAD]
    results.measurements.append(dataclasses.replace(overload, statuses={"200": 1, "500": 1}))
    assert verdict(results, "answers at twice the capacity").met is False


def test_what_was_not_measured_is_open(results: Results) -> None:
    empty = dataclasses.replace(results, measurements=[], starts=[], limits=[], groups=[], installs={})
    assert {bar.met for bar in bars(empty)} == {None}


def test_a_group_that_could_not_be_made_is_no_success(results: Results) -> None:
    results.groups[0] = dataclasses.replace(results.groups[0], error="no permission")
    assert verdict(results, "in 512 MB").met is False


def test_results_come_back_from_their_file(results: Results, tmp_path: Path) -> None:
    save(results, tmp_path / "results" / "full.json")
    assert load(tmp_path / "results" / "full.json") == results


def test_report_with_plots(results: Results, tmp_path: Path) -> None:
    results.failures["mlserver"] = "cannot be\ninstalled"
    write_report(results, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "Measured on 2030-01-02" in text
    assert "| LitServe | 2 workers |" in text
    assert "mlserver: `cannot be installed`" in text
    for models in ("default", "km-bert"):
        picture = tmp_path / "results" / f"rate-{models}.svg"
        assert f"results/{picture.name}" in text
        before = picture.read_bytes()
        write_report(results, tmp_path / "RESULTS.md")
        assert picture.read_bytes() == before


def test_report_of_a_short_run_is_printed(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(results, None)
    assert "## Bars" in capsys.readouterr().out


def test_sizes_that_pip_tells(tmp_path: Path) -> None:
    wheel = tmp_path / "carepick-1-py3-none-any.whl"
    wheel.write_bytes(bytes(2_000_000))
    said = f"""Processing {wheel}
  Downloading numpy-2.whl.metadata (60 kB)
  Downloading numpy-2-cp311.whl (16.5 MB)
  Using cached click-8-py3-none-any.whl (500 kB)
"""
    assert download_megabytes(said) == pytest.approx(2 + 16.5 + 0.5)


def test_the_engine_alone_counts_at_one_size_and_round_by_round(results: Results) -> None:
    """Not the luckiest of several sizes in each round, and not a quick round of one over a slow one of the other."""
    rounds = [
        ({"128": 100.0, "256": 90.0}, 80.0),
        ({"128": 50.0, "256": 60.0}, 41.0),
        ({"128": 110.0, "256": 100.0}, 99.0),
    ]
    results.limits = [Limit("default", number, rates, 0.1, 76.0) for number, (rates, _) in enumerate(rounds)]
    results.measurements = [
        measured("carepick", "default", SATURATED, rate, round=number) for number, (_, rate) in enumerate(rounds)
    ]
    assert limit(results, "default") == Spread(100.0, 50.0, 110.0)
    assert verdict(results, "over the engine alone").found == "0.82 x"
