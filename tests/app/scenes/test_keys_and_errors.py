"""Keys, toasts, dropped files, faults: what the window does at its edges."""

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pygame
import pytest
from scipy.io import wavfile

from app import bindings, theme
from app.scenes.loading import Opened
from app.settings import SettingsNotSaved
from app.widgets import fonts
from app.widgets.base import Pointer
from app.widgets.key_list import overlay_rows
from app.widgets.overlays import Toasts
from app.widgets.page_view import looped
from app.window import scenes
from models.performance import perform
from pieces.errors import RipienoError

SCENES = tuple(scenes())


@pytest.mark.parametrize("scene", SCENES)
def test_the_overlay_lists_exactly_the_keys_in_force(scene):
    listed = {what for _, rows in overlay_rows(scene) for _, what in rows}
    in_force = {binding.what for binding in bindings.bindings_in(scene)}
    extra = {bindings.PIANO_WHAT} if scene in bindings.PIANO_SCENES else set()
    assert listed == in_force | extra


@pytest.mark.parametrize("scene", SCENES)
def test_what_a_key_does_is_listed_whole(scene):
    room_px = 244  # of a column of the list, beside the key
    listed = [what for _, rows in overlay_rows(scene) for _, what in rows]
    assert not [what for what in listed if fonts.text_width(what, theme.SMALL) > room_px]


@pytest.mark.parametrize("scene", SCENES)
def test_no_key_means_two_things_in_a_scene(scene):
    seen: dict[bindings.Chord, str] = {}
    for binding in bindings.bindings_in(scene):
        for chord in binding.chords:
            assert seen.setdefault(chord, binding.action) == binding.action
    piano = bindings.PIANO_KEYS if scene in bindings.PIANO_SCENES else {}
    assert not [chord for chord in seen if chord.key in piano and not chord.ctrl]


@pytest.mark.parametrize("scene", SCENES)
def test_every_key_is_obeyed_by_its_scene_or_the_window(stage, piece, scene):
    one = stage()
    one.open(piece)
    one.window.go(scene)
    for binding in bindings.bindings_in(scene):
        known = binding.action in one.scene.actions or binding.action in one.window._actions
        assert known, binding.action


def test_space_starts_and_stops_everywhere():
    assert all(bindings.action_for(scene, pygame.K_SPACE, 0, " ") == "start_stop" for scene in SCENES)


def test_question_mark_shows_the_keys_and_any_key_hides_them(stage):
    one = stage(mode="home")
    one.key(pygame.K_SLASH, pygame.KMOD_LSHIFT, "?")
    assert one.window.help is not None
    one.key(pygame.K_ESCAPE)
    assert one.window.help is None and one.scene.name == "home"


def test_space_plays_the_demo_pauses_it_and_goes_on(stage, piece):
    one = stage()
    session = one.open(piece)
    for _ in range(3):
        one.key(pygame.K_SPACE, 0, " ")
    assert [call[0] for call in session.calls] == ["demo", "pause", "resume"]


def test_another_source_ends_what_was_held_and_space_follows_it(stage, piece):
    one = stage()
    session = one.open(piece)
    one.key(pygame.K_SPACE, 0, " ")
    one.key(pygame.K_SPACE, 0, " ")
    one.key(pygame.K_q, 0, "q")
    assert one.settings.now.source == "keyboard"
    one.key(pygame.K_SPACE, 0, " ")
    assert [call[0] for call in session.calls] == ["demo", "pause", "stop", "tempo", "start"]


def test_space_calls_off_a_start_that_waits_for_the_follower(stage, piece):
    one = stage()
    session = one.open(piece)
    session.ready, session.start_waits = False, True
    one.key(pygame.K_SPACE, 0, " ")
    assert [call[0] for call in session.calls] == ["pause"]


@pytest.mark.parametrize("source", ["microphone", "keyboard"])
def test_q_turns_to_the_demo_and_back(stage, piece, source):
    one = stage()
    one.open(piece)
    one.studio.devices.use_source(source)
    one.key(pygame.K_q, 0, "q")
    assert one.settings.now.source == "demo"
    one.key(pygame.K_q, 0, "q")
    assert one.settings.now.source == source


def test_a_key_that_repeats_counts_once(stage, piece):
    one = stage()
    session = one.open(piece)
    for _ in range(4):
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_SPACE, mod=0, unicode=" "))
    one.frame()
    assert [call[0] for call in session.calls] == ["demo"]


