"""What a trained network thinks of every button, in numpy: the live agent needs no torch.

Four kinds of network, by the `kind` in a checkpoint. The paper's (section 2.3.1) map the 312 features to 313
values: `linear` in one layer, `deep` in three. `motifs` and `afterstates` value the grid that a button leads
to, Q(s, a) = U(T(s, a)): one function of a grid, asked 313 times. `networks.py` holds the same for training.
Pure functions of arrays: any thread may call them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.launchpad.instrument import LAUNCHPAD, Instrument, States

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]
QFunction = Callable[[States], Floats]
"""From states (n, keys, 2) to the values of all actions, (n, actions)."""


@lru_cache
def row_features(instrument: Instrument = LAUNCHPAD) -> Floats:
    """(2^patterns, steps, 2 steps + patterns) what motifs see of a key, by mask and offset.

    The key's bar, its offset (one of `steps`), and the patterns that are on: a silent key that is set to
    come in on the beat is worth more than one that is not.
    """
    bars = instrument.rows[..., None] >> np.arange(instrument.steps, dtype=np.uint64) & np.uint64(1)
    offsets = np.broadcast_to(np.eye(instrument.steps), bars.shape)
    masks = np.arange(1 << instrument.patterns)[:, None] >> np.arange(instrument.patterns) & 1
    patterns = np.broadcast_to(masks[:, None], (*bars.shape[:2], instrument.patterns))
    return np.concatenate([bars, offsets, patterns], -1).astype(np.float32)


@lru_cache
def row_moves(instrument: Instrument = LAUNCHPAD) -> NDArray[np.uint8]:
    """(2^patterns, steps, columns, 2) the mask and offset of a key after each of its buttons."""
    mask, offset = np.indices((1 << instrument.patterns, instrument.steps))
    moves = np.empty((*mask.shape, instrument.columns, 2), np.uint8)
    moves[..., 0], moves[..., 1] = mask[..., None], offset[..., None]
    moves[:, :, : instrument.patterns, 0] ^= np.uint8(1) << np.arange(instrument.patterns, dtype=np.uint8)
    shifts = 1 << np.arange(instrument.exponent)
    moves[:, :, instrument.patterns :, 1] = (offset[..., None] + shifts) % instrument.steps
    return moves


def q_function(
    kind: str, weights: Mapping[str, NDArray[Any]], instrument: Instrument = LAUNCHPAD
) -> QFunction:
    """A checkpoint's network as a function.

    Raises:
        KeyError, ValueError: an unknown kind, or weights that do not fit it.
    """
    evaluate = {"linear": _linear, "deep": _deep, "motifs": motif_values, "afterstates": _afterstates}[kind]
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()}
    evaluate(arrays, instrument, instrument.empty(1))  # what does not fit shows here, not while playing
    return partial(evaluate, arrays, instrument)


def _linear(weights: Weights, instrument: Instrument, states: States) -> Floats:
    return _layer(weights, "0", instrument.features(states))


def _deep(weights: Weights, instrument: Instrument, states: States) -> Floats:
    hidden = np.maximum(_layer(weights, "0", instrument.features(states)), 0.0)
    hidden = np.maximum(_layer(weights, "2", hidden), 0.0)
    return _layer(weights, "4", hidden)


def motif_values(weights: Weights, instrument: Instrument, states: States) -> Floats:
    """The soft maximum over motifs of the grid that each button leads to."""
    scores = _scores_after(weights, instrument, states) / weights["softness"]
    best = scores.max(-1, keepdims=True)
    total = np.log(np.exp(scores - best).sum(-1)) + best[..., 0]
    values: Floats = weights["softness"] * total
    return values


def _afterstates(weights: Weights, instrument: Instrument, states: States) -> Floats:
    hidden = np.maximum(_scores_after(weights, instrument, states), 0.0)
    hidden = np.maximum(_layer(weights, "head.1", hidden), 0.0)
    return _layer(weights, "head.3", hidden)[..., 0]


def _scores_after(weights: Weights, instrument: Instrument, states: States) -> Floats:
    """(n, actions, units) of the first layer. A button changes one key: only its share is computed anew."""
    seen, moves, weight = row_features(instrument), row_moves(instrument), weights["weight"]
    before = states.transpose(1, 0, 2)                                         # (keys, n, 2)
    after = moves[before[..., 0], before[..., 1]]                              # (keys, n, columns, 2)
    rows = np.concatenate([after, before[:, :, None]], 2)                      # every move, then none
    inputs = seen[rows[..., 0], rows[..., 1]].reshape(instrument.keys, -1, seen.shape[-1])
    shares = (inputs @ weight).reshape(*rows.shape[:3], -1)                    # (keys, n, moves, units)
    here = shares[:, :, -1].sum(0) + weights["bias"]                           # (n, units)
    there = here[:, None, None] + (shares[:, :, :-1] - shares[:, :, -1:]).transpose(1, 0, 2, 3)
    scores: Floats = np.concatenate([there.reshape(len(states), -1, there.shape[-1]), here[:, None]], 1)
    return scores


def _layer(weights: Weights, name: str, inputs: Floats) -> Floats:
    outputs: Floats = inputs @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return outputs
