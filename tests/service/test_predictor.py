"""The predictor: what it accepts, what its answers are made of, how it shares, refuses, reloads and ends."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from tests.service.conftest import SECONDS, WatchedEngine

from carepick.engine.base import FloatArray
from carepick.engine.manifest import Golden, Head
from carepick.errors import BundleError, DeadlineError, InvalidTextError, NotReadyError, OverloadedError
from carepick.knowledge.guidance import Guidance, load_guidance
from carepick.knowledge.red_flags import RedFlags, load_red_flags
from carepick.records import Confidence, Prediction, Task, TriageLevel
from carepick.service.answers import RecentAnswers, RecentPredictions
from carepick.service.batcher import Batcher, BatchLimits
from carepick.service.diagnosis import Composer
from carepick.service.explanation import Contributions, Places
from carepick.service.models import ModelSet, ServedModel
from carepick.service.predictor import Parts, Predictor
from carepick.service.triage import Triager
from carepick.settings import Settings

TEXT = "머리가 아프고 열이 나요"
MakePredictor = Callable[..., Predictor]


@pytest.fixture
def make() -> Iterator[MakePredictor]:
    """Returns a function that makes a predictor of engines; each call of the second argument's items is a reload."""
    made: list[Predictor] = []
    engines: list[WatchedEngine] = []

    def make(*loads: list[WatchedEngine], **changes: object) -> Predictor:
        settings = Settings(engine="deterministic", **changes)
        engines.extend(engine for load in loads for engine in load)
        made.append(Predictor(settings, parts(iter(loads), settings)))
        for engine in engines:
            engine.passes.clear()  # the golden sentence
        return made[-1]

    yield make
    for engine in engines:
        engine.gate.set()
    for predictor in made:
        predictor.close()


@cache
def knowledge() -> tuple[Guidance, RedFlags, Triager]:
    red_flags = load_red_flags()
    return load_guidance(), red_flags, Triager(red_flags)


def parts(loads: Iterator[list[WatchedEngine]], settings: Settings) -> Parts:
    guidance, red_flags, triager = knowledge()

    def load() -> ModelSet:
        limits = BatchLimits(settings.batch_tokens, settings.queue_limit)
        return ModelSet(
            [
                ServedModel(
                    engine,
                    Batcher(engine, limits, runners=1),
                    RecentAnswers(settings.cache_seconds, settings.cache_entries),
                )
                for engine in next(loads)
            ],
            recent=RecentPredictions(settings.cache_seconds, settings.cache_entries),
        )

    return Parts(load, triager, lambda thresholds: Composer(guidance, red_flags, thresholds, True))


def texts_of(engine: WatchedEngine) -> list[str]:
    return [text for texts in engine.passes for text in texts]


def hold(predictor: Predictor, engine: WatchedEngine, pool: ThreadPoolExecutor) -> object:
    """Gives the engine something to do until its gate opens; returns what it will answer."""
    engine.hold()
    busy = pool.submit(predictor.predict, "바쁨")
    engine.wait_for_pass()
    return busy


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(int(SECONDS * 1000)):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("did not come to pass")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_every_label_of_both_tasks_best_first(make: MakePredictor) -> None:
    prediction = make([WatchedEngine()]).predict(TEXT)
    for task, count in ((Task.DISEASE, 7), (Task.DEPARTMENT, 5)):
        scores = [label.score for label in prediction.tasks[task].labels]
        assert len(scores) == count
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1)
        assert prediction.tasks[task].model_version == "deterministic-1"
    assert (prediction.windows, prediction.truncated) == (1, False)


def test_the_same_text_in_another_form_gets_the_same_answer(make: MakePredictor) -> None:
    predictor = make([WatchedEngine()])
    expected = predictor.predict(TEXT)
    for text in (unicodedata.normalize("NFD", TEXT), f"  {TEXT}\n", TEXT.replace(" ", "\u3000")):
        assert predictor.predict(text) == expected


@pytest.mark.parametrize("text", [None, 3, ["아파요"], b"abc", "", "   \n\t", "\x00\u200b\ud800", "가" * 101])
def test_refuses_what_is_no_text(make: MakePredictor, text: object) -> None:
    predictor = make([WatchedEngine()], max_text_characters=100)
    with pytest.raises(InvalidTextError):
        predictor.predict(text)  # type: ignore[arg-type]
    with pytest.raises(InvalidTextError):
        predictor.diagnose(text)  # type: ignore[arg-type]
    [error] = predictor.predict_many([text])
    assert isinstance(error, InvalidTextError)


