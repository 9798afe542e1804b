"""What can be measured without a window or a sound card: front end, decision, opening, environment.

Main thread, one thing at a time.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np

from app.bench.figures import Figure, spread, time_ms
from models.features import SPEC
from models.game import MSMD, NOTTINGHAM, GameSpec, Round, Truth
from pieces.folders import HOME_VARIABLE
from pieces.opening import open_piece

PIECE = "minuet-in-g"
ENVIRONMENT_GOAL = 50_000.0
GAMES = 256
RUN_S = 5.0


def front_end() -> list[Figure]:
    """One frame of sound into 78 bands, as the engine does it at 44,100 Hz."""
    from app.engine.frontend import FrontEnd

    front = FrontEnd(44_100)
    block = (np.random.default_rng(0).standard_normal(44_100 // SPEC.fps) * 0.1).astype(np.float32)
    return spread("Front end, one frame", time_ms(lambda: front.push(block), 1000), "ms")


def decision() -> list[Figure]:
    """One decision of the shipped follower, in this process."""
    from models.players import load_player

    piece = open_piece(PIECE)
    player = load_player("follower", seed=0)
    player.open(piece)
    player.reset(float(piece.onset_x_px[0]))
    sound = np.random.default_rng(0).random((600, SPEC.bands)).astype(np.float32)
    frames = itertools.cycle(sound)
    return spread(
        "Decision of the follower", time_ms(lambda: player.step(next(frames)), 500), "ms", p99_limit=50.0
    )


def opening() -> list[Figure]:
    """Opening a piece: engraved for the first time, and remembered."""
    before = os.environ.get(HOME_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="ripieno-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        try:
            (first_ms,) = time_ms(lambda: open_piece(PIECE), 1, warm_up=0)
            again_ms = float(np.median(time_ms(lambda: open_piece(PIECE), 5, warm_up=0)))
        finally:
            if before is None:
                del os.environ[HOME_VARIABLE]
            else:
                os.environ[HOME_VARIABLE] = before
    return [
        Figure("Opening a piece, first time", first_ms, "ms", note=PIECE),
        Figure("Opening a piece, again", again_ms, "ms", note=PIECE),
    ]


def environment() -> list[Figure]:
    """Frames a second of the batched game, with the paper's windows and no network, beside a naive loop."""
    import torch

    rounds = _rounds()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Copies of a few kB: a second thread waits more than it works.
    try:
        return _environment(rounds)
    finally:
        torch.set_num_threads(threads)


def _environment(rounds: list[Round]) -> list[Figure]:
    note = f"{GAMES} games at once, one thread"
    return [
        Figure(
            "Environment, one staff", _batched(rounds, NOTTINGHAM), "frames/s", ENVIRONMENT_GOAL, True, note
        ),
        Figure(
            "Environment, piano",
            _batched(rounds, MSMD),
            "frames/s",
            note=f"{note}, windows 3.4 times as large",
        ),
        Figure(
            "Environment, naive", _naive(rounds), "frames/s", note="one staff, the Gymnasium twin, one game"
        ),
    ]


def _rounds() -> list[Round]:
    """Eight strips of noise, as wide as a page of music unrolled, with a minute of sound each."""
    rng = np.random.default_rng(0)
    rounds = []
    for _ in range(8):
        onset_s = np.cumsum(rng.uniform(0.1, 0.5, 200))
        onset_x_px = 512 + np.cumsum(rng.uniform(5.0, 40.0, 200))
        strip = (rng.random((200, int(onset_x_px[-1]) + 512)) < 0.1).astype(np.uint8) * 255
        truth = Truth.from_onsets(onset_s, onset_x_px)
        rounds.append(Round(strip, rng.random((truth.last_frame + 1, SPEC.bands)).astype(np.float32), truth))
    return rounds


def _batched(rounds: list[Round], spec: GameSpec) -> float:
    import torch

    from models.batched import BatchedFollowing, WindowObserver

    truths = [entry.truth for entry in rounds]
    games = BatchedFollowing(truths, WindowObserver(rounds, spec), GAMES, spec.tolerance_px)
    games.reset()
    actions = torch.randint(0, 3, (997, GAMES), generator=torch.Generator().manual_seed(0))
    turns = itertools.cycle(actions)
    return GAMES * _rate(lambda: games.step(next(turns)))


def _naive(rounds: list[Round]) -> float:
    from models.environment import FollowingEnv

    game = FollowingEnv(rounds, NOTTINGHAM)
    game.reset(seed=0)
    turns = itertools.cycle(np.random.default_rng(0).integers(0, 3, 997).tolist())

    def step() -> None:
        _, _, over, _, _ = game.step(next(turns))
        if over:
            game.reset()

    return _rate(step)


def _rate(step: Callable[[], object]) -> float:
    """Calls a second, over a few seconds."""
    for _ in range(20):
        step()
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < RUN_S:
        step()
        count += 1
    return count / elapsed
