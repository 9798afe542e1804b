"""The window of the system: opened as it was left, full screen and back, how many px a logical one has.

Main thread only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pygame

from app.settings import SettingsStore
from app.widgets.chrome import window_icon
from pieces.errors import RipienoError

LEAST_WIDTH, LEAST_HEIGHT = 720, 440
"""Logical px that every scene needs: a scale that leaves less is limited."""
SMALLEST_SCALE, LARGEST_SCALE = 0.75, 2.5
UNSEEN_DRIVERS = ("offscreen", "dummy")
"""Of SDL, which takes the first by itself where the display that the environment names does not answer."""


class NoDisplay(RipienoError):
    """A window was asked for where none can be seen."""

    def __init__(self) -> None:
        super().__init__("there is no display here: start Ripieno from a desktop, or use follow --headless.")


class Display:
    """One for the life of the window. ``change`` remembers settings.

    Raises NoDisplay where nobody could see it and nobody asked for that.
    """

    def __init__(self, settings: SettingsStore, change: Callable[..., object]) -> None:
        self.settings, self.change = settings, change
        if sys.platform.startswith("linux"):
            # The window's surface straight through shared memory: 0.2 ms a frame instead of 5.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        pygame.display.init()
        if pygame.display.get_driver() in UNSEEN_DRIVERS and "SDL_VIDEODRIVER" not in os.environ:
            pygame.display.quit()
            raise NoDisplay
        pygame.font.init()
        pygame.key.set_repeat(350, 45)
        pygame.display.set_caption("Ripieno")
        self._set_mode()
        pygame.display.set_icon(window_icon())

    @property
    def surface(self) -> pygame.Surface:
        """What is drawn on."""
        surface = pygame.display.get_surface()
        assert surface is not None
        return surface

    @property
    def scale(self) -> float:
        """Device px per logical px: the user's choice, less where the window is too small for it."""
        width, height = self.surface.get_size()
        return max(min(self.settings.now.ui_scale, width / LEAST_WIDTH, height / LEAST_HEIGHT), 0.4)

    def logical(self) -> pygame.Rect:
        """The whole window in logical px."""
        width, height = self.surface.get_size()
        return pygame.Rect(0, 0, round(width / self.scale), round(height / self.scale))

    def zoom(self, step: float) -> str:
        """Everything larger or smaller. Returns what came of it, in words."""
        scale = min(max(self.settings.now.ui_scale + step, SMALLEST_SCALE), LARGEST_SCALE)
        self.change(ui_scale=scale)
        limited = "" if abs(self.scale - scale) < 0.01 else f" (this window has room for {self.scale:.0%})"
        return f"Scale {scale:.0%}{limited}"

    def toggle_full_screen(self) -> None:
        """To full screen, or back to a window of the size it had."""
        self.change(fullscreen=not self.settings.now.fullscreen)
        self._set_mode()

    def remember_size(self) -> None:
        """Open with this size next time."""
        width, height = self.surface.get_size()
        now = self.settings.now
        known = (now.window_width, now.window_height) == (width, height)
        if not now.fullscreen and not known and width >= 640 and height >= 360:
            self.change(window_width=width, window_height=height)

    def _set_mode(self) -> None:
        now = self.settings.now
        if now.fullscreen:
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            pygame.display.set_mode((now.window_width, now.window_height), pygame.RESIZABLE)
