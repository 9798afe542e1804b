"""Takes: always captured, what was heard, and nothing lost: kill -9, full disk, damage."""
from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial

import mido
import numpy as np
import pytest
from scipy.io import wavfile

from app.engine.replay import TakeReplay
from app.engine.scheduler import Event
from app.engine.take_files import AUDIO, EVENTS, INFO, TakeError, TakeFolder, TakeInfo, TakeWriter
from app.engine.takes import TakeRecorder

RATE = 44_100
REPO = __file__.split("/tests/")[0]


@pytest.fixture
def recorder(engine, tmp_path):
    """Not started: the test writes by hand."""
    made = TakeRecorder(engine, TakeFolder(tmp_path / "takes"))
    yield made
    made.close()


def play(card, engine, recorder, eventually, seconds=1.0, struck_after=0.5):
    """A key after a while, in a microphone's silence."""
    engine.set_source("synth")
    blocks = round(seconds * RATE / 256)
    for block in range(blocks):
        if block == round(struck_after * blocks):
            engine.note_on(64, 100, source="midi")
        card.crank()
    assert eventually(lambda: recorder._events)
    recorder._write()


def test_a_take_begins_with_the_first_note_and_a_second_before_it(
        hand_cranked, engine, recorder, eventually):
    for _ in range(1000):   # 5.8 s of nothing
        hand_cranked.crank()
    recorder._write()
    assert not recorder.recording
    play(hand_cranked, engine, recorder, eventually)
    assert recorder.recording
    recorder.close()
    (take,) = recorder.folder.takes()
    (event,) = recorder.folder.events(take.key)
    assert event.kind == "note_on" and event.data1 == 64
    audio = recorder.folder.audio(take.key)
    assert np.flatnonzero(audio > 0.1).tolist() == [event.sample]
    assert 1.0 <= event.sample / RATE <= 2.0


def test_a_take_that_is_split_while_notes_come_ends_all_the_same(
        hand_cranked, engine, recorder, eventually):
    play(hand_cranked, engine, recorder, eventually)
    recorder.split()
    play(hand_cranked, engine, recorder, eventually)
    assert not recorder.recording
    play(hand_cranked, engine, recorder, eventually)
    recorder.close()
    assert [len(recorder.folder.events(take.key)) for take in recorder.folder.takes()] == [1, 2]


