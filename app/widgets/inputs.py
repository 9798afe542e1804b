"""Fields and small instruments: a line of text, and the piano that the PC keyboard plays."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.bindings import PIANO_KEYS
from app.widgets.base import Key, Pointer, View, Widget, draw_focus
from app.widgets.painter import Painter

_BLACK = {1, 3, 6, 8, 10, 13, 15}


class TextField(Widget):
    """One line of text. While it has the focus, typing goes to it."""

    focusable = True
    longest = 120

    def __init__(
        self,
        placeholder: str,
        on_change: Callable[[str], object],
        on_enter: Callable[[], object] | None = None,
        icon: str = "",
    ) -> None:
        super().__init__()
        self.placeholder, self.on_change, self.on_enter, self.icon = placeholder, on_change, on_enter, icon
        self.text = ""

    def look(self, view: View) -> Hashable:
        return self.text

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.RAISED if self.focused or self.hovered else theme.SURFACE, 8)
        x = self.rect.x + 12
        if self.icon:
            painter.icon(self.icon, pygame.Rect(x - 2, self.rect.y, 18, self.rect.h), theme.QUIET, 16)
            x += 26
        room = pygame.FRect(x, self.rect.y, self.rect.right - x - 12, self.rect.h)
        shown = self.text
        while len(shown) > 1 and painter.width(shown) > room.w - 2:  # what is being typed is its end
            shown = "…" + shown[2:]
        if self.text or self.focused:
            painter.text(shown, room, theme.BODY, theme.TEXT)
        else:
            painter.text(self.placeholder, room, theme.BODY, theme.QUIET)
        if self.focused:
            caret = x + painter.width(shown) + 1
            painter.fill(pygame.FRect(caret, self.rect.centery - 8, 1.5, 16), theme.MACHINE)
            draw_focus(painter, self.rect, 8)

    def on_pointer(self, event: Pointer) -> bool:
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        if event.key == pygame.K_BACKSPACE:
            self.put(self.text[:-1])
        elif event.key in (pygame.K_RETURN, pygame.K_KP_ENTER):
            if self.on_enter:
                self.on_enter()
        elif event.key == pygame.K_ESCAPE and self.text:
            self.put("")
        elif event.key == pygame.K_DELETE:
            pass  # Nothing lies behind the caret; without a field it would delete what is chosen.
        elif event.key == pygame.K_v and event.modifiers & pygame.KMOD_CTRL:
            self.put(self.text + _pasted())
        elif event.text and event.text.isprintable() and not event.modifiers & pygame.KMOD_CTRL:
            self.put(self.text + event.text)
        else:
            return False
        return True

    def put(self, text: str) -> None:
        """Replace the text."""
        self.text = text[: self.longest]
        self.on_change(self.text)


def _pasted() -> str:
    """The first line of the clipboard; nothing where there is none."""
    try:
        lines = pygame.scrap.get_text().strip().splitlines()
    except pygame.error:
        return ""
    return "".join(letter for letter in lines[0] if letter.isprintable()) if lines else ""


class MiniPiano(Widget):
    """The piano of the PC keyboard: which letter plays which key, lit while it sounds. It can be clicked."""

    hint = "Plays with the mouse too"

    def __init__(
        self,
        held: Callable[[], frozenset[int]],
        press: Callable[[int], object],
        release: Callable[[int], object],
    ) -> None:
        super().__init__()
        self.held, self.press, self.release = held, press, release
        self._clicked: int | None = None

    def look(self, view: View) -> Hashable:
        return self.held()

    def keys(self) -> list[tuple[int, str, bool, pygame.FRect]]:
        """(semitone, letter, black, rectangle) of every key, the white ones first."""
        names = {semitone: pygame.key.name(key).upper() for key, semitone in PIANO_KEYS.items()}
        whites = [semitone for semitone in sorted(names) if semitone not in _BLACK]
        width = self.rect.w / len(whites)
        keys = []
        for index, semitone in enumerate(whites):
            box = pygame.FRect(self.rect.x + index * width, self.rect.y, width - 2, self.rect.h)
            keys.append((semitone, names[semitone], False, box))
        for semitone in sorted(set(names) & _BLACK):
            left = whites.index(semitone - 1)
            x = self.rect.x + (left + 1) * width - width * 0.32 - 1
            keys.append(
                (
                    semitone,
                    names[semitone],
                    True,
                    pygame.FRect(x, self.rect.y, width * 0.64, self.rect.h * 0.58),
                )
            )
        return keys

    def draw(self, painter: Painter, view: View) -> None:
        held = self.held()
        for semitone, letter, black, box in self.keys():
            ground = theme.YOU if semitone in held else theme.GROUND if black else (216, 220, 230)
            painter.box(box, ground, 3)
            colour = theme.GROUND if not black or semitone in held else theme.TEXT
            label = pygame.FRect(box.x, box.bottom - 20, box.w, 18)
            painter.text(letter, label, theme.TINY, colour, "centre", bold=True)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            hit = [key for key in self.keys() if key[3].collidepoint(event.x, event.y)]
            if hit:
                self._clicked = hit[-1][0]
                self.press(self._clicked)
        elif event.kind == "up" and self._clicked is not None:
            self.release(self._clicked)
            self._clicked = None
        return event.kind != "wheel"
