"""Volume and sound set as the window brings them to the engine; takes that a crash left."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pygame
import pytest
from scipy.io import wavfile

from app.engine.take_files import Take, TakeFolder, TakeInfo, TakeWriter
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


@pytest.fixture
def desk_and_said(tmp_path):
    """A desk on an empty folder, and what it says."""
    said: list[tuple[str, ...]] = []
    mixer = SimpleNamespace(ring=SimpleNamespace(written=0))
    engine = SimpleNamespace(mixer=mixer, add_sink=lambda sink: None)
    desk = TakeDesk(engine, lambda *told: said.append(told))
    desk.folder = TakeFolder(tmp_path / "takes")
    return desk, said


def test_takes_of_one_name_are_saved_beside_each_other(desk_and_said, tmp_path, monkeypatch):
    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    desk, said = desk_and_said
    for key, level in (("one", 0.25), ("two", 0.5)):
        info = TakeInfo(8000, "2026-01-01T10:00:00", "synth", "A piece", "Good: one")
        writer = TakeWriter(desk.folder.folder, key, info)
        writer.add_audio(np.full(8000, level, np.float32))
        writer.close()
        desk._save(key)
    desk._save("one")
    stems = [f"A piece Good- one{number}" for number in ("", " 2", " 3")]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(
        f"{stem}{ending}" for stem in stems for ending in (".mid", ".wav")
    )
    assert [int(wavfile.read(tmp_path / f"{stem}.wav")[1][0]) for stem in stems] == [8191, 16383, 8191]
    assert said[1] == (f"Saved {stems[1]}.mid and .wav in {tmp_path}", "good")


def test_a_piece_with_a_very_long_title_can_be_saved(desk_and_said, tmp_path, monkeypatch):
    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    desk, said = desk_and_said
    TakeWriter(desk.folder.folder, "one", TakeInfo(8000, "2026", "synth", "Prélude " * 60)).close()
    desk._save("one")
    assert said[-1][1] == "good"


def test_the_take_that_is_saved_is_of_what_is_played_now(desk_and_said, tmp_path, monkeypatch):
    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    desk, said = desk_and_said
    for key, piece in (("2026-1", "A piece"), ("2026-2", "Duet")):
        TakeWriter(desk.folder.folder, key, TakeInfo(8000, key, "synth", piece)).close()
    desk._save_latest("A piece")
    assert said.pop()[0].startswith("Saved A piece 2026-1.mid")
    desk._save_latest("Another")
    assert said.pop()[0].startswith("Nothing of Another was captured yet")
    desk.recorder.hindrance = "No space left"
    desk._save_latest("Another")
    sentence = "Nothing of Another was captured (No space left). Free some disk space, and play again."
    assert said.pop() == (sentence, "bad")


def test_a_take_that_a_crash_left_is_kept_and_said(desk_and_said):
    desk, said = desk_and_said
    desk.recover()
    assert said == []
    writer = TakeWriter(desk.folder.folder, "one", TakeInfo(8000, "2026-01-01T10:00:00", "synth"))
    writer.add_audio(np.zeros(48 * 8000, np.float32))
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


def a_take(key: str) -> Take:
    return Take(key, TakeInfo(44_100, "2026-11-27T04:00:00", "synth", "A piece"), Path(key), 12.0, 0)


@pytest.fixture
def in_takes(stage):
    """A window on two takes, and the folder's double: `kept` lies in it, `deleted` was asked to go."""
    deleted: list[Any] = []
    kept = [a_take("two"), a_take("one")]
    recorder = SimpleNamespace(recording=False, piece_name="", split=lambda: None)
    folder = SimpleNamespace(delete=deleted.append)
    one = stage(mode="home")
    one.studio.takes = SimpleNamespace(
        recorder=recorder, list=lambda: kept, folder=folder, close=lambda: None,
        replay=SimpleNamespace(playing=False),
    )  # fmt: skip
    one.window.go("takes")
    one.frame()
    return SimpleNamespace(one=one, kept=kept, deleted=deleted, recorder=recorder, folder=folder)


def test_a_take_that_comes_in_does_not_move_the_choice(in_takes):
    scene = in_takes.one.scene
    scene.list.move(1)
    assert scene.list.current.key == "one"
    in_takes.recorder.recording = True
    in_takes.one.frame()
    in_takes.kept.insert(0, a_take("three"))
    in_takes.recorder.recording = False
    in_takes.one.frame()
    assert [row.key for row in scene.list.rows] == ["three", "two", "one"]
    assert scene.list.current.key == "one"


def test_delete_in_the_name_s_field_deletes_no_take(in_takes):
    one = in_takes.one
    one.window.dispatcher.set_focus(one.scene.name_field)
    for _ in range(2):
        one.key(pygame.K_DELETE)
    assert in_takes.deleted == []
    one.window.dispatcher.set_focus(None)
    for _ in range(2):
        one.key(pygame.K_DELETE)
    assert in_takes.deleted == ["two"]


def test_a_question_whether_to_delete_lapses_with_another_choice_and_on_leaving(in_takes):
    one = in_takes.one
    one.key(pygame.K_DELETE)
    one.frame()
    assert one.scene._delete.label == "Delete for good?"
    for elsewhere in ("down", "up"):
        one.scene.actions[elsewhere]()
        one.frame()
    assert one.scene._delete.label == "Delete"
    one.key(pygame.K_DELETE)
    one.window.go("home")
    one.window.go("takes")
    one.key(pygame.K_DELETE)
    assert in_takes.deleted == []


def test_a_take_that_cannot_be_deleted_is_said(in_takes):
    def refuse(key):
        raise PermissionError(13, "Permission denied")

    in_takes.folder.delete = refuse
    for _ in range(2):
        in_takes.one.key(pygame.K_DELETE)
    assert in_takes.one.toasts[-1] == "The take could not be deleted (Permission denied). It is still there."


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
