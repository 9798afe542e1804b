"""Deep Q-learning (RL-DJ, section 2.3): replay, a target network, schedules, clipped gradients, Adam.

One file from playing to update, for any network of `networks.py` and any reward. Many songs are played at
once; the defaults are the paper's numbers for its deep network. Deterministic in its seed; `saved` and
`restore` stop and go on anywhere. Runs in a training process; logging and files belong to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.launchpad.instrument import LAUNCHPAD, Instrument, States
from models.launchpad.networks import QNetwork
from models.launchpad.reward import Reward
from models.launchpad.starts import Start
from models.tensors import below, optimiser_state, prefixed, restore_optimiser

Report = Callable[["Progress"], bool | None]
"""Called every `report_every` updates; training stops where it returns True."""


@dataclass(frozen=True)
class QConfig:
    """Everything that can be turned. The defaults are the paper's for its deep network."""

    updates: int = 1_000_000
    """Gradient steps in all."""
    songs: int = 32
    """Played at once; each adds one bar to the replay at a time."""
    updates_per_bar: int = 8
    """Gradient steps between two bars of all songs."""
    song_bars: int = 1000
    """After so many bars a song begins anew. It is cut short, not over: the last bar's future counts."""
    replay: int = 1_000_000
    """Transitions remembered."""
    warm_up: int = 1000
    """Transitions played before the first update."""
    batch: int = 32
    """Transitions a gradient step."""
    discount: float = 0.99
    """Gamma: the weight of a reward one bar later."""
    target_every: int = 1000
    """Updates between two copies into the target network."""
    learning_rate: tuple[float, float] = (2.5e-4, 5e-5)
    """Of Adam, first and last, linear in between."""
    epsilon: tuple[float, float] = (0.2, 0.01)
    """Share of random buttons, first and last, linear in between."""
    gradient_clip: float = 10.0
    """Gradients are shortened to this norm."""
    reward_floor: float = -np.inf
    """No reward counts below this."""
    reward_shift: float = 0.0
    """Added to every reward: songs have no end, so the best policy stays the best."""
    reward_scale: float = 1.0
    """Rewards are then multiplied by this: a change of units, to one that steps of Adam can cross."""
    backups: int = 1
    """Actions learnt of each remembered state: 1 is the paper's, the one that was taken. With more, others
    drawn at random are tried besides it, for the simulator is at hand."""
    compressed: bool = False
    """Whether values are learned in a scale that is fine near 0 and coarse far off (Pohlen et al. 2018)."""
    value_ceiling: float = np.inf
    """No state is worth more: 0 where no shifted reward is above it, against what a maximum overestimates."""
    double: bool = False
    """Whether the online network chooses the action that the target network values (van Hasselt)."""
    report_every: int = 1000
    seed: int = 0


PAPERS_LINEAR = QConfig(learning_rate=(2.5e-3, 5e-4), epsilon=(0.1, 1e-4))


@dataclass(frozen=True)
class Progress:
    """Where training stands: means since the last report, but `cells` of the songs' present bars."""

    updates: int
    loss: float
    value: float
    reward: float
    cells: float


class Replay:
    """The last transitions, as (state, action, reward): the state after follows from the instrument."""

    def __init__(self, size: int, instrument: Instrument) -> None:
        self.states = np.zeros((size, instrument.keys, 2), np.uint8)
        self.actions = np.zeros(size, np.int16)
        self.rewards = np.zeros(size, np.float32)
        self.written = 0

    def __len__(self) -> int:
        return min(self.written, len(self.actions))

    def add(self, states: States, actions: NDArray[np.int64], rewards: NDArray[np.float32]) -> None:
        """Remember n transitions, forgetting the oldest."""
        places = (self.written + np.arange(len(actions))) % len(self.actions)
        self.states[places], self.actions[places], self.rewards[places] = states, actions, rewards
        self.written += len(actions)


