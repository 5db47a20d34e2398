"""The parameters and answer headers of the OpenAPI document, described in Korean and English."""

from __future__ import annotations

from typing import Any

from carepick.records import Task
from carepick.web.bilingual import Bilingual
from carepick.web.requests import DEFAULT_K, MOST_TIMEOUT_MS

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}


def parameters(classes: dict[Task, int]) -> dict[str, Schema]:
    """Returns the component parameters by the name that an `Operation` gives them."""
    timeout = {"type": "integer", "minimum": 1, "maximum": MOST_TIMEOUT_MS}
    return {
        "k-diseases": _k(classes[Task.DISEASE]),
        "k-departments": _k(classes[Task.DEPARTMENT]),
        "k-all": _k(max(classes.values())),
        "include-withheld": _parameter(
            "include_withheld",
            "query",
            {"type": "boolean", "default": False},
            Bilingual("응급 신호가 있어도 진료과를 답할지", "Whether to answer departments despite an emergency sign"),
        ),
        "timeout": _parameter(
            "X-Request-Timeout-Ms",
            "header",
            timeout,
            Bilingual("답을 기다릴 시간(밀리초). 지나면 429", "How long an answer is waited for; past it 429"),
        ),
        "language": _parameter(
            "Accept-Language",
            "header",
            _STRING,
            Bilingual("오류와 안내문의 언어: ko, en", "Language of messages: ko or en"),
        ),
    }


def _k(most: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": min(DEFAULT_K, most)}
    return _parameter("k", "query", schema, Bilingual("답의 최대 개수", "How many labels to answer"))


def _parameter(name: str, place: str, schema: Schema, description: Bilingual) -> Schema:
    return {"name": name, "in": place, "required": False, "schema": schema, "description": description.both}


def headers() -> dict[str, Schema]:
    """Returns the component headers by name."""
    several = Bilingual("`texts`에는 쉼표로 나눈 값", "For `texts` one value an item, divided by commas")
    rows = {
        "X-Carepick-Triage": ("긴급도: emergency, crisis, danger, er, none.", "How urgent the text is."),
        "X-Carepick-Confidence": ("확신도: high, medium, low, abstain.", "How far the answer can be trusted."),
        "X-Carepick-Windows": ("긴 글을 나누어 읽은 수.", "Parts that a long text was read in."),
        "X-Carepick-Truncated": ("뒷부분을 읽지 못했는지: true, false.", "Whether the end was left unread."),
    }
    components = {
        name: {"schema": _STRING, "description": Bilingual(f"{ko} {several.ko}.", f"{en} {several.en}.").both}
        for name, (ko, en) in rows.items()
    }
    version = Bilingual("답한 모델의 판.", "Version of the model that answered.")
    components["X-Carepick-Model"] = {"schema": _STRING, "description": version.both}
    retry = Bilingual("다시 보내기까지 기다릴 시간(초).", "Seconds to wait before another try.")
    components["Retry-After"] = {"schema": {"type": "integer", "minimum": 1}, "description": retry.both}
    return components