def test_errors_never_quote_the_text(make: MakePredictor) -> None:
    predictor = make([WatchedEngine()], max_text_characters=3)
    with pytest.raises(InvalidTextError) as refused:
        predictor.predict("비밀 이야기")
    assert "비밀" not in str(refused.value)


def test_long_texts_are_read_in_windows_and_say_what_was_left(make: MakePredictor) -> None:
    predictor = make([WatchedEngine(max_windows=3)])
    text = "".join(chr(0xAC00 + place) for place in range(400))
    assert (predictor.predict(text[:160]).windows, predictor.predict(text[:160]).truncated) == (3, False)
    assert (predictor.predict(text).windows, predictor.predict(text).truncated) == (3, True)


def test_many_keep_their_order_and_say_which_was_bad(make: MakePredictor) -> None:
    engine = WatchedEngine()
    predictor = make([engine])
    first, blank, poison, number, again, second = predictor.predict_many(
        ["배가 아파요", " ", "독", 7, "배가 아파요", TEXT]
    )
    assert first == again == predictor.predict("배가 아파요")
    assert second == predictor.predict(TEXT)
    assert isinstance(blank, InvalidTextError)
    assert isinstance(number, InvalidTextError)
    assert isinstance(poison, ValueError)
    assert texts_of(engine).count("배가 아파요") <= 2  # once, and once more after the pass that was poisoned


def test_none_at_all(make: MakePredictor) -> None:
    assert make([WatchedEngine()]).predict_many([]) == []


