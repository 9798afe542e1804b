"""Pages drawn in a child process, at the size asked for; the child may die."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from app.child import Child, ChildDied
from app.scenes import loading
from app.widgets.page_images import PageImages, paper_surface, scaled_paper
from app.widgets.rendering import Drawn, PageRenderer
from pieces import library
from pieces.opening import open_piece
from pieces.strip import draw_page

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 1188">'
    '<rect x="210" y="297" width="420" height="594" fill="black"/></svg>'
)


def drawn(renderer, count, limit_s=30.0):
    found: list[Drawn] = []
    end_s = time.monotonic() + limit_s
    while len(found) < count and time.monotonic() < end_s:
        found += renderer.collect()
        time.sleep(0.01)
    return found


def test_a_page_comes_back_at_its_size_with_its_ink():
    renderer = PageRenderer()
    try:
        renderer.request("page", SVG, 400)
        (answer,) = drawn(renderer, 1)
        assert answer.key == "page" and answer.grey.shape == (566, 400)
        assert answer.grey[283, 200] == 0 and answer.grey[10, 10] == 255
    finally:
        renderer.close()


def test_a_page_that_cannot_be_drawn_and_a_killed_child_stop_nothing():
    renderer = PageRenderer()
    try:
        renderer.request("bad", "<svg", 300)
        (bad,) = drawn(renderer, 1)
        assert bad.grey is not None and bad.grey.size == 0
        process = renderer._child._process
        assert process is not None
        process.kill()
        renderer.request("good", SVG, 200)
        (good,) = drawn(renderer, 1)
        assert good.grey.shape[1] == 200
    finally:
        renderer.close()


def test_the_sharp_page_takes_the_place_of_the_scaled_one(stage, piece):
    one = stage(mode="home")
    renderer = PageRenderer()
    try:
        made = type(piece)(**{**{name: getattr(piece, name) for name in piece.__dataclass_fields__},
                              "svg_pages": (SVG,) * len(piece.pages)})  # fmt: skip
        images = PageImages(made, renderer)
        before = images.get(0, 600)
        assert before.get_width() == 600 and images.version == 0
        (answer,) = drawn(renderer, 1)
        assert images.take(answer) and images.version == 1
        after = images.get(0, 600)
        assert after is not before and after.get_at((300, 424))[:3] != after.get_at((5, 5))[:3]
        assert one.window.running
    finally:
        renderer.close()


def test_paper_and_ink_are_those_of_the_theme(stage):
    from app import theme

    stage(mode="home")
    surface = paper_surface(np.array([[255, 0]], np.uint8))
    assert tuple(surface.get_at((0, 0)))[:3] == theme.PAPER
    assert tuple(surface.get_at((1, 0)))[:3] == theme.INK
    for size in ((11, 13), (30, 40), (39, 50), (40, 50), (77, 90)):
        scaled = scaled_paper(np.full((50, 40), 255, np.uint8), size)
        assert scaled.get_size() == size and tuple(scaled.get_at((5, 5)))[:3] == theme.PAPER


def test_the_strip_has_neither_title_nor_measure_numbers(stage):
    stage(mode="home")
    asked: list[str] = []
    renderer: Any = SimpleNamespace(forget=list, request=lambda key, svg, *rest: asked.append(svg))
    made = open_piece("fur-elise")
    images = PageImages(made, renderer)
    images.get(0, 600)
    images.get(0, 600, bare=True)
    page, bare = (draw_page(svg) for svg in asked)
    title_end = round(made.segments[0].page_y0_px) - 30
    system = next(segment for segment in made.segments if segment.system == 1)
    assert (page[:title_end] < 128).any() and not (bare[:title_end] < 128).any()
    corner = slice(round(system.page_y0_px) - 22, round(system.page_y0_px) - 6), slice(0, 30)
    assert (page[corner] < 128).any() and not (bare[corner] < 128).any()
    staves = slice(round(system.page_y0_px), round(system.page_y1_px))
    assert np.array_equal(page[staves, 100:], bare[staves, 100:])


@pytest.fixture
def helper():
    made = Child("tests.app.scenes.slow_child")
    yield made
    made.close()


def test_a_child_that_is_closed_ends_at_once_with_what_it_has_started(helper, tmp_path, eventually):
    said: list[str] = []

    def ask():
        try:
            helper.ask(str(tmp_path / "pid").encode())
        except ChildDied:
            said.append("died")

    asking = threading.Thread(target=ask)
    asking.start()
    assert eventually((tmp_path / "pid").exists)
    started = psutil.Process(int((tmp_path / "pid").read_text()))
    helper.close()
    asking.join(10.0)
    assert said == ["died"] and not asking.is_alive()
    assert eventually(lambda: not started.is_running() or started.status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(ChildDied):
        helper.ask(b"")


def test_a_child_asked_by_two_threads_answers_each(helper):
    with ThreadPoolExecutor(4) as threads:
        asked = [b"?" * length for length in range(100)]
        assert list(threads.map(helper.ask, asked)) == asked


class WaitingChild:
    """Answers when it is let, or dies when it is closed."""

    def __init__(self, module: str) -> None:
        self.answered = threading.Event()
        self.answer: bytes | Exception = ChildDied(module)

    def ask(self, request: bytes) -> bytes:
        self.answered.wait(10.0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.answered.set()

    def say(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.answered.set()


@pytest.fixture
def loader(monkeypatch):
    monkeypatch.setattr(loading, "Child", WaitingChild)
    made = loading.Loader()
    yield made
    made.close()


def ended(loader, eventually):
    found: list[loading.Opened] = []

    def look() -> bool:
        found.extend(loader.opened())
        return bool(found)

    assert eventually(look)
    return found


def test_an_opening_ends_the_one_before_and_is_told_alone(loader, eventually):
    loader.open("long.mxl")
    first = loader._opener
    loader.open("short.mxl")
    assert first.answered.is_set()
    loader._opener.say(b'{"problem": "short.mxl is empty."}')
    (done,) = ended(loader, eventually)
    assert done == loading.Opened("short.mxl", None, "short.mxl is empty.")


def test_scores_dropped_together_are_all_added_and_told_of_and_the_last_is_opened(loader, eventually):
    loader.add(Path("first.mxl"))
    first = loader._opener
    loader.add(Path("last.mxl"))
    assert not first.answered.is_set() and loader._opener is not first
    first.say(b'{"problem": "first.mxl is empty."}')
    (done,) = ended(loader, eventually)
    assert done == loading.Opened("first.mxl", None, "first.mxl is empty.") and not loader._adding
    loader._opener.say(b'{"problem": "last.mxl is empty."}')
    (done,) = ended(loader, eventually)
    assert done.wanted == "last.mxl"


def test_of_a_score_that_is_dropped_twice_only_the_second_failure_is_told(loader, eventually):
    loader.add(Path("tune.mxl"))
    first = loader._opener
    loader.add(Path("tune.mxl"))
    first.say(b'{"problem": "tune.mxl is empty."}')
    assert eventually(lambda: not loader._opened.empty())
    assert loader.opened() == [] and not loader._adding
    loader._opener.say(b'{"problem": "tune.mxl is empty."}')
    assert len(ended(loader, eventually)) == 1


def test_scores_that_are_still_being_added_end_with_the_loader_and_not_with_escape(loader):
    for number in range(4):
        loader.add(Path(f"{number}.mxl"))
    children, last = list(loader._adding), loader._opener
    loader.cancel()
    assert last.answered.is_set() and not any(child.answered.is_set() for child in children)
    loader.close()
    assert all(child.answered.is_set() for child in children)


def test_two_scores_added_in_a_row_are_both_in_the_library(monkeypatch, tmp_path, eventually):
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "home"))
    loader = loading.Loader()
    try:
        for title in ("First", "Last"):
            score = tmp_path / f"{title}.abc"
            score.write_text(f"X:1\nT:{title}\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")
            loader.add(score)
        own = {"First", "Last"}
        assert eventually(lambda: own <= {entry.title for entry in library.list_pieces()}, 60.0)
    finally:
        loader.close()


def test_a_piece_bears_what_opens_it_again(loader, monkeypatch, tmp_path, eventually):
    """A file of one's own may be called as a bundled piece is."""
    own = tmp_path / "fur-elise.abc"
    own.write_text("X:1\nT:Mine\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")
    monkeypatch.chdir(tmp_path)
    for wanted, name in (("soldiers-joy", "soldiers-joy"), ("fur-elise.abc", str(own))):
        loader.open(wanted)
        loader._opener.say(b"{}")
        (done,) = ended(loader, eventually)
        assert done.piece is not None and done.piece.name == name


