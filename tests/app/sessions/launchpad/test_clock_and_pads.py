"""MIDI clock sent and followed by a song, and real pads on it."""
from __future__ import annotations

import numpy as np
import pytest

from app.devices.launchpads.surface import Look, RowLook
from app.engine.clock import now_s, sleep_s
from app.sessions.launchpad import LaunchpadSession
from app.sessions.launchpad.pads import Hands, pad_view
from app.sessions.launchpad.queue import SOURCE
from models.launchpad.instrument import LAUNCHPAD

TICK, START, STOP = 0xF8, 0xFA, 0xFC
RATE, BLOCK = 44_100, 256


class Ports:
    """MIDI ports of ten lines."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.received = None

    def send(self, message) -> None:
        self.sent.append(message[0])

    def follow_clock(self, received) -> None:
        self.received = received


class Pads:
    """A surface of ten lines."""

    def __init__(self) -> None:
        self.hands = None
        self.view = None
        self.connected: str | None = "Launchpad of the test"
        self.lowest_key = 0
        self.clock: list[int] = []

    def listen(self, hands) -> None:
        self.hands = hands

    def show(self, view) -> None:
        self.view = view

    def scroll_to(self, lowest_key) -> None:
        """Nowhere."""

    def send_clock(self, message) -> None:
        self.clock.append(message[0])


class Real:
    """Turns the card in real time, as a driver does: a clock that goes out goes by the computer's time."""

    def __init__(self, card) -> None:
        self.card = card
        self.start_s, self.blocks = now_s(), 0

    def run(self, seconds) -> None:
        """So long."""
        for _ in range(round(seconds * RATE / BLOCK)):
            self.blocks += 1
            sleep_s(self.start_s + self.blocks * BLOCK / RATE - now_s())
            self.card.crank(count=BLOCK)


class Sender:
    """Ticks at a tempo while the card is turned, both in the time of the samples: exact on any machine.

    While it is not `ticking` its time goes on unheard, as with a cable that is pulled out.
    """

    def __init__(self, engine, card, ports, bpm, eventually) -> None:
        self.engine, self.card, self.ports, self.eventually = engine, card, ports, eventually
        engine.mixer.clock.moment_at = lambda sample: sample / RATE
        self.period_s, self.next_s = 60 / bpm / 24, 0.0
        self.ticking = True
        self.onsets: list[int] = []
        engine.add_sink(self._note)

    def _note(self, event) -> None:
        if event.source == SOURCE and event.kind == "note_on":
            self.onsets.append(event.sample)

    def run(self, seconds) -> None:
        """So long, once the engine has done what it was asked for."""
        self.settle()
        for block in range(round(seconds * RATE / BLOCK)):
            while self.next_s <= self.engine.sample / RATE:
                if self.ticking:
                    self.send(TICK, self.next_s)
                self.next_s += self.period_s
            self.card.crank(count=BLOCK)
            if block % 4 == 0:
                self.settle()
        self.settle()

    def send(self, status, moment_s=None) -> None:
        self.ports.received((status,), self.engine.sample / RATE if moment_s is None else moment_s)

    def settle(self) -> None:
        """The engine has kept up."""
        done: list[int] = []
        self.engine.call(lambda: done.append(1))
        assert self.eventually(lambda: bool(done))
        assert self.eventually(lambda: not self.engine.mixer.applied)


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
def clocked(engine, hand_cranked, ports):
    """A session with ports, striking row 0 every 16 steps."""
    session = LaunchpadSession(engine, grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 3), midi=ports)
    yield session
    session.close()


def test_the_clock_is_sent_from_start_to_stop(engine, hand_cranked, eventually, clocked, ports):
    real = Real(hand_cranked)
    clocked.set_tempo(240)
    real.run(0.2)
    clocked.send_clock(True)
    clocked.start()
    real.run(1.3)  # a bar lasts a second
    assert ports.sent.count(START) == 1 and clocked.snapshot.sends_clock
    assert 90 < ports.sent.count(TICK) < 135
    clocked.stop()
    real.run(1.2)
    assert eventually(lambda: ports.sent[-1] == STOP)
    clocked.send_clock(False)


@pytest.fixture
def sender(engine, hand_cranked, ports, clocked, eventually) -> Sender:
    """150 beats a minute, followed."""
    made = Sender(engine, hand_cranked, ports, 150, eventually)
    clocked.follow_clock(True)
    made.settle()
    made.run(0.5)
    return made


