"""Learning by imitation before learning from reward: the recipe for machines without a GPU.

The policy learns how much better each action is by the teacher's word (`teacher.returns`), the critic what
the best of them earns. Examples come from two sources. *Games* that the present policy plays, so that it
learns to leave the places it gets itself into (DAgger, Ross et al. 2011). And *passages* drawn anywhere:
some windows and some moments near each other, every window heard at every moment. The network reads each
window and hears each moment once, which is nearly all of the work, so that pairs come cheap. Afterwards a
method of the paper goes on from there. Runs in the training process, on the device it is given.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format

from models.actor_critic import Learned, Learner, Played, UpdateReport
from models.batched import BatchedFollowing, FollowState, Start, Truths, WindowObserver
from models.game import GameSpec, Round
from models.networks import PaperNetwork
from models.paper import teacher
from models.processes import average_gradients
from models.tensors import below, optimiser_state, prefixed, restore_optimiser
from models.vectorised import Observation

MATCH_WIDTH = 64
MATCH_SHARPNESS = 12.0
Report = Callable[[UpdateReport], bool | None]


@dataclass(frozen=True)
class ImitationConfig:
    """Everything that can be turned."""

    total_steps: int = 160_000
    """Windows read, and moments heard, before the method takes over."""
    games: int = 8
    """Played at once by the present policy: so many windows of a batch."""
    passages: int = 4
    windows: int = 8
    """Windows of a passage, and moments: it gives the square of it in examples."""
    spread: float = 0.7
    """Windows and moments lie within this share of the game's tolerance around the passage's middle."""
    episode_frames: int = 200
    """Games are cut short after so many frames, for variety."""
    speed_spread_px: float = 3.0
    """Standard deviation of the speed of windows from that of the music, px per frame."""
    temperature: float = 0.01
    """Of the teacher's choice: the difference in return that makes an action e times as likely."""
    discount: float = 0.9
    value_weight: float = 0.05
    match_weight: float = 0.5
    """Of telling which moments and windows belong together, an exercise for both halves of the network."""
    match_px: float = 8.0
    """How near they are that do."""
    learning_rate: float = 1e-3
    """Of Adam, falling linearly to a tenth."""
    max_gradient_norm: float = 1.0
    seed: int = 0


class _Passages:
    """Draws passages from anywhere in the rounds."""

    def __init__(self, truths: Truths, config: ImitationConfig, random: torch.Generator) -> None:
        self._truths, self._config, self._random = truths, config, random
        lengths = truths.last - truths.first
        self._round = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
        begins = lengths.cumsum(0) - lengths
        place = torch.arange(len(self._round), device=lengths.device)
        self._frame = place - begins[self._round] + truths.first[self._round]

    def draw(self) -> FollowState:
        """(passages, windows) states: the windows of each passage, and its moments, in no order."""
        config, truths = self._config, self._truths
        many, device = (config.passages, config.windows), self._frame.device
        at = torch.randint(len(self._frame), (config.passages, 1), generator=self._random, device=device)
        which, frame = self._round[at].expand(many), self._frame[at].expand(many)
        before = torch.maximum(frame - 2, truths.first[which])
        pace_px = (truths.at(which, frame + 1) - truths.at(which, before)) / (frame + 1 - before)
        reach_px = config.spread * truths.tolerance_px[which]
        x_px = truths.at(which, frame) + reach_px * self._spread(many)
        moment = frame + (reach_px / pace_px.clamp_min(1.0) * self._spread(many)).round().long()
        moment = torch.minimum(torch.maximum(moment, truths.first[which]), truths.last[which] - 1)
        random_px = torch.randn(many, generator=self._random, device=device, dtype=torch.float64)
        speed_px = (pace_px + config.speed_spread_px * random_px).round()
        return FollowState(which, moment, x_px, x_px - speed_px, speed_px)

    def _spread(self, shape: tuple[int, int]) -> Tensor:
        """Float64, uniform in [-1, 1)."""
        unit = torch.rand(shape, generator=self._random, device=self._frame.device, dtype=torch.float64)
        return 2.0 * unit - 1.0


def paired(drawn: FollowState) -> FollowState:
    """Every window of (passages, windows) at every moment of its passage, one after the other."""
    windows = drawn.frame.shape[1]
    parts = {name: part.repeat_interleave(windows, 1).flatten() for name, part in vars(drawn).items()}
    return FollowState(**{**parts, "frame": drawn.frame.repeat(1, windows).flatten()})


