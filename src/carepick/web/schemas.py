"""The JSON schemas of the OpenAPI document, described in Korean and English."""

from __future__ import annotations

from typing import Any

from carepick.records import Confidence, Task, TriageLevel
from carepick.settings import Settings
from carepick.web.bilingual import LANGUAGES, Bilingual

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _about(schema: Schema, ko: str, en: str) -> Schema:
    return {**schema, "description": Bilingual(ko, en).both}


def _record(ko: str, en: str, properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties}
    return _about({**schema, "required": required} if required else schema, ko, en)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    """Clients that write out every field send null for one that is not set."""
    changed = {**schema, "type": [schema["type"], "null"]}
    return {**changed, "enum": [*schema["enum"], None]} if "enum" in schema else changed


def _choice(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}


_PLACE = {
    "start": _about({"type": "integer", "minimum": 0}, "첫 글자의 위치", "Position of the first character"),
    "end": _about({"type": "integer", "minimum": 0}, "마지막 글자 다음 위치", "Position after the last character"),
}


def schemas(settings: Settings, classes: dict[Task, int]) -> dict[str, Schema]:
    """Returns the component schemas by name; `classes` is how many labels each task can answer."""
    return {**_requests(settings, classes), **_rankings(), **_diagnosis(settings), **_service(settings), **_problem()}


def _requests(settings: Settings, classes: dict[Task, int]) -> dict[str, Schema]:
    text = _about(
        {"type": "string", "minLength": 1, "maxLength": settings.max_text_characters, "pattern": r"\S"},
        "증상을 적은 글. 빈 글은 안 됩니다.",
        "What hurts and how, in everyday Korean. Not blank.",
    )
    texts = _about(
        {"type": "array", "minItems": 1, "maxItems": settings.max_batch_texts, "items": {}},
        "여러 글. 문자열이 아니거나 잘못된 항목은 그 자리에 오류를 답합니다.",
        "Several texts. An item that is no string or not a good text is answered with an error in its place.",
    )
    k = {"type": "integer", "minimum": 1, "maximum": max(classes.values())}
    return {
        "TextRequest": _record("글 하나", "One text", {"text": text}),
        "TextsRequest": _record("여러 글", "Several texts", {"texts": texts}),
        "TextOrTexts": _about(
            {"oneOf": [_ref("TextRequest"), _ref("TextsRequest")]}, "글 하나 또는 여러 글", "One text or several"
        ),
        "DiagnosisRequest": _record(
            "글 하나와 답의 모양",
            "One text, and what the answer should look like",
            {
                "text": text,
                "k": _about(_or_null(k), "진료과와 질환의 최대 개수", "Most departments and diseases"),
                "language": _about(_or_null(_choice(LANGUAGES)), "답의 언어", "Language of the answer"),
                "include_withheld": _about(
                    _or_null(_BOOLEAN),
                    "응급 신호가 있어도 진료과를 답할지",
                    "Whether to answer departments despite an emergency sign",
                ),
            },
            optional=("k", "language", "include_withheld"),
        ),
    }


def _rankings() -> dict[str, Schema]:
    components: dict[str, Schema] = {
        "ItemError": _record(
            "답하지 못한 항목",
            "An item that could not be answered",
            {
                "error": _about(_STRING, "무엇을 고치면 되는지", "What to change"),
                "type": _about({"type": "string", "format": "uri"}, "오류의 종류", "Which error"),
                "status": _about({"type": "integer"}, "따로 보냈다면 받았을 상태 코드", "Its status, sent on its own"),
            },
        )
    }
    for name, key, ko, en in (
        ("Disease", "disease", "질환 이름", "Name of the disease"),
        ("Department", "specialty", "진료과 이름", "Name of the department"),
    ):
        score = _about(_SCORE, "보정된 확률, 소수점 네 자리", "Calibrated probability, four decimals")
        item = _record(f"{ko}과 점수", f"{en}, and its score", {key: _about(_STRING, ko, en), "score": score})
        components[f"{name}Score"] = {**item, "additionalProperties": False}
        ranking = _list(_ref(f"{name}Score"))
        components[f"{name}Ranking"] = _about(
            {**ranking, "minItems": 1}, "점수가 높은 순서의 목록", "The list, best first"
        )
        batch = _list({"anyOf": [_ref(f"{name}Ranking"), _ref("ItemError")]})
        components[f"{name}Batch"] = _about(
            {**batch, "minItems": 1}, "글마다 목록 또는 오류", "A list or an error for each text"
        )
        components[f"{name}Answer"] = _about(
            {"anyOf": [_ref(f"{name}Ranking"), _ref(f"{name}Batch")]},
            "`text`에는 목록, `texts`에는 목록의 목록",
            "A list for `text`, a list of lists for `texts`",
        )
    return components


