"""The shipped follower as a player: reads the strip once, then hears frame by frame and moves the cursor.

The policy worker, headless runs and the evaluation use it alike. Opening takes about a second for a long
piece, a step about a millisecond on one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import checkpoint
from models.features import SPEC
from models.follower.belief import HORIZONS, BeliefConfig
from models.follower.ear import ByNote, Ear, Hearing, Listener, RememberingEar
from models.follower.network import NetworkConfig, Reader
from models.follower.noteheads import NoteheadConfig, NoteheadReader
from models.follower.policy import Policy
from models.follower.rhythm import Rhythm
from models.follower.steering import Steering
from models.follower.streaming import PolicyStep
from models.players import Decision
from pieces.piece import Piece

M = TypeVar("M", bound=nn.Module)

FOUND_MASS = 0.85
"""So much of the belief elsewhere, for :data:`FOUND_FRAMES`, and the music is taken to have jumped."""
FOUND_FRAMES = 4


class FollowerPlayer:
    """Follows by image and sound.

    Args:
        ear: hears, and believes.
        policy: the trained policy, or the rule that stands in for it.
        tune_policy: the one for tunes that the ear reads note by note, where there is one.
        seed: of the sampled actions.
        relocate: whether the cursor may jump to where the music surely is, as a musician wants;
            the game of the paper knows no jumps.
    """

    def __init__(
        self,
        ear: Listener,
        policy: Policy | Steering,
        seed: int = 0,
        relocate: bool = False,
        tune_policy: Policy | None = None,
    ) -> None:
        self.ear = ear
        self._usual_policy = policy if isinstance(policy, Steering) else PolicyStep(policy)
        self._policy = self._usual_policy
        self._tune_policy = PolicyStep(tune_policy) if tune_policy else self._usual_policy
        self._seed = seed
        self.relocate = relocate

    def open(self, piece: Piece) -> None:
        self.ear.open(piece)
        self._policy = self._tune_policy if self.ear.by_note else self._usual_policy
        self._tolerance_px = piece.tolerance_px
        self.reset(float(piece.onset_x_px[0]))

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at ``x_px`` and forget the sound heard so far; the draws begin anew with the seed."""
        self._x_px, self._speed_px = float(x_px), float(speed_px_per_frame)
        self.ear.reset(self._x_px)
        self._elsewhere = 0
        self._rng = np.random.default_rng(self._seed)
        self._drawn: float | None = None

    def step(self, frame: NDArray[np.float32]) -> Decision:
        """Hear one frame, (78,) float32, and move."""
        hearing = self.ear.hear(frame)
        if self.relocate:
            self._find(hearing)
        chances, value = self._policy(hearing.summary, self._x_px, self._speed_px, self._tolerance_px)
        action = self._draw(chances)
        self._speed_px += action
        self._x_px += self._speed_px
        return Decision(
            action=float(action),
            x_px=self._x_px,
            speed_px_per_frame=self._speed_px,
            probabilities=chances,
            value=value,
            confidence=hearing.mass_within(self._x_px, self._tolerance_px),
            fit=hearing.columns / max(float(np.maximum.reduce(hearing.columns)), 1e-12),
        )

    def rest(self) -> None:
        """What can wait until the answer is out, and what the next one finds prepared."""
        self.ear.rest()
        if self._drawn is None:
            self._drawn = self._rng.random()

    @property
    def embedding(self) -> NDArray[np.float32]:
        """(128,) float32 after the newest step: the last hidden layers of the policy's actor and critic."""
        return self._policy.hidden

    def _draw(self, chances: tuple[float, float, float]) -> int:
        """-1, 0 or 1 with these chances; ``Generator.choice`` takes longer than the policy."""
        drawn, self._drawn = self._rng.random() if self._drawn is None else self._drawn, None
        return (drawn >= chances[0]) + (drawn >= chances[0] + chances[1]) - 1

    def _find(self, hearing: Hearing) -> None:
        """Jump to the music once the belief has surely been elsewhere for a while."""
        music_px = float(hearing.summary[0])
        reach_px = 1.5 * self._tolerance_px
        away = abs(music_px - self._x_px) > reach_px and hearing.mass_within(music_px, reach_px) > FOUND_MASS
        self._elsewhere = self._elsewhere + 1 if away else 0
        if self._elsewhere >= FOUND_FRAMES:
            speed_px = (float(hearing.summary[1]) - music_px) / HORIZONS[1]
            self._x_px, self._speed_px = music_px, float(round(speed_px))
            self._elsewhere = 0