def test_sound_and_notes_stay_together_though_the_disk_made_the_capture_wait(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    monkeypatch.setattr("app.engine.takes.QUIET_END_S", 60.0)
    play(hand_cranked, engine, recorder, eventually)
    for _ in range(round(25 * RATE / 256)):  # more than the ring holds
        hand_cranked.crank()
    recorder._write()
    play(hand_cranked, engine, recorder, eventually)
    recorder.close()
    (take,) = recorder.folder.takes()
    events = recorder.folder.events(take.key)
    assert np.flatnonzero(recorder.folder.audio(take.key) > 0.1).tolist() == [e.sample for e in events]


def test_old_takes_make_room_whenever_one_begins(hand_cranked, engine, recorder, eventually, monkeypatch):
    monkeypatch.setattr(recorder.folder, "prune", partial(recorder.folder.prune, 0))
    for _ in range(2):
        play(hand_cranked, engine, recorder, eventually)
        recorder.split()
        play(hand_cranked, engine, recorder, eventually)
    assert len(recorder.folder.takes()) == 1


def test_an_old_take_that_cannot_be_removed_does_not_stop_the_capture(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    write_take(recorder.folder.folder, "take1")
    monkeypatch.setattr(recorder.folder, "prune", partial(recorder.folder.prune, 0))
    monkeypatch.setattr("app.engine.take_files.shutil.rmtree", full)
    play(hand_cranked, engine, recorder, eventually)
    assert recorder.recording and [take.key for take in recorder.folder.takes()] == ["take1"]
    assert engine.take_messages() == []


def test_saved_files_hold_what_was_heard(hand_cranked, engine, recorder, eventually, tmp_path):
    play(hand_cranked, engine, recorder, eventually)
    recorder.close()
    (take,) = recorder.folder.takes()
    (event,) = recorder.folder.events(take.key)
    recorder.folder.save_midi(take.key, tmp_path / "take.mid")
    recorder.folder.save_wav(take.key, tmp_path / "take.wav")
    messages = [m for m in mido.MidiFile(tmp_path / "take.mid") if not m.is_meta]
    assert [m.type for m in messages] == ["note_on", "note_off"]   # the held note is ended
    assert messages[0].time == pytest.approx(event.sample / RATE, abs=0.001)
    rate, sound = wavfile.read(tmp_path / "take.wav")
    assert rate == RATE and np.flatnonzero(sound > 3000).tolist() == [event.sample]


def test_silence_ends_a_take_and_a_sound_begins_the_next(hand_cranked, engine, recorder):
    loud = np.full(256, 0.1, np.float32)

    def hear(block, seconds):
        for _ in range(round(seconds * RATE / 256)):
            hand_cranked.crank(block)
        recorder._write()

    hear(loud, 1.0)
    for _ in range(3):
        hear(np.zeros(256, np.float32), 6.0)
    assert not recorder.recording and len(recorder.folder.takes()) == 1
    hear(loud, 1.0)
    recorder.close()
    assert len(recorder.folder.takes()) == 2
    assert {take.info.source for take in recorder.folder.takes()} == {"input"}


def hear_and_strike(card, engine, recorder, eventually, source):
    """A second of sound at the input, and a key, while `source` is listened to."""
    engine.set_source(source)
    engine.note_on(64, 100, source="keys")
    for _ in range(round(RATE / 256)):
        card.crank(np.full(256, 0.1, np.float32))
    assert eventually(lambda: recorder._events)
    recorder._write()


@pytest.mark.parametrize("sources", [("input", "synth"), ("synth", "input")])
def test_another_source_is_another_take(hand_cranked, engine, recorder, eventually, sources):
    for source in sources:
        for _ in range(2):  # by the first it is noticed
            hear_and_strike(hand_cranked, engine, recorder, eventually, source)
    recorder.close()
    assert [take.info.source for take in recorder.folder.takes()] == list(reversed(sources))


def test_another_piece_is_another_take(hand_cranked, engine, recorder, eventually):
    for piece in ("Duet", "A piece"):
        recorder.piece_name = piece
        for _ in range(2):
            hear_and_strike(hand_cranked, engine, recorder, eventually, "synth")
    recorder.close()
    assert [take.info.piece for take in recorder.folder.takes()] == ["A piece", "Duet"]


def test_what_the_old_clock_of_a_card_has_left_belongs_to_the_take_that_it_ends(
        hand_cranked, engine, recorder, eventually):
    play(hand_cranked, engine, recorder, eventually)
    engine.note_on(65, 100, source="midi")
    hand_cranked.crank()
    assert eventually(lambda: recorder._events)
    engine.use_stream(hand_cranked.at_rate(48_000))
    engine.note_on(66, 100, source="midi")
    hand_cranked.crank()
    assert eventually(lambda: len(recorder._events) == 2)
    beside_the_clock = Event(engine.mixer.clock.sample + 100, "note_on", 67, 100, source="midi")
    recorder.note(beside_the_clock)  # of a block that is being taken in
    recorder._write()
    recorder.close()
    new, old = recorder.folder.takes()
    kept = [recorder.folder.events(take.key) for take in (old, new)]
    assert [[event.data1 for event in events] for events in kept] == [[64, 65], [66, 67]]
    assert (old.info.rate, new.info.rate) == (RATE, 48_000)
    assert max(event.sample for event in kept[1]) < 512


def test_a_demo_alone_is_not_captured(hand_cranked, engine, recorder):
    engine.set_source("synth")
    engine.submit(Event(100, "note_on", 60, 100, source="demo"))
    for _ in range(200):
        hand_cranked.crank()
    recorder._write()
    assert not recorder.recording


def test_a_full_disk_is_told_once_and_playing_goes_on(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    play(hand_cranked, engine, recorder, eventually)
    engine.take_messages()

    monkeypatch.setattr("app.engine.take_files.os.write", full)
    for _ in range(4):
        hand_cranked.crank(np.full(256, 0.5, np.float32))
        recorder._write()
    (message,) = engine.take_messages()
    assert "first 1 s of this take are kept" in message and "No space left" in message
    assert "playing goes on" in message
    sample = engine.sample
    hand_cranked.crank()
    assert engine.sample == sample + 256
    monkeypatch.undo()
    (kept,) = recorder.folder.takes()   # what was written stays, and is listed while the disk is full
    assert len(recorder.folder.events(kept.key)) == 1 and not kept.info.closed
    assert [take.key for take in recorder.folder.recover()] == [kept.key]
    assert recorder.folder.find(kept.key).info.closed and recorder.folder.unfinished() == []
    monkeypatch.setattr("app.engine.takes.RETRY_S", 0.0)
    play(hand_cranked, engine, recorder, eventually)
    assert recorder.recording   # there is room again


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_from_the_start_is_told_once_and_leaves_no_folders(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    monkeypatch.setattr("app.engine.takes.RETRY_S", 0.0)
    engine.take_messages()
    with monkeypatch.context() as patch:
        patch.setattr("app.engine.take_files.replace_file", full)
        for _ in range(3):
            play(hand_cranked, engine, recorder, eventually)
    (message,) = engine.take_messages()
    assert message.startswith("What you play is not captured (No space left")
    assert list(recorder.folder.folder.iterdir()) == []
    assert recorder.hindrance == "No space left on device"
    play(hand_cranked, engine, recorder, eventually)
    assert recorder.recording and recorder.hindrance == ""


def test_a_take_that_cannot_be_closed_is_listed_and_taken_in_later(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    play(hand_cranked, engine, recorder, eventually)
    with monkeypatch.context() as patch:
        patch.setattr("app.engine.take_files.replace_file", full)
        recorder.close()
        assert [take.key for take in recorder.folder.recover()] == [recorder.folder.takes()[0].key]
        assert not recorder.folder.takes()[0].info.closed
        with pytest.raises(TakeError, match="Free some disk space"):
            recorder.folder.rename(recorder.folder.takes()[0].key, "the good one")
    recorder.folder.recover()
    assert recorder.folder.takes()[0].info.closed


def test_a_fault_that_is_none_of_the_disks_does_not_end_the_capture(
        hand_cranked, engine, recorder, eventually, monkeypatch):
    monkeypatch.setattr("app.engine.takes.WRITE_EVERY_S", 0.005)
    with monkeypatch.context() as patch:
        patch.setattr("app.engine.takes._loud", lambda block: 1 / 0)
        recorder.start()
        assert eventually(lambda: any("what is captured" in said for said in engine.take_messages()))
    for _ in range(100):
        hand_cranked.crank(np.full(256, 0.5, np.float32))
    assert eventually(lambda: recorder.recording)


def test_kill_9_loses_less_than_a_second(tmp_path):
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from app.devices.audio import NONE, AudioChoice, AudioSystem
        from app.devices.null import NullBackend
        from app.engine.engine import Engine
        from app.engine.take_files import TakeFolder
        from app.engine.takes import TakeRecorder
        from app.engine.voice import SilentInstrument
        engine = Engine(AudioSystem([], NullBackend()), AudioChoice(NONE, NONE),
                        lambda rate: (SilentInstrument(), None))
        recorder = TakeRecorder(engine, TakeFolder(Path({str(tmp_path)!r})))
        engine.set_source("synth")
        engine.start()
        recorder.start()
        for number in range(1000):
            engine.note_on(number % 128, 100)
            print(number, flush=True)
            time.sleep(0.05)
    """)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 50:
            break
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    last = max([50, *(int(line) for line in process.stdout.read().split())])
    process.wait()
    folder = TakeFolder(tmp_path)
    assert folder.takes() == folder.unfinished()
    (left,) = folder.recover()
    (take,) = folder.takes()
    assert take.key == left.key and folder.unfinished() == []
    played = [event.data1 for event in folder.events(take.key)]
    assert played == list(range(len(played)))
    assert len(played) > last - 20 and take.duration_s > 2.5


def write_take(folder, key, seconds=1.0, closed=True, owner=(0, 0.0)):
    writer = TakeWriter(folder, key, TakeInfo(RATE, f"2024-01-01T00:00:0{key[-1]}", "synth", owner=owner))
    writer.add_audio(np.zeros(round(seconds * RATE), np.float32))
    writer.add_events([Event(10, "note_on", 60, 90), Event(50, "note_off", 60)])
    writer.close() if closed else writer.abandon()


def test_takes_of_a_running_program_are_not_called_lost(tmp_path):
    from app.engine.take_files import this_process

    write_take(tmp_path, "mine1", closed=False, owner=this_process())
    write_take(tmp_path, "dead2", closed=False, owner=(2**22 + 5, 1.0))
    assert [take.key for take in TakeFolder(tmp_path).unfinished()] == ["dead2"]


def test_damage_is_survived(tmp_path):
    folder = TakeFolder(tmp_path)
    write_take(tmp_path, "good1")
    write_take(tmp_path, "cut2")
    with (tmp_path / "cut2" / EVENTS).open("ab") as log:
        log.write(b"99 note_on 6")          # the crash came here
    (tmp_path / "cut2" / AUDIO).write_bytes((tmp_path / "cut2" / AUDIO).read_bytes()[:-1])
    write_take(tmp_path, "junk3")
    (tmp_path / "junk3" / INFO).write_text("{")
    (tmp_path / "file").write_text("not a take")
    assert [take.key for take in folder.takes()] == ["good1", "cut2"]
    assert len(folder.events("cut2")) == 2 and len(folder.audio("cut2")) == RATE - 1
    with pytest.raises(TakeError, match="not there"):
        folder.rename("junk3", "x")
    with pytest.raises(TakeError):
        folder.find("../good1")


@pytest.mark.parametrize("text", [
    "[" * 100_000, '{"rate": 1e999, "started": "2024", "source": "synth"}',
    *(json.dumps({"rate": RATE, "started": "2024", "source": "synth", **damage}) for damage in (
        {"name": 5}, {"piece": None}, {"started": 5}, {"rate": "44100"}, {"rate": 0}, {"owner": [1]},
        {"owner": 3}, {"owner": ["a", "b"]},
    )),
])
def test_a_take_that_says_nonsense_hides_no_other(tmp_path, text):
    folder = TakeFolder(tmp_path)
    write_take(tmp_path, "good1")
    write_take(tmp_path, "odd2")
    (tmp_path / "odd2" / INFO).write_text(text)
    assert folder.recover() == [] and [take.key for take in folder.takes()] == ["good1"]
    assert (tmp_path / "odd2" / AUDIO).exists()


def test_a_folder_that_cannot_be_listed_keeps_nobody_from_playing(tmp_path):
    (tmp_path / "takes").write_text("in the way")
    for place in ("takes", "nowhere"):
        folder = TakeFolder(tmp_path / place)
        assert not (folder.takes() or folder.recover() or folder.prune())


def test_events_that_no_instrument_knows_are_left_out(tmp_path):
    write_take(tmp_path, "take1")
    for line in ("-5 note_on 60 90 0 midi", "5 note_on 300 90 0 midi", "5 note_on 60 -1 0 midi",
                 "5 note_on 60 90 16 midi", f"{10**30} note_on 60 90 0 midi", "5 hum 60 90 0 midi"):
        with (tmp_path / "take1" / EVENTS).open("a") as log:
            log.write(line + "\n")
    assert len(TakeFolder(tmp_path).events("take1")) == 2


def test_naming_keeps_a_take_from_being_pruned(tmp_path):
    folder = TakeFolder(tmp_path)
    for number in (1, 2, 3):
        write_take(tmp_path, f"take{number}")
    folder.rename("take1", "  the good one ")
    assert folder.prune(kept_bytes=100_000) == ["take2"]
    assert [take.title for take in folder.takes()] == ["2024-01-01 00:00:03", "the good one"]
    folder.delete("take1")
    assert [take.key for take in folder.takes()] == ["take3"]


def test_saving_where_one_cannot_is_an_error_that_says_so(tmp_path):
    write_take(tmp_path, "take1")
    with pytest.raises(TakeError, match="cannot be written"):
        TakeFolder(tmp_path).save_midi("take1", tmp_path / "no" / "folder.mid")


def test_an_export_onto_a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path, monkeypatch):
    write_take(tmp_path / "takes", "take1")
    (tmp_path / "take.wav").write_text("old")
    monkeypatch.setattr("scipy.io.wavfile.write", full)
    with pytest.raises(TakeError, match="No space left"):
        TakeFolder(tmp_path / "takes").save_wav("take1", tmp_path / "take.wav")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["take.wav"]
    assert (tmp_path / "take.wav").read_text() == "old"


def test_unknown_fields_of_a_later_version_do_no_harm(tmp_path):
    write_take(tmp_path, "take1")
    fields = json.loads((tmp_path / "take1" / INFO).read_text())
    (tmp_path / "take1" / INFO).write_text(json.dumps({**fields, "colour": "blue"}))
    assert len(TakeFolder(tmp_path).takes()) == 1


def test_a_replay_plays_the_same_events_and_is_not_captured(
        hand_cranked, engine, recorder, eventually, impulses):
    play(hand_cranked, engine, recorder, eventually)
    recorder.close()
    (take,) = recorder.folder.takes()
    impulses.log.clear()
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play(take.key)

    def played():
        hand_cranked.crank()
        recorder._write()
        return ("on", 64) in impulses.log and not replay.playing

    assert eventually(played)
    assert len(recorder.folder.takes()) == 1 and not recorder.recording
    replay.stop()
    assert not recorder.on_hold


def test_a_replay_ends_the_take_that_runs_with_all_that_was_played(
        hand_cranked, engine, recorder, eventually):
    write_take(recorder.folder.folder, "take1")
    play(hand_cranked, engine, recorder, eventually)
    engine.note_on(65, 100, source="midi")
    hand_cranked.crank()
    assert eventually(lambda: recorder._events)
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play("take1")
    recorder._write()
    assert not recorder.recording
    replay.stop()
    (take,) = (take for take in recorder.folder.takes() if take.key != "take1")
    events = recorder.folder.events(take.key)
    assert [event.data1 for event in events] == [64, 65]
    assert np.flatnonzero(recorder.folder.audio(take.key) > 0.1).tolist() == [e.sample for e in events]


def test_what_somebody_plays_beside_a_replay_is_captured_and_the_replay_is_not(
        hand_cranked, engine, recorder, eventually):
    """The microphone hears the loudspeaker: that alone begins no take, nor is it what is replayed of one."""
    write_take(recorder.folder.folder, "take1", seconds=10.0)
    engine.set_source("input")
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play("take1")

    def go_on(blocks=10):
        for _ in range(blocks):
            hand_cranked.crank(np.full(256, 0.1, np.float32))
        recorder._write()

    go_on()
    assert not recorder.recording
    engine.note_on(64, 100, source="midi")
    go_on(0)
    assert eventually(lambda: go_on() or recorder.recording)
    replay.stop()
    go_on()
    assert not recorder.recording
    recorder.close()
    (take,) = (take for take in recorder.folder.takes() if take.key != "take1")
    assert take.info.source == "synth"
    assert [(e.data1, e.source) for e in recorder.folder.events(take.key)] == [(64, "midi")]


def heard_take(folder, rate=RATE, seconds=1.0):
    """A take of a microphone that heard a tone of 9 kHz."""
    writer = TakeWriter(folder, "take1", TakeInfo(rate, "2024-01-01T00:00:00", "input"))
    writer.add_audio(0.5 * np.sin(2 * np.pi * 9000 * np.arange(round(seconds * rate)) / rate))
    writer.close()


def test_what_a_microphone_heard_is_replayed_at_the_cards_rate(hand_cranked, engine, recorder, eventually):
    heard_take(recorder.folder.folder, 96_000)
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play("take1")
    played = []

    def ended():
        played.append(hand_cranked.crank()[:, 0])
        return not replay.playing

    assert eventually(ended)
    sound = np.concatenate(played)
    sound = sound[np.flatnonzero(np.abs(sound) > 0.01)[0]:][1000:40_000]
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(power) * RATE / len(sound) == pytest.approx(9000, abs=5)
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.01)


def test_a_take_that_is_stopped_while_it_is_read_does_not_sound(engine, recorder, eventually, monkeypatch):
    heard_take(recorder.folder.folder)
    read, go_on = threading.Event(), threading.Event()

    def slowly(sound, *rates):
        read.set()
        go_on.wait(20)
        return sound

    monkeypatch.setattr("app.engine.replay.at_rate", slowly)
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play("take1")
    assert replay.playing and recorder.on_hold and read.wait(20)
    replay.stop()
    assert not replay.playing and not recorder.on_hold
    go_on.set()
    assert eventually(lambda: all(thread.name != "replay" for thread in threading.enumerate()))
    assert len(engine.mixer._clip[0]) == 0


def faulty(*_):
    raise ZeroDivisionError("a fault")


@pytest.mark.parametrize(("read", "sentence"), [
    (full, "This take cannot be read (No space left on device)."),
    (faulty, "This take cannot be replayed; details are in the log."),
])
def test_a_take_that_cannot_be_read_is_told_and_does_not_stop_the_capture(
        engine, recorder, monkeypatch, eventually, read, sentence):
    heard_take(recorder.folder.folder)
    monkeypatch.setattr("app.engine.replay.at_rate", read)
    replay = TakeReplay(engine, recorder.folder, recorder)
    replay.play("take1")
    assert eventually(lambda: not replay.playing)
    assert sentence in engine.take_messages()
    replay.stop()
    assert not recorder.on_hold
