"""MM-Loc, the paper's supervised baseline (section 4.2; Dorfer et al. 2016): where in the window is it?

The window is cut into buckets, and a network like the agents' says which of them the newest sound belongs to.
It knows neither speed nor what came before; a follower made of it moves its window to where it last was.
Training draws windows around random moments of the rounds, the truth anywhere in them. Runs in the training
process, on the device it is given.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.actor_critic import Learned, LearningConfig, Played, UpdateReport
from models.batched import FollowState, WindowObserver
from models.game import GameSpec, Round
from models.networks import TABLE_1, TABLE_2, PaperNetwork
from models.paper.validation import Score
from models.processes import average_gradients
from models.tensors import below, optimiser_state, prefixed, restore_optimiser
from models.vectorised import Observation

BUCKETS = 40
CONTEXT_FRAMES = {"nottingham": 80, "msmd": 40}
"""The paper lets it hear 4 s of Nottingham and 2 s of MSMD (table 3)."""
REACH = 0.45
"""Training puts the truth within this share of the window's width around its middle."""


def localiser_game(spec: GameSpec) -> GameSpec:
    """The game as MM-Loc sees it: the same window, its own stretch of sound."""
    return replace(spec, context_frames=CONTEXT_FRAMES[spec.name])


@dataclass(frozen=True)
class LocaliserConfig(LearningConfig):
    """Everything that can be turned; steps are examples, what concerns only policies plays no part."""

    batch_size: int = 100
    learning_rate: float = 1e-3


class Localiser(nn.Module):
    """The paper's two branches, joined, and one head over the buckets."""

    def __init__(self, spec: GameSpec) -> None:
        super().__init__()
        table = replace({"nottingham": TABLE_1, "msmd": TABLE_2}[spec.name], game=spec)
        self.spec = spec
        self.trunk = PaperNetwork(table, outputs=BUCKETS)
        centres = (torch.arange(BUCKETS) + 0.5) / BUCKETS - 0.5
        self.register_buffer("centres_px", centres * spec.window_columns_px, persistent=False)

    def forward(self, observation: Observation) -> Tensor:
        """Logits of the buckets, (N, BUCKETS)."""
        logits: Tensor = self.trunk(observation)[0]
        return logits

    def targets(self, offset_px: Tensor) -> Tensor:
        """(N, BUCKETS): the nearest buckets, by nearness; `offset_px` (N,) from the window's middle."""
        width_px = self.spec.window_columns_px / BUCKETS
        away = (offset_px.unsqueeze(1) - self._centres).abs() / width_px
        near = (1.0 - away).clamp_min(0.0)
        return near / near.sum(1, keepdim=True).clamp_min(1e-6)

    def offsets(self, logits: Tensor) -> Tensor:
        """(N,) px from the middle of the window: the likeliest bucket and its neighbours, weighted."""
        chances = logits.softmax(-1)
        near = (torch.arange(BUCKETS, device=logits.device) - chances.argmax(-1, keepdim=True)).abs() <= 1
        weights = chances * near
        return (weights * self._centres).sum(1) / weights.sum(1)

    @property
    def _centres(self) -> Tensor:
        centres = self.centres_px
        assert isinstance(centres, Tensor)
        return centres

    @torch.no_grad()
    def examine(self, rounds: Sequence[Round], device: torch.device) -> Score:
        """Follow every round, all at once, each window where the last answer was."""
        self.eval()
        observer = WindowObserver(rounds, self.spec, device)
        truths = [each.truth for each in rounds]
        last_frames = torch.tensor([truth.last_frame for truth in truths], device=device)
        which = torch.arange(len(rounds), device=device)
        frame = torch.tensor([truth.first_frame for truth in truths], device=device)
        x_px = torch.tensor([truth.x_at_frame(truth.first_frame) for truth in truths], dtype=torch.float64,
                            device=device)  # fmt: skip
        courses = [torch.from_numpy(truth.x_px) for truth in truths]
        truth_px = nn.utils.rnn.pad_sequence(courses, batch_first=True).to(device)
        going, reached = torch.ones_like(which, dtype=torch.bool), frame.clone()
        for _ in range(max(truth.last_frame - truth.first_frame for truth in truths)):
            frame = torch.minimum(frame + 1, last_frames)
            x_px = x_px + self.offsets(self(observer(standing(which, frame, x_px))))
            going = going & ((x_px - truth_px[which, frame]).abs() <= self.spec.tolerance_px)
            reached = torch.where(going, frame, reached)
        tracked = [int((t.onset_frames <= f).sum()) for t, f in zip(truths, reached.tolist(), strict=True)]
        ended = (reached >= last_frames).float().mean()
        return Score(sum(tracked) / sum(len(t.onset_frames) for t in truths), float(ended))


