"""Train one network of Duet and write its checkpoint and card.

`launch.py train duet` runs this; `--config` names a JSON file with any of :class:`TrainConfig`'s fields,
`--resume` goes on where a run stopped. Everything lies in the run's folder. The paper's agents, in order:

1. Six reward models: `{"kind": "a", "name": "a1", "learning": {"learning_rate": [0.005, 0.005]}}`, then 0.01
   and 0.05, then kinds b, c, d with 0.05; kind a is the MLE agent too.
2. RL-Duet: `{"method": "ensemble", "start": "A.safetensors", "models": [the six]}`.
3. RL-Rules: `{"method": "rules", "start": "A.safetensors", "models": ["A.safetensors"]}`.

And the one that ships: `{"method": "partner", "start": "A.safetensors"}`. Recipes of all that ship are in
models/duet/recipes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console

from models import checkpoint
from models.configuration import changed
from models.duet import causal, teacher
from models.duet.calibration import calibrate
from models.duet.causal import CausalNetwork
from models.duet.chorales import HELD_OUT_COUNT, VALIDATION, Chorale, Duet, all_duets, load, split
from models.duet.networks import KINDS, PLAYERS, Learnable, Network, new_network
from models.duet.partner import PartnerConfig, PartnerReward
from models.duet.reinforce import Judge, Reinforce, ReinforceConfig
from models.duet.reward import Reward, Rule, load_network, load_teacher
from models.duet.rules import THEORY_SCALE, music_theory, repetition
from models.duet.style import TERMS
from models.duet.training import OPTIMISERS, LearningConfig, Likelihood
from models.duet.windows import Library
from models.journal import STATE_NAME, Journal, Resumable, take_up
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file

RULES: dict[str, tuple[Rule, float]] = {
    "ensemble": (repetition, 1.0),
    "rules": (music_theory, THEORY_SCALE),
}
"""Beside the models' reward, with its weight: of RL-Duet, and of RL-Rules."""
METHODS: dict[str, type[LearningConfig] | type[ReinforceConfig]] = {
    "likelihood": LearningConfig,
    "ensemble": ReinforceConfig,
    "rules": ReinforceConfig,
    "partner": ReinforceConfig,
}


class TrainingProblem(RipienoError):
    """Training that cannot start: a configuration that is none, or a folder with an earlier run."""

    exit_code = 2


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run."""

    name: str = "duet"
    """Of its checkpoint. What is called duet-reward... is no partner to play with, wherever it lies."""
    method: str = "likelihood"
    """likelihood, ensemble (RL-Duet), rules (RL-Rules) or partner."""
    kind: str = "a"
    """Of the network, for likelihood; the others are of the kind that they begin from."""
    corpus: str = "data/chorales"
    """A folder made by `data build chorales`."""
    start: str = ""
    """The checkpoint, of a kind that can play, from which all other methods begin."""
    models: tuple[str, ...] = ()
    """Checkpoints of the reward models."""
    teacher: str = ""
    """The checkpoint, of kind foresight, to which `distil` of ReinforceConfig draws."""
    ear: str = ""
    """The checkpoint, of kind causal, that expects what the human plays when the agent improvises."""
    anticipation: float = 0.0
    """Weight of what the ear expects (:mod:`models.duet.anticipation`)."""
    widths: dict[str, int] = field(default_factory=dict)
    """Fields of networks.Widths that differ."""
    learning: dict[str, Any] = field(default_factory=dict)
    """Fields of LearningConfig or ReinforceConfig that differ."""
    reward: dict[str, Any] = field(default_factory=dict)
    """Fields of PartnerConfig that differ."""
    calibrated_on: int = 0
    """So many training duets say in the end how readily it holds, repeats and leaps; 0: nothing."""
    threads: int = 1
    seed: int = 0
    out: str = "runs/duet"


class Learner(Resumable, Protocol):
    """What each method of training is."""

    @property
    def network(self) -> Learnable:
        """What it trains."""

    def train(self, report: Callable[[Any], None]) -> None:
        """To the end; `report` gets a dataclass of figures."""


def train(config: Path | None = None, resume: bool = False) -> None:
    """Run it all.

    Raises:
        TrainingProblem: a bad configuration, an ear for a network that can have none, or a run's folder that
            is not empty without ``resume``.
        BadChorales: no chorales where the configuration says.
        CheckpointError: a network to start from, or to be rewarded by, is missing.
    """
    settings = read_config(config)
    state = Path(settings.out) / STATE_NAME
    if state.exists() and not resume:
        raise TrainingProblem(
            f"{settings.out} holds an earlier run: go on with --resume, or name another folder."
        )
    torch.set_num_threads(settings.threads)
    chorales = load(Path(settings.corpus))
    learner = make_learner(settings, chorales)
    ear = _ear(settings, learner.network)
    earlier_s = take_up(learner, state) if state.exists() else 0.0
    journal = Journal(learner, Path(settings.out), earlier_s)
    try:
        learner.train(journal)
    finally:
        journal.save()
    if ear and isinstance(learner.network, CausalNetwork):
        learner.network.listen(ear, settings.anticipation)
    finish(settings, learner, journal.spent_s, _calibrated(settings, learner.network, chorales))


def _ear(settings: TrainConfig, network: Learnable) -> CausalNetwork | None:
    if not settings.ear:
        return None
    if not isinstance(network, CausalNetwork):
        raise TrainingProblem(
            f"A network of kind {network.name} has no ear, only one of kind {causal.NAME}: "
            "leave out ear and anticipation."
        )
    found = load_network(settings.ear, (causal.NAME,))
    return found if isinstance(found, CausalNetwork) else None


def _calibrated(settings: TrainConfig, network: Learnable, chorales: list[Chorale]) -> dict[str, float]:
    if not settings.calibrated_on or isinstance(network, teacher.ForesightNetwork):
        return {}
    duets = all_duets(split(chorales).training)
    return calibrate(network, duets, settings.calibrated_on, settings.seed)


def read_config(path: Path | None) -> TrainConfig:
    """The configuration in a JSON file, or the defaults.

    Raises:
        TrainingProblem: the file holds no configuration.
    """
    try:
        settings = changed(TrainConfig(), read_json(path) if path else {})
        _check(settings)
        return settings
    except (OSError, ValueError, TypeError) as error:
        raise TrainingProblem(f"{path} is no training configuration ({error}); see TrainConfig.") from error


def _check(settings: TrainConfig) -> None:
    if settings.kind not in (*KINDS, causal.NAME, teacher.NAME) or settings.method not in METHODS:
        raise ValueError("an unknown kind or method")
    if settings.method != "likelihood" and not settings.start:
        raise ValueError(f"{settings.method} needs start")
    if settings.method in RULES and not settings.models:
        raise ValueError(f"{settings.method} needs models")
    if settings.teacher and settings.method == "likelihood":
        raise ValueError("likelihood has no teacher")
    if bool(settings.ear) != bool(settings.anticipation):
        raise ValueError("ear and anticipation go together")
    if set(changed(PartnerConfig(), settings.reward).style) - set(TERMS):
        raise ValueError("an unknown term of style")
    new_network(settings.kind, settings.widths)
    learning = learning_config(settings)
    if isinstance(learning, LearningConfig) and learning.optimiser not in OPTIMISERS:
        raise ValueError("an unknown optimiser")
    if isinstance(learning, ReinforceConfig) and learning.distil and not settings.teacher:
        raise ValueError("distil needs teacher")


def learning_config(settings: TrainConfig) -> LearningConfig | ReinforceConfig:
    """The method's defaults with what the configuration changes."""
    return changed(METHODS[settings.method](), {"seed": settings.seed, **settings.learning})


