"""What the scenes say while nothing is followed, and what they leave out first where there is little room."""

from dataclasses import replace

import numpy as np
import pygame
import pytest

from app import theme
from app.engine.snapshot import Snapshot
from app.scenes.devices import short_name
from app.widgets import fonts
from app.widgets.base import Pointer
from app.widgets.chrome import as_measure
from app.widgets.readouts import decided


def test_an_agent_at_rest_has_no_figures(stage, piece):
    one = stage()
    session, panel = one.open(piece), one.scene.panel
    facts = (panel._speed, panel._confidence, panel._value)
    assert [fact.value(one.window.view()) for fact in facts] == ["–"] * 3
    assert not decided(Snapshot())
    session.show(1000.0, confidence=0.5, value=2.0, speed_px_s=40.0)
    one.frame()
    assert [fact.value(one.window.view()) for fact in facts] == ["2.0 px per frame", "50 %", "2.00"]
    assert panel._bar.share(one.window.view()) == 0.5
    session.show(1000.0, confidence=0.5, state="idle")
    assert panel._bar.share(one.window.view()) == 0.0


def test_only_a_sound_card_has_dropouts(stage, piece):
    one = stage()
    session, panel = one.open(piece), one.scene.panel
    session.show(1000.0, dropouts=18, late_frames=2)
    assert panel._trouble_words(one.window.view()) == "18 · 2"
    one.engine.supervisor.stream = None
    assert panel._trouble_words(one.window.view()) == "– · 2"


@pytest.mark.parametrize(("source", "told"), [("demo", "its place"), ("microphone", "you: play on")])
def test_who_is_lost_is_told_what_to_do(stage, piece, source, told):
    one = stage()
    session = one.open(piece)
    one.studio.devices.use_source(source)
    session.show(1000.0, state="lost")
    one.frame()
    assert f"lost {told}" in one.scene.status.text and "click where" in one.scene.status.text


@pytest.mark.parametrize("mode", ["follow", "play"])
def test_while_a_piece_opens_nobody_is_asked_to_choose_one(stage, mode):
    one = stage(mode=mode)
    one.frame()
    assert one.scene._empty.text.startswith("No piece is open") and one.scene._to_home.visible
    one.studio.loader.open = lambda wanted: None
    one.studio.open("fur-elise")
    one.frame()
    assert one.scene._empty.text.startswith("Opening Für Elise") and not one.scene._to_home.visible
    one.key(pygame.K_ESCAPE)
    one.frame()
    assert one.scene._empty.text.startswith("No piece is open") and one.scene._to_home.visible


@pytest.mark.parametrize("scene", ["follow", "launchpad", "duet", "settings"])
def test_a_small_window_shows_titles_whole_before_names_of_devices(stage, piece, scene):
    one = stage((960, 600))
    one.open(piece)
    one.window.go(scene)
    title = one.scene._title
    assert fonts.text_width(one.scene.title(), theme.TITLE, True) <= title.rect.w
    assert not title.rect.colliderect(one.scene._chips[-1].rect)


def test_the_best_scores_go_from_the_last_one_on_and_their_name_goes_last(stage, piece):
    one = stage(mode="follow")
    one.open(piece)
    one.window.go("play")
    scene, seen = one.scene, set()
    for height in range(200, 600, 4):
        panel = scene.areas.panel.copy()
        panel.h = height
        scene.areas = type(scene.areas)(**{**vars(scene.areas), "panel": panel})
        scene._place_panel()
        there = [widget.visible for widget in (scene._best_name, *scene._best_rows)]
        assert there == sorted(there, reverse=True)
        seen.add(tuple(there))
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("source", "level_db", "told"),
    [("demo", -120.0, "silence"), ("microphone", -95.0, "no signal"), ("demo", -33.4, "−33 dB")],
)
def test_only_an_input_can_lack_a_signal(stage, piece, source, level_db, told):
    one = stage()
    session = one.open(piece)
    one.studio.devices.use_source(source)
    session.show(1000.0, level_db=level_db, no_signal=level_db < -90.0)
    assert one.scene.panel._level_words(one.window.view()) == told


def test_a_measure_without_a_number_is_the_upbeat():
    assert (as_measure("12"), as_measure("")) == ("m. 12", "upbeat")


def test_devices_keep_their_whole_names():
    assert short_name("System audio capture device (SDL)") == "System audio capture device"


