"""The launchpad's scene: snapshots and their chain, files, coming and going."""

import os
import threading
from pathlib import Path

import numpy as np
import pygame

from app.sessions.launchpad.starts import favourite_path, favourites, forget_favourite, save_grid
from models.launchpad.instrument import LAUNCHPAD
from pieces.errors import RipienoError


def test_snapshots_are_kept_recalled_and_chained_by_keys(one):
    one.launchpad.press(3, 3)
    one.key(pygame.K_k, pygame.KMOD_LCTRL)
    one.launchpad.press(9, 3)
    one.key(pygame.K_F3)
    one.frame()
    assert [part.name for part in one.launchpad.song.arrangement.parts] == ["A", "B"]
    one.key(pygame.K_F2)
    assert one.launchpad.song.grid[:, 0].astype(bool).nonzero()[0].tolist() == [3]
    for key in (pygame.K_F2, pygame.K_F3, pygame.K_F2):
        one.key(key, pygame.KMOD_LSHIFT)
    one.key(pygame.K_F10)
    now = one.launchpad.song.arrangement
    assert [link.part for link in now.chain] == [0, 1, 0] and now.chain_on
    one.frame()
    assert [button.name for button in one.scene.strip.parts if button.visible] == ["A", "B"]
    assert [link.name for link in one.scene.strip.links if link.visible] == ["A", "B", "A"]


def test_a_link_of_the_chain_changes_its_length_and_goes(one):
    one.launchpad.press(3, 3)
    one.key(pygame.K_k, pygame.KMOD_LCTRL)
    one.key(pygame.K_F2, pygame.KMOD_LSHIFT)
    one.frame()
    one.click(*one.scene.strip.links[0].rect.center)
    one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    assert one.launchpad.song.arrangement.chain[0].bars == 8
    one.click(*one.scene.strip.links[0].rect.center)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_UP)
    one.key(pygame.K_RETURN)
    assert one.launchpad.song.arrangement.chain == ()


def test_a_chain_typed_faster_than_it_is_shown_loses_nothing_and_its_playing_link_is_in_sight(one):
    for row in (3, 5, 9):
        one.launchpad.press(row, 3)
        one.launchpad.keep_part()
    one.frame()
    for number in range(24):  # many in one frame: as when keys come quicker than pictures
        one.scene.desk.chain_part(number % 3)
    one.scene.desk.chain_part(3)
    one.frame()
    strip = one.scene.strip
    assert [link.part for link in one.launchpad.song.arrangement.chain] == [0, 1, 2] * 8
    assert "There is no snapshot D yet" in one.toasts[-1]

    def seen() -> list[str]:
        return [link.name + "*" * link.current for link in strip.links if link.visible]

    assert len(seen()) == 9 and seen()[-1] == "C" and strip.hidden.visible and not strip.legend.visible
    assert strip._hidden_words() == "+15" and strip.more.rect.right <= one.scene.areas.content.right
    one.launchpad.show(link=0)
    one.frame()
    assert seen()[:2] == ["A*", "B"]
    one.launchpad.show(link=13)
    one.frame()
    assert "B*" in seen() and seen().count("B*") == 1
    one.click(*strip.links[seen().index("B*")].rect.center)
    choose(one, "Out of the chain")
    assert [link.part for link in one.launchpad.song.arrangement.chain][12:15] == [0, 2, 0]
    assert np.array_equal(*one.pictures())


def test_snapshots_and_links_out_of_sight_are_in_the_menu(one):
    for row in range(20):
        one.launchpad.press(row, 3)
        one.launchpad.keep_part()
    one.frame()
    strip = one.scene.strip
    assert sum(part.visible for part in strip.parts) == 8 and strip._hidden_words() == "+12"
    one.click(*strip.more.rect.center)
    choose(one, "Bring a snapshot back …", "P")
    assert np.count_nonzero(one.launchpad.song.grid[:, 0]) == 16
    one.click(*strip.more.rect.center)
    choose(one, "Put one into the chain …", "T")
    one.click(*strip.more.rect.center)
    choose(one, "Change a link …", "1: T", "16 bars")
    assert [(link.part, link.bars) for link in one.launchpad.song.arrangement.chain] == [(19, 16)]
    one.click(*strip.more.rect.center)
    choose(one, "Forget a snapshot …", "A")
    assert len(one.launchpad.song.arrangement.parts) == 19


