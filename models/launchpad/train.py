"""Train a launchpad agent: plan, learn from the plan, learn from reward, write the checkpoint and its card.

`launch.py train launchpad` runs this; `--config` names a JSON file with any of :class:`TrainConfig`'s fields,
`--resume` goes on where a run stopped. With `{"method": "evolution"}` a plan learns by evolution strategies,
else by Q-learning. The paper's networks skip the plan: `{"kind": "deep", "reward": "nearest", "corpus":
"data/launchpad-pop909"}` is its setting. Everything lies in the run's folder.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from models import checkpoint
from models.configuration import changed, check_counts
from models.journal import STATE_NAME, Journal, take_up
from models.launchpad.corpus import Corpus, composed_corpus
from models.launchpad.evolution import EvolutionConfig, EvolutionLearner
from models.launchpad.networks import KINDS, MotifQ, QNetwork
from models.launchpad.planning import Expectation, Expected, Plan, make_plan
from models.launchpad.qlearning import PAPERS_LINEAR, QConfig, QLearner
from models.launchpad.reward import NearestBar, Reward, Shape, Shaped
from models.launchpad.starts import STARTS, mixed, named_start, near
from pieces.errors import RipienoError
from pieces.files import read_json, replace_file

PLAN_NAME = "plan.npz"
AnyLearner = QLearner | EvolutionLearner
METHODS = ("q", "evolution")
MAY_BE_ZERO = frozenset({"seed", "motifs", "floor", "updates", "warm_up"})
"""Whole numbers that may be; all others are at least 1."""
REWARDS = ("nearest", "shaped", "expected")
MOTIF_LEARNING = QConfig(
    updates=1000, updates_per_bar=4, song_bars=200, replay=100_000, warm_up=8000, discount=0.9,
    target_every=250, learning_rate=(3e-4, 3e-5), epsilon=(0.1, 0.02), reward_floor=-30.0, double=True,
    report_every=100,
)  # fmt: skip
"""Past the paper: a plan to begin with, so short songs, a near horizon and small steps are enough."""
AFTERSTATE_LEARNING = QConfig(
    updates=1500, songs=128, updates_per_bar=4, song_bars=200, replay=8192, warm_up=2000, batch=64,
    discount=0.95, target_every=25, learning_rate=(1e-3, 5e-5), epsilon=(0.1, 0.05), backups=4,
    compressed=True, value_ceiling=0.0, report_every=100,
)  # fmt: skip
"""Many actions of each state, values in a scale that is fine where music is."""
PRESETS = {"linear": PAPERS_LINEAR, "deep": QConfig(), "motifs": MOTIF_LEARNING,
           "afterstates": AFTERSTATE_LEARNING}  # fmt: skip


class TrainingProblem(RipienoError):
    """Training that cannot start: a configuration that is none, or a folder with an earlier run."""

    exit_code = 2


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run."""

    name: str = "launchpad"
    kind: str = "motifs"
    """The network: linear, deep, motifs or afterstates."""
    method: str = "q"
    """How it learns: by q (Q-learning), or by evolution, which is for motifs and the expected reward."""
    corpus: str = ""
    """A folder made by `data build launchpad`; none is the corpus composed by rule."""
    reward: str = "shaped"
    """shaped, expected: the mean of shaped over samples, or nearest: the paper's."""
    shape: dict[str, float] = field(default_factory=dict)
    """Fields of reward.Shape that differ."""
    motifs: int = 16
    """The best of the plan: for the network of that kind (more vary more between songs, and earn less), and
    for afterstates where some songs begin; none there is no plan."""
    found: int = 96
    """Grids that planning finds before it stops."""
    candidates: int = 2048
    """Bars of the corpus from which planning climbs."""
    starts: tuple[str, ...] = ("uniform",)
    """Where songs begin, in equal shares."""
    learning: dict[str, Any] = field(default_factory=dict)
    """Fields of QConfig that differ from the preset of the network, or of EvolutionConfig."""
    threads: int = 1
    seed: int = 0
    out: str = "runs/launchpad"


