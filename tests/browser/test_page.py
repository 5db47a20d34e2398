"""The patient's page in a real browser: what can be seen, reached and read out, and what is kept."""

from __future__ import annotations

import itertools
import json
import re
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

EMERGENCY = "아버지가 갑자기 가슴을 쥐어짜듯 아파하고 식은땀을 흘려요"
# What to type, and what to tap afterwards, to see each face of the page.
STATES = {
    "form": ("", ""),
    "form with chips": ("", ".more > summary"),
    "sure": ("설사", ""),
    "several": ("머리", ""),
    "unsure": ("배가 아파요. 열은 없어요", ""),
    "unable": ("asdf qwer zxcv", ""),
    "folds open": ("설사", "details.fold > summary"),
    "emergency": (EMERGENCY, ""),
    "emergency, answered": (EMERGENCY, "[name=confirmed][value=yes]"),
    "emergency, departments wanted": (EMERGENCY, "[name=include_withheld]"),
    "emergency room": ("생후 2개월 아기가 38도 열이 나요", ""),
    "crisis": ("다 그만두고 죽고 싶어요", ""),
    "danger": ("남편이 저를 때려요", ""),
    "problem": (" ", ""),
}
SETTLED = "!document.body.hasAttribute('aria-busy')"

# Each visible text with its contrast: against every ground that it may stand on where the ground is a gradient.
CONTRAST = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const root = getComputedStyle(document.documentElement);
  const grounds = (node) => {
    for (let e = node; e && e !== document.body; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return [colour];
      if (colour[3] !== 0) throw new Error("half transparent ground: " + e.className);
    }
    return ["--tint", "--paper"].map((name) => rgb(root.getPropertyValue(name)));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility() || parent.closest(".unseen, .skip, script")) continue;
    const ink = rgb(getComputedStyle(parent).color);
    found.push([node.data.trim(), Math.min(...grounds(parent).map((ground) => ratio(ink, ground)))]);
  }
  return found;
})()
"""
TARGETS = """
[...document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")]
  .filter((e) => e.checkVisibility() && !e.matches(".skip"))
  .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect().width, e.getBoundingClientRect().height])
