"""POST /disease: the diseases that texts like this one were about."""

from __future__ import annotations

from flask import Blueprint, Response

from carepick.errors import DisabledError
from carepick.records import Task
from carepick.web.bilingual import Bilingual
from carepick.web.loading import current_settings
from carepick.web.operation import RANKING_HEADERS, RANKING_PROBLEMS, Operation, documented
from carepick.web.ranking import answer_ranking

bp = Blueprint("disease", __name__)


@bp.post("/disease/mini")
@bp.post("/disease")
@documented(
    Operation(
        id="rankDiseases",
        tag="answers",
        summary=Bilingual("비슷한 증상에서 안내되는 질환", "Diseases that similar complaints were about"),
        description=Bilingual(
            "증상을 적은 글을 받아, 점수가 높은 순서로 질환 k개를 답합니다. 점수는 보정된 확률입니다. 진단이 아닙니다. "
            "`texts`로 여러 글을 한 번에 보내면 같은 순서의 목록을 답하고, 잘못된 글은 그 자리에 오류를 답합니다. "
            "`/disease/mini`는 같은 답을 주는 예전 주소입니다.",
            "Takes a text about symptoms and answers the k diseases with the highest scores, best first. A score is a "
            "calibrated probability. It is not a diagnosis. Several texts may be sent at once as `texts`: the answer "
            "is a list in the same order, with an error in the place of an item that cannot be answered. "
            "`/disease/mini` is an older address of the same answer.",
        ),
        body="TextOrTexts",
        body_examples=("text", "texts"),
        parameters=("k-diseases", "timeout", "language"),
        answer="DiseaseAnswer",
        examples=("diseases", "diseases-batch"),
        headers=RANKING_HEADERS,
        problems=(*RANKING_PROBLEMS, "disabled"),
    )
)
def rank_diseases() -> Response:
    """Returns the list of diseases; raises `DisabledError` when the operator has switched it off."""
    if not current_settings().disease_enabled:
        raise DisabledError("disease answers are switched off on this server: ask /specialty")
    return answer_ranking(Task.DISEASE, "disease")
