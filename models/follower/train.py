"""Train the follower: read and hear (supervised), then play the game (PPO), then write the checkpoint.

One-line tunes get a network of their own that reads notes, and a policy of their own.

`launch.py train follower` runs this; `--config` names a JSON file with any of :class:`TrainConfig`'s fields,
`--resume` goes on where the encoders of a run stopped; what follows them (reading notes, both policies)
begins anew. Everything lies in the run's folder; the checkpoint is the last thing written. Under torchrun the
first phase spreads over processes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from models import checkpoint
from models.configuration import changed, check_counts
from models.features import SPEC
from models.follower.batches import Crops, Draws, load_items
from models.follower.belief import BeliefConfig
from models.follower.data import Item, build_one
from models.follower.device_crops import DeviceCrops
from models.follower.ear import ByNote
from models.follower.generator import generate_reading_study, generate_score
from models.follower.network import Reader
from models.follower.noteheads import NoteheadReader
from models.follower.player import Tunes, filled, load_reader, noteheads_of, tunes_of
from models.follower.policy import Policy
from models.follower.ppo_on_beliefs import by_note, make_games, play, train_policy
from models.follower.reading import ReadingConfig, make_lesson, train_rhythm
from models.follower.rhythm import Rhythm
from models.follower.supervised import READER_NAME, SupervisedConfig, train_reader
from models.follower.varying import ON_GPU, ON_PROCESSOR, Variety
from models.packing import read_splits
from models.processes import gpu_here, join
from models.revision import revision
from pieces import library
from pieces.errors import BadScore, RipienoError
from pieces.files import read_json, replace_file
from pieces.piece import ONE_STAFF_TOLERANCE_PX
from pieces.reading import ScoreText

log = logging.getLogger(__name__)


class TrainingProblem(RipienoError):
    """Training that cannot start: no data, or a configuration that is none."""

    exit_code = 2


BELIEF = {
    "sharpness": 0.03,
    "tempo_change": 0.05,
    "halt": 0.003,
    "usual_quarters": 16.0,
    "rate_weight": 0.5,
    "pitch_weight": 0.4,
    "start_boost": 2.0,
    "start_tempo": 1.2,
    "start_tempo_spread": 0.6,
}
"""For people, who linger and go on "a tempo". Chosen on half of `human`, and on validation pieces."""
TUNE_BELIEF = {"sharpness": 0.03, "start_boost": 0.0, "start_tempo_spread": 0.5, "hedged": True}
"""Where notes are read, struck keys say more than the fit of the sound. Chosen on validation pieces."""
STUDY_SEED, TUNE_STUDY_SEED = 2_000_000, 3_000_000
"""Studies for reading, and for playing, are drawn from here on, far from those of data and evaluation."""
MAY_BE_ZERO = frozenset({
    "policy_pieces", "policy_steps", "rhythm_steps", "rhythm_seed", "studies", "tune_pieces", "tune_studies",
    "tune_steps", "tune_seed", "seed",
})  # fmt: skip
"""Whole numbers of a configuration that may be; all others are at least 1."""


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run. ``data`` are folders made by `launch.py data build`.

    With ``start_from`` and ``minutes`` 0 the encoders stay as they are; with ``policy_steps`` 0 the policy of
    other pieces than tunes does too.
    """

    data: tuple[str, ...] = ("data/lieder", "data/nottingham", "data/generated")
    out: str = "runs/follower"
    minutes: float = 61.0
    learning_rate: float = 2e-3
    batch_size: int = 8
    warmup_steps: int = 100
    half_until: float = 0.75  # share of the minutes in bfloat16
    device: str = "cpu"  # where the encoders are trained: cpu or cuda
    variety: dict[str, Any] = field(default_factory=dict)  # of crops, where else than is usual on the device
    start_from: str = ""  # a follower's checkpoint whose encoders are trained on; empty: from nothing
    policy_pieces: int = 130
    policy_steps: int = 3_000_000
    rhythm_steps: int = 9000
    rhythm_seed: int = 3
    studies: int = 600  # one-line strips made up for reading, beside those of the data
    tune_pieces: int = 48  # one-line tunes on which their policy plays, and studies beside them
    tune_studies: int = 21
    tune_steps: int = 3_000_000
    tune_seed: int = 2
    seed: int = 1
    tunes_from: str = ""  # a checkpoint that follows one-line tunes already; empty: learn that here
    noteheads_from: str = ""  # a checkpoint that reads noteheads at full size; empty: the encoders read them
    belief: dict[str, Any] = field(default_factory=lambda: dict(BELIEF))
    tune_belief: dict[str, Any] = field(default_factory=lambda: dict(TUNE_BELIEF))


