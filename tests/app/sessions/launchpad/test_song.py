"""The song: presses, owners, locks, keys, undo without end beside an agent, parts and chain."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.launchpad import AGENT, NOBODY, START, YOU, Link, Song, SongProblem
from app.sessions.launchpad.history import lit
from app.sessions.launchpad.scales import SCALES, nearest_rows, rows_in_key, shortest_interval
from app.sessions.launchpad.starts import STARTS, aligned_offset, opening, start
from models.launchpad.instrument import LAUNCHPAD

ACTIONS = st.integers(0, LAUNCHPAD.nothing - 1)
ROWS = st.integers(0, LAUNCHPAD.keys - 1)
CHANGES = st.one_of(
    st.tuples(st.just("press"), ACTIONS),
    st.tuples(st.just("transpose"), st.integers(-30, 30)),
    st.tuples(st.just("throw_into"), st.integers(0, 11)),
    st.tuples(st.just("set_key"), st.integers(0, 11), st.sampled_from(sorted(SCALES))),
    st.tuples(st.just("set_scale_lock"), st.sampled_from(["off", "forbid", "map"])),
    st.tuples(st.just("fit_to_key")),
    st.tuples(st.just("clear_row"), ROWS),
    st.tuples(st.just("clear")),
    st.tuples(st.sampled_from(["lock", "mute", "solo"]), ROWS),
    st.tuples(st.just("set_tempo"), st.floats(0, 400)),
    st.tuples(st.just("set_swing"), st.floats(0, 1)),
    st.tuples(st.just("set_instrument"), st.integers(0, 127)),
    st.tuples(st.just("set_drums"), st.sampled_from(["rock", "off"])),
    st.tuples(st.just("vote"), st.sampled_from([1, -1])),
    st.tuples(st.just("keep_part")),
)


def same(one, other) -> bool:
    """Two pictures show the same."""
    return bool((one.grid == other.grid).all() and (one.owners == other.owners).all()
                and one.arrangement == other.arrangement)  # fmt: skip


def do(song: Song, change: tuple) -> None:
    getattr(song, change[0])(*change[1:])


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=25))
def test_everything_is_undone_and_done_again_step_by_step(changes):
    song = Song(start("triad", Song().arrangement, np.random.default_rng(0)))
    pictures = [song.now]
    for change in changes:
        do(song, change)
        if not same(song.now, pictures[-1]):
            pictures.append(song.now)
    for before in reversed(pictures[:-1]):
        assert song.undo()
        assert same(song.now, before)
    assert song.undo() == "" and same(song.now, pictures[0])
    for after in pictures[1:]:
        assert song.redo()
        assert same(song.now, after)
    assert song.redo() == ""


PATTERNS = st.builds(LAUNCHPAD.toggle, ROWS, st.integers(0, LAUNCHPAD.patterns - 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PATTERNS, st.booleans()), min_size=1, max_size=30))
def test_your_presses_are_undone_and_redone_beside_those_of_the_agent(presses):
    """What only the agent pressed is as it left it; what only you pressed goes and comes back."""
    song, mine, agents = Song(), Song(), Song()
    for action, by_agent in presses:
        song.press(action, "agent" if by_agent else "you")
        (agents if by_agent else mine).press(action)
    yours = np.unique([action for action, by_agent in presses if not by_agent])
    theirs = np.unique([action for action, by_agent in presses if by_agent])
    while song.undo():
        pass
    lit_now = lit(song.grid).ravel()
    assert not lit_now[np.setdiff1d(yours, theirs).astype(int)].any()
    others = np.setdiff1d(theirs, yours).astype(int)
    assert (lit_now[others] == lit(agents.grid).ravel()[others]).all()
    while song.redo():
        pass
    own = np.setdiff1d(yours, theirs).astype(int)
    assert (lit(song.grid).ravel()[own] == lit(mine.grid).ravel()[own]).all()
    assert ((song.owners != NOBODY) == lit(song.grid)).all()


def test_undo_takes_back_your_last_press_and_the_agents_only_when_told():
    song = Song()
    song.press(LAUNCHPAD.toggle(1, 2))
    song.press(LAUNCHPAD.toggle(4, 5), "agent")
    assert song.owners[1, 2] == YOU and song.owners[4, 5] == AGENT
    assert song.undo() == "C3 1/8 on" and song.grid[4, 0] and not song.grid[1, 0]
    assert song.undo() == "" and song.owners[4, 5] == AGENT
    assert song.undo("agent") == "E♭3 1/1 on" and not song.grid.any()
    assert song.redo() == "E♭3 1/1 on" and song.owners[4, 5] == AGENT


def test_what_the_agent_switched_off_stays_off_when_you_take_back_switching_it_on():
    song = Song()
    song.press(LAUNCHPAD.toggle(1, 2))
    song.press(LAUNCHPAD.toggle(1, 2), "agent")
    assert song.owners[1, 2] == NOBODY
    song.undo()
    assert not song.grid.any()


def test_clear_is_undone_though_the_agent_has_begun_anew():
    song = Song()
    song.press(LAUNCHPAD.toggle(1, 2))
    song.clear()
    song.press(LAUNCHPAD.toggle(1, 2), "agent")
    song.press(LAUNCHPAD.toggle(9, 2), "agent")
    song.undo()
    assert song.grid[:, 0].nonzero()[0].tolist() == [1, 9]


def test_a_drag_is_one_step_though_the_agent_presses_meanwhile():
    song = Song()
    for bpm in range(121, 140):
        song.set_tempo(bpm, "drag")
        song.press(LAUNCHPAD.toggle(bpm % 24, 0), "agent")
    song.undo()
    assert song.arrangement.tempo_bpm == 120


def test_what_the_chain_replaced_comes_back():
    song = Song()
    song.press(0)
    song.keep_part()
    song.press(1)
    song.recall_part(0, by="chain")
    song.undo()
    assert song.grid[0, 0] == 3


def test_a_new_action_of_yours_ends_what_could_be_redone():
    song = Song()
    song.press(0)
    song.undo()
    song.press(1)
    assert song.redo() == "" and song.grid[0, 0] == 2


def test_a_drag_is_one_step():
    song = Song()
    for bpm in range(121, 180):
        song.set_tempo(bpm, "drag 1")
    song.set_tempo(90, "drag 2")
    song.undo()
    assert song.arrangement.tempo_bpm == 179
    song.undo()
    assert song.arrangement.tempo_bpm == 120 and song.history.last() is None


def test_what_comes_as_a_whole_is_neither_yours_nor_the_agents():
    song = Song(start("triad", Song().arrangement, np.random.default_rng(0)))
    assert set(song.owners[lit(song.grid)].tolist()) == {START}
    song.press(LAUNCHPAD.toggle(20, 0))
    assert song.owners[20, 0] == YOU and (song.owners == START).sum() == lit(song.grid).sum() - 1


def test_offsets_belong_to_who_shifted():
    song = Song()
    song.press(LAUNCHPAD.shift(3, 0))
    song.press(LAUNCHPAD.shift(3, 0), "agent")  # 1 + 1: the bit of 2 comes on, that of 1 goes off
    assert song.grid[3, 1] == 2
    assert song.owners[3, 7:9].tolist() == [NOBODY, AGENT]


def test_a_locked_row_is_closed_to_the_agent_only():
    song = Song()
    song.lock(5)
    assert not song.press(LAUNCHPAD.toggle(5, 0), "agent") and not song.grid.any()
    closed = song.closed_to_agent()
    assert closed[5 * 13 : 6 * 13].all() and closed.sum() == 13 and not closed[LAUNCHPAD.nothing]
    assert song.press(LAUNCHPAD.toggle(5, 0))


def test_a_locked_key_refuses_or_maps():
    song = Song()
    song.set_key(0, "major")
    c_sharp, c = LAUNCHPAD.toggle(2, 3), LAUNCHPAD.toggle(1, 3)
    assert song.press(c_sharp)  # the lock is off
    song.set_scale_lock("forbid")
    assert song.press(c_sharp) and not song.grid.any()  # what is on may go off
    assert not song.press(c_sharp) and not song.press(c_sharp, "agent")
    assert song.closed_to_agent()[c_sharp] and not song.closed_to_agent()[c]
    song.set_scale_lock("map")
    assert song.press(c_sharp) and song.grid[1, 0] == 8 and not song.grid[2, 0]


def test_rows_of_a_key():
    major = rows_in_key(0, "major")
    assert [row for row in range(13) if major[row]] == [0, 1, 3, 5, 6, 8, 10, 12]  # B C D E F G A B
    assert all(rows_in_key(0, "major")[row] for row in nearest_rows(0, "major"))
    assert [shortest_interval(0, tonic) for tonic in (0, 1, 6, 7, 11)] == [0, 1, 6, -5, -1]


@given(st.integers(0, 11), st.integers(0, 2**31))
def test_thrown_into_another_key_the_pitch_classes_move_and_nothing_is_lost(tonic, seed):
    song = Song(LAUNCHPAD.random(np.random.default_rng(seed)))
    before = song.grid
    song.throw_into(tonic)
    moved: dict[int, list] = {row: [] for row in range(12)}
    for row in range(24):
        moved[(row + tonic) % 12].append(before[row].tolist())
    for row in range(12):
        assert sorted(moved[row]) == sorted(song.grid[at].tolist() for at in (row, row + 12))
    song.throw_into(0)
    assert (song.grid == before).all() or tonic == 6


def test_locks_mutes_and_sounds_move_with_their_rows():
    song = Song(*opening())
    song.mute(3)
    song.solo(22)
    song.set_instrument(33, range(8))
    before = song.now

    def as_heard(song: Song) -> list[tuple]:
        arrangement = song.arrangement
        return [(song.grid[row].tolist(), row in arrangement.locked, row in arrangement.muted,
                 row in arrangement.soloed, arrangement.voices[arrangement.row_voices[row]])
                for row in range(LAUNCHPAD.keys)]  # fmt: skip

    rows = as_heard(song)
    song.transpose(5)
    assert as_heard(song) == rows[-5:] + rows[:-5]
    song.throw_into((song.arrangement.tonic - 3) % 12)
    assert as_heard(song) == rows[-2:] + rows[:-2]
    song.undo()
    song.undo()
    assert same(song.now, before)


def test_fitting_to_the_key_keeps_what_can_be_kept():
    song = Song()
    song.press(LAUNCHPAD.toggle(2, 3))  # C sharp
    song.press(LAUNCHPAD.toggle(4, 3))  # E flat, to D
    song.press(LAUNCHPAD.toggle(3, 0))  # D is taken
    song.set_key(0, "major")
    song.fit_to_key()
    assert song.grid[:, 0].nonzero()[0].tolist() == [1, 3] and song.grid[3, 0] == 1
    assert song.owners[1, 3] == YOU


def test_instruments_stay_on_their_channels():
    song = Song()
    song.set_instrument(33, range(8))
    assert song.arrangement.voices == (0, 33)
    song.set_instrument(11, range(8, 24))
    assert song.arrangement.voices == (11, 33) and song.arrangement.row_voices[0] == 1
    song.set_instrument(11)
    assert {song.arrangement.voices[voice] for voice in song.arrangement.row_voices} == {11}
    with pytest.raises(SongProblem, match="at once"):
        for row in range(24):
            song.set_instrument(row, [row])
    with pytest.raises(SongProblem, match="no instrument 128"):
        song.set_instrument(128)


@pytest.mark.parametrize("bpm, kept", [(5, 20), (1000, 300), (float("nan"), 20), (97.5, 97.5)])
def test_tempo_keeps_within_bounds(bpm, kept):
    song = Song()
    song.set_tempo(bpm)
    assert song.arrangement.tempo_bpm == kept


def test_solo_and_mute():
    song = Song()
    song.mute(3)
    assert not song.arrangement.sounds(3) and song.arrangement.sounds(4)
    song.solo(4)
    song.solo(3)
    assert [row for row in range(24) if song.arrangement.sounds(row)] == [4]
    song.mute(3, False)
    assert song.arrangement.sounds(3)


def test_parts_bring_back_grid_owners_and_sound_but_not_the_tempo():
    song = Song()
    song.press(0, "agent")
    song.set_drums("rock")
    song.keep_part()
    song.clear()
    song.set_drums("off")
    song.set_tempo(90)
    song.recall_part(0)
    assert song.arrangement.parts[0].name == "A" and song.owners[0, 0] == AGENT
    assert song.arrangement.drums == "rock" and song.arrangement.tempo_bpm == 90


def test_forgetting_a_part_mends_the_chain():
    song = Song()
    for row in range(3):
        song.press(LAUNCHPAD.toggle(row, 0))
        song.keep_part()
    song.set_chain([Link(0, 2), Link(1), Link(2, 900)])
    song.play_chain(True)
    song.forget_part(1)
    assert [(link.part, link.bars) for link in song.arrangement.chain] == [(0, 2), (1, 64)]
    song.forget_part(0)
    song.forget_part(0)
    assert not song.arrangement.chain_on
    with pytest.raises(SongProblem, match="no chain"):
        song.play_chain(True)
    with pytest.raises(SongProblem, match="not there"):
        song.set_chain([Link(0)])


@pytest.mark.parametrize("name", STARTS)
def test_starts_are_in_the_key(name):
    song = Song()
    song.set_key(9, "minor")
    song.start_from(start(name, song.arrangement, np.random.default_rng(3)))
    sounding = np.flatnonzero(song.grid[:, 0])
    assert song.in_key()[sounding].all() and (len(sounding) == 0) == (name == "empty")


def test_a_song_opens_with_a_full_bar_in_its_key_that_the_agent_leaves_alone():
    song = Song(*opening())
    rows = np.flatnonzero(song.grid[:, 0]).tolist()
    assert song.in_key()[rows].all() and not (~song.in_key()).all()
    onsets = np.flatnonzero(LAUNCHPAD.rolls(song.grid).any(0))
    assert len(onsets) >= 10 and onsets[0] == 0 and (onsets % 4 == 0).all()
    assert all(song.closed_to_agent()[LAUNCHPAD.toggle(row, 3)] for row in rows)
    for row in range(LAUNCHPAD.keys):
        song.press(LAUNCHPAD.toggle(row, 6))
    assert song.in_key()[song.grid[:, 0].nonzero()[0]].all()


def test_another_start_gives_all_rows_back_to_the_agent():
    song = Song(*opening())
    song.start_from(LAUNCHPAD.empty())
    assert not song.arrangement.locked
    song.undo()
    assert song.arrangement.locked


def test_offsets_put_a_pattern_on_a_step():
    for pattern in range(7):
        grid = LAUNCHPAD.empty()
        grid[0] = 1 << pattern, aligned_offset(pattern, 0)
        assert LAUNCHPAD.rolls(grid)[0, 0]
