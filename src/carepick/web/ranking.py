"""What POST /disease and POST /specialty share: one text or a batch in, one list or a list of lists out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from carepick.errors import RequestError
from carepick.records import Prediction, Task
from carepick.web.errors import item_error
from carepick.web.labels import answerable, manifest_of
from carepick.web.loading import current_predictor
from carepick.web.metrics import count_answer
from carepick.web.requests import read_body, read_k, read_text, read_texts, read_timeout
from carepick.web.responses import answer_headers, json_response, ranking


def answer_ranking(task: Task, key: str) -> Response:
    """Returns the labels of `task` for the request's text, or for each of its texts; `key` names a label in the answer.

    Raises `RequestError` for what cannot be answered; in a batch an item that cannot be answered becomes an object
    with `error`, `type` and `status` in its place, and its neighbours are answered.
    """
    body = read_body()
    texts = read_texts(body) if "texts" in body else [read_text(body)]
    timeout = read_timeout()
    predictor = current_predictor()
    k = read_k(len(answerable(manifest_of(predictor, task), task)))
    if "texts" not in body:
        prediction = predictor.predict(str(texts[0]), timeout)
        return _respond(ranking(prediction.tasks[task].labels, key, k), [prediction], task)
    answers = _predict_good(texts, timeout)
    items = [
        ranking(answer.tasks[task].labels, key, k) if isinstance(answer, Prediction) else item_error(answer)
        for answer in answers
    ]
    return _respond(items, [answer if isinstance(answer, Prediction) else None for answer in answers], task)


def _predict_good(texts: Sequence[str | RequestError], timeout: int | None) -> list[Prediction | Exception]:
    good = [text for text in texts if isinstance(text, str)]
    answers = iter(current_predictor().predict_many(good, timeout) if good else [])
    return [next(answers) if isinstance(text, str) else text for text in texts]


def _respond(document: list[Any], predictions: Sequence[Prediction | None], task: Task) -> Response:
    response = json_response(document)
    response.headers.update(answer_headers(predictions, task))
    for prediction in predictions:
        if prediction:
            count_answer(prediction, task.value)
    return response
