"""The typeface of the window: fonts, drawn words and their widths in device px, from caches.

Only the thread of the window uses it.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import pygame

from app.theme import Colour
from app.widgets.surface_cache import SurfaceCache


@cache
def font_path(bold: bool = False) -> str | None:
    """DejaVu Sans inside matplotlib (it has flat, sharp and quarter note), else None: pygame's own font."""
    spec = find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(spec.origin).parent / "mpl-data/fonts/ttf" / name if spec and spec.origin else None
    return str(path) if path and path.is_file() else None


@cache
def font(size_px: int, bold: bool = False) -> pygame.font.Font:
    """The face at a size in device px."""
    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.font.Font(font_path(bold), size_px)


def line_height(size_px: int, bold: bool = False) -> int:
    """Of a line in device px: a drawn one is a px higher where letters reach below it."""
    return font(size_px, bold).get_height()


OTHER_FACES = (
    "notosanscjksc", "notosanscjkjp", "notosanscjkkr", "notosanscjktc", "sourcehansanssc",
    "wenquanyimicrohei", "wenquanyizenhei", "droidsansfallback", "microsoftyahei", "yugothic", "meiryo",
    "malgungothic", "pingfangsc", "hiraginosansgb", "hiraginosans", "applesdgothicneo", "arialunicodems",
    "notosansdevanagari", "notosansthai", "unifont",
)  # fmt: skip
"""Of the system, as pygame calls them, for the letters that ours lacks: a title may be in any script."""
_NO_LETTER = "\uffff"


@cache
def _other_paths() -> tuple[str, ...]:
    found = (pygame.font.match_font(name) for name in OTHER_FACES)
    return tuple(dict.fromkeys(path for path in found if path))


@cache
def _other(path: str, size_px: int) -> pygame.font.Font:
    return pygame.font.Font(path, size_px)


@cache
def _sign_of_none(path: str) -> bytes:
    """What a face draws for a letter that it lacks: SDL does not say."""
    return _shape(path, _NO_LETTER)


def _shape(path: str, letter: str) -> bytes:
    face = _other(path, 24) if path else font(24)
    return pygame.image.tobytes(face.render(letter, True, (255, 255, 255)), "RGBA")


def _has(path: str, letter: str) -> bool:
    return _shape(path, letter) != _sign_of_none(path)


@cache
def _path_for(letter: str) -> str:
    """Whose face has a letter; "" is our own, which also stands in where none has it."""
    if letter.isascii() or _has("", letter):
        return ""
    return next((path for path in _other_paths() if _has(path, letter)), "")


def _runs(text: str, size_px: int, bold: bool) -> list[tuple[str, pygame.font.Font]]:
    """``text`` in parts of one face each."""
    if text.isascii():
        return [(text, font(size_px, bold))]
    return [
        ("".join(letters), _other(path, size_px) if path else font(size_px, bold))
        for path, letters in groupby(text, _path_for)
    ]


_words = SurfaceCache(1500)


def words(text: str, size_px: int, colour: Colour, bold: bool = False) -> pygame.Surface:
    """``text`` drawn, from the cache where it was drawn before."""
    key = (text, size_px, colour, bold)
    return _words.get(key) or _words.put(key, _drawn(text, size_px, colour, bold))


def _drawn(text: str, size_px: int, colour: Colour, bold: bool) -> pygame.Surface:
    runs = _runs(text, size_px, bold)
    if len(runs) == 1 and runs[0][1] is font(size_px, bold):
        return font(size_px, bold).render(text, True, colour)
    line = pygame.Surface((text_width(text, size_px, bold), line_height(size_px, bold) + 2), pygame.SRCALPHA)
    x, baseline = 0, font(size_px, bold).get_ascent()
    for part, face in runs:
        line.blit(face.render(part, True, colour), (x, baseline - face.get_ascent()))
        x += face.size(part)[0]
    return line


def _measured(text: str, size_px: int, bold: bool) -> int:
    return sum(face.size(part)[0] for part, face in _runs(text, size_px, bold))


_width = cache(_measured)


def text_width(text: str, size_px: int, bold: bool = False) -> int:
    """Width in device px."""
    return (_measured if len(text) > 40 else _width)(text, size_px, bold)
