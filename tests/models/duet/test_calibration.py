from __future__ import annotations

import numpy as np
import pytest
import torch

from models.duet import calibration
from models.duet.calibration import KNOBS, SWEEPS, WIDE, calibrate, cut_short, match_classes, measured, turn
from models.duet.causal import OFFSETS, CausalNetwork, CausalWidths
from models.duet.chorales import Chorale, Duet, all_duets
from models.duet.encoding import HOLD, MULTI_HOLD, PITCHES
from models.duet.measures import pitch_classes
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


def test_the_shift_lies_where_play_turns_from_too_slow_to_too_fast(
    chorales: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "CLASS_ROUNDS", 0)
    finest = SWEEPS[-1][0] / 2 ** SWEEPS[-1][1]
    for by in (-0.4, 0.3):
        network = strikes_or_holds(by)
        network.head.bias.data[MULTI_HOLD.rest] = -1e3
        shift = calibrate(network, all_duets(chorales), 4, 0)["hold"]
        assert abs(shift - by) < 2 * finest
        assert torch.allclose(network.head.bias[HOLD : MULTI_HOLD.rest], torch.tensor(shift))
        assert network.head.bias[20] == torch.tensor(by)


def test_more_of_a_knob_is_more_or_less_of_its_measure(chorales: list[Chorale]) -> None:
    parts = [cut_short(duet) for duet in all_duets(chorales)[:4]]
    for knob in KNOBS:
        found = []
        for shift in (-6.0, 0.0, 6.0):
            torch.manual_seed(1)
            network = CausalNetwork(CausalWidths(8, 4, 2, 6, 8)).eval()
            turn(network, KNOBS[0], 0.0, -8.0 if knob is not KNOBS[0] else 0.0)
            turn(network, knob, 0.0, shift)
            *_, played = improvise(network, parts)
            found.append(np.nan_to_num(measured(knob.measure, [m for _, m in played.lines()]), nan=99.0))
        assert found[0] != found[2] and (found == sorted(found, reverse=not knob.rising)), knob.name


def test_pitch_classes_are_shifted_by_the_log_ratio_of_their_shares(
    chorales: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "CLASS_ROUNDS", 1)
    parts = [cut_short(duet) for duet in all_duets(chorales)[:6]]
    network = strikes_or_holds(1.0)  # pitch 20, MIDI 56: nothing but A flat
    first = network.head.bias.detach().clone()
    shifts = match_classes(network, parts)
    wanted = pitch_classes([duet.machine[32:] for duet in parts])
    assert shifts == pytest.approx(np.log((wanted + 0.01) / ((np.arange(12) == 8) + 0.01)))
    moved = (network.head.bias - first).detach().numpy()
    assert moved[:PITCHES] == pytest.approx(np.resize(shifts, PITCHES), abs=1e-4)
    assert not moved[PITCHES:].any()


def test_the_last_time_pitch_classes_are_matched_on_more_duets(
    chorales: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(calibration, "KNOBS", ())

    def match(network: CausalNetwork, parts: list[Duet]) -> np.ndarray:
        asked.append(len(parts))
        return np.ones(12)

    monkeypatch.setattr(calibration, "match_classes", match)
    shifts = calibrate(strikes_or_holds(1.0), all_duets(chorales), 2, 0)
    assert asked == [2, 2, 8] and set(shifts.values()) == {3.0}


def test_a_knob_is_turned_from_where_it_stands() -> None:
    network = CausalNetwork()
    first = network.proposal.bias.detach().clone()
    turn(network, KNOBS[2], 0.0, 0.5)
    turn(network, KNOBS[2], 0.5, -0.25)
    moved = (network.proposal.bias - first).detach().numpy()
    intervals = np.arange(OFFSETS) - PITCHES + 1
    assert moved[OFFSETS : 2 * OFFSETS] == pytest.approx(np.where(np.abs(intervals) >= WIDE, -0.25, 0.0))
    assert not moved[:OFFSETS].any() and not moved[-1]


def test_duets_are_cut_after_sixteen_bars(chorales: list[Chorale]) -> None:
    duet = all_duets(chorales)[0]
    longer = type(duet)(duet.name, duet.voices, np.tile(duet.human, 5), np.tile(duet.machine, 5), 0)
    assert len(cut_short(longer).human) == len(cut_short(longer).machine) == 256