def _diagnosis(settings: Settings) -> dict[str, Schema]:
    level = _choice(tuple(level.value for level in TriageLevel))
    words = {
        "name": _about(_STRING, "응급 신호의 이름", "Name of the sign"),
        "why": _about(_STRING, "왜 급한지", "Why it is urgent"),
        "action": _about(_STRING, "지금 할 일", "What to do now"),
        "phone": _about(_STRING, "전화할 곳. 없으면 빈 글", "Whom to call; may be empty"),
        "question": _about(_STRING, "확인하는 질문", "A question that confirms it"),
        "source": _about(_STRING, "의학적 근거", "Source of the medical rule"),
    }
    label = {
        "id": _about(_STRING, "ASCII 이름", "ASCII id"),
        "name": _about(_STRING, "한국어 이름", "Name in Korean"),
        "name_en": _about(_STRING, "영어 이름. 영어로 답할 때만", "Name in English; in English answers only"),
    }
    components: dict[str, Schema] = {
        "Span": _record(
            "보낸 글에서의 위치. 유니코드 코드 포인트, 끝은 포함하지 않음",
            "A place in the text as it was sent, in Unicode code points, the end excluded",
            _PLACE,
        ),
        "Flag": _record(
            "들린 응급 신호",
            "An emergency sign that was heard",
            {
                "id": label["id"],
                "level": _about(level, "이 신호의 긴급도", "How urgent this sign is"),
                **words,
                "spans": _about(_list(_ref("Span")), "신호를 알린 낱말의 위치", "Where the words that raised it stand"),
            },
        ),
        "Triage": _record(
            "얼마나 급한지",
            "How urgent the text is",
            {
                "level": _about(
                    level,
                    "emergency 119, crisis 109, danger 112, er 응급실, none 없음",
                    "emergency: call 119; crisis: 109; danger: 112; er: go to an emergency room; none",
                ),
                "flags": _about(_list(_ref("Flag")), "급한 순서의 응급 신호", "Signs, most urgent first"),
                "denied": _about(_list(_ref("Span")), "없다고 한 증상의 위치", "Where symptoms were denied"),
            },
        ),
        "Evidence": _record(
            "근거가 된 낱말",
            "Words that spoke for or against the label",
            {
                **_PLACE,
                "weight": _about(
                    {"type": "number"}, "로그 오즈. 양수는 찬성, 음수는 반대", "Log-odds: above 0 for, below 0 against"
                ),
            },
        ),
        "Label": _record("이름", "A label", label, optional=("name_en",)),
        "ExplainedLabel": _record(
            "이름, 점수, 근거",
            "A label, its score and the words that spoke for and against it",
            {
                **label,
                "score": _about(_SCORE, "보정된 확률", "Calibrated probability"),
                "band": _about(_STRING, "점수를 말로", "The score in words"),
                "evidence": _about(_list(_ref("Evidence")), "강한 순서의 근거", "Strongest first"),
            },
            optional=("name_en",),
        ),
    }
    components["Diagnosis"] = _whole_answer(settings)
    return components


