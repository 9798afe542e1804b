"""The engine on a sound card turned by hand: notes, sources, snapshots, panic, live equal to offline."""
from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from app.devices.audio import DeviceError
from app.engine.clock import now_s
from app.engine.engine import FAULT
from app.engine.frontend import FrontEnd
from app.engine.midi_events import SUSTAIN, VOLUME, event_of, messages_of
from app.engine.scheduler import NOW, Event
from app.engine.voice import SilentInstrument, open_instrument

RATE = 44_100


def feed(card, engine, sound, blocks, eventually):
    """Turn the card through `sound` in blocks of these sizes, never more than the ring holds ahead."""
    begin, turn = 0, 0
    while begin < len(sound):
        size = blocks[turn % len(blocks)]
        card.crank(sound[begin:begin + size])
        begin, turn = begin + size, turn + 1
        if begin - engine.snapshot.sample > 5 * RATE:
            assert eventually(lambda: begin - engine.snapshot.sample < RATE)  # noqa: B023 - waits here


@pytest.mark.parametrize("blocks", [[256], [64, 1000, 4096], [11_000]])
def test_live_frames_equal_those_of_a_file_whatever_the_blocks(hand_cranked, engine, eventually, blocks):
    sound = np.random.default_rng(1).normal(0, 0.1, 6 * RATE).astype(np.float32)
    live = []

    def listen(heard, base):
        live.append(heard)
        return base

    engine.set_listener(listen)
    feed(hand_cranked, engine, sound, blocks, eventually)
    offline = FrontEnd(RATE).push(sound)
    assert eventually(lambda: len(live) == len(offline))
    assert all(np.array_equal(a.frame, b.frame) for a, b in zip(live, offline, strict=True))
    assert [h.end_sample for h in live] == [h.end_sample for h in offline]


def test_a_key_sounds_within_the_next_block(hand_cranked, engine):
    hand_cranked.crank()
    engine.note_on(60, 100)
    assert hand_cranked.crank()[0, 0] > 0


def test_midi_is_delayed_by_one_block_and_keeps_its_rhythm(hand_cranked, engine):
    """Stamps 1, 2 and 4 ms after a callback sound that long into the next block."""
    clock = engine.mixer.clock
    block_s, start_s = 256 / RATE, now_s()
    for i in range(200):   # a steady driver, so that the clock knows its moments
        clock.tick(256, start_s + i * block_s)
        clock.advance(256)
        engine.mixer.ring.write(np.zeros(256, np.float32))
    engine.mixer.block_samples = 256
    callback_s = start_s + 199 * block_s
    for delay_s in (0.001, 0.002, 0.004):
        engine.submit_at(event_of([0x90, 60, 100]), callback_s + delay_s)
    found = [event.sample for event in engine.mixer.player.leave()]
    expected = [200 * 256 + delay_s * RATE for delay_s in (0.001, 0.002, 0.004)]
    assert np.abs(np.array(found) - expected).max() < 0.0005 * RATE


def test_the_synth_is_heard_when_it_is_the_source(hand_cranked, engine, eventually):
    engine.set_source("synth")
    engine.note_on(60, 127)
    for _ in range(20):
        hand_cranked.crank(np.full(256, 0.5, np.float32))   # the microphone must not be heard
    assert eventually(lambda: engine.snapshot.sample > 0)
    assert engine.snapshot.peak_db == pytest.approx(20 * np.log10(127 / 128), abs=0.1)


def test_a_snapshot_tells_what_was_heard(hand_cranked, engine, eventually):
    for _ in range(40):
        hand_cranked.crank(np.full(256, 0.5, np.float32))
    assert eventually(lambda: engine.snapshot.sample > 8000)
    snapshot = engine.snapshot
    assert snapshot.state == "idle" and snapshot.place is None
    assert snapshot.level_db == pytest.approx(-6.02, abs=0.1) and snapshot.spectrogram.shape == (40, 78)
    assert snapshot.time_s == snapshot.sample / RATE and snapshot.decision_ms > 0
    with pytest.raises(AttributeError):
        snapshot.x_px = 3.0


