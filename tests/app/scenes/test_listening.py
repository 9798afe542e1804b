"""The listening test's scene: heard before it is judged, hidden before it is told, counted afterwards."""

import json

import pygame
import pytest

from app.engine.performer import Played
from app.sessions.duet.choices import VOICE_RANGES
from app.sessions.duet.excerpts import Melody, answer, chorales, compose, cut, events, melody_of
from app.sessions.duet.listening import ListeningTest, Material, Trial
from app.sessions.duet.votes import VoteFile
from models.checkpoint import CheckpointError
from models.duet.chorales import HELD_OUT, NOT_LEARNED, load, split
from models.duet.encoding import MULTI_HOLD
from models.duet.encoding import notes as notes_of
from tests.app.scenes.fake_duet import notes


class Copycat:
    """An agent that plays a fixed distance below."""

    def __init__(self, below):
        self.below = below

    def reset(self, seed=0):
        self.seed = seed

    def choose(self, human, machine, beat, temperature=0.0, lowest=0, highest=127):
        return int(human[-1]) % 46 - self.below if len(human) and human[-1] < 92 else 92


class Player:
    """Plays in no time: `over` when the test says so."""

    def __init__(self):
        self.played, self.share, self.over = [], None, False

    def play(self, what):
        self.played.append(what)
        self.share, self.over = 0.2, False

    def stop(self):
        self.share = None


@pytest.fixture
def test_scene(stage, tmp_path, monkeypatch):
    from app.scenes import listening_desk

    monkeypatch.setattr(listening_desk.ListeningDesk, "_begin", lambda self: None)
    one = stage(mode="listening")
    desk = one.scene.desk
    desk.file = VoteFile(tmp_path / "votes.json")
    desk.player = Player()
    desk._melodies = {"song": Melody("song", melody_of("song", notes(*[72, 74] * 16), 80.0).tokens, 80.0)}
    desk._agents = {"duet": Copycat(12), "duet-mle": Copycat(15)}
    desk._test = ListeningTest(list(desk._agents), [Material("song", 32)], desk.file, seed=1)
    desk._next()
    one.frame()
    return one


def hear_out(one):
    one.scene.desk.player.over = True
    one.frame()


def test_both_are_heard_before_a_vote_counts(test_scene):
    one, desk = test_scene, test_scene.scene.desk
    one.key(pygame.K_1, text="1")
    assert desk.count == 0 and "Hear both first" in one.toasts[-1]
    one.key(pygame.K_SPACE, text=" ")
    hear_out(one)  # A is over, B begins by itself
    assert desk.side_words("b") == "plays"
    hear_out(one)
    assert desk.heard_both and desk.player.played == [desk._duets["a"], desk._duets["b"]]
    trial = desk._test.trial
    one.key(pygame.K_2, text="2")
    assert [vote.better for vote in desk.file.votes()] == [trial.b]
    assert json.loads(desk.file.path.read_text())["version"] == 1


def test_a_vote_that_cannot_be_written_can_be_given_again(test_scene, tmp_path):
    one, desk = test_scene, test_scene.scene.desk
    one.key(pygame.K_SPACE, text=" ")
    hear_out(one)
    hear_out(one)
    trial, desk.file.path = desk._test.trial, tmp_path / "gone" / "votes.json"
    one.key(pygame.K_1, text="1")
    assert "could not be saved" in one.toasts[-1] and desk.ready and desk.heard_both
    desk.file.path = tmp_path / "votes.json"
    one.key(pygame.K_1, text="1")
    assert [vote.better for vote in desk.file.votes()] == [trial.a]


def test_a_part_that_comes_to_duet_later_is_heard_too(test_scene, eventually):
    one, desk = test_scene, test_scene.scene.desk
    one.studio.duet = one.duet
    one.duet.show(part_name="dropped", part=notes(*[60, 62] * 16))
    heard = set()
    for _ in range(20):
        desk._next()
        heard.add(desk._test.trial.melody)
    assert heard == {"song", "dropped"}


def test_who_plays_is_not_told_before_the_results(test_scene):
    one = test_scene
    words = " ".join([one.scene.title(), one.scene.desk.words(), one.scene.desk.melody_words(),
                      *(one.scene.desk.side_words(side) for side in ("a", "b"))])  # fmt: skip
    assert "mle" not in words and not one.scene.results.visible
    one.key(pygame.K_r, text="r")
    one.frame()
    assert one.scene.results.visible and not one.scene.cards[0].visible


def test_nothing_is_heard_or_counted_of_a_trial_that_the_results_hide(test_scene):
    one, desk = test_scene, test_scene.scene.desk
    one.key(pygame.K_SPACE, text=" ")
    hear_out(one)
    hear_out(one)
    one.key(pygame.K_r, text="r")
    for key, text in ((pygame.K_SPACE, " "), (pygame.K_a, "a"), (pygame.K_b, "b"), (pygame.K_1, "1"),
                      (pygame.K_2, "2"), (pygame.K_0, "0")):  # fmt: skip
        one.key(key, text=text)
        assert not desk.playing and desk.file.votes() == [] and "First back" in one.toasts[-1]
    one.key(pygame.K_r, text="r")
    one.key(pygame.K_1, text="1")
    assert len(desk.file.votes()) == 1


