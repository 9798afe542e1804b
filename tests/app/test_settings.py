"""The settings file: kept by all means, shared by instances, never half-written."""

import errno
import json
import multiprocessing
from pathlib import Path

import pytest

from app import settings
from app.paths import takes_folder
from app.sessions.launchpad.starts import favourites_folder
from app.settings import Settings, SettingsNotSaved, SettingsStore
from pieces.errors import RipienoError
from pieces.folders import user_pieces_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_first_run_gives_the_defaults(path: Path) -> None:
    store = SettingsStore(path)
    assert store.now == Settings()
    assert store.notice is None


def test_what_was_changed_is_there_the_next_time(path: Path) -> None:
    SettingsStore(path).change(ui_scale=1.5, midi_input="Piano", midi_output=None, latency_s={"USB": 0.021})
    again = SettingsStore(path).now
    assert (again.ui_scale, again.midi_input, again.latency_s) == (1.5, "Piano", {"USB": 0.021})
    assert json.loads(path.read_text())["version"] == settings.VERSION


def test_unknown_keys_and_a_later_version_survive(path: Path) -> None:
    path.write_text('{"version": 9, "duet_temperature": 0.7, "volume": 0.5}')
    SettingsStore(path).change(volume=0.25)
    assert json.loads(path.read_text()) == {"version": 9, "duet_temperature": 0.7, "volume": 0.25}


@pytest.mark.parametrize("content", [b"", b'{"volume": 0.', b"\xff\xfe\x00junk", b"[1, 2]", b"[" * 10**5])
def test_a_damaged_file_is_set_aside_and_told(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store = SettingsStore(path)
    assert store.now == Settings()
    (aside,) = path.parent.glob("settings.damaged-*.json")
    assert aside.read_bytes() == content
    assert store.notice is not None
    assert aside.name in store.notice
    store.change(volume=0.1)
    assert SettingsStore(path).now.volume == 0.1


def test_a_damaged_file_that_cannot_be_set_aside_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    path.write_bytes(b"{")
    with monkeypatch.context() as for_now:
        for_now.setattr(Path, "replace", refuse)
        store = SettingsStore(path)
        assert store.now == Settings() and store.notice is not None and "Read-only" in store.notice
        with pytest.raises(SettingsNotSaved, match="Read-only"):
            store.change(volume=0.25)
    assert path.read_bytes() == b"{" and store.now.volume == 0.25


@pytest.mark.parametrize(
    ("name", "value"),
    [("ui_scale", 40), ("ui_scale", "big"), ("volume", True), ("view", "hologram"), ("recent", [1, 2]),
     ("latency_s", {"USB": "late"}), ("fullscreen", 1), ("follower", None), ("block_samples", 25.6)],
)  # fmt: skip
def test_a_value_that_does_not_fit_falls_back_alone(path: Path, name: str, value: object) -> None:
    path.write_text(json.dumps({name: value, "metronome": True}))
    now = SettingsStore(path).now
    assert getattr(now, name) == getattr(Settings(), name)
    assert now.metronome


def test_the_program_cannot_store_nonsense(path: Path) -> None:
    store = SettingsStore(path)
    for changes in ({"volume": 2.0}, {"no_such_setting": 1}):
        with pytest.raises(ValueError, match="settings"):
            store.change(**changes)
    assert not path.exists()


def test_a_full_disk_leaves_the_old_file_and_the_new_value_in_force(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SettingsStore(path)
    store.change(volume=0.5)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(settings.os, "fsync", full)
    with pytest.raises(SettingsNotSaved, match="No space left"):
        store.change(volume=0.25)
    assert path.read_bytes() == before
    assert store.now.volume == 0.25
    assert {left.name for left in path.parent.iterdir()} == {"settings.json", "settings.lock"}


def test_a_file_that_cannot_be_read_for_now_is_not_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SettingsStore(path).change(volume=0.5, metronome=True)

    def refuse(_path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(settings, "read_json", refuse)
        store = SettingsStore(path)
        assert store.now == Settings() and "cannot be read (Input/output error)" in str(store.notice)
        with pytest.raises(SettingsNotSaved):
            store.change(volume=0.25)
        assert store.now.volume == 0.25
    assert SettingsStore(path).now.volume == 0.5 and SettingsStore(path).now.metronome


def test_two_instances_keep_each_other_s_changes(path: Path) -> None:
    one, two = SettingsStore(path), SettingsStore(path)
    one.change(volume=0.5)
    two.change(metronome=True)
    merged = SettingsStore(path).now
    assert (merged.volume, merged.metronome) == (0.5, True)


def test_two_instances_add_to_the_same_lists(path: Path) -> None:
    one, two = SettingsStore(path), SettingsStore(path)
    for store, piece, device, latency_s in ((one, "x", "Mic A", 0.02), (two, "y", "Mic B", 0.03)):
        store.remember_piece(piece)
        store.keep_latency(device, latency_s)
    for now in (two.now, SettingsStore(path).now):
        assert (now.recent, now.latency_s) == (("y", "x"), {"Mic A": 0.02, "Mic B": 0.03})
    one.forget_piece("y")
    assert SettingsStore(path).now.recent == ("x",)


def _scribble(path: Path, name: str) -> None:
    store = SettingsStore(path)
    for step in range(40):
        store.change(**{name: (step + 1) / 40})


def test_instances_writing_at_once_corrupt_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=_scribble, args=(path, name)) for name in ("volume", "metronome_volume")
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert SettingsStore(path).notice is None
    for writer in writers:
        writer.join()
    last = SettingsStore(path).now
    assert (last.volume, last.metronome_volume) == (1.0, 1.0)


def test_recent_pieces_are_latest_first_without_repeats(path: Path) -> None:
    store = SettingsStore(path)
    for number in range(settings.MAX_RECENT + 3):
        store.remember_piece(f"piece-{number}")
    store.remember_piece("piece-10")
    recent = SettingsStore(path).now.recent
    assert len(recent) == settings.MAX_RECENT
    assert recent[:2] == ("piece-10", "piece-14")
    assert len(set(recent)) == len(recent)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    makers = {"takes": takes_folder, "pieces": user_pieces_folder, "launchpad": favourites_folder}
    for name, wanted in makers.items():
        (tmp_path / "data" / name).write_text("in the way")
        with pytest.raises(RipienoError, match=f"cannot make the folder .*{name}.*set RIPIENO_HOME"):
            wanted()
