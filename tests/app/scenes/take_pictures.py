"""Takes the pictures of the documentation from the real program, following a real piece by itself.

By hand: ``python -m tests.app.scenes.take_pictures docs/images [FOLLOWER]``. No test, no sound card.
"""

import os
import sys
import tempfile
import time
from pathlib import Path


def main(folder: Path, follower: str) -> None:
    os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
    import pygame

    from app.program import build_studio
    from app.settings import SettingsStore
    from app.window import Window, scenes

    SettingsStore().change(
        audio_input=None, audio_output=None, window_width=1280, window_height=720, ui_scale=1.0
    )
    studio = build_studio(follower)
    window = Window(studio, scenes(), "home")

    def run(seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            window.frame()
            time.sleep(0.01)

    def keep(name: str) -> None:
        window.toasts.toasts.clear()
        run(0.3)
        pygame.image.save(window.surface, str(folder / f"{name}.png"))

    run(60)
    keep("home")
    studio.open("fur-elise")
    while studio.session is None or not getattr(studio.session, "ready", True):
        run(0.5)
    run(3)
    window.do("start_stop")
    run(8)
    keep("follow")
    window.do("start_stop")
    window.go("settings")
    run(1)
    keep("settings")
    window.go("play")
    run(1)
    window.do("start_stop")
    run(0.7)
    steer(window, run)
    keep("play")
    window.go("launchpad")
    run(1)
    jam(window, run)
    keep("launchpad")
    window.go("duet")
    run(1)
    improvise(window, run)
    keep("duet")
    window.close()


TUNE = (
    (67, 4), (67, 4), (71, 4), (74, 4), (72, 2), (71, 2), (69, 4), (67, 6), (69, 2), (71, 4), (72, 2),
    (74, 2), (76, 4), (74, 4), (72, 4), (71, 2), (69, 2), (67, 8), (74, 4), (76, 4), (74, 2), (72, 2),
    (71, 4), (69, 4),
)  # fmt: skip
"""A tune in G: MIDI pitches and sixteenths."""
TUNE_BPM = 96


def improvise(window, run) -> None:
    """Play a tune to Duet's beat, a little short of every note's length, as a person would."""
    studio = window.studio
    studio.duet.set_tempo(TUNE_BPM)
    studio.duet.set_instrument("you", 73)
    window.do("start_stop")
    step_s = 15.0 / TUNE_BPM
    while studio.duet.snapshot.state != "playing":
        run(0.02)
    due = studio.duet.snapshot.step // 16 * 16 + 16
    for pitch, steps in TUNE:
        run(max((due - studio.duet.snapshot.step) * step_s, 0.0))
        studio.engine.note_on(pitch, 84)
        run((steps - 0.4) * step_s)
        studio.engine.note_off(pitch)
        due += steps
    run(0.5 * step_s)


def jam(window, run) -> None:
    """Play as a person would who lets the agent join: key, start, drums, own rows locked, two snapshots."""
    session = window.studio.launchpad
    session.set_key(7, "minor")
    session.set_scale_lock("map")
    session.set_swing(0.54)
    session.set_drums("hip-hop")
    session.set_tempo(132)
    session.start_from("triad")
    session.start()
    for row, column in ((3, 4), (11, 5), (13, 3), (15, 2), (20, 4), (22, 5)):
        session.press(row, column)
        session.lock(row)
        run(2)
    session.keep_part()
    run(14)
    session.keep_part()
    session.press(18, 4)
    run(0.2)


def steer(window, run) -> None:
    """Play as a person would who keeps close to the music."""
    end_s = time.monotonic() + 9
    while time.monotonic() < end_s:
        game = window.scene.game
        if game.rewards:
            pace = game.truth.x_at_frame(game.frame + 5) - game.truth.x_at_frame(game.frame)
            wanted = pace / 5 - game.error_px * 0.12
            action = (wanted > game.speed_px + 0.6) - (wanted < game.speed_px - 0.6)
            if action:
                game.press(action)
                game.release(action)
        run(0.04)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("RIPIENO_HOME", home)
        main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "follower")
