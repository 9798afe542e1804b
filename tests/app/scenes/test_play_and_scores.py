"""The game of Play, its scores, page turns and the gliding cursor."""

import json
from dataclasses import replace

import numpy as np
import pygame
import pytest

from app import theme
from app.engine.snapshot import Snapshot
from app.scenes.best_scores import BestScores
from app.sessions.play import SteeringGame
from app.widgets.base import Pointer
from app.widgets.motion import Smooth
from app.widgets.page_turn import PageTurner
from app.widgets.score_layout import lay_out
from models.game import Truth


def steady_truth(piece, px_per_frame=3.0, frames=200):
    first = float(piece.onset_x_px[0])
    return Truth(np.array([10, 10 + frames]), np.array([first, first + px_per_frame * frames]))


def test_a_game_that_follows_exactly_earns_all_points(piece):
    game = SteeringGame(piece, steady_truth(piece))
    game.player.speed_px_per_frame = 3.0
    game.advance(10_000)
    assert game.over and game.score == 1000
    result = game.result()
    assert result.finished and result.followed == 1.0 and result.mean_error_px == pytest.approx(0.0)


def test_a_game_without_a_key_is_lost_when_the_music_is_a_window_ahead(piece):
    game = SteeringGame(piece, steady_truth(piece))
    game.advance(10_000)
    # 3 px a frame: after 57 frames 171 px, beyond the 170 px of a piece with two staves.
    assert len(game.rewards) == 57
    assert game.over and not game.result().finished
    expected = sum(max(0.0, 1 - 3 * n / 170) for n in range(1, 58))
    assert sum(game.rewards) == pytest.approx(expected)
    assert game.score == round(1000 * expected / 200)


def test_a_tap_between_two_frames_counts_once_and_a_held_key_every_frame(piece):
    game = SteeringGame(piece, steady_truth(piece))
    game.press(1)
    game.release(1)
    game.advance(13)
    assert game.speed_px == 1
    game.press(1)
    game.advance(15)
    assert game.speed_px == 3
    game.release(1)
    game.press(-1)
    game.release(-1)
    game.advance(18)
    assert game.speed_px == 2


def test_advancing_in_steps_or_at_once_is_the_same(piece):
    one, other = (SteeringGame(piece, steady_truth(piece)) for _ in range(2))
    for game in (one, other):
        game.press(1)
    one.advance(60)
    for frame in range(10, 61):
        other.advance(frame)
    assert one.rewards == other.rewards and one.x_px == other.x_px


def test_best_scores_persist_and_are_ranked(tmp_path):
    path = tmp_path / "scores.json"
    scores = BestScores(path)
    assert [scores.add("tune", points, 0.5) for points in (300, 800, 500)] == [1, 1, 2]
    assert [score.points for score in BestScores(path).of("tune")] == [800, 500, 300]
    for points in (900, 901, 902):
        scores.add("tune", points, 1.0)
    assert [score.points for score in BestScores(path).of("tune")] == [902, 901, 900, 800, 500]
    assert scores.add("tune", 10, 0.1) == 0
    assert scores.of("another") == []


@pytest.mark.parametrize("junk", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"[" * 10**5])
def test_damaged_scores_are_set_aside(tmp_path, junk):
    path = tmp_path / "scores.json"
    path.write_bytes(junk)
    told: list[str] = []
    assert BestScores(path, told.append).of("tune") == []
    assert BestScores(path, told.append).add("tune", 5, 0.1) == 1
    (aside,) = tmp_path.glob("scores.damaged-*.json")
    assert aside.read_bytes() == junk
    assert [aside.name in words for words in told] == [True]
    assert json.loads(path.read_text())["tune"][0]["points"] == 5


def test_scores_that_cannot_be_read_for_now_are_neither_set_aside_nor_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    scores = BestScores(path)
    scores.add("tune", 300, 0.5)

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as for_now:
        for_now.setattr("app.scenes.best_scores.read_json", refuse)
        assert scores.of("tune") == []
        with pytest.raises(PermissionError):
            scores.add("tune", 900, 1.0)
    assert [score.points for score in scores.of("tune")] == [300]
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"]


