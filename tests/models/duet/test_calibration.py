from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.duet import calibration
from models.duet.calibration import (
    KNOBS,
    NEAR,
    WIDE,
    Desk,
    calibrate,
    cut_short,
    match_classes,
    measured,
    turn,
)
from models.duet.causal import OFFSETS, CausalNetwork, CausalWidths
from models.duet.chorales import Chorale, Duet, all_duets
from models.duet.encoding import PITCHES
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


def plays(shifts: tuple[float, ...] = (0.0, 0.0, 0.0)) -> CausalNetwork:
    """At random, but lively; its knobs turned."""
    torch.manual_seed(1)
    network = CausalNetwork(CausalWidths(8, 4, 2, 6, 8)).eval()
    with torch.no_grad():
        network.proposal.weight *= 10.0
        network.proposal.bias[-1] = 1.0
    for knob, shift in zip(KNOBS, shifts, strict=True):
        turn(network, knob, 0.0, shift)
    return network


def test_what_the_knobs_of_one_network_do_those_of_another_are_set_to(
    chorales: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "CLASS_ROUNDS", 0)
    duets = all_duets(chorales)
    *_, played = improvise(plays((-0.3, -0.4, 0.3)), duets)
    data = [replace(duet, machine=machine) for duet, (_, machine) in zip(duets, played.lines(), strict=True)]
    network = plays()

    def misses() -> list[float]:
        *_, own = improvise(network, data)
        lines = [machine for _, machine in own.lines()]
        return [measured(k.measure, lines) - measured(k.measure, [d.machine for d in data]) for k in KNOBS]

    before = misses()
    shifts = calibrate(network, data, len(data), 0)
    for knob, was, now in zip(KNOBS, before, misses(), strict=True):
        assert abs(now) < max(0.3 * abs(was), NEAR[knob.measure]), (knob.name, before, misses())
    again = plays()
    for knob in KNOBS:
        turn(again, knob, 0.0, shifts[knob.name])
    assert torch.allclose(again.proposal.bias, network.proposal.bias, atol=1e-5)


def test_knobs_that_do_nothing_are_left_where_they_are(chorales: list[Chorale]) -> None:
    shifts = calibrate(strikes_or_holds(1.0), all_duets(chorales), 2, 0)
    assert shifts["again"] == shifts["wide"] == 0.0


def test_more_of_a_knob_is_more_or_less_of_its_measure(chorales: list[Chorale]) -> None:
    parts = [cut_short(duet) for duet in all_duets(chorales)[:4]]
    for knob, rising in zip(KNOBS, (True, False, True), strict=True):
        found = []
        for shift in (-6.0, 0.0, 6.0):
            torch.manual_seed(1)
            network = CausalNetwork(CausalWidths(8, 4, 2, 6, 8)).eval()
            turn(network, KNOBS[0], 0.0, -8.0 if knob is not KNOBS[0] else 0.0)
            turn(network, knob, 0.0, shift)
            *_, played = improvise(network, parts)
            found.append(np.nan_to_num(measured(knob.measure, [m for _, m in played.lines()]), nan=99.0))
        assert found[0] != found[2] and (found == sorted(found, reverse=not rising)), knob.name


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

    def note(network: CausalNetwork, parts: list[Duet]) -> np.ndarray:
        asked.append(len(parts))
        return np.ones(12)

    monkeypatch.setattr(Desk, "settle", lambda desk, tries: None)
    monkeypatch.setattr(calibration, "match_classes", note)
    shifts = calibrate(strikes_or_holds(1.0), all_duets(chorales), 2, 0)
    assert asked == [2, 6] and [shifts[f"class {n}"] for n in range(12)] == [2.0] * 12


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
