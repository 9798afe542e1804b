"""The paper's agents as players: they see the window around the cursor, hear the newest sound, and act.

The evaluation, the policy runner and headless runs use them alike; a step is one forward pass on one thread.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import checkpoint, game
from models.features import SPEC
from models.game import GameSpec
from models.paper.localiser import Localiser, localiser_game
from models.paper.train import GAMES, SUPERVISED
from models.players import Decision
from pieces.piece import Piece


class _Senses:
    """What the paper's networks are shown of the game, kept from frame to frame."""

    def __init__(self, spec: GameSpec) -> None:
        self._spec = spec

    def open(self, piece: Piece) -> None:
        """The piece is played by the rules the agent was trained on, whatever its own are."""
        self._strip = piece.strip

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        self.x_px, self.speed_px = float(x_px), float(speed_px_per_frame)
        self._previous_x_px = self.x_px
        self._heard = np.zeros((self._spec.context_frames + 1, SPEC.bands), np.float32)

    def _hear(self, frame: NDArray[np.float32]) -> None:
        self._heard = np.concatenate((self._heard[1:], frame[None]))

    def _observation(self) -> dict[str, Tensor]:
        """One observation as `batched.WindowObserver` makes it."""
        windows = [game.score_window(self._strip, x, self._spec).T for x in (self.x_px, self._previous_x_px)]
        return {
            "score": torch.from_numpy(np.stack(windows))[None],
            "audio": torch.from_numpy(self._heard)[None],
        }

    def _move(self, action: float) -> None:
        self._previous_x_px = self.x_px
        self.x_px, self.speed_px = game.move(self.x_px, self.speed_px, action)


class AgentPlayer(_Senses):
    """REINFORCE, A2C or PPO: the sampled policy, as the paper evaluates it."""

    def __init__(self, network: nn.Module, spec: GameSpec, seed: int = 0) -> None:
        super().__init__(spec)
        self._network, self._seed = network.eval(), seed

    def reset(self, x_px: float, speed_px_per_frame: float = 0.0) -> None:
        """Stand at `x_px` and forget the sound heard so far; the draws begin anew with the seed."""
        super().reset(x_px, speed_px_per_frame)
        self._rng = np.random.default_rng(self._seed)

    @torch.inference_mode()
    def step(self, frame: NDArray[np.float32]) -> Decision:
        """Act on what was heard before this frame's end: the game's observation, action, movement."""
        self._hear(frame)
        logits, value = self._network(self._observation())
        slower, keep, faster = logits[0].double().softmax(-1).tolist()
        drawn = self._rng.random()
        action = float((drawn >= slower) + (drawn >= slower + keep) - 1)
        self._move(action)
        chances = (slower, keep, faster)
        return Decision(action, self.x_px, self.speed_px, chances, float(value[0]), max(chances))


class LocaliserPlayer(_Senses):
    """MM-Loc: its window stands where its last answer was."""

    def __init__(self, localiser: Localiser) -> None:
        super().__init__(localiser.spec)
        self._localiser = localiser.eval()

    @torch.inference_mode()
    def step(self, frame: NDArray[np.float32]) -> Decision:
        """Where the newest sound fits best within the window."""
        self._hear(frame)
        self._previous_x_px = self.x_px
        logits = self._localiser(self._observation())
        moved_px = float(self._localiser.offsets(logits)[0])
        action = moved_px - self.speed_px
        self._move(action)
        return Decision(action, self.x_px, self.speed_px, confidence=float(logits.softmax(-1).max()))


def is_agent(path: Path) -> bool:
    """Whether a checkpoint holds one of these agents; raises CheckpointError for a file that is none."""
    return "paper" in checkpoint.load(path, SPEC)[1]


def load_agent(path: Path, seed: int = 0) -> AgentPlayer | LocaliserPlayer:
    """The agent in a checkpoint that `train follower-paper` wrote.

    Raises:
        CheckpointError: missing, damaged, or not such an agent.
    """
    tensors, metadata = checkpoint.load(path, SPEC)
    try:
        spec, make_network = GAMES[metadata["paper"]["game"]]
        supervised = metadata["paper"]["method"] == SUPERVISED
        network = Localiser(localiser_game(spec)) if supervised else make_network()
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise checkpoint.CheckpointError(
            f"{path} is no agent of this version; train it again with: launch.py train follower-paper"
        ) from error
    return LocaliserPlayer(network) if isinstance(network, Localiser) else AgentPlayer(network, spec, seed)
