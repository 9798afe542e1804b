"""Buttons: with words, with an icon, round, switched on or off."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pygame

from app import theme
from app.theme import Colour
from app.widgets.base import Key, Pointer, View, Widget, draw_focus
from app.widgets.painter import Painter


class Pressable(Widget):
    """Anything that a click or Enter sets off: when the mouse is let go on it, as everywhere."""

    focusable = True

    def __init__(self, on_press: Callable[[], object], hint: str = "") -> None:
        super().__init__()
        self.on_press = on_press
        self.hint = hint

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.pressed = True
        elif event.kind == "up":
            inside = self.pressed and self.contains(event.x, event.y)
            self.pressed = False
            if inside:
                self.on_press()
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        if event.key in (pygame.K_RETURN, pygame.K_KP_ENTER) and self.enabled:
            self.on_press()
            return True
        return False

    def ground(self, plain: Colour) -> Colour:
        """The colour behind the words, lighter under the mouse."""
        if not self.enabled:
            return plain
        return theme.mix(plain, theme.TEXT, 0.12 if self.pressed else 0.06 if self.hovered else 0.0)


class Button(Pressable):
    """Words, with an icon before them if wanted. ``kind``: plain, main, link, row, good or danger."""

    def __init__(
        self,
        label: str,
        on_press: Callable[[], object],
        icon: str = "",
        kind: str = "plain",
        hint: str = "",
    ) -> None:
        super().__init__(on_press, hint)
        self.label, self.icon, self.kind = label, icon, kind

    def look(self, view: View) -> Hashable:
        return self.label, self.icon, self.kind

    def colours(self) -> tuple[Colour | None, Colour]:
        """Of the box (None: no box) and of the words."""
        if not self.enabled:
            return (None if self.kind == "link" else theme.RAISED), theme.mix(theme.RAISED, theme.QUIET, 0.75)
        if self.kind == "main":
            return self.ground(theme.MACHINE), theme.GROUND
        if self.kind == "link":
            return (self.ground(theme.SURFACE) if self.hovered else None), theme.MACHINE
        words = {"danger": theme.BAD, "good": theme.GOOD}.get(self.kind, theme.TEXT)
        return self.ground(theme.RAISED), words

    def draw(self, painter: Painter, view: View) -> None:
        box, words = self.colours()
        radius = min(self.rect.h // 2, theme.CORNER)
        if box:
            painter.box(self.rect, box, radius)
        inset = 24 if self.kind == "row" else 0
        width = self.rect.w - 2 * inset if inset else painter.width(self.label)
        start = self.rect.x + max((self.rect.w - width - (24 if self.icon else 0)) / 2, 4)
        if self.icon:
            painter.icon(self.icon, pygame.FRect(start, self.rect.y, 16, self.rect.h), words, 16)
            start += 24
        room = pygame.FRect(start, self.rect.y, self.rect.right - inset - start, self.rect.h)
        painter.text(self.label, room, theme.BODY, words, bold=self.kind == "main")
        if self.focused:
            draw_focus(painter, self.rect, radius)


class HoldButton(Button):
    """Does something for as long as the mouse holds it; Enter is a tap."""

    def __init__(
        self, label: str, on_press: Callable[[], object], on_release: Callable[[], object], hint: str = ""
    ) -> None:
        super().__init__(label, on_press, hint=hint)
        self.on_release = on_release

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.pressed = True
            self.on_press()
        elif event.kind == "up" and self.pressed:
            self.pressed = False
            self.on_release()
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        used = super().on_key(event)
        if used:
            self.on_release()
        return used


class IconButton(Pressable):
    """An icon alone. ``on`` lights it: switched on, in the colour and with a dot below."""

    def __init__(
        self,
        icon: str,
        on_press: Callable[[], object],
        hint: str = "",
        is_on: Callable[[], bool] | None = None,
        size: int = 20,
    ) -> None:
        super().__init__(on_press, hint)
        self.icon, self.size = icon, size
        self.is_on = is_on

    def look(self, view: View) -> Hashable:
        return self.icon, self.is_on() if self.is_on else None

    def draw(self, painter: Painter, view: View) -> None:
        lit = bool(self.is_on and self.is_on())
        if self.hovered or self.pressed:
            painter.box(self.rect, self.ground(theme.RAISED), theme.CORNER_SMALL)
        colour = theme.MACHINE if lit else theme.TEXT if self.hovered else theme.QUIET
        if not self.enabled:
            colour = theme.mix(theme.SURFACE, theme.QUIET, 0.5)
        painter.icon(self.icon, self.rect, colour, self.size)
        if lit:
            painter.circle((self.rect.centerx, self.rect.bottom - 3), 1.6, theme.MACHINE)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL)


class RoundButton(Pressable):
    """The one big button: start and pause."""

    def __init__(self, on_press: Callable[[], object], icon: Callable[[], str], hint: str = "") -> None:
        super().__init__(on_press, hint)
        self.icon = icon

    def look(self, view: View) -> Hashable:
        return self.icon()

    def draw(self, painter: Painter, view: View) -> None:
        colour = self.ground(theme.MACHINE) if self.enabled else theme.HAIRLINE
        painter.circle(self.rect.center, self.rect.w / 2, colour)
        painter.icon(self.icon(), self.rect, theme.GROUND, 20)
        if self.focused:
            painter.circle(self.rect.center, self.rect.w / 2, theme.TEXT)
            painter.circle(self.rect.center, self.rect.w / 2 - 2, colour)
            painter.icon(self.icon(), self.rect, theme.GROUND, 20)


class Choice(Widget):
    """A few words side by side, one of them chosen: a segmented switch. Arrow keys move it."""

    focusable = True

    def __init__(
        self,
        options: tuple[tuple[str, str], ...],
        value: Callable[[], str],
        on_choose: Callable[[str], object],
        hint: str = "",
    ) -> None:
        super().__init__()
        self.options, self.value, self.on_choose, self.hint = options, value, on_choose, hint

    def look(self, view: View) -> Hashable:
        return self.value(), self._at(view.pointer[0]) if self.hovered else None

    def _at(self, x: float) -> int:
        return min(
            max(int((x - self.rect.x) * len(self.options) / max(self.rect.w, 1)), 0), len(self.options) - 1
        )

    def draw(self, painter: Painter, view: View) -> None:
        painter.box(self.rect, theme.RAISED, theme.CORNER_SMALL + 2)
        width = self.rect.w / len(self.options)
        for index, (key, label) in enumerate(self.options):
            part = pygame.FRect(self.rect.x + index * width, self.rect.y, width, self.rect.h)
            chosen = key == self.value()
            if chosen:
                painter.box(part.inflate(-4, -4), theme.HOVER, theme.CORNER_SMALL)
            lit = chosen or (self.hovered and index == self._at(view.pointer[0]))
            painter.text(
                label, part.inflate(-8, 0), theme.SMALL, theme.TEXT if lit else theme.QUIET, "centre"
            )
            if chosen:
                painter.fill(pygame.FRect(part.centerx - 8, part.bottom - 5, 16, 2), theme.MACHINE)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL + 2)

    def on_pointer(self, event: Pointer) -> bool:
        if event.kind == "down":
            self.on_choose(self.options[self._at(event.x)][0])
        return event.kind != "wheel"

    def on_key(self, event: Key) -> bool:
        step = {pygame.K_LEFT: -1, pygame.K_RIGHT: 1}.get(event.key, 0)
        if step:
            keys = [key for key, _ in self.options]
            index = keys.index(self.value()) if self.value() in keys else 0
            self.on_choose(keys[(index + step) % len(keys)])
        return bool(step)


class Switch(Pressable):
    """On or off, said by place, colour and word."""

    def __init__(self, value: Callable[[], bool], on_press: Callable[[], object], hint: str = "") -> None:
        super().__init__(on_press, hint)
        self.value = value

    def look(self, view: View) -> Hashable:
        return self.value()

    def draw(self, painter: Painter, view: View) -> None:
        on = self.value()
        track = pygame.Rect(self.rect.right - 40, self.rect.centery - 10, 40, 20)
        painter.box(track, self.ground(theme.MACHINE if on else theme.HAIRLINE), 10)
        painter.circle(
            (track.right - 10 if on else track.x + 10, track.centery), 7, theme.GROUND if on else theme.TEXT
        )
        words = pygame.Rect(self.rect.x, self.rect.y, self.rect.w - 48, self.rect.h)
        painter.text("on" if on else "off", words, theme.BODY, theme.TEXT if on else theme.QUIET, "right")
        if self.focused:
            draw_focus(painter, track.inflate(6, 6), 13)


class Toggle(Pressable):
    """A name that is switched on or off: an underline and the word say which."""

    def __init__(
        self, name: str, value: Callable[[], bool], on_press: Callable[[], object], hint: str = ""
    ) -> None:
        super().__init__(on_press, hint)
        self.name, self.value = name, value

    def look(self, view: View) -> Hashable:
        return self.name, self.value()

    def draw(self, painter: Painter, view: View) -> None:
        on = self.value() and self.enabled
        painter.box(self.rect, self.ground(theme.HOVER if on else theme.RAISED), theme.CORNER_SMALL + 2)
        colour = theme.TEXT if on else theme.QUIET
        inner = self.rect.inflate(-20, 0)
        painter.text(self.name, inner, theme.SMALL, colour)
        painter.text("on" if on else "off", inner, theme.SMALL, colour, "right")
        if on:
            painter.fill(pygame.FRect(self.rect.centerx - 8, self.rect.bottom - 4, 16, 2), theme.MACHINE)
        if self.focused:
            draw_focus(painter, self.rect, theme.CORNER_SMALL + 2)
