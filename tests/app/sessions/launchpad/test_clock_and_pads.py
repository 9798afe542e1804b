"""MIDI clock sent and followed by a song, and real pads on it."""
from __future__ import annotations

import pytest

from app.devices.launchpads.surface import Look, RowLook
from app.engine.clock import now_s
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

    def listen(self, hands) -> None:
        self.hands = hands

    def show(self, view) -> None:
        self.view = view

    def scroll_to(self, lowest_key) -> None:
        """Nowhere."""

    def send_clock(self, message) -> None:
        """It does not blink."""


class Real:
    """Turns the card in real time, as a driver does: clocks go by the computer's time."""

    def __init__(self, engine, card, eventually) -> None:
        self.engine, self.card, self.eventually = engine, card, eventually
        self.start_s, self.blocks = now_s(), 0
        self.onsets: list[int] = []
        engine.add_sink(lambda event: self._note(event))

    def _note(self, event) -> None:
        if event.source == SOURCE and event.kind == "note_on":
            self.onsets.append(event.sample)

    def run(self, seconds, sender=None) -> None:
        """So long; `sender` is called before every block."""
        for _ in range(round(seconds * RATE / BLOCK)):
            self.blocks += 1
            while now_s() < self.start_s + self.blocks * BLOCK / RATE:
                pass
            if sender is not None:
                sender(now_s())
            self.card.crank(count=BLOCK)


class Sender:
    """Ticks at a tempo."""

    def __init__(self, ports, bpm) -> None:
        self.ports, self.period_s, self.next_s = ports, 60 / bpm / 24, now_s()

    def __call__(self, moment_s) -> None:
        while self.next_s <= moment_s:
            self.ports.received((TICK,), self.next_s)
            self.next_s += self.period_s


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
    real = Real(engine, hand_cranked, eventually)
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


def test_a_clock_that_comes_in_leads(engine, hand_cranked, eventually, clocked, ports):
    real, sender = Real(engine, hand_cranked, eventually), Sender(ports, 150)
    real.run(0.1)
    clocked.follow_clock(True)
    assert eventually(lambda: ports.received is not None)
    sender.next_s = now_s()
    real.run(0.5, sender)
    assert clocked.snapshot.state == "stopped" and clocked.snapshot.clock == "waiting"
    ports.received((START,), now_s())
    started_s = sender.next_s
    real.run(3.0, sender)
    snapshot = clocked.snapshot
    assert snapshot.state == "playing" and snapshot.clock == "followed"
    assert snapshot.tempo_bpm == pytest.approx(150, rel=0.1)  # bent to meet it
    beat = engine.mixer.clock.sample_at(started_s)
    late_s = min(abs(sample - beat - (4 * 0.4 + 7 / 16 * 0.4) * RATE) for sample in real.onsets) / RATE
    assert late_s < 0.05
    ports.received((STOP,), now_s())
    real.run(0.4)
    assert clocked.snapshot.state == "stopped"


def test_a_clock_that_is_lost_is_told_of_and_the_music_goes_on(
    engine, hand_cranked, eventually, clocked, ports
):
    real, sender = Real(engine, hand_cranked, eventually), Sender(ports, 200)
    real.run(0.1)
    clocked.follow_clock(True)
    assert eventually(lambda: ports.received is not None)
    ports.received((START,), now_s())
    sender.next_s = now_s()
    real.run(1.5, sender)
    assert clocked.snapshot.state == "playing"
    real.run(1.2)
    assert any("clock is gone" in message for message in engine.take_messages())
    snapshot = clocked.snapshot
    assert (snapshot.state, snapshot.clock) == ("playing", "lost")
    assert snapshot.tempo_bpm == pytest.approx(200, rel=0.1)
    clocked.follow_clock(False)
    real.run(0.3)
    assert clocked.snapshot.tempo_bpm == 120 and ports.received is None


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


def test_pads_tell_queued_from_playing(engine, hand_cranked, eventually):
    session = LaunchpadSession(engine, grid=LAUNCHPAD.press(LAUNCHPAD.empty(), 3))
    session.start()
    for _ in range(60):
        hand_cranked.crank(count=BLOCK)
    assert eventually(lambda: session.snapshot.state == "playing")
    session.press(0, 3)
    session.press(1, 4)
    assert eventually(lambda: bool(session.snapshot.grid[1, 0]))
    cells = pad_view(session.snapshot).cells
    assert cells[0][3] == Look.ON | Look.QUEUED | Look.PLAYING
    assert cells[1][4] == Look.YOURS | Look.QUEUED and cells[2][0] == 0
    session.close()