def train(config: Path | None = None, resume: bool = False) -> None:
    """Run both phases.

    Raises:
        TrainingProblem: no data, a bad configuration, or a run's folder that is not empty without ``resume``.
    """
    settings = read_config(config)
    rank = join(_device(settings))
    out = Path(settings.out)
    if rank == 0:
        _say_what_is_missing(settings)
    if (out / READER_NAME).exists() and not resume:
        raise TrainingProblem(f"{out} holds an earlier run: go on with --resume, or name another folder.")
    reader = train_encoders(settings, out, rank)
    if rank == 0:
        finish(settings, reader)


def read_config(path: Path | None) -> TrainConfig:
    """The configuration in a JSON file, or the defaults."""
    try:
        settings = changed(TrainConfig(), read_json(path) if path else {})
        for belief in (settings.belief, settings.tune_belief):
            check_counts(changed(BeliefConfig(), belief), frozenset())
        check_counts(settings, MAY_BE_ZERO)
        _variety(settings)
        if settings.minutes <= 0 and not (settings.start_from and settings.minutes == 0):
            raise ValueError("no minutes, and no start_from")
        if settings.device not in ("cpu", "cuda"):
            raise ValueError("an unknown device")
    except (OSError, ValueError, TypeError) as error:
        raise TrainingProblem(f"{path} is no training configuration ({error}); see TrainConfig.") from error
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise TrainingProblem('there is no GPU here; set device to "cpu".')
    return settings


def _say_what_is_missing(settings: TrainConfig) -> None:
    """Without some of the data sets one can train, but should know."""
    missing = [place for place in settings.data if not Path(place).exists()]
    if 0 < len(missing) < len(settings.data):
        print(f"Trained without {', '.join(missing)}: not there.", file=sys.stderr)  # noqa: T201 - no log


def library_items() -> frozenset[str]:
    """Training items that are pieces of the library: `jigs-141` for `nottingham/jigs.abc#141`."""
    files = {name for entry in library.list_pieces() for name in entry.excluded_from_training}
    return frozenset(Path(name).name.replace(".abc#", "-").removesuffix(".mxl") for name in files)


def train_encoders(settings: TrainConfig, out: Path, rank: int = 0) -> Reader:
    """Phase 1. Needs neither sounds nor scores nor their libraries, only what `data build` or `pack` made."""
    if settings.start_from and settings.minutes == 0:
        return _first_reader(settings).eval()
    folders = [Path(folder) for folder in settings.data]
    train_items, valid_items = (load_items(folders, split, library_items()) for split in ("train", "valid"))
    if not train_items or not valid_items:
        raise TrainingProblem(
            "No training data: make some first, e.g. launch.py data build generated --out data/generated"
        )
    torch.manual_seed(settings.seed)
    device = _device(settings)
    torch.set_float32_matmul_precision("high")  # TensorFloat-32 where there is a GPU
    config = SupervisedConfig(
        minutes=settings.minutes,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        half_until=settings.half_until,
        seed=settings.seed,
    )
    try:
        train_crops = _draws(train_items, settings.seed + 7919 * rank, device, _variety(settings))
        valid_crops = _draws(valid_items, 2, device, None)
        return train_reader(_first_reader(settings), train_crops, valid_crops, config, out, device=device)
    except torch.OutOfMemoryError as error:
        raise TrainingProblem(
            "The GPU has too little memory: set a smaller batch_size, name less data, or set device to cpu."
        ) from error


def _device(settings: TrainConfig) -> torch.device:
    """Where this process trains the encoders."""
    return gpu_here() if settings.device == "cuda" else torch.device("cpu")


