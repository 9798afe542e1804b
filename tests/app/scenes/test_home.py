"""Home: ways into every mode that needs no score, at every size; titles that are cut are told in full."""

from itertools import pairwise

import pygame
import pytest

from app import theme
from app.widgets import fonts
from app.widgets.base import Pointer
from app.widgets.library_grid import Card
from app.widgets.overlays import MenuItem
from pieces import folders, library

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


@pytest.fixture
def own_piece(monkeypatch, tmp_path):
    """A tune that the user has added, its pictures left aside."""
    monkeypatch.setenv(folders.HOME_VARIABLE, str(tmp_path))
    source = tmp_path / "tune.abc"
    source.write_text("X:1\nT:A Tune of Mine\nM:3/4\nL:1/4\nK:C\nCDE|]\n")
    return library.add(source)


@pytest.fixture
def many_pieces(stage):
    """A window on a library of 200 cards."""
    one = stage(mode="home")
    one.scene.grid.show([Card(f"n{number}", f"No. {number}", "", 60.0, 1) for number in range(200)])
    one.frame(2)
    return one


def test_a_long_library_shows_how_long_it_is_and_is_dragged_through(many_pieces):
    grid, bar = many_pieces.scene.grid, many_pieces.scene._bar
    assert 32 <= bar.thumb().h < 0.2 * bar.rect.h and bar.thumb().top == bar.rect.top
    x, y = bar.thumb().center
    for kind, place in (("down", y), ("move", y + 200), ("up", y + 200)):
        bar.on_pointer(Pointer(kind, x, place))
    assert bar.thumb().centery == pytest.approx(y + 200, abs=2) and grid.scroll > 2000
    bar.on_pointer(Pointer("down", x, bar.rect.bottom - 2))
    bar.on_pointer(Pointer("up", x, bar.rect.bottom - 2))
    assert grid.scroll > 2000 + grid.rect.h
    bar.on_pointer(Pointer("down", *bar.thumb().center))
    bar.on_pointer(Pointer("move", x, 5000))
    assert bar.thumb().bottom == pytest.approx(bar.rect.bottom) and grid.scroll == grid.scrolled().furthest


def test_pages_of_a_long_library_by_keyboard(many_pieces):
    grid = many_pieces.scene.grid
    many_pieces.key(pygame.K_PAGEDOWN)
    assert grid.chosen == 2 * grid.columns
    for _ in range(60):
        many_pieces.key(pygame.K_PAGEDOWN)
    assert grid.chosen // grid.columns == 199 // grid.columns
    assert grid.rect.bottom >= grid.card_rect(grid.chosen).bottom - 1
    for _ in range(60):
        many_pieces.key(pygame.K_PAGEUP)
    assert grid.chosen < grid.columns and grid.scroll == 0


def test_there_is_no_bar_where_all_is_seen(many_pieces):
    bar = many_pieces.scene._bar
    assert bar.contains(*bar.rect.center)
    many_pieces.scene.grid.show(many_pieces.scene.grid.cards[:2])
    assert bar.thumb().h == 0 and not bar.contains(*bar.rect.center)


def test_ones_own_pieces_come_first(stage, own_piece):
    grid = stage(mode="home").scene.grid
    assert [card.name for card in grid.cards[:2]] == [own_piece.name, "fur-elise"]
    assert grid.chosen_card.name == own_piece.name


@pytest.mark.parametrize("typed", ["bartok", "BARTÓK etu", "étude", "Etude no. 3"])
def test_a_search_needs_neither_accents_nor_case(stage, typed):
    one = stage(mode="home")
    one.scene._all = [Card("n1", "Étude no. 3", "Béla Bartók", 60.0, 1), Card("n2", "Waltz", "Anon", 60.0, 1)]
    one.scene.search.put(typed)
    assert [card.name for card in one.scene.grid.cards] == ["n1"]


@pytest.mark.parametrize("size", SIZES)
def test_what_stands_beside_the_search_is_whole(stage, size):
    one = stage(size, mode="home")
    hint = one.scene.hint
    scale = one.window.scale
    assert fonts.text_width(hint.text, round(theme.SMALL * scale)) <= hint.rect.w * scale
    assert hint.text or hint.rect.w < 140


@pytest.mark.parametrize("by_mouse", [True, False])
def test_a_piece_of_ones_own_is_removed_after_a_question(stage, own_piece, by_mouse):
    one = stage(mode="home")
    one.settings.change(recent=(own_piece.name, "fur-elise"))
    grid = one.scene.grid
    index = next(index for index, card in enumerate(grid.cards) if card.own)
    grid.chosen = index
    grid._keep_in_view()

    def ask():
        if by_mouse:
            one.click(*grid.bin_rect(index).center)
        else:
            one.key(pygame.K_DELETE)

    ask()
    assert one.window.menu is not None
    one.key(pygame.K_RETURN)  # what is offered first is to keep it
    assert own_piece.path.exists() and one.studio.opening is None
    ask()
    one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    assert not own_piece.path.exists() and not any(card.own for card in grid.cards)
    assert one.settings.now.recent == ("fur-elise",) and "A Tune of Mine" in one.toasts[0]


def test_a_bundled_piece_has_no_bin_and_stays(stage):
    one = stage(mode="home")
    one.key(pygame.K_DELETE)
    assert one.window.menu is None and "comes with Ripieno" in one.toasts[0]
    grid = one.scene.grid
    grid.on_pointer(Pointer("move", *grid.bin_rect(0).center))
    assert "Remove" not in grid.hint


def test_cards_that_go_leave_nothing_at_the_edges(stage):
    one = stage(mode="home")
    grid = one.scene.grid
    one.frame(2)
    grid.show(grid.cards[:1])
    one.frame(2)
    left = pygame.surfarray.array3d(one.window.surface)[grid.rect.left : grid.rect.right, grid.rect.bottom :]
    assert (left[:, : one.scene.areas.transport.y - grid.rect.bottom] == theme.GROUND).all()


def test_a_long_name_keeps_clear_of_the_edges(stage):
    one = stage(mode="home")
    one.settings.change(recent=("Rhapsody " * 12,))
    one.window.relayout()
    one.frame(2)
    box = one.scene._recent[0].rect
    margin = pygame.Rect(box.right - 22, box.y + 8, 12, box.h - 16)
    shown = pygame.surfarray.array3d(one.window.surface)[margin.x : margin.right, margin.y : margin.bottom]
    assert (shown == theme.RAISED).all()
    one.scene.show_menu((MenuItem("Keep " + "A" * 120, list),), box)
    assert one.window.menu.rect.w <= 600
