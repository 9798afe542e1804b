"""The tabular study (RL-DJ, section 5.2): one note, bars of four steps, 32 states, 6 actions, a bar to find.

Two ways to explore: epsilon-greedy, greedy in the limit (GLIE), and Markov chain Monte Carlo, which visits
states in proportion to exp(beta R) and needs a simulator in which an action can be tried without being taken.
The rewards are exact, the draws seeded. Runs in the process of the command that asks, within seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.launchpad.instrument import TOY, Instrument

Table = NDArray[np.float64]
TARGET = (1, 0, 1, 1)
BETAS = tuple(float(beta) for beta in np.round(np.logspace(-2, 1, 16), 3))
"""Inverse temperatures of Figure 10, on a log scale."""
HELD = 50
"""Iterations at the best reward that count as having learned."""


@dataclass(frozen=True)
class Setting:
    """The paper's numbers."""

    learning_rate: float = 0.5
    discount: float = 0.999
    iterations: int = 2000
    """Of the GLIE session."""
    replaced_every: int = 500
    """Iterations after which the state is replaced with a random one."""
    sweeps: int = 400
    """Of all actions, exploring by MCMC."""
    judged_steps: int = 400
    """Greedy steps by which a table is judged."""
    repetitions: int = 16
    """Of the exploration, for every beta."""
    rewards_left: bool = True
    """Whether an action earns the reward of the state it leaves, as the paper's rule has it, or of the one
    it reaches, as its deep networks do."""
    rests_first: bool = False
    """Whether doing nothing comes first among actions that are equally good, or any of them, by chance. The
    paper leaves it open. An untried action is worth 0, as the best states are: who rests there stays there
    before the ways that lead away are known."""


@dataclass(frozen=True)
class Toy:
    """All states of a one-key instrument at once: `after` (states, actions) and `rewards` (states,).

    State number mask * steps + offset; the reward is minus the Hamming distance to `target`.
    """

    instrument: Instrument = TOY
    target: tuple[int, ...] = TARGET

    @cached_property
    def states(self) -> NDArray[np.uint8]:
        """(states, 1, 2) every state."""
        masks, offsets = np.indices((1 << self.instrument.patterns, self.instrument.steps))
        return np.stack([masks.ravel(), offsets.ravel()], -1)[:, None].astype(np.uint8)

    @cached_property
    def after(self) -> NDArray[np.int64]:
        """(states, actions) the number of the state that an action leads to."""
        actions = self.instrument.actions
        every = np.tile(np.arange(actions), len(self.states))
        pressed = self.instrument.press(np.repeat(self.states, actions, 0), every)
        numbers = pressed[:, 0, 0].astype(np.int64) * self.instrument.steps + pressed[:, 0, 1]
        return numbers.reshape(-1, actions)

    @cached_property
    def rewards(self) -> NDArray[np.float64]:
        """(states,) of the bar that each sounds."""
        bars = self.instrument.rolls(self.states)[:, 0]
        return -(bars != np.array(self.target, bool)).sum(-1).astype(np.float64)


@dataclass(eq=False)
class Learner:
    """A Q table that starts at 0, which is as good as any reward: what is unknown is tried."""

    toy: Toy
    setting: Setting
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        self.table = np.zeros(self.toy.after.shape)

    def learn(self, state: int, action: int) -> int:
        """One update of the paper's rule; returns the next state."""
        after, rate = int(self.toy.after[state, action]), self.setting.learning_rate
        reward = self.toy.rewards[state if self.setting.rewards_left else after]
        target = reward + self.setting.discount * self.table[after].max()
        self.table[state, action] += rate * (target - self.table[state, action])
        return after

    def greedy(self, state: int, rng: np.random.Generator) -> int:
        """The best action; among equals as the setting says."""
        best = np.flatnonzero(self.table[state] == self.table[state].max())
        nothing = self.toy.instrument.nothing
        if self.setting.rests_first and nothing in best:
            return nothing
        return int(rng.choice(best))


def exact_values(toy: Toy, setting: Setting) -> Table:
    """(states, actions) what the rule comes to where everything is tried for ever."""
    rewards = toy.rewards[:, None] if setting.rewards_left else toy.rewards[toy.after]
    before, table = None, np.zeros(toy.after.shape)
    while before is None or not np.array_equal(before, table):
        before, table = table, rewards + setting.discount * table.max(1)[toy.after]
    return table


