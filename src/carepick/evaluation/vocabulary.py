"""The labels that rows may carry: all of the catalog, and whatever else the models answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from carepick.engine.manifest import Label, Manifest
from carepick.knowledge.catalog import load_catalog
from carepick.records import Task


def vocabulary(task: Task, models: Iterable[Mapping[Task, Manifest]]) -> tuple[Label, ...]:
    """Returns the labels of `task`: those of the catalog in its order, then those that only `models` answer.

    A label of the catalog that no model answers is kept: its rows are answered wrongly, and shall count so.
    """
    catalog = load_catalog()
    entries = catalog.diseases if task is Task.DISEASE else catalog.departments
    labels = {entry.id: Label(entry.id, entry.name) for entry in entries}
    for manifests in models:
        if task in manifests:
            head = manifests[task].heads[task.value]
            answered = (label for label in head.labels if label.id not in head.excluded_labels)
            labels |= {label.id: label for label in answered if label.id not in labels}
    return tuple(labels.values())


def department_parents() -> dict[str, str]:
    """Returns the id of each sub-department's parent by its id."""
    return {department.id: department.parent for department in load_catalog().departments if department.parent}
