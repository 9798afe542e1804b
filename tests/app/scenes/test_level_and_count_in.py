"""What is heard is seen: the level in the menu of devices, "no signal", the count-in over the page."""

import threading
from dataclasses import replace

import numpy as np
import pygame
import pytest

from app import theme
from app.devices.audio import AudioChoice, DeviceInfo
from app.engine.meter import LevelMeter
from app.engine.metronome import Pulse
from app.widgets.base import Pointer
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
    row = pygame.Rect(menu.rect.x + 6, menu.rect.y + 6 + chosen * menu.row, menu.rect.w - 12, menu.row)
    one.frame()
    assert theme.GOOD not in colours_in(one, row)
    hear(one, level_db=-20.0, peak_db=-15.0)
    one.frame()
    assert theme.GOOD in colours_in(one, row)
    hear(one, clipped=True)
    one.frame()
    assert theme.BAD in colours_in(one, row)


class Probe:
    """Hears what it is told."""

    def __init__(self) -> None:
        self.heard: LevelMeter | str = "listening …"
        self.asked: list[tuple[str, int]] = []

    def listen(self, label, rate):
        self.asked.append((label, rate))
        return self.heard

    def end(self) -> None:
        self.asked.append(("", 0))


@pytest.mark.parametrize("mode, menu_of", [
    ("home", lambda one: one.studio.devices.input_items()),
    ("home", lambda one: one.studio.devices.audio_input_items()),
    ("duet", lambda one: one.scene.menus.inputs()),
])  # fmt: skip
def test_an_input_that_is_rested_on_shows_its_level_before_it_is_chosen(
    stage, monkeypatch, eventually, mode, menu_of
):
    one = listening(stage, mode=mode)
    one.studio.devices._probe = probe = Probe()
    one.window.show_menu(tuple(menu_of(one)), pygame.Rect(900, 20, 100, 30))
    menu = one.window.menu
    place = next(i for i, item in enumerate(menu.items) if item.label == "Line")
    assert "rest here to hear its level" in menu.items[place].detail
    row = pygame.Rect(menu.rect.x + 6, menu.rect.y + 6 + place * menu.row, menu.rect.w - 12, menu.row)
    now_s = one.window.now_s()
    monkeypatch.setattr(one.window, "now_s", lambda: now_s)
    menu.on_pointer(Pointer("move", *row.center))
    one.frame()
    assert probe.asked == []
    now_s += 0.6
    one.frame()
    assert probe.asked == [(LINE.label, 44_100)] and theme.GOOD not in colours_in(one, row)
    probe.heard = LevelMeter(44_100)
    probe.heard.push(np.full(4410, 0.1, np.float32))
    one.frame()
    assert theme.GOOD in colours_in(one, row)
    menu.on_pointer(Pointer("move", *row.move(0, -menu.row).center))
    probe.asked.clear()
    one.frame()
    assert probe.asked == [] and theme.GOOD not in colours_in(one, row)


def test_an_input_is_let_go_of_before_it_is_opened_for_good(stage, eventually):
    one = listening(stage)
    one.studio.devices._probe = probe = Probe()
    one.engine.supervisor.choice = AudioChoice()
    one.engine.supervisor.choose = lambda choice: probe.asked.append((choice.input, 1))
    one.studio.devices.choose_audio(input=LINE.label)
    assert eventually(lambda: probe.asked == [("", 0), (LINE.label, 1)])


def test_no_level_is_shown_while_a_device_is_being_opened(stage, eventually):
    one = listening(stage)
    devices = one.studio.devices
    assert eventually(lambda: not devices._busy.locked())
    devices._probe = probe = Probe()
    one.engine.supervisor.choice, go_on = AudioChoice(), threading.Event()
    one.engine.supervisor.choose = lambda choice: go_on.wait(10.0)
    devices.choose_audio(input=LINE.label)
    assert eventually(lambda: probe.asked == [("", 0)])
    assert devices._level_of(LINE.label) == "" and probe.asked == [("", 0)]
    go_on.set()
    assert eventually(lambda: devices._level_of(LINE.label) == probe.heard)


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
