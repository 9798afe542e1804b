"""Nothing overlaps, leaves the window or is clipped, at several sizes and scales."""

import dataclasses
import itertools

import pygame
import pytest

from app.scenes.base import areas
from app.widgets.base import Widget
from app.widgets.buttons import Button
from app.widgets.inputs import MiniPiano
from app.widgets.painter import Painter
from app.widgets.score_layout import lay_out, system_spans

MODES = ["home", "follow", "play", "duet", "listening", "launchpad", "settings", "takes"]
SIZES = [((960, 600), 1.0), ((1280, 720), 1.0), ((1280, 720), 0.75), ((1920, 1080), 1.0), ((2560, 1440), 1.5),
         ((1280, 720), 2.5)]  # fmt: skip


@pytest.mark.parametrize(
    ("width", "height"), [(720, 440), (960, 600), (1280, 720), (1707, 960), (2560, 1440)]
)
@pytest.mark.parametrize("folded", [False, True])
def test_the_four_places_fill_the_window_without_touching(width, height, folded):
    place = areas(width, height, folded)
    parts = [
        part for part in (place.rail, place.content, place.panel, place.transport, place.header) if part.w
    ]
    for one, other in itertools.combinations(parts, 2):
        assert not one.colliderect(other)
    assert all(place.window.contains(part) for part in parts)
    assert (place.panel.w == 0) == folded
    assert place.content.w >= 0.4 * width
    assert place.content.h >= 0.6 * (height - 56)


@pytest.mark.parametrize(("size", "scale"), SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_controls_neither_overlap_nor_leave_the_window(stage, piece, size, scale, mode):
    one = stage(size, scale)
    one.open(piece)
    one.window.go(mode)
    one.frame(2)
    window = one.scene.areas.window
    controls = [w for w in one.scene.widgets() if w.visible and w.focusable and not isinstance(w, MiniPiano)]
    assert controls
    for control in controls:
        assert window.contains(control.rect), (type(control).__name__, control.rect, window)
        assert control.rect.w >= 20 and control.rect.h >= 20
    for left, right in itertools.combinations(controls, 2):
        assert not left.rect.colliderect(right.rect), (left, left.rect, right, right.rect)


@pytest.mark.parametrize(("size", "scale"), SIZES)
def test_words_of_buttons_are_whole(stage, piece, size, scale):
    one = stage(size, scale)
    one.open(piece)
    painter = Painter(pygame.Surface((1, 1)), one.window.scale)
    seen: list[Button] = []
    for mode in MODES[1:]:
        one.window.go(mode)
        one.frame(2)
        buttons = [w for w in one.scene.widgets() if isinstance(w, Button) and w.visible]
        seen += buttons
        for button in buttons:
            icon = 24 if button.icon else 0
            assert painter.width(button.label) + icon + 4 <= button.rect.w, (mode, button.label)
    assert seen


@pytest.mark.parametrize(("width", "height"), [(800, 552), (536, 432), (1456, 880), (1040, 780), (440, 300)])
def test_every_system_is_shown_whole_and_once(piece, width, height):
    layout = lay_out(piece, width, height)
    shown = [span.system for screen in layout.screens for span in screen.spans]
    assert shown == [span.system for span in system_spans(piece)]
    for index, screen in enumerate(layout.screens):
        _, top = layout.to_view(index, 0, screen.top)
        x, bottom = layout.to_view(index, 835, screen.bottom)
        assert top >= -1 and bottom <= height + 1
        assert x <= width + 1


def test_a_point_goes_to_the_view_and_back(piece):
    layout = lay_out(piece, 1456, 880)
    assert layout.columns == 2
    for screen in range(len(layout.screens)):
        x, y = layout.to_view(screen, 300.0, layout.screens[screen].top + 50)
        back = layout.to_page(screen, x, y)
        assert back == pytest.approx((300.0, layout.screens[screen].top + 50))


def test_a_scale_that_the_window_has_no_room_for_is_limited(stage):
    one = stage((1280, 720), 2.5, "home")
    window = one.scene.areas.window
    assert window.w >= 719 and window.h >= 439
    assert one.settings.now.ui_scale == 2.5


def test_the_panel_folds_and_comes_back(stage, piece):
    one = stage()
    one.open(piece)
    before = one.scene.areas.content.w
    one.key(pygame.K_b, pygame.KMOD_LCTRL)
    assert one.scene.areas.panel.w == 0
    assert one.scene.areas.content.w > before + 300
    one.key(pygame.K_b, pygame.KMOD_LCTRL)
    assert one.scene.areas.content.w == before


def test_every_widget_can_say_what_it_looks_like(stage, piece):
    one = stage()
    one.open(piece)
    view = one.window.view()
    for mode in MODES:
        one.window.go(mode)
        for widget in one.scene.widgets():
            hash(Widget.mark(widget))
            if widget.visible:
                hash(widget.look(view))


def test_systems_part_where_neither_has_ink(piece):
    pages = tuple(page.copy() for page in piece.pages)
    above, below = system_spans(piece)[:2]
    gap = round(above.staves_bottom) + 1, round(below.staves_top)
    pages[0][gap[0] : gap[0] + 20, 100] = 0  # low notes of the one
    pages[0][gap[1] - 75 : gap[1], 300] = 0  # high ones of the other, beyond the middle
    spans = system_spans(dataclasses.replace(piece, pages=pages))
    assert spans[0].bottom == spans[1].top
    assert gap[0] + 20 < spans[0].bottom < gap[1] - 75
    pages[0][gap[0] : gap[1], 300] = 0
    crowded = system_spans(dataclasses.replace(piece, pages=pages))
    assert gap[0] < crowded[0].bottom < gap[1]
    assert system_spans(piece)[0].bottom == pytest.approx((gap[0] + gap[1]) / 2, abs=2)
