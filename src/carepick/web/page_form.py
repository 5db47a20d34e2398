"""What the form of the patient's page says: the text, the words of the chips added to it, and what was tapped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from carepick.web.problems import refusal
from carepick.web.requests import check_text

_CONFIRMED = ("yes", "no")
_EXAMPLE = re.compile("[0-9]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A text with the chips' words in it; `include_withheld`: departments are wanted despite an emergency sign;
    `confirmed`: the answer to the question of that sign, "yes" or "no", or "" while it was not answered."""

    text: str
    include_withheld: bool
    confirmed: str


def read_form(form: MultiDict[str, str], texts: Mapping[str, Any]) -> Asked:
    """Returns what `form` says; `texts` holds the chips, as `page_texts` returns them.

    Chips are fields of the form and their words are added here, so that they work without JavaScript. An example counts
    where nothing was typed. Raises
    `ProtocolError` when there is nothing to read, too much of it, or an impossible age.
    """
    example = form.get("example", "")
    typed = form.get("text", "").strip()
    if not typed and _EXAMPLE.fullmatch(example) and int(example) < len(texts["examples"]):
        return Asked(texts["examples"][int(example)]["text"], False, "")
    # A form sends CR LF for every line; as it was typed a line ends with LF alone, and spans count characters.
    typed = typed.replace("\r\n", "\n")
    text = "\n".join(filter(None, (typed, " ".join(_chosen(form, texts)))))
    confirmed = form.get("confirmed", "")
    return Asked(check_text(text), form.get("include_withheld") == "true", confirmed if confirmed in _CONFIRMED else "")


def _chosen(form: MultiDict[str, str], texts: Mapping[str, Any]) -> Iterator[str]:
    """Yields a sentence for each group of chips in which something was chosen."""
    for detail in texts["details"]:
        if detail["kind"] == "age":
            yield from _age(form.get("age", "").strip(), form.get("age_unit"), detail["units"])
            continue
        chosen = set(form.getlist(detail["id"]))
        words = [option["words"] for option in detail["options"] if option["id"] in chosen]
        if words:
            yield detail["sentence"].format(words=", ".join(words))


def _age(age: str, unit_id: str | None, units: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not age:
        return
    unit = next((unit for unit in units if unit["id"] == unit_id), units[0])
    if not re.fullmatch("[0-9]{1,3}", age) or int(age) > unit["most"]:
        raise refusal("invalid-option", name="age", allowed=f"0–{unit['most']}")
    yield unit["sentence"].format(age=int(age))
