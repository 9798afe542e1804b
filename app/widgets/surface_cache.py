"""Surfaces that were drawn before, to be used again. Only the thread of the window uses it."""

from __future__ import annotations

from collections import OrderedDict

import pygame


class SurfaceCache:
    """The surfaces used last, at most ``size`` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], pygame.Surface] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> pygame.Surface | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], surface: pygame.Surface) -> pygame.Surface:
        self._kept[key] = surface
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return surface
