"""The OpenAPI document made readable: the manual behind the page /docs and behind docs/api.md."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post")
_DEEPEST = 5
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter, header, field or error: its name, its type or status, and its description in paragraphs."""

    name: str
    kind: str
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A named example as it would be typed or received."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the manual."""

    method: str
    path: str
    title: str
    text: tuple[str, ...]
    parameters: tuple[Row, ...]
    body: tuple[Row, ...]
    calls: tuple[Example, ...]
    answer: tuple[Row, ...]
    headers: tuple[Row, ...]
    answers: tuple[Example, ...]
    problems: tuple[Row, ...]
    deprecated: bool

    @property
    def anchor(self) -> str:
        """The route's name in links."""
        return f"{self.method}-{self.path.strip('/').replace('/', '-').replace('.', '-')}".lower()


@dataclass(frozen=True, slots=True)
class Chapter:
    """The routes of one tag."""

    title: tuple[str, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Manual:
    """The whole document for people; `problems` is every error, also those that any address may answer."""

    title: str
    version: str
    text: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    problems: tuple[Row, ...]


def manual(document: Document) -> Manual:
    """Returns what the OpenAPI `document` says, in reading order."""
    chapters = tuple(_chapter(document, tag) for tag in document["tags"])
    responses = document["components"]["responses"].items()
    info = document["info"]
    problems = tuple(_problem_rows([response for _, response in responses]))
    return Manual(info["title"], info["version"], _paragraphs(info["description"]), chapters, problems)


def markdown(document: Document) -> str:
    """Returns the manual as Markdown, the content of docs/api.md."""
    book = manual(document)
    lines = [f"# {book.title} API", "", *_spaced(book.text)]
    for chapter in book.chapters:
        lines += [f"## {' / '.join(chapter.title)}", ""]
        for route in chapter.routes:
            lines += _route_lines(route)
    lines += ["## 오류 / Errors", "", *_table("code", book.problems, "status")]
    return "\n".join(lines).rstrip() + "\n"


def _chapter(document: Document, tag: Document) -> Chapter:
    routes = (
        _route(document, method, path, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item and tag["name"] in item[method]["tags"]
    )
    return Chapter(_paragraphs(tag["description"]), tuple(routes))


def _route(document: Document, method: str, path: str, operation: Document) -> Route:
    answer = operation["responses"]["200"]
    media_type, content = next(iter(answer["content"].items()))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    problems = [response for status, response in operation["responses"].items() if status != "200"]
    return Route(
        method=method.upper(),
        path=path,
        title=operation["summary"],
        text=_paragraphs(operation["description"]),
        parameters=tuple(_parameter(_resolve(document, item)) for item in operation.get("parameters", ())),
        body=tuple(_fields(document, body.get("schema", {}))),
        calls=tuple(_calls(method, path, body.get("examples", {}))),
        answer=tuple(_fields(document, content["schema"])),
        headers=tuple(_header(document, name, item) for name, item in answer.get("headers", {}).items()),
        answers=tuple(_examples(media_type, content.get("examples", {}))),
        problems=tuple(_problem_rows(problems)),
        deprecated=operation.get("deprecated", False),
    )


def _resolve(document: Document, item: Document) -> Document:
    while "$ref" in item:
        found: Any = document
        for part in item["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        item = found
    return item


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n\n"))


def _parameter(item: Document) -> Row:
    return Row(item["name"], f"{item['in']}, {_kind(item['schema'])}", _paragraphs(item["description"]))


def _header(document: Document, name: str, item: Document) -> Row:
    header = _resolve(document, item)
    return Row(name, _kind(header["schema"]), _paragraphs(header["description"]))


def _kind(schema: Document) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value is not None)
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "any")
    kind = kind if isinstance(kind, str) else next(name for name in kind if name != "null")
    least = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    most = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    return kind if most is None else f"{kind}, {least or 0}..{most}"


def _fields(document: Document, schema: Document, prefix: str = "", depth: int = 0) -> Iterator[Row]:
    """Yields a row for each field within `schema`; lists add `[]` to the name."""
    schema = _resolve(document, schema)
    choices: list[Document] = schema.get("oneOf") or schema.get("anyOf") or []
    for choice in choices:
        yield from _fields(document, choice, prefix, depth)
    if "items" in schema and depth < _DEEPEST:
        yield from _fields(document, schema["items"], f"{prefix}[]", depth + 1)
    for name, item in schema.get("properties", {}).items():
        field = _resolve(document, item)
        path = f"{prefix}.{name}" if prefix else name
        yield Row(path, _kind(field), _paragraphs(item.get("description", field.get("description", ""))))
        if depth < _DEEPEST:
            yield from _fields(document, field, path, depth + 1)


def _calls(method: str, path: str, examples: Document) -> Iterator[Example]:
    url = f"http://127.0.0.1:10000{path}"
    if method == "get":
        yield Example("curl", f"curl {url}")
    for name, example in examples.items():
        body = shlex.quote(json.dumps(example["value"], ensure_ascii=False))
        yield Example(name, f"curl {url} \\\n  -H 'Content-Type: application/json' \\\n  -d {body}")


def _examples(media_type: str, examples: Document) -> Iterator[Example]:
    for name, example in examples.items():
        value = example["value"]
        yield Example(name, json.dumps(value, ensure_ascii=False, indent=2) if "json" in media_type else str(value))


def _problem_rows(responses: list[Document]) -> Iterator[Row]:
    """Yields a row for each code in `responses`, its sentence in both languages."""
    for response in responses:
        examples = response["content"]["application/problem+json"]["examples"]
        for name in [name for name in examples if name.endswith(".ko")]:
            code = name.removesuffix(".ko")
            korean, english = examples[name]["value"], examples[f"{code}.en"]["value"]
            yield Row(code, str(korean["status"]), (korean["error"], english["error"]))


def _route_lines(route: Route) -> list[str]:
    lines = [f"### {route.method} {route.path}", "", f"**{route.title}**", "", *_spaced(route.text)]
    if route.deprecated:
        return lines
    for title, rows in (
        ("parameter", route.parameters),
        ("body", route.body),
        ("answer", route.answer),
        ("answer header", route.headers),
    ):
        lines += _table(title, rows)
    if route.problems:
        lines += ["Errors: " + ", ".join(f"`{row.name}` {row.kind}" for row in route.problems), ""]
    for language, samples in (("sh", route.calls), ("json", route.answers)):
        for example in samples:
            lines += [f"```{language}", *example.text.splitlines(), "```", ""]
    return lines


def _table(title: str, rows: tuple[Row, ...], kind: str = "type") -> list[str]:
    if not rows:
        return []
    lines = [f"| {title} | {kind} | |", "|---|---|---|"]
    for row in rows:
        lines.append(f"| `{row.name}` | {row.kind.replace('|', chr(92) + '|')} | {'<br>'.join(row.text)} |")
    return [*lines, ""]


def _spaced(paragraphs: tuple[str, ...]) -> list[str]:
    return [line for paragraph in paragraphs for line in (paragraph, "")]
