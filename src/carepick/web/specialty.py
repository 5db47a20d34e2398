"""POST /specialty: the departments (진료과) to go to."""

from __future__ import annotations

from flask import Blueprint, Response

from carepick.records import Task
from carepick.web.bilingual import Bilingual
from carepick.web.operation import RANKING_HEADERS, RANKING_PROBLEMS, Operation, documented
from carepick.web.ranking import answer_ranking

bp = Blueprint("specialty", __name__)


@bp.post("/specialty")
@documented(
    Operation(
        id="rankDepartments",
        tag="answers",
        summary=Bilingual("찾아갈 진료과", "Departments to go to"),
        description=Bilingual(
            "증상을 적은 글을 받아, 점수가 높은 순서로 진료과 k개를 답합니다. 점수는 보정된 확률입니다. "
            "`texts`로 여러 글을 한 번에 보내면 같은 순서의 목록을 답하고, 잘못된 글은 그 자리에 오류를 답합니다. "
            "같은 글을 `/disease`와 함께 물으면 모델은 한 번만 계산합니다.",
            "Takes a text about symptoms and answers the k departments with the highest scores, best first. A score is "
            "a calibrated probability. Several texts may be sent at once as `texts`: the answer is a list in the same "
            "order, with an error in the place of an item that cannot be answered. Asked together with `/disease` for "
            "the same text, the model computes once.",
        ),
        body="TextOrTexts",
        body_examples=("text", "texts"),
        parameters=("k-departments", "timeout", "language"),
        answer="DepartmentAnswer",
        examples=("departments", "departments-batch"),
        headers=RANKING_HEADERS,
        problems=RANKING_PROBLEMS,
    )
)
def rank_departments() -> Response:
    """Returns the list of departments."""
    return answer_ranking(Task.DEPARTMENT, "specialty")
