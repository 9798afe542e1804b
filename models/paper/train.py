"""Train an agent of the paper, or its supervised baseline, on the paper's game.

`launch.py train follower-paper` runs this; `--config` names a JSON file with any of :class:`TrainConfig`'s
fields (`recipes/` holds those of the paper), `--resume` goes on where a run stopped. After every epoch the
agent plays the validation tunes; the best weights are kept, and after `patience` epochs without a better one
the learning rate falls, `refinements` times (section 4.1, table 5). Where `minutes` are given the run ends
with them, and the learning rate falls to zero over them instead. Under torchrun every process plays its own
games. Everything lies in the run's folder.
"""
from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models import checkpoint
from models.a2c import A2C, A2CConfig
from models.actor_critic import LearningConfig, UpdateReport
from models.batched import BatchedFollowing, Start, WindowObserver
from models.configuration import changed, check_counts
from models.features import SPEC
from models.game import MSMD, NOTTINGHAM, GameSpec
from models.journal import STATE_NAME, Journal, take_up
from models.networks import PaperNetwork, msmd_network, nottingham_network, use_bfloat16
from models.paper.budget import Budget
from models.paper.imitation import Apprentice, Imitation, ImitationConfig
from models.paper.localiser import Localiser, LocaliserConfig, Localising, localiser_game
from models.paper.rounds import STYLES, load_split
from models.paper.validation import Examination, Score
from models.ppo import PPO, PPOConfig
from models.processes import agreed, gpu_here, join, of_the_first
from models.reinforce import Reinforce, ReinforceConfig
from models.tensors import below, prefixed
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file

GAMES: dict[str, tuple[GameSpec, Callable[[], PaperNetwork]]] = {
    "nottingham": (NOTTINGHAM, nottingham_network),
    "msmd": (MSMD, msmd_network),
}
"""Rules, and the paper's network for them."""
METHODS: dict[str, tuple[type[LearningConfig], Callable[..., Any]]] = {
    "reinforce": (ReinforceConfig, Reinforce),
    "a2c": (A2CConfig, A2C),
    "ppo": (PPOConfig, PPO),
}
SUPERVISED = "mm-loc"
OWN = {"env", "games", "random", "tally", "dropout"}
"""Parts of the names of what each process has for itself in a course's state."""
MAY_BE_ZERO = frozenset({"seed", "pieces", "validation_frames", "refinements"})
"""Whole numbers of a configuration that may be; all others are at least 1."""
LESSON_SHARE = 0.5
"""Of the minutes, where there is a limit, imitation takes this at most."""


class TrainingProblem(RipienoError):
    """Training that cannot start: a configuration that is none, or a folder with an earlier run."""

    exit_code = 2


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run. The defaults are the paper's PPO on Nottingham."""

    name: str = "paper-nottingham-ppo"
    game: str = "nottingham"
    """nottingham (table 1) or msmd (table 2)."""
    method: str = "ppo"
    """reinforce, a2c, ppo, or mm-loc, the supervised localisation."""
    data: str = "data/nottingham-game"
    """A folder made by `data build nottingham-game` or, for the msmd game, `data build msmd`."""
    styles: tuple[str, ...] = ("written",)
    """Of its renderings: written, as in the paper, and played."""
    pieces: int = 187
    """At most so many tunes to train on; the paper's number."""
    actors: int = 8
    """Games at once, in every process."""
    device: str = "auto"
    """cpu, cuda, or auto: a GPU where there is one."""
    learning: dict[str, Any] = field(default_factory=dict)
    """Fields of the method's configuration that differ from table 5."""
    imitation: dict[str, Any] | None = None
    """Where given, the network learns by imitation first: fields of imitation.ImitationConfig."""
    start: dict[str, Any] = field(default_factory=dict)
    """Fields of batched.Start that differ from the game's own."""
    epoch_steps: int = 50_000
    """Steps, or examples, between two validations."""
    validation_trials: int = 1
    """Times every validation tune is played."""
    validation_frames: int = 0
    """Validation plays at most so much of a tune; 0 is all of it."""
    minutes: float | None = None
    """Where given, the run ends after so many on the wall's clock."""
    bfloat16: bool = False
    """Whether convolutions are computed in that while training: for GPUs."""
    patience: int = 50
    learning_rate_multiplier: float = 0.1
    refinements: int = 2
    threads: int = 1
    seed: int = 0
    out: str = "runs/follower-paper"