def joined(first: FollowState, second: FollowState) -> FollowState:
    """The states of both."""
    return FollowState(*(torch.cat((getattr(first, name), getattr(second, name))) for name in vars(first)))


class Matching(nn.Module):
    """Which windows belong to which moments? Dot products of projections of what was perceived say it.

    From a word on its actions alone a policy learns slowly what fits what. Not kept afterwards.
    """

    def __init__(self, width: int, config: ImitationConfig) -> None:
        super().__init__()
        self.heard, self.seen = nn.Linear(width, MATCH_WIDTH), nn.Linear(width, MATCH_WIDTH)
        self._near_px = config.match_px

    def forward(self, heard: Tensor, seen: Tensor, away_px: Tensor) -> Tensor:
        """Cross-entropy over windows and moments, (N, width) each; `away_px` (N, N), inf between tunes."""
        heard = functional.normalize(self.heard(heard), dim=1)
        seen = functional.normalize(self.seen(seen), dim=1)
        fit = MATCH_SHARPNESS * heard @ seen.T
        near = torch.exp(-((away_px / self._near_px) ** 2)).float() + 1e-9
        over_windows = functional.cross_entropy(fit, near / near.sum(1, keepdim=True))
        return over_windows + functional.cross_entropy(fit.T, (near / near.sum(0)).T)


