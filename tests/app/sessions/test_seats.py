"""Where agents sit: the same answers in a process of its own, which is killed, frozen, slow, or outlived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.engine.priority import NICENESS, urgent
from app.sessions.duet.questions import REHEARSAL, Answer, Plan, Question, answers
from app.sessions.seats import InlineSeat, ProcessSeat
from models.duet.agent import load_agent
from models.duet.encoding import HIGHEST, LOWEST
from models.duet.windows import seen_steps
from tests.app.sessions.chatterers import chatter, die, many, one, refuse, two

REPO = Path(__file__).parents[3]
STEPS = 80


class Guest:
    """Who asks at a seat, and what they were answered and told."""

    def __init__(self, make, answering=chatter, rehearsal=None) -> None:
        self.heard: list = []
        self.told: list[str] = []
        self.seat = ProcessSeat(make, answering, self.told.append, "test-agent", rehearsal)
        self.seat.deliver = self.heard.append

    @property
    def process(self) -> psutil.Process:
        assert self.seat._process is not None
        return psutil.Process(self.seat._process.pid)


@pytest.fixture
def guest():
    """Make a guest at the seat of an agent."""
    made: list[Guest] = []

    def make(*arguments) -> Guest:
        made.append(Guest(*arguments))
        return made[-1]

    yield make
    for one_of_them in made:
        one_of_them.seat.close()


def duet(ask) -> tuple[list[int], list]:
    """The machine's line and its plans, beside a line that is made up; `ask` gives the answers."""
    human = np.random.default_rng(5).integers(20, 46, STEPS).repeat(2)[:STEPS].astype(np.uint8)
    line: list[int] = []
    plans = []
    for step in range(STEPS):
        seen = seen_steps(step)
        lines = (human[step - seen : step], np.array(line[step - seen :], np.uint8))
        question = Question(1, step, *lines, 1.0, LOWEST, HIGHEST, 9 if step == 0 else None, 4)
        answer, plan = ask(question)
        assert isinstance(answer, Answer) and answer.question is question and isinstance(plan, Plan)
        line.append(answer.symbol)
        plans.append((plan.step, plan.last, plan.symbols.tolist()))
    return line, plans


def test_the_same_seed_plays_the_same_notes_in_a_process_and_without(guest, eventually):
    """Live and headless: also after a rehearsal."""
    apart = guest(partial(load_agent, "duet", 3), answers, REHEARSAL)

    def ask_apart(question) -> list:
        apart.heard.clear()
        apart.seat.ask(question)
        assert eventually(lambda: len(apart.heard) == 2)
        return list(apart.heard)

    inline = InlineSeat(load_agent("duet", 4), answers)

    def ask_inline(question) -> list:
        heard: list = []
        inline.deliver = heard.append
        inline.ask(question)
        return heard

    found = duet(ask_apart)
    assert found == duet(ask_inline) and len(set(found[0])) > 5
    assert apart.told == [] and apart.seat.taken


def test_an_answer_is_about_the_very_question(guest, eventually):
    asked = guest(one)
    question = ["what", {"anything": np.arange(3)}]
    asked.seat.ask(question)
    assert eventually(lambda: len(asked.heard) == 1)
    assert asked.heard[0].question is question and asked.heard[0].pid == asked.process.pid != os.getpid()
    assert asked.seat.newest is asked.heard[0]


def test_what_is_newer_is_answered_at_once(guest, eventually):
    asked = guest(many)
    asked.seat.ask("first")
    assert eventually(lambda: len(asked.heard) > 2)
    asked.seat.ask("second")
    assert eventually(lambda: asked.heard[-1].question == "second")
    first = [said for said in asked.heard if said.question == "first"]
    assert [said.number for said in first] == list(range(len(first))) and len(first) < 1_000_000


def test_only_the_first_answer_is_urgent(guest, eventually):
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    asked = guest(two)
    for count in (2, 4):
        asked.seat.ask(count)
        assert eventually(lambda count=count: len(asked.heard) == count)
    assert [said.niceness for said in asked.heard[1::2]] == [usual, usual]
    assert len({said.niceness for said in asked.heard[::2]} | {urgent_here(usual)}) == 1


def test_who_is_asked_while_it_does_what_nobody_waits_for_hurries_through_it(guest, eventually):
    asked = guest(two)
    assert eventually(lambda: asked.seat.ready)
    asked.seat.ask("dawdle")
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert eventually(lambda: len(asked.heard) == 1 and asked.process.nice() == usual)
    asked.seat.ask("next")
    assert eventually(lambda: asked.heard[-1].question == "next")
    assert [said.niceness for said in asked.heard[:2]] == [urgent_here(usual)] * 2
    assert [said.question for said in asked.heard[:3]] == ["dawdle", "dawdle", "next"]


