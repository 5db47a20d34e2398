"""The training corpus: real questions and generated sentences, labelled, weighted and split by time."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carepick.errors import DataError
from carepick.knowledge.catalog import Catalog, load_catalog
from carepick.records import Task
from carepick.text.normalize import normalize
from carepick.training.catalog_names import label_ids
from carepick.training.linear import fold_of
from carepick.training.own_texts import own_complaints, own_descriptions, own_sentences, symptom_texts
from carepick.training.time_split import day_key

Array = np.ndarray[Any, np.dtype[Any]]

MASK = "[MASK]"
OWN = ("triage", "description", "complaint")  # sources of the project's own texts, a fifth of which is kept for tuning
WRITTEN = ("sentence", "symptoms", *OWN)  # sources that were written, not asked

KIN_SOURCES = ("board", "doctor", "kin")


@dataclass(frozen=True)
class CorpusSettings:
    """How the corpus is weighed and split; the recipe's settings of that step.

    `source_weights`: how much a department label counts, by how it came about; `generalists`: departments whose doctors
    answer everything, so that who answered says little; `specialists`: departments without a board, whose doctors' answers
    count in full; `symptom_texts`: texts a disease that are put together of the catalog's symptoms;
    `symptom_department_weight`, `complaint_department_weight`: how much the departments of those count, and of the project's
    short complaints; `complaint_disease_weight`: how much the diseases of such a complaint count, all of them together;
    `ordinary_weight`: how much it counts that a question was not urgent, which nobody said but is true of nearly all;
    `*_tune`, `*_valid`: first days (2024.11.01 or 2024-11-01) of the slice on which numbers are chosen and of the one on which they are
    reported, for 지식iN and for HiDoc.
    """

    source_weights: Mapping[str, float] = field(default_factory=dict)
    generalists: Sequence[str] = ()
    specialists: Sequence[str] = ()
    symptom_texts: int = 16
    symptom_department_weight: float = 0.7
    complaint_department_weight: float = 0.5
    complaint_disease_weight: float = 2.0
    ordinary_weight: float = 0.1
    kin_tune: str = "2024.10.16"
    kin_valid: str = "2024.11.01"
    hidoc_tune: str = "2020.05.01"
    hidoc_valid: str = "2020.07.01"


_NEAR_DUPLICATE_LETTERS = 80
COLUMNS = [
    "text",
    "named_text",
    "department",
    "disease",
    "department_weight",
    "disease_weight",
    "triage",
    "triage_weight",
    "source",
    "date",
    "split",
]


def build_corpus(data: Path, datasets: Path, settings: CorpusSettings) -> pd.DataFrame:
    """Returns one row a text with the columns of `COLUMNS`, from the Parquet files in `data` and the project's own texts
    in `datasets`.

    `text` has disease names removed, `named_text` is as typed (equal where nothing was masked); an absent label is
    an empty string with weight 0. `split` is train, tune or valid, by date and never at random, but for written texts,
    which carry no date: generated sentences are divided by a hash, our own are train or tune. Dates may be written as
    `carepick data split` reads them. Raises `DataError` when a file or column is missing, a date is none, or the catalog
    lacks a label.
    """
    departments = _read(data, "department_questions.parquet", ["text", "department", "source", "date"])
    diseases = _read(data, "disease_questions.parquet", ["text", "disease", "label_from", "source", "date"])
    sentences = _read(data, "disease_sentences.parquet", ["text", "disease", "style"])
    diseases = diseases.drop_duplicates("text").copy()
    diseases["match"] = _match_by_date(diseases, departments)
    rows = pd.concat(
        [
            _department_rows(departments, diseases, settings),
            _unmatched_disease_rows(diseases),
            _sentence_rows(sentences),
            _own_rows(datasets, load_catalog(), settings),
        ],
        ignore_index=True,
    )
    _check_labels(rows)
    canonical = {text: normalize(text) for text in {*rows.text, *rows.named_text}}
    for column in ("text", "named_text"):
        rows[column] = rows[column].map(canonical)
    rows = rows[rows.text.str.len() > 0]
    asked = ~rows.source.isin(WRITTEN)
    rows["triage"] = rows.triage.where(~asked, "none").fillna("")
    rows["triage_weight"] = rows.triage_weight.where(~asked, settings.ordinary_weight).fillna(0.0)
    rows["split"] = [
        _split(source, date, text, settings)
        for source, date, text in zip(rows.source, rows.date, rows.text, strict=True)
    ]
    return _drop_near_duplicates(rows)[COLUMNS].reset_index(drop=True)


def validation_tables(corpus: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Returns the validation split as tables for `carepick evaluate`: text, the label, source and date.

    department: questions whose asker chose the board or whose doctor advised a department, as typed; doctor: those
    labelled by who answered; disease: real questions without the disease's name; asserted: those that a doctor
    asserted; sentence: generated sentences.
    """
    valid = corpus[corpus.split == "valid"]
    typed = valid.assign(text=valid.named_text)[valid.department != ""]
    diseases = valid[valid.disease != ""]
    tables = {
        "department": typed[typed.source != "doctor"],
        "doctor": typed[typed.source == "doctor"],
        "disease": diseases[diseases.source != "sentence"],
        "asserted": diseases[diseases.source == "asserted"],
        "sentence": diseases[diseases.source == "sentence"],
    }
    return {
        name: rows[["text", "department" if name in ("department", "doctor") else "disease", "source", "date"]]
        for name, rows in tables.items()
    }


