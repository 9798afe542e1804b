"""Inside's scene: a run appears, its moments are chosen everywhere, and nobody waits for the child."""

from __future__ import annotations

import pickle
import threading
import time
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pygame
import pytest

from app import theme
from app.child import ChildDied
from app.sessions.inside.requests import (
    GLANCE,
    PATIENT,
    Begin,
    Draw,
    Drawn,
    Embed,
    Explain,
    Explained,
    GoOn,
    MakeMap,
    Open,
    Problem,
    Reasons,
)
from app.sessions.inside.run import Run
from models.features import SPEC
from models.inside.packed import PackedFit
from models.inside.record import Record

ROWS = 120


def made_run(piece) -> Run:
    rng = np.random.default_rng(0)
    x_px = np.linspace(piece.onset_x_px[0], piece.onset_x_px[-1], ROWS)
    columns = int(piece.strip.shape[1] / 4)
    fits = []
    for x in x_px:
        fit = np.zeros(columns, np.float32)
        fit[int(x / 4)] = 1.0
        fits.append(PackedFit.of(fit))
    heard = np.arange(ROWS) - 10
    heard[:10] = -1
    shares = rng.dirichlet((2, 3, 2), ROWS)
    record = Record(
        time_s=(np.arange(ROWS) + 1) / SPEC.fps, x_px=x_px, value=np.sin(np.arange(ROWS) / 20),
        probabilities=shares, confidence=np.full(ROWS, 0.8), states=("following",) * ROWS, heard=heard,
        frames=rng.random((ROWS - 10, SPEC.bands)).astype(np.float32),
        embeddings=rng.random((ROWS - 10, 4)).astype(np.float32), fits={},
    )  # fmt: skip
    return Run(record, tuple(fits))


class FakeChild:
    """Answers as the study would, at once unless it is held."""

    made: ClassVar[list[FakeChild]] = []

    def __init__(self, run: Run) -> None:
        self.run = run
        self.asked: list[Any] = []
        self.free = threading.Event()
        self.free.set()
        self.closed = False
        self.broken: dict[type, Problem] = {}
        self.left_out: tuple[str, ...] = ()
        FakeChild.made.append(self)

    def ask(self, request: bytes) -> bytes:
        question = pickle.loads(request)
        self.asked.append(question)
        while not self.free.wait(0.01):
            if self.closed:
                raise ChildDied("closed")
        return pickle.dumps(self.broken.get(type(question)) or self._reply(question))

    def close(self) -> None:
        self.closed = True

    def _reply(self, question):
        rng = np.random.default_rng(1)
        match question:
            case Begin():
                return ROWS
            case GoOn():
                done = sum(isinstance(other, GoOn) for other in self.asked) * question.frames
                return done if done < ROWS else self.run
            case Embed():
                return rng.random((len(question.frames), 4)).astype(np.float32)
            case MakeMap():
                rows = np.flatnonzero(question.record.heard >= 0)
                return rows, rng.random((len(rows), 2))
            case Explain():
                reasons = Reasons(
                    question.column, 0, rng.random((80, 400)).astype(np.float32),
                    rng.normal(size=(80, 400)).astype(np.float32),
                    rng.random((40, 78)).astype(np.float32), rng.normal(size=(40, 78)).astype(np.float32),
                    *((0.3, True) if question.steps == GLANCE else (0.01, False)),
                )  # fmt: skip
                return Explained(question.row, reasons)
            case Draw():
                return Drawn({"timeline": b"drawn", "map": b"drawn"}, self.left_out)
        return None

    def questions(self, kind):
        return [question for question in self.asked if isinstance(question, kind)]


def until(one, condition, seconds=15.0):
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        one.frame()
        time.sleep(0.005)


@pytest.fixture
def inside(stage, piece, monkeypatch):
    run = made_run(piece)
    FakeChild.made = []
    monkeypatch.setattr("app.scenes.inside_desk.Child", lambda module: FakeChild(run))
    one = stage()
    one.settings.change(reduced_motion=True)
    one.open(piece)
    one.window.do("scene_inside")
    one.frame()
    return one


def ready(one):
    desk = one.scene.desk
    until(one, lambda: desk.points is not None and desk.explained is not None)
    return desk


