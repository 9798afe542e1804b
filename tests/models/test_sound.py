"""Sound sets: which are found, and which of them nothing is trained on."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import sound
from models.presets import read_presets


def sound_set(*presets, odd=b"\0" * 3, pad=b"\0"):
    """A file of these presets, (bank, program), and no sound; `odd` are its samples."""
    ends = (*presets, (0, 0))                                  # one more, which marks the end of the list
    listed = b"".join(struct.pack("<20sHH14x", b"", program, bank) for bank, program in ends)
    samples = chunk(b"LIST", b"sdta" + odd) + pad * (len(odd) % 2)
    return chunk(b"RIFF", b"sfbk" + samples + chunk(b"LIST", b"pdta" + chunk(b"phdr", listed)))


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("MuseScore_General_Lite.sf3", "FluidR3Mono_GM.sf3", "TimGM6mb.sf2", "sf_GMbank.sf2"):
        (tmp_path / name).write_bytes(sound_set((0, 0), (128, 0)))
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


def test_a_supplement_without_a_piano_is_none_to_play_through(folder):
    """FluidR3's sounds of Roland's GS lie beside its General MIDI, in a file of their own."""
    (folder / "FluidR3_GS.sf2").write_bytes(sound_set((8, 4), (16, 0)))
    (folder / "no-set.sf2").write_bytes(b"RIFF")
    (folder / "gone.sf2").symlink_to(folder / "nowhere.sf2")
    names = {path.name for path in sound.find_sound_sets()}
    assert "sf_GMbank.sf2" in names and not names & {"FluidR3_GS.sf2", "no-set.sf2", "gone.sf2"}


@pytest.mark.parametrize("odd", [b"", b"ab", b"abc"])
@pytest.mark.parametrize("pad", [b"\0", b""])
def test_presets_are_read_whether_or_not_odd_chunks_are_padded(tmp_path, odd, pad):
    (tmp_path / "set.sf2").write_bytes(sound_set((0, 0), (0, 73), (128, 8), odd=odd, pad=pad))
    assert read_presets(tmp_path / "set.sf2") == {(0, 0), (0, 73), (128, 8)}


def test_the_bundled_set_has_all_of_general_midi():
    assert {(0, program) for program in range(128)} <= read_presets(sound.find_sound_sets()[0])


@given(st.binary(max_size=80), st.integers(0, 200))
@example(b"\0\0\0", 32)
def test_junk_holds_nothing_and_never_fails(tmp_path_factory, junk, cut):
    path = tmp_path_factory.mktemp("sets") / "junk.sf2"
    path.write_bytes(sound_set((0, 0))[:cut] + junk)
    read_presets(path)