def _variety(settings: TrainConfig) -> Variety:
    """How far crops are varied while the encoders are trained."""
    return changed(ON_PROCESSOR if settings.device == "cpu" else ON_GPU, settings.variety)


def _draws(items: list[Item], seed: int, device: torch.device, variety: Variety | None) -> Draws:
    """Crops as they are needed on a CPU, or where a GPU has all of them; without a variety as they are."""
    augment, variety = variety is not None, variety or Variety()
    if device.type == "cpu":
        return Crops(items, seed, augment, variety)
    return DeviceCrops(items, seed, device, augment, variety)


def _first_reader(settings: TrainConfig) -> Reader:
    """The encoders as training finds them."""
    return load_reader(Path(settings.start_from)) if settings.start_from else Reader()


def learn_to_read(settings: TrainConfig) -> Rhythm:
    """The network that reads one-line tunes, from the strips of the training pieces and of studies."""
    items = _one_line(settings, "train")
    items += _studies(generate_reading_study, STUDY_SEED, settings.studies, renderings=0)
    if not items:
        raise TrainingProblem("no one-line tunes to learn reading from: data build nottingham makes some.")
    config = ReadingConfig(steps=settings.rhythm_steps, seed=settings.rhythm_seed)
    return train_rhythm([make_lesson(item) for item in items], config)


