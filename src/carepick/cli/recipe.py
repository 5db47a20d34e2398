"""Makes a model again, step by step.

  CAREPICK_DATA=/path/to/shared carepick recipe recipes/default.toml --work work/default

Steps whose settings and inputs have not changed are passed over; an interrupted one goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from carepick.errors import TrainingError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe, the data and the work folder."""
    parser.add_argument("recipe", type=Path, help="TOML file, such as recipes/default.toml")
    parser.add_argument("--data", type=Path, help="folder that holds data/ and models/ (default: $CAREPICK_DATA)")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of all outputs (default: work)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the recipe's steps that are out of date; returns 0."""
    data = arguments.data or os.environ.get("CAREPICK_DATA")
    if not data:
        raise TrainingError("no data: name its folder with --data or CAREPICK_DATA")
    try:
        from carepick.training.recipe import run_recipe
        from carepick.training.steps import STEPS
    except ImportError as missing:
        raise TrainingError(f"{missing.name} is not installed: pip install 'carepick[train]'") from None
    run_recipe(arguments.recipe, Path(data), arguments.work, STEPS, lambda line: print(line, file=sys.stderr))
    return 0