def test_the_pc_keyboard_plays_and_lets_go(stage):
    one = stage(mode="home")
    one.key(pygame.K_a, text="a")
    one.key(pygame.K_x, text="x")
    one.key(pygame.K_w, text="w")
    assert one.engine.notes == [("on", 60), ("off", 60), ("on", 73), ("off", 73)]


def test_held_keys_are_let_go_when_the_window_loses_the_keyboard(stage):
    one = stage(mode="home")
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_d, mod=0, unicode="d"))
    one.frame()
    pygame.event.post(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    one.frame()
    assert one.engine.notes == [("on", 64), ("off", 64)]


def test_panic_silences_from_every_scene(stage, piece):
    one = stage()
    one.open(piece)
    for number, scene in enumerate(SCENES, 1):
        one.window.go(scene)
        one.key(pygame.K_F12)
        assert one.engine.panics == number


def test_everything_can_be_reached_by_tab_and_pressed_by_enter(stage, piece):
    one = stage()
    one.open(piece)
    reached = set()
    for _ in range(60):
        one.key(pygame.K_TAB)
        reached.add(id(one.window.dispatcher.focus))
    able = {id(w) for w in one.scene.widgets() if w.focusable and w.visible and w.enabled}
    assert able <= reached
    one.window.dispatcher.set_focus(one.scene.transport.metronome)
    one.key(pygame.K_RETURN)
    assert one.settings.now.metronome


def test_clicks_on_the_page_seek_there(stage, piece):
    one = stage()
    session = one.open(piece)
    _, x, top, bottom = one.scene.pages.point(1000.0)
    one.click(x, (top + bottom) / 2)
    kind, where = session.calls[-1]
    assert kind == "seek" and abs(where - 1000.0) < 2


def test_the_slider_seeks_and_the_tempo_resets_on_double_click(stage, piece):
    one = stage()
    session = one.open(piece)
    track = one.scene.transport.progress.rect
    one.click(track.centerx, track.bottom - 12)
    assert session.calls[-1][0] == "seek"
    one.window.dispatcher.set_focus(one.scene.transport.tempo)
    one.key(pygame.K_RIGHT)
    assert one.settings.now.demo_tempo == pytest.approx(1.05)
    tempo = one.scene.transport.tempo.rect
    one.click(tempo.x + 20, tempo.centery, count=2)
    assert one.settings.now.demo_tempo == 1.0
    assert session.calls[-1] == ("tempo", 1.0)


def test_a_loop_is_set_by_keys_and_taken_away(stage, piece):
    one = stage()
    one.settings.change(reduced_motion=True)
    session = one.open(piece)
    session.show(1000.0)
    one.frame()
    one.key(pygame.K_LEFTBRACKET, text="[")
    session.show(1600.0)
    one.frame()
    one.key(pygame.K_RIGHTBRACKET, text="]")
    assert session.calls[-1] == ("loop", 1000.0, 1600.0)
    one.key(pygame.K_BACKSLASH, text="\\")
    assert session.calls[-1] == ("loop", None, None)


def drag(one, *places):
    """Press at the first place and let go at the last."""
    for kind, (x, y) in zip(("down", *["move"] * (len(places) - 1)), places, strict=True):
        one.window.dispatcher.handle(Pointer(kind, x, y), 0.0)
        one.frame()
    one.window.dispatcher.handle(Pointer("up", *places[-1]), 0.0)


def test_a_loop_is_dragged_over_the_page(stage, piece):
    one = stage()
    one.settings.change(reduced_motion=True)
    session = one.open(piece)
    session.show(float(piece.onset_x_px[0]), state="paused")
    one.frame(2)

    def place(x_px):
        _, x, top, bottom = one.scene.pages.point(x_px)
        return x, (top + bottom) / 2

    a_px, middle, b_px = (float(piece.onset_x_px[note]) for note in (0, 2, 3))
    x, y = (round(along) for along in place(middle))
    before = one.pixel((x + 30, y))
    drag(one, place(b_px), place(b_px - 2), place(middle), place(a_px))
    kind, *ends = session.calls[-1]
    assert kind == "loop" and ends == pytest.approx([a_px, b_px], abs=1.0)
    assert ("seek", pytest.approx(b_px, abs=1.0)) in session.calls
    assert one.scene.loop_px() == (ends[0], ends[1])
    one.frame(2)
    assert one.pixel((x + 30, y)) != before and np.array_equal(*one.pictures())
    session.calls.clear()
    x, y = place(middle)
    drag(one, (x, y), (x + 5, y + 3))
    assert [name for name, *_ in session.calls] == ["seek"] and one.scene.loop_px() == (ends[0], ends[1])
    next_system = float(piece.onset_x_px[6])
    drag(one, place(a_px), place(middle), place(next_system))
    assert one.scene.loop_px() == pytest.approx((a_px, next_system), abs=1.0)


def test_what_a_loop_plays_twice_is_veiled_once(piece):
    first, second = piece.segments[:2]
    again = replace(first, strip_x0_px=second.strip_x1_px)
    repeated = replace(piece, segments=(first, second, again))
    veiled = looped(repeated, first.strip_x0_px + 100, again.strip_x0_px + 300)
    assert veiled[first.system] == [
        (first.page_x0_px, first.page_x1_px, first.page_y0_px, first.page_y1_px)
    ]
    assert len(veiled[second.system]) == 1
    apart = looped(repeated, first.strip_x1_px - 200, again.strip_x0_px + 300)[first.system]
    assert [(left - first.page_x0_px, right - first.page_x0_px) for left, right, *_ in apart] == [
        (0.0, 300.0), (first.page_x1_px - first.page_x0_px - 200, first.page_x1_px - first.page_x0_px)
    ]  # fmt: skip


def test_modes_that_are_not_built_say_so(stage):
    one = stage(mode="home")
    compose = next(button for button in one.scene._modes if button.mode.name == "compose")
    one.click(*compose.rect.center)
    assert one.toasts == ["Compose is not built yet. All the others are."]
    assert one.scene.name == "home"


def test_a_dropped_junk_file_becomes_a_toast_and_the_program_goes_on(stage, piece, tmp_path):
    one = stage()
    session = one.open(piece)
    junk = tmp_path / "holiday.jpg"
    junk.write_bytes(b"junk")
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(junk)))
    one.frame(2)
    assert "holiday.jpg is neither a score" in one.toasts[0]
    assert one.window.toasts.toasts[0].kind == "bad"
    session.show(1400.0)
    one.frame(3)
    assert one.window.running and one.scene.name == "follow"