def test_a_clock_that_comes_in_leads(sender, clocked):
    assert clocked.snapshot.state == "stopped" and clocked.snapshot.clock == "waiting"
    sender.send(START)
    start = sender.next_s * RATE
    sender.run(4.0)
    snapshot = clocked.snapshot
    assert snapshot.state == "playing" and snapshot.clock == "followed"
    assert snapshot.tempo_bpm == pytest.approx(150, rel=0.01)
    beat = 0.4 * RATE  # onsets are due 7/16 into each
    due = [start + (number + 7 / 16) * beat for number in range(2, 9)]
    assert all(min(abs(onset - sample) for onset in sender.onsets) < 0.003 * RATE for sample in due)
    sender.send(STOP)
    sender.run(0.3)
    assert clocked.snapshot.state == "stopped"


def test_following_that_is_chosen_again_goes_on(sender, clocked, ports):
    sender.send(START)
    sender.run(1.0)
    follower = ports.received
    clocked.follow_clock(True)
    sender.run(1.0)
    snapshot = clocked.snapshot
    assert (snapshot.state, snapshot.clock) == ("playing", "followed") and ports.received == follower
    assert snapshot.tempo_bpm == pytest.approx(150, rel=0.01)


def test_who_stops_by_hand_is_not_overruled_by_the_clock(sender, clocked):
    sender.send(START)
    sender.run(1.0)
    clocked.stop(now=True)
    sender.run(1.0)
    assert clocked.snapshot.state == "stopped"
    clocked.start()
    sender.run(0.5)
    snapshot = clocked.snapshot
    assert snapshot.state == "playing" and snapshot.bar == 1  # where the clock is
    assert clocked._playback.heard().events[0].sample < 1.6 * RATE  # and exported from that bar on


def test_a_clock_that_stands_still_does_not_stop_who_plays_alone(sender, clocked):
    sender.send(START)
    sender.run(0.5)
    sender.send(STOP)
    sender.ticking = False
    sender.run(0.3)
    clocked.start()
    sender.run(1.0)
    assert clocked.snapshot.state == "playing"


def test_a_clock_that_is_lost_is_told_of_and_the_music_goes_on(sender, clocked, engine, ports):
    sender.send(START)
    sender.run(2.0)
    assert clocked.snapshot.state == "playing"
    sender.ticking = False
    sender.run(1.2)
    assert any("clock is gone" in message for message in engine.take_messages())
    snapshot = clocked.snapshot
    assert (snapshot.state, snapshot.clock) == ("playing", "lost")
    assert snapshot.tempo_bpm == pytest.approx(150, rel=0.01)
    clocked.follow_clock(False)
    sender.run(0.3)
    assert clocked.snapshot.tempo_bpm == 120 and ports.received is None


@pytest.mark.parametrize("gap_s", [0.7, 1.3, 3.1])
def test_a_clock_that_comes_back_finds_the_song_where_it_is_itself(sender, clocked, gap_s):
    sender.send(START)
    start, beat = sender.next_s * RATE, 0.4 * RATE
    sender.run(2.0)
    sender.ticking = False
    sender.run(gap_s)
    sender.ticking = True
    sender.run(0.1)  # four ticks: its tempo is not yet known
    clocked.press(9, 6)
    sender.run(1.5)
    snapshot = clocked.snapshot
    assert (snapshot.state, snapshot.clock) == ("playing", "followed")
    assert snapshot.tempo_bpm == pytest.approx(150, rel=0.01)
    away = [(onset - start) / beat % 1.0 - 7 / 16 for onset in sender.onsets if onset > start + 2 * beat]
    assert max(map(abs, away[:-1])) < 0.02 and np.diff(sender.onsets).max() < 1.1 * beat
    heard = [event for event in clocked._playback.heard().events if event.kind == "note_on"]
    assert len(heard) == len(sender.onsets)


def test_who_stopped_while_the_clock_was_lost_is_not_overruled_until_it_starts_anew(sender, clocked):
    sender.send(START)
    sender.run(1.0)
    sender.ticking = False
    sender.run(0.8)
    clocked.stop(now=True)
    sender.run(0.2)
    sender.ticking = True
    sender.run(1.0)
    assert (clocked.snapshot.state, clocked.snapshot.clock) == ("stopped", "followed")
    sender.send(START)
    sender.run(0.3)
    assert clocked.snapshot.state == "playing"


