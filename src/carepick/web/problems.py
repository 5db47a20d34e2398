"""Every error that the API answers: its status and its words in Korean and English.

The key is the code: the last part of a problem document's `type`. Errors of errors.py are found by their `code`;
braces are filled by `ProtocolError.values`. No sentence quotes what was sent.

A deadline that passed is 429, like a full queue: it is the server that was too slow, under load no answer is a 5xx, and
408 would make some clients (OkHttp, browsers) repeat the request by themselves at the worst moment.
"""

from __future__ import annotations

from typing import NamedTuple

from carepick.errors import ProtocolError
from carepick.web.bilingual import Bilingual


class Problem(NamedTuple):
    """An HTTP status, a short title that never changes, and a sentence that says what to do."""

    status: int
    title: Bilingual
    sentence: Bilingual


def refusal(problem: str, **values: object) -> ProtocolError:
    """Returns the error to raise for the code `problem` of the table, its sentence filled with `values`."""
    return ProtocolError(PROBLEMS[problem].sentence.en.format(**values), problem, values)


PROBLEMS: dict[str, Problem] = {
    "bad-request": Problem(
        400,
        Bilingual("잘못된 요청", "Bad request"),
        Bilingual(
            "요청을 읽을 수 없습니다. /docs의 예시를 참고해 주세요.",
            "The request cannot be read. See the examples at /docs.",
        ),
    ),
    "broken-json": Problem(
        400,
        Bilingual("잘못된 JSON", "Broken JSON"),
        Bilingual(
            '본문이 올바른 JSON이 아닙니다. {{"text": "증상"}} 형태로 보내 주세요.',
            'The body is not valid JSON. Send {{"text": "symptoms in words"}}.',
        ),
    ),
    "not-an-object": Problem(
        400,
        Bilingual("JSON 객체가 아님", "Not a JSON object"),
        Bilingual(
            '본문은 JSON 객체여야 합니다. {{"text": "증상"}} 형태로 보내 주세요.',
            'The body must be a JSON object. Send {{"text": "symptoms in words"}}.',
        ),
    ),
    "not-utf8": Problem(
        400,
        Bilingual("UTF-8이 아님", "Not UTF-8"),
        Bilingual(
            "본문이 UTF-8이 아닙니다. UTF-8로 바꾸어 보내 주세요.",
            "The body is not UTF-8. Encode it as UTF-8.",
        ),
    ),
    "text-missing": Problem(
        400,
        Bilingual("text 없음", "text is missing"),
        Bilingual(
            'text가 없습니다. {{"text": "증상"}} 형태로 보내 주세요.',
            'text is missing. Send {{"text": "symptoms in words"}}.',
        ),
    ),
    "text-not-string": Problem(
        400,
        Bilingual("text가 문자열이 아님", "text is not a string"),
        Bilingual("text는 문자열이어야 합니다.", "text must be a string."),
    ),
    "invalid-text": Problem(
        400,
        Bilingual("읽을 내용이 없음", "Nothing to read"),
        Bilingual(
            "text에 읽을 수 있는 글자가 없습니다. 어디가 어떻게 불편한지 적어 주세요.",
            "text holds nothing that can be read. Write in words what hurts and how.",
        ),
    ),
    "text-too-long": Problem(
        400,
        Bilingual("text가 너무 김", "text is too long"),
        Bilingual(
            "text는 {most}자까지 보낼 수 있습니다. 줄여서 다시 보내 주세요.",
            "text may have at most {most} characters. Shorten it and send it again.",
        ),
    ),
    "text-and-texts": Problem(
        400,
        Bilingual("text와 texts를 함께 보냄", "Both text and texts"),
        Bilingual("text와 texts 가운데 하나만 보내 주세요.", "Send either text or texts, not both."),
    ),
    "invalid-texts": Problem(
        400,
        Bilingual("잘못된 texts", "Invalid texts"),
        Bilingual(
            "texts는 1개 이상 {most}개 이하의 배열이어야 합니다.",
            "texts must be a list of 1 to {most} items.",
        ),
    ),
    "invalid-k": Problem(
        400,
        Bilingual("잘못된 k", "Invalid k"),
        Bilingual("k는 1부터 {most}까지의 정수여야 합니다.", "k must be a whole number from 1 to {most}."),
    ),
    "invalid-option": Problem(
        400,
        Bilingual("잘못된 선택 항목", "Invalid option"),
        Bilingual("{name} 값은 {allowed} 가운데 하나여야 합니다.", "{name} must be one of {allowed}."),
    ),
    "invalid-timeout": Problem(
        400,
        Bilingual("잘못된 제한 시간", "Invalid timeout"),
        Bilingual(
            "X-Request-Timeout-Ms는 1부터 {most}까지의 정수(밀리초)여야 합니다.",
            "X-Request-Timeout-Ms must be a whole number of milliseconds from 1 to {most}.",
        ),
    ),
    "wrong-key": Problem(
        401,
        Bilingual("API 키 필요", "API key needed"),
        Bilingual(
            "X-API-Key 헤더에 올바른 API 키를 담아 보내 주세요.",
            "Send the right API key in the X-API-Key header.",
        ),
    ),
    "disabled": Problem(
        403,
        Bilingual("꺼져 있는 기능", "Switched off"),
        Bilingual(
            "이 서버는 질환 정보를 안내하지 않도록 설정되어 있습니다. 진료과 안내(/specialty)를 이용해 주세요.",
            "The operator of this server has switched off answers about diseases. Ask /specialty for departments.",
        ),
    ),
    "unknown-route": Problem(
        404,
        Bilingual("없는 주소", "Unknown route"),
        Bilingual(
            "없는 주소입니다. 사용할 수 있는 주소는 /docs에 있습니다.",
            "There is nothing at this address. /docs lists the addresses that exist.",
        ),
    ),
    "no-model": Problem(
        404,
        Bilingual("모델 없음", "No model for this"),
        Bilingual(
            "이 서버에는 이 질문에 답하는 모델이 없습니다. /model에서 답할 수 있는 일을 확인해 주세요.",
            "No model on this server can answer this. /model lists what can be asked.",
        ),
    ),
    "wrong-method": Problem(
        405,
        Bilingual("허용되지 않는 메서드", "Wrong method"),
        Bilingual(
            "이 주소에서 쓸 수 없는 메서드입니다. Allow 헤더에 있는 메서드를 사용해 주세요.",
            "This method does not fit this address. Use one that the Allow header names.",
        ),
    ),
    "text-in-url": Problem(
        405,
        Bilingual("주소에 담긴 증상", "Text in the URL"),
        Bilingual(
            "증상은 민감한 건강 정보입니다. 주소(URL)는 서버와 프록시, 브라우저의 기록에 남으므로 증상을 담을 수 "
            "없습니다. POST 요청의 본문에 담아 보내 주세요.",
            "Symptoms are health data, and URLs are kept in the records of servers, proxies and browsers. "
            "Texts are never taken from a URL: send them in the body of a POST request.",
        ),
    ),
    "text-in-query": Problem(
        400,
        Bilingual("주소에도 담긴 증상", "Text in the URL of a request with a body"),
        Bilingual(
            "증상은 민감한 건강 정보입니다. 주소(URL)는 서버와 프록시, 브라우저의 기록에 남습니다. 주소에서 text와 "
            "texts를 빼고 본문에만 담아 보내 주세요.",
            "Symptoms are health data, and URLs are kept in the records of servers, proxies and browsers. "
            "Take text and texts out of the URL and send them in the body alone.",
        ),
    ),
    "body-too-large": Problem(
        413,
        Bilingual("본문이 너무 큼", "Body too large"),
        Bilingual(
            "본문은 {most}바이트까지 보낼 수 있습니다. 줄이거나 나누어 보내 주세요.",
            "The body may have at most {most} bytes. Shorten it or divide it.",
        ),
    ),
    "url-too-long": Problem(
        414,
        Bilingual("주소가 너무 김", "URL too long"),
        Bilingual(
            "주소(URL)가 너무 깁니다. 내용은 POST 요청의 본문에 담아 보내 주세요.",
            "The URL is too long. Send content in the body of a POST request.",
        ),
    ),
    "wrong-content-type": Problem(
        415,
        Bilingual("지원하지 않는 본문 형식", "Unsupported content type"),
        Bilingual(
            "Content-Type: application/json(UTF-8, 압축하지 않은 본문)으로 보내 주세요.",
            "Send the body as Content-Type: application/json, in UTF-8 and not compressed.",
        ),
    ),
    "overloaded": Problem(
        429,
        Bilingual("요청이 너무 많음", "Overloaded"),
        Bilingual(
            "지금은 요청이 많아 답할 수 없습니다. Retry-After 헤더의 시간(초)이 지난 뒤 다시 보내 주세요.",
            "The server has more requests than it can answer. "
            "Try again after the number of seconds in the Retry-After header.",
        ),
    ),
    "deadline": Problem(
        429,
        Bilingual("제한 시간 초과", "Deadline passed"),
        Bilingual(
            "제한 시간 안에 답하지 못했습니다. 잠시 뒤 다시 보내거나 X-Request-Timeout-Ms를 늘려 주세요.",
            "No answer was ready before the deadline. Try again in a moment, or raise X-Request-Timeout-Ms.",
        ),
    ),
    "headers-too-large": Problem(
        431,
        Bilingual("헤더가 너무 큼", "Headers too large"),
        Bilingual("요청 헤더를 줄여서 다시 보내 주세요.", "Send fewer or shorter request headers."),
    ),
    "internal": Problem(
        500,
        Bilingual("서버 오류", "Internal error"),
        Bilingual(
            "서버에 문제가 생겼습니다. instance 값을 운영자에게 알려 주세요.",
            "Something went wrong in the server. Please tell its operator the value of instance.",
        ),
    ),
    "not-ready": Problem(
        503,
        Bilingual("준비 중", "Not ready"),
        Bilingual(
            "모델을 준비하고 있습니다. Retry-After 헤더의 시간(초)이 지난 뒤 다시 보내 주세요.",
            "The model is not ready yet. Try again after the number of seconds in the Retry-After header.",
        ),
    ),
}