def test_the_bundled_performance_is_followed_and_shown(inside):
    desk = ready(inside)
    (child,) = FakeChild.made
    opened, begun = child.questions(Open)[0], child.questions(Begin)[0]
    assert opened.follower == "follower" and opened.piece.svg_pages == ()
    assert begun == Begin(None, None)
    assert desk.row == desk.run.row_near(desk.run.end_s / 3)
    scene = inside.scene
    assert scene._shown.x_px == desk.run.record.x_px[desk.row]
    assert scene._shown.fit.argmax() == int(desk.run.record.x_px[desk.row] / 4)
    assert not scene.empty.visible and scene.timeline.visible


def test_the_page_is_seen_while_it_is_being_followed(stage, piece, monkeypatch):
    child = FakeChild(made_run(piece))
    child.free.clear()
    monkeypatch.setattr("app.scenes.inside_desk.Child", lambda module: child)
    one = stage()
    one.open(piece)
    one.window.do("scene_inside")
    one.frame(2)
    scene = one.scene
    page, *over = scene._layers
    assert scene.desk.following and page.visible and not any(layer.visible for layer in over)
    assert one.pixel(page.rect.center) == theme.PAPER and np.array_equal(*one.pictures())
    assert scene.empty.visible and scene.done.visible
    assert scene.empty.rect.y >= page.rect.bottom and scene.areas.content.contains(scene.done.rect)
    one.click(*page.rect.center)
    child.free.set()
    ready(one)
    assert all(layer.visible for layer in scene._layers) and not scene.empty.visible


def test_what_is_drawn_bit_by_bit_is_what_is_drawn_at_once(inside):
    ready(inside)
    shown, anew = inside.pictures()
    assert np.array_equal(shown, anew)
    inside.key(pygame.K_RIGHT)
    shown, anew = inside.pictures()
    assert np.array_equal(shown, anew)


def test_a_click_on_the_timeline_looks_at_that_moment(inside):
    desk = ready(inside)
    plot = inside.scene.timeline.plot()
    inside.click(plot.x + 0.75 * plot.w, plot.centery)
    assert desk.row == desk.run.row_near(0.75 * desk.run.end_s)
    inside.click(plot.x + 1, plot.centery)
    assert desk.row == 10  # the first moment at which anything was heard


def test_a_click_on_a_state_looks_at_it_and_its_hint_names_it(inside):
    desk = ready(inside)
    chart = inside.scene.map
    places, rows = chart._places(), desk.points[0]
    inside.click(*places[30])
    assert desk.row == rows[chart.row_at(*places[30]) == rows][0]
    assert desk.row == chart.row_at(*places[30])
    assert chart.row_at(places[:, 0].min() - 50, 0) is None
    assert "measure" in chart.moment_words(desk.row)


def test_a_click_on_the_page_looks_at_when_the_music_was_there(inside):
    desk = ready(inside)
    x_px = float(desk.run.record.x_px[60])
    inside.scene._choose_place(x_px + 1.0)
    assert desk.row == 60


def test_keys_step_by_frames_and_seconds(inside):
    desk = ready(inside)
    before = desk.row
    inside.key(pygame.K_RIGHT)
    assert desk.row == before + 1
    inside.key(pygame.K_PAGEDOWN)
    assert desk.row == before + 1 + SPEC.fps
    inside.key(pygame.K_LEFT)
    assert desk.row == before + SPEC.fps


def test_a_glance_first_and_all_steps_for_a_moment_that_stays(inside):
    desk = ready(inside)
    (child,) = FakeChild.made
    first = child.questions(Explain)[0]
    assert first.steps == GLANCE and first.row == desk.row
    assert first.column == desk.run.fits[desk.row].heaviest
    assert np.array_equal(first.frames, desk.run.record.frames[: desk.run.record.heard[desk.row] + 1])
    assert "roughly" in inside.scene._sheet_words(inside.window.view())
    until(inside, lambda: not desk.explained.reasons.rough)
    assert child.questions(Explain)[-1].steps == PATIENT
    assert "roughly" not in inside.scene._sheet_words(inside.window.view())
    count = len(child.asked)
    inside.frame(5)
    assert len(child.asked) == count  # and then it asks no more


