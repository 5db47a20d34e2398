"""The colours of page.css: contrast computed from its tokens (WCAG 2.2, 1.4.3 and 1.4.11), light and dark."""

import re
from importlib import resources

import pytest

STYLE = resources.files("carepick.web").joinpath("static", "page.css").read_text(encoding="utf-8")
TEXT, SHAPE = 4.5, 3.0
# What stands on what; borders and rings need less than letters.
PAIRS = [
    *[(ink, ground, TEXT) for ground in ("paper", "card", "tint") for ink in ("ink", "soft", "brand", "bad")],
    *[("on-alarm", ground, TEXT) for ground in ("emergency", "er", "crisis", "danger")],
    ("on-brand", "brand", TEXT),
    ("on-tint", "tint", TEXT),
    ("on-tint", "card", TEXT),
    ("ink", "word", TEXT),
    ("ink", "flag", TEXT),
    *[(edge, ground, SHAPE) for edge in ("edge", "brand") for ground in ("paper", "card", "tint")],
]


def tokens(block):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def schemes():
    light, dark = re.findall(r":root \{(.*?)\}", STYLE.split("@media print")[0], re.DOTALL)
    return {"light": tokens(light), "dark": {**tokens(light), **tokens(dark)}}


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_defined():
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_contrast(scheme, ink, ground, least):
    colours = schemes()[scheme]
    assert contrast(colours[ink], colours[ground]) >= least


def test_colours_are_tokens():
    rules = STYLE.partition("* { box-sizing")[2].partition("@media print")[0]
    assert not re.search(r"#[0-9a-f]{3,8}\b(?!\))", re.sub(r"#[a-z]+", "", rules))
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) == set(re.findall(r"^ +--([\w-]+):", STYLE, re.MULTILINE))


def test_motion_is_only_for_those_who_want_it():
    still, _, moving = STYLE.partition("@media (prefers-reduced-motion: no-preference)")
    assert "transition" not in still
    assert "animation" not in STYLE
    assert "transition" in moving


def test_text_may_grow():
    assert not re.search(r"font(-size)?: *[0-9.]+px", STYLE)
    assert not re.search(
        r"(?<!min-)(?<!max-)height: *[0-9.]+(px|rem)", re.sub(r"\.unseen.*|.*roomy.*|\.fold.*", "", STYLE)
    )
