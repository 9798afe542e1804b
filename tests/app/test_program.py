"""The program put together: what was remembered is what it starts with."""
from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app.devices.audio import NONE, AudioChoice, AudioSystem
from app.devices.null import NullBackend
from app.engine.voice import Instrument, SilentInstrument
from app.program import _judge, build_studio
from app.scenes.studio import Studio
from app.sessions.launchpad.keeping import kept_path
from app.settings import SettingsStore
from app.window import run_window
from models.launchpad.instrument import LAUNCHPAD


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Studio]]:
    """`build_studio` without a sound card; what it builds is closed."""
    built: list[Studio] = []

    def make(follower: str | None = None, seed: int | None = None) -> Studio:
        built.append(build_studio(follower, seed))
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
    build: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., bool]
) -> None:
    asked: list[str] = []

    def open_instrument(rate: int, sound_set: str) -> tuple[Instrument, str | None]:
        asked.append(sound_set)
        return SilentInstrument(), None

    monkeypatch.setattr("app.program.open_instrument", open_instrument)
    SettingsStore().change(volume=0.5, sound_set="grand.sf2")
    assert build().engine.mixer.gain == 0.25
    assert eventually(lambda: set(asked) == {"grand.sf2"})


def test_the_latency_is_that_of_the_input_that_opens(
    build: Callable[..., Studio], eventually: Callable[..., bool]
) -> None:
    SettingsStore().change(latency_s={"No input": 0.021})
    studio = build()
    assert eventually(lambda: studio.engine.input_latency_s == 0.021)
    studio.change(latency_s={"No input": 0.034})
    studio.engine.supervisor.choose(AudioChoice(NONE, NONE))
    assert studio.engine.input_latency_s == 0.034


def test_the_launchpad_is_there_at_once_and_its_agent_and_judge_come(
    build: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., bool]
) -> None:
    let_go, asked_in = threading.Event(), []

    def slow_judge() -> Callable[[object], float]:
        asked_in.append(threading.current_thread())
        let_go.wait(10)
        return lambda grid: 0.0

    monkeypatch.setattr("app.program._judge", slow_judge)
    studio = build()
    session = studio.open_launchpad()
    assert eventually(lambda: bool(session.snapshot.grid.any()))  # while the judge is still on its way
    assert eventually(lambda: session.snapshot.agent == "launchpad")
    assert eventually(lambda: bool(asked_in)) and asked_in[0] is not threading.main_thread()
    let_go.set()


def test_the_launchpads_random_starts_are_others_each_time_unless_a_seed_is_given(
    build: Callable[..., Studio], eventually: Callable[..., bool]
) -> None:
    def random_start(seed: int | None) -> bytes:
        studio = build(seed=seed)
        session = studio.open_launchpad()
        session.set_pace(0)
        session.start_from("random")
        assert eventually(lambda: session.snapshot.undo_label == "random")
        grid: bytes = session.snapshot.grid.tobytes()
        studio.close()
        kept_path().unlink(missing_ok=True)
        return grid

    assert random_start(None) != random_start(None)
    assert random_start(3) == random_start(3)


def test_the_launchpads_song_goes_on_the_next_time(
    build: Callable[..., Studio], eventually: Callable[..., bool]
) -> None:
    kept_path().unlink(missing_ok=True)
    studio = build()
    session = studio.open_launchpad()
    session.set_pace(0)
    session.press(7, 3)
    session.keep_part("mine")
    assert eventually(lambda: session.song.arrangement.parts != ())
    studio.close()
    again = build().open_launchpad()
    assert (again.song.grid == session.song.grid).all() and (again.song.owners == session.song.owners).all()
    assert again.song.arrangement.parts[0].name == "mine"
    kept_path().unlink()


def test_the_judge_says_the_same_of_the_same_bar() -> None:
    judge, grid = _judge(), LAUNCHPAD.random(np.random.default_rng(0))
    assert judge(grid) == judge(grid) < 0.0


def test_what_ends_a_thread_while_the_window_is_open_is_told_in_it(
    build: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Window:
        def __init__(self, studio: Studio, scenes: object, mode: str) -> None:
            self.studio = studio

        def run(self) -> None:
            self.studio.engine.take_messages()
            thread = threading.Thread(target=lambda: 1 / 0, name="strings")
            thread.start()
            thread.join()
            said.extend(self.studio.engine.take_messages())

    said: list[str] = []
    monkeypatch.setattr("app.window.Window", Window)
    monkeypatch.setattr("app.program.build_studio", lambda *_: build())
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back at the end
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    run_window()
    assert any("failed (strings)" in sentence for sentence in said)