"""
FOCUSED = """
(() => {
  const e = document.activeElement, ring = e.matches(".chip input") ? e.nextElementSibling : e;
  const style = getComputedStyle(ring), place = ring.getBoundingClientRect();
  return { html: e.outerHTML.slice(0, 120), tag: e.localName, name: e.name || "", ring: parseFloat(style.outlineWidth),
    drawn: style.outlineStyle !== "none", inside: place.bottom > 0 && place.top < innerHeight,
    top: place.top + scrollY, left: place.left };
})()
"""


def ask(chromium, text):
    """Types `text` into the form and sends it with the button."""
    chromium.run("document.getElementById('text').focus()")
    chromium.run("document.getElementById('text').select()")
    chromium.type(text)
    chromium.run("document.querySelector('#ask .primary').click()")
    chromium.wait(SETTLED)


@pytest.fixture
def show(chromium, address):
    """Returns a function that brings the page into one of STATES."""

    def show(state, language="ko", **window):
        text, tap = STATES[state]
        chromium.visit(f"{address}?lang={language}", **window)
        if text:
            ask(chromium, text)
        for number in range(chromium.run(f"document.querySelectorAll({tap!r}).length") if tap else 0):
            chromium.run(f"document.querySelectorAll({tap!r})[{number}].click()")
            chromium.wait(SETTLED)

    return show


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_every_letter_stands_out(chromium, show, state, scheme):
    show(state, scheme=scheme)
    texts = chromium.run(CONTRAST)
    assert len(texts) > 15
    assert [row for row in texts if row[1] < 4.5] == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", STATES)
def test_targets_can_be_hit_with_a_finger(chromium, show, state, width):
    show(state, width=width)
    targets = chromium.run(TARGETS)
    assert len(targets) > 5
    assert [row for row in targets if min(row[1:]) < 43.9] == []


@pytest.mark.parametrize(("width", "text"), [(320, 100), (390, 200), (1280, 200)])
@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_is_cut_off_when_narrow_or_large(chromium, show, state, language, width, text):
    show(state, language, width=width, text=text)
    wide = "document.documentElement.scrollWidth"
    assert chromium.run(wide) <= width
    cut = """[...document.querySelectorAll("main *, header *, footer *")].filter((e) => e.checkVisibility()
      && !e.matches(".unseen, .roomy, .unseen *, .chip input, textarea, select, svg *")
      && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible"
      || e.getBoundingClientRect().right > innerWidth + 1)).map((e) => e.outerHTML.slice(0, 90))"""
    assert chromium.run(cut) == []


@pytest.mark.parametrize("state", STATES)
def test_a_screen_reader_finds_its_way(chromium, show, state):
    show(state)
    nodes = [node for node in chromium.send("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    roles = [node["role"]["value"] for node in nodes]
    for landmark in ("main", "banner", "contentinfo"):
        assert roles.count(landmark) == 1
    nameless = [
        node["role"]["value"]
        for node in nodes
        if node["role"]["value"]
        in ("button", "link", "textbox", "checkbox", "radio", "spinbutton", "combobox", "region")
        and not node["name"]["value"].strip()
    ]
    assert nameless == []
    levels = chromium.run(
        "[...document.querySelectorAll('h1, h2, h3')].filter((e) => e.checkVisibility()).map((e) => +e.localName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert chromium.run("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size") == chromium.run(
        "document.querySelectorAll('[id]').length"
    )


@pytest.mark.parametrize("state", ["emergency", "crisis", "danger", "emergency room", "emergency, departments wanted"])
def test_an_emergency_is_announced_first_and_in_sight(chromium, show, state):
    show(state)
    alert = chromium.run("""(() => { const e = document.querySelector("main [role=alert]");
      return [e.innerText, e.getBoundingClientRect().top, e.querySelector("svg") !== null]; })()""")
    assert len(alert[0]) > 10
    assert 0 < alert[1] < 200
    assert alert[2]  # a drawing and words, not the colour alone
    first = chromium.run("document.querySelector('main a[href]').getAttribute('href')")
    assert re.fullmatch("tel:(119|109|112)", first)
    assert chromium.run("document.querySelector('main a[href]').getBoundingClientRect().bottom") < 844
    assert chromium.run("document.activeElement.localName") == "h1"


@pytest.mark.parametrize(("state", "width"), [("form with chips", 390), ("unable", 1280), ("emergency", 1280)])
def test_the_keyboard_reaches_everything_in_order(chromium, show, state, width):
    show(state, width=width)
    chromium.run("document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus(); scrollTo(0, 0)")
    wanted = chromium.run(
        """[...document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")]
        .filter((e) => e.checkVisibility() && (e.type !== "radio" || e.checked)).map((e) => e.outerHTML.slice(0, 120))"""
    )
    reached = []
    for _ in wanted:
        chromium.press("Tab")
        focus = chromium.run(FOCUSED)
        assert focus["drawn"], focus
        assert focus["ring"] >= 2, focus
        assert focus["inside"], focus
        reached.append(focus["html"])
    assert reached == wanted


def test_the_keyboard_alone_gets_an_answer(chromium, address):
    chromium.visit(address + "?lang=ko")
    while chromium.run("document.activeElement.id") != "text":
        chromium.press("Tab")
    chromium.type("설사")
    while chromium.run("document.activeElement.className") != "primary":
        chromium.press("Tab")
    chromium.press("Enter")
    chromium.wait("document.querySelector('.place') !== null")
    assert chromium.run("document.activeElement.localName") == "h1"


def test_it_works_without_scripts(chromium, address):
    chromium.visit(address + "?lang=ko")
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    chromium.send("Page.reload")
    chromium.wait("document.readyState === 'complete'")
    chromium.run("document.getElementById('text').focus()")
    chromium.type(EMERGENCY)
    chromium.run("document.querySelector('input[value=chest]').checked = true")
    chromium.run("document.querySelector('#ask .primary').click()")
    chromium.wait("document.querySelector('.alarm') !== null")
    assert "가슴 쪽이 불편해요." in chromium.run("document.getElementById('text').value")
    assert chromium.run("document.querySelector('.tools').checkVisibility()") is False
    chromium.run("document.querySelector('[name=include_withheld]').click()")
    chromium.wait("document.querySelector('.place') !== null")
    assert chromium.run("document.querySelector('.alarm') !== null")
    assert chromium.run("location.search") == "?lang=ko"


def test_what_was_typed_survives_a_failure(chromium, address):
    chromium.visit(address + "?lang=ko")
    chromium.send(
        "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )
    try:
        ask(chromium, "허리가 아파요")
        assert "연결하지 못했어요" in chromium.run("document.getElementById('problem').innerText")
        assert chromium.run("document.getElementById('text').value") == "허리가 아파요"
    finally:
        chromium.send(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
    ask(chromium, "허리가 아파요")
    assert chromium.run("document.querySelector('.answer') !== null")


def test_back_leads_to_the_form_as_it_was(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, "허리가 아파요")
    ask(chromium, "설사")
    assert chromium.run("document.querySelector('blockquote').innerText") == "설사"
    chromium.run("history.back()")
    chromium.wait("document.querySelector('blockquote')?.innerText === '허리가 아파요'")
    chromium.run("history.back()")
    chromium.wait("document.querySelector('.hero') !== null")
    assert chromium.run("document.getElementById('text').value") == "허리가 아파요"


def test_an_example_is_put_into_the_box(chromium, address):
    chromium.visit(address + "?lang=ko")
    chromium.run("document.querySelector('.example').click()")
    assert chromium.run("document.getElementById('text').value") == chromium.run(
        "document.querySelector('.example').innerText"
    )
    assert chromium.run("document.activeElement.id") == "text"


def test_an_example_never_takes_the_place_of_what_was_typed(chromium, address):
    chromium.visit(address + "?lang=ko")
    chromium.run("document.querySelector('.example').click()")
    chromium.run("[...document.querySelectorAll('.example')].at(-1).click()")
    last = chromium.run("[...document.querySelectorAll('.example')].at(-1).dataset.text")
    assert chromium.run("document.getElementById('text').value") == last
    chromium.run("document.getElementById('text').select()")
    chromium.type("허리가 아파요")
    chromium.run("document.querySelector('.example').click()")
    assert chromium.run("document.getElementById('text').value") == "허리가 아파요"
    assert chromium.run("document.activeElement.id") == "text"


def test_the_page_of_somebody_else_does_not_replace_this_one(chromium, address):
    """What a network that wants to be signed in to, or a proxy, answers in our place."""
    chromium.visit(address + "?lang=ko")
    chromium.run("window.fetch = async () => new Response('<p>maintenance</p>', {status: 200}); 0")
    ask(chromium, "허리가 아파요")
    assert "연결하지 못했어요" in chromium.run("document.getElementById('problem').innerText")
    assert chromium.run("document.getElementById('text').value") == "허리가 아파요"
    assert chromium.run("document.querySelector('a[href=\"tel:119\"]') !== null")
    assert chromium.run("document.querySelector('footer').innerText").strip()


def test_a_failure_beside_an_alarm_leads_nobody_away_from_it(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, EMERGENCY)
    chromium.run("window.fetch = async () => { throw new TypeError(); }; 0")
    chromium.run("document.querySelector('.check button[value=yes]').click()")
    chromium.wait(SETTLED)
    assert "연결하지 못했어요" in chromium.run("document.querySelector('.check .problem[role=alert]').innerText")
    assert chromium.run("document.getElementById('problem').innerText").strip() == ""
    assert chromium.run("document.querySelector('.alarm') !== null")
    chromium.run("document.querySelector('.check button[value=yes]').click()")
    chromium.wait(SETTLED)
    assert chromium.run("document.querySelectorAll('.check .problem').length") == 1


@pytest.mark.parametrize(("link", "target"), [(".add a", "text"), (".skip", "main")])
def test_links_within_the_page_lead_there_and_nowhere_else(chromium, address, link, target):
    chromium.visit(address + "?lang=ko")
    ask(chromium, "asdf qwer zxcv")
    chromium.run(f"document.querySelector({link!r}).click()")
    assert chromium.run("document.activeElement.id") == target
    assert chromium.run("document.querySelector('.answer') !== null")
    assert chromium.run("location.hash") == ""


def test_the_language_changes_with_the_answer_in_place(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, EMERGENCY)
    chromium.run("document.querySelector('header form button').click()")
    chromium.wait("document.documentElement.lang === 'en'")
    assert "Call 119" in chromium.run("document.querySelector('main [role=alert]').innerText")
    assert chromium.run("document.querySelector('blockquote').innerText") == EMERGENCY


def test_the_sheet_for_the_doctor_is_made_in_the_browser(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, "설사")
    chromium.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    chromium.run("document.querySelector('.doctor > summary').click()")
    chromium.events.clear()
    chromium.send("Page.bringToFront")
    chromium.run("document.querySelector('[data-do=copy]').click()")
    chromium.wait("document.getElementById('told').innerText === '복사했어요'")
    assert "설사" in chromium.run("navigator.clipboard.readText()")
    assert requests(chromium) == []


def test_on_paper_there_is_the_note_for_the_doctor_alone(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, EMERGENCY)
    chromium.send("Emulation.setEmulatedMedia", media="print")
    try:
        seen = chromium.run(
            "[...document.querySelectorAll('*')].filter((e) => e.checkVisibility()).map((e) => e.innerText)"
        )
        assert any(EMERGENCY in (text or "") for text in seen)
        for part in (".ask", ".alarm", ".held", "header form", "summary"):
            assert chromium.run(f"document.querySelector({part!r}).checkVisibility()") is False
        assert chromium.run("document.querySelector('#sheet').checkVisibility()") is True
        assert len(chromium.run("document.querySelector('#written dd').innerText")) > 8
    finally:
        chromium.send("Emulation.setEmulatedMedia", media="")


def test_those_who_want_no_motion_see_none(chromium, address):
    moving = "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s').length"
    chromium.visit(address)
    assert chromium.run(moving) > 0
    chromium.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert chromium.run(moving) == 0


def requests(chromium):
    """Returns the addresses that were asked for since the events were cleared."""
    return [
        event["params"]["request"]["url"] for event in chromium.events if event["method"] == "Network.requestWillBeSent"
    ]


def test_words_stay_on_the_page(chromium, address):
    chromium.visit(address + "?lang=ko")
    ask(chromium, EMERGENCY)
    chromium.run("document.querySelector('[name=include_withheld]').click()")
    chromium.wait("document.querySelector('.place') !== null")
    asked = requests(chromium)
    assert asked
    for url in asked:
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}/" == address
        assert parts.query in ("", "lang=ko")
    kept = chromium.run("""(async () => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage),
      JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()), location.href, document.title,
      JSON.stringify(history.state)])()""")
    assert kept[:5] == ["", "{}", "{}", "[]", "[]"]
    assert not re.search("가슴|식은땀", json.dumps(kept, ensure_ascii=False))


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_blocked_or_broken(chromium, show, state):
    show(state)
    told = [
        event["params"]
        for event in chromium.events
        if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        and "status of 400" not in json.dumps(event)
    ]
    assert told == []
