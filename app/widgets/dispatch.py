"""Who gets an event: the widget under the pointer, the one that holds the mouse, the one with the focus.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.widgets.base import Key, Pointer, Widget
from app.widgets.inputs import TextField

HINT_AFTER_S = 0.6


class Dispatcher:
    """Hover, capture and focus over a list of widgets, the topmost last."""

    def __init__(self) -> None:
        self.widgets: Sequence[Widget] = ()
        self.pointer = (-1.0, -1.0)
        self.focus: Widget | None = None
        self._holder: Widget | None = None
        self._hovered: Widget | None = None
        self._hovered_since_s = 0.0

    def use(self, widgets: Sequence[Widget]) -> None:
        """Serve these widgets; whoever is no longer among them loses mouse and focus."""
        self.widgets = widgets
        known = {id(widget) for widget in widgets if widget.visible}
        if self.focus is not None and id(self.focus) not in known:
            self.set_focus(None)
        if self._holder is not None and id(self._holder) not in known:
            self._holder.pressed = False
            self._holder = None
        if self._hovered is not None and id(self._hovered) not in known:
            self._hovered.hovered = False
            self._hovered = None

    def handle(self, event: Pointer, t_s: float) -> bool:
        """Pass a mouse event on; True where a widget used it up."""
        self.pointer = (event.x, event.y)
        target = self._holder or self._under(event.x, event.y)
        self._hover(target, t_s)
        if target is None:
            if event.kind == "down":
                self.set_focus(None)
            return False
        if event.kind == "down":
            self._holder = target
            self.set_focus(target if isinstance(target, TextField) else None)
        used = target.on_pointer(event)
        if event.kind == "up":
            self._holder = None
            self._hover(self._under(event.x, event.y), t_s)
        return used

    def handle_key(self, event: Key) -> bool:
        """Pass a key to the widget that has the focus."""
        return self.focus is not None and self.focus.enabled and self.focus.on_key(event)

    @property
    def types_text(self) -> bool:
        """Whether typing goes to a field."""
        return isinstance(self.focus, TextField)

    def set_focus(self, widget: Widget | None) -> None:
        """Move the focus; None takes it away."""
        if self.focus is not None:
            self.focus.focused = False
        self.focus = widget
        if widget is not None:
            widget.focused = True

    def move_focus(self, step: int) -> None:
        """To the next (1) or the previous (-1) widget that can have it, around the end."""
        able = [widget for widget in self.widgets if widget.focusable and widget.visible and widget.enabled]
        if not able:
            return
        places = [index for index, widget in enumerate(able) if widget is self.focus]
        index = (places[0] + step) % len(able) if places else (0 if step > 0 else -1)
        self.set_focus(able[index])

    def hint(self, t_s: float) -> Widget | None:
        """The widget over which the pointer has rested long enough to say what it does."""
        widget = self._hovered
        rested = t_s - self._hovered_since_s >= HINT_AFTER_S
        return widget if widget is not None and widget.hint and rested and self._holder is None else None

    def _under(self, x: float, y: float) -> Widget | None:
        return next((widget for widget in reversed(self.widgets) if widget.contains(x, y)), None)

    def _hover(self, target: Widget | None, t_s: float) -> None:
        if target is self._hovered:
            return
        if self._hovered is not None:
            self._hovered.hovered = False
        if target is not None:
            target.hovered = True
        self._hovered, self._hovered_since_s = target, t_s
