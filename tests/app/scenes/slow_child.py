"""A child for tests: answers what it is asked; asked for a path, starts a process, tells which, and waits."""

import subprocess
import sys
from pathlib import Path

from app.child import serve


def answer(request: bytes) -> bytes:
    if not request.startswith(b"/"):
        return request
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    beside = Path(request.decode() + ".part")
    beside.write_text(str(sleeper.pid))
    beside.rename(request.decode())
    sleeper.wait()
    return request


if __name__ == "__main__":
    serve(answer)
