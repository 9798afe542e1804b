"""Which screen of the score each column shows, and the turn between two: a wipe from above.

As the music enters the last system of a screen, the part above it already shows what comes next (the half
page turn), so there is always something ahead to read. Pure but for its own state; the thread of the window
calls :meth:`PageTurner.follow` and asks :meth:`PageTurner.faces` for any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from app import theme
from app.widgets.score_layout import ScoreLayout

_TOLERANCE = 14.0


@dataclass(frozen=True)
class Face:
    """A column at one moment: ``over`` above ``edge`` (px of the view), ``base`` from ``below`` on.

    Between them is white, where a system of neither has room.
    """

    base: int
    over: int | None = None
    edge: float = 0.0
    below: float = 0.0


@dataclass(frozen=True)
class _Turn:
    base: int
    over: int | None = None
    start: float = 0.0
    target: float = 0.0
    white: float = 0.0
    begun_s: float = 0.0


class PageTurner:
    """The columns of a :class:`ScoreLayout`, turned as systems are reached."""

    def __init__(self, layout: ScoreLayout, reduced_motion: bool = False) -> None:
        self.layout = layout
        self.reduced_motion = reduced_motion
        count = min(layout.columns, len(layout.screens))
        self._turns = [_Turn(index) for index in range(count)]

    def faces(self, t_s: float) -> tuple[Face, ...]:
        """What every column shows at ``t_s``."""
        return tuple(self._face(turn, t_s) for turn in self._turns)

    def follow(self, system: int, t_s: float) -> None:
        """The music is in ``system``: turn where that is due."""
        screen = self.layout.screen_of(system)
        if self.layout.columns == 1:
            self._follow_single(screen, system, t_s)
        else:
            self._follow_pair(screen, system, t_s)

    def show(self, screen: int, t_s: float) -> None:
        """Turn to a screen, as a reader who leafs through."""
        screen = min(max(screen, 0), len(self.layout.screens) - 1)
        self._turn_to(self.layout.column_of(screen), screen, t_s)

    def shown(self, t_s: float) -> int:
        """The screen that the first column shows for the most part."""
        face = self._face(self._turns[0], t_s)
        return face.over if face.over is not None and face.edge > self.layout.height / 2 else face.base

    def _follow_single(self, screen: int, system: int, t_s: float) -> None:
        self._settle(0, t_s)
        turn = self._turns[0]
        if turn.base != screen:
            self._turn_to(0, screen, t_s)
            return
        split, last_top = self._split(screen, system)
        if split > 0:
            self._turn_to(0, screen + 1, t_s, split, last_top - split)
        elif turn.over is not None:
            self._turns[0] = _Turn(screen)

    def _follow_pair(self, screen: int, system: int, t_s: float) -> None:
        column = self.layout.column_of(screen)
        for index in range(len(self._turns)):
            self._settle(index, t_s)
        if self._turns[column].base != screen:
            self._turn_to(column, screen, t_s)
        spans = self.layout.screens[screen].spans
        beyond = screen + 1
        ready = len(spans) == 1 or system != spans[0].system
        other = 1 - column
        if beyond < len(self.layout.screens) and (ready or self._turns[other].base < screen - 1):
            if self._turns[other].base != beyond:
                self._turn_to(other, beyond, t_s)
        elif beyond >= len(self.layout.screens) and self._turns[other].base > screen:
            self._turn_to(other, max(screen - 1, 0), t_s)

    def _split(self, screen: int, system: int) -> tuple[float, float]:
        """Where the half turn stops while ``system`` is played, and that begins; 0, 0 for no half turn."""
        layout = self.layout
        spans = layout.screens[screen].spans
        if screen + 1 >= len(layout.screens) or len(spans) < 2 or spans[-1].system != system:
            return 0.0, 0.0
        _, top = layout.to_view(screen, 0.0, spans[-1].top)
        fitting = [
            bottom
            for span in layout.screens[screen + 1].spans
            if (bottom := layout.to_view(screen + 1, 0.0, span.bottom)[1]) <= top + _TOLERANCE
        ]
        return (min(max(fitting), top), top) if fitting else (0.0, 0.0)

    def _turn_to(
        self, column: int, screen: int, t_s: float, target: float | None = None, white: float = 0.0
    ) -> None:
        """Wipe ``screen`` down to ``target`` (None: all the way), ``white`` px ahead of it."""
        target = self.layout.height if target is None else target
        turn = self._turns[column]
        if turn.over == screen and turn.target == target:
            return
        start = self._face(turn, t_s).edge if turn.over == screen else 0.0
        begun = t_s - theme.CALM_S if self.reduced_motion else t_s
        self._turns[column] = _Turn(turn.base, screen, start, target, white, begun)
        self._settle(column, t_s)

    def _settle(self, column: int, t_s: float) -> None:
        turn = self._turns[column]
        full = turn.over is not None and turn.target >= self.layout.height
        if full and t_s >= turn.begun_s + theme.CALM_S:
            assert turn.over is not None
            self._turns[column] = replace(_Turn(turn.over))

    def _face(self, turn: _Turn, t_s: float) -> Face:
        if turn.over is None:
            return Face(turn.base)
        share = min(max((t_s - turn.begun_s) / theme.CALM_S, 0.0), 1.0)
        eased = 1.0 - (1.0 - share) ** 3
        edge = turn.start + (turn.target - turn.start) * eased
        if turn.target >= self.layout.height and share >= 1.0:
            return Face(turn.over)
        return Face(turn.base, turn.over, round(edge, 1), round(edge + turn.white * eased, 1))
