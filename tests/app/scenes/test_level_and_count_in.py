"""What is heard is seen: the level in the menu of devices, "no signal", the count-in over the page."""

from dataclasses import replace

import pygame
import pytest

from app import theme
from app.devices.audio import DeviceInfo
from app.engine.metronome import Pulse
from pieces.meter import Beat

MIC, LINE = DeviceInfo("Webcam", "ALSA", 1, 0), DeviceInfo("Line", "ALSA", 2, 2)


def listening(stage, source="microphone", mode="home"):
    one = stage(mode=mode)
    one.studio.devices.devices = [MIC, LINE]
    one.settings.change(audio_input=MIC.label)
    one.studio.devices.use_source(source)
    return one


def hear(one, **fields) -> None:
    one.engine.snapshot = replace(one.engine.snapshot, **fields)


def colours_in(one, rect: pygame.Rect) -> set[tuple[int, ...]]:
    surface = one.window.surface
    area = rect.clip(surface.get_rect())
    xs, ys = range(area.left, area.right, 2), range(area.top, area.bottom)
    return {tuple(surface.get_at((x, y)))[:3] for x in xs for y in ys}


def test_the_menu_shows_the_level_of_the_chosen_input_as_it_changes(stage):
    one = listening(stage)
    one.scene._open_menu(0)
    menu = one.window.menu
    chosen = next(i for i, item in enumerate(menu.items) if item.chosen)
    assert menu.items[chosen].label == "Webcam" and menu.items[chosen].metered
    others = [item for item in menu.items if item.label in ("Line", "System default")]
    assert len(others) == 2 and all("select to hear its level" in item.detail for item in others)
    row = pygame.Rect(menu.rect.x + 6, menu.rect.y + 6 + chosen * menu.row, menu.rect.w - 12, menu.row)
    one.frame()
    assert theme.GOOD not in colours_in(one, row)
    hear(one, level_db=-20.0, peak_db=-15.0)
    one.frame()
    assert theme.GOOD in colours_in(one, row)
    hear(one, clipped=True)
    one.frame()
    assert theme.BAD in colours_in(one, row)


def test_the_words_of_the_menu_fit_into_it(stage):
    one = listening(stage)
    one.scene._open_menu(0)
    menu = one.window.menu
    assert max(item.width for item in menu.items) <= menu.rect.w
    assert pygame.Rect(0, 0, 1280, 720).contains(menu.rect)


@pytest.mark.parametrize("mode", ["home", "settings", "takes"])
def test_a_silent_microphone_is_seen_in_every_header(stage, mode):
    one = listening(stage, mode=mode)
    one.frame()
    assert theme.YOU not in colours_in(one, one.scene._level.rect)
    hear(one, no_signal=True)
    one.frame()
    assert theme.YOU in colours_in(one, one.scene._level.rect)


def test_no_signal_is_said_while_a_microphone_is_listened_to_and_only_then(stage, piece):
    one = listening(stage, mode="follow")
    session = one.open(piece)
    session.show(900.0, state="waiting", no_signal=True)
    one.frame()
    assert one.scene.status.text.startswith("No signal from Scarlett 2i2") and one.scene.status.kind == "bad"
    session.show(900.0, state="waiting", no_signal=False)
    one.frame()
    assert one.scene.status.text == "Play: it follows from the first note"
    one.studio.devices.use_source("keyboard")
    session.show(900.0, state="waiting", no_signal=True)
    one.frame()
    assert one.scene.status.text == "Play: it follows from the first note; nothing is heard yet"


def test_no_signal_is_said_in_duet_while_its_own_microphone_is_on(stage):
    one = listening(stage, source="keyboard", mode="duet")
    one.duet.play(8.0)
    hear(one, no_signal=True)
    one.frame()
    assert one.scene.status.text.startswith("Play with the keys")
    one.duet.listen_to(True)
    one.engine.set_source("input")  # as the session does
    one.frame()
    assert one.scene.status.text.startswith("No signal from Scarlett 2i2") and one.scene.status.kind == "bad"
    assert theme.YOU in colours_in(one, one.scene._level.rect)
    hear(one, no_signal=False)
    one.frame()
    assert one.scene.status.text.startswith("Sing or play")


def test_the_count_in_is_a_large_figure_over_the_page(stage, piece):
    one = listening(stage, mode="follow")
    one.settings.change(count_in_beats=4, demo_tempo=0.8)
    session = one.open(piece)
    one.key(pygame.K_SPACE, text=" ")
    assert session.calls[-2:] == [("tempo", 0.8), ("start", 1)]
    disc = one.scene._count_in.disc()
    beat_samples = round(44_100 * 60 / (piece.tempo_bpm * 0.8))
    shown = []
    for beat in range(4):
        one.engine.sample = 10_000 + beat * beat_samples
        counted, sample = Beat(beat - 4.0, beat, 4, 1.0), one.engine.sample
        one.engine.metronome.pulse = Pulse(sample, sample + beat_samples, counted, counts_in=True)
        one.frame()
        assert {theme.YOU if beat == 0 else theme.RAISED} <= colours_in(one, disc)
        shown.append(one.scene.count_in_figure())
    assert shown == [1, 2, 3, 4] and disc.h >= 150
    one.engine.sample += beat_samples + 1
    one.frame()
    assert one.scene.count_in_figure() is None and theme.RAISED not in colours_in(one, disc)


def test_no_figure_for_the_metronome_or_while_nothing_runs(stage, piece):
    one = stage()
    session = one.open(piece)
    session.show(900.0)
    one.engine.metronome.pulse = Pulse(0, 22_050, Beat(9.0, 1, 4, 1.0))
    assert one.scene.count_in_figure() is None
    one.engine.metronome.pulse = Pulse(0, 22_050, Beat(-3.0, 1, 4, 1.0), True)
    assert one.scene.count_in_figure() == 2
    session.pause()
    assert one.scene.count_in_figure() is None