def test_troubles_of_the_driver_are_counted(hand_cranked, engine, eventually):
    for i in range(40):
        hand_cranked.crank(count=256, troubles=int(i in (3, 9)) * 4)
    assert eventually(lambda: engine.snapshot.dropouts == 2)


def test_panic_silences_everything_at_once(hand_cranked, engine, impulses, eventually):
    told: list[Event] = []
    engine.add_sink(told.append)
    engine.note_on(60)
    hand_cranked.crank()
    engine.panic()
    assert told[-1].kind == "all_off"
    hand_cranked.crank()
    assert impulses.log[-1] == ("all_off", 0)


def test_closing_panics_and_lets_go(hand_cranked, engine, impulses):
    told: list[Event] = []
    engine.add_sink(told.append)
    engine.close()
    engine.close()
    assert told[-1].kind == "all_off" and not hand_cranked.started and impulses.log[-1] == ("close", 0)


def test_sinks_hear_what_was_played_and_when(hand_cranked, engine, eventually):
    told: list[Event] = []
    engine.add_sink(told.append)
    engine.submit(Event(300, "note_on", 61, 90, source="demo"))
    for _ in range(3):
        hand_cranked.crank()
    assert eventually(lambda: told == [Event(300, "note_on", 61, 90, source="demo")])


def test_another_rate_makes_everything_anew(hand_cranked, engine, eventually):
    engine.call(lambda: None)
    engine.use_stream(hand_cranked.at_rate(48_000))
    assert engine.rate == 48_000
    for _ in range(30):
        hand_cranked.crank(np.full(256, 0.25, np.float32))
    assert eventually(lambda: engine.snapshot.level_db == pytest.approx(-12.04, abs=0.1))


@pytest.mark.parametrize("message, expected", [
    ([0x90, 60, 100], Event(NOW, "note_on", 60, 100, 0, "midi")),
    ([0x93, 60, 0], Event(NOW, "note_off", 60, 0, 3, "midi")),
    ([0x81, 60, 64], Event(NOW, "note_off", 60, 64, 1, "midi")),
    ([0xB0, 64, 127], Event(NOW, "control", 64, 127, 0, "midi")),
    ([0xC2, 5], Event(NOW, "program", 5, 0, 2, "midi")),
    ([0xF8], None), ([], None), ([0x90, 60], None), ([0x90, 200, 3], None), ([0xE0, 0, 64], None),
])
def test_midi_bytes_to_events(message, expected):
    event = event_of(message)
    assert event == expected
    if event is not None:
        assert event_of(messages_of(event)[0]) == event


def test_all_off_speaks_to_every_channel():
    messages = messages_of(Event(NOW, "all_off"))
    assert {message[0] for message in messages} == {0xB0 | channel for channel in range(16)}
    assert {message[1] for message in messages} == {64, 120, 123}


def test_a_command_comes_between_frames_however_slow_the_follower(hand_cranked, engine, eventually):
    """Forty frames wait for a follower that takes its time: what is asked for at the first is done next."""
    order: list[str] = []

    def slow(heard, base):
        order.append("frame")
        if len(order) == 1:
            engine.call(lambda: order.append("command"))
        time.sleep(0.005)
        return base

    engine.call(lambda: engine.set_listener(slow))
    for _ in range(350):
        hand_cranked.crank()
    assert eventually(lambda: len(order) > 30)
    assert order.index("command") == 1


