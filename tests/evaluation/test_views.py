from dataclasses import replace

import numpy as np
import pytest

from carepick.errors import DataError
from carepick.evaluation.views import View, apply_view, load_view
from carepick.evaluation.vocabulary import department_parents, vocabulary
from carepick.records import Task

VIEW = View(Task.DEPARTMENT, fold_into=("id-치과",), leave_out=("id-내과",))
PARENTS = {"id-치주과": "id-치과"}


def test_scores_are_folded_left_out_and_made_whole(make_outcomes):
    outcomes = make_outcomes(
        [[0.4, 0.08, 0.16, 0.16], [0.4, 0.2, 0.3, 0.1], [0.1, 0.3, 0.35, 0.25]], targets=[2, 0, 3], threshold=0.3
    )
    viewed = apply_view(outcomes, VIEW, PARENTS)
    assert [label.name for label in viewed.labels] == ["치과", "안과"]
    assert viewed.targets.tolist() == [0, 1]  # 치주과 became 치과, the row of 내과 is gone
    # The first row's scores add up to 0.8 and still do: the rest is the chance that the text is not about health.
    assert viewed.scores == pytest.approx(np.array([[0.48, 0.32], [0.65 / 0.9, 0.25 / 0.9]]))
    assert viewed.members.tolist() == [[False, False], [True, False]]
    assert len(viewed.rows.texts) == len(viewed.confidence) == len(viewed.alarms) == 2


def test_a_view_that_leaves_nothing_is_refused(make_outcomes):
    outcomes = make_outcomes([[0.5, 0.1, 0.2, 0.2]], targets=[0])
    with pytest.raises(DataError, match="leaves out every row"):
        apply_view(outcomes, VIEW, PARENTS)


def test_a_view_belongs_to_a_task():
    assert load_view("27", Task.DEPARTMENT).task is Task.DEPARTMENT
    with pytest.raises(DataError, match=r"no view 26 of department: expected one of 27"):
        load_view("26", Task.DEPARTMENT)
    with pytest.raises(DataError, match=r"no view 27 of disease: expected one of none"):
        load_view("27", Task.DISEASE)


def test_the_27_departments_are_27(make_outcomes):
    labels = vocabulary(Task.DEPARTMENT, [])
    view, parents = load_view("27", Task.DEPARTMENT), department_parents()
    names = [label.name for label in labels]
    outcomes = replace(make_outcomes(np.full((34, 34), 1 / 34), np.arange(34), names), labels=labels)
    viewed = apply_view(outcomes, view, parents)
    names = [label.name for label in viewed.labels]
    assert len(names) == 27
    assert not {"내과", "대장항문외과", "치과보존과", "예방치과"} & set(names)
    assert viewed.scores[0, names.index("치과")] == pytest.approx(6 / 32)
    assert np.bincount(viewed.targets)[names.index("치과")] == 6
