"""Launchpad: you and an agent press the buttons of one grid, and it plays them bar by bar.

Reads the session's snapshots and calls the session; used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pygame

from app.bindings import PIANO_KEYS
from app.scenes.base import Scene
from app.scenes.launchpad_desk import SONG_OR_GRID, LaunchpadDesk
from app.scenes.launchpad_looks import heard, row_looks, struck_patterns
from app.scenes.launchpad_menus import LaunchpadMenus
from app.scenes.launchpad_panel import LOCKS, PACES, LaunchpadPanel
from app.scenes.launchpad_strip import HEIGHT, PARTS, PartStrip
from app.scenes.launchpad_transport import LaunchpadTransport
from app.scenes.studio import Studio
from app.sessions.launchpad.scales import pitch_of
from app.sessions.launchpad.words import key_words
from app.widgets.base import Pointer, View, Widget
from app.widgets.chrome import Chip
from app.widgets.count_in import CountIn, figure_of
from app.widgets.overlays import MenuItem
from app.widgets.pad_grid import PadGrid
from app.widgets.pads import COLUMNS, LOCK, MUTE, OFFSETS, PATTERNS, SOLO
from models.launchpad.instrument import LAUNCHPAD

MOST_STEPS_A_FRAME, SURFACE_ROWS = 16, 8
C3, C4 = 48, 60


class Launchpad(Scene):
    """One grid, two who press it."""

    name = "launchpad"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.desk = LaunchpadDesk(studio)
        self.menus = LaunchpadMenus(self.desk)
        self.grid = PadGrid(row_looks(self.desk.now), self.press)
        self.panel = LaunchpadPanel(self.desk, self.menus, self._show)
        self.strip = PartStrip(self.desk, self.menus, self._show)
        self.transport = LaunchpadTransport(self.desk, self.export)
        self.count_in = CountIn(lambda: figure_of(self.desk.now.state, self.desk.now.beat))
        self._lowest_c = C3
        self._struck: tuple[int, int] | None = None
        self._held = range(0)
        self._change_chips()
        self.actions |= self._transport_actions() | self._grid_actions() | self._part_actions()
        self._refresh()

    def _change_chips(self) -> None:
        """A real Launchpad has one; what Follow listens to has none, for nothing is listened to here."""
        self._chrome.remove(self._chips.pop(0))
        chip = Chip(
            "launchpad", lambda: self.desk.now.surface or "No Launchpad", lambda: bool(self.desk.now.surface),
            self._say_surface, "A real Launchpad: plug it in at any time",
        )  # fmt: skip
        self._chips.append(chip)
        self._chrome.append(chip)

    def _transport_actions(self) -> dict[str, Callable[[], object]]:
        desk = self.desk
        return {
            "start_stop": desk.start_stop,
            "undo": desk.undo,
            "undo_agent": desk.undo_agent,
            "redo": desk.redo,
            "tempo_down": lambda: desk.session.nudge_tempo(-1),
            "tempo_up": lambda: desk.session.nudge_tempo(1),
            "click": self.transport.toggle_click,
            "count_in": self.studio.toggle_count_in,
            "export": self.export,
            "save_take": self.studio.save_take,
            "vote_more": lambda: desk.vote(1),
            "vote_less": lambda: desk.vote(-1),
            "pace": self._next_pace,
            "scale_lock": self._next_lock,
        }

    def _grid_actions(self) -> dict[str, Callable[[], object]]:
        grid = self.grid
        return {
            "left": lambda: grid.move(-1, 0),
            "right": lambda: grid.move(1, 0),
            "up": lambda: grid.move(0, 1),
            "down": lambda: grid.move(0, -1),
            "press": grid.press_cursor,
            "rows": grid.turn,
            "page_back": lambda: self._half(True),
            "page_on": lambda: self._half(False),
            "octave_down": lambda: self._octave(C3),
            "octave_up": lambda: self._octave(C4),
            "mute": lambda: self._press_row(MUTE),
            "solo": lambda: self._press_row(SOLO),
            "lock": lambda: self._press_row(LOCK),
            "row_menu": lambda: self._row_menu(grid.cursor[0]),
            **{f"pattern_{i}": partial(self._press_row, i) for i in range(PATTERNS)},
            **{f"offset_{i}": partial(self._press_row, PATTERNS + i) for i in range(OFFSETS)},
            **{f"row_{semitone}": partial(self._choose_row, semitone) for semitone in PIANO_KEYS.values()},
        }

    def _part_actions(self) -> dict[str, Callable[[], object]]:
        desk = self.desk
        return {
            "keep_part": lambda: desk.session.keep_part(),
            "chain": desk.play_chain,
            **{f"part_{i}": partial(desk.part, i) for i in range(PARTS)},
            **{f"chain_{i}": partial(desk.chain_part, i) for i in range(PARTS)},
        }

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        return self.desk.title

    def subtitle(self, view: View) -> str:
        now = self.desk.now
        key = key_words(now.arrangement.tonic, now.arrangement.scale)
        return f"{now.tempo_bpm:.0f} BPM · {key} · {LAUNCHPAD.keys} keys from B2"

    def _status_words(self) -> tuple[str, str]:
        now = self.desk.now
        if now.clock == "lost":
            return "The MIDI clock is lost; the music goes on at its last tempo", "bad"
        if now.state == "stopped" and not now.grid[:, 0].any():
            return "Press a few pads, then Space. Or Start from … a triad", "you"
        return "", "plain"

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        return [
            *self.grid.widgets(), *self.strip.widgets(), self.count_in, self.status,
            *self.panel.widgets(), *self.transport.widgets(),
        ]  # fmt: skip

    def place(self) -> None:
        area = self.areas
        content = area.content
        self.grid.place(pygame.Rect(content.x, content.y, content.w, content.h - HEIGHT - 10))
        self.strip.place(pygame.Rect(content.x, content.bottom - HEIGHT, content.w, HEIGHT))
        self.count_in.rect = self.grid.mouse.rect
        self.status.area = self.grid.mouse.rect
        self.panel.place(area.panel)
        self.transport.place(area.transport)

    def update(self, view: View) -> None:
        if self.desk.refresh() or self._held != self._held_rows():
            self._refresh()
        now = self.desk.now
        playing = now.state in ("playing", "stopping")
        self.grid.playhead.share = now.step / LAUNCHPAD.steps if playing else None
        self._strike(view.t_s if playing else None)
        blink = playing and not view.reduced_motion and int(now.step) // 8 % 2 == 0
        self.grid.update(blink, view.t_s)
        self.transport.update()
        self.status.say(*self._status_words())

    def _held_rows(self) -> range:
        """The rows that lie on the pads of a real Launchpad."""
        pads = self.studio.launchpads
        if pads is None or pads.connected is None:
            return range(0)
        return range(pads.lowest_key, pads.lowest_key + SURFACE_ROWS)

    def _refresh(self) -> None:
        self._held = self._held_rows()
        self.grid.show(row_looks(self.desk.now, self._held))
        self.panel.refresh()
        self.strip.refresh()

    def _strike(self, t_s: float | None) -> None:
        """Light what has begun to sound since the last frame."""
        now = self.desk.now
        here = (now.bar, int(now.step))
        before, self._struck = self._struck, here if t_s is not None else None
        if t_s is None or here == before:
            return
        grid, _ = heard(now)
        first = here[1] if before is None else before[1] + 1 if before[0] == now.bar else 0
        for step in range(max(first, here[1] - MOST_STEPS_A_FRAME), here[1] + 1):
            for row, pattern in struck_patterns(grid, step):
                self.grid.rows[row].strike(pattern, t_s)

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        self.studio.engine.set_source("synth")  # What sounds is what the meter shows and takes capture.
        self.desk.session.wake()
        self.studio.name_takes(self.desk.title)

    def leave(self) -> None:
        self.desk.session.rest()
        self.studio.devices.listen_as_chosen()
        self.studio.name_takes()

    def take_file(self, path: Path) -> bool:
        """A song or a grid was dropped."""
        if path.suffix.lower() != SONG_OR_GRID:
            return False
        self.desk.open_song(path)
        return True

    def wheel(self, event: Pointer) -> None:
        if self.grid.halved and self.grid.rect.collidepoint(event.x, event.y):
            self._half(event.wheel > 0)

    # --- pressing -------------------------------------------------------------------------------

    def press(self, row: int, column: int) -> None:
        """A button of the grid, or what lies beside it."""
        session = self.desk.session
        if column < 0:
            self._row_menu(row)
        elif column < COLUMNS:
            if self.desk.arrangement.scale_lock == "forbid" and self.desk.now.refused[row, column]:
                self.studio.say("This row is outside the locked key: choose another, or set Scale to Free.")
            session.press(row, column)
        else:
            {MUTE: session.mute, SOLO: session.solo, LOCK: session.lock}[column](row)

    def _press_row(self, column: int) -> None:
        """A button of the row that the cursor is on."""
        self.grid.choose(self.grid.cursor[0], column)
        self.press(self.grid.cursor[0], column)

    def _choose_row(self, semitone: int) -> None:
        row = self._lowest_c + semitone - pitch_of(0)
        if 0 <= row < LAUNCHPAD.keys:
            self.grid.choose(row)

    def _octave(self, lowest_c: int) -> None:
        self._lowest_c = lowest_c
        self.studio.say(f"The letters choose rows from C{lowest_c // 12 - 1}")

    def _row_menu(self, row: int) -> None:
        anchor = self.grid.cell_rect(row, -1)
        self._show(self.menus.row(row, lambda: self._show(self.menus.sounds([row]), anchor)), anchor)

    def _half(self, upper: bool) -> None:
        if self.grid.halved and self.grid.upper != upper:
            self.grid.flip()

    # --- the rest -------------------------------------------------------------------------------

    def export(self) -> None:
        """Ask what to write."""
        self._show(self.menus.exports(), self.transport.export.rect)

    def _next_pace(self) -> None:
        self.desk.session.set_pace(int(_after([key for key, _ in PACES], str(self.desk.arrangement.pace))))

    def _next_lock(self) -> None:
        wanted = _after([key for key, _ in LOCKS], self.desk.arrangement.scale_lock)
        self.desk.set_scale_lock(wanted)

    def _show(self, items: list[MenuItem], anchor: pygame.Rect) -> None:
        self.studio.show_menu(tuple(items), anchor)

    def _say_surface(self) -> None:
        name = self.desk.now.surface
        told = f"{name} shows the grid: top row pages, right column mutes" if name else (
            "Plug in a Novation Launchpad (MK1, MK2, Mini MK3, X or Pro MK3): it becomes this grid"
        )  # fmt: skip
        self.studio.say(told)


def _after(names: list[str], now: str) -> str:
    """The next of a few, around the end."""
    return names[(names.index(now) + 1) % len(names) if now in names else 0]
