"""The program put together: what was remembered is what it starts with."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.devices.audio import AudioSystem
from app.devices.null import NullBackend
from app.engine.voice import Instrument, SilentInstrument
from app.program import build_studio
from app.scenes.studio import Studio
from app.settings import SettingsStore


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Studio]]:
    """`build_studio` without a sound card; what it builds is closed."""
    built: list[Studio] = []

    def make(follower: str | None = None) -> Studio:
        built.append(build_studio(follower))
        return built[-1]

    monkeypatch.setattr("app.program.open_system", lambda: AudioSystem([], NullBackend()))
    SettingsStore().change(audio_input=None, audio_output=None, midi_input=None, midi_output=None)
    yield make
    for studio in built:
        studio.close()
        studio.engine.close()


def test_the_follower_of_the_settings_plays_unless_another_is_named(build: Callable[..., Studio]) -> None:
    SettingsStore().change(follower="steady")
    assert build(None).follower == "steady"
    assert build("optimal").follower == "optimal"
    assert SettingsStore().now.follower == "steady"


def test_volume_and_sound_set_are_those_of_last_time(
    build: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def open_instrument(rate: int, sound_set: str) -> tuple[Instrument, str | None]:
        asked.append(sound_set)
        return SilentInstrument(), None

    monkeypatch.setattr("app.program.open_instrument", open_instrument)
    SettingsStore().change(volume=0.5, sound_set="grand.sf2")
    assert build().engine.mixer.gain == 0.25
    assert set(asked) == {"grand.sf2"}
