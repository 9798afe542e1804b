"""What the human will play next, and an answer that fits it: the agent puts itself in the player's place.

A step is decided before it is heard, and for three quarters of the time two lines of a chorale sound notes
that were struck together: an agent that does not ask what comes meets it by luck. A network that answers one
line with the other can be asked for either. Told the lines with their roles exchanged, it says how likely
each symbol of the human's next step is: that network is the ear. Onsets rise by how likely they are to be
consonant with what comes; when to strike is decided as it was before.

numpy alone: :mod:`models.duet.agent` asks it for one duet at a time, :mod:`models.duet.playing` for many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.duet.encoding import HOLD, MULTI_HOLD, OCTAVE, PITCHES, Tokens
from models.duet.measures import CONSONANT

if TYPE_CHECKING:
    from models.duet.agent import Decides

Floats = NDArray[np.float32]
_PITCHES = np.arange(PITCHES)
_CONSONANCES: Floats = np.isin(np.abs(_PITCHES[:, None] - _PITCHES) % OCTAVE, CONSONANT).astype(np.float32)
"""(human's pitch, machine's pitch)"""


def fitted(logits: Floats, coming: Floats, weight: float) -> Floats:
    """Logits (..., 93) of the machine's next symbol, given those `coming` (..., 93) of the human's.

    An onset rises by `weight` times the chance that it will be consonant, in nats; then all onsets fall
    together, until the best one is where the best one was.
    """
    before = logits[..., :PITCHES]
    after = before + np.float32(weight) * (_sounding(coming) @ _CONSONANCES)
    after += before.max(-1, keepdims=True) - after.max(-1, keepdims=True)
    found: Floats = np.concatenate((after, logits[..., PITCHES:]), -1)
    return found


def _sounding(logits: Floats) -> Floats:
    """(..., 46) chances that each pitch will sound, struck or held."""
    chances = np.exp(logits - logits.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    found: Floats = chances[..., :HOLD] + chances[..., HOLD : MULTI_HOLD.rest]
    return found


class Anticipating:
    """A policy and its ear, for one duet at a time: see :class:`models.duet.agent.Decides`."""

    def __init__(self, policy: Decides, ear: Decides, weight: float) -> None:
        self._policy, self._ear, self._weight = policy, ear, weight

    def context(self, line: Tokens) -> NDArray[np.int64]:
        """What the policy reads; the ear reads the same."""
        return self._policy.context(line)

    def __call__(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> Floats:
        """Logits of the machine's next symbol, (93,)."""
        return fitted(self._policy(human, machine, phase), self._ear(machine, human, phase), self._weight)

    def look_ahead(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> None:
        """Both of them."""
        self._policy.look_ahead(human, machine, phase)
        self._ear.look_ahead(machine, human, phase)