@dataclass(frozen=True, eq=False)
class Session:
    """A GLIE session: `rewards` (iterations,) of the states it went through, and the table it learned."""

    rewards: NDArray[np.float64]
    table: Table
    replaced_every: int

    def learned_after(self) -> int:
        """The first iteration of HELD that are all at the best reward, before the state is replaced.

        That is what Figure 8 shows: the curve comes up to its ceiling and lies there. What explores may
        still leave it for a moment; `settled_after` waits for the last such moment, too.
        """
        best = self.rewards[: self.replaced_every] == 0.0
        held = np.convolve(best, np.ones(HELD), "valid") == HELD
        return int(held.argmax()) if held.any() else self.replaced_every

    def settled_after(self) -> int:
        """Iterations until the first part of the session stays at the best reward to its end."""
        short = np.flatnonzero(self.rewards[: self.replaced_every] < 0.0)
        return int(short[-1]) + 1 if len(short) else 0

    def recovery_steps(self) -> list[int]:
        """Steps to the best reward after each replacement of the state; -1 where it was not reached."""
        reached = self.rewards.reshape(-1, self.replaced_every)[1:] == 0.0
        return [int(row.argmax()) if row.any() else -1 for row in reached]

    def untried(self, exact: Table) -> int:
        """Values still at 0 that should not be (Figure 9); `exact` is what they should be."""
        return int(((self.table == 0.0) & (exact != 0.0)).sum())


def glie(seed: int = 0, setting: Setting | None = None, toy: Toy | None = None) -> Session:
    """Learn epsilon-greedily with epsilon = 1 / t from the empty state (Figures 8 and 9)."""
    setting, toy = setting or Setting(), toy or Toy()
    learner, rng = Learner(toy, setting), np.random.default_rng(seed)
    state, rewards = 0, np.empty(setting.iterations)
    for t in range(setting.iterations):
        if t and t % setting.replaced_every == 0:
            state = int(rng.integers(len(toy.states)))
        rewards[t] = toy.rewards[state]
        explores = rng.random() < 1.0 / (t + 1)
        action = int(rng.integers(toy.after.shape[1])) if explores else learner.greedy(state, rng)
        state = learner.learn(state, action)
    return Session(rewards, learner.table, setting.replaced_every)


def mcmc(beta: float, seed: int = 0, setting: Setting | None = None, toy: Toy | None = None) -> float:
    """Explore by sweeps over the actions, then act greedily: the mean reward of the greedy steps.

    Every action is tried and learned from; the state follows it with probability min(1, exp(beta dR)).
    """
    setting, toy = setting or Setting(), toy or Toy()
    learner, rng = Learner(toy, setting), np.random.default_rng(seed)
    state = 0
    for _ in range(setting.sweeps):
        for action in range(toy.after.shape[1]):
            after = learner.learn(state, action)
            gain = toy.rewards[after] - toy.rewards[state]
            if gain >= 0.0 or rng.random() < np.exp(beta * gain):
                state = after
    return judge(learner, rng, state)


def judge(learner: Learner, rng: np.random.Generator, state: int) -> float:
    """Mean reward of `judged_steps` greedy steps from `state`, without learning."""
    total = 0.0
    for _ in range(learner.setting.judged_steps):
        state = int(learner.toy.after[state, learner.greedy(state, rng)])
        total += float(learner.toy.rewards[state])
    return total / learner.setting.judged_steps


@dataclass(frozen=True)
class BetaRow:
    """One point of Figure 10."""

    beta: float
    mean_reward: float
    standard_error: float


def beta_study(
    betas: Sequence[float] = BETAS, seed: int = 0, setting: Setting | None = None
) -> list[BetaRow]:
    """Figure 10: how well the greedy policy does after exploring with each beta."""
    setting, toy, rows = setting or Setting(), Toy(), []
    for beta in betas:
        found = np.array([mcmc(beta, seed + run, setting, toy) for run in range(setting.repetitions)])
        rows.append(BetaRow(beta, float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))))
    return rows
