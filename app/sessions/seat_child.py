"""The process in which an agent sits: one question after the other, the newest first.

Nobody else needs its interpreter, so an answer takes as long as the agent computes. It ends when the program
does, however that happens. Touches nothing but its end of the connection.
"""

from __future__ import annotations

import io
import pickle
import signal
import struct
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from app.engine import calm
from app.engine.priority import ordinary, urgent
from pieces.errors import RipienoError

ANSWER, READY, REFUSED, FAILED = range(4)
"""What a message is: an answer, that the agent is there, a sentence why it is not, or how it failed."""
_HEAD = struct.Struct("<iq")
"""What it is, and the number of the question."""
REST_S = 0.004
"""Once an answer is out: whoever waits for it was probably put on this very processor, to go on once it is
free."""


def serve(
    connection: Connection, make: Callable[[], Any], answering: Callable[[Any, Any], Iterator[Any]],
    rehearsal: Any,
) -> None:  # fmt: skip
    """The process: see `seats.ProcessSeat`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        agent = make()
        if rehearsal is not None:
            for _ in answering(agent, rehearsal):
                pass
        calm.settle()
        urgent()
        connection.send_bytes(_HEAD.pack(READY, 0))
        while True:
            number, question = _newest(connection)
            _answer(connection, number, question, answering(agent, question))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the program has gone
    except RipienoError as problem:
        connection.send_bytes(_HEAD.pack(REFUSED, 0) + str(problem).encode())
    except Exception:  # noqa: BLE001 - whatever an agent does, the program logs it
        connection.send_bytes(_HEAD.pack(FAILED, 0) + traceback.format_exc().encode())


def _newest(connection: Connection) -> tuple[int, Any]:
    """Number and question; what was asked before it is dropped."""
    message = connection.recv_bytes()
    while connection.poll():
        message = connection.recv_bytes()
    found: tuple[int, Any] = pickle.loads(message)
    return found


def _answer(connection: Connection, number: int, question: Any, answers: Iterator[Any]) -> None:
    """One answer after the other, until something newer is asked."""
    for answer in answers:
        connection.send_bytes(pack_answer(number, question, answer))
        if connection.poll(REST_S):
            break
        ordinary()  # nobody waits for what comes now; the program's threads may be waiting for this processor
        if connection.poll():
            break  # asked, and hurried, just before that
    urgent()


def pack_question(number: int, question: Any) -> bytes:
    """To the process."""
    return pickle.dumps((number, question), pickle.HIGHEST_PROTOCOL)


def pack_answer(number: int, question: Any, answer: Any) -> bytes:
    """From the process. The question that the answer is about does not travel back."""
    written = io.BytesIO()
    written.write(_HEAD.pack(ANSWER, number))
    _Packer(written, question).dump(answer)
    return written.getvalue()


def unpack_head(message: bytes) -> tuple[int, int]:
    """What a message is, and the number of the question."""
    kind, number = _HEAD.unpack_from(message)
    return kind, number


def unpack_words(message: bytes) -> str:
    """Why there is no agent, or how it failed."""
    return message[_HEAD.size :].decode()


def unpack_answer(message: bytes, question: Any) -> Any:
    """The answer, about `question` itself."""
    return _Unpacker(io.BytesIO(message[_HEAD.size :]), question).load()


class _Packer(pickle.Pickler):
    """Writes only that it is the question, where it comes upon it."""

    def __init__(self, file: io.BytesIO, question: Any) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._question = question

    def persistent_id(self, thing: Any) -> Any:
        return True if thing is self._question else None


class _Unpacker(pickle.Unpickler):
    """Its inverse."""

    def __init__(self, file: io.BytesIO, question: Any) -> None:
        super().__init__(file)
        self._question = question

    def persistent_load(self, pid: Any) -> Any:
        return self._question
