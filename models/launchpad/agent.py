"""The agent that plays along: from the grid as it stands to the button to press, steered by votes.

Loaded once, then asked once a bar by the live session, the headless command and the evaluation: about a
millisecond, numpy only, no torch. It remembers its random draws and the last bars; same seed, same choices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import checkpoint
from models.checkpoint import CheckpointError
from models.launchpad.instrument import LAUNCHPAD, Instrument, States
from models.launchpad.reach import Reach
from models.launchpad.valuation import Floats, QFunction, q_function, row_moves

SHIPPED = "launchpad"
"""The checkpoint that is taken where none is named."""
MEMORY_BARS = 48
"""Bars that it does not like to hear again so soon."""
VOTE_STRENGTH = 2.0
"""How much one vote can change a value, in units of `spread`."""
LEAST_GAIN = 1e-3
"""Less than this is the same value, computed in another order."""


@dataclass(frozen=True, eq=False)
class Vote:
    """A person's "more like this" (weight > 0) or "less like this" (weight < 0), said of a state."""

    state: States
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Choice:
    """An action, and the values (313,) by which it was chosen: votes included, forbidden ones -inf."""

    action: int
    values: Floats


class LaunchpadAgent:
    """Chooses the button of highest value, or with a temperature one that is nearly as good.

    Attributes:
        name: the checkpoint's name.
        metadata: how it was made and how good it is.
    """

    def __init__(
        self,
        name: str,
        q_values: QFunction,
        seed: int = 0,
        instrument: Instrument = LAUNCHPAD,
        metadata: dict[str, Any] | None = None,
        reach: Reach | None = None,
    ) -> None:
        self.name = name
        self.metadata = metadata or {}
        self.instrument = instrument
        self._q_values = q_values
        self._reach = reach
        self.reset(seed)

    def reset(self, seed: int = 0) -> None:
        """Begin the draws anew and forget what was heard."""
        self._random = np.random.default_rng(seed)
        self._heard: deque[bytes] = deque(maxlen=MEMORY_BARS)
        self._bar: int | None = None

    def sibling(self, seed: int) -> LaunchpadAgent:
        """Another player of the same network."""
        return LaunchpadAgent(
            self.name, self._q_values, seed, self.instrument, self.metadata, self._reach
        )

    def values(self, states: States) -> Floats:
        """The network's Q-values, (n, actions), of states (n, keys, 2), without votes."""
        return self._q_values(states)

    def choose(
        self,
        state: States,
        forbidden: NDArray[np.bool_] | None = None,
        temperature: float = 0.0,
        votes: Sequence[Vote] = (),
        restless: float = 1.0,
        values: Floats | None = None,
        bar: int | None = None,
    ) -> Choice:
        """The agent's next action from `state`, (keys, 2).

        `forbidden` (actions,) is True where it may not press (locked rows, keys out of the scale); if all
        buttons are, it does nothing. `temperature`, in units of `spread`: 0 takes the best button, 0.1 is
        lively, 1 is wild. `restless`, in the same unit, is what it costs to play one of the last bars again,
        unless that leads on: 0 lets the music come to rest. `values` are the network's, where known already.
        `bar` numbers the bar that the action is for, where it may be asked several times before that is made:
        only the first of these states was heard.
        """
        own = self._own_values(state, forbidden) if values is None else values
        steered: Floats = np.array(own, np.float32)
        unit = spread(steered if forbidden is None else steered[~forbidden])
        if restless:
            steered -= np.float32(restless * unit) * self._stale(state, steered, bar)
        if votes:
            steered += np.float32(VOTE_STRENGTH * unit) * preference(self.instrument, state, votes)
        if forbidden is not None:
            steered[forbidden] = -np.inf
        if not np.isfinite(steered).any():
            return Choice(self.instrument.nothing, steered)
        return Choice(self._draw(steered, temperature * unit), steered)

    def _own_values(self, state: States, forbidden: NDArray[np.bool_] | None) -> Floats:
        """(actions,) of what may be pressed, where the network can tell that from what may not."""
        if self._reach is None or forbidden is None or not forbidden.any():
            values: Floats = self._q_values(state[None])[0]
            return values
        return self._reach.values(state, forbidden)

    def _stale(self, state: States, values: Floats, bar: int | None) -> NDArray[np.bool_]:
        """(actions,) whether an action plays this bar or one of the last again, and gains nothing by it.

        What gains is no standing still: a row that is turned while it is silent, the way back to a motif.
        """
        here = self.instrument.packed(state).tobytes()
        if bar is None or bar != self._bar:
            self._heard.append(here)
        self._bar = bar
        heard = {here, *self._heard}
        again = np.array([bar.tobytes() in heard for bar in _bars_after(self.instrument, state)])
        stale: NDArray[np.bool_] = again & (values <= values[self.instrument.nothing] + LEAST_GAIN)
        return stale

    def _draw(self, values: Floats, temperature: float) -> int:
        """Sampled from the softmax of values / temperature by adding Gumbel noise."""
        if temperature > 0.0:
            noise = self._random.gumbel(size=values.shape)
            return int((values / temperature + noise).argmax())
        return int(values.argmax())


