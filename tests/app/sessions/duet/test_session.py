"""The duet on the engine, block by block: on the sample, never late, the same as offline."""
from __future__ import annotations

RATE = 44_100


def test_it_plays_on_the_sample_after_a_count_in(stage, scripted):
    on = stage(scripted(48, 50, 52, 53))
    session = on.session
    session.set_tempo(240)
    session.start(count_in_bars=1)
    on.settle()
    assert session.snapshot.state == "count-in" and session.snapshot.bar == -1
    on.crank_steps(33)
    struck = [(pitch, sample) for kind, pitch, sample in on.notes() if kind == "note_on"]
    first = struck[0][1]
    assert struck[:8] == [(pitch, first + round(beat * RATE / 4)) for beat, pitch in enumerate(
        (48, 50, 52, 53) * 2)]  # fmt: skip
    now = session.snapshot
    assert now.state == "playing" and now.late_steps == 0 and now.agent == "made up"
    assert [tuple(note) for note in now.machine[:3]] == [(0, 4, 48), (4, 4, 50), (8, 4, 52)]
    session.stop()
    on.settle()
    assert session.snapshot.state == "stopped"
    on.crank(8 * 256)
    on_off = [kind for kind, _, _ in on.notes()]
    assert on_off.count("note_on") == on_off.count("note_off")
