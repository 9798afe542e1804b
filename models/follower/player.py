"""The shipped follower as a player: reads the strip once, then hears frame by frame and moves the cursor.

The policy worker, headless runs and the evaluation use it alike. :meth:`FollowerPlayer.open` takes about
a second for a long piece; :meth:`FollowerPlayer.step` about a millisecond on one thread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models import checkpoint
from models.features import SPEC
from models.follower.belief import Belief, BeliefConfig
from models.follower.data import halve
from models.follower.network import COLUMN_PX, NetworkConfig, Reader
from models.follower.policy import Policy, observation
from models.players import Decision
from pieces.piece import Piece

FloatArray = NDArray[np.float32]

FOUND_MASS = 0.85
"""So much of the belief elsewhere, for :data:`FOUND_FRAMES`, and the music is taken to have jumped."""
FOUND_FRAMES = 16


class FollowerPlayer:
    """Follows by image and sound.

    Args:
        reader: the trained encoders.
        policy: the trained policy.
        config: assumptions of the belief.
        seed: of the sampled actions.
        relocate: whether the cursor may jump to where the music surely is, as a musician wants;
            the game of the paper knows no jumps.
    """

    def __init__(
        self,
        reader: Reader,
        policy: Policy,
        config: BeliefConfig,
        seed: int = 0,
        relocate: bool = False,
    ) -> None:
        self._reader = reader.eval()
        self._policy = policy.eval()
        self._config = config
        self._seed = seed
        self.relocate = relocate

    @torch.inference_mode()
    def open(self, piece: Piece) -> None:
        """Encode the whole strip; the sound is compared with it from then on."""
        strip = torch.from_numpy(halve(piece.strip)).float().div_(255.0).unsqueeze(0)
        keys, bias, log_quarters = self._reader.read(self._reader.score(strip))
        self._keys = keys[0].numpy()
        self._bias = bias[0].numpy()
        first = int(piece.segments[0].strip_x0_px / COLUMN_PX)
        last = min(int(piece.segments[-1].strip_x1_px / COLUMN_PX), len(self._bias) - 1)
        self._belief = Belief(log_quarters[0].numpy(), (first, last), self._config)
        self._tolerance = torch.tensor([piece.tolerance_px])
        self._first_x_px = float(piece.onset_x_px[0])
        self.reset(self._first_x_px)

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at ``x_px`` and forget the sound heard so far; the draws begin anew with the seed."""
        self._x_px, self._speed_px = float(x_px), float(speed_px_per_frame)
        self._heard = torch.zeros(1, self._reader.sound.history, SPEC.bands)
        self._memory: torch.Tensor | None = None
        self._belief.reset(x_px)
        self._elsewhere = 0
        self._rng = np.random.default_rng(self._seed)

    @torch.inference_mode()
    def step(self, frame: FloatArray) -> Decision:
        """Hear one frame, (78,) float32, and move."""
        fit = self._fit(frame)
        summary = torch.from_numpy(self._belief.update(fit)).unsqueeze(0)
        if self.relocate:
            self._find(float(summary[0, 0]), float(summary[0, 5]))
        seen = observation(
            summary, torch.tensor([self._x_px]), torch.tensor([self._speed_px]), self._tolerance
        )
        logits, value = self._policy(seen)
        chances = torch.softmax(logits[0], -1).numpy().astype(np.float64)
        action = int(self._rng.choice(3, p=chances / chances.sum())) - 1
        self._speed_px += action
        self._x_px += self._speed_px
        columns = self._belief.columns
        return Decision(
            action=float(action),
            x_px=self._x_px,
            speed_px_per_frame=self._speed_px,
            probabilities=(float(chances[0]), float(chances[1]), float(chances[2])),
            value=float(value[0]),
            confidence=self._belief.mass_within(self._x_px, float(self._tolerance[0])),
            fit=columns / max(float(columns.max()), 1e-12),
        )

    def _fit(self, frame: FloatArray) -> FloatArray:
        """Logits over columns of the newest frame."""
        newest = torch.from_numpy(np.ascontiguousarray(frame, dtype=np.float32)).reshape(1, 1, -1)
        window = torch.cat([self._heard, newest], dim=1)
        self._heard = window[:, 1:]
        sound, self._memory = self._reader.sound(window, self._memory)
        query = self._reader.sound_query(sound)[0, 0].numpy() * self._reader.config.embedding**-0.5
        fit: FloatArray = self._keys @ query + self._bias
        return fit

    def _find(self, music_px: float, music_speed_px: float) -> None:
        """Jump to the music once the belief has surely been elsewhere for a while."""
        reach = 1.5 * float(self._tolerance[0])
        away = abs(music_px - self._x_px) > reach and self._belief.mass_within(music_px, reach) > FOUND_MASS
        self._elsewhere = self._elsewhere + 1 if away else 0
        if self._elsewhere >= FOUND_FRAMES:
            self._x_px, self._speed_px = music_px, float(round(music_speed_px))
            self._elsewhere = 0


def load_follower(path: Path, seed: int = 0, relocate: bool = False) -> FollowerPlayer:
    """The follower in a checkpoint.

    Raises:
        CheckpointError: missing, damaged, or not a follower of this kind.
        OtherFeatures: trained on frames of another specification.
    """
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        reader, policy = Reader(NetworkConfig(**metadata["network"])), Policy()
        reader.load_state_dict({n[7:]: t.float() for n, t in tensors.items() if n.startswith("reader.")})
        policy.load_state_dict({n[7:]: t.float() for n, t in tensors.items() if n.startswith("policy.")})
        config = BeliefConfig(**metadata["belief"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise checkpoint.CheckpointError(
            f"{path} is no follower of this version; train it again with: launch.py train follower"
        ) from error
    return FollowerPlayer(reader, policy, config, seed, relocate)