@pytest.mark.parametrize("written", ["{}", " '{}' ", '"{}"', "file://{}"])
def test_a_file_is_opened_by_its_path_without_a_mouse(stage, tmp_path, monkeypatch, written):
    one = stage(mode="home")
    score = tmp_path / "my score.abc"
    score.write_text("X:1\nK:C\nC|]\n")
    opened: list[Path] = []
    monkeypatch.setattr(one.studio, "open_file", opened.append)
    one.key(pygame.K_o, pygame.KMOD_CTRL)
    path = str(score).replace(" ", "%20") if written.startswith("file") else str(score)
    monkeypatch.setattr(pygame.scrap, "get_text", lambda: written.format(path) + "\n")
    one.key(pygame.K_v, pygame.KMOD_CTRL, "\x16")
    one.frame()
    one.key(pygame.K_RETURN)
    assert opened == [score] and one.window.menu is None


def test_a_path_without_a_file_is_told(stage, tmp_path):
    one = stage(mode="home")
    one.key(pygame.K_o, pygame.KMOD_CTRL)
    for letter in f"{tmp_path}/nothing.mxl":
        one.key(pygame.K_q, 0, letter)
    one.key(pygame.K_RETURN)
    assert one.toasts == [f"There is no file {tmp_path}/nothing.mxl. Check the path."]
    assert one.studio.opening is None


def test_of_a_long_line_the_end_that_is_typed_is_seen(stage):
    one = stage(mode="home")
    field = one.scene.search
    one.studio.focus(field)

    def typed(text: str) -> np.ndarray:
        field.put(text)
        one.frame()
        return pygame.surfarray.array3d(one.window.surface.subsurface(field.rect))

    assert not np.array_equal(typed("a" * 100), typed("a" * 100 + "wvwv"))


def test_a_dropped_recording_that_is_not_read_is_refused_in_words(stage, piece, tmp_path):
    one = stage()
    session = one.open(piece)
    for name in ("song.flac", "song.OGG", "song.mp3"):
        pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(tmp_path / name)))
        one.frame()
        assert one.toasts[-1] == f"{name}: of recordings only WAV and MIDI are read. Export it as WAV."
    assert session.calls == []


def test_a_dropped_recording_is_handed_to_the_session_at_the_rate_of_the_card(
    stage, piece, tmp_path, eventually
):
    one = stage()
    session = one.open(piece)
    wavfile.write(tmp_path / "take.wav", 22_050, np.zeros(22_050, np.float32))
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(tmp_path / "take.wav")))
    one.frame()
    assert eventually(lambda: one.frame() or session.calls[-1:] == [("recording", 44_100)])
    assert "Playing take.wav" in one.toasts


