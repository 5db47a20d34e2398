import numpy as np
import pytest

from carepick.evaluation import metrics

# Four rows, three classes; ranks of the right class: 1, 2, 3, 1.
SCORES = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
TARGETS = np.array([0, 1, 2, 2])


def test_ranks_and_what_follows_from_them():
    assert metrics.target_ranks(SCORES, TARGETS).tolist() == [1, 2, 3, 1]
    assert metrics.top_k_accuracy(SCORES, TARGETS, 1) == 0.5
    assert metrics.top_k_accuracy(SCORES, TARGETS, 2) == 0.75
    assert metrics.mean_reciprocal_rank(SCORES, TARGETS) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 4)


def test_macro_figures_count_each_class_once():
    assert metrics.macro_top_k(SCORES, TARGETS, 1) == pytest.approx((1 + 0 + 0.5) / 3)
    # F1: class 0 answered 3 times, right once of 1 row; class 1 never; class 2 answered once, right, of 2 rows.
    assert metrics.macro_f1(SCORES, TARGETS) == pytest.approx((2 / 4 + 0 + 2 / 3) / 3)


def test_macro_figures_leave_out_classes_without_rows():
    scores = np.hstack([SCORES, np.zeros((4, 1))])
    assert metrics.macro_top_k(scores, TARGETS, 1) == metrics.macro_top_k(SCORES, TARGETS, 1)
    assert metrics.macro_f1(scores, TARGETS) == metrics.macro_f1(SCORES, TARGETS)


def test_equal_scores_rank_by_column():
    assert metrics.target_ranks(np.full((3, 3), 0.5), np.array([0, 1, 2])).tolist() == [1, 2, 3]


def test_weights_count_rows_as_repeats():
    weights = np.array([2, 0, 1, 3])
    repeated = np.repeat(np.arange(4), weights)
    predicted = SCORES.argmax(1)
    assert metrics.macro_f1_of_answers(predicted, TARGETS, 3, weights) == pytest.approx(
        metrics.macro_f1(SCORES[repeated], TARGETS[repeated])
    )
    hits = metrics.target_ranks(SCORES, TARGETS) <= 1
    assert metrics.class_average(hits, TARGETS, 3, weights) == pytest.approx(
        metrics.macro_top_k(SCORES[repeated], TARGETS[repeated], 1)
    )


def test_class_figures_and_confusion():
    figures = metrics.class_figures(SCORES, TARGETS)
    assert figures.rows.tolist() == [1, 1, 2]
    assert figures.precision == pytest.approx([1 / 3, 0, 1])
    assert figures.recall == pytest.approx([1, 0, 0.5])
    assert figures.top3.tolist() == [1, 1, 1]
    assert metrics.confusion_counts(SCORES, TARGETS).tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 1]]


def test_calibration_error_by_hand():
    # Two bins: 0.4 and 0.5 fall into (0, 0.5], 0.9 and 1.0 into (0.5, 1].
    bins = metrics.reliability_bins(np.array([0.4, 0.5, 0.9, 1.0]), np.array([False, True, True, True]), bins=2)
    assert bins.rows.tolist() == [2, 2]
    assert bins.score == pytest.approx([0.45, 0.95])
    assert bins.accuracy == pytest.approx([0.5, 1.0])
    assert bins.error == pytest.approx(0.05)
    assert metrics.expected_calibration_error(SCORES, TARGETS, bins=1) == pytest.approx(0.65 - 0.5)


def test_perfectly_calibrated_scores_have_no_error():
    top = np.repeat([0.3, 0.7], 10)
    correct = np.array([True] * 3 + [False] * 7 + [True] * 7 + [False] * 3)
    assert metrics.reliability_bins(top, correct).error == pytest.approx(0)


def test_risk_coverage_by_hand():
    curve = metrics.risk_coverage(np.array([0.9, 0.8, 0.6, 0.3]), np.array([True, True, False, False]))
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert curve.risk_at(0.5) == 0
    assert curve.risk_at(1) == 0.5