def test_an_export_that_cannot_be_written_is_said_and_nothing_is_lost(one, monkeypatch):
    def refuse(path: Path) -> None:
        raise RipienoError("There is no room on the disk. Make some.")

    monkeypatch.setattr(one.launchpad, "export_midi", refuse, raising=False)
    one.launchpad.show(heard_s=12.0)
    one.frame()
    one.key(pygame.K_e, pygame.KMOD_LCTRL)
    one.key(pygame.K_RETURN)
    one.frame(2)
    assert "There is no room on the disk. Make some." in one.toasts


def test_a_dropped_grid_is_loaded_and_a_wrong_one_refused(one, tmp_path):
    good, bad = tmp_path / "grid.json", tmp_path / "junk.json"
    save_grid(good, LAUNCHPAD.random(np.random.default_rng(0)))
    bad.write_text('{"format": "something"}')
    for path in (good, bad):
        pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(path)))
        one.frame(2)
    assert one.launchpad.song.grid[:, 0].any()
    assert "junk.json holds no grid" in one.toasts[-1]


def test_a_dropped_file_that_is_refused_leaves_no_other_scene(one, tmp_path):
    (tmp_path / "junk.json").write_text('{"format": "something"}')
    one.window.go("home")
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(tmp_path / "junk.json")))
    one.frame(2)
    assert one.window.scene.name == "home" and "junk.json holds no grid" in one.toasts[-1]


def choose(one, *lines: str) -> None:
    """Take a line of the menu that is open, and of those that follow."""
    for line in lines:
        (item,) = [item for item in one.window.menu.items if item.label == line]
        one.window.close_layers()
        item.on_choose()
        one.frame(2)


def test_a_song_is_saved_opened_from_the_menu_and_by_drop_and_begun_anew(one, tmp_path, monkeypatch):
    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    monkeypatch.setattr("app.scenes.launchpad_desk.export_folder", lambda: tmp_path)
    one.launchpad.press(3, 3)
    one.key(pygame.K_k, pygame.KMOD_LCTRL)
    one.launchpad.set_tempo(77.0)
    one.key(pygame.K_e, pygame.KMOD_LCTRL)
    choose(one, "The song as JSON")
    (saved,) = tmp_path.iterdir()
    assert any(saved.name in toast for toast in one.toasts)
    one.click(*one.scene.panel.start.rect.center)
    choose(one, "A new song")
    assert not one.launchpad.song.grid.any() and one.launchpad.song.arrangement.parts == ()
    (tmp_path / "Launchpad song gone.json").symlink_to(tmp_path / "nowhere")
    one.click(*one.scene.panel.start.rect.center)
    choose(one, "A song that was saved …")
    assert [item.label for item in one.window.menu.items] == [saved.stem]
    choose(one, saved.stem)
    now = one.launchpad.song.arrangement
    assert [part.name for part in now.parts] == ["A"] and now.tempo_bpm == 77.0
    assert one.scene.title() == saved.stem
    one.launchpad.clear()
    one.window.go("home")
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(saved)))
    one.frame(2)
    assert one.launchpad.song.grid[3, 0] == 8 and one.window.scene.name == "launchpad"