@pytest.mark.parametrize("mode", ["follow", "inside"])
def test_a_start_that_waits_for_the_follower_does_not_happen_in_another_scene(stage, piece, mode):
    one = stage(mode=mode)
    session = one.open(piece)
    assert session.snapshot.state == "idle"
    one.window.go("duet")
    assert ("pause",) in session.calls


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda one: one.studio.use_follower("steady"),
        lambda one: one.studio.stop_following(),
        lambda one: one.window.go("duet"),
        lambda one: one.scene.start_stop(),
        lambda one: one.scene.stop(),
        lambda one: one.studio.play_recording(Path("other.wav")),
    ],
    ids=["another session", "another source", "another scene", "start", "stop", "another file"],
)
def test_a_recording_that_is_read_too_late_is_not_played(stage, piece, monkeypatch, eventually, meanwhile):
    gates = {"take.wav": threading.Event(), "other.wav": threading.Event()}

    def read(path):
        gates[path.name].wait(20.0)
        return np.zeros(22_050, np.float32), 22_050

    monkeypatch.setattr("app.sessions.recordings.read_recording", read)
    one = stage()
    sessions = [one.open(piece)]
    one.studio.play_recording(Path("take.wav"))
    dropped = one.studio._dropped
    meanwhile(one)
    sessions.append(one.studio.session)
    gates["take.wav"].set()
    assert eventually(lambda: dropped.play is not None)
    one.frame(2)
    assert not any(call[0] == "recording" for session in sessions for call in session.calls)
    gates["other.wav"].set()


def test_a_dropped_midi_file_has_the_tempo_that_is_shown_and_is_read_beside_the_window(
    stage, piece, tmp_path, eventually, monkeypatch
):
    readers = []

    def read(path):
        readers.append(threading.current_thread())
        return perform(piece)

    monkeypatch.setattr("models.performance.load_midi", read)
    one = stage()
    session = one.open(piece)
    one.settings.change(demo_tempo=0.8)
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(tmp_path / "take.mid")))
    assert eventually(lambda: one.frame() or session.calls[-1:] == [("demo", 0.8)])
    assert "Playing take.mid" in one.toasts
    assert readers and threading.main_thread() not in readers


def test_a_dropped_broken_midi_file_is_refused_in_words(stage, piece, tmp_path, eventually):
    one = stage()
    one.open(piece)
    broken = tmp_path / "take.mid"
    broken.write_bytes(b"MThd")
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(broken)))
    assert eventually(lambda: one.frame() or one.toasts)
    assert "take.mid is not a readable MIDI file" in one.toasts[0]


def test_a_dropped_score_is_added_in_the_background(stage, tmp_path):
    one = stage(mode="home")
    asked: list[Path] = []
    one.studio.loader.add = asked.append
    path = tmp_path / "tune.abc"
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(path)))
    one.frame()
    assert asked == [Path(path)]


@pytest.mark.parametrize("mode", ["home", "follow"])
def test_escape_cancels_an_opening_wherever_the_focus_is_and_says_so(stage, piece, mode):
    one = stage(mode="home")
    asked: list[str] = []
    one.studio.loader.open, one.studio.loader.cancel = asked.append, lambda: asked.append("cancel")
    if mode == "follow":
        one.open(piece)
    for _ in range(2):  # asked for twice, it goes on
        one.studio.open("fur-elise", start=True)
    view = one.window.view()
    assert one.scene._subtitle.text(view) == "Opening Für Elise (WoO 59) … Esc cancels"
    later = replace(view, t_s=view.t_s + 7)
    assert one.scene._subtitle.text(later) == "Opening Für Elise (WoO 59) … 7 s · Esc cancels"
    one.window.dispatcher.set_focus(one.scene.search if mode == "home" else one.scene.transport.metronome)
    one.key(pygame.K_ESCAPE)
    assert asked == ["fur-elise", "cancel"] and "Für Elise (WoO 59) is not opened" in one.toasts[0]
    assert one.studio.opening is None and not one.studio.start_when_open and one.scene.name == mode
    assert "cancels" not in one.scene._subtitle.text(view)


def test_a_score_that_was_dropped_first_is_told_of_and_the_last_goes_on_opening(stage, piece):
    one = stage(mode="home")
    one.studio.loader.add = lambda path: None
    one.studio.open_file(Path("last.mxl"))
    one.studio.loader.opened = lambda: [Opened("first.mxl", None, "first.mxl is empty.")]
    assert one.studio.poll() is None
    assert one.toasts == ["first.mxl is empty."] and one.studio.opening == "last.mxl"
    done = Opened("last.mxl", piece)
    one.studio.loader.opened = lambda: [done, Opened("first.mxl", None, "first.mxl is empty.")]
    assert one.studio.poll() is done and one.studio.opening is None


