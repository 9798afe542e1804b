"""What a scene is, and the four places that every scene has: rail, header, side panel, transport.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.studio import Studio
from app.widgets import fonts
from app.widgets.base import Pointer, View, Widget
from app.widgets.buttons import IconButton
from app.widgets.chrome import MODES, Chip, Mode, RailButton, RailGround
from app.widgets.overlays import MenuItem
from app.widgets.painter import Painter, shorten
from app.widgets.readouts import Label, LevelMeter, Surface
from app.widgets.status import Status

LEAST_FOR_TITLE, LEAST_FOR_LEVEL = 420, 600
"""Of the header: kept for the title before the devices are given names; to have a level at all."""
NARROW, SHORT = 860, 560
"""Below this width the rail and the panel shrink, below this height the rail's words go closer."""


@dataclass(frozen=True)
class Areas:
    """Rectangles in logical px. ``panel`` is empty where it is folded away."""

    window: pygame.Rect
    rail: pygame.Rect
    header: pygame.Rect
    content: pygame.Rect
    panel: pygame.Rect
    transport: pygame.Rect


def areas(width: int, height: int, folded: bool, has_transport: bool = True) -> Areas:
    """The places of a window of this logical size."""
    rail_width = theme.RAIL if width >= NARROW else 72
    left, margin = rail_width + theme.MARGIN, theme.MARGIN
    top = theme.HEADER + 12 if height >= SHORT else theme.HEADER
    bottom = height - 12 - theme.TRANSPORT if has_transport else height
    panel_width = 0 if folded else min(theme.PANEL, round(width * 0.3))
    body = bottom - margin - top
    right = width - margin
    content_right = right - panel_width - (margin if panel_width else 0)
    return Areas(
        pygame.Rect(0, 0, width, height),
        pygame.Rect(0, 0, rail_width, height),
        pygame.Rect(left, 12, right - left, theme.HEADER - 12),
        pygame.Rect(left, top, content_right - left, body),
        pygame.Rect(right - panel_width, top, panel_width, body),
        pygame.Rect(left, bottom, right - left, theme.TRANSPORT),
    )