class Trainable(Protocol):
    """What every method is."""

    @property
    def steps(self) -> int:
        """Taken so far."""

    @property
    def network(self) -> nn.Module:
        """What it trains."""

    def train(self, report: Callable[[Any], bool | None]) -> None:
        """To the end, or until `report` says so."""

    def set_learning_rate(self, rate: float) -> None:
        """From the next update on."""

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on."""

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called."""


@dataclass(frozen=True)
class Progress:
    """One epoch: what the last update and the validation tunes say."""

    steps: int
    epoch: int
    frames_per_s: float
    reward: float
    entropy: float
    explained: float
    r_on: float
    r_tue: float
    best_r_on: float
    learning_rate: float


class Course:
    """A learner and its epochs: validates, keeps the best weights, lowers the learning rate, ends."""

    def __init__(self, learner: Trainable, settings: TrainConfig, examine: Callable[[nn.Module], Score],
                 rate: float, budget: Budget | None = None) -> None:  # fmt: skip
        self.learner, self.epoch = learner, 0
        self._budget = budget or Budget(None)
        self.best, self.best_weights = Score(-1.0, -1.0), _copy(learner.network)
        self._settings, self._examine, self._rate = settings, examine, rate
        self._waited, self._refined = 0, 0
        self._begun = (time.monotonic(), learner.steps)

    def train(self, report: Callable[[Progress], None]) -> None:
        """To the end of the course."""
        self._begun = (time.monotonic(), self.learner.steps)
        self.learner.train(lambda update: self._after(update, report))

    def _after(self, update: UpdateReport, report: Callable[[Progress], None]) -> bool:
        """After an update: nothing more until an epoch is full. Whether the course is over."""
        left = agreed(self._budget.left)
        if self._settings.minutes is not None:
            self.learner.set_learning_rate(self._rate * left)
        epoch_is_full = self.learner.steps >= (self.epoch + 1) * self._settings.epoch_steps
        if left > 0 and not (epoch_is_full and agreed(self._budget.may_validate) > 0.5):
            return False
        validating_s = self._budget.spent_s
        began_s, steps = self._begun
        frames_per_s = (self.learner.steps - steps) / max(time.monotonic() - began_s, 1e-9)
        self.epoch = self.learner.steps // self._settings.epoch_steps
        found = self._examine(self.learner.network)
        found = Score(agreed(found.r_on), agreed(found.r_tue))
        self._budget.validated(validating_s)
        over = self._judge(found) or left <= 0
        report(Progress(
            self.learner.steps, self.epoch, frames_per_s, update.played.mean_reward, update.learned.entropy,
            update.learned.explained_variance, found.r_on, found.r_tue, self.best.r_on, self._rate * left,
        ))  # fmt: skip
        self._begun = (time.monotonic(), self.learner.steps)
        return over

    def _judge(self, found: Score) -> bool:
        """Keep what is better; when nothing was for long, lower the learning rate, and at last end."""
        if found.r_on > self.best.r_on:
            self.best, self.best_weights, self._waited = found, _copy(self.learner.network), 0
            return False
        self._waited += 1
        if self._settings.minutes is not None or self._waited < self._settings.patience:
            return False
        self._waited, self._refined = 0, self._refined + 1
        self._rate *= self._settings.learning_rate_multiplier
        self.learner.set_learning_rate(self._rate)
        return self._refined > self._settings.refinements

    def saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is needed to go on."""
        tensors, counters = self.learner.saved()
        course = {"epoch": self.epoch, "waited": self._waited, "refined": self._refined, "rate": self._rate,
                  "best": dataclasses.asdict(self.best), "spent_s": self._budget.spent_s}  # fmt: skip
        return prefixed("learner.", tensors) | prefixed("best.", self.best_weights), {
            "learner": counters, "course": course, "made_by": self._made_by,
        }  # fmt: skip

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Go on where `saved` was called; raises ValueError for the state of another game or method."""
        if counters.get("made_by", self._made_by) != self._made_by:  # older states do not say
            raise ValueError("made by another method")
        self.learner.restore(below("learner.", tensors), counters["learner"])
        course = counters["course"]
        self.epoch, self._waited, self._refined = course["epoch"], course["waited"], course["refined"]
        self._rate, self.best = course["rate"], Score(**course["best"])
        self._budget.go_on_from(course["spent_s"])
        self.best_weights = below("best.", tensors)

    @property
    def _made_by(self) -> dict[str, Any]:
        """What the state is of: that of another may fit by its shapes, and be gone on with in silence."""
        return {name: getattr(self._settings, name) for name in ("game", "method", "actors")}

    def begin_together(self) -> None:
        """All processes stand where the first does; each keeps its own games and draws.

        They may have been put aside at other moments, or be more than there were.
        """
        tensors, counters = self.saved()
        on_cpu = {name: tensor.cpu() for name, tensor in tensors.items()}
        first, counters = of_the_first((on_cpu, counters))
        self.restore(first | {name: on_cpu[name] for name in on_cpu if OWN & set(name.split("."))}, counters)


