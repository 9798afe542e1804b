"""Play: the game for a person. The strip runs past your cursor while the demo sounds; an agent is the ghost.

Used by the thread of the window.
"""

from __future__ import annotations

from functools import partial

import pygame

from app import theme
from app.bindings import label_of
from app.engine.snapshot import Snapshot, State
from app.paths import scores_path
from app.scenes.base import Scene
from app.scenes.best_scores import BestScores
from app.scenes.studio import Session, Studio, without_years
from app.sessions.play import PlaySession, SteeringGame
from app.settings import FASTEST_DEMO, SLOWEST_DEMO
from app.widgets.base import View, Widget
from app.widgets.buttons import Button, Choice, HoldButton, IconButton, RoundButton
from app.widgets.chrome import as_measure
from app.widgets.game import ErrorMeter, ResultCard
from app.widgets.motion import Smooth
from app.widgets.readouts import Bar, Curve, Fact, Label, Paragraph
from app.widgets.sliders import ProgressSlider, Slider
from app.widgets.stack import Row, stack
from app.widgets.strip_view import Cursor, StripView
from models.features import SPEC

GHOSTS = (("follower", "Agent"), ("optimal", "Optimal"), ("none", "None"))
STEER = {"steer_slower": -1, "steer_faster": 1}
NO_PIECE = "No piece is open. Choose one in Home."
TOO_SHORT = "This piece has one note only: there is no way to steer. Choose another in Home."


def signed(px: float) -> str:
    """Pixels with a sign that is a minus, not a hyphen."""
    whole = round(px)
    return f"{whole:+d} px".replace("-", "−") if whole else "0 px"


