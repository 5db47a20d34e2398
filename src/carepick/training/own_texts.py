"""The project's own training texts: sentences on urgency and scope, plain descriptions of diseases, short complaints, the
catalog's symptoms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from carepick.errors import TrainingError
from carepick.evaluation.tables import Row, read_table
from carepick.knowledge.catalog import Catalog
from carepick.text.normalize import normalize

_LINKS = (". ", ", ", " 그리고 ", " 또 ")
_ONSETS = ("어제부터 ", "며칠 전부터 ", "요즘 ", "얼마 전부터 ", "일주일 전부터 ", "갑자기 ")
_ONSET_SHARE = 0.3


def own_sentences(datasets: Path) -> pd.DataFrame:
    """Returns the project's own training sentences in `datasets`: columns text, label and purpose (triage or scope).

    Read from triage_training*.jsonl and scope_training*.jsonl; a text that stands twice counts once.
    """
    parts = [
        _own_sentences(path, purpose)
        for purpose in ("triage", "scope")
        for path in sorted(datasets.glob(f"{purpose}_training*.jsonl"))
    ]
    if not parts:
        raise TrainingError(f"{datasets} holds no triage_training*.jsonl and scope_training*.jsonl")
    return pd.concat(parts, ignore_index=True).drop_duplicates(["text", "purpose"])


def _own_sentences(path: Path, purpose: str) -> pd.DataFrame:
    rows = read_table(path, ["text", "label"])
    return pd.DataFrame(
        {"text": [normalize(row["text"]) for row in rows], "label": [row["label"] for row in rows], "purpose": purpose}
    )


def own_descriptions(datasets: Path) -> pd.DataFrame:
    """Returns the plain descriptions in `datasets`/descriptions_training*.jsonl: columns text, disease, department.

    A disease is described there as somebody puts it who does not know its name, or spoken of without it; all labels are
    names of the catalog. The department is empty where the text says little about where to go.
    """
    rows = list(_lines(datasets, "descriptions_training", "text", "disease"))
    table = pd.DataFrame(rows, columns=["text", "disease", "department"]).fillna("")
    return table.assign(text=table.text.map(normalize)).drop_duplicates("text")


def own_complaints(datasets: Path) -> pd.DataFrame:
    """Returns the short complaints in `datasets`/complaints_training*.jsonl: columns text, disease, department, share.

    A complaint may have several likely diseases: a row for each, with half the share of the one before it, adding up to 1.
    The department is the best one, in the row of the first disease only; all labels are names of the catalog.
    """
    rows: list[tuple[str, str, str, float]] = []
    for complaint in _lines(datasets, "complaints_training", "text", "diseases", "departments"):
        likely, text = complaint["diseases"], normalize(complaint["text"])
        halves = [0.5**place for place in range(len(likely))]
        shares = [half / sum(halves) for half in halves]
        departments = [complaint["departments"][0]] + [""] * (len(likely) - 1)
        rows += zip([text] * len(likely), likely, departments, shares, strict=True)
    table = pd.DataFrame(rows, columns=["text", "disease", "department", "share"])
    return table.drop_duplicates(["text", "disease"])


def _lines(datasets: Path, name: str, *columns: str) -> Iterator[Row]:
    """Yields the objects of all files of `datasets` whose names begin with `name`, each with all of `columns`."""
    for path in sorted(datasets.glob(f"{name}*.jsonl")):
        yield from read_table(path, columns)


def catalog_texts(catalog: Catalog) -> list[str]:
    """Returns what the catalog knows about diseases as somebody may type it alone: names, other names, symptoms."""
    known = (text for disease in catalog.diseases for text in (disease.name, *disease.aliases, *disease.symptoms))
    return sorted({normalize(text) for text in known})


def symptom_texts(catalog: Catalog, per_disease: int, seed: int) -> pd.DataFrame:
    """Returns up to `per_disease` short texts for each disease, one to three of the catalog's symptoms put together.

    Columns text, disease and department, the one that the catalog names first.
    """
    rng = random.Random(seed)
    rows = []
    for disease in catalog.diseases:
        texts = dict.fromkeys(_symptom_text(disease.symptoms, rng) for _ in range(4 * per_disease))
        department = catalog.department(disease.departments[0]).name
        rows += [(normalize(text), disease.name, department) for text in list(texts)[:per_disease]]
    return pd.DataFrame(rows, columns=["text", "disease", "department"])


def _symptom_text(symptoms: tuple[str, ...], rng: random.Random) -> str:
    chosen = rng.sample(symptoms, min(rng.choice((1, 1, 2, 2, 3)), len(symptoms)))
    text = rng.choice(_LINKS).join(chosen)
    return rng.choice(_ONSETS) + text if rng.random() < _ONSET_SHARE else text
