"""What the lights show, and the bytes that make them show it."""
from __future__ import annotations

import numpy as np
import pytest

from app.devices.launchpads.encoding import Painter
from app.devices.launchpads.lights import Colour, Light, all_off, lights
from app.devices.launchpads.models import MODELS
from app.devices.launchpads.paging import Pages
from app.devices.launchpads.surface import Look, PadView, RowLook, dark_view

MINI_MK3, X, PRO_MK3, MK2, OLD = MODELS
YOURS, AGENTS = Look.ON | Look.YOURS, Look.ON | Look.AGENTS


def view(cells: dict | None = None, rows: dict | None = None, **rest) -> PadView:
    """A dark view but for some cells, rows, and the rest."""
    grid, marks = np.zeros((24, 13), int), np.zeros(24, int)
    for place, look in (cells or {}).items():
        grid[place] = look
    for key, mark in (rows or {}).items():
        marks[key] = mark
    return PadView(grid.tolist(), marks.tolist(), **rest)


@pytest.fixture
def pages() -> Pages:
    made = Pages()
    made.scroll_to(0)
    return made


@pytest.mark.parametrize(("look", "mark", "light"), [
    (0, 0, Light()),
    (Look.YOURS, 0, Light()),
    (YOURS, 0, Light(Colour.YOURS)),
    (AGENTS, 0, Light(Colour.AGENTS)),
    (Look.ON, 0, Light(Colour.NOBODYS)),
    (YOURS | Look.PLAYING, 0, Light(Colour.YOURS, "pulse")),
    (Look.QUEUED | Look.AGENTS, 0, Light(Colour.AGENTS, "flash")),
    (YOURS | Look.QUEUED, 0, Light(Colour.YOURS, "flash", Colour.YOURS_DIM)),
    (AGENTS | Look.PLAYING, RowLook.MUTED, Light(Colour.AGENTS_DIM)),
])
def test_owner_queue_play_and_mute_look_different(pages, look, mark, light):
    assert lights(view({(2, 3): look}, {2: mark}), pages)[5, 3] == light


def test_an_array_is_a_grid_too(pages):
    shown = PadView(np.full((24, 13), int(YOURS), np.uint8), np.zeros(24, np.uint8))  # type: ignore[arg-type]
    assert lights(shown, pages)[0, 0] == Light(Colour.YOURS)


def test_the_offset_column_says_whether_there_is_one_and_the_other_page_which(pages):
    shown = view({(0, 7 + 4): YOURS})
    assert lights(shown, pages)[7, 7] == Light(Colour.YOURS)
    pages.offsets = True
    row = [lights(shown, pages)[7, column].colour for column in range(8)]
    assert row == [Colour.DARK] * 4 + [Colour.YOURS] + [Colour.DARK] * 3


def test_marks_of_rows_stand_on_the_right(pages):
    shown = view(rows={0: RowLook.MUTED, 1: RowLook.LOCKED, 2: RowLook.MUTED | RowLook.LOCKED})
    right = [lights(shown, pages)[row, 8].colour for row in (7, 6, 5, 4)]
    assert right == [Colour.RED, Colour.YELLOW, Colour.RED, Colour.GREEN_DIM]
    pages.offsets = True
    right = [lights(shown, pages)[row, 8].colour for row in (7, 6, 5, 4)]
    assert right == [Colour.NOBODYS_DIM, Colour.YELLOW, Colour.YELLOW, Colour.NOBODYS_DIM]


def test_the_playhead_runs_along_the_top(pages):
    def white(step):
        shown = lights(view(playhead=step, playing=True), pages)
        return [column for column in range(8) if shown[-1, column].colour is Colour.WHITE]

    assert [white(step) for step in (None, 0, 7, 8, 63)] == [[], [0], [0], [1], [7]]


def test_arrows_are_dark_at_the_edges_and_play_is_bright_while_playing(pages):
    assert lights(dark_view(), pages)[-1, 1] == Light()
    pages.scroll_to(16)
    assert lights(dark_view(), pages)[-1, 0] == Light()
    assert lights(view(playing=True), pages)[-1, 7] == Light(Colour.GREEN)


@pytest.mark.parametrize(("light", "messages"), [
    (Light(Colour.YOURS), "90 00 1F"),  # red 3, green 1, both buffers
    (Light(Colour.AGENTS, "pulse"), "90 00 3C"),
    (Light(Colour.AGENTS, "flash"), "90 00 38"),  # one buffer: it blinks
])
def test_bytes_of_the_first_models(light, messages):
    assert painted(OLD, (0, 0), light) == messages


@pytest.mark.parametrize(("place", "light", "messages"), [
    ((0, 0), Light(Colour.YOURS), "90 51 09"),
    ((0, 0), Light(Colour.YOURS, "pulse"), "92 51 09"),
    ((0, 0), Light(Colour.AGENTS, "flash"), "90 51 00, 91 51 25"),
    ((0, 0), Light(Colour.AGENTS, "flash", Colour.AGENTS_DIM), "90 51 26, 91 51 25"),
    ((-1, 0), Light(Colour.GREEN), "B0 68 15"),
    ((7, 8), Light(Colour.RED), "90 13 05"),
])
def test_bytes_of_the_mk2(place, light, messages):
    assert painted(MK2, place, light) == messages


@pytest.mark.parametrize(("model", "place", "light", "messages"), [
    (MINI_MK3, (0, 0), Light(Colour.YOURS), "F0 00 20 29 02 0D 03 03 51 7F 3C 00 F7"),
    (X, (7, 7), Light(Colour.AGENTS, "pulse"), "F0 00 20 29 02 0C 03 02 12 25 F7"),
    (X, (0, 8), Light(Colour.YOURS, "flash", Colour.YOURS_DIM), "F0 00 20 29 02 0C 03 01 59 0A 09 F7"),
    (PRO_MK3, (-1, 7), Light(Colour.RED), "F0 00 20 29 02 0E 03 03 62 7F 00 00 F7"),
])
def test_bytes_of_the_third_generation(model, place, light, messages):
    assert painted(model, place, light) == messages


def painted(model, place, light) -> str:
    """What is sent, as a dump, for `light` at `place` on a Launchpad that is dark."""
    painter = Painter(model)
    painter.paint(all_off())
    return ", ".join(bytes(message).hex(" ").upper() for message in painter.paint(all_off() | {place: light}))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_at_first_everything_is_sent_and_then_only_what_changed(model, pages):
    painter, shown = Painter(model), view({(0, 0): YOURS})
    first = painter.paint(lights(shown, pages))
    assert sum(map(len, first)) >= 80 * 3
    assert painter.paint(lights(shown, pages)) == []
    assert len(painter.paint(lights(view(), pages))) == 1


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_is_sent_is_midi_whatever_is_shown(model, pages):
    rng = np.random.default_rng(0)
    painter = Painter(model)
    for _ in range(50):
        pages.scroll_to(int(rng.integers(0, 17)))
        pages.offsets = bool(rng.integers(2))
        shown = PadView(rng.integers(0, 32, (24, 13)).tolist(), rng.integers(0, 4, 24).tolist(),
                        int(rng.integers(64)), bool(rng.integers(2)))
        for message in painter.paint(lights(shown, pages)):
            body = message[1:-1] if message[0] == 0xF0 else message[1:]
            assert message[0] >= 0x80 and all(0 <= byte < 128 for byte in body)
            assert (message[-1] == 0xF7) == (message[0] == 0xF0)