def standing(which: Tensor, frame: Tensor, x_px: Tensor) -> FollowState:
    """Players who stand still at `x_px`."""
    return FollowState(which, frame, x_px, x_px, torch.zeros_like(x_px))


class Localising:
    """Trains a localiser on windows drawn from rounds."""

    def __init__(
        self, network: Localiser, rounds: Sequence[Round], config: LocaliserConfig, device: torch.device
    ) -> None:
        self.network, self.config, self.steps = network, config, 0
        self._device = device
        self._observe = WindowObserver(rounds, network.spec, device)
        truths = [each.truth for each in rounds]
        self._truth_px = torch.cat([torch.from_numpy(t.x_px[t.first_frame:]) for t in truths]).to(device)
        counts = torch.tensor([t.last_frame - t.first_frame + 1 for t in truths])
        self._round = torch.arange(len(truths)).repeat_interleave(counts).to(device)
        self._frame = torch.cat([torch.arange(t.first_frame, t.last_frame + 1) for t in truths]).to(device)
        self._random = torch.Generator(device).manual_seed(config.seed)
        self._optimiser = torch.optim.Adam(network.parameters(), config.learning_rate)

    def set_learning_rate(self, rate: float) -> None:
        """From the next update on."""
        self._optimiser.param_groups[0]["lr"] = rate

    def train(self, report: Callable[[UpdateReport], bool | None]) -> None:
        """Batch by batch; what would be a policy's entropy is that of the buckets."""
        while self.steps < self.config.total_steps:
            loss, entropy = self._gradient_step()
            learned = Learned(0.0, loss, entropy, 0.0, 0.0, 0.0)
            if report(UpdateReport(self.steps, Played(-loss, 0, float("nan"), float("nan")), learned)):
                return

    def batch(self) -> tuple[Observation, Tensor]:
        """Windows, and how far the truth lies from the middle of each, (N,) px."""
        size = self.config.batch_size
        at = torch.randint(len(self._frame), (size,), generator=self._random, device=self._device)
        unit = torch.rand(size, generator=self._random, device=self._device, dtype=torch.float64)
        offset_px = (2.0 * unit - 1.0) * REACH * self.network.spec.window_columns_px
        x_px = self._truth_px[at] - offset_px
        return self._observe(standing(self._round[at], self._frame[at], x_px)), offset_px.float()

    def _gradient_step(self) -> tuple[float, float]:
        observation, offset_px = self.batch()
        self.network.train()
        logits = self.network(observation)
        loss = functional.cross_entropy(logits, self.network.targets(offset_px))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.network)
        self._optimiser.step()
        self.steps += self.config.batch_size
        surprise = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()
        read_loss, entropy = torch.stack((loss.detach(), surprise.detach())).tolist()
        return read_loss, entropy

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on."""
        tensors = prefixed("network.", self.network.state_dict()) | optimiser_state(self._optimiser)
        tensors |= {"random": self._random.get_state(), "dropout": torch.get_rng_state()}
        return tensors, {"steps": self.steps, "learning_rate": self._optimiser.param_groups[0]["lr"]}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called."""
        self.network.load_state_dict(below("network.", tensors))
        restore_optimiser(self._optimiser, tensors)
        self._random.set_state(tensors["random"].cpu())
        torch.set_rng_state(tensors["dropout"].cpu())
        self.steps = int(counters["steps"])
        self.set_learning_rate(counters["learning_rate"])