def test_risk_coverage_does_not_depend_on_the_order_of_ties():
    certainty = np.array([0.5, 0.5, 0.5, 0.1])
    one = metrics.risk_coverage(certainty, np.array([True, False, False, True]))
    other = metrics.risk_coverage(certainty, np.array([False, True, False, True]))
    assert one.risk == pytest.approx(other.risk)


def test_set_figures_by_hand():
    members = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 1]], bool)
    figures = metrics.set_figures(members, TARGETS)
    assert figures.coverage == 0.75
    assert figures.size == pytest.approx(7 / 4)
    assert figures.class_coverage.tolist() == [1, 0, 1]


def test_auroc_and_recall_at_precision_by_hand():
    signal = np.array([0.9, 0.8, 0.7, 0.6, 0.2])
    positive = np.array([True, False, True, True, False])
    assert metrics.auroc(signal, positive) == pytest.approx(4 / 6)
    assert metrics.auroc(np.zeros(5), positive) == 0.5
    assert metrics.recall_at_precision(signal, positive, 0.75) == (1.0, 0.6)
    assert metrics.recall_at_precision(signal, positive, 0.95) == (pytest.approx(1 / 3), 0.9)
    assert metrics.recall_at_precision(signal, np.array([False, True, True, True, True]), 0.95) == (0.0, float("inf"))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        metrics.top_k_accuracy(SCORES, TARGETS[:2], 1)
    with pytest.raises(ValueError, match="no rows"):
        metrics.macro_f1(SCORES[:0], TARGETS[:0])
    with pytest.raises(ValueError, match="both"):
        metrics.auroc(np.ones(2), np.ones(2, bool))


@pytest.mark.train
def test_agrees_with_scikit_learn():
    import sklearn.metrics as sklearn

    random = np.random.default_rng(7)
    scores = random.dirichlet(np.ones(12), 500)
    targets = np.where(random.random(500) < 0.5, scores.argmax(1), random.integers(0, 12, 500))
    predicted = scores.argmax(1)
    labels = np.arange(12)
    assert metrics.macro_f1(scores, targets) == pytest.approx(sklearn.f1_score(targets, predicted, average="macro"))
    for k in (1, 3, 5):
        expected = sklearn.top_k_accuracy_score(targets, scores, k=k, labels=labels)
        assert metrics.top_k_accuracy(scores, targets, k) == pytest.approx(expected)
    assert (metrics.confusion_counts(scores, targets) == sklearn.confusion_matrix(targets, predicted)).all()
    expected = sklearn.precision_recall_fscore_support(targets, predicted, labels=labels)
    figures = metrics.class_figures(scores, targets)
    for ours, theirs in zip((figures.precision, figures.recall, figures.f1, figures.rows), expected, strict=True):
        assert ours == pytest.approx(theirs)
    signal, positive = np.round(scores.max(1), 2), targets == predicted
    assert metrics.auroc(signal, positive) == pytest.approx(sklearn.roc_auc_score(positive, signal))
    precision, recall, _ = sklearn.precision_recall_curve(positive, signal)
    assert metrics.recall_at_precision(signal, positive, 0.6)[0] == pytest.approx(recall[precision >= 0.6].max())


def test_swapped_labels_are_suspected_and_right_ones_are_not() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 3000)
    scores = np.full((3000, 3), 0.1)
    scores[np.arange(3000), truth] = 0.8
    swapped = rng.random(3000) < 0.2
    targets = np.where(swapped, (truth + 1) % 3, truth)
    suspect = metrics.suspect_labels(scores, targets)
    assert (suspect == swapped).mean() > 0.99
    assert not metrics.suspect_labels(scores, truth).any()


def test_a_row_that_nothing_is_sure_about_is_not_suspected() -> None:
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.51, 0.49]])
    assert not metrics.suspect_labels(scores, np.array([0, 1, 1])).any()
