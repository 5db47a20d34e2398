"""What the patient's page says, in one language: page.json, where every wording stands in Korean and in English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from carepick.web.bilingual import LANGUAGES


@cache
def page_texts(language: str) -> Mapping[str, Any]:
    """Returns page.json with each pair of wordings replaced by the one in `language`, "ko" or "en".

    Keys: words, levels, phones, problems, examples, details, way_in, map, room.
    """
    document = json.loads(resources.files("carepick.web").joinpath("page.json").read_text(encoding="utf-8"))
    texts = _in_language(document, language)
    assert isinstance(texts, dict)
    return texts


def _in_language(node: Any, language: str) -> Any:
    if isinstance(node, list):
        return [_in_language(item, language) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == set(LANGUAGES):
        return node[language]
    return {key: _in_language(item, language) for key, item in node.items()}
