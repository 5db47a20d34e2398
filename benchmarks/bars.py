"""The bars of the project, and whether a run met them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.contestants import CAREPICK, DEFAULT_MODEL, KM_BERT, PEERS, REFERENCE
from benchmarks.plan import BOTH, OVERLOAD, SATURATED, UNLOADED
from benchmarks.results import GroupRun, Measurement, Results
from benchmarks.stats import Spread, spread

_OURS, _FIRST = CAREPICK.name, REFERENCE.name
_SMALL, _LARGE = DEFAULT_MODEL.name, KM_BERT.name


@dataclass(frozen=True)
class Bar:
    """`found`, in words, beside what was `wanted`; `met` is None when the run did not measure it."""

    title: str
    wanted: str
    found: str
    met: bool | None


def bars(results: Results) -> list[Bar]:
    """Returns every bar with what `results` say of it."""
    return [
        *_groups(results),
        _most("memory of the default bundle under load, PSS", "MB", _pss(results, _OURS, _SMALL), 150),
        _most("start to first answer, default bundle", "s", _starts(results, _SMALL), 1.5),
        _most("start to first answer, two bundles of KM-BERT's size", "s", _starts(results, _LARGE), 3),
        _least("32 clients over the engine alone, default bundle", _share_of_limit(results), 0.85),
        *_best_peer(results),
        *_first_release(results),
        *_overload(results),
        _most("serving install on disk", "MB", _installed(results, "disk_megabytes"), 200),
        _most("serving install, downloads", "MB", _installed(results, "download_megabytes"), 80),
    ]


def rate(results: Results, server: str, models: str, scenario: str) -> Spread | None:
    """Returns the sentences a second of all rounds, None where there is none."""
    return _over(results.of(server, models, scenario), lambda each: each.rate)


def p99(results: Results, server: str, models: str, scenario: str) -> Spread | None:
    """Returns the 99th percentile of the time to an answer of all rounds, in milliseconds."""
    return _over(results.of(server, models, scenario), lambda each: each.answered.p99 if each.answered else None)


def limit(results: Results, models: str) -> Spread | None:
    """Returns the texts a second of the engine alone, of all rounds, at the size of a pass that does best over them.

    The best of each round by itself would be the luckiest of several measurements.
    """
    by_round = limits(results, models)
    return spread(list(by_round.values())) if by_round else None


def limits(results: Results, models: str) -> dict[int, float]:
    """Returns by round the texts a second of the engine alone at the size that `limit` takes."""
    found = [each for each in results.limits if each.models == models]
    if not found:
        return {}

    def median(size: str) -> float:
        return spread([each.texts_per_second[size] for each in found]).median

    best = max(found[0].texts_per_second, key=median)
    return {each.round: each.texts_per_second[best] for each in found}


def _groups(results: Results) -> list[Bar]:
    def of(megabytes: int) -> GroupRun | None:
        return next((each for each in results.groups if each.megabytes == megabytes), None)

    whole, tight = of(512), of(380)
    bars = [Bar("two bundles of KM-BERT's size, 2 workers, in 512 MB without swap", "no kill", *_survived(whole))]
    if whole and not whole.error:
        bars.append(_most("... peak of PSS there", "MB", whole.memory.pss, 380))
    return [*bars, Bar("... in a group of 380 MB", "no kill", *_survived(tight))]


def _survived(run: GroupRun | None) -> tuple[str, bool | None]:
    if run is None:
        return "not measured", None
    if run.error:
        return f"failed: {run.error.splitlines()[0][:100]}", False
    answered = set(run.statuses) <= {"200", "429"} and run.statuses.get("200", 0) > 0
    return f"{run.kills} kills in {run.seconds:.0f} s, {run.rate:.1f} sentences a second", not run.kills and answered


def _best_peer(results: Results) -> list[Bar]:
    rates = {peer.name: found.median for peer in PEERS if (found := rate(results, peer.name, _SMALL, SATURATED))}
    ours = rate(results, _OURS, _SMALL, SATURATED)
    if not rates or not ours:
        return [Bar("against the best peer", "1.3 x", "not measured", None)]
    best = max(rates, key=lambda name: rates[name])
    title = next(peer.title for peer in PEERS if peer.name == best)
    late, later = p99(results, _OURS, _SMALL, SATURATED), p99(results, best, _SMALL, SATURATED)
    memory = (_pss(results, _OURS, _SMALL), _pss(results, best, _SMALL))
    return [
        _least(f"sentences a second over the best peer ({title}), 32 clients", ours.median / rates[best], 1.3),
        _least("... its p99 over ours", later.median / late.median if late and later else None, 1.0),
        _least("... its memory over ours", memory[1] / memory[0] if memory[0] and memory[1] else None, 1.0),
    ]


def _first_release(results: Results) -> list[Bar]:
    first = rate(results, _FIRST, _LARGE, BOTH)
    large, small = rate(results, _OURS, _LARGE, BOTH), rate(results, _OURS, _SMALL, BOTH)
    memory = (_pss(results, _OURS, _LARGE), _pss(results, _FIRST, _LARGE))
    times = [each.median / first.median if each and first and first.median else None for each in (large, small)]
    share = memory[0] / memory[1] if memory[0] and memory[1] else None
    return [
        _least("both tasks of a sentence over the first release, KM-BERT's size", times[0], 5),
        _most("... memory over its memory", "x", share, 0.25),
        _least("both tasks of a sentence over the first release, default bundle", times[1], 40),
    ]


def _overload(results: Results) -> list[Bar]:
    rounds = results.of(_OURS, _SMALL, OVERLOAD)
    if not rounds:
        return [Bar("overload", "no 5xx", "not measured", None)]
    counts = {
        status: sum(each.statuses.get(status, 0) for each in rounds) for each in rounds for status in each.statuses
    }
    calm, busy = p99(results, _OURS, _SMALL, UNLOADED), p99(results, _OURS, _SMALL, OVERLOAD)
    refused = _over(rounds, lambda each: each.refused.p99 if each.refused else None)
    ratio = busy.median / calm.median if calm and busy else None
    return [
        Bar("answers at twice the capacity", "200 or 429", str(counts), set(counts) <= {"200", "429"}),
        _most("... p99 of those accepted over p99 of one client", "x", ratio, 3),
        _most("... p99 of those refused", "ms", refused.median if refused else None, 20),
    ]


def _share_of_limit(results: Results) -> float | None:
    """Returns the median of the rounds' ratios: what a shared machine gives changes from round to round."""
    alone = limits(results, _SMALL)
    rounds = [each for each in results.of(_OURS, _SMALL, SATURATED) if each.round in alone]
    return spread([each.rate / alone[each.round] for each in rounds]).median if rounds else None


def _pss(results: Results, server: str, models: str) -> float | None:
    found = _over([each for each in results.measurements if (each.server, each.models) == (server, models)], _peak)
    return found.most if found else None


def _peak(measurement: Measurement) -> float:
    return measurement.memory.pss


def _starts(results: Results, models: str) -> float | None:
    seconds = [each.seconds for each in results.starts if (each.server, each.models) == (_OURS, models)]
    return spread(seconds).median if seconds else None


def _installed(results: Results, name: str) -> float | None:
    found = results.installs.get(_OURS, {}).get(name)
    return float(found) if found is not None else None


def _over(rounds: Iterable[object], figure: Callable[..., float | None]) -> Spread | None:
    values = [value for each in rounds if (value := figure(each)) is not None]
    return spread(values) if values else None


def _most(title: str, unit: str, found: float | None, bar: float) -> Bar:
    return Bar(title, f"at most {bar:g} {unit}", _words(found, unit), None if found is None else found <= bar)


def _least(title: str, found: float | None, bar: float) -> Bar:
    return Bar(title, f"at least {bar:g} x", _words(found, "x"), None if found is None else found >= bar)


def _words(found: float | None, unit: str) -> str:
    return "not measured" if found is None else f"{found:.3g} {unit}"
