"""Players of the following game: what each needs to know, and the one interface they share.

A player is opened on a piece, put at a place, and then asked once for every frame of sound where the cursor
stands now. It lives in the policy runner (its own process, or inline when headless) and touches nothing but
itself, so none of its methods may block or draw.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.features import SPEC
from models.game import Truth
from models.hindsight import longest_course
from pieces.errors import RipienoError
from pieces.piece import Piece

FloatArray = npt.NDArray[np.float32]
Probabilities = tuple[float, float, float]


class UnknownPlayer(RipienoError):
    """A name that is neither a player nor a checkpoint."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What a player answers to one frame.

    `x_px` is where the cursor stands after the action, along the strip; `probabilities` are those of the
    actions slower, keep, faster; `confidence` lies in 0..1; `fit` says how well the sound fits each 4 px of
    the strip (float32, 0..1), None where the player has no such map.
    """

    action: float
    x_px: float
    speed_px_per_frame: float
    probabilities: Probabilities = (0.0, 1.0, 0.0)
    value: float = 0.0
    confidence: float = 1.0
    fit: FloatArray | None = None


class Player(Protocol):
    """Anything that can follow: `open` once per piece, `reset` at every start or seek, `step` every frame."""

    def open(self, piece: Piece) -> None:
        """Prepare for a piece; may take a second. `reset` must follow before `step`."""

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at `x_px` and forget the sound heard so far."""

    def step(self, frame: FloatArray) -> Decision:
        """Hear one frame, (78,) float32, and move; well under 50 ms."""


def rest(player: Player) -> None:
    """After a step and before the next: what a player left to do until its answer was out, if it did."""
    work = getattr(player, "rest", None)
    if work is not None:
        work()


def hear(player: Player, audio: FloatArray, first_frame: int) -> None:
    """Before a reset: the sound from which the frames will be, for a player that reads it itself, if it does.

    A step may read it to the end of its frame; the first step's frame is `first_frame`.
    """
    listen = getattr(player, "hear", None)
    if listen is not None:
        listen(audio, first_frame)


class _Cursor:
    """Position and speed as the game moves them: the speed first, then the position by the new speed."""

    x_px: float = 0.0
    speed_px_per_frame: float = 0.0

    def open(self, piece: Piece) -> None:
        """Nothing to prepare."""

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        self.x_px, self.speed_px_per_frame = float(x_px), float(speed_px_per_frame)

    def _move(self, action: float) -> Decision:
        self.speed_px_per_frame += action
        self.x_px += self.speed_px_per_frame
        chosen = int(np.sign(action)) + 1
        one_hot = (float(chosen == 0), float(chosen == 1), float(chosen == 2))
        return Decision(action, self.x_px, self.speed_px_per_frame, one_hot)


class OptimalPlayer(_Cursor):
    """Knows the truth: its continuous action is the next true position - position - speed."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.frame = truth.first_frame

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0, frame: int | None = None) -> None:
        """Stand at `x_px`; `frame` is that of the next sound, by default where the truth reaches `x_px`."""
        super().reset(x_px, speed_px_per_frame)
        self.frame = round(float(self._truth.frame_at_x(x_px))) if frame is None else frame

    def step(self, frame: FloatArray) -> Decision:
        self.frame += 1
        return self._move(self._truth.x_at_frame(self.frame) - self.x_px - self.speed_px_per_frame)


class HindsightPlayer(_Cursor):
    """Stays with the music for as long as three actions can: the bound of all agents that have no others."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def open(self, piece: Piece) -> None:
        self._actions = longest_course(self._truth, piece.tolerance_px)

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at the first onset at rest, where the game begins."""
        super().reset(x_px, speed_px_per_frame)
        self._frame = 0

    def step(self, frame: FloatArray) -> Decision:
        action = self._actions[self._frame] if self._frame < len(self._actions) else 0
        self._frame += 1
        return self._move(int(action))


class HumanPlayer(_Cursor):
    """A person's keys: +1 while the key for faster is down, -1 for slower, otherwise keep."""

    def __init__(self) -> None:
        self._action = 0

    def set_key(self, action: int) -> None:
        """-1, 0 or +1 for the frames to come. One plain write, so the window's thread may call it."""
        self._action = action

    def step(self, frame: FloatArray) -> Decision:
        return self._move(self._action)


