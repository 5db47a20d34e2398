"""Says which of two models is better on the same labelled data, and how surely.

  carepick compare default my-bundle questions.parquet --task department --view 27

Prints one sentence and a table of differences (second - first) with 95 % intervals; --out writes all of it as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carepick.cli.evaluate import add_data_arguments, request_from, show_progress
from carepick.errors import DataError
from carepick.evaluation.compare import METRICS, compare_bundles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds both models, the data and how to read it."""
    add_data_arguments(parser, "first", "second")
    parser.add_argument("--metric", choices=METRICS, help="what better means (default: the one its task is judged by)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file to write the comparison to")


def run(arguments: argparse.Namespace) -> int:
    """Prints the comparison; raises `DataError` or `BundleError`."""
    bundles = (arguments.first, arguments.second)
    comparison = compare_bundles(bundles, request_from(arguments), arguments.metric, show_progress)
    print_comparison(comparison)
    if arguments.out:
        _write(arguments.out, comparison)
    return 0


def print_comparison(comparison: Mapping[str, Any]) -> None:
    """Prints the verdict, a line for each figure and how often the first answers agree."""
    print(comparison["verdict"])
    print(f"\n{'':<26}{'first':>9}{'second':>9}{'difference':>12}   95 % interval")
    for name, figure in comparison["figures"].items():
        change = figure["difference"]
        print(
            f"{name:<26}{figure['first']:>9.4f}{figure['second']:>9.4f}{change['value']:>+12.4f}   "
            f"{change['low']:+.4f} to {change['high']:+.4f}"
        )
    same = comparison["disagreement"]["same_answer"]
    print(f"\nsame first answer: {same['value']:.2%} ({same['low']:.2%} to {same['high']:.2%})")


def _write(path: Path, comparison: Mapping[str, Any]) -> None:
    try:
        path.write_text(json.dumps(comparison, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written to: {error.strerror}") from None