def spread(values: Floats) -> float:
    """How far the best button is above the usual one: the unit in which an agent is steered."""
    if not len(values):
        return 1e-6
    return max(float(values.max() - np.median(values)), 1e-6)


def preference(instrument: Instrument, state: States, votes: Sequence[Vote]) -> Floats:
    """(actions,) how much more than now the bar after each action is what the votes ask for.

    Likeness of two bars: the mean of the shares of notes and of keys that they have in common (Dice).
    """
    bars = _bars_after(instrument, state)
    change = np.zeros(len(bars), np.float32)
    for vote in votes:
        likeness = _likeness(bars, instrument.packed(vote.state))
        change += np.float32(vote.weight) * (likeness - likeness[-1])
    return change


def _bars_after(instrument: Instrument, state: States) -> NDArray[np.uint64]:
    """(actions, keys) packed: the bar after every action; the last one does nothing."""
    bars = np.repeat(instrument.packed(state)[None], instrument.actions, axis=0)
    moved = row_moves(instrument)[state[:, 0], state[:, 1]].reshape(-1, 2)
    buttons = np.arange(instrument.nothing)
    bars[buttons, buttons // instrument.columns] = instrument.rows[moved[:, 0], moved[:, 1]]
    return bars


def _likeness(bars: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> Floats:
    """(n,) in 0..1, of packed bars (n, keys) to one, (keys,)."""
    notes = _dice(np.bitwise_count(bars & wanted), np.bitwise_count(bars), np.bitwise_count(wanted))
    keys = _dice((bars > 0) & (wanted > 0), bars > 0, wanted > 0)
    return ((notes + keys) / 2).astype(np.float32)


def _dice(common: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    total = one.sum(-1, dtype=np.int64) + other.sum(-1, dtype=np.int64)
    shared: NDArray[np.float64] = 2.0 * common.sum(-1, dtype=np.int64) / np.maximum(total, 1)
    return shared


def load_agent(name_or_path: str | Path = SHIPPED, seed: int = 0) -> LaunchpadAgent:
    """The agent in a checkpoint, by the name of a shipped one or by path.

    Raises:
        CheckpointError: missing, damaged, or not a launchpad agent.
    """
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        path = checkpoint.shipped(str(name_or_path))
    weights, metadata = checkpoint.load_arrays(path)
    try:
        q_values = q_function(metadata["kind"], weights)
        reach = Reach(weights) if metadata["kind"] == "motifs" else None
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path} holds no launchpad agent ({error}); name another, or train one"
        ) from error
    return LaunchpadAgent(path.stem, q_values, seed, metadata=metadata, reach=reach)