def train(config: Path | None = None, resume: bool = False) -> None:
    """Run it all.

    Raises:
        TrainingProblem: a bad configuration, or a run's folder that is not empty without ``resume``.
        BadCorpus: no corpus where the configuration says.
    """
    settings = read_config(config)
    state = Path(settings.out) / STATE_NAME
    if state.exists() and not resume:
        raise TrainingProblem(
            f"{settings.out} holds an earlier run: go on with --resume, or name another folder."
        )
    torch.set_num_threads(settings.threads)
    corpus = open_corpus(settings.corpus)
    learner = make_learner(settings, corpus)
    earlier_s = take_up(learner, state) if state.exists() else 0.0
    journal = Journal(learner, Path(settings.out), earlier_s)
    try:
        learner.train(journal)
    finally:
        journal.save()
    finish(settings, learner, corpus, journal)


def read_config(path: Path | None) -> TrainConfig:
    """The configuration in a JSON file, or the defaults.

    Raises:
        TrainingProblem: the file holds no configuration.
    """
    try:
        fields = read_json(path) if path else {}
        settings = changed(TrainConfig(), fields)
        _check(settings)
        return settings
    except (OSError, ValueError, TypeError) as error:
        raise TrainingProblem(f"{path} is no training configuration ({error}); see TrainConfig.") from error


def _check(settings: TrainConfig) -> None:
    if settings.kind not in KINDS or settings.reward not in REWARDS or set(settings.starts) - set(STARTS):
        raise ValueError("an unknown kind, reward or start")
    if settings.method not in METHODS:
        raise ValueError("an unknown method")
    if not settings.starts:
        raise ValueError("starts names none")
    if settings.kind == "motifs" and not settings.motifs:
        raise ValueError("a network of the kind motifs has at least one")
    if settings.method == "evolution" and (settings.kind, settings.reward) != ("motifs", "expected"):
        raise ValueError("evolution asks for motifs and the expected reward")
    learning = learning_config(settings)
    for part in (settings, changed(Shape(), settings.shape), learning):
        check_counts(part, MAY_BE_ZERO)
    if isinstance(learning, QConfig) and min(*learning.learning_rate, *learning.epsilon) < 0:
        raise ValueError("learning_rate and epsilon are never negative")
    if isinstance(learning, EvolutionConfig) and learning.judged > learning.bars:
        raise ValueError("no more bars are judged than a song has")


def learning_config(settings: TrainConfig) -> QConfig | EvolutionConfig:
    """The preset of the method, or of the network, with what the configuration changes."""
    evolves = settings.method == "evolution"
    preset: QConfig | EvolutionConfig = EvolutionConfig() if evolves else PRESETS[settings.kind]
    return changed(preset, {"seed": settings.seed, **settings.learning})


def open_corpus(folder: str) -> Corpus:
    """The corpus in a folder, or the one composed by rule."""
    return Corpus.load(Path(folder)) if folder else composed_corpus()


def make_learner(settings: TrainConfig, corpus: Corpus) -> AnyLearner:
    """The learner at its beginning."""
    torch.manual_seed(settings.seed)
    config = learning_config(settings)
    if isinstance(config, EvolutionConfig):
        plan = MotifQ.planned(planned(settings, corpus))
        shape = Shape(**settings.shape)  # type: ignore[arg-type]
        named = {name: named_start(name, corpus) for name in settings.starts}
        return EvolutionLearner(plan, Expectation(corpus, shape).reward, config, named)
    starts = [named_start(name, corpus) for name in settings.starts]
    network: QNetwork
    if settings.kind == "motifs":
        network = MotifQ.planned(planned(settings, corpus))
    else:
        network = KINDS[settings.kind]()
    if settings.kind == "afterstates" and settings.motifs:
        starts.append(near(planned(settings, corpus).states))
    return QLearner(network, make_reward(settings, corpus), config, mixed(*starts))


