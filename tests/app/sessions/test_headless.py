"""From a file to a trace: the contract's columns, repeatable to the last byte, equal to live."""
from __future__ import annotations

import csv

import mido
import numpy as np
import pytest
from scipy.io import wavfile

from app.engine.frontend import FrontEnd
from app.engine.runner import InlineRunner
from app.sessions.follow import FollowSession, run_headless
from app.sessions.headless import COLUMNS, follow_sound
from models.game import Truth
from models.performance import perform
from models.players import Decision, OptimalPlayer
from models.sound import NoSynth, render_performance
from pieces.errors import RipienoError

RATE = 44_100


class Listener:
    """A player whose every step depends on every sample of its frame."""

    def open(self, piece) -> None: ...

    def reset(self, x_px, speed_px_per_frame=0.0) -> None:
        self.x_px = x_px

    def step(self, frame) -> Decision:
        self.x_px += float(frame.sum()) / 30
        return Decision(0.0, self.x_px, float(frame.max()), confidence=float(frame.mean()))


@pytest.fixture(scope="module")
def performed(tune):
    """A performance and its sound, (n,) float32 at 44,100 Hz."""
    performance = perform(tune, seed=3)
    try:
        return performance, render_performance(performance, RATE)
    except NoSynth as error:
        pytest.skip(str(error))


def optimal(tune, performance) -> OptimalPlayer:
    return OptimalPlayer(Truth.from_onsets(performance.anchors_s, tune.onset_x_px))


@pytest.fixture
def wav(tmp_path, performed):
    path = tmp_path / "played.wav"
    wavfile.write(path, RATE, performed[1])
    return path


def test_the_trace_is_what_the_contract_says(tmp_path, tune, performed, wav):
    summary = run_headless(tune, optimal(tune, performed[0]), wav, trace_path=tmp_path / "out.tsv")
    with (tmp_path / "out.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == summary.frames == -(-len(performed[1]) * 20 // RATE)
    times_s = np.array([float(row["time_s"]) for row in rows])
    inside = times_s < len(performed[1]) / RATE - 0.06
    ends_s = (np.floor(np.arange(len(rows)) * 1102.5) + 1024) / 22_050
    assert np.abs(times_s - ends_s)[inside].max() < 0.001
    assert times_s.max() <= len(performed[1]) / RATE + 1e-6
    assert rows[0]["x_px"] == f"{tune.onset_x_px[0]:.3f}" and rows[0]["measure"] == "1"
    assert rows[-1]["measure"] == "4" and summary.reached_end and summary.state == "finished"
    for row in rows[:: len(rows) // 7]:
        place = tune.place_at_x(float(row["x_px"]))
        found = (int(row["page"]), int(row["system"]), row["measure"])
        assert found == (place.page, place.system, place.measure)
        assert float(row["page_x_px"]) == pytest.approx(place.page_x_px, abs=0.01)
        assert float(row["quarters"]) == pytest.approx(place.quarters, abs=0.001)


def test_twice_the_same_to_the_last_byte(tmp_path, tune, wav):
    for name in ("a.tsv", "b.tsv"):
        run_headless(tune, Listener(), wav, trace_path=tmp_path / name)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


@pytest.mark.parametrize("blocks", [[256], [480, 37, 5000]])
def test_live_is_offline(tune, performed, engine, hand_cranked, eventually, blocks):
    """The same sound through the running engine gives the same decisions at the same samples."""
    sound = performed[1][: 6 * RATE]
    offline = [
        (s.sample, s.state, s.x_px, s.confidence)
        for s in follow_sound(tune, InlineRunner(Listener()), sound, RATE)
    ]
    session = FollowSession(tune, engine=engine, runner=InlineRunner(Listener()))
    assert session.wait_ready()
    live = []

    def record(heard, base):
        snapshot = session._hear(heard, base)
        live.append((snapshot.sample, snapshot.state, snapshot.x_px, snapshot.confidence))
        return snapshot

    engine.set_listener(record)
    session.start()
    assert eventually(lambda: session._following.state == "waiting")
    begin, turn = 0, 0
    while begin < len(sound):
        size = blocks[turn % len(blocks)]
        hand_cranked.crank(sound[begin:begin + size])
        begin, turn = begin + size, turn + 1
    complete = len(FrontEnd(RATE).push(sound))   # the file's last frame reaches past its end
    assert eventually(lambda: len(live) == complete)
    assert live == offline[:complete]
    session.close()


def test_midi_is_rendered_and_followed(tmp_path, tune, performed):
    performance = performed[0]
    performance.save_midi(tmp_path / "played.mid")
    summary = run_headless(tune, optimal(tune, performance), midi_path=tmp_path / "played.mid")
    assert summary.reached_end


def test_midi_with_a_hanging_note_and_no_tempo(tmp_path, tune, performed):
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=80, time=100),
                            mido.Message("note_on", note=64, velocity=80, time=480)])
    midi = mido.MidiFile()
    midi.tracks.append(track)
    midi.save(tmp_path / "hanging.mid")
    summary = run_headless(tune, Listener(), midi_path=tmp_path / "hanging.mid")
    assert summary.frames > 20
    (tmp_path / "junk.mid").write_bytes(b"MThd nothing")
    with pytest.raises(RipienoError, match=r"junk\.mid"):
        run_headless(tune, Listener(), midi_path=tmp_path / "junk.mid")


def test_midi_that_claims_to_last_for_years_is_refused(tmp_path, tune):
    midi = mido.MidiFile(ticks_per_beat=1)
    notes = [mido.Message("note_on", note=60, velocity=80), mido.Message("note_off", note=60, time=2**28 - 1)]
    midi.tracks.append(mido.MidiTrack(notes))
    midi.save(tmp_path / "years.mid")
    with pytest.raises(RipienoError, match=r"years\.mid lasts 2,236,962 minutes, 60 can be followed"):
        run_headless(tune, Listener(), midi_path=tmp_path / "years.mid")


def test_silence_waits_to_the_end(tmp_path, tune):
    wavfile.write(tmp_path / "silence.wav", 48_000, np.zeros((48_000 * 3, 2), np.int16))
    summary = run_headless(tune, Listener(), tmp_path / "silence.wav", trace_path=tmp_path / "t.tsv")
    assert summary.frames == 60 and summary.state == "waiting" and not summary.reached_end


def test_a_file_shorter_than_a_frame(tmp_path, tune):
    wavfile.write(tmp_path / "short.wav", RATE, np.ones(1, np.int16))
    assert run_headless(tune, Listener(), tmp_path / "short.wav").frames == 1


def test_a_trace_that_cannot_be_written(tmp_path, tune, wav):
    with pytest.raises(RipienoError, match="cannot be written"):
        run_headless(tune, Listener(), wav, trace_path=tmp_path / "no" / "t.tsv")


def test_who_gives_up_leaves_no_half_of_a_trace(tmp_path, tune, wav):
    def give_up(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_headless(tune, Listener(), wav, trace_path=tmp_path / "out.tsv", progress=give_up)
    assert list(tmp_path.iterdir()) == [wav]


def test_progress_runs_up_to_the_end(tune, wav):
    shares: list[float] = []
    run_headless(tune, Listener(), wav, progress=shares.append)
    assert shares == sorted(shares) and 0.8 < shares[-1] <= 1.0
