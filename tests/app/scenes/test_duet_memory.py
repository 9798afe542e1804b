"""What was chosen in Duet is chosen again the next time the program runs."""

import threading

import pytest

from app import program
from app.scenes.duet_memory import REST_S
from app.sessions.duet.choices import USUAL, Choices, DuetWishes
from models.checkpoint import shipped
from models.duet.agent import SHIPPED
from tests.app.scenes.fake_duet import PART_BPM, FakeDuet

CHOSEN = Choices(
    tempo_bpm=97.0, beats_a_bar=3, temperature=0.85, voice="tenor", mode="call and response", phrase_bars=4,
    follow_tempo=True, seed="two bars", click=False, your_program=73, machine_program=42, your_level=0.6,
    machine_level=0.3,
)  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """The window's clock: seconds in a list of one."""
    from app.window import Window

    now_s = [100.0]
    monkeypatch.setattr(Window, "now_s", staticmethod(lambda: now_s[0]))
    return now_s


def test_every_choice_is_there_the_next_time(stage, eventually):
    before = stage(mode="duet")
    before.duet.show(choices=CHOSEN)
    before.frame()
    before.scene.desk.use_agent("duet-mle")
    before.scene.desk.play_part("o-haupt-voll-blut-und-wunden-bwv-244")
    assert eventually(lambda: before.duet.snapshot.part_name)
    before.duet.show(choices=CHOSEN)
    before.frame()
    before.window.go("home")

    after = stage(mode="duet", anew=False)
    assert after.duet.snapshot.choices.but(tempo_bpm=CHOSEN.tempo_bpm) == CHOSEN
    assert after.duet.snapshot.agent == "duet-mle"
    assert eventually(lambda: after.duet.snapshot.part_name)
    after.frame()
    assert after.scene.title() == "Duet: o-haupt-voll-blut-und-wunden-bwv-244"

    after.scene.desk.no_part()
    after.window.go("home")
    assert stage(mode="duet", anew=False).settings.now.duet_part == ""


def test_what_the_command_line_asks_for_holds_once(stage):
    chosen = {"tempo_bpm": 66.0, "voice": "alto"}
    stage(mode="duet").settings.change(duet_agent="duet-mle", duet_choices=chosen)
    wishes = DuetWishes({"tempo_bpm": 300.0, "voice": "tenor", "temperature": 1.0}, "other")
    asked = stage(mode="home", anew=False)
    asked.studio.duet_wishes = wishes
    asked.window.go("duet")
    asked.frame()
    now = asked.duet.snapshot
    assert (now.agent, now.choices.tempo_bpm, now.choices.voice) == ("other", 300.0, "tenor")
    asked.scene.desk.set_voice("bass")
    asked.scene.desk.set_temperature(0.2)
    asked.frame()
    asked.window.go("home")
    assert asked.settings.now.duet_choices == {"tempo_bpm": 66.0, "temperature": 0.2}
    assert asked.settings.now.duet_agent == "duet-mle"


def test_what_is_chosen_is_written_once_it_rests(duet, clock):
    for temperature in (0.6, 0.7, 0.8):
        clock[0] += REST_S / 2
        duet.scene.desk.set_temperature(temperature)
        duet.frame()
        assert "temperature" not in duet.settings.now.duet_choices
    clock[0] += REST_S
    duet.frame()
    assert duet.settings.now.duet_choices["temperature"] == 0.8


def test_the_tempo_that_was_chosen_counts_more_than_the_part_s_own(stage, eventually):
    stage(mode="duet").settings.change(duet_part="a chorale", duet_choices={"tempo_bpm": 66.0})
    again = stage(mode="duet", anew=False)
    assert eventually(lambda: again.scene.desk._memory.part == "a chorale" and again.duet.snapshot.part_name)
    again.frame()
    assert again.duet.snapshot.choices.tempo_bpm == 66.0
    assert again.scene.desk.own_bpm == PART_BPM


def test_a_part_that_is_still_read_is_not_forgotten(stage, monkeypatch):
    stage(mode="duet").settings.change(duet_part="a chorale")
    go_on = threading.Event()
    monkeypatch.setattr(FakeDuet, "read_part", lambda self, name, tell: go_on.wait(10.0))
    again = stage(mode="duet", anew=False)
    again.window.go("home")
    assert again.settings.now.duet_part == "a chorale"
    go_on.set()


def test_a_part_that_is_gone_is_told_of_once_and_forgotten(stage, eventually):
    stage(mode="duet").settings.change(duet_part="/gone/junk.mid")
    again = stage(mode="duet", anew=False)

    def told() -> bool:
        again.frame()
        return any("junk.mid" in said for said in again.toasts)

    assert eventually(told)
    again.window.go("home")
    assert again.settings.now.duet_part == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("tempo_bpm", "fast"), ("tempo_bpm", 4000.0), ("tempo_bpm", True), ("temperature", float("nan")),
     ("beats_a_bar", 7), ("beats_a_bar", 4.0), ("voice", "drone"), ("voice", 2), ("click", 1),
     ("your_program", 500), ("machine_level", -0.1)],
)  # fmt: skip
def test_a_damaged_choice_falls_back_alone(name, value):
    recalled = Choices.recalled({"seed": "two bars", name: value, "of a later version": 1})
    assert getattr(recalled, name) == getattr(USUAL, name)
    assert recalled.seed == "two bars"


def test_whole_numbers_are_numbers_too():
    assert Choices.recalled({"tempo_bpm": 90}).tempo_bpm == 90.0


@pytest.mark.parametrize(
    ("remembered", "plays"),
    [("duet-mle", "duet-mle"), ("long-gone", SHIPPED), ("", SHIPPED), (str(shipped("duet-mle")), "duet-mle")],
)
def test_an_agent_that_is_gone_makes_room_for_the_shipped_one(stage, engine, remembered, plays):
    studio = stage(mode="home").studio
    studio.engine = engine
    session = program.make_duet(studio, remembered, CHOSEN)
    try:
        assert session.snapshot.choices == CHOSEN
        assert session.snapshot.agent == plays
    finally:
        session.close()
