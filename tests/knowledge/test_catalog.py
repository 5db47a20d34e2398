"""The catalog is whole, says what medicine says, and a bad row is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from carepick.errors import CatalogError
from carepick.knowledge.catalog import Catalog, load_catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_every_label_is_there_once(catalog: Catalog) -> None:
    assert len(catalog.departments) == 34
    assert len(catalog.diseases) == 155
    assert len({row.name for row in catalog.diseases}) == 155


def test_rows_say_enough(catalog: Catalog) -> None:
    for disease in catalog.diseases:
        assert disease.summary.endswith(("요.", "다.")), disease.id
        assert 1 <= len(disease.departments) <= 4, disease.id
        assert len(disease.symptoms) >= 3, disease.id
        assert disease.name not in disease.symptoms, disease.id
        assert disease.name_en.isascii(), disease.id


@pytest.mark.parametrize(
    ("disease", "department"),
    [
        ("류마티스 관절염", "류마티스내과"),
        ("감기", "가정의학과"),
        ("녹내장", "안과"),
        ("충치(치아우식증)", "치과보존과"),
        ("수족구병", "소아청소년과"),
        ("성병(임질, 매독)", "비뇨의학과"),
        ("폐암", "호흡기내과"),
        ("갑상선 기능저하증", "내분비대사내과"),
        ("뇌졸중(중풍)", "신경과"),
        ("치질(치핵)", "대장항문외과"),
    ],
)
def test_first_department_is_where_a_doctor_would_send_one(catalog: Catalog, disease: str, department: str) -> None:
    first = catalog.disease_named(disease).departments[0]
    assert catalog.department(first).name == department


def test_sub_departments_know_their_parent(catalog: Catalog) -> None:
    assert catalog.department_named("치주과").parent == catalog.department_named("치과").id
    assert catalog.department_named("순환기내과").parent == catalog.department_named("내과").id
    assert catalog.department_named("내과").parent is None


def test_unknown_names_are_errors(catalog: Catalog) -> None:
    for lookup in (catalog.disease, catalog.department, catalog.disease_named, catalog.department_named):
        with pytest.raises(CatalogError, match="nowhere"):
            lookup("nowhere")


DEPARTMENT = {"id": "eyes", "name": "안과", "name_en": "Eyes", "summary": "눈을 봐요.", "parent": None}
DISEASE = {
    "id": "stye", "name": "다래끼", "name_en": "Stye", "category": "눈", "summary": "부었어요.", "departments": ["eyes"],
    "kcd": None, "aliases": [], "symptoms": ["눈이 부었어요"],
}  # fmt: skip


def write(folder: Path, departments: Any, diseases: Any) -> Path:
    (folder / "departments.json").write_text(json.dumps(departments), encoding="utf-8")
    (folder / "diseases.json").write_text(json.dumps(diseases), encoding="utf-8")
    return folder


def test_a_catalog_of_ones_own_is_read(tmp_path: Path) -> None:
    own = load_catalog(write(tmp_path, [DEPARTMENT], [DISEASE]))
    assert own.disease("stye").departments == ("eyes",)


@pytest.mark.parametrize(
    ("departments", "diseases", "words"),
    [
        ([DEPARTMENT], [{**DISEASE, "departments": ["ears"]}], "diseases.json, row 1 .id 'stye'.: department 'ears'"),
        ([DEPARTMENT], [{**DISEASE, "departments": []}], "departments is empty"),
        ([DEPARTMENT], [DISEASE, DISEASE], "row 2 .*id 'stye' stands in an earlier row"),
        ([DEPARTMENT], [DISEASE, {**DISEASE, "id": "sty"}], "row 2 .*name '다래끼' stands"),
        ([DEPARTMENT], [{**DISEASE, "id": "Stye"}], "kebab-case"),
        ([DEPARTMENT], [{**DISEASE, "name": " "}], "name must be str without blanks"),
        ([DEPARTMENT], [{**DISEASE, "aliases": "다래끼"}], "aliases must be tuple"),
        ([DEPARTMENT], [{**DISEASE, "color": "red"}], "unknown keys .'color'."),
        (
            [DEPARTMENT],
            [{key: value for key, value in DISEASE.items() if key != "summary"}],
            "missing keys .'summary'.",
        ),
        ([{**DEPARTMENT, "parent": "ears"}], [DISEASE], "parent 'ears' is not in departments.json"),
        ([{**DEPARTMENT, "parent": "eyes"}], [DISEASE], "its parents come back to 'eyes'"),
        ([DEPARTMENT], {"stye": DISEASE}, "diseases.json must hold a JSON list"),
        ([DEPARTMENT], ["stye"], "row 1: expected a JSON object"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, departments: Any, diseases: Any, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        load_catalog(write(tmp_path, departments, diseases))


def test_broken_json_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "departments.json").write_text("[", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"departments\.json cannot be read as JSON"):
        load_catalog(tmp_path)
