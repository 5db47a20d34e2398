"""The project's own training texts, every line of them: what a recipe would stop at after minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.train

DATASETS = Path(__file__).parents[2] / "datasets"


def test_every_sentence_has_a_label_of_its_purpose() -> None:
    from carepick.training.own_texts import own_sentences

    sentences = own_sentences(DATASETS)
    assert sentences.text.str.strip().all()
    labels = sentences.groupby("purpose").label.unique().map(set).to_dict()
    assert labels == {
        "triage": {"crisis", "danger", "none", "urgent"},
        "scope": {"health", "other"},
    }


def test_every_description_and_complaint_has_labels_of_the_catalog() -> None:
    from carepick.knowledge.catalog import load_catalog
    from carepick.training.own_texts import own_complaints, own_descriptions

    catalog = load_catalog()
    diseases = {disease.name for disease in catalog.diseases}
    departments = {department.name for department in catalog.departments}
    for table in (own_descriptions(DATASETS), own_complaints(DATASETS)):
        assert table.text.str.strip().all()
        assert set(table.disease) <= diseases
        assert set(table.department) <= {"", *departments}
    assert set(own_descriptions(DATASETS).disease) == diseases
    shares = own_complaints(DATASETS).groupby("text").share.sum()
    assert shares.between(0.999, 1.001).all()