def make_reward(settings: TrainConfig, corpus: Corpus) -> Reward:
    """What songs earn while training."""
    if settings.reward == "nearest":
        return NearestBar(corpus, seed=settings.seed)
    shape = Shape(**settings.shape)  # type: ignore[arg-type]
    return (Shaped if settings.reward == "shaped" else Expected)(corpus, seed=settings.seed, shape=shape)


def planned(settings: TrainConfig, corpus: Corpus) -> Plan:
    """The best of the plan, which is kept in the run's folder and made only once.

    Raises:
        OtherPlan: the one in the folder was made with another configuration.
    """
    path, made_from = Path(settings.out) / PLAN_NAME, _made_from(settings, corpus)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_plan(settings, corpus).save(path, made_from)
    return Plan.load(path, made_from).best(settings.motifs)


def _made_from(settings: TrainConfig, corpus: Corpus) -> dict[str, Any]:
    """All that decides how a plan comes out, as JSON values."""
    return {
        "corpus": corpus.checksum, "corpus_bars": not settings.corpus,
        "shape": dataclasses.asdict(Shape(**settings.shape)),  # type: ignore[arg-type]
        "found": settings.found, "candidates": settings.candidates, "seed": settings.seed,
    }  # fmt: skip


def _make_plan(settings: TrainConfig, corpus: Corpus) -> Plan:
    shape = Shape(**settings.shape)  # type: ignore[arg-type]
    console, plan = Console(stderr=True), None
    own = not settings.corpus    # no bar of other people's music becomes a part of a network
    steps = make_plan(corpus, shape, settings.found, settings.candidates, settings.seed, corpus_bars=own)
    for climbs, plan in steps:
        console.print(f"planning: {climbs} climbs, {len(plan.states)} motifs")
    assert plan is not None and len(plan.states)
    return plan


def finish(settings: TrainConfig, learner: AnyLearner, corpus: Corpus, journal: Journal) -> Path:
    """Write the checkpoint, in half precision, and its card."""
    metadata = {
        "kind": settings.kind,
        "config": dataclasses.asdict(settings),
        "learning": dataclasses.asdict(learner.config),
        "corpus": {"name": corpus.name, "roll": corpus.roll, "bars": len(corpus)},
        "updates": learner.updates,
        "processor_minutes": round(journal.spent_s / 60, 1),
    }
    tensors = {name: value.half() for name, value in learner.network.state_dict().items()}
    path = Path(settings.out) / f"{settings.name}.safetensors"
    checkpoint.save(path, tensors, metadata)
    replace_file(path.with_suffix(".md"), card(settings, metadata).encode())
    Console().print(f"{path}: figures with launch.py evaluate launchpad --agent {path}", soft_wrap=True)
    return path


def card(settings: TrainConfig, metadata: dict[str, Any]) -> str:
    """How it was made, as Markdown; its figures are those of `launch.py evaluate launchpad`."""
    corpus, learning = metadata["corpus"], metadata["learning"]
    if settings.method == "evolution":
        how = f"{metadata['updates']:,} generations of {2 * learning['pairs']} networks"
    else:
        how = f"{metadata['updates']:,} updates of {learning['batch']}, discount {learning['discount']:g}"
    lines = [
        f"# {settings.name}",
        "",
        f"A launchpad agent: a Q network of the kind `{settings.kind}` (models/launchpad/networks.py).",
        "",
        f"- Corpus: {corpus['name']}, {corpus['bars']:,} {corpus['roll']} bars.",
        f"- Reward: {settings.reward} {json.dumps(settings.shape)}; starts: {', '.join(settings.starts)}.",
        f"- Learning: {how}, {metadata['processor_minutes']:g} minutes of one processor core.",
        "- Command: `launch.py train launchpad --config FILE` with",
        "",
        "```json",
        json.dumps(metadata["config"], indent=1),
        "```",
    ]
    return "\n".join(lines) + "\n"