def test_a_sender_that_goes_elsewhere_is_followed_and_all_of_it_exported(sender, clocked):
    """As programs do that play a loop."""
    sender.send(START)
    for _ in range(2):
        sender.run(1.6)
        sender.send(START)
    sender.run(1.0)
    assert clocked.snapshot.bar == 0
    onsets = [event.sample for event in clocked._playback.heard().events if event.kind == "note_on"]
    assert len(onsets) == len(sender.onsets) > 8
    assert np.ptp(np.array(onsets) - sender.onsets) == 0


def test_pads_press_and_show(engine, hand_cranked, eventually):
    pads = Pads()
    session = LaunchpadSession(engine, grid=LAUNCHPAD.empty(), pads=pads)
    assert isinstance(pads.hands, Hands)
    pads.hands.toggle(2, 3)
    pads.hands.shift(2, 1)
    pads.hands.mute(4)
    pads.hands.lock(5)
    pads.hands.nudge_tempo(5)
    pads.hands.play_stop()
    assert eventually(lambda: session.snapshot.state != "stopped")
    snapshot = session.snapshot
    assert snapshot.grid[2].tolist() == [8, 2] and snapshot.tempo_bpm == 125
    for _ in range(200):
        hand_cranked.crank(count=BLOCK)
    assert eventually(lambda: pads.view is not None)
    assert pads.view.rows[4] == RowLook.MUTED and pads.view.rows[5] == RowLook.LOCKED
    assert session.snapshot.surface == "Launchpad of the test"
    session.close()
    assert pads.hands is None


@pytest.mark.parametrize("bars", [0, 1])
def test_the_pads_count_in_where_that_is_wanted(engine, eventually, bars):
    pads = Pads()
    session = LaunchpadSession(engine, grid=LAUNCHPAD.empty(), pads=pads, count_in=lambda: bars)
    assert isinstance(pads.hands, Hands)
    pads.hands.play_stop()
    assert eventually(lambda: session.snapshot.state != "stopped") and session.snapshot.bar == -bars
    session.close()


def test_at_rest_nothing_starts_it_and_awake_it_joins_the_clock(sender, clocked):
    sender.send(START)
    sender.run(1.0)
    clocked.rest()
    sender.run(0.3)
    struck = len(sender.onsets)
    sender.send(START)
    clocked.start()  # as a press on the pads that was on its way
    sender.run(1.0)
    assert clocked.snapshot.state == "stopped" and len(sender.onsets) == struck
    clocked.wake()
    sender.run(0.5)
    assert clocked.snapshot.state == "stopped"
    clocked.start()
    sender.run(0.7)
    snapshot = clocked.snapshot
    assert (snapshot.state, snapshot.bar, snapshot.beat) == ("playing", 1, 1)  # five beats and a half
    sender.send(START)
    sender.run(0.5)
    assert clocked.snapshot.bar == 0


def test_at_rest_the_pads_are_given_back(engine):
    pads = Pads()
    session = LaunchpadSession(engine, grid=LAUNCHPAD.empty(), pads=pads)
    session.rest()
    assert pads.hands is None
    session.wake()
    assert isinstance(pads.hands, Hands)
    session.close()


def test_pads_tell_queued_from_playing(engine, hand_cranked, eventually):
    session = LaunchpadSession(engine, grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 3))
    session.start()
    assert eventually(lambda: session.snapshot.state == "playing")
    for _ in range(60):
        hand_cranked.crank(count=BLOCK)
    session.press(0, 3)
    session.press(1, 4)
    assert eventually(lambda: bool(session.snapshot.grid[1, 0]))
    cells = pad_view(session.snapshot).cells
    assert cells[0][3] == Look.ON | Look.QUEUED | Look.PLAYING
    assert cells[1][4] == Look.YOURS | Look.QUEUED and cells[2][0] == 0
    session.close()


def test_pads_blink_in_time_also_where_no_clock_is_sent(engine, hand_cranked, eventually, ports):
    pads = Pads()
    session = LaunchpadSession(engine, grid=LAUNCHPAD.empty(), midi=ports, pads=pads)
    real = Real(hand_cranked)
    session.start()
    real.run(0.5)
    assert TICK in pads.clock and not ports.sent
    session.close()
    assert pads.clock[-1] == STOP


def test_a_clock_switched_off_while_it_plays_says_stop(engine, hand_cranked, eventually, clocked, ports):
    real = Real(hand_cranked)
    clocked.send_clock(True)
    clocked.start()
    real.run(0.4)
    clocked.send_clock(False)
    real.run(0.2)
    assert ports.sent.count(STOP) == 1
    count = len(ports.sent)
    real.run(0.3)
    assert len(ports.sent) == count and clocked.snapshot.state == "playing"
