"""How a process of the program ends, after everything of ours was closed.

The drivers' own threads (JACK, PortAudio, SDL) may outlive the interpreter and call into it while it is taken
apart: seen with a JACK server running, a segmentation fault after the last line of Python. So the exit
handlers run as ever, and then the process ends at once.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """Run the exit handlers, flush what was written, and end with ``code``."""
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # its reader or its terminal has gone, or it was closed
            continue
    os._exit(code)