def test_a_cancelled_opening_is_told_of_no_more(loader, eventually):
    loader.open("tune.mxl")
    loader._opener.say(b'{"problem": "Too late."}')
    assert eventually(lambda: not loader._opened.empty())
    loader.cancel()
    assert loader.opened() == []
    loader.open("tune.mxl")
    loader._opener.say(b'{"problem": "Again."}')
    assert [done.problem for done in ended(loader, eventually)] == ["Again."]


@pytest.mark.parametrize("fault", [b"no JSON", MemoryError(), ChildDied()])
def test_an_opening_that_fails_in_any_way_has_an_end(loader, eventually, fault):
    loader.open("folder/tune.mxl")
    loader._opener.say(fault)
    (done,) = ended(loader, eventually)
    assert done.piece is None and done.problem.startswith("tune.mxl could not be opened.")


def test_pictures_of_the_library_step_back_once_and_openings_do_not(monkeypatch, tmp_path):
    niced: list[int] = []
    loading._step_back.cache_clear()
    monkeypatch.setattr(loading.os, "nice", niced.append)
    monkeypatch.setattr(loading, "thumbnail_path", lambda name: tmp_path)
    monkeypatch.setattr("pieces.opening.open_piece", lambda name: None)
    loading._answer(b'{"open": "soldiers-joy"}')
    assert niced == []
    for _ in range(2):
        loading._answer(b'{"thumbnail": "soldiers-joy"}')
    assert niced == [loading.BACKGROUND_NICENESS]
