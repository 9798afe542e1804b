"""The bench reports what was measured against its goal, and goes on where something cannot be measured."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app import bench
from app.bench import figures, live
from app.bench.figures import Figure
from pieces.errors import RipienoError


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that work and one that cannot."""
    module = ModuleType("measured_here")

    def lacks() -> list[Figure]:
        raise RipienoError("no [piano] here")

    module.__dict__.update(
        fast=lambda: [Figure("Fast", 1.0, "ms", 2.0), Figure("Plenty", 5.0, "frames/s", 9.0, at_least=True)],
        lacks=lacks,
        slow=lambda: [Figure("Slow", 3.0, "s")],
    )
    monkeypatch.setitem(sys.modules, "measured_here", module)
    table = {"fast": "measured_here:fast", "lacks": "measured_here:lacks"}
    monkeypatch.setattr(bench, "MEASUREMENTS", table)
    monkeypatch.setattr(bench, "LONG", {"slow": "measured_here:slow"})


@pytest.mark.usefixtures("measurements")
def test_the_report_marks_goals_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    bench.run_bench(out, [], long=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "no", "–", "Slow"]
    assert "no [piano] here" in lines[2]
    content = json.loads(out.read_text())
    assert [(figure["name"], figure["reached"]) for figure in content["figures"]] == [
        ("Fast", True),
        ("Plenty", False),
        ("Slow", None),
    ]
    assert content["machine"]["cores"] >= 1


@pytest.mark.usefixtures("measurements")
def test_what_takes_minutes_runs_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    bench.run_bench(None, [], long=False)
    assert "Slow" not in capsys.readouterr().out
    bench.run_bench(None, ["slow"], long=False)
    assert "Slow" in capsys.readouterr().out


def test_spread_is_median_and_99th_percentile() -> None:
    median, p99 = figures.spread("x", list(range(101)), "ms", median_limit=49.0, p99_limit=99.0)
    assert (median.value, median.reached) == (50.0, False)
    assert (p99.value, p99.reached) == (99.0, True)


def test_the_window_is_watched_from_outside() -> None:
    seen = live._run_child(0.2)
    assert seen["interactive_s"] > 0
    assert len(seen["frame_ms"]) > 0
    assert seen["processes"] >= 1


def test_the_machine_s_own_standstills_are_counted_meanwhile() -> None:
    with live.standstills(0.5) as stood:
        pass
    (figure,) = stood
    assert figure.value >= 0 and figure.limit is None
    assert f"on each of {len(os.sched_getaffinity(0))} cores" in figure.note


def test_every_measurement_exists() -> None:
    from importlib import import_module

    for place in (bench.MEASUREMENTS | bench.LONG).values():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))
