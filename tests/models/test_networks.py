"""The paper's networks: sizes as its tables say, and able to learn one batch by heart."""
from __future__ import annotations

import pytest
import torch

from models.networks import PaperNetwork, msmd_network, nottingham_network, paper_input


def observation(network: PaperNetwork, count: int) -> dict[str, torch.Tensor]:
    rows, columns = (40, 150) if network.joint[0].out_features == 256 else (80, 256)
    return {
        "score": torch.randint(0, 256, (count, 2, columns, rows), dtype=torch.uint8),
        "audio": torch.rand(count, 41, 78),
    }


@pytest.mark.parametrize("make, flat_audio, flat_score", [
    (nottingham_network, 64 * 6 * 2, 64 * 6 * 8), (msmd_network, 96 * 7 * 3, 96 * 3 * 6),
])
def test_shapes_follow_the_tables(make, flat_audio, flat_score):
    network = make()
    seen = observation(network, 3)
    score, audio = paper_input(seen)
    flat = [branch[:_flatten(branch) + 1](part).shape[1] for branch, part in
            ((network.audio, audio), (network.score, score))]
    assert flat == [flat_audio, flat_score]
    logits, value = network(seen)
    assert logits.shape == (3, 3) and value.shape == (3,)
    dropouts = sum(isinstance(module, torch.nn.Dropout) for module in network.modules())
    assert dropouts == (0 if make is nottingham_network else 7)


def _flatten(branch: torch.nn.Sequential) -> int:
    return next(i for i, layer in enumerate(branch) if isinstance(layer, torch.nn.Flatten))


def test_weights_are_orthogonal_and_the_policy_begins_undecided():
    network = nottingham_network()
    weight = network.get_parameter("joint.0.weight")
    assert torch.allclose(weight @ weight.T, 2 * torch.eye(256), atol=1e-4)
    probabilities = network(observation(network, 8))[0].softmax(1)
    assert (probabilities - 1 / 3).abs().max() < 0.05


def test_one_batch_by_heart():
    torch.manual_seed(0)
    network = nottingham_network()
    seen, actions, returns = observation(network, 16), torch.randint(0, 3, (16,)), torch.rand(16)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        logits, value = network(seen)
        loss = torch.nn.functional.cross_entropy(logits, actions) + (value - returns).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (network(seen)[0].argmax(1) == actions).all() and loss < 0.1


def test_differences_are_of_this_step_and_the_one_before():
    seen = {"score": torch.zeros(1, 2, 4, 3, dtype=torch.uint8), "audio": torch.arange(3.0).view(1, 3, 1)}
    seen["score"][0, 0, 1, 2], seen["score"][0, 1, 3, 0] = 255, 51
    score, audio = paper_input(seen)
    assert score.shape == (1, 2, 3, 4) and score[0, 0, 2, 1] == 1 and score[0, 1, 2, 1] == 1
    assert score[0, 1, 0, 3] == pytest.approx(-0.2)
    assert audio.tolist() == [[[[1, 2]], [[1, 1]]]]
