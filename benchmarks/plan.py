"""Which loads are measured, how long and how often: the short plan of `make bench`, and the full one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A load: `clients` in a closed loop, or `multiple` of the capacity in an open one; `both` tasks of each sentence."""

    name: str
    title: str
    clients: int = 0
    multiple: float = 0.0
    both: bool = False


SATURATED = "closed-32"
UNLOADED, OVERLOAD = "closed-1", "overload"
BOTH = "both-32"
SCENARIOS = (
    Scenario(UNLOADED, "1 client", clients=1),
    Scenario("closed-8", "8 clients", clients=8),
    Scenario(SATURATED, "32 clients", clients=32),
    Scenario("half", "open loop, half of capacity", multiple=0.5),
    Scenario(OVERLOAD, "open loop, twice the capacity", multiple=2.0),
)
BOTH_SCENARIO = Scenario(BOTH, "32 clients, disease and department of each sentence", clients=32, both=True)


@dataclass(frozen=True)
class Mode:
    """How thorough a run is; times in seconds.

    `texts`: how many different ones; `sizes`: passes of the engine alone, in tokens; `groups`: memory limits in
    megabytes and for how long they are held under load.
    """

    name: str
    rounds: int
    seconds: float
    tuning_seconds: float
    limit_seconds: float
    texts: int
    sizes: tuple[int, ...]
    groups: tuple[tuple[int, float], ...]


SHORT = Mode("short", 1, 3.0, 0.0, 1.5, 1000, (128, 256), ((512, 15.0),))
FULL = Mode("full", 3, 12.0, 5.0, 5.0, 6000, (32, 64, 128, 256, 512), ((512, 300.0), (380, 60.0)))
MODES = {mode.name: mode for mode in (SHORT, FULL)}
