"""Turns results into RESULTS.md and its plots: `python -m benchmarks.report results/full.json` writes them again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bars import bars, limit, p99, rate
from benchmarks.contestants import HERE, MODEL_SETS, SERVERS
from benchmarks.memory import Usage
from benchmarks.plan import BOTH_SCENARIO, OVERLOAD, SCENARIOS
from benchmarks.results import Results, load
from benchmarks.stats import Spread

_VERDICTS = {True: "met", False: "**not met**", None: "open"}


def write_report(results: Results, path: Path | None) -> None:
    """Writes the report and its plots to `path` and the folder results beside it, or the report to standard output."""
    if path is None:
        print("\n".join(report(results, with_plots=False)))
        return
    from benchmarks.plots import draw  # matplotlib: only where something is drawn

    draw(results, path.parent / "results")
    path.write_text("\n".join(report(results, with_plots=True)) + "\n", encoding="utf-8")


def report(results: Results, with_plots: bool) -> list[str]:
    """Returns the lines of the report."""
    rounds = len({each.round for each in results.measurements})
    run = f"{results.mode} run of {rounds} round{'s' if rounds != 1 else ''}"
    lines = ["# Results", "", f"Measured on {results.date}, {run}. How: [README.md](README.md).", ""]
    lines += [*_machine(results), *_bars(results)]
    for models in MODEL_SETS.values():
        if any(each.models == models.name for each in results.measurements):
            lines += ["", f"## {models.title}", ""]
            lines += [f"![sentences a second](results/rate-{models.name}.svg)", ""] if with_plots else []
            lines += [*_rates(results, models.name), "", *_latencies(results, models.name)]
            lines += ["", *_overload(results, models.name), "", *_memory(results, models.name)]
    lines += ["", "## The engine alone", "", *_limits(results)]
    lines += ["", "## Inside a memory group", "", *_groups(results)]
    lines += ["", "## Installation", "", *_installs(results)]
    if results.failures:
        lines += ["", "## What could not be measured", ""]
        lines += [f"- {name}: `{' '.join(why.split())[:400]}`" for name, why in results.failures.items()]
    return lines


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Returns the lines of a Markdown table."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def _machine(results: Results) -> list[str]:
    facts = results.machine
    return [
        f"{facts['processors']} x {facts['processor']} ({', '.join(facts['instruction_sets']) or 'no integer sets'}), "
        f"{facts['memory_megabytes']} MB, Linux {facts['kernel']}, Python {facts['python']}, commit {facts['commit']}; "
        f"load before the run {facts['load_before']}. The one who asks runs on the same processors. Figures are medians "
        "of the rounds, with the least and the most in brackets.",
        "",
    ]


def _bars(results: Results) -> list[str]:
    rows = [(bar.title, bar.wanted, bar.found, _VERDICTS[bar.met]) for bar in bars(results)]
    return ["## Bars", "", *table(("what", "bar", "measured", ""), rows)]


def _rates(results: Results, models: str) -> list[str]:
    shown = [each for each in (*SCENARIOS, BOTH_SCENARIO) if not each.multiple]
    rows = [
        [SERVERS[name].title, _variant(results, name, models), *(_spread(rate(results, name, models, each.name)) for each in shown)]
        for name in _present(results, models)
    ]  # fmt: skip
    alone = limit(results, models)
    rows.append(["engine alone", "best size of a pass", "", "", _spread(alone), ""])
    return ["Sentences answered a second:", "", *table(("", "run as", *(each.title for each in shown)), rows)]


def _latencies(results: Results, models: str) -> list[str]:
    rows = []
    for name in _present(results, models):
        for scenario in (*SCENARIOS, BOTH_SCENARIO):
            found = [each.answered for each in results.of(name, models, scenario.name) if each.answered]
            if found and scenario.name != OVERLOAD:
                middle = sorted(found, key=lambda each: each.p99)[len(found) // 2]
                rows.append(
                    (
                        SERVERS[name].title,
                        scenario.title,
                        middle.p50,
                        middle.p95,
                        _spread(p99(results, name, models, scenario.name)),
                    )
                )
    return ["Milliseconds to an answer:", "", *table(("", "load", "p50", "p95", "p99"), rows)]


def _overload(results: Results, models: str) -> list[str]:
    rows = []
    for name in _present(results, models):
        rounds = results.of(name, models, OVERLOAD)
        if rounds:
            last = sorted(rounds, key=lambda each: each.rate)[len(rounds) // 2]
            refused = last.refused.p99 if last.refused else ""
            answers = ", ".join(f"{status}: {count}" for status, count in last.statuses.items())
            rows.append((SERVERS[name].title, answers, _spread(p99(results, name, models, OVERLOAD)), refused))
    head = ("", "answers in the middle round", "p99 of 200, ms", "p99 of 429, ms")
    return ["At twice its own capacity, arriving at random moments:", "", *table(head, rows)]


def _memory(results: Results, models: str) -> list[str]:
    rows = []
    for name in _present(results, models):
        starts = [each for each in results.starts if (each.server, each.models) == (name, models)]
        loads = [each.memory for each in results.measurements if (each.server, each.models) == (name, models)]
        seconds = sorted(each.seconds for each in starts)[len(starts) // 2]
        idle, most = starts[-1].memory, max(loads, key=lambda each: each.pss, default=Usage())
        rows.append((SERVERS[name].title, f"{seconds:.2f}", idle.pss, most.pss, most.anonymous, most.processes))
    head = ("", "start to first answer, s", "PSS then, MB", "PSS under load, MB", "anonymous of it, MB", "processes")
    return table(head, rows)


def _limits(results: Results) -> list[str]:
    rows = []
    for each in results.limits:
        rates = ", ".join(f"{size}: {found:.1f}" for size, found in each.texts_per_second.items())
        rows.append(
            (
                MODEL_SETS[each.models].title,
                each.round + 1,
                rates,
                f"{each.encoding_ms:.2f}",
                f"{each.tokens_per_text:.0f}",
            )
        )
    return table(("", "round", "texts a second by tokens of a pass", "encoding, ms a text", "tokens a text"), rows)


def _groups(results: Results) -> list[str]:
    if not results.groups:
        return ["Not measured."]
    rows = [
        (each.megabytes, f"{each.seconds:.0f}", each.error or each.kills, f"{each.rate:.1f}", dict(each.statuses),
         each.peak_charged, each.peak_anonymous, each.memory.pss)
        for each in results.groups
    ]  # fmt: skip
    head = (
        "limit, MB",
        "seconds",
        "kills",
        "sentences/s",
        "answers",
        "most charged, MB",
        "anonymous of it, MB",
        "PSS, MB",
    )
    return [
        "Two bundles of KM-BERT's size, two workers, 16 clients, no swap, the cache of prepacked weights empty at first. "
        "What is charged holds the page cache, which grows to any limit and is given back on demand.",
        "",
        *table(head, rows),
    ]


def _installs(results: Results) -> list[str]:
    rows = [
        (SERVERS[name].title, found.get("disk_megabytes", ""), found.get("download_megabytes", ""), _versions(found))
        for name, found in results.installs.items()
    ]
    return table(("", "on disk without pip, MB", "downloads, MB", "versions"), rows)


def _versions(found: Mapping[str, Any]) -> str:
    packages = found.get("packages", {})
    wanted = ("onnxruntime", "torch", "transformers", "Flask", "litserve", "bentoml", "mlserver", "ray")
    return ", ".join(f"{name} {packages[name]}" for name in wanted if name in packages)


def _variant(results: Results, server: str, models: str) -> str:
    return next(each.variant for each in results.starts if (each.server, each.models) == (server, models))


def _present(results: Results, models: str) -> list[str]:
    started = {each.server for each in results.starts if each.models == models}
    return [name for name in SERVERS if name in started]


def _spread(found: Spread | None) -> str:
    return f"{found.median:.4g} ({found.least:.4g} to {found.most:.4g})" if found else ""


if __name__ == "__main__":
    write_report(load(Path(sys.argv[1])), HERE / "RESULTS.md")
