"""Checkpoints: weights in safetensors, and beside them what is needed to trust and to use them.

A file holds named tensors and one JSON text: the caller's metadata (network arguments, configuration, data,
seed, command, revision, figures) and the feature specification of the frames the weights were trained on.
Loading never runs code from the file. Called when a player or a training run starts; touches only `path` and
a temporary file beside it. torch is imported only where tensors are asked for: `load_arrays` does without.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from models.features import FeatureSpec
from pieces.errors import RipienoError
from pieces.files import parse_json, replace_file, saving

if TYPE_CHECKING:
    import torch

FORMAT_VERSION = 1
METADATA_KEY = "ripieno"
FOLDER = Path(__file__).parent / "checkpoints"


class CheckpointError(RipienoError):
    """A checkpoint that is missing, damaged or not one of ours."""

    exit_code = 2


class OtherFeatures(CheckpointError):
    """A checkpoint whose agent was trained on frames of another feature specification."""


def shipped(name: str) -> Path:
    """Where the checkpoint called `name` stands that came with the program (it may not exist)."""
    return FOLDER / f"{name}.safetensors"


def save(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, Any],
    spec: FeatureSpec | None = None,
) -> None:
    """Write a checkpoint; a reader, or a crash, sees the old file or the new one, never a part of one.

    `metadata` holds JSON values. `spec` is None for agents that hear no frames. Raises CheckpointError
    where the disk is full or the folder cannot be written.
    """
    from safetensors.torch import save as to_bytes

    document = {
        "version": FORMAT_VERSION,
        "features": spec.to_dict() if spec else None,
        "metadata": dict(metadata),
    }
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = to_bytes(contiguous, {METADATA_KEY: json.dumps(document)})
    with saving(path, CheckpointError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def load(
    path: Path, expect_spec: FeatureSpec | None, device: str = "cpu"
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and metadata of a checkpoint.

    Raises CheckpointError for a file that is missing, truncated or foreign, and OtherFeatures where its
    frames are not those of `expect_spec` (None: the agent must be one that hears no frames).
    """
    return _read(path, expect_spec, "pt", device)


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and metadata of the checkpoint of an agent that hears no frames; raises as `load` does."""
    arrays, metadata = _read(path, None, "np", "cpu")
    return {name: np.asarray(array) for name, array in arrays.items()}, metadata


def _read(
    path: Path, expect_spec: FeatureSpec | None, framework: Literal["pt", "np"], device: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}; name one that exists, or train it")
    try:
        with safe_open(path, framework=framework, device=device) as file:
            document = _document(path, file.metadata() or {})
            _check_features(path, document["features"], expect_spec)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint ({error}); fetch it again or train a new one"
        ) from error
    return tensors, document["metadata"]


def _document(path: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    """The JSON text in the file, checked for the fields that `load` relies on."""
    try:
        document = parse_json(texts[METADATA_KEY])
        version, complete = document["version"], {"features", "metadata"} <= document.keys()
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} was not written by Ripieno; name a checkpoint that was") from error
    if version != FORMAT_VERSION or not complete:
        raise CheckpointError(f"{path} has format {version}, this program reads {FORMAT_VERSION}; train it")
    return dict(document)


def _check_features(path: Path, found: dict[str, Any] | None, expected: FeatureSpec | None) -> None:
    wanted = expected.to_dict() if expected else None
    if found == wanted:
        return
    if found is None or wanted is None:
        differing = "it hears no frames" if found is None else "it hears frames and this agent does not"
    else:
        fields = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
        differing = ", ".join(f"{key} {found.get(key)} instead of {wanted.get(key)}" for key in fields)
    raise OtherFeatures(f"{path} was trained on other features ({differing}); train it with this version")