class QLearner:
    """Trains `network` on songs that begin in `starts` and earn `reward`."""

    def __init__(
        self,
        network: QNetwork,
        reward: Reward,
        config: QConfig,
        starts: Start | None = None,
        instrument: Instrument = LAUNCHPAD,
    ) -> None:
        self.network, self.config, self.updates = network, config, 0
        self._target = deepcopy(network).requires_grad_(False)
        self._reward, self._instrument = reward, instrument
        self._starts = starts or (lambda count, rng: instrument.random(rng, count))
        self._optimiser = torch.optim.Adam(network.parameters(), config.learning_rate[0], fused=True)
        self._rng = np.random.default_rng(config.seed)
        self._replay = Replay(config.replay, instrument)
        self._songs = self._starts(config.songs, self._rng)
        # Songs begin at different times, so that the replay holds beginnings and ends alike.
        self._ages = self._rng.integers(0, config.song_bars, config.songs)
        self._sums: list[tuple[Tensor, Tensor]] = []
        self._earned: list[float] = []

    def train(self, report: Report | None = None, until: int | None = None) -> None:
        """Play and learn until `updates`, or until `until` of them; may be called again."""
        last = min(until or self.config.updates, self.config.updates)
        while self._replay.written < self.config.warm_up:
            self.play()
        while self.updates < last:
            if self.updates % self.config.updates_per_bar == 0:
                self.play()
            self.learn()
            if self.updates % self.config.report_every == 0 and report and report(self._progress()):
                return

    def play(self) -> None:
        """One bar of all songs, epsilon-greedily."""
        actions = self._act()
        after = self._instrument.press(self._songs, actions)
        heard = self._instrument.packed(self._songs)[:, None]
        rewards = self._reward(self._instrument.packed(after), heard)
        self._earned.append(float(rewards.mean()))
        self._replay.add(self._songs, actions, self._in_units(rewards))
        self._songs, self._ages = after, self._ages + 1
        over = np.flatnonzero(self._ages >= self.config.song_bars)
        if len(over):
            self._songs[over], self._ages[over] = self._starts(len(over), self._rng), 0

    def learn(self) -> None:
        """One gradient step towards r + gamma max Q(s', a')."""
        states, actions, rewards = self._batch()
        before = np.repeat(states, actions.shape[1], 0)
        after = self._instrument.press(before, actions.ravel())
        if self.config.backups > 1:
            rewards = self._in_units(
                self._reward(self._instrument.packed(after), self._instrument.packed(before)[:, None])
            )
        target = self._backed_up(torch.from_numpy(rewards.ravel()), torch.from_numpy(after))
        values = self.network.chosen(torch.from_numpy(states), torch.from_numpy(actions)).flatten()
        loss = (target - values).square().mean()
        self._optimiser.param_groups[0]["lr"] = self._scheduled(self.config.learning_rate)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._clip()
        self._optimiser.step()
        self._sums.append((loss.detach(), values.detach().mean()))
        self.updates += 1
        if self.updates % self.config.target_every == 0:
            self._target.load_state_dict(self.network.state_dict())

    def _clip(self) -> None:
        """Shorten the gradients where they are too long; most are not, and are left alone."""
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if norm > self.config.gradient_clip:
            nn.utils.clip_grads_with_norm_(self.network.parameters(), self.config.gradient_clip, norm)

    def _in_units(self, rewards: NDArray[np.float32]) -> NDArray[np.float32]:
        floored = np.maximum(rewards, self.config.reward_floor) + self.config.reward_shift
        return (floored * self.config.reward_scale).astype(np.float32)

    def _backed_up(self, rewards: Tensor, after: Tensor) -> Tensor:
        """(n,) r + gamma max Q(s', a'), in the scale of the network's values."""
        future, ceiling = self._future(after), self.config.value_ceiling
        if not self.config.compressed:
            return (rewards + self.config.discount * future).clamp_max(ceiling)
        return compress((rewards + self.config.discount * expand(future)).clamp_max(ceiling))

    @torch.no_grad()
    def _future(self, after: Tensor) -> Tensor:
        """(n,) what the best action from `after` is worth."""
        values: Tensor = self._target(after)
        if not self.config.double:
            return values.max(1).values
        return values.gather(1, self.network(after).argmax(1, keepdim=True)).squeeze(1)

    @torch.no_grad()
    def _best(self, network: QNetwork, states: States) -> NDArray[np.int64]:
        best: NDArray[np.int64] = network(torch.from_numpy(states)).argmax(1).numpy()
        return best

    def _act(self) -> NDArray[np.int64]:
        greedy = self._best(self._target if self.config.backups > 1 else self.network, self._songs)
        random = self._rng.integers(0, self._instrument.actions, len(greedy))
        explores = self._rng.random(len(greedy)) < self._scheduled(self.config.epsilon)
        actions: NDArray[np.int64] = np.where(explores, random, greedy)
        return actions

    def _batch(self) -> tuple[States, NDArray[np.int64], NDArray[np.float32]]:
        """States (n, keys, 2), actions (n, backups), and the remembered reward of the first of these (n,)."""
        picked = self._rng.integers(0, len(self._replay), self.config.batch)
        replay, backups = self._replay, self.config.backups
        states, taken = replay.states[picked], replay.actions[picked].astype(np.int64)[:, None]
        if backups == 1:
            return states, taken, replay.rewards[picked]
        others = self._rng.integers(0, self._instrument.actions, (len(states), backups - 1))
        return states, np.concatenate([taken, others], 1), replay.rewards[picked]

    def _scheduled(self, ends: tuple[float, float]) -> float:
        return ends[0] + (ends[1] - ends[0]) * self.updates / max(self.config.updates, 1)

    def _progress(self) -> Progress:
        loss, value = (float(torch.stack(part).mean()) for part in zip(*self._sums, strict=True))
        cells = np.bitwise_count(self._instrument.packed(self._songs)).sum(-1).mean()
        progress = Progress(self.updates, loss, value, float(np.mean(self._earned)), float(cells))
        self._sums, self._earned = [], self._earned[-1:]
        return progress

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on: tensors, and JSON values."""
        tensors = prefixed("network.", self.network.state_dict()) | optimiser_state(self._optimiser)
        tensors |= prefixed("target.", self._target.state_dict())
        filled, replay = len(self._replay), self._replay
        arrays = {"songs": self._songs, "ages": self._ages, "states": replay.states[:filled],
                  "actions": replay.actions[:filled], "rewards": replay.rewards[:filled]}  # fmt: skip
        tensors |= prefixed("play.", {name: torch.from_numpy(array) for name, array in arrays.items()})
        counters = {"updates": self.updates, "written": replay.written, "earned": self._earned}
        return tensors, {**counters, "random": self._rng.bit_generator.state}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called, with the same configuration."""
        self.network.load_state_dict(below("network.", tensors))
        self._target.load_state_dict(below("target.", tensors))
        restore_optimiser(self._optimiser, tensors)
        play = {name: tensor.numpy() for name, tensor in below("play.", tensors).items()}
        self._songs, self._ages = play["songs"], play["ages"]
        filled = len(play["actions"])
        self._replay.states[:filled], self._replay.actions[:filled] = play["states"], play["actions"]
        self._replay.rewards[:filled] = play["rewards"]
        self.updates, self._replay.written = counters["updates"], counters["written"]
        self._earned = list(counters["earned"])
        self._rng.bit_generator.state = counters["random"]


def compress(values: Tensor) -> Tensor:
    """sign(x) (sqrt(|x| + 1) - 1): Pohlen et al. 2018, "Observe and Look Further", without its slope."""
    return values.sign() * ((values.abs() + 1.0).sqrt() - 1.0)


def expand(values: Tensor) -> Tensor:
    """The inverse of `compress`."""
    return values.sign() * ((values.abs() + 1.0).square() - 1.0)
