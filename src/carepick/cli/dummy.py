"""Makes random models of the original structure, in the original formats and as bundles; needs no download.

carepick dummy dummies --size tiny
carepick serve --bundle dummies/disease-bundle,dummies/department-bundle
"""

from __future__ import annotations

import argparse
from pathlib import Path

from carepick.cli.extras import train_extra
from carepick.cli.flags import seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder, the size, the seed and the formats."""
    parser.add_argument("out", type=Path, help="folder for the models")
    parser.add_argument("--size", choices=("tiny", "km-bert"), default="tiny", help="(default: %(default)s)")
    parser.add_argument("--seed", type=seed, default=0, help="same seed, same weights (default: %(default)s)")
    parser.add_argument(
        "--format", choices=("pt", "hf", "bundle", "all"), default="all",
        help="disease/disease.pt, department/, or both bundles (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--quantize", choices=("int8", "none"), default="int8", help="of bundles (default: %(default)s)"
    )
    parser.add_argument("--noise-class", action="store_true", help="give the disease model a class that is no disease")


def run(arguments: argparse.Namespace) -> int:
    """Writes the models and prints where; raises `BundleError` when a bundle's folder is not empty."""
    with train_extra():
        from carepick.training.dummy import DummyOrder, write_dummies

    order = DummyOrder(arguments.size, arguments.seed, arguments.format, arguments.quantize, arguments.noise_class)
    for path in write_dummies(arguments.out, order):
        print(path)
    return 0