def test_what_fails_ends_neither_the_music_nor_the_listening_and_is_said_once(
    hand_cranked, engine, eventually
):
    heard: list[object] = []
    played: list[Event] = []
    filled: list[int] = []

    def fails(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    def fill(now_sample, until_sample):
        filled.append(now_sample)
        fails()

    def listen(frame, base):
        heard.append(base)
        fails()

    def refuses() -> None:
        raise DeviceError("That cannot be. Do this.")

    engine.set_listener(listen)
    engine.add_sink(fails)
    engine.add_sink(played.append)
    for command in (fails, refuses, lambda: engine.add_filler(SimpleNamespace(fill=fill))):
        engine.call(command)
    engine.note_on(60)
    for _ in range(100):
        hand_cranked.crank()
    assert eventually(lambda: len(heard) >= 3 and len(played) == 1 and len(filled) >= 3)
    assert engine.snapshot.sample > 0 and engine.snapshot.state == "idle"
    assert sorted(engine.take_messages()) == sorted([FAULT, "That cannot be. Do this."])


def test_a_recording_that_is_played_is_followed_and_a_click_is_not(hand_cranked, engine, eventually):
    engine.set_source("synth")
    engine.mixer.play_clip(np.full(2000, 0.25, np.float32), 300)
    played = np.concatenate([hand_cranked.crank()[:, 0] for _ in range(12)])
    assert np.flatnonzero(played).tolist() == list(range(300, 2300))
    heard = np.zeros(12 * 256, np.float32)
    engine.mixer.ring.copy_into(heard, 0)
    assert np.array_equal(heard, played)


def test_a_recording_goes_on_at_another_rate_of_the_sound_card(hand_cranked, engine):
    engine.mixer.play_clip(np.full(44_100, 0.25, np.float32), 300)
    for _ in range(100):
        hand_cranked.crank()
    left_s = (300 + 44_100 - 25_600) / 44_100
    engine.use_stream(hand_cranked.at_rate(48_000))
    played = np.concatenate([hand_cranked.crank()[:, 0] for _ in range(100)])
    assert np.count_nonzero(np.abs(played) > 0.125) == pytest.approx(left_s * 48_000, abs=2)


def test_a_recording_that_is_stopped_while_the_card_is_changed_stays_silent(
    hand_cranked, engine, monkeypatch
):
    def stopped_meanwhile(sound, *rates):
        engine.mixer.play_clip(np.zeros(0, np.float32), 0)
        return sound

    monkeypatch.setattr("app.engine.mixer.at_rate", stopped_meanwhile)
    engine.mixer.play_clip(np.full(44_100, 0.25, np.float32), 0)
    engine.use_stream(hand_cranked.at_rate(48_000))
    assert not hand_cranked.crank().any()


def test_a_metronome_that_fails_ends_neither_the_thread_nor_what_else_is_played(
    hand_cranked, engine, eventually, monkeypatch
):
    filled: list[int] = []

    def fails(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(engine.metronome, "fill", fails)
    monkeypatch.setattr(engine.metronome, "go_on", fails)
    engine.call(lambda: engine.add_filler(SimpleNamespace(fill=lambda now, until: filled.append(now))))
    assert eventually(lambda: filled)
    engine.use_stream(hand_cranked.at_rate(48_000))
    engine.call(filled.clear)
    assert eventually(lambda: filled)
    assert engine.take_messages() == [FAULT]


def test_volume_changes_what_is_played_and_not_what_is_heard(hand_cranked, engine):
    engine.set_source("synth")
    engine.set_volume(0.5)
    engine.mixer.play_clip(np.full(2000, 0.8, np.float32), 256)
    first, second, third = (hand_cranked.crank()[:, 0] for _ in range(3))
    assert not first.any() and third == pytest.approx(np.full(256, 0.2), abs=1e-6)
    assert np.array_equal(second, third)   # the way to the new volume was silent here
    heard = np.zeros(256, np.float32)
    engine.mixer.ring.copy_into(heard, 512)
    assert heard == pytest.approx(np.full(256, 0.8))
    engine.set_volume(1.0)
    rising = hand_cranked.crank()[:, 0]
    assert np.abs(np.diff(rising)).max() < 0.01 and rising[-1] == pytest.approx(0.8)
    engine.use_stream(hand_cranked.at_rate(48_000))
    engine.set_volume(0.5)
    engine.use_stream(hand_cranked.at_rate(44_100))
    assert engine.mixer.gain == 0.25


def test_clicks_have_a_volume_of_their_own(hand_cranked, engine):
    engine.set_click_volume(0.5)
    engine.submit(Event(0, "click", 1))
    quiet = hand_cranked.crank()
    engine.set_click_volume(1.0)
    engine.submit(Event(256 * 8, "click", 1))
    loud = [hand_cranked.crank() for _ in range(8)][-1]
    assert quiet.any() and loud == pytest.approx(4 * quiet)


def test_another_instrument_plays_from_the_next_block(hand_cranked, engine, impulses):
    hand_cranked.crank()
    other = type(impulses)()
    engine.use_instrument(lambda rate: (other, "It stands in."))
    engine.note_on(64, 64)
    assert hand_cranked.crank()[0, 0] == 0.5
    assert ("on", 64) in other.log and impulses.log == [("close", 0)]
    assert "It stands in." in engine.take_messages()


def test_another_instrument_keeps_programs_and_volumes(hand_cranked, engine, impulses):
    for channel, program in ((1, 11), (2, 33), (1, 12)):
        engine.submit(Event(NOW, "program", program, 0, channel))
        engine.submit(Event(NOW, "control", VOLUME, program, channel))
        engine.submit(Event(NOW, "control", SUSTAIN, 127, channel))
    hand_cranked.crank()
    other, chosen = type(impulses)(), {}
    other.program = lambda number, channel=0: chosen.update({channel: number})
    other.control_change = lambda number, value, channel=0: chosen.update({(channel, number): value})
    engine.use_instrument(lambda rate: (other, None))
    assert chosen == {1: 12, 2: 33, (1, VOLUME): 12, (2, VOLUME): 33}


def test_an_instrument_in_use_is_not_closed_under_the_callback(engine, impulses, monkeypatch):
    monkeypatch.setattr("app.engine.player.LETTING_GO_CHECKS", 2)
    engine.mixer.player._rendering = True
    engine.use_instrument(lambda rate: (type(impulses)(), None))
    assert impulses.log == []


def test_closing_while_another_instrument_is_brought_closes_each_once(engine, impulses):
    other, reading, go_on = type(impulses)(), threading.Event(), threading.Event()

    def make(rate):
        reading.set()
        assert go_on.wait(10.0)
        return other, None

    bringing = threading.Thread(target=engine.use_instrument, args=(make,))
    bringing.start()
    assert reading.wait(10.0)
    closing = threading.Thread(target=engine.close)
    closing.start()
    go_on.set()
    bringing.join()
    closing.join()
    assert impulses.log.count(("close", 0)) == other.log.count(("close", 0)) == 1


def test_closing_under_a_driver_that_still_renders_leaves_it_its_instrument(engine, impulses, monkeypatch):
    monkeypatch.setattr("app.engine.player.LETTING_GO_CHECKS", 2)
    engine.mixer.player._rendering = True
    engine.close()
    assert ("close", 0) not in impulses.log


def test_a_sound_set_that_is_gone_is_replaced_and_said():
    instrument, problem = open_instrument(44_100, "gone.sf2")
    assert problem is not None and "gone.sf2 is not there any more" in problem
    assert not isinstance(instrument, SilentInstrument)
    instrument.close()


def test_a_crash_does_not_leave_a_note_hanging():
    """The program ends by an exception: what it played to MIDI is let go."""
    program = textwrap.dedent("""
        from app.devices.audio import NONE, AudioChoice, AudioSystem
        from app.devices.null import NullBackend
        from app.engine.engine import Engine
        from app.engine.midi_out import MidiOut
        from app.engine.voice import SilentInstrument
        engine = Engine(AudioSystem([], NullBackend()), AudioChoice(NONE, NONE),
                        lambda rate: (SilentInstrument(), None))
        engine.add_sink(MidiOut(engine, lambda message: print(*message, flush=True)).play)
        engine.start()
        engine.note_on(60, 100)
        import time
        time.sleep(0.5)
        raise RuntimeError("crash")
    """)
    repo = __file__.split("/tests/")[0]
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    assert "RuntimeError: crash" in ended.stderr and lines[0] == "144 60 100"
    assert {f"{0xB0 | channel} 123 0" for channel in range(16)} <= set(lines[1:])