def test_favourites_come_latest_first_and_none_is_out_of_reach(one):
    months = ("November", "December")
    names = [f"Grid of {day:02} {month}, 10.11.12" for month in months for day in range(1, 7)]
    for age, name in enumerate(names):
        save_grid(favourite_path(name), LAUNCHPAD.empty())
        os.utime(favourite_path(name), (1e9 + age, 1e9 + age))
    gone = favourite_path("gone")
    gone.symlink_to(gone.with_name("nowhere"))
    one.click(*one.scene.panel.start.rect.center)
    shown = [item.label for item in one.window.menu.items if item.detail == "favourite"]
    assert shown == names[:3:-1]
    choose(one, "All favourites …", names[0])
    assert one.launchpad.calls[-1] == ("load_favourite", names[0])
    one.click(*one.scene.panel.start.rect.center)
    choose(one, "Delete a favourite …", names[1])
    assert sorted(favourites()) == sorted({*names} - {names[1]})
    for name in [*favourites(), "gone"]:
        forget_favourite(name)


def test_a_favourite_gets_another_name_unless_there_is_one(one):
    for name in ("Grid of today", "Other"):
        save_grid(favourite_path(name), LAUNCHPAD.empty())

    def rename(*typed: str) -> None:
        one.click(*one.scene.panel.start.rect.center)
        choose(one, "Rename a favourite …", "Grid of today")
        for _ in "today":
            one.key(pygame.K_BACKSPACE)
        for letter in typed:
            one.key(pygame.K_q, text=letter)
        assert np.array_equal(*one.pictures())

    pace = one.launchpad.song.arrangement.pace
    rename("m", "i")
    one.key(pygame.K_ESCAPE)
    assert one.window.menu is None and sorted(favourites()) == ["Grid of today", "Other"]
    rename("m", "i")
    one.click(5, 5)
    assert one.window.menu is None and sorted(favourites()) == ["Grid of today", "Other"]
    save_grid(favourite_path("Grid of q"), LAUNCHPAD.empty())
    rename("q")
    one.key(pygame.K_RETURN)
    one.frame()
    assert "Choose another name" in one.toasts[-1]
    one.scene.desk.load_favourite("Grid of today")
    rename("m", "/", "i")
    one.key(pygame.K_RETURN)
    assert one.scene.desk.title == "Grid of m-i"
    one.frame()
    assert sorted(favourites()) == ["Grid of m-i", "Grid of q", "Other"] and "Grid of m-i" in one.toasts[-1]
    assert one.launchpad.song.arrangement.pace == pace
    for name in favourites():
        forget_favourite(name)


def test_sound_is_written_with_the_chosen_set_says_how_far_it_is_and_is_stopped(
    one, tmp_path, monkeypatch, eventually
):
    asked, told = [], threading.Event()

    def export_wav(path: Path, sound_set: str, progress) -> None:
        asked.append((path.suffix, sound_set))
        for step in range(1, 10**6):
            progress(min(step / 100, 1.0))
            if step == 40:
                told.wait(20.0)

    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    monkeypatch.setattr("app.scenes.wav_desk.PERIOD_S", 0.0)
    monkeypatch.setattr(one.launchpad, "export_wav", export_wav, raising=False)
    one.settings.change(sound_set="Big.sf2")
    one.scene.desk.export_wav()
    assert eventually(lambda: bool(one.frame(1) or [t for t in one.toasts if " 40 %" in t]))
    one.scene.desk.export_wav()
    one.frame(2)
    assert asked == [(".wav", "Big.sf2")] and "is being written" in one.toasts[-1] and len(one.toasts) == 1
    one.window.do(one.window.toasts.toasts[-1].action)
    told.set()
    assert eventually(lambda: not one.window.studio.wav.writing)
    one.frame(2)
    assert len(one.toasts) == 1 and one.toasts[0].endswith("is not written.")
    one.settings.change(sound_set="")


def test_leaving_the_scene_gives_all_back_and_keeps_the_grid(one):
    assert not one.launchpad.rests
    one.launchpad.press(3, 3)
    one.launchpad.play()
    one.window.go("home")  # no frame has shown yet that it plays
    assert one.launchpad.rests and one.launchpad.shown.state == "stopped"
    one.window.go("launchpad")
    one.frame()
    assert not one.launchpad.rests
    assert one.scene.grid.rows[3].row.pads[3].on
