from __future__ import annotations

import numpy as np
import pytest
import torch

from models.duet.causal import CausalNetwork, CausalWidths
from models.duet.chorales import Chorale, all_duets
from models.duet.discriminator import SEEN, Discriminator, mistakes, not_told_apart
from models.duet.encoding import HOLD, begins, sounding
from models.duet.environment import practice
from models.duet.partner import PartnerConfig, PartnerReward
from models.duet.reinforce import Reinforce, ReinforceConfig

SMALL = CausalWidths(embedding=6, beat=3, recurrent=7, hidden=16)


def test_the_discriminator_learns_a_plain_difference() -> None:
    torch.manual_seed(0)
    judge = Discriminator(8, 16)
    optimiser = torch.optim.Adam(judge.parameters(), lr=5e-3)
    human, phase = torch.randint(0, 40, (16, 48)), torch.zeros(16, dtype=torch.long)
    real, played = human + 4, human + 5  # a third and a fourth
    for _ in range(60):
        loss = mistakes(judge(human, real, phase), judge(human, played, phase))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    human = torch.randint(0, 40, (16, 48))
    assert float((judge(human, human + 4, phase) > judge(human, human + 5, phase)).float().mean()) > 0.9
    assert loss.item() < 0.3


def test_it_sees_31_steps_and_nothing_later() -> None:
    assert SEEN == 31
    torch.manual_seed(0)
    judge, lines = Discriminator(8, 16), torch.randint(0, 93, (2, 1, 80))
    found = judge(*lines, torch.zeros(1, dtype=torch.long))[0]
    changed = lines.clone()
    changed[:, :, 40] = (changed[:, :, 40] + 1) % 93
    differs = (judge(*changed, torch.zeros(1, dtype=torch.long))[0] - found).abs() > 1e-7
    assert not differs[:40].any() and differs[40] and not differs[40 + SEEN :].any()


def test_not_being_told_apart_is_minus_the_log_of_one_less_d() -> None:
    logits = torch.tensor([-2.0, 0.0, 3.0])
    assert not_told_apart(logits) == pytest.approx(-torch.log(1 - torch.sigmoid(logits)))


def judge(chorales: list[Chorale], config: PartnerConfig) -> PartnerReward:
    torch.manual_seed(0)
    return PartnerReward(all_duets(chorales), config, ReinforceConfig(steps=40, thrown=0.25))


def test_it_learns_to_find_the_agent_out(chorales: list[Chorale]) -> None:
    reward = judge(chorales, PartnerConfig(style={}, learning_rate=0.01))
    human = chorales[0].tokens[:2, :40]
    stuck, phase = np.full((2, 40), 30 + HOLD, np.uint8), np.zeros(2, np.int64)
    earned = [reward(human, stuck, phase, 32).mean() for _ in range(40)]
    assert earned[-1] < 0.5 * earned[0]


def learner(chorales: list[Chorale], duets: int = 8) -> Reinforce:
    config = ReinforceConfig(
        duets=duets, batch=4, steps=40, epochs=2, temperature=(1.0, 0.5), thrown=0.5, prior=0.1
    )
    reward = judge(chorales, PartnerConfig())
    return Reinforce(CausalNetwork(SMALL), all_duets(chorales), reward, config)


def test_interrupted_or_not_the_weights_are_the_same(chorales: list[Chorale]) -> None:
    whole, first, second = (learner(chorales) for _ in range(3))
    whole.train(lambda progress: None)
    first.learn()
    second.restore(*first.saved())
    second.train(lambda progress: None)
    for one, other in zip(whole.agent.parameters(), second.agent.parameters(), strict=True):
        assert torch.equal(one, other)
    tensors, again = whole.saved()[0], second.saved()[0]
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_the_temperature_falls_to_its_end(chorales: list[Chorale]) -> None:
    learning = learner(chorales, duets=8)
    found = []
    learning.train(lambda progress: found.append(learning.temperature))
    assert learner(chorales).temperature == 1.0 and found == [0.75, 0.5]


def test_the_player_is_thrown_with_the_answer(chorales: list[Chorale]) -> None:
    moved, duet = 0, all_duets(chorales)[1]
    for seed in range(20):
        plain, thrown = (practice(duet, 64, chance, np.random.default_rng(seed)) for chance in (0.0, 1.0))
        gap = sounding(thrown.human) - sounding(plain.human)
        assert np.array_equal(gap, sounding(thrown.machine) - sounding(plain.machine))
        assert set(np.unique(np.abs(gap))) <= {0, 5} and not gap[:32].any()
        for voice in (thrown.human, thrown.machine):
            assert np.array_equal(begins(voice)[32:], voice[32:] < HOLD)
        moved += bool(gap.any())
    assert moved > 10