class Scene:
    """A mode on the screen. Subclasses fill the panel, the content and the transport, and obey actions."""

    name = ""
    mode = ""
    """The mode of the rail it belongs to, where that has another name."""
    has_panel = True

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.scale = 1.0
        self.areas = areas(1280, 720, False)
        self.status = Status()
        self.actions: dict[str, Callable[[], object]] = {"fold": self.fold}
        self._build_chrome()

    # --- what subclasses say --------------------------------------------------------------------

    def title(self) -> str:
        """The large words of the header."""
        return "Ripieno"

    def subtitle(self, view: View) -> str:
        """The quiet line below them."""
        return ""

    def body(self) -> list[Widget]:
        """Everything but the chrome, lowest first."""
        return []

    def place(self) -> None:
        """Set the rectangles of the body for ``self.areas``."""

    def update(self, view: View) -> None:
        """Once a frame, before drawing: take in what is new."""

    def enter(self) -> None:
        """The scene comes onto the screen."""

    def leave(self) -> None:
        """Another one takes its place."""

    def wheel(self, event: Pointer) -> None:
        """The wheel was turned where no widget used it."""

    def release(self, action: str) -> None:
        """The key of an action was let go."""

    def take_file(self, path: Path) -> bool:
        """A file was dropped; True where this scene has a use of its own for it."""
        return False

    # --- what the window calls ------------------------------------------------------------------

    def do(self, action: str) -> bool:
        """Obey an action of the table of bindings; False where it means nothing here."""
        if action not in self.actions:
            return False
        self.actions[action]()
        return True

    def lay_out(self, width: int, height: int, scale: float) -> None:
        """Place everything in a window of this logical size."""
        self.scale = scale
        self.areas = areas(width, height, self._folded(width))
        self._place_chrome()
        self.place()

    def fit_header(self) -> None:
        """Once a frame: the names of devices have the room they need, a title that is cut a hint."""
        if self._named != [chip.name() for chip in self._chips]:
            self._place_header(self.areas)
        title = self.title()
        width = fonts.text_width(title, round(theme.TITLE * self.scale), bold=True)
        self._title.hint = title if width > self._title.rect.w * self.scale else ""

    def beside(self, name: str, *facts: str) -> str:
        """Parts of the subtitle: where they are too long together, the name gives way to the facts."""
        after = " · ".join(part for part in facts if part)
        size_px, room_px = round(theme.BODY * self.scale), round(self._subtitle.rect.w * self.scale)
        left_px = room_px - fonts.text_width(f" · {after}", size_px)
        return " · ".join(part for part in (shorten(name, size_px, left_px), after) if part)

    def message_area(self) -> pygame.Rect:
        """Where messages stand, from the bottom up: above the status, where it says something."""
        area = self.areas.content
        bottom = self.status.pill_top - 8 if self.status.text else area.bottom - 16
        return pygame.Rect(area.x, area.y, area.w, bottom - area.y)

    def widgets(self) -> list[Widget]:
        """All widgets, lowest first."""
        return [*self._chrome, *self.body()]

    def draw(self, surface: pygame.Surface, view: View) -> None:
        """Draw the whole scene; pure, and what the incremental canvas must agree with."""
        painter = Painter(surface, self.scale)
        surface.fill(theme.GROUND)
        for widget in self.widgets():
            if widget.visible:
                widget.draw(painter, view)

    # --- chrome ---------------------------------------------------------------------------------

    def fold(self) -> None:
        """Fold the panel away or bring it back."""
        self.studio.folded = not self._folded(self.areas.window.w)
        self.studio.relayout()

    def _folded(self, width: int) -> bool:
        if not self.has_panel:
            return True
        return width < NARROW if self.studio.folded is None else self.studio.folded

    def _build_chrome(self) -> None:
        studio = self.studio
        self._rail = RailGround()
        here = self.mode or self.name
        self._modes = [RailButton(mode, mode.name == here, partial(self._go, mode)) for mode in MODES]
        self._help = IconButton("help", lambda: studio.ask("help"), f"Keys ({label_of('help')})")
        lit = (lambda: True) if self.name == "settings" else None
        hint = f"Settings ({label_of('scene_settings')})"
        self._settings = IconButton("settings", lambda: studio.ask("scene_settings"), hint, lit)
        self._fold = IconButton("fold", self.fold, f"Fold the panel ({label_of('fold')})", size=18)
        self._title = Label(lambda view: self.title(), theme.TITLE, bold=True)
        self._subtitle = Label(
            lambda view: studio.opening_words(view.t_s) or self.subtitle(view), theme.BODY, theme.QUIET
        )
        self._level = LevelMeter(lambda view: studio.devices.unheard(view.snapshot))
        desk = studio.devices
        self._chips = [
            Chip("mic", desk.input_name, desk.input_good, lambda: self._open_menu(0), "Listen to"),
            Chip("keys", desk.midi_name, desk.midi_good, lambda: self._open_menu(1), "MIDI keyboard"),
            Chip("speaker", desk.output_name, desk.output_good, lambda: self._open_menu(2), "Sound goes to"),
        ]
        self._device_chips = tuple(self._chips)
        self._named: list[str] = []
        self.panel_ground = Surface()
        self.transport_ground = Surface()
        self._chrome: list[Widget] = [
            self._rail, *self._modes, self._settings, self._help, self._title, self._subtitle,
            self._level, *self._chips, self._fold, self.panel_ground, self.transport_ground,
        ]  # fmt: skip

    def _go(self, mode: Mode) -> None:
        if mode.built:
            self.studio.ask(f"scene_{mode.name}")
        else:
            self.studio.say(f"{mode.label} is not built yet. All the others are.")

    def _open_menu(self, chip: int) -> None:
        desk = self.studio.devices
        items = (desk.input_items, desk.midi_items, desk.output_items)[chip]()
        self.studio.show_menu(tuple(items), self._device_chips[chip].rect)

    def show_menu(self, items: tuple[MenuItem, ...], anchor: pygame.Rect) -> None:
        """Hang a menu on a widget of this scene."""
        self.studio.show_menu(items, anchor)

    def _place_chrome(self) -> None:
        area = self.areas
        self._rail.rect = area.rail
        room = area.rail.h - 64 - 104
        step = min(74, room // len(MODES))
        for index, button in enumerate(self._modes):
            button.rect = pygame.Rect(0, 64 + index * step, area.rail.w, step - 6)
        middle = area.rail.centerx
        self._settings.rect = pygame.Rect(middle - 20, area.rail.bottom - 92, 40, 40)
        self._help.rect = pygame.Rect(middle - 20, area.rail.bottom - 48, 40, 40)
        self.panel_ground.rect, self.panel_ground.visible = area.panel, area.panel.w > 0
        self.transport_ground.rect = area.transport
        self._place_header(area)

    def _place_header(self, area: Areas) -> None:
        right = area.header.right
        self._fold.visible = self.has_panel
        if self.has_panel:
            self._fold.rect = pygame.Rect(right - 32, area.header.y + 10, 32, 32)
            self._fold.icon = "unfold" if area.panel.w == 0 else "fold"
            right -= 40
        self._named = [chip.name() for chip in self._chips]
        room = area.header.w - LEAST_FOR_TITLE
        widths = [chip.natural_width(self.scale) for chip in self._chips]
        folded = room < max(460, sum(widths) + 8 * len(widths))
        for chip, full in zip(reversed(self._chips), reversed(widths), strict=True):
            width = min(full, 44.0 if folded else full)
            chip.rect = pygame.Rect(round(right - width), area.header.y + 10, round(width), 32)
            right = chip.rect.x - 8
        self._level.visible = area.header.w >= LEAST_FOR_LEVEL
        self._level.rect = pygame.Rect(right - 120, area.header.y + 16, 112, 20)
        left, end = area.header.x, right - (136 if self._level.visible else 8)
        self._title.rect = pygame.Rect(left, area.header.y + 4, max(end - left, 40), 26)
        self._subtitle.rect = pygame.Rect(left, area.header.y + 34, max(end - left, 40), 20)
