"""The launchpad's scene: what it shows of a snapshot."""

from dataclasses import replace

import numpy as np
import pytest

from app.scenes.launchpad_looks import onset_owners, row_looks, struck_patterns
from app.sessions.launchpad import AGENT, YOU, LaunchpadSnapshot, Song
from app.sessions.launchpad.words import describe, note_names
from app.widgets.pads import LOCK, Pad, RowLook, face_of
from models.launchpad.instrument import LAUNCHPAD
from tests.app.scenes.fake_launchpad import C3, pad_centre, random_snapshot


def test_rows_are_named_by_pitch_with_real_signs():
    names = [f"{row.name}{row.octave}" for row in row_looks(LaunchpadSnapshot())]
    assert names[:4] == ["B2", "C3", "C♯3", "D3"] and names[-1] == "B♭4" and len(names) == 24
    assert "E♭3" in names and "F♯4" in names


@pytest.mark.parametrize(
    ("tonic", "scale", "there"),
    [(7, "minor", "E♭"), (4, "major", "G♯"), (9, "major", "C♯"), (5, "major", "B♭"), (2, "dorian", "E♭")],
)
def test_a_key_spells_its_notes_with_its_own_signs(tonic, scale, there):
    assert there in note_names(tonic, scale)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_struck_at_each_step_is_exactly_the_bars_roll(seed):
    grid = LAUNCHPAD.random(np.random.default_rng(seed))
    roll = LAUNCHPAD.rolls(grid)
    for step in range(LAUNCHPAD.steps):
        struck = struck_patterns(grid, step)
        assert [row for row, _ in struck] == np.flatnonzero(roll[:, step]).tolist()
        assert all(grid[row, 0] >> pattern & 1 for row, pattern in struck)


def test_every_beat_of_the_roll_has_the_owner_of_its_pattern():
    grid, owners = LAUNCHPAD.empty(), np.zeros((24, 13), np.int8)
    grid[3] = 1 << 3 | 1 << 4, 0
    owners[3, 3], owners[3, 4] = YOU, AGENT
    onsets = onset_owners(grid, owners)
    assert np.flatnonzero(onsets[3] == YOU).tolist() == [7, 23, 39, 55]
    assert np.flatnonzero(onsets[3] == AGENT).tolist() == [15, 47]
    assert (onsets[np.arange(24) != 3] == -1).all()
    busy = random_snapshot(5)
    assert ((onset_owners(busy.grid, busy.owners) >= 0) == LAUNCHPAD.rolls(busy.grid)).all()


def test_a_start_belongs_to_nobody_and_can_be_kept(one):
    one.launchpad.start_from("triad")
    one.launchpad.keep_part()
    one.frame(2)
    assert {note.owner for row in row_looks(one.launchpad.snapshot) for note in row.notes} == {""}
    assert one.scene.name == "launchpad" and one.toasts == []


def test_a_press_is_queued_while_a_bar_plays_and_on_at_once_while_none_does():
    song = Song()
    song.press(LAUNCHPAD.toggle(C3, 2))
    resting = LaunchpadSnapshot(grid=song.grid, owners=song.owners)
    assert row_looks(resting)[C3].pads[2] == Pad(True, "you")
    playing = row_looks(replace(resting, state="playing"))[C3]
    assert playing.pads[2] == Pad(False, "", True, "you")
    assert {note.queued for note in playing.notes} == {True} and len(playing.notes) == 8


def test_what_is_switched_off_stays_until_the_bar_ends_and_is_marked():
    snapshot = random_snapshot(1)
    row, pattern = struck_patterns(snapshot.playing, 0)[0]
    later = LAUNCHPAD.press(snapshot.playing, LAUNCHPAD.toggle(row, pattern))
    look = row_looks(replace(snapshot, grid=later))[row]
    assert look.pads[pattern].on and look.pads[pattern].queued is False
    assert any(note.going and note.step == 0 for note in look.notes)


def test_the_agents_intention_is_lit_and_said():
    snapshot = replace(LaunchpadSnapshot(), next_action=LAUNCHPAD.toggle(20, 3))
    looks = row_looks(snapshot)
    assert [(r, c) for r in range(24) for c in range(13) if looks[r].pads[c].intended] == [(20, 3)]


def test_grid_undo_and_next_move_call_a_button_by_the_same_name(one):
    one.frame()
    assert describe(LAUNCHPAD.nothing, one.launchpad.song.grid) == "nothing"
    for column in range(LAUNCHPAD.columns):
        one.launchpad.press(C3, column)
        one.frame()
        name = one.scene.grid.words(C3, column).split("  ")[1].split(" · ")[0]
        assert one.scene.desk.now.undo_label.removesuffix(" on") == f"C3 {name}"


def test_a_row_is_spelt_in_the_key_everywhere(one):
    one.launchpad.set_key(4, "major")
    one.launchpad.press(9, 3)
    one.frame()
    assert one.scene.grid.rows[9].row.name == "G♯"
    assert one.scene.desk.now.undo_label == "G♯3 1/4 on"
    assert one.scene.menus.row(9, print)[0].label == "Mute G♯3"


def test_pads_differ_by_more_than_colour():
    row = RowLook("C", 3, True)
    yours, agents = (face_of(Pad(True, owner), row) for owner in ("you", "agent"))
    assert yours.sign != agents.sign
    queued, playing = face_of(Pad(False, "", True, "you"), row), face_of(Pad(True, "you"), row)
    assert queued.outline and not playing.outline and queued.ground != playing.ground


def test_rows_of_the_key_stand_out_and_silent_rows_step_back(one):
    one.launchpad.song.set_key(7, "minor")
    one.launchpad.song.mute(8)
    one.launchpad.show()
    one.frame()
    looks = [row.row for row in one.scene.grid.rows]
    assert [look.tonic for look in looks].count(True) == 2 and looks[8].silent
    assert one.pixel(pad_centre(one, 8, 0)) != one.pixel(pad_centre(one, 9, 0))


def test_the_hint_of_a_pad_says_what_it_does(one):
    grid = one.scene.grid
    assert grid.words(C3, 3) == "C3  1/4 · 4 beats a bar"
    assert grid.words(C3, 11) == "C3  +16 · later by a quarter"
    assert "Lock" in grid.words(C3, LOCK)
