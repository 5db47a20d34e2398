"""What training needs of the catalog: the labels of a task, the names to mask, and plain sentences to try."""

from __future__ import annotations

import re
from collections.abc import Mapping

from carepick.knowledge.catalog import load_catalog
from carepick.records import Task


def label_ids(task: Task) -> Mapping[str, str]:
    """Returns name -> id of every label of `task`, in the catalog's order."""
    catalog = load_catalog()
    rows = catalog.diseases if task is Task.DISEASE else catalog.departments
    return {row.name: row.id for row in rows}


def maskable_names() -> list[str]:
    """Returns the names and aliases of all diseases, and both halves of a name like "X (Y)"."""
    names = [name for disease in load_catalog().diseases for name in (disease.name, *disease.aliases)]
    halves = [half.strip() for name in names for half in re.split(r"[()]", name)]
    return sorted({*names, *(half for half in halves if len(half) > 1)})


def plain_sentences() -> list[str]:
    """Returns a sentence for each disease: its typical complaints in everyday words."""
    return [", ".join(disease.symptoms) or disease.summary for disease in load_catalog().diseases]
