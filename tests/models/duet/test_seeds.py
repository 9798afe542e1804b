from __future__ import annotations

import math
from dataclasses import replace

from models.duet.chorales import all_duets
from models.duet.drift import inside
from models.duet.evaluation import Study
from models.duet.seeds import COLUMNS, drift_lines, markdown, methods
from tests.models.duet.made_up import make_chorale

DATA = Study(all_duets([make_chorale(0, 20), make_chorale(1, 20)])[::2]).data_row()


def test_runs_of_one_method_are_one_line_with_mean_and_deviation() -> None:
    runs = [
        replace(DATA, player=f"mine-{n}", pitch_count=DATA.pitch_count + by)
        for n, by in enumerate((0.1, 0.3))
    ]
    table, drifts = markdown([DATA, *runs, replace(DATA, player="other")]).split("\n\n")
    lines = table.splitlines()
    assert len(lines) == 5 and len(drifts.splitlines()) == 2 + 3 * 3
    cells = [cell.strip() for cell in lines[3].strip("|").split("|")]
    assert cells[:3] == ["mine", "2", "+0.20 ± 0.10"]
    assert lines[4].startswith("| other | 1 | +0.00 |")
    assert lines[2].startswith(f"| data |  | {DATA.pitch_count:.2f} | {DATA.interval:.2f} |")
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 3}


def test_only_a_number_at_the_end_is_a_seed() -> None:
    rows = [replace(DATA, player=name) for name in ("a-1", "a-12", "a", "a-b", "b2-0")]
    assert {name: len(runs) for name, runs in methods(rows).items()} == {"a": 3, "a-b": 1, "b2": 1}


def test_drift_is_one_line_for_each_method_and_measure() -> None:
    runs = [replace(DATA, player=f"mine-{n}") for n in range(2)]
    heading, *lines = drift_lines([DATA, *runs])
    assert [line[:2] for line in lines] == [[n, m] for n in ("data", "mine") for m in ("PC/bar", "PI", "IOI")]
    change, low, high = DATA.drifts["PI"].change
    cell = f"{change:+.2f} ({low:+.2f} to {high:+.2f})"
    assert lines[1][2:] == ["", "", "", cell]
    assert lines[4][2:] == ["1.00 ± 0.00"] * 3 + [f"{cell}; {cell}"]
    assert {len(line) for line in lines} == {len(heading)}


def test_inside_is_within_the_datas_own_deviation() -> None:
    data = replace(DATA, curves={"PI": [1.0] * 4}, spreads={"PI": [0.5, 0.5, 0.0, math.nan]})
    away = replace(DATA, curves={"PI": [1.4, 1.6, 9.0, 9.0]})
    assert inside(data, data, "PI") == 1.0
    assert inside(away, data, "PI") == 0.5  # where the data has no deviation it says nothing
    assert inside(replace(DATA, curves={"PI": [math.nan] * 4}), data, "PI") == 0.0
    assert inside(away, replace(data, spreads={"PI": [0.0] * 4}), "PI") == 1.0
