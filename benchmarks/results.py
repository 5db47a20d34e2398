"""What a run of the benchmarks found, as JSON keeps it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.memory import Usage
from benchmarks.stats import Latencies


@dataclass(frozen=True)
class Measurement:
    """One server under one load in one round.

    `rate`: sentences answered a second; `answered` and `refused`: latencies of status 200 and 429, in milliseconds;
    `asking`: the share of one processor that the one who asks took.
    """

    server: str
    models: str
    scenario: str
    round: int
    rate: float
    answered: Latencies | None
    refused: Latencies | None
    statuses: Mapping[str, int]
    memory: Usage
    asking: float


@dataclass(frozen=True)
class Start:
    """One start of a server: the way it ran (`variant`), the seconds until its first answer, its memory right after."""

    server: str
    models: str
    round: int
    variant: str
    seconds: float
    memory: Usage


@dataclass(frozen=True)
class Limit:
    """The engine alone in one round: texts a second for each size of a pass in tokens; milliseconds to encode a text."""

    models: str
    round: int
    texts_per_second: Mapping[str, float]
    encoding_ms: float
    tokens_per_text: float

    @property
    def best(self) -> float:
        """The texts a second of the best size."""
        return max(self.texts_per_second.values())


@dataclass(frozen=True)
class GroupRun:
    """A server under load inside a memory group; `error` when it could not be done."""

    models: str
    megabytes: int
    seconds: float
    rate: float
    statuses: Mapping[str, int]
    kills: int
    peak_charged: float
    peak_anonymous: float
    memory: Usage
    error: str = ""


@dataclass
class Results:
    """Everything that a run found; `failures`: why a server was not measured; `installs`: what setup noted of each."""

    date: str
    mode: str
    machine: Mapping[str, Any]
    installs: Mapping[str, Mapping[str, Any]]
    measurements: list[Measurement] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    groups: list[GroupRun] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def of(self, server: str, models: str, scenario: str) -> Sequence[Measurement]:
        """Returns the rounds of one server, model set and load."""
        wanted = (server, models, scenario)
        return [each for each in self.measurements if (each.server, each.models, each.scenario) == wanted]

    def add(self, other: Results, measured: Collection[str]) -> None:
        """Adds what `other` found on models that are not among those `measured` now, and of servers not named now."""
        for name in ("measurements", "starts", "limits", "groups"):
            getattr(self, name).extend(row for row in getattr(other, name) if row.models not in measured)
        self.installs = {**other.installs, **self.installs}
        self.failures = {**other.failures, **self.failures}


def save(results: Results, path: Path) -> None:
    """Writes `results` to `path`."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(results), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Returns the results in the file `path`, which `save` wrote."""
    document = json.loads(path.read_text(encoding="utf-8"))
    document["measurements"] = [_measurement(row) for row in document["measurements"]]
    document["starts"] = [Start(**{**row, "memory": Usage(**row["memory"])}) for row in document["starts"]]
    document["limits"] = [Limit(**row) for row in document["limits"]]
    document["groups"] = [GroupRun(**{**row, "memory": Usage(**row["memory"])}) for row in document["groups"]]
    return Results(**document)


def _measurement(row: dict[str, Any]) -> Measurement:
    times = {name: Latencies(**row[name]) if row[name] else None for name in ("answered", "refused")}
    return Measurement(**{**row, **times, "memory": Usage(**row["memory"])})
