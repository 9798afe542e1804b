"""Follow: the printed pages or the running strip, with the cursor that the agent moves.

Reads snapshots and calls the session; used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import pygame

from app import theme
from app.engine.snapshot import RUNNING
from app.scenes.agent_panel import AgentPanel
from app.scenes.base import Scene
from app.scenes.follow_words import status_words
from app.scenes.studio import Studio, without_years
from app.scenes.transport import Transport
from app.settings import FASTEST_DEMO, SLOWEST_DEMO
from app.widgets.base import View, Widget
from app.widgets.buttons import Button
from app.widgets.chrome import as_measure
from app.widgets.count_in import CountIn
from app.widgets.motion import Smooth
from app.widgets.overlays import MenuItem
from app.widgets.page_view import CursorLayer, GlowLayer, Mark, PageScene, PageView
from app.widgets.readouts import Paragraph
from app.widgets.strip_view import Cursor, StripView
from pieces.piece import Place

SEEN_PULSE_S = 1.5
NO_PIECE = "No piece is open. Choose one in Home, or drop a MusicXML, MXL, MEI, kern or ABC file here."


class Follow(Scene):
    """One piece and whoever follows it."""

    name = "follow"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.loop_a_px: float | None = None
        self.loop_b_px: float | None = None
        self._cursor = Smooth()
        self._started_s, self._take_s = 0.0, 0.0
        self._was_running = self._seek_waits = False
        self._last_place: tuple[float, Place] | None = None
        self.panel = AgentPanel(studio, self._choose_follower)
        self.transport = Transport(self)
        self._count_in = CountIn(self.count_in_figure)
        self._empty = Paragraph(NO_PIECE, theme.LARGE, align="centre")
        self._to_home = Button("Choose a piece", lambda: studio.ask("scene_home"), kind="main")
        self._build_score()
        self.actions |= {
            "start_stop": self.start_stop,
            "restart": self.restart,
            "loop_a": self.set_loop_a,
            "loop_b": self.set_loop_b,
            "loop_clear": self.clear_loop,
            "slower_demo": lambda: self.set_tempo(self.tempo() - 0.05),
            "faster_demo": lambda: self.set_tempo(self.tempo() + 0.05),
            "metronome": self.toggle_metronome,
            "count_in": self.toggle_count_in,
            "view": self.toggle_view,
            "source": self._other_source,
            "save_take": self.save_take,
            "look_inside": lambda: studio.ask("scene_inside"),
            "back_measure": lambda: self._step_measure(-1),
            "next_measure": lambda: self._step_measure(1),
            "page_back": lambda: self._leaf(-1),
            "page_on": lambda: self._leaf(1),
        }

    def _build_score(self) -> None:
        piece, images = self.studio.piece, self.studio.images
        self.pages: PageScene | None = None
        self._page_layers: list[Widget] = []
        self._strip: StripView | None = None
        if piece is None or images is None:
            return
        self._cursor.jump(float(piece.onset_x_px[0]))
        self.pages = PageScene(piece, images)
        self.page_view = PageView(self.pages, self.seek, self.marks, self.set_loop)
        self.page_view.hint = "Click on the music to go there, drag over it to loop"
        self.page_view.near_px = self.cursor_px
        self.glow = GlowLayer(self.pages)
        self._page_layers = [self.page_view, self.glow, CursorLayer(self.pages, self.cursor_px)]
        cursor = Cursor("", self.cursor_px, theme.MACHINE_ON_PAPER)
        self._strip = StripView(piece, images, (cursor,), self.seek, self.marks)

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        piece = self.studio.piece
        return piece.title if piece else ("Opening …" if self.studio.opening else "Follow")

    def subtitle(self, view: View) -> str:
        piece = self.studio.piece
        if piece is None:
            return ""
        place = self._place()
        page = f"page {place.page + 1} of {len(piece.pages)}"
        return self.beside(without_years(piece.composer), page, f"listening to {self._source_words()}")

    def _source_words(self) -> str:
        return {"demo": "the demo", "keyboard": "the PC keyboard"}.get(
            self.studio.settings.now.source, self.studio.devices.input_name()
        )

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        score: list[Widget] = []
        if self.pages is None:
            score = [self._empty, self._to_home]
        elif self.studio.settings.now.view == "strip" and self._strip:
            score = [self._strip]
        else:
            score = list(self._page_layers)
        return [*score, self._count_in, self.status, *self.panel.widgets(), *self.transport.widgets()]

    def place(self) -> None:
        area = self.areas
        if self.pages is not None and self._strip is not None:
            self.pages.set_room(area.content, self.scale, self.studio.settings.now.reduced_motion)
            for layer in (*self._page_layers, self._strip):
                layer.rect = area.content
        middle = area.content.centerx
        self._empty.rect = pygame.Rect(middle - 200, area.content.centery - 70, 400, 70)
        self._to_home.rect = pygame.Rect(middle - 80, area.content.centery + 12, 160, 40)
        self.status.area = self._count_in.rect = area.content
        self.panel.place(area.panel)
        self.transport.place(area.transport)

    def update(self, view: View) -> None:
        self.transport.update(view, self.pages is not None)
        self.panel.update(view)
        if self.pages is None or self.studio.piece is None:
            self.status.say("")
            self._empty.text = self.studio.opening_words(view.t_s) or NO_PIECE
            self._to_home.visible = self.studio.opening is None
            return
        snapshot = view.snapshot
        if self._seek_waits and self.studio.session:
            self._cursor.hold(snapshot.sample)  # the session goes there once its follower is loaded
            self._seek_waits = not self.studio.session.ready
        if snapshot.place is not None or snapshot.x_px > 0:
            self._cursor.follow(snapshot, view.t_s, view.reduced_motion, self.studio.latency_s)
        self._count_take(view)
        self.page_view.now_s = view.t_s
        if (self.is_running() or not self._was_running) and not self.page_view.is_held:
            self._follow_system(self._place().system, view.t_s)
        self.glow.refresh(view)
        self.status.say(*status_words(snapshot, self.studio))

    def _follow_system(self, system: int, t_s: float) -> None:
        """Turn pages with the music; a reader who leafs while nothing plays is left alone."""
        key: Hashable = (system, self.pages.layout if self.pages else None, self.is_running())
        if self.pages and (self.is_running() or key != getattr(self, "_shown_system", None)):
            self._shown_system = key
            self.pages.follow(system, t_s)

    def _count_take(self, view: View) -> None:
        running = self.is_running()
        if running and not self._was_running:
            self._started_s = view.t_s - (self._take_s if view.snapshot.state != "waiting" else 0.0)
        if running:
            self._take_s = view.t_s - self._started_s
        self._was_running = running

    # --- what the transport and the keys ask ----------------------------------------------------

    def enter(self) -> None:
        self.studio.keeps_running = False
        if self.pages is not None and self.studio.session is None:
            self.studio.open_session()
        elif self.pages is None and self.studio.piece is not None:
            self._build_score()
        self._tell_session()

    def _tell_session(self) -> None:
        """What is set here and a new session does not know, nor one that has served Play."""
        if self.studio.session:
            self.studio.session.set_metronome(self.has_metronome())
            if self.loop_b_px is not None:
                self._tell_loop()

    def do(self, action: str) -> bool:
        if action == "scene_inside":  # what is followed goes on and is seen from inside
            self.studio.keeps_running = self.is_running()
        return super().do(action)

    def leave(self) -> None:
        if self.studio.keeps_running:
            return
        self.studio.forget_dropped()
        if self.studio.session:  # also where a start still waits for the follower
            self.studio.session.pause()

    def is_running(self) -> bool:
        return self.studio.snapshot.state in RUNNING

    def start_stop(self) -> None:
        session, state = self.studio.session, self.studio.snapshot.state
        if session is None:
            if self.studio.piece is None:
                self.studio.ask("scene_home")
            return
        self.studio.forget_dropped()
        now = self.studio.settings.now
        if state in RUNNING or session.start_waits:
            session.pause()
        elif state == "paused":
            session.resume()
        elif now.source == "demo":
            self.panel.clear()
            session.play_demo(now.demo_tempo)
        else:
            self.panel.clear()
            self.studio.devices.use_source(now.source)
            session.set_demo_tempo(now.demo_tempo)  # The count-in has the tempo that is shown.
            session.start(self.studio.count_in_bars)

    def stop(self) -> None:
        """Stop and go back to the beginning, or to A."""
        session = self.studio.session
        if session and self.studio.piece:
            self.studio.forget_dropped()
            session.stop()
            self.seek(self.loop_a_px if self.loop_a_px is not None else self.span_px()[0])

    def restart(self) -> None:
        self.seek(self.span_px()[0])

    def seek(self, x_px: float) -> None:
        """Go to a position of the strip; the cursor jumps there at once."""
        if self.studio.session:
            self.studio.session.seek(x_px)
            self._cursor.jump(x_px)
            self._cursor.hold(self.studio.snapshot.sample)
            self._seek_waits = not self.studio.session.ready

    def _step_measure(self, step: int) -> None:
        piece = self.studio.piece
        if piece is None:
            return
        starts = [x for x, _ in piece.measure_starts]
        here = self.cursor_px()
        if step > 0:
            target = next((x for x in starts if x > here + 1), starts[-1])
        else:
            # The cursor stands on the first note of a measure, some way behind its bar line.
            before = [x for x in starts if x < here - 40]
            target = before[-1] if before else starts[0]
        index = min(int(piece.onset_x_px.searchsorted(target)), len(piece.onset_x_px) - 1)
        self.seek(float(piece.onset_x_px[index]))

    def _leaf(self, step: int) -> None:
        if self.pages and self.pages.turner:
            now_s = self.page_view.now_s
            self.pages.turner.show(self.pages.turner.shown(now_s) + step, now_s)

    # --- loop -----------------------------------------------------------------------------------

    def set_loop_a(self) -> None:
        self.loop_a_px = self.cursor_px()
        if self.loop_b_px is not None and self.loop_b_px <= self.loop_a_px:
            self.loop_b_px = None
        self._tell_loop()

    def set_loop_b(self) -> None:
        start = self.loop_a_px if self.loop_a_px is not None else self.span_px()[0]
        if self.cursor_px() > start + 8:
            self.loop_a_px, self.loop_b_px = start, self.cursor_px()
            self._tell_loop()
        else:
            self.studio.say("The loop ends after it begins: go on a little, then set B.")

    def set_loop(self, a_px: float, b_px: float) -> None:
        """Both at once: the music that was dragged over."""
        if b_px > a_px + 8:
            self.loop_a_px, self.loop_b_px = a_px, b_px
            self._tell_loop()

    def clear_loop(self) -> None:
        self.loop_a_px = self.loop_b_px = None
        self._tell_loop()

    def loop_step(self) -> None:
        """The one button: A, then B, then no loop."""
        if self.loop_a_px is None:
            self.set_loop_a()
        elif self.loop_b_px is None:
            self.set_loop_b()
        else:
            self.clear_loop()

    def _tell_loop(self) -> None:
        if self.studio.session:
            whole = self.loop_a_px is not None and self.loop_b_px is not None
            self.studio.session.set_loop(*((self.loop_a_px, self.loop_b_px) if whole else (None, None)))

    def loop_px(self) -> tuple[float | None, float | None]:
        return self.loop_a_px, self.loop_b_px

    def marks(self) -> tuple[Mark, ...]:
        both = ((self.loop_a_px, "A"), (self.loop_b_px, "B"))
        return tuple(Mark(x_px, letter) for x_px, letter in both if x_px is not None)

    # --- tempo, metronome -----------------------------------------------------------------------

    def tempo(self) -> float:
        return self.studio.settings.now.demo_tempo

    def tempo_bpm(self) -> float:
        return self.tempo() * (self.studio.piece.tempo_bpm if self.studio.piece else 120.0)

    def set_tempo(self, factor: float) -> None:
        factor = min(max(round(factor, 2), SLOWEST_DEMO), FASTEST_DEMO)
        self.studio.change(demo_tempo=factor)
        if self.studio.session:
            self.studio.session.set_demo_tempo(factor)

    def has_metronome(self) -> bool:
        return self.studio.settings.now.metronome

    def has_count_in(self) -> bool:
        return self.studio.counts_in

    def toggle_metronome(self) -> None:
        self.studio.change(metronome=not self.has_metronome())
        self.studio.relayout()
        self._tell_session()

    def toggle_count_in(self) -> None:
        self.studio.toggle_count_in()
        self.studio.relayout()

    def beat(self) -> tuple[int, int] | None:
        pulse = self.studio.engine.metronome.pulse
        if pulse is None or not (self.has_metronome() or self.has_count_in()):
            return None
        age_s = (self.studio.engine.sample - pulse.sample) / self.studio.engine.rate
        return (pulse.beat.number, pulse.beat.of) if 0 <= age_s < SEEN_PULSE_S else None

    def count_in_figure(self) -> int | None:
        """The beat of the count-in that was clicked last, 1 for the first; None outside of it."""
        pulse = self.studio.engine.metronome.pulse
        if pulse is None or not pulse.counts_in or not self.is_running():
            return None
        shown = pulse.sample <= self.studio.engine.sample < pulse.end_sample
        return int(pulse.beat.number) + 1 if shown else None

    # --- the rest -------------------------------------------------------------------------------

    def cursor_px(self) -> float:
        return self._cursor.x_px

    def _place(self) -> Place:
        """Where on the pages the cursor stands."""
        assert self.studio.piece
        x_px = self.cursor_px()
        if self._last_place is None or self._last_place[0] != x_px:
            self._last_place = (x_px, self.studio.piece.place_at_x(x_px))
        return self._last_place[1]

    def span_px(self) -> tuple[float, float]:
        return self.studio.span_px()

    def measure_labels(self) -> tuple[str, str]:
        piece = self.studio.piece
        if piece is None:
            return "", ""
        return as_measure(self._place().measure), as_measure(piece.measure_starts[-1][1])

    def take_s(self) -> float:
        return self._take_s

    def save_take(self) -> None:
        self.studio.save_take()

    def shows_strip(self) -> bool:
        return self.studio.settings.now.view == "strip"

    def toggle_view(self) -> None:
        self.studio.change(view="pages" if self.shows_strip() else "strip")
        self.studio.relayout()

    def _other_source(self) -> None:
        self.studio.devices.turn_source()
        self.studio.say(f"Listening to {self._source_words()}")
        self.studio.relayout()

    def _choose_follower(self) -> None:
        names = self.studio.followers()
        items = [
            MenuItem(name, partial(self._use_follower, name), name == self.studio.follower)
            for name in names
        ]
        self.studio.show_menu(tuple(items), self.panel.follower.rect)

    def _use_follower(self, name: str) -> None:
        self.studio.use_follower(name)
        self._tell_session()
