"""Takes out of a text what names a person: e-mail and web addresses, resident, card and phone numbers."""

from __future__ import annotations

import re

_FLAGS = re.VERBOSE | re.IGNORECASE

# Phones type full-width digits and signs as well.
_TO_ASCII = {ord(wide): chr(ord(wide) - 0xFEE0) for wide in "０１２３４５６７８９－．＠＋（）"}

_EMAIL = re.compile(r"[\w.+-]+ \s?@\s? [\w-]+ (?:\.[\w-]+)+", _FLAGS | re.ASCII)

_URL = re.compile(
    r"""(?:https?://|www\.) [^\s<>"')\]]+
    | \b (?:[\w-]+ \.)+ (?:com|net|org|kr|me|io|tv|info|app|shop|store|site|link|ly|be|gl|gg|co|biz|xyz) \b
      (?:/ [^\s<>"')\]]*)?
    """,
    _FLAGS | re.ASCII,
)

# What people type between groups of digits; ㅡ is the letter that looks like a dash.
_GAP = r"\s?[-–—‑−ㅡ~_./]?\s?"
_DASH = r"\s?[-–—‑−ㅡ]\s?"
_ALONE, _ENDS = r"(?<!\d)(?<!\d-)", r"(?!-?\d)"  # no part of a longer figure

# Birth date, a digit for century and sex, six more digits; the last six are often starred out.
_RESIDENT_NUMBER = re.compile(
    rf"""{_ALONE} \d{{2}} (?:0[1-9]|1[0-2]) (?:0[1-9]|[12]\d|3[01])
    {_GAP} [1-8] (?:\d{{6}}|[*x●]{{6}}) {_ENDS}
    """,
    _FLAGS,
)

_CARD = re.compile(
    rf"""{_ALONE} (?:
        \d{{4}} (?:{_GAP} \d{{4}}){{3}}
        | 3[47]\d{{2}} {_GAP} \d{{6}} {_GAP} \d{{5}}  # American Express
    ) {_ENDS}
    """,
    _FLAGS,
)

_PHONE = re.compile(
    rf"""{_ALONE} (?:
        \(? (?:\+?82 {_GAP} \(? 0?|0)
        (?:1[016789]|2|[3-6][1-5]|70|50\d)  # mobile, area, internet, personal
        (?:\s?\)\s?|{_GAP}) \d{{3,4}} {_GAP} \d{{4}}
        | (?!1\d00 {_DASH} \d\d00) 1[568]\d{{2}} {_DASH} \d{{4}}  # business; not a range of round figures, such as 1800-2000 kcal
    ) {_ENDS}
    """,
    _FLAGS,
)

# In this order: a resident or card number must be gone before its digits can pass for a phone number.
_PLACEHOLDERS = (
    ("<email>", _EMAIL),
    ("<url>", _URL),
    ("<rrn>", _RESIDENT_NUMBER),
    ("<card>", _CARD),
    ("<phone>", _PHONE),
)


def scrub(text: str) -> str:
    """Returns `text` with each address and number replaced by <email>, <url>, <rrn>, <card> or <phone>.

    Full-width digits and signs come out as ASCII.
    """
    text = text.translate(_TO_ASCII)
    for placeholder, pattern in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return text
