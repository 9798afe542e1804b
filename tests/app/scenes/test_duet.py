"""Duet's scene: what it shows, what each press asks of the session, how it moves."""

import threading

import numpy as np
import pygame
import pytest

from app import theme
from app.scenes.duet_looks import Steady
from app.scenes.duet_menus import SOUNDS, is_chorale
from app.sessions.duet.choices import METERS, PHRASE_BARS
from app.sessions.duet.snapshot import RollNote
from app.widgets.painter import Painter
from pieces.library import list_pieces
from tests.app.scenes.fake_duet import PART_BPM, FakeDuet, notes


def place_of(one, step, pitch):
    """The middle of a sixteenth of a lane."""
    roll = one.scene.view.roll
    return roll.x(step + 1.5, roll.left(False)), roll.lane(pitch).centery


def choose(one, widget, downs):
    """Open a menu and take a line of it."""
    one.click(*widget.rect.center)
    for _ in range(downs):
        one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)


def test_your_notes_are_orange_the_partners_blue_and_what_it_means_is_half_there(duet):
    machine, meant = notes(48, start=4), notes(50, start=22)
    duet.duet.play(20.0, human=notes(72, 74), machine=machine, intended=meant)
    duet.frame()
    assert duet.pixel(place_of(duet, 0, 72)) == theme.YOU
    assert duet.pixel(place_of(duet, 5, 48)) == theme.MACHINE
    assert duet.pixel(place_of(duet, 22, 50)) == theme.mix(theme.SURFACE, theme.MACHINE, 0.42)


def test_the_keys_of_what_sounds_are_lit_in_the_colour_of_who_plays(duet):
    duet.duet.play(18.0, human=notes(72, start=16, steps=2.0), machine=notes(48, start=16, steps=2.0))
    duet.frame()
    assert duet.scene.view.roll.sounding() == {72: "you", 48: "machine"}
    duet.duet.show(state="stopped")
    duet.frame()
    assert duet.scene.view.roll.sounding() == {}


def test_the_line_of_the_present_stands_still_once_the_sheet_runs(duet):
    roll = duet.scene.view.roll
    seen = []
    for step in (64.0, 90.0, 130.5):
        duet.duet.play(step)
        duet.frame()
        seen.append(roll.x(roll.now(False), roll.left(False)))
    assert seen[0] == pytest.approx(seen[1], abs=0.5) == pytest.approx(seen[2], abs=0.5)
    x = round(seen[-1])
    assert duet.pixel((x, roll.sheet.y + 5)) == theme.TEXT


def test_with_reduced_motion_the_sheet_is_turned_by_whole_bars(duet):
    duet.settings.change(reduced_motion=True)
    roll = duet.scene.view.roll
    lefts = set()
    for step in np.arange(0.0, 200.0, 3.3):
        duet.duet.play(float(step))
        duet.frame()
        lefts.add(roll.left(True))
    assert len(lefts) <= 6 and roll.now(True) == int(roll.step or 0)


def test_the_playhead_glides_between_blocks_and_jumps_when_it_is_far_off():
    steady, seen = Steady(), []
    steady.follow(0.0, 8.0, 0.0)
    for frame in range(1, 60):
        t_s = frame / 60
        seen.append(steady.follow(np.floor(t_s * 10) / 10 * 8.0, 8.0, t_s))  # blocks of 100 ms
    steps = np.diff(seen)
    assert steps.min() >= 0 and steps.max() < 0.4
    assert steady.follow(100.0, 8.0, 1.0) == 100.0


def test_space_starts_with_the_count_in_that_is_wanted_and_stops(duet):
    duet.key(pygame.K_n, text="n")
    duet.key(pygame.K_SPACE, text=" ")
    duet.frame()
    assert duet.scene.count_in.figure() == 1
    duet.key(pygame.K_SPACE, text=" ")
    assert duet.duet.calls[-2:] == [("start", 1), ("stop",)]


def test_letters_play_notes_and_never_mean_anything_else(duet):
    for key in (pygame.K_a, pygame.K_w, pygame.K_SEMICOLON):
        duet.key(key, text="x")
    assert [pitch for kind, pitch in duet.engine.notes if kind == "on"] == [60, 61, 76]
    assert not duet.duet.calls
    assert duet.scene.view.roll.letters[60] == "A"