def test_rows_of_scores_that_make_no_sense_are_left_out(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text('{"tune": [{"points": "many"}, 7, {"points": 12, "followed": "x"}], "other": 3}')
    assert [score.points for score in BestScores(path).of("tune")] == [12]
    assert BestScores(path).of("other") == []


@pytest.fixture
def one(stage, piece, monkeypatch):
    """A window on Play, whose music is silent."""
    from app.sessions import play

    class Player:
        def __init__(self, *args, **kwargs): ...
        def start(self, from_s=0.0): ...
        def stop(self): ...
        def position_s(self, sample):
            return sample / 44100

    monkeypatch.setattr(play, "PerformancePlayer", Player)
    one = stage(mode="home")
    one.open(piece)
    one.window.go("play")
    return one


def test_a_piece_of_one_note_is_refused_in_words(one, piece):
    one.studio.piece = replace(piece, notes=piece.notes[:1])
    one.key(pygame.K_SPACE, 0, " ")
    assert one.toasts[-1].startswith("This piece has one note only") and one.scene.session is None


def test_the_music_waits_for_the_agent_that_is_to_follow_it(one, piece):
    session = one.studio.session
    session.calls.clear()
    session.ready = False
    one.key(pygame.K_SPACE, 0, " ")
    one.engine.sample = 44_100 * 20
    one.frame()
    assert session.calls == [] and one.scene.game.rewards == []
    assert one.scene.status.text == "The agent is getting ready …"
    one.engine.sample, session.ready = 0, True
    one.frame()
    assert session.calls[-2:] == [("seek", piece.onset_x_px[0]), ("start", 0)]
    one.engine.sample = 44_100 * 3
    one.frame()
    assert one.scene.game.rewards


def test_a_mouse_steers_as_long_as_it_holds_and_plays_again(one):
    slower, faster = one.scene._holds
    assert faster.visible and one.window.display.logical().contains(faster.rect)
    one.key(pygame.K_SPACE, 0, " ")
    one.frame(2)
    calls: list[tuple[str, int]] = []
    game = one.scene.game
    game.press = lambda action: calls.append(("press", action))
    game.release = lambda action: calls.append(("release", action))
    faster.on_pointer(Pointer("down", *faster.rect.center))
    faster.on_pointer(Pointer("move", 5, 5))
    assert calls == [("press", 1)] and faster.pressed
    faster.on_pointer(Pointer("up", 5, 5))
    assert calls == [("press", 1), ("release", 1)]
    one.window.dispatcher.set_focus(slower)
    one.key(pygame.K_RETURN)
    assert calls[2:] == [("press", -1), ("release", -1)]
    assert not one.scene._again.visible
    one.engine.sample += 44_100 * 3600
    one.frame(2)
    assert game.over and one.scene.card.visible and one.scene.card.rect.contains(one.scene._again.rect)
    one.click(*one.scene._again.rect.center)
    assert one.scene.game is not game and not one.scene.card.visible


def test_without_an_agent_the_music_plays_all_the_same(one):
    session = one.studio.session
    session.ready, session.problem = False, "The follower's file is damaged."
    one.key(pygame.K_SPACE, 0, " ")
    one.engine.sample = 44_100 * 3
    one.frame()
    assert one.scene.game.rewards


def test_the_agent_plays_without_the_loop_of_follow_and_is_given_back_with_it(one, piece):
    one.settings.change(source="microphone")
    session, window = one.studio.session, one.window
    window.go("follow")
    one.scene.loop_a_px, one.scene.loop_b_px = 500.0, 900.0
    one.scene._tell_loop()
    window.go("play")
    one.key(pygame.K_SPACE, 0, " ")
    assert ("loop", None, None) in session.calls and one.engine.source == "synth"
    window.go("follow")
    assert [call for call in session.calls if call[0] in ("loop", "stop", "seek")][-3:] == [
        ("stop",), ("seek", piece.onset_x_px[0]), ("loop", 500.0, 900.0)]
    assert one.engine.source == "input"


def test_keys_steer_and_the_result_is_shown_and_saved(one):
    one.key(pygame.K_SPACE, 0, " ")
    game = one.scene.game
    one.engine.sample = round(44100 * (game.truth.first_frame + 2) / 20)
    one.frame()
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RIGHT, mod=0, unicode=""))
    one.frame()
    one.engine.sample += round(44100 * 3 / 20)
    one.frame()
    assert game.speed_px == 3
    pygame.event.post(pygame.event.Event(pygame.KEYUP, key=pygame.K_RIGHT, mod=0))
    one.engine.sample += 44100 * 3600
    one.frame(2)
    assert game.over and one.scene.card.visible
    assert BestScores(one.scene.best.path).of("made")[0].points == game.score
    assert one.scene.card.rank == 1