class Imitation:
    """Trains an agent of the paper on the teacher's word."""

    def __init__(
        self, network: PaperNetwork, rounds: Sequence[Round], spec: GameSpec, config: ImitationConfig,
        device: torch.device,
    ) -> None:
        self.network = network.to(device)
        convert_conv2d_weight_memory_format(network, torch.channels_last)    # a fifth faster on a CPU
        self.config, self.steps, self._ended = config, 0, False
        self._device, self._observe = device, WindowObserver(rounds, spec, device)
        truths = [each.truth for each in rounds]
        self._truths = Truths(truths, spec.tolerance_px, device)
        self._random = torch.Generator(device).manual_seed(config.seed)
        self._passages = _Passages(self._truths, config, self._random)
        start = Start(anywhere=0.8, offset_px=spec.tolerance_px / 4, speed_jitter_px=2.0,
                      limit_frames=config.episode_frames)  # fmt: skip
        self._games = BatchedFollowing(
            truths, _unseen, config.games, spec.tolerance_px, start, device, config.seed
        )
        self._games.reset()
        self._matching = Matching(network.joint.get_parameter("0.bias").numel(), config).to(device)
        learned = [*network.parameters(), *self._matching.parameters()]
        self._optimiser = torch.optim.Adam(learned, config.learning_rate)

    def train(self, report: Report) -> bool:
        """To the end, or until `report` says so: whether it did."""
        while self.steps < self.config.total_steps and not self._ended:
            if report(self._update()):
                return True
        return False

    def end(self) -> None:
        """After the present update, whatever is left."""
        self._ended = True

    def _update(self) -> UpdateReport:
        """One batch: look, listen, ask the teacher, learn, and let the games go on."""
        config, played = self.config, self._games.state
        left = max(1.0 - self.steps / config.total_steps, 0.1)
        self._optimiser.param_groups[0]["lr"] = config.learning_rate * left
        drawn = self._passages.draw()
        state = joined(played, paired(drawn))
        self.network.train()
        flat = FollowState(*(part.flatten() for part in vars(drawn).values()))
        heard, seen = self.network.perceive(self._observe(joined(played, flat)))
        logits, values = self._answers(heard, seen)
        returns = teacher.returns(self._truths, state, config.discount).float()
        matched = self._matching(heard[config.games:], seen[config.games:], self._away_px(flat))
        learned = self._learn(logits, values, returns, config.match_weight * matched)
        self.steps += config.games + config.passages * config.windows
        reward = self._play(logits[: config.games].detach())
        return UpdateReport(self.steps, Played(reward, 0, float("nan"), float("nan")), learned)

    def _away_px(self, drawn: FollowState) -> Tensor:
        """(N, N) px from each moment's place to each window's, infinite between passages of other rounds."""
        place = self._truths.at(drawn.round, drawn.frame).unsqueeze(1)
        same = drawn.round.unsqueeze(1) == drawn.round
        return torch.where(same, (place - drawn.x_px).abs(), torch.inf)

    def _learn(self, logits: Tensor, values: Tensor, returns: Tensor, matched: Tensor) -> Learned:
        """A gradient step towards the teacher's choice, what it earns and what fits; not from lost games."""
        config, best = self.config, returns.amax(1)
        wanted = (returns / config.temperature).softmax(-1)
        alive = (best > 0).float() / (best > 0).sum().clamp_min(1)
        imitated = (functional.cross_entropy(logits, wanted, reduction="none") * alive).sum()
        judged = ((values - best).square() * alive).sum()
        self._descend(imitated + config.value_weight * judged + matched)
        with torch.no_grad():
            entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()
            unexplained = judged / best.var(correction=0).clamp_min(1e-8)
            figures = torch.stack((imitated, judged, entropy, 1.0 - unexplained))
        loss, error, surprise, explained = figures.tolist()
        return Learned(loss, error, surprise, kl=0.0, clipped=0.0, explained_variance=explained)

    def _answers(self, heard: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and values of the games and then of all pairs of the passages."""
        config = self.config
        shape = (config.passages, config.windows, config.windows, heard.shape[1])
        moments = heard[config.games:].view(config.passages, 1, config.windows, -1).expand(shape)
        windows = seen[config.games:].view(config.passages, config.windows, 1, -1).expand(shape)
        return self.network.decide(
            torch.cat((heard[: config.games], moments.flatten(0, 2))),
            torch.cat((seen[: config.games], windows.flatten(0, 2))),
        )

    def _descend(self, loss: Tensor) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.network)
        average_gradients(self._matching)
        nn.utils.clip_grad_norm_(self._optimiser.param_groups[0]["params"], self.config.max_gradient_norm)
        self._optimiser.step()

    def _play(self, logits: Tensor) -> float:
        """One frame of every game by the sampled policy; gives the mean reward."""
        actions = torch.multinomial(logits.softmax(-1), 1, generator=self._random).squeeze(1)
        return float(self._games.step(actions).reward.mean())

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on, but the weights of the network."""
        tensors = optimiser_state(self._optimiser) | prefixed("games.", self._games.saved())
        tensors |= prefixed("matching.", self._matching.state_dict())
        tensors |= {"random": self._random.get_state()}
        return tensors, {"steps": self.steps, "ended": self._ended}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called; the weights are the caller's."""
        restore_optimiser(self._optimiser, tensors)
        self._matching.load_state_dict(below("matching.", tensors))
        self._games.restore(below("games.", tensors))
        self._random.set_state(tensors["random"].cpu())
        self.steps, self._ended = int(counters["steps"]), bool(counters["ended"])


class Apprentice:
    """A method of the paper whose network learns by imitation first; a learner like any other."""

    def __init__(
        self, lesson: Imitation, learner: Learner, long_enough: Callable[[], bool] = lambda: False
    ) -> None:
        self._lesson, self._learner, self._long_enough = lesson, learner, long_enough

    @property
    def network(self) -> nn.Module:
        """That of both."""
        return self._learner.network

    @property
    def steps(self) -> int:
        """Of the lesson and, after it, of the method."""
        return self._lesson.steps + self._learner.steps

    def train(self, report: Report) -> None:
        """The lesson, if it is not over, then the method."""
        if not self._lesson.train(lambda update: self._taught(update, report)):
            self._learner.train(report)

    def _taught(self, update: UpdateReport, report: Report) -> bool | None:
        if self._long_enough():
            self._lesson.end()
        return report(update)

    def set_learning_rate(self, rate: float) -> None:
        """Of the method; the lesson keeps its own."""
        self._learner.set_learning_rate(rate)

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on."""
        (tensors, counters), (lesson, lesson_counters) = self._learner.saved(), self._lesson.saved()
        return tensors | prefixed("lesson.", lesson), {**counters, "lesson": lesson_counters}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called."""
        self._learner.restore(tensors, counters)
        self._lesson.restore(below("lesson.", tensors), counters["lesson"])


def _unseen(state: FollowState) -> Observation:
    """The games' own observations: what their players see is looked up together with the windows."""
    return state.x_px