def test_keys_reach_every_choice(duet):
    for key, text in ((pygame.K_1, "1"), (pygame.K_c, "c"), (pygame.K_RIGHTBRACKET, "]"), (pygame.K_b, "b"),
                      (pygame.K_EQUALS, "="), (pygame.K_m, "m"), (pygame.K_i, "i")):  # fmt: skip
        duet.key(key, text=text)
    now = duet.duet.snapshot
    assert now.choices.voice == "soprano" and now.choices.mode == "call and response"
    assert now.choices.temperature == 0.55 and now.choices.follow_tempo and not now.choices.click
    assert now.choices.tempo_bpm == 81 and now.listening == "microphone"
    duet.duet.set_tempo(300.0)
    duet.frame()
    duet.key(pygame.K_EQUALS, text="=")
    assert duet.duet.snapshot.choices.tempo_bpm == 301, "whatever tempo was chosen elsewhere"
    duet.key(pygame.K_r, text="r")
    duet.key(pygame.K_BACKSPACE)
    assert [call[0] for call in duet.duet.calls] == ["switch_roles", "start_over"]


def further(values, value, downs):
    """What a menu has so many lines below its chosen one; from the last it goes on at the first."""
    ordered = list(values)
    return ordered[(ordered.index(value) + downs) % len(ordered)]


def test_menus_choose_phrase_meter_sound_and_part(duet, eventually):
    duet.duet.set_mode("call and response")
    duet.frame(2)
    panel, before = duet.scene.panel, duet.duet.snapshot.choices
    choose(duet, panel.phrase, 1)
    choose(duet, duet.scene.transport.meter, 1)
    choose(duet, panel.lines["machine"].controls[0][0], 2)
    choose(duet, panel.human, 1)
    chorale = next(entry for entry in list_pieces() if is_chorale(entry))
    assert eventually(lambda: ("read_part", chorale.name) in duet.duet.calls)
    now = duet.duet.snapshot.choices
    assert now.phrase_bars == further(PHRASE_BARS, before.phrase_bars, 1)
    assert now.beats_a_bar == further(METERS, before.beats_a_bar, 1)
    assert now.machine_program == further(SOUNDS, before.machine_program, 2)


@pytest.mark.parametrize("microphone", [False, True])
def test_another_agent_keeps_what_was_chosen(duet, microphone):
    duet.duet.set_voice("tenor")
    duet.scene.desk.listen(microphone)
    duet.frame()
    duet.duet.listened.clear()
    duet.scene.desk.agents = ["duet", "duet-mle"]
    duet.scene.desk.use_agent("duet-mle")
    duet.frame()
    assert duet.duet.closed == 1 and duet.duet.snapshot.agent == "duet-mle"
    assert duet.duet.snapshot.choices.voice == "tenor" and duet.scene.desk.microphone == microphone
    assert duet.duet.listened == [microphone]  # a closed session leaves the source it had found
    assert duet.scene.desk.agent_words() == "duet-mle"


@pytest.mark.parametrize(("part", "tempo", "toggle"), [("", False, True), ("tune", True, False)])
def test_beside_a_part_the_tempo_is_set_whoever_leads_it_else(duet, part, tempo, toggle):
    duet.duet.follow_tempo(True)
    duet.duet.show(part_name=part)
    duet.frame(2)
    assert duet.scene.transport.tempo.enabled == tempo and duet.scene.panel.tempo.enabled == toggle


def drop(one, path):
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(path)))
    one.frame()


def test_a_dropped_midi_file_becomes_your_part_and_a_bad_one_a_toast(duet, tmp_path, eventually):
    for name in ("tune.mid", "song.kar", "junk.mid", "fault.mid", "sound.flac"):
        (tmp_path / name).write_bytes(b"")
    drop(duet, tmp_path / "tune.mid")
    assert eventually(lambda: (duet.frame(), duet.scene.title() == "Duet: tune")[1])
    drop(duet, tmp_path / "junk.mid")
    assert eventually(lambda: (duet.frame(), any("Export it again" in toast for toast in duet.toasts))[1])
    drop(duet, tmp_path / "sound.flac")
    assert any("only WAV and MIDI" in toast for toast in duet.toasts)
    drop(duet, tmp_path / "fault.mid")
    assert eventually(lambda: (duet.frame(), any("in the log" in toast for toast in duet.toasts))[1])
    drop(duet, tmp_path / "song.kar")
    assert eventually(lambda: (duet.frame(), duet.scene.title() == "Duet: song")[1])


@pytest.fixture
def slow_parts(monkeypatch):
    """Parts with "slow" in their name are read once this is set."""
    go_on, read_part = threading.Event(), FakeDuet.read_part

    def read(self, name, tell):
        if "slow" in name:
            go_on.wait(10.0)
        return read_part(self, name, tell)

    monkeypatch.setattr(FakeDuet, "read_part", read)
    yield go_on
    go_on.set()


def all_read(one) -> bool:
    one.frame()
    return not any(thread.name == "duet-desk" for thread in threading.enumerate())


