"""When a worker takes requests."""

import errno
import os
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from carepick.settings import Settings
from carepick.web import loading
from carepick.web.app import create_app
from carepick.web.runstate import RunState
from carepick.web.worker import Worker


@pytest.fixture
def state():
    state = RunState()
    yield state
    state.remove()


@pytest.fixture
def make_worker(state):
    made = []

    def make(age, ppid=None):
        cfg = Config()
        cfg.set("workers", 2)
        app = SimpleNamespace(state=state, greeting=lambda: "hello")
        made.append(Worker(age, ppid or os.getppid(), [], app, 30, cfg, SimpleNamespace(info=lambda *_: None)))
        return made[-1]

    yield make
    for worker in made:
        worker.tmp.close()


def test_a_worker_waits_for_the_first_one(state, make_worker):
    waiting = threading.Thread(target=make_worker(2)._await_ready, daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    state.claim_ready()
    waiting.join(30)
    assert not waiting.is_alive()


def test_the_replacement_of_the_first_worker_makes_the_server_ready(state, make_worker, capsys):
    make_worker(3)._await_ready()
    assert state.was_ready()
    assert capsys.readouterr().out == "hello\n"
    make_worker(4)._await_ready()
    assert capsys.readouterr().out == ""


def test_a_worker_that_is_told_to_stop_waits_no_more(state, make_worker):
    worker = make_worker(2)
    worker.alive = False
    worker._await_ready()
    assert not state.was_ready()


def test_a_worker_without_its_master_waits_no_more(state, make_worker):
    make_worker(2, ppid=os.getppid() + 1)._await_ready()
    assert not state.was_ready()


def test_the_first_process_imports_nothing_that_only_workers_need():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = (
        "import sys; from carepick.settings import Settings; from carepick.web import server, worker; "
        "heavy = {'flask', 'werkzeug', 'numpy', 'onnxruntime', 'tokenizers', 'prometheus_client'}; "
        "worker.Master.run = lambda self: sys.exit(bool(heavy & set(sys.modules))); "
        f"sys.exit(server.serve(Settings(port={port})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Listener:
    """A listening socket whose next connection cannot be taken."""

    def __init__(self, number):
        self.number = number

    def accept(self):
        raise OSError(self.number, os.strerror(self.number))


def test_a_connection_waits_while_no_file_may_be_opened(make_worker, caplog):
    worker = make_worker(1)
    worker.accept(Listener(errno.EMFILE))
    assert "too many open files" in caplog.text
    assert worker.nr_conns == 0
    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
        worker.accept(Listener(errno.ENOMEM))


def test_a_worker_that_loads_for_long_says_that_it_is_alive(make_worker, monkeypatch):
    """The first process kills who is silent for a minute; here the model is there only after a third sign of life."""
    worker, signs, loaded = make_worker(2), [], threading.Semaphore(0)
    worker.wsgi = object()

    def load_in_background(app, on_ready, on_failure):
        thread = threading.Thread(target=loaded.acquire, daemon=True)
        thread.start()
        return thread

    def notify():
        signs.append(1)
        if len(signs) == 3:
            loaded.release()

    monkeypatch.setattr(loading, "load_in_background", load_in_background)
    monkeypatch.setattr(worker, "notify", notify)
    worker._load_first()
    assert len(signs) >= 3


def test_a_reload_asked_for_while_loading_follows_it(make_worker):
    worker, reloads = make_worker(1), []
    worker.wsgi, worker._reloading = None, threading.Lock()
    asked = threading.Thread(target=worker._reload, daemon=True)
    asked.start()
    asked.join(0.2)
    assert asked.is_alive()
    worker.wsgi = create_app(Settings(engine="deterministic"), SimpleNamespace(reload=lambda: reloads.append(1)))
    asked.join(30)
    assert reloads == [1]


def test_whatever_a_reload_fails_with_the_old_model_stays(make_worker, caplog):
    def reload():
        raise MemoryError

    worker = make_worker(1)
    worker._reloading = threading.Lock()
    worker.wsgi = create_app(Settings(engine="deterministic"), SimpleNamespace(reload=reload))
    worker._reload()
    assert "kept the model that was loaded: MemoryError" in caplog.text
