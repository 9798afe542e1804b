"""Sound sets: which are found, and which of them nothing is trained on."""

import pytest

from models import sound


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("MuseScore_General_Lite.sf3", "FluidR3Mono_GM.sf3", "TimGM6mb.sf2", "sf_GMbank.sf2"):
        (tmp_path / name).touch()
    (tmp_path / "readme.txt").touch()
    (tmp_path / "default-GM.sf3").symlink_to(tmp_path / "MuseScore_General_Lite.sf3")
    (tmp_path / "default-GM.sf2").symlink_to(tmp_path / "TimGM6mb.sf2")
    monkeypatch.setattr(sound, "SOUND_SET_FOLDERS", (tmp_path,))
    sound.find_sound_sets.cache_clear()
    yield tmp_path
    sound.find_sound_sets.cache_clear()


def test_the_set_kept_for_evaluation_is_not_trained_on_under_any_name(folder):
    own = [path.name for path in sound.find_training_sound_sets() if path.parent == folder]
    assert own == ["FluidR3Mono_GM.sf3", "sf_GMbank.sf2"]
    unheard = sound.find_unheard_sound_set()
    assert unheard is not None and unheard.resolve() == folder / "MuseScore_General_Lite.sf3"
    assert len(sound.find_sound_sets()) > len(sound.find_training_sound_sets())


def test_each_set_is_trained_on_once_however_often_it_is_found(folder):
    names = [path.resolve().name for path in sound.find_training_sound_sets()]
    assert names == ["TimGM6mb.sf2", "FluidR3Mono_GM.sf3", "sf_GMbank.sf2"]  # the first is the bundled one


def test_a_machine_without_it_has_none(folder, monkeypatch):
    monkeypatch.setattr(sound, "SOUND_SET_FOLDERS", ())
    sound.find_sound_sets.cache_clear()
    assert sound.find_unheard_sound_set() is None
    assert sound.find_training_sound_sets() == sound.find_sound_sets()