@pytest.mark.parametrize(("pitches", "above"), [((72, 74), False), ((45, 43), True)])
def test_the_answer_lies_beside_the_melody(test_scene, monkeypatch, pitches, above):
    """Over a bass part that was dropped another bass once played."""
    from app.scenes import listening_desk

    asked = []

    def compose(trial, melody, agents, *voice):
        asked.append(voice)
        return [], []

    monkeypatch.setattr(listening_desk, "compose", compose)
    desk = test_scene.scene.desk
    desk._melodies["song"] = melody_of("song", notes(*pitches * 16), 80.0)
    desk._next()
    assert asked == [VOICE_RANGES["soprano" if above else "bass"]]


def test_what_is_missing_is_said(stage, monkeypatch, eventually):
    import models.duet.agent

    monkeypatch.setattr(models.duet.agent, "shipped_agents", lambda: ["duet"])
    one = stage(mode="listening")
    assert eventually(lambda: (one.frame(), one.scene.missing.visible)[1])
    assert "only duet is here" in one.scene.missing.text
    one.key(pygame.K_SPACE, text=" ")
    assert not one.scene.desk.playing


@pytest.mark.parametrize("problem", [CheckpointError("duet is damaged."), ValueError("expected by nobody")])
def test_what_failed_is_said_and_tried_again_the_next_time(stage, monkeypatch, eventually, problem):
    import models.duet.agent
    from app.scenes import listening_desk

    def fail(name):
        raise problem

    song = Melody("song", melody_of("song", notes(*[72, 74] * 16), 80.0).tokens, 80.0)
    monkeypatch.setattr(models.duet.agent, "shipped_agents", lambda: ["duet", "duet-mle"])
    monkeypatch.setattr(models.duet.agent, "load_agent", fail)
    monkeypatch.setattr(listening_desk, "chorales", lambda: [song])
    one = stage(mode="listening")
    assert eventually(lambda: (one.frame(), one.scene.missing.visible)[1])
    assert eventually(lambda: one.scene.missing.text in one.toasts)  # another thread says it, just after
    monkeypatch.setattr(models.duet.agent, "load_agent", lambda name: Copycat(12))
    one.key(pygame.K_ESCAPE)
    one.key(pygame.K_l, pygame.KMOD_LCTRL)
    assert eventually(lambda: (one.frame(), one.scene.cards[0].enabled)[1])  # a frame after it is ready
    assert not one.scene.missing.visible


def test_escape_leads_back_to_duet_and_ctrl_l_there_and_back(test_scene):
    one = test_scene
    one.key(pygame.K_l, pygame.KMOD_LCTRL)
    assert one.scene.name == "duet"
    one.key(pygame.K_l, pygame.KMOD_LCTRL)
    assert one.scene.name == "listening"
    one.key(pygame.K_ESCAPE)
    assert one.scene.name == "duet"


def test_both_duets_have_the_same_melody_and_the_excerpt_is_the_wanted_one():
    melody = melody_of("song", notes(*range(60, 76)), 60.0)
    trial = Trial("song", 4, 8, "low", "lower", 7)
    agents = {"low": Copycat(12), "lower": Copycat(15)}
    first, second = compose(trial, melody, agents, 36, 62)

    def line(played, channel):
        return [(e.time_s, e.data1) for e in played if e.kind == "note_on" and e.channel == channel]

    assert line(first, 0) == line(second, 0) == [(float(i), 64 + i) for i in range(8)]
    assert line(first, 1) != line(second, 1)


def test_melodies_are_of_chorales_that_nobody_learned_from_and_begin_with_a_bar():
    held_out = {chorale.name: chorale for chorale in split(load(NOT_LEARNED)).held_out}
    found = {"bwv" + melody.name.removeprefix("BWV "): melody for melody in chorales()}
    assert set(found) == HELD_OUT
    for name, melody in found.items():
        upbeat, line = int(held_out[name].position[0]), held_out[name].tokens[0]
        assert melody.tokens[upbeat : upbeat + len(line)].tolist() == line.tolist()
        assert set(melody.tokens[:upbeat]) <= {MULTI_HOLD.rest} and len(melody.tokens) % 4 == 0
        assert melody.beats_a_bar * 4 == held_out[name].bar_steps


def test_lines_become_events_of_the_right_length():
    melody = melody_of("song", notes(60, 64, steps=8.0), 120.0)
    played = events(melody.tokens, melody.tokens, 120.0)
    assert [e for e in played if e.channel == 0] == [
        Played(0.0, "program", 0), Played(0.0, "control", 7, 100),
        Played(0.0, "note_on", 60, 84), Played(1.0, "note_off", 60),
        Played(1.0, "note_on", 64, 84), Played(2.0, "note_off", 64),
    ]  # fmt: skip


def test_an_answer_sees_nothing_of_what_is_to_come():
    seen = []

    class Spy(Copycat):
        def choose(self, human, machine, *rest):
            seen.append((len(human), len(machine)))
            return 92

    melody = melody_of("song", notes(60, 62), 80.0)
    line = answer(Spy(0), melody.tokens, 0, 36, 62)
    assert seen == [(step, step) for step in range(8)] and notes_of(line) == []
    assert len(cut(melody.tokens, Trial("song", 1, 1, "a", "b", 0))) == 4
