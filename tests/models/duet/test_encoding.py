from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.duet.encoding import (
    HOLD,
    MULTI_HOLD,
    SINGLE_HOLD,
    OutOfRange,
    begins,
    from_single_hold,
    held,
    line,
    notes,
    room,
    sounding,
    to_single_hold,
    transposed,
)

C4, D4 = 60 - 36, 62 - 36
REST = MULTI_HOLD.rest
QUARTER_C_EIGHTH_REST_EIGHTH_D = [C4, C4 + HOLD, C4 + HOLD, C4 + HOLD, REST, REST, D4, D4 + HOLD]
NOTES = [(0, 4, 60), (6, 2, 62)]

written = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3), st.integers(36, 81)), max_size=12)


def laid_out(parts: list[tuple[int, int, int]]) -> tuple[list[tuple[int, int, int]], int]:
    """Notes from (length, rest before, pitch), and the steps they take."""
    found, step = [], 0
    for length, rest, pitch in parts:
        found.append((step + rest, length, pitch))
        step += rest + length
    return found, step


def test_a_line_is_written_as_in_the_paper() -> None:
    assert line(NOTES, 8).tolist() == QUARTER_C_EIGHTH_REST_EIGHTH_D
    single = to_single_hold(QUARTER_C_EIGHTH_REST_EIGHTH_D)
    assert single.tolist() == [C4, HOLD, HOLD, HOLD, SINGLE_HOLD.rest, SINGLE_HOLD.rest, D4, HOLD]


def test_there_are_46_pitches_their_holds_and_a_rest() -> None:
    assert (MULTI_HOLD.symbols, SINGLE_HOLD.symbols) == (46 + 46 + 1, 46 + 1 + 1)
    assert (MULTI_HOLD.pitched, SINGLE_HOLD.pitched) == (92, 46)


@given(written)
def test_notes_come_back_from_a_line(parts: list[tuple[int, int, int]]) -> None:
    found, steps = laid_out(parts)
    assert notes(line(found, steps)) == found


@given(written)
def test_both_encodings_hold_the_same_line(parts: list[tuple[int, int, int]]) -> None:
    tokens = line(*laid_out(parts))
    assert from_single_hold(to_single_hold(tokens)).tolist() == tokens.tolist()


def test_lines_are_encoded_one_by_one() -> None:
    lines = np.stack([line(NOTES, 8), line([(0, 8, 50)], 8)])
    for one, both in zip(lines, to_single_hold(lines), strict=True):
        assert to_single_hold(one).tolist() == both.tolist()
    assert from_single_hold(to_single_hold(lines)).tolist() == lines.tolist()


def test_a_single_hold_of_nothing_is_silence() -> None:
    assert from_single_hold([HOLD, SINGLE_HOLD.rest, HOLD, C4, HOLD]).tolist() == [
        REST, REST, REST, C4, C4 + HOLD,
    ]  # fmt: skip


def test_a_hold_of_what_did_not_sound_is_a_new_note() -> None:
    tokens = [C4, D4 + HOLD, D4 + HOLD, REST, C4 + HOLD]
    assert begins(tokens).tolist() == [True, True, False, False, True]
    assert notes(np.array(tokens, np.uint8)) == [(0, 1, 60), (1, 2, 62), (4, 1, 60)]


def test_the_later_note_ends_the_earlier_one_and_doubles_are_dropped() -> None:
    assert notes(line([(0, 8, 60), (2, 2, 62), (2, 4, 70)], 8)) == [(0, 2, 60), (2, 2, 62)]


def test_what_sounds_and_what_would_hold_it() -> None:
    assert sounding([C4, C4 + HOLD, REST]).tolist() == [60, 60, 0]
    assert held([C4, C4 + HOLD, REST]).tolist() == [C4 + HOLD, C4 + HOLD, REST]


def test_transposition_moves_onsets_and_holds_and_leaves_rests() -> None:
    assert notes(transposed(line(NOTES, 8), 5)) == [(0, 4, 65), (6, 2, 67)]


def test_no_pitch_leaves_the_range_of_the_chorales() -> None:
    tokens = line(NOTES, 8)
    assert room(tokens) == (36 - 60, 81 - 62)
    for semitones in room(tokens):
        transposed(tokens, semitones)
    for semitones in (36 - 61, 81 - 61):
        with pytest.raises(OutOfRange, match="36 to 81"):
            transposed(tokens, semitones)
    with pytest.raises(OutOfRange):
        line([(0, 1, 82)], 4)
    assert room([REST]) == (0, 0)
