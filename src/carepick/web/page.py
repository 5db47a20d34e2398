"""The patient's page: GET / shows the form, POST / the answer; it works without JavaScript, and no text is in a URL."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from carepick.knowledge.guidance import load_guidance
from carepick.web.bilingual import LANGUAGES
from carepick.web.errors import note_problem, problem_headers
from carepick.web.loading import current_predictor, current_settings
from carepick.web.metrics import count_answer
from carepick.web.page_answer import MOST_DEPARTMENTS, map_link, show
from carepick.web.page_form import read_form
from carepick.web.page_texts import page_texts
from carepick.web.problems import PROBLEMS
from carepick.web.requests import accepted_language, holds_text_in_url, read_form_fields

bp = Blueprint("page", __name__)

_NOTICES = load_guidance().notices


@bp.get("/")
def show_form() -> Response:
    """Returns the page with an empty form; refuses a text in the address."""
    return _refusal() or _page()


@bp.post("/")
def show_answer() -> Response:
    """Returns the page with the answer to the text of the form, and the text in the form to be changed."""
    if refusal := _refusal():
        return refusal
    language = _language()
    texts = page_texts(language)
    asked = read_form(read_form_fields(), texts)
    diagnosis = current_predictor().diagnose(asked.text, MOST_DEPARTMENTS, language, asked.include_withheld)
    count_answer(diagnosis.prediction, "page")
    return _page(text=asked.text, answer=show(diagnosis, asked.text, texts, language, asked.confirmed))


@bp.errorhandler(Exception)
def show_problem(error: Exception) -> Response:
    """Returns the page with a sentence that says what to do; nothing that was typed is in it."""
    code, values, _ = note_problem(error)
    problems = page_texts(_language())["problems"]
    sentence = problems.get(code, problems["internal"]).format_map({"most": "", "allowed": "", **values})
    response = _page(status=PROBLEMS[code].status, problem=sentence)
    response.headers.update(problem_headers(error, code))
    return response


def _language() -> str:
    wanted = request.args.get("lang", "")
    return wanted if wanted in LANGUAGES else accepted_language()


def _refusal() -> Response | None:
    if not holds_text_in_url():
        return None
    return _page(400, problem=page_texts(_language())["problems"]["text-in-url"])


def _page(status: int = 200, **parts: Any) -> Response:
    language = _language()
    texts = page_texts(language)
    page = render_template(
        "page.html",
        language=language,
        other=next(name for name in LANGUAGES if name != language),
        words=texts["words"],
        texts=texts,
        notices=[notice[language] for notice in _NOTICES],
        room=map_link(texts["room"], texts),
        most=current_settings().max_text_characters,
        **parts,
    )
    response = make_response(page, status)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response
