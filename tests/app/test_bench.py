"""The bench reports what was measured against its goal, and goes on where something cannot be measured."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from app import bench
from app.bench import figures, live, standstill_child, watched
from app.bench.figures import Figure
from app.bench.rises import Rises
from app.devices.audio import AudioSystem
from app.devices.null import NullBackend
from app.engine.clock import now_s, sleep_s
from app.engine.engine import Engine
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
    with live.standstills() as stood:
        sleep_s(0.5)
    figure = stood.figure()
    assert figure.value >= 0 and figure.limit is None
    assert f"on each of {len(os.sched_getaffinity(0))} cores" in figure.note


def test_a_standstill_is_seen_when_the_clock_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    moments_s, ended = iter([0.0, 0.0021, 0.012, 0.0141]), iter([False, False, False, True])
    monkeypatch.setattr(standstill_child, "now_s", lambda: next(moments_s))
    monkeypatch.setattr(standstill_child, "sleep_s", lambda _: None)
    monkeypatch.setattr(standstill_child.os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(standstill_child, "_above_everyone", lambda: True)
    seen = standstill_child.watch(0, lambda: next(ended))
    assert seen == {"standstills": [(0.012, pytest.approx(0.0079))], "real_time": True}


def test_dropouts_are_told_apart_by_what_came_before_them() -> None:
    stood = live.Standstills()
    stood.take_in({"standstills": [[10.0, 0.004], [20.0, 0.012]], "real_time": True})
    seen = {"dropouts_s": [10.1, 15.0, 19.9], "sound": "card"}
    figure = stood.dropouts("Following", seen, 60.0, note="11.6 ms through")
    assert (figure.value, figure.reached) == (3, False)
    where = "60 s in blocks of 256 samples, card, 11.6 ms through"
    assert figure.note == f"{where}; 1 of 3 right after a standstill"
    none = stood.dropouts("Following", {**seen, "dropouts_s": []}, 60.0)
    assert none.reached and "standstill" not in none.note


def test_each_rise_of_a_counter_has_its_moment(eventually: Callable[..., bool]) -> None:
    counts = iter([3, 3, 5, 5, 4])  # the first when it begins
    before_s = now_s()
    with Rises(lambda: next(counts, 4)) as rises:
        assert eventually(lambda: len(rises.moments_s) == 2)
    assert before_s < rises.moments_s[0] <= rises.moments_s[1] <= now_s()
    count = [0]
    with Rises(lambda: count[0]) as rises:
        count[0] = 1  # between two looks
    assert len(rises.moments_s) == 1


def test_what_should_play_through_jack_and_does_not_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "OPENING_S", 0.1)
    monkeypatch.setenv(live.JACK_SERVER, "none-such")
    engine = Engine(AudioSystem([], NullBackend()))
    engine.start()
    with pytest.raises(live.NotMeasured, match="goes to none instead of JACK"):
        watched.sound_of(engine)
    monkeypatch.delenv(live.JACK_SERVER)
    assert watched.sound_of(engine) == "none"
    engine.close()


def test_every_measurement_exists() -> None:
    from importlib import import_module

    for place in (bench.MEASUREMENTS | bench.LONG).values():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))