def train(config: Path | None = None, resume: bool = False) -> None:
    """Run it all.

    Raises:
        TrainingProblem: a bad configuration, a run's folder that is not empty without ``resume``, or a GPU
            with too little memory.
        NoRounds: no data where the configuration says.
    """
    settings = read_config(config)
    try:
        _train(settings, resume)
    except torch.OutOfMemoryError as error:
        raise TrainingProblem(
            "The GPU has too little memory: set fewer actors, a smaller batch_size, or device to cpu."
        ) from error


def _train(settings: TrainConfig, resume: bool) -> None:
    budget = Budget(settings.minutes)
    torch.set_num_threads(settings.threads)
    if settings.bfloat16:
        torch.set_float32_matmul_precision("high")
    device = device_of(settings)
    rank = join(device)
    out = Path(settings.out) if rank == 0 else Path(settings.out) / f"process-{rank}"
    if (out / STATE_NAME).exists() and not resume:
        raise TrainingProblem(
            f"{settings.out} holds an earlier run: go on with --resume, or name another folder."
        )
    course = make_course(settings, device, rank, budget)
    earlier_s = take_up(course, out / STATE_NAME) if (out / STATE_NAME).exists() else 0.0
    course.begin_together()
    journal = Journal(course, out, earlier_s)

    def report(progress: Progress) -> None:
        journal(progress)
        if rank == 0 and progress.r_on == progress.best_r_on:    # at once: it may be cut off
            write_agent(settings, course, journal.spent_s)

    try:
        course.train(report)
    finally:
        journal.save()
        if rank == 0:
            path = write_agent(settings, course, journal.spent_s)
            print(f"{path}: figures with launch.py evaluate follower --agent {path}")  # noqa: T201 - the answer


def read_config(path: Path | None) -> TrainConfig:
    """The configuration in a JSON file, or the defaults; raises TrainingProblem where it is none."""
    try:
        fields = read_json(path) if path else {}
        settings = changed(TrainConfig(), fields)
        if settings.game not in GAMES or settings.method not in {*METHODS, SUPERVISED}:
            raise ValueError("an unknown game or method")
        if set(settings.styles) - set(STYLES) or settings.device not in ("auto", "cpu", "cuda"):
            raise ValueError("an unknown style or device")
        if settings.imitation is not None and settings.method == SUPERVISED:
            raise ValueError("imitation is for agents")
        changed(Start(), settings.start)
        check_counts(settings, MAY_BE_ZERO)
        check_counts(learning_config(settings), MAY_BE_ZERO)
        check_counts(imitation_config(settings), MAY_BE_ZERO)
        if settings.minutes is not None and settings.minutes <= 0:
            raise ValueError("no minutes")
        return settings
    except (OSError, ValueError, TypeError) as error:
        raise TrainingProblem(f"{path} is no training configuration ({error}); see TrainConfig.") from error