class SteadyPlayer(_Cursor):
    """Hears nothing: reads on at the piece's nominal tempo. The baseline every follower must beat."""

    _piece: Piece
    _quarters: float = 0.0

    def open(self, piece: Piece) -> None:
        self._piece = piece

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        super().reset(x_px, speed_px_per_frame)
        self._quarters = float(self._piece.quarters_at_x(x_px))

    def step(self, frame: FloatArray) -> Decision:
        self._quarters += self._piece.tempo_bpm / 60.0 / SPEC.fps
        x_px = float(self._piece.x_at_quarters(self._quarters))
        return self._move(x_px - self.x_px - self.speed_px_per_frame)


OMR = "omr-odtw"
"""May be followed by a colon and a recogniser's file, or a folder of such files named after the pieces."""


BELIEF = "belief"
"""May be followed by a colon and the checkpoint of a follower."""


def _baseline(name: str, relocate: bool) -> Player:
    kind, _, source = name.partition(":")
    if kind == BELIEF:
        from models import checkpoint
        from models.follower.player import load_steered

        return load_steered(Path(source) if source else checkpoint.shipped("follower"), relocate)
    from models.odtw.player import midi_odtw, omr_odtw  # these bring the synthesis

    return midi_odtw() if kind == "midi-odtw" else omr_odtw(Path(source) if source else None)


def _is_baseline(name: str) -> bool:
    return name in BASELINES or name.startswith((f"{OMR}:", f"{BELIEF}:"))


def _follower(path: Path | None, seed: int, relocate: bool = False) -> Player:
    from models import checkpoint  # these bring torch: the window must not wait for it
    from models.follower.player import load_follower
    from models.paper.player import is_agent, load_agent

    if path is not None and is_agent(path):
        return load_agent(path, seed)
    return load_follower(path or checkpoint.shipped("follower"), seed, relocate)


PLAYERS: dict[str, Callable[[int, bool], Player]] = {
    "follower": lambda seed, relocate: _follower(None, seed, relocate),
    "steady": lambda seed, relocate: SteadyPlayer(),
    "human": lambda seed, relocate: HumanPlayer(),
}
"""Every player that can be had by name alone; the optimal one needs the truth of a performance."""
BASELINES = (BELIEF, "midi-odtw", OMR)
"""For comparison, and not offered to musicians: the follower steered by rule, which shows what its policy
learned from reward, and the paper's symbolic ones, which know the notes."""

PEER = "matchmaker"
"""A program to compare with, extra `peers`. It hears sound and not frames, so it can be evaluated only."""


def load_player(name: str, seed: int = 0, relocate: bool = False) -> Player:
    """A player by name, or the follower of a checkpoint by path; `seed` drives the actions it samples.

    With `relocate` a follower that is surely elsewhere may jump there, as a musician wants; the game knows
    no jumps.

    Raises UnknownPlayer, or checkpoint.CheckpointError for a file that cannot be used.
    """
    if name in PLAYERS:
        return PLAYERS[name](seed, relocate)
    if _is_baseline(name):
        return _baseline(name, relocate)
    if name.endswith(".safetensors"):
        return _follower(Path(name), seed, relocate)
    if name == PEER:
        raise UnknownPlayer(f"{PEER} can be measured, by evaluate follower, and nothing else; choose another")
    known = ", ".join(sorted((*PLAYERS, *BASELINES)))
    raise UnknownPlayer(f'there is no player "{name}"; choose one of {known}, or a .safetensors file')


def load_trials(name: str, seed: int, trials: int) -> list[Player]:
    """A player once for each of `trials` seeds from `seed` on, or once if it draws nothing.

    Followers share what they hear. Raises as `load_player` does.
    """
    if name == PEER:
        from models.odtw.matchmaker import MatchmakerPlayer

        return [MatchmakerPlayer()]
    if _is_baseline(name):
        return [load_player(name)]
    if name in PLAYERS and name != "follower":
        return [load_player(name, seed + trial) for trial in range(trials)]
    from models import checkpoint
    from models.follower import player
    from models.paper.player import is_agent, load_agent

    path = checkpoint.shipped(name) if name == "follower" else Path(name)
    if is_agent(path):
        return [load_agent(path, seed + trial) for trial in range(trials)]
    return list(player.load_trials(path, [seed + trial for trial in range(trials)]))


def label(name: str) -> str:
    """What a player is called in a table: OMR-ODTW without a recogniser says that it has none."""
    if name == OMR:
        return f"{OMR} (corrupted score)"
    kind = name.partition(":")[0]
    return kind if kind in BASELINES else Path(name).stem


def labels(names: Sequence[str]) -> list[str]:
    """What each of several players is called; those that would be called alike go by what was asked for."""
    short = [label(name) for name in names]
    return [given if short.count(called) > 1 else called for given, called in zip(names, short, strict=True)]
