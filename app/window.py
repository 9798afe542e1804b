"""The window: events in, one scene drawn sixty times a second; the edge where errors become toasts.

This is the main thread. It reads the engine's snapshots and calls sessions; it waits for nothing.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pygame

from app.bindings import PIANO_SCENES, action_for
from app.scenes.base import Scene
from app.scenes.studio import Studio
from app.widgets.base import Canvas, Key, Pointer, View, Widget
from app.widgets.chrome import window_icon
from app.widgets.dispatch import Dispatcher
from app.widgets.overlays import HelpOverlay, HintBubble, Menu, MenuItem, Toasts
from app.widgets.painter import Painter
from pieces.errors import RipienoError

_log = logging.getLogger(__name__)
FRAMES_PER_S = 60
LEAST_WIDTH, LEAST_HEIGHT = 720, 440
"""Logical px that every scene needs: a scale that leaves less is limited."""
DOUBLE_CLICK_S = 0.35
MAX_FAULTS = 3
SCORES = {".musicxml", ".mxl", ".xml", ".mei", ".krn", ".abc"}
RECORDINGS = {".wav", ".flac", ".ogg", ".mid", ".midi"}
_REPEATING = {"left", "right", "up", "down", "back_measure", "next_measure", "slower_demo", "faster_demo"}


class Window:
    """Owns the display, the scenes and what lies over them."""

    def __init__(self, studio: Studio, scenes: dict[str, Callable[[Studio], Scene]], mode: str) -> None:
        self.studio = studio
        self._makers = scenes
        self._scenes: dict[str, Scene] = {}
        self.dispatcher, self.canvas = Dispatcher(), Canvas()
        self.toasts, self.hint = Toasts(), HintBubble()
        self.help: HelpOverlay | None = None
        self.menu: Menu | None = None
        self.frame_ms: deque[float] = deque(maxlen=40_000)
        self.running = True
        self._faults = 0
        self._held: dict[int, str | None] = {}
        self._last_click = (0.0, -99.0, -99.0)
        self.piano = studio.piano
        studio.ask, studio.show_menu, studio.relayout = self.do, self.show_menu, self.relayout
        studio.say_at = lambda text, kind: self.toasts.add(text, kind, self.now_s())
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
            "open_file": lambda: studio.say("Drop a MusicXML, MXL, MEI, kern or ABC file onto the window."),
            "octave_down": lambda: self._octave(-1),
            "octave_up": lambda: self._octave(1),
            **{f"scene_{name}": partial(self.go, name) for name in scenes},
        }
        self._open_display()
        self.scene = self._scene(mode if mode in scenes else "home")
        self.scene.enter()
        self.relayout()

    # --- geometry -------------------------------------------------------------------------------

    @property
    def scale(self) -> float:
        """Device px per logical px: the user's choice, less where the window is too small for it."""
        width, height = self.surface.get_size()
        return max(min(self.studio.settings.now.ui_scale, width / LEAST_WIDTH, height / LEAST_HEIGHT), 0.4)

    @property
    def surface(self) -> pygame.Surface:
        """The display."""
        surface = pygame.display.get_surface()
        assert surface is not None
        return surface

    def relayout(self) -> None:
        """Place everything anew: after a resize, another scale, a folded panel."""
        scale = self.scale
        width, height = self.surface.get_size()
        logical = pygame.Rect(0, 0, round(width / scale), round(height / scale))
        self.scene.lay_out(logical.w, logical.h, scale)
        area = self.scene.areas
        self.toasts.scale = scale
        self.toasts.rect = pygame.Rect(area.content.x, area.content.y, area.content.w, area.content.h - 16)
        if self.help:
            self.help.rect = logical
        if self.menu:
            self.menu.place(logical)
        self.canvas.invalidate()

    def _open_display(self) -> None:
        if sys.platform.startswith("linux"):
            # The window's surface straight through shared memory: 0.2 ms a frame instead of 5.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        pygame.display.init()
        pygame.font.init()
        pygame.key.set_repeat(350, 45)
        now = self.studio.settings.now
        pygame.display.set_caption("Ripieno")
        if now.fullscreen:
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            pygame.display.set_mode((now.window_width, now.window_height), pygame.RESIZABLE)
        pygame.display.set_icon(window_icon())

    # --- scenes ---------------------------------------------------------------------------------

    def go(self, name: str) -> None:
        """Show another scene."""
        if self.scene.name == name:
            return
        self._close_layers()
        self.piano.release_all()
        self.dispatcher.set_focus(None)
        self.scene.leave()
        self.scene = self._scene(name)
        self.scene.enter()
        self.relayout()

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
        self.menu = Menu(items, anchor, self._close_layers)
        self.relayout()

    def layers(self) -> list[Widget]:
        """What lies over the scene, lowest first."""
        over: list[Widget] = [self.toasts, self.hint]
        return [*over, *(layer for layer in (self.help, self.menu) if layer is not None)]

    def _close_layers(self) -> None:
        self.help = self.menu = None

    def _toggle_help(self) -> None:
        self.menu = None
        self.help = None if self.help else HelpOverlay(self.scene.name, self._close_layers)
        self.relayout()

    def _back(self) -> None:
        if self.scene.name != "home":
            self.go("home")

    def _zoom(self, step: float) -> None:
        scale = min(max(self.studio.settings.now.ui_scale + step, 0.75), 2.5)
        self.studio.change(ui_scale=scale)
        self.relayout()
        limited = "" if abs(self.scale - scale) < 0.01 else f" (this window has room for {self.scale:.0%})"
        self.studio.say(f"Scale {scale:.0%}{limited}")

    def _full_screen(self) -> None:
        full = not self.studio.settings.now.fullscreen
        now = self.studio.settings.now
        self.studio.change(fullscreen=full)
        size, flags = ((0, 0), pygame.FULLSCREEN) if full else ((now.window_width, now.window_height), 0)
        pygame.display.set_mode(size, flags or pygame.RESIZABLE)
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
            self._key_down(event.key, getattr(event, "mod", 0), getattr(event, "unicode", ""))
        elif kind == pygame.KEYUP:
            self._key_up(event.key)
        elif kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.MOUSEMOTION, pygame.MOUSEWHEEL):
            self._pointer(event)
        elif kind in (pygame.WINDOWSIZECHANGED, pygame.WINDOWRESIZED):
            self.relayout()
        elif kind == pygame.WINDOWEXPOSED:
            self.canvas.invalidate()
        elif kind == pygame.WINDOWFOCUSLOST:
            self._let_go()
        elif kind == pygame.DROPFILE:
            self.drop(Path(event.file))

    def _remember_size(self) -> None:
        width, height = self.surface.get_size()
        now = self.studio.settings.now
        known = (now.window_width, now.window_height) == (width, height)
        if not now.fullscreen and not known and width >= 640 and height >= 360:
            self.studio.change(window_width=width, window_height=height)

    def _let_go(self) -> None:
        self.piano.release_all()
        for key in list(self._held):
            self._key_up(key)

    def _key_down(self, key: int, modifiers: int, text: str) -> None:
        pressed = Key(key, modifiers, text)
        repeated = key in self._held
        self._held.setdefault(key, None)
        if self.menu:
            self.menu.on_key(pressed)
            return
        if self.help:
            self._close_layers()
            return
        editing = self.dispatcher.types_text and self.dispatcher.handle_key(pressed)
        if editing:
            return
        action = action_for(self.scene.name, key, modifiers, text)
        if action != "start_stop" and self.dispatcher.handle_key(pressed):
            return
        if action == "back" and self.dispatcher.focus:
            self.dispatcher.set_focus(None)
        elif action is not None:
            if not repeated or action in _REPEATING:
                self._held[key] = action
                self.do(action)
        elif self.scene.name in PIANO_SCENES and not modifiers & (pygame.KMOD_CTRL | pygame.KMOD_ALT):
            self.piano.key_down(key)

    def _key_up(self, key: int) -> None:
        action = self._held.pop(key, None)
        if action:
            self.scene.release(action)
        self.piano.key_up(key)

    def _pointer(self, event: pygame.event.Event) -> None:
        scale = self.scale
        if event.type == pygame.MOUSEWHEEL:
            x, y = self.dispatcher.pointer
            pointer = Pointer("wheel", x, y, wheel=float(event.y))
        else:
            x, y = event.pos[0] / scale, event.pos[1] / scale
            if event.type == pygame.MOUSEMOTION:
                pointer = Pointer("move", x, y)
            elif event.button != 1:
                return
            elif event.type == pygame.MOUSEBUTTONUP:
                pointer = Pointer("up", x, y)
            else:
                pointer = Pointer("down", x, y, self._clicks(x, y))
        if not self.dispatcher.handle(pointer, self.now_s()) and pointer.kind == "wheel":
            self.scene.wheel(pointer)

    def _clicks(self, x: float, y: float) -> int:
        then, last_x, last_y = self._last_click
        now = self.now_s()
        double = now - then < DOUBLE_CLICK_S and abs(x - last_x) < 6 and abs(y - last_y) < 6
        self._last_click = (0.0 if double else now, x, y)
        return 2 if double else 1

    def drop(self, path: Path) -> None:
        """A file was dropped: a score opens, a recording plays."""
        ending = path.suffix.lower()
        if ending in SCORES:
            self.studio.say(f"Opening {path.name} …")
            self.studio.open_file(path)
        elif ending in RECORDINGS:
            self._play_recording(path)
        else:
            raise RipienoError(
                f"{path.name} is neither a score (MusicXML, MXL, MEI, kern, ABC) nor a recording (WAV, MIDI)."
            )

    def _play_recording(self, path: Path) -> None:
        if self.studio.piece is None:
            raise RipienoError(f"Open a piece first, then drop {path.name} again to have it followed.")
        self.go("follow")
        self.studio.play_recording(path)

    # --- the loop -------------------------------------------------------------------------------

    @staticmethod
    def now_s() -> float:
        """The clock of the window."""
        return time.perf_counter()

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
        self.scene.update(view)
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
            self.hint.show(widget.hint, widget.rect, self.scene.areas.window, self.scale)

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
            self._close_layers()
            self.scene = self._scene("home")
            self.relayout()

    def run(self) -> None:
        """Until the window is closed."""
        clock = pygame.time.Clock()
        while self.running:
            begun = time.perf_counter()
            damage = self.frame()
            if damage:
                pygame.display.update(damage)
            self.frame_ms.append(1000 * (time.perf_counter() - begun))
            clock.tick(FRAMES_PER_S)
        self.close()

    def close(self) -> None:
        """Leave the scene, silence everything, let go of children and devices."""
        for step in (
            self._remember_size,
            self.scene.leave,
            self.piano.release_all,
            self.studio.close,
            self.studio.engine.close,
        ):
            self._guarded(step)
        pygame.display.quit()


def scenes() -> dict[str, Callable[[Studio], Scene]]:
    """The scenes by name."""
    from app.scenes.follow import Follow
    from app.scenes.home import Home
    from app.scenes.play import Play
    from app.scenes.settings import Settings
    from app.scenes.takes import Takes

    return {"home": Home, "follow": Follow, "play": Play, "settings": Settings, "takes": Takes}


def run_window(
    mode: str = "home", piece: str | None = None, follower: str | None = None, seed: int = 0
) -> int:
    """Open the program in a mode, with a piece where one is named, and return when it is closed."""
    from app.program import build_studio

    studio = build_studio(follower, seed)
    window = Window(studio, scenes(), mode)
    if studio.settings.notice:
        studio.say(studio.settings.notice, "bad")
    if piece:
        studio.open(piece)
    window.run()
    return 0
