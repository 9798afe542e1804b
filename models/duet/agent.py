"""The agent that answers a line with a line: one symbol a step, decided before the step begins.

Loaded once, then asked by the live session, the headless command and the evaluation. numpy only, no torch:
the same sums as :mod:`models.duet.causal` or :mod:`models.duet.networks` (tests hold them together) in about
a millisecond on one thread. An agent remembers nothing but its random draws: what was played is handed to it
at every step, so changing roles, starting over or beginning in silence is a matter of what is handed over.
Same seed, same choices. One instance belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.anticipation import Anticipating
from models.duet.encoding import BEATS, HOLD, MIDDLE, MULTI_HOLD, OCTAVE, Tokens, sounding
from models.duet.windows import BLOCK, seen_steps

SHIPPED = "duet"
"""The checkpoint that is taken where none is named."""
REWARDS = "duet-reward"
"""Names of reward models begin so. One of kind a could play, and only its name tells it from an agent."""
PAST = 32
"""Steps of both lines that it is shown; a checkpoint of another window is refused."""
REMEMBERED_STEPS = 512
"""Of contexts that were read: of the present one, the next, and those that only might have come (plans)."""
Floats = NDArray[np.float32]
BRANCHES = ("human", "machine")
DIRECTIONS = ("", "_reverse")


class Decides(Protocol):
    """A network as the agent asks it."""

    def context(self, line: Tokens) -> NDArray[np.int64]:
        """What it reads of a line up to now."""

    def __call__(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> Floats:
        """Logits of the machine's next symbol, (93,), from such contexts and the beat of that step."""

    def look_ahead(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> None:
        """Do beforehand what can be done for contexts that go on from these."""


class Policy:
    """A network of kind a, for one duet at a time: windows (32,) of both lines to logits (93,).

    All four recurrent layers (two lines, two directions) take their steps together. What a symbol brings into
    them, and all that the beat decides, is looked up in tables made beforehand.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        w = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        layers = [_Layer(w, branch, direction) for branch in BRANCHES for direction in DIRECTIONS]
        self._inputs = np.stack([layer.inputs for layer in layers])  # (4, symbols + 1, 3 width)
        self._recurrence = np.stack([layer.recurrence for layer in layers])  # (4, width, 3 width)
        self._bias = np.stack([layer.bias for layer in layers])[:, None]  # (4, 1, 3 width)
        self._width = self._recurrence.shape[1]
        self._beats, self._now = _beat_tables(w)
        self._keys, self._keys_bias = w["summarizer.keys.weight"].T, w["summarizer.keys.bias"]
        self._query, self._weigh = w["summarizer.query.weight"], w["summarizer.weigh.weight"][0]
        self._mix, self._mix_bias = w["mix.weight"], w["mix.bias"]
        self._head, self._head_bias = w["head.weight"], w["head.bias"]
        self._steps = np.empty((PAST, 4 * self._width + self._beats.shape[-1]), np.float32)
        if len(self._head) != MULTI_HOLD.symbols or self._inputs.shape[1] != MULTI_HOLD.symbols + 1:
            raise ValueError("other symbols")

    def context(self, line: Tokens) -> NDArray[np.int64]:
        """(32,) the window."""
        return window(line)

    def __call__(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> Floats:
        """Logits of the machine's next symbol, (93,)."""
        steps, now = self._steps, self._now[phase]
        self._remember(human, machine)
        steps[:, 4 * self._width :] = self._beats[phase]
        query = self._query @ np.concatenate((steps[-1], now))
        scores = np.tanh(steps @ self._keys + (self._keys_bias + query)) @ self._weigh
        weights = np.exp(scores - scores.max())
        attended = (weights / weights.sum()) @ steps
        summary = np.concatenate((attended, steps.max(0), steps[-1], now))
        hidden = np.maximum(self._mix @ summary + self._mix_bias, 0.0)
        logits: Floats = self._head @ hidden + self._head_bias
        return logits

    def look_ahead(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> None:
        """Nothing: each window is read as a whole."""

    def _remember(self, human: NDArray[Any], machine: NDArray[Any]) -> None:
        """Fill the first columns of the steps: human forwards, backwards, machine forwards, backwards."""
        width, steps = self._width, self._steps
        orders = np.stack((human, human[::-1], machine, machine[::-1]))
        inputs = self._inputs[np.arange(4)[:, None], orders]  # (4, 32, 3 width)
        memory = np.zeros((4, 1, width), np.float32)
        heard = np.empty((4, PAST, width), np.float32)
        for t in range(PAST):
            given, own = inputs[:, t : t + 1], memory @ self._recurrence + self._bias
            gates = _sigmoid(given[..., : 2 * width] + own[..., : 2 * width])
            candidate = np.tanh(given[..., 2 * width :] + gates[..., :width] * own[..., 2 * width :])
            memory = candidate + gates[..., width:] * (memory - candidate)
            heard[:, t] = memory[:, 0]
        for layer, backwards in enumerate((False, True, False, True)):
            steps[:, layer * width : (layer + 1) * width] = heard[layer, ::-1] if backwards else heard[layer]


class CausalPolicy:
    """A causal network, for one duet at a time: contexts of at most 63 steps to logits (93,).

    Remembers what it made of each step of the contexts that it read lately: of one that begins alike, only
    what is new is read. A context begins with the block before the present one, so every 32 steps another
    begins, all of which would have to be read at once: `look_ahead` reads it beforehand, a step each time.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        w = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        self._symbols = [w[f"{name}.weight"] for name in (*BRANCHES, "beat")]
        self._intervals = [w[f"{name}.weight"] for name in ("between", "human_step", "machine_step")]
        self._lower, self._upper = _Cell(w, "lower"), _Cell(w, "upper")
        self._mix, self._mix_bias = w["mix.weight"], w["mix.bias"]
        self._proposal, self._proposal_bias = w["proposal.weight"], w["proposal.bias"]
        self._head, self._head_bias = w["head.weight"], w["head.bias"]
        if len(self._head) != MULTI_HOLD.symbols or len(self._symbols[0]) != MULTI_HOLD.symbols + 1:
            raise ValueError("other symbols")
        self._after = lru_cache(REMEMBERED_STEPS)(self._listen)

    def context(self, line: Tokens) -> NDArray[np.int64]:
        """The block that has begun and the one before it."""
        return np.asarray(line[len(line) - seen_steps(len(line)) :], np.int64)

    def __call__(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> Floats:
        """Logits of the machine's next symbol, (93,)."""
        now = self._read(_steps(human, machine, phase))
        hidden = np.maximum(
            self._mix @ np.concatenate((now.given, now.lower, now.upper)) + self._mix_bias, 0.0
        )
        logits: Floats = self._head @ np.concatenate((hidden, self._propose(hidden, now))) + self._head_bias
        return logits

    def look_ahead(self, human: NDArray[Any], machine: NDArray[Any], phase: int) -> None:
        """Read the context of the next block as far as it is known."""
        if len(human) > BLOCK:
            self._read(_steps(human[BLOCK:], machine[BLOCK:], phase))

    def _read(self, heard: list[tuple[int, int, int]]) -> _State:
        state = None
        for step in heard:
            state = self._after(state, step)
        assert state is not None
        return state

    def _listen(self, before: _State | None, step: tuple[int, int, int]) -> _State:
        counts = np.zeros((2, OCTAVE), np.float32) if before is None else before.counts.copy()
        human, machine = (_place(symbol) for symbol in step[:2])
        for row, symbol in zip(counts, step[:2], strict=True):
            if symbol < MULTI_HOLD.rest:
                row[symbol % HOLD % OCTAVE] += 1.0
        last = (MIDDLE, MIDDLE) if before is None else (before.human, before.machine)
        intervals = (human - machine, human - last[0], machine - last[1])
        shares = counts / (counts.sum(1, keepdims=True) + 1.0)
        given = np.concatenate((
            *(table[n] for table, n in zip(self._symbols, step, strict=True)),
            *(table[n + HOLD - 1] for table, n in zip(self._intervals, intervals, strict=True)),
            np.roll(shares, -machine, axis=1).ravel(),
        ))  # fmt: skip
        lower = self._lower.after(given, None if before is None else before.lower)
        upper = self._upper.after(lower, None if before is None else before.upper)
        return _State(given, lower, upper, counts, human, machine)

    def _propose(self, hidden: Floats, now: _State) -> Floats:
        """(92,) of every onset and hold; see :meth:`models.duet.causal.CausalNetwork.propose`."""
        found = self._proposal @ hidden + self._proposal_bias
        from_human, from_machine = found[: 2 * HOLD - 1], found[2 * HOLD - 1 : -1]
        proposed = np.zeros(2 * HOLD, np.float32)
        for intervals, pitch in ((from_human, now.human), (from_machine, now.machine)):
            proposed[:HOLD] += intervals[HOLD - 1 - pitch : 2 * HOLD - 1 - pitch]
        proposed[HOLD + now.machine] = found[-1]
        return proposed


@dataclass(frozen=True, eq=False, slots=True)
class _State:
    """After a step: what was given to the network, its memory, and of both lines how long each pitch class
    sounded, (2, 12), and their pitches. Equal to itself alone: it stands for all that was heard before.
    """

    given: Floats
    lower: Floats
    upper: Floats
    counts: Floats
    human: int
    machine: int


def _steps(human: NDArray[Any], machine: NDArray[Any], phase: int) -> list[tuple[int, int, int]]:
    """(human, machine, beat) from the silence before the contexts (n,) on, n + 1 steps."""
    nothing = [MULTI_HOLD.unseen]
    beats = (phase - len(human) + np.arange(len(human) + 1)) % BEATS
    return list(zip(nothing + human.tolist(), nothing + machine.tolist(), beats.tolist(), strict=True))


def _place(symbol: int) -> int:
    """The pitch from the lowest; MIDDLE where nothing sounds."""
    return symbol % HOLD if symbol < MULTI_HOLD.rest else MIDDLE


class _Cell:
    """One step of a recurrent layer (GRU)."""

    def __init__(self, w: Mapping[str, Floats], layer: str) -> None:
        self._given, self._given_bias = w[f"{layer}.weight_ih_l0"], w[f"{layer}.bias_ih_l0"]
        self._own, self._own_bias = w[f"{layer}.weight_hh_l0"], w[f"{layer}.bias_hh_l0"]

    def after(self, given: Floats, memory: Floats | None) -> Floats:
        """The memory after (inputs,), from `memory` (width,) or silence."""
        width = self._own.shape[1]
        memory = np.zeros(width, np.float32) if memory is None else memory
        new, own = self._given @ given + self._given_bias, self._own @ memory + self._own_bias
        gates = _sigmoid(new[: 2 * width] + own[: 2 * width])
        candidate = np.tanh(new[2 * width :] + gates[:width] * own[2 * width :])
        found: Floats = candidate + gates[width:] * (memory - candidate)
        return found


class _Layer:
    """One direction of a recurrent layer (GRU), with the embedding that feeds it."""

    def __init__(self, w: Mapping[str, Floats], branch: str, direction: str) -> None:
        name = f"{branch}.recurrent.{{}}_l0{direction}"
        given = w[f"{branch}.embedding.weight"] @ w[name.format("weight_ih")].T
        self.inputs: Floats = given + w[name.format("bias_ih")]
        self.recurrence: Floats = np.ascontiguousarray(w[name.format("weight_hh")].T)
        self.bias: Floats = w[name.format("bias_hh")]

    def run(self, symbols: NDArray[np.int64]) -> Floats:
        """(T,) -> (T, width), from silence."""
        width, found = len(self.recurrence), []
        memory = np.zeros(width, np.float32)
        for symbol in symbols:
            given, own = self.inputs[symbol], memory @ self.recurrence + self.bias
            gates = _sigmoid(given[: 2 * width] + own[: 2 * width])
            candidate = np.tanh(given[2 * width :] + gates[:width] * own[2 * width :])
            memory = candidate + gates[width:] * (memory - candidate)
            found.append(memory)
        return np.stack(found)


def _beat_tables(w: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """(4, 32, features) of the beat branch for each beat of the step to come, and that beat's embedding."""
    forwards, backwards = (_Layer(w, "beat", direction) for direction in DIRECTIONS)
    tables = []
    for phase in range(BEATS):
        beats = (phase - PAST + np.arange(PAST)) % BEATS
        tables.append(np.concatenate((forwards.run(beats), backwards.run(beats[::-1])[::-1]), 1))
    return np.stack(tables), w["beat.embedding.weight"]


def _sigmoid(x: Floats) -> Floats:
    """Through tanh: no overflow, one pass."""
    return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


class DuetAgent:
    """Chooses the machine's next symbol.

    Attributes:
        name: the checkpoint's name.
        metadata: how it was made.
    """

    def __init__(
        self, name: str, policy: Decides, seed: int = 0, metadata: dict[str, Any] | None = None
    ) -> None:
        self.name, self.metadata, self._policy = name, metadata or {}, policy
        self.reset(seed)

    def reset(self, seed: int = 0) -> None:
        """Begin the draws anew."""
        self._random = np.random.default_rng(seed)

    def choose(
        self,
        human: Tokens,
        machine: Tokens,
        beat: int,
        temperature: float = 0.0,
        lowest: int = 0,
        highest: int = 127,
        may_rest: bool = True,
    ) -> int:
        """The multi-hold symbol for the step that comes now.

        `human` and `machine` are the lines up to now, multi-hold, of one length: at most the last 63 steps
        count (32 for a network of kind a), and where there are fewer nothing is seen. `beat`
        is the step's entry, from 0, in the subdivision list. A `temperature` of 0 takes the likeliest symbol,
        1 draws as the network believes. It stays within the MIDI pitches `lowest` to `highest`, holds only
        what sounds, and plays a note where it may not rest.
        """
        found = self._policy(self._policy.context(human), self._policy.context(machine), beat % BEATS)
        last = machine[-1] if len(machine) else MULTI_HOLD.unseen
        logits = np.where(allowed(last, lowest, highest), found.astype(np.float64), -np.inf)
        if not may_rest:
            logits[MULTI_HOLD.rest] = -np.inf
        if temperature > 0.0:
            logits = logits / temperature + self._random.gumbel(size=logits.shape)
        return int(logits.argmax())

    def look_ahead(self, human: Tokens, machine: Tokens, beat: int) -> None:
        """Do beforehand what makes the decisions after these lines quick; changes none."""
        self._policy.look_ahead(self._policy.context(human), self._policy.context(machine), beat % BEATS)

    def intend(
        self, human: Tokens, machine: Tokens, beat: int, steps: int, lowest: int = 0, highest: int = 127
    ) -> Tokens:
        """(steps,) what it would play next, greedily, if the human held what sounds; draws nothing."""
        human, machine = np.array(human, np.uint8), np.array(machine, np.uint8)
        for step in range(steps):
            chosen = self.choose(human, machine, beat + step, lowest=lowest, highest=highest)
            machine = np.append(machine, np.uint8(chosen))
            human = np.append(human, _goes_on(human))
        return machine[len(machine) - steps :]


def _policy(network: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> Decides:
    """Of a checkpoint; raises ValueError where its network is of another kind or context."""
    kind, context = network["kind"], network["context"]
    if kind == "causal" and context["block"] == BLOCK:
        return _causal(network, weights)
    if kind == "a" and context["past"] == PAST:
        return Policy(weights)
    raise ValueError("it is a reward model, or was shown other windows")


def _causal(network: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> Decides:
    """With its ear, where it has one."""
    policy = CausalPolicy(weights)
    if "ear" not in network:
        return policy
    heard = {name.removeprefix("ear."): w for name, w in weights.items() if name.startswith("ear.")}
    return Anticipating(policy, _policy(network["ear"], heard), network["anticipation"])


def window(line: Tokens) -> NDArray[np.int64]:
    """(32,) the last steps of a line, unseen where there were none."""
    last = np.asarray(line[-PAST:], np.int64)
    return np.concatenate((np.full(PAST - len(last), MULTI_HOLD.unseen), last))


def allowed(last: ArrayLike, lowest: int = 0, highest: int = 127) -> NDArray[np.bool_]:
    """(..., 93) onsets within the pitches, the hold of what sounded at the `last` step, and the rest."""
    symbols = np.arange(MULTI_HOLD.symbols)
    pitches = sounding(symbols)
    before = np.asarray(last)[..., None]
    holds = (symbols >= HOLD) & (before < MULTI_HOLD.rest) & (before % HOLD == symbols % HOLD)
    found: NDArray[np.bool_] = ((symbols < HOLD) | holds) & (pitches >= lowest) & (pitches <= highest)
    return found | (symbols == MULTI_HOLD.rest)


def _goes_on(line: Tokens) -> np.uint8:
    """What a line does if nothing happens: an onset becomes its hold, silence lasts."""
    if not len(line) or line[-1] >= MULTI_HOLD.rest:
        return np.uint8(MULTI_HOLD.rest)
    return np.uint8(line[-1] % HOLD + HOLD)


def checkpoint_of(name_or_path: str | Path) -> Path:
    """The file of an agent, by the name of a shipped one or by path; it may not exist."""
    path = Path(name_or_path)
    return path if path.suffix == ".safetensors" else checkpoint.shipped(str(name_or_path))


def load_agent(name_or_path: str | Path = SHIPPED, seed: int = 0) -> DuetAgent:
    """The agent in a checkpoint, by the name of a shipped one or by path.

    Raises:
        CheckpointError: missing, damaged, or not an agent of Duet.
    """
    path = checkpoint_of(name_or_path)
    weights, metadata = checkpoint.load_arrays(path)
    try:
        policy = _policy(metadata["network"], weights)
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path} holds no agent of Duet ({error}); name another, or train one"
        ) from error
    return DuetAgent(path.stem, policy, seed, metadata)


def shipped_agents() -> list[str]:
    """Names of the checkpoints beside the shipped one that hold an agent, the shipped one first."""
    found = []
    for path in sorted(checkpoint.FOLDER.glob(f"{SHIPPED}*.safetensors"), key=lambda path: path.stem):
        if path.stem.startswith(REWARDS):
            continue
        try:
            found.append(load_agent(path).name)
        except CheckpointError:
            continue  # of a kind that cannot play, damaged, or being written
    return found
