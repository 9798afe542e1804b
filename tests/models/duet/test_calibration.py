from __future__ import annotations

import numpy as np
import torch

from models.duet.calibration import REACH, calibrate, cut_short, inter_onset, shift_holds
from models.duet.causal import CausalNetwork, CausalWidths
from models.duet.chorales import Chorale, all_duets
from models.duet.encoding import HOLD, MULTI_HOLD, PITCHES
from models.duet.playing import improvise


def strikes_or_holds(by: float) -> CausalNetwork:
    """Holds at once, or never: which, one number decides."""
    network = CausalNetwork(CausalWidths(embedding=4, beat=2, recurrent=3, hidden=4))
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.zero_()
        network.head.bias[:PITCHES] = -1e3
        network.head.bias[20] = by
    return network


def test_the_shift_lies_where_play_turns_from_too_slow_to_too_fast(chorales: list[Chorale]) -> None:
    for by in (-0.4, 0.3):
        network = strikes_or_holds(by)
        network.head.bias.data[MULTI_HOLD.rest] = -1e3
        shift = calibrate(network, all_duets(chorales), 4, 0)
        assert abs(shift - by) < 2 * REACH / 2**6
        assert torch.allclose(network.head.bias[HOLD : MULTI_HOLD.rest], torch.tensor(shift).float())
        assert network.head.bias[20] == torch.tensor(by)


def test_more_holding_is_more_sixteenths_from_onset_to_onset(chorales: list[Chorale]) -> None:
    network, found = strikes_or_holds(0.0), []
    first = network.head.bias.detach().clone()
    for shift in (-0.5, 0.5):
        shift_holds(network, first, shift)
        *_, played = improvise(network, all_duets(chorales)[:2])
        found.append(inter_onset([machine for _, machine in played.lines()]))
    assert found[0] == 1.0 and not found[1] < 20


def test_duets_are_cut_after_sixteen_bars(chorales: list[Chorale]) -> None:
    duet = all_duets(chorales)[0]
    longer = type(duet)(duet.name, duet.voices, np.tile(duet.human, 5), np.tile(duet.machine, 5), 0)
    assert len(cut_short(longer).human) == len(cut_short(longer).machine) == 256