class Play(Scene):
    """You steer."""

    name = "play"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.best = BestScores(scores_path(), lambda words: studio.say(words, "bad"))
        self.session: PlaySession | None = None
        self._borrowed: Session | None = None  # the follower that is, or was, the ghost
        self.ghost_kind = "follower"
        self._you, self._ghost = Smooth(), Smooth()
        self.strip: StripView | None = None
        self.card = ResultCard()
        hint = label_of("start_stop")
        self._again = Button("Play again", self.start_stop, kind="main", hint=hint)
        self._build_panel()
        self._build_transport()
        self._empty = Paragraph(NO_PIECE, theme.LARGE, align="centre")
        self._to_home = Button("Choose a piece", lambda: studio.ask("scene_home"), kind="main")
        self._build_strip()
        self.actions |= {
            "start_stop": self.start_stop,
            "restart": self.restart,
            "steer_slower": lambda: self._steer(-1),
            "steer_faster": lambda: self._steer(1),
            "ghost": self._next_ghost,
            "slower_demo": lambda: self._set_tempo(self._tempo() - 0.05),
            "faster_demo": lambda: self._set_tempo(self._tempo() + 0.05),
        }

    @property
    def game(self) -> SteeringGame | None:
        """The game that runs or has just ended."""
        return self.session.game if self.session else None

    def _build_strip(self) -> None:
        piece, images = self.studio.piece, self.studio.images
        if piece is None or images is None:
            return
        for cursor in (self._you, self._ghost):
            cursor.jump(float(piece.onset_x_px[0]))
        you = Cursor("you", lambda: self._you.x_px, theme.YOU_ON_PAPER)
        ghost = Cursor("agent", lambda: self._ghost.x_px, theme.MACHINE_ON_PAPER, filled=False)
        self._with_ghost, self._alone = (you, ghost), (you,)
        self.strip = StripView(piece, images, self._with_ghost, glow=False)

    def _build_panel(self) -> None:
        self._curve = Curve(160, theme.YOU)
        self._pushed = 0
        self._score = Label(lambda view: str(self.game.score if self.game else 0), 34, theme.YOU, bold=True)
        self._score_name = Label("points of 1000", theme.SMALL, theme.QUIET, "right")
        self._reward = Fact("Reward", lambda view: f"{self.game.reward:.2f}" if self.game else "–")
        self._reward_bar = Bar(lambda view: self.game.reward if self.game else 0.0, theme.YOU)
        self._error = Fact("Tracking error", lambda view: signed(self.game.error_px) if self.game else "–")
        self._error_meter = ErrorMeter(lambda: self.game)
        self._speed = Fact(
            "Your speed", lambda view: f"{self.game.speed_px:.0f} px per frame" if self.game else "–"
        )
        self._ghost_name = Label("Ghost", colour=theme.QUIET)
        self._ghost_choice = Choice(
            GHOSTS, lambda: self.ghost_kind, self._use_ghost, f"Who runs beside you ({label_of('ghost')})"
        )
        self._best_name = Label("Best scores", colour=theme.QUIET)
        self._best_rows = [Fact(f"{rank}.", partial(self._best_words, rank)) for rank in (1, 2, 3)]
        self._best_list: list[str] = []

    def _build_transport(self) -> None:
        self._start = RoundButton(
            self.start_stop,
            lambda: "stop" if self._running() else "start",
            f"Start or stop ({label_of('start_stop')})",
        )
        self._restart = IconButton("restart", self.restart, f"From the beginning ({label_of('restart')})")
        self._progress = ProgressSlider(
            self._heard_px, self.studio.span_px, lambda x_px: None, lambda: (None, None), self._measures
        )
        self._progress.focusable, self._progress.hint = False, ""
        self._bpm = Label(lambda view: f"♩ = {self._bpm_value():.0f}")
        self._percent = Label(lambda view: f"{100 * self._tempo():.0f} %", theme.TINY, theme.QUIET)
        self._tempo_slider = Slider(
            self._tempo, self._set_tempo, SLOWEST_DEMO, FASTEST_DEMO, 1.0, 0.05, "Tempo; double click resets"
        )
        self._holds = (self._hold("←  slower", "steer_slower"), self._hold("faster  →", "steer_faster"))

    def _hold(self, label: str, action: str) -> HoldButton:
        hint = f"Hold it, or {label_of(action)}"
        return HoldButton(label, partial(self.do, action), partial(self.release, action), hint)

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        return self.studio.piece.title if self.studio.piece else "Play"

    def subtitle(self, view: View) -> str:
        piece = self.studio.piece
        if piece is None:
            return "follow the music yourself"
        return self.beside(without_years(piece.composer), "steer the cursor by ear")

    def _status_words(self) -> tuple[str, str]:
        if self.card.visible or self.strip is None:
            return "", "plain"
        if not self._running():
            return "Space starts the music: keep your cursor on the notes you hear", "you"
        if self.session and self.session.waiting:
            return "The agent is getting ready …", "plain"
        game = self.game
        if game and not game.rewards:
            return "Listen …", "you"
        return "", "plain"

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        content: list[Widget] = [self.strip] if self.strip else [self._empty, self._to_home]
        return [
            *content, self.status, self.card, self._again, self._score, self._score_name, self._reward,
            self._reward_bar, self._error, self._error_meter, self._speed, self._curve, self._ghost_name,
            self._ghost_choice, self._best_name, *self._best_rows, self._start, self._restart,
            self._progress, self._bpm, self._percent, self._tempo_slider, *self._holds,
        ]  # fmt: skip

    def place(self) -> None:
        area = self.areas
        if self.strip:
            self.strip.rect = area.content
        middle = area.content.centerx
        self._empty.rect = pygame.Rect(middle - 200, area.content.centery - 60, 400, 40)
        self._to_home.rect = pygame.Rect(middle - 80, area.content.centery, 160, 40)
        self.status.area = area.content
        width = min(440, area.content.w - 32)
        card = self.card.rect = pygame.Rect(middle - width // 2, area.content.centery - 130, width, 260)
        self._again.rect = pygame.Rect(card.x + 32, card.bottom - 60, 128, 36)
        self._place_panel()
        self._place_transport(area.transport)

    def _place_panel(self) -> None:
        panel = self.areas.panel
        rows = [
            Row((self._score, self._score_name), 44, gap=12, overlaid=True),
            Row((self._reward,), 20, gap=2),
            Row((self._reward_bar,), 12, gap=12),
            Row((self._error,), 20, gap=4),
            Row((self._error_meter,), 36, gap=12),
            Row((self._speed,), 20, gap=12, spare=1),
            Row((self._curve,), 40, grow=1, gap=16, spare=3),
            Row((self._ghost_name,), 20, gap=6, spare=2),
            Row((self._ghost_choice,), 36, gap=16, spare=2),
            Row((self._best_name,), 20, gap=6, spare=4),
            *(Row((row,), 20, gap=4, spare=5 + rank) for rank, row in enumerate(self._best_rows)),
        ]
        if panel.w:
            stack(panel.inflate(-40, -36), rows)
            return
        for row in rows:
            for widget in row.widgets:
                widget.visible = False

    def _place_transport(self, bar: pygame.Rect) -> None:
        self._start.rect = pygame.Rect(bar.x + 10, bar.y + 10, 36, 36)
        self._restart.rect = pygame.Rect(bar.x + 56, bar.y + 11, 34, 34)
        right = bar.right - 16
        for hold in reversed(self._holds):
            hold.visible = bar.w > 820
            if hold.visible:
                hold.rect = pygame.Rect(right - 100, bar.y + 11, 100, 34)
                right = hold.rect.x - 8
        self._tempo_slider.rect = pygame.Rect(right - 110, bar.y + 11, 110, 34)
        self._bpm.rect = pygame.Rect(right - 180, bar.y + 11, 62, 20)
        self._percent.rect = pygame.Rect(right - 180, bar.y + 30, 62, 14)
        self._progress.rect = pygame.Rect(
            bar.x + 104, bar.y + 2, max(right - 196 - bar.x - 104, 60), bar.h - 5
        )

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        if self.strip is None and self.studio.piece is not None:
            self._build_strip()
        self._read_best()

    def leave(self) -> None:
        """The follower stands at the beginning again, and what the user has chosen is listened to."""
        studio = self.studio
        if self.session is None or studio.piece is None:
            return
        self.session.stop()
        studio.devices.use_source(studio.settings.now.source)
        if self._borrowed is not None and self._borrowed is studio.session:
            self._borrowed.seek(float(studio.piece.onset_x_px[0]))
        self._borrowed = None

    def update(self, view: View) -> None:
        playable = self.strip is not None
        self._empty.text = self.studio.opening_words(view.t_s) or NO_PIECE
        self._to_home.visible = self.studio.opening is None
        for widget in (self._start, self._restart, self._tempo_slider):
            widget.enabled = playable
        self._progress.enabled = False
        self._again.visible = self.card.visible
        session = self.session
        if session:
            was_running = session.running
            session.update()
            game = session.game
            self._glide(game, view)
            if len(game.rewards) > self._pushed:
                self._curve.push(game.rewards[-1])
                self._pushed = len(game.rewards)
            if was_running and game.over:
                self._end(game)
        self.status.say(*self._status_words())

    def _glide(self, game: SteeringGame, view: View) -> None:
        state: State = "following" if self._running() and game.rewards else "idle"
        mine = Snapshot(game.frame, x_px=game.x_px, speed_px_s=SPEC.fps * game.speed_px, state=state)
        self._you.follow(mine, view.t_s, view.reduced_motion)
        if self.ghost_kind == "optimal":
            truth = game.truth.x_at_frame(game.frame)
            step = game.truth.x_at_frame(game.frame + 1) - truth
            self._ghost.follow(
                Snapshot(game.frame, x_px=truth, speed_px_s=SPEC.fps * step, state=state),
                view.t_s,
                view.reduced_motion,
            )
        elif view.snapshot.x_px > 0:
            self._ghost.follow(view.snapshot, view.t_s, view.reduced_motion)

    def _end(self, game: SteeringGame) -> None:
        result = game.result()
        piece = self.studio.piece
        assert piece is not None
        try:
            self.card.rank = self.best.add(piece.name, result.score, result.followed)
        except OSError as problem:
            self.studio.say(f"The score could not be saved ({problem.strerror}).", "bad")
        self._read_best()
        best = self.best.of(piece.name)
        self.card.best = best[0].points if best else result.score
        self.card.result, self.card.visible = result, True

    def _read_best(self) -> None:
        piece = self.studio.piece
        scores = self.best.of(piece.name) if piece else []
        self._best_list = [
            f"{score.points} · {score.followed:.0%} · {score.day}".replace("%", " %") for score in scores
        ]

    def _best_words(self, rank: int, view: View) -> str:
        return self._best_list[rank - 1] if rank <= len(self._best_list) else "–"

    # --- actions --------------------------------------------------------------------------------

    def _running(self) -> bool:
        return bool(self.session and self.session.running)

    def start_stop(self) -> None:
        if self._running() and self.session:
            self.session.stop()
        elif self.studio.piece is not None:
            self._begin()
        else:
            self.studio.ask("scene_home")

    def restart(self) -> None:
        if self.session:
            self.session.stop()
        if self.studio.piece is not None:
            self._begin()

    def _begin(self) -> None:
        studio, piece = self.studio, self.studio.piece
        assert piece is not None
        if piece.onset_x_px[-1] <= piece.onset_x_px[0]:
            studio.say(TOO_SHORT, "bad")
            return
        follower = studio.session if self.ghost_kind == "follower" else None
        if follower is None and self.ghost_kind == "follower":
            studio.open_session()
            follower = studio.session

        def start_ghost() -> None:
            if follower:
                follower.set_loop(None)  # Follow tells its own when it is shown again.
                follower.set_metronome(False)
                follower.seek(float(piece.onset_x_px[0]))
                follower.start()

        def ready() -> bool:
            return follower is None or follower.ready or follower.problem is not None

        self._borrowed = follower
        stop_ghost = follower.stop if follower else None
        self.session = PlaySession(
            piece, studio.engine, self._tempo(), studio.seed, start_ghost, stop_ghost, ready
        )
        self.card.visible, self._pushed = False, 0
        self._curve.clear()
        for cursor in (self._you, self._ghost):
            cursor.jump(self.session.game.x_px)
        self._ghost.hold(studio.snapshot.sample)
        self.session.start()

    def _steer(self, action: int) -> None:
        if self.game and self._running():
            self.game.press(action)

    def release(self, action: str) -> None:
        if action in STEER and self.game:
            self.game.release(STEER[action])

    def _next_ghost(self) -> None:
        names = [name for name, _ in GHOSTS]
        self._use_ghost(names[(names.index(self.ghost_kind) + 1) % len(names)])

    def _use_ghost(self, kind: str) -> None:
        self.ghost_kind = kind
        if self.strip:
            self.strip.cursors = self._alone if kind == "none" else self._with_ghost
            self._with_ghost[1].name = "optimal" if kind == "optimal" else "agent"

    # --- transport ------------------------------------------------------------------------------

    def _tempo(self) -> float:
        return self.studio.settings.now.demo_tempo

    def _set_tempo(self, factor: float) -> None:
        self.studio.change(demo_tempo=min(max(round(factor, 2), SLOWEST_DEMO), FASTEST_DEMO))

    def _bpm_value(self) -> float:
        return self._tempo() * (self.studio.piece.tempo_bpm if self.studio.piece else 120.0)

    def _heard_px(self) -> float:
        return self.game.truth.x_at_frame(self.game.frame) if self.game else self.studio.span_px()[0]

    def _measures(self) -> tuple[str, str]:
        piece = self.studio.piece
        if piece is None:
            return "", ""
        return as_measure(piece.measure_at_x(self._heard_px())), as_measure(piece.measure_starts[-1][1])
