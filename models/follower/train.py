"""Train the follower: read and hear (supervised), then play the game (PPO), then write the checkpoint.

`launch.py train follower` runs this; `--config` names a JSON file with any of :class:`TrainConfig`'s fields,
`--resume` goes on where a run stopped. Everything lies in the run's folder; the checkpoint is the last thing
written. Under torchrun the first phase spreads over processes.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from models import checkpoint
from models.features import SPEC
from models.follower.batches import Crops, load_items
from models.follower.belief import BeliefConfig
from models.follower.network import Reader
from models.follower.reinforce import make_games, play, train_policy
from models.follower.supervised import SupervisedConfig, train_reader
from models.packing import read_splits
from models.processes import join
from pieces import library
from pieces.errors import RipienoError
from pieces.files import replace_file


class TrainingProblem(RipienoError):
    """Training that cannot start: no data, or a configuration that is none."""

    exit_code = 2


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run. ``data`` are folders made by `launch.py data build`."""

    data: tuple[str, ...] = ("data/lieder", "data/nottingham", "data/generated")
    out: str = "runs/follower"
    minutes: float = 61.0
    learning_rate: float = 2e-3
    start_from: str = ""  # a follower's checkpoint whose encoders are trained on; empty: from nothing
    policy_pieces: int = 130
    policy_steps: int = 3_000_000
    seed: int = 1
    belief: dict[str, Any] = field(default_factory=dict)


def train(config: Path | None = None, resume: bool = False) -> None:
    """Run both phases.

    Raises:
        TrainingProblem: no data, a bad configuration, or a run's folder that is not empty without ``resume``.
    """
    settings = read_config(config)
    rank = join(torch.device("cpu"))
    out = Path(settings.out)
    if (out / "reader.safetensors").exists() and not resume:
        raise TrainingProblem(f"{out} holds an earlier run: go on with --resume, or name another folder.")
    reader = _train_reader(settings, out, rank)
    if rank == 0:
        finish(settings, reader)


def read_config(path: Path | None) -> TrainConfig:
    """The configuration in a JSON file, or the defaults."""
    if path is None:
        return TrainConfig()
    try:
        fields = json.loads(path.read_text())
        fields["data"] = tuple(fields.get("data", TrainConfig.data))
        return TrainConfig(**fields)
    except (OSError, ValueError, TypeError) as error:
        raise TrainingProblem(f"{path} is no training configuration ({error}); see TrainConfig.") from error


def held_out() -> frozenset[str]:
    """Training items that are pieces of the library: `jigs-141` for `nottingham/jigs.abc#141`."""
    files = {name for entry in library.list_pieces() for name in entry.excluded_from_training}
    return frozenset(Path(name).name.replace(".abc#", "-").removesuffix(".mxl") for name in files)


def _train_reader(settings: TrainConfig, out: Path, rank: int) -> Reader:
    folders = [Path(folder) for folder in settings.data]
    train_items, valid_items = (load_items(folders, split, held_out()) for split in ("train", "valid"))
    if not train_items or not valid_items:
        raise TrainingProblem(
            "No training data: make some first, e.g. launch.py data build generated --out data/generated"
        )
    torch.manual_seed(settings.seed)
    return train_reader(
        _first_reader(settings),
        Crops(train_items, settings.seed + 7919 * rank),
        Crops(valid_items, 2, augment=False),
        SupervisedConfig(
            minutes=settings.minutes, learning_rate=settings.learning_rate, seed=settings.seed
        ),
        out,
    )


def _first_reader(settings: TrainConfig) -> Reader:
    """The encoders as training finds them."""
    reader = Reader()
    if settings.start_from:
        tensors, _ = checkpoint.load(Path(settings.start_from), SPEC)
        found = {name[7:]: value.float() for name, value in tensors.items() if name.startswith("reader.")}
        reader.load_state_dict(found)
    return reader


def load_reader(folder: Path) -> Reader:
    """The encoders of a run's folder."""
    reader = Reader()
    tensors = load_file(folder / "reader.safetensors")
    reader.load_state_dict({n[7:]: t for n, t in tensors.items() if n.startswith("reader.")})
    return reader.eval()


def finish(settings: TrainConfig, reader: Reader) -> dict[str, Any]:
    """Phase 2, its figures on the validation pieces, checkpoint and card; returns the figures."""
    folders = [Path(folder) for folder in settings.data]
    belief = BeliefConfig(**settings.belief)
    train_items = load_items(folders, "train", held_out())[
        :: max(1, _stride(folders, settings.policy_pieces))
    ]
    policy = train_policy(make_games(reader, train_items, belief), settings.policy_steps, settings.seed)
    figures: dict[str, Any] = {}
    for name, tolerance in (("one-line", 50.0), ("two-staff", 170.0)):
        items = [i for i in load_items(folders, "valid", held_out()) if i.tolerance_px == tolerance]
        if items:
            figures[name] = play(policy, make_games(reader, items, belief))
    metadata: dict[str, Any] = {
        "network": reader.config.to_dict(),
        "belief": dataclasses.asdict(belief),
        "config": dataclasses.asdict(settings),
        "revision": _revision(),
        "pieces": {Path(folder).name: count for folder, count in _counts(folders).items()},
        "validation": figures,
    }
    tensors = {f"reader.{name}": value.half() for name, value in reader.state_dict().items()}
    tensors |= {f"policy.{name}": value for name, value in policy.state_dict().items()}
    out = Path(settings.out) / "follower.safetensors"
    checkpoint.save(out, tensors, metadata, SPEC)
    replace_file(out.with_suffix(".md"), card(metadata).encode())
    print(card(metadata))  # noqa: T201 - the command's answer
    return figures


def card(metadata: dict[str, Any]) -> str:
    """What was trained on what, how, and how well it does, as Markdown."""
    settings = metadata["config"]
    pieces = ", ".join(f"{name} ({count} pieces)" for name, count in metadata["pieces"].items())
    lines = [
        "# follower",
        "",
        "Follows music by the image of its score and its sound: encoders trained by supervision, policy by",
        "PPO on the reward of the score-following game.",
        "",
        f"- Data: {pieces}; of these 85 % train, 5 % valid, 10 % test, by name. The pieces of the bundled",
        "  library are held out. Made by `launch.py data build`.",
        f"- Command: `launch.py train follower`, revision {metadata['revision']}, seed {settings['seed']},",
        f"  {settings['minutes']:g} minutes of supervision, {settings['policy_steps']:,} steps of PPO on "
        f"{settings['policy_pieces']} pieces.",
        f"- Belief: {json.dumps(metadata['belief'])}",
        "",
        "| validation pieces | R_tue | R_on | error px |",
        "|---|---|---|---|",
    ]
    for name, row in metadata["validation"].items():
        lines.append(f"| {name} | {row['R_tue']:.3f} | {row['R_on']:.3f} | {row['error_px']:.1f} |")
    return "\n".join(lines) + "\n"


def _counts(folders: list[Path]) -> dict[Path, int]:
    return {
        folder: len(read_splits(folder)) if folder.is_file() else sum(1 for _ in folder.glob("*.npz"))
        for folder in folders
    }


def _stride(folders: list[Path], wanted: int) -> int:
    return sum(_counts(folders).values()) // max(wanted, 1)


def _revision() -> str:
    """The git revision, where there is one."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
