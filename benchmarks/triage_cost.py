"""What triage adds to the latency of an answer: the same texts with the red flags' rules and without, turn by turn.

    python -m benchmarks.triage_cost --rounds 5 --texts 60

Prints as JSON the median milliseconds of an answer with and without, and the median of the rounds' ratios. The rules run
while the forward pass runs, so on two processors they cost less than they take.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.texts import mixed_texts, token_counter
from carepick.engine.base import Engine
from carepick.engine.bundle import DEFAULT_BUNDLE
from carepick.knowledge.catalog import load_catalog
from carepick.knowledge.guidance import load_guidance
from carepick.knowledge.red_flags import load_red_flags
from carepick.service.build import load_models
from carepick.service.diagnosis import Composer
from carepick.service.models import ModelSet
from carepick.service.predictor import Parts, Predictor
from carepick.service.triage import Heard, Triager
from carepick.settings import Settings
from carepick.text.normalize import NormalizedText


class Deaf(Triager):
    """Hears nothing by rule."""

    def detect(self, text: NormalizedText) -> Heard:
        """Returns that nothing was heard."""
        return Heard((), (), ())


class Unjudging:
    """An engine without its head for single sentences."""

    sentences = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def milliseconds(predictor: Predictor, texts: Sequence[str]) -> float:
    """Returns how long an answer takes, over `texts` one after the other: the median."""
    times = []
    for text in texts:
        begun = time.perf_counter()
        predictor.predict(text)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def main() -> None:
    """Measures by the command line's arguments and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=60)
    arguments = parser.parse_args()
    settings, red_flags = Settings(cache_seconds=0), load_red_flags()
    predictors = [
        _predictor(settings, Triager(red_flags), lambda engine: engine),
        _predictor(settings, Deaf(red_flags), Unjudging),
    ]
    texts = mixed_texts(arguments.texts, token_counter(DEFAULT_BUNDLE))
    for predictor in predictors:
        milliseconds(predictor, texts[:10])
    rounds = [[milliseconds(predictor, texts) for predictor in predictors] for _ in range(arguments.rounds)]
    with_rules, without = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(json.dumps({"with_rules_ms": with_rules, "without_ms": without, "ratio": ratio, "rounds": len(rounds)}))
    for predictor in predictors:
        predictor.close()


def _predictor(settings: Settings, triager: Triager, engine: Callable[[Engine], Any]) -> Predictor:
    catalog, guidance = load_catalog(), load_guidance()

    def load() -> ModelSet:
        return ModelSet(
            [replace(model, engine=engine(model.engine)) for model in load_models(settings, catalog).models]
        )

    parts = Parts(
        load_models=load,
        triager=triager,
        composer=lambda thresholds: Composer(guidance, load_red_flags(), thresholds, settings.disease_enabled),
    )
    return Predictor(settings, parts)


if __name__ == "__main__":
    main()
