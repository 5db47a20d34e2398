"""Documentation that must not fall behind: generated pages, links, and the commands that the text shows."""

from __future__ import annotations

import dataclasses
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from carepick.cli.docs import pages
from carepick.cli.flags import variable_name
from carepick.cli.main import COMMANDS, build_parser
from carepick.errors import CarepickError
from carepick.settings import PREFIX, Settings
from carepick.web.app import create_app
from carepick.web.problems import PROBLEMS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEXTS = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("deploy/**/*.md"), *ROOT.glob("benchmarks/*.md")})
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def generated() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", ["api.md", "cli.md", "errors.md", "settings.md"])
def test_generated_page_is_as_the_code_has_it(name: str) -> None:
    assert read(DOCS / name) == generated()[name], "run: make docs"
    assert len(generated()) == 4


@pytest.mark.parametrize("entry", dataclasses.fields(Settings), ids=lambda entry: entry.name)
def test_every_setting_is_described(entry: dataclasses.Field[object]) -> None:
    assert f"`{variable_name(entry.name)}`" in read(DOCS / "settings.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command: str) -> None:
    assert f"\n## carepick {command}\n" in read(DOCS / "cli.md")


def test_every_route_is_described() -> None:
    text = read(DOCS / "api.md")
    rules = [
        rule for rule in create_app(Settings()).url_map.iter_rules() if not rule.endpoint.startswith(("static", "page"))
    ]
    assert len(rules) > 5
    for rule in rules:
        assert any(f"{method} {rule.rule}\n" in text for method in ("GET", "POST")), rule.rule


def test_every_error_is_described() -> None:
    text = read(DOCS / "errors.md")
    for code in PROBLEMS:
        assert f"`{code}`" in text
    kinds, waiting = [], [CarepickError]
    while waiting:
        kinds.append(waiting.pop())
        waiting += kinds[-1].__subclasses__()
    for kind in kinds:
        if kind.__module__ == CarepickError.__module__:
            assert text.count(kind.__name__) >= 2, (
                f"{kind.__name__} is not in the tree of errors.py, or not in the table"
            )


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", read(path))):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name} links to {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(read(file)), f"{path.name} links to {target}"


def anchors(text: str) -> set[str]:
    """Returns the anchors of the headings of a Markdown text, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_variables_in_the_text_exist(path: Path) -> None:
    text = read(path)
    names = {variable_name(entry.name) for entry in dataclasses.fields(Settings)} | {PREFIX + "DATA"}
    assert set(re.findall(PREFIX + r"[A-Z][A-Z_]*[A-Z]", text)) <= names
    for line in re.findall(r"^\s*(?:\$ )?(?:\.venv/bin/)?carepick ([a-z].*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        assert words[0] in COMMANDS, f"{path.name} shows carepick {words[0]}"
        known = flags_of(words[0])
        shown = [word.partition("=")[0] for word in words[1:] if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word)]
        assert set(shown) <= known, f"{path.name} shows carepick {line}"


def flags_of(command: str) -> set[str]:
    """Returns every flag of a command and its subcommands, as its help lists them."""
    texts, waiting = [], [build_parser([command])._subparsers._group_actions[0].choices[command]]
    while waiting:
        parser = waiting.pop()
        texts.append(parser.format_help())
        if parser._subparsers:
            waiting += parser._subparsers._group_actions[0].choices.values()
    return set(re.findall(r"--[a-z][a-z-]*", " ".join(texts)))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_path_of_somebodys_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(root|work|Users)/", read(path))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_to_be_filled_in(path: Path) -> None:
    assert placeholders(read(path)) == []


def placeholders(text: str) -> list[str]:
    """Returns the lines, but for headings, that are one word of capital letters, as one writes to come back to a place."""
    return re.findall(r"^[^\w#\n]*([A-Z]{2,})[^\w\n]*$", text, re.MULTILINE)


def test_placeholders_are_seen() -> None:
    assert placeholders("a\nTODO\nb TBD\n\n  BURIED.\n# ER\n|---|\nNOT THIS\n") == ["TODO", "BURIED"]
