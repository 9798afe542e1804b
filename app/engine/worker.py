"""The policy worker: a process of its own that holds the player and answers frames.

Runs alone in a spawned process with one torch thread; touches nothing of the program but its end of the
connection. Messages are raw bytes: a letter, then packed numbers. Only `open` carries a pickled piece.
"""
from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from app.engine.priority import urgent
from models.players import Decision, Player, rest
from pieces.errors import RipienoError
from pieces.piece import Piece

PlayerMaker = Callable[[], Player]

OPEN, RESET, STEP = b"O", b"R", b"S"
READY, DECISION, FAILED = b"K", b"D", b"E"
_RESET = struct.Struct("<dd")
_NUMBER = struct.Struct("<I")
# number of the frame; action, x, speed, three probabilities, value, confidence; values in the fit, or -1
_DECISION = struct.Struct("<I8di")
WARM_UP_FRAMES = 3
REST_AFTER_S = 0.004
# A step rehearsed just before its frame comes takes 0.3 ms less, but whoever brings the frame may wait for
# this processor then: one block in three came 1.3 ms late. Rehearsed 3 ms before, it is as slow as ever.


def pack_step(number: int, frame: NDArray[np.float32]) -> bytes:
    """Request: frame `number`, (bands,) float32."""
    return b"".join((STEP, _NUMBER.pack(number), frame.astype("<f4", copy=False).data))


def pack_reset(x_px: float, speed_px_per_frame: float) -> bytes:
    """Request: stand at `x_px`."""
    return RESET + _RESET.pack(x_px, speed_px_per_frame)


def pack_decision(number: int, decision: Decision) -> bytes:
    """Answer to frame `number`."""
    fit = decision.fit
    head = _DECISION.pack(
        number, decision.action, decision.x_px, decision.speed_px_per_frame, *decision.probabilities,
        decision.value, decision.confidence, -1 if fit is None else len(fit),
    )
    return b"".join((DECISION, head, b"" if fit is None else fit.astype("<f4", copy=False).data))


def unpack_decision(message: bytes) -> tuple[int, Decision]:
    """Inverse of `pack_decision`; the fit is read-only."""
    number, action, x_px, speed, *chances, value, confidence, count = _DECISION.unpack_from(message, 1)
    fit = None
    if count >= 0:
        fit = np.frombuffer(message, "<f4", count, 1 + _DECISION.size).astype(np.float32, copy=False)
    return number, Decision(action, x_px, speed, (chances[0], chances[1], chances[2]), value, confidence, fit)


def warm_up(player: Player, piece: Piece) -> None:
    """Open the piece and answer a few silent frames, so that the first real one is not the slow one."""
    from models.features import SPEC

    player.open(piece)
    player.reset(float(piece.onset_x_px[0]))
    for _ in range(WARM_UP_FRAMES):
        player.step(np.zeros(SPEC.bands, np.float32))


def serve(connection: Connection, make_player: PlayerMaker) -> None:
    """Answer requests until it is killed or the program is gone: the worker's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    urgent()
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        _serve(connection, make_player)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the program ended
    except RipienoError as error:
        connection.send_bytes(FAILED + str(error).encode())
    except Exception:  # noqa: BLE001 - the last stop before a traceback on the user's terminal
        connection.send_bytes(FAILED + traceback.format_exc().encode())


def _serve(connection: Connection, make_player: PlayerMaker) -> None:
    player: Player | None = None
    while True:
        message = connection.recv_bytes()
        if player is None:
            player = make_player()
            one_torch_thread()
        _answer(connection, player, message)


def _answer(connection: Connection, player: Player, message: bytes) -> None:
    kind = message[:1]
    if kind == STEP:
        (number,) = _NUMBER.unpack_from(message, 1)
        frame = np.frombuffer(message, "<f4", -1, 1 + _NUMBER.size).astype(np.float32, copy=False)
        connection.send_bytes(pack_decision(number, player.step(frame)))
        # Whoever waits for the answer was probably put on this very processor, to go on once it is free.
        connection.poll(REST_AFTER_S)
        rest(player)
    elif kind == RESET:
        player.reset(*_RESET.unpack_from(message, 1))
    elif kind == OPEN:
        warm_up(player, pickle.loads(memoryview(message)[1:]))
        connection.send_bytes(READY)


def one_torch_thread() -> None:
    """Only if the player brought torch: a player without it must not pay for the import."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
