"""What the red flags' rules hear on their own, without a model."""

from __future__ import annotations

from collections.abc import Sequence

from carepick.knowledge.red_flags import load_red_flags
from carepick.service.triage import Triager
from carepick.text.normalize import normalize_with_spans


def heard_by_rules(texts: Sequence[str]) -> list[bool]:
    """Returns for each of `texts` whether a rule is certain of a red flag in it, or suspects one."""
    triager = Triager(load_red_flags())
    heard = (triager.detect(normalize_with_spans(text)) for text in texts)
    return [bool(one.certain or one.suspected) for one in heard]
