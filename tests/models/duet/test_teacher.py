from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.checkpoint import CheckpointError
from models.duet.causal import CausalNetwork, CausalWidths, block_features
from models.duet.chorales import Chorale, all_duets, save
from models.duet.encoding import MULTI_HOLD
from models.duet.networks import PLAYERS
from models.duet.reinforce import Reinforce, ReinforceConfig
from models.duet.reward import load_network, load_teacher
from models.duet.teacher import LEAST, ForesightNetwork, opinions, surprise
from models.duet.train import TrainingProblem, read_config, train
from models.duet.training import LearningConfig, Likelihood
from models.duet.windows import Library

SIZES = {"embedding": 6, "interval": 4, "beat": 3, "recurrent": 9, "hidden": 16}
SMALL = CausalWidths(**SIZES)
STEPS = 128


def foresight() -> ForesightNetwork:
    torch.manual_seed(3)
    return ForesightNetwork(SMALL).double().eval()


def lines(seed: int) -> torch.Tensor:
    """(2, 1, STEPS) of human and machine."""
    drawn = np.random.default_rng(seed).integers(0, MULTI_HOLD.symbols, (2, 1, STEPS))
    return torch.from_numpy(drawn)


def judged(both: torch.Tensor) -> torch.Tensor:
    return opinions(foresight(), both[0], both[1], torch.tensor([0]))[0]


def steps_that_change(line: int, at: int) -> set[int]:
    """Steps of which the teacher thinks otherwise after one symbol of a line is another."""
    both = lines(1)
    changed = both.clone()
    changed[line, 0, at] = (changed[line, 0, at] + 1) % MULTI_HOLD.rest
    moved = (judged(changed) - judged(both)).abs().amax(-1) > 0
    return {32 + int(step) for step in moved.nonzero()}


@pytest.mark.parametrize("at", [33, 63, 64, 90, 127])
def test_the_teacher_sees_what_the_student_must_not(at: int) -> None:
    found = steps_that_change(0, at)
    assert at in found and min(at - 1, 95) in found  # now, and one step or a block ahead
    assert min(found) == max(32, 32 * (at // 32 - 1))  # as far ahead as the block behind its own


@pytest.mark.parametrize("at", [33, 63, 64, 90])
def test_of_the_machine_it_knows_no_more_than_was_played(at: int) -> None:
    found = steps_that_change(1, at)
    assert min(found) == at + 1 and found <= set(range(at + 1, 32 * (at // 32 + 2)))


def test_surprise_is_that_of_a_hand_computation() -> None:
    student, teacher = torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]), torch.tensor([[[0.25, 0.75], [0.5, 0.5]]])
    by_hand = -(0.5 * np.log(0.25) + 0.5 * np.log(0.75) + np.log(0.5)) / 2
    assert float(surprise(student.log(), teacher.log())) == pytest.approx(by_hand)
    never = torch.tensor([[[-1e9, 0.0]]])
    assert float(surprise(never.flip(-1), never)) == pytest.approx(-LEAST)


def taught(chorales: list[Chorale], distil: float) -> Reinforce:
    """An agent that earns nothing and has a teacher who learned a little."""
    torch.manual_seed(0)
    teacher = ForesightNetwork(SMALL)
    learned = LearningConfig(updates=20, batch=8, learning_rate=(0.02, 0.01))
    Likelihood(teacher, Library(chorales, teacher.kind), learned).train(lambda progress: None)
    config = ReinforceConfig(duets=6 * 8, batch=6, steps=64, learning_rate=0.03, distil=distil)
    network = CausalNetwork(SMALL)
    agent = Reinforce(network, all_duets(chorales), lambda *lines: np.zeros((6, 32)), config, teacher.eval())
    agent.train(lambda progress: None)
    return agent


def distance(agent: Reinforce) -> float:
    played = agent._improvise(1.0)
    with torch.no_grad():
        taught = agent._taught(played)
        assert taught is not None
        return float(surprise(agent.agent(played, 1.0)[0], taught))


def test_distillation_brings_own_play_nearer_to_the_teacher_and_leaks_nothing(chorales) -> None:
    far, near = taught(chorales, 0.0), taught(chorales, 1.0)
    network = near.network
    assert isinstance(network, CausalNetwork)
    assert distance(near) < 0.8 * distance(far)
    assert set(near.network.state_dict()) == set(CausalNetwork(SMALL).state_dict())
    both, step = lines(1), 70
    changed = both.clone()
    changed[:, :, step:] = lines(2)[:, :, step:]
    with torch.no_grad():
        one, other = (
            network.head(block_features(network, human, machine, torch.tensor([0])))[0]
            for human, machine in (both, changed)
        )
    assert torch.allclose(one[: step + 1], other[: step + 1], atol=1e-6)
    assert not torch.allclose(one[step + 1], other[step + 1])


def configured(folder: Path, chorales: list[Chorale], **fields: object) -> Path:
    save(chorales, folder / "chorales.npz")
    path = folder / "config.json"
    path.write_text(json.dumps({"corpus": str(folder), **fields}))
    return path


def test_a_teacher_is_trained_and_teaches(tmp_path: Path, chorales: list[Chorale]) -> None:
    quick = {"updates": 2, "batch": 4}
    for kind in ("foresight", "causal"):
        train(configured(
            tmp_path, chorales, name=kind, kind=kind, widths=SIZES, learning=quick, out=str(tmp_path / kind)
        ))  # fmt: skip
    teacher, start = (str(tmp_path / kind / f"{kind}.safetensors") for kind in ("foresight", "causal"))
    assert load_teacher(teacher).widths == SMALL
    for distil in (0.0, 1.0):
        train(configured(
            tmp_path, chorales, name="partner", method="partner", start=start, teacher=teacher,
            out=str(tmp_path / f"partner-{distil}"),
            learning={"duets": 2, "batch": 2, "steps": 64, "distil": distil},
        ))  # fmt: skip
    plain, drawn = (load_network(tmp_path / f"partner-{d}" / "partner.safetensors") for d in (0.0, 1.0))
    assert not torch.equal(plain.head.weight, drawn.head.weight)


def test_a_teacher_cannot_play_and_a_player_cannot_teach(tmp_path: Path) -> None:
    for network in (foresight(), CausalNetwork(SMALL)):
        path = tmp_path / f"{network.name}.safetensors"
        checkpoint.save(path, network.float().state_dict(), {"network": network.arguments()})
    for kinds in ((), PLAYERS):
        with pytest.raises(CheckpointError, match="kind foresight"):
            load_network(tmp_path / "foresight.safetensors", kinds)
    with pytest.raises(CheckpointError, match="kind causal"):
        load_teacher(tmp_path / "causal.safetensors")


def test_likelihood_has_no_teacher(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"teacher": "x"}')
    with pytest.raises(TrainingProblem, match="no teacher"):
        read_config(path)
