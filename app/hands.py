"""Keys and mouse: from events of SDL to actions, notes and the pointer of the widgets.

Main thread only; part of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from app.bindings import PIANO_SCENES, action_for
from app.widgets.base import Key, Pointer

if TYPE_CHECKING:
    from app.window import Window

DOUBLE_CLICK_S = 0.35
DOUBLE_CLICK_PX = 6
_REPEATING = {
    "left", "right", "up", "down", "back_measure", "next_measure", "slower_demo", "faster_demo", "tempo_down",
    "tempo_up", "undo", "redo",
}  # fmt: skip


class Hands:
    """Which keys are down and what each has begun, so that letting go ends it."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._held: dict[int, str | None] = {}
        self._last_click = (0.0, -99.0, -99.0)

    def let_go(self) -> None:
        """The window lost the keyboard: as if every key were released."""
        self.window.piano.release_all()
        for key in list(self._held):
            self.key_up(key)

    def key_down(self, key: int, modifiers: int, text: str) -> None:
        """To the menu, the field that is typed in, the focus, the table of keys, the piano."""
        window, pressed = self.window, Key(key, modifiers, text)
        repeated = key in self._held
        self._held.setdefault(key, None)
        if window.menu:
            window.menu.on_key(pressed)
        elif window.help:
            window.help.on_key(pressed)
        elif self._cancels(pressed):
            return
        elif not (window.dispatcher.types_text and window.dispatcher.handle_key(pressed)):
            self._act(pressed, repeated)

    def _action(self, pressed: Key) -> str | None:
        return action_for(self.window.scene.name, pressed.key, pressed.modifiers, pressed.text)

    def _cancels(self, pressed: Key) -> bool:
        """An opening goes first, wherever the focus is."""
        return self._action(pressed) == "back" and self.window.studio.cancel_opening()

    def _act(self, pressed: Key, repeated: bool) -> None:
        window, scene = self.window, self.window.scene.name
        action = self._action(pressed)
        if action != "start_stop" and window.dispatcher.handle_key(pressed):
            return
        if action == "back" and window.dispatcher.focus:
            window.dispatcher.set_focus(None)
        elif action is not None:
            if not repeated or action in _REPEATING:
                self._held[pressed.key] = action
                window.do(action)
        elif scene in PIANO_SCENES and not pressed.modifiers & (pygame.KMOD_CTRL | pygame.KMOD_ALT):
            window.piano.key_down(pressed.key)

    def key_up(self, key: int) -> None:
        """End what the key began."""
        action = self._held.pop(key, None)
        if action:
            self.window.scene.release(action)
        self.window.piano.key_up(key)

    def pointer(self, event: pygame.event.Event) -> None:
        """To the widget under the mouse; the wheel where none wants it to the scene."""
        window = self.window
        pointer = self._pointer(event)
        if pointer and not window.dispatcher.handle(pointer, window.now_s()) and pointer.kind == "wheel":
            window.scene.wheel(pointer)

    def _pointer(self, event: pygame.event.Event) -> Pointer | None:
        if event.type == pygame.MOUSEWHEEL:
            x, y = self.window.dispatcher.pointer
            return Pointer("wheel", x, y, wheel=float(event.y))
        scale = self.window.scale
        x, y = event.pos[0] / scale, event.pos[1] / scale
        if event.type == pygame.MOUSEMOTION:
            return Pointer("move", x, y)
        if event.button != 1:
            return None
        if event.type == pygame.MOUSEBUTTONUP:
            return Pointer("up", x, y)
        return Pointer("down", x, y, self._clicks(x, y))

    def _clicks(self, x: float, y: float) -> int:
        then, last_x, last_y = self._last_click
        now = self.window.now_s()
        near = abs(x - last_x) < DOUBLE_CLICK_PX and abs(y - last_y) < DOUBLE_CLICK_PX
        double = now - then < DOUBLE_CLICK_S and near
        self._last_click = (0.0 if double else now, x, y)
        return 2 if double else 1