def urgent_here(usual: int) -> int:
    """The niceness that is granted to who is in a hurry."""
    found: list[int] = []

    def ask() -> None:
        urgent()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found[0] in (NICENESS, usual)
    return found[0]


def test_a_killed_process_is_replaced_and_asked_again(guest, eventually):
    asked = guest(one)
    asked.seat.ask("before")
    assert eventually(lambda: len(asked.heard) == 1)
    first = asked.process
    first.suspend()
    asked.seat.ask("lost")
    first.kill()
    assert eventually(lambda: asked.heard[-1].question == "lost")
    assert asked.heard[-1].pid != first.pid and asked.seat.taken
    assert asked.told == ["The agent stopped and is starting again; the music goes on."]


def test_a_process_that_dies_each_time_is_not_started_for_ever(guest, eventually):
    asked = guest(die)
    assert eventually(lambda: not asked.seat.taken, timeout_s=60.0)
    assert "keeps stopping; you play on alone" in asked.told[-1] and len(asked.told) == 6


def test_a_frozen_process_holds_nobody_up(guest, eventually):
    """Of a thousand questions it is sent two, so the pipe is not filled, and the newest once it goes on."""
    asked = guest(one)
    asked.seat.ask("before")
    assert eventually(lambda: len(asked.heard) == 1)
    asked.process.suspend()
    for number in range(1000):
        asked.seat.ask((number, bytes(1000)))
    asked.process.resume()
    assert eventually(lambda: asked.heard[-1].question[0] == 999) and len(asked.heard) < 5


@pytest.mark.parametrize(
    ("make", "question", "why"),
    [(refuse, "", "You play alone: it is damaged; train another."), (one, "fail", "you play on alone"),
     (lambda: 1, "", "you play on alone")],
    ids=["cannot be loaded", "fails", "cannot be sent"],
)  # fmt: skip
def test_an_agent_that_fails_leaves_in_one_sentence(guest, eventually, caplog, make, question, why):
    asked = guest(make)
    asked.seat.ask(question)
    assert eventually(lambda: bool(asked.told))
    assert len(asked.told) == 1 and why in asked.told[0] and not asked.seat.taken
    assert asked.seat.newest is None and asked.heard == []
    assert question != "fail" or "ZeroDivisionError: broken" in caplog.text
    asked.seat.ask("is there anybody?")
    assert eventually(lambda: asked.seat._process is None)


@pytest.mark.parametrize("doing", ["starting", "waiting", "busy", "frozen"])
def test_a_seat_is_closed_at_once_whatever_its_agent_does(guest, eventually, doing):
    asked = guest(one)
    assert eventually(lambda: asked.seat._process is not None)
    process = asked.process
    if doing != "starting":
        asked.seat.ask("hello")
        assert eventually(lambda: len(asked.heard) == 1)
    if doing == "busy":
        asked.seat.ask("sleep")
    elif doing == "frozen":
        process.suspend()
    asked.seat.close()
    assert eventually(lambda: not process.is_running())
    assert eventually(lambda: asked.seat._process is None) and asked.told == []
    asked.seat.ask("too late")


PROGRAM = """
    import signal, time
    from app.sessions.seats import ProcessSeat
    from tests.app.sessions.chatterers import chatter, one
    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        seat = ProcessSeat(one, chatter, print, "test-agent")
        seat.deliver = lambda said: print(said.pid, flush=True)
        seat.ask("who are you?")
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            seat.ask("are you still there?")
            time.sleep(1)
            print("interrupted", flush=True)
"""


@pytest.fixture
def program():
    """A program with an agent in its process, in a group of its own; and that process."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], cwd=REPO, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert started.stdout is not None
    yield started, psutil.Process(int(started.stdout.readline()))
    started.kill()
    started.communicate()


def test_a_program_that_is_killed_takes_its_agent_with_it(program):
    started, agent = program
    started.kill()
    started.wait()
    agent.wait(timeout=20)


def test_ctrl_c_is_for_the_program_alone(program):
    started, agent = program
    os.killpg(started.pid, signal.SIGINT)
    output, errors = started.communicate(timeout=60)
    assert output == f"{agent.pid}\ninterrupted\n" and started.returncode == 0 and "Traceback" not in errors
    agent.wait(timeout=20)