def learn_tunes(settings: TrainConfig, reader: Reader) -> Tunes:
    """How one-line tunes are followed: notes as they are read, and a policy by PPO on beliefs over them."""
    if settings.tunes_from:
        return _tunes_in(Path(settings.tunes_from))
    ear = ByNote(reader, learn_to_read(settings), BeliefConfig(**settings.tune_belief))
    tunes = _one_line(settings, "train")
    items = tunes[:: max(1, len(tunes) // max(settings.tune_pieces, 1))]
    items += _studies(generate_score, TUNE_STUDY_SEED, settings.tune_studies, renderings=1)
    games = make_games(reader, items, ear.config, read=by_note(ear.rhythm))
    return Tunes(ear, train_policy(games, settings.tune_steps, settings.tune_seed))


def _tunes_in(path: Path) -> Tunes:
    """How a follower's checkpoint follows one-line tunes."""
    tensors, metadata = checkpoint.load(path, SPEC)
    tunes = tunes_of(tensors, metadata, filled(Reader(), tensors, "reader."))
    if tunes is None:
        raise TrainingProblem(f"{path} does not read one-line tunes; leave tunes_from out.")
    return tunes


def _one_line(settings: TrainConfig, split: str) -> list[Item]:
    """The one-line tunes of a split."""
    items = load_items([Path(folder) for folder in settings.data], split, library_items())
    return [item for item in items if _is_one_line(item)]


def _is_one_line(item: Item) -> bool:
    return item.tolerance_px == ONE_STAFF_TOLERANCE_PX


def _studies(make: Callable[[int], ScoreText], first: int, count: int, renderings: int) -> list[Item]:
    """Studies of one line, drawn with the seeds from ``first`` on; none where nothing can engrave them."""
    items: list[Item] = []
    for seed in range(first, first + count):
        try:
            items.append(build_one(make(seed), seed, renderings))
        except BadScore:  # too short to be followed
            continue
        except ModuleNotFoundError as missing:
            log.warning("No studies beside the pieces of the data: %s is not installed.", missing.name)
            break
    return items


def finish(settings: TrainConfig, reader: Reader) -> dict[str, Any]:
    """Phase 2, its figures on the validation pieces, checkpoint and card; returns the figures."""
    belief = BeliefConfig(**settings.belief)
    noteheads = _noteheads(settings)  # before hours of work
    policy, tunes = _learn_policy(settings, reader, belief), learn_tunes(settings, reader)
    figures: dict[str, Any] = {}
    folders = [Path(folder) for folder in settings.data]
    valid = load_items(folders, "valid", library_items())
    if one_line := [item for item in valid if _is_one_line(item)]:
        ear = tunes.by_note
        games = make_games(ear.reader, one_line, ear.config, read=by_note(ear.rhythm))
        figures["one-line"] = play(tunes.policy, games)
    if usual := [item for item in valid if not _is_one_line(item)]:
        figures["two-staff"] = play(policy, make_games(reader, usual, belief))
    metadata: dict[str, Any] = {
        "network": reader.config.to_dict(),
        "belief": dataclasses.asdict(belief),
        "tune_belief": dataclasses.asdict(tunes.by_note.config),
        "config": dataclasses.asdict(settings),
        "revision": revision(),
        "pieces": {Path(folder).name: count for folder, count in _counts(folders).items()},
        "validation": figures,
    }
    if tunes.by_note.reader is not reader:
        metadata["tune_network"] = tunes.by_note.reader.config.to_dict()
    tensors = pack(reader, policy, tunes)
    if noteheads is not None:
        tensors |= _halved(noteheads, "noteheads.")
        metadata["noteheads"] = noteheads.config.to_dict()
    out = Path(settings.out) / "follower.safetensors"
    checkpoint.save(out, tensors, metadata, SPEC)
    replace_file(out.with_suffix(".md"), card(metadata).encode())
    print(card(metadata))  # noqa: T201 - the command's answer
    return figures


def _noteheads(settings: TrainConfig) -> NoteheadReader | None:
    """What is to read noteheads at full size, if anything."""
    if not settings.noteheads_from:
        return None
    try:
        noteheads = noteheads_of(*checkpoint.load(Path(settings.noteheads_from), SPEC))
    except RuntimeError:
        noteheads = None
    if noteheads is None:
        raise TrainingProblem(f"{settings.noteheads_from} reads no noteheads; leave noteheads_from out.")
    return noteheads


def pack(reader: Reader, policy: Policy, tunes: Tunes) -> dict[str, Tensor]:
    """The checkpoint's tensors: the networks that read and hear in half precision."""
    tensors = _halved(reader, "reader.") | _halved(tunes.by_note.rhythm, "rhythm.")
    if tunes.by_note.reader is not reader:
        tensors |= _halved(tunes.by_note.reader, "tune_reader.")
    tensors |= {f"policy.{name}": value for name, value in policy.state_dict().items()}
    return tensors | {f"tune_policy.{name}": value for name, value in tunes.policy.state_dict().items()}


def _halved(network: Module, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value.half() for name, value in network.state_dict().items()}


def _learn_policy(settings: TrainConfig, reader: Reader, belief: BeliefConfig) -> Policy:
    """The policy: by PPO on a part of the training pieces, or the one that is there."""
    if settings.start_from and settings.policy_steps == 0:
        tensors, _ = checkpoint.load(Path(settings.start_from), SPEC)
        return filled(Policy(), tensors, "policy.")
    folders = [Path(folder) for folder in settings.data]
    stride = max(1, _stride(folders, settings.policy_pieces))
    items = load_items(folders, "train", library_items())[::stride]
    return train_policy(make_games(reader, items, belief), settings.policy_steps, settings.seed)


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
        f"- Revision {metadata['revision']}, seed {settings['seed']},",
        f"  {settings['minutes']:g} minutes of supervision, {settings['policy_steps']:,} steps of PPO on "
        f"{settings['policy_pieces']} pieces.",
        f"- One-line tunes: {settings['rhythm_steps']:,} steps of reading notes,",
        f"  {settings['tune_steps']:,} steps of PPO.",
        f"- Belief: {json.dumps(metadata['belief'])}; of tunes: {json.dumps(metadata['tune_belief'])}",
        "",
        "| validation pieces | R_tue | R_on | error px |",
        "|---|---|---|---|",
    ]
    for name, row in metadata["validation"].items():
        lines.append(f"| {name} | {row['R_tue']:.3f} | {row['R_on']:.3f} | {row['error_px']:.1f} |")
    lines += ["", "Command: `launch.py train follower --config FILE` with", ""]
    lines += ["```json", json.dumps(settings, indent=1), "```"]
    return "\n".join(lines) + "\n"


def _counts(folders: list[Path]) -> dict[Path, int]:
    return {
        folder: len(read_splits(folder)) if folder.is_file() else sum(1 for _ in folder.glob("*.npz"))
        for folder in folders
    }


def _stride(folders: list[Path], wanted: int) -> int:
    return sum(_counts(folders).values()) // max(wanted, 1)