def test_takes_bear_the_piece_though_the_settings_are_not_saved(stage, piece, monkeypatch):
    def full(name):
        raise SettingsNotSaved("The settings could not be saved.")

    one = stage(mode="home")
    one.studio.takes = SimpleNamespace(recorder=SimpleNamespace(piece_name=""), close=lambda: None)
    monkeypatch.setattr(one.settings, "remember_piece", full)
    one.studio._take_piece(piece)
    assert one.studio.takes.recorder.piece_name == piece.title
    assert one.toasts == ["The settings could not be saved."]


def test_a_fault_in_a_scene_becomes_a_toast_and_at_last_leads_home(stage, piece, caplog):
    one = stage()
    one.open(piece)

    def broken(view):
        raise ZeroDivisionError("a mistake")

    one.scene.update = broken
    one.frame()
    assert one.window.running and "Something went wrong in follow" in one.toasts[0]
    assert "a mistake" in caplog.text
    one.frame(4)
    assert one.scene.name == "home"
    assert one.scene.grid.cards  # as if it had been chosen: the library is read


def test_an_error_of_the_user_is_shown_as_it_is(stage, piece):
    one = stage()
    one.open(piece)

    def refuse(view):
        raise RipienoError("The disk is full. Make room.")

    one.scene.update = refuse
    one.frame(5)
    assert one.toasts == ["The disk is full. Make room."]
    assert one.scene.name == "follow"


def test_messages_of_the_engine_are_shown(stage):
    one = stage(mode="home")
    one.engine.tell("Scarlett 2i2 is gone.")
    one.frame()
    assert one.toasts == ["Scarlett 2i2 is gone."]


def test_toasts_go_away_and_a_repeated_one_stands_once():
    toasts = Toasts()
    toasts.rect = pygame.Rect(0, 0, 600, 400)
    for _ in range(3):
        toasts.add("Saved", "good", 10.0)
    toasts.add("Broken", "bad", 10.0)
    assert [toast.text for toast in toasts.toasts] == ["Saved", "Broken"]
    toasts.update(15.0)
    assert [toast.text for toast in toasts.toasts] == ["Broken"]
    toasts.update(20.0)
    assert toasts.toasts == []


def test_a_click_on_a_message_does_what_it_offers_and_takes_it_away():
    done: list[str] = []
    toasts = Toasts(done.append)
    toasts.rect = pygame.Rect(0, 0, 600, 400)
    toasts.add("A take was kept", "good", 0.0, "scene_takes")
    toasts.add("Nothing to do", "plain", 0.0)
    for _, box, _ in reversed(toasts.boxes()):  # the upper first: it falls when the lower goes
        toasts.on_pointer(Pointer("down", *box.center))
    assert toasts.toasts == [] and done == ["scene_takes"]


def test_boxes_of_toasts_do_not_overlap_and_stay_inside():
    toasts = Toasts()
    toasts.rect = pygame.Rect(100, 50, 500, 400)
    for text in (
        "one",
        "a much longer message that needs more than one line to be read " * 2,
        "three",
        "four",
    ):
        toasts.add(text, "plain", 0.0)
    boxes = [box for _, box, _ in toasts.boxes()]
    assert len(boxes) == 3
    assert all(toasts.rect.contains(box) for box in boxes)
    assert not any(a.colliderect(b) for a in boxes for b in boxes if a is not b)


def test_the_scale_is_changed_by_keys_and_kept(stage):
    one = stage(mode="home")
    one.key(pygame.K_EQUALS, pygame.KMOD_LCTRL, "=")
    assert one.settings.now.ui_scale == 1.25
    assert one.window.scale == 1.25


def test_the_empty_follow_scene_says_what_to_do(stage):
    one = stage(mode="follow")
    one.frame(2)
    assert "drop a MusicXML" in one.scene._empty.text
    one.click(*one.scene._to_home.rect.center)
    assert one.scene.name == "home"


def test_typing_in_the_search_field_filters_and_plays_no_note(stage):
    one = stage(mode="home")
    one.frame()
    one.key(pygame.K_SLASH, 0, "/")
    before = len(one.scene.grid.cards)
    for key in "bach":
        one.key(ord(key), 0, key)
    assert 0 < len(one.scene.grid.cards) < before
    assert one.engine.notes == []
    one.key(pygame.K_ESCAPE)
    assert len(one.scene.grid.cards) == before
