"""What can be measured without a window or a sound card: front end, decision, opening, environment.

Main thread, one thing at a time.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np

from app.bench.figures import Figure, spread, time_ms
from app.engine.clock import now_s, sleep_s
from models.features import SPEC
from models.players import Player, load_player, rest
from pieces.folders import HOME_VARIABLE
from pieces.opening import open_piece
from pieces.piece import Piece

PIECE = "minuet-g-minor-petzold"
ENVIRONMENT_GOAL = 50_000.0
UPDATES_GOAL = 1000.0
REWARD_GOAL = 100_000.0
REWARD_STATES = 1_024
TEN_PAGES = {"seed": 3, "staves": 2, "bars": 254}
READING_GOAL_MS = 3000.0
DECISION_GOALS_MS = {"median_limit": 1.0, "p99_limit": 4.0}
DECISIONS = 200
PACED = "20 a second, on noise"


def front_end() -> list[Figure]:
    """One frame of sound into 78 bands, as the engine does it at 44,100 Hz."""
    from app.engine.frontend import FrontEnd

    front = FrontEnd(44_100)
    block = (np.random.default_rng(0).standard_normal(44_100 // SPEC.fps) * 0.1).astype(np.float32)
    return spread("Front end, one frame", time_ms(lambda: front.push(block), 1000), "ms")


def decision() -> list[Figure]:
    """One decision of the shipped follower as a musician plays with it, in this process."""
    player = load_player("follower", seed=0, relocate=True)
    player.open(open_piece(PIECE))
    return spread("Decision of the follower", _decisions_ms(player), "ms", **DECISION_GOALS_MS, note=PACED)


def ten_pages() -> list[Figure]:
    """A made-up piano piece of ten pages: engraved and drawn, read by the follower, followed."""
    import torch

    began_s = now_s()
    piece = _ten_pages()
    made_ms = (now_s() - began_s) * 1000.0
    player = load_player("follower", seed=0, relocate=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        read_ms = float(np.median(time_ms(lambda: player.open(piece), 5, warm_up=0)))
    finally:
        torch.set_num_threads(threads)
    size = f"{len(piece.pages)} pages, {len(piece.notes):,} notes"
    return [
        Figure("Ten pages, engraved and drawn once", made_ms, "ms", note=f"{size}; kept for the next time"),
        Figure("Ten pages, read by the follower", read_ms, "ms", READING_GOAL_MS, note="two threads"),
        *spread("Ten pages, decision", _decisions_ms(player), "ms", **DECISION_GOALS_MS, note=PACED),
    ]


def _ten_pages() -> Piece:
    from models.follower.generator import generate_score
    from pieces.engraving import engrave
    from pieces.strip import build_piece

    return build_piece(engrave(generate_score(**TEN_PAGES)), "ten pages")


def _decisions_ms(player: Player) -> list[float]:
    """How long each decision takes, one for every frame of sound, so that caches are as cold as on stage."""
    sound = np.random.default_rng(0).random((DECISIONS, SPEC.bands)).astype(np.float32)
    taken, due_s = [], now_s()
    for frame in sound:
        sleep_s(due_s - now_s())
        due_s += 1.0 / SPEC.fps
        taken += time_ms(lambda: player.step(frame), 1, warm_up=0)  # noqa: B023 - called at once
        rest(player)
    return taken


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
    """Frames a second of the batched game with the paper's observations and no network, beside one game."""
    import torch

    from models import throughput

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Copies of a few kB: a second thread waits more than it works.
    try:
        found = throughput.figures()
    finally:
        torch.set_num_threads(threads)
    return [
        Figure(f"Environment, {name}", rate, "frames/s",
               ENVIRONMENT_GOAL if name == "nottingham batched" else None, True, "one thread, no network")
        for name, rate in found.items()
    ]  # fmt: skip


def launchpad_reward() -> list[Figure]:
    """States a second of the paper's reward: states drawn from all, corpus bars anew for each batch."""
    from models.launchpad.corpus import composed_corpus
    from models.launchpad.instrument import LAUNCHPAD
    from models.launchpad.reward import PAPERS_BARS, NearestBar

    reward = NearestBar(composed_corpus(), PAPERS_BARS, threads=2)
    bars = LAUNCHPAD.packed(LAUNCHPAD.random(np.random.default_rng(0), REWARD_STATES))
    batch_s = float(np.median(time_ms(lambda: reward(bars), 50))) / 1000.0
    name = f"Launchpad reward, {REWARD_STATES:,} states x {PAPERS_BARS:,} bars"
    rate = REWARD_STATES / batch_s
    return [Figure(name, rate, "states/s", REWARD_GOAL, True, "two threads, composed bars")]


def launchpad_training() -> list[Figure]:
    """Gradient steps a second of the launchpad's networks, as the paper trains them: batches of 32."""
    import torch

    from models.launchpad.corpus import composed_corpus
    from models.launchpad.networks import KINDS
    from models.launchpad.qlearning import QConfig, QLearner
    from models.launchpad.reward import NearestBar

    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for kind, goal in (("linear", None), ("deep", UPDATES_GOAL)):
                reward = NearestBar(composed_corpus())
                learner = QLearner(KINDS[kind](), reward, QConfig(replay=20_000))
                learner.train(until=20)
                update_s = float(np.median(time_ms(learner.learn, 200))) / 1000.0
                name, limit = f"Launchpad training, {kind}, threads: {count}", goal if count == 2 else None
                note = "batches of 32, playing not counted"
                if kind == "deep":
                    note += "; 0.2 GFLOP of 32-bit products and 16 MB of Adam's numbers a step bound it"
                found.append(Figure(name, 1.0 / update_s, "updates/s", limit, True, note))
    finally:
        torch.set_num_threads(threads)
    return found
