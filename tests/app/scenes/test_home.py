"""Home: ways into every mode that needs no score, at every size; titles that are cut are told in full."""

from itertools import pairwise

import pygame
import pytest

from app.widgets.base import Pointer

SIZES = [(640, 400), (960, 600), (1280, 720), (2560, 1440)]


@pytest.mark.parametrize(("card", "scene"), [("_duet", "duet"), ("_pads", "launchpad")])
def test_a_card_leads_to_its_mode_by_mouse_and_by_keyboard(stage, card, scene):
    one = stage(mode="home")
    one.click(*getattr(one.scene, card).rect.center)
    assert one.scene.name == scene
    one.window.go("home")
    one.window.dispatcher.set_focus(getattr(one.scene, card))
    one.key(pygame.K_RETURN)
    assert one.scene.name == scene


@pytest.mark.parametrize("size", SIZES)
def test_the_ways_into_the_modes_are_there_whenever_the_panel_is(stage, size):
    one = stage(size, mode="home")
    one.settings.change(recent=("a", "b", "c"))
    one.window.relayout()
    panel, scene = one.scene.areas.panel, one.scene
    cards = (scene._duet, scene._pads, scene._piano)
    assert all(card.visible == (panel.w > 0) for card in cards)
    shown = [widget for widget in scene.body() if widget.visible and panel.contains(widget.rect)]
    for upper, lower in pairwise(shown):
        assert upper.rect.bottom <= lower.rect.top


def test_a_large_window_has_larger_cards(stage):
    widths = [stage(size, mode="home").scene.grid.card_size[0] for size in SIZES[2:]]
    assert widths[1] > 1.1 * widths[0]


def test_resting_on_a_card_tells_a_title_that_is_cut(stage):
    grid = stage(mode="home").scene.grid
    titles = {card.title: index for index, card in enumerate(grid.cards)}
    for title, told in (("God Rest You Merry, Gentlemen", True), ("Soldier's Joy", False)):
        box = grid.card_rect(titles[title])
        grid.on_pointer(Pointer("move", *box.center))
        assert grid.hint.startswith(title) == told
