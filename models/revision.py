"""The revision of the program that made something: written into cards and results. Any process."""

from __future__ import annotations

import subprocess
from pathlib import Path


def revision() -> str:
    """The git revision, where there is one."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
