"""The pieces that every chart is made of."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

FONT_SIZE = 12


def picture(name: str, width: float, height: float, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """Returns a whole <svg> of `width` x `height` units; readers of the screen hear `title` and `description`.

    `name` is unique in the page: the title and the description are found by it.
    """
    return Markup(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-labelledby="{id}-title {id}-text">'
        '<title id="{id}-title">{title}</title><desc id="{id}-text">{text}</desc>{body}</svg>'
    ).format(id=name, w=_short(width), h=_short(height), title=title, text=description, body=Markup("").join(parts))


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "start", turn: float = 0) -> Markup:
    """Returns `text` with its base line at (x, y); `kind`: CSS class; `turn`: degrees clockwise around (x, y)."""
    turned = Markup(' transform="rotate({} {} {})"').format(_short(turn), _short(x), _short(y)) if turn else ""
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}"{}>{}</text>').format(
        _short(x), _short(y), kind, anchor, turned, text
    )


def box(x: float, y: float, width: float, height: float, kind: str, opacity: float = 1, tip: str = "") -> Markup:
    """Returns a rectangle of CSS class `kind`; `tip` shows under the pointer."""
    faint = Markup(' fill-opacity="{}"').format(_short(opacity)) if opacity < 1 else ""
    inner = Markup("<title>{}</title>").format(tip) if tip else ""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"{}>{}</rect>').format(
        _short(x), _short(y), _short(max(width, 0)), _short(max(height, 0)), kind, faint, inner
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Returns a straight line of CSS class `kind`."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(*map(_short, (x1, y1, x2, y2)), kind)


def dot(x: float, y: float, radius: float, kind: str, tip: str = "") -> Markup:
    """Returns a disc of CSS class `kind`; `tip` shows under the pointer."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}"><title>{}</title></circle>').format(
        _short(x), _short(y), _short(radius), kind, tip
    )


def curve(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Returns a line through `points`."""
    return Markup('<polyline points="{}" class="{}"/>').format(
        " ".join(f"{_short(x)},{_short(y)}" for x, y in points), kind
    )


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Returns about how wide `text` is set in a system font of `size` units: Hangul fills its square, Latin half."""
    return sum(size if ord(character) > 0x10FF else size * 0.58 for character in text)


def percent(share: float) -> str:
    """Returns a share as "71.3 %"; whole when it is exactly 0 or 1."""
    return f"{share:.0%}".replace("%", " %") if share in (0, 1) else f"{share * 100:.1f} %"


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
