"""Volume and sound set as the window brings them to the engine; takes that a crash left."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pygame
import pytest

from app.engine.take_files import Take, TakeFolder, TakeInfo, TakeWriter
from app.paths import takes_folder
from app.scenes.take_desk import TakeDesk


@pytest.fixture
def two_sets(monkeypatch, tmp_path):
    sets = (tmp_path / "bundled.sf2", tmp_path / "grand.sf2")
    monkeypatch.setattr("models.sound.find_sound_sets", lambda: sets)


def test_the_volume_is_set_by_keys_and_remembered(stage):
    one = stage(mode="settings")
    one.settings.change(volume=0.8)
    slider = next(w for w in one.scene.widgets() if "hears the same" in w.hint)
    one.window.dispatcher.set_focus(slider)
    one.key(pygame.K_LEFT)
    assert one.settings.now.volume == pytest.approx(0.75) == one.engine.volume
    clicks = next(w for w in one.scene.widgets() if "Clicks" in w.hint)
    one.window.dispatcher.set_focus(clicks)
    one.key(pygame.K_LEFT)
    assert one.settings.now.metronome_volume == pytest.approx(0.75) == one.engine.click_volume


def test_a_sound_set_is_chosen_by_name_and_plays_when_nothing_is_followed(stage, piece, two_sets, eventually):
    one = stage()
    one.settings.change(sound_set="")
    session = one.open(piece)
    session.show(900.0)
    sound = one.studio.sound
    assert [(item.label, item.chosen) for item in sound.items()] == [
        ("bundled.sf2", True),
        ("grand.sf2", False),
    ]
    sound.items()[1].on_choose()
    one.frame(3)
    assert one.settings.now.sound_set == "grand.sf2" == sound.name() and one.engine.instruments == []
    session.pause()
    one.frame()
    assert eventually(lambda: len(one.engine.instruments) == 1)
    assert one.engine.instruments[0].keywords == {"sound_set": "grand.sf2"}
    one.frame(3)
    assert len(one.engine.instruments) == 1


def test_a_sound_set_that_is_gone_is_not_shown_as_chosen(stage, two_sets):
    one = stage(mode="settings")
    one.settings.change(sound_set="lost.sf2")
    assert one.studio.sound.name() == "bundled.sf2"


def test_a_take_that_a_crash_left_is_kept_and_said():
    said: list[tuple[str, ...]] = []
    mixer = SimpleNamespace(ring=SimpleNamespace(written=0))
    engine = SimpleNamespace(mixer=mixer, add_sink=lambda sink: None)
    desk = TakeDesk(engine, lambda *told: said.append(told))
    desk.folder = TakeFolder(takes_folder() / "crash")
    desk.recover()
    assert said == []
    writer = TakeWriter(desk.folder.folder, "one", TakeInfo(1000, "2026-01-01T10:00:00", "synth"))
    writer.add_audio(np.zeros(48_000, np.float32))
    writer.abandon()
    desk.recover()
    assert said == [("A take of 00:48 was kept: click here, or open Takes (Ctrl T)", "good", "scene_takes")]
    assert [take.key for take in desk.folder.takes()] == ["one"]


def test_a_click_on_the_message_of_a_kept_take_opens_the_takes(stage):
    one = stage(mode="home")
    one.studio.say_later("A take of 00:48 was kept", "good", "scene_takes")
    one.frame()
    ((_, box, _),) = one.window.toasts.boxes()
    one.click(*box.center)
    assert one.window.scene.name == "takes" and one.toasts == []


def test_what_is_being_played_ends_and_appears_when_takes_are_opened(stage):
    kept: list[Take] = []
    info = TakeInfo(44_100, "2026-11-27T04:00:00", "synth", "A piece")
    recorder = SimpleNamespace(recording=True, piece_name="", split=lambda: asked.append("split"))
    asked: list[str] = []
    one = stage(mode="home")
    one.studio.takes = SimpleNamespace(
        recorder=recorder, list=lambda: kept, replay=SimpleNamespace(playing=False), close=lambda: None
    )
    one.window.go("takes")
    one.frame()
    assert asked == ["split"] and "being captured" in one.scene.empty.text
    kept.append(Take("one", info, Path("one"), 12.0, 0))
    recorder.recording = False
    one.frame()
    assert [row.key for row in one.scene.list.rows] == ["one"] and not one.scene.empty.visible
