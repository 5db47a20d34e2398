"""English names beside the Korean ones, by which clients know the labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from carepick.knowledge.catalog import load_catalog
from carepick.records import Task


def english_name(task: Task, id: str) -> str | None:
    """Returns the English name of the label `id` of `task`, None for a label that the catalog does not have."""
    return _names()[task].get(id)


@cache
def _names() -> Mapping[Task, Mapping[str, str]]:
    catalog = load_catalog()
    return {
        Task.DISEASE: {row.id: row.name_en for row in catalog.diseases},
        Task.DEPARTMENT: {row.id: row.name_en for row in catalog.departments},
    }
