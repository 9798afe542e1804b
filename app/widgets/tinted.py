"""Pictures of what a moment rests on: ink or sound, tinted by what speaks for the place and against it."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.widgets.base import View, Widget
from app.widgets.painter import Painter

FloatArray = NDArray[np.float32]
Picture = NDArray[np.uint8]

OPAQUE_PERCENTILE = 99.5
STRONGEST = 0.9


def tint(
    base: NDArray[np.float64], gradients: FloatArray, for_it: theme.Colour, against: theme.Colour
) -> Picture:
    """(H, W, 3) uint8 of ``base`` (H, W, 3), 0 to 255, with ``gradients`` (H, W) over it.

    Opaque from their 99.5th percentile; positive ones in the first colour, negative ones in the second.
    """
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(gradients.astype(np.float64), 0.7)
    soft /= max(float(np.percentile(np.abs(soft), OPAQUE_PERCENTILE)), 1e-12)
    share = STRONGEST * np.clip(np.abs(soft), 0.0, 1.0)[..., None]
    colour = np.where(soft[..., None] > 0, np.array(for_it, float), np.array(against, float))
    return np.asarray(base * (1.0 - share) + colour * share).round().astype(np.uint8)


def tinted_strip(strip: FloatArray, gradients: FloatArray) -> Picture:
    """(H, W, 3): the strip (H, W), ink 1, pale on paper, tinted."""
    paper, ink = np.array(theme.PAPER, float), np.array(theme.INK, float)
    base = paper + (ink - paper) * (0.4 * strip.astype(np.float64)[..., None])
    return tint(base, gradients, theme.MACHINE_ON_PAPER, theme.BAD_ON_PAPER)


def tinted_sound(frames: FloatArray, gradients: FloatArray) -> Picture:
    """(bands, T, 3): frames (T, bands) with low bands at the bottom, pale on the ground, tinted."""
    level = frames.T[::-1].astype(np.float64) / max(float(frames.max(initial=0.0)), 1e-6)
    ground, light = np.array(theme.GROUND, float), np.array(theme.TEXT, float)
    base = ground + (light - ground) * (0.45 * level[..., None])
    return tint(base, gradients.T[::-1], theme.MACHINE, theme.BAD)


class Tinted(Widget):
    """A picture that fills its rectangle. ``key()`` names it, None where there is none; then ``words()``.

    ``place()`` is where a line is drawn over it, as a share of its width.
    """

    def __init__(
        self,
        key: Callable[[], Hashable],
        make: Callable[[], Picture],
        words: Callable[[], str],
        place: Callable[[], float | None] = lambda: None,
    ) -> None:
        super().__init__()
        self.key, self.make, self.words, self.place = key, make, words, place
        self._made: tuple[Hashable, pygame.Surface] | None = None

    def look(self, view: View) -> Hashable:
        key = self.key()
        return key, None if key is not None else self.words()

    def draw(self, painter: Painter, view: View) -> None:
        key = self.key()
        if key is None:
            painter.box(self.rect, theme.SURFACE, theme.CORNER_SMALL)
            painter.text(self.words(), self.rect.inflate(-16, 0), theme.SMALL, theme.QUIET, "centre")
            return
        box = painter.device(self.rect)
        if self._made is None or self._made[0] != (key, box.size):
            small = pygame.surfarray.make_surface(self.make().transpose(1, 0, 2))
            self._made = (key, box.size), pygame.transform.smoothscale(small, box.size)
        painter.surface.blit(self._made[1], box)
        share = self.place()
        if share is not None:
            x = self.rect.x + share * self.rect.w
            painter.fill(pygame.FRect(x - 0.75, self.rect.y, 1.5, self.rect.h), theme.INK)
