"""The launchpad's scene: what a press of the mouse or of a key asks of the session."""

import pygame

from app import theme
from app.widgets.pads import LOCK, MUTE, SOLO
from models.launchpad.instrument import LAUNCHPAD
from tests.app.scenes.fake_launchpad import C3, pad_centre


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
    assert one.pixel((edge.x + 8, edge.centery)) == theme.YOU
    edge = one.scene.grid.cell_rect(C3, 5)
    assert one.pixel((edge.x + 8, edge.centery)) == theme.MACHINE


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


def test_a_row_outside_the_key_is_played_on_the_nearest_without_a_word(one):
    one.launchpad.song.set_key(0, "major")
    one.launchpad.song.set_scale_lock("map")
    one.launchpad.show()
    one.frame()
    one.click(*pad_centre(one, 2, 3))
    assert one.launchpad.song.grid[C3, 0] == 8 and one.toasts == []


def test_your_undo_leaves_the_agents_moves_until_they_are_meant(one):
    one.launchpad.press(3, 3)
    one.launchpad.song.press(LAUNCHPAD.toggle(5, 3), "agent")
    one.launchpad.show()
    one.frame()
    one.key(pygame.K_z, pygame.KMOD_LCTRL)
    assert one.launchpad.song.grid[:, 0].nonzero()[0].tolist() == [5]
    one.key(pygame.K_z, pygame.KMOD_LCTRL)
    assert one.launchpad.song.grid[5, 0]
    one.key(pygame.K_BACKSPACE)
    assert not one.launchpad.song.grid.any()
    assert one.toasts[-1].startswith("The agent's move undone: E3 1/4 on")
