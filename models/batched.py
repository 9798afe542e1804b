"""The following game for training: many rounds at once, on tensors, on any device.

The rules are those of `game` and `environment`, and a test holds them equal step by step. What the policy
sees is a function of the state given by the caller: `WindowObserver` makes the paper's observation; a policy
that reads a precomputed belief over the strip brings its own and then needs neither strips nor frames here.

Fast because nothing is cut out or converted: strips and spectrograms lie in one buffer each, columns (or
frames) one after the other, so every observation is a copy of consecutive bytes; the difference channels are
left to the first operation of the network (`networks.paper_input`), where they cost nothing.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import game
from models.features import SPEC
from models.game import GameSpec, Round, Truth
from models.vectorised import Observation, Transition, map_observation

CHUNK_BYTES = 8


@dataclass(frozen=True)
class FollowState:
    """Where N players are: `round` (N,) int64, the index of the performance each plays; `frame` (N,) int64,
    the newest frame heard; `x_px`, `previous_x_px` and `speed_px` (N,) float64, px and px per frame."""

    round: Tensor
    frame: Tensor
    x_px: Tensor
    previous_x_px: Tensor
    speed_px: Tensor

    def moved(self, change: Tensor) -> FollowState:
        """One frame on: `change` (N,) float64 is added to the speed, that to the position (`game.move`)."""
        speed_px = self.speed_px + change
        return FollowState(self.round, self.frame + 1, self.x_px + speed_px, self.x_px, speed_px)


Observe = Callable[[FollowState], Observation]


@dataclass(frozen=True)
class Start:
    """How episodes begin. The defaults are the game's: at the first onset, on the note, at speed 0.

    For training: `anywhere` is the share of episodes that begin at a random frame, at about the speed of the
    music there; `offset_px` and `speed_jitter_px` spread position and speed uniformly by as much to either
    side; `limit_frames` cuts episodes short (truncation, not an end).
    """

    anywhere: float = 0.0
    offset_px: float = 0.0
    speed_jitter_px: float = 0.0
    limit_frames: int | None = None


class Truths:
    """Truths one after the other in one buffer of positions, one per frame."""

    def __init__(self, truths: Sequence[Truth], tolerance_px: float | Sequence[float], device: torch.device):
        lengths = [len(truth.x_px) for truth in truths]
        self.x_px = torch.from_numpy(np.concatenate([truth.x_px for truth in truths])).to(device)
        self.offset = torch.tensor(np.cumsum([0, *lengths[:-1]]), device=device)
        self.first = torch.tensor([truth.first_frame for truth in truths], device=device)
        self.last = torch.tensor([truth.last_frame for truth in truths], device=device)
        tolerances = torch.as_tensor(tolerance_px, dtype=torch.float64, device=device)
        self.tolerance_px = tolerances.expand(len(truths)).contiguous()

    def at(self, which: Tensor, frame: Tensor) -> Tensor:
        """True positions (N,), at frames up to the last onset of each."""
        return self.x_px[self.offset[which] + frame]


class BatchedFollowing:
    """N games at once, each beginning anew when it ends (a VectorEnv).

    `tolerance_px` is the game's b, one for all rounds or one for each. Actions are (N,) int64 in 0..2
    (slower, keep, faster) or, for a continuous player, (N,) float changes of speed.
    """

    def __init__(
        self,
        truths: Sequence[Truth],
        observe: Observe,
        count: int,
        tolerance_px: float | Sequence[float],
        start: Start | None = None,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.count = count
        self.device = torch.device(device)
        self._truths = Truths(truths, tolerance_px, self.device)
        self._observe = observe
        self._start = start or Start()
        self._random = torch.Generator(self.device).manual_seed(seed)
        self._steps = torch.zeros(count, dtype=torch.int64, device=self.device)
        self.state = self._draw()
        self.error_px = torch.zeros(count, dtype=torch.float64, device=self.device)

    def reset(self, rounds: Tensor | None = None) -> Observation:
        """Begin N episodes, of rounds drawn at random or of those given, (N,) int64."""
        self.state = self._draw(rounds)
        self._steps.zero_()
        return self._observe(self.state)

    def step(self, actions: Tensor) -> Transition:
        """Move every game one frame on. Afterwards `error_px` (N,) is that of the step, before any reset."""
        truths = self._truths
        self.state = state = self._moved(actions)
        self._steps += 1
        self.error_px = state.x_px - truths.at(state.round, state.frame)
        tolerance = truths.tolerance_px[state.round]
        reward = (1.0 - self.error_px.abs() / tolerance).clamp_min(0.0).float()
        terminated = (self.error_px.abs() > tolerance) | (state.frame >= truths.last[state.round])
        truncated, final = self._cut_short(terminated)
        self._begin_anew(terminated | truncated)
        return Transition(self._observe(self.state), reward, terminated, truncated, final)

    def saved(self) -> dict[str, Tensor]:
        """Where every game stands, and the generator of the starts to come."""
        state = {name: part.clone() for name, part in vars(self.state).items()}    # some may share memory
        return state | {"steps": self._steps, "random": self._random.get_state()}

    def restore(self, tensors: Mapping[str, Tensor]) -> Observation:
        """Go on where `saved` was called, with the same rounds; gives what is seen there."""
        here = {name: tensor.to(self.device) for name, tensor in tensors.items() if name != "random"}
        self._steps = here.pop("steps")
        self.state = FollowState(**here)
        self._random.set_state(tensors["random"].cpu())
        return self._observe(self.state)

    def _moved(self, actions: Tensor) -> FollowState:
        return self.state.moved(actions.double() if actions.is_floating_point() else actions.double() - 1.0)

    def _cut_short(self, terminated: Tensor) -> tuple[Tensor, Observation | None]:
        if self._start.limit_frames is None:
            return torch.zeros_like(terminated), None
        truncated = (self._steps >= self._start.limit_frames) & ~terminated
        if not truncated.any():
            return truncated, None
        return truncated, map_observation(torch.clone, self._observe(self.state))

    def _begin_anew(self, ended: Tensor) -> None:
        """Replace the ended games by fresh ones; drawn for all, so that no device has to wait for a count."""
        fresh, old = self._draw(), self.state
        self.state = FollowState(*(
            torch.where(ended, getattr(fresh, name), getattr(old, name)) for name in vars(old)
        ))
        self._steps.masked_fill_(ended, 0)

    def _draw(self, rounds: Tensor | None = None) -> FollowState:
        truths, start = self._truths, self._start
        if rounds is None:
            many = len(truths.first)
            rounds = torch.randint(many, (self.count,), generator=self._random, device=self.device)
        frame = truths.first[rounds]
        speed_px = torch.zeros(self.count, dtype=torch.float64, device=self.device)
        if start.anywhere > 0:
            frame, speed_px = self._somewhere(rounds, frame)
        x_px = truths.at(rounds, frame)
        if start.offset_px > 0:
            x_px = x_px + start.offset_px * self._spread()
        if start.speed_jitter_px > 0:
            speed_px = speed_px + start.speed_jitter_px * self._spread()
        return FollowState(rounds, frame, x_px, x_px, speed_px)

    def _somewhere(self, rounds: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and speeds for a share of the games: anywhere before the last onset, at the music's pace."""
        truths = self._truths
        span = truths.last[rounds] - first
        moved = (self._spread() + 1) / 2 < self._start.anywhere
        frame = first + torch.where(moved, ((self._spread() + 1) / 2 * span).long().clamp_max(span - 1), 0)
        behind, ahead = (frame - SPEC.fps // 2).clamp_min(first), frame + SPEC.fps // 2
        ahead = torch.minimum(ahead, truths.last[rounds])
        pace_px = (truths.at(rounds, ahead) - truths.at(rounds, behind)) / (ahead - behind)
        return frame, torch.where(moved, pace_px.round(), 0.0)

    def _spread(self) -> Tensor:
        """(N,) float64, uniform in [-1, 1)."""
        unit = torch.rand(self.count, generator=self._random, device=self.device, dtype=torch.float64)
        return 2.0 * unit - 1.0


class _Runs:
    """A buffer of rows of equal size, read in runs of consecutive rows as if they were already stacked."""

    def __init__(self, rows: Tensor, length: int) -> None:
        self._row_shape = (length, *rows.shape[1:])
        flat = rows.reshape(-1)
        width = rows[0].numel()
        if flat.element_size() == 1 and width % CHUNK_BYTES == 0:    # eight columns' bytes at a time
            flat, width = flat.view(torch.int64), width // CHUNK_BYTES
        self._dtype = rows.dtype
        self._runs = flat.as_strided((len(rows) - length + 1, length * width), (width, 1))
        self._out = flat.new_empty(0)

    def read(self, begins: Tensor) -> Tensor:
        """(n, length, ...) rows from each of `begins` (n,) int64; valid until the next read."""
        shape = (len(begins), self._runs.shape[1])
        if self._out.shape != shape:
            self._out = self._runs.new_empty(shape)
        torch.index_select(self._runs, 0, begins, out=self._out)
        return self._out.view(self._dtype).view(len(begins), *self._row_shape)


class WindowObserver:
    """The paper's observation (section 2.1), raw: what `FollowingEnv` shows before differences are taken.

    Gives `score` (N, 2, columns, rows) uint8, the window now and one step ago, and `audio`
    (N, 41, 78) float32, the newest 2 s with one frame more in front. Both are views of buffers that the next
    call overwrites. Rounds of the same strip object share its columns. (n strips of W columns take
    W * rows bytes each at a shrink of 1, W * rows / 2 at 2.)
    """

    def __init__(self, rounds: Sequence[Round], spec: GameSpec, device: torch.device | str = "cpu") -> None:
        self._spec = spec
        self._device = torch.device(device)
        self._pack_strips(rounds)
        self._pack_frames(rounds)

    def _pack_strips(self, rounds: Sequence[Round]) -> None:
        """Shrunk strips as columns, once for every phase: a window may begin at any full-size column."""
        spec, parts, begins, place = self._spec, [], {}, 0
        top = (rounds[0].strip.shape[0] - spec.window_rows_px) // 2
        for strip in {id(r.strip): r.strip for r in rounds}.values():
            rows = strip[top:top + spec.window_rows_px]
            phases = [game.shrunk(rows[:, phase:], spec.shrink).T for phase in range(spec.shrink)]
            begins[id(strip)] = [place + sum(map(len, phases[:phase])) for phase in range(spec.shrink)]
            parts += phases
            place += sum(map(len, phases))
        columns = torch.from_numpy(np.ascontiguousarray(np.concatenate(parts))).to(self._device)
        self._columns = _Runs(columns, spec.window_shape[1])
        self._strip_begin = torch.tensor([begins[id(r.strip)] for r in rounds], device=self._device)
        self._strip_width = torch.tensor([r.strip.shape[1] for r in rounds], device=self._device)

    def _pack_frames(self, rounds: Sequence[Round]) -> None:
        """Spectrograms with the silence before them, each long enough for its last onset."""
        silence = np.zeros((self._spec.context_frames + 1, SPEC.bands), np.float32)
        parts, begins, place = [], [], 0
        for r in rounds:
            missing = max(r.truth.last_frame + 1 - len(r.frames), 0)
            parts += [silence, r.frames, np.zeros((missing, SPEC.bands), np.float32)]
            begins.append(place)
            place += len(silence) + len(r.frames) + missing
        heard = torch.from_numpy(np.concatenate(parts)).to(self._device)
        self._frames = _Runs(heard, self._spec.context_frames + 1)
        self._frames_begin = torch.tensor(begins, device=self._device)

    def __call__(self, state: FollowState) -> Observation:
        """Observations of N games; see the class."""
        both_x_px = torch.stack((state.x_px, state.previous_x_px), 1).reshape(-1)
        which = state.round.repeat_interleave(2)
        score = self._columns.read(self._column(which, both_x_px))
        audio = self._frames.read(self._frames_begin[state.round] + state.frame + 1)
        return {"score": score.unflatten(0, (-1, 2)), "audio": audio}

    def _column(self, which: Tensor, x_px: Tensor) -> Tensor:
        """First buffer column of the windows around `x_px`: `game.window_start`, in its phase."""
        spec = self._spec
        left = (x_px + 0.5).floor().long() - spec.window_columns_px // 2
        left = torch.minimum(left.clamp_min(0), self._strip_width[which] - spec.window_columns_px)
        phase = left % spec.shrink
        return self._strip_begin[which, phase] + left // spec.shrink
