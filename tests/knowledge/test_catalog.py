"""The catalog is whole, says what medicine says, and a bad row is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from carepick.errors import CatalogError
from carepick.knowledge.catalog import Catalog, load_catalog
from carepick.text.masking import NameMasker


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_every_label_is_there_once(catalog: Catalog) -> None:
    assert len(catalog.departments) == 34
    assert len(catalog.diseases) == 155
    assert len({row.name for row in catalog.diseases}) == 155


def test_rows_say_enough(catalog: Catalog) -> None:
    for department in catalog.departments:
        assert department.summary.endswith(("요.", "다.")), department.id
        assert department.name_en.isascii(), department.id
    for disease in catalog.diseases:
        assert disease.summary.endswith(("요.", "다.")), disease.id
        assert 1 <= len(disease.departments) <= 4, disease.id
        assert 3 <= len(disease.symptoms) <= 8, disease.id
        assert disease.name not in disease.aliases, disease.id
        assert disease.name_en.isascii(), disease.id


def test_both_parts_of_a_name_are_aliases(catalog: Catalog) -> None:
    parted = [disease for disease in catalog.diseases if "(" in disease.name]
    assert len(parted) > 10
    for disease in parted:
        parts = [part.strip() for part in re.split(r"[(),]", disease.name)]
        assert {part for part in parts if part} <= set(disease.aliases), disease.id


def test_no_name_hides_a_symptom(catalog: Catalog) -> None:
    masker = NameMasker(name for disease in catalog.diseases for name in (disease.name, *disease.aliases))
    for disease in catalog.diseases:
        for symptom in disease.symptoms:
            assert masker.mask(symptom) == (symptom, 0), disease.id


def test_every_cancer_is_one_for_the_oncologist_too(catalog: Catalog) -> None:
    cancers = [disease for disease in catalog.diseases if disease.category == "종양 및 암"]
    assert len(cancers) == 16
    for disease in cancers:
        assert "hematology-oncology" in disease.departments, disease.id


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
        ("통풍", "류마티스내과"),
        ("방광염", "비뇨의학과"),
        ("치주염(잇몸병)", "치주과"),
        ("턱관절 장애", "치과"),
        ("백혈병", "혈액종양내과"),
        ("다낭성난소증후군(PCOS)", "산부인과"),
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
        ([DEPARTMENT], [{**DISEASE, "id": 7}], "row 1 .id '7'.: id must be a text"),
        ([DEPARTMENT], [{**DISEASE, "name": " "}], "name must be a text, none empty"),
        ([DEPARTMENT], [{**DISEASE, "name": "다래끼 "}], "name must be a text, none empty and no blanks around"),
        ([DEPARTMENT], [{**DISEASE, "name_en": None}], "name_en must be a text"),
        ([DEPARTMENT], [{**DISEASE, "kcd": 10}], "kcd must be a text or null"),
        ([DEPARTMENT], [{**DISEASE, "kcd": "H00 - H01"}], "kcd 'H00 - H01' is no code"),
        ([DEPARTMENT], [{**DISEASE, "aliases": "눈다래끼"}], "aliases must be a list of texts"),
        ([DEPARTMENT], [{**DISEASE, "aliases": ["눈다래끼", ""]}], "aliases must be a list of texts"),
        ([DEPARTMENT], [{**DISEASE, "departments": ["eyes", "eyes"]}], "departments repeats an entry"),
        (
            [DEPARTMENT],
            [DISEASE, {**DISEASE, "id": "hordeolum", "name": "맥립종", "aliases": ["다 래끼"]}],
            "row 2 .id 'hordeolum'.: '다 래끼' names 'stye' too",
        ),
        ([DEPARTMENT], [{**DISEASE, "color": "red"}], "unknown keys .'color'."),
        (
            [DEPARTMENT],
            [{key: value for key, value in DISEASE.items() if key != "summary"}],
            "missing keys .'summary'.",
        ),
        ([{**DEPARTMENT, "parent": "ears"}], [DISEASE], "parent 'ears' is not in departments.json"),
        ([{**DEPARTMENT, "parent": "eyes"}], [DISEASE], "its parents come back to 'eyes'"),
        (
            [{**DEPARTMENT, "parent": "lids"}, {**DEPARTMENT, "id": "lids", "name": "눈꺼풀과", "parent": "eyes"}],
            [DISEASE],
            "departments.json, row 1 .id 'eyes'.: its parents come back to 'eyes'",
        ),
        (
            [
                {**DEPARTMENT, "parent": "lids"},
                {**DEPARTMENT, "id": "lids", "name": "눈꺼풀과", "parent": "lashes"},
                {**DEPARTMENT, "id": "lashes", "name": "속눈썹과", "parent": "lids"},
            ],
            [DISEASE],
            "departments.json, row 1 .id 'eyes'.: its parents come back to 'lids'",
        ),
        ([DEPARTMENT, {**DEPARTMENT, "id": "eye"}], [DISEASE], "departments.json, row 2 .*name '안과' stands"),
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