def device_of(settings: TrainConfig) -> torch.device:
    """Where everything lives; raises TrainingProblem where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise TrainingProblem('there is no GPU here; set device to "cpu" or "auto".')
    return gpu_here() if there and settings.device != "cpu" else torch.device("cpu")


def learning_config(settings: TrainConfig, rank: int = 0) -> Any:
    """Table 5 with what the configuration changes; every process draws by itself."""
    kind = LocaliserConfig if settings.method == SUPERVISED else METHODS[settings.method][0]
    fields = {**settings.learning, "seed": settings.seed + 7919 * rank}
    return changed(kind(total_steps=10**12), fields)


def imitation_config(settings: TrainConfig, rank: int = 0) -> ImitationConfig:
    """What is learned by imitation first; every process draws by itself."""
    return changed(ImitationConfig(), {**(settings.imitation or {}), "seed": settings.seed + 7919 * rank})


def make_course(
    settings: TrainConfig, device: torch.device, rank: int = 0, budget: Budget | None = None
) -> Course:
    """The course at its beginning."""
    folder = Path(settings.data)
    rounds = load_split(folder, "train", settings.styles, settings.pieces)
    valid = load_split(folder, "valid", settings.styles)
    budget = budget or Budget(settings.minutes)
    spec, make_network = GAMES[settings.game]
    config = learning_config(settings, rank)
    torch.manual_seed(settings.seed)          # the same weights in every process
    if settings.method == SUPERVISED:
        localiser = Localiser(localiser_game(spec)).to(device)
        learner: Trainable = Localising(localiser, rounds, config, device)
        if settings.bfloat16:
            use_bfloat16(localiser)
        return Course(
            learner, settings, lambda _: localiser.examine(valid, device), config.learning_rate, budget
        )
    env = BatchedFollowing(
        [each.truth for each in rounds], WindowObserver(rounds, spec, device), settings.actors,
        spec.tolerance_px, Start(**settings.start), device, config.seed,
    )  # fmt: skip
    network = make_network()
    if settings.bfloat16:
        use_bfloat16(network)
    method = METHODS[settings.method][1](network, env, config)
    learner = method
    if settings.imitation is not None:
        lesson = Imitation(network, rounds, spec, imitation_config(settings, rank), device)
        learner = Apprentice(lesson, method, lambda: agreed(budget.left) < 1.0 - LESSON_SHARE)
    examination = Examination(valid * settings.validation_trials, spec, device, settings.validation_frames)
    return Course(learner, settings, examination, config.learning_rate, budget)


def write_agent(settings: TrainConfig, course: Course, spent_s: float) -> Path:
    """Write the best weights as a checkpoint, and its card."""
    metadata = {
        "paper": {"game": settings.game, "method": settings.method},
        "config": dataclasses.asdict(settings),
        "steps": course.learner.steps,
        "validation": dataclasses.asdict(course.best),
        "processor_minutes": round(spent_s / 60, 1),
        "device": next(course.learner.network.parameters()).device.type,
    }
    path = Path(settings.out) / f"{settings.name}.safetensors"
    checkpoint.save(path, {name: value.half() for name, value in course.best_weights.items()}, metadata, SPEC)
    replace_file(path.with_suffix(".md"), card(settings, metadata).encode())
    return path


def card(settings: TrainConfig, metadata: dict[str, Any]) -> str:
    """How it was made, as Markdown; its figures are those of `launch.py evaluate follower`."""
    best = metadata["validation"]
    beside = " beside a GPU" if metadata["device"] == "cuda" else ""
    lines = [
        f"# {settings.name}",
        "",
        f"The 2019 score-following paper's `{settings.method}` on its {settings.game} game, trained anew.",
        "",
        f"- Data: `{settings.data}`, as {', '.join(settings.styles)}, at most {settings.pieces} tunes.",
        f"- {metadata['steps']:,} steps, {metadata['processor_minutes']:g} minutes of one core{beside}.",
        f"- On the validation tunes: R_on {best['r_on']:.3f}, R_tue {best['r_tue']:.3f}.",
        "- Command: `launch.py train follower-paper --config FILE` with",
        "",
        "```json",
        json.dumps(metadata["config"], indent=1),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
