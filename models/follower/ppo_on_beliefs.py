"""Phase 2 of training: the game itself, by PPO, on the beliefs of the trained encoders.

Encodes every performance once, runs the belief filter over it, and lets many cursors play the paper's game
on the result. The reward is the game's own; nothing of the truth is shown to the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.actor_critic import UpdateReport
from models.batched import BatchedFollowing, Start
from models.follower.belief import SUMMARY, Belief, BeliefConfig
from models.follower.data import Item, Rendering
from models.follower.ear import Reading, read_strip
from models.follower.network import COLUMN_PX, PITCHES, Reader
from models.follower.policy import BeliefObserver, Policy
from models.follower.rhythm import Rhythm
from models.game import Truth
from models.ppo import PPO, PPOConfig
from pieces.piece import PADDING_PX

_MARGIN_COLUMNS = PADDING_PX // COLUMN_PX + 1
"""The padding at the end of every strip."""

Read = Callable[[Reader, Item], Reading]
"""How a strip is read: by columns or note by note."""


@dataclass(frozen=True)
class Heard:
    """A performance as the encoders hear it: ``fit`` (T, C) logits, ``struck`` (T, 88) chances, float16."""

    item: Item
    rendering: Rendering
    fit: NDArray[np.float16]
    struck: NDArray[np.float16]
    read: Reading

    @property
    def truth(self) -> Truth:
        """The game's truth of this performance."""
        count = len(self.rendering.onset_s)
        return Truth.from_onsets(self.rendering.onset_s, self.item.onset_x_px[:count])


def music(item: Item) -> tuple[int, int]:
    """The first and the last column of an item's strip that hold music; beyond them is margin."""
    return int(item.system_x_px[0] / COLUMN_PX), item.strip.shape[1] // 2 - _MARGIN_COLUMNS


def by_columns(reader: Reader, item: Item) -> Reading:
    """Read a strip column by column."""
    return read_strip(reader.eval(), None, item.strip, music(item))


def by_note(rhythm: Rhythm) -> Read:
    """Read a strip of one line note by note."""
    return lambda reader, item: read_strip(reader.eval(), rhythm, item.strip, music(item))


@torch.inference_mode()
def hear(reader: Reader, item: Item, read: Read = by_columns) -> list[Heard]:
    """Run both encoders over an item's renderings."""
    seen = read(reader, item)
    keys, bias = torch.from_numpy(seen.keys)[None], torch.from_numpy(seen.bias)[None]
    heard = []
    for rendering in item.renderings:
        frames = torch.from_numpy(rendering.frames.astype(np.float32))
        silence = torch.zeros(reader.sound.history, frames.shape[1])
        sound, _ = reader.sound(torch.cat([silence, frames]).unsqueeze(0))
        fit = reader.fit(sound, keys, bias)[0].numpy().astype(np.float16)
        free = reader.config.embedding
        struck = reader.ask(sound)[0, :, free : free + PITCHES].numpy().astype(np.float16)
        heard.append(Heard(item, rendering, fit, struck, seen))
    return heard


def believe(heard: Heard, config: BeliefConfig) -> NDArray[np.float32]:
    """(T, SUMMARY) the belief after every frame, from the first onset on."""
    read = heard.read
    belief = Belief(read.log_quarters, music(heard.item), config, read.notes, read.written)
    truth = heard.truth
    belief.reset(truth.x_at_frame(truth.first_frame))
    rows = np.zeros((len(heard.fit), SUMMARY), np.float32)
    for frame in range(truth.first_frame, min(truth.last_frame + 1, len(heard.fit))):
        fit, struck = heard.fit[frame].astype(np.float32), heard.struck[frame].astype(np.float32)
        rows[frame] = belief.update(fit, struck)
    return rows


@dataclass(frozen=True)
class Games:
    """Performances ready to be played: beliefs, truths and the game's b of each."""

    summaries: list[NDArray[np.float32]]
    truths: list[Truth]
    tolerances_px: list[float]