def turner(piece, width=800, height=552):
    return PageTurner(lay_out(piece, width, height))


def test_the_last_system_of_a_screen_already_shows_what_comes_next_above_it(piece):
    turning = turner(piece)
    screens = turning.layout.screens
    assert len(screens[0].spans) >= 2
    for system in range(len(screens[0].spans) - 1):
        turning.follow(system, float(system))
        assert turning.faces(system + 0.9)[0].over is None
    last = screens[0].spans[-1]
    turning.follow(last.system, 50.0)
    (face,) = turning.faces(60.0)
    assert (face.base, face.over) == (0, 1)
    _, top_of_last = turning.layout.to_view(0, 0.0, last.top)
    assert 0 < face.edge <= top_of_last + 0.1
    assert face.below == pytest.approx(top_of_last, abs=0.1)  # no system of either is cut
    turning.follow(screens[1].spans[0].system, 70.0)
    (face,) = turning.faces(80.0)
    assert (face.base, face.over) == (1, None)


def test_a_turn_moves_for_a_moment_and_not_at_all_with_reduced_motion(piece):
    turning = turner(piece)
    last = turning.layout.screens[0].spans[-1].system
    turning.follow(last, 10.0)
    edges = [turning.faces(10.0 + share * theme.CALM_S)[0].edge for share in (0.0, 0.3, 0.6, 1.0)]
    assert edges[0] == 0 and edges == sorted(edges) and edges[-1] > edges[1]
    still = turner(piece)
    still.reduced_motion = True
    still.follow(last, 10.0)
    assert still.faces(10.0)[0].edge == edges[-1]


@pytest.mark.parametrize(("width", "height"), [(800, 552), (1456, 880), (500, 260)])
def test_the_system_that_is_played_is_always_visible(piece, width, height):
    turning = turner(piece, width, height)
    order = [0, 1, 2, 3, 4, 5, 6, 7, 2, 3, 11, 10, 9, 0, 5, 6, 7, 8, 9, 10, 11]
    for step, system in enumerate(order):
        turning.follow(system, float(step))
        screen = turning.layout.screen_of(system)
        span = next(s for s in turning.layout.screens[screen].spans if s.system == system)
        y = turning.layout.to_view(screen, 0, (span.staves_top + span.staves_bottom) / 2)[1]
        faces = turning.faces(step + 0.9)
        seen = [f for f in faces if (f.over == screen and y < f.edge) or (f.base == screen and y >= f.edge)]
        assert seen, (step, system, faces)


def test_the_cursor_glides_between_snapshots_and_leaps_over_gaps():
    smooth = Smooth()
    smooth.jump(100.0)
    places = []
    for frame in range(30):
        t_s = frame / 60
        heard = Snapshot(
            2205 * (frame // 3 + 1), x_px=100.0 + 3 * (frame // 3), speed_px_s=60.0, state="following"
        )
        smooth.follow(heard, t_s, False)
        places.append(smooth.x_px)
    steps = np.diff(places)
    assert np.all(steps > -0.5) and steps.max() < 3.0
    assert abs(places[-1] - 127.0) < 6
    smooth.follow(Snapshot(999_999, x_px=900.0, state="following"), 0.6, False)
    assert smooth.x_px == 900.0


@pytest.mark.parametrize("reduced", [False, True])
def test_the_cursor_stands_where_the_player_is_not_where_the_sound_was_taken_in(reduced):
    smooth = Smooth()
    smooth.follow(Snapshot(1, x_px=500.0, speed_px_s=50.0, state="following"), 1.0, reduced, latency_s=0.2)
    assert smooth.x_px == 510.0  # from afar it leaps
    smooth.follow(Snapshot(2, x_px=500.0, speed_px_s=50.0, state="waiting"), 30.0, True, latency_s=0.2)
    assert smooth.x_px == 500.0


def test_only_the_microphone_is_late(stage):
    one = stage(mode="home")
    one.engine.input_latency_s = 0.03
    assert one.studio.latency_s == 0.0
    one.settings.change(source="microphone")
    assert one.studio.latency_s == 0.03


def test_reduced_motion_puts_the_cursor_where_it_is():
    smooth = Smooth()
    smooth.follow(Snapshot(5, x_px=40.0, speed_px_s=100.0, state="following"), 1.0, True)
    assert smooth.x_px == 40.0
