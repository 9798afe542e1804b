"""Journeys in a real window on a virtual display: keys in, pictures out."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import psutil
import pygame
import pytest
from scipy.io import wavfile

from app import theme
from app.engine.take_files import TakeFolder
from app.widgets.pad_row import columns
from models.performance import perform
from models.sound import render_performance
from pieces.opening import open_piece
from tests.app.sessions.test_over_jack import HOST_API, PLAY_AUDIO, PLAY_MIDI, TUNE, second_process

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 60.0


class Program:
    """The program under Xvfb, driven as a person drives it."""

    def __init__(self, display: str, home: Path, *arguments: str) -> None:
        self.environment = {
            **os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11", "RIPIENO_HOME": str(home),
            "SDL_AUDIODRIVER": "dummy",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.app.scenes.real_window", *arguments]
        self.process = subprocess.Popen(
            command,
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        self.window = str(json.loads(self.process.stdout.readline())["window"])
        self._tool("windowfocus", self.window)

    def _tool(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self.environment, check=True, timeout=20, capture_output=True)

    def key(self, *keys: str) -> None:
        self._tool("key", "--delay", "60", *keys)

    def click(self, x: int, y: int) -> None:
        """Press the mouse at a place of the window."""
        self._tool("mousemove", "--window", self.window, str(x), str(y), "sleep", "0.1", "click", "1")

    def picture(self) -> np.ndarray:
        """(W, H, 3) of the window as it is on the display."""
        png = subprocess.run(
            ["import", "-window", self.window, "png:-"], env=self.environment, check=True, capture_output=True
        )
        return pygame.surfarray.array3d(pygame.image.load(io.BytesIO(png.stdout), "shot.png")).astype(int)

    def until(self, what: Callable[[np.ndarray], object]) -> np.ndarray:
        """The first picture in which ``what`` is true."""
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            picture = self.picture()
            if what(picture):
                return picture
            assert self.process.poll() is None, "the program has ended"
            time.sleep(0.2)
        pytest.fail("it never showed what it should")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def program(xvfb: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    for tool in ("xdotool", "import"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(xvfb, tmp_path / "home", *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


def share(picture: np.ndarray, colour: theme.Colour, within: tuple[slice, slice] | None = None) -> float:
    part = picture[within] if within else picture
    return float(np.mean(np.all(part == np.array(colour), axis=2)))


def cursor_x(picture: np.ndarray) -> int | None:
    """The column of the cursor on the paper, told by its colour and height."""
    hits = np.all(picture[104:904, 84:636] == np.array(theme.MACHINE_ON_PAPER), axis=2).sum(axis=1)
    return int(hits.argmax()) + 104 if hits.max() > 60 else None


def test_first_run_one_key_opens_a_piece_plays_it_and_follows(program):
    one = program()
    one.until(lambda picture: share(picture, theme.SURFACE) > 0.15)
    one.key("space")
    paper = (slice(104, 904), slice(84, 636))
    # The sharp page has exactly the colour of paper; the scaled one before it nearly.
    first = one.until(lambda picture: cursor_x(picture) and share(picture, theme.PAPER, paper) > 0.6)
    begin = cursor_x(first) or 0
    one.until(lambda picture: (cursor_x(picture) or 0) > begin + 40)
    one.key("space")
    paused = one.until(lambda picture: cursor_x(picture) is None)  # a cursor that waits is grey
    assert share(paused, theme.QUIET_ON_PAPER, paper) > 0.0001
    one.key("ctrl+q")
    assert one.process.wait(timeout=30) == 0


def test_keys_overlay_settings_scale_and_back(program):
    one = program("home")
    one.until(lambda picture: share(picture, theme.SURFACE) > 0.15)
    one.key("question")
    overlay = one.until(
        lambda picture: share(picture, theme.HOVER, (slice(230, 1050), slice(40, 680))) > 0.03
    )
    assert share(overlay, theme.SURFACE, (slice(240, 1040), slice(60, 660))) > 0.5
    one.key("Escape")
    one.key("ctrl+comma")
    settings = one.until(
        lambda picture: share(picture, theme.RAISED, (slice(300, 680), slice(130, 440))) > 0.4
    )
    assert share(settings, theme.PAPER) == 0
    one.key("ctrl+plus")
    one.until(lambda picture: share(picture, theme.SURFACE, (slice(0, 90), slice(300, 700))) > 0.5)
    one.key("Escape")
    one.until(lambda picture: share(picture, theme.PAPER) > 0.02)
    saved = json.loads((Path(one.environment["RIPIENO_HOME"]) / "config" / "settings.json").read_text())
    assert saved["ui_scale"] == 1.25


def test_a_window_made_smaller_lays_out_anew(program):
    one = program("settings")
    one.until(lambda picture: picture.shape[0] == 1280 and share(picture, theme.RAISED) > 0.1)
    one._tool("windowsize", one.window, "900", "600")
    bar = (slice(110, 880), slice(540, 585))
    one.until(lambda picture: picture.shape[:2] == (900, 600) and share(picture, theme.SURFACE, bar) > 0.7)


def test_a_take_of_a_program_that_was_killed_is_kept_and_shown_by_the_next(program):
    killed = program("home")
    killed.until(lambda picture: share(picture, theme.SURFACE) > 0.15)
    folder = TakeFolder(Path(killed.environment["RIPIENO_HOME"]) / "data" / "takes")
    killed.key("a", "d", "g")
    end_s = time.monotonic() + WAIT_S
    while not any(events := [folder.events(path.name) for path in folder.folder.glob("*")]):
        assert time.monotonic() < end_s, "nothing was captured"
        time.sleep(0.1)
    beside = psutil.Process(killed.process.pid).children(recursive=True)
    killed.process.kill()
    killed.process.wait()
    (left,) = folder.unfinished()
    assert folder.events(left.key)[0] == events[0][0]
    assert psutil.wait_procs(beside, timeout=30)[1] == [], "something that it had started goes on"

    one = program("home")
    border = theme.mix(theme.HOVER, theme.GOOD, 0.5)
    picture = one.until(lambda picture: share(picture, border) > 0.0005)
    (take,) = folder.takes()
    assert take.key == left.key and take.info.closed
    toast = np.argwhere(np.all(picture == np.array(border), axis=2))
    one.click(*(int(middle) for middle in toast.mean(axis=0)))
    panel = (slice(900, 1270), slice(80, 700))
    one.until(lambda picture: share(picture, theme.BAD, panel) > 0)  # Delete: it is chosen in the list
    one.key("ctrl+q")
    assert one.process.wait(timeout=30) == 0


GRID = (slice(104, 904), slice(108, 594))
"""The pads and the roll of the launchpad in a window of 1280 x 720."""


def playhead_x(picture: np.ndarray) -> int | None:
    """The column of the line that runs over the bar."""
    hits = np.all(picture[GRID] == np.array(theme.TEXT), axis=2).mean(axis=1)
    return int(hits.argmax()) if hits.max() > 0.8 else None


AGENT_RESTS, AGENT_ACTS = (1027, 113), (1079, 113)
PART, LINK = (slice(186, 252), slice(604, 636)), (slice(300, 336), slice(606, 634))
"""The first snapshot below the grid, and the first link of their chain."""


def test_keys_press_the_grid_it_plays_and_undo_takes_back(program):
    one = program("launchpad")
    empty = one.until(lambda picture: share(picture, theme.RAISED) > 0.02)
    assert share(empty, theme.YOU, GRID) == 0 and playhead_x(empty) is None
    one.click(*AGENT_RESTS)  # What is undone is ours.
    one.key("f", "3")  # The row F3, a beat every eighth.
    one.until(lambda picture: share(picture, theme.YOU, GRID) > 0.0008)
    one.key("space")
    begin = playhead_x(one.until(lambda picture: playhead_x(picture) is not None)) or 0
    one.until(lambda picture: abs((playhead_x(picture) or begin) - begin) > 30)
    one.key("space", "space")
    one.until(lambda picture: playhead_x(picture) is None)
    one.key("ctrl+z")
    one.until(lambda picture: share(picture, theme.YOU, GRID) == 0)
    one.key("ctrl+y")
    one.until(lambda picture: share(picture, theme.YOU, GRID) > 0.0008)
    one.key("ctrl+k")
    one.until(lambda picture: share(picture, theme.YOU, PART) > 0.002)
    one.key("shift+F2")
    one.until(lambda picture: share(picture, theme.RAISED, LINK) > 0.5)
    one.key("F10", "space")
    one.until(lambda picture: share(picture, theme.MACHINE, LINK) > 0.5)  # The chain leads.
    one.click(*AGENT_ACTS)
    one.until(lambda picture: share(picture, theme.MACHINE, GRID) > 0.0002)
    one.click(320, 620)
    one.key("Down", "Down", "Down", "Return")  # Out of the chain, while it plays.
    one.until(lambda picture: share(picture, theme.MACHINE, LINK) == 0 and playhead_x(picture) is not None)
    one.key("ctrl+q")
    assert one.process.wait(timeout=30) == 0


def test_the_mouse_presses_pads_keeps_a_snapshot_and_locks_a_key_and_a_crash_loses_nothing(program):
    one = program("launchpad")
    one.until(lambda picture: share(picture, theme.RAISED) > 0.02)
    x, width = columns(800).span(3)
    for line in (2, 5, 9):
        one.click(round(104 + x + width / 2), 108 + line * 20 + 10)
    one.until(lambda picture: share(picture, theme.YOU, GRID) > 0.002)
    one.click(140, 620)  # Keep
    one.until(lambda picture: share(picture, theme.YOU, PART) > 0.002)
    keys = (slice(104, 152), slice(108, 594))
    before = one.picture()[keys]
    one.click(1160, 328)
    one.key(*["Up"] * 7, "Return")  # All notes instead of five: the other rows come forward.
    one.until(lambda picture: np.abs(picture[keys] - before).mean() > 3)
    kept = Path(one.environment["RIPIENO_HOME"]) / "data" / "launchpad-song.json"
    end_s = time.monotonic() + WAIT_S
    while not (kept.exists() and json.loads(kept.read_text())["arrangement"]["scale"] == "chromatic"):
        assert time.monotonic() < end_s, "the song is not kept"
        time.sleep(0.2)
    one.process.kill()
    one.process.wait()
    again = program("launchpad")
    again.until(lambda picture: share(picture, theme.YOU, GRID) > 0.002)
    again.until(lambda picture: share(picture, theme.YOU, PART) > 0.002)


CHIPS = (slice(600, 1240), slice(20, 56))
"""What is listened to and where it sounds; green where it is there."""
ROLL = (slice(162, 896), slice(108, 610))
"""The sheet of Duet in a window of 1280 x 720."""


def test_a_second_process_plays_over_jack_midi_and_the_partner_answers(
    program, jack, monkeypatch, tmp_path
):
    melody = mido.MidiFile()
    track = mido.MidiTrack()
    melody.tracks.append(track)
    for pitch in (67, 69, 71, 72, 74, 72, 71, 69, 67, 71, 74, 79) * 4:
        track.append(mido.Message("note_on", note=pitch, velocity=90))
        track.append(mido.Message("note_off", note=pitch, time=440))
    melody.save(tmp_path / "melody.mid")
    process = second_process(jack, PLAY_MIDI, tmp_path / "melody.mid")
    try:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        monkeypatch.setenv("RIPIENO_TEST_SETTINGS", '{"midi_input": ""}')
        one = program("duet")
        one.until(lambda picture: share(picture, theme.GOOD, CHIPS) > 0.0005)  # the keyboard was found
        one.key("space")
        process.stdin.write("go\n")
        process.stdin.flush()
        one.until(lambda picture: share(picture, theme.YOU, ROLL) > 0.002)
        one.until(lambda picture: share(picture, theme.MACHINE, ROLL) > 0.001)
        one.key("v")
        one.until(lambda picture: share(picture, theme.YOU_ON_PAPER) > 0)
        one.key("ctrl+q")
        assert one.process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


PILL, CLOCK = (slice(104, 904), slice(570, 630)), (slice(1090, 1112), slice(668, 692))
"""Where Follow says how things stand, and the light that is red while it listens (1280 x 720)."""


@pytest.mark.parametrize("source", ["midi", "microphone"])
def test_a_second_process_plays_a_piece_over_jack_and_the_cursor_ends_in_its_last_bar(
    program, jack, monkeypatch, tmp_path, source
):
    score, played = tmp_path / "eight.abc", tmp_path / "played"
    score.write_text(TUNE)
    performance = perform(open_piece(score), seed=2)
    card = f"system ({HOST_API})"
    chosen = {"midi_input": ""} if source == "midi" else {"audio_input": card, "audio_output": card}
    monkeypatch.setenv("RIPIENO_TEST_SETTINGS", json.dumps({"source": source, **chosen}))
    monkeypatch.setenv("RIPIENO_FOLLOWER", "follower")
    process = None
    if source == "midi":
        performance.save_midi(played)
        process = second_process(jack, PLAY_MIDI, played)
    try:
        one = program("follow", str(score))
        one.until(lambda picture: share(picture, theme.GOOD, CHIPS) > 0.0005)
        one.until(lambda picture: share(picture, theme.PAPER) > 0.2)
        one.key("space")
        one.until(lambda picture: share(picture, theme.BAD, CLOCK) > 0)  # it waits for the first note
        if process is None:
            wavfile.write(played, jack.rate, render_performance(performance, jack.rate))
            process = second_process(jack, PLAY_AUDIO, played)
        else:
            process.stdin.write("go\n")
            process.stdin.flush()
        one.until(lambda picture: share(picture, theme.MACHINE_ON_PAPER) > 0)
        one.until(lambda picture: share(picture, theme.GOOD, PILL) > 0)  # the end
        one.key("ctrl+q")
        assert one.process.wait(timeout=30) == 0
        seen = json.loads(one.process.stdout.readlines()[-1])
        assert (seen["state"], seen["measure"]) == ("finished", "8")
    finally:
        if process is not None:
            process.kill()
            process.wait()
