"""The worker process: same answers as inline, killed, frozen, slow."""
from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import psutil
import pytest

from app.engine.runner import FollowerFailed, InlineRunner, PolicyRunner
from app.engine.worker import pack_decision, unpack_decision
from models.players import Decision, SteadyPlayer, load_player

FRAME = np.zeros(78, np.float32)
steady = partial(load_player, "steady", 0)


@pytest.fixture
def runner():
    made = PolicyRunner(steady, timeout_s=5.0)
    yield made
    made.close()


def positions(runner, count):
    return [runner.step(FRAME).decision.x_px for _ in range(count)]


def test_a_decision_survives_the_wire_to_the_last_bit():
    fit = np.random.default_rng(0).random(1000).astype(np.float32)
    decision = Decision(-1.0, 123.456789, 2.5, (0.1, 0.2, 0.7), 3.25, 0.875, fit)
    number, back = unpack_decision(pack_decision(7, decision))
    assert number == 7 and back.fit is not None and np.array_equal(back.fit, fit)
    assert (back.action, back.x_px, back.speed_px_per_frame) == (-1.0, 123.456789, 2.5)
    assert back.probabilities == (0.1, 0.2, 0.7) and (back.value, back.confidence) == (3.25, 0.875)
    assert unpack_decision(pack_decision(1, Decision(0.0, 1.0, 2.0)))[1].fit is None


def test_the_worker_answers_as_the_player_does(runner, tune):
    inline = InlineRunner(load_player("steady", 0))
    for each in (runner, inline):
        each.open(tune)
        each.reset(600.0, 1.0)
    assert positions(runner, 30) == positions(inline, 30)
    for each in (runner, inline):
        each.reset(700.0)
    answers = [runner.step(FRAME) for _ in range(5)]
    assert [answer.decision.x_px for answer in answers] == positions(inline, 5)
    assert not any(answer.late for answer in answers)


class Rester:
    """Says where it rested: once after every frame, also when the next one is waiting."""

    def __init__(self) -> None:
        self.steps = self.rests = 0

    def open(self, piece) -> None: ...

    def reset(self, x_px, speed_px_per_frame=0.0) -> None:
        self.steps = self.rests = 0

    def step(self, frame) -> Decision:
        self.steps += 1
        return Decision(0.0, float(self.rests), float(self.steps))

    def rest(self) -> None:
        self.rests += 1


def test_a_worker_rests_once_between_two_frames(tune):
    runner = PolicyRunner(Rester, timeout_s=5.0)
    try:
        runner.open(tune)
        runner.reset(0.0)
        assert positions(runner, 6) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    finally:
        runner.close()


def test_a_killed_worker_is_replaced_and_goes_on_where_the_cursor_stands(runner, tune, eventually):
    told: list[str] = []
    runner._on_message = told.append
    runner.open(tune)
    runner.reset(600.0)
    before = positions(runner, 20)
    first = runner.pid
    os.kill(first, signal.SIGKILL)
    psutil.Process(first).wait() if psutil.pid_exists(first) else None
    held = runner.step(FRAME)
    assert held.late and held.decision.x_px > before[-1]
    assert eventually(lambda: runner.restarts == 1)
    after = runner.step(FRAME)
    assert not after.late and runner.pid != first
    assert held.decision.x_px < after.decision.x_px < held.decision.x_px + 10
    assert "starting again" in told[0]


def test_a_frozen_worker_holds_nobody_up(runner, tune, eventually, monkeypatch):
    runner.open(tune)
    runner.reset(600.0)
    speed = runner.step(FRAME).decision.speed_px_per_frame
    runner._timeout_s = 0.02
    monkeypatch.setattr("app.engine.runner.HANGS_AFTER_S", 0.5)
    frozen = runner.pid
    os.kill(frozen, signal.SIGSTOP)
    answer = runner.step(FRAME)
    assert answer.late and answer.decision.speed_px_per_frame == speed
    assert eventually(lambda: runner.step(FRAME).late and runner.pid != frozen)
    assert eventually(lambda: not runner.step(FRAME).late)
    assert not psutil.pid_exists(frozen)


def test_a_worker_that_answered_during_a_pause_hangs_not(runner, tune, eventually, monkeypatch):
    """Its last answer came too late, and for long nobody asked."""
    runner.open(tune)
    runner.reset(600.0)
    runner._timeout_s = 0.01
    os.kill(runner.pid, signal.SIGSTOP)
    assert runner.step(FRAME).late
    os.kill(runner.pid, signal.SIGCONT)
    assert eventually(lambda: runner._worker.connection.poll())
    monkeypatch.setattr("app.engine.runner.HANGS_AFTER_S", 0.0)
    runner._timeout_s = 5.0
    assert not runner.step(FRAME).late


def test_late_answers_are_overtaken_not_believed(runner, tune):
    runner.open(tune)
    runner.reset(600.0)
    expected = positions(runner, 3)
    runner.reset(600.0)
    runner._timeout_s = 0.01
    os.kill(runner.pid, signal.SIGSTOP)   # no answer can be in time
    assert [runner.step(FRAME).late for _ in range(2)] == [True, True]
    os.kill(runner.pid, signal.SIGCONT)
    runner._timeout_s = 5.0
    assert runner.step(FRAME).decision.x_px == expected[2]


def test_a_player_that_does_not_exist_is_an_error_that_says_so(tune):
    runner = PolicyRunner(partial(load_player, "nobody", 0))
    with pytest.raises(FollowerFailed, match="nobody"):
        runner.open(tune)
    runner.close()


def test_a_process_that_the_system_does_not_grant_is_an_error_that_says_so(tune, runner, monkeypatch):
    def refuse(*_):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr("app.children.start", refuse)
    with pytest.raises(FollowerFailed, match=r"could not be started .*unavailable"):
        runner.open(tune)


class LoadsForever(SteadyPlayer):
    """As one that brings torch: nobody wants to wait for its end."""

    def open(self, piece) -> None:
        threading.Event().wait()


@pytest.mark.parametrize("closed_first", [True, False])
def test_a_worker_that_still_loads_ends_with_its_runner(tune, eventually, closed_first):
    before = multiprocessing.active_children()
    runner = PolicyRunner(LoadsForever)
    if closed_first:
        runner.close()
    loading = threading.Thread(target=runner.open, args=(tune,))
    loading.start()
    assert eventually(lambda: closed_first or runner._coming is not None)
    runner.close()
    loading.join(10.0)
    assert not loading.is_alive() and runner.pid is None
    assert set(multiprocessing.active_children()) <= set(before)


def test_the_worker_ends_with_the_program(tune):
    runner = PolicyRunner(steady)
    runner.open(tune)
    process = psutil.Process(runner.pid)
    runner.close()
    deadline_s = time.monotonic() + 5
    while process.is_running() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not process.is_running()


def test_blas_is_told_to_use_one_thread_before_it_is_loaded():
    code = "import app, sys, os; assert 'numpy' not in sys.modules; print(os.environ['OPENBLAS_NUM_THREADS'])"
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    repo = __file__.split("/tests/")[0]
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=repo, env=environment, capture_output=True, check=True)
    assert told.stdout.strip() == b"1"
