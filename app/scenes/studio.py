"""What the scenes share: settings, engine, devices, the open piece and its session, toasts, navigation.

Used by the thread of the window alone; everything slow goes through the loader, the renderer or the engine.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pygame

from app.engine.clock import now_s
from app.engine.snapshot import Snapshot
from app.scenes.keyboard import PcPiano
from app.scenes.loading import Loader, Opened
from app.scenes.sound_desk import SoundDesk
from app.scenes.wav_desk import WavDesk
from app.sessions.duet.choices import DuetWishes
from app.settings import SettingsNotSaved, SettingsStore
from app.widgets.base import Widget
from app.widgets.library_grid import Card
from app.widgets.overlays import MenuItem
from app.widgets.page_images import PageImages
from app.widgets.rendering import Drawn, PageRenderer
from models.midi_files import MIDI_SUFFIXES
from pieces.errors import RipienoError
from pieces.piece import Piece

if TYPE_CHECKING:
    from app.devices.launchpads.hardware import Launchpads
    from app.scenes.devices import DeviceDesk
    from app.scenes.take_desk import TakeDesk
    from app.sessions.duet.choices import Choices
    from app.sessions.duet.session import DuetSession
    from app.sessions.launchpad import LaunchpadSession

_log = logging.getLogger(__name__)
FIRST_PIECE = "fur-elise"
SLOW_OPENING_S = 2.0


_BRACKETS = re.compile(r"\s*\([^)]*\)")


def without_years(composer: str) -> str:
    """A composer's name without what stands in brackets behind it."""
    return _BRACKETS.sub("", composer)


class Session(Protocol):
    """What the scenes need of :class:`app.sessions.follow.FollowSession`."""

    problem: str | None

    @property
    def ready(self) -> bool: ...
    @property
    def start_waits(self) -> bool: ...
    @property
    def snapshot(self) -> Snapshot: ...
    def start(self, count_in_bars: int = 0) -> None: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def seek(self, x_px: float) -> None: ...
    def set_loop(self, x0_px: float | None, x1_px: float | None = None) -> None: ...
    def resume(self) -> None: ...
    def play_demo(self, tempo_factor: float = 1.0, demo: Any = None) -> None: ...
    def play_recording(self, sound: Any, rate: int) -> None: ...
    def set_demo_tempo(self, tempo_factor: float) -> None: ...
    def set_metronome(self, on: bool) -> None: ...
    def close(self) -> None: ...


@dataclass(eq=False)
class _Dropped:
    """A recording that is played as soon as a thread has read it: ``play``, then, in a session."""

    path: Path
    play: Callable[[Session], object] | None = None