def load_follower(path: Path, seed: int = 0, relocate: bool = False) -> FollowerPlayer:
    """The follower in a checkpoint.

    Raises:
        CheckpointError: missing, damaged, or not a follower of this kind.
        OtherFeatures: trained on frames of another specification.
    """
    ear, policy, tune_policy = _load(path, scouting=relocate)
    return FollowerPlayer(ear, policy, seed, relocate, tune_policy)


def load_steered(path: Path, relocate: bool = False) -> FollowerPlayer:
    """The same follower steered by rule, without what it learned from reward; raises as above."""
    ear, _, _ = _load(path, scouting=relocate)
    return FollowerPlayer(ear, Steering(), relocate=relocate)


def load_trials(path: Path, seeds: list[int]) -> list[FollowerPlayer]:
    """The same follower once for every seed, hearing each performance only once; raises as above."""
    ear, policy, tune_policy = _load(path)
    shared = RememberingEar(ear)
    return [FollowerPlayer(shared, policy, seed, tune_policy=tune_policy) for seed in seeds]


class Tunes(NamedTuple):
    """How one-line tunes are followed."""

    by_note: ByNote
    policy: Policy


def tunes_of(tensors: dict[str, Tensor], metadata: dict[str, Any], reader: Reader) -> Tunes | None:
    """How a checkpoint follows one-line tunes, or None if as anything else.

    They may have encoders of their own; if not, ``reader`` hears them. Raises as :func:`filled`.
    """
    if "tune_belief" not in metadata:
        return None
    if "tune_network" in metadata:
        reader = filled(Reader(NetworkConfig(**metadata["tune_network"])), tensors, "tune_reader.")
    rhythm = filled(Rhythm(), tensors, "rhythm.")
    by_note = ByNote(reader, rhythm, BeliefConfig(**metadata["tune_belief"]))
    return Tunes(by_note, filled(Policy(), tensors, "tune_policy."))


def _load(path: Path, scouting: bool = False) -> tuple[Ear, Policy, Policy | None]:
    """Ear, policy, and the policy for tunes; a checkpoint that does not read notes has one for all."""
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        reader = filled(Reader(NetworkConfig(**metadata["network"])), tensors, "reader.")
        policy = filled(Policy(), tensors, "policy.")
        config = BeliefConfig(**metadata["belief"])
        tunes = tunes_of(tensors, metadata, reader)
        noteheads = noteheads_of(tensors, metadata)
    except (KeyError, TypeError, RuntimeError) as error:
        raise checkpoint.CheckpointError(
            f"{path} is no follower of this version; train it again with: launch.py train follower"
        ) from error
    ear = Ear(reader, config, scouting, tunes.by_note if tunes else None, noteheads)
    return ear, policy, tunes.policy if tunes else None


def noteheads_of(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> NoteheadReader | None:
    """What reads noteheads at full size, or None where the encoders do; raises as :func:`filled`."""
    if "noteheads" not in metadata:
        return None
    reader = filled(NoteheadReader(NoteheadConfig(**metadata["noteheads"])), tensors, "noteheads.")
    # This order of channels takes a processor half as long.
    reader.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return reader


def load_reader(path: Path) -> Reader:
    """The encoders of a follower's checkpoint; raises CheckpointError."""
    tensors, _ = checkpoint.load(path, SPEC)
    try:
        return filled(Reader(), tensors, "reader.")
    except RuntimeError as error:
        raise checkpoint.CheckpointError(f"{path} holds no encoders of this version; name another") from error


def filled(module: M, tensors: dict[str, Tensor], prefix: str) -> M:
    """The module with the weights of that prefix; raises RuntimeError where they do not fit."""
    found = {name.removeprefix(prefix): t.float() for name, t in tensors.items() if name.startswith(prefix)}
    module.load_state_dict(found)
    return module.eval()