def test_a_part_that_is_read_too_late_does_not_take_your_place_again(duet, slow_parts, eventually):
    duet.scene.desk.play_part("slow.mid")
    duet.scene.desk.no_part()
    slow_parts.set()
    assert eventually(lambda: all_read(duet))
    assert duet.duet.snapshot.part_name == "" and duet.scene.desk._memory.part == ""
    assert duet.engine.messages == [], "nor is anything said of it"


def test_of_two_parts_the_one_that_was_chosen_last_plays(duet, slow_parts, eventually):
    duet.scene.desk.play_part("slow.mid")
    duet.scene.desk.play_part("quick.mid")
    assert eventually(lambda: duet.duet.snapshot.part_name == "quick")
    slow_parts.set()
    assert eventually(lambda: all_read(duet))
    assert duet.duet.snapshot.part_name == "quick" and duet.scene.desk._memory.part == "quick.mid"
    assert "quick.mid has two tracks" in duet.toasts and "slow.mid has two tracks" not in duet.toasts


def test_a_part_that_is_read_while_the_agent_changes_plays_with_the_new_one(duet, slow_parts, eventually):
    duet.scene.desk.play_part("first.mid")
    assert eventually(lambda: all_read(duet))
    before, after = duet.duet, FakeDuet()
    duet.studio._make_duet = lambda studio, agent, choices: after.seated(agent, choices)
    duet.scene.desk.play_part("slow.mid")
    duet.scene.desk.use_agent("duet-mle")
    slow_parts.set()
    assert eventually(lambda: all_read(duet))
    assert (before.snapshot.part_name, after.snapshot.part_name) == ("first", "slow")
    assert after.snapshot.choices.tempo_bpm == PART_BPM, "its own tempo, as it was just chosen"


def test_where_a_part_cannot_be_read_the_one_before_plays_with_the_new_agent(duet, slow_parts, eventually):
    duet.scene.desk.play_part("first.mid")
    assert eventually(lambda: all_read(duet))
    after = FakeDuet()
    duet.studio._make_duet = lambda studio, agent, choices: after.seated(agent, choices)
    duet.scene.desk.play_part("slow junk.mid")
    duet.scene.desk.use_agent("duet-mle")
    slow_parts.set()
    assert eventually(lambda: all_read(duet) and after.snapshot.part_name == "first")
    assert duet.scene.desk._memory.part == "first.mid"
    after.calls.clear()
    duet.scene.desk.play_part("junk.mid")
    assert eventually(lambda: all_read(duet))
    assert after.calls == [("read_part", "junk.mid")], "the first one has played on"


def test_the_score_is_engraved_apart_and_drawn_in_both_colours(duet, eventually):
    duet.duet.play(32.0, human=notes(72, 74))
    duet.key(pygame.K_v, text="v")
    assert duet.scene.status.text == "Engraving …"
    sheet = duet.scene.score.sheet

    def inked():
        duet.frame()
        if not sheet.drawn:
            return False
        picture = pygame.surfarray.array3d(duet.window.surface)[sheet.rect.x : sheet.rect.right]
        return all(
            np.all(picture == np.array(ink), axis=2).sum() > 50
            for ink in (theme.YOU_ON_PAPER, theme.MACHINE_ON_PAPER)
        )

    assert eventually(inked, 60.0)
    duet.key(pygame.K_v, text="v")
    assert duet.scene.view.sheet in duet.scene.widgets()


@pytest.mark.parametrize("upper", ["you", "machine"])
def test_each_staff_has_the_colour_of_whoever_plays_it(duet, eventually, upper):
    duet.duet.upper = upper
    duet.duet.play(32.0, human=notes(72, 74))
    duet.key(pygame.K_v, text="v")
    sheet = duet.scene.score.sheet
    assert eventually(lambda: (duet.frame(), sheet.drawn)[1], 60.0)
    picture = pygame.surfarray.array3d(duet.window.surface)[sheet.rect.x : sheet.rect.right]
    heights = {
        who: np.argwhere(np.all(picture == np.array(ink), axis=2))[:, 1].mean()
        for who, ink in (("you", theme.YOU_ON_PAPER), ("machine", theme.MACHINE_ON_PAPER))
    }
    assert min(heights, key=lambda who: heights[who]) == upper


def test_a_score_that_fails_says_so(duet, eventually):
    def fail():
        raise ZeroDivisionError

    duet.duet.engrave = fail
    duet.duet.play(32.0, human=notes(72, 74))
    duet.key(pygame.K_v, text="v")
    assert eventually(lambda: (duet.frame(), "in the log" in duet.scene.status.text)[1])