class Studio:
    """One for the life of the window. The factories are what tests replace."""

    def __init__(
        self,
        settings: SettingsStore,
        engine: Any,
        devices: DeviceDesk,
        make_session: Callable[[Piece, str, Any, int], Session],
        follower: str = "follower",
        seed: int | None = None,
        make_launchpad: Callable[[Studio], Any] | None = None,
        make_duet: Callable[[Studio, str, Choices], Any] | None = None,
    ) -> None:
        self.settings, self.engine, self.devices = settings, engine, devices
        self.follower, self.seed = follower, seed or 0
        self.fresh_seed = secrets.randbits(32) if seed is None else seed
        """Of draws that are to be others each time the program is started, unless somebody has chosen one."""
        self.loader, self.renderer = Loader(), PageRenderer()
        self.piece: Piece | None = None
        self.images: PageImages | None = None
        self.session: Session | None = None
        self.folded: bool | None = None
        self.opening: str | None = None
        self._opening_title, self._opening_since_s = "", 0.0
        self.start_when_open = False
        self.keeps_running = False  # the next change of scene does not stop what is followed
        self.piano = PcPiano(engine)
        self.takes: TakeDesk | None = None
        self.midi: Any = None
        self._make_session = make_session
        self._make_launchpad, self._make_duet = make_launchpad, make_duet
        self.duet: DuetSession | None = None
        self.duet_wishes = DuetWishes()
        self.take_drawn: Callable[[Drawn], object] = lambda drawn: None
        self.launchpad: LaunchpadSession | None = None
        self.launchpads: Launchpads | None = None
        self.to_close: list[Callable[[], object]] = []
        self._said: deque[tuple[str, str, str]] = deque()
        self._dropped: _Dropped | None = None
        self.sound = SoundDesk(engine, settings, self.change, self.say)
        self.wav = WavDesk(self.say_later)
        devices.source_changed = self.stop_following
        # Set by the window.
        self.ask: Callable[[str], object] = lambda action: None
        self.say_at: Callable[[str, str, str], object] = lambda text, kind, action: None
        self.show_menu: Callable[[tuple[MenuItem, ...], pygame.Rect], object] = lambda items, anchor: None
        self.ask_line: Callable[[str, str, Callable[[str], object]], object] = lambda *asked: None
        self.relayout: Callable[[], object] = lambda: None
        self.focus: Callable[[Widget | None], object] = lambda widget: None

    # --- talking --------------------------------------------------------------------------------

    def say(self, text: str, kind: str = "plain", action: str = "") -> None:
        """Show a toast; a click on it does ``action``."""
        self.say_at(text, kind, action)

    def say_later(self, text: str, kind: str = "plain", action: str = "") -> None:
        """Show a toast; any thread may ask for it."""
        self._said.append((text, kind, action))

    def change(self, **changes: Any) -> None:
        """Change settings; where they cannot be saved, a toast says so and they hold for now."""
        self._save(partial(self.settings.change, **changes))

    def keep_latency(self, device: str, latency_s: float) -> None:
        """Remember the measured latency of a device, as :meth:`change`."""
        self._save(partial(self.settings.keep_latency, device, latency_s))

    def _save(self, change: Callable[[], object]) -> None:
        try:
            change()
        except SettingsNotSaved as problem:
            self.say(str(problem), "bad")

    def library(self) -> list[Card]:
        """The pieces that can be opened, as cards: the user's own, the one to begin with, the rest."""
        from pieces import library

        entries = sorted(library.list_pieces(), key=lambda entry: (entry.bundled, entry.name != FIRST_PIECE))
        return [
            Card(
                entry.name, entry.title, without_years(entry.composer), entry.seconds, entry.staves,
                not entry.bundled,
            )
            for entry in entries
        ]

    def remove_piece(self, card: Card) -> None:
        """Take a piece of the user's out of the library. Raises RipienoError."""
        from pieces import library

        library.remove(card.name)
        self.say(f"{card.title} is in the library no more")
        self._save(partial(self.settings.forget_piece, card.name))

    # --- the piece ------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The latest picture of the engine."""
        found: Snapshot = (self.session or self.engine).snapshot
        return found

    def open(self, wanted: str, start: bool = False) -> None:
        """Begin to open a piece by name or path; :meth:`poll` goes on when it is there."""
        if wanted != self.opening:
            self._begin_opening(wanted)
            self.loader.open(wanted)
        self.start_when_open = start

    def open_file(self, path: Path) -> None:
        """Begin to add a score of the user's to the library and to open it."""
        self._begin_opening(str(path))
        self.start_when_open = False
        self.loader.add(path)

    def _begin_opening(self, wanted: str) -> None:
        titles = {card.name: card.title for card in self.library()}
        self.opening, self._opening_since_s = wanted, now_s()
        self._opening_title = titles.get(wanted, Path(wanted).stem)

    def cancel_opening(self) -> bool:
        """End the opening under way; False where there is none."""
        if self.opening is None:
            return False
        self.loader.cancel()
        self.say(f"{self._opening_title} is not opened")
        self.opening, self.start_when_open = None, False
        return True

    def opening_words(self, t_s: float) -> str:
        """What is being opened, for how long, and how to end it; nothing where nothing is."""
        if self.opening is None:
            return ""
        elapsed_s = t_s - self._opening_since_s
        so_long = f"{elapsed_s:.0f} s · " if elapsed_s >= SLOW_OPENING_S else ""
        return f"Opening {self._opening_title} … {so_long}Esc cancels"

    def poll(self) -> Opened | None:
        """Take in pages that were drawn and a piece that was opened. Returns that opening, if any."""
        while self._said:
            self.say(*self._said.popleft())
        self._play_dropped()
        self.sound.poll(self.snapshot.state)
        for drawn in self.renderer.collect():
            if not (self.images and self.images.take(drawn)):
                self.take_drawn(drawn)
        opened = None
        for ended in self.loader.opened():
            if ended.wanted == self.opening:
                self.opening = None
            if ended.piece is None:
                self.say(ended.problem, "bad")
            else:
                opened = ended
                self._take_piece(ended.piece)
        return opened

    def _take_piece(self, piece: Piece) -> None:
        self.close_session()
        self.piece = piece
        self.images = PageImages(piece, self.renderer)
        self.name_takes()
        self._save(partial(self.settings.remember_piece, piece.name))
        self.open_session()

    def span_px(self) -> tuple[float, float]:
        """Where the music of the piece begins on the strip, and where it ends."""
        if self.piece is None:
            return 0.0, 1.0
        return float(self.piece.onset_x_px[0]), self.piece.segments[-1].strip_x1_px

    def open_session(self, player: str | None = None) -> None:
        """Have the piece followed by ``player`` (by default the chosen follower)."""
        self.close_session()
        if self.piece is None:
            return
        try:
            self.session = self._make_session(self.piece, player or self.follower, self.engine, self.seed)
        except RipienoError as problem:
            self.say(str(problem), "bad")

    def play_recording(self, path: Path) -> None:
        """Play a dropped MIDI or WAV file and follow it, once it is read."""
        if self.session is not None:
            self._dropped = dropped = _Dropped(path)
            threading.Thread(
                target=self._read_dropped, args=(dropped,), name="dropped-file", daemon=True
            ).start()

    def _read_dropped(self, dropped: _Dropped) -> None:
        """Thread of a dropped file: reading and another rate take seconds."""
        midi = dropped.path.suffix.lower() in MIDI_SUFFIXES
        try:
            dropped.play = (self._read_midi if midi else self._read_sound)(dropped.path)
        except RipienoError as problem:
            self.say_later(str(problem), "bad")

    def _read_midi(self, path: Path) -> Callable[[Session], object]:
        from app.sessions.music import Demo
        from models.performance import load_midi

        demo = Demo.of(load_midi(path))
        return lambda session: session.play_demo(self.settings.now.demo_tempo, demo)

    def _read_sound(self, path: Path) -> Callable[[Session], object]:
        from app.engine.frontend import at_rate
        from app.sessions.recordings import read_recording

        sound, rate = read_recording(path)
        wanted_rate = self.engine.rate
        sound = at_rate(sound, rate, wanted_rate)
        return lambda session: session.play_recording(sound, wanted_rate)

    def _play_dropped(self) -> None:
        dropped = self._dropped
        if dropped is not None and dropped.play is not None and self.session is not None:
            self.forget_dropped()
            dropped.play(self.session)
            self.say(f"Playing {dropped.path.name}")

    def forget_dropped(self) -> None:
        """A file that is still being read is not played: something else was asked for meanwhile."""
        self._dropped = None

    def stop_following(self) -> None:
        """What goes on, or is held, is over: something else is to be followed."""
        self.forget_dropped()
        if self.session:
            self.session.stop()

    def followers(self) -> list[str]:
        """Names of the players that can follow."""
        from models.players import PLAYERS

        return [name for name in PLAYERS if name != "human"]

    def use_follower(self, name: str) -> None:
        """Have another player follow from now on."""
        self.follower = name
        self.change(follower=name)
        self.open_session()

    def open_launchpad(self) -> LaunchpadSession:
        """The launchpad's session, begun when it is first asked for."""
        if self.launchpad is None:
            assert self._make_launchpad is not None
            self.launchpad = self._make_launchpad(self)
        return self.launchpad

    def open_duet(self, choices: Choices, agent: str = "") -> DuetSession:
        """The duet's session, begun with these choices when it is first asked for, or anew with an agent."""
        if self.duet is not None and agent:
            self.duet.close()
            self.duet = None
        if self.duet is None:
            assert self._make_duet is not None
            chosen = agent or self.duet_wishes.agent or self.settings.now.duet_agent
            self.duet = self._make_duet(self, chosen, choices)
        return self.duet

    @property
    def latency_s(self) -> float:
        """How long what is played needs to be heard here: the calibrated input's, where it is listened to."""
        return self.engine.input_latency_s if self.settings.now.source == "microphone" else 0.0

    @property
    def counts_in(self) -> bool:
        """Whether a start is counted in."""
        return self.settings.now.count_in_beats > 0

    @property
    def count_in_bars(self) -> int:
        """Bars that are counted in before a start."""
        return int(self.counts_in)

    def toggle_count_in(self) -> None:
        """Count in from the next start on, or not any more."""
        self.change(count_in_beats=0 if self.counts_in else 4)

    def name_takes(self, title: str = "") -> None:
        """What is captured from now on is a take of this; without a title, of the open piece."""
        if self.takes:
            self.takes.recorder.piece_name = title or (self.piece.title if self.piece else "")

    def save_take(self) -> None:
        """Save the take that runs, or the last one, as MIDI and WAV."""
        if self.takes:
            self.takes.save_latest()

    def close_session(self) -> None:
        """End following; the piece stays open."""
        self.forget_dropped()
        if self.session is not None:
            self.session.close()
            self.session = None

    def close(self) -> None:
        """End everything that was started here."""
        self.close_session()
        self.wav.close()
        for close in self.to_close:
            close()
        if self.launchpad is not None:
            self.launchpad.close()
        if self.duet is not None:
            self.duet.close()
        if self.launchpads is not None:
            self.launchpads.close()
        if self.takes:
            self.takes.close()
        if self.midi is not None:
            self.midi.close()
        self.loader.close()
        self.renderer.close()
