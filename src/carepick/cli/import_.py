"""Turns a trained model of either original format into a bundle that the server loads.

    carepick import runs/disease/disease.pt bundles/disease --task disease
    carepick import runs/specialty bundles/department --task department

Pickled files are read through an allow-list: nothing in them can run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from carepick.cli.extras import train_extra
from carepick.records import Task

_LEAST_AGREEMENT = 0.98  # share of sentences below which int8 deserves a warning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the model, the bundle's folder, the task and how the bundle is made."""
    parser.add_argument("source", type=Path, help="a .pt file, or a Hugging Face directory")
    parser.add_argument("out", type=Path, help="folder for the bundle, new or empty")
    parser.add_argument("--task", choices=[task.value for task in Task], required=True, help="what the labels are")
    parser.add_argument(
        "--exclude-label", action="append", default=[], metavar="NAME",
        help="a label that must never be answered, such as a stray class; may be repeated",
    )  # fmt: skip
    parser.add_argument("--tokenizer", type=Path, help="folder of the tokenizer (default: beside the model)")
    parser.add_argument("--quantize", choices=("int8", "none"), default="int8", help="(default: %(default)s)")
    parser.add_argument("--name", help="name of the bundle (default: that of its folder)")
    parser.add_argument(
        "--parity", action=argparse.BooleanOptionalAction, default=True,
        help="measure int8 against float32 on the catalog's sentences; takes a minute for a large model",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Writes the bundle and says what it is; raises `BundleError`."""
    with train_extra():
        from carepick.training.importer import ImportSettings, import_classifier, int8_parity
        from carepick.training.original_reader import read_classifier
    from carepick.training.catalog_names import label_ids, plain_sentences

    task = Task(arguments.task)
    name = arguments.name or arguments.out.resolve().name
    settings = ImportSettings(task, name, tuple(arguments.exclude_label), arguments.quantize)
    classifier = read_classifier(arguments.source, arguments.tokenizer)
    manifest = import_classifier(classifier, arguments.out, settings, label_ids(task), plain_sentences())
    head = manifest.heads[task.value]
    answerable = len(head.labels) - len(head.excluded_labels)
    print(f"wrote {arguments.out}: {manifest.version}, {answerable} labels, {len(head.excluded_labels)} excluded")
    if arguments.quantize == "int8" and arguments.parity:
        _say_parity(int8_parity(classifier, arguments.out, settings, plain_sentences())["top1_agreement"])
    return 0


def _say_parity(agreement: float) -> None:
    print(f"int8 answers first what float32 answers first for {agreement:.1%} of the catalog's sentences")
    if agreement < _LEAST_AGREEMENT:
        print("carepick: that is little for a trained model: compare with --quantize none", file=sys.stderr)