def _whole_answer(settings: Settings) -> Schema:
    explained, labels, strings = _list(_ref("ExplainedLabel")), _list(_ref("Label")), _list(_STRING)
    properties = {
        "triage": _ref("Triage"),
        "confidence": _about(
            _choice(tuple(item.value for item in Confidence)), "답의 확신도", "How far the answer can be trusted"
        ),
        "advice": _about(_STRING, "언제 가야 하는지", "When to go"),
        "add": _about(strings, "더 적으면 좋은 것", "What the person could add"),
        "departments_withheld": _about(
            _BOOLEAN, "응급 신호 때문에 진료과를 답하지 않았는지", "Whether an emergency sign withheld the departments"
        ),
        "departments": _about(explained, "진료과, 점수 순", "Departments, best first"),
        "department_set": _about(
            labels, "열에 아홉은 맞는 진료과가 드는 묶음", "Holds the right department nine times out of ten"
        ),
        "reading": _record(
            "글을 어떻게 읽었는지",
            "How the text was read",
            {
                "windows": _about(
                    {"type": "integer", "minimum": 1}, "나누어 읽은 부분의 수", "Parts that a long text was read in"
                ),
                "truncated": _about(_BOOLEAN, "뒷부분을 읽지 못했는지", "Whether the end was left unread"),
            },
        ),
        "notices": _about(strings, "알림: 자동 안내이며 진단이 아님", "Notices: automatic, not a diagnosis"),
        "language": _about(_choice(LANGUAGES), "답의 언어", "Language of the answer"),
        "model": _about(
            {"type": "object", "additionalProperties": _STRING}, "답한 모델의 판", "Version of the model of each task"
        ),
        "diseases": _about(
            explained, "질환 정보, 점수 순. 꺼져 있으면 없음", "Diseases, best first; absent when switched off"
        ),
        "disease_set": _about(
            labels, "열에 아홉은 맞는 질환이 드는 묶음", "Holds the right disease nine times out of ten"
        ),
    }
    optional = () if settings.disease_enabled else ("diseases", "disease_set")
    return _record("전체 답", "The whole answer", properties, optional)


def _service(settings: Settings) -> dict[str, Schema]:
    free = {"type": "object", "additionalProperties": True}
    labels = _list(_ref("Label"))
    model = {
        "tasks": _about(_list(_choice(tuple(task.value for task in Task))), "답하는 일", "What it answers"),
        "name": _about(_STRING, "이름", "Name"),
        "version": _about(_STRING, "판", "Version"),
        "heads": _about(
            free, "일마다 항목 수, 온도, 제외한 이름", "Classes, temperature and excluded labels of each head"
        ),
        "max_tokens": _about({"type": "integer"}, "한 번에 읽는 토큰 수", "Tokens in a window"),
        "training": _about(free, "학습 내력", "How it was trained"),
        "metrics": _about(free, "측정값", "What was measured"),
        "files": _about(free, "파일 이름과 SHA-256", "File names and their SHA-256"),
    }
    versions = _about(
        {"type": "object", "additionalProperties": _STRING}, "일마다 모델의 판", "Model version of each task"
    )
    return {
        "Labels": _record(
            "답할 수 있는 이름",
            "What can be answered",
            {
                "departments": _about(labels, "진료과. 모델이 없으면 없음", "Departments; absent without a model"),
                "diseases": _about(
                    labels,
                    "질환. 모델이 없거나 꺼져 있으면 없음",
                    "Diseases; absent without a model or when switched off",
                ),
            },
            optional=("departments", "diseases"),  # a bundle may answer one of them only
        ),
        "Model": _record("모델 하나", "One model", model),
        "Models": _record(
            "답하는 모델",
            "The models that answer",
            {"models": _about(_list(_ref("Model")), "모델 목록", "One entry a model")},
        ),
        "Health": _record("살아 있음", "Alive", {"status": _about({"const": "ok"}, "살아 있음", "Alive")}),
        "Readiness": _record(
            "준비됨", "Ready", {"status": _about({"const": "ready"}, "준비됨", "Ready"), "model": versions}
        ),
    }


def _problem() -> dict[str, Schema]:
    return {
        "Problem": _record(
            "오류(RFC 9457)와 사람이 읽을 문장 `error`",
            "A problem document (RFC 9457) with `error`, a sentence for people",
            {
                "type": _about({"type": "string", "format": "uri"}, "오류의 종류. 바뀌지 않음", "Which error; stable"),
                "title": _about(_STRING, "오류의 이름", "Name of the error"),
                "status": _about({"type": "integer", "minimum": 400, "maximum": 599}, "상태 코드", "HTTP status"),
                "detail": _about(_STRING, "무엇을 고치면 되는지", "What to do"),
                "instance": _about(
                    {"type": "string", "format": "uri"}, "이 오류의 무작위 이름", "Random name of this occurrence"
                ),
                "error": _about(_STRING, "`detail`과 같은 문장", "The same sentence as `detail`"),
            },
        )
    }
