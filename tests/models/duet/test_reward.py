from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytest import approx

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.chorales import Chorale
from models.duet.networks import KINDS, DuetNetwork, Widths
from models.duet.reward import STRIDE, Reward, load_network, probabilities
from models.duet.rules import repetition
from models.duet.windows import cut, encoded

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=8)
FIRST = 32


def network(kind: str) -> DuetNetwork:
    torch.manual_seed(2)
    return DuetNetwork(kind, SMALL).eval()


def by_hand(model: DuetNetwork, human: np.ndarray, machine: np.ndarray, step: int) -> float:
    """The mean probability of one symbol over all centres that hold it and begin on the stride."""
    kind = model.kind
    given, own = (encoded(x[None], kind.encoding) for x in (human, machine))
    found = []
    for start in range(step - kind.centre + 1, step + 1):
        if kind.centre > 1 and (start - FIRST) % STRIDE:
            continue
        windows = [torch.from_numpy(cut(x, np.array([start]), kind)[:, 0]) for x in (given, own)]
        with torch.no_grad():
            chances = model(*windows, torch.tensor([start % 4])).softmax(-1)
        found.append(float(chances[0, step - start, own[0, step]]))
    return float(np.mean(found))


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_earns_its_mean_probability(kind: str, chorales: list[Chorale]) -> None:
    model = network(kind)
    human, machine = chorales[0].tokens[[0, 1]], chorales[0].tokens[[3, 2]]
    found = probabilities(model, human, machine, np.zeros(2, np.int64), FIRST)
    assert found.shape == (2, human.shape[1] - FIRST)
    for step in (FIRST, 37, 50, human.shape[1] - 1):
        assert found[1, step - FIRST] == approx(by_hand(model, human[1], machine[1], step), rel=1e-4)


def test_the_beat_at_the_start_counts(chorales: list[Chorale]) -> None:
    human, machine = chorales[0].tokens[:1], chorales[0].tokens[3:]
    on, off = (probabilities(network("a"), human, machine, np.array([p]), FIRST) for p in (0, 1))
    assert not np.allclose(on, off)


def test_models_are_averaged_and_the_rule_is_added(chorales: list[Chorale]) -> None:
    human, machine = chorales[0].tokens[:1], chorales[0].tokens[3:].copy()
    machine[0, 40:60] = 20  # struck on every step
    phase = np.zeros(1, np.int64)
    models = [network("a"), network("d")]
    mean = np.mean([probabilities(model, human, machine, phase, FIRST) for model in models], 0)
    found = Reward(models, repetition)(human, machine, phase, FIRST)
    assert found - mean == approx(repetition(machine[0])[None, FIRST:])
    doubled = Reward(models, repetition, 2.0)(human, machine, phase, FIRST)
    assert doubled - found == approx(found - mean)


def test_networks_come_back_from_their_checkpoints(tmp_path: Path) -> None:
    model, path = network("b"), tmp_path / "b.safetensors"
    checkpoint.save(path, model.state_dict(), {"network": model.arguments()})
    again = load_network(path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="kind b"):
        load_network(path, ["a"])
    checkpoint.save(path, model.state_dict(), {"something": "else"})
    with pytest.raises(CheckpointError, match="no network of Duet"):
        load_network(path)