def test_both_calls_for_a_sentence_cost_one_pass(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    engine = WatchedEngine()
    predictor = make([engine])
    busy = hold(predictor, engine, pool)
    asked = [pool.submit(predictor.predict, TEXT) for _ in range(6)]
    asked += [pool.submit(lambda: predictor.predict_many([TEXT, TEXT])[0]) for _ in range(2)]
    wait_until(lambda: predictor._models.users == 9)
    engine.gate.set()
    answers = [each.result(SECONDS) for each in asked]
    assert all(answer == answers[0] for answer in answers)
    predictor.predict(TEXT)
    busy.result(SECONDS)
    assert texts_of(engine).count(TEXT) == 1


@pytest.mark.parametrize(("seconds", "same"), [(5, True), (0, False)])
def test_whoever_asks_for_the_other_task_is_told_at_once(make: MakePredictor, seconds: float, same: bool) -> None:
    predictor = make([WatchedEngine()], cache_seconds=seconds)
    first = predictor.predict(f" {TEXT}")
    assert (predictor.predict(f" {TEXT}") is first) == same
    typed_otherwise = predictor.predict(TEXT)  # whose words stand elsewhere
    assert typed_otherwise is not first
    assert typed_otherwise == first


def test_full_queue_refuses_singles_and_batches_at_once(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    engine = WatchedEngine()
    predictor = make([engine], queue_limit=2)
    hold(predictor, engine, pool)
    waiting = [pool.submit(predictor.predict, text) for text in ("가", "나")]
    wait_until(lambda: predictor._models.models[0].batcher._line.texts == 2)
    for ask in (
        lambda: predictor.predict("다"),
        lambda: predictor.predict_many(["라", "마"]),
        lambda: predictor.diagnose("바"),
    ):
        with pytest.raises(OverloadedError):
            ask()
    assert pool.submit(predictor.predict, "가")  # joins the one that waits: no room needed
    engine.gate.set()
    assert all(isinstance(each.result(SECONDS), Prediction) for each in waiting)
    assert set(texts_of(engine)) == {"바쁨", "가", "나"}


def test_refused_by_one_model_costs_no_pass_of_the_other(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    disease, department = WatchedEngine(["disease"]), WatchedEngine(["department"])
    predictor = make([disease, department], queue_limit=1)
    disease.hold()
    hold(predictor, department, pool)
    wait_until(lambda: texts_of(disease) == ["바쁨"])
    predictor._models.models[1].submit(["가"], float("inf"))  # the second model's queue is full, the first one's is not
    with pytest.raises(OverloadedError):
        predictor.predict("나")
    disease.gate.set()
    department.gate.set()
    wait_until(lambda: "가" in texts_of(department))
    predictor.predict("다")
    assert "나" not in texts_of(disease)


def test_failed_by_one_model_costs_no_pass_of_the_other(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    disease, department = WatchedEngine(["disease"]), WatchedEngine(["department"])
    predictor = make([disease, department])
    busy = hold(predictor, department, pool)
    with pytest.raises(ValueError, match="poison"):
        predictor.predict("독")
    department.gate.set()
    busy.result(SECONDS)
    predictor.predict("가")
    assert texts_of(department) == ["바쁨", "가"]


def test_an_expired_request_ends_in_time_and_costs_no_pass(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    engine = WatchedEngine()
    predictor = make([engine])
    busy = hold(predictor, engine, pool)
    with pytest.raises(DeadlineError):
        predictor.predict("늦음", timeout_ms=1)
    [late] = predictor.predict_many(["늦음"], timeout_ms=1)
    assert isinstance(late, DeadlineError)
    engine.gate.set()
    busy.result(SECONDS)
    predictor.predict("가")
    assert texts_of(engine) == ["바쁨", "가"]


def test_whoever_waits_longer_gets_the_shared_answer(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    engine = WatchedEngine()
    predictor = make([engine])
    hold(predictor, engine, pool)
    short = pool.submit(predictor.predict, TEXT, 300)
    wait_until(lambda: predictor._models.models[0].batcher._line.texts == 1)
    long = pool.submit(predictor.predict, TEXT, 60_000)
    with pytest.raises(DeadlineError):
        short.result(SECONDS)
    engine.gate.set()
    assert isinstance(long.result(SECONDS), Prediction)


def test_two_models_answer_as_one(make: MakePredictor) -> None:
    shared = make([WatchedEngine()]).predict(TEXT)
    apart = make([WatchedEngine(["disease"]), WatchedEngine(["department"])])
    assert apart.predict(TEXT) == shared
    assert set(apart.manifests) == {Task.DISEASE, Task.DEPARTMENT}
    assert apart.predict_many([TEXT, "배가 아파요"])[0] == shared


def test_one_task_alone(make: MakePredictor) -> None:
    prediction = make([WatchedEngine(["disease"])]).predict(TEXT)
    assert set(prediction.tasks) == {Task.DISEASE}
    assert prediction.confidence is prediction.tasks[Task.DISEASE].confidence


def test_refuses_two_models_for_a_task_and_models_for_none(make: MakePredictor) -> None:
    for engines, message in (
        ([WatchedEngine(), WatchedEngine(["disease"])], "2 bundles answer disease"),
        ([WatchedEngine(["scope"])], "no bundle answers"),
    ):
        with pytest.raises(BundleError, match=message):
            make(engines)


class Certain(WatchedEngine):
    """Answers one head always alike: the first label of `head` with the probability `first`."""

    def __init__(self, head: str, place: int) -> None:
        super().__init__(["disease", "department", head])
        self._head, self._place = head, place

    def run(self, windows, outputs):  # type: ignore[no-untyped-def]
        results = super().run(windows, outputs)
        if self._head in results:
            results[self._head][:] = 0
            results[self._head][:, self._place] = 50
        return results


def test_scope_and_triage_come_from_the_same_pass(make: MakePredictor) -> None:
    engine = WatchedEngine(["disease", "department", "triage", "scope"])
    make([engine]).predict(TEXT)
    assert engine.passes == [[TEXT]]
    assert engine.outputs[-1] == ["disease", "department", "triage", "scope"]


def test_scores_and_confidence_fall_when_it_is_not_about_health(make: MakePredictor) -> None:
    about, other = make([Certain("scope", 0)]).predict(TEXT), make([Certain("scope", 1)]).predict(TEXT)
    assert about.confidence is not Confidence.ABSTAIN
    assert other.confidence is other.tasks[Task.DISEASE].confidence is Confidence.ABSTAIN
    assert other.tasks[Task.DISEASE].labels[0].score < 0.001 < about.tasks[Task.DISEASE].labels[0].score


def test_what_cannot_be_read_is_not_answered_with_confidence(make: MakePredictor) -> None:
    assert make([WatchedEngine()]).predict("asdf qwer").confidence is Confidence.ABSTAIN


def test_red_flags_are_heard_whatever_the_model_says(make: MakePredictor) -> None:
    prediction = make([Certain("triage", 0)]).predict("가슴이 쥐어짜듯 아프고 식은땀이 나요")
    assert prediction.triage.level is TriageLevel.EMERGENCY


def test_diagnosis_explains_with_spans_of_the_typed_text(make: MakePredictor) -> None:
    text = "  배가\n아파요"
    diagnosis = make([WatchedEngine()]).diagnose(text, k=2)
    assert [len(diagnosis.departments), len(diagnosis.diseases)] == [2, 2]
    words = {text[item.span.start : item.span.end] for item in diagnosis.diseases[0].evidence}
    assert words <= {"배가", "아파요"}
    assert words


def test_diagnosis_without_parts_gives_no_evidence(make: MakePredictor) -> None:
    class Closed(WatchedEngine):
        def run(self, windows, outputs):  # type: ignore[no-untyped-def]
            return {name: values for name, values in super().run(windows, outputs).items() if "." not in name}

    assert make([Closed()]).diagnose("배가 아파요").departments[0].evidence == ()


class Alarmed(WatchedEngine):
    """Raises the general flag of urgency for every text, or for none."""

    def __init__(self, least: float = 0.0) -> None:
        super().__init__(("disease", "department", "triage"))
        object.__setattr__(self._manifest, "confidence", {"urgent": least})


STORY = "어제부터 그냥  기운이\n나지 않고 자꾸 처지는 느낌이 들어요"


def test_a_flag_that_the_model_alone_raised_names_its_words(make: MakePredictor) -> None:
    engine = Alarmed()
    predictor = make([engine])
    [flag] = predictor.diagnose(STORY).prediction.triage.flags
    assert flag.id == "learned-urgent"
    words = [STORY[span.start : span.end] for span in flag.spans]
    assert 1 <= len(words) <= 3
    assert set(words) <= set(STORY.split())
    assert [span.start for span in flag.spans] == sorted(span.start for span in flag.spans)

    def urgent(text: str) -> float:
        logits = engine.logits(" ".join(text.split()), "triage")
        return float(np.exp(logits[1]) / np.exp(logits).sum())

    without = " ".join(word for word in STORY.split() if word not in words)
    assert urgent(without) < urgent(STORY)
    assert all(flag.spans == () for flag in predictor.predict(STORY).triage.flags)


def test_words_of_flags_are_looked_for_only_where_there_are_none(
    make: MakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    really = Places.contributions

    def count(places: Places, outputs: Mapping[str, FloatArray], head: str) -> Contributions:
        asked.append(head)
        return really(places, outputs, head)

    monkeypatch.setattr(Places, "contributions", count)
    calm, alarmed = make([Alarmed(2.0)]), make([Alarmed()])
    assert calm.diagnose(TEXT).flags == ()
    heard = alarmed.diagnose("가슴을 쥐어짜듯 아프고 식은땀이 나요").prediction.triage.flags
    assert heard
    assert all(flag.spans for flag in heard)
    assert "triage" not in asked
    alarmed.diagnose(STORY)
    assert asked.count("triage") == 1


def test_a_flag_of_a_model_without_parts_has_no_words(make: MakePredictor) -> None:
    class Closed(Alarmed):
        def run(self, windows, outputs):  # type: ignore[no-untyped-def]
            return {name: values for name, values in super().run(windows, outputs).items() if "." not in name}

    [flag] = make([Closed()]).diagnose(STORY).prediction.triage.flags
    assert flag.spans == ()


class Broken(WatchedEngine):
    """Fails at its golden sentence, or answers it otherwise than its manifest says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        text = "독" if how == "fails" else "머리가 아파요"
        head = self._manifest.heads["disease"]
        scores = self.logits(text)
        wrong = head.labels[int(scores.argmin())].id
        object.__setattr__(self._manifest, "golden", Golden(text, {} if how == "fails" else {"disease": wrong}))


@pytest.mark.parametrize("how", ["fails", "answers otherwise"])
def test_a_model_that_does_not_answer_its_golden_sentence_is_refused(make: MakePredictor, how: str) -> None:
    before = threading.active_count()
    with pytest.raises(BundleError, match="golden sentence"):
        make([Broken(how)])
    assert threading.active_count() == before


def test_reload_swaps_and_in_flight_texts_finish_on_the_old(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    old, new = WatchedEngine(), WatchedEngine()
    predictor = make([old], [new])
    busy = hold(predictor, old, pool)
    waiting = pool.submit(predictor.predict, "가")
    wait_until(lambda: predictor._models.users == 2)
    reloading = pool.submit(predictor.reload)
    wait_until(lambda: predictor._models.models[0].engine is new)
    assert isinstance(predictor.predict("나"), Prediction)
    assert not reloading.done()
    old.gate.set()
    reloading.result(SECONDS)
    assert isinstance(busy.result(SECONDS), Prediction)
    assert isinstance(waiting.result(SECONDS), Prediction)
    assert texts_of(old) == ["바쁨", "가"]
    assert texts_of(new)[-1] == "나"


def test_a_broken_new_model_is_refused_and_the_old_one_stays(make: MakePredictor) -> None:
    old = WatchedEngine()
    predictor = make([old], [Broken("fails")])
    with pytest.raises(BundleError):
        predictor.reload()
    predictor.predict(TEXT)
    assert texts_of(old) == [TEXT]


def test_answers_of_the_old_model_are_forgotten(make: MakePredictor) -> None:
    new = WatchedEngine()
    predictor = make([WatchedEngine()], [new])
    predictor.predict(TEXT)
    predictor.reload()
    predictor.predict(TEXT)
    assert texts_of(new)[-1] == TEXT


def test_requests_never_fall_between_two_models(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    predictor = make(*([WatchedEngine()] for _ in range(6)))
    stop = threading.Event()

    def ask(caller: int) -> int:
        count = 0
        while not stop.is_set():
            predictor.predict(f"{caller} {count}")
            count += 1
        return count

    callers = [pool.submit(ask, caller) for caller in range(4)]
    for _ in range(5):
        predictor.reload()
    stop.set()
    assert sum(caller.result(SECONDS) for caller in callers) > 0


def test_close_answers_what_was_accepted_and_takes_no_more(make: MakePredictor, pool: ThreadPoolExecutor) -> None:
    engine = WatchedEngine()
    predictor = make([engine])
    assert predictor.ready()
    busy = hold(predictor, engine, pool)
    waiting = pool.submit(predictor.predict, "가")
    wait_until(lambda: predictor._models.users == 2)
    closing = pool.submit(predictor.close)
    wait_until(lambda: not predictor.ready())
    for ask in (
        lambda: predictor.predict("나"),
        lambda: predictor.predict_many(["나"]),
        lambda: predictor.diagnose("나"),
    ):
        with pytest.raises(NotReadyError):
            ask()
    engine.gate.set()
    closing.result(SECONDS)
    assert isinstance(busy.result(SECONDS), Prediction)
    assert isinstance(waiting.result(SECONDS), Prediction)


def test_excluded_labels_are_never_answered(make: MakePredictor) -> None:
    engine = WatchedEngine()
    head = engine.manifest.heads["disease"]
    best = make([WatchedEngine()]).predict(TEXT).tasks[Task.DISEASE].labels[0].id
    engine._manifest.heads["disease"] = Head(head.labels, excluded_labels=(best,))  # type: ignore[index]
    answer = make([engine]).predict(TEXT).tasks[Task.DISEASE].labels
    assert best not in {label.id for label in answer}
    assert sum(label.score for label in answer) == pytest.approx(1)


def test_a_question_that_one_model_refuses_costs_the_other_nothing(
    make: MakePredictor, pool: ThreadPoolExecutor
) -> None:
    engines = [WatchedEngine(["disease"]), WatchedEngine(["department"])]
    predictor = make(engines)
    busy = hold(predictor, engines[0], pool)
    busy_too = predictor._models.models[1].batcher
    busy_too.close()
    with pytest.raises(NotReadyError):
        predictor.diagnose(TEXT)
    engines[0].gate.set()
    busy.result(SECONDS)
    predictor._models.models[0].batcher.close()  # works off what is still wanted
    assert texts_of(engines[0]) == ["바쁨"]
