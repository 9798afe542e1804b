"""The launchpad's scene: what it shows of a snapshot, what a press asks of the session, how it moves."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest

from app import theme
from app.scenes.launchpad_looks import (
    move_words,
    note_names,
    onset_owners,
    row_looks,
    struck_patterns,
)
from app.sessions.launchpad import AGENT, YOU, LaunchpadSnapshot, Song
from app.sessions.launchpad.starts import save_grid
from app.widgets.pads import LOCK, MUTE, SOLO, Pad, RowLook, face_of
from app.widgets.painter import Painter
from models.launchpad.instrument import LAUNCHPAD
from pieces.errors import RipienoError

C3 = 1
"""The row of the second key."""


@pytest.fixture
def one(stage):
    return stage(mode="launchpad")


def pad_centre(one, row: int, column: int) -> tuple[int, int]:
    return one.scene.grid.cell_rect(row, column).center


def pixel(one, place: tuple[float, float]) -> tuple[int, ...]:
    scale = one.window.scale
    return tuple(one.window.surface.get_at((round(place[0] * scale), round(place[1] * scale))))[:3]


def random_snapshot(seed: int) -> LaunchpadSnapshot:
    rng = np.random.default_rng(seed)
    grid = LAUNCHPAD.random(rng)
    owners = rng.integers(1, 3, (LAUNCHPAD.keys, LAUNCHPAD.columns)).astype(np.int8)
    return LaunchpadSnapshot(state="playing", playing=grid, playing_owners=owners, grid=grid, owners=owners)


# --- what a snapshot looks like -----------------------------------------------------------------------


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
    assert ((onset_owners(*_random(5)) >= 0) == LAUNCHPAD.rolls(_random(5)[0])).all()


def test_a_start_belongs_to_nobody_and_can_be_kept(one):
    one.launchpad.start_from("triad")
    one.launchpad.keep_part()
    one.frame(2)
    assert {note.owner for row in row_looks(one.launchpad.snapshot) for note in row.notes} == {""}
    assert one.scene.name == "launchpad" and one.toasts == []


def _random(seed: int):
    snapshot = random_snapshot(seed)
    return snapshot.playing, snapshot.playing_owners


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
    assert move_words(snapshot.next_action, snapshot) == "G4 1/4 on"
    assert move_words(LAUNCHPAD.shift(20, 4), snapshot) == "G4 +16"
    assert move_words(LAUNCHPAD.nothing, snapshot) == "nothing"


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
    assert pixel(one, pad_centre(one, 8, 0)) != pixel(one, pad_centre(one, 9, 0))


# --- pressing -----------------------------------------------------------------------------------------


def test_every_pad_can_be_clicked(one):
    for row, column in ((0, 0), (23, 6), (12, 7), (5, 12)):
        one.click(*pad_centre(one, row, column))
        assert one.launchpad.calls[-1] == ("press", row, column)
    for column, name in ((MUTE, "mute"), (SOLO, "solo"), (LOCK, "lock")):
        one.click(*pad_centre(one, 4, column))
        assert one.launchpad.calls[-1] == (name, 4)


def test_your_pads_are_orange_and_the_agents_blue(one):
    one.launchpad.press(C3, 4)
    one.launchpad.song.press(LAUNCHPAD.toggle(C3, 5), "agent")
    one.launchpad.play()
    one.frame(2)
    edge = one.scene.grid.cell_rect(C3, 4)
    assert pixel(one, (edge.x + 8, edge.centery)) == theme.YOU
    edge = one.scene.grid.cell_rect(C3, 5)
    assert pixel(one, (edge.x + 8, edge.centery)) == theme.MACHINE


def test_a_stroke_switches_every_pad_it_crosses_the_same_way(one):
    one.launchpad.press(10, 2)
    one.frame()
    one.launchpad.calls.clear()
    start, end = pad_centre(one, 10, 0), pad_centre(one, 10, 4)
    moves = [(pygame.MOUSEMOTION, x) for x in range(start[0], end[0] + 1, 4)]
    for kind, x in [(pygame.MOUSEBUTTONDOWN, start[0]), *moves, (pygame.MOUSEBUTTONUP, end[0])]:
        pygame.event.post(pygame.event.Event(kind, pos=(x, start[1]), button=1))
        one.frame()
    pressed = [call[2] for call in one.launchpad.calls if call[0] == "press"]
    assert pressed == [0, 1, 3, 4]  # 2 was on


def test_letters_choose_rows_and_digits_press_them(one):
    one.key(pygame.K_g, text="g")
    one.key(pygame.K_4, text="4")
    one.key(pygame.K_2, pygame.KMOD_LSHIFT, '"')
    g3 = 55 - LAUNCHPAD.lowest_pitch
    assert one.launchpad.calls == [("press", g3, 3), ("press", g3, 8)]
    one.key(pygame.K_x, text="x")
    one.key(pygame.K_a, text="a")
    one.key(pygame.K_m, text="m")
    assert one.launchpad.calls[-1] == ("mute", 60 - LAUNCHPAD.lowest_pitch)


def test_the_cursor_reaches_every_button_and_enter_presses_it(one):
    one.key(pygame.K_DOWN)
    seen = set()
    for _ in range(24):
        for _ in range(16):
            seen.add(one.scene.grid.cursor)
            one.key(pygame.K_RIGHT)
        one.key(pygame.K_DOWN)
    assert len(seen) == 24 * 16
    one.key(pygame.K_RETURN)
    row, column = one.scene.grid.cursor
    assert one.launchpad.calls[-1] == ("press", row, column)


def test_undo_and_redo_go_back_and_forth_and_say_what(one):
    for row in (3, 4, 5):
        one.launchpad.press(row, 2)
    one.frame()
    for _ in range(3):
        one.key(pygame.K_z, pygame.KMOD_LCTRL)
    assert not one.launchpad.song.grid[:, 0].any()
    one.key(pygame.K_y, pygame.KMOD_LCTRL)
    one.key(pygame.K_z, pygame.KMOD_LCTRL | pygame.KMOD_LSHIFT)
    assert one.launchpad.song.grid[:, 0].astype(bool).nonzero()[0].tolist() == [3, 4]
    assert any(toast.startswith("Done again") for toast in one.toasts)


def test_a_row_outside_the_locked_key_is_refused_in_words(one):
    one.launchpad.song.set_key(0, "major")
    one.launchpad.song.set_scale_lock("forbid")
    one.launchpad.show()
    one.frame()
    one.click(*pad_centre(one, 2, 3))
    assert "outside the locked key" in one.toasts[0]
    assert not one.launchpad.song.grid[:, 0].any()


# --- transport and panel ------------------------------------------------------------------------------


def test_space_starts_with_the_count_in_that_is_wanted_and_stops(one):
    one.key(pygame.K_n, pygame.KMOD_LCTRL)
    one.key(pygame.K_SPACE, text=" ")
    one.key(pygame.K_SPACE, text=" ")
    assert [call for call in one.launchpad.calls if call[0] in ("start", "stop")] == [
        ("start", 1),
        ("stop", False),
    ]


def test_the_tempo_is_dragged_typed_and_reset_by_a_double_click(one):
    tempo = one.scene.transport.tempo.rect
    one.click(tempo.right - 12, tempo.centery)
    assert one.launchpad.song.arrangement.tempo_bpm > 200
    one.frame()
    one.key(pygame.K_MINUS, text="-")
    one.click(tempo.x + 30, tempo.centery, count=2)
    assert one.launchpad.song.arrangement.tempo_bpm == 120


def test_one_drag_of_a_slider_is_one_step_of_undo(one):
    swing = one.scene.panel.swing.controls[0][0].rect
    for kind, x in ((pygame.MOUSEBUTTONDOWN, swing.x + 20), (pygame.MOUSEMOTION, swing.x + 60),
                    (pygame.MOUSEMOTION, swing.x + 90), (pygame.MOUSEBUTTONUP, swing.x + 90)):  # fmt: skip
        pygame.event.post(pygame.event.Event(kind, pos=(x, swing.centery), button=1))
        one.frame()
    assert one.launchpad.song.arrangement.swing > 0.55
    one.key(pygame.K_z, pygame.KMOD_LCTRL)
    assert one.launchpad.song.arrangement.swing == 0.5


def test_votes_steer_the_agent(one):
    one.launchpad.press(3, 3)
    one.frame()
    one.click(*one.scene.panel.more.rect.center)
    one.key(pygame.K_LEFTBRACKET, text="[")
    assert [vote.weight for vote in one.launchpad.song.arrangement.votes] == [1, -1]


def test_without_an_agent_there_is_nothing_to_vote_on(one):
    one.launchpad.show(agent="")
    one.frame()
    assert not one.scene.panel.more.enabled
    assert one.scene.panel._next_words() == "no agent: you play alone"


def test_menus_choose_key_sound_drums_start_and_pace(one):
    panel = one.scene.panel
    for control, downs in (
        (panel.tonic, 7),
        (panel.scale, 2),
        (panel.drums.controls[0][0], 3),
        (panel.start, 1),
    ):
        one.click(*control.rect.center)
        for _ in range(downs):
            one.key(pygame.K_DOWN)
        one.key(pygame.K_RETURN)
    one.key(pygame.K_q, text="q")
    now = one.launchpad.song.arrangement
    assert (now.tonic, now.scale, now.drums, now.pace) == (7, "minor", "break", 2)
    assert ("start_from", "triad") in one.launchpad.calls


def test_a_row_has_a_menu_with_its_own_sound(one):
    one.click(*one.scene.grid.cell_rect(6, -1).center)
    for _ in range(4):
        one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    for _ in range(3):
        one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    now = one.launchpad.song.arrangement
    assert {row for row in range(24) if now.voices[now.row_voices[row]] != 0} == {6}


def test_snapshots_are_kept_recalled_and_chained_by_keys(one):
    one.launchpad.press(3, 3)
    one.key(pygame.K_k, pygame.KMOD_LCTRL)
    one.launchpad.press(9, 3)
    one.key(pygame.K_F3)
    one.frame()
    assert [part.name for part in one.launchpad.song.arrangement.parts] == ["A", "B"]
    one.key(pygame.K_F2)
    assert one.launchpad.song.grid[:, 0].astype(bool).nonzero()[0].tolist() == [3]
    for key in (pygame.K_F2, pygame.K_F3, pygame.K_F2):
        one.key(key, pygame.KMOD_LSHIFT)
    one.key(pygame.K_F10)
    now = one.launchpad.song.arrangement
    assert [link.part for link in now.chain] == [0, 1, 0] and now.chain_on
    one.frame()
    assert [button.name for button in one.scene.strip.parts if button.visible] == ["A", "B"]
    assert [link.name for link in one.scene.strip.links if link.visible] == ["A", "B", "A"]


def test_a_link_of_the_chain_changes_its_length_and_goes(one):
    one.launchpad.press(3, 3)
    one.key(pygame.K_k, pygame.KMOD_LCTRL)
    one.key(pygame.K_F2, pygame.KMOD_LSHIFT)
    one.frame()
    one.click(*one.scene.strip.links[0].rect.center)
    one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    assert one.launchpad.song.arrangement.chain[0].bars == 8
    one.click(*one.scene.strip.links[0].rect.center)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_RETURN)
    assert one.launchpad.song.arrangement.chain == ()


def test_accents_are_drawn_with_the_mouse(one):
    bars = one.scene.panel.accents.controls[0][0].rect
    one.click(bars.x + 2, bars.bottom - 2)
    assert one.launchpad.song.arrangement.accents[0] < 20


def test_an_export_that_cannot_be_written_is_said_and_nothing_is_lost(one, monkeypatch):
    def refuse(path: Path) -> None:
        raise RipienoError("There is no room on the disk. Make some.")

    monkeypatch.setattr(one.launchpad, "export_midi", refuse, raising=False)
    one.launchpad.show(heard_s=12.0)
    one.frame()
    one.key(pygame.K_e, pygame.KMOD_LCTRL)
    one.key(pygame.K_RETURN)
    one.frame(2)
    assert "There is no room on the disk. Make some." in one.toasts


def test_a_dropped_grid_is_loaded_and_a_wrong_one_refused(one, tmp_path):
    good, bad = tmp_path / "grid.json", tmp_path / "junk.json"
    save_grid(good, LAUNCHPAD.random(np.random.default_rng(0)))
    bad.write_text('{"format": "something"}')
    for path in (good, bad):
        pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(path)))
        one.frame(2)
    assert one.launchpad.song.grid[:, 0].any()
    assert "junk.json holds no launchpad state" in one.toasts[-1]


def test_leaving_the_scene_stops_the_music_and_keeps_the_grid(one):
    one.launchpad.press(3, 3)
    one.key(pygame.K_SPACE, text=" ")
    one.window.go("home")
    assert one.launchpad.shown.state == "stopped"
    one.window.go("launchpad")
    assert one.scene.grid.rows[3].row.pads[3].on


# --- motion and drawing -------------------------------------------------------------------------------


def test_a_pad_pulses_when_its_step_sounds_and_not_before(one):
    one.launchpad.press(3, 3)  # beats at 7, 23, 39, 55
    one.launchpad.play(0, 5.0)
    one.frame()
    row = one.scene.grid.rows[3]
    assert row.glow(one.window.view()) == 0.0
    one.launchpad.play(0, 6.9)
    one.frame()
    assert row.glow(one.window.view()) == 0.0
    one.launchpad.play(0, 7.0)
    one.frame()
    assert row.glow(one.window.view()) > 0.5
    assert one.scene.grid.rows[4].glow(one.window.view()) == 0.0


def test_no_beat_is_missed_when_frames_are_slow(one):
    one.launchpad.press(3, 3)
    one.launchpad.play(0, 20.0)
    one.frame()
    one.launchpad.play(0, 26.0)
    one.frame()
    assert one.scene.grid.rows[3].glow(one.window.view()) > 0.5


def test_with_reduced_motion_nothing_pulses_and_the_playhead_stands_on_steps(one):
    one.settings.change(reduced_motion=True)
    one.launchpad.press(3, 3)
    one.launchpad.play(0, 7.6)
    one.frame()
    view = one.window.view()
    assert one.scene.grid.rows[3].glow(view) == 0.0
    head = one.scene.grid.playhead
    assert head._x(True) == pytest.approx(head.rect.x + 7 / 64 * head.rect.w)


def test_the_playhead_stands_at_its_step(one):
    one.launchpad.play(0, 32.0)
    one.frame()
    roll = one.scene.grid.roll.rect
    assert pixel(one, (roll.centerx, roll.y + 3)) == theme.TEXT


def test_repainting_what_changed_gives_the_same_picture_as_drawing_anew(one, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(type(one.window), "now_s", staticmethod(lambda: clock[0]))
    rng = np.random.default_rng(0)
    step, bar = 0.0, 0
    for number in range(60):
        clock[0] += 0.017
        step += 1.7
        if step >= 64:
            step, bar = step - 64, bar + 1
        if number % 5 == 0:
            one.launchpad.press(int(rng.integers(24)), int(rng.integers(13)))
        if number % 9 == 0:
            one.launchpad.song.press(int(rng.integers(312)), "agent")
            one.launchpad.show(next_action=int(rng.integers(312)), rewards=tuple(rng.random(number)))
        if number % 20 == 10:
            one.key(pygame.K_k, pygame.KMOD_LCTRL)
        one.launchpad.play(bar, step)
        one.frame()
    anew = pygame.Surface(one.window.surface.get_size()).convert()
    view = one.window.view()
    one.scene.draw(anew, view)
    painter = Painter(anew, one.window.scale)
    for layer in one.window.layers():
        if layer.visible:
            layer.draw(painter, view)
    shown, drawn = (pygame.surfarray.array3d(surface) for surface in (one.window.surface, anew))
    assert np.array_equal(shown, drawn)


def test_nothing_is_repainted_while_nothing_happens(one):
    one.frame(3)
    assert one.window.frame() == []


@pytest.mark.parametrize("size", [(1280, 720), (2560, 1440)])
def test_a_frame_costs_far_less_than_a_sixtieth_of_a_second(stage, size):
    one = stage(size, 1.0, "launchpad")
    rng = np.random.default_rng(1)
    for _ in range(60):
        one.launchpad.song.press(int(rng.integers(312)), "agent" if rng.random() < 0.5 else "you")
    costs_ms = []
    for number in range(150):
        one.launchpad.play(number // 60, (number * 1.1) % 64)
        begun = time.thread_time()
        one.window.frame()
        costs_ms.append(1000 * (time.thread_time() - begun))
    assert np.median(costs_ms) < 8.0, f"{np.median(costs_ms):.1f} ms"


@pytest.mark.parametrize(
    ("size", "scale", "rows"), [((1280, 720), 1.0, 24), ((1280, 720), 0.75, 24), ((860, 560), 1.0, 12),
                                ((1280, 720), 2.5, 12), ((3840, 2160), 2.0, 24)],
)  # fmt: skip
def test_as_many_rows_are_shown_as_can_be_played(stage, size, scale, rows):
    one = stage(size, scale, "launchpad")
    one.frame()
    shown = [row for row in one.scene.grid.rows if row.visible]
    assert len(shown) == rows
    assert all(row.rect.h >= 13 for row in shown)
    assert one.scene.areas.content.contains(shown[0].rect.unionall([row.rect for row in shown]))


def test_the_halves_of_the_rows_are_reached_by_keys_and_follow_the_cursor(stage):
    one = stage((860, 560), 1.0, "launchpad")
    grid = one.scene.grid
    one.key(pygame.K_PAGEDOWN)
    assert list(grid.shown()) == list(range(12))
    one.key(pygame.K_x, text="x")
    one.key(pygame.K_a, text="a")
    assert list(grid.shown()) == list(range(12, 24)) and grid.cursor[0] == 13
    one.key(pygame.K_v, text="v")
    assert len(grid.shown()) == 24


def test_the_hint_of_a_pad_says_what_it_does(one):
    grid = one.scene.grid
    assert grid.words(C3, 3) == "C3  1/4 · 4 beats a bar"
    assert grid.words(C3, 11) == "C3  +16 · later by a quarter"
    assert "Lock" in grid.words(C3, LOCK)


def test_home_leads_to_the_launchpad(stage):
    one = stage(mode="home")
    one.frame()
    one.click(*one.scene._pads.rect.center)
    assert one.scene.name == "launchpad"
