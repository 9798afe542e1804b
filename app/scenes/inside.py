"""Inside: what a follower hears, believes and prefers at any moment of a piece, and what that rests on.

Used by the thread of the window. Following and explaining happen in a child process of the desk.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

from app import theme
from app.bindings import label_of
from app.engine.snapshot import RUNNING, Snapshot
from app.scenes.agent_panel import confidence_colour, confidence_words, decided_fact, value_words
from app.scenes.base import Scene
from app.scenes.inside_desk import InsideDesk
from app.scenes.studio import Studio
from app.widgets.base import View, Widget
from app.widgets.buttons import Button, RoundButton
from app.widgets.page_view import CursorLayer, GlowLayer, PageScene, PageView
from app.widgets.readouts import ActionTiles, Bar, Fact, Label, Paragraph
from app.widgets.run_timeline import RunTimeline
from app.widgets.showing import Showing
from app.widgets.stack import Row, stack
from app.widgets.state_map import StateMap
from app.widgets.tinted import Picture, Tinted, tinted_sound, tinted_strip
from models.features import SPEC
from models.midi_files import MIDI_SUFFIXES
from pieces.piece import Piece

SOUNDS = (".wav",)


class Inside(Scene):
    """One piece, one follower, and one moment of it at a time."""

    name = "inside"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.desk = InsideDesk(studio)
        studio.to_close.append(self.desk.close)
        self.pages: PageScene | None = None
        self._piece: Piece | None = None
        self._shown = Snapshot()
        self._build_content()
        self._build_panel()
        self._build_transport()
        self.actions |= {
            "start_stop": self.start_stop,
            "back_frame": lambda: self.desk.step(-1),
            "next_frame": lambda: self.desk.step(1),
            "back_second": lambda: self.desk.step(-SPEC.fps),
            "next_second": lambda: self.desk.step(SPEC.fps),
            "save_pictures": self.desk.save,
            "look_inside": lambda: studio.ask("scene_follow"),
        }

    def _build_content(self) -> None:
        desk = self.desk
        self.timeline = RunTimeline(
            lambda: desk.run, lambda: desk.row, lambda: desk.version, desk.choose, desk.step
        )
        self.sheet = Tinted(self._reasons_key, self._sheet, self._reasons_words, self._mark)
        self.sound = Tinted(self._reasons_key, self._sound, lambda: "", lambda: None)
        self.sheet_words = Label(self._sheet_words, theme.TINY, theme.QUIET)
        self.sound_words = Label("and in the newest 2 s", theme.TINY, theme.QUIET)
        self.empty = Paragraph("", theme.LARGE, align="centre")
        self.to_home = Button("Choose a piece", lambda: self.studio.ask("scene_home"), kind="main")
        self.done = Bar(lambda view: desk.share or 0.0, theme.MACHINE)
        self._layers: list[Widget] = []

    def _build_panel(self) -> None:
        desk = self.desk
        self.map = StateMap(
            lambda: desk.points, self._values, lambda: desk.row, self._map_words, self._choose_row
        )
        self.map.moment_words = self._moment_words
        self.map_name = Label("Its states, by value", colour=theme.QUIET)
        self.time = Fact("Moment", lambda view: self._moment_words(desk.row) or "–")
        self.tiles = Showing(ActionTiles(), lambda: self._shown)
        self.confidence = Showing(decided_fact("Confidence", confidence_words), lambda: self._shown)
        self.bar = Showing(Bar(lambda view: view.snapshot.confidence, confidence_colour), lambda: self._shown)
        self.value = Showing(decided_fact("Value of this state", value_words), lambda: self._shown)

    def _build_transport(self) -> None:
        desk, studio = self.desk, self.studio
        self.start = RoundButton(
            self.start_stop, lambda: "stop" if desk.following or self.is_running() else "start",
            f"Follow it again, or stop ({label_of('start_stop')})",
        )  # fmt: skip
        self.words = Label(lambda view: self._words(), theme.BODY)
        self.keys = Label("Click on timeline, map or page · ← → a frame back, on", theme.TINY, theme.QUIET)
        self.save = Button(
            "Save pictures", desk.save, "export", "link", f"As PNG ({label_of('save_pictures')})"
        )
        self.follow = Button(
            "Follow", lambda: studio.ask("scene_follow"), "follow", "link",
            f"To Follow and back, without stopping ({label_of('look_inside')})",
        )  # fmt: skip

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        piece = self.studio.piece
        return piece.title if piece else "Inside"

    def subtitle(self, view: View) -> str:
        return f"What {self.studio.follower} hears, believes and prefers, in {self.desk.source or 'a piece'}"

    def _words(self) -> str:
        desk = self.desk
        if desk.following:
            return f"Following {desk.source} …"
        if desk.live:
            return "Live: the newest moment" if desk.at_newest else "Live: an earlier moment"
        return self._moment_words(desk.row)

    def _moment_words(self, row: int | None) -> str:
        run, piece = self.desk.run, self._piece
        if run is None or piece is None or row is None or row >= len(run.record.time_s):
            return ""
        at_s, x_px = float(run.record.time_s[row]), float(run.record.x_px[row])
        return f"{int(at_s // 60)}:{at_s % 60:04.1f}, measure {piece.place_at_x(x_px).measure}"

    def _map_words(self) -> str:
        desk = self.desk
        if desk.map_problem:
            return desk.map_problem
        if desk.live:
            return "mapped when you stop"
        return "being mapped …" if desk.run is not None else ""

    def _reasons_words(self) -> str:
        desk = self.desk
        if desk.explained is not None and desk.explained.problem:
            return desk.explained.problem
        if desk.run is not None and desk.row is not None and desk.run.fits[desk.row] is None:
            return "This follower does not say what it believes"
        return "asking why …" if desk.run is not None else ""

    def _sheet_words(self, view: View) -> str:
        explained = self.desk.explained
        if explained is None or explained.reasons is None or self._reasons_key() is None:
            return "What speaks in the print for the dashed place"
        off = f"{100 * explained.reasons.error:.0f} %"
        rough = f" (roughly: the sum is off by {off})" if explained.reasons.rough else ""
        return f"For the place (blue) and against it (red), in the print{rough}"

    # --- pictures -------------------------------------------------------------------------------

    def _reasons_key(self) -> int | None:
        explained = self.desk.explained
        if explained is None or explained.reasons is None:
            return None
        if explained.row != self.desk.row and not self.desk.at_newest:
            return None
        return id(explained)

    def _sheet(self) -> Picture:
        reasons = self.desk.explained.reasons  # type: ignore[union-attr]
        assert reasons is not None
        return tinted_strip(reasons.strip, reasons.strip_gradients)

    def _sound(self) -> Picture:
        reasons = self.desk.explained.reasons  # type: ignore[union-attr]
        assert reasons is not None
        return tinted_sound(reasons.frames, reasons.frames_gradients)

    def _mark(self) -> float | None:
        explained = self.desk.explained
        if explained is None or explained.reasons is None:
            return None
        reasons = explained.reasons
        return (2 * reasons.column + 1 - reasons.first_px) / reasons.strip.shape[1]

    def _values(self) -> NDArray[np.float64]:
        assert self.desk.points is not None and self.desk.run is not None
        return self.desk.run.record.value[self.desk.points[0]]

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        return [
            *self._layers, self.sheet_words, self.sound_words, self.sheet, self.sound, self.timeline,
            self.empty, self.done, self.to_home, self.map_name, self.map, self.time, self.tiles,
            self.confidence, self.bar, self.value, self.start, self.words, self.keys, self.save, self.follow,
        ]  # fmt: skip

    def place(self) -> None:
        content = self.areas.content
        timeline_h = min(max(round(content.h * 0.25), 96), 160)
        reasons_h = min(max(round(content.h * 0.22), 70), 130)
        score_h = content.h - timeline_h - reasons_h - 18 - 24
        score = pygame.Rect(content.x, content.y, content.w, score_h)
        if self.pages is not None:
            self.pages.set_room(score, self.scale, self.studio.settings.now.reduced_motion)
            for layer in self._layers:
                layer.rect = score
        top, sound_w = score.bottom + 8, round(content.w * 0.26)
        sheet_w = content.w - sound_w - 12
        self.sheet_words.rect = pygame.Rect(content.x, top, sheet_w, 16)
        self.sound_words.rect = pygame.Rect(content.x + sheet_w + 12, top, sound_w, 16)
        self.sheet.rect = pygame.Rect(content.x, top + 18, sheet_w, reasons_h)
        self.sound.rect = pygame.Rect(content.x + sheet_w + 12, top + 18, sound_w, reasons_h)
        self.timeline.rect = pygame.Rect(content.x, content.bottom - timeline_h, content.w, timeline_h)
        middle = (score.bottom + content.bottom) // 2 if self.pages is not None else content.centery
        self.empty.rect = pygame.Rect(content.centerx - 200, middle - 60, 400, 70)
        self.done.rect = pygame.Rect(content.centerx - 120, middle + 16, 240, 12)
        self.to_home.rect = pygame.Rect(content.centerx - 80, content.centery + 12, 160, 40)
        self._place_panel()
        self._place_transport()

    def _place_panel(self) -> None:
        panel = self.areas.panel
        rows = [
            Row((self.map_name,), 20, gap=6),
            Row((self.map,), 120, grow=1, gap=14),
            Row((self.time,), 20, gap=8),
            Row((self.tiles,), 60, gap=12),
            Row((self.confidence,), 20, gap=2, spare=2),
            Row((self.bar,), 12, gap=10, spare=2),
            Row((self.value,), 20, spare=1),
        ]
        if panel.w == 0:
            for row in rows:
                row.widgets[0].visible = False
            return
        stack(panel.inflate(-40, -32), rows)

    def _place_transport(self) -> None:
        bar = self.areas.transport
        self.start.rect = pygame.Rect(bar.x + 10, bar.y + 10, 36, 36)
        self.follow.rect = pygame.Rect(bar.right - 104, bar.y + 11, 92, 34)
        self.save.rect = pygame.Rect(self.follow.rect.x - 148, bar.y + 11, 140, 34)
        room = self.save.rect.x - bar.x - 72
        self.words.rect = pygame.Rect(bar.x + 60, bar.y + 9, room, 20)
        self.keys.rect = pygame.Rect(bar.x + 60, bar.y + 30, room, 14)

    def _build_score(self) -> None:
        """The pages of the piece that is open, with the belief and the place of the moment over them."""
        piece, images = self.studio.piece, self.studio.images
        self._piece, self.pages, self._layers = piece, None, []
        if piece is None or images is None:
            return
        self.pages = PageScene(piece, images)
        self.page_view = PageView(self.pages, self._choose_place, lambda: ())
        self.page_view.hint = "Click on the music to look at when it was there"
        self.page_view.near_px = lambda: self._shown.x_px
        self.glow = GlowLayer(self.pages)
        cursor = CursorLayer(self.pages, lambda: self._shown.x_px)
        self._layers = [self.page_view, self.glow, Showing(cursor, lambda: self._shown)]

    # --- once a frame ---------------------------------------------------------------------------

    def update(self, view: View) -> None:
        desk = self.desk
        if self._piece is not self.studio.piece:
            self._take_piece()
        desk.poll(view.t_s)
        if desk.live and view.snapshot.state not in RUNNING:
            desk.rest()
        there = desk.run is not None
        for widget in (self.sheet, self.sound, self.sheet_words, self.sound_words, self.timeline):
            widget.visible = there
        for layer in self._layers[1:]:  # over the page, which is there from the beginning
            layer.visible = there
        self.done.visible = desk.following
        self.to_home.visible = self.studio.piece is None
        self.empty.visible = not there
        self.empty.text = self._empty_words()
        self.save.enabled = there
        self.start.enabled = self.studio.piece is not None
        self._show_moment(view)

    def _empty_words(self) -> str:
        desk = self.desk
        if self.studio.piece is None:
            return "No piece is open. Choose one in Home, then see how it is followed."
        if desk.following:
            return f"Following {desk.source}, to look inside at every moment of it."
        if desk.live:
            return "Play: what is heard, believed and preferred appears here."
        return desk.problem or "Press Space: the program plays the piece and follows that."

    def _show_moment(self, view: View) -> None:
        run, row, piece = self.desk.run, self.desk.row, self._piece
        if run is None or row is None or piece is None or self.pages is None:
            self._shown = Snapshot()
            return
        record, fit = run.record, run.fits[row]
        x_px = float(record.x_px[row])
        slower, keep, faster = (float(share) for share in record.probabilities[row])
        sample = self.desk.version * 1_000_000 + row
        if self._shown.sample != sample:
            self._shown = Snapshot(
                sample=sample, state="following", x_px=x_px, place=piece.place_at_x(x_px),
                probabilities=(slower, keep, faster), value=float(record.value[row]),
                confidence=float(record.confidence[row]), fit=None if fit is None else fit.unpacked(),
            )  # fmt: skip
            assert self._shown.place is not None
            self.pages.follow(self._shown.place.system, view.t_s)
        self.page_view.now_s = view.t_s
        self.glow.refresh(replace(view, snapshot=self._shown))

    # --- what is asked --------------------------------------------------------------------------

    def _choose_row(self, row: int) -> None:
        if self.desk.run is not None:
            self.desk.choose(float(self.desk.run.record.time_s[row]))

    def _choose_place(self, x_px: float) -> None:
        """The moment at which the cursor stood nearest to a place."""
        run = self.desk.run
        if run is None or not (run.record.heard >= 0).any():
            return
        away = np.where(run.record.heard >= 0, np.abs(run.record.x_px - x_px), np.inf)
        self._choose_row(int(away.argmin()))

    def is_running(self) -> bool:
        """Something is being followed live."""
        return self.desk.live and self.studio.snapshot.state in RUNNING

    def start_stop(self) -> None:
        """Stop what goes on; otherwise follow the program's own performance."""
        piece, session = self.studio.piece, self.studio.session
        if self.is_running() and session is not None:
            session.pause()
        elif self.desk.following:
            self.desk.cancel()
        elif piece is not None:
            self.desk.begin(piece)

    def do(self, action: str) -> bool:
        if action == "scene_follow":  # what is played goes on there
            self.studio.keeps_running = self.is_running()
        return super().do(action)

    def take_file(self, path: Path) -> bool:
        """A recording is followed here, at once and without sound."""
        piece, kind = self.studio.piece, path.suffix.lower()
        if piece is None or kind not in (*SOUNDS, *MIDI_SUFFIXES):
            return False
        self.desk.begin(piece, *((path, None) if kind in SOUNDS else (None, path)))
        return True

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        kept, self.studio.keeps_running = self.studio.keeps_running, False
        self._build_score()
        piece = self.studio.piece
        if piece is None:
            return
        if kept and self.studio.snapshot.state in RUNNING:
            self.desk.watch(piece)
        else:
            self.desk.show(piece)

    def _take_piece(self) -> None:
        self._build_score()
        if self.studio.piece is not None:
            self.desk.begin(self.studio.piece)
        self.studio.relayout()

    def leave(self) -> None:
        if self.studio.keeps_running:
            return
        if self.studio.session is not None:
            self.studio.session.pause()
        self.desk.rest()
