"""Past the limit a request is refused at once, others are answered, and every slot comes back."""

import threading

import pytest

from carepick.settings import Settings
from carepick.web.app import create_app

LIMIT = 3


class Slow:
    """Stands in the predictor's place and answers when it is told to, so that the test needs no sleep."""

    def __init__(self, predictor):
        self.manifests = predictor.manifests
        self._predictor = predictor
        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()

    def predict(self, text, timeout_ms=None):
        self.arrived.release()
        assert self.go.wait(20)
        return self._predictor.predict(text, timeout_ms)


@pytest.fixture
def app_and_slow(predictor):
    slow = Slow(predictor)
    return create_app(Settings(engine="deterministic", threads=1, queue_limit=LIMIT - 1), slow), slow


def ask(app):
    return app.test_client().post("/disease", json={"text": "배가 아파요"})


def test_one_too_many_is_refused_and_the_others_are_answered(app_and_slow):
    app, slow = app_and_slow
    statuses = []
    waiting = [threading.Thread(target=lambda: statuses.append(ask(app).status_code)) for _ in range(LIMIT)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert slow.arrived.acquire(timeout=60)
    refused = ask(app)
    assert refused.status_code == 429
    assert refused.json["type"].endswith(":overloaded")
    assert refused.headers["Retry-After"] == "1"
    assert app.test_client().get("/healthz").status_code == 200
    slow.go.set()
    for thread in waiting:
        thread.join()
    assert statuses == [200] * LIMIT


def test_slots_come_back_after_every_outcome(app_and_slow):
    app, slow = app_and_slow
    slow.go.set()
    client = app.test_client()
    for _ in range(2 * LIMIT):
        assert client.post("/disease", data=b"no json", content_type="application/json").status_code == 400
        assert client.post("/nothing").status_code == 404
        assert client.post("/healthz").status_code == 405
        assert ask(app).status_code == 200