def test_it_can_be_stopped_and_begun_again(inside):
    desk = inside.scene.desk
    until(inside, lambda: bool(FakeChild.made))
    ready(inside)
    FakeChild.made[0].free.clear()
    inside.scene.desk.begin(inside.studio.piece)
    until(inside, lambda: FakeChild.made[0].questions(Begin)[-1] is not FakeChild.made[0].questions(Begin)[0])
    assert desk.following
    inside.key(pygame.K_SPACE)
    assert not desk.following and FakeChild.made[0].closed
    assert "Press Space" in inside.scene._empty_words()
    inside.key(pygame.K_SPACE)
    ready(inside)
    assert len(FakeChild.made) == 2


def test_a_follower_that_cannot_be_loaded_says_why(stage, piece, monkeypatch):
    def broken(module):
        child = FakeChild(made_run(piece))
        child.broken[Open] = Problem("There is no such follower.")
        return child

    monkeypatch.setattr("app.scenes.inside_desk.Child", broken)
    one = stage()
    one.open(piece)
    one.window.do("scene_inside")
    until(one, lambda: one.scene.desk.problem != "")
    assert one.scene._empty_words() == "There is no such follower."
    one.frame(3)
    assert one.scene.name == "inside"


def test_without_captum_or_scikit_learn_the_rest_is_there(stage, piece, monkeypatch):
    class Bare(FakeChild):
        def _reply(self, question):
            if isinstance(question, Explain):
                return Explained(question.row, None, "gradients need captum")
            return super()._reply(question)

    def make(module):
        child = Bare(made_run(piece))
        child.broken[MakeMap] = Problem("the map needs scikit-learn")
        return child

    monkeypatch.setattr("app.scenes.inside_desk.Child", make)
    one = stage()
    one.open(piece)
    one.window.do("scene_inside")
    desk = one.scene.desk
    until(one, lambda: desk.explained is not None and desk.map_problem != "")
    assert one.scene._map_words() == "the map needs scikit-learn"
    assert one.scene._reasons_words() == "gradients need captum"
    assert one.scene.timeline.visible and desk.row is not None


def test_nothing_is_open(stage):
    one = stage(mode="inside")
    assert "No piece is open" in one.scene.empty.text and one.scene.to_home.visible
    one.key(pygame.K_SPACE)
    one.click(*one.scene.to_home.rect.center)
    assert one.scene.name == "home"


def test_from_follow_what_is_played_goes_on_and_is_seen_live(inside):
    one = inside
    ready(one)
    one.window.do("scene_follow")
    one.frame()
    session = one.studio.session
    session.calls.clear()
    session.show(700.0)
    one.window.do("look_inside")
    one.frame()
    desk = one.scene.desk
    assert one.scene.name == "inside" and desk.live and ("pause",) not in session.calls
    for step in range(30):
        session.show(700.0 + 5 * step, fit=np.eye(1, 500, 175 + step, dtype=np.float32)[0])
        one.frame()
    until(one, lambda: desk.run is not None and desk.row is not None)
    assert desk.at_newest and one.scene.is_running()
    child = FakeChild.made[0]
    child.asked.clear()
    one.window.do("scene_follow")
    one.frame()
    assert ("pause",) not in session.calls
    one.window.do("scene_inside")
    session.show(900.0)
    until(one, lambda: desk.run is not None)
    one.key(pygame.K_SPACE)
    assert session.calls[-1] == ("pause",)
    until(one, lambda: bool(child.questions(Embed)) and desk.points is not None)
    assert not desk.live


def test_leaving_for_another_scene_pauses_what_is_played(inside):
    one = inside
    ready(one)
    one.window.do("scene_follow")
    one.studio.session.show(700.0)
    one.window.do("look_inside")
    one.studio.session.show(720.0)
    one.frame(2)
    one.window.do("scene_settings")
    assert one.studio.session.calls[-1] == ("pause",)


@pytest.fixture
def exports(monkeypatch, tmp_path):
    monkeypatch.setattr("app.scenes.take_desk.export_folder", lambda: tmp_path)
    return tmp_path


def save(one, wanted):
    one.key(pygame.K_s, pygame.KMOD_CTRL)
    until(one, lambda: any(wanted in words for words in one.toasts))


def test_pictures_are_saved_and_trouble_is_told(inside, exports):
    desk = ready(inside)
    save(inside, "Saved 2 pictures (timeline, map)")
    (child,) = FakeChild.made
    drawn = child.questions(Draw)[-1]
    assert drawn.row == desk.row and drawn.run.record.states
    assert all(path.read_bytes() == b"drawn" for path in exports.iterdir())
    child.left_out = ("map", "gradients")
    save(inside, "Left out: map and gradients (pip install -e .[inside]")
    child.broken[Draw] = Problem("the disk is full")
    save(inside, "the disk is full")