def test_the_header_makes_room_for_a_device_that_comes(stage):
    one = stage(mode="duet")
    one.frame()
    one.scene.desk.listen(True)
    one.studio.devices.microphone_name = lambda: "Scarlett 2i2 USB"
    one.frame()
    chip = one.scene._chips[0]
    assert chip.rect.w == round(chip.natural_width(one.window.scale)) > 132
    assert not chip.rect.colliderect(one.scene._level.rect)


def test_messages_stand_above_the_status(stage):
    one = stage(mode="duet")
    one.frame()
    status = one.scene.status
    assert status.text
    one.studio.say("Both at once")
    one.frame()
    ((_, box, _),) = one.window.toasts.boxes()
    assert box.bottom < status.pill_top


def test_of_a_long_composer_the_page_and_the_source_are_seen_and_of_a_long_title_all_is_told(stage, piece):
    one = stage()
    one.open(replace(piece, title="Rhapsodie " * 12, composer="Maximilian von Hohenlohe " * 6))
    one.frame(2)
    scene, view = one.scene, one.window.view()
    assert scene.subtitle(view).endswith("… · page 1 of 3 · listening to the demo")
    assert fonts.text_width(scene.subtitle(view), theme.BODY) <= scene._subtitle.rect.w
    assert scene._title.hint == "Rhapsodie " * 12
    one.open(piece)
    one.frame(2)
    assert one.scene.subtitle(view) == "Nobody · page 1 of 3 · listening to the demo"
    assert one.scene._title.hint == ""


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_the_flags_of_a_short_loop_cover_neither_each_other_nor_the_measures(stage, piece, share):
    one = stage()
    one.open(piece)
    scene, slider = one.scene, one.scene.transport.progress
    low, high = scene.span_px()
    a_px = low + share * (high - low)
    one.frame(2)
    before = pygame.surfarray.array3d(one.window.surface)
    scene.loop_a_px, scene.loop_b_px = a_px, a_px + 12
    one.frame(2)
    after = pygame.surfarray.array3d(one.window.surface)
    words = slice(slider.rect.x, slider.rect.right), slice(slider.rect.y, slider.rect.y + 22)
    assert np.array_equal(before[words], after[words])
    lit = (after == theme.YOU).all(axis=2)[:, slider.rect.bottom - 16 : slider.rect.bottom].any(axis=1)
    assert lit.sum() >= 20  # both flags whole, side by side
    assert np.array_equal(*one.pictures())


def test_a_place_that_is_clicked_before_the_follower_is_there_is_kept(stage, piece):
    one = stage()
    session = one.open(piece)
    session.ready = False
    start_px = float(piece.onset_x_px[0])
    session.show(start_px, state="idle")
    one.frame(2)
    one.scene.seek(start_px + 900)
    for _ in range(12):
        session.show(start_px, state="idle")
        one.frame()
        assert one.scene.cursor_px() == start_px + 900
    session.ready = True
    one.frame()
    for _ in range(8):
        session.show(start_px + 900, state="idle")
        one.frame()
    assert one.scene.cursor_px() == pytest.approx(start_px + 900)


@pytest.mark.parametrize("size", [(1024, 640), (1280, 720)])
def test_a_slider_of_the_settings_is_as_long_as_there_is_room(stage, size):
    one = stage(size, mode="settings")
    sound = one.scene._cards[0]
    ways = {field.name: field.controls for field in sound.fields}
    listen, (volume, figure) = ways["Listen to"][0], ways["Volume"]
    assert volume.track().left == listen.rect.left and figure.rect.right == listen.rect.right
    assert volume.track().w > 0.7 * listen.rect.w
    names = [name for card in one.scene._cards for name in card.names]
    assert all(fonts.text_width(name.text, theme.BODY) <= name.rect.w for name in names if name.rect.w)


def test_settings_that_do_not_fit_show_that_there_are_more(stage):
    one = stage((1024, 640), mode="settings")
    scene = one.scene
    assert 0 < scene._bar.thumb().h < scene._bar.rect.h
    scene._bar.on_pointer(Pointer("down", *scene._bar.thumb().center))
    scene._bar.on_pointer(Pointer("move", scene._bar.rect.x, 2000))
    assert scene.scroll > 0 and scene._bar.thumb().bottom == pytest.approx(scene._bar.rect.bottom)
    one.frame(2)
    assert np.array_equal(*one.pictures())
    assert stage((1920, 1080), mode="settings").scene._bar.thumb().h == 0
