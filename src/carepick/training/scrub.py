"""Takes out of a text what names a person: e-mail and web addresses, resident, card and phone numbers."""

from __future__ import annotations

import re

_FLAGS = re.VERBOSE | re.IGNORECASE

# Phones type full-width digits and signs as well.
_TO_ASCII = {ord(wide): chr(ord(wide) - 0xFEE0) for wide in "０１２３４５６７８９－．＠＋（）"}

_EMAIL = re.compile(r"[\w.+-]+ \s?@\s? [\w-]+ (?:\.[\w-]+)+", _FLAGS | re.ASCII)

_URL = re.compile(
    r"""(?:https?://|www\.) [^\s<>"')\]]+
    | \b (?:[\w-]+ \.)+ (?:com|net|org|kr|me|io) \b (?:/ [^\s<>"')\]]*)?
    """,
    _FLAGS | re.ASCII,
)

# Birth date, a digit for century and sex, six more digits; the last six are often starred out.
_RESIDENT_NUMBER = re.compile(
    r"""(?<![\d-]) \d{2} (?:0[1-9]|1[0-2]) (?:0[1-9]|[12]\d|3[01])
    \s? [-–]? \s? [1-8] (?:\d{6}|[*x●]{6}) (?![\d-])
    """,
    _FLAGS,
)

_CARD = re.compile(
    r"""(?<![\d-]) (?:
        \d{4} (?:[-–.\s]? \d{4}){3}
        | 3[47]\d{2} [-–.\s]? \d{6} [-–.\s]? \d{5}  # American Express
    ) (?![\d-])
    """,
    _FLAGS,
)

_PHONE = re.compile(
    r"""(?<![\d-]) (?:
        \(? (?:\+?82 [-–.\s]? \(? 0?|0)
        (?:1[016789]|2|[3-6][1-5]|70|50\d)  # mobile, area, internet, personal
        \)? [-–.)\s]* \d{3,4} [-–.\s]? \d{4}
        | (?!1\d00-\d\d00) 1[568]\d{2} [-–] \d{4}  # business; not a range of round figures, such as 1800-2000 kcal
    ) (?![\d-])
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