def test_pictures_of_another_recording_are_saved_beside_the_first_and_long_titles_are_cut(inside, exports):
    inside.studio.piece = replace(inside.studio.piece, title="Variations " * 30)
    until(inside, lambda: inside.scene.desk.run is None)
    desk = ready(inside)
    save(inside, "Saved 2 pictures")
    desk.begin(inside.studio.piece)
    ready(inside)
    inside.key(pygame.K_s, pygame.KMOD_CTRL)
    until(inside, lambda: len(list(exports.glob("Variations * 2 *.png"))) == 2)
    assert len(list(exports.glob("Variations *.png"))) == 4


def test_what_is_asked_to_be_saved_is_saved_though_another_recording_follows(inside, exports):
    desk = ready(inside)
    (child,) = FakeChild.made
    first = inside.studio.piece
    child.free.clear()
    inside.key(pygame.K_s, pygame.KMOD_CTRL)
    inside.studio.piece = replace(first, name="other", title="Other")
    until(inside, lambda: desk.following)
    inside.key(pygame.K_SPACE)  # which would end the child
    child.free.set()
    until(inside, lambda: any("Saved 2 pictures" in words for words in inside.toasts))
    assert not child.closed
    assert all(path.name.startswith(first.title) for path in exports.iterdir())


def test_after_a_fault_that_nobody_foresaw_it_says_so_and_goes_on(inside, monkeypatch, caplog):
    desk = ready(inside)
    (child,) = FakeChild.made

    def refused(request):
        raise OSError("no more processes")

    with monkeypatch.context() as patch:
        patch.setattr(child, "ask", refused)
        desk.begin(inside.studio.piece)
        until(inside, lambda: desk.problem != "")
    assert "in the log" in desk.problem and "no more processes" in caplog.text
    inside.key(pygame.K_SPACE)
    ready(inside)


def test_another_follower_is_looked_into_from_the_beginning(inside):
    ready(inside)
    (child,) = FakeChild.made
    inside.window.do("scene_settings")
    inside.studio.follower = "steady"
    inside.window.do("scene_inside")
    ready(inside)
    assert [question.follower for question in child.questions(Open)] == ["follower", "steady"]
    assert len(child.questions(Begin)) == 2
    inside.window.do("scene_settings")
    inside.window.do("scene_inside")
    inside.frame(3)
    assert len(child.questions(Begin)) == 2


def test_the_child_is_told_of_another_piece(inside):
    ready(inside)
    other = replace(inside.studio.piece, name="other")
    inside.studio.piece = other
    child = FakeChild.made[0]
    until(inside, lambda: len(child.questions(Begin)) == 2)
    assert [question.piece.name for question in child.questions(Open)] == ["made", "other"]


def test_a_dropped_recording_is_followed_here(inside, tmp_path):
    desk = ready(inside)
    path = tmp_path / "mine.mid"
    path.write_bytes(b"MThd")
    pygame.event.post(pygame.event.Event(pygame.DROPFILE, file=str(path)))
    inside.frame()
    until(inside, lambda: desk.run is not None and desk.source == "mine.mid")
    assert FakeChild.made[0].questions(Begin)[-1] == Begin(None, path)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (800, 600), (640, 480)])
def test_nothing_overlaps_at_any_size(stage, piece, monkeypatch, size):
    monkeypatch.setattr("app.scenes.inside_desk.Child", lambda module: FakeChild(made_run(piece)))
    one = stage(size)
    one.open(piece)
    one.window.do("scene_inside")
    ready(one)
    scene = one.scene
    parts = [scene.page_view, scene.sheet_words, scene.sound_words, scene.sheet, scene.sound, scene.timeline]
    for index, widget in enumerate(parts):
        assert widget.rect.w > 20 and widget.rect.h >= 14, widget
        assert scene.areas.content.contains(widget.rect)
        assert widget.rect.collidelist([other.rect for other in parts[index + 1 :]]) < 0


def test_a_snapshot_of_another_moment_does_not_reach_the_engines_widgets(inside):
    ready(inside)
    view = inside.window.view()
    tiles = inside.scene.tiles
    assert tiles.look(view) == tiles.inner.look(replace(view, snapshot=inside.scene._shown))
    assert view.snapshot is inside.studio.snapshot
