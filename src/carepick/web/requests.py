"""What a request says, checked: body, texts, k, deadline, language, key."""

from __future__ import annotations

import contextlib
import hmac
import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any, cast

from flask import Request, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from carepick.errors import RequestError
from carepick.web.bilingual import LANGUAGES
from carepick.web.loading import current_settings
from carepick.web.problems import refusal

DEFAULT_K = 3
MOST_TIMEOUT_MS = 600_000
_UTF8_CHARSETS = {"", "utf-8", "utf8", "us-ascii", "ascii"}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class InMemoryRequest(Request):
    """A request whose body never goes to disk: werkzeug would put a large file in a form into the temporary folder."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return BytesIO()


def accepted_language() -> str:
    """Returns "ko" or "en": the one that Accept-Language likes best, the setting `language` where it likes neither."""
    ours = current_settings().language
    by_preference = [ours, *(name for name in LANGUAGES if name != ours)]  # the first one answers `*`
    return request.accept_languages.best_match(by_preference) or ours


def holds_api_key() -> bool:
    """Returns whether the request carries the key that the settings ask for; compares in constant time."""
    wanted = current_settings().api_key.encode()
    sent = request.headers.get("X-API-Key", "").encode("latin-1", "replace")
    return not wanted or hmac.compare_digest(sent, wanted)


def holds_text_in_url() -> bool:
    """Returns whether the address of the request holds what belongs into the body: addresses are kept in records."""
    return bool(request.args.keys() & {"text", "texts"})


def read_body() -> dict[str, Any]:
    """Returns the JSON object in the body; raises `ProtocolError` when it is none, not UTF-8, or of another type.

    A body over the setting `max_body_bytes` is refused with or without Content-Length, in the first case by werkzeug.
    """
    _check_content_type()
    try:
        document = json.loads(_read_text_body(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise refusal("broken-json") from None
    if not isinstance(document, dict):
        raise refusal("not-an-object")
    return document


def read_form_fields() -> MultiDict[str, str]:
    """Returns the fields of the form in the body; raises `ProtocolError` when it breaks off."""
    with _refusing_broken_bodies():
        return request.form


def read_text(body: dict[str, Any]) -> str:
    """Returns the text of `body`, as it was typed; raises `ProtocolError` when it is missing, blank or too long."""
    if "text" not in body:
        raise refusal("text-missing")
    return check_text(body["text"])


def check_text(value: object) -> str:
    """Returns `value` when it is a string that is neither blank nor too long; raises `ProtocolError` otherwise."""
    if not isinstance(value, str):
        raise refusal("text-not-string")
    most = current_settings().max_text_characters
    if len(value) > most:
        raise refusal("text-too-long", most=most)
    if not value.strip():
        raise refusal("invalid-text")
    return value


def read_texts(body: dict[str, Any]) -> list[str | RequestError]:
    """Returns each item of `texts`: the text, or the error that says what is wrong with it.

    Raises `ProtocolError` when `texts` is no list of 1..`max_batch_texts` items.
    """
    if "text" in body:
        raise refusal("text-and-texts")
    texts, most = body["texts"], current_settings().max_batch_texts
    if not isinstance(texts, list) or not 1 <= len(texts) <= most:
        raise refusal("invalid-texts", most=most)
    return [_text_or_error(item) for item in texts]


def read_k(most: int, value: object = None) -> int:
    """Returns how many labels are wanted, 1..most: `value` from the body, else `?k=`, else 3 (or all, when fewer).

    Raises `ProtocolError` when either is anything else.
    """
    text = request.args.get("k", str(min(DEFAULT_K, most)))
    queried = int(text) if re.fullmatch("[0-9]{1,9}", text) else None
    chosen = queried if value is None else _whole(value)
    for k in (queried, chosen):
        if k is None or not 1 <= k <= most:
            raise refusal("invalid-k", most=most)
    return cast(int, chosen)


def read_timeout() -> int | None:
    """Returns the milliseconds of X-Request-Timeout-Ms, None without it; raises `ProtocolError` outside 1..600000."""
    value = request.headers.get("X-Request-Timeout-Ms")
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,9}", value) or not 1 <= int(value) <= MOST_TIMEOUT_MS:
        raise refusal("invalid-timeout", most=MOST_TIMEOUT_MS)
    return int(value)


def read_language(body: dict[str, Any]) -> str:
    """Returns the language of the answer: the body's `language`, else what Accept-Language says."""
    value = body.get("language")
    if value is None:
        return accepted_language()
    if value not in LANGUAGES:
        raise refusal("invalid-option", name="language", allowed=", ".join(LANGUAGES))
    return str(value)


def read_flag(name: str, value: object = None) -> bool:
    """Returns an option that is on or off: `value` from the body, else the query parameter `name`, else off."""
    queried = _FLAGS.get(request.args.get(name, "false").lower())
    chosen = queried if value is None else value
    if not isinstance(queried, bool) or not isinstance(chosen, bool):
        raise refusal("invalid-option", name=name, allowed="true, false")
    return chosen


def _whole(value: object) -> int | None:
    """Returns a JSON number without a fraction (3, 3.0) as an integer, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        return None
    return int(value)


def _check_content_type() -> None:
    kind = request.mimetype
    charset = request.mimetype_params.get("charset", "").lower()
    compressed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if kind != "application/json" or charset not in _UTF8_CHARSETS or compressed:
        raise refusal("wrong-content-type")


def _read_text_body() -> str:
    try:
        return _read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refusal("not-utf8") from None


def _read_bytes() -> bytes:
    most = current_settings().max_body_bytes
    with _refusing_broken_bodies():
        data = request.get_data(cache=False)
        # Without Content-Length werkzeug stops reading at the limit and says nothing: look whether there is more.
        cut = request.content_length is None and len(data) == most and request.environ["wsgi.input"].read(1)
    if cut:
        raise refusal("body-too-large", most=most)
    return data


@contextlib.contextmanager
def _refusing_broken_bodies() -> Iterator[None]:
    try:
        yield
    except HTTPException:
        raise
    except Exception:  # the server's own, about a body that breaks off or is wrongly divided into chunks
        raise refusal("bad-request") from None


def _refuse_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _text_or_error(item: object) -> str | RequestError:
    try:
        return check_text(item)
    except RequestError as error:
        return error
