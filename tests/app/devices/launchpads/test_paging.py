"""24 x 13 on 8 x 8."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.devices.launchpads.paging import Pages

OFFSETS, PATTERNS = (-1, 3), (-1, 2)


@pytest.fixture
def pages() -> Pages:
    made = Pages()
    made.scroll_to(0)
    return made


def test_rows_are_keys_from_the_lowest_at_the_bottom(pages, hands):
    pages.press((7, 0), hands)
    pages.press((0, 6), hands)
    assert hands.told == [("toggle", 0, 0), ("toggle", 7, 6)]


def test_the_last_column_shifts_by_the_bit_used_last(pages, hands):
    pages.press((7, 7), hands)
    for place in (OFFSETS, (6, 5), PATTERNS, (7, 7)):
        pages.press(place, hands)
    assert hands.told == [("shift", 0, 2), ("shift", 1, 5), ("shift", 0, 5)]


def test_the_page_of_offsets_has_six_columns(pages, hands):
    pages.press(OFFSETS, hands)
    for column in range(8):
        pages.press((7, column), hands)
    assert hands.told == [("shift", 0, bit) for bit in range(6)]


def test_the_right_column_mutes_and_on_the_other_page_locks(pages, hands):
    pages.press((0, 8), hands)
    pages.press(OFFSETS, hands)
    pages.press((1, 8), hands)
    assert hands.told == [("mute", 7), ("lock", 6)]


def test_the_top_row(pages, hands):
    for column in (0, 0, 1, 4, 5, 6, 7):
        pages.press((-1, column), hands)
    assert hands.told == [("scrolled", 4), ("scrolled", 8), ("scrolled", 4),
                          ("nudge_tempo", -1), ("nudge_tempo", 1), ("undo",), ("play_stop",)]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 1]), max_size=30), st.integers(-99, 99))
def test_the_window_stays_inside_the_grid(scrolls, start):
    class Deaf:
        def scrolled(self, lowest_key):
            assert 0 <= lowest_key <= 16

    pages = Pages()
    pages.scroll_to(start)
    for column in scrolls:
        pages.press((-1, column), Deaf())  # type: ignore[arg-type]
    assert pages.key(7) >= 0 and pages.key(0) <= 23 and pages.key(0) - pages.key(7) == 7


def test_every_button_of_the_instrument_is_reachable(pages, hands):
    for lowest_key in (0, 8, 16):
        pages.scroll_to(lowest_key)
        for page in (PATTERNS, OFFSETS):
            pages.press(page, hands)
            for row in range(8):
                for column in range(7 if page == PATTERNS else 6):
                    pages.press((row, column), hands)
    assert len(set(hands.told)) == 24 * 13