def test_the_lines_of_beats_and_bars_run_without_flickering(duet):
    roll, sheet = duet.scene.view.roll, duet.scene.view.sheet
    for place in range(40):
        roll.step, roll.playing = 65.2 + place / 24, True  # its own line touches no other
        sheet.draw(Painter(duet.window.surface, 1.0), duet.window.view())
        picture = pygame.surfarray.array3d(duet.window.surface)[roll.sheet.x : roll.sheet.right]
        lit = picture[:, roll.sheet.y + 3].astype(int).sum(axis=1)
        ground = np.bincount(lit).argmax()
        begins, ends = (np.flatnonzero(np.diff((lit != ground).astype(int)) == way) for way in (1, -1))
        widths = [int(end - begin) for begin, end in zip(begins, ends[ends > begins[0]], strict=False)]
        assert set(widths) <= {1, 2} and len(widths) >= 14 and widths.count(2) <= 5, (place, widths)


def test_an_empty_scene_tells_what_to_do(duet):
    assert "plug a keyboard in" in duet.scene.status.text
    duet.duet.play(3.0)
    duet.frame()
    assert "it answers" in duet.scene.status.text


def test_in_turn_the_ruler_tells_whose_phrase_it_is(duet):
    duet.duet.set_mode("call and response")
    duet.duet.play(40.0, turn="machine")
    duet.frame()
    owners = {phrase.first_step: phrase.owner for phrase in duet.scene.view.roll.phrases}
    assert owners[0] == "you" and owners[32] == "machine" and owners[64] == "you"
    assert duet.scene.transport._detail() == ("its turn", False)


@pytest.mark.parametrize("elsewhere", ["follow", "listening"])
def test_elsewhere_the_session_rests(duet, elsewhere, monkeypatch):
    monkeypatch.setattr("app.scenes.listening_desk.ListeningDesk._begin", lambda self: None)
    duet.duet.play(8.0)
    duet.frame()
    assert duet.duet.awake
    duet.window.go(elsewhere)
    assert not duet.duet.awake
    duet.window.go("duet")
    assert duet.duet.awake


def test_the_microphone_is_let_go_on_leaving_and_the_keys_are_heard_on_coming_back(duet):
    duet.scene.desk.toggle_microphone()
    duet.frame()
    duet.window.go("home")
    duet.window.go("duet")
    assert duet.engine.source == "synth"
    duet.frame()
    duet.scene.desk.toggle_microphone()
    duet.window.go("home")  # before a frame has shown it
    assert duet.duet.snapshot.listening == "keys"


def test_repainting_what_changed_gives_the_same_picture_as_drawing_anew(duet, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(type(duet.window), "now_s", staticmethod(lambda: clock[0]))
    rng = np.random.default_rng(0)
    human: tuple[RollNote, ...] = ()
    machine: tuple[RollNote, ...] = ()
    for number in range(60):
        clock[0] += 0.017
        if number % 6 == 0:
            human += notes(int(rng.integers(60, 80)), start=number / 2, steps=2.0)
            machine += notes(int(rng.integers(36, 60)), start=number / 2, steps=3.0)
        duet.duet.play(number / 2, human=human, machine=machine, key_name="C major", consonance=number / 60)
        duet.frame()
    assert np.array_equal(*duet.pictures())


def test_nothing_is_repainted_while_nothing_happens(duet):
    duet.frame(3)
    assert duet.window.frame() == []


def test_while_it_plays_the_panel_is_left_alone(duet):
    played = notes(*[72, 74, 76, 77] * 300, steps=2.0)
    for step in (2000.0, 2000.25):
        duet.duet.play(step, human=played)
        damage = duet.window.frame()
    panel = duet.scene.areas.panel
    assert damage and not any(rect.colliderect(panel) for rect in damage)


def test_sound_is_written_through_the_chosen_set_and_says_how_it_ended(
    duet, tmp_path, monkeypatch, eventually
):
    asked = []

    def export_wav(path, sound_set, progress) -> None:
        progress(1.0)
        asked.append((path.parent, path.suffix, sound_set))

    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    monkeypatch.setattr(duet.duet, "export_wav", export_wav, raising=False)
    duet.settings.change(sound_set="Big.sf2")
    duet.scene.desk.export_wav()
    duet.settings.change(sound_set="")
    assert eventually(lambda: not duet.studio.wav.writing)
    duet.frame(2)
    assert asked == [(tmp_path, ".wav", "Big.sf2")] and duet.toasts[-1].startswith("Saved Duet ")


def test_keys_pressed_faster_than_they_are_shown_all_count(duet):
    for action in ("tempo_up", "tempo_up", "tempo_up", "warmer", "warmer"):
        duet.scene.actions[action]()
    assert (duet.duet.snapshot.choices.tempo_bpm, duet.duet.snapshot.choices.temperature) == (83.0, 0.6)
