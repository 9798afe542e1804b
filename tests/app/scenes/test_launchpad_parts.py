"""The launchpad's scene: snapshots and their chain, files, coming and going."""

from pathlib import Path

import numpy as np
import pygame

from app.sessions.launchpad.starts import save_grid
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
