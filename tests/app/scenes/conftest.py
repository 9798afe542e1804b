"""A window without a sound card or a follower: the engine and the session are small doubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pygame
import pytest

from app.engine.snapshot import RUNNING, Snapshot, State
from app.scenes.devices import DeviceDesk
from app.scenes.studio import Studio
from app.settings import SettingsStore
from app.widgets.page_images import PageImages
from app.widgets.painter import Painter
from app.window import Window, scenes
from pieces.piece import PADDING_PX, Piece, PlayedNotehead, Segment
from tests.app.scenes.fake_duet import FakeDuet
from tests.app.scenes.fake_launchpad import FakeLaunchpad

SYSTEMS_A_PAGE, PAGE_HEIGHT, MEASURE_PX = 5, 1181, 190.0


class FakeEngine:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.rate, self.sample = 44100, 0
        self.input_latency_s = 0.0
        self.notes: list[tuple[str, int]] = []
        self.panics = 0
        self.volume = self.click_volume = 1.0
        self.instruments: list[Callable[[int], object]] = []
        self.source = "synth"
        self.messages: list[str] = []
        self.closed = False
        stream = SimpleNamespace(input_label="Scarlett 2i2 (ALSA)", output_label="Scarlett 2i2 (ALSA)")
        system = SimpleNamespace(devices=list)
        self.supervisor = SimpleNamespace(stream=stream, lost=False, system=system, choice=None)
        self.metronome = SimpleNamespace(pulse=None, start=lambda *a: None, stop=lambda: None)

    def note_on(self, pitch: int, velocity: int = 80, source: str = "keys") -> None:
        self.notes.append(("on", pitch))

    def note_off(self, pitch: int, source: str = "keys") -> None:
        self.notes.append(("off", pitch))

    def panic(self) -> None:
        self.panics += 1

    def set_source(self, source: str) -> None:
        self.source = source

    def set_volume(self, volume: float) -> None:
        self.volume = volume

    def set_click_volume(self, volume: float) -> None:
        self.click_volume = volume

    def use_instrument(self, make: Callable[[int], object]) -> None:
        self.instruments.append(make)

    def call(self, command: Callable[[], None]) -> None:
        command()

    def tell(self, message: str) -> None:
        self.messages.append(message)

    def take_messages(self) -> list[str]:
        taken, self.messages = self.messages, []
        return taken

    def close(self) -> None:
        self.closed = True


class FakeSession:
    """Plays the part of a follower: `show` is the snapshot that the scenes see."""

    def __init__(self, piece: Piece, player: str, engine: FakeEngine, seed: int) -> None:
        self.piece, self.player = piece, player
        self.ready, self.start_waits = True, False
        self.problem: str | None = None
        self.calls: list[tuple[object, ...]] = []
        self.metronome = False
        self.snapshot = Snapshot(x_px=float(piece.onset_x_px[0]))

    def show(self, x_px: float, **fields: object) -> None:
        sample = self.snapshot.sample + 2205
        changes: dict[str, Any] = {"state": "following", **fields}
        self.snapshot = replace(
            self.snapshot, sample=sample, x_px=x_px, place=self.piece.place_at_x(x_px), **changes
        )

    def _state(self, state: State) -> None:
        self.snapshot = replace(self.snapshot, state=state, sample=self.snapshot.sample + 2205)

    def start(self, count_in_bars: int = 0) -> None:
        self.calls.append(("start", count_in_bars))
        self._state("waiting")

    def stop(self) -> None:
        self.calls.append(("stop",))
        self._state("idle")

    def pause(self) -> None:
        self.calls.append(("pause",))
        if self.snapshot.state in RUNNING:
            self._state("paused")

    def resume(self) -> None:
        self.calls.append(("resume",))
        self._state("following")

    def seek(self, x_px: float) -> None:
        self.calls.append(("seek", x_px))
        self.snapshot = replace(self.snapshot, x_px=x_px)

    def set_loop(self, x0_px: float | None, x1_px: float | None = None) -> None:
        self.calls.append(("loop", x0_px, x1_px))

    def play_demo(self, tempo_factor: float = 1.0, demo: object = None) -> None:
        self.calls.append(("demo", tempo_factor))
        self._state("following")

    def play_recording(self, sound: np.ndarray, rate: int) -> None:
        self.calls.append(("recording", len(sound)))
        self._state("waiting")

    def set_demo_tempo(self, tempo_factor: float) -> None:
        self.calls.append(("tempo", tempo_factor))

    def set_metronome(self, on: bool) -> None:
        self.metronome = on

    def close(self) -> None:
        self.calls.append(("close",))


def made_piece(systems: int = 12, measures: int = 4) -> Piece:
    """A piece of plain geometry: two staves a system, one note a measure, five systems a page."""
    pages = -(-systems // SYSTEMS_A_PAGE)
    images = [np.full((PAGE_HEIGHT, 835), 255, np.uint8) for _ in range(pages)]
    segments, notes, starts = [], [], []
    strip_x = float(PADDING_PX)
    for system in range(systems):
        page, row = divmod(system, SYSTEMS_A_PAGE)
        y0 = 110.0 + 210 * row
        width = MEASURE_PX * measures
        segments.append(Segment(page, system, 40.0, 40.0 + width, y0, y0 + 90, strip_x))
        for line in (0, 8, 16, 24, 32, 58, 66, 74, 82, 90):
            images[page][int(y0) + line, 40 : 40 + int(width)] = 0
        for measure in range(measures):
            number = system * measures + measure
            x = 100.0 + MEASURE_PX * measure
            starts.append((strip_x + MEASURE_PX * measure, str(number + 1)))
            notes.append(
                PlayedNotehead(
                    f"n{number}",
                    60,
                    4.0 * number,
                    4.0,
                    str(number + 1),
                    strip_x + x - 40,
                    page,
                    system,
                    x,
                    y0,
                    0,
                )
            )
        strip_x += width
    strip = np.zeros((200, int(strip_x) + PADDING_PX), np.uint8)
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 1188"></svg>'
    return Piece(
        "made", "A Piece of Geometry", "Nobody (1900-1990)", "", tuple(images), (svg,) * pages, strip,
        tuple(notes), tuple(segments), tuple(starts), 92.0, 4.0 * systems * measures, 2,
    )  # fmt: skip


class Stage:
    """A window that tests drive: events in, frames out. It begins ``anew``, or as the last one was left."""

    def __init__(
        self, size: tuple[int, int] = (1280, 720), scale: float = 1.0, mode: str = "follow",
        anew: bool = True, engine: Any = None, make_session: Callable[..., Any] = FakeSession,
    ) -> None:  # fmt: skip
        self.settings = SettingsStore()
        if anew:
            self.settings.change(
                window_width=size[0], window_height=size[1], ui_scale=scale, fullscreen=False, view="pages",
                source="demo", recent=(), reduced_motion=False, demo_tempo=1.0, metronome=False,
                count_in_beats=0, duet_choices={}, duet_agent="", duet_part="",
            )  # fmt: skip
        self.engine = engine or FakeEngine()
        desk = DeviceDesk(self.engine, self.settings, None, lambda text, kind: None)
        self.launchpad = FakeLaunchpad()
        self.duet = FakeDuet()
        self.studio = Studio(
            self.settings, self.engine, desk, make_session, seed=0,
            make_launchpad=lambda studio: self.launchpad,
            make_duet=lambda studio, agent, choices: self.duet.seated(agent, choices),
        )  # fmt: skip
        self.window = Window(self.studio, scenes(), mode)
        self.studio.loader.make_thumbnails = lambda wanted: None  # type: ignore[method-assign]
        self.frame()

    def show(self, piece: Piece) -> None:
        self.studio.piece = piece
        self.studio.images = PageImages(piece, self.studio.renderer)
        self.studio.images.ask = lambda *a: None  # type: ignore[method-assign]
        self.studio.open_session()
        self.window._opened()
        self.frame()

    def open(self, piece: Piece) -> FakeSession:
        self.show(piece)
        assert isinstance(self.studio.session, FakeSession)
        self.studio.session.calls.clear()  # what showing it took
        return self.studio.session

    @property
    def scene(self):
        return self.window.scene

    def frame(self, count: int = 1) -> None:
        for _ in range(count):
            self.window.frame()

    def pixel(self, place: tuple[float, float]) -> tuple[int, ...]:
        """The colour at a logical place."""
        scale = self.window.scale
        x, y = (round(along * scale) for along in place)
        return tuple(self.window.surface.get_at((x, y)))[:3]

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """What the window shows, and the same moment drawn anew."""
        anew = pygame.Surface(self.window.surface.get_size()).convert()
        view = self.window.view()
        self.scene.draw(anew, view)
        painter = Painter(anew, self.window.scale)
        for layer in self.window.layers():
            if layer.visible:
                layer.draw(painter, view)
        return pygame.surfarray.array3d(self.window.surface), pygame.surfarray.array3d(anew)

    def key(self, key: int, modifiers: int = 0, text: str = "") -> None:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, mod=modifiers, unicode=text))
        self.frame()
        pygame.event.post(pygame.event.Event(pygame.KEYUP, key=key, mod=modifiers))
        self.frame()

    def click(self, x: float, y: float, count: int = 1) -> None:
        scale = self.window.scale
        place = (round(x * scale), round(y * scale))
        for _ in range(count):
            for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
                pygame.event.post(pygame.event.Event(kind, pos=place, button=1))
        self.frame()

    @property
    def toasts(self) -> list[str]:
        return [toast.text for toast in self.window.toasts.toasts]


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    """Makes windows and closes them."""
    made: list[Stage] = []

    def make(*args: object, **kwargs: object) -> Stage:
        made.append(Stage(*args, **kwargs))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.window.close()


@pytest.fixture
def one(stage) -> Stage:
    """A window on the launchpad."""
    made: Stage = stage(mode="launchpad")
    return made


@pytest.fixture
def duet(stage) -> Stage:
    """A window on Duet."""
    made: Stage = stage(mode="duet")
    return made


@pytest.fixture
def piece() -> Piece:
    return made_piece()
