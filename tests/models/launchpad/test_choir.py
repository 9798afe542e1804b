from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from models.launchpad.agent import LaunchpadAgent
from models.launchpad.choir import PARTS, Choir, Genes, bar_names
from models.launchpad.instrument import LAUNCHPAD
from models.launchpad.networks import MotifQ
from models.launchpad.starts import sparse
from models.launchpad.valuation import q_function

MOTIFS = 3


def choir(seed: int = 0) -> Choir:
    torch.manual_seed(seed)
    network = MotifQ(MOTIFS)
    network.softness.fill_(1e-3)
    return Choir(network)


def genes(count: int = 1, seed: int = 1) -> Genes:
    random = torch.Generator().manual_seed(seed)
    steepness = torch.randn(count, len(PARTS), MOTIFS, generator=random).mul(0.3).exp()
    return Genes(torch.randn(count, MOTIFS, generator=random), steepness)


def wanted(network: MotifQ, motif: int) -> torch.Tensor:
    """(1, keys, 2) the grid that a motif scores highest."""
    rows = (network.seen.flatten(0, 1) @ network.weight)[..., motif].argmax(1)
    return torch.stack((rows // LAUNCHPAD.steps, rows % LAUNCHPAD.steps), -1).byte()[None]


def scores(network: MotifQ, grid: torch.Tensor) -> torch.Tensor:
    """(motifs,) what each says of a grid (1, keys, 2)."""
    mask, offset = grid[0].long().unbind(-1)
    return torch.bmm(network.seen[mask, offset][:, None], network.weight).sum((0, 1)) + network.bias


@torch.no_grad()
def test_the_grid_that_a_motif_wants_stays_and_is_worth_more_by_what_it_learned() -> None:
    one, changed = choir(), genes()
    made = one.network_of(changed)
    for motif in range(MOTIFS):
        grid = wanted(one.network, motif)
        score, before = (scores(each, grid)[motif] for each in (made, one.network))
        assert float(score - before) == pytest.approx(float(changed.worth[0, motif]), abs=1e-3)
    assert torch.allclose(made.weight[:, PARTS[1]], one.network.weight[:, PARTS[1]] * changed.steepness[0, 1])


@torch.no_grad()
def test_every_network_plays_its_own_songs_greedily() -> None:
    one, both, begun = choir(), genes(2), sparse(3, np.random.default_rng(3))
    songs = np.stack(list(one.play(both, begun, np.zeros(3, bool), 12)))       # (12, 2, 3, keys, 2)
    assert (songs[:, 0] != songs[:, 1]).any()
    for number in range(2):
        made = one.network_of(Genes(both.worth[number, None], both.steepness[number, None]))
        state = begun
        for played in songs[:, number]:
            values = made(torch.from_numpy(state))
            state = played
            reached = made.value(torch.from_numpy(state))
            assert torch.allclose(reached, values.amax(1), atol=1e-2)


def test_restless_songs_are_played_as_the_agent_plays() -> None:
    one, changed, begun = choir(), genes(), sparse(2, np.random.default_rng(4))
    songs = [begun, *(played[0] for played in one.play(changed, begun, np.ones(2, bool), 120))]
    weights = {name: value.numpy() for name, value in one.network_of(changed).state_dict().items()}
    for song in range(2):
        agent, again = LaunchpadAgent("a", q_function("motifs", weights)), 0
        for before, after in pairwise(songs):
            values = agent.choose(before[song]).values
            places = np.repeat(before[song][None], LAUNCHPAD.actions, 0)
            leads = (LAUNCHPAD.press(places, np.arange(LAUNCHPAD.actions)) == after[song]).all((1, 2))
            assert values[leads].max() > values.max() - 1e-2
            again += not leads[agent.values(before[song][None])[0].argmax()]
        assert again > 3                                 # the memory did choose otherwise than greedily


def test_bars_have_the_same_number_where_they_sound_alike() -> None:
    silent, turned = LAUNCHPAD.empty(2)
    turned[5, 1] = 9                                     # a silent key may be turned: nothing is heard of it
    states = np.stack([silent, turned, LAUNCHPAD.press(silent, 3), LAUNCHPAD.press(silent, 13)])
    here, after = bar_names(states)
    assert here[0] == here[1] and len(set(here.tolist())) == 3
    assert after[0, 3] == here[2] and after[0, -1] == here[0] and after[2, 3] == here[0]
