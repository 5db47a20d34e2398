"""Measures everything in one run: `python -m benchmarks.run [--mode short|full] [--servers a,b] [--models a,b]`.

Servers take turns, round after round, so that what else the machine does meets all of them alike. The results go to
results/MODE.json, and RESULTS.md (full) or standard output (short) says what they mean.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import groups, machine
from benchmarks.contestants import CAREPICK, HERE, MODEL_SETS, ROOT, SERVERS, VENVS, ModelSet, Server, Variant
from benchmarks.load import Outcome, Plan
from benchmarks.memory import Watcher, usage
from benchmarks.plan import BOTH_SCENARIO, MODES, SATURATED, SCENARIOS, Mode, Scenario
from benchmarks.report import write_report
from benchmarks.results import Limit, Measurement, Results, Start, load, save
from benchmarks.running import Running, StartError, running
from benchmarks.setup import installed
from benchmarks.stats import OK, REFUSED, Sample, answers_per_second, begun_after, latencies, statuses
from benchmarks.texts import mixed_texts, token_counter

LOGS = HERE / ".logs"
_QUIET_SECONDS = 1.5  # before each load: what the one before it left is worked off, and no queue is kept short for it


@dataclass
class Session:
    """One run in the making."""

    mode: Mode
    results: Results
    texts: dict[str, list[str]]

    def measure(self, models: ModelSet, servers: Sequence[Server]) -> None:
        """Adds all rounds of `servers` with `models` to the results."""
        chosen = {server.name: variant for server in servers if (variant := self._tuned(server, models))}
        for number in range(self.mode.rounds):
            present = [server for server in servers if server.name in chosen]
            beside = CAREPICK if CAREPICK in present else present[0]
            for server in present[number % len(present) :] + present[: number % len(present)]:
                self._round(server, chosen[server.name], models, number, server is beside)

    def _tuned(self, server: Server, models: ModelSet) -> Variant | None:
        """Returns the variant of `server` that answers most with many clients; None, and why, when none starts."""
        if len(server.variants) == 1 or not self.mode.tuning_seconds:
            return server.variants[0]
        rates: dict[Variant, float] = {}
        for variant in server.variants:
            try:
                with running(server, variant, models, self._log(server)) as started:
                    plan = self._plan(started, models, _scenario(SATURATED), 0, 0.0, self.mode.tuning_seconds)
                    rates[variant] = _rate(plan, ask(plan))
                    _say(f"{server.name}, {models.name}, {variant}: {rates[variant]:.1f}/s")
            except StartError as error:
                self.results.failures[f"{server.name}, {models.name}, {variant}"] = str(error)
        return max(rates, key=lambda variant: rates[variant]) if rates else None

    def _round(self, server: Server, variant: Variant, models: ModelSet, number: int, with_limit: bool) -> None:
        try:
            with running(server, variant, models, self._log(server)) as started:
                memory = usage(started.pid)
                start = Start(server.name, models.name, number, str(variant), round(started.start_seconds, 3), memory)
                self.results.starts.append(start)
                capacity = 0.0
                for scenario in (*SCENARIOS, BOTH_SCENARIO):
                    # The engine alone right beside what is divided by it: what a shared machine gives changes in a minute.
                    if with_limit and scenario.name == SATURATED:
                        self.results.limits.append(self._limit(models, number))
                    rate = scenario.multiple * capacity
                    measured = self._measurement(started, models, scenario, number, rate)
                    capacity = measured.rate if scenario.name == SATURATED else capacity
                    self.results.measurements.append(measured)
                    _say(f"{server.name}, {models.name}, {scenario.title}: {measured.rate:.1f}/s {measured.answered}")
        except StartError as error:
            self.results.failures[f"{server.name}, {models.name}, round {number}"] = str(error)

    def _measurement(
        self, started: Running, models: ModelSet, scenario: Scenario, number: int, rate: float
    ) -> Measurement:
        time.sleep(_QUIET_SECONDS)
        watcher = Watcher(lambda: usage(started.pid))
        plan = self._plan(started, models, scenario, number, rate, self.mode.seconds)
        outcome = ask(plan)
        samples = begun_after(outcome.samples, plan.warm_up)
        return Measurement(
            server=started.server.name,
            models=models.name,
            scenario=scenario.name,
            round=number,
            rate=round(_rate(plan, outcome), 2),
            answered=latencies(samples, OK),
            refused=latencies(samples, REFUSED),
            statuses=statuses(samples),
            memory=watcher.stop(),
            asking=round(outcome.cpu_seconds / (plan.warm_up + plan.seconds), 3),
        )

    def _plan(
        self, started: Running, models: ModelSet, scenario: Scenario, number: int, rate: float, seconds: float
    ) -> Plan:
        """Returns the plan of `scenario`; every one begins at another text, so that no answer is remembered."""
        texts = self.texts[models.name]
        place = zlib.crc32(f"{scenario.name} {number}".encode()) % len(texts)
        sentences = [started.server.sentence(text, scenario.both) for text in texts[place:] + texts[:place]]
        return Plan(started.port, sentences, scenario.clients, rate, seconds, seed=number + 1)

    def _limit(self, models: ModelSet, number: int) -> Limit:
        order = {
            "bundles": list(map(str, models.bundles)),
            "texts": self.texts[models.name][:500],
            "sizes": self.mode.sizes,
            "seconds": self.mode.limit_seconds,
            "runners": self.results.machine["processors"],
        }
        python = str(VENVS / CAREPICK.name / "bin" / "python")
        found = json.loads(_ask_process([python, "-m", "benchmarks.engine_limit"], json.dumps(order)))
        limit = Limit(models.name, number, **found)
        _say(f"engine alone, {models.name}: {limit.best:.1f}/s")
        return limit

    def _log(self, server: Server) -> Path:
        return LOGS / f"{server.name}.log"


def ask(plan: Plan) -> Outcome:
    """Returns what came of `plan`, carried out in a process of its own."""
    found = json.loads(_ask_process([sys.executable, "-m", "benchmarks.load"], json.dumps(asdict(plan))))
    return Outcome([Sample(**row) for row in found["samples"]], found["cpu_seconds"])


def main() -> int:
    """Measures what the flags name, writes the results and the report."""
    flags = _flags()
    mode = MODES[flags.mode]
    mode = replace(mode, seconds=flags.seconds or mode.seconds, rounds=flags.rounds or mode.rounds)
    LOGS.mkdir(exist_ok=True)
    names = flags.servers.split(",") if flags.servers else list(SERVERS)
    results = Results(
        date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        mode=mode.name,
        machine=machine.describe(),
        installs={name: installed(name) for name in names},
    )
    for name in names:
        if "error" in results.installs[name] or not results.installs[name]:
            results.failures[name] = str(results.installs[name].get("error", "not set up: make bench-setup"))
    sets = [MODEL_SETS[name] for name in (flags.models.split(",") if flags.models else MODEL_SETS)]
    path = HERE / "results" / f"{mode.name}.json"
    if flags.add:
        results.add(load(path), {each.name for each in sets})
    session = Session(mode, results, {each.name: _texts(each, mode) for each in sets})
    for models in sets:
        session.measure(
            models, [SERVERS[name] for name in models.servers if name in names and name not in results.failures]
        )
        if models.originals and CAREPICK.name in names:
            results.groups += [groups.run(ask, session.texts[models.name], *each) for each in mode.groups]
        save(results, path)
    write_report(results, HERE / "RESULTS.md" if mode.name == "full" else None)
    return 0


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--mode", choices=list(MODES), default="short", help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of each load (default: the mode's)")
    parser.add_argument(
        "--rounds", type=int, default=0, help="how often every server is measured (default: the mode's)"
    )
    parser.add_argument("--servers", default="", help=f"some of {','.join(SERVERS)} (default: all)")
    parser.add_argument("--models", default="", help=f"some of {','.join(MODEL_SETS)} (default: all)")
    parser.add_argument(
        "--add", action="store_true", help="keep what an earlier run of this mode found, of other models"
    )
    return parser.parse_args()


def _texts(models: ModelSet, mode: Mode) -> list[str]:
    return mixed_texts(mode.texts, token_counter(models.bundles[0]))


def _scenario(name: str) -> Scenario:
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def _rate(plan: Plan, outcome: Outcome) -> float:
    return answers_per_second(outcome.samples, plan.warm_up, plan.warm_up + plan.seconds)


def _ask_process(words: Sequence[str], text: str) -> str:
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
