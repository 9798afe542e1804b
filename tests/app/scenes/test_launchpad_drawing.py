"""The launchpad's scene: how it moves, what is drawn anew, where things lie."""

import time

import numpy as np
import pygame
import pytest

from app import theme


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


@pytest.mark.parametrize("width", [1280, 1282, 1284, 1366])
def test_every_beat_of_the_bar_has_its_line(stage, width):
    one = stage((width, 720), mode="launchpad")
    roll = one.scene.grid.roll.rect
    picture = pygame.surfarray.array3d(one.window.surface)[roll.x : roll.right, roll.centery]
    (lines,) = np.nonzero(np.all(picture == np.array(theme.HAIRLINE), axis=1))
    assert lines == pytest.approx([beat * roll.w / 4 for beat in (1, 2, 3)], abs=1)


def test_the_playhead_stands_at_its_step(one):
    one.launchpad.play(0, 32.0)
    one.frame()
    roll = one.scene.grid.roll.rect
    assert one.pixel((roll.centerx, roll.y + 3)) == theme.TEXT


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
    assert np.array_equal(*one.pictures())


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