def training_priors(corpus: pd.DataFrame, labels: Mapping[str, Sequence[str]]) -> dict[str, Array]:
    """Returns for each task of `labels` its labels' shares of the train split, by the weight of their texts: (labels,)."""
    train = corpus[corpus.split == "train"]
    totals = {
        task: train.groupby(task)[f"{task}_weight"].sum().reindex(list(names), fill_value=0.0).to_numpy() + 1
        for task, names in labels.items()
    }
    return {task: total / total.sum() for task, total in totals.items()}


def unmask(text: str) -> str:
    """Returns `text` as a person who does not know the disease's name would type it: without its masks."""
    return re.sub(r"\s+", " ", text.replace(MASK, " ")).strip()


def _read(data: Path, name: str, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(data / name, columns=columns)
    except FileNotFoundError:
        raise DataError(f"{name} is not in the data folder: set CAREPICK_DATA to the folder that holds it") from None
    except ValueError as error:
        raise DataError(f"{name} cannot be read as Parquet with the columns {', '.join(columns)}: {error}") from None
    return table.assign(date=table.date.map(str)) if "date" in table else table


def _check_labels(rows: pd.DataFrame) -> None:
    """Raises `DataError` for labels that the catalog does not have: better now than when the model is exported."""
    for task in (Task.DEPARTMENT, Task.DISEASE):
        unknown = sorted(set(rows[task.value]) - label_ids(task).keys() - {""})
        if unknown:
            raise DataError(
                f"the catalog has no {task.value} {', '.join(unknown[:5])}: correct the labels or the catalog"
            )


def _match_by_date(diseases: pd.DataFrame, departments: pd.DataFrame) -> list[int]:
    """Returns, for each disease row, the position of the department row that holds the same question, or -1."""
    by_date: dict[str, list[tuple[int, str]]] = {}
    for position, (text, date) in enumerate(zip(departments.text, departments.date, strict=True)):
        by_date.setdefault(date, []).append((position, text))
    found = []
    for text, date in zip(diseases.text, diseases.date, strict=True):
        piece = max(text.split(MASK), key=len)[:60]
        found.append(next((position for position, other in by_date.get(date, ()) if piece in other), -1))
    return found


def _department_rows(departments: pd.DataFrame, diseases: pd.DataFrame, settings: CorpusSettings) -> pd.DataFrame:
    """Returns the department questions, each with the disease label of the same question where there is one."""
    matched = diseases[diseases.match >= 0].drop_duplicates("match").set_index("match")
    rows = departments.rename(columns={"text": "named_text"}).copy()
    positions = pd.RangeIndex(len(rows))
    masked = matched.text.reindex(positions)
    rows["text"] = masked.map(unmask, na_action="ignore").fillna(pd.Series(rows.named_text.to_numpy())).to_numpy()
    rows["disease"] = matched.disease.reindex(positions).fillna("").to_numpy()
    rows["disease_weight"] = (rows.disease != "").astype(float)
    rows["department_weight"] = rows.source.map(settings.source_weights).fillna(1.0)
    answered_by_generalist = (rows.source == "doctor") & rows.department.isin(list(settings.generalists))
    rows.loc[answered_by_generalist, "department_weight"] = 0.0
    answered_by_specialist = (rows.source == "doctor") & rows.department.isin(list(settings.specialists))
    rows.loc[answered_by_specialist, "department_weight"] = 1.0
    # In validation the row still counts as labelled: the split, not the weight, decides what is reported.
    return rows


def _unmatched_disease_rows(diseases: pd.DataFrame) -> pd.DataFrame:
    rows = diseases[diseases.match < 0].copy()
    rows["text"] = rows.text.map(unmask)
    rows["named_text"] = rows.text
    rows["source"] = rows.label_from.map({"asserted_by_doctor": "asserted"}).fillna(rows.source)
    return rows.assign(department="", department_weight=0.0, disease_weight=1.0)


def _sentence_rows(sentences: pd.DataFrame) -> pd.DataFrame:
    counts = sentences.disease.value_counts()
    rows = sentences[sentences.disease.map(counts) > 1].drop_duplicates("text")  # the stray row is its own class
    return rows.assign(
        named_text=rows.text, department="", department_weight=0.0, disease_weight=1.0, source="sentence", date=""
    )


def _own_rows(datasets: Path, catalog: Catalog, settings: CorpusSettings) -> pd.DataFrame:
    triage = own_sentences(datasets).query("purpose == 'triage'").rename(columns={"label": "triage"})
    descriptions = own_descriptions(datasets).assign(source="description", disease_weight=1.0)
    descriptions["department_weight"] = (descriptions.department != "").astype(float)
    complaints = own_complaints(datasets).rename(columns={"share": "disease_weight"}).assign(source="complaint")
    complaints["disease_weight"] *= settings.complaint_disease_weight
    complaints["department_weight"] = (complaints.department != "") * settings.complaint_department_weight
    symptoms = symptom_texts(catalog, settings.symptom_texts, seed=11).assign(
        source="symptoms", department_weight=settings.symptom_department_weight, disease_weight=1.0
    )
    nothing = {"department": "", "disease": "", "department_weight": 0.0, "disease_weight": 0.0}
    rows = pd.concat(
        [
            triage.assign(source="triage", triage_weight=1.0, **nothing).drop(columns="purpose"),
            descriptions,
            complaints,
            symptoms,
        ],
        ignore_index=True,
    )
    return rows.assign(named_text=rows.text, date="")


def _split(source: str, date: str, text: str, settings: CorpusSettings) -> str:
    if source in OWN:
        return "tune" if fold_of(text, 5) == 0 else "train"
    if source == "symptoms":
        return "train"
    if not date:
        bucket = zlib.crc32(text.encode()) % 20
        return "valid" if bucket < 2 else "tune" if bucket == 2 else "train"
    if source in KIN_SOURCES:
        tune, valid = settings.kin_tune, settings.kin_valid
    else:
        tune, valid = settings.hidoc_tune, settings.hidoc_valid
    day = _day(date)
    return "valid" if day >= _day(valid) else "tune" if day >= _day(tune) else "train"


@cache
def _day(date: str) -> str:
    day = day_key(date)
    if day is None:
        raise DataError(
            f"a date of the questions or of the settings is none: expected one such as 2024.11.15, not {date!r}"
        )
    return day


def _drop_near_duplicates(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns `rows` without those whose first letters stand in an earlier split."""
    opening = rows.text.str.replace(" ", "").str[:_NEAR_DUPLICATE_LETTERS]
    seen_in_train = set(opening[rows.split == "train"])
    seen_in_tune = set(opening[rows.split == "tune"])
    asked = ~rows.source.isin(OWN)
    repeated = (rows.split != "train") & opening.isin(seen_in_train) & asked
    repeated |= (rows.split == "valid") & opening.isin(seen_in_tune)
    return rows[~repeated]