def make_learner(settings: TrainConfig, chorales: list[Chorale]) -> Learner:
    """The learner at its beginning, on the chorales for training."""
    parts = split(chorales)
    learning = learning_config(settings)
    if isinstance(learning, LearningConfig):
        torch.manual_seed(settings.seed)
        network = new_network(settings.kind, settings.widths)
        validation = Library(parts.validation, network.kind) if parts.validation else None
        return Likelihood(network, Library(parts.training, network.kind), learning, validation)
    torch.manual_seed(settings.seed)
    network, duets = load_network(settings.start, PLAYERS), all_duets(parts.training)
    taught = load_teacher(settings.teacher) if settings.teacher else None
    return Reinforce(network, duets, _judge(settings, duets, learning), learning, taught)


def _judge(settings: TrainConfig, duets: list[Duet], learning: ReinforceConfig) -> Judge:
    if settings.method == "partner":
        return PartnerReward(duets, changed(PartnerConfig(), settings.reward), learning)
    models = [load_network(name) for name in settings.models]
    if settings.method == "ensemble" and not is_the_papers(models):
        kinds = ", ".join(model.name for model in models)
        Console(stderr=True).print(
            f"It is trained with reward models {kinds}, as you say; RL-Duet's are a, a, a, b, c, d.",
            soft_wrap=True,
        )
    return Reward(models, *RULES[settings.method])


def is_the_papers(models: Sequence[Network]) -> bool:
    """Whether they are the paper's kinds: (a) three times, for which causal may stand, (b), (c) and (d)."""
    return sorted("a" if model.name in PLAYERS else model.name for model in models) == list("aaabcd")


def finish(settings: TrainConfig, learner: Learner, spent_s: float, shifts: dict[str, float]) -> Path:
    """Write the checkpoint, in half precision, and its card."""
    metadata = {
        "network": learner.network.arguments(),
        "config": dataclasses.asdict(settings),
        "learning": dataclasses.asdict(learning_config(settings)),
        "processor_minutes": round(spent_s / 60, 1),
        "shifts": shifts,
    }
    path = Path(settings.out) / f"{settings.name}.safetensors"
    checkpoint.save(path, {n: v.half() for n, v in learner.network.state_dict().items()}, metadata)
    replace_file(path.with_suffix(".md"), card(settings, metadata).encode())
    Console().print(f"{path}: figures with launch.py evaluate duet --agent {path}", soft_wrap=True)
    return path


def card(settings: TrainConfig, metadata: dict[str, Any]) -> str:
    """How it was made, as Markdown; its figures are those of `launch.py evaluate duet`."""
    lines = [
        f"# {settings.name}",
        "",
        f"A network of Duet, kind `{metadata['network']['kind']}`, by {settings.method} (models/duet/).",
        "",
        f"- Data: Bach's four-part chorales as music21 10.5.1 holds them, all but {HELD_OUT_COUNT} held "
        f"out and {len(VALIDATION)} for validation (models/duet/chorales.py), every pair of voices, in every "
        "key within MIDI 36 to 81.",
        f"- Network: {json.dumps(metadata['network'])}.",
        f"- Learning: {json.dumps(metadata['learning'])}, {metadata['processor_minutes']:g} minutes of one "
        "processor core.",
        "- Command: `launch.py train duet --config FILE` with",
        "",
        "```json",
        json.dumps(metadata["config"], indent=1),
        "```",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
