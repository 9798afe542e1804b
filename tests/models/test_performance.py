"""Performances: deterministic, in order, as free as the style says, and safe to read from any file."""

import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import SPEC
from models.liberties import LONG_QUARTERS, ORNAMENTED_S
from models.performance import HUMAN, LEAD_IN_S, STRICT, Performance, PlayedNote, load_midi, perform
from models.sound import Synth, render_performance
from pieces.errors import RipienoError
from pieces.opening import open_piece


@pytest.fixture(scope="module")
def piece():
    return open_piece("minuet-g-minor-petzold")


def test_same_seed_same_performance(piece):
    assert perform(piece, 3).notes == perform(piece, 3).notes
    assert perform(piece, 3).notes != perform(piece, 4).notes


def test_strict_style_plays_the_written_times(piece):
    played = perform(piece, 1, STRICT, tempo_factor=2.0)
    second = 60.0 / piece.tempo_bpm / 2.0
    expected = LEAD_IN_S + piece.onset_quarters * second
    assert np.allclose(played.anchors_s, expected, atol=1e-6)
    written = {(note.quarters, note.pitch) for note in piece.notes}
    assert sorted((note.quarters, note.pitch) for note in played.notes) == sorted(written)


def test_human_style_deviates_and_keeps_the_order(piece):
    played = perform(piece, 2)
    intervals = np.diff(played.anchors_s) / np.diff(played.anchors_quarters)
    assert intervals.std() / intervals.mean() > 0.04
    assert np.all(np.diff(played.anchors_s) > 0)
    velocities = [note.velocity for note in played.notes]
    assert np.std(velocities) > 5
    right = [(note.onset_s, note.quarters) for note in played.notes if note.quarters is not None]
    away = [abs(onset_s - float(played.time_at(quarters))) for onset_s, quarters in right]
    assert np.median(away) < 0.03


def test_liberties_of_a_player_do_not_change_the_rest(piece):
    """Whoever takes none draws nothing for them; whoever only adds ornaments keeps time as before."""
    usual = perform(piece, 3)
    ornamented = perform(piece, 3, replace(HUMAN, ornament_rate=1.0))
    assert np.array_equal(usual.anchors_s, ornamented.anchors_s)
    long = [note for note in usual.notes if note.duration_s >= ORNAMENTED_S]
    added = len(ornamented.notes) - len(usual.notes)
    assert added > len(long) > 0
    assert sum(note.quarters is not None for note in ornamented.notes) == sum(
        note.quarters is not None for note in usual.notes
    )
    nobody_wrote = [note for note in ornamented.notes if note.quarters is None]
    assert {abs(note.pitch - other.pitch) for note in nobody_wrote for other in usual.notes} & {1, 2}


def test_sections_have_their_own_tempo_and_long_notes_their_own_length(piece):
    strict, free = perform(piece, 1, STRICT), perform(piece, 1, replace(STRICT, section_tempo=0.5))
    ratio = np.diff(free.anchors_s) / np.diff(strict.anchors_s)
    assert ratio.max() / ratio.min() > 1.5 and np.median(np.abs(np.diff(ratio))) < 1e-6
    held = perform(piece, 1, replace(STRICT, hold_rate=1.0))
    gaps, written = np.diff(held.anchors_s) / np.diff(strict.anchors_s), np.diff(piece.onset_quarters)
    assert gaps[written >= LONG_QUARTERS].std() > 0.3
    assert np.allclose(gaps[written < LONG_QUARTERS], 1.0)


@pytest.mark.parametrize(("downward", "lowest_first"), [(0.0, True), (1.0, False)])
def test_chords_are_rolled_from_either_end(downward, lowest_first):
    piece = open_piece("gymnopedie-1")
    rolled = replace(STRICT, arpeggio_rate=1.0, roll_down_rate=downward)
    by_quarter = defaultdict(list)
    for note in perform(piece, 1, rolled).notes:
        by_quarter[note.quarters].append((note.onset_s, note.pitch))
    chords = [sorted(chord) for chord in by_quarter.values() if len(chord) > 2]
    assert chords
    for chord in chords:
        pitches = [pitch for _, pitch in chord]
        assert pitches == sorted(pitches, reverse=not lowest_first)


def test_wrong_notes_are_marked(piece):
    wrong = [note for seed in range(6) for note in perform(piece, seed).notes if note.quarters is None]
    assert 2 <= len(wrong) <= 60


def test_midi_round_trip(piece, tmp_path):
    played = perform(piece, 5)
    played.save_midi(tmp_path / "take.mid")
    read = load_midi(tmp_path / "take.mid")
    assert len(read.notes) == len(played.notes)
    assert np.allclose([n.onset_s for n in read.notes], [n.onset_s for n in played.notes], atol=0.002)


def test_hanging_notes_end_and_a_file_without_tempo_is_read(tmp_path):
    midi = mido.MidiFile()
    midi.tracks.append(mido.MidiTrack([mido.Message("note_on", note=60, velocity=90, time=480)]))
    midi.save(tmp_path / "hanging.mid")
    (note,) = load_midi(tmp_path / "hanging.mid").notes
    assert note.onset_s == pytest.approx(0.5)
    assert 0 < note.duration_s <= 20


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_junk_is_refused_or_read_but_never_crashes(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("junk") / "junk.mid"
    path.write_bytes(junk)
    with pytest.raises(RipienoError) as refused:
        load_midi(path)
    assert "\n" not in str(refused.value)


def test_a_file_without_notes_says_so(tmp_path):
    mido.MidiFile().save(tmp_path / "empty.mid")
    with pytest.raises(RipienoError, match="no note"):
        load_midi(tmp_path / "empty.mid")


def test_rendered_onsets_are_where_they_should_be():
    notes = tuple(PlayedNote(0.5 + 0.7 * k, 0.3, 60 + k, 100) for k in range(4))
    audio = render_performance(Performance(notes), SPEC.sample_rate)
    for note in notes:
        start = round(note.onset_s * SPEC.sample_rate)
        before = np.abs(audio[start - 400 : start]).max()
        after = np.abs(audio[start : start + 400]).max()
        assert after > 4 * before + 1e-3


def test_all_off_silences_held_notes_and_pedal():
    synth = Synth(22_050)
    synth.control_change(64, 127)
    synth.note_on(60, 120)
    assert np.abs(synth.render(4000)).max() > 0.01
    synth.all_off()
    synth.render(22_050)
    assert np.abs(synth.render(4000)).max() < 0.002
    synth.close()


def test_loading_the_library_prints_nothing_even_under_ci():
    program = "from models.sound import Synth; Synth(22050).close()"
    run = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "CI": "true"}, capture_output=True, check=True
    )
    assert run.stdout == b""
