"""A widget that shows another moment than the engine's newest."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

import pygame

from app.engine.snapshot import Snapshot
from app.widgets.base import View, Widget
from app.widgets.painter import Painter


class Showing(Widget):
    """``inner`` as it looks at the snapshot that ``moment()`` gives; the mouse passes through it."""

    def __init__(self, inner: Widget, moment: Callable[[], Snapshot]) -> None:
        super().__init__()
        self.inner, self.moment = inner, moment

    def _view(self, view: View) -> View:
        self.inner.rect = self.rect
        return replace(view, snapshot=self.moment())

    def look(self, view: View) -> Hashable:
        return self.inner.look(self._view(view))

    def extent(self, view: View) -> pygame.Rect:
        return self.inner.extent(self._view(view))

    def draw(self, painter: Painter, view: View) -> None:
        self.inner.draw(painter, self._view(view))

    def contains(self, x: float, y: float) -> bool:
        return False