def make_games(
    reader: Reader,
    items: Sequence[Item],
    config: BeliefConfig,
    say: Callable[[str], None] = print,
    read: Read = by_columns,
) -> Games:
    """Hear and believe everything in ``items``, their strips read by ``read``."""
    games = Games([], [], [])
    for index, item in enumerate(items):
        for heard in hear(reader, item, read):
            games.summaries.append(believe(heard, config))
            games.truths.append(heard.truth)
            games.tolerances_px.append(item.tolerance_px)
        if index % 50 == 49:
            say(f"heard {index + 1} of {len(items)} pieces")
    return games


def make_environment(games: Games, count: int, start: Start, seed: int) -> BatchedFollowing:
    """``count`` cursors on the games at once."""
    observer = BeliefObserver(games.summaries, games.tolerances_px)
    return BatchedFollowing(games.truths, observer, count, games.tolerances_px, start, seed=seed)


def train_policy(
    games: Games,
    steps: int,
    seed: int = 1,
    count: int = 256,
    say: Callable[[str], None] = print,
) -> Policy:
    """PPO on the game's reward; seven of ten episodes start anywhere in a piece, off the mark."""
    torch.manual_seed(seed)
    start = Start(anywhere=0.7, offset_px=25.0, speed_jitter_px=2.0, limit_frames=600)
    environment = make_environment(games, count, start, seed)
    config = PPOConfig(
        total_steps=steps,
        horizon=64,
        epochs=4,
        batch_size=2048,
        learning_rate=1e-3,
        learning_rate_decays=True,
        discount=0.98,
        gae_lambda=0.95,
        entropy_weight=0.0003,
        target_kl=0.03,
        seed=seed,
    )
    policy = Policy()
    learner = PPO(policy, environment, config)
    updates = 0

    def report(update: UpdateReport) -> None:
        nonlocal updates
        updates += 1
        if updates % 10 == 0:
            played, learned = update.played, update.learned
            say(
                f"{update.steps:>9} steps  reward {played.mean_reward:.3f}  return {played.mean_return:.1f}  "
                f"entropy {learned.entropy:.2f}  explained {learned.explained_variance:.2f}"
            )

    learner.train(report)
    return policy


@torch.inference_mode()
def play(policy: Policy, games: Games, trials: int = 10, seed: int = 0) -> dict[str, float]:
    """R_tue, R_on, and mean error at tracked onsets, sampled policy, every game ``trials`` times."""
    truths, tolerances = games.truths, games.tolerances_px
    observer = BeliefObserver(games.summaries, tolerances)
    rounds = torch.arange(len(truths)).repeat_interleave(trials)
    environment = BatchedFollowing(truths, observer, len(rounds), tolerances, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    seen = environment.reset(rounds)
    onset_sets = [set(truth.onset_frames.tolist()) for truth in truths]
    longest = max(truth.last_frame - truth.first_frame for truth in truths)
    alive = np.ones(len(rounds), bool)
    tracked, finished = np.ones(len(rounds)), np.zeros(len(rounds), bool)
    errors: list[float] = []
    frame = np.array([truths[r].first_frame for r in rounds.tolist()])
    for _ in range(longest):
        logits, _ = policy(seen)
        actions = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)
        step = environment.step(actions)
        seen, frame = step.observation, frame + 1
        error = environment.error_px.abs().numpy()
        for game in np.flatnonzero(alive):
            which = int(rounds[game])
            lost = error[game] > tolerances[which]
            if not lost and int(frame[game]) in onset_sets[which]:
                tracked[game] += 1
                errors.append(float(error[game]))
            if lost or frame[game] >= truths[which].last_frame:
                alive[game] = False
                finished[game] = not lost
        if not alive.any():
            break
    onsets = np.array([len(onset_sets[r]) for r in rounds.tolist()])
    return {
        "R_tue": float(finished.mean()),
        "R_on": float(tracked.sum() / onsets.sum()),
        "error_px": float(np.mean(errors)) if errors else float("nan"),
    }
