"""Measures a model on data and writes metrics.json and report.html.

  carepick evaluate default questions.parquet --task department --view 27 --group-columns source,date --out report
  carepick evaluate disease-bundle,department-bundle datasets/vignettes.jsonl --kind vignettes --out report
  carepick evaluate default datasets/vignettes.jsonl --kind faithfulness --sample 200

The model is asked through the same code as in the server. The files hold no texts, unless --show-text is given.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from carepick.cli.flags import seed
from carepick.evaluation.asking import open_predictor
from carepick.evaluation.evaluate import (
    DEFAULT_SEED,
    KINDS,
    LABELLED,
    Evaluation,
    Request,
    evaluate,
    make_folder,
    write_evaluation,
)
from carepick.evaluation.report import LANGUAGES, written
from carepick.records import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the model, the data and how to read it."""
    add_data_arguments(parser, "bundle")
    parser.add_argument(
        "--kind", choices=KINDS, default=LABELLED, help="what the data is: labelled rows, or a set of ours"
    )
    parser.add_argument("--health", type=Path, metavar="FILE", help="with --kind scope: texts about health")
    parser.add_argument(
        "--within", type=Path, metavar="FILE", help="with --kind triage: put each text into a question of this file"
    )
    parser.add_argument("--out", type=Path, default=Path("evaluation"), help="folder to write to (default: evaluation)")
    parser.add_argument("--language", choices=LANGUAGES, default="ko", help="language of the report (default: ko)")
    parser.add_argument(
        "--show-text", action="store_true", help="show wrong texts in report.html; do not share it then"
    )


def add_data_arguments(parser: argparse.ArgumentParser, *bundles: str) -> None:
    """Adds a positional argument for each of `bundles`, and those that tell how to read labelled data."""
    for name in bundles:
        parser.add_argument(
            name,
            help="bundle folder, several divided by commas, default, or deterministic (random answers, for trials)",
        )
    parser.add_argument("data", type=Path, help=".csv, .jsonl, .json or .parquet file")
    parser.add_argument(
        "--seed", type=seed, default=DEFAULT_SEED, help=f"of samples and intervals (default: {DEFAULT_SEED})"
    )
    rows = parser.add_argument_group("labelled rows")
    rows.add_argument(
        "--task", choices=[task.value for task in Task], default=Task.DISEASE.value, help="what labels are"
    )
    rows.add_argument("--view", default="", help="score on a coarser set of labels: 27 (departments)")
    rows.add_argument("--text-column", default="text", help="column of the texts (default: text)")
    rows.add_argument("--label-column", default="", help="column of the right labels (default: the task's name)")
    rows.add_argument(
        "--group-columns", type=_names, default=(), metavar="A,B", help="columns to slice by; dates by month"
    )
    rows.add_argument("--sample", type=int, default=0, metavar="N", help="use N rows drawn at random (default: all)")


def request_from(arguments: argparse.Namespace) -> Request:
    """Returns the request that the arguments describe."""
    names = set(Request.__dataclass_fields__)
    given = {name: value for name, value in vars(arguments).items() if name in names}
    return Request(**{**given, "task": Task(arguments.task)})


def run(arguments: argparse.Namespace) -> int:
    """Writes the evaluation and prints its figures; raises `DataError` or `BundleError`."""
    make_folder(arguments.out)
    with closing(open_predictor(arguments.bundle)) as predictor:
        evaluation = evaluate(predictor, request_from(arguments), show_progress)
    write_evaluation(arguments.out, evaluation, arguments.language)
    print_figures(evaluation)
    print(f"{arguments.out / 'report.html'}")
    return 0


def print_figures(evaluation: Evaluation) -> None:
    """Prints a line for each figure: name, value and interval."""
    for name, figure in evaluation.document["figures"].items():
        value, low, high = (written(figure[part], name) for part in ("value", "low", "high"))
        print(f"{name:<26} {value:>8}   {low} to {high}")


def show_progress(done: int, rows: int) -> None:
    """Rewrites one line on a terminal; says nothing into files and pipes."""
    if sys.stderr.isatty():
        print(f"\r{done} of {rows} texts", end="" if done < rows else "\n", file=sys.stderr, flush=True)


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())
