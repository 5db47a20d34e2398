"""The diseases and departments that can be answered: data files, read and checked row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from carepick.errors import CatalogError

_DEPARTMENTS, _DISEASES = "departments.json", "diseases.json"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KCD_CODE = r"[A-Z][0-9]{2}(\.[0-9]{1,2})?"
_KCD = re.compile(rf"{_KCD_CODE}(-{_KCD_CODE})?(,{_KCD_CODE}(-{_KCD_CODE})?)*")
_IN_JSON = {"str": "a text", "str | None": "a text or null", "tuple[str, ...]": "a list of texts"}


@dataclass(frozen=True)
class Department:
    """A medical department (진료과); `parent`: the id of the department that it is a part of, or None."""

    id: str
    name: str
    name_en: str
    summary: str
    parent: str | None


@dataclass(frozen=True)
class Disease:
    """A disease label; `departments`: ids in order of preference; `kcd`: its KCD-8 codes and ranges, divided by
    commas, or None; `aliases`: other names of this very disease; `symptoms`: typical complaints in everyday words."""

    id: str
    name: str
    name_en: str
    category: str
    summary: str
    departments: tuple[str, ...]
    kcd: str | None
    aliases: tuple[str, ...]
    symptoms: tuple[str, ...]


Row = TypeVar("Row", Department, Disease)


@dataclass(frozen=True)
class Catalog:
    """All departments and diseases, in the order of their files."""

    departments: tuple[Department, ...]
    diseases: tuple[Disease, ...]

    def department(self, id: str) -> Department:
        """Returns the department with `id`; raises `CatalogError`."""
        return _found(self._departments, id, "department")

    def disease(self, id: str) -> Disease:
        """Returns the disease with `id`; raises `CatalogError`."""
        return _found(self._diseases, id, "disease")

    def department_named(self, name: str) -> Department:
        """Returns the department called `name`, to the letter; raises `CatalogError`."""
        return _found(self._departments_by_name, name, "department")

    def disease_named(self, name: str) -> Disease:
        """Returns the disease called `name`, to the letter; raises `CatalogError`."""
        return _found(self._diseases_by_name, name, "disease")

    @cached_property
    def _departments(self) -> Mapping[str, Department]:
        return {row.id: row for row in self.departments}

    @cached_property
    def _diseases(self) -> Mapping[str, Disease]:
        return {row.id: row for row in self.diseases}

    @cached_property
    def _departments_by_name(self) -> Mapping[str, Department]:
        return {row.name: row for row in self.departments}

    @cached_property
    def _diseases_by_name(self) -> Mapping[str, Disease]:
        return {row.name: row for row in self.diseases}


def load_catalog(directory: Path | None = None) -> Catalog:
    """Returns the catalog in `directory`, or the one inside the package.

    Raises `CatalogError` that names the file and the row: unknown, doubled or ill-formed ids and codes, doubled or
    missing names, a name of two diseases, wrong types, unknown keys, cycles of parents.
    """
    departments = _read(directory, _DEPARTMENTS, Department)
    diseases = _read(directory, _DISEASES, Disease)
    _check_parents(departments)
    _check_diseases(diseases, {row.id for row in departments})
    return Catalog(departments, diseases)


def _read(directory: Path | None, name: str, kind: type[Row]) -> tuple[Row, ...]:
    path = directory / name if directory else resources.files("carepick.knowledge").joinpath("data", name)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{name} cannot be read as JSON: {error}") from None
    if not isinstance(document, list):
        raise CatalogError(f"{name} must hold a JSON list of rows")
    rows = tuple(_row(name, number, row, kind) for number, row in enumerate(document, 1))
    _check_unique(name, rows, lambda row: row.id, "id")
    _check_unique(name, rows, lambda row: row.name, "name")
    return rows


def _row(name: str, number: int, document: Any, kind: type[Row]) -> Row:
    if not isinstance(document, dict):
        raise CatalogError(f"{name}, row {number}: expected a JSON object")
    id = document.get("id")
    expected = {field.name: str(field.type) for field in fields(kind)}
    if set(document) != set(expected):
        missing, unknown = sorted(set(expected) - set(document)), sorted(set(document) - set(expected))
        raise _error(name, number, id, f"missing keys {missing}, unknown keys {unknown}")
    for key, annotation in expected.items():
        if not _fits(document[key], annotation):
            wanted = f"{_IN_JSON[annotation]}, none empty and no blanks around"
            raise _error(name, number, id, f"{key} must be {wanted}, not {document[key]!r}")
        if isinstance(document[key], list) and len(set(document[key])) < len(document[key]):
            raise _error(name, number, id, f"{key} repeats an entry")
    if not _ID.fullmatch(document["id"]):
        raise _error(name, number, id, "id must be ASCII kebab-case")
    values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in document.items()}
    return kind(**values)


def _fits(value: Any, annotation: str) -> bool:
    if annotation.startswith("tuple"):
        return isinstance(value, list) and all(_fits(item, "str") for item in value)
    if value is None:
        return annotation.endswith("None")
    return isinstance(value, str) and value.strip() == value != ""


def _check_unique(name: str, rows: Iterable[Row], key: Callable[[Row], str], what: str) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        if key(row) in seen:
            raise _error(name, number, row.id, f"{what} '{key(row)}' stands in an earlier row")
        seen.add(key(row))


def _check_parents(departments: tuple[Department, ...]) -> None:
    parents = {row.id: row.parent for row in departments}
    for number, row in enumerate(departments, 1):
        trail, parent = {row.id}, row.parent
        while parent is not None:
            if parent not in parents:
                raise _error(_DEPARTMENTS, number, row.id, f"parent '{parent}' is not in {_DEPARTMENTS}")
            if parent in trail:
                raise _error(_DEPARTMENTS, number, row.id, f"its parents come back to '{parent}'")
            trail.add(parent)
            parent = parents[parent]


def _check_diseases(diseases: tuple[Disease, ...], departments: set[str]) -> None:
    owners: dict[str, str] = {}
    for number, row in enumerate(diseases, 1):
        if not row.departments:
            raise _error(_DISEASES, number, row.id, "departments is empty")
        for id in row.departments:
            if id not in departments:
                raise _error(_DISEASES, number, row.id, f"department '{id}' is not in {_DEPARTMENTS}")
        if row.kcd is not None and not _KCD.fullmatch(row.kcd):
            raise _error(_DISEASES, number, row.id, f"kcd '{row.kcd}' is no code such as J00, K25-K26 or J01,J32")
        for name in (row.name, *row.aliases):
            owner = owners.setdefault("".join(name.lower().split()), row.id)
            if owner != row.id:
                raise _error(_DISEASES, number, row.id, f"'{name}' names '{owner}' too")


def _error(name: str, number: int, id: Any, what: str) -> CatalogError:
    return CatalogError(f"{name}, row {number} (id '{id}'): {what}")


Named = TypeVar("Named")


def _found(table: Mapping[str, Named], key: str, kind: str) -> Named:
    try:
        return table[key]
    except KeyError:
        raise CatalogError(f"the catalog has no {kind} '{key}'") from None
