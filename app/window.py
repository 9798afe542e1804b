"""The window: events in, one scene drawn sixty times a second; the edge where errors become toasts.

This is the main thread. It reads the engine's snapshots and calls sessions; it waits for nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pygame

from app.devices.audio import AudioSystem
from app.display import Display
from app.dropping import drop, typed_path
from app.engine.clock import now_s
from app.hands import Hands
from app.scenes.base import Scene
from app.scenes.studio import Studio
from app.scenes.wav_desk import STOP
from app.sessions.duet.choices import DuetWishes
from app.widgets.base import Canvas, View, Widget
from app.widgets.dispatch import Dispatcher
from app.widgets.key_list import HelpOverlay
from app.widgets.overlays import HintBubble, Menu, MenuItem, Prompt, Toasts
from app.widgets.painter import Painter
from pieces.errors import RipienoError

_log = logging.getLogger(__name__)
FRAMES_PER_S = 60
MAX_FAULTS = 3


class Window:
    """Owns the display, the scenes and what lies over them."""

    def __init__(self, studio: Studio, scenes: dict[str, Callable[[Studio], Scene]], mode: str) -> None:
        self.studio = studio
        self._makers = scenes
        self._scenes: dict[str, Scene] = {}
        self.dispatcher, self.canvas = Dispatcher(), Canvas()
        self.toasts, self.hint = Toasts(self.do), HintBubble()
        self.help: HelpOverlay | None = None
        self.menu: Menu | Prompt | None = None
        self.frame_ms: deque[float] = deque(maxlen=40_000)
        self.running = True
        self._faults = 0
        self.display, self.hands = Display(studio.settings, studio.change), Hands(self)
        self.piano = studio.piano
        studio.ask, studio.show_menu, studio.relayout = self.do, self.show_menu, self.relayout
        studio.ask_line = self.ask_line
        studio.say_at = lambda text, kind, action: self.toasts.add(text, kind, self.now_s(), action)
        studio.focus = self.dispatcher.set_focus
        self._actions: dict[str, Callable[[], object]] = {
            "help": self._toggle_help,
            "back": self._back,
            "full_screen": self._full_screen,
            "larger": lambda: self._zoom(0.25),
            "smaller": lambda: self._zoom(-0.25),
            "panic": self._panic,
            "next_focus": lambda: self.dispatcher.move_focus(1),
            "previous_focus": lambda: self.dispatcher.move_focus(-1),
            "quit": self._quit,
            STOP: studio.wav.stop,
            "open_file": self._ask_for_file,
            "octave_down": lambda: self._octave(-1),
            "octave_up": lambda: self._octave(1),
            **{f"scene_{name}": partial(self.go, name) for name in scenes},
        }
        self.scene = self._scene(mode if mode in scenes else "home")
        self.scene.enter()
        self.relayout()

    # --- geometry -------------------------------------------------------------------------------

    @property
    def scale(self) -> float:
        """Device px per logical px."""
        return self.display.scale

    @property
    def surface(self) -> pygame.Surface:
        """What is drawn on."""
        return self.display.surface

    def relayout(self) -> None:
        """Place everything anew: after a resize, another scale, a folded panel."""
        scale, logical = self.scale, self.display.logical()
        self.scene.lay_out(logical.w, logical.h, scale)
        self.toasts.scale = scale
        self.toasts.rect = self.scene.message_area()
        if self.help:
            self.help.rect = logical
        if self.menu:
            self.menu.place(logical)
        self.canvas.invalidate()

    # --- scenes ---------------------------------------------------------------------------------

    def go(self, name: str) -> Scene:
        """Show another scene; that scene."""
        if self.scene.name != name:
            self.close_layers()
            self.piano.release_all()
            self.dispatcher.set_focus(None)
            self.scene.leave()
            self.scene = self._scene(name)
            self.scene.enter()
            self.relayout()
        return self.scene

    def _scene(self, name: str) -> Scene:
        if name not in self._scenes:
            self._scenes[name] = self._makers[name](self.studio)
        return self._scenes[name]

    def do(self, action: str) -> None:
        """Obey an action: the scene first, then the window."""
        if not self.scene.do(action) and action in self._actions:
            self._actions[action]()

    def show_menu(self, items: tuple[MenuItem, ...], anchor: pygame.Rect) -> None:
        """Open a menu under a widget."""
        self.menu = Menu(items, anchor, self.close_layers)
        self.relayout()

    def ask_line(self, question: str, text: str, take: Callable[[str], object]) -> None:
        """Have a line typed, beginning with ``text``."""
        self.menu = Prompt(question, text, take, self.close_layers)
        self.relayout()

    def layers(self) -> list[Widget]:
        """What lies over the scene, lowest first."""
        over: list[Widget] = [self.toasts, self.hint]
        return [*over, *(layer for layer in (self.help, self.menu) if layer is not None)]

    def close_layers(self) -> None:
        """Take away the menu and the list of keys."""
        self.help = self.menu = None

    def _toggle_help(self) -> None:
        self.menu = None
        self.help = None if self.help else HelpOverlay(self.scene.name, self.close_layers)
        self.relayout()

    def _back(self) -> None:
        if self.scene.name != "home":
            self.go("home")

    def _ask_for_file(self) -> None:
        """What is dropped by mouse can be typed or pasted."""
        question = "Path of a score, or of a WAV or MIDI recording"
        self.ask_line(question, "", lambda typed: self.drop(typed_path(typed)))

    def _zoom(self, step: float) -> None:
        self.studio.say(self.display.zoom(step))
        self.relayout()

    def _full_screen(self) -> None:
        self.display.toggle_full_screen()
        self.relayout()

    def _panic(self) -> None:
        self.piano.release_all()
        self.studio.engine.panic()
        self.studio.say("All notes off")

    def _octave(self, step: int) -> None:
        self.piano.shift(step)
        self.studio.say(f"The keys play from C{self.piano.octave}")

    def _quit(self) -> None:
        self.running = False

    # --- events ---------------------------------------------------------------------------------

    def handle(self, event: pygame.event.Event) -> None:
        """One event of SDL."""
        kind = event.type
        if kind == pygame.QUIT:
            self.running = False
        elif kind == pygame.KEYDOWN:
            self.hands.key_down(event.key, getattr(event, "mod", 0), getattr(event, "unicode", ""))
        elif kind == pygame.KEYUP:
            self.hands.key_up(event.key)
        elif kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.MOUSEMOTION, pygame.MOUSEWHEEL):
            self.hands.pointer(event)
        elif kind in (pygame.WINDOWSIZECHANGED, pygame.WINDOWRESIZED):
            self.relayout()
        elif kind == pygame.WINDOWEXPOSED:
            self.canvas.invalidate()
        elif kind == pygame.WINDOWFOCUSLOST:
            self.hands.let_go()
        elif kind == pygame.DROPFILE:
            self.drop(Path(event.file))

    def drop(self, path: Path) -> None:
        """A file was dropped."""
        if not self.scene.take_file(path):
            drop(path, self.studio, self.go)

    # --- the loop -------------------------------------------------------------------------------

    @staticmethod
    def now_s() -> float:
        """The clock of the window."""
        return now_s()

    def view(self) -> View:
        """This moment."""
        return View(
            self.studio.snapshot,
            self.now_s(),
            self.dispatcher.pointer,
            self.studio.settings.now.reduced_motion,
        )

    def frame(self) -> list[pygame.Rect]:
        """Handle what has happened, bring the scene up to date and repaint what changed."""
        for event in pygame.event.get():
            self._guarded(partial(self.handle, event))
        self._guarded(self._update)
        damage: list[pygame.Rect] = []
        self._guarded(lambda: damage.extend(self._paint()))
        return damage

    def _update(self) -> None:
        for message in self.studio.engine.take_messages():
            self.studio.say(message)
        opened = self.studio.poll()
        if opened and opened.piece is not None:
            self._opened()
        view = self.view()
        self.toasts.update(view.t_s)
        if self.menu:
            self.menu.update(view.t_s)
        self.scene.update(view)
        self.scene.fit_header()
        self.toasts.rect = self.scene.message_area()
        self._update_hint(view)
        self.dispatcher.use(self._reachable())

    def _opened(self) -> None:
        """A piece is there: show it, and start it where that was asked for."""
        start, self.studio.start_when_open = self.studio.start_when_open, False
        for name in ("follow", "play"):
            self._scenes.pop(name, None)
        if self.scene.name in ("follow", "play"):
            name = self.scene.name
            self.scene.leave()
            self.scene = self._scene(name)
            self.scene.enter()
            self.relayout()
        else:
            self.go("follow")
        if start:
            self.scene.do("start_stop")

    def _reachable(self) -> list[Widget]:
        modal = self.menu or self.help
        return [modal] if modal else [*self.scene.widgets(), self.toasts]

    def _update_hint(self, view: View) -> None:
        widget = None if self.menu or self.help else self.dispatcher.hint(view.t_s)
        if widget is None:
            self.hint.visible = False
        elif not self.hint.visible or self.hint.text != widget.hint:
            self.hint.show(widget.hint, widget.hint_rect(), self.scene.areas.window, self.scale)

    def _paint(self) -> list[pygame.Rect]:
        painter = Painter(self.surface, self.scale)
        return self.canvas.paint(painter, [*self.scene.widgets(), *self.layers()], self.view())

    def _guarded(self, work: Callable[[], object]) -> None:
        """Do one step of the loop; what goes wrong becomes a toast and an entry in the log."""
        try:
            work()
            return
        except RipienoError as problem:
            _log.info("told the user: %s", problem)
            self.studio.say(str(problem), "bad")
        except Exception as problem:  # noqa: BLE001 - the edge: a fault in one scene must not end the program
            _log.exception("a fault in %s", self.scene.name)
            self._faults += 1
            name = type(problem).__name__
            self.studio.say(
                f"Something went wrong in {self.scene.name} ({name}). Details are in the log.", "bad"
            )
            self._retreat()
        self.canvas.invalidate()

    def _retreat(self) -> None:
        """A scene that fails again and again is left; Home that fails is made anew."""
        if self._faults >= MAX_FAULTS:
            self._faults = 0
            self._scenes.clear()
            self.close_layers()
            self._guarded(self.scene.leave)
            self.scene = self._scene("home")
            self._guarded(self.scene.enter)
            self.relayout()

    def run(self) -> None:
        """Until the window is closed."""
        clock = pygame.time.Clock()
        while self.running:
            begun_s = now_s()
            damage = self.frame()
            if damage:
                pygame.display.update(damage)
            self.frame_ms.append(1000 * (now_s() - begun_s))
            clock.tick(FRAMES_PER_S)
        self.close()

    def close(self) -> None:
        """Leave the scene, silence everything, let go of children and devices."""
        for step in (
            self.display.remember_size,
            self.scene.leave,
            self.piano.release_all,
            self.studio.close,
            self.studio.engine.close,
        ):
            self._guarded(step)
        pygame.display.quit()


def scenes() -> dict[str, Callable[[Studio], Scene]]:
    """The scenes by name."""
    from app.scenes.duet import Duet
    from app.scenes.follow import Follow
    from app.scenes.home import Home
    from app.scenes.inside import Inside
    from app.scenes.launchpad import Launchpad
    from app.scenes.listening import Listening
    from app.scenes.play import Play
    from app.scenes.settings import Settings
    from app.scenes.takes import Takes

    made: tuple[type[Scene], ...] = (
        Home, Follow, Play, Duet, Listening, Launchpad, Inside, Settings, Takes,
    )  # fmt: skip
    return {scene.name: scene for scene in made}


def run_window(
    mode: str = "home",
    piece: str | None = None,
    follower: str | None = None,
    seed: int | None = None,
    audio: AudioSystem | None = None,
    duet: DuetWishes | None = None,
) -> int:
    """Open the program in a mode, with a piece where one is named, and return when it is closed."""
    from app.logs import watch_threads
    from app.program import build_studio

    studio = build_studio(follower, seed, audio)
    studio.duet_wishes = duet or studio.duet_wishes
    watch_threads(studio.engine.tell)
    window = Window(studio, scenes(), mode)
    if studio.settings.notice:
        studio.say(studio.settings.notice, "bad")
    if piece:
        studio.open(piece)
    window.run()
    return 0
