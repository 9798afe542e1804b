"""Knows when the JACK server goes away: PortAudio does not tell, and must not be asked afterwards.

Seen with PortAudio 19.6 and 19.7: after the server has gone, closing a stream waits for ten minutes, and
`Pa_Terminate` aborts the whole process by an assertion. So a small JACK client of our own (libjack through
ctypes) waits for the server's farewell. libjack calls `_went` in a thread of its own; it only sets a flag.
"""
from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import logging
from typing import Any

log = logging.getLogger(__name__)

CLIENT_NAME = b"ripieno-watch"
NO_START_SERVER = 1
_Shutdown = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch:
    """`gone` becomes True when the server that was there at construction has ended."""

    def __init__(self) -> None:
        self.gone = False
        self._callback = _Shutdown(self._went)
        self._library = _load()
        self._client: int | None = None
        if self._library is not None:
            self._client = self._library.jack_client_open(CLIENT_NAME, NO_START_SERVER, None)
        if self._client:
            self._library.jack_on_shutdown(self._client, self._callback, None)
            self._library.jack_activate(self._client)
            atexit.register(self.close)

    def close(self) -> None:
        """Leave the server, if it is still there."""
        atexit.unregister(self.close)
        client, self._client = self._client, None
        if client and not self.gone:
            self._library.jack_client_close(client)

    def _went(self, _: Any) -> None:
        self.gone = True


def _load() -> Any:
    """libjack with its functions declared, or None."""
    name = ctypes.util.find_library("jack")
    try:
        library = ctypes.CDLL(name) if name else None
    except OSError as error:
        log.info("libjack: %s", error)
        return None
    if library is not None:
        library.jack_client_open.restype = ctypes.c_void_p
        library.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
        library.jack_on_shutdown.argtypes = [ctypes.c_void_p, _Shutdown, ctypes.c_void_p]
        library.jack_activate.argtypes = [ctypes.c_void_p]
        library.jack_client_close.argtypes = [ctypes.c_void_p]
    return library
